"""What a worker gets once: the sequence and its layout, large arrays in shared memory.

The payload is an anonymous file: a pickle, and behind it the buffers of large arrays, which every
worker maps read-only. So an array is in memory once more for all workers together, and none of
them can write to it.
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

__all__ = ["load_payload", "save_payload"]

_HEADER = struct.Struct("<qq")
_SPAN = struct.Struct("<qq")
_LARGE = 1 << 16
_ALIGNMENT = 64


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Opens memory maps anew in the worker instead of copying them."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, np.memmap) and isinstance(value.base, mmap.mmap) and value.filename:
            order = "C" if value.flags.c_contiguous else "F"
            return np.memmap, (value.filename, value.dtype, "r", value.offset, value.shape, order)
        return super().reducer_override(value)


def save_payload(source: Any, layout: Any) -> int:
    """Writes a payload.

    Returns:
        The descriptor of its file.

    Raises:
        ArgumentError: The sequence cannot be pickled; it names the attribute.
    """
    buffers: list[memoryview] = []

    def keep_apart(buffer: pickle.PickleBuffer) -> bool:
        raw = buffer.raw()
        if raw.nbytes < _LARGE:
            return True
        buffers.append(raw)
        return False

    stream = io.BytesIO()
    try:
        _Pickler(stream, protocol=5, buffer_callback=keep_apart).dump((source, layout))
    except Exception as error:
        raise _unpicklable(source, error) from error
    pickled = stream.getvalue()
    at = _HEADER.size + _SPAN.size * len(buffers) + len(pickled)
    spans = []
    for buffer in buffers:
        at = -(-at // _ALIGNMENT) * _ALIGNMENT
        spans.append((at, buffer.nbytes))
        at += buffer.nbytes
    fd = os.memfd_create("multiseq-payload", os.MFD_CLOEXEC)
    with os.fdopen(fd, "wb", closefd=False) as file:
        file.write(_HEADER.pack(len(pickled), len(buffers)))
        for span in spans:
            file.write(_SPAN.pack(*span))
        file.write(pickled)
        for (start, _), buffer in zip(spans, buffers, strict=True):
            file.seek(start)
            file.write(buffer)
    return fd


def load_payload(fd: int) -> tuple[Any, Any]:
    """Returns the sequence and its layout; its large arrays are read-only."""
    memory = memoryview(mmap.mmap(fd, 0, prot=mmap.PROT_READ))
    length, count = _HEADER.unpack_from(memory)
    spans = [_SPAN.unpack_from(memory, _HEADER.size + _SPAN.size * k) for k in range(count)]
    start = _HEADER.size + _SPAN.size * count
    buffers = [memory[at : at + size] for at, size in spans]
    source, layout = pickle.loads(memory[start : start + length], buffers=buffers)
    return source, layout


def _unpicklable(source: Any, error: Exception) -> ArgumentError:
    for name, value in vars(source).items():
        try:
            cloudpickle.dumps(value)
        except Exception as reason:
            return ArgumentError(
                f"attribute {name!r} cannot be sent to worker processes: {reason}",
                got=value,
                fix="open files and connections in load_sample, once per process, or use threads: "
                "use_multiprocessing=False",
            ).at(cls=type(source).__name__)
    return ArgumentError(f"it cannot be sent to worker processes: {error}").at(
        cls=type(source).__name__
    )
