"""A model's outputs: their names, and which target each is of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError, describe
from .goals import Goal

__all__ = ["Output", "outputs_of", "varies"]


@dataclass(frozen=True)
class Output:
    """An output of a model.

    Attributes:
        name: Its name; None for the only output of a model that names none.
        rows: What was predicted, a row for each sample.
        goal: The target that it is of, where that is known.
    """

    name: Any
    rows: npt.NDArray[Any]
    goal: Goal | None


def outputs_of(predicted: Any, model: Any, goals: Sequence[Goal], n: int) -> list[Output]:
    """Returns a model's outputs, each with the target that it is of.

    Outputs and targets belong together by name, else by their order; a single output and a single
    target always do.

    Args:
        predicted: What `predict` returned: an array, or a list, tuple or dict of arrays.
        model: Its `output_names` name outputs that are not in a dict, where it has them.
        goals: The targets.
        n: How many samples there are.

    Raises:
        ArgumentError: An output has not a row for each sample.
    """
    if isinstance(predicted, dict):
        named = list(predicted.items())
    elif isinstance(predicted, list | tuple):
        names = getattr(model, "output_names", None)
        if not names or len(names) != len(predicted):
            names = [f"output_{number}" for number in range(len(predicted))]
        named = list(zip(names, predicted, strict=True))
    else:
        named = [(None, predicted)]
    by_key = {goal.key: goal for goal in goals}
    found = []
    for number, (name, rows) in enumerate(named):
        goal = by_key.get(name) if name is not None else None
        if goal is None and not isinstance(predicted, dict):
            goal = by_key.get(number)
        if goal is None and len(named) == len(goals) == 1:
            goal = goals[0]
        found.append(Output(name, _checked("prediction" if name is None else name, rows, n), goal))
    return found


def _checked(name: Any, output: Any, n: int) -> npt.NDArray[Any]:
    array = np.asarray(output)
    if array.dtype == object:  # TensorFlow's ragged tensor.
        raise varies(f"output {name!r} of {describe(output)}")
    if not array.ndim or len(array) != n:
        raise ArgumentError(
            f"the model did not predict a row for each sample in output {name!r}",
            got=describe(array),
            expected=f"{n} rows",
            fix="leave steps= out of predict, and let the model keep the batch axis",
        )
    if array.dtype.kind == "V":  # bfloat16, which pandas does not know.
        array = array.astype(np.float32)
    return array


def varies(got: str) -> ArgumentError:
    """The error for outputs whose length varies by batch."""
    return ArgumentError(
        "the model predicts arrays whose length varies by batch, which make no table",
        got=got,
        expected="the same shape in every batch",
        fix="pad all batches to one length, with max_length=; or let the model return a row of "
        "fixed length for each sample",
    )
