"""Files that are gone, cut short or elsewhere once a sequence is made: errors, never zeros."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import soundfile
import zarr
from PIL import Image

from multiseq.errors import SourceError
from multiseq.modalities.arrays.sequence import ArraySequence
from multiseq.modalities.audio.sequence import AudioSequence
from multiseq.modalities.files.sequence import FileSequence
from multiseq.modalities.images.sequence import ImageSequence

ONES = np.ones((64, 6), np.float32)
PROCESSES: Any = {"workers": 1, "use_multiprocessing": True}


def zarr_array(path: Path, version: int, **options: Any) -> Any:
    settings: Any = {"shape": (64, 6), "chunks": (8, 3), "dtype": "f4", "zarr_format": version}
    array = zarr.create_array(str(path), **(settings | options))
    array[:] = ONES
    return zarr.open_array(str(path), mode="r")


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("gone", ["chunk", "folder"])
def test_a_zarr_chunk_that_is_gone(tmp_path: Path, version: int, gone: str) -> None:
    seq = ArraySequence(zarr_array(tmp_path / "x", version), batch_size=8)
    np.testing.assert_array_equal(seq[3][0], ONES[:8])
    if gone == "folder":
        shutil.rmtree(tmp_path / "x")
    else:
        (tmp_path / "x" / ("3.1" if version == 2 else "c/3/1")).unlink()
        np.testing.assert_array_equal(seq[2][0], ONES[:8])  # Other rows are still there.
    with pytest.raises(SourceError, match="cannot be read"):
        seq[3]


def test_a_zarr_shard_that_is_gone(tmp_path: Path) -> None:
    seq = ArraySequence(zarr_array(tmp_path / "x", 3, shards=(16, 6)), batch_size=8)
    (tmp_path / "x" / "c" / "1" / "0").unlink()
    np.testing.assert_array_equal(seq[1][0], ONES[:8])
    with pytest.raises(SourceError, match="cannot be read"):
        seq[3]


def test_a_zarr_array_of_a_group_that_is_gone(tmp_path: Path) -> None:
    group = zarr.create_group(str(tmp_path / "g"))
    group.create_array("x", shape=(64, 6), chunks=(8, 6), dtype="f4")[:] = ONES
    seq = ArraySequence({"a": group["x"]}, batch_size=8)
    shutil.rmtree(tmp_path / "g" / "x")
    with pytest.raises(SourceError, match="cannot be read"):
        seq[0]


def test_chunks_that_were_never_written_are_filled(tmp_path: Path) -> None:
    array = zarr.create_array(
        str(tmp_path / "x"), shape=(64, 6), chunks=(8, 6), dtype="f4", fill_value=7
    )
    array[:8] = 1
    seq = ArraySequence(array, batch_size=8)
    assert (seq[0][0] == 1).all()
    assert (seq[1][0] == 7).all()


def test_the_source_of_a_virtual_dataset_that_is_gone(tmp_path: Path) -> None:
    layout = h5py.VirtualLayout((64, 6), "f4")
    layout[:32] = h5py.VirtualSource("s.h5", "x", (32, 6))
    layout[32:] = h5py.VirtualSource("never.h5", "x", (32, 6))
    with h5py.File(tmp_path / "s.h5", "w") as file:
        file["x"] = ONES[:32]
    with h5py.File(tmp_path / "v.h5", "w") as file:
        seq = ArraySequence(file.create_virtual_dataset("v", layout, fillvalue=-1), batch_size=8)
    assert (seq[0][0] == 1).all()
    assert (seq[7][0] == -1).all()
    (tmp_path / "s.h5").unlink()
    with pytest.raises(SourceError, match="cannot be read"):
        seq[0]


def test_the_raw_file_of_a_dataset_that_is_cut_short(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "e.h5", "w") as file:
        raw = tmp_path / "raw.bin"
        seq = ArraySequence(file.create_dataset("x", data=ONES, external=[(raw, 0, ONES.nbytes)]))
    assert (seq[0][0] == 1).all()
    os.truncate(raw, ONES.nbytes - 4)
    with pytest.raises(SourceError, match="cut short"):
        seq[0]


@pytest.mark.parametrize("parallel", [{}, PROCESSES])
def test_a_relative_path_stays_the_same_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parallel: Any
) -> None:
    for k, name in enumerate("ab"):
        folder = tmp_path / name / "p"
        folder.mkdir(parents=True)
        Image.new("L", (4, 4), 10 * (k + 1)).save(folder / "x.png")
        np.save(folder / "s_0.npy", np.full(3, k + 1.0))
        soundfile.write(folder / "x.wav", np.full(100, 0.1 * (k + 1)), 8000)
    pixels: Any = {"size": 4, "channels": 1, "scale": None}
    monkeypatch.chdir(tmp_path / "a")
    sequences = [
        (FileSequence("p", "s_{key}.npy", **parallel), 1),
        (ImageSequence("p", **pixels, **parallel), 10),
        (ImageSequence(["p/x.png"], **pixels, **parallel), 10),
        (ImageSequence("*.png", root="p", **pixels, **parallel), 10),
        (AudioSequence("p", sample_rate=8000, **parallel), 0.1),
    ]
    monkeypatch.chdir(tmp_path / "b")
    for seq, value in sequences:
        with seq:
            assert float(seq[0][0].mean()) == pytest.approx(value, abs=1e-4)
