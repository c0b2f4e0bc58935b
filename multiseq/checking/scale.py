"""How large inputs are against what the model, and their own transforms, make of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._keras_model import path_from
from .looking import Leaf, Look
from .names import Pairs
from .report import Report

__all__ = ["check_learned", "check_part", "check_scale"]

_LEAST = 16
_WEIGHTED = ("Dense", "Conv1D", "Conv2D", "Conv3D", "SeparableConv2D", "LSTM", "GRU", "SimpleRNN")
_SCALES = ("Rescaling", "Normalization", "BatchNormalization", "LayerNormalization")
_BIG, _FAR = 1e5, 5.0


def check_scale(model: Any, data: Look, pairs: Pairs, report: Report) -> None:
    """Notes inputs that are scaled twice, or not at all."""
    for leaf, port in pairs:
        if leaf.is_text or leaf.dtype.kind == "b" or port.tensor is None:
            continue
        layers = list(path_from(model, port.tensor))
        numbers = (
            [each[np.isfinite(each)] for each in leaf.arrays]
            if leaf.dtype.kind == "f"
            else list(leaf.arrays)
        )
        values = np.concatenate([each.reshape(-1) for each in numbers])
        if len(leaf.rows) < _LEAST or not values.size:
            continue
        low, high = float(values.min()), float(values.max())
        for layer in layers:
            kind = type(layer).__name__
            if kind == "Rescaling":
                _check_rescaling(layer, leaf, low, high, report)
            elif kind == "Normalization":
                _check_normalization(layer, leaf, report)
        kinds = [type(layer).__name__ for layer in layers]
        weighted = [kind for kind in kinds if kind in _WEIGHTED]
        if weighted and not set(kinds) & set(_SCALES) and not _normalizes_next(model, layers):
            _check_raw(leaf, weighted[0], low, high, report)


def check_learned(seq: Any, data: Look, report: Report) -> None:
    """Notes inputs that lie far from those that their transforms have learned from."""
    for leaf in data.inputs:
        transform = seq.transforms.get(leaf.key) if leaf.key in seq._of_inputs else None
        moments = None if leaf.is_text else _moments(leaf.there)
        kind = type(transform).__name__
        if moments is None or kind not in ("Standardize", "MinMax"):
            continue
        mean, deviation = moments
        if abs(mean) > _FAR or deviation > 2 * _FAR:
            report.add(
                "warning",
                f"values lie far from those that {kind} has learned from",
                leaf.label,
                got=f"mean {mean:.4g}, deviation {deviation:.4g}, once transformed",
                expected="mean 0, deviation 1" if kind == "Standardize" else "0 to 1",
                fix="are these the same quantities, in the same units? If so, adapt() on them",
            )


def _check_rescaling(layer: Any, leaf: Leaf, low: float, high: float, report: Report) -> None:
    scale = np.max(np.abs(np.asarray(layer.scale, dtype=np.float64)))
    if (
        scale <= 1 / 100
        and low >= -1.5
        and high <= 1.5
        and high - low > 0
        and leaf.dtype.kind == "f"
    ):
        report.add(
            "warning",
            f"the input is scaled twice: layer {layer.name!r} divides by {1 / scale:.4g} what is "
            "small already",
            leaf.label,
            got=f"from {low:.4g} to {high:.4g}",
            expected=f"numbers of up to {1 / scale:.4g}",
            fix="leave out the layer, or give it raw numbers: scale=1 in ImageSequence",
        )


def _check_normalization(layer: Any, leaf: Leaf, report: Report) -> None:
    """The mean and variance that a layer learned must be those of what it is fed."""
    try:
        mean = np.asarray(layer.mean, dtype=np.float64).reshape(-1)
        deviation = np.sqrt(np.asarray(layer.variance, dtype=np.float64).reshape(-1))
    except Exception:  # It has not learned, or keeps them elsewhere.
        return
    rows = leaf.rows.reshape(-1, leaf.rows.shape[-1] if leaf.rows.ndim > 1 else 1)
    rows = rows.astype(np.float64)
    if mean.size not in (1, rows.shape[1]) or not np.isfinite(rows).all():
        return
    mine = rows.mean(0) if mean.size > 1 else rows.mean(keepdims=True)[0]
    spread = np.maximum(rows.std(0) if mean.size > 1 else rows.std(), 1e-12)
    off = np.abs(mine - mean) / np.maximum(np.maximum(deviation, spread), 1e-12)
    ratio = np.maximum(deviation / spread, spread / np.maximum(deviation, 1e-12))
    if np.any(off > 3) or np.any(ratio > 30):
        standard = np.all(np.abs(mine) < 0.5) and np.all(np.abs(spread - 1) < 0.5)
        report.add(
            "warning",
            f"the input is standardized twice: before, and by layer {layer.name!r}"
            if standard
            else f"layer {layer.name!r} learned the mean and variance of other data",
            leaf.label,
            got=f"mean {mine.flat[0]:.3g}, deviation {np.asarray(spread).flat[0]:.3g}",
            expected=f"mean {mean.flat[0]:.3g}, deviation {deviation.flat[0]:.3g}, as it learned",
            fix="leave out the layer or the transform"
            if standard
            else "call the layer's adapt() on what the training part gives",
        )


def _normalizes_next(model: Any, layers: list[Any]) -> bool:
    """Whether a normalization follows the first layer with weights, which makes scale harmless."""
    weighted = [each for each in layers if type(each).__name__ in _WEIGHTED]
    for layer in weighted:
        for node in getattr(layer, "_inbound_nodes", ()):
            made = getattr(node, "output_tensors", None)
            for tensor in made if isinstance(made, list | tuple) else [made]:
                after = {type(each).__name__ for each in path_from(model, tensor, {"Activation"})}
                if after & set(_SCALES):
                    return True
    return False


def _check_raw(leaf: Leaf, kind: str, low: float, high: float, report: Report) -> None:
    size = max(abs(low), abs(high))
    if len(leaf.shape) == 3 and low >= 0 and 128 < high <= 255:
        report.add(
            "warning",
            f"pixels from 0 to 255 go into {kind} as they are",
            leaf.label,
            got=f"from {low:g} to {high:g}",
            expected="numbers around 0 to 1",
            fix="scale=1/255 in ImageSequence, or keras.layers.Rescaling(1/255) as the first layer",
        )
    elif size > _BIG:
        report.add(
            "warning",
            f"numbers as large as {size:.3g} go into {kind} as they are",
            leaf.label,
            got=f"from {low:.4g} to {high:.4g}",
            expected="numbers around -1 to 1",
            fix="Standardize() as a transform of the input, or a Normalization layer",
        )


def check_part(data: Look, other: Look, report: Report, called: str = "this one") -> None:
    """Notes inputs and targets of another part that lie far from those of one.

    Args:
        data: Of the one.
        other: Of the other.
        report: What is found.
        called: What the one is, in words.
    """
    theirs = {(leaf.part, leaf.key): leaf for leaf in other.inputs + other.targets}
    for leaf in data.inputs + data.targets:
        found = theirs.get((leaf.part, leaf.key))
        if found is None or leaf.is_text or found.is_text or leaf.dtype.kind not in "fiu":
            continue
        mine, its = _moments(leaf.there), _moments(found.there)
        if mine is None or its is None:
            continue
        spread = max(mine[1], its[1], 1e-9)
        apart = abs(mine[0] - its[0]) / spread
        ratio = max(mine[1], 1e-9) / max(its[1], 1e-9)
        if leaf.dtype.kind == "f" and (apart > 3 or not 1 / 20 < ratio < 20):
            report.add(
                "warning",
                f"values of the part that is held out are far from those of {called}",
                leaf.label,
                got=f"mean {its[0]:.4g}, deviation {its[1]:.4g}",
                expected=f"mean {mine[0]:.4g}, deviation {mine[1]:.4g}",
                fix="make both by the same transforms: split() one sequence, and adapt() its "
                "first part",
            )


def _moments(leaf: Leaf) -> tuple[float, float] | None:
    values = np.concatenate([each.reshape(-1) for each in leaf.arrays]).astype(np.float64)
    values = values[np.isfinite(values)]
    return (float(values.mean()), float(values.std())) if len(values) >= _LEAST else None
