"""Columns of a table as one array of rows, transformed where asked, from which windows are cut."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ...errors import ArgumentError, LoadError, SampleError, SpecError
from ...memory import aligned_empty
from ...order import Indices
from ...transforms import Holder
from ...transforms.missing import missing_of
from ...transforms.steps import Chain

__all__ = ["WindowLeaf"]

Array = npt.NDArray[Any]

_CHUNK = 1 << 16


class WindowLeaf(Holder):
    """One input or target: some columns, and how many rows of them a sample has.

    Args:
        role: What they are, for errors.
        columns: Numbers, by name; of targets that have steps, also text and categories.
        rows: How many rows a sample has; None for one row without an axis of its own.
        used: Which rows are part of any sample: nothing may be missing there.
        place: Names a row, for errors.
        floats: Whether integers become float32 too.
        scalar: Whether the only column has no axis of its own.
        chain: Applied to rows, of shape (n, columns). Of one column that has no axis of its own
            and holds no numbers, it is given the values themselves, of shape (n,). None leaves
            them as they are, for the base to transform, and some may be missing.

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
        chain: Chain | None,
    ) -> None:
        self._role, self.rows, self.scalar, self._floats = role, rows, scalar, floats
        self.chain, self._is_raw = Chain(()) if chain is None else chain, chain is None
        self.names, self._place = tuple(map(str, columns)), place
        self._raw = self._as_rows(list(columns.values()), len(used))
        self._used = np.flatnonzero(used if self.chain.steps else used[:0])
        known = (self._is_raw | _is_known(self._raw)).reshape(len(used), -1)
        self._open = np.flatnonzero(~known.all(axis=1) & used)
        self._first_open = ""
        if len(self._open):
            column = int(np.argmin(known[self._open[0]]))
            self._first_open = f"{list(columns)[column]!r} of {place(int(self._open[0]))}"
            if not self.chain.steps:
                raise self._incomplete(ArgumentError)
        self._made: tuple[int | None, Array] = (None, self._raw)

    def over(self, columns: Mapping[Any, Array], rows: int) -> WindowLeaf:
        """Returns the same leaf of other rows, each so many of which are a record's."""
        used = np.ones(len(next(iter(columns.values()))), bool)

        def place(row: int) -> str:
            return f"record {row // rows}"

        return WindowLeaf(
            self._role,
            columns,
            self.rows,
            used,
            place,
            floats=self._floats,
            scalar=self.scalar,
            chain=self.chain,
        )

    def _as_rows(self, columns: Sequence[Array], n: int) -> Array:
        """Returns columns side by side, of the dtype that holds them all."""
        if self.scalar and not _are_numbers(columns[0]):
            return columns[0]
        dtype = np.result_type(*columns)
        if not (self.chain.steps or self._is_raw) and (self._floats or dtype.kind == "f"):
            dtype = np.dtype(np.float32)
        rows = np.empty((n, len(columns)), dtype)
        with np.errstate(over="ignore"):  # What is too large is found later.
            for number, values in enumerate(columns):
                rows[:, number] = values
        return rows

    def declare(self) -> None:
        """Tells a step that learns first what categories the column is declared to have."""
        self.chain.declare(self._raw)

    def table(self) -> Array:
        """Returns all rows as a model takes them; made once for what the steps have learned.

        Raises:
            NotAdaptedError: A step has learned nothing yet.
            SampleError: They leave a value missing.
        """
        if not self.chain.steps:
            return self._raw
        learned = self.chain.times_learned if self.chain.adapted else None
        known, made = self._made
        if learned is None or known != learned:
            made = self._transformed()
            self._made = learned, made
        return made

    def take(self, rows: Indices) -> Array:
        """Returns samples that start in these rows, in aligned memory."""
        table = self.table()
        shape = self._shape(table)
        if table.dtype.hasobject:  # Whose references are counted.
            found: Array = table[rows[:, None] + np.arange(self.rows or 1)]
            return found.reshape(len(rows), *shape)
        out = aligned_empty((len(rows), *shape), table.dtype)
        # Each window as one element, of all its bytes: overlapping, in place, one copy for each.
        window = np.dtype((np.void, (self.rows or 1) * table.strides[0]))
        count = len(table) - (self.rows or 1) + 1
        windows: Array = np.ndarray((count,), window, table, 0, table.strides[:1])
        out.reshape(-1).view(window)[...] = windows[rows]
        return out

    def one(self, row: int) -> Any:
        """Returns the sample that starts in this row."""
        table = self.table()
        return table[row : row + (self.rows or 1)].reshape(self._shape(table)).copy()[()]

    def as_read(self, row: int) -> Any:
        """Returns the sample that starts in this row, before it is transformed."""
        rows = self._raw[row : row + (self.rows or 1)]
        return rows.reshape(self._shape(self._raw)).copy()[()]

    def settled(self) -> Self:
        """Returns a copy that holds the rows as a model takes them, and nothing else."""
        other = type(self).__new__(type(self))
        other.__dict__.update(self.__dict__)
        other._raw, other.chain, other._used = self.table(), Chain(()), self._used[:0].copy()
        other._made, other._place = (None, other._raw), str
        return other

    def _shape(self, table: Array) -> tuple[int, ...]:
        width = table.shape[1:]
        if self.scalar and width[:1] == (1,):
            width = width[1:]
        return width if self.rows is None else (self.rows, *width)

    def _transformed(self) -> Array:
        # Other rows may hold what it refuses.
        chunks = [self._used[at : at + _CHUNK] for at in range(0, len(self._used), _CHUNK)]
        rows = np.concatenate([self._transformed_rows(chunk) for chunk in chunks])
        made = np.zeros((len(self._raw), *rows.shape[1:]), rows.dtype)
        made[self._used] = rows
        if not np.isfinite(made[self._open]).all():
            raise self._incomplete(SampleError)
        return made

    def _transformed_rows(self, chunk: Indices) -> Array:
        made = self.made(chunk)
        rows = _as_numbers(made)
        if rows is None or len(rows) != len(chunk):
            raise SpecError(
                f"{self._role}: the steps do not turn rows into rows of numbers",
                got=made,
                expected=f"numbers of shape ({len(chunk)}, columns)",
                fix="transforms= is given one row at a time, of shape (columns,), and returns "
                "as many numbers for each",
            )
        return rows.astype(np.float32) if self._floats or rows.dtype.kind == "f" else rows

    def made(self, rows: Indices, before: int | None = None) -> Any:
        """Returns what the steps make of some rows; the error of a row says where that is.

        Args:
            rows: Some of the table's.
            before: As of `Chain.rows`.
        """
        try:
            return self.chain.rows(self._raw[rows], before)
        except (SampleError, LoadError):
            for row in rows.tolist():
                try:
                    self.chain.rows(self._raw[[row]], before)
                except (SampleError, LoadError) as error:
                    error.got = f"{error.got}, of {self._place(row)}"
                    raise
            raise

    def _incomplete(self, kind: type[ArgumentError | SampleError]) -> Any:
        return kind(
            f"{self._role}: values are missing or infinite in {len(self._open)} rows",
            got=f"{self._first_open} is, for instance",
            expected="finite numbers of float32 in every row that is part of a window",
            fix="fill them within each entity (frame.groupby(entity)[columns].ffill()), or by "
            'missing={name: "mean"} or a value; drop the rows (windows keep clear of gaps); '
            'of targets missing={"targets": "mask"} gives them weight 0',
        )


def _are_numbers(column: Array) -> bool:
    return column.dtype.kind in "biuf" and not hasattr(column, "categories")


def _is_known(rows: Array) -> npt.NDArray[np.bool_]:
    return np.isfinite(rows) if rows.dtype.kind in "biuf" else ~missing_of(rows)


def _as_numbers(rows: Any) -> Array | None:
    """Returns rows as one array; None where they differ in length, or are no numbers."""
    try:
        array = np.asarray(rows)
    except ValueError:
        return None
    return array if array.ndim and array.dtype.kind in "biuf" else None
