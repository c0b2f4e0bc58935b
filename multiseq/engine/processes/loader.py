"""Loads in other processes, into shared memory.

There is no thread of our own and no queue between processes: one of the threads that wait for a
batch hears the workers' replies, for all of them. A worker that dies is replaced, and what it had
not finished is done again, in the same place.

Ctrl-C may strike anywhere. Since loading is pure, nothing is mended then: workers and slots are
thrown away, and what is still wanted is loaded anew.
"""

from __future__ import annotations

import atexit
import copy
import os
import threading
import time
import weakref
from collections import deque
from typing import Any

from ...errors import MultiseqError, WorkerError
from ..exit import stop_if_exiting
from ..interfaces import Loader, Pending
from ..job import Job
from .crew import Crew, Worker, listen
from .noted import TIMED_OUT, describe_exit
from .payload import save_payload
from .ring import Ring, Watch
from .tickets import Claim, Ticket
from .worker import Status

__all__ = ["ProcessesLoader"]

_MOST_DEATHS_ON_END = 10
_MOST_LATE_STARTS = 3  # By each worker.
_START_SECONDS = 60.0
_LEAST_START_SECONDS = 6.0
_FOLLOWERS_HEARTBEAT_SECONDS = 1.0


class ProcessesLoader(Loader):
    """Worker processes, started when the first job comes.

    Args:
        workers: How many.
        depth: How many batches are read ahead.
        timeout: Seconds that a worker may take for its share of a batch before it is replaced;
            None for any time. One that starts has at least 6 seconds, 60 for None, and
            the next one twice as long.
    """

    def __init__(self, workers: int, depth: int, timeout: float | None = None) -> None:
        self._workers, self._slots, self._timeout = workers, depth + 3, timeout
        self._lock = threading.RLock()
        self._heard = threading.Condition(self._lock)
        self._hears = self._broken = False
        self._tickets: dict[int, Ticket] = {}
        self._backlog: deque[Ticket] = deque()
        self._claims: dict[int, Watch] = {}
        self._dropped: deque[Watch] = deque()
        self._issued = self._deaths = self._late_starts = 0
        self._crew: Any = None
        self._used, self._rested = 0.0, False
        _loaders.add(self)

    def submit(self, job: Job, at_once: bool = False) -> Pending:
        """Sends the job's chunks to the workers, or queues it until there is a free slot."""
        if not self._works:
            _make_room(self)
        with self._lock:
            self._used = time.monotonic()
            number = self._issued = self._issued + 1
            try:
                if self._broken:
                    self._start_over()
                ticket = self._tickets[number] = Ticket(number, job, at_once)
                if self._crew is None:
                    self._start(job, ticket.size)
                self._backlog.append(ticket)
                self._go_on()
                claim = Claim(ticket, job, self)
                self._claims[number] = Watch(claim, self._dropped, ticket)
                return claim
            except BaseException:
                self._broken = True
                self._tickets.pop(number, None)
                raise

    def close(self) -> None:
        """Ends the workers, whatever they are loading."""
        with self._lock:
            try:
                self._settle_all(None)
            except BaseException:
                self._broken = True
                raise

    def wait(self, ticket: Ticket) -> None:
        """Returns when a ticket is settled; meanwhile hears workers, unless a thread does so."""
        while not ticket.settled:
            stop_if_exiting()
            hears = False
            try:
                with self._lock:
                    crew = self._working_on(ticket)
                    if ticket.settled:
                        return
                    if self._hears:
                        self._heard.wait(_FOLLOWERS_HEARTBEAT_SECONDS)
                    else:
                        links, self._hears, hears = crew.links(), True, True
                if hears:
                    ready = listen(links, self._timeout)
                    with self._lock:
                        self._hear(crew, ready)
            finally:
                if hears:
                    self._hears = False
                    with self._lock:
                        self._heard.notify_all()

    def _start(self, job: Job, size: int) -> None:
        crew = Crew()
        self._end = weakref.finalize(self, crew.end)
        self._end.atexit = False
        try:
            crew.payload = save_payload(job.source.for_workers(), job.layout)
            crew.start(self._workers, Ring(self._slots, size))
        except BaseException:
            crew.end()
            self._end.detach()
            raise
        self._crew, self._deaths, self._late_starts = crew, 0, 0

    @property
    def _works(self) -> bool:
        """Whether there are workers."""
        crew = self._crew
        return crew is not None and bool(crew.workers)

    def _rest(self) -> None:
        """Ends the workers, if nobody waits for them; they start again when asked."""
        if self._lock.acquire(blocking=False):
            try:
                if self._works and not self._hears:
                    self._rested = self._broken = True
                    self._crew.dismiss()
            finally:
                self._lock.release()

    def _start_over(self) -> None:
        """Begins anew after an interruption, an error in the middle of something, or a rest."""
        _note_need(self)
        crew = self._crew
        if crew is None:  # `close` was interrupted.
            self._settle_all(None)
        else:
            crew.dismiss()
            crew.start(self._workers, Ring(self._slots, crew.ring.size))
        self._tickets = {n: each for n, each in self._tickets.items() if not each.settled}
        for ticket in self._tickets.values():
            ticket.start_over()
        self._backlog = deque(self._tickets.values())
        self._broken = False

    def _working_on(self, ticket: Ticket) -> Any:
        """Has all done that can be done now; returns the crew."""
        try:
            self._go_on()
            crew = self._crew
            if not ticket.settled and not crew.busy:  # It has no slot.
                # No slot will be free by itself: all are leased, or hold batches not asked for.
                self._backlog.remove(ticket)
                self._backlog.appendleft(ticket)
                crew.ring.grow()
                self._go_on()
        except BaseException:
            self._broken = True
            raise
        return crew

    def _go_on(self) -> None:
        """Gives slots to tickets, and tasks to workers."""
        if self._broken:
            self._start_over()
        while self._dropped:  # Claims that nobody holds, such as after Ctrl-C.
            ticket = self._dropped.popleft().what
            del self._claims[ticket.number]
            ticket.cancel()
        crew, backlog = self._crew, self._backlog
        while backlog:
            ticket = backlog[0]
            if ticket.cancelled:
                ticket.fail(None)
                self._forget(ticket)
            elif slot := crew.ring.take(ticket.size):
                crew.queue.extend(ticket.begin(crew.ring, slot, self._workers))
            else:
                break
            backlog.popleft()
        if crew is not None:
            crew.send()

    def _hear(self, crew: Crew, ready: list[Worker]) -> None:
        """Takes note of what workers have to say."""
        try:
            for worker in ready:
                replies, alive = worker.receive()
                for reply in replies:
                    if worker in crew.workers:  # Else it was ended meanwhile, with all the others.
                        self._note(worker, *reply)
                if not alive and worker in crew.workers:
                    self._replace(worker, worker.child.end())
            if self._timeout is not None:
                for worker in crew.late(self._timeout):
                    worker.child.end()
                    self._replace(worker, TIMED_OUT)
            for worker in crew.late_to_start(self._start_seconds()):
                worker.child.end()
                self._late_starts += 1
                self._replace(worker, TIMED_OUT)
        except BaseException:
            self._broken = True
            raise

    def _start_seconds(self) -> float:
        """How long a worker may take to start: longer each time, should the machine be busy."""
        least = _START_SECONDS if self._timeout is None else self._timeout
        return max(least, _LEAST_START_SECONDS) * 2.0 ** (self._late_starts // self._workers)

    def _note(
        self, worker: Worker, number: int, start: int, status: int, seconds: float, what: Any
    ) -> None:
        if status == Status.STARTED:
            worker.started, self._late_starts = True, 0
        elif status == Status.NEEDS_KERAS:
            self._crew.needs_keras = True
            worker.child.end()
            self._replace(worker, None)
        elif number < 0:
            self._settle_all(what.error())
        else:
            self._deaths = 0
            ticket = worker.tasks.pop((number, start)).ticket
            if ticket.heard(status, seconds, what):
                self._backlog.appendleft(ticket)
            self._forget(ticket)

    def _replace(self, worker: Worker, status: int | None) -> None:
        """Hires another worker for one that has ended, to do its tasks again.

        Args:
            worker: Which.
            status: How it ended; None where it asked for that.
        """
        at_work = bool(worker.started and worker.tasks)
        self._deaths += status is not None and not at_work  # Else the task counts it.
        late = self._late_starts >= _MOST_LATE_STARTS * self._workers
        if status is not None and (late or self._deaths >= _MOST_DEATHS_ON_END):
            what = "do not start in time" if late else "end before they begin"
            got = f"the last: {describe_exit(status)}"
            self._settle_all(WorkerError(f"worker processes {what}", got=got))
            return
        again = []
        for place, task in enumerate(worker.tasks.values()):
            if task.ticket.after_death(task, status, first=worker.started and not place):
                again.append(task)
            self._forget(task.ticket)
        self._crew.queue.extendleft(reversed(again))
        self._crew.workers.remove(worker)
        self._crew.hire()

    def _settle_all(self, error: MultiseqError | None) -> None:
        """Ends the workers; what was not loaded by now will not be."""
        crew, self._crew = self._crew, None
        for ticket in self._tickets.values():
            ticket.fail(copy.copy(error))
        self._tickets.clear()
        self._backlog.clear()
        if crew is not None:
            crew.end()
            self._end.detach()

    def _forget(self, ticket: Ticket) -> None:
        if ticket.settled:
            self._tickets.pop(ticket.number, None)


_loaders: weakref.WeakSet[ProcessesLoader] = weakref.WeakSet()
_most_at_work = 2


def _note_need(loader: ProcessesLoader) -> None:
    """Lets one more sequence keep its workers, if those of this one were ended too early."""
    global _most_at_work
    _most_at_work += loader._rested
    loader._rested = False


def _make_room(loader: ProcessesLoader) -> None:
    """Ends the workers that have been idle the longest, before another sequence starts its own.

    TensorFlow keeps every dataset that it was ever given, and with it sequences that nobody will
    ask again. Two may keep their workers, such as those of training and validation; one more each
    time that workers were ended which are needed again.
    """
    _note_need(loader)
    at_work = sorted((each for each in list(_loaders) if each._works), key=lambda each: each._used)
    for each in at_work:
        if len([other for other in at_work if other._works]) < _most_at_work:
            break
        each._rest()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_loaders.clear)


@atexit.register
def _close_all() -> None:
    for loader in list(_loaders):
        loader.close()
