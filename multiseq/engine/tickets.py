"""What a job becomes on its way through worker processes: a ticket, and a task for each chunk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import LoadError, MultiseqError
from ..memory import aligned_empty
from .base import Pending
from .job import Job
from .ring import CANCELLED, Ring, Slot, slot_indices, slot_words
from .worker import TASK, Status

__all__ = ["MOST_DEATHS", "Task", "Ticket"]

MOST_DEATHS = 3
_SMALLEST_CHUNK = 4


@dataclass
class Task:
    """Rows `start` to `stop` of a batch; start -1 for the whole batch, of whatever shape."""

    ticket: Ticket
    start: int
    stop: int
    deaths: int = 0

    def message(self) -> bytes:
        """Returns what a worker is sent."""
        ticket, draw = self.ticket, self.ticket.job.draw
        slot = ticket.slot
        seed, epoch = (0, 0) if draw is None else (draw.seed, draw.epoch)
        n = len(ticket.job.indices)
        place = (slot.offset, slot.size)
        return TASK.pack(
            ticket.number, self.start, self.stop, n, *place, seed, epoch, draw is not None
        )

    def after_death(self, code: int) -> list[Task]:
        """Returns the tasks to do instead, after this one killed a worker, or may have."""
        self.deaths += 1
        if self.deaths >= MOST_DEATHS:
            self.ticket.killed(self, code)
            return []
        if self.stop - self.start == 1 or self.start < 0:
            return [self]
        return self.ticket.split(self)


class Ticket(Pending):
    """A job, from its submission until its batch is handed out.

    Args:
        number: By which workers know it.
        job: The job.
        wait: Waits until a ticket is settled.
    """

    def __init__(self, number: int, job: Job, wait: Callable[[Ticket], None]) -> None:
        self.number, self.job, self._wait = number, job, wait
        self.settled = self.cancelled = False
        self._left = 0
        self._error: MultiseqError | None = None
        self._ring: Any = None
        self._places: Any = None

    def begin(self, ring: Ring, slot: Slot, workers: int) -> list[Task]:
        """Writes what the workers need into a slot, and returns the tasks."""
        n = len(self.job.indices)
        self._ring, self.slot = ring, slot
        slot_words(slot)[:] = 0
        indices, self._at = slot_indices(slot, n)
        indices[:] = self.job.indices
        if self.job.layout.known and not self.job.source.collates:
            step = max(-(-n // workers), min(n, _SMALLEST_CHUNK))
            tasks = [Task(self, at, min(at + step, n)) for at in range(0, n, step)]
        else:
            tasks = [Task(self, -1, n)]
        self._left = len(tasks)
        return tasks

    def split(self, task: Task) -> list[Task]:
        """Returns a task for each sample of this one."""
        self._left += task.stop - task.start - 1
        return [Task(self, row, row + 1, task.deaths) for row in range(task.start, task.stop)]

    def heard(self, task: Task, status: int, what: Any) -> list[Task]:
        """Notes a reply; returns tasks to do again."""
        if status == Status.TOO_SMALL:
            self._ring.free.append(self.slot)
            larger = self._ring.add(2 * what)
            return self.begin(self._ring, larger, 1)
        if status == Status.FAILED:
            self._error = self._error or self._placed(what)
        self._places = what
        self._one_less()
        return []

    def killed(self, task: Task, code: int) -> None:
        """Gives up a task whose workers all died."""
        rows = self.job.indices[max(0, task.start) : task.stop]
        error = LoadError(
            f"{MOST_DEATHS} worker processes died while they loaded this sample",
            got=f"exit status {code}",
            fix="load it in the main process, with workers=0, to see why",
        )
        self._error = self._error or error.at(**self.job.source.locate(int(rows[0])))
        self._one_less()

    def fail(self, error: MultiseqError) -> None:
        """Settles the ticket by an error."""
        self._error, self.settled = error, True

    def cancel(self) -> None:
        """Says that the batch will not be asked for; workers skip what they have not begun."""
        self.cancelled = True
        if self.settled:
            self._give_back()
        elif self._left:
            slot_words(self.slot)[CANCELLED] = 1

    def result(self) -> tuple[Any, ...]:
        """Waits for the batch."""
        self._wait(self)
        if self._error is not None:
            self._give_back()
            raise self._error
        return self._handed_out()

    def _one_less(self) -> None:
        self._left -= 1
        if not self._left:
            self.settled = True
            if self.cancelled:
                self._give_back()

    def _give_back(self) -> None:
        ring, self._ring = self._ring, None
        if ring is not None:
            ring.free.append(self.slot)

    def _handed_out(self) -> tuple[Any, ...]:
        """The batch: a view of the slot, or a copy where someone hoards batches."""
        ring, self._ring = self._ring, None
        scarce = not ring.free
        memory = np.frombuffer(self.slot.map, np.uint8) if scarce else ring.lease(self.slot)
        leaves = self._leaves(memory)
        if scarce:
            copies = [aligned_empty(leaf.shape, leaf.dtype) for leaf in leaves]
            for copy, leaf in zip(copies, leaves, strict=True):
                copy[...] = leaf
            leaves = copies
            ring.free.append(self.slot)
        return self.job.batch(leaves)

    def _leaves(self, memory: Any) -> list[Any]:
        layout = self.job.layout
        if self._places is None:
            return layout.memory.arrays_in(memory, self._at, len(self.job.indices))
        return [
            np.ndarray(shape, dtype, memory, at).astype(_final(dtype, spec.dtype), copy=False)
            for (at, shape, dtype), spec in zip(self._places, layout.specs, strict=True)
        ]

    def _placed(self, error: MultiseqError) -> MultiseqError:
        index = error.where.pop("index", None)
        return error if index is None else error.at(**self.job.source.locate(int(index)))


def _final(found: str, wanted: Any) -> Any:
    """The dtype to hand out: NumPy's own strings of variable width do not travel."""
    return wanted if np.dtype(wanted).kind == "T" else found
