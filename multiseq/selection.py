"""Which samples: keys, and the positions that a subset or a split picks.

pandas is imported where it is used, here and in the modules after this one: worker processes
import them too, load samples by index, and need no keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .errors import AlignmentError, ArgumentError, describe
from .order import Indices, Permutation

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["checked_keys", "few", "positions_of", "split_positions"]

_SPLIT_EPOCH = (1 << 32) - 1


def few(items: Any, most: int = 5) -> str:
    """Names the first few of some items, and says how many there are."""
    shown = ", ".join(repr(item) for item in list(items[:most]))
    return f"{shown}, … ({len(items)} in all)" if len(items) > most else shown


def checked_keys(n_or_keys: Any) -> pd.Index[Any]:
    """Returns the keys of a sequence's samples: those given, or 0 to n - 1.

    Raises:
        ArgumentError: There are no samples, or it is neither a number nor keys.
        AlignmentError: Keys are missing or duplicated.
    """
    import pandas as pd

    if isinstance(n_or_keys, int | np.integer) and not isinstance(n_or_keys, bool):
        keys: pd.Index[Any] = pd.RangeIndex(max(0, int(n_or_keys)))
    elif isinstance(n_or_keys, pd.Index):
        keys = n_or_keys
    elif hasattr(n_or_keys, "__iter__") and not isinstance(n_or_keys, str | bytes):
        keys = _index(n_or_keys)
    else:
        raise _no_keys(n_or_keys)
    if not len(keys):
        raise ArgumentError("there are no samples", got=n_or_keys, expected="at least one sample")
    missing = _missing(keys)
    if missing.any():
        raise AlignmentError(
            f"{int(missing.sum())} keys are missing (None or NaN)",
            got=f"the first at position {int(missing.argmax())}",
            fix="give every sample a key, or drop those that have none",
        )
    if not keys.is_unique:
        raise AlignmentError(
            "keys are duplicated",
            got=few(keys[keys.duplicated()].unique()),
            expected="one key for each sample",
            fix="drop duplicates, or use a key that tells the samples apart",
        )
    return keys


def _index(values: Any) -> pd.Index[Any]:
    import pandas as pd

    try:
        index: pd.Index[Any] = pd.Index(values if hasattr(values, "__len__") else list(values))
    except (TypeError, ValueError) as error:  # Such as an array of two axes.
        raise _no_keys(values) from error
    return index


def _no_keys(value: Any) -> ArgumentError:
    return ArgumentError(
        "this is neither a number of samples nor their keys",
        got=describe(value),
        expected="an integer, or anything that pandas.Index takes",
        fix="call super().__init__(len(self.rows), **keywords), for instance",
    )


def _missing(keys: Any) -> npt.NDArray[Any]:
    """Which keys are None or NaN, or are so on one of their levels."""
    import pandas as pd

    if isinstance(keys, pd.MultiIndex):
        return np.asarray(np.any([np.asarray(codes) < 0 for codes in keys.codes], axis=0))
    return np.asarray(keys.isna()) if keys.hasnans else np.zeros(0, bool)


def positions_of(keys: pd.Index[Any], chosen: Any) -> Indices:
    """Returns the positions of some samples, chosen by key, by position or by a boolean mask.

    Integers are keys where the sequence has integer keys of its own, and positions where its
    keys are something else.

    Args:
        keys: The sequence's keys.
        chosen: Keys, positions, a slice of positions, or one boolean for each sample.

    Raises:
        ArgumentError: Nothing is chosen, or something twice.
        AlignmentError: A key or position does not exist.
    """
    if isinstance(chosen, slice):
        positions = np.arange(len(keys))[chosen]
    else:
        if isinstance(chosen, str | bytes) or not hasattr(chosen, "__iter__"):
            raise ArgumentError(
                "this does not choose samples",
                got=describe(chosen),
                expected="keys, positions, a slice of positions or a boolean for each sample",
                fix="put a single key into a list: subset([key])",
            )
        wanted = _index(chosen)
        if wanted.dtype == bool:
            if len(wanted) != len(keys):
                raise ArgumentError(
                    "the mask has another length than the sequence",
                    got=f"{len(wanted)} booleans",
                    expected=f"one for each of the {len(keys)} samples",
                )
            positions = np.flatnonzero(wanted)
        elif wanted.dtype.kind in "iu" and keys.dtype.kind not in "iu":
            positions = np.where(wanted < 0, wanted + len(keys), wanted)
            positions = np.where((positions >= 0) & (positions < len(keys)), positions, -1)
        else:
            positions = keys.get_indexer(wanted)
        if (missing := np.asarray(positions) < 0).any():
            raise AlignmentError(
                "some keys or positions do not exist",
                got=few(wanted[missing]),
                expected=f"any of the {len(keys)} samples, such as {few(keys, 3)}",
            )
    if not len(positions):
        raise ArgumentError("no sample was chosen", got=chosen)
    return np.asarray(positions, np.int64)


def split_positions(n: int, fractions: Sequence[float], seed: int) -> list[Indices]:
    """Returns disjoint sets of positions, in source order, that hold random fractions of n.

    Args:
        n: Number of samples.
        fractions: Of each part, between 0 and 1; they may add up to less than 1.
        seed: Decides which sample goes where, the same on any machine.

    Raises:
        ArgumentError: The fractions are not fractions, or a part would be empty.
    """
    if not fractions or not all(map(_is_fraction, fractions)) or sum(fractions) > 1 + 1e-9:
        raise ArgumentError(
            "these are not fractions to split by",
            got=str(tuple(fractions)),
            expected="numbers above 0 that add up to at most 1",
            fix="split(0.8, 0.1, 0.1), for instance",
        )
    ends = np.round(np.cumsum(fractions) * n).astype(int)
    starts = np.concatenate([[0], ends[:-1]])
    if (starts == ends).any():
        raise ArgumentError(
            "a part of the split would be empty",
            got=f"{n} samples for {tuple(fractions)}",
            fix="use more samples, or fewer or larger parts",
        )
    shuffled = Permutation(n, seed, _SPLIT_EPOCH)(np.arange(n))
    return [np.sort(shuffled[start:end]) for start, end in zip(starts, ends, strict=True)]


def _is_fraction(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 1


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
        _check_kinds(first, other, names[0], name)
    found = [None if other.equals(first) else other.get_indexer(first) for other in keys]
    common = np.ones(len(first), bool)
    for positions in found:
        if positions is not None:
            common &= positions >= 0
    kept = first if common.all() else first[common]
    dropped = {}
    for other, name in zip(keys, names, strict=True):
        if len(other) > len(kept):
            dropped[name] = other[~other.isin(kept)]
    if how == "strict" and dropped:
        raise _differ(keys, names, dropped)
    if not len(kept):
        raise AlignmentError(
            "the sequences have no key in common",
            got="; ".join(f"{n}: {few(k, 3)}" for k, n in zip(keys, names, strict=True)),
        )
    if len(kept) < len(first):
        found = [np.flatnonzero(common) if p is None else p[common] for p in found]
    return kept, [None if p is None else p.astype(np.int64) for p in found], dropped


def _check_kinds(first: pd.Index[Any], other: pd.Index[Any], name: str, other_name: str) -> None:
    import pandas as pd

    numbers = [pd.api.types.is_numeric_dtype(keys.dtype) for keys in (first, other)]
    if numbers[0] != numbers[1]:
        raise AlignmentError(
            "keys are of different kinds: numbers never equal text",
            got=f"{name}: {few(first, 3)} ({first.dtype}); {other_name}: {few(other, 3)} "
            f"({other.dtype})",
            fix="convert one side, with keys.astype(str) or keys.astype(int), or pass keys=",
        )


def _differ(
    keys: Sequence[pd.Index[Any]], names: Sequence[str], dropped: dict[str, pd.Index[Any]]
) -> AlignmentError:
    lines = []
    for owner, extra in dropped.items():
        for other, name in zip(keys, names, strict=True):
            missing = extra[~extra.isin(other)]
            if len(missing):
                lines.append(f"{name} lacks {few(missing)}, which {owner} has")
    return AlignmentError(
        "the sequences have different keys",
        got="; ".join(lines),
        expected="the same keys in every part",
        fix='complete the data, or join with how="inner" to keep the keys that all have',
    )
