"""windows and irregular times: what is a gap, what is none, and what happens there."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd
import pytest
from series import START, all_rows, series, shuffled, windows

from multiseq.errors import ArgumentError
from multiseq.testing import check_sequence

HOUR = pd.Timedelta(hours=1)


def timed(times: Any, **keywords: Any) -> Any:
    """Windows of 3 and 1 rows over one series with these times."""
    frame = pd.DataFrame({"t": times, "code": np.arange(len(times))})
    return windows(
        frame, length=3, horizon=1, features="code", targets="code", entity=None, **keywords
    )


def starts(seq: Any) -> list[int]:
    """The row in which each window starts."""
    return [int(seq.sample(k)[0]["past"][0, 0]) for k in range(seq.num_samples)]


def test_no_window_spans_a_gap(caplog: Any) -> None:
    frame = series({"a": 12, "b": 9}, missing=[("a", 6), ("a", 7)])
    with caplog.at_level(logging.WARNING, "multiseq"):
        seq = windows(shuffled(frame), length=2, horizon=2)
    rows = np.hstack(all_rows(seq))
    assert (np.diff(rows) == 1).all()
    assert sorted(rows[:, 0]) == [1000, 1001, 1002, 1008, *range(2000, 2006)]
    (message,) = caplog.messages
    assert "10 of 13 are left: 'a', t 2020-01-01 05:00:00 is followed by 2020-01-01 08:00:00" in (
        message
    )
    assert "usual step is 0 days 01:00:00" in message
    check_sequence(seq)


def test_each_entity_has_its_own_usual_step(caplog: Any) -> None:
    frame = series({"h": 40, "d": 9, "pair": 2, "one": 1}, missing=[("h", 20), ("d", 4)])
    hours: Any = (frame["t"] - START) * np.where(frame["site"] == "d", 24, 1)
    frame["t"] = START + hours
    with caplog.at_level(logging.WARNING, "multiseq"):
        seq = windows(shuffled(frame), length=1, horizon=1)
    rows = np.hstack(all_rows(seq))
    assert (np.diff(rows) == 1).all()
    hourly = [*range(1000, 1019), *range(1021, 1039)]
    assert sorted(rows[:, 0]) == [*hourly, *range(2000, 2003), *range(2005, 2008), 3000]
    assert "usual steps there are 0 days 01:00:00, 1 days 00:00:00" in caplog.messages[0]


def test_two_rows_have_the_usual_step_of_all() -> None:
    frame = series({"a": 9, "b": 2})
    frame["t"] += pd.to_timedelta(np.where(frame.index == 10, 3, 0), "h")
    assert windows(frame, length=1, horizon=1).gaps["site"].tolist() == ["b"]


def test_gaps_are_listed() -> None:
    seq = windows(series({"a": 12, "b": 9}, missing=[("b", 2), ("a", 6)]), length=1, horizon=1)
    expected = pd.DataFrame(
        {
            "site": ["a", "b"],
            "before": [START + 5 * HOUR, START + HOUR],
            "after": [START + 7 * HOUR, START + 3 * HOUR],
        }
    )
    pd.testing.assert_frame_equal(seq.gaps, expected, check_dtype=False)
    assert len(windows().gaps) == 0


def test_windows_start_anew_after_a_gap() -> None:
    seq = timed([0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13], stride=3)
    assert starts(seq) == [0, 5, 8]


def test_a_gap_is_an_error_where_wanted() -> None:
    frame = series({"a": 12, "b": 9}, missing=[("b", 4)])
    with pytest.raises(ArgumentError, match="do not follow one another") as caught:
        windows(frame, gaps="raise")
    assert "'b', t 2020-01-01 03:00:00 is followed by 2020-01-01 05:00:00" in str(caught.value)
    assert windows(series(), gaps="raise").num_samples == 11


def test_gaps_are_ignored_where_wanted() -> None:
    days = pd.bdate_range("2020-01-01", periods=20)
    assert starts(timed(days, gaps="ignore")) == list(range(17))
    assert starts(timed(days)) == [3, 4, 8, 9, 13, 14]  # Four days of a week of five.


@pytest.mark.parametrize(
    "times",
    [
        pd.date_range("2019-01-31", periods=30, freq=pd.offsets.MonthEnd()),
        pd.date_range("1990", periods=30, freq="YS"),
        pd.date_range("2020-03-28", periods=30, freq="D", tz="Europe/Berlin"),
        pd.date_range("2020-03-28", periods=30, freq="h", tz="Europe/Berlin"),
        pd.period_range("1990", periods=30, freq="Q"),
        np.arange(1960, 1990),
        np.arange(30) * 0.02 + np.random.default_rng(0).uniform(-0.004, 0.004, 30),
        np.arange(30, dtype=np.uint8),
    ],
    ids=["months", "years", "days", "hours", "quarters", "numbers", "jitter", "uint8"],
)
def test_regular_steps_are_no_gaps(times: Any) -> None:
    assert starts(timed(times)) == list(range(27))


@pytest.mark.parametrize("freq", [pd.offsets.MonthEnd(), "YS", "D", pd.offsets.Hour(), "QS"])
def test_one_missing_time_is_a_gap(freq: Any) -> None:
    times = pd.date_range("2019-01-31", periods=31, freq=freq).delete(10)
    assert starts(timed(times)) == [*range(7), *range(10, 27)]


def test_the_usual_step_is_one_that_occurs() -> None:
    assert starts(timed([0, 1, 2, 3, 13, 23, 33])) == [0]
    assert starts(timed([0, 1, 2, 3, 3.25, 4.25, 5.25, 6.25])) == [0, 4]


def test_entities_without_windows_are_named(caplog: Any) -> None:
    with caplog.at_level(logging.WARNING, "multiseq"):
        seq = windows()
    assert "entities without 6 rows on end have no window: 'c'" in caplog.text
    assert set(seq.entities) == {"a", "b"}


@pytest.mark.parametrize("horizon", [0, 2])
def test_where_no_window_fits(horizon: int) -> None:
    with pytest.raises(ArgumentError, match="no window fits") as caught:
        windows(length=13 - horizon, horizon=horizon)
    assert "at most 12 rows" in str(caught.value)
    assert "at least 13" in str(caught.value)
    assert windows(length=12 - horizon, horizon=horizon).num_samples == 1


def test_where_gaps_leave_no_window() -> None:
    with pytest.raises(ArgumentError, match='gaps="ignore"') as caught:
        timed([0, 1, 2, 5, 6, 7])
    assert "t 2 is followed by 5" in str(caught.value)
