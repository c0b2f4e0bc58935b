"""`workers="auto"`: which kind of workers to try, and how many, after what was seen of others."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Generator
from typing import NamedTuple

import numpy as np

__all__ = ["SERIAL", "Choice", "Limits", "Search", "Trial", "busy_seconds", "processors", "search"]

_MOST_WAITING = 16
_IDLE = 0.03  # Of the time; who waits less than that for batches gains nothing.
_GROWS = 1.08
_NEAR = 1.15
_SIMPLER = 1.03
_AGAIN = 2
_WELL, _WELL_WAITING = 0.9, 0.6  # Of as many times as fast as there are workers.
_CLEARLY = 1.4
_LIGHT = 0.0003  # Seconds; handing a batch over from a process costs as much.
_PIECES = 5  # Batches in memory beyond one for each worker.


class Choice(NamedTuple):
    """Who loads."""

    workers: int
    use_multiprocessing: bool

    def __str__(self) -> str:
        if not self.workers:
            return "no workers"
        kind = "process" if self.use_multiprocessing else "thread"
        plural = ("es" if self.use_multiprocessing else "s") if self.workers > 1 else ""
        return f"{self.workers} {kind}{plural}"


SERIAL = Choice(0, False)


class Trial(NamedTuple):
    """What was seen of a choice, in seconds for each batch.

    Args:
        wall: From one batch to the next.
        wait: Of that, the time for which whoever asked waited.
        busy: Of the wait, the time in which that thread had a processor, or was to get one.
    """

    wall: float
    wait: float
    busy: float


class Limits(NamedTuple):
    """What there is to share.

    Args:
        processors: That this process may use.
        batches: How many batches memory may hold at once.
    """

    processors: int
    batches: int

    def most(self, kind: bool, waits: bool) -> int:
        """Returns how many workers of a kind are worth a try.

        Threads cost little to try: whether loading waits is hard to tell on a busy machine.
        """
        wanted = self.processors
        if waits or not kind:
            wanted = max(wanted, _MOST_WAITING // 2 if kind else _MOST_WAITING)
        return max(1, min(wanted, self.batches - _PIECES))


def busy_seconds() -> float:
    """For how long this thread had a processor or, where that can be told, waited for one.

    On a machine with much to do, what computes would else look as if it waited for something.
    """
    with contextlib.suppress(OSError, ValueError), open("/proc/thread-self/schedstat") as file:
        return sum(map(int, file.read().split()[:2])) / 1e9
    return time.thread_time()


Search = Generator[Choice, Trial | None, Choice]
"""Yields what to try, is sent what came of it (None where it cannot be done), returns a choice."""


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def search(limits: Limits, seen: dict[Choice, list[Trial]]) -> Search:
    """Returns the search.

    Args:
        limits: What there is to share.
        seen: Takes what came of each choice.
    """
    serial = yield SERIAL
    if serial is None:
        return SERIAL
    seen[SERIAL] = [serial]
    if serial.wait < _IDLE * serial.wall:
        return SERIAL
    waits = serial.busy < serial.wait / 2
    for kind in (False, True):
        if kind and (serial.wait < _LIGHT or _is_idle(seen)):
            break
        if kind and _scale(seen, waits):
            if _scale(seen, waits, _CLEARLY):
                break
            # That may be chance: another look at both.
            for choice in (SERIAL, _best(seen)):
                yield from _try(choice, seen)
            if _scale(seen, waits):
                break
        yield from _climb(kind, limits.most(kind, waits), serial, seen)
    best = _best(seen)
    if best.workers in (0, 2):  # One may do as well as two; or better, where memory is the limit.
        yield from _try(Choice(1, best.use_multiprocessing), seen)
    near = [each for each in seen if _wall(seen, each) < _NEAR * _wall(seen, _best(seen))]
    if len(near) > 1:
        for _ in range(_AGAIN):
            for choice in near:
                yield from _try(choice, seen)
    return _best(seen)


def _climb(
    kind: bool, most: int, serial: Trial, seen: dict[Choice, list[Trial]]
) -> Generator[Choice, Trial | None, None]:
    """Tries more and more workers of a kind, as long as that helps."""
    before, workers = serial.wall, min(2, most)
    while workers <= most:
        choice = Choice(workers, kind)
        yield from _try(choice, seen)
        if choice not in seen or _is_idle(seen):
            return
        wall = _wall(seen, choice)
        if wall * _GROWS > before:
            return
        # The last step is to the most there may be, whether it doubles or not.
        before, workers = wall, min(2 * workers, most) if workers < most else most + 1


def _try(choice: Choice, seen: dict[Choice, list[Trial]]) -> Generator[Choice, Trial | None, None]:
    trial = yield choice
    if trial is not None:
        seen.setdefault(choice, []).append(trial)


def _scale(seen: dict[Choice, list[Trial]], waits: bool, times: float = 1.0) -> bool:
    """Whether threads bring so much, or so many times that, that processes hardly bring more."""
    best = min(seen, key=lambda choice: _wall(seen, choice))
    share = times * (_WELL_WAITING if waits else _WELL)
    return best.workers > 1 and _wall(seen, SERIAL) >= share * best.workers * _wall(seen, best)


def _is_idle(seen: dict[Choice, list[Trial]]) -> bool:
    """Whether one of them keeps nobody waiting."""
    return any(trial.wait < _IDLE * trial.wall for trials in seen.values() for trial in trials)


def _wall(seen: dict[Choice, list[Trial]], choice: Choice) -> float:
    return float(np.median([trial.wall for trial in seen[choice]]))


def _best(seen: dict[Choice, list[Trial]]) -> Choice:
    """The simplest of those that are as good as the fastest."""
    fastest = min(_wall(seen, choice) for choice in seen)
    good = [choice for choice in seen if _wall(seen, choice) <= _SIMPLER * fastest]
    return min(good, key=lambda choice: (choice.use_multiprocessing, choice.workers))
