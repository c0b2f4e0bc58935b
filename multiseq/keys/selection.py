"""The keys of samples: checked, and named in errors.

pandas is imported where it is used, here and in the modules after this one: worker processes
import them too, load samples by index, and need no keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import AlignmentError, ArgumentError, describe, few
from .indexing import duplicates

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["as_index", "checked_keys"]


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
    elif isinstance(n_or_keys, set | frozenset):
        raise ArgumentError(
            "keys in a set have no order, in which samples could go with them",
            got=n_or_keys,
            fix="pass a list: sorted(keys)",
        )
    elif hasattr(n_or_keys, "__iter__") and not isinstance(n_or_keys, str | bytes):
        keys = as_index(n_or_keys)
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
    if len(repeated := duplicates(keys)):
        raise AlignmentError(
            "keys are duplicated",
            got=few(repeated),
            expected="one key for each sample",
            fix="drop duplicates, or use a key that tells the samples apart; for one sample that "
            "belongs to many others, see seq.lookup(...)",
        )
    return keys


def as_index(values: Any, keys: Any = None) -> pd.Index[Any]:
    """Returns values as an index.

    Args:
        values: Anything that `pandas.Index` takes.
        keys: What is looked up by them, if anything: tuples, which cannot name their parts, are
            written as these keys are.

    Raises:
        ArgumentError: They are none.
    """
    import pandas as pd

    if isinstance(values, pd.Index):
        return values  # As it is: pandas.Index would take the names from levels.
    if not hasattr(values, "__len__"):
        values = list(values)
    try:
        index: pd.Index[Any] = pd.Index(values)
    except UnicodeEncodeError:  # A file's name that is no UTF-8, which Arrow cannot hold.
        index = pd.Index(values, dtype=object)
    except (TypeError, ValueError) as error:  # Such as an array of two axes.
        raise _no_keys(values) from error
    if isinstance(keys, pd.MultiIndex) and index.nlevels == keys.nlevels:
        return index.set_names(keys.names)
    return index


def _no_keys(value: Any) -> ArgumentError:
    return ArgumentError(
        "this is neither a number of samples nor their keys",
        got=describe(value),
        expected="an integer, or anything that pandas.Index takes",
        fix="choose a column, frame['id'], or levels of several: "
        "pandas.MultiIndex.from_frame(frame[['id', 'day']])"
        if hasattr(value, "columns")
        else "call super().__init__(len(self.rows), **keywords), for instance",
    )


def _missing(keys: Any) -> npt.NDArray[Any]:
    """Which keys are None or NaN, or are so on one of their levels."""
    import pandas as pd

    if isinstance(keys, pd.MultiIndex):
        return np.asarray(np.any([np.asarray(codes) < 0 for codes in keys.codes], axis=0))
    return np.asarray(keys.isna()) if keys.hasnans else np.zeros(0, bool)
