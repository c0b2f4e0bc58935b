"""Files of raw records, which are served: each by a path, by its bytes, or read already."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from ..errors import ArgumentError
from .files import Root, file_store, unwrapped
from .folders import FileStore, Opened
from .foreign import Foreign

__all__ = ["RawFiles", "RawForeign"]


class RawFiles:
    """Files of records, paths and bytes side by side.

    Args:
        items: Of the records: paths, bytes, or dicts of "bytes" and "path".
        root: The folder or archive that paths are relative to, and may not lead out of.
        what: What a file holds, for errors.
        largest: Bytes; a larger member of an archive is refused.
        written: Makes the bytes of a file of what is neither; None where that is read already.

    Raises:
        ArgumentError: An item is neither, and cannot be written; it says which record's.
    """

    def __init__(
        self,
        items: Sequence[Any],
        root: Root,
        what: str,
        largest: int | None,
        written: Callable[[Any], bytes] | None,
    ) -> None:
        files = list(map(unwrapped, items))
        if written is not None:
            files = [_written(written, item, number) for number, item in enumerate(files)]
        self._stores = [
            file_store([item if _is_file(item) else b""], None, root, f"{what} file", largest)
            for item in files
        ]
        self.has_paths = all(
            store.has_paths
            for store, item in zip(self._stores, files, strict=True)
            if _is_file(item)
        )

    def read(self, index: int, /) -> bytes:
        """Returns the bytes of a record's file."""
        return self._stores[index].read(0)

    def open(self, index: int, /) -> Opened:
        """Opens a record's file."""
        return self._stores[index].open(0)

    def path(self, index: int, /) -> str:
        """Returns the path of a record's file."""
        return self._stores[index].path(0)

    def name(self, index: int, /) -> str | None:
        """Returns what to call a record's file in errors, or None."""
        return self._stores[index].name(0)


class RawForeign(Foreign):
    """A user's function for the files of records; what was read already is taken as it is.

    Args:
        foreign: Calls the function.
        items: Of the records.
    """

    def __init__(self, foreign: Foreign, items: Sequence[Any]) -> None:
        super().__init__(foreign.function)
        self._items = items

    def read(self, files: FileStore[Any], which: Any) -> Any:
        """Returns what the function returns for a record's file, or what the record holds."""
        item = self._items[which]
        return super().read(files, which) if _is_file(unwrapped(item)) else item


def _written(written: Callable[[Any], bytes], item: Any, number: int) -> Any:
    """Returns what is a file as it is, and the bytes of one that holds anything else."""
    if _is_file(item):
        return item
    try:
        return written(item)
    except ArgumentError as error:
        error.what = f"record {number}: {error.what}"
        raise


def _is_file(item: Any) -> bool:
    return isinstance(item, str | os.PathLike | bytes | bytearray | memoryview)
