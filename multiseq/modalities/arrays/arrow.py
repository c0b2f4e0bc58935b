"""Columns of Arrow tables and of Hugging Face datasets, as NumPy arrays over the same memory."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn

import numpy as np
import numpy.typing as npt

from ...errors import ArgumentError

__all__ = ["Place", "columns_of", "is_table", "pieces_of", "places_of"]

Array = npt.NDArray[Any]

_TABLES = ("Table", "RecordBatch", "Dataset")
_TEXT = ("string", "large_string", "string_view", "dictionary")
_FILES = ("binary", "large_binary", "binary_view", "struct")


class _Region(NamedTuple):
    start: int
    end: int
    offset: int
    path: str


class Place(NamedTuple):
    """Where a piece of memory is mapped from."""

    path: str
    offset: int


def is_table(value: Any) -> bool:
    """Whether this is a table of Arrow, or a dataset of Hugging Face's `datasets`."""
    package = type(value).__module__.partition(".")[0]
    return package in ("pyarrow", "datasets") and type(value).__name__ in _TABLES


def columns_of(table: Any) -> dict[str, Any]:
    """Returns the columns of a table by name, as `pieces_of` takes them."""
    return {name: _Column(table, name) for name in table.column_names}


class _Column:
    """A column of a table, with the attributes of a `datasets.Column`."""

    def __init__(self, source: Any, name: str) -> None:
        self.source, self.column_name = source, name


def pieces_of(name: str, column: Any) -> tuple[list[Array], Any]:
    """Returns the arrays that a column of numbers is made of.

    Args:
        name: Of the input, for errors.
        column: An Arrow array or chunked array, or a column of a table or dataset.

    Returns:
        Arrays over the column's own memory, the rows of which come one behind the other; and
        in which order the dataset has them, or None.

    Raises:
        ArgumentError: It holds something else than numbers and lists of one length, or nulls.
    """
    order = None
    if hasattr(column, "column_name"):
        column, order = _of_source(name, column.source, column.column_name)
    chunks = getattr(column, "chunks", [column])
    pieces = [_values(name, chunk) for chunk in chunks if len(chunk)]
    if not pieces:
        raise ArgumentError(f"{name} has no rows", got=str(column.type))
    if len({piece.shape[1:] for piece in pieces}) > 1:
        _refuse_lengths(name, column.type)
    return pieces, order


def places_of(pieces: Sequence[Array]) -> list[Place | None]:
    """Returns the file that the memory of each array is mapped from read-only, on Linux."""
    regions = _mapped_regions()
    return [_place(piece, regions) for piece in pieces]


def _place(array: Array, regions: list[_Region]) -> Place | None:
    start = array.__array_interface__["data"][0]
    at = bisect_right(regions, start, key=lambda region: region.start) - 1
    if at < 0 or not array.nbytes or start + array.nbytes > regions[at].end:
        return None
    return Place(regions[at].path, regions[at].offset + start - regions[at].start)


def _of_source(name: str, source: Any, column: str) -> tuple[Any, Any]:
    if not hasattr(source, "data"):
        return source.column(column), None
    if source.format["type"] == "custom":
        raise ArgumentError(
            f"{name} is of a dataset with a transform, which would be left out",
            got=str(source.format),
            fix="apply it once with dataset.map(...), or write a subclass with a load_sample of "
            "its own that takes dataset[index]",
        )
    indices = source._indices  # There is no public way to it that reads no data.
    order = None if indices is None else indices.column(0).to_numpy().astype(np.int64)
    return source.data.column(column), order


def _values(name: str, array: Any) -> Array:
    """The values of an Arrow array, of shape (n, ...)."""
    import pyarrow

    length, shape, kind = len(array), [], array.type
    while True:
        if array.null_count:
            raise ArgumentError(
                f"{name} has missing values",
                got=f"{array.null_count} nulls in a column of {kind}",
                fix="fill or drop them: pyarrow.compute.fill_null, Table.drop_null",
            )
        if pyarrow.types.is_map(array.type) or pyarrow.types.is_union(array.type):
            raise ArgumentError(
                f"{name} is not made of numbers",
                got=f"a column of {kind}",
                fix="make a column of numbers of it",
            )
        if hasattr(array, "storage"):
            array = array.storage
        elif hasattr(array.type, "list_size"):
            shape.append(array.type.list_size)
            array = array.flatten()
        elif hasattr(array, "offsets"):
            sizes = np.unique(np.diff(array.offsets.to_numpy()))
            if len(sizes) > 1:
                _refuse_lengths(name, kind)
            shape.append(int(sizes[0]) if len(sizes) else 0)
            array = array.flatten()
        else:
            break
    types = pyarrow.types
    if not any(
        is_kind(array.type) for is_kind in (types.is_integer, types.is_floating, types.is_boolean)
    ):
        _refuse_type(name, kind)
    # Booleans are single bits, and have to be copied.
    values: Array = array.to_numpy(zero_copy_only=not types.is_boolean(array.type))
    return values.reshape(length, *shape)


def _refuse_lengths(name: str, kind: Any) -> NoReturn:
    raise ArgumentError(
        f"{name} has lists of different lengths, which make no array",
        got=str(kind),
        fix="use a TextSequence for token ids: TextSequence(column.to_pylist())",
    )


def _refuse_type(name: str, kind: Any) -> NoReturn:
    fix = "convert it to numbers, or leave the column out: table.select([...])"
    if str(kind).startswith(_TEXT):
        fix = "join a TextSequence(column.to_pylist(), ...), or leave the column out"
    elif str(kind).startswith(_FILES):
        fix = (
            "join an ImageSequence or AudioSequence of column.to_pylist() (of a dataset: "
            "dataset.data[name].to_pylist()), or leave the column out"
        )
    raise ArgumentError(
        f"{name} does not hold numbers",
        got=f"a column of {kind}",
        expected="numbers, booleans, or lists of those that are all of one length",
        fix=fix,
    )


def _mapped_regions() -> list[_Region]:
    """The memory that files are mapped to read-only, if they are still there."""
    regions = []
    try:
        with open("/proc/self/maps") as lines:
            for line in lines:
                span, access, offset, _, inode, *path = line.rstrip("\n").split(None, 5)
                if access.startswith("r-") and path and _is_file(path[0], int(inode)):
                    start, end = (int(address, 16) for address in span.split("-"))
                    regions.append(_Region(start, end, int(offset, 16), path[0]))
    except OSError:  # Not Linux.
        return []
    return regions


def _is_file(path: str, inode: int) -> bool:
    try:
        return inode != 0 and os.stat(path).st_ino == inode
    except OSError:  # It was deleted.
        return False
