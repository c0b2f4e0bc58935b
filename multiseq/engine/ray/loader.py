"""Loads on the machines of a Ray cluster, as tasks: pure functions that may run anywhere."""

from __future__ import annotations

import threading
import weakref

from ..interfaces import Loader, Pending
from ..job import Job
from .flights import Flight, Window
from .remote import packed_payload

__all__ = ["RayLoader"]


class RayLoader(Loader):
    """Sends jobs to the cluster, each as one task; connected when the first one comes.

    Args:
        workers: How many of them at once.
        timeout: Seconds that a worker process may load one before it is ended, and the job done
            again; None for any time.
    """

    def __init__(self, workers: int, timeout: float | None = None) -> None:
        self._workers, self._timeout = workers, timeout
        self._lock = threading.Lock()
        self._window: Window | None = None

    def submit(self, job: Job, at_once: bool = False) -> Pending:
        """Sends the job as soon as there is room; before all others if it is wanted at once."""
        with self._lock:
            window = self._opened(job)
        flight = Flight(job, window.task(job), window)
        window.submit(flight, at_once)
        return flight

    def close(self) -> None:
        """Gives up what was submitted; the cluster finishes what it is loading."""
        if self._window is not None:
            self._window.close()

    def _opened(self, job: Job) -> Window:
        """Returns the window; another one where Ray was shut down or started anew."""
        window = self._window
        if window is None or not window.check():
            payload = packed_payload(job.source.for_workers(), job.layout)
            window = self._window = Window(self._workers, payload, self._timeout)
            weakref.finalize(self, window.close).atexit = False
        return window
