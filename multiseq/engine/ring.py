"""Shared memory in slots, one batch each; an anonymous file that no crash leaves behind.

A slot holds a few control words, the indices of the batch's samples, and its arrays, each at a
64-byte-aligned offset. Both sides map it: the worker writes rows, the parent hands them out as
they are, and takes the slot back when the last array that looks into it is gone.
"""

from __future__ import annotations

import mmap
import os
import weakref
from collections import deque
from typing import Any

import numpy as np

from ..errors import MultiseqError
from ..memory import ALIGNMENT

__all__ = ["CANCELLED", "CONTROL_WORDS", "Ring", "Slot", "slot_indices", "slot_words"]

CONTROL_WORDS = 8
CANCELLED = 0
"""Which control word says that the batch is not wanted any more."""


class Slot:
    """One region of the ring.

    Args:
        fd: The ring's file.
        offset: Where the region begins, a multiple of the page size.
        size: Its length in bytes.
    """

    def __init__(self, fd: int, offset: int, size: int) -> None:
        self.offset, self.size = offset, size
        self.map = mmap.mmap(fd, size, offset=offset)


def slot_words(slot: Slot) -> Any:
    """Returns the control words, int64."""
    return np.frombuffer(slot.map, np.int64, CONTROL_WORDS)


def slot_indices(slot: Slot, n: int) -> tuple[Any, int]:
    """Returns the indices of n samples, int64, and the offset at which the arrays begin."""
    words = np.frombuffer(slot.map, np.int64, CONTROL_WORDS + n)
    return words[CONTROL_WORDS:], -(-words.nbytes // ALIGNMENT) * ALIGNMENT


class Ring:
    """The slots of one loader.

    Args:
        size: Bytes of arrays in a batch.
        samples: Most samples in a batch.
        count: How many slots.

    Raises:
        MultiseqError: There is not enough memory.
    """

    def __init__(self, size: int, samples: int, count: int) -> None:
        self.fd = os.memfd_create("multiseq", os.MFD_CLOEXEC)
        self._end = 0
        self._overhead = 8 * (CONTROL_WORDS + samples) + ALIGNMENT
        weakref.finalize(self, os.close, self.fd)
        # Appended to by finalizers, at any moment in any thread: a deque needs no lock.
        self.free: deque[Slot] = deque(self.add(size) for _ in range(count))

    def add(self, size: int) -> Slot:
        """Returns a new slot for `size` bytes of arrays."""
        page = mmap.PAGESIZE
        length = -(-(size + self._overhead) // page) * page
        try:
            # Reserved now, so that a full machine is an error here and not a bus error later.
            os.posix_fallocate(self.fd, self._end, length)
            slot = Slot(self.fd, self._end, length)
        except OSError as error:
            raise MultiseqError(
                "there is not enough memory for the batches that are read ahead",
                got=f"{error.strerror}, at slots of {length} bytes",
                fix="use smaller batches, fewer workers, or a smaller max_queue_size",
            ) from error
        self._end += length
        return slot

    def lease(self, slot: Slot) -> Any:
        """Returns the slot's memory as one array, uint8; it is free again when that is gone."""
        root = np.frombuffer(slot.map, np.uint8)
        weakref.finalize(root, self.free.append, slot).atexit = False
        return root
