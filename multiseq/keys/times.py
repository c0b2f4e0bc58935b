"""Times in whatever form a column holds them, as moments that can be compared."""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING, Any

from ..errors import ArgumentError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["as_moments"]

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
        None for dates without one, UTC where offsets differ.

    Raises:
        ArgumentError: Some of them have a zone and others have none.
    """
    import pandas as pd

    dtype: Any = values.dtype
    if isinstance(dtype, pd.PeriodDtype):
        values = values.dt.to_timestamp()
    elif not isinstance(dtype, pd.CategoricalDtype) and dtype.kind in "OU":  # "U": Arrow's text.
        parsed = _parsed(values, name)
        if parsed is None:
            return None, None
        values = parsed
    if values.dtype.kind != "M":
        return None, None
    index = pd.DatetimeIndex(values)
    zone = index.tz
    moments = index if zone is None else index.tz_convert(None)
    return pd.Series(moments, values.index, name=values.name), zone


def _parsed(values: pd.Series[Any], name: Any) -> pd.Series[Any] | None:
    """Returns objects or text as dates of one zone, or of none; None if they are no dates."""
    import pandas as pd

    found = values.dropna()
    if not len(found) or not all(map(_is_date, found.tolist())):
        return None
    try:
        return pd.to_datetime(values, format="ISO8601")
    except (ValueError, OverflowError):  # No dates; or several offsets, or some without one.
        try:
            dates = pd.to_datetime(values, format="ISO8601", utc=True)
        except (ValueError, OverflowError):
            return None
    bare = found.map(_has_no_zone).to_numpy(bool)
    if bare.any() and not bare.all():
        raise ArgumentError(
            f"{name!r}: some times have a time zone, others have none",
            got=f"{str(found[~bare].iloc[0])!r} and {str(found[bare].iloc[0])!r}",
            expected="an offset in each, or in none",
            fix="give each the same, as with series.dt.tz_localize('Europe/Berlin')",
        )
    return dates


def _is_date(value: Any) -> bool:
    return value[4:5] == "-" if isinstance(value, str) else isinstance(value, datetime.date)


def _has_no_zone(value: Any) -> bool:
    if isinstance(value, str):
        return _OFFSET.search(value, _DATE) is None
    return getattr(value, "tzinfo", None) is None
