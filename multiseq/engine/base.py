"""What every loader shares: how indices become a batch, and how the interpreter's end is met.

A `Job` is one batch to load. It can be cut into chunks, which any thread may load in any order;
a `Loader` is who does so, and a `Reader` decides what to load when. Whoever loads, the same hooks
run on the same indices with the same random numbers, so the bytes are the same.
"""

from __future__ import annotations

import abc
import atexit
import math
import time
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, Protocol

import numpy as np

from ..collate import ALIGNMENT, BatchBuilder, BatchMemory, is_batch, is_known
from ..errors import ClosedError, LoadError, MultiseqError
from ..order import Draw, Indices
from ..samples import Leaves, Sample, Spec, Structure
from ..weights import Weighting

__all__ = [
    "Job",
    "Layout",
    "Loader",
    "MakeJob",
    "OneByOne",
    "Pending",
    "Reader",
    "Source",
    "blame",
    "in_flight",
]

_EXIT_GRACE_SECONDS = 3.0


class Layout:
    """The structure of a sequence's samples, the specs of its leaves, and its weighting."""

    def __init__(
        self, structure: Structure, specs: Sequence[Spec], weighting: Weighting | None = None
    ) -> None:
        self.structure, self.specs, self.weighting = structure, tuple(specs), weighting
        self._known: list[tuple[Any, Any]] = [
            (spec.batch_shape, np.dtype(spec.dtype)) for spec in specs if is_known(spec)
        ]
        self.memory = BatchMemory(self._known)
        self.known = len(self._known) == len(self.specs)

    def builder(self, n: int, arrays: Sequence[Any] | None = None) -> BatchBuilder:
        """Returns a batch of n samples in the making; in given arrays, or in new ones."""
        own = self.memory.arrays(n) if arrays is None else arrays
        return BatchBuilder(self.specs, self.structure.names, n, own, adopt=arrays is None)

    def batches_within(self, size: int, n: int) -> int:
        """How many batches of n samples fit into `size` bytes, all of them aligned.

        At least 1; no more where shapes vary, or where the second batch would not be aligned.
        """
        nbytes = [n * math.prod(shape) * dtype.itemsize for shape, dtype in self._known]
        if not self.known or any(each % ALIGNMENT for each in nbytes):
            return 1
        return max(1, size // max(1, int(sum(nbytes))))

    def is_batch(self, leaves: Leaves, n: int) -> bool:
        """Whether leaves are a batch of n samples already, and need no copying."""
        return self.known and all(
            is_batch(leaf, (n, *shape), dtype)
            for leaf, (shape, dtype) in zip(leaves, self._known, strict=True)
        )


class Source(Protocol):
    """What a loader needs of a sequence; the hooks are described at `MultiInputSequence`."""

    @property
    def loads_batches(self) -> bool:
        """Whether `load_batch` is overridden."""

    @property
    def collates(self) -> bool:
        """Whether `collate` is overridden."""

    def make_sample(self, index: int, draw: Draw | None) -> Sample:
        """`load_sample`, then `augment` where there is a draw."""

    def load_batch(self, indices: Indices) -> Any:
        """Several samples at once."""

    def collate(self, samples: list[Sample]) -> Any:
        """Samples into a batch."""

    def locate(self, index: int) -> dict[str, Any]:
        """The class, key and position of a sample, for errors; in a worker class and index."""

    def for_workers(self) -> Source:
        """A copy with all that loading needs, and no keys."""


class Job:
    """One batch to load.

    Args:
        source: Whose hooks load it.
        layout: Of the source's samples.
        indices: Which samples, as `load_sample` takes them.
        draw: The epoch's random numbers, or None where nothing is random.

    Attributes:
        parity: 0 or 1 to pad variable axes to an even or an odd length.
    """

    def __init__(self, source: Source, layout: Layout, indices: Indices, draw: Draw | None) -> None:
        self.source, self.layout, self.indices, self.draw = source, layout, indices, draw
        self.parity: int | None = None
        self._by_batch = source.loads_batches and draw is None and not source.collates
        self._samples: list[Sample] | None = None
        self._builder: Any = None

    def cut(self, pieces: int) -> list[tuple[int, int]]:
        """Cuts the job into at most so many chunks: (start, stop), each to be loaded once."""
        n = len(self.indices)
        self._builder = self.layout.builder(n)
        self._samples = [None] * n if self.source.collates else None
        step = -(-n // min(pieces, n))
        return [(start, min(start + step, n)) for start in range(0, n, step)]

    def run(self) -> tuple[Any, ...]:
        """Loads the batch in this thread, and returns it."""
        return self.batch(self.run_leaves())

    def run_into(self, arrays: Sequence[Any]) -> None:
        """Loads the batch in this thread, into arrays; for leaves whose shape is known."""
        self._builder = self.layout.builder(len(self.indices), arrays)
        self.load(0, len(self.indices))

    def run_as(self, count: int) -> list[tuple[Any, ...]]:
        """Loads in this thread, and returns `count` batches of equal size."""
        leaves, size = self.run_leaves(), len(self.indices) // count
        ends = range(size, size * count + 1, size)
        return [self.batch([leaf[end - size : end] for leaf in leaves]) for end in ends]

    def run_leaves(self) -> Leaves:
        """Loads the batch in this thread, and returns its leaves, without completed weights."""
        if self._by_batch:
            leaves = self._rows(self.indices)
            if self.layout.is_batch(leaves, len(self.indices)):
                return leaves
            self.cut(1)
            self._put_rows(0, leaves, self.indices)
        else:
            for start, stop in self.cut(1):
                self.load(start, stop)
        return self._finish()

    def load(self, start: int, stop: int) -> None:
        """Loads one chunk.

        Raises:
            SampleError: A sample could not be loaded or does not fit; it says which.
        """
        if self._by_batch:
            indices = self.indices[start:stop]
            self._put_rows(start, self._rows(indices), indices)
            return
        source, draw, put = self.source, self.draw, self._builder.put
        flatten = self.layout.structure.flatten
        for row, index in enumerate(self.indices[start:stop].tolist(), start):
            if _exiting:
                raise ClosedError("the interpreter is exiting")
            try:
                sample = source.make_sample(index, draw)
                if self._samples is None:
                    put(row, flatten(sample))
                else:
                    self._samples[row] = sample
            except Exception as error:
                blame(error, source, "load_sample", index)

    def finish(self) -> tuple[Any, ...]:
        """Returns the batch, when all chunks are loaded."""
        return self.batch(self._finish())

    def _finish(self) -> Leaves:
        if self._samples is not None:
            try:
                batch = self.source.collate(self._samples)
                leaves = self.layout.structure.flatten(batch)
                self._builder.put_rows(0, len(self.indices), leaves)
            except Exception as error:
                blame(error, self.source, "collate")
        return list(self._builder.finish(self.parity))

    def batch(self, leaves: Leaves) -> tuple[Any, ...]:
        """Puts leaves together, and completes their weights."""
        batch = self.layout.structure.unflatten(leaves)
        return batch if self.layout.weighting is None else self.layout.weighting(batch)

    def _rows(self, indices: Indices) -> Leaves:
        try:
            return self.layout.structure.flatten(self.source.load_batch(indices))
        except Exception as error:
            self._find_culprit(indices)
            blame(error, self.source, "load_batch")

    def _put_rows(self, start: int, leaves: Leaves, indices: Indices) -> None:
        try:
            self._builder.put_rows(start, len(indices), leaves)
        except Exception as error:
            self._find_culprit(indices)
            blame(error, self.source, "load_batch")

    def _find_culprit(self, indices: Indices) -> None:
        """After `load_batch` failed, loads one by one to raise the error of the sample at fault."""
        Job(OneByOne(self.source), self.layout, indices, None).run()


def blame(error: Exception, source: Source, hook: str, index: int | None = None) -> NoReturn:
    """Raises an error that says where it happened; a foreign one becomes a `LoadError`.

    Args:
        error: What was raised.
        source: Whose hook raised it.
        hook: Its name.
        index: Of the sample; None where several were being loaded.
    """
    where = {"cls": type(source).__name__} if index is None else source.locate(index)
    if isinstance(error, MultiseqError):
        error.where.pop("index", None)  # A part's, where this source is a join.
        raise error.at(**where)
    raise LoadError(
        f"{hook} raised {type(error).__name__}: {error}",
        fix=f"see the traceback above; {hook} must be able to load every sample",
    ).at(**where) from error


class OneByOne:
    """A source without its fast path, and without a `collate` of its own."""

    loads_batches = collates = False

    def __init__(self, source: Source) -> None:
        self.make_sample, self.locate = source.make_sample, source.locate
        self.load_batch, self.collate = source.load_batch, source.collate
        self.for_workers = source.for_workers


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


class _InFlight:
    """Counts the batches being loaded.

    TensorFlow may hang when the interpreter ends, after an uncaught error or Ctrl-C, while one of
    its threads is in a slow `__getitem__`. So at exit further calls raise, those in flight stop
    at their next sample, and the interpreter waits for them, up to `_EXIT_GRACE_SECONDS`.
    """

    def __init__(self) -> None:
        self._calls: list[None] = []

    def __enter__(self) -> None:
        if _exiting:
            raise ClosedError("the interpreter is exiting")
        self._calls.append(None)

    def __exit__(self, *_: object) -> None:
        self._calls.pop()

    def wait(self) -> None:
        give_up = time.monotonic() + _EXIT_GRACE_SECONDS
        while self._calls and time.monotonic() < give_up:
            time.sleep(0.002)


_exiting = False
in_flight = _InFlight()


@atexit.register
def _begin_exit() -> None:
    global _exiting
    _exiting = True
    in_flight.wait()
