"""What inputs and weights hold: numbers that are none, that never change, that tell the target."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .._keras_model import flat
from .forward import Ran
from .looking import Leaf, Look
from .report import Report

__all__ = ["check_inputs", "check_leaks", "check_weights"]

Array = npt.NDArray[Any]

_LEAST = 16  # Samples, before what they share says something.


def check_inputs(data: Look, ran: Ran, report: Report) -> None:
    """Notes inputs that hold NaN or infinity, or are the same in all samples."""
    for leaf in data.inputs:
        if leaf.dtype.kind == "f":
            _check_finite(leaf, ran, report)
        if not leaf.is_text:
            if not str(leaf.key).endswith("_present"):
                _check_constant(leaf, report)
            _check_blank(leaf.there, report)
    _check_twins(data, report)


def _check_finite(leaf: Leaf, ran: Ran, report: Report) -> None:
    bad = sum(int((~np.isfinite(each)).reshape(len(each), -1).any(1).sum()) for each in leaf.arrays)
    if not bad:
        return
    first = leaf.arrays[0][: len(flat(ran.outputs)[0])] if ran.outputs is not None else None
    if ran.facts.inputs is None and first is not None and not np.isfinite(first).all():
        made = [each for each in flat(ran.outputs) if each.dtype.kind == "f"]
        if all(np.isfinite(each).all() for each in made):
            return  # A model of the user's own that knows what to do with them.
    has_nan = any(np.isnan(each).any() for each in leaf.arrays)
    looked = sum(map(len, leaf.arrays))
    report.add(
        "error",
        f"{'NaN' if has_nan else 'infinity'} among the inputs, which makes the loss and then all "
        "weights NaN",
        leaf.label,
        got=f"in {bad} of {looked} samples looked at ({bad / looked:.0%})",
        expected="finite numbers",
        fix="fill or drop missing values before; Standardize and MinMax learn without them",
    )


def _check_constant(leaf: Leaf, report: Report) -> None:
    rows = leaf.rows
    if len(rows) < _LEAST or not rows[0].size or leaf.dtype.kind == "b":
        return
    if not (rows == rows[:1]).all():
        return
    value = rows.flat[0]
    alike = bool((rows[0] == value).all())
    if leaf.dtype.kind in "iu" and (not alike or value in (0, 1)):
        return  # Positions, masks and segments are the same everywhere, and rightly so.
    report.add(
        "warning",
        "the input is the same in all samples",
        leaf.label,
        got=f"{value:g} everywhere" if alike else f"{len(rows)} samples that are alike",
        expected="samples that differ",
        fix="is it read from the right place? If so, leave the input out",
    )


def _check_blank(leaf: Leaf, report: Report) -> None:
    """Pictures of one color, as of files that are damaged."""
    shape = leaf.rows.shape
    if len(shape) != 4 or shape[-1] not in (1, 3, 4) or min(shape[1:3]) < 8:
        return
    if shape[0] < _LEAST:
        return
    rows = leaf.rows.reshape(len(leaf.rows), -1)
    blank = (rows == rows[:, :1]).all(1) & (rows[:, 0] == rows.min())
    if 0.1 < blank.mean() < 1:
        report.add(
            "warning",
            "many pictures are blank",
            leaf.label,
            got=f"{int(blank.sum())} of {len(rows)} looked at, {rows.min():g} everywhere",
            expected="pictures",
            fix="are files damaged or missing? Look with seq.show(), and leave these keys out",
        )


def _check_twins(data: Look, report: Report) -> None:
    """Two inputs that are the same thing."""
    leaves = [leaf for leaf in data.inputs if leaf.dtype.kind == "f"]
    for number, leaf in enumerate(leaves):
        for other in leaves[:number]:
            if leaf.shape != other.shape or None in leaf.shape:
                continue
            rows, theirs = leaf.rows, other.rows
            varied = len(rows) >= _LEAST and (rows != rows[:1]).any()
            if varied and rows[0].size and np.array_equal(rows, theirs):
                report.add(
                    "warning",
                    f"the input is the same as {other.label} in every sample",
                    leaf.label,
                    expected="inputs that differ",
                    fix="is one of them read from the wrong place?",
                )


def check_leaks(data: Look, report: Report) -> None:
    """Notes an input of which one number is the target."""
    for target in data.targets:
        rows = target.rows
        if target.is_text or rows.size != len(rows) or len(rows) < 2 * _LEAST:
            continue
        values = rows.reshape(-1)
        if len(np.unique(values)) < 2:
            continue
        for leaf in data.inputs:
            if leaf.is_text or not leaf.shape or None in leaf.shape or len(leaf.rows) != len(rows):
                continue
            table = leaf.rows.reshape(len(rows), -1)
            if table.shape[1] < 2 or table.shape[1] > 4096:
                continue
            same = (table == values[:, None]).all(0)
            if same.any():
                columns = np.flatnonzero(same)[:3].tolist()
                report.add(
                    "warning",
                    f"the input holds the target itself, as its number {columns[0]}"
                    if len(columns) == 1
                    else f"the input holds the target itself, as its numbers {columns}",
                    leaf.label,
                    got=f"equal to {target.label} in all {len(rows)} samples looked at",
                    expected="inputs that are known before the target is",
                    fix="leave that column out of the inputs",
                )


def check_weights(data: Look, report: Report) -> None:
    """Notes sample weights that are negative, or all 0."""
    for leaf in data.weights:
        values = np.concatenate([each.reshape(-1) for each in leaf.arrays])
        if not values.size:
            continue
        if values.min() < 0:
            report.add(
                "error",
                "sample weights are negative: training makes these samples worse",
                leaf.label,
                got=f"from {values.min():g} to {values.max():g}",
                expected="0 or more",
                fix="give weights of 0 or more",
            )
        elif values.max() == 0:
            report.add(
                "error",
                "all sample weights are 0: nothing is learned",
                leaf.label,
                got=f"{len(values)} zeros",
                expected="weights above 0",
                fix="does 0 mark what counts? Then give 1 - weight",
            )
