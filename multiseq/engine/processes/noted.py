"""A source in a worker, whose hooks leave a note of what they are about to load."""

from __future__ import annotations

import signal
from typing import Any

from ...errors import WorkerError
from ...order import Draw, Indices
from ..job import Source, Wrapped
from .ring import Header

__all__ = ["MOST_DEATHS", "TIMED_OUT", "Cancelled", "Noted", "describe_exit"]

MOST_DEATHS = 3
"""So many workers may die while they load the same sample."""

TIMED_OUT = -1000
"""In place of the exit status of a worker that was ended because it took too long."""


class Cancelled(BaseException):
    """The batch is not wanted any more. No `except Exception` of a user's stops it."""


class Noted(Wrapped):
    """Writes into a slot's header what is being loaded: should this worker die, that tells why.

    Args:
        source: The sequence.
    """

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self._make_sample, self._make_batch = source.make_sample, source.make_batch
        self._collate = source.collate

    def begin(self, header: Header, ticket: int, place: int, lethal: frozenset[int]) -> None:
        """A chunk begins.

        Args:
            header: Of its slot.
            ticket: Of its batch.
            place: Where in the header its notes go.
            lethal: The samples that killed workers before.
        """
        self._header, self._ticket, self._place, self._lethal = header, ticket, place, lethal
        self.check()

    def check(self) -> None:
        """Raises Cancelled if nobody waits for the batch any more."""
        if self._header.cancelled[0] == self._ticket:
            raise Cancelled

    def end(self) -> None:
        """The chunk has ended."""
        self._header.notes[self._place] = Header.NOTHING

    def make_sample(self, index: int, draw: Draw | None) -> Any:
        """Loads one sample, with a note of which."""
        header = self._header
        if header.cancelled[0] == self._ticket:
            raise Cancelled
        if index in self._lethal:
            raise _lethal_sample(header.exit_status[0])
        header.notes[self._place] = index
        return self._make_sample(index, draw)

    def make_batch(self, indices: Indices) -> Any:
        """Loads several samples, with a note of that."""
        if not self._lethal.isdisjoint(indices.tolist()):
            raise _lethal_sample(self._header.exit_status[0])
        self._header.notes[self._place] = indices[0] if len(indices) == 1 else Header.SEVERAL
        return self._make_batch(indices)

    def collate(self, samples: list[Any]) -> Any:
        """Makes a batch of samples, with a note of that."""
        self._header.notes[self._place] = Header.SEVERAL
        return self._collate(samples)


def describe_exit(status: int) -> str:
    """Says how a worker ended."""
    if status == TIMED_OUT:
        return "no reply within the timeout"
    if status < 0:
        return f"killed by signal {-status} ({signal.strsignal(-status)})"
    return f"exit status {status}"


def _lethal_sample(status: int) -> WorkerError:
    return WorkerError(
        f"{MOST_DEATHS} worker processes died while they loaded this sample",
        got=f"the last: {describe_exit(status)}",
        fix="load it in the main process, with workers=0, to see why",
    )
