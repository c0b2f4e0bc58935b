"""Shared memory in slots, one batch each; an anonymous file that no crash leaves behind.

A slot holds a few control words, the indices of the batch's samples and a note for each, and its
arrays, each at a 64-byte-aligned offset. Both sides map it: the worker writes rows, the parent
hands them out as they are, and takes the slot back when the last array that looks into it is gone.
"""

from __future__ import annotations

import mmap
import os
import weakref
from collections import deque
from typing import Any, NamedTuple

import numpy as np

from ..errors import MultiseqError
from ..memory import ALIGNMENT

__all__ = ["Header", "Ring", "Slot", "header_size", "reserve"]

_WORDS = 8


class Header:
    """What both sides know about a batch: the beginning of its slot.

    Args:
        memory: The slot's memory, uint8.
        n: Number of samples.

    Attributes:
        cancelled: The number of the ticket that is not wanted any more, in an array of one.
        exit_status: Of the last worker that died with this batch, in an array of one.
        indices: Of the samples, as -1 - index where it is known to kill workers.
        notes: At the first row of a task what its worker is loading: `NOTHING`, `SEVERAL` samples
            or something else that is no sample, or an index.
    """

    NOTHING, SEVERAL = -1, -2

    def __init__(self, memory: Any, n: int) -> None:
        words = memory[: 8 * (_WORDS + 2 * n)].view(np.int64)
        self.cancelled, self.exit_status = words[:1], words[1:2]
        self.indices, self.notes = words[_WORDS : _WORDS + n], words[_WORDS + n :]


def header_size(n: int) -> int:
    """Returns the offset at which the arrays of n samples begin."""
    return -(-8 * (_WORDS + 2 * n) // ALIGNMENT) * ALIGNMENT


class Slot(NamedTuple):
    """One region of the ring: offset and size in bytes, multiples of the page size."""

    offset: int
    size: int


class Ring:
    """The slots of one loader.

    Args:
        count: How many slots.
        size: Bytes that each must hold, header and arrays.

    Attributes:
        fd: The ring's file.
        free: Slots that are not in use.
        count: How many slots there are.

    Raises:
        MultiseqError: There is not enough memory.
    """

    def __init__(self, count: int, size: int) -> None:
        self.fd = os.memfd_create("multiseq", os.MFD_CLOEXEC)
        weakref.finalize(self, os.close, self.fd)
        self._count, self._end = count, 0
        # Appended to by finalizers, at any moment in any thread: a deque needs no lock.
        self.free: deque[Slot] = deque()
        self._size = _in_pages(size)
        self.count = 0
        self.grow(count)

    def grow(self, count: int = 1) -> None:
        """Adds free slots."""
        self.free.extend(self._reserved(count))
        self.count += count

    def take(self, size: int) -> Slot | None:
        """Returns a slot for so many bytes, or None while all are in use.

        One that is too small is replaced; what once was needed will be needed again.
        """
        self._size = max(self._size, _in_pages(size))
        if not self.free:
            return None
        slot = self.free.popleft()
        if slot.size >= self._size:
            return slot
        try:
            (larger,) = self._reserved(1)
        except BaseException:
            self.free.appendleft(slot)
            raise
        if hasattr(mmap, "MADV_REMOVE"):  # Gives the memory back; elsewhere it stays unused.
            self.map.madvise(mmap.MADV_REMOVE, slot.offset, slot.size)
        return larger

    def memory(self, slot: Slot) -> Any:
        """Returns a slot's memory as one array, uint8."""
        return np.frombuffer(self.map, np.uint8, slot.size, slot.offset)

    def lease(self, slot: Slot) -> Any:
        """Returns a slot's memory as one array, uint8; it is free again when that is gone."""
        root = self.memory(slot)
        weakref.finalize(root, self.free.append, slot).atexit = False
        return root

    @property
    def scarce(self) -> bool:
        """Whether arrays that are handed out had better be copies.

        The last free slot is not leased to a user who hoards batches, nor are those that were
        added because of one.
        """
        return len(self.free) <= self.count - self._count

    def _reserved(self, count: int) -> list[Slot]:
        """Returns new slots."""
        reserve(self.fd, self._end, count * self._size)
        slots = [Slot(self._end + k * self._size, self._size) for k in range(count)]
        self._end += count * self._size
        # One map, since each holds a file descriptor; arrays keep the one they look into.
        self.map = mmap.mmap(self.fd, self._end)
        return slots


def reserve(fd: int, start: int, size: int) -> None:
    """Reserves memory now, so that a full machine is an error here and not a bus error later.

    Raises:
        MultiseqError: There is not enough.
    """
    try:
        os.posix_fallocate(fd, start, size)
    except OSError as error:
        raise MultiseqError(
            "there is not enough memory to share with worker processes",
            got=f"{error.strerror}, at {start + size} bytes",
            fix="use smaller batches, fewer workers, a smaller max_queue_size, or threads",
        ) from error


def _in_pages(size: int) -> int:
    return -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
