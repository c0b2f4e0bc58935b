"""Who loads, and who decides what to load when."""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from typing import Any

from .job import Job, Source

__all__ = ["Loader", "MakeJob", "Pending", "Reader"]


class Pending(abc.ABC):
    """A job that was submitted."""

    def cancel(self) -> None:  # noqa: B027 (work that has not begun needs no cancelling)
        """Says that the result will not be asked for."""

    @abc.abstractmethod
    def result(self) -> tuple[Any, ...]:
        """Waits for the batch.

        Raises:
            SampleError: A sample could not be loaded.
        """


class Loader(abc.ABC):
    """Who loads, beside the thread that asks."""

    @abc.abstractmethod
    def submit(self, job: Job) -> Pending:
        """Accepts a job to be loaded, in the order of submission."""

    @abc.abstractmethod
    def close(self) -> None:
        """Ends the workers; what they are loading is finished first."""


MakeJob = Callable[[Source, int, Sequence[int]], Job]
"""Makes the job of some batches of an epoch of a source."""


class Reader(abc.ABC):
    """Hands out batches: what a sequence asks."""

    @abc.abstractmethod
    def get(self, source: Source, epoch: int, index: int, job: MakeJob) -> tuple[Any, ...]:
        """Returns batch `index` of `epoch`.

        Raises:
            SampleError: A sample could not be loaded.
        """

    @abc.abstractmethod
    def close(self) -> None:
        """Lets go of batches and workers."""
