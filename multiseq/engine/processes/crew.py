"""The worker processes of one loader: how they are started, spoken to and ended."""

from __future__ import annotations

import contextlib
import os
import pickle
import sys
import time
import weakref
from collections import deque
from pathlib import Path
from typing import Any

from ... import _keras
from .child import new_child, readable
from .ring import Ring
from .shared import Memory
from .tickets import Task
from .worker import BOOTSTRAP, REPLY

__all__ = ["Crew", "Worker", "listen"]

_HEARTBEAT_SECONDS = 1.0
# Some 270 small messages fit into a socket, so with these neither side has to wait for the other.
_MOST_SENT = 64


class Worker:
    """One process, and the tasks it was sent, in order.

    Attributes:
        child: The process.
        tasks: What it was sent and has not replied to, by ticket and start.
        started: Whether it was heard of.
        since: When it was last heard of, or given something to do.
    """

    def __init__(self) -> None:
        self.child = new_child()
        self.tasks: dict[tuple[int, int], Task] = {}
        self.started, self.since = False, time.monotonic()
        self._unread = bytearray()

    def start(self, ring: Memory, payload: Memory, absent: dict[str, str]) -> None:
        """Starts the process; packages that are absent are imported when loading uses them."""
        package, facts = Path(__file__).parents[3], [f"{k}={v}" for k, v in absent.items()]
        arguments = [str(package), ring.address, payload.address, ",".join(facts), *sys.path]
        self.child.start(BOOTSTRAP, arguments, (*ring.inherited, *payload.inherited))

    def send(self, task: Task) -> None:
        """Sends it a task."""
        if not self.tasks:
            self.since = time.monotonic()
        self.tasks[task.ticket.number, task.start] = task
        with contextlib.suppress(OSError):  # Its death is noticed where replies are heard.
            self.child.link.sendall(task.message())

    def receive(self) -> tuple[list[tuple[int, int, int, float, Any]], bool]:
        """Returns its replies as far as they have arrived, and whether it is alive."""
        data, alive = self.child.read()
        unread, replies, at = self._unread, [], 0
        unread += data
        while len(unread) >= at + REPLY.size:
            number, start, status, length, seconds = REPLY.unpack_from(unread, at)
            end = at + REPLY.size + length
            if len(unread) < end:
                break
            what = pickle.loads(unread[at + REPLY.size : end]) if length else None
            replies.append((number, start, status, seconds, what))
            at = end
        del unread[:at]
        if data:
            self.since = time.monotonic()
        return replies, alive


class Crew:
    """The worker processes, and what they share.

    It does not know the loader, so that it can end them when that is gone.

    Attributes:
        ring: The slots.
        payload: The sequence; None before it is known, and at the end.
        workers: The processes.
        queue: Tasks that no worker was sent yet.
        needs_keras: Whether workers that did not import Keras were found to need it.
    """

    ring: Ring

    def __init__(self) -> None:
        self.payload: Memory | None = None
        self.workers: list[Worker] = []
        self.queue: deque[Task] = deque()
        self.needs_keras = False
        _crews.add(self)

    def start(self, count: int, ring: Ring) -> None:
        """Hires workers."""
        self.ring = ring
        for _ in range(count):
            self.hire()

    def hire(self) -> None:
        """Starts one worker more."""
        worker = Worker()
        self.workers.append(worker)
        if self.payload is not None:
            absent = {} if self.needs_keras else _keras.facts()
            worker.start(self.ring.shared, self.payload, absent)

    @property
    def busy(self) -> bool:
        """Whether there is anything to load."""
        return bool(self.queue) or any(worker.tasks for worker in self.workers)

    def send(self) -> None:
        """Sends tasks to the workers with the fewest."""
        while self.queue:
            worker = min(self.workers, key=lambda each: len(each.tasks))
            if len(worker.tasks) >= _MOST_SENT:
                break
            worker.send(self.queue.popleft())

    def links(self) -> dict[int, Worker]:
        """Returns the workers by the descriptors of their links."""
        return {worker.child.link.fileno(): worker for worker in self.workers}

    def late(self, timeout: float) -> list[Worker]:
        """Returns the workers that have been silent for too long while they load."""
        since = time.monotonic() - timeout
        return [w for w in self.workers if w.started and w.tasks and w.since < since]

    def late_to_start(self, timeout: float) -> list[Worker]:
        """Returns the workers that have taken too long to start."""
        since = time.monotonic() - timeout
        return [w for w in self.workers if not w.started and w.since < since]

    def dismiss(self) -> None:
        """Ends the workers, whatever they are doing."""
        for worker in self.workers:
            worker.child.kill()
        for worker in self.workers:
            worker.child.end()
        self.workers.clear()
        self.queue.clear()

    def end(self) -> None:
        """Ends the workers, and closes the payload."""
        self.dismiss()
        self._close_payload()

    def forget(self) -> None:
        """In a forked process, closes what would outlive the parent; the workers are not ours."""
        for worker in self.workers:
            worker.child.forget()
        self.workers.clear()
        self._close_payload()

    def _close_payload(self) -> None:
        payload, self.payload = self.payload, None
        if payload is not None:
            payload.close()


def listen(links: dict[int, Worker], timeout: float | None) -> list[Worker]:
    """Waits for replies, for a second at most, or less where workers have little time.

    Returns:
        The workers that have replied, or died.
    """
    seconds = _HEARTBEAT_SECONDS if timeout is None else min(timeout / 4, _HEARTBEAT_SECONDS)
    ready = [links[fd] for fd in readable(links, seconds)]
    # A process that a worker left behind may keep its end of the link open.
    return ready or [worker for worker in links.values() if worker.child.dead]


_crews: weakref.WeakSet[Crew] = weakref.WeakSet()


def _after_fork() -> None:
    for crew in list(_crews):
        crew.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
