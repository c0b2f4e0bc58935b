"""ImageSequence: zip archives, columns of bytes, and depths of 16 bits."""

from __future__ import annotations

import os
import pickle
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pictures import FILES, encoded, gray, images, levels, photos, write
from PIL import Image

from multiseq.errors import ArgumentError, SourceError
from multiseq.modalities.images.sequence import ImageSequence
from multiseq.sources import zips as _zip
from multiseq.testing import check_sequence


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return photos(tmp_path)


@pytest.fixture(params=[zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED], ids=["stored", "deflated"])
def archive(request: pytest.FixtureRequest, folder: Path) -> Path:
    """The photos as an archive, with what macOS and Windows add to it."""
    return zipped(folder, request.param)


def zipped(folder: Path, method: int = zipfile.ZIP_STORED) -> Path:
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.mkdir("sub")
        archive.writestr("__MACOSX/sub/._c.jpg", b"a resource fork")
        for file in sorted(folder.rglob("*"), reverse=True):
            if file.is_file():
                archive.write(file, file.relative_to(folder).as_posix())
    return path


def error_of(sequence: ImageSequence) -> str:
    with pytest.raises(SourceError) as caught:
        sequence[0]
    return str(caught.value)


# ---- zip archives


def test_an_archive_is_all_of_its_images_in_order(archive: Path) -> None:
    for source in (archive, str(archive)):
        sequence = images(source)
        assert sequence.keys.tolist() == ["a", "b", "c"]
        assert levels(sequence) == [10, 20, 30]


def test_an_archive_below_the_root(archive: Path) -> None:
    assert levels(images(archive.name, root=archive.parent)) == [10, 20, 30]


def test_members_by_name(archive: Path) -> None:
    sequence = images(pd.Series(["sub/c.jpg", "./a.jpg"], index=[5, 6]), root=archive)
    assert sequence.keys.tolist() == [5, 6]
    assert levels(sequence) == [30, 10]


@pytest.mark.parametrize(
    ("pattern", "keys"),
    [
        ("*.jpg", ["a"]),
        ("**/*.jpg", ["a", "c"]),
        ("sub/*", ["c"]),
        ("*/c.jpg", ["c"]),
        ("**/sub/*.jp?", ["c"]),
        ("./b.png", ["b"]),
    ],
)
def test_patterns_match_members_as_they_match_files(
    folder: Path, archive: Path, pattern: str, keys: list[str]
) -> None:
    assert images(pattern, root=archive).keys.tolist() == keys
    assert images(pattern, root=folder).keys.tolist() == keys


@pytest.mark.parametrize("pattern", ["none/*.jpg", "*.tif", "sub"])
def test_no_member_matches(archive: Path, pattern: str) -> None:
    with pytest.raises(ArgumentError, match="no image files were found"):
        images(pattern, root=archive)


def test_no_handle_is_left_open(archive: Path) -> None:
    before = os.listdir("/proc/self/fd")
    sequence = images(archive)
    sequence[0]
    assert os.listdir("/proc/self/fd") == before


def test_a_member_that_does_not_exist(archive: Path) -> None:
    message = error_of(images(["a.jpg", "none.jpg"], root=archive))
    assert message.startswith("ImageSequence, key 'none', position 1: ")
    assert "photos.zip/none.jpg': the archive has no such member" in message


def test_what_is_no_archive(folder: Path) -> None:
    path = folder / "broken.zip"
    path.write_bytes(b"PK\3\4 and no more")
    with pytest.raises(SourceError, match="cannot be read as a zip archive"):
        images(path)


def test_an_archive_that_has_changed(archive: Path) -> None:
    sequence = images(archive)
    archive.write_bytes(bytes(1000) + archive.read_bytes())
    assert "damaged, or the archive has changed" in error_of(sequence)


def test_an_archive_that_has_vanished(archive: Path) -> None:
    sequence = images(archive)
    archive.unlink()
    assert "No such file" in error_of(sequence)


def with_member(path: Path, data: bytes, method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("a.png", data)
    return path


def test_a_damaged_member(tmp_path: Path) -> None:
    path = with_member(tmp_path / "a.zip", gray(9), zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[-150] ^= 1
    path.write_bytes(data)
    assert "the member is damaged" in error_of(images(path))


def test_an_unusual_method_of_packing(tmp_path: Path) -> None:
    path = with_member(tmp_path / "a.zip", gray(9), zipfile.ZIP_LZMA)
    assert "unusual method" in error_of(images(path))


def test_an_encrypted_member(tmp_path: Path) -> None:
    path = with_member(tmp_path / "a.zip", gray(9))
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(data)
    assert "encrypted" in error_of(images(path))


def test_a_bomb_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100_000)
    sequence = images(with_member(tmp_path / "a.zip", bytes(800_001)))
    monkeypatch.setattr(zlib, "decompressobj", lambda _: pytest.fail("unpacking has begun"))
    message = error_of(sequence)
    assert "too large to be unpacked safely" in message
    assert "got: 800001 bytes" in message


def test_a_bomb_that_lies_about_its_size(tmp_path: Path) -> None:
    path = with_member(tmp_path / "a.zip", bytes(10_000_000))
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\1\2") + 24
    data[at : at + 4] = struct.pack("<I", 1000)
    path.write_bytes(data)
    assert "the member is damaged" in error_of(images(path))
    packed = zlib.compress(bytes(10_000_000), wbits=-15)
    assert len(_zip._unpacked(packed, zipfile.ZIP_DEFLATED, 1000)) == 1001


# ---- columns of bytes

COLUMN = [gray(10), gray(20, "JPEG"), gray(30)]


@pytest.mark.parametrize(
    "source",
    [
        pd.Series(COLUMN),
        pd.Series(COLUMN, dtype=pd.ArrowDtype(pa.binary())),
        pa.array(COLUMN),
        pa.chunked_array([COLUMN[:1], COLUMN[1:]]),
        pa.array([{"bytes": data, "path": None} for data in COLUMN]),
        [{"bytes": data, "path": "elsewhere.png"} for data in COLUMN],
        list(map(bytearray, COLUMN)),
        [memoryview(data) for data in COLUMN],
    ],
)
def test_columns(source: Any) -> None:
    assert levels(images(source)) == [10, 20, 30]


def test_dicts_of_paths(folder: Path) -> None:
    source = [{"bytes": None, "path": name} for name in FILES]
    sequence = images(source, root=folder)
    assert levels(sequence) == [10, 20, 30]
    assert sequence.keys.tolist() == ["a", "b", "c"]


@pytest.mark.parametrize("missing", [None, {"bytes": None, "path": None}, {"text": "a"}])
def test_a_row_without_bytes_is_named(missing: Any) -> None:
    with pytest.raises(ArgumentError, match="key 'l' is no image file"):
        images(pd.Series([COLUMN[0], missing], index=["k", "l"], dtype=object))


def test_bytes_travel_to_workers_as_one_array() -> None:
    buffers: list[pickle.PickleBuffer] = []
    data = pickle.dumps(images(COLUMN * 50), protocol=5, buffer_callback=buffers.append)
    assert max(buffer.raw().nbytes for buffer in buffers) == 50 * sum(map(len, COLUMN))
    assert levels(pickle.loads(data, buffers=buffers)) == [10, 20, 30] * 50


# ---- the same from everywhere


@pytest.mark.parametrize("kind", ["folder", "zip", "bytes"])
def test_the_contract(folder: Path, kind: str) -> None:
    source: Any = {"folder": folder, "zip": zipped(folder), "bytes": COLUMN}[kind]
    keys = list("abc")
    check_sequence(images(source, [1, 2, 3], keys=keys, batch_size=2, shuffle=True, seed=0))


@pytest.mark.parametrize("kind", ["zip", "bytes"])
def test_processes_give_the_same_bytes(folder: Path, kind: str) -> None:
    source: Any = zipped(folder) if kind == "zip" else COLUMN
    sequence = images(source, [1, 2, 3], keys=list("abc"), batch_size=2)
    with sequence.replace(workers=2, use_multiprocessing=True) as other:
        for i in range(len(sequence)):
            for mine, theirs in zip(sequence[i], other[i], strict=True):
                assert mine.tobytes() == theirs.tobytes()


# ---- 16 bits, and masks

DEEP = np.array([[0, 300], [40_000, 65_535]], np.uint16)


def deep(**keywords: Any) -> np.ndarray:
    sequence = ImageSequence([encoded(DEEP, "PNG")], **({"size": 2, "channels": 1} | keywords))
    values: np.ndarray = sequence[0][0][0, :, :, 0]
    return values


def test_16_bits_are_0_to_1() -> None:
    assert np.allclose(deep(), DEEP / 65535, atol=1e-7)


def test_16_bits_with_a_scale_are_levels() -> None:
    assert np.allclose(deep(scale=2, dtype="float64"), DEEP / 65535 * 510)


@pytest.mark.parametrize("dtype", ["uint16", "int32", "float32", "float64"])
def test_16_bits_without_a_scale_are_as_stored(dtype: str) -> None:
    values = deep(scale=None, dtype=dtype)
    assert values.dtype == dtype
    assert np.array_equal(values, DEEP)


def test_16_bits_as_uint8_are_levels() -> None:
    assert deep(scale=None, dtype="uint8").tolist() == [[0, 1], [156, 255]]


@pytest.mark.parametrize(
    "keywords",
    [{"dtype": "uint8", "interpolation": "nearest"}, {"dtype": "float16"}],
)
def test_values_that_a_dtype_cannot_hold(keywords: Any) -> None:
    with pytest.raises(SourceError, match=r"values that .* cannot hold") as caught:
        deep(scale=None, **keywords)
    assert "got: 0 to 65535" in str(caught.value)


def test_masks_of_ids(tmp_path: Path) -> None:
    ids = np.kron(np.array([[3, 9], [1, 200]]), np.ones((9, 9))).astype(np.uint8)
    masks = ImageSequence(
        [encoded(ids, "PNG")],
        size=5,
        channels=1,
        dtype="uint8",
        scale=None,
        interpolation="nearest",
    )
    (batch,) = masks[0]
    assert batch.dtype == np.uint8
    assert set(np.unique(batch)) == {3, 9, 1, 200}


@pytest.mark.parametrize("dtype", ["uint16", "int32"])
def test_other_integers_are_not_scaled(dtype: str) -> None:
    with pytest.raises(ArgumentError, match="pass scale=None"):
        deep(dtype=dtype)


def test_a_data_set_of_hugging_face() -> None:
    datasets = pytest.importorskip("datasets")
    rows = [{"bytes": data, "path": None} for data in COLUMN]
    table = datasets.Dataset.from_dict({"image": rows})
    encoded_only = table.cast_column("image", datasets.Image(decode=False))
    assert levels(images(encoded_only["image"])) == [10, 20, 30]
    assert levels(images(encoded_only.data["image"])) == [10, 20, 30]


def test_a_folder_below_root_may_not_lead_out_of_it(tmp_path: Path) -> None:
    write(tmp_path / "in" / "sub" / "a.png", 10)
    write(tmp_path / "out" / "a.png", 99)
    with zipfile.ZipFile(tmp_path / "out" / "x.zip", "w") as archive:
        archive.writestr("a.png", gray(99))
    root = tmp_path / "in"
    sequence = images("sub", root=root)
    assert levels(sequence) == [10]
    assert sequence.keys.tolist() == ["a"]
    (root / "sub").rename(tmp_path / "away")
    (root / "sub").symlink_to(tmp_path / "out")
    for source in ("sub", "../out", tmp_path / "out", "sub/*.png"):
        with pytest.raises(SourceError, match="leaves its root"):
            images(source, root=root)[0]
    with pytest.raises(SourceError, match="leaves its root"):
        sequence[0]
    for source in ("sub/x.zip", "../out/x.zip"):
        with pytest.raises(SourceError, match="leaves its root"):
            images(source, root=root)
