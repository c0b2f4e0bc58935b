"""Inputs that are made of columns of rows: which columns, and what becomes of their values."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from ...errors import MultiseqError, SampleError
from ...transforms import Holder, Transform, Vocabulary
from ...transforms.steps import Chain, stacked

__all__ = ["ColumnNames", "ColumnLeaf", "dtype_of", "leaves_of"]

ColumnNames = str | Sequence[str]

_NUMBERS = {int, float, bool, Decimal, type(None)}
_TEXT = {str, type(None)}
_HELD: Mapping[Any, set[type]] = {np.int64: {int}, np.bool_: {bool}, np.float64: _NUMBERS}


class ColumnLeaf(Holder):
    """One input or target: a column, or several that are a vector.

    Args:
        name: By which `transforms` knows it.
        columns: A column, or a list of columns.

    Attributes:
        source: What tells it from what is made of other columns.
        places: Where its columns are in a row.
        called: The name under which `transforms=` has steps for it.
        chain: Those steps.
        dtype: Of the numbers in its one column; None where it holds something else.
        is_raw: Whether it is left as it is read, for the base to transform.
    """

    def __init__(self, name: Any, columns: ColumnNames) -> None:
        self.name, self.is_vector = name, not isinstance(columns, str)
        self.columns = [columns] if isinstance(columns, str) else list(columns)
        self.source = self.is_vector, *self.columns
        self.places: list[int] = []
        self.called, self.chain = name, Chain(())
        self.dtype: type | None = None
        self.is_raw = False

    @property
    def is_typed(self) -> bool:
        """Whether all values of its column together decide what becomes of one."""
        return not (self.is_vector or self.takes_values or self._is_category)

    @property
    def takes_values(self) -> bool:
        """Whether a function is given each value as the database has it."""
        first = self.chain.first
        return first is not None and not self.is_vector and not isinstance(first, Transform)

    @property
    def _is_category(self) -> bool:
        return isinstance(self.chain.first, Vocabulary)

    def load(self, columns: Sequence[Any], keys: Sequence[Any]) -> Any:
        """Returns what the model gets.

        Args:
            columns: The columns of some rows, each a tuple.
            keys: Of the rows.

        Returns:
            An array with a leading axis for the rows; or a list of arrays that may differ.

        Raises:
            SampleError: A value is NULL, or nothing that a model takes.
        """
        try:
            values = self.read(columns, keys)
            if self.is_raw:
                return values
            if self.chain.steps:
                values = self.chain.rows(values)
            if self.chain.ends_in_function:
                values = stacked(values)
        except MultiseqError as error:
            error.at(input=self.name)
            raise
        if not self.takes_values:
            self._check(values, columns, keys)
        return values

    def read(self, columns: Sequence[Any], keys: Sequence[Any]) -> Any:
        """Returns the values that the first step is given."""
        if self.takes_values:
            return list(columns[self.places[0]])
        if not self.is_vector:
            return self._column(columns[self.places[0]], keys)
        chosen = [columns[place] for place in self.places]
        for name, column in zip(self.columns, chosen, strict=True):
            if not _NUMBERS.issuperset(map(type, column)):
                raise self._is_no_number(name, column, keys)
        if self._is_category:
            return np.array(list(map(_categories, chosen)), object).T
        return np.array(chosen, np.float64).T  # None becomes NaN.

    def _column(self, column: Sequence[Any], keys: Sequence[Any]) -> Any:
        kinds = set(map(type, column))
        if self._is_category and kinds <= _NUMBERS | _TEXT:
            return _categories(column)
        held = _HELD.get(self.dtype, set())
        if self.is_raw and type(None) in kinds and kinds <= {*held, type(None)}:
            decimal = np.dtype(self.dtype).kind == "f"  # NaN is of the same kind as the others.
            return np.array(column, self.dtype) if decimal else list(column)
        takes_text = self.dtype is None and self.chain.first is not None
        if kinds <= _TEXT and (self.is_raw or takes_text):
            return list(column)
        if not kinds <= _NUMBERS:
            raise self._is_no_number(self.columns[0], column, keys)
        if not (self.chain.steps or self.is_raw) and type(None) in kinds:
            return np.array(column, np.float64)  # Which `_check` refuses.
        if kinds <= held:
            with contextlib.suppress(OverflowError):
                return np.array(column, self.dtype)
        row = next(r for r, v in enumerate(column) if type(v) not in held or _is_huge(v))
        raise self._is_other(column[row], keys[row])

    def _is_other(self, value: Any, key: Any) -> SampleError:
        name = self.columns[0]
        return SampleError(
            f"column {name!r} holds values of several types",
            got=value,
            expected="text" if self.dtype is None else self.dtype.__name__,
            fix=f"write CAST({name} AS REAL) in the query, or another type that holds them all; "
            "where the database has changed, make the sequence anew",
        ).at(key=repr(key), input=self.name)

    def _is_no_number(self, name: str, column: Sequence[Any], keys: Sequence[Any]) -> SampleError:
        row, value = next((r, v) for r, v in enumerate(column) if type(v) not in _NUMBERS)
        if self.is_vector:
            fix = "make it a number in the query, or an input of its own with a transform"
        elif isinstance(value, str):
            fix = (
                f"add transforms={{{self.name!r}: Vocabulary()}}, for a target Labels(), and call "
            )
            fix += "adapt() on the training sequence; or a function that makes numbers of it"
        else:
            fix = f"make it a number in the query, or by transforms={{{self.name!r}: function}}"
        return SampleError(
            f"column {name!r} is {'text' if isinstance(value, str) else 'no number'}, and models "
            "take numbers",
            got=value,
            fix=fix,
        ).at(key=repr(keys[row]))

    def _check(self, values: Any, columns: Sequence[Any], keys: Sequence[Any]) -> None:
        """Raises SampleError where a NULL is still without a number."""
        if not isinstance(values, np.ndarray) or values.dtype.kind != "f":
            return
        for name, place in zip(self.columns, self.places, strict=True):
            for row, value in enumerate(columns[place] if None in columns[place] else ()):
                if value is None and np.isnan(values[row]).any():
                    raise SampleError(
                        f"column {name!r} is NULL",
                        expected="a number",
                        fix=f"in the query, fill it (COALESCE({name}, 0); '' where it is text) or "
                        f"leave such rows out (WHERE {name} IS NOT NULL); or fill it by a "
                        "transform, as Vocabulary() does with text",
                    ).at(key=repr(keys[row]), input=self.name)


def dtype_of(types: set[type], transformed: bool) -> type | None:
    """Returns the dtype of a column's numbers: the same whichever rows are read together.

    Args:
        types: Of its values in all rows.
        transformed: Whether a transform is given NULL as NaN.
    """
    if transformed and not types <= _NUMBERS:
        return None
    held = types if transformed else types & _NUMBERS - {type(None)}
    if held == {int}:
        return np.int64
    return np.bool_ if held == {bool} else np.float64


def _categories(column: Sequence[Any]) -> list[Any]:
    return [float(v) if isinstance(v, Decimal) else v for v in column]


def _is_huge(value: Any) -> bool:
    return isinstance(value, int) and not -(1 << 63) <= value < 1 << 63


def leaves_of(part: str, value: Any) -> Any:
    """Returns a part of the samples with `ColumnLeaf`s in place of columns; None if there are none.

    Args:
        part: "inputs", "targets" or "sample_weight".
        value: What the user gave for it.
    """
    if isinstance(value, Mapping):
        good = bool(value) and all(map(_are_columns, value.values()))
        return {name: ColumnLeaf(name, each) for name, each in value.items()} if good else None
    if isinstance(value, tuple):
        names = [k if part == "inputs" else f"{part}[{k}]" for k in range(len(value))]
        good = bool(value) and all(map(_are_columns, value))
        return tuple(map(ColumnLeaf, names, value)) if good else None
    return ColumnLeaf(part, value) if _are_columns(value) else None


def _are_columns(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(isinstance(name, str) for name in value)
    return isinstance(value, str)
