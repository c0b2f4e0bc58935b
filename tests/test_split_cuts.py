"""Cuts in time: text that can be read in two ways, and what clocks show twice or never."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd
import pytest
from coded import Coded, epoch_of

from multiseq.errors import ArgumentError

DAYS = pd.date_range("2024-04-01", periods=40, freq="D")


def first_part(times: Any, cut: Any) -> list[Any]:
    return [times[k] for k in epoch_of(Coded(len(times)).split(cut, by_time=times)[0])]


@pytest.mark.parametrize(
    "text",
    ["2024-04-05", "20240405", "2024-4-5", "2024/04/05", "2024-04-05T00:00", "2024-04-05 00:00:00"],
)
def test_text_of_iso_8601_is_a_cut(text: str) -> None:
    assert first_part(DAYS, text) == list(DAYS[:4])
    assert first_part(DAYS.tz_localize("Europe/Berlin"), text) == list(
        DAYS[:4].tz_localize("Europe/Berlin")
    )


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("04.05.2024", ["2024-04-05", "2024-05-04"]),
        ("04/05/2024", ["2024-04-05", "2024-05-04"]),
        ("04/05/2024 06:00", ["2024-04-05 06:00:00", "2024-05-04 06:00:00"]),
        ("13.04.2024", ["2024-04-13"]),
        ("5 Apr 2024", ["2024-04-05"]),
    ],
)
def test_other_text_is_refused_with_its_readings(text: str, meant: list[str]) -> None:
    with pytest.raises(ArgumentError, match="no time to split at") as caught:
        first_part(DAYS, text)
    assert re.findall("'(.+?)'", str(caught.value.fix)) == meant
    for each in meant:
        assert max(first_part(DAYS, each)) < pd.Timestamp(each)


@pytest.mark.parametrize("text", ["now", "today", "soon", "10:30 ", "", "2024-13-01"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ArgumentError, match="no time to split at"):
        first_part(DAYS, text)


@pytest.mark.parametrize(
    ("cut", "says", "meant"),
    [
        (
            "2024-10-27 02:30",
            "twice",
            ["2024-10-27 02:30:00+02:00", "2024-10-27 02:30:00+01:00"],
        ),
        ("2024-03-31 02:30", "never", ["2024-03-31 03:00:00+02:00"]),
    ],
)
def test_what_clocks_show_twice_or_never_takes_an_offset(
    cut: str, says: str, meant: list[str]
) -> None:
    times = pd.date_range(cut[:10], periods=24, freq="15min", tz="Europe/Berlin")
    for given in (cut, pd.Timestamp(cut), pd.Timestamp(cut).to_pydatetime()):
        with pytest.raises(ArgumentError, match=f"clocks there show it {says}") as caught:
            first_part(times, given)
        assert re.findall("'(.+?)'", str(caught.value.fix)) == meant
    for each in meant:
        moment = pd.Timestamp(each)
        assert (
            first_part(times, each) == first_part(times, moment) == [t for t in times if t < moment]
        )
