"""Columns of a table as one array of rows, transformed where asked, from which windows are cut."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ...errors import ArgumentError, SampleError, SpecError
from ...memory import aligned_empty
from ...order import Indices
from ...transforms import Holder, Transform

__all__ = ["WindowLeaf"]

Array = npt.NDArray[Any]

_CHUNK = 1 << 16


class WindowLeaf(Holder):
    """One input or target: some columns, and how many rows of them a sample has.

    Args:
        role: What they are, for errors.
        columns: Numbers, by name.
        rows: How many rows a sample has; None for one row without an axis of its own.
        used: Which rows are part of any sample: nothing may be missing there.
        place: Names a row, for errors.
        floats: Whether integers become float32 too.
        scalar: Whether the only column has no axis of its own.
        transform: Applied to rows, of shape (n, columns); or None.

    Raises:
        ArgumentError: A value is missing or infinite, and no transform fills it in.
    """

    def __init__(
        self,
        role: str,
        columns: Mapping[Any, Array],
        rows: int | None,
        used: npt.NDArray[np.bool_],
        place: Callable[[int], str],
        *,
        floats: bool = True,
        scalar: bool = False,
        transform: Transform | None = None,
    ) -> None:
        self._role, self._rows, self._scalar, self._floats = role, rows, scalar, floats
        self.transform = transform
        dtype = np.result_type(*columns.values())
        if transform is None and (floats or dtype.kind == "f"):
            dtype = np.dtype(np.float32)
        self._raw = np.empty((len(used), len(columns)), dtype)
        with np.errstate(over="ignore"):  # What is too large is found below.
            for number, values in enumerate(columns.values()):
                self._raw[:, number] = values
        self._used = np.flatnonzero(used if transform is not None else used[:0])
        self._open = np.flatnonzero(~np.isfinite(self._raw).all(axis=1) & used)
        self._first_open = ""
        if len(self._open):
            column = int(np.argmin(np.isfinite(self._raw[self._open[0]])))
            self._first_open = f"{list(columns)[column]!r} of {place(int(self._open[0]))}"
            if transform is None:
                raise self._incomplete(ArgumentError)
        self._made: tuple[int | None, Array] = (None, self._raw)

    def table(self) -> Array:
        """Returns all rows as a model takes them; made once for what the transform has learned.

        Raises:
            NotAdaptedError: The transform has learned nothing yet.
            SampleError: It leaves a value missing.
        """
        transform = self.transform
        if transform is None:
            return self._raw
        learned = transform.times_learned if transform.adapted else None
        known, made = self._made
        if learned is None or known != learned:
            made = self._transformed(transform)
            self._made = learned, made
        return made

    def take(self, rows: Indices) -> Array:
        """Returns samples that start in these rows, in aligned memory."""
        table = self.table()
        shape = self._shape(table)
        out = aligned_empty((len(rows), *shape), table.dtype)
        # Each window as one element, of all its bytes: overlapping, in place, one copy for each.
        window = np.dtype((np.void, (self._rows or 1) * table.strides[0]))
        count = len(table) - (self._rows or 1) + 1
        windows: Array = np.ndarray((count,), window, table, 0, table.strides[:1])
        out.reshape(-1).view(window)[...] = windows[rows]
        return out

    def one(self, row: int) -> Any:
        """Returns the sample that starts in this row."""
        table = self.table()
        return table[row : row + (self._rows or 1)].reshape(self._shape(table)).copy()[()]

    def raw(self, rows: Indices) -> Array:
        """Returns what the transform learns from, of some rows."""
        return self._raw[rows]

    def settled(self) -> Self:
        """Returns a copy that holds the rows as a model takes them, and nothing else."""
        other = type(self).__new__(type(self))
        other.__dict__.update(self.__dict__)
        other._raw, other.transform, other._used = self.table(), None, self._used[:0].copy()
        other._made = None, other._raw
        return other

    def _shape(self, table: Array) -> tuple[int, ...]:
        width = () if self._scalar and table.shape[1] == 1 else table.shape[1:]
        return width if self._rows is None else (self._rows, *width)

    def _transformed(self, transform: Transform) -> Array:
        # Other rows may hold what it refuses.
        chunks = [self._used[at : at + _CHUNK] for at in range(0, len(self._used), _CHUNK)]
        rows = np.concatenate([self._transformed_rows(transform, chunk) for chunk in chunks])
        made = np.zeros((len(self._raw), rows.shape[1]), rows.dtype)
        made[self._used] = rows
        if not np.isfinite(made[self._open]).all():
            raise self._incomplete(SampleError)
        return made

    def _transformed_rows(self, transform: Transform, chunk: Indices) -> Array:
        rows = np.asarray(transform.transform(self._raw[chunk]))
        if rows.ndim != 2 or len(rows) != len(chunk) or rows.dtype.kind not in "biuf":
            raise SpecError(
                f"{self._role}: the transform does not turn rows into rows of numbers",
                got=rows,
                expected=f"numbers of shape ({len(chunk)}, columns)",
            )
        return rows.astype(np.float32) if self._floats or rows.dtype.kind == "f" else rows

    def _incomplete(self, kind: type[ArgumentError | SampleError]) -> Any:
        return kind(
            f"{self._role}: values are missing or infinite in {len(self._open)} rows",
            got=f"{self._first_open} is, for instance",
            expected="finite numbers of float32 in every row that is part of a window",
            fix="fill them within each entity (frame.groupby(entity)[columns].ffill()), drop the "
            "rows (windows then keep clear of the gap), or use a transform that fills them",
        )
