"""Reads `.npy` and `.npz` files as `numpy.load` does, without pickles and several times as fast.

Parsing a header costs more than reading a small array. The files of a dataset have a handful of
different headers between them, so each is parsed once; the size of every file is still held
against what its header promises.
"""

from __future__ import annotations

import functools
import io
import math
import zipfile
from collections.abc import Sequence
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from ...errors import SourceError
from ...memory import aligned_empty
from ...sources.folders import ANYWHERE, FileStore, Opened
from .templates import no_such_field

__all__ = ["ArrayStack", "read_npz"]

_MAGIC = b"\x93NUMPY"
_USUAL_HEADER = 128  # NumPy pads its headers to a multiple of 64 bytes; few are longer.

_PIECE = 1 << 20

# Zeros shrink to a thousandth, so a small archive may claim any size: what is harmless in memory
# may be packed as it will, such as masks; beyond, no better than measured data are.
_HARMLESS, _MOST_RATIO = 1 << 30, 100


class ArrayStack:
    """Reads `.npy` files one after the other, into the rows of one array while all are alike.

    Args:
        count: How many files will be read.
        files: Where they are.
    """

    def __init__(self, count: int, files: FileStore[str] = ANYWHERE) -> None:
        self._count, self._files = count, files
        self._rows: npt.NDArray[Any] | None = None
        self._arrays: list[npt.NDArray[Any]] = []
        self._ragged = False
        self._header: _Header | None = None  # Of the first file, where its bytes are the array's.
        self._raw = bytearray()

    def read(self, path: str) -> None:
        """Reads the next file.

        Raises:
            SourceError: The file is damaged, or holds pickled objects.
            OSError: The file cannot be opened.
        """
        with self._files.open(path) as file:
            array = self._as_before(file)
            if array is None:
                header = _read_header(file, file.size)
                array = self._room(header)
                _fill(array, file, header)
        self._arrays.append(array)

    def result(self) -> npt.NDArray[Any] | list[npt.NDArray[Any]]:
        """What was read: (count, *shape of one) in one array, or a list if they differ."""
        return self._arrays if self._rows is None or self._ragged else self._rows

    def _as_before(self, file: Opened) -> npt.NDArray[Any] | None:
        """Reads header and data at once, where they are as those of the first file."""
        header = self._header
        if header is None or self._rows is None or file.size != header.end:
            return None
        array = self._rows[len(self._arrays), ...]
        if file.readv((self._raw, array)) == file.size and self._raw == header.raw:
            return array
        file.seek(0)
        return None

    def _room(self, header: _Header) -> npt.NDArray[Any]:
        if self._rows is None:
            self._rows = aligned_empty((self._count, *header.shape), header.native)
            if header.is_straight:
                self._header, self._raw = header, bytearray(len(header.raw))
        if self._rows.shape[1:] == header.shape and self._rows.dtype == header.native:
            return self._rows[len(self._arrays), ...]
        self._ragged = True
        return np.empty(header.shape, header.native)


def read_npz(
    path: str, names: Sequence[str], files: FileStore[str] = ANYWHERE
) -> list[npt.NDArray[Any]]:
    """Reads arrays of an archive by name.

    Args:
        path: The archive.
        names: Of the arrays.
        files: Where it is.

    Raises:
        SourceError: The archive is damaged, lacks an array, or holds pickled objects.
        OSError: The file cannot be opened.
    """
    try:
        with files.open(path) as file, zipfile.ZipFile(file) as archive:
            return [_read_member(archive, name) for name in names]
    except (SourceError, OSError):
        raise
    except Exception as error:  # A damaged archive can make it fail in any way.
        raise SourceError(
            "the archive is damaged, or is none",
            got=f"{type(error).__name__}: {error}",
            expected="an archive by `numpy.savez`",
            fix="write the file again",
        ) from error


def _read_member(archive: zipfile.ZipFile, name: str) -> npt.NDArray[Any]:
    known = [member[:-4] for member in archive.namelist() if member.endswith(".npy")]
    if name not in known:
        raise no_such_field("array", name, known)
    info = archive.getinfo(f"{name}.npy")
    if info.file_size > max(_HARMLESS, info.compress_size * _MOST_RATIO):
        raise SourceError(
            "the array is too large to be unpacked safely",
            got=f"{info.file_size} bytes, packed in {info.compress_size}",
            expected=f"at most {_HARMLESS} bytes, or {_MOST_RATIO} times as many as are packed",
            fix="if you trust the file, save its arrays with `numpy.save` or `numpy.savez`",
        )
    with archive.open(info) as opened:
        member = _Member(opened)
        header = _read_header(member, info.file_size)
        array = np.empty(header.shape, header.native, "F" if header.transposed else "C")
        _fill(array, member, header)
    return array


class _Member:
    """A member of an archive, unpacked piece by piece: its own `readinto` holds all of it twice."""

    def __init__(self, opened: IO[bytes]) -> None:
        self.read, self.seek = opened.read, opened.seek

    def readinto(self, array: npt.NDArray[Any]) -> int:
        room = array.reshape(-1).view(np.uint8)
        piece = self.read(min(len(room), _PIECE))
        room[: len(piece)] = np.frombuffer(piece, np.uint8)
        return len(piece)


class _Header:
    """How an array lies in its file: its raw header, shape, dtype, order, and where it ends."""

    __slots__ = ("dtype", "end", "is_straight", "native", "raw", "shape", "size", "transposed")

    def __init__(
        self, shape: tuple[int, ...], fortran: bool, dtype: np.dtype[Any], raw: bytes
    ) -> None:
        self.shape = shape
        self.dtype = dtype
        # The fields of a record may be of different byte orders, and are left as they are.
        self.native = dtype if dtype.kind == "V" else dtype.newbyteorder("=")
        self.raw = raw
        self.size = math.prod(shape) * dtype.itemsize
        self.end = len(raw) + self.size
        self.transposed = fortran and len(shape) > 1
        self.is_straight = not self.transposed and self.native == dtype and self.size > 0


def _read_header(file: Any, size: int) -> _Header:
    """Reads the header of an open file of `size` bytes and leaves it where the data begin."""
    head = file.read(_USUAL_HEADER)
    if head[:6] != _MAGIC:
        raise _not_npy(head)
    width = 2 if head[6:7] == b"\1" else 4
    offset = 8 + width + int.from_bytes(head[8 : 8 + width], "little")
    if offset > len(head):
        head += file.read(offset - len(head))
    elif offset < len(head):
        file.seek(offset)
    header = _parse_header(head[:offset])
    if size != header.end:
        raise SourceError(
            "the array is cut short" if size < header.end else "bytes follow the array",
            got=f"{size} bytes",
            expected=f"{header.end} bytes: {offset} of header, and an array of shape "
            f"{header.shape} and dtype {header.dtype}",
            fix="write the file again",
        )
    return header


@functools.lru_cache(maxsize=1024)
def _parse_header(head: bytes) -> _Header:
    stream = io.BytesIO(head)
    try:
        old = npy.read_magic(stream) == (1, 0)
        read = npy.read_array_header_1_0 if old else npy.read_array_header_2_0
        shape, fortran, dtype = read(stream)
    except Exception as error:  # The header is text from outside: it can fail in any way.
        raise SourceError(
            "the header of the array makes no sense",
            got=str(error),
            fix="write the file again with `numpy.save`",
        ) from error
    if dtype.hasobject:
        raise _pickled(f"an array of dtype {dtype}")
    if min(shape, default=0) < 0:
        raise SourceError(
            "the header of the array makes no sense",
            got=f"shape {shape}",
            fix="write the file again with `numpy.save`",
        )
    return _Header(shape, fortran, dtype, head)


def _fill(array: npt.NDArray[Any], file: Any, header: _Header) -> None:
    """Reads the data of an open file into an array of the header's shape and native dtype."""
    place = array.T if header.transposed else array
    target: Any = place if place.flags.c_contiguous else np.empty(place.shape, header.native)
    done = file.readinto(target)
    while done < header.size:  # Archives and network file systems give less than asked for.
        more = file.readinto(target.reshape(-1).view(np.uint8)[done:])
        if not more:
            raise SourceError("the file shrank while it was read", fix="let nothing write to it")
        done += more
    if header.native != header.dtype:
        target.byteswap(inplace=True)
    if target is not place:
        place[...] = target


def _not_npy(head: bytes) -> SourceError:
    if head[:1] == b"\x80":
        return _pickled("a file that begins as a pickle")
    return SourceError(
        "the file is not a .npy file" if head else "the file is empty",
        got=f"a file that begins with {head[:8]!r}" if head else "0 bytes",
        expected=f"{_MAGIC!r} at its start",
        fix="write it with `numpy.save`",
    )


def _pickled(got: str) -> SourceError:
    return SourceError(
        "the file holds pickled Python objects, which are never loaded: they can run any code",
        got=got,
        expected="an array of numbers or text",
        fix="convert it where it was made: `numpy.save(path, numpy.asarray(data, 'float32'))`",
    )
