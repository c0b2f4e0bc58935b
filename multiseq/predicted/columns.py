"""Columns of the table of predictions."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError, describe, few
from ..transforms import Labels
from .goals import Goal
from .outputs import Output

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["of_output", "of_truth", "united"]

Array = npt.NDArray[Any]

_THRESHOLD = 0.5


def of_output(output: Output, keys: pd.Index[Any], inverse: bool) -> pd.DataFrame:
    """Returns the columns of an output: of each class and its label, else of each unit.

    Args:
        output: The output.
        keys: Of the rows.
        inverse: Whether to undo the transforms of its target.

    Raises:
        ArgumentError: It has another number of units than its target has classes; or cannot be
            undone.
    """
    goal, rows = output.goal, output.rows
    if goal is not None and goal.labels is not None:
        return _labelled(output.name, rows, goal, goal.labels, keys)
    if goal is not None and inverse:
        rows = _undone(rows, goal)
    return _units("prediction" if output.name is None else output.name, rows, keys)


def of_truth(goal: Goal, values: Any, keys: pd.Index[Any], inverse: bool) -> pd.DataFrame:
    """Returns the columns of a target.

    Args:
        goal: The target.
        values: A row for each sample, as the model is given it; a list where lengths differ.
        keys: Of the rows.
        inverse: Whether to undo its transforms, also where these are no labels.
    """
    name = "target" if goal.key is None else f"target_{goal.key}"
    if isinstance(values, np.ma.MaskedArray):
        whole = of_truth(goal, np.asarray(values), keys, inverse)
        return _without(whole, np.ma.getmaskarray(values))
    if goal.labels is not None:
        values = goal.labels.inverse(values)
    elif inverse:
        values = goal.undone(values)
    if isinstance(values, list):  # Of each sample several labels, or as many as it has steps.
        return _column(name, _objects(values), keys)
    return _units(name, np.asarray(values), keys)


def _without(frame: pd.DataFrame, mask: Array) -> pd.DataFrame:
    """Returns columns of a target with nothing where it is masked."""
    cells: Array = mask.reshape(len(frame), -1)
    if cells.shape[1] != frame.shape[1]:  # Of classes, which are one column.
        cells = np.repeat(np.all(cells, axis=1, keepdims=True), frame.shape[1], axis=1)
    # Of integers pandas would make floats.
    whole = [name for name, dtype in frame.dtypes.items() if getattr(dtype, "kind", "") in "biu"]
    return frame.astype(dict.fromkeys(whole, object)).mask(cells)


def united(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Returns frames side by side.

    Raises:
        ArgumentError: Two columns have one name.
    """
    import pandas as pd

    frame = pd.concat(frames, axis=1)
    if twice := frame.columns[frame.columns.duplicated()].tolist():
        raise ArgumentError(
            "two columns of the predictions would have one name",
            got=few(twice),
            fix="rename the class, or the model's output",
        )
    return frame


def _labelled(
    name: Any, rows: Array, goal: Goal, labels: Labels, keys: pd.Index[Any]
) -> pd.DataFrame:
    """Returns a column for each class, and the labels."""
    classes, units = labels.classes, rows.shape[1:]
    plain = not (labels.multi or labels.one_hot)
    # Of a target for each step, units may be as many steps as there are classes.
    by_step = plain and len(goal.shape) == len(units) and goal.shape[-1:] != (1,)
    if units[-1:] == (len(classes),) and not (by_step and len(classes) == 2):
        scores = rows
    elif plain and len(classes) == 2 and (by_step or units[-1:] in ((), (1,))):
        return _of_two(name, rows if by_step or not units else rows[..., 0], labels, keys)
    else:
        raise ArgumentError(
            f"{_said(name)} has another number of units than its target has classes",
            got=f"{units[-1] if units else 1} units, and {len(classes)} classes: {few(classes)}",
            expected="a unit for each class; or one, by a sigmoid, for two",
            fix=f"give the model's last layer {len(classes)} units: len(train.classes)",
        )
    if labels.multi:
        _check_probabilities(name, scores)
    steps = list(itertools.product(*map(range, scores.shape[1:-1])))
    by_class = scores.reshape(len(keys), len(steps), len(classes))
    unknown: Array = np.asarray(np.isnan(by_class).any(-1))
    told = np.nan_to_num(by_class, nan=0.0)
    found = labels.inverse(told if labels.multi or labels.one_hot else told.argmax(-1))
    names = [_joined(name, *step, each) for step in steps for each in classes]
    return _with_labels(name, steps, names, scores, found, unknown, keys)


def _of_two(name: Any, scores: Array, labels: Labels, keys: pd.Index[Any]) -> pd.DataFrame:
    """Returns the columns of an output that gives the probability of the second class alone."""
    _check_probabilities(name, scores)
    steps = list(itertools.product(*map(range, scores.shape[1:])))
    by_step = scores.reshape(len(keys), len(steps))
    found = labels.inverse((by_step > _THRESHOLD).astype(np.int64))
    names = [_joined(name, *step, labels.classes[1]) for step in steps]
    return _with_labels(name, steps, names, scores, found, np.isnan(by_step), keys)


def _with_labels(
    name: Any,
    steps: list[tuple[int, ...]],
    names: list[Any],
    scores: Array,
    labels: Any,
    unknown: Array,
    keys: pd.Index[Any],
) -> pd.DataFrame:
    """Returns scores and labels as one table.

    Args:
        name: Of the output.
        steps: The places of labels in each row.
        names: Of the columns of scores.
        scores: A row for each key.
        labels: By row and step.
        unknown: Whether a label is not known, by row and step.
        keys: Of the rows.
    """
    import pandas as pd

    columns = [pd.DataFrame(scores.reshape(len(keys), -1), index=keys, columns=names)]
    for number, step in enumerate(steps):
        column = [row[number] for row in labels]
        values: Any = np.asarray(column) if not _holds_lists(column) else _objects(column)
        if unknown[:, number].any():
            values = _objects(column)
            values[unknown[:, number]] = None
        columns.append(_column(_joined(name, "label", *step), values, keys))
    return pd.concat(columns, axis=1)


def _holds_lists(column: list[Any]) -> bool:
    return bool(column) and isinstance(column[0], list)


def _said(name: Any) -> str:
    return "the output" if name is None else f"output {name!r}"


def _check_probabilities(name: Any, scores: Array) -> None:
    outside = (scores < 0) | (scores > 1)
    if outside.any():
        raise ArgumentError(
            f"{_said(name)} is no probability, of which labels are told by 0.5",
            got=describe(scores[outside][0].item()),
            expected="numbers from 0 to 1",
            fix="where the model gives logits, let it end with keras.layers.Activation('sigmoid'), "
            "and its loss take them with from_logits=False",
        )


def _undone(rows: Array, goal: Goal) -> Array:
    """Returns predictions of a target in its units, in the shape that they have."""
    shape = goal.shape
    if None in shape or math.prod(rows.shape[1:]) != math.prod(map(int, shape)):  # type: ignore[arg-type]
        return np.asarray(goal.undone(rows))
    found = np.asarray(goal.undone(rows.reshape(len(rows), *shape)))
    return found.reshape(rows.shape) if found.size == rows.size else found


def _units(name: Any, array: Array, keys: pd.Index[Any]) -> pd.DataFrame:
    """Returns a column for each unit, with its number behind the name where there are several."""
    import pandas as pd

    units = list(itertools.product(*map(range, array.shape[1:])))
    names = [name] if len(units) == 1 else [_joined(name, *unit) for unit in units]
    return pd.DataFrame(array.reshape(len(keys), -1), index=keys, columns=names)


def _joined(*parts: Any) -> Any:
    """Returns the name of a column; what stands alone stays as it is."""
    given = [part for part in parts if part is not None]
    return given[0] if len(given) == 1 else "_".join(map(str, given))


def _objects(values: list[Any]) -> Array:
    array = np.empty(len(values), object)
    array[:] = values
    return array


def _column(name: Any, values: Any, keys: pd.Index[Any]) -> pd.DataFrame:
    import pandas as pd

    return pd.Series(values, index=keys, name=name).to_frame()
