"""What loading spends its time on: stages, marked where they are, timed while someone asks."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

__all__ = ["Place", "Recorder", "Spent", "stage"]

Function = TypeVar("Function", bound=Callable[..., Any])


class Place(NamedTuple):
    """Where time is spent: a part of a join ("" for all that is not a part's), and a stage."""

    part: str
    stage: str


class Spent(NamedTuple):
    """Seconds that passed, and those of them in which the thread had a processor."""

    wall: float
    cpu: float

    def __add__(self, other: tuple[float, float]) -> Spent:  # type: ignore[override]
        return Spent(self.wall + other[0], self.cpu + other[1])


class Recorder:
    """A clock of one thread. All its time belongs to the place that was entered last.

    Args:
        first: The place outside of all others.
    """

    def __init__(self, first: Place) -> None:
        self._places = [first]
        self._spent: dict[Place, Spent] = {}
        self._since = Spent(time.perf_counter(), time.thread_time())

    @contextmanager
    def running(self) -> Iterator[None]:
        """Has this thread's stages timed by it."""
        before, _here.recorder = _here.recorder, self
        try:
            self.take()
            yield
        finally:
            _here.recorder = before

    def enter(self, stage: str, part: str | None = None) -> None:
        """Goes to a stage, of the same part unless another is named: "a" in "b" is "b.a"."""
        self._note()
        here = self._places[-1].part
        self._places.append(
            Place(here if part is None else f"{here}.{part}" if here else part, stage)
        )

    def leave(self) -> None:
        """Goes back to where it was before."""
        self._note()
        self._places.pop()

    def take(self) -> dict[Place, Spent]:
        """Returns what was spent since it was last asked."""
        self._note()
        spent, self._spent = self._spent, {}
        return spent

    def _note(self) -> None:
        now = Spent(time.perf_counter(), time.thread_time())
        place, since = self._places[-1], self._since
        passed = now.wall - since.wall, now.cpu - since.cpu
        self._spent[place] = self._spent.get(place, Spent(0.0, 0.0)) + passed
        self._since = now


class _Here(threading.local):
    recorder: Recorder | None = None


_here = _Here()


def stage(name: str, part: str | None = None) -> Callable[[Function], Function]:
    """Marks a function as a stage of loading. Where nobody records, it costs a look.

    Args:
        name: Of the stage.
        part: Of a join, where it begins with this function.
    """

    def mark(function: Function) -> Function:
        @functools.wraps(function)
        def timed(*arguments: Any, **keywords: Any) -> Any:
            recorder = _here.recorder
            if recorder is None:
                return function(*arguments, **keywords)
            recorder.enter(name, part)
            try:
                return function(*arguments, **keywords)
            finally:
                recorder.leave()

        return timed  # type: ignore[return-value]

    return mark
