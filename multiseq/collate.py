"""Samples into batch arrays: in place, cast and padded.

A batch is built column by column, one column for each leaf of the sample. Where the batch's
shape is known beforehand, a sample is written straight into its row; where an axis is as long as
the batch's longest sample, rows are kept until all are there.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .checks import is_text, text_refused
from .dtypes import check_unmasked
from .errors import SpecError, describe
from .memory import aligned_empty, is_batch
from .samples import Leaves, Spec, bad_leaf

__all__ = ["BatchBuilder", "as_array", "cast", "is_known", "is_string", "stacked", "write"]

Array = npt.NDArray[Any]


def is_string(dtype: Any) -> bool:
    """Whether a dtype is one of NumPy's for text or bytes."""
    return np.dtype(dtype).kind in "UST"


def is_known(spec: Spec) -> bool:
    """Whether the memory of a batch is known before its samples are."""
    return not spec.variable and not is_string(spec.dtype)


class BatchBuilder:
    """One batch in the making. Chunks of it may be written from several threads at once.

    Args:
        specs: One for each leaf.
        names: Of the leaves, for errors.
        n: Number of samples.
        arrays: The memory of those leaves whose shape is known (see `is_known`), n rows each.
        adopt: Whether finished columns may take their place.
    """

    def __init__(
        self,
        specs: Sequence[Spec],
        names: Sequence[str],
        n: int,
        arrays: Sequence[Array],
        adopt: bool = True,
    ) -> None:
        remaining = iter(arrays)
        self.columns = [
            _FixedColumn(spec, name, next(remaining), adopt)
            if is_known(spec)
            else _GatheredColumn(spec, name, n)
            for spec, name in zip(specs, names, strict=True)
        ]

    def put(self, row: int, leaves: Leaves) -> None:
        """Writes one sample.

        Raises:
            SpecError: A leaf does not fit its spec.
        """
        for column, leaf in zip(self.columns, leaves):  # noqa: B905 (`strict` takes 0.2 us)
            column.put(row, leaf)

    def put_rows(self, start: int, count: int, leaves: Leaves) -> None:
        """Writes `count` samples, each leaf with a leading axis of that length.

        Raises:
            SpecError: A leaf has another length, or does not fit its spec.
        """
        for column, leaf in zip(self.columns, leaves, strict=True):
            rows = leaf if isinstance(leaf, list) else np.atleast_1d(as_array(leaf, column.name))
            if len(rows) != count:
                raise SpecError(
                    f"load_batch returned {len(rows)} rows for {count} samples", got=leaf
                ).at(input=column.name)
            column.put_rows(start, rows)

    def finish(self, parity: int | None = None) -> list[Array]:
        """Returns the batch's arrays, one for each leaf.

        Args:
            parity: 0 or 1 to pad variable axes to an even or an odd length.
        """
        return [column.finish(parity) for column in self.columns]


class _FixedColumn:
    """A leaf whose batch shape is known: rows are written in place."""

    def __init__(self, spec: Spec, name: str, array: Array, adopt: bool) -> None:
        self.spec, self.name, self.array, self._adopts = spec, name, array, adopt
        self.dtype, self.shape = array.dtype, array.shape[1:]
        if None in spec.shape:
            array[...] = spec.pad_value

    def put(self, row: int, leaf: Any) -> None:
        if leaf.__class__ is not np.ndarray:
            leaf = as_array(leaf, self.name)
        place: Any = row
        if leaf.shape != self.shape:
            check_shape(leaf.shape, self.spec, self.name)
            place = (row, *_window(leaf.shape, self.shape, self.spec))
        if leaf.dtype is self.dtype:
            self.array[place] = leaf
        else:
            check_cast(leaf, self.spec, self.name)
            write(self.array, place, leaf, self.name)

    def put_rows(self, start: int, rows: Any) -> None:
        if not isinstance(rows, np.ndarray) or rows.shape[1:] != self.shape:
            for row, leaf in enumerate(rows, start):
                self.put(row, leaf)
            return
        if self._adopts and is_batch(rows, self.array.shape, self.dtype):
            self.array = rows
            return
        place = slice(start, start + len(rows))
        if rows.dtype == self.dtype:
            self.array[place] = rows
        else:
            check_cast(rows, self.spec, self.name)
            write(self.array, place, rows, self.name)

    def finish(self, parity: int | None) -> Array:
        return self.array


class _GatheredColumn:
    """A leaf that takes its batch's shape from its longest sample: rows are kept until the end."""

    def __init__(self, spec: Spec, name: str, n: int) -> None:
        self.spec, self.name = spec, name
        self.dtype: np.dtype[Any] = np.dtype(spec.dtype)
        self.rows: list[Any] = [None] * n

    def put(self, row: int, leaf: Any) -> None:
        leaf = as_array(leaf, self.name)
        if leaf.dtype != self.dtype:
            check_cast(leaf, self.spec, self.name)
        if leaf.shape != self.spec.shape:
            check_shape(leaf.shape, self.spec, self.name)
        # A copy, since it may be a buffer that the next sample is loaded into.
        self.rows[row] = leaf.copy() if is_string(self.dtype) else cast(leaf, self.dtype, self.name)

    def put_rows(self, start: int, rows: Any) -> None:
        for row, leaf in enumerate(rows, start):
            self.put(row, leaf)

    def finish(self, parity: int | None) -> Array:
        shape = tuple(
            _longest(lengths, parity) if axis is None else axis
            for axis, lengths in zip(
                self.spec.batch_shape,
                zip(*(row.shape for row in self.rows), strict=True),
                strict=True,
            )
        )
        if is_string(self.dtype):  # As wide as the longest text, padded with empty ones.
            dtype = self.dtype if self.dtype.itemsize else np.result_type(self.dtype, *self.rows)
            array: Array = np.zeros((len(self.rows), *shape), dtype)
        else:
            array = aligned_empty((len(self.rows), *shape), self.dtype)
            array[...] = self.spec.pad_value
        for number, row in enumerate(self.rows):
            place: Any = (number, *_window(row.shape, shape, self.spec))
            array[place] = row
        return array


def _longest(lengths: tuple[int, ...], parity: int | None) -> int:
    longest = max(lengths)
    return longest if parity is None else longest + (longest - parity) % 2


def _window(shape: tuple[int, ...], full: tuple[int, ...], spec: Spec) -> tuple[slice, ...]:
    """Where in its row a shorter sample goes."""
    if spec.padding == "post":
        return tuple(slice(0, length) for length in shape)
    return tuple(slice(whole - length, whole) for length, whole in zip(shape, full, strict=True))


def as_array(leaf: Any, name: str) -> Array:
    """Returns a leaf as an array.

    Raises:
        SpecError: It is None, a list, or anything else NumPy makes an array of objects from.
    """
    if leaf is None or isinstance(leaf, list | tuple | dict):
        raise bad_leaf(name, leaf)
    if isinstance(leaf, np.ma.MaskedArray):
        check_unmasked(leaf, name)
    array = np.asarray(leaf)
    if array.dtype.hasobject and array.dtype.kind != "T":
        if name.startswith("targets") and is_text(array):
            raise SpecError(got=leaf, **text_refused(name)).at(input=name)
        raise SpecError(
            f"{name} has an object dtype",
            got=leaf,
            expected="numbers, booleans or strings",
            fix="return np.asarray(value, dtype); object arrays are refused",
        ).at(input=name)
    return array


def stacked(objects: Array) -> Array:
    """Stacks a column of arrays or lists of numbers; returns other objects as they are.

    Raises:
        ValueError: They are of different shapes.
    """
    items = objects.tolist() if objects.ndim == 1 else []
    if not items or not all(isinstance(item, np.ndarray | list | tuple) for item in items):
        return objects
    rows = np.stack([np.asarray(item) for item in items])
    return rows if rows.dtype.kind in "biuf" else objects  # ["a", 1] would become text.


def cast(array: Array, dtype: npt.DTypeLike, name: str) -> Array:
    """Returns a copy of numbers in another dtype.

    Raises:
        SpecError: A finite number would become infinite.
    """
    out: Array = np.empty(array.shape, dtype)
    write(out, ..., array, name)
    return out


def write(out: Array, place: Any, values: Array, name: str) -> None:
    """Casts numbers to their place; refuses finite ones that would become infinite."""
    if not _narrows(values.dtype, out.dtype):
        out[place] = values
        return
    try:
        with np.errstate(over="raise"):  # The processor notices, at no cost.
            out[place] = values
    except FloatingPointError:
        limit = np.finfo(out.dtype).max
        raise SpecError(
            f"{name} holds numbers beyond the range of its dtype, which would become infinite",
            got=f"{describe(values)}, with values from {np.nanmin(values)} to {np.nanmax(values)}",
            expected=f"{out.dtype}: numbers from {-limit} to {limit}",
            fix="divide them, take their logarithm, or declare a wider dtype by spec=",
        ).at(input=name) from None


@functools.lru_cache(maxsize=256)
def _narrows(source: np.dtype[Any], target: np.dtype[Any]) -> bool:
    """Whether finite numbers may become infinite by a cast."""
    return target.kind == "f" and source.kind in "iuf" and not np.can_cast(source, target, "safe")


@functools.lru_cache(maxsize=256)
def _is_safe(source: np.dtype[Any], target: np.dtype[Any]) -> bool:
    """Whether a cast loses precision at most; integers may still be out of range."""
    return np.can_cast(source, target, "safe") or (
        target.kind not in "iu" and np.can_cast(source, target, "same_kind")
    )


def check_shape(shape: tuple[int, ...], spec: Spec, name: str) -> None:
    """Raises SpecError where a sample's shape does not fit its spec."""
    if spec.fits(shape):
        return
    fix = "return the same shape from every load_sample"
    if len(shape) == len(spec.shape):
        free = tuple(
            None if mine is None or mine != axis else axis
            for mine, axis in zip(spec.shape, shape, strict=True)
        )
        fix += f", or declare the axes that vary: spec=Spec({free}, {np.dtype(spec.dtype).name!r})"
    if None in spec.shape and spec.max_length is not None:
        fix = f"cut samples to max_length ({spec.max_length}) in load_sample, or raise it"
    raise SpecError(
        f"{name} has another shape than its spec", got=str(shape), expected=str(spec.shape), fix=fix
    ).at(input=name)


def check_cast(array: Array, spec: Spec, name: str) -> None:
    """Raises SpecError where casting to the dtype of `spec` would lose more than precision.

    Allowed is what NumPy calls "same_kind"; integers must also be in range.
    """
    dtype = np.dtype(spec.dtype)
    if _is_safe(array.dtype, dtype) and not is_string(dtype):
        return
    text = is_string(dtype) or is_string(array.dtype)  # Any number can be cast to text.
    if text and array.dtype.kind == dtype.kind:
        return
    if not text and np.can_cast(array.dtype, dtype, "same_kind"):
        if not array.size:
            return
        limits = np.iinfo(dtype)
        if limits.min <= array.min() and array.max() <= limits.max:
            return
        got = f"{describe(array)}, with values from {array.min()} to {array.max()}"
    else:
        got = describe(array)
    # Where the first sample held a whole number by chance, its source has nothing to correct.
    wider = "float32" if array.dtype.kind == "f" else array.dtype.name
    raise SpecError(
        f"{name} cannot be cast to its dtype without loss",
        got=got,
        expected=str(dtype),
        fix=f"return {dtype} from load_sample"
        if text
        else f"declare it in the place of {name}: spec=Spec({spec.shape}, {wider!r}), with None "
        f"for what is right; or make it {dtype} in every sample",
    ).at(input=name)
