"""arrays: HDF5, Zarr and Arrow, row by row and never whole."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pytest
import zarr
from coded import codes, epoch_of, frozen_epoch, misaligned

from multiseq import ArraySequence
from multiseq.engine.processes.payload import save_payload
from multiseq.errors import AlignmentError, ArgumentError, MultiseqError
from multiseq.testing import check_sequence

N = 37
SETTINGS: dict[str, Any] = {"batch_size": 8, "shuffle": True, "seed": 3}


def coded(*row: int, dtype: str = "float32") -> Any:
    """An array whose row i is full of i."""
    return np.broadcast_to(np.arange(N).reshape(-1, *[1] * len(row)), (N, *row)).astype(dtype)


def in_hdf5(folder: Path, **options: Any) -> Any:
    with h5py.File(folder / "data.h5", "w") as file:
        file.create_dataset("x", data=coded(6, 4), **options)
        file["n"] = coded(dtype="int32")
        file.create_dataset("y", data=coded(2), **options)
    return h5py.File(folder / "data.h5")


def plain(folder: Path) -> Any:
    return in_hdf5(folder)


def bricks(folder: Path) -> Any:
    return in_hdf5(folder, chunks=True, maxshape=None)


def gzipped(folder: Path) -> Any:
    return in_hdf5(folder, compression="gzip")


def in_zarr(folder: Path) -> Any:
    group = zarr.open_group(folder / "data.zarr", mode="w")
    for name, array in {"x": coded(6, 4), "n": coded(dtype="int32"), "y": coded(2)}.items():
        group.create_array(name, data=array, chunks=(5, *array.shape[1:]))
    return zarr.open_group(folder / "data.zarr", mode="r")


def mapped(folder: Path) -> Any:
    for name, array in {"x": coded(6, 4), "n": coded(dtype="int32"), "y": coded(2)}.items():
        np.save(folder / f"{name}.npy", array)
    return {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in "xny"}


def table() -> Any:
    lists = pa.list_(pa.list_(pa.float32(), 4))
    return pa.table(
        {
            "x": pa.array(coded(6, 4).tolist(), lists),
            "n": coded(dtype="int32"),
            "y": pa.array(coded(2).tolist(), pa.list_(pa.float32(), 2)),
        }
    )


def in_arrow(folder: Path) -> Any:
    return pa.concat_tables([table()[:10], table()[10:]])


def in_arrow_file(folder: Path) -> Any:
    path = str(folder / "data.arrow")
    with pa.OSFile(path, "wb") as sink, pa.ipc.new_file(sink, table().schema) as writer:
        writer.write_table(table(), max_chunksize=9)
    return pa.ipc.open_file(pa.memory_map(path)).read_all()


KINDS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (
        plain, bricks, gzipped, in_zarr, mapped, in_arrow, in_arrow_file,
    )
}  # fmt: skip


@pytest.fixture(params=KINDS)
def data(request: Any, tmp_path: Path) -> Any:
    return KINDS[request.param](tmp_path)


def sequence(data: Any, **keywords: Any) -> ArraySequence:
    return ArraySequence({"x": data["x"], "n": data["n"]}, data["y"], **SETTINGS | keywords)


def test_a_sample_is_a_row(data: Any) -> None:
    seq = sequence(data)
    assert sorted(epoch_of(seq)) == list(range(N))
    for index in range(len(seq)):
        assert codes(seq[index]) == seq.batch_keys(index).tolist()
        assert misaligned(seq[index]) == []


def test_it_keeps_the_contract(data: Any) -> None:
    check_sequence(sequence(data))


def test_processes_give_the_same_bytes(data: Any) -> None:
    seq = sequence(data)
    with seq.replace(workers=2, use_multiprocessing=True) as other:
        assert frozen_epoch(other) == frozen_epoch(seq)


def test_a_closed_file_is_opened_again(tmp_path: Path) -> None:
    for kind in (plain, bricks, gzipped):
        with kind(tmp_path) as file:
            seq = sequence(file)
        assert sorted(epoch_of(seq)) == list(range(N))


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_reads_too(tmp_path: Path) -> None:
    seq = sequence(gzipped(tmp_path))
    expected = frozen_epoch(seq)
    child = os.fork()
    if not child:
        os._exit(0 if frozen_epoch(seq) == expected else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_a_group_and_a_table_are_their_columns(tmp_path: Path) -> None:
    for kind in (plain, in_arrow, in_arrow_file):
        seq = ArraySequence(kind(tmp_path), **SETTINGS)
        assert set(seq.spec[0]) == {"x", "n", "y"}
        assert sorted(epoch_of(seq)) == list(range(N))


def test_targets_and_weights_are_not_read_whole(tmp_path: Path) -> None:
    file = gzipped(tmp_path)
    seq = ArraySequence(
        file["n"], {"a": file["x"], "b": file["y"]}, {"a": file["n"], "b": file["n"]}, **SETTINGS
    )
    assert sum(type(array).__name__ == "Hdf5" for array in seq._arrays) == 2
    assert sorted(epoch_of(seq)) == list(range(N))
    check_sequence(seq)


def test_large_files_do_not_travel_to_workers(tmp_path: Path) -> None:
    large = np.zeros((400_000,), np.float32)
    with h5py.File(tmp_path / "large.h5", "w") as file:
        file["plain"] = large
        file.create_dataset("chunks", data=large, chunks=(100_000,))
        file.create_dataset("gzip", data=large, compression="gzip")
        seq = ArraySequence(dict(file))
    wide = pa.table({"x": large})
    path = str(tmp_path / "large.arrow")
    with pa.OSFile(path, "wb") as sink, pa.ipc.new_file(sink, wide.schema) as writer:
        writer.write_table(wide, max_chunksize=100_000)
    rows = ArraySequence(pa.ipc.open_file(pa.memory_map(path)).read_all())
    for each in (seq, rows):
        payload = save_payload(each.for_workers(), None)
        assert os.fstat(payload.inherited[0]).st_size < large.nbytes / 10


def test_a_file_open_for_writing_is_refused_to_workers(tmp_path: Path) -> None:
    gzipped(tmp_path).close()
    with h5py.File(tmp_path / "data.h5", "r+") as file:
        seq = sequence(file)
        assert sorted(epoch_of(seq)) == list(range(N))
        with (
            seq.replace(workers=1, use_multiprocessing=True) as other,
            pytest.raises(MultiseqError, match="open it with mode 'r'"),
        ):
            frozen_epoch(other)


def test_text_of_fixed_length(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "text.h5", "w") as file:
        file["t"] = np.array([f"row {k}" for k in range(N)], "S")
    seq = ArraySequence({"t": h5py.File(tmp_path / "text.h5")["t"]}, batch_size=8)
    assert seq[1][0]["t"].tolist() == [f"row {k}".encode() for k in range(8, 16)]


def test_split(data: Any) -> None:
    train, test = sequence(data).split(0.5, 0.5)
    assert sorted(epoch_of(train) + epoch_of(test)) == list(range(N))


# ---- what is refused


def test_unequal_lengths(tmp_path: Path) -> None:
    file = plain(tmp_path)
    with pytest.raises(ArgumentError, match="x: 37, y: 5"):
        ArraySequence({"x": file["x"], "y": np.zeros(5)})
    with pytest.raises(ArgumentError, match="targets and the samples differ in number"):
        ArraySequence(np.zeros((5, 2)), gzipped(tmp_path / "..")["y"])


def test_keys_go_with_stores(tmp_path: Path) -> None:
    file = plain(tmp_path)
    assert ArraySequence(file["x"], keys=range(100, 100 + N)).keys[3] == 103
    with pytest.raises(AlignmentError):
        ArraySequence(file["x"], keys=[1] * N)


@pytest.mark.parametrize("where", ["scan", "targets['y']"])
def test_errors_name_the_input(where: str, tmp_path: Path) -> None:
    file = plain(tmp_path)
    closed = file["x"]
    file.close()
    inputs, targets = ({"scan": closed}, None) if where == "scan" else (coded(2), {"y": closed})
    with pytest.raises(ArgumentError, match="closed") as caught:
        ArraySequence(inputs, targets)
    assert caught.value.where == {"class": "ArraySequence", "input": where}


def test_a_table_as_one_input() -> None:
    with pytest.raises(ArgumentError, match=r"rows is a whole table\n.*'x', 'n', 'y'"):
        ArraySequence({"rows": table()})
