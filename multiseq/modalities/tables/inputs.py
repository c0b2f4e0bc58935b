"""Columns of a table as the model gets them: transformed once, all rows, and kept as arrays."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...collate import cast
from ...errors import MultiseqError, SpecError, describe
from ...transforms import Holder, Standardize, Transform

__all__ = ["Categories", "Encoded", "Frame", "Numbers"]

Array = npt.NDArray[Any]

_ROWS = 1 << 13  # Transformed at a time: a table may have thousands of columns.


class Encoded(Holder, ABC):
    """One input: what the table holds, and what the transform makes of it.

    Args:
        name: Of the input.
        transform: Of its values, or None to leave them as they are.
    """

    def __init__(self, name: str, transform: Transform | None) -> None:
        self.name, self.transform = name, transform
        self._made: tuple[int, Array] | None = None

    @abstractmethod
    def rows(self, indices: Any) -> Any:
        """Returns the values of some rows, as the transform takes them."""

    @abstractmethod
    def _transformed(self) -> Array:
        """Returns what the model gets, for all rows."""

    def array(self) -> Array:
        """Returns what the model gets, for all rows; made anew where the transform learned."""
        learned = 0 if self.transform is None else self.transform.times_learned
        made = self._made
        if made is None or made[0] != learned or not self._ready():
            try:
                self._made = made = learned, self._transformed()
            except MultiseqError as error:
                error.at(input=self.name)
                raise
            except Exception as error:
                raise SpecError(
                    f"{self.transform!r} raised {type(error).__name__}: {error}",
                    fix="choose a transform that can do with every value in the table",
                ).at(input=self.name) from error
        return made[1]

    def _ready(self) -> bool:
        return self.transform is None or self.transform.adapted

    def _apply(self, values: Any) -> Array:
        """Transforms values.

        Raises:
            NotAdaptedError: The transform has not learned.
            SpecError: It made something else than numbers, or left some missing.
        """
        array = np.asarray(values if self.transform is None else self.transform.transform(values))
        if array.dtype.kind not in "biuf":
            raise SpecError(
                "the values are no numbers",
                got=f"{describe(array)} after {self.transform!r}",
                expected="numbers for the model; where categories have no transform, integers",
                fix="choose a transform that makes numbers, such as Vocabulary()",
            )
        if array.dtype.kind != "f":
            return array
        missing = np.isnan(array)
        if not missing.any():
            return array
        if isinstance(self.transform, Standardize):
            array[missing] = 0  # The mean.
            return array
        raise SpecError(
            "values are missing" if self.transform is None else "the transform left values missing",
            got=f"{int(missing.sum())} NaN after {self.transform!r}",
            expected="a number in place of each",
            fix="fill them in before, as with scikit-learn's make_pipeline(SimpleImputer(), ...); "
            "or use Standardize(), after which they are the mean",
        )


class _Chunked(Encoded):
    """Several columns that make one array, a chunk of rows at a time."""

    def __init__(self, name: str, transform: Transform | None, n: int) -> None:
        super().__init__(name, transform)
        self._n = n

    def _transformed(self) -> Array:
        whole: Array = np.empty(0)
        for start in range(0, self._n, _ROWS):
            chunk = self._apply(self.rows(slice(start, start + _ROWS)))
            if not start:
                dtype = np.float32 if chunk.dtype.kind == "f" else chunk.dtype
                whole = np.empty((self._n, *chunk.shape[1:]), dtype)
            whole[start : start + _ROWS] = cast(chunk, whole.dtype, self.name)
        return whole


class Numbers(_Chunked):
    """Numeric columns: float64 of shape (n, k) to the transform, NaN for what is missing.

    Args:
        name: Of the input.
        transform: Of its values, or None.
        columns: The k columns, each of shape (n,).
        n: Number of rows.
    """

    def __init__(
        self, name: str, transform: Transform | None, columns: Sequence[Array], n: int
    ) -> None:
        super().__init__(name, transform, n)
        self._columns = columns

    def rows(self, indices: Any) -> Array:
        """Returns float64 of shape (rows, k)."""
        parts = [column[indices] for column in self._columns]
        table = np.empty((len(parts[0]), len(parts)))
        for number, part in enumerate(parts):
            table[:, number] = part
        return table


class Frame(_Chunked):
    """Columns of any kind, as a DataFrame to the transform.

    Args:
        name: Of the input.
        transform: Of its rows.
        frame: The columns.
    """

    def __init__(self, name: str, transform: Transform | None, frame: Any) -> None:
        super().__init__(name, transform, len(frame))
        self._frame = frame

    def rows(self, indices: Any) -> Any:
        """Returns a DataFrame."""
        return self._frame.iloc[indices]


class Categories(Encoded):
    """A categorical column; its transform sees each category once.

    Args:
        name: Of the input.
        transform: Of its categories, or None.
        codes: Shape (n,): the number of each row's category; -1 for a missing one.
        categories: Text, numbers or bools.
    """

    def __init__(
        self,
        name: str,
        transform: Transform | None,
        codes: npt.NDArray[np.int32],
        categories: Sequence[Any],
    ) -> None:
        super().__init__(name, transform)
        self._codes = codes
        missing = [None] if (codes < 0).any() else []  # The last one: code -1.
        self._categories = np.empty(len(categories) + len(missing), object)
        self._categories[:] = [*categories, *missing]

    def rows(self, indices: Any) -> Array:
        """Returns an object array of categories, None for missing ones."""
        found: Array = self._categories[self._codes[indices]]
        return found

    def _transformed(self) -> Array:
        values: Any = self._categories
        if self.transform is None:
            values = np.asarray(values.tolist())
            limits = np.iinfo(np.int32)
            if (
                values.dtype.kind in "biu"
                and limits.min <= values.min() <= values.max() <= limits.max
            ):
                values = values.astype(np.int32)
        table = self._apply(values)
        if table.dtype == np.float64:
            table = cast(table, np.float32, self.name)
        return table[self._codes]
