"""Decoding, against Pillow's own functions for the same."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from pictures import decoder, encoded
from PIL import Image, ImageOps

BILINEAR, NEAREST = Image.Resampling.BILINEAR, Image.Resampling.NEAREST
SIZES = [(32, 32), (20, 60), (60, 20), (150, 210), (7, 5)]


def coded(height: int, width: int, channels: int = 3) -> np.ndarray:
    """Each pixel tells where it is: its row, its column, and both."""
    rows, columns = np.mgrid[:height, :width]
    codes = [rows * 255 // height, columns * 255 // width, (rows + columns) % 256, rows % 7]
    return np.stack(codes[:channels], -1).astype(np.uint8)


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("source", [(90, 120), (120, 90), (64, 64), (33, 200)])
@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
def test_fits_are_those_of_image_ops(
    fit: str, source: tuple[int, int], size: tuple[int, int], interpolation: str
) -> None:
    image = Image.fromarray(coded(*source))
    method = BILINEAR if interpolation == "bilinear" else NEAREST
    if fit == "stretch":
        expected = image.resize(size[::-1], method)
    elif fit == "crop":
        expected = ImageOps.fit(image, size[::-1], method)
    else:
        inner = ImageOps.contain(image, size[::-1], method)
        expected = Image.new("RGB", size[::-1])
        # ImageOps.pad rounds half a pixel to the even side; we to the upper left.
        at = (size[1] - inner.width) // 2, (size[0] - inner.height) // 2
        expected.paste(inner, at)
    found = decoder(size, fit=fit, interpolation=interpolation)(encoded(image, "PNG"))
    assert np.abs(found.astype(int) - np.asarray(expected)).max() <= (fit == "crop")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
def test_upright_as_exif_transpose_does_it(kind: str, orientation: int, fit: Any) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    lossless = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(Image.fromarray(coded(48, 80)), kind, exif=exif, **lossless)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    decode = decoder((24, 36), fit=fit, fast=False)
    found, expected = decode(data), decode(encoded(upright, "PNG"))
    # The same pixels are averaged, along columns before rows or the other way round.
    assert np.abs(found.astype(int) - expected).max() <= (3 if kind == "JPEG" else 1)
