"""Memory that processes share, and that no crash leaves behind.

Which kind it is, what the system can do decides: a file without a name, which workers inherit
(`memfd_create`, or an unlinked temporary file where that is missing, as on macOS); or, where files
are not inherited, named memory that is gone with the last process that has it open (Windows).
"""

from __future__ import annotations

import abc
import contextlib
import mmap
import os
import secrets
import tempfile
import weakref
from typing import Any

import numpy as np

from ...errors import MultiseqError
from ..descriptors import fill_streams

__all__ = ["Memory", "attach", "create"]

_SEGMENT_BITS = 40  # A terabyte each.
_ZEROS = bytes(1 << 20)


class Memory(abc.ABC):
    """Memory that grows, at offsets that mean the same in each process.

    Attributes:
        address: By which another process attaches to it.
        inherited: File descriptors that this process must hand down to it for that.
    """

    address: str
    inherited: tuple[int, ...] = ()

    @abc.abstractmethod
    def grow(self, size: int) -> int:
        """Adds so many bytes, a multiple of the page size, and returns their offset.

        They are reserved now, so that a full machine is an error here and not a bus error later.

        Raises:
            MultiseqError: There is not enough memory.
        """

    @abc.abstractmethod
    def view(self, offset: int, size: int) -> Any:
        """Returns some of it as an array, uint8, which lives on when the memory is closed."""

    def discard(self, offset: int, size: int) -> None:  # noqa: B027 (it may do nothing)
        """Says that these bytes will not be used again."""

    @abc.abstractmethod
    def close(self) -> None:
        """Lets go of it; views stay as they are."""


def create(name: str) -> Memory:
    """Returns new memory, of no bytes.

    Args:
        name: What is shown where the system lists files.
    """
    fill_streams()
    if not hasattr(os, "register_at_fork"):
        return NamedMemory(f"{name}-{secrets.token_hex(8)}")
    if hasattr(os, "memfd_create"):
        return FileMemory(os.memfd_create(name, os.MFD_CLOEXEC))
    with tempfile.TemporaryFile(prefix=name) as file:
        return FileMemory(os.dup(file.fileno()))


def attach(address: str, readonly: bool = False) -> Memory:
    """Returns memory that another process has created."""
    if not address.isdecimal():
        return NamedMemory(address, readonly)
    fd = int(address)
    os.set_inheritable(fd, False)
    return FileMemory(fd, readonly)


class FileMemory(Memory):
    """A file without a name.

    Args:
        fd: Its descriptor, which is closed with this.
        readonly: Whether views cannot be written to.
    """

    def __init__(self, fd: int, readonly: bool = False) -> None:
        self.address, self.inherited = str(fd), (fd,)
        self._fd, self._access = fd, mmap.ACCESS_READ if readonly else mmap.ACCESS_WRITE
        self._map: Any = b""
        self.close = weakref.finalize(self, os.close, fd)  # type: ignore[method-assign]

    def grow(self, size: int) -> int:
        """Adds so many bytes."""
        start = os.fstat(self._fd).st_size
        try:
            _reserve(self._fd, start, size)
            self._map = self._mapped()
        except OSError as error:
            raise _too_little(error, start + size) from error
        return start

    def view(self, offset: int, size: int) -> Any:
        """Returns some of it as an array."""
        if offset + size > len(self._map):
            self._map = self._mapped()
        return np.frombuffer(self._map, np.uint8, size, offset)

    def discard(self, offset: int, size: int) -> None:
        """Gives the memory back to the system; elsewhere than on Linux it stays unused."""
        if hasattr(mmap, "MADV_REMOVE"):
            with contextlib.suppress(OSError):  # Not every file system can.
                self._map.madvise(mmap.MADV_REMOVE, offset, size)

    def close(self) -> None:
        """Replaced by a finalizer."""

    def _mapped(self) -> Any:
        # One map of all, since each holds a descriptor; views keep the one they look into.
        return mmap.mmap(self._fd, 0, access=self._access)


def _reserve(fd: int, start: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(fd, start, size)
        return
    for at in range(start, start + size, len(_ZEROS)):
        os.pwrite(fd, _ZEROS[: start + size - at], at)


class NamedMemory(Memory):
    """Memory by name, in segments; Windows forgets a name with the last process that has it open.

    Args:
        name: Of this memory; that of a segment has its number behind it.
        readonly: Whether views cannot be written to.
    """

    def __init__(self, name: str, readonly: bool = False) -> None:
        self.address = name
        self._access = mmap.ACCESS_READ if readonly else mmap.ACCESS_WRITE
        self._segments: dict[int, Any] = {}

    def grow(self, size: int) -> int:
        """Adds a segment of so many bytes."""
        number = len(self._segments)
        try:
            self._segments[number] = self._mapped(number, size)
        except OSError as error:
            raise _too_little(error, size) from error
        return number << _SEGMENT_BITS

    def view(self, offset: int, size: int) -> Any:
        """Returns some of a segment as an array."""
        number, start = offset >> _SEGMENT_BITS, offset & ((1 << _SEGMENT_BITS) - 1)
        segment = self._segments.get(number, b"")
        if start + size > len(segment):
            segment = self._segments[number] = self._mapped(number, start + size)
        return np.frombuffer(segment, np.uint8, size, start)

    def close(self) -> None:
        """Lets go of the segments."""
        self._segments.clear()

    def _mapped(self, number: int, size: int) -> Any:
        name: Any = {"tagname": f"{self.address}-{number}"}
        return mmap.mmap(-1, size, access=self._access, **name)


def _too_little(error: OSError, size: int) -> MultiseqError:
    return MultiseqError(
        "there is not enough memory to share with worker processes",
        got=f"{error.strerror}, at {size} bytes",
        fix="use smaller batches, fewer workers, a smaller max_queue_size, or threads",
    )
