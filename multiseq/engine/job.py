"""How indices become a batch.

A `Job` is one batch to load. It can be cut into chunks, which any thread may load in any order.
Whoever loads, the same hooks run on the same indices with the same random numbers, so the bytes
are the same.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np

from ..collate import BatchBuilder, is_known, is_string
from ..errors import LoadError, MultiseqError, SampleError, said
from ..memory import ALIGNMENT, BatchMemory, is_batch
from ..order import Draw, Indices
from ..samples import Leaves, Sample, Spec, Structure
from ..weights import Weighting, check_weights
from .exit import stop_if_exiting
from .loading import loading
from .source import Source

__all__ = ["Job", "Layout", "OneByOne", "Source", "Wrapped", "blame"]


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
        self.assembled: Layout | None = None  # Of batches before `augment_batch` changes them.
        self.known = len(self._known) == len(self.specs)
        self.weights = [
            (number, name)
            for number, name in enumerate(structure.names)
            if name.startswith("sample_weight")
        ]
        self.has_text = any(is_string(spec.dtype) for spec in specs)
        self.has_long = any(np.dtype(spec.dtype) in (np.int64, np.uint64) for spec in specs)

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

    def batches(self, leaves: Leaves, count: int) -> list[tuple[Any, ...]]:
        """Puts the leaves of several batches of equal size together, and completes the weights."""
        if count == 1:
            return [self._batch(leaves)]
        size = len(leaves[0]) // count
        ends = range(size, size * count + 1, size)
        return [self._batch([leaf[end - size : end] for leaf in leaves]) for end in ends]

    def _batch(self, leaves: Leaves) -> tuple[Any, ...]:
        batch = self.structure.unflatten(leaves)
        return batch if self.weighting is None else self.weighting(batch)

    def is_batch(self, leaves: Leaves, n: int) -> bool:
        """Whether leaves are a batch of n samples already, and need no copying."""
        return self.known and all(
            is_batch(leaf, (n, *shape), dtype)
            for leaf, (shape, dtype) in zip(leaves, self._known, strict=True)
        )


class Job:
    """One batch to load, or several of equal size.

    Args:
        source: Whose hooks load it.
        layout: Of the source's samples.
        indices: Which samples, as `load_sample` takes them.
        draw: The epoch's random numbers, or None where nothing is random.

        epoch: Which epoch it belongs to.
        count: How many batches it is.

    Attributes:
        parity: 0 or 1 to pad variable axes to an even or an odd length.
        by_batch: Whether `load_batch` is to be used.
        substituted: Why, by the index of each sample that another one stands in for.
    """

    def __init__(
        self,
        source: Source,
        layout: Layout,
        indices: Indices,
        draw: Draw | None,
        epoch: int = 0,
        count: int = 1,
    ) -> None:
        if draw is None:
            layout = layout.assembled or layout
        self.source, self.layout, self.indices, self.draw = source, layout, indices, draw
        self._assembled = layout.assembled or layout
        self.epoch, self.count = epoch, count
        self.parity: int | None = None
        self.substituted: dict[int, SampleError] = {}
        self.by_batch = source.by_batch
        self._weights = self._assembled.weights if source.checks_weights else ()
        self._samples: list[Sample] | None = None
        self._builder: Any = None

    def cut(self, pieces: int) -> list[tuple[int, int]]:
        """Cuts the job into at most so many chunks: (start, stop), each to be loaded once."""
        n = len(self.indices)
        self._builder = self._assembled.builder(n)
        self._samples = [None] * n if self.source.collates else None
        step = -(-n // min(pieces, n))
        return [(start, min(start + step, n)) for start in range(0, n, step)]

    def run(self) -> tuple[Any, ...]:
        """Loads the batch in this thread, and returns it."""
        return self.run_all()[0]

    def run_all(self) -> list[tuple[Any, ...]]:
        """Loads in this thread, and returns all batches."""
        return self.batches(self.run_leaves())

    def run_into(self, arrays: Sequence[Any]) -> None:
        """Loads the batch in this thread, into arrays; for leaves whose shape is known."""
        self._builder = self.layout.builder(len(self.indices), arrays)
        self.load(0, len(self.indices))

    def run_leaves(self) -> Leaves:
        """Loads the batch in this thread, and returns its leaves, without completed weights."""
        leaves = self._rows(self.indices) if self.by_batch else None
        if leaves is not None and self._assembled.is_batch(leaves, len(self.indices)):
            return self._blended(leaves)
        for start, stop in self.cut(1):
            self.load(start, stop, leaves)
        return self.finish()

    def load(self, start: int, stop: int, leaves: Leaves | None = None) -> None:
        """Loads one chunk.

        Args:
            start: The first row of it.
            stop: The row after the last.
            leaves: What `load_batch` returned for it, if that was called.

        Raises:
            SampleError: A sample could not be loaded or does not fit; it says which.
        """
        indices = self.indices[start:stop]
        if self.by_batch:
            leaves = self._rows(indices) if leaves is None else leaves
            if leaves is not None and self._put_rows(start, leaves, indices):
                return
        with loading:
            for row, index in enumerate(indices.tolist(), start):
                stop_if_exiting()
                try:
                    self._load_one(row, index)
                except Exception as error:
                    self._mend(error, row, index)

    def _load_one(self, row: int, index: int) -> None:
        sample = self.source.make_sample(index, self.draw)
        if self._samples is None:
            self._builder.put(row, self._checked(self._assembled.structure.flatten(sample)))
        else:
            self._samples[row] = sample

    def _checked(self, leaves: Leaves) -> Leaves:
        for number, name in self._weights:
            check_weights(leaves[number], name)
        return leaves

    def _mend(self, error: Exception, row: int, index: int) -> None:
        """Loads another sample in the place of one that failed, if that is wanted."""
        try:
            blame(error, self.source, "load_sample", index)
        except SampleError as located:
            wanted = self.source.on_error
            if wanted == "raise" or (callable(wanted) and not wanted(located)):
                raise
            for other in self.source.substitutes(index, self.epoch):
                with contextlib.suppress(Exception):
                    self._load_one(row, other)
                    self.substituted[index] = located
                    return
            raise

    def finish(self) -> Leaves:
        """Returns the batch's leaves, when all chunks are loaded."""
        if self._samples is not None:
            try:
                with loading:
                    batch = self.source.collate(self._samples)
                leaves = self._checked(self._assembled.structure.flatten(batch))
                self._builder.put_rows(0, len(self.indices), leaves)
            except Exception as error:
                blame(error, self.source, "collate")
        return self._blended(list(self._builder.finish(self.parity)))

    def _blended(self, leaves: Leaves) -> Leaves:
        """Returns the leaves of the batch as `augment_batch` changes it, where it does."""
        assembled = self.layout.assembled
        if assembled is None or self.draw is None:
            return leaves
        with loading:
            (batch,) = assembled.batches(leaves, 1)
            batch = self.source.blended(batch, self.indices, self.draw)
        try:
            changed = self.layout.structure.flatten(batch)
            builder = self.layout.builder(len(self.indices))
            builder.put_rows(0, len(self.indices), changed)
            for number, name in self.layout.weights:
                check_weights(np.asarray(changed[number]), name)
        except Exception as error:
            blame(error, self.source, "augment_batch")
        return list(builder.finish(self.parity))

    def batches(self, leaves: Leaves) -> list[tuple[Any, ...]]:
        """Puts the leaves together, and reports what was substituted."""
        if self.substituted:
            self.source.note_substituted(self.substituted)
        return self.layout.batches(leaves, self.count)

    def _rows(self, indices: Indices) -> Leaves | None:
        """Returns what `load_batch` returns; None to load samples one by one instead."""
        try:
            with loading:
                rows = self.source.make_batch(indices)
            return self._checked(self._assembled.structure.flatten(rows))
        except Exception as error:
            self._after_failure(error, indices)
            return None

    def _put_rows(self, start: int, leaves: Leaves, indices: Indices) -> bool:
        try:
            self._builder.put_rows(start, len(indices), leaves)
        except Exception as error:
            self._after_failure(error, indices)
            return False
        return True

    def _after_failure(self, error: Exception, indices: Indices) -> None:
        """After `load_batch` failed, raises the error of the sample at fault."""
        if self.source.on_error == "raise":
            Job(OneByOne(self.source), self.layout, indices, None).run()
            blame(error, self.source, "load_batch")
        self.by_batch = False  # One by one, only what fails is substituted.


def blame(
    error: Exception, source: Source, hook: str, index: int | None = None, part: int | None = None
) -> NoReturn:
    """Raises an error that says where it happened; a foreign one becomes a `LoadError`.

    Args:
        error: What was raised.
        source: Whose hook raised it.
        hook: Its name.
        index: Of the sample; None where several were being loaded.
        part: In a worker, which part of another sequence the source is.
    """
    where = {"cls": source.called} if index is None else source.locate(index)
    if isinstance(error, MultiseqError) and hasattr(error, "where"):
        raise _at(error, where, part)
    made = LoadError(
        f"{hook} raised {said(error)}",
        fix=f"see the traceback above; {hook} must be able to load every sample",
    )
    raise _at(made, where, part) from error


def _at(error: MultiseqError, where: dict[str, Any], part: int | None) -> MultiseqError:
    error.at(**where)
    if part is not None and "index" in error.where:
        error.where["index"] = f"{part}/{error.where['index']}"
    return error


# To type checkers, what passes on whatever it is asked for is of any type.
_Base: Any = object


class Wrapped(_Base):  # type: ignore[misc]
    """A source that does as another one, but for what a subclass does in its own way."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def __getattr__(self, name: str) -> Any:
        return getattr(self.source, name)


class OneByOne(Wrapped):
    """A source without its fast path, and without a `collate` of its own."""

    by_batch = collates = False
    checks_weights = True
    on_error = "raise"
