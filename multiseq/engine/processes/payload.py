"""What a worker gets once: the sequence and its layout, large arrays in shared memory.

The payload is shared memory: a pickle, and behind it the buffers of large arrays, which every
worker maps read-only. So an array is in memory once more for all workers together, and none of
them can write to it. A memory map is not even that: workers open its file.
"""

from __future__ import annotations

import bisect
import io
import math
import mmap
import os
import pickle
import struct
from typing import Any

import cloudpickle
import numpy as np

from ...errors import ArgumentError, SourceError
from ...memory import ALIGNMENT
from .shared import Memory, create

__all__ = ["Pickler", "load_payload", "pickled", "replaced", "save_payload"]

_HEADER = struct.Struct("<qqq")
_SPAN = struct.Struct("<qq")
_LARGE = 1 << 16
_DEEPEST = 6


class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Keeps large arrays apart, and memory maps in their files.

    Attributes:
        buffers: Of the large arrays.
    """

    def __init__(self) -> None:
        self.stream = io.BytesIO()
        self.buffers: list[memoryview] = []
        self._mapped_files: list[tuple[int, int, int]] | None = None
        super().__init__(self.stream, protocol=5, buffer_callback=self._keep)

    def _keep(self, buffer: pickle.PickleBuffer) -> bool:
        raw = buffer.raw()
        if raw.nbytes < _LARGE:
            return True
        self.buffers.append(raw)
        return False

    def reducer_override(self, value: Any) -> Any:
        """Returns how a value is pickled, as `__reduce__` says it."""
        if isinstance(value, np.ndarray) and type(value) in (np.ndarray, np.memmap):
            contiguous = value.flags.c_contiguous or value.flags.f_contiguous
            if contiguous and (place := self._place_in_file(value)):
                return self.reopened(value, place)
            if not contiguous and value.nbytes >= _LARGE and not value.dtype.hasobject:
                return np.ascontiguousarray(value).__reduce_ex__(5)
        return super().reducer_override(value)

    def reopened(self, array: Any, place: tuple[Any, ...]) -> tuple[Any, ...]:
        """Returns how an array is opened where this is unpickled, as `__reduce__` says it.

        Args:
            array: Contiguous, and part of a file.
            place: Which part: the arguments of `numpy.memmap`.
        """
        found = os.stat(place[0])
        return _reopen, (type(array), (found.st_dev, found.st_ino), place)

    def _place_in_file(self, array: Any) -> tuple[Any, ...] | None:
        """Returns where the file of a memory map holds a contiguous array: for `reopened`.

        None for other arrays, for maps whose changes are not written to the file, and where the
        file is gone, or another one has taken its place.
        """
        whole = array
        while isinstance(whole.base, np.ndarray):
            whole = whole.base
        mapped = isinstance(whole, np.memmap) and isinstance(whole.base, mmap.mmap)
        if not mapped or whole.mode == "c" or not array.size:
            return None
        start = whole.__array_interface__["data"][0]
        try:
            found = os.stat(whole.filename or "")
        except OSError:
            return None
        if self._mapped_files is None:
            self._mapped_files = _mapped_files()
        if self._mapped_files and not _holds(self._mapped_files, start, found.st_ino):
            return None
        offset = whole.offset + array.__array_interface__["data"][0] - start
        order = "C" if array.flags.c_contiguous else "F"
        return whole.filename, array.dtype, "r", offset, array.shape, order


def _mapped_files() -> list[tuple[int, int, int]]:
    """Returns start, end and the file's number of each region of memory, where /proc tells."""
    try:
        with open("/proc/self/maps") as file:
            lines = [line.split(None, 5) for line in file]
    except OSError:
        return []
    spans = [(line[0].split("-"), int(line[4])) for line in lines]
    return [(int(start, 16), int(end, 16), inode) for (start, end), inode in spans]


def _holds(files: list[tuple[int, int, int]], address: int, inode: int) -> bool:
    """Whether the memory at an address is that of a file."""
    start, end, found = files[bisect.bisect(files, (address, math.inf, 0)) - 1]
    return start <= address < end and found == inode


def _reopen(cls: type, identity: tuple[int, int], place: tuple[Any, ...]) -> Any:
    array = np.memmap(*place)
    found = os.stat(place[0])
    if (found.st_dev, found.st_ino) != identity:
        raise replaced(place[0])
    return array.view(cls)


def replaced(path: Any) -> SourceError:
    """Returns the error for a file that is not the one that was mapped."""
    return SourceError(
        "the file of a memory map was replaced by another one",
        got=path,
        fix="open it again, and make the sequence anew",
    )


def pickled(
    pickler: Pickler, source: Any, layout: Any, threads: str
) -> tuple[memoryview, list[memoryview]]:
    """Returns the pickle of a sequence and its layout, and the buffers that go with it.

    Args:
        pickler: That was not used yet.
        source: The sequence.
        layout: Its layout.
        threads: The keyword that would have it load in threads.

    Raises:
        ArgumentError: The sequence cannot be pickled; it names the attribute.
    """
    try:
        pickler.dump((source, layout))
    except Exception as error:
        raise _unpicklable(source, error, threads) from error
    return pickler.stream.getbuffer(), pickler.buffers


def save_payload(source: Any, layout: Any) -> Memory:
    """Returns a payload in memory of its own.

    Raises:
        ArgumentError: The sequence cannot be pickled; it names the attribute.
        MultiseqError: There is not enough memory.
    """
    stream, buffers = pickled(Pickler(), source, layout, "use_multiprocessing=False")
    at = _HEADER.size + _SPAN.size * len(buffers) + len(stream)
    spans = []
    for buffer in buffers:
        at = -(-at // ALIGNMENT) * ALIGNMENT
        spans.append((at, buffer.nbytes))
        at += buffer.nbytes
    payload = create("multiseq-payload")
    payload.grow(at)
    memory = memoryview(payload.view(0, at))
    head = _HEADER.pack(at, len(stream), len(buffers)) + b"".join(_SPAN.pack(*s) for s in spans)
    memory[: len(head)] = head
    memory[len(head) : len(head) + len(stream)] = stream
    for (start, size), buffer in zip(spans, buffers, strict=True):
        memory[start : start + size] = buffer.cast("B")
    return payload


def load_payload(payload: Memory) -> tuple[Any, Any]:
    """Returns the sequence and its layout; its large arrays are read-only."""
    size, length, count = _HEADER.unpack(payload.view(0, _HEADER.size))
    memory = memoryview(payload.view(0, size))
    spans = [_SPAN.unpack_from(memory, _HEADER.size + _SPAN.size * k) for k in range(count)]
    start = _HEADER.size + _SPAN.size * count
    buffers = [memory[at : at + size] for at, size in spans]
    source, layout = pickle.loads(memory[start : start + length], buffers=buffers)
    return source, layout


def _unpicklable(source: Any, error: Exception, threads: str) -> ArgumentError:
    names, value, reason = _culprit(source, error, _DEEPEST)
    if not names:
        what = f"it cannot be sent to worker processes: {error}"
        return ArgumentError(what).at(cls=source.called)
    return ArgumentError(
        f"attribute {'.'.join(names)} cannot be sent to worker processes: {reason}",
        got=value,
        fix="open files and connections in load_sample, once per process, or use threads: "
        + threads,
    ).at(cls=source.called)


def _culprit(value: Any, reason: Exception, depth: int) -> tuple[list[str], Any, Exception]:
    """Returns the path of the attribute that cannot be pickled, its value, and why."""
    for name, part in _parts(value) if depth else ():
        try:
            Pickler().dump(part)
        except Exception as error:
            names, found, why = _culprit(part, error, depth - 1)
            return [name, *names], found, why
    return [], value, reason


def _parts(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [(repr(key), part) for key, part in value.items()]
    if isinstance(value, list | tuple):
        return [(str(number), part) for number, part in enumerate(value)]
    try:
        state = value.__getstate__()  # Not its `__dict__`: what is never sent is not to blame.
    except Exception:
        return []
    return list(state.items()) if isinstance(state, dict) else []
