"""Loads in other processes, into shared memory.

There is no thread of our own and no queue: whoever waits for a batch reads the workers' replies.
A worker that dies is replaced, and what it had not finished is done again, in the same place. The
sample that kills every worker that loads it is found by loading one at a time what was lost.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import selectors
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections import deque
from pathlib import Path
from typing import Any

from ..errors import LoadError, MultiseqError
from .base import Loader, Pending
from .job import Job
from .payload import save_payload
from .ring import Ring
from .tickets import Task, Ticket
from .worker import BOOTSTRAP, REPLY, Status, receive

__all__ = ["ProcessesLoader"]

_FIRST_SLOT = 1 << 16
_MOST_FAILED_STARTS = 20


class ProcessesLoader(Loader):
    """Worker processes, started when the first job comes.

    Args:
        workers: How many.
        depth: How many batches are read ahead.
        timeout: Seconds after which a worker that does not reply is replaced; None for never.
    """

    def __init__(self, workers: int, depth: int, timeout: float | None = None) -> None:
        self._count, self._slots, self._timeout = workers, depth + 3, timeout
        self._lock = threading.RLock()
        self._crew: list[_Worker] = []
        self._tickets: dict[int, Ticket] = {}
        self._backlog: deque[Ticket] = deque()
        self._selector = selectors.DefaultSelector()
        self._issued = self._failed_starts = 0
        self._ring: Any = None
        self._payload = -1

    def submit(self, job: Job) -> Pending:
        """Sends the job's chunks to the workers, or queues it until there is a free slot."""
        with self._lock:
            if self._ring is None:
                self._start(job)
            self._issued += 1
            ticket = Ticket(self._issued, job, self.wait)
            self._tickets[ticket.number] = ticket
            self._backlog.append(ticket)
            self._dispatch()
            return ticket

    def close(self) -> None:
        """Ends the workers, whatever they are loading."""
        with self._lock:
            if self._ring is not None:
                self._end()

    def wait(self, ticket: Ticket) -> None:
        """Hears workers until a ticket is settled."""
        with self._lock:
            try:
                while not ticket.settled:
                    self._hear_all()
                    self._dispatch()
            except Exception:
                raise
            except BaseException:  # Ctrl-C: a reply may be half read, so nobody is trusted.
                for worker in list(self._crew):
                    self._bury(worker, guilty=False)
                raise

    def _start(self, job: Job) -> None:
        n = len(job.indices)
        size = job.layout.memory.size(n) if job.layout.known else _FIRST_SLOT
        self._payload = save_payload(job.source.for_workers(), job.layout)
        self._ring = Ring(size, n, self._slots)
        self._end = weakref.finalize(self, _end_all, self._crew, self._payload, self._selector)
        for _ in range(self._count):
            self._hire()

    def _hire(self) -> _Worker:
        worker = _Worker(self._ring.fd, self._payload)
        self._crew.append(worker)
        self._selector.register(worker.link, selectors.EVENT_READ, worker)
        return worker

    def _dispatch(self) -> None:
        ring = self._ring
        while ring is not None and self._backlog and ring.free:
            ticket = self._backlog.popleft()
            if ticket.cancelled:
                self._tickets.pop(ticket.number, None)
                continue
            for task in ticket.begin(ring, ring.free.popleft(), self._count):
                self._send(min(self._crew, key=lambda worker: len(worker.tasks)), task)

    def _send(self, worker: _Worker, task: Task) -> None:
        if not worker.tasks:
            worker.since = time.monotonic()
        worker.tasks[task.ticket.number, task.start] = task
        # A dead worker is noticed where replies are read, and the task done again.
        with contextlib.suppress(OSError):
            worker.link.sendall(task.message())

    def _hear_all(self) -> None:
        ready = self._selector.select(self._timeout)
        for key, _ in ready:
            worker: _Worker = key.data
            try:
                self._hear(worker)
            except (EOFError, OSError):
                self._bury(worker)
        if self._timeout is not None:
            late = time.monotonic() - self._timeout
            for worker in [w for w in self._crew if w.tasks and w.since <= late]:
                self._bury(worker)

    def _hear(self, worker: _Worker) -> None:
        number, start, status, length = REPLY.unpack(receive(worker.link, REPLY.size))
        what: Any = pickle.loads(receive(worker.link, length)) if length else None
        worker.since = time.monotonic()
        if status == Status.STARTED:
            worker.started, self._failed_starts = True, 0
        elif number < 0:
            self._fail_all(what)
        else:
            task = worker.tasks.pop((number, start))
            for again in task.ticket.heard(task, status, what):
                self._send(worker, again)
            self._forget(task.ticket)

    def _bury(self, worker: _Worker, guilty: bool = True) -> None:
        """Replaces a worker that is dead, or is to be, and has its tasks done again."""
        self._selector.unregister(worker.link)
        self._crew.remove(worker)
        code = worker.end()
        lost = list(worker.tasks.values())
        if not worker.started and guilty:
            self._failed_starts += 1
            if self._failed_starts >= _MOST_FAILED_STARTS:
                self._fail_all(LoadError("worker processes die before they begin", got=code))
                return
        replacement = self._hire()
        for place, task in enumerate(lost):
            suspect = place == 0 and worker.started and guilty
            for again in task.after_death(code) if suspect else [task]:
                self._send(replacement, again)
            self._forget(task.ticket)

    def _fail_all(self, error: MultiseqError) -> None:
        for ticket in self._tickets.values():
            ticket.fail(error)
        self._tickets.clear()
        self._backlog.clear()
        self.close()
        self._crew.clear()
        self._ring = None

    def _forget(self, ticket: Ticket) -> None:
        if ticket.settled:
            self._tickets.pop(ticket.number, None)


class _Worker:
    """One process, and the tasks it was sent, in order."""

    def __init__(self, ring_fd: int, payload_fd: int) -> None:
        self.link, theirs = socket.socketpair()
        self.tasks: dict[tuple[int, int], Task] = {}
        self.started, self.since = False, time.monotonic()
        fds = (theirs.fileno(), ring_fd, payload_fd)
        package = Path(__file__).parents[2]
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", BOOTSTRAP, str(package), *map(str, fds), *sys.path],
                pass_fds=fds,
                stdin=subprocess.DEVNULL,
                env={
                    **os.environ,
                    "MULTISEQ_WORKER": "1",
                    "OMP_NUM_THREADS": "1",
                    "OPENBLAS_NUM_THREADS": "1",
                },
            )

    def end(self) -> int:
        """Ends the process, if it has not ended, and returns its exit status."""
        self.link.close()
        self._process.kill()
        return self._process.wait()


def _end_all(crew: list[_Worker], payload_fd: int, selector: selectors.BaseSelector) -> None:
    for worker in crew:
        worker.end()
    crew.clear()
    selector.close()
    os.close(payload_fd)
