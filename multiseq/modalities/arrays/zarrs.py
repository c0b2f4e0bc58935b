"""Arrays of Zarr, read by rows; a chunk that is gone is an error."""

from __future__ import annotations

import itertools
import math
import os
from typing import Any

import numpy as np

from ...errors import ArgumentError
from .stores import MOST_CHUNKS, Array, Ints, Store, check_rows, reading

__all__ = ["Zarr", "open_zarr"]


class Zarr(Store):
    """A Zarr array, of version 2 or 3."""

    def __init__(self, array: Any) -> None:
        super().__init__(array.shape, array.dtype)
        self._array = array
        self._files = _chunk_files(array)

    def _read(self, rows: Ints, out: Array, places: Ints) -> None:
        with reading(repr(self._array)):
            self._read_rows(rows, out, places)
            if self._files is not None:  # Zarr fills in what it does not find.
                step, files = self._files
                for number in np.unique(rows // step).tolist():
                    for path in files[number]:
                        os.stat(path)

    def _read_rows(self, rows: Ints, out: Array, places: Ints) -> None:
        first, last = int(rows[0]), int(rows[-1])
        if last - first == len(rows) - 1 and (np.diff(rows) == 1).all():
            out[places] = self._array[first : last + 1]
        else:
            out[places] = self._array.oindex[rows]


def _chunk_files(array: Any) -> tuple[int, list[list[str]]] | None:
    """The rows of a chunk, and for each row of chunks the files there are: not all need be.

    None where they are no files, or too many.
    """
    root = getattr(getattr(array, "store", None), "root", None)
    encode = getattr(getattr(array, "metadata", None), "encode_chunk_key", None)
    steps = getattr(array, "shards", None) or array.chunks
    counts = [-(-n // step) for n, step in zip(array.shape, steps, strict=True)]
    if root is None or encode is None or math.prod(counts) > MOST_CHUNKS:
        return None
    folder = os.path.abspath(os.path.join(root, array.path))
    files: list[list[str]] = [[] for _ in range(counts[0])]
    for corner in itertools.product(*map(range, counts)):
        if os.path.exists(path := os.path.join(folder, encode(corner))):
            files[corner[0]].append(path)
    return int(steps[0]), files


def open_zarr(name: str, array: Any) -> Store:
    """Returns a `zarr.Array` as a store.

    Raises:
        ArgumentError: It is a group, or of something else than numbers.
    """
    if not hasattr(array, "oindex"):
        raise ArgumentError(f"{name} is no array", got=repr(array), fix="take one: group['name']")
    check_rows(name, array, "array[...].astype(str)")
    return Zarr(array)
