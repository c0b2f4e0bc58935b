"""Which samples: keys, and the positions that a subset or a split picks.

pandas is imported where it is used, here and in the modules after this one: worker processes
import them too, load samples by index, and need no keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from ..errors import AlignmentError, ArgumentError, describe
from ..order import Indices
from .indexing import duplicates, find

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["checked_keys", "few", "per_sample", "positions_of", "rows_by_key"]


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
    if len(repeated := duplicates(keys)):
        raise AlignmentError(
            "keys are duplicated",
            got=few(repeated),
            expected="one key for each sample",
            fix="drop duplicates, or use a key that tells the samples apart; for one sample that "
            "belongs to many others, see seq.lookup(...)",
        )
    return keys


def _index(values: Any) -> pd.Index[Any]:
    import pandas as pd

    if not hasattr(values, "__len__"):
        values = list(values)
    try:
        index: pd.Index[Any] = pd.Index(values)
    except UnicodeEncodeError:  # A file's name that is no UTF-8, which Arrow cannot hold.
        index = pd.Index(values, dtype=object)
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
            positions = find(keys, wanted)
        if (missing := np.asarray(positions) < 0).any():
            raise AlignmentError(
                "some keys or positions do not exist",
                got=few(wanted[missing]),
                expected=f"any of the {len(keys)} samples, such as {few(keys, 3)}",
            )
    if not len(positions):
        raise ArgumentError("no sample was chosen", got=chosen)
    return np.asarray(positions, np.int64)


def rows_by_key(
    value: pd.Series[Any] | pd.DataFrame, keys: pd.Index[Any], name: str
) -> pd.Series[Any] | pd.DataFrame:
    """Returns the rows of a Series or DataFrame that belong to the keys, in their order.

    Args:
        value: Has a row for each key in its index, and may have more.
        keys: The samples' keys.
        name: Of the value, for errors.

    Raises:
        AlignmentError: A key has no row, or several.
    """
    index = value.index
    if index.equals(keys):
        return value
    if len(repeated := duplicates(index)):
        raise AlignmentError(
            f"the index of {name} has a key more than once",
            got=few(repeated),
            expected="one row for each key",
            fix="drop the duplicates; or pass .to_numpy() if the rows are in the samples' order",
        )
    rows = find(index, keys)
    missing = keys[rows < 0]
    if len(missing):
        raise AlignmentError(
            f"{name} has no row for {len(missing)} of the {len(keys)} samples",
            got=f"keys such as {few(index, 3)}",
            expected=f"also {few(missing)}",
            fix="add the rows, or leave those samples out; or pass .to_numpy() if the rows are in "
            "the samples' order",
        )
    return value.iloc[rows]


def per_sample(values: Any, keys: pd.Index[Any] | int, name: str) -> pd.Series[Any]:
    """Returns one value for each sample, in the order of the samples.

    Args:
        values: An array-like in that order; a Series or a dict, aligned by key; or the name of a
            level of the keys.
        keys: The samples' keys, or their number where positions are all they have: the rows of a
            Series are then taken in order.
        name: Of the values, for errors.

    Raises:
        ArgumentError: More or fewer values than samples, or no such level.
        AlignmentError: A sample without a value, or with several, or with a missing one.
    """
    import pandas as pd

    n = keys if isinstance(keys, int) else len(keys)
    if isinstance(values, str):
        series = _level(values, keys, name)
    else:
        try:
            series = pd.Series(values)
        except (TypeError, ValueError) as error:  # Such as an array of two axes.
            raise _not_per_sample(name, describe(values), n) from error
        if isinstance(values, pd.Series | Mapping) and not isinstance(keys, int):
            series = cast("pd.Series[Any]", rows_by_key(series, keys, name))
    if len(series) != n:
        raise _not_per_sample(name, f"{len(series)} values for {n} samples", n)
    if (missing := series.isna().to_numpy()).any():
        position = int(missing.argmax())
        which = position if isinstance(keys, int) else keys[position]
        raise AlignmentError(
            f"{name} has missing values (None or NaN)",
            got=f"{int(missing.sum())} of {n}, the first for {which!r}",
            fix="fill them in, or leave those samples out by subset()",
        )
    return series.reset_index(drop=True)


def _level(name: str, keys: pd.Index[Any] | int, role: str) -> pd.Series[Any]:
    import pandas as pd

    names = [] if isinstance(keys, int) else list(keys.names)
    if isinstance(keys, int) or name not in names:
        raise ArgumentError(
            f"{role} is no level of the keys",
            got=repr(name),
            expected=f"a value for each sample, or one of the keys' names: {names}",
            fix=f"pass the values: {role}=frame[{name!r}], a Series with the samples' keys",
        )
    return pd.Series(keys.get_level_values(name))


def _not_per_sample(name: str, got: str, n: int) -> ArgumentError:
    return ArgumentError(
        f"{name} is not one value for each sample",
        got=got,
        expected=f"{n} values in the order of the samples, or a Series with their keys",
    )
