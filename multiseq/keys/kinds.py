"""Whether keys can be compared at all, and why those that print alike differ.

pandas is imported where it is used: worker processes import this module, and need no keys.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import AlignmentError, few
from ..order import Indices
from .indexing import find

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["check_kinds", "likeness", "locate", "with_levels_of"]

_LOOKED_AT = 100_000  # Keys, in search of those that print alike.


def locate(index: pd.Index[Any], keys: pd.Index[Any], name: str, owner: str) -> Indices:
    """Returns where each key is in an index without duplicates, or -1; levels go by name.

    Args:
        index: Where to look.
        keys: What to look for.
        name: Of what has the index, for errors.
        owner: Of the keys, for errors.

    Raises:
        AlignmentError: They are of kinds that are never equal, or equal by accident.
    """
    index = with_levels_of(keys, index, name, owner)
    check_kinds(keys, index, owner, name)
    return find(index, keys)


def with_levels_of(
    keys: pd.Index[Any], index: pd.Index[Any], name: str, owner: str
) -> pd.Index[Any]:
    """Returns an index with its levels in the order of the keys' levels, by name.

    Where one side has no names, levels go by place, if nothing in one level is in another too.

    Raises:
        AlignmentError: The levels have other names, or may be meant in another order.
    """
    import pandas as pd

    if not (isinstance(keys, pd.MultiIndex) and isinstance(index, pd.MultiIndex)):
        return index
    wanted, have = list(keys.names), list(index.names)
    if wanted == have or keys.nlevels != index.nlevels:  # Other numbers are of different kinds.
        return index
    nameless = [names for names in (wanted, have) if not any(n is not None for n in names)]
    if nameless and not _overlap(keys, index):
        return index
    if not nameless and len(set(wanted)) == len(wanted) and set(wanted) == set(have):
        return index.reorder_levels(wanted)
    names = have if wanted in nameless else wanted
    raise AlignmentError(
        f"the levels of {name} and of {owner} cannot be matched by name",
        got=f"{name}: {have}; {owner}: {wanted}",
        expected="the same names, in any order",
        fix="give them the same: .rename_axis(index=names) of a Series or table, "
        f".set_names(names) of keys, where names={names} is in the order of its own levels",
    )


def _overlap(keys: pd.MultiIndex, index: pd.MultiIndex) -> bool:
    """Whether a value of one level of the keys is in another level of the index."""
    mine, theirs = keys.remove_unused_levels().levels, index.remove_unused_levels().levels
    return any(
        level.isin(other).any()
        for place, level in enumerate(mine)
        for place_of_other, other in enumerate(theirs)
        if place != place_of_other
    )


def check_kinds(first: pd.Index[Any], other: pd.Index[Any], name: str, other_name: str) -> None:
    """Raises AlignmentError where keys are of kinds that are never equal, or equal by accident."""
    pairs = list(zip(_levels(first), _levels(other), strict=False))
    kinds = _kind(first), _kind(other)
    same_levels = len(_levels(first)) == len(_levels(other))
    if not same_levels and "mixed" in kinds:
        return
    if not same_levels or not all(_alike(*pair) for pair in pairs):
        what = f"keys are of different kinds: {kinds[0]} and {kinds[1]}"
        fix = _FIXES.get(frozenset(kinds), "convert one side, or pass keys=")
    elif not all(_exact(*pair) for pair in pairs):
        what = "keys are of different kinds: integers, and floats too large to tell them apart"
        fix = (
            "read the floats as integers where they come from (dtype='Int64' takes missing ones), "
            "or both as text: these have lost their last digits"
        )
    else:
        return
    raise AlignmentError(
        what,
        got=f"{name}: {few(first, 3)} ({_dtype(first)}); {other_name}: {few(other, 3)} "
        f"({_dtype(other)})",
        fix=fix,
    )


def likeness(missing: pd.Index[Any], among: pd.Index[Any]) -> tuple[str, str] | None:
    """Says in what alone missing keys differ from others that print alike.

    Returns:
        What differs, and how to mend it; None where nothing is alike.
    """
    some = missing[:_LOOKED_AT].tolist()
    have = among[:_LOOKED_AT].tolist()
    for what, form, cure in _FORMS:
        known = {_formed(key, form): key for key in have}
        for key in some:
            other = known.get(_formed(key, form))
            if other is not None and other != key:
                return f"{what}: {other!a} and {key!a}", cure(key)
    return None


def _formed(key: Any, form: Callable[[str], str]) -> Any:
    if isinstance(key, tuple):
        return tuple(_formed(part, form) for part in key)
    return form(key) if isinstance(key, str) else key


def _unicode_cure(key: Any) -> str:
    text = "".join(part for part in key if isinstance(part, str))
    form = "NFC" if unicodedata.normalize("NFC", text) == text else "NFD"
    return f"write both in one Unicode form: index.str.normalize({form!r})"


def _without_ending(text: str) -> str:
    return os.path.splitext(os.path.basename(text))[0]


_FORMS: tuple[tuple[str, Callable[[str], str], Callable[[Any], str]], ...] = (
    (
        "the same text in two Unicode forms (NFC, NFD)",
        lambda text: unicodedata.normalize("NFC", text),
        _unicode_cure,
    ),
    ("they differ in blanks at the ends", str.strip, lambda _: "strip both: index.str.strip()"),
    (
        "they differ in leading zeros",
        lambda text: text.lstrip("0") or "0",
        lambda key: (
            "read them as text (dtype=str), or fill them up: "
            f"index.str.zfill({len(key) if isinstance(key, str) else 5})"
        ),
    ),
    (
        "they differ in the file's folder or ending",
        _without_ending,
        lambda _: "name both in one way: index.map(lambda name: pathlib.Path(name).stem)",
    ),
    ("they differ in case", str.casefold, lambda _: "write both in one: index.str.lower()"),
)


def _levels(keys: pd.Index[Any]) -> list[pd.Index[Any]]:
    """Returns the levels of keys, each once; the categories where they are of categories."""
    import pandas as pd

    levels = list(keys.levels) if isinstance(keys, pd.MultiIndex) else [keys]
    return [each.categories if isinstance(each, pd.CategoricalIndex) else each for each in levels]


def _alike(first: pd.Index[Any], other: pd.Index[Any]) -> bool:
    kinds = _kind(first), _kind(other)
    if not len(first) or not len(other):
        return True
    if "mixed" in kinds:
        return _has_booleans(first) == _has_booleans(other)
    return kinds[0] == kinds[1]


def _exact(*keys: pd.Index[Any]) -> bool:
    """Whether keys are not integers and floats, or small enough for the floats to hold each."""
    if {_number(each) for each in keys} != {"i", "f"} or not all(map(len, keys)):
        return True
    limit = min(2 ** _digits(each) for each in keys)
    return all(each.min() > -limit and each.max() < limit for each in keys)


def _digits(keys: pd.Index[Any]) -> int:
    """Returns how many binary digits of an integer keys of this dtype hold, at most 53."""
    dtype = getattr(keys.dtype, "numpy_dtype", keys.dtype)
    is_float = isinstance(dtype, np.dtype) and dtype.kind == "f"
    return min(53, np.finfo(dtype).nmant + 1) if is_float else 53


def _has_booleans(keys: pd.Index[Any]) -> bool:
    """Whether there are booleans among keys, which equal 0 and 1."""
    return any(isinstance(key, bool | np.bool_) for key in keys)


def _number(keys: pd.Index[Any]) -> str:
    import pandas as pd

    if keys.dtype == object:
        kind = pd.api.types.infer_dtype(keys)
        return {"integer": "i", "floating": "f", "mixed-integer-float": "f"}.get(kind, "")
    if pd.api.types.is_integer_dtype(keys.dtype):
        return "i"
    return "f" if pd.api.types.is_float_dtype(keys.dtype) else ""


def _dtype(keys: pd.Index[Any]) -> Any:
    return ", ".join(map(str, getattr(keys, "dtypes", [keys.dtype])))


_FIXES = {
    frozenset({"numbers", "text"}): "numbers never equal text: convert one side, with "
    "keys.astype(str) or keys.astype(int), or pass keys=",
    frozenset({"dates", "text"}): "convert the text, with pandas.to_datetime(keys), or pass keys=",
    frozenset({"dates", "Python's dates"}): "make times of the dates, with "
    "pandas.to_datetime(keys), or dates of the times, with pandas.Index(keys.date)",
    frozenset({"dates", "periods"}): "make times of the periods, with keys.to_timestamp(), or "
    "periods of the times, with keys.to_period(...)",
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
    "date": "Python's dates",
    "period": "periods",
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
    kind = pd.api.types.infer_dtype(keys, skipna=True)
    return _KINDS.get(kind, kind)
