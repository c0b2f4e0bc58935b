"""The function that makes an output, against what the loss takes the output for."""

from __future__ import annotations

import numpy as np

from .outputs import Scored
from .report import Report

__all__ = [
    "BINARY",
    "CATEGORICAL",
    "CROSS",
    "ELEMENTWISE",
    "HINGE",
    "REGRESSION",
    "SPARSE",
    "check_activation",
    "class_axis",
    "units",
]

_EACH = {"binary_crossentropy", "binary_focal_crossentropy"}
BINARY = _EACH | {"dice", "tversky"}
CATEGORICAL = {"categorical_crossentropy", "categorical_focal_crossentropy"}
SPARSE = {"sparse_categorical_crossentropy"}
CROSS = BINARY | CATEGORICAL | SPARSE
REGRESSION = {
    *("mean_squared_error", "mean_absolute_error", "mean_absolute_percentage_error"),
    *("mean_squared_logarithmic_error", "huber", "log_cosh", "poisson"),
}
HINGE = {"hinge", "squared_hinge"}
ELEMENTWISE = REGRESSION | HINGE | BINARY


def units(scored: Scored) -> int | None:
    """How many units the output has, or classes along the axis that the loss says."""
    axis = class_axis(scored)
    return scored.shape[axis - (axis > 0)] if scored.shape else None


def class_axis(scored: Scored) -> int:
    """Along which axis of a batch classes lie."""
    return scored.loss.axis if scored.loss.name in CATEGORICAL else -1


def check_activation(scored: Scored, report: Report) -> None:
    """The function that makes the output against what the loss takes it for."""
    name, logits, where = scored.loss.name, scored.loss.from_logits, f"output {scored.name!r}"
    activation, k = scored.activation, units(scored)
    if name in CROSS | REGRESSION and activation == "softmax" and k == 1:
        report.add(
            "error",
            "a softmax of one unit is always 1",
            where,
            got="Dense(1, activation='softmax')",
            expected="activation='sigmoid', or a unit for each class",
            fix="Dense(1, activation='sigmoid') with loss='binary_crossentropy'",
        )
        return
    if name not in CROSS | {"kl_divergence"}:
        return
    squashed = _is_squashed(scored)
    if logits and squashed:
        report.add(
            "error",
            f"{name}(from_logits=True) gets probabilities: {squashed} is applied twice",
            where,
            got=squashed,
            expected="a last layer without activation",
            fix=f"leave out activation='{activation or squashed}', or from_logits=True",
        )
    elif not logits and (outside := _outside(scored)):
        wanted = "sigmoid" if name in BINARY else "softmax"
        report.add(
            "error",
            f"{name} takes probabilities, and gets numbers of any size",
            where,
            got=outside,
            expected=f"activation='{wanted}'",
            fix=f"end with activation='{wanted}'"
            + (", or compile with from_logits=True" if name in CROSS else ""),
        )
    elif name in _EACH and squashed == "softmax" and k and k > 1:
        _check_labels(scored, report)
    elif name in SPARSE | CATEGORICAL and activation == "sigmoid" and k and k > 1:
        report.add(
            "warning",
            f"{name} is about one class of several, and sigmoids are about each by itself",
            where,
            got="activation='sigmoid'",
            expected="activation='softmax'",
            fix="activation='softmax'; or of several labels at once loss='binary_crossentropy'",
        )


def _check_labels(scored: Scored, report: Report) -> None:
    """A softmax is 1 in all, which several labels at once are not."""
    name, output = scored.loss.name, scored.output
    if output is None or not np.allclose(output.astype(np.float64).sum(-1), 1, atol=1e-3):
        return  # It is one along another axis.
    sums = scored.values.astype(np.float64).sum(-1)
    bad = np.abs(sums - 1) > 1e-2
    if bad.any():
        report.add(
            "error",
            "rows of targets are not 1 in all, as a softmax is: it cannot reach them",
            scored.leaf.label,
            got=f"{int(bad.sum())} of {bad.size} rows, with sums from {sums.min():g} to "
            f"{sums.max():g}",
            expected="activation='sigmoid', for several labels at once",
            fix=f"activation='sigmoid' beside loss='{name}'",
        )


def _is_squashed(scored: Scored) -> str | None:
    """Which function makes probabilities of the output, if one does."""
    if scored.activation in ("softmax", "sigmoid"):
        return scored.activation
    output = scored.output
    axis = class_axis(scored)
    if scored.activation is not None or output is None or output.shape[axis] < 2:
        return None
    sums = output.astype(np.float64).sum(axis)
    return "softmax" if (output >= 0).all() and np.allclose(sums, 1, atol=1e-3) else None


def _outside(scored: Scored) -> str | None:
    """What shows that an output is no probability, if anything does."""
    if scored.activation in ("linear", "relu", "tanh", "leaky_relu", "elu", "selu", "gelu"):
        return f"activation={scored.activation!r}"
    output = scored.output
    if scored.activation is not None or output is None or not np.isfinite(output).all():
        return None
    low, high = float(output.min()), float(output.max())
    return f"from {low:.3g} to {high:.3g}" if low < -1e-3 or high > 1 + 1e-3 else None
