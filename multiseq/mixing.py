"""`mix`: samples of several sequences in given proportions."""

from __future__ import annotations

import copy
import itertools
import logging
from collections.abc import Iterator, Sequence
from typing import Any, Self, Unpack

import numpy as np

from .checks import check_count
from .concat import ConcatenatedSequence
from .errors import ArgumentError, describe
from .merging import check_parts
from .order import Indices, Permutation, Positions
from .sequence import MultiInputSequence
from .settings import BaseKeywords

__all__ = ["MixSampler", "mix"]

_log = logging.getLogger("multiseq")

# A source's number; or two groups of sources, and the share that the second has of both: it is the
# lighter one, whose count rounds to at most one more from one sample to the next.
_Tree = Any

_FEW = 6  # Sources, which can be halved in hundreds of ways, and not in many thousands.


def mix(
    parts: Sequence[MultiInputSequence],
    *,
    weights: Any,
    num_samples: int | None = None,
    keys: Sequence[Any] | None = None,
    names: Sequence[Any] | str | None = None,
    **keywords: Unpack[BaseKeywords],
) -> ConcatenatedSequence:
    """Mixes samples of several sequences in exact proportions, whatever their sizes.

    It is their `concat`, in an order of its own: the parts take turns as evenly as may be. Any
    number of samples from an epoch's beginning has as many of each part as its weight says, to
    within one (with more than four parts, hardly more). With two parts that holds for every batch
    too; with more, one of its counts may be off by one more.

    Each part is shuffled. Once all of its samples were served its next pass begins, in another
    order, wherever in an epoch that is; the next epoch goes on where it stopped. So no sample comes
    twice before all others of its part have come. All this is a pure function of (seed, epoch).

    Args:
        parts: The sequences.
        weights: Of each, above 0; they need not add up to anything.
        num_samples: Samples in an epoch; by default as many as the parts have together.
        keys: See `concat`. `split(..., stratify=name)` by this level keeps the parts' sizes in
            proportion.
        names: See `concat`.
        **keywords: Those of `MultiInputSequence`, but for `shuffle` and `sampler`.

    Raises:
        AlignmentError: See `concat`.
        ArgumentError: See `concat`; or weights are no numbers above 0, one for each part, or give a
            part no sample of an epoch.
    """
    if not isinstance(parts, list | tuple):
        raise ArgumentError("mix takes a list of sequences", got=parts, fix="mix([a, b], ...)")
    for name in ("shuffle", "sampler"):
        if name in keywords:
            raise ArgumentError(
                f"mix was given {name}=", fix="leave it out: mix shuffles, and decides the order"
            )
    check_parts([(None, part) for part in parts], "mix")
    whole = ConcatenatedSequence(parts, keys, names, **keywords)
    sizes = [part.num_samples for part in parts]
    return whole.replace(sampler=MixSampler(sizes, weights, num_samples))


class MixSampler:
    """Takes samples of several sources, one source after the other, in exact proportions.

    Args:
        sizes: Samples of each source, which lie one source after the other.
        weights: Of each source, above 0.
        num_samples: Samples in an epoch; by default all there are.

    Raises:
        ArgumentError: Weights are no numbers above 0, one for each source, or give a source no
            sample of an epoch.
    """

    def __init__(self, sizes: Sequence[int], weights: Any, num_samples: int | None = None) -> None:
        self._wanted = None if num_samples is None else check_count("num_samples", num_samples, 1)
        self._weights = _checked_weights(weights, len(sizes))
        ends = np.cumsum(sizes).tolist()
        self._sources: list[range | Indices] = [
            range(end - size, end) for size, end in zip(sizes, ends, strict=True)
        ]
        self._settle()
        if idle := [number for number, count in enumerate(self._counts) if not count]:
            raise ArgumentError(
                f"an epoch would have no sample of part {idle[0]}",
                got=f"weights {self._weights}, and {self._length} samples in an epoch",
                fix="give it more weight, or the epoch more samples: num_samples=...",
            )

    def _settle(self) -> None:
        self._n = sum(map(len, self._sources))
        self._length = self._n if self._wanted is None else self._wanted
        present = [number for number, source in enumerate(self._sources) if len(source)]
        _, self._tree = _tree(present, self._weights)
        self._counts = [0] * len(self._sources)
        _count(self._tree, self._length, self._counts)

    def __call__(self, seed: int, epoch: int) -> Positions:
        """Returns the positions of the epoch's samples, in order."""
        done = [epoch * count for count in self._counts]
        return _Mixed(self._n, self._length, self._tree, self._sources, done, seed)

    def restricted(self, positions: Indices) -> Self:
        """Returns this sampler for some of the samples only, renumbered from 0.

        A source of which none is left takes no part; the others keep their proportions.
        """
        other = copy.copy(self)
        other._sources = [np.flatnonzero(_within(source, positions)) for source in self._sources]
        other._settle()
        if idle := [n for n, count in enumerate(other._counts) if not count and self._counts[n]]:
            _log.warning("of part %s of a mix no sample is left to be served", idle[0])
        return other

    @property
    def signature(self) -> str:
        """What decides the order, for states."""
        return repr(self)

    def __repr__(self) -> str:
        sizes = list(map(len, self._sources))
        return f"MixSampler(sizes={sizes}, weights={self._weights}, num_samples={self._length})"


class _Mixed(Positions):
    """The positions of one epoch.

    Args:
        n: Number of samples that there are.
        length: Number of samples in the epoch.
        tree: Of the sources.
        sources: The positions of each one's samples.
        done: How many samples of each were served in the epochs before.
        seed: The sequence's seed.
    """

    def __init__(
        self,
        n: int,
        length: int,
        tree: _Tree,
        sources: Sequence[range | Indices],
        done: Sequence[int],
        seed: int,
    ) -> None:
        super().__init__(n, length)
        self._tree, self._sources, self._done, self._seed = tree, sources, done, seed

    def __call__(self, places: Indices) -> Indices:
        """Returns the positions of the samples that come at these places of the epoch, int64."""
        positions = np.empty(len(places), np.int64)
        self._put(positions, self._tree, np.arange(len(places)), np.asarray(places, np.int64))
        return positions

    def _put(self, positions: Indices, tree: _Tree, rows: Indices, places: Indices) -> None:
        """Writes the positions at some rows, of samples that come at these places in the tree."""
        if not len(rows):
            return
        if isinstance(tree, int):
            positions[rows] = self._served(tree, places)
            return
        first, second, share = tree
        before = _share(places, share)
        turn = _share(places + 1, share) > before
        self._put(positions, second, rows[turn], before[turn])
        self._put(positions, first, rows[~turn], (places - before)[~turn])

    def _served(self, number: int, places: Indices) -> Indices:
        """Returns the positions of the samples that a source serves at these places of its own."""
        source, size = self._sources[number], len(self._sources[number])
        passes, places = np.divmod(places + self._done[number], size)
        chosen = np.zeros(len(places), np.int64)
        for turn in np.unique(passes).tolist() if size > 1 else ():
            mine = np.flatnonzero(passes == turn)
            chosen[mine] = Permutation(size, self._seed, turn, number)(places[mine])
        return chosen + source.start if isinstance(source, range) else source[chosen]


def _share(places: Any, share: float) -> Any:
    """Returns how many of the first so many samples are of a group with this share of them."""
    return np.floor(places * share + 0.5).astype(np.int64)


def _count(tree: _Tree, length: int, counts: list[int]) -> None:
    """Notes how many of so many samples are of each source."""
    if isinstance(tree, int):
        counts[tree] = length
        return
    first, second, share = tree
    theirs = int(_share(np.int64(length), share))
    _count(second, theirs, counts)
    _count(first, length - theirs, counts)


def _tree(sources: list[int], weights: Sequence[float], error: float = 0.0) -> tuple[float, _Tree]:
    """Halves sources again and again: two groups can take turns exactly, and many cannot.

    A group's count is rounded, by 1/2 at most; so is that of each of its halves, which also has its
    share of the group's own error. Few sources are halved so that the largest error is least, many
    evenly.

    Args:
        sources: Their numbers.
        weights: Of all sources, by number.
        error: Of how many of the first so many samples are of these.

    Returns:
        The largest error of a source, and the tree.
    """
    if len(sources) == 1:
        return error, sources[0]
    ways = _halvings(sources) if len(sources) <= _FEW else [_even(sources, weights)]
    least, tree = np.inf, None
    for halves in ways:
        totals = [sum(weights[source] for source in half) for half in halves]
        worst, found = 0.0, []
        for half, total in zip(halves, totals, strict=True):
            if worst < least:
                reached, below = _tree(half, weights, 0.5 + total / sum(totals) * error)
                worst = max(worst, reached)
                found.append(below)
        if worst < least:
            light = int(totals[1] <= totals[0])
            least, tree = worst, (found[1 - light], found[light], totals[light] / sum(totals))
    return least, tree


def _halvings(sources: list[int]) -> Iterator[tuple[list[int], list[int]]]:
    """Yields all ways to part sources in two."""
    first, *others = sources
    for taken in itertools.product((True, False), repeat=len(others)):
        with_first = list(itertools.compress(others, taken))
        if len(with_first) < len(others):
            left = [source for source in others if source not in with_first]
            yield [first, *with_first], left


def _even(sources: list[int], weights: Sequence[float]) -> tuple[list[int], list[int]]:
    """Returns sources parted in two of about the same weight."""
    halves: tuple[list[int], list[int]] = [], []
    totals = [0.0, 0.0]
    for source in sorted(sources, key=lambda number: -weights[number]):
        lighter = int(totals[1] < totals[0])
        halves[lighter].append(source)
        totals[lighter] += weights[source]
    return halves


def _within(source: range | Indices, positions: Indices) -> Any:
    if isinstance(source, range):
        return (positions >= source.start) & (positions < source.stop)
    return np.isin(positions, source)


def _checked_weights(weights: Any, count: int) -> list[float]:
    try:
        checked = np.asarray(weights, np.float64)
    except (TypeError, ValueError):
        checked = np.empty(0)
    if checked.shape != (count,) or not (np.isfinite(checked) & (checked > 0)).all():
        raise ArgumentError(
            "weights are not one number above 0 for each part",
            got=describe(weights),
            expected=f"{count} numbers, such as {[1] * count}",
            fix="leave out parts that are to have no weight",
        )
    found: list[float] = checked.tolist()
    return found
