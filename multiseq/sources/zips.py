"""Members of a zip archive by name, read from any thread or process without an open handle."""

from __future__ import annotations

import os
import posixpath
import struct
import zlib
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from ..errors import SourceError
from ..stages import stage
from .folders import ANYWHERE

__all__ = ["ZipMembers", "is_zip", "names_in_zip"]

# APPNOTE.TXT, 4.3.7: the header before each member's data.
_HEADER = struct.Struct("<26xHH")
_STORED, _DEFLATED = 0, 8
_ENCRYPTED = 1
_NOT_FOUND, _UNREADABLE = -1, -2
_FIELDS = ("header_offset", "compress_size", "file_size", "compress_type", "CRC")


def is_zip(path: str | os.PathLike[str]) -> bool:
    """Whether a path is that of a file whose name ends in .zip."""
    return os.fspath(path).lower().endswith(".zip") and os.path.isfile(path)


def names_in_zip(path: str | os.PathLike[str], pattern: str) -> list[str]:
    """Returns the names of the members that a pattern matches, as `glob` matches files.

    Raises:
        SourceError: It is no zip archive.
    """
    wanted = posixpath.normpath(pattern).split("/")
    return [name for name in _infos(path) if _matches(name.split("/"), wanted)]


class ZipMembers:
    """The bytes of members of an archive.

    The list of an archive's members is read once, and what is needed of it kept in one array,
    which worker processes share. To read a member, the archive is opened and closed again, as a
    file of a folder is: so there is no handle to share, to pickle or to leave open.

    Args:
        path: The archive.
        names: Of the members. One that does not exist raises when it is read.
        largest: Bytes; a member that is larger when unpacked is refused.

    Raises:
        SourceError: It is no zip archive.
    """

    def __init__(
        self, path: str | os.PathLike[str], names: Iterable[str], largest: int | None
    ) -> None:
        self._path, self._largest = os.fspath(path), largest
        infos = _infos(path)
        found = (infos.get(name) or infos.get(posixpath.normpath(name)) for name in names)
        self._places = np.array(list(map(_place, found)), np.int64)

    @stage("read")
    def read(self, index: int, /) -> bytes:
        """Returns one member, unpacked.

        Raises:
            SourceError: It is missing, damaged, encrypted, or too large to be unpacked safely.
        """
        offset, packed, size, method, check = self._places[index].tolist()
        if offset == _NOT_FOUND:
            raise SourceError(
                "the archive has no such member", fix="correct the name, or leave its key out"
            )
        if offset == _UNREADABLE:
            raise SourceError(
                "the member is encrypted or packed by an unusual method",
                expected="members that are stored or deflated, as zip does by default",
                fix="pack the archive again",
            )
        if self._largest is not None and size > self._largest:
            raise SourceError(
                "the member is too large to be unpacked safely",
                got=f"{size} bytes",
                expected=f"at most {self._largest}",
                fix="if you trust the archive, raise PIL.Image.MAX_IMAGE_PIXELS before you make "
                "the sequence",
            )
        try:
            data = _unpacked(self._read(offset, packed), method, size)
        except (OSError, struct.error, zlib.error) as error:
            raise _damaged(str(error)) from error
        if len(data) != size or zlib.crc32(data) != check:
            raise _damaged("other bytes than the archive's list says")
        return data

    def _read(self, offset: int, count: int) -> bytes:
        with ANYWHERE.open(self._path) as file:
            file.seek(offset)
            name, extra = _HEADER.unpack(file.read(_HEADER.size))
            file.seek(name + extra, os.SEEK_CUR)
            return file.read(count)


def _unpacked(data: bytes, method: int, size: int) -> bytes:
    if method == _STORED:
        return data
    # One byte more than there should be tells of a member that is larger than it claims.
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, size + 1)


def _place(info: Any) -> tuple[int, ...]:
    if info is None:
        return (_NOT_FOUND, 0, 0, 0, 0)
    if info.flag_bits & _ENCRYPTED or info.compress_type not in (_STORED, _DEFLATED):
        return (_UNREADABLE, 0, 0, 0, 0)
    return tuple(getattr(info, field) for field in _FIELDS)


def _infos(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The archive's list of files by name."""
    import zipfile

    try:
        with ANYWHERE.open(os.fspath(path)) as file, zipfile.ZipFile(file) as archive:
            infos = archive.infolist()
        for info in infos:
            if info.filename.count("/") > _DEEPEST or info.file_size > _LARGEST:
                raise ValueError(f"a member of {info.file_size} bytes, {info.filename!r:.100}")
        return {info.filename: info for info in infos if not info.is_dir()}
    except Exception as error:  # A damaged archive can make it fail in any way.
        raise SourceError(
            f"{os.fspath(path)!r} cannot be read as a zip archive",
            got=str(error),
            fix="restore the file, or correct its path",
        ) from error


_DEEPEST, _LARGEST = 200, 1 << 62  # Folders; bytes that an integer holds.


def _matches(parts: list[str], pattern: list[str]) -> bool:
    """Whether a name matches a pattern, part by part; `**` stands for any number of folders."""
    if not pattern or not parts:
        return not pattern and not parts
    first, *rest = pattern
    if first == "**":
        return _matches(parts, rest) or (parts[0][:1] != "." and _matches(parts[1:], pattern))
    hidden = parts[0].startswith(".") and not first.startswith(".")
    return not hidden and fnmatchcase(parts[0], first) and _matches(parts[1:], rest)


def _damaged(got: str) -> SourceError:
    return SourceError(
        "the member is damaged, or the archive has changed since the sequence was made",
        got=got,
        fix="restore the archive, or leave the member's key out",
    )
