"""Orientation and ids of images: as Pillow reads them, or as the file stores them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import tifffile
from pictures import decoder, encoded
from PIL import Image, ImageOps

from multiseq.errors import SourceError
from multiseq.modalities.images.sequence import ImageSequence

GRAY = np.add.outer(12 * np.arange(8), 8 * np.arange(16)).astype(np.uint8)
IMAGE = np.repeat(GRAY[:, :, None], 3, axis=2)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("upright", [True, False])
def test_orientation_is_followed_or_left_alone(kind: str, orientation: int, upright: bool) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    right = Image.fromarray(IMAGE)
    data = encoded(IMAGE, kind, exif=exif, **({"quality": 100} if kind == "JPEG" else {}))
    if upright:
        right.getexif()[0x0112] = orientation
        right = ImageOps.exif_transpose(right)
    got = decoder((right.height, right.width), upright=upright)(data)
    limit = 8 if kind == "JPEG" else 0
    assert np.abs(got.astype(int) - np.asarray(right)).max() <= limit


def test_orientation_in_xmp_alone_is_read_as_pillow_reads_it() -> None:
    body = b'http://ns.adobe.com/xap/1.0/\0<x tiff:Orientation="6"/>'
    data = encoded(IMAGE, quality=100)
    data = data[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + data[2:]
    plain = decoder((8, 16))(encoded(IMAGE, quality=100))
    right = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    assert right is not None
    turned = np.rot90(plain, -1) if right.height == 16 else plain  # An older Pillow does not.
    assert np.array_equal(decoder((right.height, right.width))(data), turned)


@pytest.mark.parametrize("dtype", ["u1", "u2", "i4"])
def test_ids_are_kept(dtype: str) -> None:
    ids: Any = np.array([[0, 1, 2, 255]], dtype)
    decode = decoder((1, 4), channels=1, interpolation="nearest", as_stored=True)
    assert decode(encoded(ids, "TIFF"))[..., 0].tolist() == ids.tolist()


def test_what_pillow_cannot_read_is_unsupported_not_damaged() -> None:
    tifffile = pytest.importorskip("tifffile")
    stream = io.BytesIO()
    tifffile.imwrite(
        stream, np.zeros((8, 8, 5), np.uint16), photometric="minisblack", planarconfig="contig"
    )
    with pytest.raises(SourceError, match="not supported"):
        decoder((8, 8))(stream.getvalue())


@pytest.mark.parametrize("upright", [True, False])
def test_a_progressive_jpeg_has_a_limit_of_scans(upright: bool) -> None:
    data = encoded(IMAGE, progressive=True)
    assert data.count(b"\xff\xda") > 1
    decode = decoder((8, 16), upright=upright)
    assert decode(data).shape == (8, 16, 3)
    scan = data[data.rindex(b"\xff\xda") : -2]
    with pytest.raises(SourceError, match="too many scans"):
        decode(data[:-2] + scan * 100 + data[-2:])


@pytest.mark.parametrize(("dtype", "most"), [("float16", 2048), ("float32", 1 << 24)])
def test_ids_are_never_rounded(dtype: str, most: int) -> None:
    def served(value: int, **keywords: Any) -> Any:
        ids = np.full((4, 4), value, np.int32)
        settings: Any = {"size": 4, "channels": 1, "scale": None, "interpolation": "nearest"}
        return ImageSequence([encoded(ids, "TIFF")], **(settings | keywords))[0][0]

    assert (served(most, dtype=dtype) == most).all()
    with pytest.raises(SourceError, match=r"(?s)would round.*int32"):
        served(most + 1, dtype=dtype)
    assert (served(most + 1, dtype="int32") == most + 1).all()
    assert (served(most + 1, dtype=dtype, interpolation="bilinear") == most).all()


@pytest.mark.parametrize("upright", [True, False])
@pytest.mark.parametrize("photometric", ["miniswhite", "minisblack"])
@pytest.mark.parametrize("dtype", ["?", "u1", "u2"])
def test_ids_of_a_tiff_are_those_it_stores(upright: bool, photometric: str, dtype: str) -> None:
    ids = (np.arange(16) % 2 if dtype == "?" else np.arange(16)).astype(dtype).reshape(4, 4)
    turned: Any = [] if upright else [(274, "H", 1, 3, True)]
    stream = io.BytesIO()
    tifffile.imwrite(stream, ids, photometric=photometric, extratags=turned)
    seq = ImageSequence(
        [stream.getvalue()],
        size=4,
        channels=1,
        scale=None,
        dtype="int32",
        interpolation="nearest",
        upright=upright,
    )
    np.testing.assert_array_equal(seq[0][0][0, :, :, 0], ids)


def test_white_may_be_zero_in_16_bits_as_in_8() -> None:
    for dtype in ("u1", "u2"):
        stream = io.BytesIO()
        pixels = np.full((4, 4), np.iinfo(dtype).max // 5, dtype)
        tifffile.imwrite(stream, pixels, photometric="miniswhite")
        assert ImageSequence([stream.getvalue()], size=4)[0][0].mean() == pytest.approx(0.8)


def test_signs_that_pillow_drops_are_not_supported() -> None:
    keywords: Any = {"size": 4, "channels": 1, "scale": None}
    for dtype, value in (("i1", -3), ("u4", 2**31)):
        for turned in ([], [(274, "H", 1, 3, True)]):
            stream = io.BytesIO()
            tifffile.imwrite(stream, np.full((4, 4), value, dtype), extratags=turned)
            with pytest.raises(SourceError, match="not supported"):
                ImageSequence([stream.getvalue()], upright=False, **keywords)[0]
    stream = io.BytesIO()
    tifffile.imwrite(stream, np.full((4, 4), 3, "i1"))
    assert (ImageSequence([stream.getvalue()], **keywords)[0][0] == 3).all()
