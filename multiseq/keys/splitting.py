"""How a split divides samples: at random, by group, by class, by time, or by a hash of the key.

Each function returns the positions of each part, ascending. All draws are functions of the seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError, few
from ..order import Indices, Permutation
from .times import as_cut

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "are_fractions",
    "best_filling",
    "coded_classes",
    "split_classes",
    "split_groups",
    "split_groups_and_classes",
    "split_hashed",
    "split_positions",
    "split_times",
]

Array = npt.NDArray[Any]

_SPLIT_EPOCH = (1 << 32) - 1
_NUMBERS = (int, float, np.integer, np.floating)


def split_positions(n: int, fractions: Sequence[float], seed: int) -> list[Indices]:
    """Returns random parts of n samples.

    Args:
        n: Number of samples.
        fractions: Of each part, between 0 and 1; they may add up to less than 1.
        seed: Decides which sample goes where, the same on any machine.

    Raises:
        ArgumentError: The fractions are not fractions, or a part would be empty.
    """
    ends = _ends(fractions, n)
    _check_filled(np.diff(ends, prepend=0), f"{n} samples", fractions)
    shuffled = Permutation(n, seed, _SPLIT_EPOCH)(np.arange(n))
    starts = [0, *ends[:-1]]
    return [np.sort(shuffled[start:end]) for start, end in zip(starts, ends, strict=True)]


def split_groups(groups: pd.Series[Any], fractions: Sequence[float], seed: int) -> list[Indices]:
    """Returns parts that no group is divided among; fractions are of samples, not of groups.

    The groups come in random order, and each part ends with the group whose end is nearest to
    where it should end. Each part has at least one.

    Raises:
        ArgumentError: The fractions are not fractions, or there are fewer groups than parts.
    """
    codes, names = groups.factorize()
    n, count, parts = len(codes), len(names), len(_checked(fractions))
    if count < parts:
        raise _too_few(f"{count} groups ({few(list(names))})", fractions)
    order = Permutation(count, seed, _SPLIT_EPOCH)(np.arange(count))
    reached = np.cumsum(np.bincount(codes)[order])
    wanted = np.cumsum(fractions) * n
    cuts = np.searchsorted(reached, wanted - 1e-6 * n).clip(max=count - 1)
    before = np.where(cuts > 0, reached[cuts - 1], 0)
    cuts += wanted - before >= reached[cuts] - wanted
    for part in range(parts):  # At least one group each: for this one, and for those that follow.
        least = cuts[part - 1] + 1 if part else 1
        cuts[part] = min(max(cuts[part], least), count - (parts - 1 - part))
    part_of = np.full(count, parts)
    for part in reversed(range(parts)):
        part_of[order[: cuts[part]]] = part
    return _positions(part_of[codes], parts)


def split_classes(labels: pd.Series[Any], fractions: Sequence[float], seed: int) -> list[Indices]:
    """Returns random parts in which classes are as frequent as in the whole.

    Parts are of the same sizes as those of `split_positions`, and hold their exact share of each
    class, rounded down or up.

    Raises:
        ArgumentError: The fractions are not fractions, a part would be empty, or classes are too
            many to be kept in proportion.
    """
    codes, names = coded_classes(labels)
    n = len(codes)
    sizes = np.diff(_ends(fractions, n), prepend=0)
    _check_filled(sizes, f"{n} samples", fractions)
    counts = np.bincount(codes)
    ties = Permutation(len(names), seed, _SPLIT_EPOCH)(np.arange(len(names)))
    left, limits = counts.copy(), []
    for size in sizes:
        total = int(left.sum())
        shares, rests = np.divmod(left * size, total)
        shares[np.lexsort((ties, -rests))[: size - shares.sum()]] += 1
        left -= shares
        limits.append(counts - left)
    # Random order within each class: the first ones go to the first part, and so on.
    order = Permutation(n, seed, _SPLIT_EPOCH)(np.arange(n))
    order = order[np.argsort(codes[order], kind="stable")]
    ranks = np.arange(n) - np.repeat(np.cumsum(counts) - counts, counts)
    part_of = np.empty(n, np.int64)
    part_of[order] = sum(ranks >= limit[codes[order]] for limit in limits)
    return _positions(part_of, len(sizes))


def split_groups_and_classes(
    groups: pd.Series[Any], labels: pd.Series[Any], fractions: Sequence[float], seed: int
) -> list[Indices]:
    """Returns parts that no group is divided among, with classes in about the same proportions.

    The groups, from large to small and at random among equals, go where they best fill what is
    missing of each class. Exact proportions may be impossible.

    Raises:
        ArgumentError: The fractions are not fractions, or a part would be empty.
    """
    parts = len(_checked(fractions))
    codes, names = groups.factorize()
    classes, class_names = coded_classes(labels)
    shape = len(names), len(class_names)
    table = np.bincount(codes * shape[1] + classes, minlength=shape[0] * shape[1])
    table = table.reshape(shape).astype(float)
    rest = 1 - sum(fractions)
    shares = np.array([*fractions, rest] if rest > 1e-9 else fractions)
    order = Permutation(shape[0], seed, _SPLIT_EPOCH)(np.arange(shape[0]))
    order = order[np.argsort(-table.sum(1)[order], kind="stable")]
    part_of = best_filling(table, shares, order)
    found = _positions(part_of[codes], parts)
    _check_filled(np.array(list(map(len, found))), f"{shape[0]} groups", fractions)
    return found


def best_filling(table: Array, shares: Array, order: Indices) -> Indices:
    """Returns the part of each group: one after the other, where it best fills what is missing.

    Args:
        table: How many samples a group has of each class, of shape (groups, classes).
        shares: Of each class that a part should have, of shape (parts,).
        order: In which the groups come.
    """
    totals = table.sum(0)
    missing = shares[:, None] * totals
    scale = 1 / (shares[:, None] * totals**2)
    part_of = np.empty(len(table), np.int64)
    for group in order.tolist():
        row = table[group]
        # By how much the squared distance from what is wanted changes, relative to the class.
        part = int((row * (row - 2 * missing) * scale).sum(1).argmin())
        missing[part] -= row
        part_of[group] = part
    return part_of


def split_times(
    first: Array, last: Array, cuts: Sequence[Any], zone: Any = None
) -> tuple[list[Indices], Indices, Array]:
    """Returns parts in order of time.

    Args:
        first: Time of each sample's beginning, as `as_times` gives it.
        last: Time of each sample's end, which still belongs to it.
        cuts: Either fractions of the samples, or the times at which parts after the first begin.
        zone: The time zone of the times: that of cuts that have none.

    Returns:
        The parts; the samples that a cut goes through, which belong to no part; the cuts.

    Raises:
        ArgumentError: Cuts are neither fractions nor times in order, or a part would be empty.
    """
    n = len(first)
    if are_fractions(cuts):
        ends = _ends(cuts, n)
        times = np.sort(first)[ends[ends < n]]
        count = len(ends)
    else:
        times = np.array([as_cut(cut, first.dtype, zone) for cut in cuts])
        count = len(times) + 1
        if not count > 1 or (times[1:] <= times[:-1]).any():
            raise ArgumentError(
                "these are neither fractions nor times to split at",
                got=str(tuple(cuts)),
                expected="fractions such as 0.8, 0.2; or times in ascending order, of which each "
                "begins a part",
            )
    begins = np.searchsorted(times, first, side="right")
    ends = np.searchsorted(times, last, side="right")
    parts = _positions(np.where(begins == ends, begins, -1), count)
    sizes = np.array(list(map(len, parts)))
    if not sizes.all():
        raise ArgumentError(
            "a part of the split would be empty",
            got=f"parts of {', '.join(map(str, sizes))} samples, cut at "
            f"{', '.join(map(str, times))}; times from {first.min()} to {last.max()}",
            fix="cut at other times; samples of the same time stay together, and samples that "
            "last longer than a part fit into none",
        )
    return parts, np.flatnonzero(begins != ends), times


def split_hashed(hashes: npt.NDArray[np.uint64], fractions: Sequence[float]) -> list[Indices]:
    """Returns parts by hash: about the fractions, and each sample's part is its own affair.

    Raises:
        ArgumentError: The fractions are not fractions, or a part would be empty.
    """
    ends = np.cumsum(_checked(fractions))
    ends[-1] = 2 if ends[-1] > 1 - 1e-9 else ends[-1]
    part_of = np.searchsorted(ends, hashes / 2.0**64, side="right")
    parts = _positions(part_of, len(ends))
    _check_filled(np.array(list(map(len, parts))), f"{len(hashes)} samples by hash", fractions)
    return parts


def are_fractions(values: Sequence[Any]) -> bool:
    """Whether these are numbers above 0 and at most 1."""
    return bool(values) and all(
        isinstance(value, _NUMBERS) and not isinstance(value, bool) and 0 < value <= 1
        for value in values
    )


def coded_classes(labels: pd.Series[Any]) -> tuple[npt.NDArray[np.int64], Any]:
    """Returns the number of each sample's class, and the classes.

    Raises:
        ArgumentError: There are too many.
    """
    codes, names = labels.factorize()
    if len(names) > 1 and len(names) > len(codes) / 2:
        raise ArgumentError(
            "there are too many classes to keep in proportion",
            got=f"{len(names)} classes for {len(codes)} samples",
            expected="at least two samples of a class, on average",
            fix="put numbers into bins first: stratify=pandas.qcut(values, 10, labels=False)",
        )
    return codes.astype(np.int64), names


def _checked(fractions: Sequence[Any]) -> Sequence[float]:
    if not are_fractions(fractions) or sum(fractions) > 1 + 1e-9:
        raise ArgumentError(
            "these are not fractions to split by",
            got=str(tuple(fractions)),
            expected="numbers above 0 that add up to at most 1",
            fix="split(0.8, 0.1, 0.1), for instance; or times, with by_time=",
        )
    return fractions


def _ends(fractions: Sequence[Any], n: int) -> Indices:
    return np.round(np.cumsum(_checked(fractions)) * n).astype(np.int64)


def _check_filled(sizes: Array, have: str, fractions: Sequence[float]) -> None:
    if not sizes.all():
        raise _too_few(have, fractions)


def _too_few(have: str, fractions: Sequence[float]) -> ArgumentError:
    return ArgumentError(
        "a part of the split would be empty",
        got=f"{have} for {tuple(fractions)}",
        fix="use more samples, or fewer or larger parts",
    )


def _positions(part_of: Array, parts: int) -> list[Indices]:
    return [np.flatnonzero(part_of == part) for part in range(parts)]
