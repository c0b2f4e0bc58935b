"""Who loads, and who decides what to load when."""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .job import Job, Source

__all__ = ["Loader", "MakeJob", "Pending", "Reader", "Stats"]


class Pending(abc.ABC):
    """A job that was submitted.

    Attributes:
        seconds: What loading took the workers, all together.
    """

    seconds: float = 0.0

    def cancel(self) -> None:  # noqa: B027 (work that has not begun needs no cancelling)
        """Says that the result will not be asked for."""

    @abc.abstractmethod
    def result(self, source: Source) -> list[tuple[Any, ...]]:
        """Waits for the job's batches.

        Args:
            source: Whose batches they are; while they are on their way, nothing keeps that alive.

        Raises:
            SampleError: A sample could not be loaded.
        """


class Loader(abc.ABC):
    """Who loads, beside the thread that asks."""

    @abc.abstractmethod
    def submit(self, job: Job, at_once: bool = False) -> Pending:
        """Accepts a job to be loaded, in the order of submission.

        Args:
            job: The job.
            at_once: Whether someone waits for it, so that all workers had better share it.
        """

    @abc.abstractmethod
    def close(self) -> None:
        """Ends the workers; what they are loading is finished first."""


MakeJob = Callable[[Source, int, Sequence[int]], Job]
"""Makes the job of some batches of an epoch of a source."""


@dataclass
class Stats:
    """What came of reading ahead, since the workers were started.

    Attributes:
        batches: Batches that were asked for.
        hits: How many of these had been guessed: they were ready, or on their way.
        wait_seconds: For how long whoever asked was kept waiting.
        chosen: What `workers="auto"` chose, and why; "" before it has.
    """

    batches: int = 0
    hits: int = 0
    wait_seconds: float = 0.0
    chosen: str = ""

    @property
    def hit_rate(self) -> float:
        """Share of the batches that had been guessed; 0 before the first."""
        return self.hits / self.batches if self.batches else 0.0

    def count(self, hit: bool) -> None:
        """Notes that a batch was asked for."""
        self.batches += 1
        self.hits += hit


class Reader(abc.ABC):
    """Hands out batches: what a sequence asks.

    Attributes:
        stats: What came of it.
    """

    def __init__(self) -> None:
        self.stats = Stats()

    @abc.abstractmethod
    def get(self, source: Source, epoch: int, index: int, job: MakeJob) -> tuple[Any, ...]:
        """Returns batch `index` of `epoch`.

        Raises:
            SampleError: A sample could not be loaded.
        """

    @abc.abstractmethod
    def close(self) -> None:
        """Lets go of batches and workers."""
