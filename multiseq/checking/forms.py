"""The form of targets against what the loss takes: one-hot or numbered, and of which shape."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .activations import BINARY, CATEGORICAL, HINGE, REGRESSION, SPARSE, units
from .outputs import Scored
from .report import Report

__all__ = ["check_form"]

Array = npt.NDArray[Any]


def check_form(scored: Scored, report: Report) -> bool:
    """Notes targets of another form than the loss takes; returns whether there are none."""
    shape = scored.shape
    if shape:
        k, inner = units(scored), scored.batch.shape[1:]
        flat = len(inner) == len(shape) - 1 or (len(inner) == len(shape) and inner[-1] == 1)
        whole = inner == tuple(shape)
        for check in (_check_single, _check_onehot, _check_numbers, _check_several):
            if k is not None and check(scored, k, whole, flat, report):
                return False
    return _check_shape(scored, report)


def _check_single(scored: Scored, k: int, whole: bool, flat: bool, report: Report) -> bool:
    name = scored.loss.name
    if name not in CATEGORICAL or k != 1:
        return False
    report.add(
        "error",
        f"{name} of one unit is always 0: nothing is learned",
        scored.leaf.label,
        got="an output of 1 unit",
        expected="a unit for each class",
        fix="Dense(1, activation='sigmoid') with loss='binary_crossentropy'; or a softmax of as "
        "many units as there are classes",
    )
    return True


def _check_onehot(scored: Scored, k: int, whole: bool, flat: bool, report: Report) -> bool:
    if scored.loss.name not in SPARSE or k < 2 or not whole:
        return False
    if not _is_onehot(scored.batch):
        return _check_rows(scored, k, report)
    report.add(
        "error",
        "targets are one-hot, and sparse_categorical_crossentropy takes the number of the class",
        scored.leaf.label,
        got=f"rows of {k} zeros and ones",
        expected=f"one number from 0 to {k - 1}",
        fix="compile with loss='categorical_crossentropy', or give y.argmax(-1)",
    )
    return True


def _check_rows(scored: Scored, k: int, report: Report) -> bool:
    """Several labels at once, or shares of classes: rows of which none is a number of a class."""
    low, high = float(scored.batch.min()), float(scored.batch.max())
    if low < 0 or high > 1:
        return False
    shares = np.allclose(scored.batch.astype(float).sum(-1), 1, atol=1e-2)
    report.add(
        "error",
        "targets are rows, and sparse_categorical_crossentropy takes the number of the class",
        scored.leaf.label,
        got=f"rows of {k} numbers from {low:g} to {high:g}",
        expected=f"one number from 0 to {k - 1}",
        fix="of shares of classes: loss='categorical_crossentropy'"
        if shares
        else "of several labels at once: activation='sigmoid' and loss='binary_crossentropy'",
    )
    return True


def _check_numbers(scored: Scored, k: int, whole: bool, flat: bool, report: Report) -> bool:
    name, batch = scored.loss.name, scored.batch
    if name not in CATEGORICAL | {"categorical_hinge"} or k < 2 or not flat:
        return False
    report.add(
        "error",
        f"targets are numbers of classes, and {name} takes one-hot rows",
        scored.leaf.label,
        got=f"samples of shape {batch.shape[1:]}, from {batch.min()} to {batch.max()}",
        expected=f"rows of {k}, of which one is 1",
        fix="compile with loss='sparse_categorical_crossentropy', or give "
        f"keras.utils.to_categorical(y, {k})",
    )
    return True


def _check_several(scored: Scored, k: int, whole: bool, flat: bool, report: Report) -> bool:
    if scored.loss.name not in BINARY or k < 2 or not flat or whole:
        return False
    report.add(
        "error",
        f"the output has {k} units, and the targets have one number for them",
        scored.leaf.label,
        got=f"samples of shape {scored.batch.shape[1:]}",
        expected=f"samples of shape {scored.shape}",
        fix=f"of {k} classes: a softmax, and loss='sparse_categorical_crossentropy'; of two: "
        "Dense(1, activation='sigmoid')",
    )
    return True


def _is_onehot(array: Array) -> bool:
    return bool(((array == 0) | (array == 1)).all() and (array.astype(float).sum(-1) == 1).all())


def _check_shape(scored: Scored, report: Report) -> bool:
    """Returns whether the loss meets each target with one output, and no other."""
    name, batch, output = scored.loss.name, scored.batch, scored.output
    if output is None or scored.shape is None:
        return True
    got, made = batch.shape[1:], output.shape[1:]
    if name in SPARSE:
        fits = got in (made[:-1], (*made[:-1], 1))
        expected = made[:-1]
    else:
        fits = made in (got, (*got, 1)) or got == (*made, 1)
        expected = made
    if fits:
        return True
    silent = name in REGRESSION | HINGE and _broadcasts(batch.shape, output.shape)
    report.add(
        "error",
        f"the shape of the targets is not that of the output {scored.name!r}"
        + (": Keras compares each with each, without a word" if silent else ""),
        scored.leaf.label,
        got=f"samples of shape {got}",
        expected=f"samples of shape {tuple(map(int, expected))}",
        fix=_shape_fix(got, made, scored),
    )
    return False


def _broadcasts(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    try:
        np.broadcast_shapes(one, other)
    except ValueError:
        return False
    return True


def _shape_fix(got: tuple[int, ...], made: tuple[int, ...], scored: Scored) -> str:
    name = scored.loss.name
    if scored.activation == "softmax" and got in (made[:-1], (*made[:-1], 1)):
        return (
            "of numbers of classes: loss='sparse_categorical_crossentropy'; else leave out the "
            "softmax, and let the last layer have 1 unit"
        )
    if len(got) == len(made) and got and got[:-1] == made[:-1] and name not in SPARSE:
        return f"let the last layer have {got[-1]} units, one for each number of the targets"
    if len(got) == 0 and made and made[-1] > 1:
        return "let the last layer have 1 unit, or give a number for each of its units"
    if len(made) > len(got):
        return (
            "let the model end with one row for each sample: return_sequences=False, Flatten "
            "or GlobalAveragePooling before the last layer"
        )
    return (
        "let the model return what the targets are: padding='same' in convolutions, an "
        "upsampling, return_sequences=True, or other units in the last layer"
    )
