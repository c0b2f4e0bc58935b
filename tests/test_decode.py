"""Decoding: what an image file becomes, and how far the fast path is off."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest
from pictures import CORNERS, cornered, corners, decoder, encoded
from PIL import Image
from sklearn.datasets import load_sample_images

from multiseq.modalities.images import jpeg as _jpeg

RNG = np.random.default_rng(0)


@pytest.fixture(params=["simplejpeg", "pillow"])
def jpeg_decoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Runs a test with both decoders of JPEG."""
    if request.param == "pillow":
        monkeypatch.setattr(_jpeg, "load_simplejpeg", lambda: None)
    return str(request.param)


# ---- sizes and proportions


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("size", [(64, 64), (30, 90), (90, 30), (200, 300), (1, 1), (7, 300)])
@pytest.mark.parametrize("source", [(100, 150), (150, 100), (9, 7), (1, 1), (1, 200)])
@pytest.mark.usefixtures("jpeg_decoder")
def test_any_size_becomes_the_size(
    kind: str, fit: str, size: tuple[int, int], source: tuple[int, int]
) -> None:
    image = decoder(size, fit=fit)(encoded(np.full((*source, 3), 99, np.uint8), kind))
    assert image.shape == (*size, 3)
    assert image.dtype == np.uint8
    assert np.abs(image[(size[0] - 1) // 2, (size[1] - 1) // 2].astype(int) - 99).max() <= 2


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.usefixtures("jpeg_decoder")
def test_stretch_shows_the_whole(fast: bool) -> None:
    image = decoder((32, 32), fast=fast)(encoded(cornered(128, 256)))
    assert corners(image) == CORNERS


def bands(height: int, width: int) -> np.ndarray:
    """Red, green and blue thirds along the longer side."""
    image = np.zeros((height, width, 3), np.uint8)
    along = image if height > width else image.swapaxes(0, 1)
    third = len(along) // 3
    along[:third, :, 0] = along[third:-third, :, 1] = along[-third:, :, 2] = 255
    return image


@pytest.mark.parametrize("shape", [(240, 720), (720, 240)])
@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.usefixtures("jpeg_decoder")
def test_crop_takes_the_middle(shape: tuple[int, int], fast: bool) -> None:
    image = decoder((40, 40), fit="crop", fast=fast)(encoded(bands(*shape), subsampling=0))
    inner = image[2:-2, 2:-2].reshape(-1, 3).astype(int)
    assert np.abs(inner - (0, 255, 0)).max() < 20


def test_crop_outlives_rounding() -> None:
    assert 7 * (29 / 7) > 29  # So the part to take begins a little above the image.
    assert decoder((7, 7), fit="crop")(encoded(cornered(29, 40), "PNG")).shape == (7, 7, 3)


@pytest.mark.parametrize("shape", [(240, 720), (720, 240)])
@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.usefixtures("jpeg_decoder")
def test_pad_shows_the_whole_between_black_borders(shape: tuple[int, int], fast: bool) -> None:
    image = decoder((60, 60), fit="pad", fast=fast)(encoded(np.full((*shape, 3), 255, np.uint8)))
    image = image if shape[0] < shape[1] else image.swapaxes(0, 1)
    assert image[:20].max() == image[40:].max() == 0
    assert image[20:40].min() > 250


# ---- the fast path against the whole one


@pytest.fixture(scope="module")
def photographs() -> list[np.ndarray]:
    return list(load_sample_images().images)


def difference(image: np.ndarray, size: tuple[int, int], **options: Any) -> float:
    """Mean of the absolute differences between the fast path and the whole one, of 255 levels."""
    data = encoded(image, **options)
    fast = decoder(size)(data).astype(int)
    return float(np.abs(fast - decoder(size, fast=False)(data)).mean())


@pytest.mark.parametrize("size", [(53, 80), (54, 80), (64, 64), (96, 96), (150, 200), (213, 320)])
@pytest.mark.parametrize("quality", [60, 90])
@pytest.mark.usefixtures("jpeg_decoder")
def test_fast_is_within_5_levels_on_photographs(
    photographs: list[np.ndarray], size: tuple[int, int], quality: int
) -> None:
    for photograph in photographs:
        assert 0 < difference(photograph, size, quality=quality) < 5


@pytest.mark.parametrize("size", [(32, 32), (64, 64), (96, 96), (128, 128)])
@pytest.mark.usefixtures("jpeg_decoder")
def test_fast_is_within_5_levels_on_photographs_at_the_exact_scale(
    photographs: list[np.ndarray], size: tuple[int, int]
) -> None:
    for photograph in photographs:
        assert 0 < difference(np.ascontiguousarray(photograph[100:356, 200:456]), size) < 5


@pytest.mark.parametrize("size", [(53, 80), (54, 80), (64, 64), (150, 200)])
@pytest.mark.usefixtures("jpeg_decoder")
def test_fast_is_within_1_level_on_smooth_images(size: tuple[int, int]) -> None:
    rows, columns = np.mgrid[:427, :640]
    smooth = 127 + 120 * np.sin(columns / 60) * np.cos(rows / 50)
    assert difference(np.stack([smooth] * 3, -1).astype(np.uint8), size) < 1


@pytest.mark.parametrize("size", [(53, 80), (64, 64), (96, 96), (150, 200), (213, 320)])
@pytest.mark.usefixtures("jpeg_decoder")
def test_fast_is_within_15_levels_on_noise(size: tuple[int, int]) -> None:
    assert difference(RNG.integers(0, 256, (427, 640, 3), np.uint8), size) < 15


@pytest.mark.parametrize("size", [(53, 80), (64, 64), (150, 200), (300, 400), (900, 1200)])
def test_the_whole_path_is_pillows(photographs: list[np.ndarray], size: tuple[int, int]) -> None:
    data = encoded(photographs[0])
    whole = Image.open(io.BytesIO(data)).resize(size[::-1], Image.Resampling.BILINEAR)
    difference = np.abs(decoder(size, fast=False)(data).astype(int) - np.asarray(whole))
    assert difference.mean() < 0.5


@pytest.mark.parametrize(
    ("height", "width", "eighths"),
    [
        (8, 8, 1),
        (8, 9, 2),
        (9, 8, 2),
        (16, 16, 2),
        (24, 16, 3),
        (25, 16, 4),
        (32, 32, 4),
        (33, 1, 8),
        (1, 33, 8),
        (64, 64, 8),
        (99, 99, 8),
    ],
)
def test_the_scale_is_the_smallest_that_suffices(height: int, width: int, eighths: int) -> None:
    assert _jpeg._sufficient_eighths((0, 0, 64, 64), (height, width)) == eighths


def test_a_part_of_an_image_is_enough_for_itself_only() -> None:
    # 32 of 64 columns are wanted at 8: at 1/4, not at 1/8, which would do for the whole.
    assert _jpeg._sufficient_eighths((16, 0, 48, 64), (8, 8)) == 2


@pytest.mark.parametrize("size", [(300, 400), (900, 1200)])
@pytest.mark.usefixtures("jpeg_decoder")
def test_beyond_half_scale_fast_is_the_whole_path(
    photographs: list[np.ndarray], size: tuple[int, int]
) -> None:
    assert difference(photographs[0], size) == 0


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.usefixtures("jpeg_decoder")
def test_nothing_is_shifted(fast: bool) -> None:
    # 203 and 101 are no multiples of 8: at 1/8, the last block is mostly beyond the edge.
    ramp = np.broadcast_to(np.linspace(0, 255, 203)[:, None, None], (203, 101, 3))
    image = decoder((23, 11), fast=fast)(encoded(ramp.astype(np.uint8)))
    expected = (np.arange(23) + 0.5) / 23 * 255
    assert np.abs(image.mean((1, 2)) - expected)[1:-1].max() < 1.5


# ---- upright by EXIF

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def turned(kind: str, orientation: int, height: int, width: int, endian: str = "<") -> bytes:
    """A file that is upright when its EXIF orientation is heeded."""
    image = Image.fromarray(cornered(height, width))
    if orientation in TURNS:
        image = image.transpose(TURNS[orientation])
    exif = Image.Exif()
    exif.endian = endian
    exif[0x010F] = "a maker, which comes before it"
    exif[0x0112] = orientation
    return encoded(image, kind, exif=exif)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.usefixtures("jpeg_decoder")
def test_images_are_turned_upright(kind: str, orientation: int) -> None:
    image = decoder((16, 32))(turned(kind, orientation, 64, 128))
    assert corners(image) == CORNERS


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("fit", ["crop", "pad"])
def test_proportions_are_those_of_the_upright_image(fit: str, orientation: int) -> None:
    image = decoder((16, 32), fit=fit)(turned("JPEG", orientation, 64, 128))
    assert corners(image) == CORNERS


def test_exif_in_the_other_byte_order() -> None:
    data = turned("JPEG", 6, 64, 128, ">")
    assert b"MM\0*" in data
    assert corners(decoder((16, 32))(data)) == CORNERS


@pytest.mark.parametrize("orientation", [0, 9, 65535])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_an_orientation_that_makes_no_sense_is_ignored(kind: str, orientation: int) -> None:
    image = decoder((16, 32))(turned(kind, orientation, 64, 128))
    assert corners(image) == CORNERS


def test_broken_exif_is_ignored() -> None:
    plain = encoded(cornered(64, 128))
    for junk in (b"", b"II", b"MM\0*\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff"):
        body = b"Exif\0\0" + junk
        marker = b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
        assert corners(decoder((16, 32))(plain[:2] + marker + plain[2:])) == CORNERS
