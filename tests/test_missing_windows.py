"""`missing=` and `gaps="fill"` of windows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from missing import made

from multiseq import Labels, Standardize, WindowSequence
from multiseq.errors import ArgumentError, SpecError

HOURS = pd.date_range("2024-01-01", periods=40, freq="h")
FRAME = pd.DataFrame(
    {
        "time": HOURS,
        "flow": np.where(np.arange(40) % 9 == 4, np.nan, np.arange(40.0)),
        "state": [None if k % 7 == 3 else "on" if k % 2 else "off" for k in range(40)],
    }
)
LACKING = [5, 6, 20]
GAPPED = FRAME.drop(index=LACKING)


def windows(frame: Any = FRAME, **options: Any) -> WindowSequence:
    keywords: Any = {"length": 4, "features": ["flow"], "targets": "flow", "time": "time"}
    return WindowSequence(frame, **{**keywords, "batch_size": 50, **options})


def test_rows_are_filled_before_they_are_scaled() -> None:
    with pytest.raises(ArgumentError, match=r"missing=\{name: \"mean\"\}"):
        windows()
    seq = windows(missing={"past": "mean", "targets": -1}, transforms={"past": Standardize()})
    inputs, targets = made(seq)
    flow = FRAME["flow"].iloc[:-1]  # The last row is in no window's past.
    filled = flow.fillna(flow.mean())
    scaled = ((filled - filled.mean()) / filled.std(ddof=0)).to_numpy()
    expected = np.lib.stride_tricks.sliding_window_view(scaled, 4)
    np.testing.assert_allclose(inputs["past"][..., 0], expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(targets[:, 0], FRAME["flow"].fillna(-1)[4:])


@pytest.mark.parametrize("horizon", [0, 2])
def test_targets_that_are_missing_weigh_nothing(horizon: int) -> None:
    options: Any = {"missing": {"past": 0, "targets": "mask"}, "horizon": horizon}
    if horizon:
        with pytest.raises(SpecError, match="some numbers of a target are missing") as caught:
            list(windows(**options))
        assert "targets=[column]" in str(caught.value)
    seq = windows(**options, targets=["flow"])
    _, targets, weights = made(seq)
    start = 4 if horizon else 3
    there = FRAME["flow"].notna().to_numpy()
    rows = np.arange(len(targets))[:, None] + start + np.arange(max(1, horizon))
    np.testing.assert_array_equal(weights.reshape(len(weights), -1), there[rows])
    known = FRAME["flow"].to_numpy()[rows][there[rows]]
    np.testing.assert_array_equal(targets.reshape(rows.shape)[there[rows]], known)


@pytest.mark.parametrize("horizon", [0, 2])
def test_states_that_are_missing_weigh_nothing(horizon: int) -> None:
    seq = windows(
        targets="state",
        horizon=horizon,
        missing={"past": 0, "targets": "mask"},
        transforms={"targets": Labels()},
    )
    _, ids, weights = made(seq)
    assert seq.classes == ("off", "on")
    start = 4 if horizon else 3
    rows = np.arange(len(ids))[:, None] + start + np.arange(max(1, horizon))
    there = FRAME["state"].notna().to_numpy()[rows]
    np.testing.assert_array_equal(weights.reshape(rows.shape), there)
    states = FRAME["state"].to_numpy()[rows]
    np.testing.assert_array_equal(ids.reshape(rows.shape)[there], states[there] == "on")


def test_rows_are_put_into_gaps() -> None:
    full = FRAME.copy()
    full.loc[LACKING, ["flow"]] = np.nan
    missing: Any = {"past": "mean", "targets": "mask"}
    for stated in ("flow", "state"):
        options: Any = {"targets": [stated]} if stated == "flow" else {"targets": stated}
        if stated == "state":
            full.loc[LACKING, "state"] = None
            options["transforms"] = {"targets": Labels()}
        filled = made(windows(GAPPED, gaps="fill", missing=missing, **options))
        expected = made(windows(full, missing=missing, **options))
        np.testing.assert_array_equal(filled[0]["past"], expected[0]["past"])
        for mine, theirs in zip(filled[1:], expected[1:], strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_what_cannot_be_filled_stays_a_gap(caplog: Any) -> None:
    frame = FRAME.drop(index=[*range(10, 14), 25]).assign(flow=lambda f: np.arange(len(f)))
    seq = windows(frame, gaps="fill", missing={"past": 0.0, "targets": -1.0})
    assert "no window spans a gap" in caplog.text
    assert len(seq.gaps) == 1  # Of four rows, as many as a window's past; that of one was filled.
    with pytest.raises(ArgumentError, match="values are missing"):
        windows(frame, gaps="fill")
    whole = windows(FRAME.assign(flow=1), gaps="fill", missing={"past": 0.0, "targets": 0.0})
    assert whole[0][1].dtype == np.float32  # Whether or not there is a gap.


@given(st.lists(st.integers(1, 4), min_size=8, max_size=20), st.sampled_from([None, "s"]))
def test_times_are_those_that_are_lacking(steps: list[int], unit: Any) -> None:
    steps = [1, 1, *steps, 1, 1, *[1] * len(steps)]
    times: Any = np.cumsum(steps)
    if unit:
        times = pd.Timestamp("2024-01-01") + pd.to_timedelta(times, unit="s")
    frame = pd.DataFrame({"time": times, "flow": np.arange(len(steps), dtype=float)})
    seq = windows(frame, gaps="fill", missing={"past": -1.0}, horizon=0, targets=None)
    series = frame.set_index("time")["flow"]
    grid: Any = np.arange(1, sum(steps) + 1)
    if unit:
        grid = pd.Timestamp("2024-01-01") + pd.to_timedelta(grid, unit="s")
    expected = series.reindex(grid).fillna(-1.0).to_numpy()
    found = np.concatenate([seq[k][0]["past"][..., 0] for k in range(len(seq))])
    np.testing.assert_array_equal(found, np.lib.stride_tricks.sliding_window_view(expected, 4))
