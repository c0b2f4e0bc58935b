"""Time is split among stages, by a clock that tests set."""

from __future__ import annotations

import pickle
import threading
import time
from typing import Any

import pytest

from multiseq.stages import Place, Recorder, Spent, stage


class Clock:
    def __init__(self) -> None:
        self.wall = self.cpu = 0.0

    def work(self, seconds: float) -> None:
        self.wall += seconds
        self.cpu += seconds

    def wait(self, seconds: float) -> None:
        self.wall += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(time, "perf_counter", lambda: made.wall)
    monkeypatch.setattr(time, "thread_time", lambda: made.cpu)
    return made


@stage("outer")
def doubled(value: int) -> int:
    """Twice as much."""
    return 2 * value


def test_time_belongs_to_the_innermost_stage(clock: Clock) -> None:
    @stage("read")
    def read() -> None:
        clock.wait(2)

    @stage("decode")
    def decode() -> None:
        clock.work(1)
        read()
        clock.work(3)

    recorder = Recorder(Place("", "rest"))
    with recorder.running():
        clock.work(5)
        decode()
        decode()
    assert recorder.take() == {
        Place("", "rest"): Spent(5, 5),
        Place("", "decode"): Spent(8, 8),
        Place("", "read"): Spent(4, 0),
    }
    assert recorder.take().keys() == {Place("", "rest")}


def test_stages_are_of_the_part_they_are_entered_in(clock: Clock) -> None:
    @stage("read")
    def read() -> None:
        clock.work(1)

    inner = stage("read", "image")(read)
    outer = stage("join", "pair")(inner)
    recorder = Recorder(Place("", "rest"))
    with recorder.running():
        outer()
        inner()
        read()
    spent = {place: each.wall for place, each in recorder.take().items() if each.wall}
    parts = "pair.image", "image", ""
    assert spent == {Place(part, "read"): 1 for part in parts}


def test_an_error_leaves_the_stage(clock: Clock) -> None:
    @stage("read")
    def fail() -> None:
        clock.work(1)
        raise ValueError

    recorder = Recorder(Place("", "rest"))
    with recorder.running():
        with pytest.raises(ValueError):  # noqa: PT011
            fail()
        clock.work(2)
    assert recorder.take()[Place("", "rest")].wall == 2


def test_other_threads_are_not_recorded(clock: Clock) -> None:
    @stage("read")
    def read() -> None:
        clock.work(1)

    recorder = Recorder(Place("", "rest"))
    with recorder.running():
        thread = threading.Thread(target=read)
        thread.start()
        thread.join()
    assert Place("", "read") not in recorder.take()


def test_a_marked_function_is_the_function() -> None:
    again: Any = pickle.loads(pickle.dumps(doubled))
    assert again is doubled
    assert doubled(2) == 4
    assert doubled.__doc__ == "Twice as much."
