"""The other side: what runs in a worker process of Ray, on whichever machine.

A task is one job: a batch, or several small ones. It is a pure function of what it is sent, so
Ray may run it again where a machine is lost. What it returns is one array of bytes, in which the
batch's arrays lie as they do in our own memory.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import pickle
import sys
import time
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ...errors import WorkerError
from ...memory import aligned_empty, placed, put
from ...order import Draw, Indices
from ..job import Job, Layout, Source, Wrapped
from ..processes.payload import Pickler, pickled, replaced
from ..processes.portable import Packed

__all__ = ["Reply", "Task", "load", "packed_payload"]

_MOST_KEPT = 4  # Sequences; one of training and one of validation take turns.
_END_BYTES = 1 << 16


class Task(NamedTuple):
    """What a worker process is sent.

    Args:
        payload: By which the sequence is known.
        indices: Of the samples.
        epoch: Which epoch the batch belongs to.
        seed: Of augmentation; None for none.
        timeout: Seconds that loading may take; None for any time.
        lethal: Samples that ended worker processes.
    """

    payload: str
    indices: Indices
    epoch: int
    seed: int | None
    timeout: float | None
    lethal: frozenset[int] = frozenset()


class Reply(NamedTuple):
    """What comes back.

    Args:
        seconds: What loading took.
        error: Why there is no batch.
        substituted: Why, by the index of each sample that another one stands in for.
        places: Offset, shape and dtype of each array; None where the layout tells.
        memory: In which they lie.
    """

    seconds: float
    error: Packed | None = None
    substituted: dict[int, Packed] | None = None
    places: list[Any] | None = None
    memory: Any = None


class _Pickler(Pickler):
    """Keeps memory maps in files, which other machines may number otherwise."""

    def reopened(self, array: Any, place: tuple[Any, ...]) -> tuple[Any, ...]:
        return _reopen, (type(array), _ends_of(array), place)


def _reopen(cls: type, ends: tuple[int, int], place: tuple[Any, ...]) -> Any:
    array = np.memmap(*place)
    if _ends_of(array) != ends:
        raise replaced(place[0])
    return array.view(cls)


def _ends_of(array: Any) -> tuple[int, int]:
    """Returns checksums of a contiguous array's first and last bytes."""
    raw: Any = np.asarray(array).reshape(-1, order="A").view(np.uint8)
    return zlib.crc32(raw[:_END_BYTES]), zlib.crc32(raw[-_END_BYTES:])


def packed_payload(source: Source, layout: Layout) -> tuple[list[str], Any, list[Any]]:
    """Returns a sequence and its layout as arrays of bytes, which Ray sends as they are.

    Before them goes where modules are found, of which Ray itself sends the script's folder alone.

    Raises:
        ArgumentError: The sequence cannot be pickled; it names the attribute.
    """
    stream, buffers = pickled(_Pickler(), source, layout, "cluster=None")
    arrays = [np.frombuffer(each, np.uint8) for each in buffers]
    return sys.path, np.frombuffer(stream, np.uint8), arrays


def load(task: Task, payload: list[Any]) -> Reply:
    """Loads one job.

    Args:
        task: The job.
        payload: Ray's reference to what `packed_payload` returned, in a list: so Ray does not
            fetch it for each task.
    """
    os.environ.pop("MULTISEQ_WORKER", None)  # It is not meant for processes started in here.
    what, began = "a worker could not start", time.perf_counter()
    try:
        source, layout = _known(task.payload, payload)
        what = "a worker could not load a batch"
        with _ending_after(task.timeout):
            reply = _load(task, source, layout)
    except Exception as error:
        reply = Reply(0.0, error=Packed.of(error, what))
    return reply._replace(seconds=time.perf_counter() - began)


_sources: OrderedDict[str, tuple[Source, Layout]] = OrderedDict()


def _known(name: str, payload: list[Any]) -> tuple[Source, Layout]:
    """Returns a sequence and its layout; large arrays are views of Ray's store, read-only."""
    if name not in _sources:
        import ray

        paths, stream, buffers = ray.get(payload[0])
        sys.path += [path for path in paths if path not in sys.path]
        _sources[name] = pickle.loads(stream, buffers=buffers)
        while len(_sources) > _MOST_KEPT:
            _sources.popitem(last=False)
    _sources.move_to_end(name)
    return _sources[name]


def _load(task: Task, source: Source, layout: Layout) -> Reply:
    draw = None if task.seed is None else Draw(task.seed, task.epoch)
    spared = _Spared(source, task.lethal) if task.lethal else source
    job = Job(spared, layout, task.indices, draw, task.epoch)
    n, places = len(task.indices), None
    if layout.known and not source.collates and layout.assembled is None:
        memory = aligned_empty((layout.memory.size(n),), np.uint8)
        job.run_into(layout.memory.arrays_in(memory, 0, n))
    else:
        leaves = job.run_leaves()
        places, size = placed(leaves, 0)
        memory = aligned_empty((size,), np.uint8)
        put(leaves, places, memory)
    substituted = {index: Packed.of(error, "") for index, error in job.substituted.items()}
    return Reply(0.0, None, substituted, places, memory)


@contextlib.contextmanager
def _ending_after(seconds: float | None) -> Iterator[None]:
    """Ends this process where something takes too long, be it in C; Ray prints where it was."""
    if seconds is None:
        yield
        return
    faulthandler.dump_traceback_later(seconds, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


class _Spared(Wrapped):
    """A source some of whose samples end the process that loads them, so it does not.

    Args:
        source: The sequence.
        lethal: Those samples.
    """

    def __init__(self, source: Source, lethal: frozenset[int]) -> None:
        super().__init__(source)
        self._lethal = lethal

    def make_sample(self, index: int, draw: Draw | None) -> Any:
        """Loads one sample."""
        if index in self._lethal:
            raise WorkerError(
                "worker processes died, or took too long, each time they loaded this sample",
                fix="load it in the main process, with workers=0 and cluster=None, to see why",
            )
        return self.source.make_sample(index, draw)

    def make_batch(self, indices: Indices) -> Any:
        """Loads several samples."""
        for index in self._lethal.intersection(indices.tolist()):
            self.make_sample(index, None)
        return self.source.make_batch(indices)
