"""Which fold of a cross-validation each sample is held out in.

Each function returns the number of a fold, from 0, for each sample. All draws are functions of the
seed. The folds are those of scikit-learn's `KFold`, `StratifiedKFold`, `GroupKFold`,
`StratifiedGroupKFold` and `TimeSeriesSplit`, with samples of any kind of key.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError, few
from ..order import Indices, Permutation
from .splitting import best_filling, coded_classes

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "fold_classes",
    "fold_groups",
    "fold_groups_and_classes",
    "fold_positions",
    "fold_times",
    "scattered_classes",
]

_FOLD_EPOCH = (1 << 32) - 2


def fold_positions(n: int, k: int, seed: int) -> Indices:
    """Returns folds at random, whose sizes differ by at most one.

    Raises:
        ArgumentError: There are fewer samples than folds.
    """
    _check_enough(n, f"{n} samples", k)
    fold_of = np.empty(n, np.int64)
    fold_of[_drawn(n, seed)] = np.arange(n) % k
    return fold_of


def fold_classes(labels: pd.Series[Any], k: int, seed: int) -> Indices:
    """Returns folds at random, whose sizes, and whose counts of each class, differ by at most one.

    Raises:
        ArgumentError: A class has fewer samples than there are folds.
    """
    codes, names = coded_classes(labels)
    _check_classes(codes, names, k)
    order = _drawn(len(codes), seed)
    order = order[np.argsort(codes[order], kind="stable")]
    fold_of = np.empty(len(codes), np.int64)
    fold_of[order] = np.arange(len(codes)) % k  # Dealt out like cards, one class after the other.
    return fold_of


def fold_groups(groups: pd.Series[Any], k: int, seed: int) -> Indices:
    """Returns folds that no group is divided among, of about one size.

    Greedy: the groups, from large to small and at random among equals, go where the fewest
    samples are.

    Raises:
        ArgumentError: There are fewer groups than folds.
    """
    codes, names = groups.factorize()
    _check_enough(len(names), f"{len(names)} groups ({few(names.tolist())})", k)
    sizes = np.bincount(codes)
    order = _from_large_to_small(sizes, seed)
    folds = [(0, fold) for fold in range(k)]
    found = []
    for size in sizes[order].tolist():
        filled, fold = folds[0]
        found.append(fold)
        heapq.heapreplace(folds, (filled + size, fold))
    fold_of = np.empty(len(names), np.int64)
    fold_of[order] = found
    return np.asarray(fold_of[codes], np.int64)


def fold_groups_and_classes(
    groups: pd.Series[Any], labels: pd.Series[Any], k: int, seed: int
) -> Indices:
    """Returns folds that no group is divided among, with classes in about the same proportions.

    Greedy, as `best_filling` is; sizes count like one more class.

    Raises:
        ArgumentError: There are fewer groups than folds, a class has fewer samples than there are
            folds, or no group is left for a fold.
    """
    codes, names = groups.factorize()
    classes, class_names = coded_classes(labels)
    have = f"{len(names)} groups ({few(names.tolist())})"
    _check_enough(len(names), have, k)
    _check_classes(classes, class_names, k)
    shape = len(names), len(class_names)
    table = np.bincount(codes * shape[1] + classes, minlength=shape[0] * shape[1]).reshape(shape)
    sizes = table.sum(1)
    table = np.column_stack([table, sizes]).astype(float)
    found = best_filling(table, np.full(k, 1 / k), _from_large_to_small(sizes, seed))
    if len(np.unique(found)) < k:
        raise _too_few(have, k)
    return np.asarray(found[codes], np.int64)


def scattered_classes(groups: pd.Series[Any], labels: pd.Series[Any], k: int) -> list[Any]:
    """Returns the classes that are in fewer groups than there are folds: some folds lack them."""
    pairs = groups.to_frame("group").assign(label=labels).drop_duplicates()
    counts = pairs["label"].value_counts(sort=False)
    return list(counts.index[counts < k])


def fold_times(
    first: npt.NDArray[Any], last: npt.NDArray[Any], k: int
) -> tuple[Indices, Indices, npt.NDArray[Any]]:
    """Returns how many test parts have begun when each sample begins, and when it ends.

    The k test parts come one after the other. They are of n // (k + 1) samples, as nearly as can
    be: samples that begin at one time stay together.

    Args:
        first: Time of each sample's beginning, as `as_times` gives it.
        last: Time of each sample's end, which still belongs to it.
        k: Number of test parts.

    Returns:
        Two arrays of shape (n,); they differ where a cut goes through. The times of the cuts, at
        which the test parts begin.

    Raises:
        ArgumentError: There are too few times, or samples are so long that a part is empty.
    """
    cuts = _cuts(first, k)
    begins = np.searchsorted(cuts, first, side="right")
    ends = np.searchsorted(cuts, last, side="right")
    sizes = np.bincount(begins[begins == ends], minlength=k + 1)
    if not sizes.all():
        raise ArgumentError(
            "a part of a fold would be empty",
            got=f"parts of {', '.join(map(str, sizes))} samples, cut at "
            f"{', '.join(map(str, cuts))}; times from {first.min()} to {last.max()}",
            fix="ask for fewer folds, or shorter samples: those longer than a part fit into none",
        )
    return begins, ends, cuts


def _cuts(first: npt.NDArray[Any], k: int) -> npt.NDArray[Any]:
    times, before = np.unique(np.sort(first), return_index=True)
    n, most = len(first), len(times)
    if most <= k:
        raise ArgumentError(
            "there are too few times for so many folds",
            got=f"{most} different times among {n} samples, for {k} folds",
            expected=f"at least {k + 1}: one to train on, and one for each fold",
            fix=f"ask for at most {most - 1} folds" if most > 2 else None,
        )
    wanted = n - n // (k + 1) * np.arange(k, 0, -1)
    after = np.searchsorted(before, wanted).clip(1, most - 1)
    cuts = after - (wanted - before[after - 1] < before[after] - wanted)
    for fold in range(k):  # At least one time each: for this one, and for those that follow.
        least = cuts[fold - 1] + 1 if fold else 1
        cuts[fold] = min(max(cuts[fold], least), most - (k - fold))
    return np.asarray(times[cuts])


def _drawn(n: int, seed: int) -> Indices:
    return Permutation(n, seed, _FOLD_EPOCH)(np.arange(n))


def _from_large_to_small(sizes: npt.NDArray[Any], seed: int) -> Indices:
    order = _drawn(len(sizes), seed)
    return order[np.argsort(-sizes[order], kind="stable")]


def _check_classes(codes: Indices, names: Any, k: int) -> None:
    counts = np.bincount(codes)
    if (rare := counts < k).any():
        least = counts[rare].tolist()
        named = dict(zip(names[rare].tolist(), least, strict=True))
        shown = ", ".join(f"{name!r} ({count})" for name, count in list(named.items())[:5])
        raise ArgumentError(
            f"{len(named)} of {len(names)} classes have fewer samples than there are folds",
            got=f"{shown}{', …' if len(named) > 5 else ''}, for {k} folds",
            expected=f"at least {k} samples of each class",
            fix="ask for fewer folds, put rare classes together, or leave them out by subset()",
        )


def _check_enough(count: int, have: str, k: int) -> None:
    if count < k:
        raise _too_few(have, k)


def _too_few(have: str, k: int) -> ArgumentError:
    return ArgumentError(
        "a fold would be empty",
        got=f"{have} for {k} folds",
        fix="ask for fewer folds",
    )
