"""Reading ahead: batches are loaded before they are asked for.

Keras asks for one batch at a time and does not say which comes next, so that is a guess, like a
branch predictor's: a wrong one costs the time of one batch, never a wrong batch.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from typing import Any

from .base import Loader, MakeJob, Pending, Reader
from .exit import in_flight
from .job import Source

__all__ = ["Forecast", "ReadAhead"]

_MOST_BATCHES = 1 << 20


class Forecast:
    """Guesses which batches come next.

    Two guesses: the batches in sequence; or, once `expect_shuffle` was called, in the order of
    `random.shuffle`. The first batch asked for tells which.

    Args:
        num_batches: Batches in an epoch.

    Attributes:
        in_step: Whether the last batch asked for had been guessed.
    """

    def __init__(self, num_batches: int) -> None:
        self._n = num_batches
        self._state: Any = None
        self._order: Sequence[int] = range(num_batches)
        self._place = -1
        self.in_step = False

    def expect_shuffle(self) -> None:
        """Notes the state of the global `random`: Keras (up to 3.15) is about to shuffle with it.

        `fit(shuffle=True)`, the default, reads `num_batches` and then shuffles the order of the
        batches: a copy of the generator foretells that order without drawing from it.
        """
        if self._n <= _MOST_BATCHES:
            self._state = random.getstate()

    def see(self, index: int) -> None:
        """Notes which batch was asked for."""
        if self._state is not None:
            self._order, self._place = self._first_guess(index), -1
        place = self._place + 1
        self.in_step = place < self._n and self._order[place] == index
        if not self.in_step:
            # Someone reads at random, or again. Go on from there, in sequence.
            self._order, place = range(self._n), index
        self._place = place

    def next(self, count: int) -> Sequence[int]:
        """Returns the batches that come next, at most `count`, as far as this epoch goes."""
        place = self._place + 1
        return self._order[place : place + count]

    def _first_guess(self, index: int) -> Sequence[int]:
        state, self._state = self._state, None
        if state is None:  # Another thread was here in between.
            return self._order
        generator = random.Random()
        generator.setstate(state)
        order = list(range(self._n))
        generator.shuffle(order)
        return order if order[0] == index else range(self._n)


class ReadAhead(Reader):
    """Hands out batches, and has those loaded that a forecast says come next.

    Args:
        loader: Who loads.
        forecast: Guesses what comes next.
        depth: How many batches are kept ready or being loaded.
    """

    def __init__(self, loader: Loader, forecast: Forecast, depth: int) -> None:
        self._loader, self._forecast, self._depth = loader, forecast, depth
        self._ahead: dict[tuple[int, int], Pending] = {}
        self._lock = threading.Lock()
        self._closed = False

    def get(self, source: Source, epoch: int, index: int, job: MakeJob) -> tuple[Any, ...]:
        """Returns batch `index` of `epoch`."""
        with in_flight:
            pending = self._submitted(source, epoch, index, job)
            if pending is None:
                return job(source, epoch, [index]).run()
            return pending.result()

    def _submitted(self, source: Source, epoch: int, index: int, job: MakeJob) -> Pending | None:
        """Has the batch loaded, and those after it; None where nobody is left to load."""
        with self._lock:
            if self._closed:  # By another thread, or by `adapt`, while this one was on its way.
                return None
            pending = self._ahead.pop((epoch, index), None)
            self._forecast.see(index)
            wanted = dict.fromkeys((epoch, later) for later in self._forecast.next(self._depth))
            for key in [key for key in self._ahead if key not in wanted]:
                self._ahead.pop(key).cancel()
            if pending is None:
                pending = self._loader.submit(job(source, epoch, [index]))
            for key in wanted:
                if key not in self._ahead:
                    self._ahead[key] = self._loader.submit(job(source, epoch, [key[1]]))
            return pending

    def close(self) -> None:
        """Gives up what was read ahead, and ends the loader."""
        with self._lock:
            self._closed = True
            for pending in self._ahead.values():
                pending.cancel()
            self._ahead.clear()
        self._loader.close()
