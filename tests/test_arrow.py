"""_arrow: columns of Arrow tables as arrays over the same memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from multiseq.errors import ArgumentError
from multiseq.modalities.arrays.arrow import columns_of, is_table, pieces_of, places_of

N = 20
NUMBERS = np.arange(N * 6)

COLUMNS: dict[str, tuple[Any, Any]] = {
    "int64": (pa.array(NUMBERS[:N]), NUMBERS[:N]),
    "uint8": (pa.array(NUMBERS[:N].astype("u1")), NUMBERS[:N].astype("u1")),
    "float16": (pa.array(NUMBERS[:N].astype("f2")), NUMBERS[:N].astype("f2")),
    "bool": (pa.array(NUMBERS[:N] % 3 == 0), NUMBERS[:N] % 3 == 0),
    "fixed lists": (
        pa.FixedSizeListArray.from_arrays(pa.array(NUMBERS), 6),
        NUMBERS.reshape(N, 6),
    ),
    "lists": (pa.array(NUMBERS.reshape(N, 6).tolist()), NUMBERS.reshape(N, 6)),
    "large lists": (
        pa.array(NUMBERS.reshape(N, 6).tolist(), pa.large_list(pa.float32())),
        NUMBERS.reshape(N, 6).astype("f4"),
    ),
    "lists of lists": (
        pa.array(NUMBERS.reshape(N, 2, 3).tolist(), pa.list_(pa.list_(pa.int16(), 3))),
        NUMBERS.reshape(N, 2, 3).astype("i2"),
    ),
    "lists of bools": (
        pa.array((NUMBERS % 2 == 0).reshape(N, 6).tolist()),
        (NUMBERS % 2 == 0).reshape(N, 6),
    ),
    "tensors": (
        pa.FixedShapeTensorArray.from_numpy_ndarray(NUMBERS.reshape(N, 6)),
        NUMBERS.reshape(N, 6),
    ),
}


def together(column: Any) -> Any:
    pieces, order = pieces_of("x", column)
    whole = np.concatenate(pieces)
    return whole if order is None else whole[order]


@pytest.mark.parametrize("kind", COLUMNS)
def test_columns(kind: str) -> None:
    column, expected = COLUMNS[kind]
    chunked = pa.chunked_array([column[:7], column[7:7], column[7:]])
    table = pa.table({"x": chunked})
    for given in (column, chunked, columns_of(table)["x"]):
        found = together(given)
        assert found.dtype == expected.dtype
        assert np.array_equal(found, expected)


@pytest.mark.parametrize("kind", COLUMNS)
def test_parts_of_columns(kind: str) -> None:
    column, expected = COLUMNS[kind]
    assert np.array_equal(together(column[5:15]), expected[5:15])
    assert np.array_equal(
        together(pa.chunked_array([column[3:9], column[1:2]])[1:]), expected[[4, 5, 6, 7, 8, 1]]
    )


@pytest.mark.parametrize("kind", ["int64", "fixed lists", "lists", "lists of lists", "tensors"])
def test_numbers_are_not_copied(kind: str) -> None:
    column, _ = COLUMNS[kind]
    ((piece,), _) = pieces_of("x", column)
    buffers = [b for b in column.buffers() if b is not None]
    address = piece.__array_interface__["data"][0]
    assert any(b.address <= address < b.address + b.size for b in buffers)


def test_tables() -> None:
    table = pa.table({"x": [1]})
    assert is_table(table)
    assert is_table(table.to_batches()[0])
    assert not is_table(table["x"])
    assert not is_table({"x": [1]})
    assert list(columns_of(pa.table({"b": [1], "a": [2]}))) == ["b", "a"]


@pytest.mark.parametrize(
    ("column", "says", "fix"),
    [
        (pa.array([1, None]), "missing values", "fill_null"),
        (pa.array([[1], None]), "missing values", "fill_null"),
        (pa.array([[1], [None]]), "missing values", "fill_null"),
        (pa.array([None, None]), "missing values", "fill_null"),
        (pa.array([[1], [1, 2]]), "different lengths", "TextSequence"),
        (pa.chunked_array([[[1]], [[1, 2]]]), "different lengths", "TextSequence"),
        (pa.array(["a", "b"]), "does not hold numbers", "TextSequence"),
        (pa.array(["a", "b"]).dictionary_encode(), "does not hold numbers", "TextSequence"),
        (pa.array([b"a", b"b"]), "does not hold numbers", "ImageSequence"),
        (pa.array([{"bytes": b"a", "path": ""}]), "does not hold numbers", "ImageSequence"),
        (pa.array([1, 2], pa.timestamp("s")), "does not hold numbers", "convert it"),
        (pa.array([1, 2], pa.decimal128(5)), "does not hold numbers", "convert it"),
        (pa.array([], pa.int8()), "has no rows", None),
    ],
)
def test_what_is_refused(column: Any, says: str, fix: str | None) -> None:
    with pytest.raises(ArgumentError, match=f"x .*{says}") as caught:
        pieces_of("x", column)
    assert fix is None or fix in str(caught.value.fix)


def test_memory_that_is_mapped_is_found_in_its_file(tmp_path: Path) -> None:
    path = tmp_path / "with a space.arrow"
    table = pa.table({"a": NUMBERS, "b": NUMBERS * 2.0})
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=50)
    mapped = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    data = path.read_bytes()
    for name in ("a", "b"):
        pieces, _ = pieces_of(name, mapped[name])
        assert [len(piece) for piece in pieces] == [50, 50, 20]
        for piece, place in zip(pieces, places_of(pieces), strict=True):
            assert place is not None
            assert place.path == str(path)
            assert data[place.offset :][: piece.nbytes] == piece.tobytes()


def test_memory_that_is_not_mapped(tmp_path: Path) -> None:
    pieces, _ = pieces_of("x", pa.array(NUMBERS))
    assert places_of(pieces) == [None]
    np.save(tmp_path / "x.npy", NUMBERS)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert places_of([np.asarray(mapped)]) != [None]
    (tmp_path / "x.npy").unlink()
    assert places_of([np.asarray(mapped)]) == [None]
