"""`workers="auto"`: finds who loads best, while batches are handed out."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from .interfaces import MakeJob, Reader
from .job import Source
from .search import SERIAL, Choice, Limits, Search, Trial, busy_seconds, search

__all__ = ["AutoReader", "batches_in_memory"]

_log = logging.getLogger("multiseq")

_SECONDS = 0.25
_MOST_SECONDS = 2.0
_LEAST = 8
_OUTLIER = 4  # Times the usual time from one batch to the next: the end of an epoch, say.
_SHARE = 0.25  # Of the memory that is free.


class AutoReader(Reader):
    """Hands out batches by one reader after the other, and goes on with the best.

    Whoever loads, batches are the same. What is measured is how soon whoever asks comes for the
    next batch: so training, which needs processors too, is taken into account.

    Args:
        make: Makes the reader of a choice.
        limits: What there is to share.

    Attributes:
        choice: Who loads now.
    """

    def __init__(self, make: Callable[[Choice], Reader], limits: Limits) -> None:
        super().__init__()
        self._make, self._lock, self._closed = make, threading.RLock(), False
        self._seen: dict[Choice, list[Trial]] = {}
        self._search: Search | None = search(limits, self._seen)
        self._watch: _Watch | None = None
        self._reader: Reader = self._begin(next(self._search))

    def get(self, source: Source, epoch: int, index: int, job: MakeJob) -> tuple[Any, ...]:
        """Returns batch `index` of `epoch`."""
        reader, watch = self._reader, self._watch
        if watch is None:
            return reader.get(source, epoch, index, job)
        asked, busy, hits = time.perf_counter(), busy_seconds(), self.stats.hits
        try:
            batch = reader.get(source, epoch, index, job)
        except Exception:
            if watch.choice == SERIAL:
                raise
            # What this kind of workers cannot do, or a broken sample: without workers it shows.
            self._settle_trial(source, watch, None)
            return self._reader.get(source, epoch, index, job)
        with self._lock:
            hit = self.stats.hits > hits
            watch.note(asked, time.perf_counter(), busy_seconds() - busy, hit)
            if watch.enough:
                self._settle_trial(source, watch, watch.trial())
        return batch

    def _settle_trial(self, source: Source, watch: _Watch, trial: Trial | None) -> None:
        with self._lock:
            if self._watch is not watch or self._search is None or self._closed:
                return  # Another thread was here before.
            try:
                self._go_to(self._search.send(trial))
            except StopIteration as found:
                self._go_to(found.value)
                self._search = self._watch = None
                self.stats.chosen = self._said()
                _log.info('%s: workers="auto" chose %s', source.called, self.stats.chosen)
            except Exception:  # No workers can be started: without them, then.
                self._go_to(SERIAL)
                self._search = self._watch = None

    def _begin(self, choice: Choice) -> Reader:
        reader = self._make(choice)
        reader.stats = self.stats
        self.choice, self._watch = choice, _Watch(choice)
        return reader

    def _go_to(self, choice: Choice) -> None:
        before, self._reader = self._reader, self._begin(choice)
        before.close()

    def _said(self) -> str:
        speeds = {choice: 1 / trials[-1].wall for choice, trials in self._seen.items()}
        others = [f"{speeds[each]:.4g} with {each}" for each in speeds if each != self.choice]
        mine = f"{self.choice}: {speeds.get(self.choice, 0):.4g} batches/s"
        return f"{mine}; {', '.join(others)}" if others else f"{mine}, hardly waited for"

    def close(self) -> None:
        """Ends the workers."""
        with self._lock:
            self._closed = True
            self._reader.close()


class _Watch:
    """Looks at the batches of one choice: first until they flow, then how fast they do.

    Without workers, several small batches may be loaded at once: it looks at all of them, from one
    that was not there yet up to the next.
    """

    def __init__(self, choice: Choice) -> None:
        self.choice = choice
        self._skipped, self._began = 0, time.perf_counter()
        self._queue = choice.workers + 2 if choice.workers else 1
        self._gaps: list[float] = []
        self._waits: list[float] = []
        self._busy: list[float] = []
        self._last = self._measured = 0.0
        self._whole = 0  # Of how many batches all was seen that they took.

    def note(self, asked: float, given: float, busy: float, hit: bool) -> None:
        """Takes note of a batch, and whether it was there or on its way when it was asked for."""
        begins = not hit or self.choice != SERIAL
        if not self._flows(given) or not (self._waits or begins):
            self._last, self._measured = given, given
            return
        self._gaps.append(max(0.0, asked - self._last))
        self._waits.append(given - max(asked, self._last))
        self._busy.append(busy)
        self._last = given
        if begins:
            self._whole = len(self._waits) - (self.choice == SERIAL)

    def _flows(self, now: float) -> bool:
        late = now - self._began
        enough = self._skipped >= 2 * self._queue and late > _SECONDS / 4
        if enough or (late > _MOST_SECONDS and self._skipped > self._queue):
            return True
        self._skipped += 1
        return False

    @property
    def enough(self) -> bool:
        """Whether it was seen for long enough."""
        count, seconds = self._whole, self._last - self._measured
        if count >= max(_LEAST, 3 * self._queue) and seconds >= _SECONDS:
            return True
        return count >= _LEAST // 2 and seconds >= _MOST_SECONDS

    def trial(self) -> Trial:
        """Returns what was seen."""
        gaps, waits, busy = (each[: self._whole] for each in (self._gaps, self._waits, self._busy))
        usual = _OUTLIER * (float(np.median(gaps)) + float(np.mean(waits)))
        gap, wait = float(np.minimum(gaps, usual).mean()), float(np.mean(waits))
        return Trial(max(gap + wait, 1e-9), wait, float(np.mean(busy)))


def batches_in_memory(nbytes: int) -> int:
    """How many batches of a size a quarter of the free memory holds."""
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # Windows.
        return 64
    return int(_SHARE * free / max(1, nbytes))
