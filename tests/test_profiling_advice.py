"""From what was measured to what is advised: speeds are planted, or the loading is."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from planted import QUICK, SLOW, Busy, Light, Locked, Long, Sleepy, in_folder

from multiseq import paths
from multiseq.profiling import changes
from multiseq.profiling.advice import Advice, advise
from multiseq.profiling.changes import Measured
from multiseq.profiling.lines import Line
from multiseq.profiling.speeds import Speed, holds_gil

NO_GAIN = 2.0


def advised(
    monkeypatch: pytest.MonkeyPatch,
    walls: Mapping[tuple[int, bool], float],
    *,
    model: Speed | None = None,
    waits: bool = False,
    holds: bool = False,
    sequence: Any = None,
    again: float = 1.0,
) -> Advice:
    """Returns what is advised where a batch takes so many seconds by (workers, processes).

    Args:
        walls: The seconds; of all others, far more.
        model: What a step takes.
        waits: Whether loading waits, and does not compute.
        holds: Whether it holds the GIL.
        sequence: That is fed.
        again: How many times as long a change takes that is tried again.
    """
    sequence = Light(64) if sequence is None else sequence

    def free(other: Any, seconds: float) -> Speed:
        settings = other._settings
        found = walls.get((settings.workers, settings.use_multiprocessing), NO_GAIN)
        return Speed(found, found, 0.0 if waits else found)

    def speed(keywords: Any) -> Speed:
        wall = free(sequence.replace(**keywords), 0).wall
        wall *= again if keywords else 1.0
        return Speed(max(wall, model.wall if model else 0.0), wall)

    monkeypatch.setattr(changes, "free", free)
    monkeypatch.setattr(changes, "processors", lambda: 4)
    line = Line("", "load_sample", 0.9, 0.9, 0.0 if waits else 1.0, "sample", 0.1, 0.1, 0.1)
    serial = free(sequence.replace(workers=0, use_multiprocessing=False), 0)
    return advise(Measured(sequence, [line], serial, speed({}), model, 1.0, speed, holds))


def test_threads_where_they_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    walls = {(0, False): 1.0, (2, False): 0.5, (4, False): 0.26, (2, True): 0.5, (4, True): 0.25}
    advice = advised(monkeypatch, walls)
    assert advice.change == {"workers": 4}
    assert advice.gain == pytest.approx(1 / 0.26)
    assert not advice.at_most


@pytest.mark.parametrize("waits", [True, False])  # Which is hard to tell on a busy machine.
def test_many_threads_where_more_are_faster(monkeypatch: pytest.MonkeyPatch, waits: bool) -> None:
    walls = {(each, False): 1 / max(1, each) for each in (0, 2, 4, 8, 16)}
    assert advised(monkeypatch, walls, waits=waits).change == {"workers": 16}


def test_processes_where_threads_hold_the_gil(monkeypatch: pytest.MonkeyPatch) -> None:
    walls = {(0, False): 1.0, (2, False): 1.0, (2, True): 0.5, (4, True): 0.4}
    advice = advised(monkeypatch, walls, holds=True)
    assert advice.change == {"workers": 4, "use_multiprocessing": True}
    assert "GIL" in advice.because
    advice = advised(monkeypatch, walls)
    assert advice.change == {"workers": 4, "use_multiprocessing": True}
    assert "as for a lock" in advice.because


def test_no_workers_for_what_costs_no_more_than_to_hand_it_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    walls = {(0, False): 0.0001, (2, False): 0.00002}
    advice = advised(monkeypatch, walls)
    assert advice.change == {"batch_size": 32}
    assert advised(monkeypatch, walls, sequence=Light(16)).change is None


def test_no_workers_where_they_cost_more(monkeypatch: pytest.MonkeyPatch) -> None:
    walls = {(0, False): 1.0, (2, True): 1.5, (2, False): 1.2}
    sequence = Light(64, workers=2, use_multiprocessing=True)
    advice = advised(monkeypatch, walls, sequence=sequence)
    assert advice.change == {"workers": 0, "use_multiprocessing": False}
    assert "cost more" in advice.because


def test_nothing_goes_beyond_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    walls = {(0, False): 1.0, (2, False): 0.5, (4, False): 0.25}
    advice = advised(monkeypatch, walls, model=Speed(0.4, 0.1))
    assert advice.gain == pytest.approx(1 / 0.4)
    advice = advised(monkeypatch, {(0, False): 1.0}, model=Speed(0.6, 0.1))
    assert advice.change is None
    assert advice.at_most
    assert advice.gain == pytest.approx(1 / 0.6)


def test_no_more_workers_than_the_model_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    walls = {(each, False): 1 / max(1, each) for each in (0, 2, 4, 8, 16)}
    advice = advised(monkeypatch, walls, waits=True, model=Speed(0.45, 0.1))
    assert advice.change == {"workers": 4}


def test_what_was_faster_by_chance_is_not_advised(monkeypatch: pytest.MonkeyPatch) -> None:
    walls = {(0, False): 1.0, (2, False): 0.8}
    assert advised(monkeypatch, walls).change == {"workers": 2}
    assert advised(monkeypatch, walls, again=1.5).change is None


def test_the_model_is_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    advice = advised(monkeypatch, {(0, False): 1.0}, model=Speed(0.95, 0.9))
    assert (advice.bottleneck, advice.fix, advice.gain) == ("the model", None, 1.0)
    assert "nothing" in advice.because


def test_what_keras_does_between_epochs_is_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Speed(0.95, 0.9, between=0.8 * 16)  # Of 16 batches.
    advice = advised(monkeypatch, {(0, False): 1.0}, model=model)
    assert advice.bottleneck == "the model"
    assert "between epochs, of which one has 16 batches" in advice.because
    assert advice.change is None
    assert advice.gain == pytest.approx(0.95 / 0.15)


def test_python_holds_the_gil_and_sleep_does_not() -> None:
    class Busier(Busy):
        def load_sample(self, index: int) -> Any:
            sum(k * k for k in range(400_000))  # Much longer than Python lets a thread go on.
            return super().load_sample(index)

    # Whatever else the machine does may strike one, but not all.
    assert any(holds_gil(Busier(), 0.2) for _ in range(4))
    assert not all(holds_gil(Sleepy(), 0.1) for _ in range(4))


def test_a_lock_that_threads_share_is_named() -> None:
    for _ in range(3):
        advice = Locked(64).profile(seconds=0.1).advice
        if advice.change is not None:
            break
    assert advice.change is not None
    assert advice.change["use_multiprocessing"]
    assert "as for a lock" in advice.because


def test_a_lock_is_named_where_there_can_be_no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    advice = advised(monkeypatch, {(0, False): 1.0, (2, False): 1.0}, waits=True)
    assert advice.change is None
    assert "as for a lock" in advice.because


def test_batches_too_small_for_what_each_costs() -> None:
    for _ in range(3):
        advice = Light(4096, batch_size=1).profile(seconds=QUICK).advice
        if advice.change == {"batch_size": 8}:
            break
    assert advice.change == {"batch_size": 8}
    assert "so small" in advice.because


def test_large_batches_that_processes_hand_over() -> None:
    report = Long().replace(workers=2, use_multiprocessing=True).profile(seconds=0.1)
    stages = {line.stage: line.share for line in report.lines}
    assert stages["transport"] > stages["load_sample"]
    assert "transport" not in {line.stage for line in Long().profile(seconds=QUICK).lines}


@pytest.mark.parametrize("stage", ["read", "open"])
def test_slow_storage(stage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room, name = (os, "read") if stage == "read" else (paths, "_open_sized")
    quick = getattr(room, name)

    def slow(*arguments: Any) -> Any:
        time.sleep(SLOW)
        return quick(*arguments)

    with in_folder(tmp_path).replace(batch_size=1) as sequence:
        monkeypatch.setattr(room, name, slow)
        report = sequence.profile(seconds=0.1)
    assert report.lines[0].stage == stage
    # Whether a trial finds the gain depends on what else the machine does.
    assert report.advice.change is None or report.advice.change["workers"] >= 2
    assert "most of which it waits" in report.bottleneck


def test_what_is_done_once_is_said_to_be() -> None:
    class Prepares(Light):
        ready = False

        def load_sample(self, index: int) -> Any:
            if not self.ready:
                time.sleep(0.3)
                self.ready = True
            return super().load_sample(index)

    report = Prepares().profile(seconds=QUICK)
    assert report.first_batch > 0.3
    assert "the first batch took" in str(report)
    assert "the first batch" not in str(Sleepy().profile(seconds=QUICK))
