"""Which sample comes when, and with which random numbers: pure functions of (seed, epoch).

A shuffled epoch is never an array of n indices. `Permutation` computes any part of it on demand:
a Feistel network is a bijection of its domain whatever its round function, and a value at or
beyond n is sent through again until it falls below n ("cycle walking"), which leaves a bijection
of [0, n). Sources: M. Luby, C. Rackoff, "How to construct pseudorandom permutations from
pseudorandom functions" (1988); J. Black, P. Rogaway, "Ciphers with arbitrary finite domains"
(2002), whose generalized network keeps the domain close to n. The mixing constants are those of
Chris Wellons' `lowbias32`.
"""

from __future__ import annotations

import abc
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import ArgumentError, describe

__all__ = [
    "Draw",
    "Indices",
    "Order",
    "Permutation",
    "Positions",
    "Sampler",
    "draw_seed",
    "entropy",
]

Indices = npt.NDArray[np.int64]

Sampler = Callable[[int, int], "npt.ArrayLike | Positions"]
"""A pure function of (seed, epoch) that returns the positions of an epoch's samples, in order.
Positions may repeat; their number must not depend on the epoch. `multiseq.samplers` has some."""

_ROUNDS = 6
_SMALL_DOMAIN = 1 << 12
# Large enough to spread NumPy's cost per call, small enough to compute in well under 1 ms.
_BLOCK = 1 << 14
_WORD = (1 << 64) - 1
_KEY_BITS = 128  # Of Philox.

_local = threading.local()


class Positions(abc.ABC):
    """The positions of an epoch's samples, computed when they are asked for.

    A sampler returns them instead of an array where there may be too many to keep.

    Args:
        n: Number of samples that there are.
        length: Number of samples in the epoch.
    """

    def __init__(self, n: int, length: int) -> None:
        self.n, self.length = n, length

    def __len__(self) -> int:
        return self.length

    @abc.abstractmethod
    def __call__(self, places: Indices) -> Indices:
        """Returns the positions of the samples that come at these places of the epoch, int64."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return self(np.arange(self.length)).astype(dtype or np.int64)


class Permutation:
    """A pseudorandom permutation of `range(n)` in constant memory.

    Args:
        n: Number of elements, at least 1.
        *key: Integers that choose the permutation, such as (seed, epoch).
    """

    def __init__(self, n: int, *key: int) -> None:
        self.n = n
        # value = high * 2^bits + low; high < range ~ n / 2^bits keeps the domain near n. The
        # minimum leaves a tiny n enough room to reach all of its permutations.
        self._bits = max((n - 1).bit_length() // 2, 4)
        self._range = max(-(-n // (1 << self._bits)), 1 << 4)
        self._keys = entropy(*key).generate_state(_ROUNDS, np.uint32)
        domain = self._range << self._bits
        # A tiny n may walk often: there a table is cheaper than the network.
        self._table = self._encode(np.arange(domain)) if domain <= _SMALL_DOMAIN else None

    def __call__(self, positions: npt.ArrayLike) -> Indices:
        """Returns the elements at `positions`, int64, of the same shape (1-D)."""
        step = self._encode if self._table is None else self._table.__getitem__
        values = step(np.asarray(positions, np.int64))
        outside = np.flatnonzero(values >= self.n)
        while outside.size:
            walked = step(values[outside])
            values[outside] = walked
            outside = outside[walked >= self.n]
        return values

    def _encode(self, values: Indices) -> Indices:
        high = (values >> self._bits).astype(np.uint32)
        low = (values & ((1 << self._bits) - 1)).astype(np.uint32)
        limit = np.uint32(self._range)
        for turn in range(0, _ROUNDS, 2):
            high += self._below_range(_mix(low, self._keys[turn]))
            # (a + b) mod m for a, b < m: a difference below 0 wraps around, and is not the less.
            np.minimum(high, high - limit, out=high)
            low ^= _mix(high, self._keys[turn + 1]) >> np.uint32(32 - self._bits)
        return (high.astype(np.int64) << self._bits) | low

    def _below_range(self, mixed: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
        """Maps 32 random bits to [0, range), by multiplication instead of division."""
        if self._range <= 1 << 16:
            mixed >>= np.uint32(16)
            mixed *= np.uint32(self._range)
            mixed >>= np.uint32(16)
            return mixed
        return ((mixed * np.uint64(self._range)) >> np.uint64(32)).astype(np.uint32)


def entropy(*key: int) -> np.random.SeedSequence:
    """Returns the entropy of a key of several integers, of any size.

    NumPy cuts integers into words of 32 bits and puts those together, so that with large ones
    many keys would be the same words. Before the words of each stands how many they are then; no
    key of small integers is as long.
    """
    if all(value < 1 << 32 for value in key):
        return np.random.SeedSequence(key)
    words: list[int] = []
    for value in key:
        count = max(1, -(-value.bit_length() // 32))
        words += [count, *((value >> 32 * k) % (1 << 32) for k in range(count))]
    return np.random.SeedSequence(words)


def _mix(values: npt.NDArray[np.uint32], key: np.uint32) -> npt.NDArray[np.uint32]:
    """Returns 32 bits for each value, the upper ones the better mixed."""
    mixed = values + key
    mixed *= np.uint32(0x7FEB352D)
    mixed ^= mixed >> np.uint32(15)
    mixed *= np.uint32(0x846CA68B)
    return mixed


class Order:
    """The positions of one epoch's samples, computed and cached in blocks.

    Args:
        n: Number of samples.
        seed: The sequence's seed.
        epoch: Which epoch.
        shuffle: Whether to permute; otherwise source order.
        sampler: Takes the place of `shuffle`.
        share: (index, count): of each `count` samples that come in a row, only the one at `index`.
        drop_last: Whether samples left over, fewer than `count`, are left out. Otherwise the first
            of the epoch come once more, one for each share that has none of these: all shares are
            of one length either way.
    """

    def __init__(
        self,
        n: int,
        seed: int,
        epoch: int,
        shuffle: bool = False,
        sampler: Sampler | None = None,
        share: tuple[int, int] = (0, 1),
        drop_last: bool = False,
    ) -> None:
        drawn = None if sampler is None else _sampled(sampler, n, seed, epoch)
        self._positions = None if isinstance(drawn, Positions) else drawn
        self._computed: Positions | Permutation | None = None
        if isinstance(drawn, Positions):
            self._computed = drawn
        elif shuffle and n > 1:
            self._computed = Permutation(n, seed, epoch)
        self._whole = n if drawn is None else len(drawn)
        self._first, self._step = share
        self.length = self._whole // self._step if drop_last else -(-self._whole // self._step)
        self._block: tuple[int, Indices] = (0, np.empty(0, np.int64))

    def __len__(self) -> int:
        return self.length

    def slice(self, start: int, stop: int) -> Indices:
        """Returns the positions of the samples that come `start`th to `stop`th, int64."""
        if self._step == 1:
            return self._slice(start, stop)
        first, last = self._first + start * self._step, self._first + (stop - 1) * self._step
        if last < self._whole:
            return self._slice(first, last + 1)[:: self._step]
        again = self.at(np.array([stop - 1]))
        return again if start == stop - 1 else np.append(self.slice(start, stop - 1), again)

    def at(self, places: Indices) -> Indices:
        """Returns the positions of the samples that come at these places, in any order."""
        places = self._first + places * self._step
        if self._step > 1:
            places %= self._whole  # The last may lie beyond the end: an early one comes again.
        if self._positions is not None:
            return self._positions[places]
        return places if self._computed is None else self._computed(places)

    def _slice(self, start: int, stop: int) -> Indices:
        if self._positions is not None:
            return self._positions[start:stop]
        if self._computed is None:
            return np.arange(start, stop)
        # One tuple, read and replaced whole: threads may race here, but never see half a block.
        begin, block = self._block
        if begin <= start and stop <= begin + len(block):
            return block[start - begin : stop - begin]
        if not begin <= start <= begin + len(block):  # A jump: perhaps nothing near is wanted.
            block = self._computed(np.arange(start, stop))
            block.flags.writeable = False
            self._block = start, block
            return block
        begin = start - start % _BLOCK
        end = min(max(begin + _BLOCK, stop), self._whole)
        block = self._computed(np.arange(begin, end))
        block.flags.writeable = False
        self._block = begin, block
        return block[start - begin : stop - begin]


def _sampled(sampler: Sampler, n: int, seed: int, epoch: int) -> Indices | Positions:
    drawn = sampler(seed, epoch)
    if isinstance(drawn, Positions) and drawn.n == n:
        return drawn
    positions = np.asarray(drawn)
    integers = positions.ndim == 1 and np.issubdtype(positions.dtype, np.integer)
    if not integers or (positions.size and not 0 <= positions.min() <= positions.max() < n):
        raise ArgumentError(
            "the sampler returned something other than positions of samples",
            got=positions,
            expected=f"a 1-D array of integers from 0 to {n - 1}",
            fix="return positions, such as np.flatnonzero(mask), from sampler(seed, epoch)",
        )
    checked = positions.astype(np.int64)
    checked.flags.writeable = False  # A `load_batch` that sorts its indices would sort the epoch.
    return checked


@dataclass(frozen=True)
class Draw:
    """The random numbers of one epoch: a generator for each sample, the same on any worker.

    Args:
        seed: The sequence's seed.
        epoch: Which epoch.
        part: Which part of a join draws, so that parts draw independently.
    """

    seed: int
    epoch: int
    part: int = 0

    @property
    def key(self) -> int:
        """The seed in 128 bits, as which workers get it; a longer one is hashed."""
        if self.seed < 1 << _KEY_BITS:
            return self.seed
        low, high = entropy(self.seed).generate_state(2, np.uint64).tolist()
        return int(low | high << 64)

    def of_part(self, number: int) -> Draw:
        """Returns the random numbers of the join's part `number`."""
        # Multiplied by an odd constant near 2^64 / golden ratio: parts of parts do not collide.
        part = (self.part * 0x9E3779B97F4A7C15 + number + 1) & _WORD
        return Draw(self.seed, self.epoch, part)

    def generator(self, index: int, stream: int = 0) -> np.random.Generator:
        """Returns the generator of sample `index`, valid until the thread asks for the next.

        One Philox generator per thread is moved to the counter (stream, sample, epoch, part), some
        five times cheaper than making a generator; 2^64 blocks lie between two samples, and 2^62
        between two streams of one.

        Args:
            index: Of the sample.
            stream: What it is for, below 4: the numbers of one purpose are not those of another.
        """
        if not hasattr(_local, "generator"):
            _local.philox = np.random.Philox()
            _local.generator = np.random.Generator(_local.philox)
            _local.state = _local.philox.state
            # A full buffer position: nothing of the last sample is handed out again.
            _local.state.update(buffer_pos=4, has_uint32=0, uinteger=0)
        state = _local.state["state"]
        key = self.key
        state["key"] = np.array([key & _WORD, key >> 64], np.uint64)
        state["counter"] = np.array([stream << 62, index, self.epoch & _WORD, self.part], np.uint64)
        _local.philox.state = _local.state
        generator: np.random.Generator = _local.generator
        return generator


def draw_seed(seed: Any) -> int:
    """Checks a seed, or draws one from NumPy's global generator.

    `keras.utils.set_random_seed` seeds that generator, and so governs sequences without a seed.

    Raises:
        ArgumentError: The seed is not an integer, or negative.
    """
    if seed is None:
        return int(np.random.randint(0, 2**31))  # noqa: NPY002
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or int(seed) < 0:
        raise ArgumentError(
            "seed is not a seed", got=describe(seed), expected="an integer of at least 0, or None"
        )
    return int(seed)
