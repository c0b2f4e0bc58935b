"""Loads in the thread that asks, when it asks."""

from __future__ import annotations

from typing import Any

from ..errors import MultiseqError
from .exit import in_flight
from .forecast import Forecast
from .interfaces import MakeJob, Reader
from .job import Source

__all__ = ["SerialReader"]


class SerialReader(Reader):
    """Loads in the thread that asks, and small batches several at once.

    Where samples load faster together (`load_batch`), a small batch costs more to ask for than
    to load. The number loaded at once doubles while the forecast is right.

    Args:
        forecast: Guesses what comes next.
        most: How many batches may be loaded at once.
        full_batches: How many batches of an epoch are full; only those are loaded together.
    """

    def __init__(self, forecast: Forecast, most: int, full_batches: int) -> None:
        super().__init__()
        self._forecast, self._most, self._full = forecast, most, full_batches
        self._count = 1
        self._ready: dict[tuple[int, int], tuple[Any, ...]] = {}

    def get(self, source: Source, epoch: int, index: int, job: MakeJob) -> tuple[Any, ...]:
        """Returns batch `index` of `epoch`."""
        self._forecast.see(index)
        batch = self._ready.pop((epoch, index), None)
        self.stats.count(hit=batch is not None)
        if batch is not None:
            return batch
        with in_flight:
            later = self._later(index)
            if later:
                try:
                    batch, *rest = job(source, epoch, [index, *later]).run_all()
                except MultiseqError:
                    pass  # The fault may be a later batch's.
                else:
                    # A new dict, not an emptied one: other threads may be looking into the old.
                    self._ready = {(epoch, i): each for i, each in zip(later, rest, strict=True)}
                    return batch
            return job(source, epoch, [index]).run()

    def _later(self, index: int) -> list[int]:
        """Which batches to load together with this one."""
        self._count = min(2 * self._count, self._most) if self._forecast.in_step else 1
        if index >= self._full:
            return []
        ahead = self._forecast.next(self._count - 1)
        return [batch for later, batch in ahead if not later and batch < self._full]

    def close(self) -> None:
        """Lets go of batches that were not asked for."""
        self._ready = {}
