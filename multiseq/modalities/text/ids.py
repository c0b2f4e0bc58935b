"""Lists of token ids, checked and packed into one array."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import SpecError
from ...sources.flat import FlatRows

__all__ = ["LARGEST", "at_once", "checked_ids", "packed"]

Ids = npt.NDArray[np.int32]

LARGEST = np.iinfo(np.int32).max
_CHUNK = 1 << 14  # Token lists that are copied at a time: their values exist twice meanwhile.


def packed(items: list[Any], keys: Any) -> FlatRows:
    """Copies lists of ids into one array.

    Raises:
        SpecError: An item is no list of ids; it says which.
    """
    values: list[Ids] = [np.empty(0, np.int32)]
    lengths: list[int] = []
    for start in range(0, len(items), _CHUNK):
        chunk = items[start : start + _CHUNK]
        values.append(_joined(chunk, keys, start))
        lengths += map(len, chunk)
    return FlatRows(np.concatenate(values), lengths)


def _joined(chunk: list[Any], keys: Any, start: int) -> Ids:
    """Joins lists of ids; looks at them one by one only where not all are alike and good."""
    ids = at_once(chunk)
    if ids is not None:
        return ids
    arrays = []
    for position, item in enumerate(chunk, start):
        try:
            arrays.append(checked_ids(item))
        except SpecError as error:
            where = {"position": position} if keys is None else {"key": repr(keys[position])}
            raise error.at(cls="TextSequence", **where) from None
    return np.concatenate(arrays)


def at_once(chunk: Sequence[Any]) -> Ids | None:
    """The ids of lists that are all alike and good; None for others."""
    types = set(map(type, chunk))
    try:
        if types <= {list, tuple}:
            return checked_ids(list(chain.from_iterable(chunk)))
        if types == {np.ndarray}:
            return checked_ids(np.concatenate(chunk))
    except (SpecError, ValueError):
        pass
    return None


def checked_ids(value: Any) -> Ids:
    """Returns token ids as an int32 array.

    Raises:
        SpecError: It is something else.
    """
    try:
        array = np.asarray(value)
        good = array.ndim == 1 and (array.dtype.kind in "iu" or not array.size)
    except (ValueError, TypeError):  # Lists of different lengths within.
        good = False
    if good and (not array.size or 0 <= array.min() <= array.max() <= LARGEST):
        return array.astype(np.int32, copy=False)
    raise SpecError(
        "these are no token ids",
        got=value,
        expected=f"a list or 1-D array of integers from 0 to {LARGEST}, which may be empty",
        fix="make ids of text by a tokenizer, and fill or leave out what is missing",
    )
