"""Columns of a table as the model gets them: transformed once, all rows, and kept as arrays."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt

from ...collate import cast, write
from ...errors import (
    ArgumentError,
    LoadError,
    MultiseqError,
    SampleError,
    SpecError,
    at_input,
    describe,
)
from ...keys.plain import Declared
from ...transforms import Holder
from ...transforms.base import is_missing
from ...transforms.steps import Chain
from .columns import alike, categories, measured

__all__ = ["Categories", "Encoded", "Frame", "Numbers"]

Array = npt.NDArray[Any]

_WRITTEN = {
    "numbers": "a number",
    "dates": 'a date, such as "1999-12-31"',
    "durations": "a duration, such as datetime.timedelta(hours=1)",
}
_ROWS = 1 << 13  # Transformed at a time: a table may have thousands of columns.


class Encoded(Holder, ABC):
    """One input: what the table holds, and what its steps make of it.

    Args:
        name: Of the input.
        called: The name under which `transforms=` has steps for it.
        chain: Those steps; without any, values are left as they are.

    Attributes:
        names: Of the columns.
    """

    names: tuple[str, ...]

    def __init__(self, name: str, called: Any, chain: Chain) -> None:
        self.name, self.called, self.chain = name, called, chain
        self._made: tuple[int, Array] | None = None

    @abstractmethod
    def over(self, frame: Any) -> Encoded:
        """Returns the same input of another table, which has all columns that are used."""

    @abstractmethod
    def rows(self, indices: Any) -> Any:
        """Returns the values of some rows, as the first step takes them."""

    @abstractmethod
    def _transformed(self) -> Array:
        """Returns what the model gets, for all rows."""

    def array(self) -> Array:
        """Returns what the model gets, for all rows; made anew where a step learned."""
        learned, made = self.chain.times_learned, self._made
        if made is None or made[0] != learned or not self.chain.adapted:
            try:
                self._made = made = learned, self._transformed()
            except MultiseqError as error:
                error.at(input=self.name)
                raise
            except Exception as error:
                raise SpecError(
                    f"{self._steps} raised {type(error).__name__}: {error}",
                    fix="choose a transform that can do with every value in the table",
                ).at(input=self.name) from error
        return made[1]

    @property
    def _steps(self) -> str:
        steps = self.chain.steps
        return repr(steps[0] if len(steps) == 1 else steps or None)

    def _apply(self, values: Any) -> Array:
        """Transforms values.

        Raises:
            NotAdaptedError: A step has not learned.
            SpecError: They made something else than numbers, or left some missing.
        """
        return self._checked(self.chain.rows(values) if self.chain.steps else values)

    def _checked(self, values: Any) -> Array:
        """Returns what the model gets, if it is numbers of which none is missing."""
        try:
            array = np.asarray(values)
        except ValueError as error:
            raise self._of_other_shapes("lists or arrays of different lengths") from error
        if array.dtype.kind not in "biuf":
            raise SpecError(
                "the values are no numbers",
                got=f"{describe(array)} after {self._steps}",
                expected="numbers for the model; where categories have no transform, integers",
                fix="choose a transform that makes numbers, such as Vocabulary()",
            )
        if array.dtype.kind != "f":
            return array
        missing = np.isnan(array)
        if not missing.any():
            return array
        raise SpecError(
            "the transform left values missing" if self.chain.steps else "values are missing",
            got=f"{int(missing.sum())} NaN after {self._steps}",
            expected="a number in place of each",
            fix="fill them in before, as with scikit-learn's make_pipeline(SimpleImputer(), ...); "
            "or use Standardize(), after which they are the mean",
        )

    def _of_other_shapes(self, got: str) -> SpecError:
        return SpecError(
            "rows of the table would differ in shape",
            got=f"{got} after {self._steps}",
            expected="the same shape for each row",
            fix="pad them in the last function; or read texts by a TextSequence, and join it",
        )


class _Chunked(Encoded):
    """Several columns that make one array, a chunk of rows at a time."""

    def __init__(self, name: str, called: Any, chain: Chain, n: int) -> None:
        super().__init__(name, called, chain)
        self._n = n

    def _transformed(self) -> Array:
        whole: Array | None = None
        for start in range(0, self._n, _ROWS):
            chunk = self._applied(start, min(start + _ROWS, self._n))
            if whole is None:
                whole = np.zeros((self._n, *chunk.shape[1:]), _served(chunk.dtype))
            if chunk.shape[1:] != whole.shape[1:]:
                shapes = f"{whole.shape[1:]}, and {chunk.shape[1:]} from row {start} on,"
                raise self._of_other_shapes(shapes)
            if (dtype := _served(np.result_type(whole, chunk))) != whole.dtype:
                whole = cast(whole, dtype, self.name)  # These rows hold what the first ones didn't.
            write(whole, slice(start, start + _ROWS), chunk, self.name)
        return np.empty(0) if whole is None else whole

    def _applied(self, start: int, stop: int) -> Array:
        """Transforms some rows; an error of one says which."""
        try:
            return self._apply(self.rows(slice(start, stop)))
        except (LoadError, SampleError):
            for row in range(start, stop):
                try:
                    self._apply(self.rows(slice(row, row + 1)))
                except (LoadError, SampleError) as error:
                    error.got = f"{error.got}, of row {row} of the table"
                    raise
            raise


class Numbers(_Chunked):
    """Numeric columns: float64 of shape (n, k) to the first step, NaN for what is missing.

    Args:
        name: Of the input.
        called: As of any.
        chain: As of any.
        frame: The table.
        names: Of its k columns.
    """

    def __init__(
        self, name: str, called: Any, chain: Chain, frame: Any, names: Sequence[Any]
    ) -> None:
        super().__init__(name, called, chain, len(frame))
        self.names = tuple(map(str, names))
        found = [measured(_inferred(frame[each])) for each in names]
        self._columns, self._kinds = zip(*found, strict=True)

    def over(self, frame: Any) -> Numbers:
        """Returns the same input of another table."""
        other = Numbers(self.name, self.called, self.chain, frame, self.names)
        for name, own, its in zip(self.names, self._kinds, other._kinds, strict=True):
            if own and its and own != its:
                raise ArgumentError(
                    f"column {name!r} holds {its}, where training had {own}",
                    got=frame[name].dropna().iloc[0],
                    expected=own,
                    fix=f"give {_WRITTEN[own]}, as the table that was learned from does",
                ).at(input=self.name)
        return other

    def rows(self, indices: Any) -> Array:
        """Returns float64 of shape (rows, k)."""
        parts = [column[indices] for column in self._columns]
        table = np.empty((len(parts[0]), len(parts)))
        for number, part in enumerate(parts):
            table[:, number] = part
        return table


class Frame(_Chunked):
    """Columns of any kind, as a DataFrame to the first transform.

    Args:
        name: Of the input.
        called: As of any.
        chain: As of any.
        frame: The columns.
    """

    def __init__(self, name: str, called: Any, chain: Chain, frame: Any) -> None:
        super().__init__(name, called, chain, len(frame))
        self._frame, self.names = frame, tuple(map(str, frame.columns))

    def over(self, frame: Any) -> Frame:
        """Returns the same input of another table."""
        own = self._frame
        with at_input(self.name):
            columns = {each: alike(frame[str(each)], own[each]) for each in own.columns}
        return Frame(self.name, self.called, self.chain, type(own)(columns))

    def rows(self, indices: Any) -> Any:
        """Returns a DataFrame."""
        return self._frame.iloc[indices]


class Categories(Encoded):
    """A categorical column; its steps see each category once.

    Args:
        name: Of the input.
        called: As of any.
        chain: As of any.
        codes: Shape (n,): the number of each row's category; -1 for a missing one.
        categories: Text, numbers or bools.
        column: The name of the column.
        declared: The categories that its dtype tells of; None for none.
    """

    def __init__(
        self,
        name: str,
        called: Any,
        chain: Chain,
        codes: npt.NDArray[np.int32],
        categories: Sequence[Any],
        column: Any,
        declared: Sequence[Any] | None = None,
    ) -> None:
        super().__init__(name, called, chain)
        self._declared = declared
        self._codes, self.names = codes, (str(column),)
        missing = [None] if (codes < 0).any() else []  # The last one: code -1.
        self._categories = np.empty(len(categories) + len(missing), object)
        self._categories[:] = [*categories, *missing]

    def over(self, frame: Any) -> Categories:
        """Returns the same input of another table."""
        (column,) = self.names
        codes, found = categories(frame[column])
        kinds = {type(each) for each in self._categories if _is_number(each)}
        if len(kinds) == 1:  # Of decimals, 7 is 7.0 to a function, as it was in training.
            found = [_of_kind(each, *kinds) for each in found]
        return Categories(self.name, self.called, self.chain, codes, found, column)

    def declare(self) -> None:
        """Tells the step that learns first what categories the column is declared to have."""
        if self._declared is not None:
            with at_input(self.name):
                self.chain.declare(Declared.of(self._categories, self._declared))

    def rows(self, indices: Any) -> Array:
        """Returns an object array of categories, None for missing ones."""
        found: Array = self._categories[self._codes[indices]]
        return found

    def _transformed(self) -> Array:
        if self.chain.learners or self.chain.has_functions:
            table = self._apply(self._categories)
        else:
            values: list[Any] = self._categories.tolist()
            for step in self.chain.steps:
                values = list(map(step, values))  # One by one: integers stay integers.
            table = self._checked(_as_ids(np.asarray(values)))
        if table.dtype == np.float64:
            table = cast(table, np.float32, self.name)
        return table[self._codes]


def _inferred(series: Any) -> Any:
    """Returns objects as what they hold, such as durations; numbers too large stay objects."""
    if series.dtype != object:
        return series
    # Older pandas infers nothing beside pandas.NA.
    values = [None if is_missing(each) else each for each in series]
    try:
        return type(series)(values, series.index, dtype=object, name=series.name).infer_objects()
    except OverflowError:
        return series


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _of_kind(value: Any, kind: type) -> Any:
    """Returns a number as one of another class, where it is the same; anything else as it is."""
    with contextlib.suppress(OverflowError):  # Of infinity.
        if _is_number(value) and kind(value) == value:
            return kind(value)
    return value


def _served(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Returns the dtype in which the model gets what has this one."""
    return np.dtype(np.float32) if dtype.kind == "f" else dtype


def _as_ids(values: Array) -> Array:
    """Returns whole numbers as int32, where they fit."""
    limits = np.iinfo(np.int32)
    if values.dtype.kind in "biu" and limits.min <= values.min() <= values.max() <= limits.max:
        return values.astype(np.int32)
    return values
