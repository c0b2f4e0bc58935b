"""All variables of a model in training: its own, the optimizer's, and those of its metrics."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ArgumentError, few
from .store import Arrays

__all__ = ["build", "complete", "described", "restore", "saved", "variables"]


def variables(model: Any) -> list[tuple[str, Any]]:
    """Returns the variables and where they belong: "model", "optimizer" or "metrics"."""
    optimizer = getattr(model, "optimizer", None)
    groups = {
        "model": model.variables,
        "optimizer": [] if optimizer is None else _of_optimizer(optimizer),
        "metrics": [each for metric in model.metrics for each in metric.variables],
    }
    return [(group, each) for group, members in groups.items() for each in members]


def _of_optimizer(optimizer: Any) -> list[Any]:
    found, rate = list(optimizer.variables), getattr(optimizer, "learning_rate", None)
    if hasattr(rate, "assign") and all(each is not rate for each in found):
        found.append(rate)  # Of tf_keras, which leaves it out.
    return found


def described(model: Any) -> list[list[Any]]:
    """Returns [where it belongs, shape] of each variable, as JSON gives it back."""
    return [[group, list(each.shape)] for group, each in variables(model)]


def saved(model: Any) -> Arrays:
    """Returns the values of all variables."""
    return [_as_array(each) for _, each in variables(model)]


def restore(model: Any, arrays: Arrays, metrics: bool = True) -> None:
    """Assigns all variables; those of metrics where that is wanted."""
    for (group, variable), array in zip(variables(model), arrays, strict=False):
        if group != "metrics" or metrics:
            variable.assign(array)


def build(model: Any, wanted: list[list[Any]], batch: Any) -> None:
    """Makes a model have all its variables, of which some are made at the first step.

    Args:
        model: The compiled model.
        wanted: What `described` said of it.
        batch: A function that returns a batch to build it by.

    Raises:
        ArgumentError: It is another model.
    """
    if described(model) == wanted:
        return
    complete(model, batch)
    have = described(model)
    if have != wanted:
        lost, new = _lacking(wanted, have), _lacking(have, wanted)
        raise ArgumentError(
            "the run was saved of another model",
            got=f"{len(have)} variables" + (f", of them new: {few(new)}" if new else ""),
            expected=f"{len(wanted)} variables" + (f", also: {few(lost)}" if lost else ""),
            fix="build and compile the model as in the run that was saved; or begin a new run in "
            "another folder",
        )


def complete(model: Any, batch: Any) -> None:
    """Makes the variables of a model that are else made at the first step.

    Args:
        model: The compiled model.
        batch: A function that returns a batch to build it by.
    """
    # On TensorFlow, metrics are made when the first batch is seen, and so may be layers.
    model.test_on_batch(*batch())
    if model.optimizer is not None and not getattr(model.optimizer, "built", False):
        model.optimizer.build(model.trainable_variables)


def _lacking(some: list[list[Any]], others: list[list[Any]]) -> list[str]:
    left = [tuple(map(str, each)) for each in others]
    lacking = []
    for group, shape in some:
        if (one := (str(group), str(shape))) in left:
            left.remove(one)
        else:
            lacking.append(f"{group} {tuple(shape)}")
    return lacking


def _as_array(variable: Any) -> Any:
    value = getattr(variable, "value", variable)
    value = value() if callable(value) else value
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        if str(value.dtype) == "torch.bfloat16":
            import ml_dtypes

            return value.float().numpy().astype(ml_dtypes.bfloat16)
    return np.array(value)
