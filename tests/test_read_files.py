"""`read=` of FileSequence, and links that lead out of `root` once the sequence is made."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from multiseq.errors import ArgumentError, MultiseqError, SourceError
from multiseq.modalities.files.sequence import FileSequence
from multiseq.transforms import Standardize, Vocabulary

PROCESSES: Any = {"workers": 1, "use_multiprocessing": True}
SCANS = np.random.default_rng(0).normal(size=(4, 5, 6)).astype("f4")


def as_tiff(data: bytes) -> Any:
    return tifffile.imread(io.BytesIO(data))


def of_path(path: Any) -> Any:
    return tifffile.imread(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for key, scan in enumerate(SCANS):
        tifffile.imwrite(tmp_path / f"scan_{key}.tif", scan)
        np.save(tmp_path / f"scan_{key}.npy", scan)
        (tmp_path / f"meta_{key}.json").write_text(json.dumps({"age": key, "site": "ab"[key % 2]}))
    return tmp_path


@pytest.mark.parametrize("read", [as_tiff, of_path])
@pytest.mark.parametrize("parallel", [{}, PROCESSES])
def test_files_of_any_format(folder: Path, read: Any, parallel: Any) -> None:
    with FileSequence(
        folder,
        {"scan": "scan_{key}.tif", "age": "meta_{key}.json:age"},
        targets="scan_{key}.npy",
        read=read,
        **parallel,
    ) as data:
        inputs, targets = data[0]
        np.testing.assert_array_equal(inputs["scan"], SCANS, strict=True)
        np.testing.assert_array_equal(targets, SCANS, strict=True)
        assert inputs["age"].tolist() == [0, 1, 2, 3]
        assert data.keys.tolist() == [0, 1, 2, 3]


def test_transforms_follow(folder: Path) -> None:
    data = FileSequence(
        folder,
        {"a": "scan_{key}.tif", "b": "meta_{key}.json"},
        transforms={"a": (lambda scan: scan[0], Standardize()), "b": Vocabulary()},
        read={"a": as_tiff, "b": lambda data: json.loads(data)["site"]},
    )
    data.adapt()
    inputs = data[0][0]
    assert inputs["a"].shape == (4, 6)
    assert abs(inputs["a"].mean()) < 1e-6
    assert inputs["b"].tolist() == [inputs["b"][0], inputs["b"][1]] * 2


def test_a_dict_says_which_files(folder: Path) -> None:
    data = FileSequence(
        folder,
        ("scan_{key}.npy", "scan_{key}.npy"),
        read={1: lambda data: np.load(io.BytesIO(data)) * 2},
    )
    first, second = data[0][0]
    np.testing.assert_array_equal(first * 2, second)


@pytest.mark.parametrize(
    ("inputs", "read", "words"),
    [
        ("scan_{key}.npy", as_tiff, r"read=\{'inputs': function\}"),
        ({"a": "scan_{key}.npy"}, {"b": as_tiff}, "'b' is no input"),
        ({"a": "scan_{key}.npz:x"}, {"a": as_tiff}, "read= takes the whole file"),
        ({"a": "scan_{key}.tif"}, {"a": 3}, "read is no function"),
        ("scan_{key}.tif", 3, "read is no function"),
        ("scan_{key}.tif", None, "read with read="),
        ("scan.tif", as_tiff, "no key"),
        ("../scan_{key}.tif", as_tiff, "plain path"),
    ],
)
def test_bad_arguments(folder: Path, inputs: Any, read: Any, words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        FileSequence(folder, inputs, read=read)


def test_arrays_of_different_shapes_are_padded_by_spec(folder: Path) -> None:
    from multiseq import Spec

    tifffile.imwrite(folder / "scan_2.tif", SCANS[2, :3])
    data = FileSequence(folder, "scan_{key}.tif", read=as_tiff, spec=Spec((None, 6)))
    batch = data[0][0]
    np.testing.assert_array_equal(batch[2, :3], SCANS[2, :3])
    assert (batch[2, 3:] == 0).all()


@pytest.mark.parametrize(
    ("read", "words"),
    [
        (lambda data: 1 / 0, "ZeroDivisionError"),
        (lambda data: None, "no array"),
        (lambda data: [[1], [2, 3]], "no array"),
        (lambda data: np.ma.masked_less(as_tiff(data), 0), "array.filled"),
    ],
)
def test_errors_name_key_input_and_file(folder: Path, read: Any, words: str) -> None:
    def third(data: bytes) -> Any:
        return read(data) if data == (folder / "scan_2.tif").read_bytes() else as_tiff(data)

    data = FileSequence(folder, {"a": "scan_{key}.tif"}, read=third)
    with pytest.raises(SourceError, match=words) as caught:
        data[0]
    assert "key 2" in str(caught.value)
    assert "input a" in str(caught.value)
    assert "scan_2.tif" in str(caught.value)


def test_complex_numbers_are_refused_after_read(folder: Path) -> None:
    def read(data: bytes) -> Any:
        return as_tiff(data) * 1j

    with pytest.raises(MultiseqError, match="no model takes"):
        FileSequence(folder, {"a": "scan_{key}.tif"}, read=read)[0]
    data = FileSequence(
        folder, {"a": "scan_{key}.tif"}, read=read, transforms={"a": lambda array: array.imag}
    )
    np.testing.assert_array_equal(data[0][0]["a"], SCANS)


# ---- links


TEMPLATES = ["x_{key}.npy", "x_{key}.npz:a", "x_{key}.csv", "x_{key}.json:a", "x_{key}.txt:a"]


def write_all(folder: Path, value: float) -> None:
    folder.mkdir()
    np.save(folder / "x_0.npy", np.full(3, value))
    np.savez(folder / "x_0.npz", a=np.full(3, value))
    (folder / "x_0.csv").write_text(f"{value}\n{value}\n")
    for ending in ("json", "txt"):
        (folder / f"x_0.{ending}").write_text(f'{{"a": {value}}}')
    (folder / "x_0.bin").write_bytes(np.full(3, value).tobytes())


@pytest.mark.parametrize("template", [*TEMPLATES, "x_{key}.bin"])
@pytest.mark.parametrize("below", ["", "sub/"])
@pytest.mark.parametrize("swapped", ["file", "folder"])
def test_a_link_out_of_root_is_not_followed_later(
    tmp_path: Path, template: str, below: str, swapped: str
) -> None:
    for name, value in (("in", 1.0), ("out", 2.0)):
        (tmp_path / name).mkdir()
        write_all(tmp_path / name / "sub", value)
        for path in (tmp_path / name / "sub").iterdir():
            (tmp_path / name / path.name).write_bytes(path.read_bytes())
    read = (lambda path: np.fromfile(path)) if template.endswith("bin") else None
    data = FileSequence(tmp_path / "in", below + template, read=read)
    assert (data[0][0] == 1).all()
    name = template.partition(":")[0].replace("{key}", "0")
    inner = tmp_path / "in" / (below if swapped == "folder" and below else below + name)
    target = tmp_path / "out" / inner.relative_to(tmp_path / "in")
    os.rename(inner, tmp_path / "away")
    inner.symlink_to(target)
    with pytest.raises(SourceError, match="leaves its root"):
        data[0]
    inner.unlink()
    inner.symlink_to(os.path.relpath(tmp_path / "in" / "moved", inner.parent))
    os.rename(tmp_path / "away", tmp_path / "in" / "moved")
    assert (data[0][0] == 1).all()  # A link that stays inside.
