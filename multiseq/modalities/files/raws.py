"""Values of raw records, in the place of the files that they are read from in training."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from ...errors import at_input
from ...sources.raws import RawFiles
from .leaves import FileLeaf, column_of, value_of

__all__ = ["RawFile"]

_FILES = (os.PathLike, bytes, bytearray, memoryview)


class RawFile:
    """One input of raw records; it is asked as a `File` is, with the numbers of records as keys.

    Args:
        leaf: The input.
        values: Of the records: what stands in the files; or a `pathlib.Path` or the bytes of a file
            that is read as in training.
        root: The folder that paths are relative to, and may not lead out of.

    Attributes:
        leaves: The input, by itself.
    """

    def __init__(self, leaf: FileLeaf, values: Sequence[Any], root: str | None) -> None:
        self.leaves, self._values = [leaf], values
        files = [value if isinstance(value, _FILES) else b"" for value in values]
        self._files = RawFiles(files, root, str(leaf.name), None, None)

    def read(self, keys: Sequence[int]) -> list[Any]:
        """Returns the values of some records, as a `File` does."""
        (leaf,) = self.leaves
        with at_input(leaf.name):
            values = [self._value(leaf, key) for key in keys]
            names = [f"record {key}" for key in keys]
            return [column_of(values, names, leaf.may_lack)]

    def _value(self, leaf: FileLeaf, key: int) -> Any:
        value = self._values[key]
        return value_of(leaf, self._files, key) if isinstance(value, _FILES) else value
