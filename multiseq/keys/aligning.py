"""Keys of several sequences, aligned.

pandas is imported where it is used: worker processes import this module, and need no keys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import AlignmentError, ArgumentError, few
from ..order import Indices
from .indexing import find
from .kinds import check_kinds, likeness, locate, with_levels_of
from .selection import as_index

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["align_keys", "align_left"]


def align_keys(
    keys: Sequence[pd.Index[Any]],
    names: Sequence[str],
    how: str,
    labels: Mapping[str, Any] | None = None,
) -> tuple[pd.Index[Any], list[Indices | None], dict[str, pd.Index[Any]]]:
    """Aligns the keys of several sequences, in the order of the first.

    Args:
        keys: Of each sequence.
        names: Of the sequences, for errors.
        how: "strict" if all must have the same keys; "inner" to keep those that all have.
        labels: Of targets and weights by name, an index or a dict: they limit what "inner" keeps.

    Returns:
        The keys; for each sequence the position of each key in it, or None for the same
        positions; and the keys that were left out, by sequence.

    Raises:
        AlignmentError: Keys are of different kinds, differ under "strict", or have none in common.
        ArgumentError: `how` is neither.
    """
    if how not in ("strict", "inner"):
        raise _bad_how(how)
    keys = _comparable(keys, names)
    first = keys[0]
    indexes = {name: as_index(each, first) for name, each in (labels or {}).items()}
    found = [None if other.equals(first) else find(other, first) for other in keys]
    common = np.ones(len(first), bool)
    for positions in found:
        if positions is not None:
            common &= positions >= 0
    for name, index in indexes.items() if how == "inner" else ():
        once = index[~index.duplicated()]  # What is there twice is refused with its values.
        common &= locate(once, first, name, names[0]) >= 0
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
        raise _differ(keys, names, dropped, in_common=len(kept) > 0)
    if not len(kept):
        raise _nothing_in_common(keys, names, indexes)
    return kept, found, dropped


def align_left(
    keys: Sequence[pd.Index[Any]], names: Sequence[str], needed: Sequence[bool]
) -> tuple[list[Indices | None], dict[str, pd.Index[Any]]]:
    """Finds the keys of the first of several sequences in the others.

    Args:
        keys: Of each sequence.
        names: Of the sequences, for errors.
        needed: Which of the sequences must have all keys of the first.

    Returns:
        For each sequence the position of each key in it, -1 where it lacks the key, or None for
        the same positions; and the keys that the first does not have, by sequence.

    Raises:
        AlignmentError: Keys are of different kinds, or a sequence has none of them, or not all
            where it must.
    """
    keys = _comparable(keys, names)
    first = keys[0]
    found = [None if other.equals(first) else find(other, first) for other in keys]
    dropped = {}
    for other, name, positions, must in zip(keys, names, found, needed, strict=True):
        if positions is None:
            continue
        lacks = positions < 0
        if lacks.all():
            raise _nothing_in_common([first, other], [names[0], name], {})
        if must and lacks.any():
            raise _lacking(name, other, first[lacks])
        extra = np.ones(len(other), bool)
        extra[positions[~lacks]] = False
        if extra.any():
            dropped[name] = other[extra]
    return found, dropped


def _lacking(name: str, keys: pd.Index[Any], missing: pd.Index[Any]) -> AlignmentError:
    alike = likeness(missing, keys)
    return AlignmentError(
        f"{name} lacks {len(missing)} keys, and cannot be filled",
        got=f"keys such as {few(keys, 3)}" + (f"; {alike[0]}" if alike else ""),
        expected=f"also {few(missing)}",
        fix=alike[1]
        if alike
        else f'add them; or join with how="inner"; or pass {name} as a Series with a value for '
        "every key, and a sample_weight of 0 for those that have none",
    )


def _comparable(keys: Sequence[pd.Index[Any]], names: Sequence[str]) -> list[pd.Index[Any]]:
    """Returns keys whose levels are in the order of the first; raises where kinds differ."""
    first, owner = keys[0], names[0]
    keys = [with_levels_of(first, o, n, owner) for o, n in zip(keys, names, strict=True)]
    for other, name in zip(keys[1:], names[1:], strict=True):
        check_kinds(first, other, owner, name)
    return keys


def _bad_how(how: Any) -> ArgumentError:
    return ArgumentError(
        "bad how",
        got=how,
        expected='"strict", "inner" or "left"',
        fix='how="left" keeps the samples of one part, which comes first',
    )


def _nothing_in_common(
    keys: Sequence[pd.Index[Any]], names: Sequence[str], labels: Mapping[str, pd.Index[Any]]
) -> AlignmentError:
    every = [*zip(names, keys, strict=True), *labels.items()]
    alike = next(filter(None, (likeness(keys[0], other) for _, other in every[1:])), None)
    shown = [f"{name}: {few(each, 3)}" for name, each in every]
    return AlignmentError(
        "the sequences have no key in common",
        got="; ".join([*shown, *([alike[0]] if alike else [])]),
        expected="the same keys in every part",
        fix=alike[1] if alike else "give all the same keys, by keys= or by the index",
    )


def _differ(
    keys: Sequence[pd.Index[Any]],
    names: Sequence[str],
    dropped: dict[str, pd.Index[Any]],
    in_common: bool,
) -> AlignmentError:
    lines, alike = [], None
    fix = "no key is in all of them: give all the same keys, by keys= or by the index"
    if in_common:
        fix = 'complete the data, or join with how="inner" to keep the keys that all have'
    for owner, extra in dropped.items():
        for other, name in zip(keys, names, strict=True):
            missing = extra[find(other, extra) < 0]
            if len(missing):
                lines.append(f"{name} lacks {few(missing)}, which {owner} has")
                alike = alike or likeness(missing, other)
    return AlignmentError(
        "the sequences have different keys",
        got="; ".join([*lines, *([alike[0]] if alike else [])]),
        expected="the same keys in every part",
        fix=alike[1] if alike else fix,
    )
