"""Where the bytes of files come from: a folder, a zip archive, or a column of a table."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ArgumentError, few
from ..keys.rows import AnyRows, rows_beside
from ..paths import absolute, inside
from .finding import attempt, file_keys, find_files
from .flat import FlatRows, FlatTexts
from .folders import FileStore, Folder, OpenedBytes, OpenedFile
from .items import check_items, check_keys, index_beside, items_and_keys
from .zips import ZipMembers, is_zip, names_in_zip

__all__ = ["Files", "Root", "file_store", "unwrapped"]

Root = str | os.PathLike[str] | None


class _InFolder:
    """Files of a folder, by index.

    Args:
        paths: Their paths.
        folder: Reads them.
    """

    has_paths = True

    def __init__(self, paths: FlatTexts, folder: Folder) -> None:
        self._paths, self._folder = paths, folder

    def read(self, index: int, /) -> bytes:
        return attempt(functools.partial(self._folder.read, self._paths[index]))

    def open(self, index: int, /) -> OpenedFile:
        return attempt(functools.partial(self._folder.open, self._paths[index]))

    def path(self, index: int, /) -> str:
        return attempt(functools.partial(self._folder.path, self._paths[index]))

    def name(self, index: int, /) -> str | None:
        return self._folder.name(self._paths[index])


class _WithoutPaths:
    """What is no file of its own."""

    has_paths = False

    def path(self, index: int, /) -> str:
        raise NotImplementedError


class _InZip(_WithoutPaths, ZipMembers):
    """Members of an archive, and their names."""

    def __init__(self, path: Any, names: FlatTexts, largest: int | None) -> None:
        super().__init__(absolute(path), (names[k] for k in range(len(names))), largest)
        self._names = names

    def open(self, index: int, /) -> OpenedBytes:
        return OpenedBytes(self.read(index))

    def name(self, index: int, /) -> str | None:
        return f"{self._path}/{self._names[index]}"


class _InMemory(_WithoutPaths):
    """Bytes of files: the caller's own objects here, one shared array in worker processes."""

    def __init__(self, items: list[Any]) -> None:
        self._items: list[Any] | FlatRows = items

    def read(self, index: int, /) -> bytes:
        return bytes(self._items[index])

    def open(self, index: int, /) -> OpenedBytes:
        return OpenedBytes(self.read(index))

    def name(self, index: int, /) -> str | None:
        return None

    def __getstate__(self) -> dict[str, Any]:
        items = self._items
        if not isinstance(items, FlatRows):
            joined = np.frombuffer(b"".join(items), np.uint8)
            items = FlatRows(joined, [len(item) for item in items])
        return {"_items": items}


@dataclass(frozen=True)
class Files:
    """The files of a source, the one way in for all modalities that read files.

    Attributes:
        store: Reads them.
        keys: Of the samples, as the base class takes them.
        rows: Those that keys were given beside.
        root: The folder or archive that paths are relative to, or None.
    """

    store: FileStore[int]
    keys: Any
    rows: tuple[AnyRows, ...]
    root: Root = None

    @classmethod
    def of(
        cls,
        source: Any,
        root: Root,
        keys: Any,
        what: str,
        suffixes: tuple[str, ...],
        largest: int | None,
        **parts: Any,
    ) -> Files:
        """Returns the files that a user's source stands for.

        Args:
            source: A folder, an archive or a pattern; paths or bytes in a list, Series or dict.
            root: The folder or zip archive that paths are relative to, and may not lead out of.
            keys: Of the samples, in the order of the source; None for its own.
            what: What a file holds, for errors.
            suffixes: Of the files that are listed; `("",)` for any.
            largest: Bytes; a larger member of an archive is refused.
            **parts: Targets and weights, which are by key where files have no order.

        Raises:
            AlignmentError: Keys and source are of other rows.
            ArgumentError: There are no files, or the source is none.
            SourceError: An archive cannot be read.
        """
        listed = isinstance(source, str | os.PathLike)
        if listed:
            source, root = _found(os.fspath(source), root, suffixes, what)
        items, own_keys = items_and_keys(source, f"{what} files")
        items = [unwrapped(item) for item in items]
        store = file_store(items, own_keys, root, f"{what} file", largest)
        if keys is None:
            keys = _keys_of(items) if own_keys is None else own_keys
            if listed:
                _check_matched_by_key(keys, parts)
        check_keys(keys, items, f"{what}s")
        beside = rows_beside(keys, index_beside(keys, own_keys))
        return cls(store, keys, beside, None if root is None else absolute(root))


def _found(source: str, root: Root, suffixes: tuple[str, ...], what: str) -> tuple[list[str], Root]:
    """Lists the files of a folder, an archive or a pattern, sorted, and what they are relative to.

    Args:
        source: A folder or a zip archive, of which all files with one of the suffixes are taken,
            or a pattern such as "train/*.jpg".
        root: The folder or the zip archive it is relative to.
        suffixes: In lower case, with their dots; `("",)` for any.
        what: What the files hold, for errors.

    Raises:
        ArgumentError: There are none.
        SourceError: An archive cannot be read.
    """
    whole = source if root is None else os.path.join(root, source)
    if is_zip(whole):
        root, source = whole if root is None else inside(root, source), "**/*"
        names = [name for name in names_in_zip(whole, source) if name.lower().endswith(suffixes)]
    elif root is not None and is_zip(root):
        names = names_in_zip(root, source)
    else:
        return find_files(source, root, suffixes, what)
    if not names:
        raise ArgumentError(
            f"no {what} files were found",
            got=f"{source!r} in {os.fspath(root)!r}",
            expected="an archive that holds some, or a pattern such as "
            f"ImageSequence('train/*{suffixes[0]}', root='photos.zip')",
            fix="correct the path; put a single file in a list",
        )
    return sorted(names), root


def _check_matched_by_key(keys: Any, parts: Mapping[str, Any]) -> None:
    """Raises ArgumentError for targets whose rows would be matched with the order of a listing.

    By their names, img10.png comes before img2.png: an order that hardly any array is in.

    Args:
        keys: Of the files that were found.
        parts: Targets or weights, or None: a Series or DataFrame, or a tuple or dict of those.
    """
    import pandas as pd

    for name, part in parts.items():
        leaves = list(part.values()) if isinstance(part, Mapping) else part
        for leaf in leaves if isinstance(part, Mapping | tuple) else [part]:
            if leaf is None or isinstance(leaf, pd.Series | pd.DataFrame):
                continue
            raise ArgumentError(
                f"a folder has no order of its own, in which it could be matched with {name}",
                got=leaf,
                expected=f"a Series whose index holds the keys: {few(keys, 3)}",
                fix="pass a Series by file name, pandas.Series(values, names); or list the files "
                "yourself, in the order of the values",
            )


def unwrapped(item: Any) -> Any:
    """Takes the bytes, or else the path, of an item such as {"bytes": ..., "path": ...}.

    That is how Arrow tables of Hugging Face hold images and sound.
    """
    if not isinstance(item, Mapping) or not item.keys() & {"bytes", "path"}:
        return item
    return item.get("path") if item.get("bytes") is None else item["bytes"]


def file_store(
    items: list[Any], keys: Any, root: Root, what: str, largest: int | None
) -> FileStore[int]:
    """Returns the files that items stand for: all paths, or all bytes.

    Args:
        items: Paths or bytes.
        keys: Their keys, for errors; None where positions are all they have.
        root: A folder or zip archive that paths are relative to, or None.
        what: What an item is, for errors.
        largest: Bytes; a larger member of an archive is refused.

    Raises:
        ArgumentError: An item is neither, or they are mixed.
        SourceError: The archive cannot be read.
    """
    in_memory = bool(items) and _is_bytes(items[0])
    check_items(
        items,
        keys,
        _is_bytes if in_memory else lambda item: isinstance(item, str | os.PathLike),
        what,
        "bytes, as the first one" if in_memory else "a path, as text or pathlib.Path",
    )
    if in_memory:
        return _InMemory(items)
    if root is not None:
        paths = FlatTexts(map(os.fspath, items))
        return _InZip(root, paths, largest) if is_zip(root) else _InFolder(paths, Folder(root))
    return _InFolder(FlatTexts(map(absolute, items)), Folder())


def _keys_of(items: list[Any]) -> Any:
    """The names of files where they differ, else their paths; the number of them for bytes."""
    if items and _is_bytes(items[0]):
        return len(items)
    return file_keys([os.fspath(item) for item in items])


def _is_bytes(item: Any) -> bool:
    return isinstance(item, bytes | bytearray | memoryview)
