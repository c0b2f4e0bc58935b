"""The keys of several sequences, one after the other.

pandas is imported where it is used: worker processes import the modules that use this one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import AlignmentError, ArgumentError, describe
from .kinds import check_kinds, with_levels_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["united_keys"]


def united_keys(
    known: Sequence[Any], called: Sequence[str], labels: Sequence[Any] | None, names: Any
) -> pd.Index[Any] | int:
    """Returns the keys of all sequences' samples, or their number where none has keys.

    Args:
        known: The keys of each sequence, or the number of its samples where it has none.
        called: What the sequences are called, for errors.
        labels: Of the sequences: the first level of the keys. None for keys as they are.
        names: Of the first levels, or of all.

    Raises:
        AlignmentError: Keys are of different kinds, or some sequences have none.
        ArgumentError: Labels or names do not fit.
    """
    import pandas as pd

    counted = [isinstance(each, int) for each in known]
    sizes = [each if isinstance(each, int) else len(each) for each in known]
    if labels is None:
        if all(counted) and names is None:
            return sum(sizes)
        if any(counted):
            raise AlignmentError(
                "there are sequences that have no keys",
                got=", ".join(name for name, none in zip(called, counted, strict=True) if none),
                expected="keys in all of them",
                fix="give each of them keys, by keys= or by the index",
            )
    keys = [pd.RangeIndex(each) if isinstance(each, int) else each for each in known]
    keys = [with_levels_of(keys[0], k, n, called[0]) for k, n in zip(keys, called, strict=True)]
    for other, name in zip(keys[1:], called[1:], strict=True):
        check_kinds(keys[0], other, called[0], name)
    united: pd.Index[Any] = keys[0].append(list(keys[1:]))
    if united.dtype.kind == "f" and all(each.dtype.kind in "iu" for each in keys):
        # Signed beside unsigned, of which NumPy makes floats that cannot tell large ones apart.
        united = keys[0].astype(object).append([each.astype(object) for each in keys[1:]])
    common = all(list(each.names) == list(keys[0].names) for each in keys)
    own = list(keys[0].names) if common else [None] * keys[0].nlevels
    if labels is not None:
        levels = [united.get_level_values(level) for level in range(united.nlevels)]
        first = _checked_labels(labels, len(keys)).repeat(sizes)
        united, own = pd.MultiIndex.from_arrays([first, *levels]), [None, *own]
    united = united.set_names(_named(names, own))
    return united


def _checked_labels(labels: Any, count: int) -> pd.Index[Any]:
    import pandas as pd

    index: pd.Index[Any] = pd.Index(
        [] if isinstance(labels, str) else list(labels), tupleize_cols=False
    )
    if len(index) != count or index.hasnans or not index.is_unique:
        raise ArgumentError(
            "keys= is not one label for each part",
            got=describe(labels),
            expected=f"{count} labels that differ, such as "
            f"{[f'part {number}' for number in range(count)]}",
        )
    return index


def _named(names: Any, own: list[Any]) -> list[Any]:
    """Returns the names of all levels: those given, then the parts' own."""
    given = [] if names is None else [names] if isinstance(names, str) else list(names)
    if len(given) > len(own):
        raise ArgumentError(
            "names= has more names than the keys have levels",
            got=describe(names),
            expected=f"{len(own)} at most",
        )
    return [*given, *own[len(given) :]]
