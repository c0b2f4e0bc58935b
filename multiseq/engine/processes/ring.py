"""Shared memory in slots, one batch each.

A slot holds a few control words, the indices of the batch's samples and a note for each, and its
arrays, each at a 64-byte-aligned offset. Both sides map it: the worker writes rows, the parent
hands them out as they are, and takes the slot back when the last array that looks into it is gone.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
import weakref
from collections import deque
from typing import Any, NamedTuple

import numpy as np

from ...memory import ALIGNMENT
from .shared import create

__all__ = ["Header", "Ring", "Slot", "Watch", "header_size"]

_WORDS = 8
_MAP_FIXED = 0x10  # On Linux, macOS and the BSDs.


class Header:
    """What both sides know about a batch: the beginning of its slot.

    Args:
        memory: The slot's memory, uint8.
        n: Number of samples.

    Attributes:
        cancelled: The number of the ticket that is not wanted any more; a view of one number, as
            are the next two.
        one_by_one: Whether samples are to be loaded without `load_batch`.
        exit_status: Of the last worker that died with this batch.
        indices: Of the samples, as -1 - index where it is known to kill workers.
        notes: At the first row of a task what its worker is loading: `NOTHING`, `SEVERAL` samples,
            or an index.
    """

    NOTHING, SEVERAL = -1, -2

    def __init__(self, memory: Any, n: int) -> None:
        words = memory[: 8 * (_WORDS + 2 * n)].view(np.int64)
        # Single numbers are read and written for each sample: twice as fast as in an array.
        single = memoryview(words)
        self.cancelled, self.one_by_one, self.exit_status = single[:1], single[1:2], single[2:3]
        self.indices, self.notes = words[_WORDS : _WORDS + n], single[_WORDS + n :]
        self._all_notes = words[_WORDS + n :]

    def begin(self, indices: Any) -> None:
        """Writes which samples are to be loaded; none is being loaded yet."""
        self.indices[:], self._all_notes[:] = indices, self.NOTHING
        self.one_by_one[0] = 0


def header_size(n: int) -> int:
    """Returns the offset at which the arrays of n samples begin."""
    return -(-8 * (_WORDS + 2 * n) // ALIGNMENT) * ALIGNMENT


class Watch(weakref.ref[Any]):
    """A weak reference that carries something, for callbacks that note what it is about.

    The callback is a deque's `append`: it takes no lock, and there is no Python code in which
    Ctrl-C could strike, and be swallowed.

    Args:
        value: What is watched.
        gone: Where this reference goes when that is gone; until then it must be kept somewhere.
        what: What it is about.
    """

    def __new__(cls, value: Any, gone: deque[Watch], what: Any) -> Watch:
        """Makes the reference."""
        return super().__new__(cls, value, gone.append)

    def __init__(self, value: Any, gone: deque[Watch], what: Any) -> None:
        self.what = what


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
        shared: The memory they are in.
        count: How many slots there are.
        size: Bytes of the next one.

    Raises:
        MultiseqError: There is not enough memory.
    """

    def __init__(self, count: int, size: int) -> None:
        self.shared = create("multiseq")
        self._count = count
        self._free: deque[Slot] = deque()
        self._leases: dict[Slot, Watch] = {}
        self._gone: deque[Watch] = deque()
        self.size = _in_pages(size)
        self.count = 0
        self.grow(count)
        _rings.add(self)

    def grow(self, count: int = 1) -> None:
        """Adds free slots."""
        self._free.extend(self._reserved(count))
        self.count += count

    @property
    def free(self) -> deque[Slot]:
        """Slots that are not in use."""
        while self._gone:
            with contextlib.suppress(IndexError):  # Another thread was faster.
                slot = self._gone.popleft().what
                del self._leases[slot]
                self._free.append(slot)
        return self._free

    def take(self, size: int) -> Slot | None:
        """Returns a slot for so many bytes, or None while all are in use.

        One that is too small is replaced; what once was needed will be needed again.
        """
        self.size = max(self.size, _in_pages(size))
        if not self.free:
            return None
        slot = self._free.popleft()
        if slot.size >= self.size:
            return slot
        try:
            (larger,) = self._reserved(1)
        except BaseException:
            self._free.appendleft(slot)
            raise
        self.shared.discard(slot.offset, slot.size)
        return larger

    def memory(self, slot: Slot) -> Any:
        """Returns a slot's memory as one array, uint8."""
        return self.shared.view(slot.offset, slot.size)

    def lease(self, slot: Slot) -> Any:
        """Returns a slot's memory as one array, uint8; it is free again when that is gone."""
        root = self.memory(slot)
        self._leases[slot] = Watch(root, self._gone, slot)
        return root

    @property
    def scarce(self) -> bool:
        """Whether arrays that are handed out had better be copies.

        The last free slot is not leased to a user who hoards batches, nor are those that were
        added because of one.
        """
        return len(self.free) <= self.count - self._count

    def leased(self) -> list[Any]:
        """Returns the memory of the slots whose arrays somebody holds."""
        roots = [watch() for watch in list(self._leases.values())]
        return [root for root in roots if root is not None]

    def _reserved(self, count: int) -> list[Slot]:
        """Returns new slots."""
        start = self.shared.grow(count * self.size)
        return [Slot(start + k * self.size, self.size) for k in range(count)]


def _in_pages(size: int) -> int:
    return -(-size // mmap.PAGESIZE) * mmap.PAGESIZE


_rings: weakref.WeakSet[Ring] = weakref.WeakSet()
_copies: list[tuple[Any, bytes]] = []


def _before_fork() -> None:
    _copies.extend((root, root.tobytes()) for ring in list(_rings) for root in ring.leased())


def _after_fork_in_child() -> None:
    """Puts copies in the place of batches, which the parent would go on to overwrite."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    access = mmap.PROT_READ | mmap.PROT_WRITE
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_FIXED
    for root, copy in _copies:
        address = root.__array_interface__["data"][0]
        if libc.mmap(address, len(copy), access, flags, -1, 0) == address:
            ctypes.memmove(address, copy, len(copy))
    _copies.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_copies.clear,
        after_in_child=_after_fork_in_child,
    )
