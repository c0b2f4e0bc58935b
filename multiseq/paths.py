"""Where a file may lie: the one check between a manifest's text and the file system."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from typing import Any

from multiseq.errors import SourceError

from .stages import stage

__all__ = [
    "absolute",
    "inside",
    "open_inside",
    "open_inside_sized",
    "open_regular",
    "write_whole",
]

_READ = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
# Opening a FIFO waits for who writes to it, for ever perhaps.
_READ |= getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_SEPARATOR = os.sep
_HARMLESS = 1 << 20


def absolute(path: str | os.PathLike[str]) -> str:
    """Returns a path that stays the same file when the current directory changes."""
    return os.path.abspath(path)


def open_regular(path: str | os.PathLike[str], flags: int = 0) -> int:
    """Opens a file for reading, if it is a regular one.

    Args:
        path: The file.
        flags: Added to those of `os.open`.

    Returns:
        A file descriptor.

    Raises:
        OSError: The system refuses.
        SourceError: It is a pipe, a device, a socket or a folder: reading would never end.
    """
    return _open_sized(path, flags)[0]


def _open_sized(path: str | os.PathLike[str], flags: int = 0) -> tuple[int, int]:
    fd = os.open(path, _READ | flags)
    try:
        size = os.lseek(fd, 0, os.SEEK_END)
        if 0 < size < _HARMLESS:  # No pipe or endless device; to look closer takes twice as long.
            os.lseek(fd, 0, os.SEEK_SET)
            return fd, size
    except OSError:  # Of a pipe.
        pass
    found = os.fstat(fd)
    mode = found.st_mode
    if stat.S_ISREG(mode):
        os.lseek(fd, 0, os.SEEK_SET)
        return fd, found.st_size
    os.close(fd)
    raise SourceError(
        "the file cannot be read: it is no regular file",
        got=f"{os.fspath(path)!r}, {'a folder' if stat.S_ISDIR(mode) else 'a pipe or a device'}",
        expected="a file on disk",
        fix="correct the path, write its contents to a file, or leave its key out",
    )


def write_whole(path: str | os.PathLike[str], data: bytes) -> None:
    """Writes a file as a whole or not at all: what was there stays until the new one is complete.

    Raises:
        SourceError: It cannot be written.
    """
    target = os.path.realpath(path)
    temporary = None
    try:
        fd, temporary = tempfile.mkstemp(dir=os.path.dirname(target), prefix=".", suffix=".tmp")
        with open(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, _mode_of(target))
        os.replace(temporary, target)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        raise SourceError(
            f"{os.fspath(path)!r} cannot be written",
            got=error.strerror or str(error),
            fix="choose a path in a folder that can be written to, on a disk with room",
        ) from error


def _mode_of(path: str) -> int:
    """The permissions of a file that is replaced; else those that a new one gets."""
    try:
        return stat.S_IMODE(os.stat(path).st_mode)
    except FileNotFoundError:
        return 0o644


def inside(root: str | os.PathLike[str], relative: str | os.PathLike[str]) -> str:
    """Joins a path from a manifest to the folder that it may not leave.

    What counts is where the file really lies: an absolute path or one with `..` is accepted if
    it ends inside `root`, a symbolic link that leads out of it is refused. The file need not
    exist. Costs a few microseconds and one `lstat` for each part of `relative`.

    The check protects from what a manifest or an unpacked archive says, not from someone who
    swaps folders for links while the program runs.

    Args:
        root: The folder.
        relative: A path below it, as text or `pathlib.Path`.

    Returns:
        The path of the file.

    Raises:
        SourceError: The file lies outside `root`, or `relative` is no path at all.
    """
    folder, text = os.fspath(root), _text(relative)
    path = os.path.join(folder, text)
    if _is_plain(folder, text) or _is_below(folder, path):
        return path
    raise SourceError(
        "a path leaves its root folder",
        got=f"{text!r}, which is {os.path.realpath(path)!r}",
        expected=f"a file inside {os.path.realpath(folder)!r}",
        fix="correct the path, or pass as `root` a folder that holds all the files",
    )


def open_inside(root: str | os.PathLike[str] | None, relative: str | os.PathLike[str]) -> int:
    """Opens a file for reading: `inside`, and `os.open` of what that returns.

    A file that lies in `root` itself and is no link is opened at once, as most are.

    Args:
        root: The folder; None for any.
        relative: A path below it.

    Returns:
        A file descriptor.

    Raises:
        OSError: The system refuses.
        SourceError: The file lies outside `root`, or `relative` is no path at all.
    """
    return open_inside_sized(root, relative)[0]


@stage("open")
def open_inside_sized(
    root: str | os.PathLike[str] | None, relative: str | os.PathLike[str]
) -> tuple[int, int]:
    """`open_inside`, and the size of the file in bytes."""
    if root is None:
        return _open_sized(relative)
    text = relative if type(relative) is str else _text(relative)
    if _NO_LINK and _SEPARATOR not in text and text != "..":
        try:
            return _open_sized(f"{root}{_SEPARATOR}{text}", _NO_LINK)
        except (OSError, ValueError):  # Such as a link, or a NUL character: `inside` tells.
            pass
    return _open_sized(inside(root, text))


def _text(relative: Any) -> str:
    """The path as text; a missing value of a table, bytes and NUL characters end here."""
    try:
        text = os.fspath(relative)
    except TypeError:
        text = relative
    if isinstance(text, str) and "\0" not in text:
        return text
    raise SourceError(
        "this is not a path",
        got=relative,
        expected="text or a pathlib.Path",
        fix="drop the rows without a file, or correct them",
    )


def _is_plain(folder: str, text: str) -> bool:
    """Whether `text` goes down only, through no link: then there is nothing to resolve."""
    if os.path.isabs(text) or os.path.splitdrive(text)[0]:
        return False
    path = folder
    for part in text.replace(os.altsep or os.sep, os.sep).split(os.sep):
        if part == os.pardir:
            return False
        path = os.path.join(path, part)
        try:
            status = os.lstat(path)
        except OSError:
            return _is_below(folder, os.path.join(folder, text))
        # A Windows junction is no symbolic link, yet leads elsewhere.
        if stat.S_ISLNK(status.st_mode) or getattr(status, "st_reparse_tag", False):
            return False
    return True


def _is_below(folder: str, path: str) -> bool:
    real_folder, real = os.path.realpath(folder), os.path.realpath(path)
    try:
        return os.path.commonpath((real_folder, real)) == real_folder
    except ValueError:  # Another drive.
        return False
