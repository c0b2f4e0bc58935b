"""`seq.profile()`: planted bottlenecks are named."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from backends import keras
from matplotlib.figure import Figure
from planted import FIXES, PLANTED, QUICK, SLOW, Light, Sleepy, joined

from multiseq.errors import ArgumentError
from multiseq.profiling.fixes import by_hand, name_of
from multiseq.profiling.instruments import measure_loads, order_seconds
from multiseq.profiling.lines import lines_of


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_bottleneck_is_named(planted: str, tmp_path: Path) -> None:
    make, part, stage = PLANTED[planted]
    with make(tmp_path) as sequence:
        for _ in range(10):  # Whatever else the machine does may strike one, but not all.
            found = lines_of(measure_loads(sequence, QUICK), {"order": order_seconds(sequence)})
            if (found[0].part, found[0].stage) == (part, stage) and found[0].share > 0.5:
                break
        else:
            pytest.fail(f"named were {found}")
        assert (repr(part) in name_of(found[0])) == bool(part)
        if planted in FIXES:
            assert re.search(FIXES[planted], "".join(by_hand(sequence, found[0])))


def test_shares_are_of_all_that_is_spent() -> None:
    report = joined(b=Sleepy).profile(seconds=QUICK)
    assert sum(line.share for line in report.lines) == pytest.approx(1)
    assert all(0 <= line.cpu <= 1 and line.p90 <= line.p99 for line in report.lines)
    slow = report.lines[0]
    assert slow.seconds >= 4 * SLOW
    assert slow.mean >= SLOW
    assert slow.per == "sample"
    assert slow.cpu < 0.5


def test_what_waits_is_loaded_by_threads_and_that_comes_true() -> None:
    report = Sleepy(64).profile(seconds=0.1, try_it=True)
    assert report.advice.change is not None
    assert report.advice.change["workers"] >= 2
    assert "use_multiprocessing" not in report.advice.change
    assert report.advice.gain > 1.5
    assert report.gain is not None
    assert report.gain > 1.5
    assert "tried" in str(report)


def test_profile_leaves_the_sequence_as_it_was() -> None:
    calls = []

    class Counts(Light):
        def load_sample(self, index: int) -> Any:
            calls.append(index)
            return super().load_sample(index)

    sequence = Counts(shuffle=True, seed=1)
    before, first = dict(vars(sequence)), sequence[0]
    sequence.set_epoch(3)
    sequence.profile(seconds=QUICK)
    assert sequence.epoch == 3
    assert sequence.stats().batches == 1
    assert vars(sequence).keys() == before.keys()
    assert calls
    sequence.set_epoch(0)
    np.testing.assert_array_equal(sequence[0][0], first[0])


def test_data_text_html_and_picture() -> None:
    report = joined(b=Sleepy).profile(seconds=QUICK)
    data = report.to_dict()
    assert data["lines"][0]["stage"] == "load_sample"
    assert data["limit"] is None
    assert str(report).startswith("multiseq profile of JoinedSequence, batches of 4")
    assert "<table>" in report._repr_html_()
    assert "load_sample" in report._repr_html_()
    assert isinstance(report.plot(), Figure)


def test_what_cannot_be_measured_is_refused() -> None:
    with pytest.raises(ArgumentError, match="seconds"):
        Light().profile(seconds=0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    with pytest.raises(ArgumentError, match="compile"):
        Light().profile(model)


def test_your_own_collate_is_told_from_ours() -> None:
    made, _, _ = PLANTED["collates"]
    mine = made(None).profile(seconds=QUICK)
    assert "(collate)" in mine.advice.bottleneck
    if mine.advice.change is None:
        assert "your collate" in str(mine.advice.fix)
    ours = PLANTED["casts"][0](None).profile(seconds=QUICK)
    assert "your collate" not in ours.bottleneck
