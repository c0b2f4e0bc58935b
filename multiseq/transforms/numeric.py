"""Numbers to learn from: which axes hold features, chunks of samples, their moments."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError, SampleError, SpecError
from .base import is_missing

__all__ = [
    "Array",
    "Features",
    "Float64",
    "as_numbers",
    "check_axis",
    "check_finite",
    "check_range",
    "chunks",
    "moments",
]

Array = npt.NDArray[Any]
Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Features:
    """Which axes of a batch hold the features; all others, the samples' too, are summed over.

    Attributes:
        rank: Number of axes of a batch.
        kept: The features' axes, ascending, counted from the last: the same in one sample.
        sizes: Their lengths.
    """

    rank: int
    kept: tuple[int, ...]
    sizes: tuple[int, ...]

    @classmethod
    def of(cls, axis: tuple[int, ...], shape: tuple[int, ...]) -> Features:
        """Finds the features of a batch of that shape; raises SpecError where it lacks an axis."""
        rank = len(shape)
        if rank == 1 and axis == (-1,):
            return cls(rank, (), ())  # Scalars: one feature.
        kept = sorted({a if a < 0 else a - rank for a in axis})
        if any(not -rank < a < 0 for a in kept):
            raise SpecError(
                f"axis={axis} is not in the samples",
                got=f"a batch of shape {shape}",
                expected="axes as in keras.layers.Normalization; 0 is the batch axis",
                fix="choose another axis, or None for one mean over everything",
            )
        return cls(rank, tuple(kept), tuple(shape[a] for a in kept))

    @property
    def reduced(self) -> tuple[int, ...]:
        """The axes of a batch that are summed over."""
        return tuple(a for a in range(self.rank) if a - self.rank not in self.kept)

    @property
    def said(self) -> str:
        """How many there are, in words."""
        count = math.prod(self.sizes)
        return f"{count:,} feature{'' if count == 1 else 's'}"

    def spread(self, statistic: Float64) -> Float64:
        """Shapes a statistic so that it broadcasts over one sample and over a batch."""
        shape = [1] * (self.rank - 1)
        for axis, size in zip(self.kept, self.sizes, strict=True):
            shape[axis] = size
        return statistic.reshape(shape)

    def check(self, shape: tuple[int, ...]) -> None:
        """Raises SpecError unless that is the shape of one sample or of a batch."""
        rank_fits = len(shape) - self.rank in (0, -1)
        if rank_fits and tuple([shape[a] for a in self.kept]) == self.sizes:
            return
        wanted = ["any"] * (self.rank - 1)
        for axis, size in zip(self.kept, self.sizes, strict=True):
            wanted[axis] = str(size)
        raise SpecError(
            "the values differ in shape from those learned from",
            got=f"shape {shape}",
            expected=f"one sample of shape ({', '.join(wanted)}), or a batch of such",
            fix="adapt again if the data changed; give inputs of different shapes an object each",
        )


def as_numbers(values: Any) -> Array | None:
    """Returns values as an array of numbers; None where samples differ in shape.

    Raises:
        SpecError: They are no numbers. None and pandas.NA among numbers become NaN.
    """
    try:
        array = np.asarray(values)
    except ValueError:
        return None
    if array.dtype.kind == "O":
        return _from_objects(array)
    if array.dtype.kind not in "biuf":
        raise _no_numbers(values)
    return array


def _from_objects(array: Array) -> Array | None:
    flat = array.ravel().tolist()
    if array.ndim and any(isinstance(value, list | tuple | np.ndarray) for value in flat):
        return None
    try:
        return np.array([_as_float(value) for value in flat], np.float64).reshape(array.shape)
    except (TypeError, ValueError, OverflowError) as error:
        raise _no_numbers(array if array.ndim else flat[0]) from error


def _as_float(value: Any) -> float:
    if is_missing(value):
        return math.nan
    if isinstance(value, str | bytes):
        raise TypeError("text")
    return float(value)


def _no_numbers(values: Any) -> SpecError:
    return SpecError(
        "the values are no numbers",
        got=values,
        expected="integers, floats or bools",
        fix="convert them, or use a Vocabulary for categories",
    )


def chunks(values: Any) -> Iterator[Array]:
    """Yields a chunk of samples whole, or one by one where they differ in shape.

    Raises:
        SpecError: No numbers, or no axis of samples.
    """
    whole = as_numbers(values)
    if whole is not None and whole.ndim == 0:
        raise SpecError("a chunk has no axis of samples", got=values, expected="shape (n, ...)")
    if whole is not None:
        yield whole
        return
    for value in values:
        sample = as_numbers(value)
        if sample is None:
            raise SpecError("a sample has rows of different lengths", got=value)
        yield sample[np.newaxis]


def moments(chunk: Array, axes: tuple[int, ...]) -> tuple[Any, Float64, Float64]:
    """Returns count, mean and summed squares of distances from it, over some axes, NaN ignored.

    By the corrected two-pass algorithm. Axes are kept, with length 1, but for the first one.

    Raises:
        SampleError: A value is infinite, or too large to be squared.
    """
    count, mean, squares = _moments(chunk, axes, True)
    if not np.isfinite(squares).all():
        count, mean, squares = _moments(chunk, axes, ~np.isnan(chunk))
        check_finite(squares, "infinite, or too large to be squared")
    return count, mean[0], squares[0]


def _moments(
    chunk: Array, axes: tuple[int, ...], where: bool | npt.NDArray[np.bool_]
) -> tuple[Any, Float64, Float64]:
    count: Any = math.prod(chunk.shape[a] for a in axes)
    if not isinstance(where, bool):
        count = np.sum(where, axis=axes, keepdims=True)
    divisor = np.maximum(count, 1)
    with np.errstate(over="ignore", invalid="ignore"):
        total = np.sum(chunk, axis=axes, dtype=np.float64, keepdims=True, where=where)
        mean = total / divisor
        away = np.subtract(chunk, mean, dtype=np.float64)
        # Zero but for the rounding of the mean.
        shift = np.sum(away, axis=axes, keepdims=True, where=where) / divisor
        squares = np.sum(np.square(away, out=away), axis=axes, keepdims=True, where=where)
        squares = np.maximum(squares - shift * shift * count, 0.0)
    return count if isinstance(where, bool) else count[0], mean + shift, squares


def check_finite(values: Float64, problem: str) -> None:
    """Raises SampleError unless all statistics are finite."""
    if not np.isfinite(values).all():
        raise SampleError(
            f"values are {problem}",
            got=f"{np.count_nonzero(~np.isfinite(values))} of {values.size} features with such",
            expected="finite numbers; NaN for missing ones",
            fix="find them with numpy.isinf, and clip or drop them",
        )


def check_axis(axis: Any) -> tuple[int, ...]:
    """Returns the axes as a tuple.

    Raises:
        ArgumentError: Not an int, None or some different ints; or the batch axis.
    """
    axes = () if axis is None else (axis,) if isinstance(axis, int | np.integer) else axis
    ok = isinstance(axes, tuple | list) and all(
        isinstance(a, int | np.integer) and not isinstance(a, bool) and a != 0 for a in axes
    )
    if not ok or len(set(axes)) != len(axes):
        raise ArgumentError(
            "bad axis",
            got=axis,
            expected="an int, a tuple of different ints, or None; not 0, the batch axis",
        )
    return tuple(int(a) for a in axes)


def check_range(bounds: Any) -> tuple[float, float]:
    """Returns a range's start and end.

    Raises:
        ArgumentError: Not two finite numbers in ascending order.
    """
    try:
        low, high = (float(bound) for bound in bounds)
    except (TypeError, ValueError):
        low = high = math.nan
    if not (math.isfinite(high - low) and low < high):
        raise ArgumentError("bad range", got=bounds, expected="two numbers, the smaller one first")
    return low, high
