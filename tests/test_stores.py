"""_stores: rows of HDF5 and Zarr, and of pieces of files, against the same rows in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cloudpickle
import h5py
import numpy as np
import pytest
import zarr
from coded import in_threads

from multiseq.errors import ArgumentError, SourceError
from multiseq.modalities.arrays import stores as _stores
from multiseq.modalities.arrays.stores import (
    Chunks,
    Hdf5,
    MappedRows,
    Rearranged,
    open_hdf5,
)
from multiseq.modalities.arrays.zarrs import Zarr, open_zarr

N = 50
INDICES: dict[str, list[int]] = {
    "one": [17],
    "shuffled": [31, 2, 49, 0, 17, 16, 18, 40],
    "in order": list(range(10, 30)),
    "backwards": list(range(30, 10, -1)),
    "all": list(range(N)),
    "repeated": [7, 3, 7, 7, 48, 3],
    "far apart": [49, 0],
}


def values(*row: int, dtype: str = "float32") -> Any:
    """Every value of an array is another one, as far as its dtype goes."""
    numbers: Any = np.arange(N * int(np.prod(row))).reshape(N, *row)
    return (numbers % 3 == 0) if dtype == "bool" else numbers.astype(dtype)


ROWS = {"scalars": (), "vectors": (5,), "grids": (7, 5), "cubes": (3, 4, 5)}

LAYOUTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "rows": {"chunks": 1},
    "chunks": {"chunks": 8},
    "bricks": {"chunks": 8, "cut": True},
    "gzip": {"chunks": 8, "compression": "gzip"},
    "gzip rows": {"chunks": 1, "compression": "gzip", "shuffle": True},
    "lzf bricks": {"chunks": 16, "cut": True, "compression": "lzf"},
    "checked": {"chunks": 8, "fletcher32": True},
}
MAPPED = {"plain": np.memmap, "rows": MappedRows, "chunks": MappedRows, "bricks": MappedRows}


def write(folder: Path, array: Any, layout: str = "plain", **options: Any) -> Any:
    """Writes a file and returns its dataset, open for reading."""
    how = LAYOUTS[layout].copy()
    if "chunks" in how:
        cut = how.pop("cut", False)
        row = [max(1, length * 2 // 3) if cut else length for length in array.shape[1:]]
        how["chunks"] = (how["chunks"], *row)
    with h5py.File(folder / "data.h5", "w", **options) as file:
        file.create_dataset("other", data=np.zeros(1000))
        file.create_dataset("group/x", data=array, **how)
    return h5py.File(folder / "data.h5")["group/x"]


def check_rows(rows: Any, array: Any) -> None:
    """Rows are read alone, in any order, and into given memory; and so they are by a copy."""
    copy = cloudpickle.loads(cloudpickle.dumps(rows))
    for each in (rows, copy):
        assert (each.shape, len(each)) == (array.shape, len(array))
        # NumPy pickles its own arrays in the byte order of the machine.
        assert each.dtype == array.dtype or (each is copy and each.dtype.isnative)
        assert np.array_equal(each[3], array[3])
        for name, indices in INDICES.items():
            wanted = array[indices]
            out = np.zeros_like(wanted)
            each.take(np.array(indices), axis=0, out=out, mode="clip")
            assert np.array_equal(out, wanted), name
            assert np.array_equal(each[np.array(indices)], wanted), name


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_hdf5(layout: str, row: tuple[int, ...], tmp_path: Path) -> None:
    array = values(*row)
    rows = open_hdf5("x", write(tmp_path, array, layout))
    check_rows(rows, array)
    assert type(rows) is MAPPED.get(layout, Hdf5)


@pytest.mark.parametrize("dtype", ["int8", "uint16", ">i4", ">f8", "float16", "bool", "S7"])
@pytest.mark.parametrize("layout", ["plain", "bricks", "gzip"])
def test_dtypes_of_hdf5(layout: str, dtype: str, tmp_path: Path) -> None:
    array = values(6, dtype=dtype)
    check_rows(open_hdf5("x", write(tmp_path, array, layout)), array)


def test_enumerations_of_hdf5_are_their_numbers(tmp_path: Path) -> None:
    kind = h5py.enum_dtype({"cat": 0, "dog": 1}, basetype="i1")
    rows = open_hdf5("x", write(tmp_path, (values() % 2).astype(kind)))
    check_rows(rows, (values() % 2).astype("i1"))
    assert rows.dtype.metadata is None


@pytest.mark.parametrize("layout", ["plain", "bricks", "gzip"])
def test_a_file_that_begins_with_something_else(layout: str, tmp_path: Path) -> None:
    array = values(7, 5)
    check_rows(open_hdf5("x", write(tmp_path, array, layout, userblock_size=2048)), array)


@pytest.mark.parametrize("layout", ["plain", "bricks"])
def test_a_number_of_odd_precision_is_converted(layout: str, tmp_path: Path) -> None:
    kind = h5py.h5t.IEEE_F32LE.copy()  # A float of 24 bits.
    kind.set_fields(23, 15, 8, 0, 15)
    kind.set_size(3)
    kind.set_ebias(127)
    kind.set_precision(24)
    array = values(6)
    with h5py.File(tmp_path / "odd.h5", "w") as file:
        layouts = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        if layout == "bricks":
            layouts.set_chunk((8, 4))
        space = h5py.h5s.create_simple(array.shape)
        h5py.Dataset(h5py.h5d.create(file.id, b"x", kind, space, layouts))[...] = array
    rows = open_hdf5("x", h5py.File(tmp_path / "odd.h5")["x"])
    assert type(rows) is Hdf5
    check_rows(rows, array)


@pytest.mark.parametrize("chunks", [None, (8, 3)])
def test_what_was_never_written_is_the_fill_value(chunks: Any, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "part.h5", "w") as file:
        kept = {"shape": (N, 5), "dtype": "f4", "fillvalue": 7}
        file.create_dataset("x", chunks=chunks, **kept)
        if chunks:
            file["x"][:20] = values(5)[:20]
    array = np.full((N, 5), 7, np.float32)
    if chunks:
        array[:20] = values(5)[:20]
    check_rows(open_hdf5("x", h5py.File(tmp_path / "part.h5")["x"]), array)


def test_virtual_and_external_datasets(tmp_path: Path) -> None:
    array = values(5)
    write(tmp_path, array).file.close()
    layout = h5py.VirtualLayout((N, 5), "f4")
    layout[:] = h5py.VirtualSource(tmp_path / "data.h5", "group/x", (N, 5))
    with h5py.File(tmp_path / "all.h5", "w") as file:
        file.create_virtual_dataset("v", layout)
        outside = [(str(tmp_path / "raw.bin"), 0, array.nbytes)]
        file.create_dataset("e", data=array, external=outside)
    file = h5py.File(tmp_path / "all.h5")
    for name in ("v", "e"):
        check_rows(open_hdf5(name, file[name]), array)


def test_many_chunks_are_left_to_h5py(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_stores, "MOST_CHUNKS", 10)
    rows = open_hdf5("x", write(tmp_path, values(5), "rows"))
    assert type(rows) is Hdf5
    check_rows(rows, values(5))


@pytest.mark.parametrize("chunks", [None, (8, 3)])
def test_what_is_written_before_is_seen(chunks: Any, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "new.h5", "w") as file:
        dataset = file.create_dataset("x", data=values(5), chunks=chunks)
        file.flush()
        dataset[30] = -1  # Which HDF5 keeps to itself for a while.
        assert (open_hdf5("x", dataset)[30] == -1).all()


@pytest.mark.parametrize("layout", ["plain", "bricks", "gzip"])
def test_the_file_may_be_closed(layout: str, tmp_path: Path) -> None:
    dataset = write(tmp_path, values(5), layout)
    rows = open_hdf5("x", dataset)
    assert np.array_equal(rows[9], values(5)[9])
    dataset.file.close()
    check_rows(rows, values(5))


@pytest.mark.parametrize("layout", ["plain", "bricks", "gzip"])
def test_relative_paths_outlive_a_change_of_folder(
    layout: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, values(5), layout).file.close()
    monkeypatch.chdir(tmp_path)
    rows = open_hdf5("x", h5py.File("data.h5")["group/x"])
    monkeypatch.chdir("/")
    check_rows(rows, values(5))


@pytest.mark.parametrize("layout", ["bricks", "gzip"])
def test_threads(layout: str, tmp_path: Path) -> None:
    array = values(7, 5)
    dataset = write(tmp_path, array, layout)
    rows = open_hdf5("x", dataset)
    dataset.file.close()  # So that they open it all at once.
    orders = [np.random.default_rng(k).permutation(N) for k in range(8)]
    for order, found in in_threads(lambda order: rows[order], orders):
        assert np.array_equal(found, array[order])


@pytest.mark.parametrize("layout", ["bricks", "gzip"])
def test_a_file_that_is_gone(layout: str, tmp_path: Path) -> None:
    rows = cloudpickle.loads(cloudpickle.dumps(open_hdf5("x", write(tmp_path, values(5), layout))))
    (tmp_path / "data.h5").rename(tmp_path / "other.h5")
    with pytest.raises(SourceError, match=r"data.h5' cannot be read"):
        rows[0]


def test_a_file_that_was_cut_short(tmp_path: Path) -> None:
    rows = open_hdf5("x", write(tmp_path, values(7, 5), "bricks"))
    other = cloudpickle.loads(cloudpickle.dumps(rows))
    (tmp_path / "copy").write_bytes((tmp_path / "data.h5").read_bytes()[:-500])
    (tmp_path / "copy").rename(tmp_path / "data.h5")
    with pytest.raises(SourceError, match="cut short"):
        other[0]


def test_a_damaged_chunk(tmp_path: Path) -> None:
    write(tmp_path, values(7, 5), "gzip").file.close()
    data = bytearray((tmp_path / "data.h5").read_bytes())
    for at in range(len(data) - 600, len(data) - 200):
        data[at] ^= 0x55
    (tmp_path / "data.h5").write_bytes(data)
    rows = Hdf5(h5py.File(tmp_path / "data.h5")["group/x"])
    with pytest.raises(SourceError, match="cannot be read"):
        rows[np.arange(N)]


# ---- Zarr


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_zarr(version: Any, row: tuple[int, ...], tmp_path: Path) -> None:
    array = values(*row)
    chunks = (8, *(max(1, length * 2 // 3) for length in row))
    kept = zarr.create_array(
        tmp_path / "x", shape=array.shape, chunks=chunks, dtype="f4", zarr_format=version
    )
    kept[...] = array
    check_rows(open_zarr("x", zarr.open_array(tmp_path / "x", mode="r")), array)
    assert type(open_zarr("x", kept)) is Zarr


# ---- pieces


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_chunks(row: tuple[int, ...]) -> None:
    array = values(*row)
    check_rows(Chunks([array[:1], array[1:20], array[20:20], array[20:]]), array)


def test_rearranged() -> None:
    array, order = values(5), np.random.default_rng(0).permutation(N)
    check_rows(Rearranged(array, order), array[order])
    check_rows(Rearranged(Chunks([array[:9], array[9:]]), order), array[order])


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_pieces_of_a_file_in_any_order_and_at_any_place(
    row: tuple[int, ...], tmp_path: Path
) -> None:
    array = values(*row)
    bounds = [(20, 50), (0, 1), (1, 20)]
    data, offsets = b"begin", {}
    for start, stop in bounds:
        offsets[start] = len(data)
        data += array[start:stop].tobytes() + b"odd"
    (tmp_path / "x").write_bytes(data)
    places = np.array([[offsets[start]] for start in (0, 1, 20)])
    starts = np.array([0, 1, 20, 50])
    check_rows(MappedRows(str(tmp_path / "x"), array.shape, "f4", starts, places), array)


# ---- what is refused


def test_a_closed_file(tmp_path: Path) -> None:
    dataset = write(tmp_path, values(5))
    dataset.file.close()
    with pytest.raises(ArgumentError, match="of an HDF5 file that is closed"):
        open_hdf5("x", dataset)


def test_a_file_in_memory(tmp_path: Path) -> None:
    for keep in (False, True):
        file = h5py.File(tmp_path / "new.h5", "w", driver="core", backing_store=keep)
        file["x"] = values(5)
        with pytest.raises(ArgumentError, match="in no file on disk"):
            open_hdf5("x", file["x"])
        file.close()


def test_datasets_without_rows_of_numbers(tmp_path: Path) -> None:
    pair = np.dtype([("a", "f4"), ("b", "i4")])
    with h5py.File(tmp_path / "new.h5", "w") as file:
        file["text"] = ["one", "two"]
        file["scalar"] = 5
        file["pairs"] = np.zeros(3, pair)
        file["empty"] = h5py.Empty("f4")
        file.create_dataset("ragged", (3,), h5py.vlen_dtype("i4"))
        for name in file:
            with pytest.raises(ArgumentError, match=f"{name} is not an array of numbers"):
                open_hdf5(name, file[name])
        with pytest.raises(ArgumentError, match="is no dataset"):
            open_hdf5("x", file.create_group("g"))


def test_a_zarr_group(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="is no array"):
        open_zarr("x", zarr.open_group(tmp_path / "g", mode="w"))
