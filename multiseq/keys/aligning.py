"""Keys of several sequences, aligned.

pandas is imported where it is used: worker processes import this module, and need no keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import AlignmentError, ArgumentError
from ..order import Indices
from .indexing import find
from .selection import few

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["align_keys", "check_kinds"]


def align_keys(
    keys: Sequence[pd.Index[Any]], names: Sequence[str], how: str
) -> tuple[pd.Index[Any], list[Indices | None], dict[str, pd.Index[Any]]]:
    """Aligns the keys of several sequences, in the order of the first.

    Args:
        keys: Of each sequence.
        names: Of the sequences, for errors.
        how: "strict" if all must have the same keys; "inner" to keep those that all have.

    Returns:
        The keys; for each sequence the position of each key in it, or None for the same
        positions; and the keys that were left out, by sequence.

    Raises:
        AlignmentError: Keys are of different kinds, differ under "strict", or have none in common.
        ArgumentError: `how` is neither.
    """
    if how not in ("strict", "inner"):
        raise ArgumentError("bad how", got=how, expected='"strict" or "inner"')
    first = keys[0]
    for other, name in zip(keys[1:], names[1:], strict=True):
        check_kinds(first, other, names[0], name)
    found = [None if other.equals(first) else find(other, first) for other in keys]
    common = np.ones(len(first), bool)
    for positions in found:
        if positions is not None:
            common &= positions >= 0
    kept = first if common.all() else first[common]
    if len(kept) < len(first):
        found = [np.flatnonzero(common) if p is None else p[common] for p in found]
    dropped = {}
    for other, name, positions in zip(keys, names, found, strict=True):
        if positions is not None and len(other) > len(kept):
            left_out = np.ones(len(other), bool)
            left_out[positions] = False
            dropped[name] = other[left_out]
    if how == "strict" and dropped:
        raise _differ(keys, names, dropped)
    if not len(kept):
        raise AlignmentError(
            "the sequences have no key in common",
            got="; ".join(f"{n}: {few(k, 3)}" for k, n in zip(keys, names, strict=True)),
        )
    return kept, found, dropped


def check_kinds(first: pd.Index[Any], other: pd.Index[Any], name: str, other_name: str) -> None:
    """Raises AlignmentError where keys are of kinds that are never equal, or equal by accident."""
    kinds = _kind(first), _kind(other)
    if kinds[0] != kinds[1] and "mixed" not in "".join(kinds):
        what = f"keys are of different kinds: {kinds[0]} and {kinds[1]}"
        fix = _FIXES.get(frozenset(kinds), "convert one side, or pass keys=")
    elif set(first.names) == set(other.names) and list(first.names) != list(other.names):
        what = "keys have their levels in another order"
        fix = f"use keys.reorder_levels({list(first.names)})"
    elif {first.dtype.kind, other.dtype.kind} == {"i", "f"} and not _exact(first, other):
        what = "keys are of different kinds: integers, and floats too large to tell them apart"
        fix = "convert the floats, with keys.astype('int64')"
    else:
        return
    raise AlignmentError(
        what,
        got=f"{name}: {few(first, 3)} ({_dtype(first)}); {other_name}: {few(other, 3)} "
        f"({_dtype(other)})",
        fix=fix,
    )


def _exact(*keys: pd.Index[Any]) -> bool:
    """Whether numbers are small enough for float64 to hold each integer."""
    return all(each.min() > -(2**53) and each.max() < 2**53 for each in keys)


def _dtype(keys: pd.Index[Any]) -> Any:
    return ", ".join(map(str, getattr(keys, "dtypes", [keys.dtype])))


_FIXES = {
    frozenset({"numbers", "text"}): "numbers never equal text: convert one side, with "
    "keys.astype(str) or keys.astype(int), or pass keys=",
    frozenset({"dates", "text"}): "convert the text, with pandas.to_datetime(keys), or pass keys=",
    frozenset({"bytes", "text"}): "decode the bytes, with keys.str.decode('utf-8'), or pass keys=",
    frozenset({"dates", "dates with a time zone"}): "give both a time zone or none, with "
    "keys.tz_localize(...)",
}
_KINDS = {
    "string": "text",
    "integer": "numbers",
    "floating": "numbers",
    "mixed-integer-float": "numbers",
    "decimal": "numbers",
    "datetime64": "dates",
    "datetime": "dates",
    "timedelta64": "durations",
    "timedelta": "durations",
    "boolean": "booleans",
    "mixed-integer": "mixed",
}


def _kind(keys: pd.Index[Any]) -> str:
    """Names the kind of keys: those of two kinds are never equal."""
    import pandas as pd

    if isinstance(keys, pd.MultiIndex):
        return f"tuples of ({', '.join(map(_kind, keys.levels))})"
    if isinstance(keys, pd.CategoricalIndex):
        return _kind(keys.categories)
    if isinstance(keys, pd.DatetimeIndex) and keys.tz is not None:
        return "dates with a time zone"
    kind = pd.api.types.infer_dtype(keys, skipna=False)
    return _KINDS.get(kind, kind)


def _differ(
    keys: Sequence[pd.Index[Any]], names: Sequence[str], dropped: dict[str, pd.Index[Any]]
) -> AlignmentError:
    lines = []
    for owner, extra in dropped.items():
        for other, name in zip(keys, names, strict=True):
            missing = extra[find(other, extra) < 0]
            if len(missing):
                lines.append(f"{name} lacks {few(missing)}, which {owner} has")
    return AlignmentError(
        "the sequences have different keys",
        got="; ".join(lines),
        expected="the same keys in every part",
        fix='complete the data, or join with how="inner" to keep the keys that all have',
    )
