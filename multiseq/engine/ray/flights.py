"""The jobs that are on the cluster, and those that wait for their turn."""

from __future__ import annotations

import atexit
import functools
import os
import threading
import uuid
import weakref
from collections import deque
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any

import numpy as np

from ...errors import WorkerError, said
from ...memory import views
from ..exit import stop_if_exiting
from ..interfaces import Pending
from ..job import Job, Source
from ..processes.portable import located
from .connection import connect, functions, is_connected, session
from .remote import Reply, Task

__all__ = ["Flight", "Window"]

_PATIENCE_SECONDS = 0.1


class Window:
    """The jobs of one loader, so many of which are on the cluster at once.

    All references to Ray's objects are held here, in this process: what a lost machine had, Ray
    can make anew. A thread sends the next job when one has come back. It does not know the
    loader, so that it ends when that is gone.

    Args:
        most: How many jobs may be on the cluster.
        payload: The sequence, as `packed_payload` returned it.
        timeout: Seconds that loading a job may take; None for any time.

    Attributes:
        closed: Whether nothing more is sent.
        broken: Whether that is since Ray was shut down, or failed.
    """

    def __init__(self, most: int, payload: Any, timeout: float | None) -> None:
        self._ray = connect()
        self._session = session()
        self._most, self._payload, self._timeout = most, [self._ray.put(payload)], timeout
        self._name = uuid.uuid4().hex
        self._lock = threading.RLock()
        self._waiting: deque[Flight] = deque()
        self._flying: dict[Future[Reply], Flight] = {}
        self._landed: SimpleQueue[Future[Reply] | None] = SimpleQueue()
        self.closed = self.broken = False
        threading.Thread(
            target=_attend, args=(self, self._landed), name="multiseq-ray", daemon=True
        ).start()
        _windows.add(self)
        _close_at_exit()

    def check(self) -> bool:
        """Returns whether this can be used: closed by its owner, or connected as it was."""
        if not self.closed and session() != self._session:
            self.give_up()
        return not self.broken

    def task(self, job: Job) -> Task:
        """Returns what a worker process is sent for a job."""
        seed = None if job.draw is None else job.draw.key
        return Task(self._name, job.indices, job.epoch, seed, self._timeout)

    def submit(self, flight: Flight, at_once: bool) -> None:
        """Sends a job as soon as there is room; before all others where someone waits for it."""
        with self._lock:
            if self.closed:
                flight.lose()
                return
            if at_once:
                self._waiting.appendleft(flight)
            else:
                self._waiting.append(flight)
            self._send()

    def land(self, future: Future[Reply]) -> None:
        """Takes what has come back, and sends the next job."""
        with self._lock:
            flight = self._flying.pop(future, None)
            if flight is not None:
                flight.land(future)
            try:
                if is_connected():  # Else Ray would start again by itself.
                    self._send()
            except Exception:
                self.give_up()

    def lethal(self, task: Task) -> frozenset[int]:
        """Finds the samples that end the process that loads them: each in a task of its own."""
        _, probe = functions()
        found, indices = set(), task.indices.tolist()
        for at in range(0, len(indices), self._most):
            some = indices[at : at + self._most]
            alone = {i: task._replace(indices=np.array([i], np.int64)) for i in some}
            sent = {i: probe.remote(each, self._payload) for i, each in alone.items()}
            for index, reference in sent.items():
                try:
                    self._ray.get(reference)
                except self._ray.exceptions.RayError as error:
                    if _is_death(error):
                        found.add(index)
        return frozenset(found)

    def give_up(self) -> None:
        """Closes it, since Ray is gone; what was sent is loaded by whoever asks for it."""
        self.broken = True
        self.close()

    def close(self) -> None:
        """Sends nothing more, and lets go of what was sent."""
        with self._lock:
            self.closed = True
            for flight in [*self._waiting, *self._flying.values()]:
                flight.lose()
            self._waiting.clear()
            self._flying.clear()
            self._payload = []
        self._landed.put(None)

    def _note(self, future: Future[Reply]) -> None:
        """Notes that something has come back, in a thread of Ray's, which is not to do more."""
        if not self.closed:  # Else nobody would take it out again.
            self._landed.put(future)

    def _send(self) -> None:
        usual, _ = functions()
        while self._waiting and len(self._flying) < self._most:
            flight = self._waiting[0]
            if not flight.cancelled:
                future = usual.remote(flight.task, self._payload).future()
                future.add_done_callback(self._note)
                self._flying[future] = flight
            self._waiting.popleft()  # Last: should Ctrl-C strike, it is sent twice, not never.


def _attend(window: Window, landed: SimpleQueue[Future[Reply] | None]) -> None:
    while (future := landed.get()) is not None:
        window.land(future)
        del future  # A batch does not live on in an idle thread.


class Flight(Pending):
    """A job on its way. It does not know the sequence, which it must not keep alive.

    Args:
        job: The job.
        task: What a worker process is sent for it.
        window: That it is submitted to.

    Attributes:
        task: The same.
        cancelled: Whether nobody will ask for it.
    """

    def __init__(self, job: Job, task: Task, window: Window) -> None:
        self.task, self.cancelled = task, False
        self._parts = job.layout, job.indices, job.draw, job.epoch, job.count
        self._window = window
        self._done = threading.Event()
        self._reply: Reply | None = None
        self._failed: Exception | None = None

    def land(self, future: Future[Reply]) -> None:
        """Takes what came back."""
        try:
            reply = future.result()
        except Exception as error:
            self._failed = error
        else:
            self.seconds = reply.seconds
            self._reply = None if self.cancelled else reply
        self._done.set()

    def lose(self) -> None:
        """Says that nothing will come back."""
        self._done.set()

    def cancel(self) -> None:
        """Says that the result will not be asked for; what has begun is loaded in vain."""
        self.cancelled, self._reply = True, None

    def result(self, source: Source) -> list[tuple[Any, ...]]:
        """Waits for the batches; if Ray is gone meanwhile, loads them in this thread."""
        while not self._done.wait(_PATIENCE_SECONDS):
            stop_if_exiting()
            if not is_connected():
                self._window.give_up()
        job, reply, self._reply = Job(source, *self._parts), self._reply, None
        if self._failed is not None:
            return self._after_failure(self._failed, job)
        if reply is None:
            return job.run_all()
        if reply.error is not None:
            raise located(reply.error.error(), source)
        for index, packed in (reply.substituted or {}).items():
            job.substituted[index] = located(packed.error(), source)
        return job.batches(self._leaves(reply))

    def _after_failure(self, error: Exception, job: Job) -> list[tuple[Any, ...]]:
        """Loads a batch without the samples that end worker processes, if there are any.

        What becomes of these is up to `on_error`.
        """
        if _is_death(error) and job.count == 1 and not self.task.lethal:
            lethal = self._window.lethal(self.task)
            if lethal:
                again = Flight(job, self.task._replace(lethal=lethal), self._window)
                self._window.submit(again, at_once=True)
                return again.result(job.source)
        raise WorkerError(
            "Ray could not load this batch",
            got=said(error),
            fix="load it in the main process, with workers=0 and cluster=None, to see why",
        ).at(cls=job.source.called) from error

    def _leaves(self, reply: Reply) -> list[Any]:
        """Returns the batch's arrays, read-only: views of Ray's store, or of a small message.

        They are aligned: Ray puts the one piece of memory that a reply has at such an address.
        """
        if reply.places is None:
            leaves = self._parts[0].memory.arrays_in(reply.memory, 0, len(self.task.indices))
        else:
            leaves = views(reply.places, reply.memory)
        for leaf in leaves:
            leaf.flags.writeable = False
        return leaves


def _is_death(error: Exception) -> bool:
    """Whether a worker process ended while it loaded something."""
    import ray

    return isinstance(error, ray.exceptions.WorkerCrashedError | ray.exceptions.OutOfMemoryError)


_windows: weakref.WeakSet[Window] = weakref.WeakSet()


def _close_all() -> None:
    for window in list(_windows):
        window.close()


@functools.cache
def _close_at_exit() -> None:
    """Closes windows before Ray is shut down, which was imported by now: last in, first out."""
    atexit.register(_close_all)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_windows.clear)
