"""The one way from the name of a file to its bytes, and a folder of a disk.

Whatever else holds files, such as an archive or a store far away, is a `FileStore` too.
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from typing import Any, Protocol, Self, TypeVar

from ..paths import absolute, inside, open_inside_sized
from ..stages import stage

__all__ = ["ANYWHERE", "FileStore", "Folder", "Opened", "OpenedBytes", "OpenedFile", "Which"]

_PIECE = 1 << 18

Which = TypeVar("Which", contravariant=True)


class Opened(Protocol):
    """A file that is open for reading, at its beginning."""

    @property
    def size(self) -> int:
        """How many bytes it has."""

    def read(self, size: int = -1, /) -> bytes:
        """Returns as many bytes, fewer at the end alone; without a size all that are left."""

    def readinto(self, buffer: Any, /) -> int:
        """Reads into an array, which may not be filled; returns how many bytes there were."""

    def readv(self, buffers: Sequence[Any], /) -> int:
        """Reads into one array after the other; returns how many bytes there were in all."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Goes elsewhere; returns where that is."""

    def tell(self) -> int:
        """Returns the place of the next byte."""

    def fileno(self) -> int:
        """Returns the file descriptor; raises OSError where there is none."""

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> None: ...


class FileStore(Protocol[Which]):
    """Files by what names them, an index or a path; read from any thread or process.

    Attributes:
        has_paths: Whether they are files of their own.
    """

    has_paths: bool

    def read(self, which: Which, /) -> bytes:
        """Returns the bytes of a file.

        Raises:
            OSError, SourceError: It cannot be read.
        """

    def open(self, which: Which, /) -> Opened:
        """Opens a file for those who need but a part of it; the caller closes it.

        Raises:
            OSError, SourceError: It cannot be read.
        """

    def path(self, which: Which, /) -> str:
        """Returns the path of a file that is there, where `has_paths`.

        Raises:
            OSError, SourceError: It cannot be read.
        """

    def name(self, which: Which, /) -> str | None:
        """Returns what to call a file in errors, or None."""


class OpenedFile:
    """A file of a disk. `io.FileIO` would cost as much again as reading a small array.

    Args:
        number: The file descriptor, which is closed at the end.
        size: Of the file, in bytes.
    """

    __slots__ = ("_number", "size")

    def __init__(self, number: int, size: int) -> None:
        self._number, self.size = number, size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._number)

    @stage("read")
    def read(self, size: int = -1, /) -> bytes:
        """Returns as many bytes, fewer at the end alone; without a size all that are left."""
        left = max(0, self.size - self.tell()) if size < 0 else size
        pieces = [os.read(self._number, left)]
        while pieces[-1] and (left := left - len(pieces[-1])):
            pieces.append(os.read(self._number, left))
        return b"".join(pieces)

    @stage("read")
    def readinto(self, buffer: Any, /) -> int:
        """Reads into an array, which may not be filled; returns how many bytes there were."""
        if hasattr(os, "readv"):
            return os.readv(self._number, (buffer,))
        with io.FileIO(self._number, closefd=False) as file:  # Windows.
            return file.readinto(buffer) or 0

    @stage("read")
    def readv(self, buffers: Sequence[Any], /) -> int:
        """Reads into one array after the other; returns how many bytes there were in all."""
        if hasattr(os, "readv"):
            return os.readv(self._number, buffers)
        return sum(map(self.readinto, buffers))

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Goes elsewhere; returns where that is."""
        return os.lseek(self._number, offset, whence)

    def seekable(self) -> bool:
        """True: `zipfile` asks."""
        return True

    def tell(self) -> int:
        """Returns the place of the next byte."""
        return os.lseek(self._number, 0, os.SEEK_CUR)

    def fileno(self) -> int:
        """Returns the file descriptor."""
        return self._number


class OpenedBytes(io.BytesIO):
    """Bytes that are opened as a file.

    Of a damaged sound, libsndfile tries places before the beginning; what is raised in its
    callbacks is printed.
    """

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return self.getbuffer().nbytes

    def readv(self, buffers: Sequence[Any], /) -> int:
        """Reads into one array after the other; returns how many bytes there were in all."""
        return sum(map(self.readinto, buffers))

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Goes elsewhere; returns where that is, or -1 where there is nothing."""
        try:
            return super().seek(offset, whence)
        except ValueError:
            return -1


class Folder:
    """Files of a disk by their paths.

    Args:
        root: The folder they are relative to, and may not lie outside of; None for any path.
    """

    has_paths = True

    def __init__(self, root: str | os.PathLike[str] | None = None) -> None:
        self.root = None if root is None else absolute(root)

    @stage("read")
    def read(self, path: str, /) -> bytes:
        """Reads a file whole, in few calls to the system: a thread loses its turn at each.

        Raises:
            OSError: The system refuses.
            SourceError: The file lies outside the folder, is no regular one, or that is no path.
        """
        fd, size = open_inside_sized(self.root, path)
        # A read that gives nothing is the only sure sign of the end, but for one that stops short
        # of what was asked for where the file's size says it should.
        try:
            pieces = [os.read(fd, size + 1)]
            while pieces[-1] and len(pieces[0]) != size:
                pieces.append(os.read(fd, _PIECE))
        finally:
            os.close(fd)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def open(self, path: str, /) -> OpenedFile:
        """Opens a file.

        Raises:
            OSError, SourceError: As `read`.
        """
        return OpenedFile(*open_inside_sized(self.root, path))

    def path(self, path: str, /) -> str:
        """Returns the path of a file that can be opened, for those who open it themselves.

        Raises:
            OSError, SourceError: As `read`.
        """
        with self.open(path):
            return path if self.root is None else inside(self.root, path)

    def name(self, path: str, /) -> str:
        """Returns what to call a file in errors."""
        return os.path.join(self.root or "", path)


ANYWHERE = Folder()
"""Files by paths that may lead anywhere."""
