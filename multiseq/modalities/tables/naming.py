"""Columns by name, told apart from values: by what is asked for, never by how many there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from numbers import Number
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import ArgumentError, describe, few
from ...keys.labelled import Samples
from ...keys.plain import beside
from ...transforms import Labels, Vocabulary
from .columns import column, is_name, target

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["as_list", "classes_within", "key_columns", "names_within", "target_columns"]

_LOOKED_AT = 100  # Keys, among the names of a dict.


def as_list(frame: pd.DataFrame, value: Any) -> list[Any]:
    """Returns names of columns as a list: of one name, or of several; a tuple may be a name."""
    alone = isinstance(value, str) or not hasattr(value, "__iter__") or _is_column(frame, value)
    return [value] if alone else list(value)


def names_within(*values: Any) -> set[str]:
    """Returns all text within lists, tuples and dicts: what may be names of a file's columns."""
    found: set[str] = set()
    for value in values:
        if isinstance(value, str):
            found.add(value)
        elif isinstance(value, Mapping):
            found |= names_within(*value.values())
        elif isinstance(value, list | tuple):
            found |= names_within(*value)
    return found


def classes_within(targets: Any, transforms: Any, behind: bool = False) -> set[str]:
    """Returns the names of target columns whose cells are classes, which stand for themselves.

    Args:
        targets: As they were given.
        transforms: What was given: steps that begin with `Labels` or a `Vocabulary` take classes.
        behind: Whether to return those instead of which other steps make classes before.
    """
    if not isinstance(transforms, Mapping):
        return set()
    named = {"targets": targets}
    if isinstance(targets, Mapping):
        named |= dict(targets) | {f"targets[{name!r}]": each for name, each in targets.items()}
    elif isinstance(targets, tuple):
        named |= {f"targets[{number}]": each for number, each in enumerate(targets)}
    numbered = [(each, _numbers(transforms.get(name))) for name, each in named.items()]
    return names_within(*(each for each, steps in numbered if any(steps) and steps[0] != behind))


def _numbers(steps: Any) -> list[bool]:
    """Whether each of the steps that are given numbers classes."""
    some = getattr(steps, "steps", steps)
    each = some if isinstance(some, list | tuple) else [some]
    return [isinstance(step, Labels | Vocabulary) for step in each]


def key_columns(frame: pd.DataFrame, keys: Any) -> tuple[Any, list[Any]]:
    """Returns keys, with columns in place of their names, and the names.

    Also that of a column that is given as a Series.

    Args:
        frame: The table.
        keys: The name of a column or of a level of the index, a list of names for keys of several
            levels, the keys themselves, or None for the frame's index.

    Raises:
        ArgumentError: There is no such column; or names and values cannot be told apart.
    """
    import pandas as pd

    if keys is None:
        return frame.index, []
    frame = _with_levels(frame)
    names = _names(frame, keys, "keys")
    if names is None:
        return keys, _columns_within(keys, frame, "keys")
    if isinstance(names, _One):
        return column(frame, names[0]), list(names)
    return pd.MultiIndex.from_arrays([column(frame, name) for name in names], names=names), names


def _with_levels(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns a table that has the levels of its index as columns too, by names of their own."""
    names = enumerate(frame.index.names)
    levels = {name: k for k, name in names if name is not None and not is_name(frame, name)}
    if levels and frame.columns.nlevels == 1:
        frame = frame.copy(deep=False)
        for name, k in levels.items():
            frame[name] = frame.index.get_level_values(k)
    return frame


def _columns_within(
    values: Any, frame: pd.DataFrame, role: str, samples: Samples | None = None
) -> list[Any]:
    """Returns which columns values are, whose names they bear: what is a target is no input.

    Args:
        values: A Series or a DataFrame is compared; anything else is no column.
        frame: The table.
        role: What they are, for errors.
        samples: Of its rows, which values are aligned with; None where they go by position.
    """
    import pandas as pd

    table = values.to_frame() if isinstance(values, pd.Series) else values
    if not isinstance(table, pd.DataFrame):
        return []
    places = {name: k for k, name in enumerate(table.columns) if is_name(frame, name)}
    order = samples.order_of(values, role) if places and samples else None
    table = table if order is None else table.iloc[order]
    return [name for name, k in places.items() if _same(column(frame, name), table.iloc[:, k])]


def _same(own: pd.Series[Any], other: pd.Series[Any]) -> bool:
    """Whether a column and values are the same, but for the dtype that these were made of."""
    own, other = own.reset_index(drop=True), other.reset_index(drop=True)
    try:
        with np.errstate(all="ignore"):
            return bool(own.astype(other.dtype).equals(other))
    except Exception:  # Of what has no such values pandas and Arrow raise what they will.
        return False


def target_columns(
    frame: pd.DataFrame,
    value: Any,
    role: str,
    samples: Samples,
    steps: Collection[Any] = (),
    output: Any = None,
) -> tuple[Any, list[Any]]:
    """Returns targets or weights, with columns in place of their names, and the names.

    Also of columns that are given as Series.

    Args:
        frame: The table.
        value: A name, a list of names, values; or a tuple or a dict of those by output.
        role: What they are, for errors.
        samples: What the rows are known by.
        steps: The names that `transforms=` has steps for.
        output: The name of the output, where there are several by name.

    Raises:
        ArgumentError: There is no such column, or it does not hold numbers; or names and values
            cannot be told apart.
    """
    keys: Any = samples.keys
    if isinstance(value, Mapping) and not _is_by_key(frame, value, keys):
        parts = {
            key: target_columns(frame, each, f"{role}[{key!r}]", samples, steps, key)
            for key, each in value.items()
        }
        return {key: each for key, (each, _) in parts.items()}, _joined(parts.values())
    if isinstance(value, tuple) and not _is_column(frame, value):
        several = [
            target_columns(frame, each, f"{role}[{k}]", samples, steps)
            for k, each in enumerate(value)
        ]
        return tuple(each for each, _ in several), _joined(several)
    names = None if value is None else _names(frame, value, role)
    if names is None:
        return value, _columns_within(value, frame, role, samples)
    has_steps = role in steps or (output is not None and output in steps)
    arrays = [target(column(frame, name), role, output, has_steps) for name in names]
    return arrays[0] if isinstance(names, _One) else beside(arrays, has_steps), list(names)


def _is_by_key(frame: pd.DataFrame, values: Mapping[Any, Any], keys: pd.Index[Any]) -> bool:
    """Whether these are values by key, and not columns by output, whose names are text."""
    if not all(isinstance(name, str) for name in values):
        return True
    if any(not isinstance(each, Number | str) or is_name(frame, each) for each in values.values()):
        return False
    if all(isinstance(each, Number) for each in values.values()):
        return True
    return any(key in values for key in keys[:_LOOKED_AT].tolist())


class _One(list[Any]):
    """A name that was given alone, not in a list."""


def _is_column(frame: pd.DataFrame, value: Any) -> bool:
    """Whether a tuple is the name of a column.

    Raises:
        ArgumentError: It is one, and a tuple of names as well.
    """
    if not isinstance(value, tuple) or not is_name(frame, value):
        return False
    if all(is_name(frame, each) for each in value):
        raise ArgumentError(
            "a tuple is the name of a column, and its items are names too",
            got=value,
            fix="rename one of them; or put the tuple into a list: [(...)]",
        )
    return True


def _names(frame: pd.DataFrame, value: Any, role: str) -> list[Any] | None:
    """Returns the names that are given; None where values are given."""
    import pandas as pd

    if isinstance(value, str) or not hasattr(value, "__iter__") or _is_column(frame, value):
        return _One([value])
    if not isinstance(value, list | tuple | pd.Index):
        return None
    items = list(value)
    named = [each for each in items if is_name(frame, each)]
    if not named:
        unknown = next((each for each in items if isinstance(each, str)), None)
        if unknown is not None and len(items) != len(frame) and role != "keys":
            column(frame, unknown)  # Raises.
        return None
    twice = [name for name, n in Counter(named).items() if n > 1]
    if not twice and len(named) == len(items):
        return items
    other = next((each for each in items if not is_name(frame, each)), None)
    raise ArgumentError(
        f"{role} names a column twice" if twice else f"{role} names columns, and what is none",
        got=few(twice) if twice else f"{few(named)}; {describe(other)} is no column",
        expected="the name of each column once; or values, as an array",
        fix=f"correct the names; where these are values, pass numpy.array({role})",
    )


def _joined(parts: Any) -> list[Any]:
    return [name for _, names in parts for name in names]
