"""Reading ahead: batches are loaded before they are asked for."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

from ..errors import MultiseqError
from .base import Loader, MakeJob, Pending, Reader
from .exit import in_flight
from .forecast import Forecast
from .job import Source

__all__ = ["ReadAhead"]


class ReadAhead(Reader):
    """Hands out batches, and has those loaded that a forecast says come next.

    It reads across the end of an epoch, so that the next one begins without a wait.

    Args:
        loader: Who loads.
        forecast: Guesses what comes next.
        depth: How many batches are kept ready or being loaded.
        epochs_differ: Whether a batch depends on its epoch.
    """

    def __init__(self, loader: Loader, forecast: Forecast, depth: int, epochs_differ: bool) -> None:
        super().__init__()
        self._loader, self._forecast, self._depth = loader, forecast, depth
        self._epochs_differ = epochs_differ
        self._ahead: dict[tuple[int, int], Pending] = {}
        self._lock = threading.Lock()
        self._closed = False

    def get(self, source: Source, epoch: int, index: int, job: MakeJob) -> tuple[Any, ...]:
        """Returns batch `index` of `epoch`."""
        with in_flight:
            pending = self._submitted(source, epoch if self._epochs_differ else 0, index, job)
            if pending is None:
                return job(source, epoch, [index]).run()
            return pending.result(source)

    def _submitted(self, source: Source, epoch: int, index: int, job: MakeJob) -> Pending | None:
        """Has the batch loaded, and those after it; None where nobody is left to load."""
        with self._lock:
            if self._closed:  # By another thread, or by `adapt`, while this one was on its way.
                return None
            pending = self._ahead.pop((epoch, index), None)
            self.stats.count(hit=pending is not None)
            self._forecast.see(index)
            wanted = [
                (epoch + later * self._epochs_differ, batch)
                for later, batch in self._forecast.next(self._depth)
            ]
            for key in self._ahead.keys() - wanted:
                self._ahead.pop(key).cancel()
            if pending is None:
                pending = self._loader.submit(job(source, epoch, [index]), at_once=True)
            for key in wanted:
                if key not in self._ahead:
                    # A sampler may fail in the coming epoch: that is for who asks for it.
                    with contextlib.suppress(MultiseqError):
                        self._ahead[key] = self._loader.submit(job(source, key[0], [key[1]]))
            return pending

    def close(self) -> None:
        """Gives up what was read ahead, and ends the loader."""
        with self._lock:
            self._closed = True
            for pending in self._ahead.values():
                pending.cancel()
            self._ahead.clear()
        self._loader.close()
