"""split by time where offsets differ, zones are missing, numbers are large; against Python."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from coded import Coded, epoch_of
from hypothesis import assume, given
from hypothesis import strategies as st

from multiseq import WindowSequence, join
from multiseq.errors import ArgumentError

BERLIN = pd.date_range("2024-03-30 20:00", periods=10, freq="h", tz="Europe/Berlin")
OFFSETS = [
    each.to_pydatetime().astimezone(datetime.timezone(each.utcoffset() or datetime.timedelta()))
    for each in BERLIN
]
CUT = BERLIN[6]
NAIVE = BERLIN.tz_localize(None)
BIG = 2**63


def first_part(times: Any, cut: Any, n: int = 10) -> list[int]:
    return epoch_of(Coded(n).split(cut, by_time=times)[0])


FORMS: dict[str, Any] = {
    "python": OFFSETS,
    "series": pd.Series(OFFSETS, dtype=object),
    "array": np.array(OFFSETS),
    "timestamps": list(BERLIN),
    "text": [each.isoformat() for each in OFFSETS],
    "arrow text": pd.Series([each.isoformat() for each in OFFSETS], dtype="string"),
    "dict": dict(enumerate(OFFSETS)),
    "pandas": BERLIN,
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "cut",
    [BERLIN[6], BERLIN[6].to_pydatetime(), BERLIN[6].isoformat(), BERLIN[6].tz_convert("UTC")],
)
def test_one_moment_in_any_form_is_one_cut(form: str, cut: Any) -> None:
    assert first_part(FORMS[form], cut) == [0, 1, 2, 3, 4, 5]


def test_a_cut_without_a_zone_is_of_the_times_own() -> None:
    assert first_part(BERLIN, "2024-03-31") == [0, 1, 2, 3]
    assert first_part(BERLIN.tz_convert("UTC"), "2024-03-31") == [0, 1, 2, 3, 4]
    one_offset = [each.isoformat() for each in OFFSETS[:5]]
    assert first_part(one_offset, "2024-03-31", 5) == [0, 1, 2, 3]


@pytest.mark.parametrize("form", ["python", "text"])
def test_a_cut_without_a_zone_is_refused_where_offsets_differ(form: str) -> None:
    with pytest.raises(ArgumentError, match="of which time zone") as caught:
        first_part(FORMS[form], "2024-03-31")
    assert "pandas.Timestamp('2024-03-31 00:00:00', tz='Europe/Berlin')" in str(caught.value)
    assert first_part(FORMS[form], pd.Timestamp("2024-03-31", tz="Europe/Berlin")) == [0, 1, 2, 3]


def test_some_with_a_zone_and_some_without_are_refused() -> None:
    times = pd.Series([*OFFSETS[:9], NAIVE[9].to_pydatetime()], dtype=object)
    with pytest.raises(ArgumentError, match="some times have a time zone, others have none") as e:
        first_part(times, BERLIN[6])
    assert "tz_localize('Europe/Berlin')" in str(e.value)
    # The two cures that it names.
    zoned = times.map(pd.Timestamp).map(lambda t: t if t.tz else t.tz_localize("Europe/Berlin"))
    assert first_part(zoned, BERLIN[6]) == [0, 1, 2, 3, 4, 5]
    clock = times.map(lambda t: pd.Timestamp(t).tz_localize(None))
    assert first_part(clock, NAIVE[6]) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("times", "cut"),
    [
        (NAIVE, BERLIN[6]),
        (NAIVE, None),
        (NAIVE, pd.NaT),
        (NAIVE, 3),
        (pd.to_timedelta(np.arange(10), "h"), 3),
        (np.arange(10.0), float("nan")),
        (np.arange(10), float("inf")),
        (np.arange(10), "3"),
        (np.arange(10), True),
        (np.arange(10), BIG),
        (np.arange(10, dtype=np.uint64) + np.uint64(BIG), -1),
        (NAIVE.as_unit("ns"), "3000-01-01"),
    ],
)
def test_what_is_no_cut(times: Any, cut: Any) -> None:
    with pytest.raises(ArgumentError, match="no time to split at"):
        first_part(times, cut)


@pytest.mark.parametrize("times", [[True] * 10, ["soon"] * 10, [1j] * 10, [[1]] * 10])
def test_what_is_no_time(times: Any) -> None:
    with pytest.raises(ArgumentError, match="by_time"):
        first_part(times, 3)


def test_a_cut_finer_than_the_times() -> None:
    days = pd.date_range("2024-01-01", periods=10, unit="s")
    assert first_part(days, "2024-01-04 00:00:00.000001") == [0, 1, 2, 3]
    assert first_part(days, "2024-01-04") == [0, 1, 2]


@pytest.mark.skipif(pd.__version__ < "3", reason="an older pandas holds no such dates")
def test_a_cut_of_long_ago() -> None:
    early = pd.Series([datetime.datetime(1000 + k, 1, 1) for k in range(10)], dtype=object)
    assert first_part(early, "1003-01-01") == [0, 1, 2]


INT64, UINT64 = st.integers(-(2**63), 2**63 - 1), st.integers(0, 2**64 - 1)
NEAR = st.integers(2**53 - 3, 2**53 + 3)
MOMENTS = st.datetimes(
    datetime.datetime(1700, 1, 2),
    datetime.datetime(2200, 1, 1),
    timezones=st.integers(-14, 14).map(lambda h: datetime.timezone(datetime.timedelta(hours=h))),
)


def check_against_python(times: Sequence[Any], cut: Any, given: Any) -> None:
    """A sample is in the second part if its time is not before the cut, as Python compares."""
    before = [k for k, time in enumerate(times) if time < cut]
    assume(0 < len(before) < len(times))
    assert first_part(given, cut, len(times)) == before


@given(st.data(), st.lists(st.one_of(INT64, NEAR), min_size=2, max_size=6))
def test_signed_numbers_are_never_rounded(data: Any, times: list[int]) -> None:
    cut = data.draw(st.one_of(st.sampled_from(times), NEAR, st.floats(-(2**62), 2**62)))
    assume(not 0 < cut <= 1)
    check_against_python(times, cut, np.array(times, np.int64))


@given(st.data(), st.lists(st.one_of(UINT64, NEAR), min_size=2, max_size=6))
def test_unsigned_numbers_are_never_rounded(data: Any, times: list[int]) -> None:
    cut = data.draw(st.one_of(st.sampled_from(times), st.integers(2, 2**63), NEAR))
    assume(not 0 < cut <= 1)
    for given_as in (np.array(times, np.uint64), pd.Series(times, dtype="UInt64")):
        check_against_python(times, np.uint64(cut), given_as)


@given(st.data(), st.lists(st.one_of(NEAR.map(float), st.floats(-1e9, 1e9)), min_size=2))
def test_floats_are_compared_with_integers_exactly(data: Any, times: list[float]) -> None:
    cut = data.draw(st.one_of(NEAR, st.sampled_from(times)))
    assume(not 0 < cut <= 1)
    check_against_python(times, cut, times)


@given(st.data(), st.lists(MOMENTS, min_size=2, max_size=6), st.booleans())
def test_moments_are_compared_as_python_compares_them(
    data: Any, times: list[datetime.datetime], text: bool
) -> None:
    cut = data.draw(st.sampled_from(times))
    check_against_python(times, cut, [each.isoformat() for each in times] if text else times)


def windows(times: Any, **keywords: Any) -> WindowSequence:
    frame = pd.DataFrame({"time": times, "x": np.arange(len(times), dtype=float)})
    return WindowSequence(
        frame,
        length=2,
        horizon=0,
        features="x",
        targets=None,
        time="time",
        keys="time",
        gaps="ignore",
        **keywords,
    )


@pytest.mark.parametrize("form", ["python", "text", "pandas"])
def test_windows_of_zones(form: str) -> None:
    midnight = pd.Timestamp("2024-03-31", tz="Europe/Berlin")
    train, test = windows(FORMS[form]).split(midnight, by_time=True)
    assert (train.keys < midnight).all()
    assert (test.keys == BERLIN[5:]).all()
    if form == "pandas":
        again = windows(FORMS[form]).split("2024-03-31", by_time=True)
        assert again[1].keys.equals(test.keys)
    else:
        with pytest.raises(ArgumentError, match="of which time zone"):
            windows(FORMS[form]).split("2024-03-31", by_time=True)


def test_windows_beyond_an_int64() -> None:
    times = np.array([3, BIG - 1, BIG + 1, BIG + 2, BIG + 3], np.uint64)
    train, test = windows(times).split(BIG + 1, by_time=True)
    assert train.keys.tolist() == [BIG - 1]
    assert test.keys.tolist() == [BIG + 2, BIG + 3]


def test_a_join_of_zones() -> None:
    here, there = windows(BERLIN), windows(BERLIN.tz_convert("Asia/Tokyo"))
    plain = windows(NAIVE)
    cut = pd.Timestamp("2024-03-31", tz="Europe/Berlin")
    for joined in (join(here=here, there=there), join(there=there, here=here)):
        assert (joined.split(cut, by_time=True)[1].keys == BERLIN[5:]).all()
        with pytest.raises(ArgumentError, match="of which time zone"):
            joined.split("2024-03-31", by_time=True)
    assert join(one=here, two=here).split("2024-03-31", by_time=True)[1].num_samples == 5
    mixed = join(here=here, plain=plain.lookup(pd.Series(NAIVE[1:], BERLIN[1:])))
    with pytest.raises(ArgumentError, match="the parts' times are of different kinds"):
        mixed.split(cut, by_time=True)
    assert len(mixed.split(0.5, 0.5)) == 2  # At random, times are not compared.


class Timed(Coded):
    """Times of a user's own, in whichever form."""

    def __init__(self, times: Any, **keywords: Any) -> None:
        super().__init__(len(times), **keywords)
        self.times = times

    def time_spans(self, indices: Any) -> Any:
        return self.times[indices], self.times[indices]


@pytest.mark.parametrize("times", [BERLIN, BERLIN.to_series(), np.array(OFFSETS)])
def test_times_of_a_users_own(times: Any) -> None:
    seq = Timed(times.reset_index(drop=True) if isinstance(times, pd.Series) else times)
    assert epoch_of(seq.split(BERLIN[6], by_time=True)[0]) == [0, 1, 2, 3, 4, 5]


def test_days_of_a_users_own() -> None:
    days = np.arange("2024-01-01", "2024-01-11", dtype="datetime64[D]")
    assert epoch_of(Timed(days).split("2024-01-04", by_time=True)[0]) == [0, 1, 2]
