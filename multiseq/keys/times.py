"""Times in whatever form a column holds them, as moments that can be compared."""

from __future__ import annotations

import contextlib
import datetime
import math
import re
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError, describe

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SEVERAL", "as_cut", "as_moments", "as_times", "overall"]

Array = npt.NDArray[Any]

SEVERAL = "several offsets"  # The zone of times whose offsets differ from row to row.

_OFFSET = re.compile(r"(?:[Zz]|[+-]\d\d(?::?\d\d)?)$")
_DATE = 10  # Characters of "2024-01-31": an offset comes after them.


def as_moments(values: pd.Series[Any], name: Any) -> tuple[pd.Series[Any] | None, Any]:
    """Returns dates as datetime64 without a zone, of UTC where they came with one.

    Taken are datetime64 with or without a zone, periods (their begin), and, in columns of objects
    or text, `datetime.date`, `datetime.datetime`, pandas' Timestamps and text of ISO 8601 with at
    least a year and a month. Offsets may differ from row to row; what is missing is NaT.

    Args:
        values: A column.
        name: Of the column, for errors.

    Returns:
        The dates, None where the column holds something else; and the zone that they came in:
        None for dates without one, `SEVERAL` where offsets differ.

    Raises:
        ArgumentError: Some of them have a zone and others have none.
    """
    import pandas as pd

    dtype: Any = values.dtype
    several = False
    if isinstance(dtype, pd.PeriodDtype):
        values = values.dt.to_timestamp()
    elif not isinstance(dtype, pd.CategoricalDtype) and dtype.kind in "OU":  # "U": Arrow's text.
        values, several = _parsed(values, name)
    if values.dtype.kind != "M":
        return None, None
    index = pd.DatetimeIndex(values)
    zone = index.tz
    moments = index if zone is None else index.tz_convert(None)
    return pd.Series(moments, values.index, name=values.name), SEVERAL if several else zone


def as_times(values: pd.Series[Any], name: str) -> tuple[Array, Any]:
    """Returns times that can be compared: datetime64 of UTC, timedelta64 or numbers.

    Integers stay exact: int64, or uint64 where one is beyond that.

    Args:
        values: Dates of any form that `as_moments` takes, durations or numbers.
        name: What they are, for errors.

    Returns:
        The times, and the zone that they came in, as `as_moments` gives it.

    Raises:
        ArgumentError: They are something else, or some have a zone and others none.
    """
    import pandas as pd

    moments, zone = as_moments(values, name)
    if moments is not None:
        return moments.to_numpy(), zone
    values, kinds = values.infer_objects(), pd.api.types
    if values.dtype.kind == "m":
        return values.to_numpy(), None
    if kinds.is_bool_dtype(values.dtype) or not kinds.is_any_real_numeric_dtype(values.dtype):
        raise ArgumentError(
            f"{name} holds no times",
            got=f"{describe(values.iloc[0])}, of dtype {values.dtype}",
            expected="dates (text in ISO 8601 too), or numbers that grow with time",
            fix="convert other text with pandas.to_datetime(values, format=...)",
        )
    if kinds.is_integer_dtype(values.dtype) and not values.hasnans:
        signed = values.max() <= np.iinfo(np.int64).max
        return values.to_numpy(np.int64 if signed else np.uint64), None
    return values.to_numpy(np.float64, na_value=np.nan), None


def as_cut(value: Any, dtype: np.dtype[Any], zone: Any) -> Any:
    """Returns the first time of this dtype that is not before a cut.

    Args:
        value: A number, a duration, or a date; text of dates is of ISO 8601.
        dtype: Of times as `as_times` gives them.
        zone: Of those times: that of a cut which has none.

    Raises:
        ArgumentError: It cannot be compared with such times, or be read in one way alone.
    """
    try:
        if dtype.kind in "iuf":
            return _number_cut(value, dtype)
        return _date_cut(value, dtype, zone)
    except (TypeError, ValueError, OverflowError) as error:
        raise ArgumentError(
            "this is no time to split at",
            got=describe(value),
            expected="a number"
            if dtype.kind in "iuf"
            else "a time; as text year, month and day, such as '2024-01-31 06:00'",
            fix=str(error),
        ) from error


def _number_cut(value: Any, dtype: np.dtype[Any]) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"the samples' times are {dtype}")
    value = value.item() if isinstance(value, np.generic) else value  # Which math would round.
    if dtype.kind != "f":
        whole, limits = math.ceil(value), np.iinfo(dtype)
        if not limits.min <= whole <= limits.max:
            raise OverflowError(f"the samples' times are {dtype}")
        return dtype.type(whole)
    number = np.float64(value)
    if np.isnan(number):
        raise ValueError("it is missing")
    return np.nextafter(number, np.inf) if number < value else number


def _date_cut(value: Any, dtype: np.dtype[Any], zone: Any) -> Any:
    import pandas as pd

    if isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"the samples' times are {dtype}")
    read = pd.Timedelta if dtype.kind == "m" else _read if isinstance(value, str) else pd.Timestamp
    time: Any = read(value)
    if time is pd.NaT:
        raise ValueError("it is missing")
    if dtype.kind == "M":
        time = _of_utc(time, zone)
    unit: Any = np.datetime_data(dtype)[0]
    begun = time.as_unit(unit)
    if begun < time:
        begun += pd.Timedelta(1, unit)
    return begun.to_numpy()


def _read(text: str) -> Any:
    """Returns the date that a text of ISO 8601 is; pandas guesses at others, each by itself."""
    import pandas as pd

    try:
        if text and not text[:4].isdigit():  # pandas takes "now" too.
            raise ValueError("begin with the year")
        return pd.to_datetime(text, format="ISO8601")
    except pd.errors.OutOfBoundsDatetime:
        raise
    except ValueError as error:
        found = dict.fromkeys(str(each).removesuffix(" 00:00:00") for each in _readings(text))
        if not found:
            raise
        meant = " or ".join(map(repr, found))
        which = ", whichever is meant" if len(found) > 1 else ""
        raise ValueError(f"write {meant}{which}") from error


def _readings(text: str) -> Iterator[Any]:
    import pandas as pd

    for dayfirst in (False, True):
        with warnings.catch_warnings(), contextlib.suppress(ValueError, OverflowError):
            warnings.simplefilter("ignore")
            yield pd.to_datetime(text, dayfirst=dayfirst)


def _localized(time: Any, zone: Any) -> Any:
    """Returns a time with its zone; raises ValueError where clocks show it twice or never."""
    found = time.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
    if found == found:  # No NaT.
        return found
    moments = [
        time.tz_localize(zone, ambiguous=b, nonexistent="shift_forward") for b in (True, False)
    ]
    clocks = "twice" if len(set(moments)) > 1 else "never"
    meant = " or ".join(repr(str(each)) for each in dict.fromkeys(moments))
    raise ValueError(f"clocks there show it {clocks}: give the cut with its offset, {meant}")


def _of_utc(time: Any, zone: Any) -> Any:
    """Returns a time without a zone, of UTC if the samples' times have one."""
    if zone is None:
        if time.tz is not None:
            raise ValueError("leave its time zone out: the samples' times have none")
        return time
    if time.tz is None:
        if zone == SEVERAL:
            raise ValueError(
                "say of which time zone it is, since offsets of the samples' times differ: "
                f"pandas.Timestamp({str(time)!r}, tz='Europe/Berlin'), say, or tz='UTC'"
            )
        time = _localized(time, zone)
    return time.tz_convert(None)


def overall(zones: Sequence[Any], dtypes: Sequence[np.dtype[Any]]) -> Any:
    """Returns the zone of several sequences' times that are compared with one another.

    Raises:
        ArgumentError: They are of different kinds.
    """
    kinds = {(dtype.kind, zone is None) for zone, dtype in zip(zones, dtypes, strict=True)}
    if len(kinds) > 1:
        raise ArgumentError(
            "the parts' times are of different kinds",
            got="; ".join(
                f"{dtype}{'' if zone is None else ' with a time zone'}"
                for zone, dtype in zip(zones, dtypes, strict=True)
            ),
            expected="dates that all have a time zone, or none; or numbers of one kind",
            fix="split by the times of one part: by_time=a Series with the samples' keys",
        )
    return zones[0] if all(zone == zones[0] for zone in zones) else SEVERAL


def _parsed(values: pd.Series[Any], name: Any) -> tuple[pd.Series[Any], bool]:
    """Returns objects or text as dates, and whether offsets differ; as they are if no dates."""
    import pandas as pd

    found = values.dropna().tolist()
    if not found or not all(map(_is_date, found)):
        return values, False
    # As text, which every pandas reads alike: objects of several offsets are an old one's despair.
    texts = values.astype(object).map(_written, na_action="ignore")
    offsets = texts.dropna().map(_offset_of)
    several = offsets.nunique() > 1
    try:
        dates = pd.to_datetime(texts, format="ISO8601", utc=several)
    except pd.errors.OutOfBoundsDatetime as error:  # Of pandas before 3.
        raise ArgumentError(
            f"{name!r} holds a date that this pandas cannot hold",
            got=str(error).partition(",")[0],
            expected="years 1678 to 2261",
            fix="upgrade to pandas 3; or pass numbers, such as years",
        ) from error
    except (ValueError, OverflowError):
        return values, False
    bare = (offsets == "").to_numpy(bool)
    if several and bare.any():
        first = texts.dropna().to_numpy()
        raise ArgumentError(
            f"{name!r}: some times have a time zone, others have none",
            got=f"{first[~bare][0]!r} and {first[bare][0]!r}",
            expected="an offset in each, or in none",
            fix="give those without a zone theirs: times.map(pandas.Timestamp).map(lambda t: t if "
            "t.tz else t.tz_localize('Europe/Berlin')); or take all as they are on the clock: "
            "times.map(lambda t: pandas.Timestamp(t).tz_localize(None))",
        )
    return dates, several


def _is_date(value: Any) -> bool:
    return value[4:5] == "-" if isinstance(value, str) else isinstance(value, datetime.date)


def _written(value: Any) -> str:
    return value if isinstance(value, str) else str(value.isoformat())


def _offset_of(text: str) -> str:
    """Returns the offset from UTC, such as "+0100"; "" where there is none."""
    found = _OFFSET.search(text, _DATE)
    if found is None:
        return ""
    digits = found[0].replace(":", "")
    return "+0000" if digits in "Zz" else digits.ljust(5, "0")
