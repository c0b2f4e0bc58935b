"""Files that were changed anywhere are read as another library reads them, or refused."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import encoded as image
from sounds import encoded as sound

from multiseq.errors import MultiseqError, SourceError
from multiseq.modalities.arrays.sequence import ArraySequence
from multiseq.modalities.audio.sequence import AudioSequence
from multiseq.modalities.files.sequence import FileSequence
from multiseq.modalities.images.sequence import ImageSequence

RNG = np.random.default_rng(0)
ARRAY = RNG.normal(size=(6, 4)).astype("f4")
PIXELS = RNG.integers(0, 255, (12, 16, 3)).astype(np.uint8)
WAVE = np.sin(np.arange(2000) / 9) / 2

# Most of what can go wrong is in the first bytes, where a file says what it holds.
PLACES = st.one_of(st.integers(0, 63), st.integers(0, 1 << 14))
BYTES = st.one_of(st.binary(min_size=1, max_size=8), st.sampled_from([b"\0", b"\xff", b"\x80"] * 4))
EDITS = st.lists(st.tuples(st.sampled_from("ridc"), PLACES, BYTES), min_size=1, max_size=4)


def mutated(data: bytes, edits: list[tuple[str, int, bytes]]) -> bytes:
    """Replaces, inserts, deletes and cuts."""
    for kind, place, new in edits:
        at = place % (len(data) + 1)
        rest = {"r": at + len(new), "i": at, "d": at + 1 + place % 64, "c": len(data)}[kind]
        data = data[:at] + (new if kind in "ri" else b"") + data[rest:]
    return data


def served(load: Callable[[], Any]) -> Any:
    """Returns a batch; None where it is refused."""
    try:
        return load()
    except MultiseqError as error:
        str(error)
        return None


def saved(save: Callable[..., None], *args: Any, **arrays: Any) -> bytes:
    stream = io.BytesIO()
    save(stream, *args, **arrays)
    return stream.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mutated")


def from_files(folder: Path, data: bytes, template: str) -> Any:
    (folder / template.partition(":")[0].replace("{key}", "0")).write_bytes(data)
    return served(lambda: FileSequence(folder, template)[0][0])


# ---- arrays and documents: what another library reads, or nothing


NPY = {
    "plain": saved(np.save, ARRAY),
    "other order": saved(np.save, np.asfortranarray(ARRAY.astype(">f8"))),
    "integers": saved(np.save, np.arange(30, dtype=np.uint16)),
}


@pytest.mark.parametrize("data", NPY.values(), ids=NPY)
@given(edits=EDITS)
@settings(max_examples=200)
def test_npy(folder: Path, data: bytes, edits: Any) -> None:
    data = mutated(data, edits)
    batch = from_files(folder, data, "x_{key}.npy")
    if batch is not None:
        expected = np.load(io.BytesIO(data), allow_pickle=False)
        wide = expected.dtype.kind == "f" and expected.dtype.itemsize >= 8
        expected = expected.astype("f4") if wide else expected
        np.testing.assert_array_equal(batch[0], expected)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@given(edits=EDITS)
@settings(max_examples=200)
def test_npz(folder: Path, save: Any, edits: Any) -> None:
    data = mutated(saved(save, a=ARRAY, b=np.arange(3)), edits)
    batch = from_files(folder, data, "x_{key}.npz:a")
    if batch is not None:
        np.testing.assert_array_equal(batch[0], ARRAY)  # Each array has a sum to check.


@given(edits=EDITS)
@settings(max_examples=200)
def test_json(folder: Path, edits: Any) -> None:
    text = json.dumps({"a": [[1, 2.5], [3, 4]], "b": {"c": 7}, "s": "text"})
    data = mutated(text.encode(), edits)
    batch = from_files(folder, data, "x_{key}.json:a")
    if batch is not None:
        np.testing.assert_allclose(batch[0], json.loads(data)["a"], rtol=1e-6)


PIECES = [b",", b"\n", b'"', b" ", b"1", b"nan", b"\r", b"#", b"-", b"e5", b";", b"_", b"a", b"."]
TABLES = ["a,b,c\n0,0.5,-1\n1,1.5,-2\n2,2.5,-3\n", "1,2\n3,4\n5,nan\n", '"a"\r\n1\r\n2\r\n']


@given(st.sampled_from(TABLES), st.lists(st.tuples(st.integers(0, 40), st.sampled_from(PIECES))))
@settings(max_examples=1500)
def test_csv_is_read_as_by_pandas(folder: Path, table: str, edits: list[tuple[int, bytes]]) -> None:
    data = table.encode()
    for place, piece in edits[:3]:
        at = place % (len(data) + 1)
        data = data[:at] + piece + data[at + place % 2 :]
    batch = from_files(folder, data, "x_{key}.csv")
    if batch is not None:
        np.testing.assert_allclose(batch[0], by_pandas(data, batch[0]), rtol=1e-6)


def by_pandas(data: bytes, ours: Any) -> Any:
    """The table as pandas reads it, without a header; ours where pandas is stricter."""
    try:
        frame = pd.read_csv(io.BytesIO(data), header=None, dtype=str, keep_default_na=False)
        rows = [[float(cell) for cell in row] for row in frame.to_numpy()[-len(ours) :].tolist()]
    except (pd.errors.ParserError, ValueError):
        return ours
    assert len(frame) - len(ours) in (0, 1)
    return rows


# ---- images and sound


KINDS = ["JPEG", "PNG", "TIFF", "GIF", "BMP", "WEBP", "PPM", "JPEG2000"]


@pytest.mark.parametrize(
    "data",
    [
        *(image(PIXELS, kind) for kind in KINDS),
        image(PIXELS, "JPEG", progressive=True),
        image(PIXELS, "TIFF", compression="tiff_lzw"),
        image(PIXELS[:, :, 0].astype(np.uint16) * 200, "PNG"),
    ],
    ids=[*KINDS, "progressive", "lzw", "16 bits"],
)
@given(edits=EDITS)
@settings(max_examples=150)
def test_images(data: bytes, edits: Any) -> None:
    batch = served(lambda: ImageSequence([mutated(data, edits)], size=(8, 9))[0][0])
    if batch is not None:
        assert batch.shape == (1, 8, 9, 3)
        assert batch.dtype == np.float32
        assert 0 <= batch.min() <= batch.max() <= 1


@given(edits=EDITS)
@settings(max_examples=200)
def test_masks_of_png_have_a_sum_to_check(edits: Any) -> None:
    data = mutated(image(PIXELS[:, :, 0], "PNG"), edits)
    keywords: Any = {"channels": 1, "dtype": "uint8", "scale": None, "interpolation": "nearest"}
    batch = served(lambda: ImageSequence([data], size=(12, 16), **keywords)[0][0])
    if batch is not None:
        np.testing.assert_array_equal(batch[0, :, :, 0], PIXELS[:, :, 0])


def heard(source: Any) -> Any:
    return served(lambda: AudioSequence(source, sample_rate=8_000)[0][0])


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "AIFF", "CAF", "AU"])
@given(edits=EDITS)
@settings(max_examples=200)
def test_sounds(folder: Path, kind: str, edits: Any) -> None:
    data = mutated(sound(WAVE, 16_000, kind), edits)
    (folder / "x.wav").write_bytes(data)
    for source in ([data], [folder / "x.wav"]):
        batch = heard(source)
        if batch is not None:
            assert batch.ndim == 2
            assert batch.size
            assert batch.dtype == np.float32
            assert np.isfinite(batch).all()


def test_nothing_is_printed_about_a_damaged_sound(capfd: pytest.CaptureFixture[str]) -> None:
    data = sound(WAVE, 16_000, "AIFF")
    for at in range(12, 60):
        for new in (b"\0", b"\xff"):
            broken = data[:at] + new * 4 + data[at + 4 :]
            heard([broken])
    assert "callback" not in capfd.readouterr().err


# ---- containers


@pytest.mark.parametrize("packed", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@given(edits=EDITS)
@settings(max_examples=200)
def test_archives(folder: Path, packed: int, edits: Any) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", packed) as archive:
        archive.writestr("a.bmp", image(PIXELS, "BMP"))
        archive.writestr("b.bmp", image(PIXELS // 2, "BMP"))
    (folder / "x.zip").write_bytes(mutated(stream.getvalue(), edits))
    keywords: Any = {"size": (12, 16), "scale": None, "dtype": "uint8"}
    batch = served(lambda: ImageSequence(["a.bmp"], root=folder / "x.zip", **keywords)[0][0])
    if batch is not None:  # Each member has a sum to check.
        np.testing.assert_array_equal(batch[0], PIXELS)
    served(lambda: ImageSequence(folder / "x.zip", **keywords)[0])


@pytest.mark.parametrize(
    "options", [{}, {"chunks": (5, 6)}, {"chunks": (5, 6), "fletcher32": True}]
)
@given(edits=EDITS)
@settings(max_examples=200)
def test_hdf5(folder: Path, options: Any, edits: Any) -> None:
    whole = folder / f"{len(options)}.h5"
    if not whole.exists():
        with h5py.File(whole, "w") as file:
            file.create_dataset("x", data=RNG.normal(size=(20, 6)).astype("f4"), **options)
    path = folder / "x.h5"
    path.unlink(missing_ok=True)  # One that is mapped stays as it is.
    path.write_bytes(mutated(whole.read_bytes(), edits))
    try:
        file = h5py.File(path)
        dataset = file["x"]
        shape = dataset.shape
    except Exception:  # It is the user who opens it.
        return
    with file:
        batch = served(lambda: ArraySequence(dataset, batch_size=4)[0][0])
        if batch is not None:
            assert batch.shape == (min(4, shape[0]), *shape[1:])
            np.testing.assert_array_equal(batch, dataset[:4])


def test_an_index_of_chunks_that_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=ARRAY, chunks=(2, 4))
    data = path.read_bytes()
    at = data.rindex(b"TREE")
    path.write_bytes(data[:at] + b"TREF" + data[at + 4 :])
    with h5py.File(path) as file, pytest.raises(SourceError, match="cannot be read"):
        ArraySequence(file["x"])
