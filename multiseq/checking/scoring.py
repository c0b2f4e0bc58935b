"""Targets against the loss that reads them, and the function that makes the output."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .activations import (
    BINARY,
    CATEGORICAL,
    CROSS,
    ELEMENTWISE,
    HINGE,
    REGRESSION,
    SPARSE,
    check_activation,
    class_axis,
    units,
)
from .forms import check_form
from .outputs import Scored
from .report import Report

__all__ = ["check_targets"]

Array = npt.NDArray[Any]

_LEAST = 32  # Samples, before all being alike says something.
_RANGES = {
    **dict.fromkeys(("sigmoid", "softmax", "hard_sigmoid"), (0.0, 1.0)),
    "tanh": (-1.0, 1.0),
    **dict.fromkeys(("relu", "softplus", "exponential", "relu6"), (0.0, np.inf)),
}


def check_targets(scored: Scored, report: Report) -> None:
    """Notes what is wrong between a target, its output and its loss.

    Of a loss that is not Keras' own nothing is known, and nothing is said.
    """
    name, values = scored.loss.name, scored.values
    if name is None or name not in CROSS | ELEMENTWISE | {"kl_divergence", "categorical_hinge"}:
        return
    where = scored.leaf.label
    if scored.leaf.is_text:
        report.add(
            "error",
            f"targets are text, and the loss {name} takes numbers",
            where,
            got=f"{scored.leaf.dtype}, such as {str(values.flat[0])!r}",
            expected="numbers",
            fix="make classes of them: Labels() as a transform of the targets",
        )
        return
    if not values.size:
        return
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        bad = int((~np.isfinite(values)).reshape(len(values), -1).any(1).sum())
        report.add(
            "error",
            "targets hold NaN or infinity, which makes the loss and then all weights NaN",
            where,
            got=f"{bad} of {len(values)} samples looked at",
            fix="drop these samples, or give them a value and the weight 0",
        )
        return
    if check_form(scored, report):
        _check_values(scored, report)
        check_activation(scored, report)
        _check_alike(scored, report)


def _check_values(scored: Scored, report: Report) -> None:
    name, values = scored.loss.name, scored.values
    if name in SPARSE:
        _check_numbers(scored, report)
    elif name in CATEGORICAL or name == "kl_divergence":
        _check_distributions(scored, report)
    elif name in BINARY:
        low, high = _limits(values)
        if low < 0 or high > 1:
            report.add(
                "error",
                f"targets of {name} are not between 0 and 1",
                scored.leaf.label,
                got=f"from {low:g} to {high:g}",
                expected="0 to 1",
                fix=_binary_fix(values, low, high),
            )
    elif name in HINGE:
        low, high = _limits(values)
        if not np.isin(np.unique(values), (-1, 0, 1)).all():
            report.add(
                "error",
                f"targets of {name} are neither -1 and 1 nor 0 and 1",
                scored.leaf.label,
                got=f"from {low:g} to {high:g}",
                expected="-1 and 1",
                fix="number two classes -1 and 1, or take another loss",
            )
    elif name in REGRESSION:
        _check_regression(scored, report)


def _limits(values: Array) -> tuple[float, float]:
    return float(values.min()), float(values.max())


def _binary_fix(values: Array, low: float, high: float) -> str:
    different = np.unique(values[:10000])
    if low == -1 and high == 1 and len(different) <= 3:
        return "give (y + 1) / 2, or take loss='hinge' with a tanh"
    if high == 255:
        return "divide by 255: of masks y > 127, or scale=1/255 in ImageSequence"
    if len(different) == 2:
        return f"number the two classes 0 and 1: y == {different[1]:g}; Labels() does it"
    if (values == np.trunc(values)).all():
        return (
            "of several classes: a softmax of as many units, and "
            "loss='sparse_categorical_crossentropy'"
        )
    return "of quantities: a last layer without activation, and loss='mse'; or MinMax() for them"


def _check_numbers(scored: Scored, report: Report) -> None:
    """Numbers of classes: whole, from 0 to units - 1."""
    values, k, where = scored.values, units(scored), scored.leaf.label
    if values.dtype.kind == "f" and (values != np.trunc(values)).any():
        report.add(
            "error",
            "targets are numbers with fractions, and sparse_categorical_crossentropy takes the "
            "number of a class",
            where,
            got=f"such as {values[values != np.trunc(values)].flat[0]:g}",
            expected="whole numbers from 0 on",
            fix="of quantities: loss='mse' and a last layer without activation",
        )
        return
    kept = values if scored.loss.ignored is None else values[values != scored.loss.ignored]
    if k is None or not kept.size:
        return
    low, high = _limits(kept)
    if low < 0 or high >= k:
        classes = len(np.unique(kept))
        report.add(
            "error",
            f"numbers of classes that the {k} unit{'s' * (k > 1)} of output {scored.name!r} do not "
            "have: TensorFlow raises or trains on NaN, and others read garbage",
            where,
            got=f"{classes} classes, numbered {low:g} to {high:g}",
            expected=f"0 to {k - 1}",
            fix=_numbers_fix(kept, k),
        )


def _numbers_fix(values: Array, k: int) -> str:
    different = np.unique(values).astype(np.int64)
    low, high, classes = int(different[0]), int(different[-1]), len(different)
    if k == 1:
        return (
            "one unit is for two classes: Dense(1, activation='sigmoid') with "
            f"loss='binary_crossentropy'; else Dense({high + 1}, activation='softmax')"
        )
    if low >= 1 and high - low + 1 <= k:
        return f"number the classes from 0: y - {low}; Labels() as a transform of targets does it"
    spare = low if low < 0 else high
    rest = different[different != spare]
    if spare in (-1, 255) and len(rest) and rest[0] >= 0 and rest[-1] < k:
        return (
            f"if {spare} stands for no label: SparseCategoricalCrossentropy(ignore_class={spare}); "
            f"if it is a class: Labels() as a transform of targets, and {classes} units"
        )
    if low < 0 and classes > k:
        return f"number the classes from 0: Labels() as a transform of targets, and {classes} units"
    if low < 0 or classes <= k:
        return "number the classes from 0 without holes: Labels() as a transform of targets"
    return f"let the last layer have {high + 1} units"


def _check_distributions(scored: Scored, report: Report) -> None:
    """Rows of probabilities: from 0 on, and 1 in all."""
    values, name, where = scored.values.astype(np.float64), scored.loss.name, scored.leaf.label
    low, high = _limits(values)
    if low < 0 or high > 1 + 1e-3:
        report.add(
            "error",
            f"targets of {name} are not between 0 and 1",
            where,
            got=f"from {low:g} to {high:g}",
            expected="rows of numbers from 0 to 1, which are 1 in all",
            fix="give one-hot rows, or divide by 255 what is read from an image"
            if high != 255
            else "divide by 255",
        )
        return
    axis = class_axis(scored)
    sums = values.sum(axis)
    bad = np.abs(sums - 1) > 1e-2
    if bad.any() and values.shape[axis] > 1:
        report.add(
            "error",
            f"rows of targets are not 1 in all, which {name} takes them to be",
            where,
            got=f"{int(bad.sum())} of {bad.size} rows, with sums from {sums.min():g} to "
            f"{sums.max():g}",
            expected="rows that are 1 in all",
            fix="of several labels at once: activation='sigmoid' and loss='binary_crossentropy'",
        )


def _check_regression(scored: Scored, report: Report) -> None:
    """Targets must lie where the output can reach, and where the loss is defined."""
    name, values, where = scored.loss.name, scored.values, scored.leaf.label
    low, high = _limits(values)
    reach = _RANGES.get(scored.activation or "")
    if reach is not None and (low < reach[0] - 1e-6 or high > reach[1] + 1e-6):
        report.add(
            "error",
            f"the output {scored.name!r} ends in {scored.activation} and cannot reach the targets",
            where,
            got=f"targets from {low:g} to {high:g}",
            expected=f"from {reach[0]:g} to {reach[1]:g}",
            fix="leave out the last activation, or scale the targets: MinMax() as a transform"
            if np.isfinite(reach[1])
            else "leave out the last activation",
        )
    elif name in ("poisson", "mean_squared_logarithmic_error") and low < 0:
        report.add(
            "error",
            f"targets of {name} are below 0",
            where,
            got=f"from {low:g} to {high:g}",
            expected="0 or more",
            fix="take another loss: 'mse', or 'huber' where some lie far out",
        )
    elif name == "mean_absolute_percentage_error" and (values == 0).any():
        report.add(
            "error",
            "targets are 0, and the loss divides by them",
            where,
            got=f"{int((values == 0).sum())} of {values.size}",
            expected="targets that are not 0",
            fix="take 'mae', or leave these samples out",
        )


def _check_alike(scored: Scored, report: Report) -> None:
    values = scored.values
    if len(values) >= _LEAST and (values == values[:1]).all():
        report.add(
            "warning",
            "all targets are alike: there is nothing to learn from",
            scored.leaf.label,
            got=f"{len(values)} samples looked at, each {values.flat[0]:g}"
            if values[0].size == 1
            else f"{len(values)} samples looked at",
            expected="targets that differ",
            fix="are they read from the right place, and is this the right split?",
        )
