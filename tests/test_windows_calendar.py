"""WindowSequence: times of rows that are put into gaps are those of the calendar and the clock."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from multiseq.join import join
from multiseq.modalities.tables.sequence import TableSequence
from multiseq.modalities.windows.sequence import WindowSequence

ROWS = 60


def filled(times: pd.DatetimeIndex, lacking: Any, **keywords: Any) -> WindowSequence:
    frame = pd.DataFrame({"t": times, "x": np.arange(len(times)) * 1.0}).drop(index=lacking)
    return WindowSequence(
        frame,
        length=5,
        horizon=0,
        features=["x"],
        targets=None,
        time="t",
        keys="time",
        gaps="fill",
        missing={"past": -1},
        **keywords,
    )


FREQS: list[Any] = [
    "MS",
    pd.offsets.MonthEnd(),
    "QS",
    pd.offsets.QuarterEnd(),
    "YS",
    pd.offsets.YearEnd(),
    pd.offsets.YearBegin(month=7),
    pd.DateOffset(months=2, days=0),
    pd.DateOffset(months=6),
    "W",
    "14D",
    "D",
    pd.offsets.Hour(4),
    pd.offsets.Hour(),
    pd.offsets.Minute(30),
]


@pytest.mark.parametrize("freq", FREQS, ids=str)
@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin", "America/New_York"])
@pytest.mark.parametrize("start", ["2019-10-24 00:00", "2024-03-01 12:00"])
def test_times_are_those_of_the_calendar(freq: Any, zone: Any, start: str) -> None:
    times = pd.date_range(start, periods=ROWS, freq=freq, tz=zone)
    rng = np.random.default_rng(0)
    for lacking in ([7], [7, 8, 9], [3, 21, 22, 40], rng.permutation(range(1, 59))[:12]):
        runs = np.diff(np.setdiff1d(np.arange(ROWS), lacking)).max()
        if runs <= 5:
            assert filled(times, lacking).keys.tolist() == times[4:].tolist()


@pytest.mark.parametrize("hours", [12, 6])
def test_parts_of_days_on_the_clock(hours: int) -> None:
    naive = pd.date_range("2024-03-20", periods=ROWS, freq=pd.offsets.Hour(hours))
    times = naive.tz_localize("Europe/Berlin")
    for lacking in range(1, ROWS - 1):
        assert filled(times, [lacking]).keys.tolist() == times[4:].tolist()


def test_days_that_begin_every_24_hours() -> None:
    times = pd.date_range("2024-03-01", periods=ROWS, freq="D", tz="UTC")
    for zone in ("Europe/Berlin", "Asia/Kolkata"):
        other = times.tz_convert(zone)
        assert filled(other, [28, 29, 30, 31]).keys.tolist() == other[4:].tolist()


def test_a_day_of_the_month() -> None:
    times = pd.DatetimeIndex([f"2021-{month:02}-30 06:00" for month in range(3, 13)])
    assert filled(times, [4]).keys.tolist() == times[4:].tolist()
    # Of months that all have 30 days, the last one is the end of the months between.
    ends = pd.date_range("2021-03-31", periods=10, freq=pd.offsets.MonthEnd())
    assert filled(ends, [2, 7]).keys.tolist() == ends[4:].tolist()


def test_entities_go_by_their_own_calendar() -> None:
    begin = pd.date_range("2020-01-01", periods=30, freq="MS")
    end = pd.date_range("2020-01-31", periods=30, freq=pd.offsets.MonthEnd())
    day = pd.date_range("2020-01-01", periods=30, freq="D")
    times = {"a": begin, "b": end, "c": day}
    frame = pd.concat([pd.DataFrame({"e": e, "t": t, "x": 1.0}) for e, t in times.items()])
    keywords: Any = {"length": 4, "horizon": 0, "features": ["x"], "targets": None, "entity": "e"}
    frame = frame[~frame.groupby("e").cumcount().isin([6, 7, 20])]
    seq = WindowSequence(frame, **keywords, time="t", keys="time", gaps="fill", missing={"past": 0})
    assert seq.keys.tolist() == [(e, t) for e, each in times.items() for t in each[3:]]


def test_measured_times_are_put_between_their_neighbors() -> None:
    rng = np.random.default_rng(1)
    times = pd.Timestamp("2020-01-01") + pd.to_timedelta(
        np.arange(ROWS) + rng.uniform(-0.1, 0.1, ROWS), "D"
    )
    seq = filled(times, [20])
    assert seq.keys[16] == times[19] + (times[21] - times[19]) / 2


def test_a_join_finds_the_day_on_which_clocks_change() -> None:
    times = pd.date_range("2024-03-24", periods=16, freq="D", tz="Europe/Berlin")
    rain = TableSequence(
        pd.DataFrame({"rain": np.arange(16.0)}, index=times),
        numeric={"rain": ["rain"]},
        transforms={"rain": None},
    )
    x = join(filled(times, [7]), rain, how="left", fill=-1, mask=True)[0][0]
    assert x["rain"].ravel().tolist() == list(range(4, 16))
