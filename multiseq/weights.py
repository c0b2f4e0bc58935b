"""Sample weights of a batch: class weights, and 1 for outputs that have none."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import ArgumentError, SpecError
from .memory import aligned_empty
from .samples import Structure, outline

__all__ = ["Weighting", "check_weights"]

Array = npt.NDArray[Any]
Chunks = Callable[[], Iterator[Any] | None]


def check_weights(weights: Any, name: str) -> None:
    """Raises SpecError where the weights of some samples would make the loss NaN."""
    finite = np.isfinite(weights).all() if getattr(weights, "ndim", 0) else math.isfinite(weights)
    if not finite:
        raise SpecError(
            f"{name} holds NaN or infinity, which would make the loss NaN",
            got=weights,
            expected="finite weights",
            fix="leave these samples out, or give them weight 0",
        ).at(input=name)


class Weighting:
    """Completes the sample weights of batches.

    Keras wants a weight for every output once one output has weights, and refuses `class_weight`
    for models with several outputs; a weight for each sample says the same.

    Args:
        classes: How to weigh the classes of each output; the key is None where there is but one.
        dtype: Of the weights.
    """

    def __init__(self, classes: Mapping[Any, _Classes], dtype: str) -> None:
        self._classes, self._dtype = classes, np.dtype(dtype)

    @classmethod
    def of(
        cls, structure: Structure, class_weight: Any, dtype: str, chunks: Chunks
    ) -> Weighting | None:
        """Returns what completes batches of this structure, or None where they are complete.

        Args:
            structure: Of the samples.
            class_weight: {class: weight} or "balanced"; or such by output, where targets have
                names. A class that is left out has weight 1.
            dtype: Of the weights.
            chunks: Returns the targets of all samples, some rows at a time; None where they are
                not known before samples are loaded.

        Raises:
            ArgumentError: `class_weight` does not fit the targets.
            SpecError: There are weights for outputs that are not there.
        """
        targets, weights = structure.keys("targets"), structure.keys("sample_weight")
        classes: dict[Any, _Classes] = {}
        if class_weight is not None:
            _check(class_weight, targets)
            tables = class_weight if targets else {None: class_weight}
            classes = {name: _Classes(table) for name, table in tables.items()}
            _learn(classes, chunks)
        if targets is not None and weights:
            _check_nesting(structure, targets, weights)
        partial = targets is not None and weights is not None and weights != targets
        return cls(classes, dtype) if class_weight is not None or partial else None

    def __call__(self, batch: tuple[Any, ...]) -> tuple[Any, ...]:
        """Returns (inputs, targets, sample_weight), a weight for each sample and output."""
        inputs, targets = batch[0], batch[1]
        weights = batch[2] if len(batch) > 2 else None
        if not isinstance(targets, dict):
            return inputs, targets, self._weights(targets, weights, self._classes.get(None))
        own = weights if isinstance(weights, dict) else dict.fromkeys(targets, weights)
        return (
            inputs,
            targets,
            {
                name: self._weights(target, own.get(name), self._classes.get(name))
                for name, target in targets.items()
            },
        )

    def _weights(self, target: Array, own: Array | None, classes: _Classes | None) -> Array:
        if own is not None and classes is None:
            return own
        values = np.ones(len(target)) if classes is None else classes.weights(target)
        if own is not None:
            values, own = _aligned(values, own)
            values = values * own
        weights = aligned_empty(values.shape, self._dtype)
        weights[...] = values
        return weights


class _Classes:
    """The weight of each element's class, read from what the targets hold.

    Whether they are one-hot is told by all of them, and where these are not known by each batch.

    Args:
        table: {class: weight}, or "balanced".
    """

    def __init__(self, table: Any) -> None:
        self._is_balanced = isinstance(table, str)
        self._one_hot: bool | None = None
        self._table: dict[int, float] = {}
        if not self._is_balanced:
            self._table = {int(label): float(weight) for label, weight in table.items()}
        self._several: Array | None = None  # Of 0 and 1, and not one-hot, as is all that was seen.
        self._counts: Counter[int] = Counter()
        self._columns: Any = 0

    def learn(self, target: Array) -> bool:
        """Looks at some of the targets; returns whether it needs to see more."""
        _check_whole(target)
        vectors = target.ndim > 1 and target.shape[-1] > 1
        if self._is_balanced:
            self._counts.update(_counted(target))
            if vectors:
                self._columns = self._columns + target.reshape(-1, target.shape[-1]).sum(0)
        if not vectors:
            return self._is_balanced
        undecided = self._one_hot is not False or self._several is not None
        if self._one_hot is not False:
            self._one_hot = _is_one_hot(target)
        if undecided and not self._one_hot:
            self._several = target if _is_binary(target) else None
        return self._is_balanced or self._one_hot or self._several is not None

    def settle(self, known: bool) -> None:
        """All targets were seen, or, where they are not known, none."""
        if self._several is not None:
            self._check_one_label(self._several)
        if not self._is_balanced:
            return
        if not known:
            raise ArgumentError(
                'class_weight="balanced" needs to know all targets, and they are not known before '
                "the samples are loaded",
                fix="write target_rows(indices), which returns the targets of several samples "
                "and loads no inputs; or pass {class: weight}",
            )
        counts = dict(enumerate(self._columns.tolist())) if self._one_hot else self._counts
        counts = {label: count for label, count in counts.items() if count}
        mean = sum(counts.values()) / len(counts)
        self._table = {label: mean / count for label, count in counts.items()}

    def weights(self, target: Array) -> Array:
        """Returns the weight of each element of a batch's targets."""
        _check_whole(target)
        if target.ndim > 1 and target.shape[-1] == 1:
            target = target[..., 0]
        elif target.ndim > 1:
            if self._one_hot is None:
                self._one_hot = _is_one_hot(target)
                if not self._one_hot and _is_binary(target):
                    self._check_one_label(target)
            if self._one_hot:
                if not _is_one_hot(target):
                    raise _unfit(
                        target,
                        "one-hot in every batch, or in none",
                        "of classes for each step make targets[..., None]",
                    )
                target = target.argmax(-1)
        if not self._table:
            return np.ones(target.shape)
        labels = target.astype(np.int64)
        known = np.array(sorted(self._table), np.int64)
        values = np.array([self._table[label] for label in known.tolist()])
        place = np.searchsorted(known, labels).clip(max=len(known) - 1)
        return np.where(known[place] == labels, values[place], 1.0)

    def _check_one_label(self, target: Array) -> None:
        """Refuses targets of 0 and 1 that may be labels, several at once, of other weights."""
        last = max(self._table, default=-1)
        if target.ndim == 2 if self._is_balanced else last > 1 or last == target.shape[-1] - 1:
            raise _unfit(
                target,
                "one class for each element; these may be several labels at once",
                "weigh samples of several labels yourself, by sample_weight=; of classes of 0 and "
                "1 for each step make targets[..., None]",
            )


def _learn(classes: Mapping[Any, _Classes], chunks: Chunks) -> None:
    wanted, found = dict(classes), chunks()
    for targets in found or ():
        for name in list(wanted):
            target = np.asarray(targets if name is None else targets[name])
            if not wanted[name].learn(target):
                del wanted[name]
        if not wanted:
            break
    for each in classes.values():
        each.settle(known=found is not None)


def _counted(target: Array) -> dict[int, int]:
    labels, counts = np.unique(target.astype(np.int64), return_counts=True)
    return dict(zip(labels.tolist(), counts.tolist(), strict=True))


def _check_whole(target: Array) -> None:
    if target.dtype.kind not in "biuf" or (target.dtype.kind == "f" and _has_fractions(target)):
        raise _unfit(target, "whole numbers: classes, or one-hot")


def _is_binary(target: Array) -> bool:
    return bool(((target == 0) | (target == 1)).all())


def _is_one_hot(target: Array) -> bool:
    return _is_binary(target) and bool((np.count_nonzero(target, axis=-1) == 1).all())


def _has_fractions(target: Array) -> bool:
    return not bool((np.isfinite(target) & (target == np.round(target))).all())


def _unfit(target: Array, expected: str, fix: str | None = None) -> ArgumentError:
    return ArgumentError(
        "class_weight does not fit the targets",
        got=target,
        expected=f"targets of {expected}",
        fix=fix,
    )


def _aligned(values: Array, own: Array) -> tuple[Array, Array]:
    """Gives two arrays of weights the same axes: the batch is the first of both."""
    rank = max(values.ndim, own.ndim)
    both = [array.reshape(array.shape + (1,) * (rank - array.ndim)) for array in (values, own)]
    axes: Any = zip(both[0].shape[1:], both[1].shape[1:], strict=True)
    if all(mine == theirs or 1 in (mine, theirs) for mine, theirs in axes):
        return both[0], both[1]
    raise ArgumentError(
        "sample_weight and the weights by class_weight differ in shape",
        got=f"{own.shape} and {values.shape}",
        expected="the same axes, from the batch on",
    )


def _check(class_weight: Any, targets: tuple[Any, ...] | None) -> None:
    if targets == () and _is_table(class_weight):
        return
    names = targets if targets and isinstance(targets[0], str) else ()
    tables = class_weight if isinstance(class_weight, Mapping) else {}
    if names and tables and set(tables) <= set(names) and all(map(_is_table, tables.values())):
        return
    raise ArgumentError(
        "class_weight does not fit the targets",
        got=outline(class_weight),
        expected='{class: weight} or "balanced" for one target, and such by output for a dict of '
        f"them; these targets: {'none' if targets is None else targets or 'one'}",
        fix="of a Series make a dict by weights.to_dict(), of an array by dict(enumerate(weights))",
    )


def _is_table(table: Any) -> bool:
    """Whether this is {class: weight}, with classes as `argmax` gives them, or "balanced"."""
    if isinstance(table, str):
        return table == "balanced"
    return isinstance(table, Mapping) and all(
        isinstance(label, Real)
        and float(label).is_integer()
        and isinstance(weight, Real)
        and math.isfinite(weight)
        for label, weight in table.items()
    )


def _check_nesting(
    structure: Structure, targets: tuple[Any, ...], weights: tuple[Any, ...]
) -> None:
    named = isinstance(weights[0], str)
    if set(weights) <= set(targets) if named else weights == targets:
        return
    raise SpecError(
        "sample_weight does not go with the targets",
        got=", ".join(structure.names),
        expected="one weight for all outputs, or a weight for each by the same names; only "
        "weights by name may leave outputs out",
    )
