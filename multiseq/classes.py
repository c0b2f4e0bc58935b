"""Classes and their weights: what targets are coded as, and how often there is each."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import ArgumentError

__all__ = ["Classes", "is_table"]

Array = npt.NDArray[Any]

_ENOUGH = 1 << 24  # Elements that tell the coding; what is served later is checked all the same.


class Classes:
    """The weight of each element's class, read from what the targets hold.

    Whether they are one-hot is told by who made them; else by all of them, and where these are not
    known by the first sample, so that it is the same in every batch. A batch that does not fit is
    refused.

    Args:
        table: {class: weight}, or "balanced".
        shape: Of one sample's targets; None for an axis of any length.
        one_hot: Whether they are one-hot, where that is known.
    """

    def __init__(
        self, table: Any, shape: tuple[int | None, ...], one_hot: bool | None = None
    ) -> None:
        self._is_balanced = isinstance(table, str)
        self._shape = shape
        self._is_column = shape[-1:] == (1,)
        self._is_known = one_hot is not None
        # Until it is known better.
        self._one_hot = bool(shape) and shape[-1] not in (1, None) and one_hot is not False
        self._several: Array | None = None  # Of 0 and 1, and not one-hot, as is all that was seen.
        self._seen = 0
        self._counts: Counter[int] = Counter()
        self._table: dict[int, float] = {}
        if not self._is_balanced:
            self._table = {int(label): float(weight) for label, weight in table.items()}

    @property
    def is_balanced(self) -> bool:
        """Whether the weights come from how often there is each class."""
        return self._is_balanced

    def tell(self, target: Array) -> bool:
        """Looks at some of the targets; returns whether it needs to see more."""
        target = np.asarray(target)
        self._check(target)
        self._seen += target.size
        if self._is_known:
            return False
        if self._one_hot:
            self._one_hot = _is_one_hot(target)
            if not self._one_hot and self._may_be_several:
                self._several = target
        if self._several is not None and not _is_binary(target):
            self._several = None
        return (self._one_hot or self._several is not None) and self._seen < _ENOUGH

    def settle(self) -> None:
        """All that is needed was seen."""
        if self._several is not None:
            raise _unfit(
                self._several,
                "one class for each element; these may be several labels at once",
                "weigh samples of several labels yourself, by sample_weight=; of classes of 0 and "
                "1 for each step make targets[..., None]",
            )
        columns = self._shape[-1] if self._one_hot else None
        if columns and not all(0 <= label < columns for label in self._table):
            raise ArgumentError(
                "class_weight has classes that one-hot targets do not have",
                got=", ".join(map(str, self._table)),
                expected=f"classes from 0 to {columns - 1}, as argmax gives them",
            )

    @property
    def _may_be_several(self) -> bool:
        """Whether 0 and 1 that are not one-hot may be labels, several at once.

        With more axes than one they are classes (masks, say), unless weights are of others.
        """
        last = max(self._table, default=-1)
        return len(self._shape) == 1 or last > 1 or self._shape[-1] == last + 1

    def count(self, target: Array) -> None:
        """Counts the classes of some of the targets, but for those that are masked."""
        labels = self._labels(np.asarray(target))
        if isinstance(target, np.ma.MaskedArray):
            missing = np.ma.getmaskarray(target)
            labels = labels[~(missing.any(-1) if missing.ndim > labels.ndim else missing)]
        self._counts.update(_counted(labels))

    def balance(self) -> None:
        """Makes weights of the counts, as scikit-learn does."""
        mean = self._counts.total() / max(1, len(self._counts))
        self._table = {label: mean / count for label, count in self._counts.items()}

    def weights(self, target: Array) -> Array:
        """Returns the weight of each element of a batch's targets."""
        labels = self._labels(target)
        if not self._table:
            return np.ones(labels.shape)
        known = np.array(sorted(self._table), np.int64)
        values = np.array([self._table[label] for label in known.tolist()])
        place = np.searchsorted(known, labels).clip(max=len(known) - 1)
        return np.where(known[place] == labels, values[place], 1.0)

    def _labels(self, target: Array) -> Array:
        """Returns the class of each element."""
        self._check(target)
        if self._is_column:
            target = target[..., 0]
        elif self._one_hot:
            if not _is_one_hot(target):
                raise _unfit(
                    target,
                    "one-hot in every batch, or in none",
                    "of classes for each step make targets[..., None]",
                )
            classes: Array = target.argmax(-1)
            return classes
        return target.astype(np.int64)

    def _check(self, target: Array) -> None:
        if target.dtype.kind not in "biuf":
            raise _unfit(
                target,
                "whole numbers: classes, or one-hot",
                "number classes that are text: transforms={'targets': Labels()}",
            )
        if target.dtype.kind == "f" and _has_fractions(target):
            raise _unfit(
                target,
                "whole numbers: classes, or one-hot",
                "weigh samples of other targets yourself, by sample_weight=",
            )
        if target.ndim != len(self._shape) + 1:
            raise ArgumentError(
                "target_rows returns other targets than the samples have",
                got=f"shape {target.shape[1:]} for each sample, and {self._shape}",
                expected="the same, with a leading axis",
            )


def _counted(labels: Array) -> dict[int, int]:
    found, counts = np.unique(labels, return_counts=True)
    return dict(zip(found.tolist(), counts.tolist(), strict=True))


def _is_binary(target: Array) -> bool:
    return bool(((target == 0) | (target == 1)).all())


def _is_one_hot(target: Array) -> bool:
    return _is_binary(target) and bool((np.count_nonzero(target, axis=-1) == 1).all())


def _has_fractions(target: Array) -> bool:
    return not bool((np.isfinite(target) & (target == np.round(target))).all())


def _unfit(target: Array, expected: str, fix: str) -> ArgumentError:
    return ArgumentError(
        "class_weight does not fit the targets",
        got=target,
        expected=f"targets of {expected}",
        fix=fix,
    )


def is_table(table: Any) -> bool:
    """Whether this is {class: weight}, with classes as `argmax` gives them, or "balanced"."""
    if isinstance(table, str):
        return table == "balanced"
    return isinstance(table, Mapping) and all(
        isinstance(label, Real | np.bool_)
        and float(label).is_integer()
        and isinstance(weight, Real)
        and math.isfinite(weight)
        for label, weight in table.items()
    )
