"""Decoding: channels, depths, and masks of ids."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from pictures import CORNERS, cornered, corners, decoder, encoded
from PIL import Image, ImageDraw
from sklearn.datasets import load_sample_images

from multiseq.errors import SourceError
from multiseq.modalities.images import jpeg as _jpeg
from multiseq.modalities.images.decode import Decoder

RNG = np.random.default_rng(0)


@pytest.fixture(params=["simplejpeg", "pillow"])
def jpeg_decoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Runs a test with both decoders of JPEG."""
    if request.param == "pillow":
        monkeypatch.setattr(_jpeg, "load_simplejpeg", lambda: None)
    return str(request.param)


@pytest.fixture(scope="module")
def photographs() -> list[np.ndarray]:
    return list(load_sample_images().images)


# ---- colors


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "JPEG2000"])
def test_formats(kind: str) -> None:
    image = decoder((64, 128))(encoded(cornered(64, 128), kind))
    assert corners(image) == CORNERS


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.usefixtures("jpeg_decoder")
def test_gray_files_become_rgb(kind: str) -> None:
    gray = np.full((40, 40), 77, np.uint8)
    image = decoder((10, 10))(encoded(gray, kind))
    assert image.shape == (10, 10, 3)
    assert np.abs(image.astype(int) - 77).max() <= 1


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("size", [(10, 10), (40, 40)])
@pytest.mark.usefixtures("jpeg_decoder")
def test_color_files_become_gray(kind: str, size: tuple[int, int]) -> None:
    image = decoder(size, channels=1)(encoded(np.full((40, 40, 3), (255, 0, 0), np.uint8), kind))
    assert image.shape == (*size, 1)
    assert np.abs(image.astype(int) - 76).max() <= 2  # 0.299 of 255


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.usefixtures("jpeg_decoder")
def test_four_channels_of_an_opaque_file(kind: str) -> None:
    image = decoder((10, 10), channels=4)(encoded(np.full((40, 40, 3), 50, np.uint8), kind))
    assert image.shape == (10, 10, 4)
    assert image[..., 3].min() == 255


def test_four_channels_keep_transparency() -> None:
    image = np.full((40, 40, 4), (10, 20, 30, 0), np.uint8)
    image[:20, :, 3] = 255
    alpha = decoder((4, 2), channels=4)(encoded(image, "PNG"))[..., 3]
    assert alpha[[0, 3]].tolist() == [[255, 255], [0, 0]]


def test_transparency_is_dropped() -> None:
    image = np.full((4, 4, 4), (10, 20, 30, 0), np.uint8)
    assert decoder((4, 4))(encoded(image, "PNG"))[0, 0].tolist() == [10, 20, 30]


def test_a_palette_with_transparency() -> None:
    palette = Image.fromarray(cornered(8, 8)).quantize(4)
    data = encoded(palette, "PNG", transparency=bytes([0, 128, 255, 255]))
    assert corners(decoder((8, 8))(data)) == CORNERS


@pytest.mark.parametrize("transform", [0, 2])  # Adobe's mark for CMYK, and for YCCK.
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_both_decoders_agree_on_cmyk(
    photographs: list[np.ndarray], transform: int, channels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = bytearray(encoded(Image.fromarray(photographs[0]).convert("CMYK")))
    data[data.index(b"Adobe") + 11] = transform
    images = []
    for _ in range(2):
        images.append(decoder((427, 640), channels=channels)(bytes(data)).astype(int))
        monkeypatch.setattr(_jpeg, "load_simplejpeg", lambda: None)
    assert np.abs(images[0] - images[1]).max() <= 4
    assert np.abs(images[0] - images[1]).mean() < 1


@pytest.mark.usefixtures("jpeg_decoder")
def test_a_progressive_jpeg() -> None:
    data = encoded(cornered(64, 64), progressive=True)
    assert corners(decoder((16, 16))(data)) == CORNERS


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_the_first_frame_of_an_animation(kind: str) -> None:
    frames = [Image.new("RGB", (8, 8), color) for color in ((250, 0, 0), (0, 250, 0))]
    ImageDraw.Draw(frames[1]).rectangle((1, 1, 3, 3), fill=(0, 0, 250))
    lossless = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **lossless)
    assert decoder((8, 8))(data)[2, 2].tolist() == [250, 0, 0]


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK"])
def test_modes_are_converted_as_pillow_converts_them(mode: str, channels: int) -> None:
    image = Image.fromarray(cornered(8, 8)).convert(mode)
    kind = "TIFF" if mode in ("CMYK", "PA") else "PNG"
    expected = np.asarray(image.convert({1: "L", 3: "RGB", 4: "RGBA"}[channels]))
    found = decoder((8, 8), channels=channels)(encoded(image, kind))
    assert np.array_equal(found, expected.reshape(8, 8, channels))


def test_a_gray_image_with_a_transparent_level_has_alpha() -> None:
    image = Image.fromarray(np.array([[9, 200]], np.uint8))
    found = decoder((1, 2), channels=4)(encoded(image, "PNG", transparency=9))
    assert found.tolist() == [[[9, 9, 9, 0], [200, 200, 200, 255]]]


@pytest.mark.parametrize("size", [(13, 9), (5, 21)])
def test_colors_of_transparent_pixels_do_not_bleed(size: tuple[int, int]) -> None:
    image = np.zeros((40, 40, 4), np.uint8)
    image[:] = (250, 0, 0, 0)
    image[:20] = (0, 0, 250, 255)
    found = decoder(size, channels=4)(encoded(image, "PNG"))
    assert found[found[..., 3] > 0][:, 0].max() <= 2


# ---- more than 8 bits


def ramp(dtype: Any, top: float = 65535) -> np.ndarray:
    """Rows that all rise from 0 to the top."""
    return np.broadcast_to(np.linspace(0, top, 256), (8, 256)).astype(dtype)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM", "JPEG2000"])
def test_16_bits_become_fractions_of_levels(kind: str) -> None:
    found = decoder((8, 256), channels=1)(
        encoded(ramp(np.int32 if kind == "PPM" else np.uint16), kind)
    )
    assert found.dtype == np.float32
    assert np.allclose(found[0, :, 0], np.arange(256), atol=1e-4)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_16_bits_as_stored(kind: str, interpolation: str) -> None:
    decode = decoder((8, 256), interpolation=interpolation, channels=1, as_stored=True)
    assert np.array_equal(decode(encoded(ramp(np.uint16), kind))[:, :, 0], ramp(np.uint16))


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_32_bits_as_stored(dtype: Any) -> None:
    values = ramp(dtype, 1e6) - dtype(1000)
    found = decoder((8, 256), channels=1, as_stored=True)(encoded(values, "TIFF"))
    assert np.array_equal(found[:, :, 0], values.astype(np.float32))


def test_ids_of_32_bits_are_exact() -> None:
    ids = np.array([[2**31 - 1, 2**24 + 1]], np.int32)
    decode = decoder((1, 2), interpolation="nearest", channels=1, as_stored=True)
    assert decode(encoded(ids, "TIFF"))[:, :, 0].tolist() == ids.tolist()


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_32_bits_have_no_known_white(dtype: Any) -> None:
    with pytest.raises(SourceError, match="scale=None"):
        decoder((4, 4))(encoded(ramp(dtype), "TIFF"))


def test_deep_images_are_resized_as_precisely_as_they_are_stored() -> None:
    found = decoder((4, 64), channels=1)(encoded(ramp(np.uint16), "PNG"))
    expected = np.arange(256).reshape(64, 4).mean(1)
    assert np.abs(found[0, 1:-1, 0] - expected[1:-1]).max() < 0.01


@pytest.mark.parametrize(("as_stored", "alpha"), [(False, 255), (True, 65535)])
def test_deep_gray_becomes_color(as_stored: bool, alpha: int) -> None:
    data = encoded(np.full((4, 4), 257 * 9, np.uint16), "PNG")
    level = 257 * 9 if as_stored else 9
    rgb = decoder((4, 4), as_stored=as_stored)(data)
    rgba = decoder((4, 4), as_stored=as_stored, channels=4)(data)
    assert np.allclose(rgb, level)
    assert np.allclose(rgba, (level, level, level, alpha))


@pytest.mark.parametrize("orientation", [3, 6])
def test_deep_images_are_turned_upright_and_padded(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    values = np.arange(8, dtype=np.uint16).reshape(2, 4) + 1000
    data = encoded(Image.fromarray(values), "PNG", exif=exif)
    found = decoder((4, 4), fit="pad", channels=1, as_stored=True)(data)[:, :, 0]
    upright = np.rot90(values, 2 if orientation == 3 else -1)
    padding = [(1, 1), (0, 0)] if orientation == 3 else [(0, 0), (1, 1)]
    assert np.array_equal(found, np.pad(upright, padding))


def deep_rgb_png() -> bytes:
    """A PNG of 16 bits for each of three channels, which Pillow cannot write."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" + struct.pack(">HHH", 0x0AFF, 0x14FF, 0x1EFF))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [chunk(b"IHDR", header), chunk(b"IDAT", pixels), chunk(b"IEND", b"")]
    )


def test_of_deep_colors_the_upper_bits_are_read() -> None:
    assert decoder((1, 1))(deep_rgb_png()).tolist() == [[[0x0A, 0x14, 0x1E]]]


def test_deep_colors_as_stored_are_refused() -> None:
    with pytest.raises(SourceError, match="only the upper 8"):
        decoder((1, 1), as_stored=True)(deep_rgb_png())


# ---- masks of ids

IDS = np.kron(np.array([[0, 7], [30, 255]]), np.ones((24, 24))).astype(np.uint8)


def ids_decoder(size: tuple[int, int], **changes: Any) -> Decoder:
    return decoder(size, interpolation="nearest", channels=1, as_stored=True, **changes)


@pytest.mark.parametrize("size", [(7, 5), (16, 16), (100, 31)])
@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
def test_no_id_appears_that_was_not_there(size: tuple[int, int], fit: str) -> None:
    found = ids_decoder(size, fit=fit)(encoded(IDS, "PNG"))
    assert set(np.unique(found)) == {0, 7, 30, 255}


def test_the_index_in_the_palette_is_the_id() -> None:
    image = Image.fromarray(IDS).convert("P")
    image.putpalette(RNG.integers(0, 256, 768, np.uint8).tobytes())
    assert np.array_equal(ids_decoder((48, 48))(encoded(image, "PNG"))[:, :, 0], IDS)
    assert np.array_equal(ids_decoder((2, 2))(encoded(image, "PNG"))[:, :, 0], IDS[::24, ::24])


def test_ids_of_one_bit_are_0_and_1() -> None:
    image = Image.fromarray(IDS > 10)
    assert np.array_equal(ids_decoder((48, 48))(encoded(image, "PNG"))[:, :, 0], IDS > 10)


def test_a_color_code_is_kept_as_it_is() -> None:
    data = encoded(cornered(40, 40), "PNG")
    found = decoder((7, 7), interpolation="nearest")(data).reshape(-1, 3)
    assert set(map(tuple, found.tolist())) == set(CORNERS.values())


@pytest.mark.usefixtures("jpeg_decoder")
def test_a_jpeg_of_ids_is_decoded_whole() -> None:
    data = encoded(RNG.integers(0, 256, (48, 48), np.uint8), quality=100)
    whole = np.asarray(Image.open(io.BytesIO(data)))
    assert np.array_equal(ids_decoder((2, 2))(data)[:, :, 0], whole[12::24, 12::24])
