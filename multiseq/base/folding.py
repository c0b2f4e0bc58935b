"""Folds of a sequence, for cross-validation."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any, Generic, Self, TypeVar

import numpy as np
import numpy.typing as npt

from ..checks import check_count
from ..errors import ArgumentError, few, naming
from ..keys.folding import (
    fold_classes,
    fold_groups,
    fold_groups_and_classes,
    fold_positions,
    fold_times,
    scattered_classes,
)
from ..order import Indices
from .dividing import Dividing
from .families import Scope

__all__ = ["Folding", "Folds"]

_log = logging.getLogger("multiseq")

Part = TypeVar("Part")
Mask = npt.NDArray[np.bool_]


class Folds(Generic[Part]):
    """The (train, test) pairs of a cross-validation, as `folds` returns them.

    Which sample is where is fixed. The pairs are made as one asks for them, and each pass makes
    new ones, which have learned nothing; `list(folds)` keeps them.
    """

    def __init__(self, count: int, make: Callable[[int], tuple[Part, Part]]) -> None:
        self._count, self._make = count, make

    def __len__(self) -> int:
        """Number of folds."""
        return self._count

    def __iter__(self) -> Iterator[tuple[Part, Part]]:
        """Yields (train, test) of each fold."""
        return map(self._make, range(self._count))

    def __repr__(self) -> str:
        return f"<Folds: {self._count} pairs of (train, test)>"


class Folding(Dividing):
    """The side of a sequence that divides its samples among the folds of a cross-validation."""

    def folds(
        self, k: int = 5, *, groups: Any = None, stratify: Any = None, by_time: Any = None
    ) -> Folds[Self]:
        """Returns the (train, test) pairs of a cross-validation, drawn at random by the seed.

            >>> for train, test in seq.folds(5, groups=patients):
            ...     train.adapt()
            ...     model = build()
            ...     model.fit(train, validation_data=test)

        The test parts are disjoint, and together they are all samples; each train part is what its
        test part leaves. As in a split, train keeps shuffling, sampling and augmenting; test is in
        source order and plain, and not learned from. Each fold learns by itself: what `adapt`
        learns, its train and test share, and nobody else is fed.

        What belongs to samples (groups, classes, times) is an array in source order, a Series or a
        dict by key, or the name of a level of the keys.

        Args:
            k: Number of folds, at least 2. Their sizes differ by at most one sample.
            groups: Such as patients: those of one group are in one test part. Test parts are of
                about one size, as the groups' sizes allow.
            stratify: Classes: how often each is in a test part differs by at most one. With
                `groups` too, as nearly as can be: a class that is in fewer groups than there are
                folds cannot be in each test part, and is reported.
            by_time: The samples' times (dates, text in ISO 8601 or numbers), or True for those
                that the sequence knows by itself (`time_spans`). The samples are cut in order of
                time into k + 1 parts of about one size, and fold i trains on all that ended before
                part i + 1, which is its test. So the earliest samples are in no test part.
                Samples that a cut goes through are in none either, and are reported; they are
                trained on once they are over.

        Raises:
            ArgumentError: There are fewer samples, groups or times than folds need, or a class has
                fewer samples; or two ways to divide exclude each other.
            AlignmentError: A sample has no group, class or time.
        """
        with naming(self.called):
            self._check_number(k)
            self._warn_of_taught("each fold's test part")
            if by_time is None or by_time is False:
                fold_of = self._folded(k, groups, stratify)
                return Folds(k, lambda fold: self._fold(fold_of != fold, fold_of == fold))
            _check_alone(groups, stratify)
            begins, ends = self._folded_by_time(k, by_time)
        return Folds(
            k, lambda fold: self._fold(ends <= fold, (begins == fold + 1) & (ends == fold + 1))
        )

    def _fold(self, train: Mask, test: Mask) -> tuple[Self, Self]:
        """Returns a fold, which learns copies of what the whole may have learned."""
        with naming(self.called):
            rows = [np.flatnonzero(train), np.flatnonzero(test)]
            first, held_out = self._parts(rows, scope=Scope(borrows=True))
            return first, held_out

    def _check_number(self, k: Any) -> None:
        check_count("number of folds", k, 2, "such as folds(5)")
        if k > self.num_samples:
            raise ArgumentError(
                "there are more folds than samples",
                got=f"folds({k}) of {self.num_samples} samples",
                expected="at least one sample in each",
            )

    def _folded(self, k: int, groups: Any, stratify: Any) -> Indices:
        """Returns the fold in whose test part each sample is."""
        seed = self._settings.seed
        if groups is None:
            self._warn_of_times("random folds")
            if stratify is None:
                return fold_positions(self.num_samples, k, seed)
            return fold_classes(self._per_sample(stratify, "stratify"), k, seed)
        grouped = self._per_sample(groups, "groups")
        if stratify is None:
            return fold_groups(grouped, k, seed)
        classes = self._per_sample(stratify, "stratify")
        fold_of = fold_groups_and_classes(grouped, classes, k, seed)
        if rare := scattered_classes(grouped, classes, k):
            _log.warning(
                "%s: classes that are in fewer than %d groups are not in each fold's test part: %s",
                self.called,
                k,
                few(rare),
            )
        return fold_of

    def _folded_by_time(self, k: int, by_time: Any) -> tuple[Indices, Indices]:
        """Returns how many test parts have begun when each sample begins, and when it ends."""
        first, last, _ = self._spans(by_time)
        begins, ends, at = fold_times(first, last, k)
        if len(crossed := np.flatnonzero(begins != ends)):
            _log.warning(
                "%s: %d samples that a cut goes through (at %s) are in no test part: %s",
                self.called,
                len(crossed),
                ", ".join(map(str, at)),
                few(self.keys[crossed]),
            )
        return begins, ends


def _check_alone(groups: Any, stratify: Any) -> None:
    if groups is not None or stratify is not None:
        raise ArgumentError(
            "folds cannot go by all of these at once",
            got="by_time with groups or stratify",
            expected="one of them; or groups with stratify",
        )
