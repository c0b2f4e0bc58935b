"""How samples are served, against what training does with it: order, batches, shares."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._keras_run import has_batch_norm
from ..distribution import doubt_of
from ..errors import ArgumentError
from .looking import Look
from .report import Report

__all__ = ["check_serving"]

_MOST_CLASSES = 1000


def check_serving(seq: Any, model: Any, data: Look, report: Report) -> None:
    """Notes an order, a batch size or a share that training would suffer from."""
    _check_sorted(seq, data, report)
    if seq._settings.rows == 1 and has_batch_norm(model):
        report.add(
            "warning",
            "batches are of one sample, and the model has a BatchNormalization: there is no batch "
            "to normalize over",
            got="batch_size=1",
            expected="more samples in a batch",
            fix="batch_size=32, or LayerNormalization in its place",
        )
    try:
        doubt = doubt_of(seq._settings.share, model)
    except ArgumentError as error:
        report.add("error", error.what, got=error.got, expected=error.expected, fix=error.fix)
    else:
        if doubt:
            report.add("error", doubt, fix="seq.shard(*multiseq.current_shard())")


def _check_sorted(seq: Any, data: Look, report: Report) -> None:
    """Classes one after the other, which `fit` does not mix: it shuffles batches alone."""
    if seq._decides_order or seq._held_out or seq.num_batches < 4:
        return
    for leaf in data.targets:
        values = data.all_targets.get(leaf.key, leaf.rows)
        if values.size != len(values) or values.dtype.kind not in "iubUST":
            continue
        values, size = values.reshape(-1), seq._settings.rows
        classes = len(np.unique(values))
        if not 2 <= classes <= min(_MOST_CLASSES, len(values) // size):
            continue
        changes = int((values[1:] != values[:-1]).sum())
        if changes < 2 * classes and changes < len(values) // 8:
            report.add(
                "warning",
                "samples are in the order of their classes, and are not shuffled: fit shuffles "
                "batches, of which each holds one class",
                leaf.label,
                got=f"{classes} classes, one after the other",
                expected="batches of all classes",
                fix="shuffle=True for the sequence that is trained on",
            )
