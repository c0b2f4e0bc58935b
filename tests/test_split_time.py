"""split by time: parts in order of time, and nothing that reaches across a cut."""

from __future__ import annotations

import itertools
import logging
from typing import Any

import numpy as np
import pandas as pd
import pytest
from coded import Coded, epoch_of

from multiseq import join
from multiseq.errors import AlignmentError, ArgumentError

DAYS = pd.date_range("2020-01-01", periods=10)


class Windows(Coded):
    """Sample i begins on day i and lasts for `length` days."""

    def __init__(self, n: int = 10, length: int = 1, **keywords: Any) -> None:
        super().__init__(n, **keywords)
        self.length = length

    def time_spans(self, indices: Any) -> Any:
        first = np.datetime64("2020-01-01", "ns") + indices.astype("timedelta64[D]")
        return first, first + np.timedelta64(self.length - 1, "D")


def parts_of(seq: Any, *cuts: Any, **keywords: Any) -> list[list[int]]:
    return [epoch_of(part) for part in seq.split(*cuts, **keywords)]


TIMES: dict[str, Any] = {
    "index": DAYS,
    "series": pd.Series(DAYS),
    "array": DAYS.to_numpy(),
    "seconds": DAYS.to_numpy().astype("datetime64[s]"),
    "dates": [day.date() for day in DAYS],
    "zoned": DAYS.tz_localize("Asia/Tokyo"),
}


@pytest.mark.parametrize("times", TIMES)
def test_a_time_begins_a_part(times: str) -> None:
    for cut in ("2020-01-04", pd.Timestamp("2020-01-04"), np.datetime64("2020-01-04")):
        found = parts_of(Coded(10), cut, by_time=TIMES[times])
        assert found == [[0, 1, 2], [3, 4, 5, 6, 7, 8, 9]]
    assert parts_of(Coded(10), "2020-01-02", "2020-01-05", by_time=TIMES[times]) == [
        [0],
        [1, 2, 3],
        [4, 5, 6, 7, 8, 9],
    ]


def test_a_cut_with_a_zone_is_the_same_moment() -> None:
    tokyo = DAYS.tz_localize("Asia/Tokyo")
    cut = pd.Timestamp("2020-01-03 15:00", tz="UTC")  # The midnight before the 4th, in Tokyo.
    assert parts_of(Coded(10), cut, by_time=tokyo)[0] == [0, 1, 2]


@pytest.mark.parametrize(
    ("times", "cut"),
    [
        (np.arange(10), 3),
        (np.arange(10.0), 3),
        (np.arange(10), 2.5),
        (np.arange(-5, 5), -2),
        (pd.to_timedelta(np.arange(10), "h"), "3h"),
        (np.arange(2010, 2020, dtype="uint16"), 2013),
    ],
)
def test_times_that_are_numbers(times: Any, cut: Any) -> None:
    assert parts_of(Coded(10), cut, by_time=times)[0] == [0, 1, 2]


def test_fractions_are_taken_in_order_of_time() -> None:
    order = np.random.default_rng(0).permutation(10)
    found = parts_of(Coded(10), 0.5, 0.3, 0.2, by_time=order)
    assert [set(order[rows]) for rows in found] == [{0, 1, 2, 3, 4}, {5, 6, 7}, {8, 9}]
    assert all(rows == sorted(rows) for rows in found)


def test_what_is_left_of_1_is_in_no_part() -> None:
    assert parts_of(Coded(10), 0.5, 0.2, by_time=DAYS) == [[0, 1, 2, 3, 4], [5, 6]]


def test_samples_of_one_time_stay_together() -> None:
    assert parts_of(Coded(10), 0.5, 0.5, by_time=[0, 0, 0, 0, 1, 1, 1, 2, 2, 2]) == [
        [0, 1, 2, 3],
        [4, 5, 6, 7, 8, 9],
    ]


def test_a_series_is_aligned_by_key() -> None:
    seq = Coded(list("abcdefghij"))
    backwards = pd.Series(DAYS, index=list("jihgfedcba"))
    assert parts_of(seq, "2020-01-04", by_time=backwards)[0] == [7, 8, 9]


def test_what_a_sequence_knows_by_itself() -> None:
    assert parts_of(Windows(), "2020-01-04", by_time=True)[0] == [0, 1, 2]
    chosen = Windows().subset([9, 2, 5, 3])
    assert parts_of(chosen, "2020-01-04", by_time=True) == [[2], [9, 5, 3]]
    with pytest.raises(ArgumentError, match="does not know the times"):
        Coded(10).split(0.5, 0.5, by_time=True)


def test_what_a_cut_goes_through_is_in_no_part(caplog: Any) -> None:
    with caplog.at_level(logging.WARNING, "multiseq"):
        found = parts_of(Windows(10, 3), "2020-01-04", "2020-01-07", by_time=True)
    assert found == [[0], [3], [6, 7, 8, 9]]
    assert "left out 4 samples that a cut goes through" in caplog.text
    assert "1, 2, 4, 5" in caplog.text


@pytest.mark.parametrize("length", [1, 2, 5])
def test_no_sample_sees_what_comes_after_its_part(length: int) -> None:
    seq = Windows(100, length)
    parts = seq.split(0.7, 0.2, 0.1, by_time=True)
    spans: Any = [seq.time_spans(part.keys.to_numpy()) for part in parts]
    for (_, last), (first, _) in itertools.pairwise(spans):
        assert last.max() < first.min()
    assert sum(part.num_samples for part in parts) == 100 - 2 * (length - 1)


def test_a_join_knows_the_times_of_its_parts() -> None:
    early, long = Windows(10, 1), Windows(10, 3)
    joined = join(early.subset(np.arange(10)[::-1]), x=Coded(10).lookup(pd.Series(range(10))))
    assert joined.time_spans(np.arange(2)) is not None
    assert parts_of(join(Words(), early), "2020-01-04", by_time=True)[0] == [0, 1, 2]
    assert parts_of(join(early, Words(), targets=long), "2020-01-04", by_time=True)[0] == [0]
    assert join(Words(), batch_size=2).time_spans(np.arange(2)) is None


@pytest.mark.parametrize(
    ("cuts", "says"),
    [
        ((), "neither fractions nor times"),
        (("2020-01-04", "2020-01-04"), "neither fractions nor times"),
        (("2020-01-05", "2020-01-04"), "neither fractions nor times"),
        ((0.5, "2020-01-04"), "no time to split at"),
        ((5,), "no time to split at"),
        (("soon",), "no time to split at"),
        ((pd.Timestamp("2020-01-04", tz="UTC"),), "no time to split at(?s:.)*zone"),
        (("2019-01-01",), "a part of the split would be empty"),
        (("2021-01-01",), "a part of the split would be empty"),
        ((0.01, 0.99), "a part of the split would be empty"),
        ((0.5, 0.6), "not fractions"),
    ],
)
def test_what_are_no_cuts(cuts: Any, says: str) -> None:
    with pytest.raises(ArgumentError, match=says) as caught:
        Coded(10).split(*cuts, by_time=DAYS)
    assert caught.value.where["class"] == "Coded"


def test_a_text_is_no_number_to_cut_at() -> None:
    with pytest.raises(ArgumentError, match="no time to split at"):
        Coded(10).split("2020", by_time=np.arange(10))


@pytest.mark.parametrize(
    ("times", "error", "says"),
    [
        (["soon"] * 10, ArgumentError, r"holds no times(?s:.)*pandas.to_datetime"),
        ([*DAYS[:9], pd.NaT], AlignmentError, "missing values"),
        (DAYS[:9], ArgumentError, "9 values for 10 samples"),
        ([True] * 10, ArgumentError, "holds no times"),
    ],
)
def test_what_are_no_times(times: Any, error: Any, says: str) -> None:
    with pytest.raises(error, match=says):
        Coded(10).split(0.5, 0.5, by_time=times)


class Words(Coded):
    """Without times; other names."""

    def __init__(self, n: int = 10, **keywords: Any) -> None:
        super().__init__(n, **keywords)

    def load_sample(self, index: int) -> Any:
        return {"c": np.full(2, index, np.float32)}


def test_a_random_split_of_what_has_times_is_warned_of(caplog: Any) -> None:
    seq = Windows(20)
    seq.split(0.5, 0.5)
    assert "parts of a random split share times" in caplog.text
    caplog.clear()
    seq.split(0.5, 0.5, by_time=True)
    seq.split(0.5, 0.5, groups=[0, 1] * 10)
    assert "share times" not in caplog.text
