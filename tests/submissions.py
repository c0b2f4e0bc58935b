"""A loader that notes what it is asked for, and a reader on it."""

from __future__ import annotations

from typing import Any

from multiseq.engine.ahead import Depth, ReadAhead
from multiseq.engine.forecast import Forecast
from multiseq.engine.interfaces import Loader, Pending


class Noted(Loader, Pending):
    """Loads nothing; notes what was submitted and cancelled."""

    def __init__(self) -> None:
        self.submitted: list[Any] = []
        self.cancelled: list[Any] = []
        self.at_once: list[Any] = []
        self.closed = 0

    def submit(self, job: Any, at_once: bool = False) -> Any:
        if at_once:
            self.at_once.append(job)
        self.submitted.append(job)
        pending = Noted()
        pending.submitted, pending.cancelled = [job], self.cancelled
        return pending

    def cancel(self) -> None:
        self.cancelled += self.submitted

    def result(self, source: Any) -> Any:
        ((epoch, *batches),) = self.submitted
        return [((epoch, batch),) for batch in batches]

    def close(self) -> None:
        self.closed += 1


def noted(
    n: int = 10, depth: int = 3, most: int = 1, epochs_differ: bool = True
) -> tuple[Noted, Any]:
    loader = Noted()
    reader = ReadAhead(loader, Forecast(n), Depth(depth, depth, most, n - 1), epochs_differ)
    return loader, lambda epoch, index: reader.get(
        None,  # type: ignore[arg-type]
        epoch,
        index,
        lambda source, epoch, batches: (epoch, *batches),  # type: ignore[arg-type,return-value]
    )
