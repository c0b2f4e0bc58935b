"""Samplers: which samples make up an epoch, and in which order, as functions of (seed, epoch).

A sampler is given to a sequence as `sampler=`. Those here know what belongs to each sample (a
weight, a label, a length): given as a Series it is aligned with the sequence's keys, and a part
of a split keeps what belongs to its own samples. Random numbers are raw bits of Philox and
`order.Permutation`, so that a seed stays valid across versions of NumPy.
"""

from __future__ import annotations

import abc
import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import numpy.typing as npt

from .checks import check_count
from .errors import ArgumentError, describe
from .keys.labelled import Samples, per_sample, series_of
from .order import Indices, Permutation, entropy
from .strategies import Strategy, wanted_counts

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "BalancedSampler",
    "BucketSampler",
    "SamplerBase",
    "StratifiedSampler",
    "WeightedSampler",
]

Array = npt.NDArray[Any]


class SamplerBase(abc.ABC):
    """What the samplers share: a value for each sample, which follows its sample.

    Args:
        values: One for each sample, in source order; or a Series or a dict, by the sequence's keys.
        name: Of the values, for errors.

    Raises:
        AlignmentError: A value is missing, or a key has none.
        ArgumentError: There are not as many as samples, once a sequence has the sampler.
    """

    _values: pd.Series[Any]
    _decides: tuple[Any, ...] = ()  # The numbers that decide the order, beside seed and epoch.

    def __init__(self, values: Any, name: str) -> None:
        import pandas as pd

        self._name = name
        count = len(values) if hasattr(values, "__len__") else 0
        if not count:
            raise ArgumentError(f"{name} is not one value for each sample", got=describe(values))
        labelled = isinstance(values, pd.Series | Mapping)
        self._given = copy.copy(values) if labelled else None  # Until there are keys to go by.
        plain = series_of(values).array if labelled else values
        self._set(per_sample(plain, Samples(count), name))

    @abc.abstractmethod
    def _set(self, values: pd.Series[Any]) -> None:
        """Takes the values, of all samples or of some; checks them."""

    @abc.abstractmethod
    def __call__(self, seed: int, epoch: int) -> Indices:
        """Returns the positions of the epoch's samples, in order."""

    def aligned(self, samples: Samples) -> Self:
        """Returns this sampler for samples that are known by these labels."""
        values = self._values.array if self._given is None else self._given
        return self._copy(per_sample(values, samples, self._name))

    def restricted(self, positions: Indices) -> Self:
        """Returns this sampler for some of the samples only, renumbered from 0."""
        return self._copy(self._values.iloc[positions].reset_index(drop=True))

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={value!r}" for name, value in self._options().items())
        return f"{type(self).__name__}({self._said()}{', ' if options else ''}{options})"

    def _said(self) -> str:
        """What the values are, in a few words."""
        return f"{len(self._values):,} {self._name}"

    def _options(self) -> dict[str, Any]:
        """The other arguments of the constructor."""
        return {}

    def _copy(self, values: pd.Series[Any]) -> Self:
        other = copy.copy(self)
        other._given = None
        other._set(values)
        return other


class WeightedSampler(SamplerBase):
    """Draws samples in proportion to their weights.

    Args:
        weights: One for each sample, at least 0; they need not add up to anything. An array in
            source order, or a Series, aligned by the sequence's keys.
        num_samples: How many to draw in an epoch; by default as many as there are samples (as have
            a weight above 0, without replacement).
        replacement: Whether a sample may come several times in an epoch. Without, samples are
            drawn one after the other, each in proportion to the weights of those that are left,
            and come in random order.

    Raises:
        ArgumentError: Weights are negative, infinite or all 0, or too few are above 0.
    """

    def __init__(
        self, weights: Any, num_samples: int | None = None, replacement: bool = True
    ) -> None:
        self._wanted = None if num_samples is None else check_count("num_samples", num_samples, 1)
        self._replacement = replacement
        super().__init__(weights, "weights")

    def _set(self, values: pd.Series[Any]) -> None:
        self._values, weights = values, _numbers(values, "weights")
        self._possible = np.flatnonzero(weights)
        if not self._possible.size:
            raise ArgumentError("all weights are 0", expected="at least one above 0")
        self._weights = weights[self._possible]
        self._reached = np.cumsum(self._weights)
        default = len(weights) if self._replacement else len(self._possible)
        self._count = default if self._wanted is None else self._wanted
        options = [self._count, self._replacement]
        self._decides = self._possible, self._weights, options
        if not self._replacement and self._count > len(self._possible):
            raise ArgumentError(
                "there are fewer samples than are to be drawn without replacement",
                got=f"{len(self._possible)} weights above 0, num_samples={self._count}",
            )

    def _options(self) -> dict[str, Any]:
        return {"num_samples": self._count, "replacement": self._replacement}

    def __call__(self, seed: int, epoch: int) -> Indices:
        """Returns the positions of the epoch's samples, in order."""
        if self._replacement:
            drawn = _uniform(self._count, seed, epoch) * self._reached[-1]
            return _take(self._possible, np.searchsorted(self._reached, drawn, side="right"))
        # P. Efraimidis, P. Spirakis, "Weighted random sampling with a reservoir" (2006): the
        # smallest of exponential variates with these rates are such a sample.
        variates = -np.log1p(-_uniform(len(self._weights), seed, epoch)) / self._weights
        chosen = np.argpartition(variates, self._count - 1)[: self._count]
        # Sorted, since the order that argpartition leaves is not promised.
        return _shuffled(self._possible[np.sort(chosen)], seed, epoch)


class BalancedSampler(SamplerBase):
    """Draws more of rare classes, or less of frequent ones; imbalanced-learn's strategies.

    Over-sampling shows every sample of a class as often as any other, give or take one.
    Under-sampling shows other samples of a class in each epoch.

    Args:
        labels: The class of each sample: an array in source order, or a Series, aligned by the
            sequence's keys.
        strategy: As imbalanced-learn's `sampling_strategy`. "minority", "majority",
            "not minority", "not majority" or "all": which classes are brought to the size of the
            largest (over) or the smallest (under); "auto" is "not majority" (over) or "not
            minority" (under). A number is the size of the smaller of two classes as a fraction
            of the larger one's. {class: samples in an epoch}, or a function of the labels that
            returns such a dict.
        method: "over" for over-sampling, "under" for under-sampling.

    Attributes:
        counts: Samples of each class in an epoch.

    Raises:
        ArgumentError: The strategy is none of these, or does not fit the labels.
    """

    counts: dict[Any, int]

    def __init__(
        self, labels: Any, strategy: Strategy = "auto", method: Literal["over", "under"] = "over"
    ) -> None:
        if method not in ("over", "under"):
            raise ArgumentError("bad method", got=method, expected='"over" or "under"')
        self._strategy, self._method = strategy, method
        super().__init__(labels, "labels")

    def _set(self, values: pd.Series[Any]) -> None:
        self._values = values
        self._codes, names = _factorized(values)
        self._sizes = np.bincount(self._codes)
        have = dict(zip(names.tolist(), self._sizes.tolist(), strict=True))
        self.counts = have | wanted_counts(self._strategy, self._method, have, values)
        self._targets = np.array(list(self.counts.values()), np.int64)
        self._decides = self._codes, self._targets

    def _said(self) -> str:
        return f"{super()._said()} of {len(self._sizes):,} classes"

    def _options(self) -> dict[str, Any]:
        strategy = getattr(self._strategy, "__qualname__", self._strategy)
        return {"strategy": strategy, "method": self._method}

    def __call__(self, seed: int, epoch: int) -> Indices:
        """Returns the positions of the epoch's samples, in order."""
        members = np.lexsort((_uniform(len(self._codes), seed, epoch), self._codes))
        firsts = np.cumsum(self._sizes) - self._sizes
        turns = _counting(self._targets) % np.repeat(self._sizes, self._targets)
        drawn = members[np.repeat(firsts, self._targets) + turns]
        return _shuffled(drawn, seed, epoch)


class StratifiedSampler(SamplerBase):
    """Shuffles so that every batch, of any size, has the classes in the proportions of the whole.

    The samples of a class are spread evenly over the epoch: a batch has its share of a class,
    rounded down or up, or one more or less where there are many classes.

    Args:
        labels: The class of each sample: an array in source order, or a Series, aligned by the
            sequence's keys.
    """

    def __init__(self, labels: Any) -> None:
        super().__init__(labels, "labels")

    def _set(self, values: pd.Series[Any]) -> None:
        self._values = values
        self._codes, _ = _factorized(values)
        self._sizes, self._decides = np.bincount(self._codes), (self._codes,)

    def _said(self) -> str:
        return f"{super()._said()} of {len(self._sizes):,} classes"

    def __call__(self, seed: int, epoch: int) -> Indices:
        """Returns the positions of the epoch's samples, in order."""
        members = np.lexsort((_uniform(len(self._codes), seed, epoch), self._codes))
        # The k-th of n samples comes at the time (k + phase) / n, with a phase for each class.
        phases = _uniform(len(self._sizes), seed, epoch, 1)
        times = _counting(self._sizes) + np.repeat(phases, self._sizes)
        times /= np.repeat(self._sizes, self._sizes)
        return _take(members, np.argsort(times, kind="stable"))


class BucketSampler(SamplerBase):
    """Shuffles so that samples of a batch are of similar length, and little is padded.

    Samples are shuffled, and within each pool of `pool` batches sorted by length and cut into
    batches; the batches then come in random order (the one that is not full comes last).

    Args:
        lengths: Of each sample, at least 0: an array in source order, or a Series, aligned by the
            sequence's keys.
        batch_size: The sequence's own.
        pool: Batches in a pool. More means less padding, and batches that are less random; 1 is
            plain shuffling.
    """

    def __init__(self, lengths: Any, batch_size: int, pool: int = 100) -> None:
        self.batch_size = check_count("batch_size", batch_size, 1)
        self._pool = check_count("pool", pool, 1)
        super().__init__(lengths, "lengths")

    def _set(self, values: pd.Series[Any]) -> None:
        self._values, self._lengths = values, _numbers(values, "lengths")
        self._decides = self._lengths, [self.batch_size, self._pool]

    def _said(self) -> str:
        least, most = self._lengths.min(), self._lengths.max()
        return f"{super()._said()} from {least:g} to {most:g}"

    def _options(self) -> dict[str, Any]:
        return {"batch_size": self.batch_size, "pool": self._pool}

    def __call__(self, seed: int, epoch: int) -> Indices:
        """Returns the positions of the epoch's samples, in order."""
        n, size = len(self._lengths), self.batch_size
        shuffled = _shuffled(np.arange(n), seed, epoch)
        pools = np.arange(n) // (size * self._pool)
        if n % size and pools[-1]:
            # What does not fill a batch joins the pool before, so that it is not of one length.
            pools[n - n % size :] = pools[n - n % size - 1]
        order = shuffled[np.lexsort((self._lengths[shuffled], pools))]
        full = n // size
        batches = _shuffled(np.arange(full), seed, epoch, 1) if full else np.arange(0)
        whole = order[: full * size].reshape(full, size)[batches]
        return np.concatenate([whole.ravel(), order[full * size :]])

    def padding(self, seed: int = 0, epoch: int = 0) -> float:
        """Returns the fraction of an epoch's batches that is padding.

        `BucketSampler(lengths, batch_size, pool=1).padding()` tells what it is without buckets.
        """
        lengths = self._lengths[self(seed, epoch)]
        starts = np.arange(0, len(lengths), self.batch_size)
        longest = np.maximum.reduceat(lengths, starts)
        padded = longest @ np.diff(np.append(starts, len(lengths)))
        return float(1 - lengths.sum() / padded) if padded else 0.0


def _uniform(n: int, seed: int, epoch: int, stream: int = 0) -> Array:
    """Returns n random numbers in [0, 1)."""
    bits = np.random.Philox(entropy(seed, epoch, stream)).random_raw(n)
    return np.asarray(bits >> np.uint64(11), np.float64) * 2.0**-53


def _shuffled(values: Indices, seed: int, epoch: int, stream: int = 0) -> Indices:
    return _take(values, Permutation(len(values), seed, epoch, stream)(np.arange(len(values))))


def _take(values: Indices, positions: Indices) -> Indices:
    return values[positions]


def _counting(counts: Array) -> Array:
    """Returns 0 to c - 1 for each count c, one after the other."""
    ends = np.cumsum(counts)
    return np.asarray(np.arange(ends[-1]) - np.repeat(ends - counts, counts))


def _numbers(values: pd.Series[Any], name: str) -> Array:
    try:
        numbers = values.to_numpy(float)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"{name} are not numbers", got=repr(values.iloc[0])) from error
    wrong = ~np.isfinite(numbers) | (numbers < 0)
    if wrong.any():
        raise ArgumentError(
            f"{name} are not all finite and at least 0",
            got=f"{numbers[wrong][0]} at position {int(wrong.argmax())}",
        )
    return numbers


def _factorized(labels: pd.Series[Any]) -> tuple[Array, Any]:
    """Returns a code for each label, and the labels: sorted where they can be."""
    try:
        return labels.factorize(sort=True)
    except TypeError:
        return labels.factorize()
