"""Arrays that are not NumPy's, read by rows as if they were: HDF5, and pieces of files.

A store has a `shape`, a `dtype`, a length, `store[index]` and `take`, with which NumPy's own
arrays are read too. It holds no open file that could not be opened again, so it can be pickled.
"""

from __future__ import annotations

import abc
import itertools
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import ArgumentError, SourceError

__all__ = [
    "MOST_CHUNKS",
    "Chunks",
    "MappedRows",
    "Rearranged",
    "Store",
    "check_rows",
    "open_hdf5",
    "reading",
]

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]

MOST_CHUNKS = 1 << 20  # Finding out where one lies takes a microsecond.


class Store(abc.ABC):
    """An array that is read by rows.

    Args:
        shape: Of the array.
        dtype: Of the array.
    """

    def __init__(self, shape: tuple[int, ...], dtype: Any) -> None:
        self.shape, self.dtype = tuple(shape), np.dtype(dtype)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> Any:
        if np.ndim(index):
            return self.take(np.asarray(index))
        return self.take(np.array([index]))[0]

    def take(self, indices: Any, axis: int = 0, out: Any = None, mode: str = "clip") -> Array:
        """Returns rows, or writes them into `out`; as `numpy.ndarray.take` does.

        Raises:
            SourceError: They cannot be read.
        """
        if out is None:
            out = np.empty((len(indices), *self.shape[1:]), self.dtype)
        order = np.argsort(indices, kind="stable")
        self._read(indices[order], out, order)
        return out  # type: ignore[no-any-return]

    @abc.abstractmethod
    def _read(self, rows: Ints, out: Array, places: Ints) -> None:
        """Reads rows, the numbers of which do not decrease, to their places in `out`."""


class Chunks(Store):
    """Arrays, or stores, one behind the other.

    Args:
        pieces: Of which all rows are alike.
    """

    def __init__(self, pieces: Sequence[Any]) -> None:
        self._pieces = list(pieces)
        self._starts = np.cumsum([0, *map(len, pieces)])
        super().__init__((int(self._starts[-1]), *pieces[0].shape[1:]), pieces[0].dtype)

    def _read(self, rows: Ints, out: Array, places: Ints) -> None:
        numbers = np.searchsorted(self._starts, rows, "right") - 1
        for start, stop in _runs(np.diff(numbers) > 0):
            piece = numbers[start]
            within = rows[start:stop] - self._starts[piece]
            out[places[start:stop]] = self._pieces[piece][within]


class Rearranged(Store):
    """The rows of another store in another order; some perhaps left out, or several times.

    Args:
        rows: The other store.
        order: Which of its rows come, and when.
    """

    def __init__(self, rows: Any, order: Ints) -> None:
        super().__init__((len(order), *rows.shape[1:]), rows.dtype)
        self._rows, self._order = rows, order

    def _read(self, rows: Ints, out: Array, places: Ints) -> None:
        out[places] = self._rows[self._order[rows]]


class MappedRows(Store):
    """Rows that lie in pieces in a file, as bytes of their dtype.

    Args:
        path: The file.
        shape: Of the whole array.
        dtype: Of the whole array.
        starts: The first row of each piece, and behind them the number of rows.
        offsets: Where each piece begins in the file; of shape (pieces, cells).
        cell: Shape of a part of a row. All the parts of a piece's rows that are in the same cell
            lie together. A grid of cells covers a row; the outermost may reach beyond.
    """

    def __init__(
        self,
        path: str,
        shape: tuple[int, ...],
        dtype: Any,
        starts: Ints,
        offsets: Ints,
        cell: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__(shape, dtype)
        self._path, self._starts, self._offsets = path, starts, offsets
        self._cell = self.shape[1:] if cell is None else cell
        self._size = math.prod(self._cell) * self.dtype.itemsize
        self._windows: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_windows": None}

    def _read(self, rows: Ints, out: Array, places: Ints) -> None:
        windows, row = self._mapped(), self.shape[1:]
        pieces = np.searchsorted(self._starts, rows, "right") - 1
        begin = self._offsets[pieces].T + (rows - self._starts[pieces]) * self._size
        for start, corner in zip(begin, self._corners(), strict=True):
            values = windows[start].view(self.dtype).reshape(-1, *self._cell)
            ends = [min(at + n, end) for at, n, end in zip(corner, self._cell, row, strict=True)]
            part = [slice(at, end) for at, end in zip(corner, ends, strict=True)]
            inside = [slice(end - at) for at, end in zip(corner, ends, strict=True)]
            index: Any = (places, *part)
            out[index] = values[(slice(None), *inside)]

    def _corners(self) -> Iterator[tuple[int, ...]]:
        """Where in a row each cell begins."""
        sides = zip(self.shape[1:], self._cell, strict=True)
        return itertools.product(*(range(0, length, step) for length, step in sides))

    def _mapped(self) -> Any:
        """The file's bytes from each of its places on, as many as are in a cell's row."""
        if self._windows is None:
            with reading(self._path):
                memory = np.memmap(self._path, np.uint8, "r")
                if len(memory) < self._offsets.max() + self._size:
                    raise EOFError("the file has been cut short")
            self._windows = np.lib.stride_tricks.sliding_window_view(
                memory.view(np.ndarray), self._size
            )
        return self._windows


class Hdf5(Store):
    """A dataset of an HDF5 file. Once its file is closed, or in another process, it is reopened.

    Args:
        dataset: An open `h5py.Dataset`.
    """

    def __init__(self, dataset: Any) -> None:
        super().__init__(dataset.shape, _plain(dataset.dtype))
        self._path, self._name = os.path.abspath(dataset.file.filename), dataset.name
        # Filters work on whole chunks; without them, a row is read faster alone.
        filtered = dataset.chunks and dataset.id.get_create_plist().get_nfilters()
        self._piece = dataset.chunks[0] if filtered else 1
        self._handle: Any = dataset
        self._sources = _other_files(dataset, self._path)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_handle": None}

    def _read(self, rows: Ints, out: Array, places: Ints) -> None:
        with reading(self._path):
            dataset = self._dataset()
            for path, least in self._sources:  # HDF5 fills in what it does not find.
                if os.stat(path).st_size < least:
                    raise EOFError(f"{path!r} has been cut short")
            apart = (np.diff(rows) > 1) & (np.diff(rows // self._piece) > 0)
            for start, stop in _runs(apart):
                first, last = int(rows[start]), int(rows[stop - 1])
                if first == last:  # h5py's fastest road.
                    out[places[start:stop]] = dataset[first]
                else:
                    out[places[start:stop]] = dataset[first : last + 1][rows[start:stop] - first]

    def _dataset(self) -> Any:
        if not self._handle:
            import h5py

            self._handle = h5py.File(self._path, "r")[self._name]
        return self._handle


def _other_files(dataset: Any, path: str) -> list[tuple[str, int]]:
    """The files that a dataset takes its rows from, as far as there are, and their least sizes."""
    if dataset.external:
        return [(os.path.abspath(name), at + size) for name, at, size in dataset.external]
    if not dataset.is_virtual:
        return []
    folder = os.path.dirname(path)
    names = {source.file_name for source in dataset.virtual_sources()} - {"."}
    return [(each, 0) for name in names if os.path.exists(each := os.path.join(folder, name))]


def open_hdf5(name: str, dataset: Any) -> Any:
    """Returns how to read an `h5py.Dataset` fastest: an array mapped from its file, or a store.

    Raises:
        ArgumentError: It is closed, in memory, no dataset, or of something else than numbers.
        SourceError: Its file is damaged.
    """
    if not dataset:
        raise ArgumentError(
            f"{name} is of an HDF5 file that is closed",
            got=repr(dataset),
            fix="make the sequence while the file is open; it may be closed afterwards",
        )
    if not hasattr(dataset, "chunks"):
        raise ArgumentError(
            f"{name} is no dataset", got=repr(dataset), fix="take one of it: group['name']"
        )
    check_rows(name, dataset, "dataset.asstr()[...]")
    file = dataset.file
    if file.driver == "core" or not os.path.isfile(file.filename) or not dataset.name:
        raise ArgumentError(
            f"{name} is in no file on disk that other processes could open",
            got=f"{dataset!r} of {file!r}",
            fix="read it into an array: dataset[...]",
        )
    file.flush()  # What it holds back, a map of the file would not show.
    ends = (0, len(dataset) - 1)
    with reading(file.filename):
        mapped = _mapped_hdf5(dataset)
        if mapped is None or any(mapped[k].tobytes() != dataset[k].tobytes() for k in ends):
            return Hdf5(dataset)
    return mapped


def _mapped_hdf5(dataset: Any) -> Any:
    """Maps a dataset from its file, if its bytes lie there as they are in memory; else None."""
    import h5py

    layout = dataset.id.get_create_plist()
    plain = (
        dataset.file.driver in ("sec2", "stdio", "windows")
        and not (layout.get_nfilters() or dataset.is_virtual or dataset.external)
        and dataset.id.get_type() == h5py.h5t.py_create(dataset.dtype)
        and dataset.size
    )
    if not plain:
        return None
    path, dtype = os.path.abspath(dataset.file.filename), _plain(dataset.dtype)
    if dataset.chunks is None:
        offset = dataset.id.get_offset()
        return None if offset is None else np.memmap(path, dtype, "r", offset, dataset.shape)
    offsets = _chunk_offsets(dataset)
    if offsets is None:
        return None
    length, step = dataset.shape[0], dataset.chunks[0]
    starts = np.minimum(np.arange(len(offsets) + 1) * step, length)
    return MappedRows(path, dataset.shape, dtype, starts, offsets, dataset.chunks[1:])


def _chunk_offsets(dataset: Any) -> Ints | None:
    """Where each chunk is in the file, of shape (chunks along rows, chunks across a row)."""
    counts = [-(-n // step) for n, step in zip(dataset.shape, dataset.chunks, strict=True)]
    if not hasattr(dataset.id, "chunk_iter") or math.prod(counts) > MOST_CHUNKS:
        return None
    found: list[tuple[Any, int]] = []
    dataset.id.chunk_iter(lambda info: found.append((info.chunk_offset, info.byte_offset)))
    if len(found) < math.prod(counts):  # The others were never written.
        return None
    offsets = np.empty(counts, np.int64)
    corners = np.array([corner for corner, _ in found]) // dataset.chunks
    if (corners >= counts).any():  # Left from what was larger once, or damaged: HDF5 knows.
        return None
    offsets[tuple(corners.T)] = [offset for _, offset in found]
    return offsets.reshape(counts[0], -1)


def check_rows(name: str, array: Any, as_text: str) -> None:
    """Raises ArgumentError for anything but numbers with a row for each sample."""
    shape = array.shape  # None for an HDF5 dataset that is empty by its type.
    if not shape or array.dtype.hasobject or array.dtype.kind == "V":
        raise ArgumentError(
            f"{name} is not an array of numbers with a row for each sample",
            got=repr(array),
            expected="numbers, booleans or text of fixed length, of shape (n, ...)",
            fix=f"read text into an array ({as_text}); fields of a compound one by one"
            if shape
            else None,
        )


def _plain(dtype: Any) -> Any:
    """Drops what h5py notes on a dtype: the names of an enumeration, the encoding of text."""
    return np.dtype(dtype.str) if dtype.metadata else dtype


@contextmanager
def reading(path: str) -> Iterator[None]:
    """Turns whatever is raised within into a SourceError that names the file."""
    try:
        yield
    except Exception as error:  # A damaged file can make a library fail in any way.
        raise SourceError(
            f"{path!r} cannot be read",
            got=f"{type(error).__name__}: {error}",
            fix="restore the file. One that is open for writing cannot be opened by another "
            "process: close it, or open it with mode 'r'",
        ) from error


def _runs(breaks: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Yields (start, stop) of what lies between breaks, of which one follows each True."""
    ends = [0, *(np.flatnonzero(breaks) + 1).tolist(), len(breaks) + 1]
    return itertools.pairwise(ends)
