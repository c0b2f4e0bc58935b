"""Decoding: files that are no images, damaged, or far too large."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pictures import cornered, decoder, encoded

from multiseq.errors import SourceError
from multiseq.modalities.images import jpeg as _jpeg

RNG = np.random.default_rng(0)


def png(width: int, height: int) -> bytes:
    """A PNG that claims these dimensions and holds next to nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        data = kind + body
        return struct.pack(">I", len(body)) + data + struct.pack(">I", zlib.crc32(data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(100))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [chunk(b"IHDR", header), chunk(b"IDAT", data), chunk(b"IEND", b"")]
    )


def with_dimensions(jpeg: bytes, height: int, width: int) -> bytes:
    """The same JPEG with other dimensions in its header."""
    at = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:at] + struct.pack(">HH", height, width) + jpeg[at + 4 :]


@pytest.fixture(params=["simplejpeg", "pillow"])
def jpeg_decoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Runs a test with both decoders of JPEG."""
    if request.param == "pillow":
        monkeypatch.setattr(_jpeg, "load_simplejpeg", lambda: None)
    return str(request.param)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
@pytest.mark.parametrize("part", [0.02, 0.5, 0.97])
@pytest.mark.usefixtures("jpeg_decoder")
def test_a_truncated_file_is_refused(kind: str, part: float) -> None:
    data = encoded(RNG.integers(0, 256, (60, 60, 3), np.uint8), kind)
    with pytest.raises(SourceError, match="no image, or a damaged one"):
        decoder((30, 30))(data[: int(len(data) * part)])


@pytest.mark.parametrize(
    "data", [b"", b"\xff", b"\xff\xd8", b"hello", bytes(1000), b"P6", b"%!PS-Adobe-3.0 EPSF"]
)
@pytest.mark.usefixtures("jpeg_decoder")
def test_what_is_no_image_is_refused(data: bytes) -> None:
    with pytest.raises(SourceError, match="no image, or a damaged one"):
        decoder((30, 30))(data)


def test_postscript_is_never_interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(np.zeros((8, 8, 3), np.uint8), "EPS")

    def start(*_: Any, **__: Any) -> None:
        pytest.fail("Ghostscript was called")

    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", start)
    with pytest.raises(SourceError, match="no image"):
        decoder((8, 8))(data)


def test_corrupt_data_within_a_jpeg_are_refused() -> None:
    data = bytearray(encoded(RNG.integers(0, 256, (100, 100, 3), np.uint8)))
    data[len(data) // 2 : len(data) // 2 + 2000] = bytes(2000)
    with pytest.raises(SourceError, match="damaged"):
        decoder((50, 50))(bytes(data))


@pytest.fixture
def no_allocation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails a test that begins to decode."""

    def fail(*_: Any, **__: Any) -> None:
        pytest.fail("decoding has begun")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", fail)
    monkeypatch.setattr("simplejpeg.decode_jpeg", fail)


@pytest.mark.usefixtures("no_allocation")
def test_a_huge_png_is_refused_before_it_is_decoded() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(SourceError) as caught:
            decoder((8, 8))(png(100_000, 100_000))
    assert "got: 100000 x 100000 pixels" in str(caught.value)
    assert "MAX_IMAGE_PIXELS" in str(caught.value)


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.usefixtures("jpeg_decoder", "no_allocation")
def test_a_huge_jpeg_is_refused_before_it_is_decoded(fast: bool) -> None:
    data = with_dimensions(encoded(np.zeros((8, 8, 3), np.uint8)), 65_000, 65_000)
    with pytest.raises(SourceError, match="too many pixels"):
        decoder((8, 8), fast=fast)(data)


def test_between_pillows_warning_and_its_error_no_warning_leaks() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(SourceError, match="too many pixels"):
            decoder((8, 8))(png(10_000, 10_000))


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_the_limit_is_the_largest_size_allowed(kind: str) -> None:
    data = encoded(np.zeros((10, 12, 3), np.uint8), kind)
    assert decoder((2, 2), most_pixels=120)(data).shape == (2, 2, 3)
    assert decoder((2, 2), most_pixels=None)(data).shape == (2, 2, 3)
    with pytest.raises(SourceError, match="at most 119"):
        decoder((2, 2), most_pixels=119)(data)


def test_warnings_are_not_silenced_for_others() -> None:
    filters = list(warnings.filters)
    decoder((8, 8))(encoded(cornered(16, 16), "PNG"))
    assert warnings.filters == filters


@pytest.mark.parametrize("make", [lambda: encoded(cornered(64, 64)), lambda: b"hello"])
def test_decoders_are_pure(make: Callable[[], bytes]) -> None:
    data = make()
    outcomes = []
    for _ in range(2):
        try:
            outcomes.append(decoder((16, 16))(data).tobytes())
        except SourceError as error:
            outcomes.append(str(error).encode())
    assert outcomes[0] == outcomes[1]
