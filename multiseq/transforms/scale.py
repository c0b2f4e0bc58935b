"""Transforms of numbers: `Standardize` and `MinMax`, feature by feature."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _keras
from ..errors import ArgumentError, SampleError, SpecError
from .base import Transform
from .numeric import (
    Array,
    Features,
    Float64,
    as_numbers,
    check_axis,
    check_finite,
    check_range,
    chunks,
    moments,
)

__all__ = ["MinMax", "Standardize"]

_KERAS_EPSILON = 1e-7
_MAX_RANK = 64  # Of NumPy's arrays.


class _Scaler(Transform):
    """What both share: the features, chunks, and `(values - offset) / divisor` in float64."""

    def __init__(self, axis: int | tuple[int, ...] | None) -> None:
        self.axis = check_axis(axis)
        self._features: Features | None = None
        self._offset: Float64
        self._divisor: Float64

    @abstractmethod
    def _absorb(self, chunk: Array, reduced: tuple[int, ...]) -> None:
        """Adds one chunk of numbers, which has at least one element."""

    def _forget(self) -> None:
        self._features = None

    def transform(self, values: Any) -> Any:
        """Scales one sample's value or a batch.

        Args:
            values: Numbers of the shape of one sample or of a batch. Axes that hold no features
                may have any length; a list of samples that differ in length is a batch as well.

        Returns:
            float32 of the same shape; for a list of samples that differ, a list of those. NaN
            stays NaN.

        Raises:
            NotAdaptedError: Nothing was learned yet.
            SpecError: No numbers, or another shape than learned from.
        """
        if self._stage != "adapted" or self._features is None:
            self._raise_not_adapted()
        numbers = as_numbers(values)
        if numbers is None:
            return [self.transform(value) for value in values]
        self._features.check(numbers.shape)
        # In float64: float32 would lose what is small beside a large offset.
        return self._scale(np.subtract(numbers, self._offset, dtype=np.float64)).astype(np.float32)

    def inverse(self, values: Any) -> Any:
        """Returns values in the units they were learned in.

        They are float64, since float32 would lose what is small beside a large offset. Shapes,
        NaN and errors are those of `transform`.
        """
        if self._stage != "adapted" or self._features is None:
            self._raise_not_adapted()
        numbers = as_numbers(values)
        if numbers is None:
            return [self.inverse(value) for value in values]
        self._features.check(numbers.shape)
        return self._unscale(numbers.astype(np.float64)) + self._offset

    def _scale(self, centered: Float64) -> Float64:
        return centered / self._divisor

    def _unscale(self, values: Float64) -> Float64:
        return values * self._divisor

    def _learn(self, values: Any) -> None:
        for chunk in chunks(values):
            if chunk.size == 0:
                continue
            if self._features is None:
                self._features = Features.of(self.axis, chunk.shape)
            if chunk.ndim != self._features.rank:
                raise SpecError(
                    "samples differ in their number of axes",
                    got=f"a chunk of shape {chunk.shape}",
                    expected=f"{self._features.rank} axes with that of the samples",
                )
            self._features.check(chunk.shape)
            self._absorb(chunk, self._features.reduced)

    def _seen_features(self) -> Features:
        if self._features is None:
            self._raise_nothing_seen()
        return self._features

    def _normalization(self, mean: Float64, variance: Float64) -> Any:
        axis = self._seen_features().kept or None
        return _keras.layers().Normalization(axis, mean.tolist(), variance.tolist())

    def _check_all_seen(self, seen: npt.NDArray[np.bool_]) -> None:
        if not seen.any():
            self._raise_nothing_seen()
        if not seen.all():
            missing = [k[0] if len(k) == 1 else tuple(k) for k in np.argwhere(~seen).tolist()]
            raise SampleError(
                f"{type(self).__name__} met features that are NaN in every sample",
                got=f"{len(missing)} of {seen.size} features: {str(missing)[:60]}",
                expected="at least one number in each",
                fix="leave these features out",
            )

    def _statistic(self, name: str) -> Float64:
        if not self.adapted:
            self._raise_not_adapted()
        return np.array(getattr(self, f"_{name}"))

    def _learned(self) -> str:
        return self._seen_features().said

    def _config(self) -> dict[str, Any]:
        return {"axis": list(self.axis)}

    def _arrays_state(self, **statistics: Float64) -> dict[str, Any]:
        rank = self._seen_features().rank
        return {"batch_rank": rank} | {name: s.tolist() for name, s in statistics.items()}

    def _restore_arrays(self, state: dict[str, Any], *names: str) -> list[Float64]:
        arrays = [np.asarray(state[name]) for name in names]
        for array in arrays:
            if array.dtype.kind not in "if" or not np.isfinite(array).all():
                raise ValueError("the statistics are no numbers")
            if array.shape != arrays[0].shape:
                raise ValueError("the statistics differ in shape")
        rank = state["batch_rank"]
        if not isinstance(rank, int) or not 1 <= rank <= _MAX_RANK:
            raise ValueError(f"batch_rank is {rank!r}")
        kept = Features.of(self.axis, (1,) * rank).kept
        if len(kept) != arrays[0].ndim:
            raise ValueError("the statistics have the wrong number of axes")
        self._features = Features(rank, kept, arrays[0].shape)
        return [array.astype(np.float64) for array in arrays]


class Standardize(_Scaler):
    """Subtracts the mean and divides by the standard deviation, as keras.layers.Normalization.

    The result is (values - mean) / max(sqrt(variance), 1e-7): Keras' rule, so that the layer can
    take over in a served model. By that rule a feature that is constant in the training split
    comes out as 0 there, and another value of it elsewhere as a very large number.

    NaN is a missing value: ignored in learning, left as NaN by `transform`. The mean is 0
    afterwards, so `numpy.nan_to_num` fills in the mean.

    Chunks are merged by the formula of T. F. Chan, G. H. Golub and R. J. LeVeque, "Updating
    formulae and a pairwise algorithm for computing sample variances" (Stanford STAN-CS-79-773,
    1979), each chunk by the corrected two-pass algorithm of the same authors (The American
    Statistician 37, 1983). The result does not depend on chunks or order, but for
    the rounding of a float64 mean.

    Args:
        axis: The axes that hold features, each with its own mean and variance, counted in a batch
            as keras.layers.Normalization counts them: -1 is the last one, 1 the first one of a
            sample, None stands for one mean over everything. Unlike in Keras, samples that are
            scalars are one feature under -1.

    Raises:
        ArgumentError: `axis` is none of these.
    """

    def __init__(self, axis: int | tuple[int, ...] | None = -1) -> None:
        super().__init__(axis)
        self._forget()

    @property
    def mean(self) -> Float64:
        """Means of the features."""
        return self._statistic("mean")

    @property
    def variance(self) -> Float64:
        """Variances of the features (of the population: divided by n)."""
        return self._statistic("variance")

    def to_keras(self) -> Any:
        """Returns a keras.layers.Normalization; it takes the numbers as they were learned from.

        The layer computes in float32, `transform` in float64: they differ where values are large
        beside their spread, such as dates in seconds. It leaves NaN as it is, where `TableSequence`
        gives 0: to serve, fill what is missing with the mean first.

        Raises:
            NotAdaptedError: Nothing was learned yet.
        """
        return self._normalization(self.mean, self.variance)

    def _forget(self) -> None:
        super()._forget()
        self._count: Any = 0
        self._mean: Float64 = np.zeros(())
        self._squares: Float64 = np.zeros(())  # Summed squares of distances from the mean.

    def _absorb(self, chunk: Array, reduced: tuple[int, ...]) -> None:
        count, mean, squares = moments(chunk, reduced)
        total = self._count + count
        # A feature may be missing in all samples so far: 0 / 0.
        share = np.divide(count, total, out=np.zeros(np.shape(total)), where=total > 0)
        with np.errstate(over="ignore", invalid="ignore"):
            delta = mean - self._mean
            self._squares = self._squares + squares + delta * delta * (self._count * share)
            self._mean = self._mean + delta * share
        self._count = total
        check_finite(self._squares, "too large to be squared")

    def _settle(self) -> None:
        features = self._seen_features()
        count = np.broadcast_to(self._count, self._mean.shape).reshape(features.sizes)
        self._check_all_seen(np.atleast_1d(count > 0))
        mean = self._mean.reshape(features.sizes)
        self._set(mean, self._squares.reshape(features.sizes) / count)

    def _set(self, mean: Float64, variance: Float64) -> None:
        features = self._seen_features()
        self._mean, self._variance = mean, variance
        self._count, self._squares = 0, np.zeros(())
        self._offset = features.spread(mean)
        self._divisor = np.maximum(np.sqrt(features.spread(variance)), _KERAS_EPSILON)

    def _state(self) -> dict[str, Any]:
        return self._arrays_state(mean=self._mean, variance=self._variance)

    def _restore(self, state: dict[str, Any]) -> None:
        mean, variance = self._restore_arrays(state, "mean", "variance")
        if (variance < 0).any():
            raise ValueError("a variance is negative")
        self._set(mean, variance)


class MinMax(_Scaler):
    """Maps the smallest value in the training split to one number, the largest to another.

    Values beyond what the training split holds go beyond the range: nothing is clipped. A feature
    that is constant there is shifted to the range's start and not scaled. NaN is a missing value:
    ignored in learning, left as NaN by `transform`.

    Args:
        axis: The axes that hold features, each with its own extremes, as in `Standardize`.
        range: What the smallest and the largest value become.

    Raises:
        ArgumentError: `axis` or `range` is none of these.
    """

    def __init__(
        self, axis: int | tuple[int, ...] | None = -1, range: tuple[float, float] = (0.0, 1.0)
    ) -> None:
        super().__init__(axis)
        self.range = check_range(range)
        self._forget()

    @property
    def minimum(self) -> Float64:
        """The features' smallest values."""
        return self._statistic("minimum")

    @property
    def maximum(self) -> Float64:
        """The features' largest values."""
        return self._statistic("maximum")

    def to_keras(self) -> Any:
        """Returns a keras.layers.Normalization that maps to the range; see `Standardize`.

        (Rescaling would subtract after it multiplied, and lose digits in float32.)

        Raises:
            ArgumentError: A feature varies by less than the 1e-7 that Keras divides by at least.
            NotAdaptedError: Nothing was learned yet.
        """
        low, high = self.range
        span = self.maximum - self.minimum
        divisor = np.where(span > 0, span, 1.0) / (high - low)
        if (divisor < _KERAS_EPSILON).any():
            raise ArgumentError(
                "a feature varies too little for Normalization, which divides by 1e-7 at least",
                got=f"{span.min():g} between smallest and largest",
                fix="express it in a smaller unit, and adapt again",
            )
        return self._normalization(self.minimum - low * divisor, divisor**2)

    def _forget(self) -> None:
        super()._forget()
        self._minimum: Float64 = np.full((), np.nan)
        self._maximum: Float64 = np.full((), np.nan)

    def _scale(self, centered: Float64) -> Float64:
        low, high = self.range
        return low + super()._scale(centered) * (high - low)

    def _unscale(self, values: Float64) -> Float64:
        low, high = self.range
        return super()._unscale((values - low) / (high - low))

    def _absorb(self, chunk: Array, reduced: tuple[int, ...]) -> None:
        # fmin and fmax pass NaN over.
        smallest = np.fmin.reduce(chunk, axis=reduced).astype(np.float64)
        largest = np.fmax.reduce(chunk, axis=reduced).astype(np.float64)
        self._minimum = np.fmin(self._minimum, smallest)
        self._maximum = np.fmax(self._maximum, largest)

    def _settle(self) -> None:
        self._seen_features()
        self._check_all_seen(np.atleast_1d(~np.isnan(self._minimum)))
        self._set(np.asarray(self._minimum), np.asarray(self._maximum))

    def _set(self, minimum: Float64, maximum: Float64) -> None:
        with np.errstate(over="ignore", invalid="ignore"):
            span = maximum - minimum
        check_finite(span, "infinite, or too far apart")
        features = self._seen_features()
        self._minimum, self._maximum = minimum, maximum
        self._offset = features.spread(minimum)
        self._divisor = features.spread(np.where(span > 0, span, 1.0))

    def _config(self) -> dict[str, Any]:
        return super()._config() | {"range": list(self.range)}

    def _state(self) -> dict[str, Any]:
        return self._arrays_state(minimum=self._minimum, maximum=self._maximum)

    def _restore(self, state: dict[str, Any]) -> None:
        minimum, maximum = self._restore_arrays(state, "minimum", "maximum")
        if (minimum > maximum).any():
            raise ValueError("a minimum is above its maximum")
        self._set(minimum, maximum)
