"""What a worker gets once: the sequence and its layout, large arrays in shared memory.

The payload is shared memory: a pickle, and behind it the buffers of large arrays, which every
worker maps read-only. So an array is in memory once more for all workers together, and none of
them can write to it. A memory map is not even that: workers open its file.
"""

from __future__ import annotations

import io
import mmap
import os
import pickle
import struct
from typing import Any

import cloudpickle
import numpy as np

from ..errors import ArgumentError
from ..memory import ALIGNMENT
from .shared import Memory, create

__all__ = ["load_payload", "save_payload"]

_HEADER = struct.Struct("<qqq")
_SPAN = struct.Struct("<qq")
_LARGE = 1 << 16
_DEEPEST = 6


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Keeps large arrays apart, and memory maps in their files.

    Attributes:
        buffers: Of the large arrays.
    """

    def __init__(self) -> None:
        self.stream = io.BytesIO()
        self.buffers: list[memoryview] = []
        super().__init__(self.stream, protocol=5, buffer_callback=self._keep)

    def _keep(self, buffer: pickle.PickleBuffer) -> bool:
        raw = buffer.raw()
        if raw.nbytes < _LARGE:
            return True
        self.buffers.append(raw)
        return False

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, np.ndarray) and type(value) in (np.ndarray, np.memmap):
            contiguous = value.flags.c_contiguous or value.flags.f_contiguous
            if contiguous and (place := _place_in_file(value)):
                return _reopen, (type(value), *place)
            if not contiguous and value.nbytes >= _LARGE and not value.dtype.hasobject:
                return np.ascontiguousarray(value).__reduce_ex__(5)
        return super().reducer_override(value)


def _place_in_file(array: Any) -> tuple[Any, ...] | None:
    """Returns where the file of a memory map holds a contiguous array: arguments of `np.memmap`.

    None for other arrays, for maps whose changes are not written to the file, and where the file
    is gone.
    """
    whole = array
    while isinstance(whole.base, np.ndarray):
        whole = whole.base
    mapped = isinstance(whole, np.memmap) and isinstance(whole.base, mmap.mmap)
    if (
        not mapped
        or whole.mode == "c"
        or not array.size
        or not os.path.exists(whole.filename or "")
    ):
        return None
    start = array.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
    order = "C" if array.flags.c_contiguous else "F"
    return whole.filename, array.dtype, "r", whole.offset + start, array.shape, order


def _reopen(cls: type, *place: Any) -> Any:
    return np.memmap(*place).view(cls)


def save_payload(source: Any, layout: Any) -> Memory:
    """Returns a payload in memory of its own.

    Raises:
        ArgumentError: The sequence cannot be pickled; it names the attribute.
        MultiseqError: There is not enough memory.
    """
    pickler = _Pickler()
    try:
        pickler.dump((source, layout))
    except Exception as error:
        raise _unpicklable(source, error) from error
    pickled, buffers = pickler.stream.getbuffer(), pickler.buffers
    at = _HEADER.size + _SPAN.size * len(buffers) + len(pickled)
    spans = []
    for buffer in buffers:
        at = -(-at // ALIGNMENT) * ALIGNMENT
        spans.append((at, buffer.nbytes))
        at += buffer.nbytes
    payload = create("multiseq-payload")
    payload.grow(at)
    memory = memoryview(payload.view(0, at))
    head = _HEADER.pack(at, len(pickled), len(buffers)) + b"".join(_SPAN.pack(*s) for s in spans)
    memory[: len(head)] = head
    memory[len(head) : len(head) + len(pickled)] = pickled
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


def _unpicklable(source: Any, error: Exception) -> ArgumentError:
    names, value, reason = _culprit(source, error, _DEEPEST)
    if not names:
        what = f"it cannot be sent to worker processes: {error}"
        return ArgumentError(what).at(cls=type(source).__name__)
    return ArgumentError(
        f"attribute {'.'.join(names)} cannot be sent to worker processes: {reason}",
        got=value,
        fix="open files and connections in load_sample, once per process, or use threads: "
        "use_multiprocessing=False",
    ).at(cls=type(source).__name__)


def _culprit(value: Any, reason: Exception, depth: int) -> tuple[list[str], Any, Exception]:
    """Returns the path of the attribute that cannot be pickled, its value, and why."""
    for name, part in _parts(value) if depth else ():
        try:
            _Pickler().dump(part)
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
