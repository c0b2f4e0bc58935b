"""Times of columns: offsets that differ, zones, Python's dates, large numbers; against Python."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiseq import TableSequence, WindowSequence
from multiseq.errors import ArgumentError
from multiseq.keys.times import as_moments
from multiseq.transforms import Standardize

DAY = datetime.date(2024, 1, 31)
BERLIN = pd.date_range("2024-03-30 20:00", periods=24, freq="h", tz="Europe/Berlin")


def zone(hours: float) -> datetime.timezone:
    return datetime.timezone(datetime.timedelta(hours=hours))


def windows(times: Any, **keywords: Any) -> WindowSequence:
    frame = pd.DataFrame({"time": times, "load": np.arange(len(times), dtype=float)})
    return WindowSequence(
        frame, length=1, features=["load"], targets="load", time="time", batch_size=99, **keywords
    )


@pytest.mark.parametrize("kind", ["text", "python", "pandas", "timestamps"])
def test_offsets_that_change_are_one_time(kind: str) -> None:
    made: dict[str, Any] = {
        "text": [each.isoformat() for each in BERLIN],
        "python": pd.Series(
            [each.to_pydatetime().astimezone(zone(2 if each.dst() else 1)) for each in BERLIN],
            dtype=object,
        ),
        "pandas": BERLIN,
        "timestamps": pd.Series(list(BERLIN), dtype=object),
    }
    data = windows(made[kind], keys="time")
    assert data[0][1].ravel().tolist() == list(range(1, 24))
    assert (data.keys == BERLIN[:-1]).all()


def test_one_offset_is_kept_for_labels() -> None:
    data = windows(["2024-01-01T00:00+05:30", "2024-01-01T01:00+05:30"], keys="time")
    assert str(data.keys[0]) == "2024-01-01 00:00:00+05:30"


@pytest.mark.parametrize(
    "times",
    [
        ["2024-01-01T00:00Z", "2024-01-01T00:00"],
        ["2024-01-01", "2024-01-02T00:00+01:00"],
        pd.Series(
            [datetime.datetime(2024, 1, 1), datetime.datetime(2024, 1, 1, tzinfo=zone(1))],
            dtype=object,
        ),
    ],
)
def test_a_zone_in_some_alone_is_refused(times: Any) -> None:
    with pytest.raises(ArgumentError, match="some times have a time zone, others have none"):
        windows(times)
    with pytest.raises(ArgumentError, match="some times have a time zone, others have none"):
        TableSequence(pd.DataFrame({"t": times}), numeric="t")


def test_numbers_beyond_an_int64() -> None:
    times = np.array([2**63 + 3, 2**63 + 1, 2**63 + 2], np.uint64)
    data = windows(times, keys="time")
    assert data.keys.tolist() == [2**63 + 1, 2**63 + 2]
    assert data[0][1].ravel().tolist() == [2.0, 0.0]
    assert windows(pd.Series(times.tolist(), dtype=object), keys="time").keys.equals(data.keys)


@pytest.mark.parametrize("times", [[True, False], ["1", "2"], [1j, 2j], pd.Series([1, "2"])])
def test_what_is_no_time_is_refused(times: Any) -> None:
    with pytest.raises(ArgumentError, match="'time' holds no times"):
        windows(times)


def test_a_year_beyond_nanoseconds_is_refused() -> None:
    with pytest.raises(ArgumentError, match="1678 to 2261"):
        windows(pd.Series([datetime.date(1066, 10, 14), datetime.date(1066, 10, 15)], dtype=object))


@pytest.mark.parametrize("make", [datetime.date, datetime.datetime, pd.Timestamp])
def test_dates_of_python_are_seconds(make: Any) -> None:
    year = 1066 if pd.__version__ >= "3" else 1766  # Nanoseconds were all that there was.
    days = pd.Series([make(2024, 1, 1), None, make(year, 10, 14)], dtype=object)
    data = TableSequence(
        pd.DataFrame({"day": days}), numeric="day", transforms={"numeric": Standardize()}
    )
    epoch = datetime.datetime(1970, 1, 1)
    seconds = [
        (datetime.datetime(*day) - epoch).total_seconds() for day in [(2024, 1, 1), (year, 10, 14)]
    ]
    found = [data.raw(k)["numeric"].tolist() for k in range(3)]
    assert [found[0], found[2]] == [[each] for each in seconds]
    assert np.isnan(found[1])


def test_dates_are_no_categories() -> None:
    with pytest.raises(ArgumentError, match="does not hold categories") as caught:
        TableSequence(pd.DataFrame({"day": [DAY, DAY]}), categorical="day")
    assert "dt.month" in str(caught.value)


MOMENTS = st.datetimes(
    datetime.datetime(1700, 1, 2),
    datetime.datetime(2200, 1, 1),
    timezones=st.integers(-14 * 4, 14 * 4).map(lambda quarter: zone(quarter / 4)),
)


@given(st.lists(MOMENTS, min_size=1, max_size=6), st.booleans())
def test_moments_are_those_of_python(times: list[datetime.datetime], text: bool) -> None:
    values: list[Any] = [each.isoformat() for each in times] if text else times
    moments, found = as_moments(pd.Series(values, dtype=object), "t")
    assert moments is not None
    assert found is not None
    assert moments.tolist() == [
        pd.Timestamp(each.astimezone(datetime.UTC).replace(tzinfo=None)) for each in times
    ]
