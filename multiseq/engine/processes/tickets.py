"""What a job becomes on its way through worker processes: a ticket, and a task for each chunk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...errors import MultiseqError, SampleError, WorkerError
from ...memory import aligned_empty, views
from ..interfaces import Pending
from ..job import Job, Source
from .noted import MOST_DEATHS, describe_exit
from .portable import located
from .ring import Header, Ring, Slot, header_size
from .worker import Message, Status

__all__ = ["Claim", "Task", "Ticket"]

_FIRST_SIZE = 1 << 16
_SMALLEST_CHUNK = 4


@dataclass(eq=False)
class Task:
    """Rows `start` to `stop` of a batch; start -1 for the whole batch, of whatever shape."""

    ticket: Ticket
    start: int
    stop: int
    deaths: int = 0

    def message(self) -> bytes:
        """Returns what a worker is sent."""
        ticket = self.ticket
        (slot,) = ticket.held
        return Message(
            ticket.number,
            self.start,
            self.stop,
            len(ticket.indices),
            slot.offset,
            slot.size,
            ticket.epoch,
            ticket.seed,
        ).pack()


class Ticket:
    """A batch on its way.

    It does not know the sequence, since what workers are busy with must not keep that alive.

    Args:
        number: By which workers know it.
        job: The job.
        at_once: Whether all workers are to share it, though it may load faster whole.

    Attributes:
        size: Bytes that its slot must hold.
        held: The slot, while there is one and the batch is not handed out.
        settled: Whether there is nothing more to do. Then `error` or `lost` is set, or the slot
            holds the batch.
        error: Why there is no batch.
        lost: Whether the workers were ended before there was one.
        cancelled: Whether nobody will ask for it.
        substituted: Why, by the index of each sample that another one stands in for.
        seconds: What loading took the workers.
    """

    def __init__(self, number: int, job: Job, at_once: bool) -> None:
        self.number, self.indices, self.epoch = number, job.indices, job.epoch
        self.seed = None if job.draw is None else job.draw.key
        self._layout = job.layout
        whole = job.source.collates or job.layout.assembled is not None
        self._in_place = job.layout.known and not whole
        self._whole = (job.by_batch or job.count > 1) and not at_once
        n = len(job.indices)
        self.size = header_size(n)
        self.size += job.layout.memory.size(n) if job.layout.known else _FIRST_SIZE
        self.held: list[Slot] = []
        self.settled = self.lost = self.cancelled = False
        self.error: MultiseqError | None = None
        self.seconds = 0.0
        self.substituted: dict[int, SampleError] = {}
        self._ring: Any = None
        self._header: Any = None
        self._places: Any = None
        self._deaths: dict[int, int] = {}
        self._left = 0

    def begin(self, ring: Ring, slot: Slot, workers: int) -> list[Task]:
        """Writes what the workers need into a slot, and returns the tasks."""
        n = len(self.indices)
        self._ring, self._header = ring, Header(ring.memory(slot), n)
        self._header.begin(self.indices)
        self.held.append(slot)
        if self._in_place:
            step = n if self._whole else max(-(-n // workers), min(n, _SMALLEST_CHUNK))
            tasks = [Task(self, at, min(at + step, n)) for at in range(0, n, step)]
        else:
            tasks = [Task(self, -1, n)]
        self._left = len(tasks)
        return tasks

    def heard(self, status: int, seconds: float, what: Any) -> bool:
        """Notes a reply; returns whether the slot was too small, and is given back."""
        self.seconds += seconds
        if status == Status.TOO_SMALL:
            self.size = 2 * what
            self.give_back()
            return True
        if status == Status.FAILED:
            self.error = self.error or what.error()
        elif what is not None:
            self._places, substituted = what
            self.substituted.update({i: packed.error() for i, packed in substituted.items()})
        self._one_less()
        return False

    def after_death(self, task: Task, status: int | None, first: bool) -> bool:
        """Finds what killed a worker; returns whether the task is to be done again.

        A sample that kills `MOST_DEATHS` workers is marked: the next one raises an error instead
        of loading it.

        Args:
            task: What the worker had to do.
            status: How it ended; None where it asked for that.
            first: Whether it was at this task, if at any.
        """
        if self.cancelled:
            self._one_less()
            return False
        header, place = self._header, max(0, task.start)
        note, header.notes[place] = header.notes[place], Header.NOTHING
        if status is None:
            return True
        header.exit_status[0] = status
        if note == Header.NOTHING:  # It had not begun, or had all but replied.
            return self._once_more(task, status) if first else True
        found = self.indices == note
        if found.any():
            deaths = self._deaths[note] = self._deaths.get(note, 0) + 1
            if deaths >= MOST_DEATHS:
                header.indices[found] = -1 - note
            return True
        header.one_by_one[0] = 1
        return self._once_more(task, status)

    def _once_more(self, task: Task, status: int) -> bool:
        """Counts a death of which no sample is known to be the cause."""
        task.deaths += 1
        if task.deaths < MOST_DEATHS:
            return True
        self.error = self.error or WorkerError(
            f"{MOST_DEATHS} worker processes died while they put this batch together",
            got=f"the last: {describe_exit(status)}",
            fix="load it in the main process, with workers=0, to see why",
        )
        self._one_less()
        return False

    def fail(self, error: MultiseqError | None) -> None:
        """Settles a ticket whose workers were ended, and says why if it was not by `close`."""
        self.error, self.lost, self.settled = error, True, True
        self.held.clear()  # With the workers, the slots are gone.
        self._ring = self._header = None

    def start_over(self) -> None:
        """Forgets what was begun: workers and slots are gone."""
        self.held.clear()
        self.error, self.substituted = None, {}

    def cancel(self) -> None:
        """Says that the batch will not be asked for; workers stop at their next sample."""
        self.cancelled = True
        if self.held:
            # By number: should the slot be another ticket's by now, that one goes on.
            self._header.cancelled[0] = self.number
        if self.settled:
            self.give_back()

    def give_back(self) -> None:
        """Frees the slot, if there is one."""
        try:
            slot = self.held.pop()  # In one step: two threads may be here.
        except IndexError:
            return
        self._ring.free.append(slot)

    def leaves(self) -> list[Any]:
        """Hands out the batch's arrays: views of the slot, or copies where memory is scarce."""
        ring = self._ring
        if not ring.scarce:
            return self._leaves(ring.lease(self.held.pop()))
        leaves = [_copied(leaf) for leaf in self._leaves(ring.memory(self.held[0]))]
        self.give_back()
        return leaves

    def _leaves(self, memory: Any) -> list[Any]:
        if self._places is None:
            n = len(self.indices)
            arrays: list[Any] = self._layout.memory.arrays_in(memory, header_size(n), n)
            return arrays
        return views(self._places, memory)

    def _one_less(self) -> None:
        self._left -= 1
        if not self._left:
            self.settled = True
            if self.cancelled:
                self.give_back()


class Claim(Pending):
    """The right to a ticket's batch.

    Args:
        ticket: The ticket.
        job: Its job, whose sequence is not kept alive: whoever asks for the result has it.
        loader: Whose ticket it is.
    """

    def __init__(self, ticket: Ticket, job: Job, loader: Any) -> None:
        self._ticket, self._loader = ticket, loader
        self._parts = job.layout, job.indices, job.draw, job.epoch, job.count

    def cancel(self) -> None:
        """Says that the batch will not be asked for."""
        self._ticket.cancel()

    @property
    def seconds(self) -> float:  # type: ignore[override]
        """What loading took the workers."""
        return self._ticket.seconds

    def result(self, source: Source) -> list[tuple[Any, ...]]:
        """Waits for the batches; if the loader is closed meanwhile, loads them in this thread."""
        ticket, job = self._ticket, Job(source, *self._parts)
        if ticket.lost and ticket.error is not None:  # Long ago; perhaps workers can start now.
            batches: list[tuple[Any, ...]] = self._loader.submit(job, True).result(source)
            return batches
        self._loader.wait(ticket)
        if ticket.error is not None:
            ticket.give_back()
            raise located(ticket.error, job.source)
        if ticket.lost:
            return job.run_all()
        for index, error in ticket.substituted.items():
            job.substituted[index] = located(error, job.source)
        return job.batches(ticket.leaves())


def _copied(leaf: Any) -> Any:
    """Returns a leaf in memory of its own, which strings of variable width are in already."""
    if leaf.dtype.kind == "T":
        return leaf
    copy = aligned_empty(leaf.shape, leaf.dtype)
    copy[...] = leaf
    return copy
