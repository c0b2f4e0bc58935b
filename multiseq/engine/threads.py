"""Loads in threads of this process: for loading that waits, or that releases the GIL."""

from __future__ import annotations

import threading
import time
import weakref
from queue import SimpleQueue
from typing import Any

from .exit import stop_if_exiting
from .interfaces import Loader, Pending
from .job import Job, Source

__all__ = ["ThreadsLoader"]

_SMALLEST_CHUNK = 4
_PATIENCE_SECONDS = 0.1
_Task = tuple["_Shared", int, int]


class ThreadsLoader(Loader):
    """A pool of daemon threads that load chunks in the order in which they were submitted.

    Unlike those of `concurrent.futures`, the threads are not joined when the interpreter ends
    (a batch read ahead must not delay it), and they end with the loader.

    Args:
        workers: Number of threads.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        for number in range(workers):
            threading.Thread(
                target=_work, args=(self._tasks,), name=f"multiseq-{number}", daemon=True
            ).start()
        self._end = weakref.finalize(self, _dismiss, self._tasks, workers)

    def submit(self, job: Job, at_once: bool = False) -> Pending:
        """Queues the job's chunks: one for each worker, or one alone where that loads faster."""
        whole = (job.by_batch or job.count > 1) and not at_once
        most = 1 if whole else min(self.workers, len(job.indices) // _SMALLEST_CHUNK)
        chunks = job.cut(max(1, most))
        shared = _Shared(job, len(chunks))
        for start, stop in chunks:
            self._tasks.put((shared, start, stop))
        return shared

    def close(self) -> None:
        """Ends the threads, once they have loaded what was submitted."""
        self._end()


class _Shared(Pending):
    """A job whose chunks are loaded by several threads."""

    def __init__(self, job: Job, chunks: int) -> None:
        self._job: Job | None = job
        self._layout, self._count, self._substituted = job.layout, job.count, job.substituted
        self._cancelled = False
        self._left = chunks
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._leaves: Any = None
        self._error: BaseException | None = None

    def load(self, start: int, stop: int) -> None:
        job, error, began = self._job, None, time.perf_counter()
        try:
            if job is not None and self._error is None and not self._cancelled:
                job.load(start, stop)
        except BaseException as raised:  # It belongs to the thread that asks for the batch.
            error = raised
        with self._lock:
            self._left -= 1
            self.seconds += time.perf_counter() - began
            self._error = self._error or error
            last = not self._left
        if last:
            self._settle()

    def _settle(self) -> None:
        try:
            if self._error is None and self._job is not None and not self._cancelled:
                self._leaves = self._job.finish()
        except BaseException as raised:
            self._error = raised
        self._job = None
        self._done.set()

    def cancel(self) -> None:
        self._cancelled = True

    def result(self, source: Source) -> list[tuple[Any, ...]]:
        while not self._done.wait(_PATIENCE_SECONDS):
            stop_if_exiting()
        if self._error is not None:
            raise self._error
        if self._substituted:
            source.note_substituted(self._substituted)
        return self._layout.batches(self._leaves, self._count)


def _work(tasks: SimpleQueue[_Task | None]) -> None:
    while (task := tasks.get()) is not None:
        shared, start, stop = task
        shared.load(start, stop)
        del task, shared  # Neither a batch nor a sequence lives on in an idle thread.


def _dismiss(tasks: SimpleQueue[_Task | None], workers: int) -> None:
    for _ in range(workers):
        tasks.put(None)
