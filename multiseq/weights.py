"""Sample weights of a batch: class weights, and 1 for outputs that have none."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import ArgumentError, SpecError
from .memory import aligned_empty
from .samples import Structure, outline

__all__ = ["Weighting"]

Array = npt.NDArray[Any]


class Weighting:
    """Completes the sample weights of batches.

    Keras wants a weight for every output once one output has weights, and refuses `class_weight`
    for models with several outputs; a weight for each sample says the same.

    Args:
        class_weight: {class: weight}, or {output: {class: weight}} where targets have names.
            A class that is left out has weight 1.
        dtype: Of the weights.
    """

    def __init__(self, class_weight: Mapping[Any, Any] | None, dtype: str) -> None:
        self._class_weight, self._dtype = class_weight, np.dtype(dtype)
        self._one_hot: dict[Any, bool] = {}

    @classmethod
    def of(cls, structure: Structure, class_weight: Any, dtype: str) -> Weighting | None:
        """Returns what completes batches of this structure, or None where they are complete.

        Raises:
            ArgumentError: `class_weight` does not fit the targets.
            SpecError: There are weights for outputs that are not there.
        """
        targets, weights = structure.keys("targets"), structure.keys("sample_weight")
        if class_weight is not None:
            _check(class_weight, targets)
        if targets is not None and weights:
            _check_nesting(structure, targets, weights)
        partial = targets is not None and weights is not None and weights != targets
        return cls(class_weight, dtype) if class_weight is not None or partial else None

    def __call__(self, batch: tuple[Any, ...]) -> tuple[Any, ...]:
        """Returns (inputs, targets, sample_weight), a weight for each sample and output."""
        inputs, targets = batch[0], batch[1]
        weights = batch[2] if len(batch) > 2 else None
        if not isinstance(targets, dict):
            return inputs, targets, self._weights(targets, weights, self._class_weight)
        own = weights if isinstance(weights, dict) else dict.fromkeys(targets, weights)
        classes = self._class_weight or {}
        return (
            inputs,
            targets,
            {
                name: self._weights(target, own.get(name), classes.get(name))
                for name, target in targets.items()
            },
        )

    def _weights(self, target: Array, own: Array | None, classes: Any) -> Array:
        if own is not None and classes is None:
            return own
        values = np.ones(len(target)) if classes is None else self._by_class(target, classes)
        if own is not None:
            values, own = _aligned(values, own)
            values = values * own
        weights = aligned_empty(values.shape, self._dtype)
        weights[...] = values
        return weights

    def _by_class(self, target: Array, classes: Mapping[Any, float]) -> Array:
        """The weight of each element's class, read from what the targets hold."""
        if target.dtype.kind not in "biuf" or (target.dtype.kind == "f" and _has_fractions(target)):
            raise _unfit(target, "whole numbers: classes, or one-hot")
        if target.ndim > 1 and target.shape[-1] == 1:
            target = target[..., 0]
        elif target.ndim > 1:
            one_hot = _is_one_hot(target)
            if (
                not one_hot
                and max(classes, default=-1) == target.shape[-1] - 1
                and _is_binary(target)
            ):
                raise _unfit(
                    target,
                    "one class for each element; these may be several labels at once",
                    "weigh samples of several labels yourself, by sample_weight=; of classes of "
                    "0 and 1 for each step make targets[..., None]",
                )
            if self._one_hot.setdefault((target.shape[1:], id(classes)), one_hot) != one_hot:
                raise _unfit(
                    target,
                    "one-hot in every batch, or in none",
                    "of classes for each step make targets[..., None]",
                )
            target = target.argmax(-1) if one_hot else target
        if not classes:
            return np.ones(target.shape)
        labels = target.astype(np.int64)
        known = np.array(sorted(classes), np.int64)
        values = np.array([classes[label] for label in known.tolist()], float)
        place = np.searchsorted(known, labels).clip(max=len(known) - 1)
        return np.where(known[place] == labels, values[place], 1.0)


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
    named = bool(targets) and isinstance(targets[0] if targets else None, str)
    if isinstance(class_weight, Mapping) and targets is not None:
        tables = list(class_weight.values()) if named else [class_weight]
        known = set(class_weight) <= set(targets) if named else not targets
        if known and all(map(_is_table, tables)):
            return
    raise ArgumentError(
        "class_weight does not fit the targets",
        got=outline(class_weight),
        expected="{class: weight} for one target, {output: {class: weight}} for a dict of them; "
        f"these targets: {'none' if targets is None else targets or 'one'}",
    )


def _is_table(table: Any) -> bool:
    """Whether this is {class: weight}, with classes as `argmax` gives them."""
    return isinstance(table, Mapping) and all(
        isinstance(label, int | np.integer) and isinstance(weight, Real) and math.isfinite(weight)
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
