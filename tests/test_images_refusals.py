"""ImageSequence: bad files and bad arguments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pictures import FILES, gray, images, levels, photos, write
from PIL import Image

from multiseq.errors import AlignmentError, ArgumentError, MissingPackageError, SourceError
from multiseq.modalities.images import pillow as _pillow
from multiseq.modalities.images.sequence import ImageSequence


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return photos(tmp_path)


# ---- bad files: each ends in one error that says which sample


def error_of(sequence: ImageSequence) -> str:
    with pytest.raises(SourceError) as caught:
        sequence[0]
    return str(caught.value)


def bad_second(root: Path, name: str) -> ImageSequence:
    """A sequence whose second file is no good."""
    return images(["a.jpg", name], root=root)


def test_a_missing_file(root: Path) -> None:
    message = error_of(bad_second(root, "none.jpg"))
    assert message.startswith("ImageSequence, key 'none', position 1: ")
    assert "none.jpg': the file cannot be read" in message
    assert "No such file" in message


@pytest.mark.parametrize("data", [b"", b"hello", gray(9, "JPEG")[:-100], gray(9)[:-30]])
def test_a_broken_file(root: Path, data: bytes) -> None:
    (root / "broken.jpg").write_bytes(data)
    message = error_of(bad_second(root, "broken.jpg"))
    assert message.startswith("ImageSequence, key 'broken', position 1: ")
    assert "broken.jpg': this is no image, or a damaged one" in message


@pytest.mark.parametrize("path", ["../secret.png", "sub/../../secret.png"])
def test_a_path_that_leaves_the_root(root: Path, path: str) -> None:
    write(root.parent / "secret.png", 99)
    assert "a path leaves its root folder" in error_of(bad_second(root, path))


def test_an_absolute_path_outside_the_root(root: Path) -> None:
    secret = write(root.parent / "secret.png", 99)
    assert "a path leaves its root folder" in error_of(bad_second(root, secret))


def test_a_link_out_of_the_root(root: Path) -> None:
    write(root.parent / "secret.png", 99)
    (root / "link.png").symlink_to("../secret.png")
    assert "a path leaves its root folder" in error_of(bad_second(root, "link.png"))


def test_a_link_out_of_a_folder_that_is_searched(root: Path) -> None:
    write(root.parent / "secret.png", 99)
    (root / "d.png").symlink_to("../secret.png")
    assert "a path leaves its root folder" in error_of(images(root))


def test_a_folder_in_place_of_a_file(root: Path) -> None:
    assert "the file cannot be read" in error_of(bad_second(root, "sub"))


@pytest.mark.parametrize("with_root", [True, False])
def test_a_nul_character_in_a_path(root: Path, with_root: bool) -> None:
    with pytest.raises(SourceError):
        images(["a\0.jpg"], root=root if with_root else None)[0]


def test_the_limit_of_pixels_is_pillows(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sequence = images(FILES, root=root)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 16 * 12 - 1)
    assert levels(sequence) == [10, 20, 30]  # It is taken when the sequence is made.
    assert "12 x 16 pixels" in error_of(images(FILES, root=root))


def test_broken_bytes_name_their_position() -> None:
    message = error_of(images([gray(1), b"hello"]))
    assert message.startswith("ImageSequence, key 1, position 1: this is no image")


# ---- bad arguments


@pytest.mark.parametrize("missing", [None, float("nan"), 3, b"bytes"])
def test_a_row_without_a_path_is_named(missing: Any) -> None:
    source = pd.Series(["a.jpg", missing], index=["k", "l"], dtype=object)
    with pytest.raises(ArgumentError, match="key 'l' is no image file"):
        images(source)
    with pytest.raises(ArgumentError, match="position 1 is no image file"):
        images(["a.jpg", missing])


def test_paths_among_bytes() -> None:
    with pytest.raises(ArgumentError, match="position 1 is no image file"):
        images([gray(1), "a.jpg"])


@pytest.mark.parametrize("source", [5, None, b"abc", {"a.jpg"}, iter(["a.jpg"])])
def test_what_is_no_collection(source: Any) -> None:
    with pytest.raises(ArgumentError, match="no collection of image files"):
        images(source)


@pytest.mark.parametrize(
    "source", [np.zeros((2, 8, 8, 3)), [Image.new("RGB", (4, 4))], {"a": np.zeros((4, 4))}]
)
def test_arrays_and_images_of_pillow_are_told_where_to_go(source: Any) -> None:
    with pytest.raises(ArgumentError, match="is no image file") as caught:
        images(source)
    assert "ArraySequence: numpy.stack" in str(caught.value)


@pytest.mark.parametrize("item", [None, np.nan, np.float64("nan")])
def test_a_missing_path_is_told_to_be_filled(item: Any) -> None:
    with pytest.raises(ArgumentError, match="position 1 is no image file") as caught:
        images(["a.jpg", item])
    assert "leave the key out, or fill it" in str(caught.value)


def test_a_table_is_told_to_choose_a_column() -> None:
    with pytest.raises(ArgumentError, match="choose a column"):
        images(pd.DataFrame({"file": ["a.jpg"]}))


def test_no_samples() -> None:
    with pytest.raises(ArgumentError, match="no samples"):
        images([])


@pytest.mark.parametrize(
    "targets",
    [
        np.arange(12),
        list(range(12)),
        (np.arange(12),),
        {"y": pd.Series(range(12), [f"img{k}" for k in range(12)]), "z": np.arange(12)},
    ],
)
@pytest.mark.parametrize("source", ["ord", "ord/*.png"])
def test_an_array_of_targets_and_the_order_of_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, targets: Any
) -> None:
    for k in range(12):
        write(tmp_path / "ord" / f"img{k}.png", k * 20)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ArgumentError, match="a folder has no order of its own") as caught:
        images(source, targets)
    assert "'img0', 'img1', 'img10', … (12 in all)" in str(caught.value)


def test_a_series_of_targets_for_a_folder(tmp_path: Path) -> None:
    for k in range(12):
        write(tmp_path / f"img{k}.png", k * 20)
    targets = pd.Series(range(0, 240, 20), [f"img{k}" for k in range(12)])
    for given in (targets, {"y": targets}, (targets, targets.to_frame())):
        _, rows = images(tmp_path, given, batch_size=12)[0]
        first = next(iter(rows.values())) if isinstance(rows, dict) else rows
        first = first[0] if isinstance(first, tuple) else first
        assert first.tolist() == levels(images(tmp_path))


def test_duplicate_keys(root: Path) -> None:
    with pytest.raises(AlignmentError, match="duplicated"):
        images(pd.Series(["a.jpg", "b.png"], index=[1, 1]), root=root)


def test_another_number_of_keys(root: Path) -> None:
    with pytest.raises(ArgumentError, match="keys and images differ in number"):
        images(FILES, root=root, keys=["a", "b"])


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("size", 0),
        ("size", -1),
        ("size", 2.5),
        ("size", True),
        ("size", (4, 5, 3)),
        ("size", (4, None)),
        ("size", "64"),
        ("channels", 2),
        ("channels", None),
        ("fit", "cover"),
        ("fast", "yes"),
        ("dtype", "int64"),
        ("interpolation", "bicubic"),
        ("dtype", "nonsense"),
        ("scale", "1/255"),
        ("scale", float("nan")),
    ],
)
def test_bad_arguments(argument: str, value: Any) -> None:
    with pytest.raises(ArgumentError, match=f"bad {argument}"):
        images(["a.jpg"], **{argument: value})


def test_integers_are_not_scaled_to_nothing() -> None:
    with pytest.raises(ArgumentError, match="pass scale=None"):
        images(["a.jpg"], dtype="uint8")


def test_without_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    _pillow.load_pillow.cache_clear()
    monkeypatch.setattr("importlib.import_module", missing)
    with pytest.raises(MissingPackageError, match=r'pip install "multiseq\[images\]"'):
        images(["a.jpg"])
