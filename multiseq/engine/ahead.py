"""Reading ahead: batches are loaded before they are asked for."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

from ..errors import MultiseqError, WorkerError
from .exit import in_flight
from .forecast import Forecast
from .interfaces import Loader, MakeJob, Pending, Reader
from .job import Source

__all__ = ["Depth", "ReadAhead"]

_BUNDLE_SECONDS = 0.002
_RECENT = 0.25

Key = tuple[int, int]
"""Epoch and batch."""


class Depth(NamedTuple):
    """How far ahead is read.

    Args:
        batches: How many batches are kept ready or being loaded, at least.
        jobs: As how many jobs these are loaded.
        most: How many batches may be one job.
        full: How many batches of an epoch are full; only those are put together.
    """

    batches: int
    jobs: int
    most: int
    full: int


class ReadAhead(Reader):
    """Hands out batches, and has those loaded that a forecast says come next.

    It reads across the end of an epoch, so that the next one begins without a wait. Batches that
    cost more to ask for than to load are asked for in bundles.

    Args:
        loader: Who loads.
        forecast: Guesses what comes next.
        depth: How far ahead.
        epochs_differ: Whether a batch depends on its epoch.
    """

    def __init__(
        self, loader: Loader, forecast: Forecast, depth: Depth, epochs_differ: bool
    ) -> None:
        super().__init__()
        self._loader, self._forecast, self._depth = loader, forecast, depth
        self._epochs_differ = epochs_differ
        self._ahead: dict[Key, tuple[_Bundle, int]] = {}
        self._size, self._seconds = 1, 0.0
        self._lock = threading.Lock()
        self._closed = False

    def get(self, source: Source, epoch: int, index: int, job: MakeJob) -> tuple[Any, ...]:
        """Returns batch `index` of `epoch`."""
        with in_flight:
            found = self._found(source, epoch if self._epochs_differ else 0, index, job)
            if found is None:
                return job(source, epoch, [index]).run()
            bundle, number = found
            batch: tuple[Any, ...] | None = bundle.take(number, source)
            self._note(bundle)
            if batch is None:
                alone = job(source, epoch, [index])
                with self._lock:
                    pending = None if self._closed else self._loader.submit(alone, at_once=True)
                (batch,) = alone.run_all() if pending is None else pending.result(source)
            return batch

    def _found(
        self, source: Source, epoch: int, index: int, job: MakeJob
    ) -> tuple[_Bundle, int] | None:
        """Has the batch loaded, and those after it; None where nobody is left to load."""
        with self._lock:
            if self._closed:  # By another thread, or by `adapt`, while this one was on its way.
                return None
            found = self._ahead.pop((epoch, index), None)
            self.stats.count(hit=found is not None)
            self._forecast.see(index)
            count = self._depth.batches
            if self._forecast.in_step:  # Who reads at random needs no bundles.
                count = max(count, self._depth.jobs * self._size)
            if found is None or not self._forecast.in_step:
                wanted = self._wanted(epoch, count)
                for key in self._ahead.keys() - wanted:
                    self._ahead.pop(key)[0].give_up()
            if found is None:
                pending = self._loader.submit(job(source, epoch, [index]), at_once=True)
                found = _Bundle(pending, 1, guessed=False), 0
            if len(self._ahead) + min(self._size, count) <= count:
                for keys in self._bundles(self._wanted(epoch, count)):
                    self._submit(source, keys, job)
            return found

    def _wanted(self, epoch: int, count: int) -> list[Key]:
        later = int(self._epochs_differ)
        # Where epochs are the same, a batch may come up twice.
        keys = [(epoch + later * turn, batch) for turn, batch in self._forecast.next(count)]
        return list(dict.fromkeys(keys))

    def _bundles(self, wanted: list[Key]) -> Iterator[list[Key]]:
        """Yields the batches that nobody was asked for yet, those of one job together."""
        bundle: list[Key] = []
        for key in wanted:
            if key in self._ahead:
                if bundle:  # It comes before what there is.
                    yield bundle
                    bundle = []
                continue
            joins = bundle and key[0] == bundle[0][0] and len(bundle) < self._size
            if bundle and not (joins and key[1] < self._depth.full):
                yield bundle
                bundle = []
            bundle.append(key)
            if key[1] >= self._depth.full:
                yield bundle
                bundle = []
        # The last one can wait until there is more of it, while enough is on its way.
        if bundle and (len(bundle) >= self._size or 2 * len(self._ahead) < len(wanted)):
            yield bundle

    def _submit(self, source: Source, keys: list[Key], job: MakeJob) -> None:
        # A sampler may fail in the coming epoch: that is for who asks for it.
        with contextlib.suppress(Exception):
            pending = self._loader.submit(job(source, keys[0][0], [batch for _, batch in keys]))
            bundle = _Bundle(pending, len(keys), guessed=True)
            self._ahead.update({key: (bundle, number) for number, key in enumerate(keys)})

    def _note(self, bundle: _Bundle) -> None:
        """Learns from what a bundle took how large the next ones should be."""
        if self._depth.most > 1 and bundle.seconds is not None:
            seconds, bundle.seconds = bundle.seconds / bundle.count, None
            self._seconds += _RECENT * (seconds - self._seconds) if self._seconds else seconds
            wanted = int(_BUNDLE_SECONDS / max(self._seconds, 1e-9))
            self._size = max(1, min(wanted, self._depth.most))

    def close(self) -> None:
        """Gives up what was read ahead, and ends the loader."""
        with self._lock:
            self._closed = True
            for bundle, _ in self._ahead.values():
                bundle.give_up()
            self._ahead.clear()
        self._loader.close()


class _Bundle:
    """Batches that are loaded as one job.

    Args:
        pending: The job.
        count: How many batches.
        guessed: Whether it was read ahead; nobody asked for it yet.

    Attributes:
        count: How many.
        seconds: What they took, once they are loaded and until that is noted.
    """

    def __init__(self, pending: Pending, count: int, guessed: bool) -> None:
        self.count, self._guessed = count, guessed
        self.seconds: float | None = None
        self._pending, self._left = pending, count
        self._batches: list[Any] | None = None
        self._lock = threading.Lock()

    def take(self, number: int, source: Source) -> Any:
        """Waits for one of the batches; returns None if it had better be loaded alone.

        Raises:
            SampleError: A sample could not be loaded.
        """
        with self._lock:
            if self._batches is None:
                self._batches = [None] * self.count  # Should this be interrupted, by Ctrl-C say.
                self._batches = self._load(source)
                self.seconds = self._pending.seconds
            batch, self._batches[number] = self._batches[number], None
            return batch

    def _load(self, source: Source) -> list[Any]:
        try:
            return self._pending.result(source)
        except MultiseqError as error:
            # The fault may be another batch's, or long gone: what was missing may be there by now.
            again = self.count > 1 or (self._guessed and not isinstance(error, WorkerError))
            if not again:
                raise
            return [None] * self.count

    def give_up(self) -> None:
        """Says that one of the batches will not be asked for."""
        self._left -= 1
        if not self._left:
            self._pending.cancel()
