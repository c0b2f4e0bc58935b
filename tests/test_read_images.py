"""`read=` of ImageSequence: a user's function in place of Pillow."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from pictures import encoded, gray
from PIL import Image

from multiseq.errors import ArgumentError, MissingPackageError, SourceError
from multiseq.modalities.images.sequence import ImageSequence

PROCESSES: Any = {"workers": 1, "use_multiprocessing": True}
RNG = np.random.default_rng(0)


def as_tiff(data: bytes) -> Any:
    return tifffile.imread(io.BytesIO(data))


def of_path(path: Any) -> Any:
    assert isinstance(path, str)
    return tifffile.imread(path)


def tiff(array: np.ndarray, **options: Any) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, array, **options)
    return stream.getvalue()


def images(source: Any, targets: Any = None, **keywords: Any) -> ImageSequence:
    return ImageSequence(source, targets, **({"size": (6, 8), "scale": None} | keywords))


def given(array: Any, **keywords: Any) -> Any:
    """The one image of a sequence whose function returns this array."""
    return images([b""], read=lambda data: array, **keywords)[0][0][0]


def refused(array: Any, **keywords: Any) -> str:
    with pytest.raises(SourceError) as caught:
        given(array, **keywords)
    assert "key 0" in str(caught.value)
    return str(caught.value)


BANDS = RNG.integers(0, 60_000, (3, 6, 8, 5)).astype(np.uint16)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, array in enumerate(BANDS):
        (tmp_path / f"f{number}.tif").write_bytes(tiff(array, planarconfig="contig"))
    return tmp_path


@pytest.mark.parametrize("read", [as_tiff, of_path])
@pytest.mark.parametrize("parallel", [{}, PROCESSES])
def test_any_number_of_channels(folder: Path, read: Any, parallel: Any) -> None:
    for source, root in (
        (folder, None),
        ("*.tif", folder),
        (sorted(folder.iterdir()), None),
    ):
        with images(source, root=root, channels=5, read=read, **parallel) as seq:
            np.testing.assert_array_equal(seq[0][0], BANDS.astype("f4"), strict=True)
            assert seq.keys.tolist() == ["f0", "f1", "f2"]


def test_members_of_archives_and_bytes(folder: Path) -> None:
    with zipfile.ZipFile(folder / "f.zip", "w") as archive:
        for path in folder.glob("*.tif"):
            archive.write(path, path.name)
    data = [path.read_bytes() for path in sorted(folder.glob("*.tif"))]
    for source in (folder / "f.zip", data):
        seq = images(source, channels=5, read=as_tiff)
        np.testing.assert_array_equal(seq[0][0], BANDS)
        with pytest.raises(ArgumentError, match=r"have none\n  fix: take the bytes"):
            images(source, channels=5, read=of_path)


KINDS = [
    RNG.integers(0, 255, (6, 8, 5)).astype(np.uint8),
    RNG.integers(0, 60_000, (6, 8, 4)).astype(np.uint16),
    RNG.normal(size=(6, 8, 3)).astype(np.float32),
]


@pytest.mark.parametrize("array", KINDS, ids=["five bands", "4 x 16 bit", "3 x float32"])
def test_the_cure_of_what_pillow_cannot_read_works(array: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(tiff(array, planarconfig="contig", photometric="minisblack"))
    channels = array.shape[2]
    with pytest.raises(SourceError, match="read=lambda data") as caught:
        images([path], channels=channels if channels < 5 else 3)[0]
    assert "damaged" not in str(caught.value)
    assert "read=lambda data: tifffile.imread(io.BytesIO(data))" in str(caught.value.fix)
    read = lambda data: tifffile.imread(io.BytesIO(data))  # noqa: E731
    image = images([path], channels=channels, read=read)[0][0][0]
    np.testing.assert_array_equal(image, array)


def test_a_folder_of_another_format(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for number, name in enumerate(["a.dcm", "deep/b.DCM", "c"]):
        (tmp_path / name).write_bytes(bytes([number]) * 48)
    seq = images(tmp_path, channels=1, read=lambda data: np.frombuffer(data, "u1").reshape(6, 8))
    assert seq.keys.tolist() == ["a", "c", "b"]
    assert seq[0][0].mean((1, 2, 3)).tolist() == [0, 2, 1]


# ---- values


@pytest.mark.parametrize(
    "dtype", ["u1", "i1", "u2", ">u2", "i4", "u4", "i8", "f2", "f4", ">f4", "f8", "?"]
)
def test_values_are_as_they_were_returned(dtype: str) -> None:
    array = RNG.integers(0, 2 if dtype == "?" else 100, (6, 8)).astype(dtype)
    for image in (given(array, channels=1), given(array[:, :, None], channels=1)):
        np.testing.assert_array_equal(image[:, :, 0], array.astype("f4"), strict=True)
    if np.dtype(dtype).kind != "f":
        image = given(array, channels=1, dtype="int32")
        np.testing.assert_array_equal(image[:, :, 0], array.astype("i4"), strict=True)


def test_only_bytes_are_scaled() -> None:
    array = np.full((6, 8, 2), 51, np.uint8)
    assert given(array, channels=2, scale=1 / 255).mean() == pytest.approx(0.2)
    for other in (array.astype(np.uint16), array / 255, array > 5):
        message = refused(other, channels=2, scale=1 / 255)
        assert "what is white" in message
        assert "scale=None" in message


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
@pytest.mark.parametrize("shape", [(30, 41), (3, 5), (6, 8), (6, 31)])
def test_sizes_are_reached_as_by_pillow(fit: Any, interpolation: Any, shape: Any) -> None:
    pixels = RNG.integers(0, 255, (*shape, 3)).astype(np.uint8)
    keywords: Any = {"fit": fit, "interpolation": interpolation}
    expected = images([encoded(pixels, "PNG")], **keywords)[0][0][0]
    np.testing.assert_array_equal(given(pixels, **keywords), expected)
    deep = given(pixels.astype(np.uint16), **keywords)
    np.testing.assert_allclose(
        deep, expected, atol=0 if interpolation == "nearest" else 1
    )  # Twice rounded.


def test_a_fourth_channel_is_no_transparency() -> None:
    pixels = RNG.integers(0, 255, (30, 41, 4)).astype(np.uint8)
    pixels[:, :, 3] = 0
    image = given(pixels, channels=4)
    np.testing.assert_array_equal(image[:, :, :3], given(pixels[:, :, :3], channels=3))
    assert image[:, :, 0].mean() > 50


@pytest.mark.parametrize("dtype", ["int32", "float64"])
def test_ids_of_any_size_are_picked_exactly(dtype: str) -> None:
    ids = RNG.integers(0, 2**31 - 1, (31, 17)).astype(np.int64)
    image = given(ids, channels=1, dtype=dtype, interpolation="nearest")
    assert set(image.ravel().tolist()) <= set(ids.ravel().tolist())
    assert "too large to be averaged" in refused(ids, channels=1, dtype=dtype)
    wide = ids.astype(float) * 1e290
    assert "too large to be averaged" in refused(wide, channels=1, dtype="float64")


def test_missing_values_stay_missing() -> None:
    array = np.ones((12, 16))
    array[0, 0] = np.nan
    image = given(array, channels=1)
    assert np.isnan(image[0, 0, 0])
    assert (image[1:] == 1).all()
    half = given(array[:6, :8], channels=1, dtype="float16")
    assert np.isnan(half).sum() == 1


def test_an_array_that_is_returned_again_is_not_written_to() -> None:
    array = np.full((6, 8, 1), 3, np.float32)
    array.flags.writeable = False
    seq = images([b"1", b"2"], channels=1, read=lambda data: array)
    seq[0][0][:] = 9
    assert (seq[0][0] == 3).all()


# ---- refusals


@pytest.mark.parametrize(
    ("array", "keywords", "words"),
    [
        (np.zeros((6, 8, 5)), {}, "pass channels=5"),
        (np.zeros((6, 8)), {}, "pass channels=1"),
        (np.zeros((5, 6, 8)), {"channels": 5}, "moveaxis(array, 0, -1)"),
        (np.zeros((2, 6, 8, 3)), {}, "one image"),
        (np.zeros((0, 8, 3)), {}, "one image"),
        (np.zeros(8), {}, "one image"),
        (None, {}, "no array"),
        ([[1, 2], [3]], {}, "no array"),
        (object(), {}, "no array"),
        (np.array([[None]]), {"channels": 1}, "no array"),
        (np.ma.masked_less(np.zeros((6, 8)), 1), {"channels": 1}, "array.filled"),
        (np.zeros((6, 8), complex), {"channels": 1}, "else than numbers"),
        (np.full((6, 8), "a"), {"channels": 1}, "else than numbers"),
        (np.zeros((6, 8), "M8[s]"), {"channels": 1}, "else than numbers"),
        (np.zeros((6, 8)), {"channels": 1, "dtype": "uint8"}, "fractions"),
        (np.full((6, 8), 256), {"channels": 1, "dtype": "uint8"}, "uint8 cannot hold"),
        (np.full((6, 8), -1), {"channels": 1, "dtype": "uint16"}, "uint16 cannot hold"),
        (np.full((6, 8), 1e300), {"channels": 1}, "float32 cannot hold"),
        (np.full((6, 8), 70_000), {"channels": 1, "dtype": "float16"}, "float16 cannot hold"),
    ],
)
def test_what_is_no_image(array: Any, keywords: Any, words: str) -> None:
    assert words in refused(array, **keywords)


def fails(data: bytes) -> Any:
    raise ZeroDivisionError("no")


def test_whatever_a_function_raises_names_the_file(folder: Path) -> None:
    for source, name in ((folder, "f0.tif"), ([b"x"], "key 0")):
        with pytest.raises(SourceError) as caught:
            images(source, channels=5, read=fails)[0]
        message = str(caught.value)
        assert name in message
        assert "ZeroDivisionError: no" in message
        assert "read=lambda path: function(path)" in message
        assert isinstance(caught.value.__cause__, ZeroDivisionError)
    with images(
        [*map(str, sorted(folder.iterdir())), str(folder / "f9.tif")],
        channels=5,
        read=as_tiff,
        on_error="substitute",
    ) as seq:
        assert seq[0][0].shape == (4, 6, 8, 5)


def test_our_own_errors_come_through() -> None:
    def read(data: bytes) -> Any:
        raise MissingPackageError("no such package")

    with pytest.raises(MissingPackageError):
        images([b""], read=read)[0]


@pytest.mark.parametrize(
    ("function", "takes_path"),
    [
        (lambda data: data, False),
        (lambda path: path, True),
        (lambda file_path, more=1: file_path, True),
        (lambda filename: filename, True),
        (lambda p: p, False),
        (np.frombuffer, False),
        (bytes, False),
        (io.BytesIO, False),
        (tifffile.imread, True),  # It takes open files, too.
    ],
)
def test_what_a_function_is_given(function: Any, takes_path: bool) -> None:
    from multiseq.sources.foreign import Foreign

    assert Foreign(function).takes_path is takes_path


def test_annotations_say_what_a_function_is_given() -> None:
    from multiseq.sources.foreign import Foreign

    def text(x: str) -> Any: ...
    def path(x: Path) -> Any: ...
    def either(x: str | os.PathLike[str]) -> Any: ...
    def data(path: bytes) -> Any: ...
    def both(path: bytes | str) -> Any: ...
    def written(x: pathlib.Path | None) -> Any: ...  # type: ignore[name-defined] # noqa: F821

    found = {f.__name__: Foreign(f).takes_path for f in (text, path, either, data, both, written)}
    assert found == {
        "text": True, "path": True, "either": True, "data": False, "both": False, "written": True,
    }  # fmt: skip


def test_bad_arguments() -> None:
    with pytest.raises(ArgumentError, match="read is no function"):
        images([b""], read="tifffile")
    for channels in (0, -1, 2.0, True, None):
        with pytest.raises(ArgumentError, match="bad channels"):
            images([b""], read=as_tiff, channels=channels)
    with pytest.raises(ArgumentError, match="read with read="):
        images([gray(1)], channels=5)


def test_paths_stay_inside_root(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "x.tif"
    outside.write_bytes(tiff(BANDS[0]))
    seq = images(["f0.tif", "f1.tif"], root=folder, channels=5, read=of_path, batch_size=1)
    (folder / "f1.tif").unlink()
    (folder / "f1.tif").symlink_to(outside)
    assert seq[0][0].shape == (1, 6, 8, 5)
    with pytest.raises(SourceError, match="leaves its root"):
        seq[1]


def test_a_pipe_is_never_opened(folder: Path) -> None:
    os.mkfifo(folder / "pipe.tif")
    seq = images([folder / "pipe.tif"], channels=5, read=of_path)
    with pytest.raises(SourceError, match="no regular file"):
        seq[0]


def test_images_of_pillow_are_arrays() -> None:
    with_palette = Image.fromarray(np.full((6, 8), 7, np.uint8), "L").convert("P")
    assert given(np.asarray(with_palette), channels=1).shape == (6, 8, 1)
    assert (given(Image.new("RGB", (8, 6), (1, 2, 3))) == [1, 2, 3]).all()
