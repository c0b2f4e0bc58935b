"""Bytes of an image file into an array of one size: decoding, fitting, refusing.

A JPEG is decoded straight to the smallest of the scales 1/8, 1/4, 3/8 and 1/2 that still holds
every pixel needed (its blocks are inverted at that scale, so most of the work is never done), and
then resized. Beyond 1/2 nothing is gained, and it is decoded whole.
"""

from __future__ import annotations

import functools
import importlib
import io
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt

from ..errors import MissingPackageError, SourceError

__all__ = ["SUFFIXES", "Decoder", "Fit", "pixel_limit"]

Result = TypeVar("Result")
Fit = Literal["stretch", "crop", "pad"]
Pixels = npt.NDArray[np.uint8]
Box = tuple[float, float, float, float]  # left, top, right, bottom, in pixels

SUFFIXES = (
    ".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".jp2",
    ".avif",
)  # fmt: skip

# Pillow tries every format it knows, one of which (EPS) runs another program.
_FORMATS = ("PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "JPEG2000", "AVIF")
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_COLOR_SPACES = {1: "GRAY", 3: "RGB", 4: "RGBA"}
_DEEP_MODES = ("I", "F")  # What they begin with: 16 or 32 bits a pixel.

_ORIENTATION = 0x0112
# Turns and flips that set an image upright, by its EXIF orientation.
_UPRIGHT: dict[int, Callable[[Pixels], Pixels]] = {
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: np.rot90(image, -1),
    7: lambda image: image[::-1, ::-1].swapaxes(0, 1),
    8: lambda image: np.rot90(image),
}


@dataclass(frozen=True)
class Decoder:
    """Decodes images to one size.

    Args:
        size: (height, width).
        channels: 1 (gray), 3 (RGB) or 4 (RGBA).
        fit: "stretch" ignores proportions, "crop" cuts the longer sides off evenly, "pad" adds
            black borders.
        fast: Whether to decode a JPEG at the smallest sufficient scale.
        most_pixels: A larger image is refused before it is decoded; None for no limit.
    """

    size: tuple[int, int]
    channels: int
    fit: Fit
    fast: bool
    most_pixels: int | None

    def __call__(self, data: bytes) -> Pixels:
        """Decodes one image.

        Args:
            data: The bytes of a file.

        Returns:
            Array of shape (*size, channels).

        Raises:
            SourceError: The bytes are no image, or a damaged or far too large one.
        """
        if data[:2] == b"\xff\xd8":
            turn = _exif_orientation(data)
            image = self._jpeg(data, transposed=turn > 4)
        else:
            image, turn = self._other(data)
        if turn != 1:
            image = _UPRIGHT[turn](image)
        if image.shape[:2] != self.size:
            image = _padded(image, self.size)
        return image

    def _jpeg(self, data: bytes, transposed: bool) -> Pixels:
        simplejpeg = _simplejpeg()
        if simplejpeg is None:
            return self._jpeg_by_pillow(data, transposed)
        try:
            height, width, _, _ = simplejpeg.decode_jpeg_header(data)
        except ValueError as error:
            raise _broken(str(error)) from error
        self._check_pixels(height, width)
        inner, box = self._plan(height, width, transposed)
        eighths = _sufficient_eighths(box, inner) if self.fast else 8
        try:
            # It picks the scale whose rounded size is sufficient: the one chosen here.
            image: Pixels = simplejpeg.decode_jpeg(
                data,
                colorspace=_COLOR_SPACES[self.channels],
                min_height=-(-height * eighths // 8),
                min_width=-(-width * eighths // 8),
            )
        except ValueError as error:
            raise _broken(str(error)) from error
        # Without rounding: a height of 427 is 53.375 rows at 1/8, of which 54 are decoded.
        return _resized(image, inner, _scaled(box, eighths / 8))

    def _jpeg_by_pillow(self, data: bytes, transposed: bool) -> Pixels:
        plugin = importlib.import_module("PIL.JpegImagePlugin")

        def decode() -> Pixels:
            image = plugin.JpegImageFile(io.BytesIO(data), "")
            width, height = image.size
            self._check_pixels(height, width)
            inner, box = self._plan(height, width, transposed)
            eighths = _sufficient_eighths(box, inner) if self.fast else 8
            if image.mode in ("L", "RGB"):
                # It knows the scales 1/8, 1/4 and 1/2, and takes the smallest that holds this size.
                part = 8 // eighths
                wanted = max(1, width // part), max(1, height // part)
                _, full = image.draft(_MODES[min(self.channels, 3)], wanted) or (None, None)
                box = box if full is None else _scaled(box, full[2] / width)
            return _resized(_array_of(image, self.channels), inner, box)

        return _guarded(decode)

    def _other(self, data: bytes) -> tuple[Pixels, int]:
        """Decodes another format; returns its EXIF orientation too."""
        pillow = _pillow()

        def decode() -> tuple[Pixels, int]:
            image = _opened(pillow, data)
            self._check_pixels(image.height, image.width)
            image.load()  # Some formats know all about themselves only now.
            turn = image.getexif().get(_ORIENTATION)
            turn = turn if turn in _UPRIGHT else 1
            inner, box = self._plan(image.height, image.width, turn > 4)
            return _resized(_array_of(image, self.channels), inner, box), turn

        return _guarded(decode)

    def _plan(self, height: int, width: int, transposed: bool) -> tuple[tuple[int, int], Box]:
        """Returns the (height, width) to resize to, and the part of the image to take."""
        rows, columns = self.size[::-1] if transposed else self.size
        if self.fit == "crop":
            zoom = min(height / rows, width / columns)
            left, top = (width - columns * zoom) / 2, (height - rows * zoom) / 2
            return (rows, columns), (left, top, width - left, height - top)
        if self.fit == "pad":
            zoom = max(height / rows, width / columns)
            rows, columns = max(1, round(height / zoom)), max(1, round(width / zoom))
        return (rows, columns), (0, 0, width, height)

    def _check_pixels(self, height: int, width: int) -> None:
        if height < 1 or width < 1:
            raise _broken(f"an image of {height} x {width} pixels")
        if self.most_pixels is not None and height * width > self.most_pixels:
            raise SourceError(
                "the image has too many pixels to be decoded safely",
                got=f"{height} x {width} pixels",
                expected=f"at most {self.most_pixels} (PIL.Image.MAX_IMAGE_PIXELS)",
                fix="store it smaller; if you trust the files, raise PIL.Image.MAX_IMAGE_PIXELS "
                "before you make the sequence",
            )


def _sufficient_eighths(box: Box, inner: tuple[int, int]) -> int:
    """The smallest scale, in eighths, at which the box still has as many pixels as are needed."""
    height, width = box[3] - box[1], box[2] - box[0]
    for eighths in (1, 2, 3, 4):
        if height * eighths >= inner[0] * 8 and width * eighths >= inner[1] * 8:
            return eighths
    return 8


def _scaled(box: Box, scale: float) -> Box:
    left, top, right, bottom = box
    return left * scale, top * scale, right * scale, bottom * scale


def _resized(image: Pixels, size: tuple[int, int], box: Box) -> Pixels:
    """Resizes a part of an image, averaging over all the pixels that fall together.

    Args:
        image: Array of shape (height, width, channels).
        size: (height, width) of the result.
        box: The part; need not lie on whole pixels.
    """
    height, width, channels = image.shape
    if (height, width) == size and box == (0, 0, width, height):
        return image
    pillow = _pillow()
    # Guards against a rounding error of 1e-13: Pillow refuses a box that leaves the image.
    inside = (max(box[0], 0), max(box[1], 0), min(box[2], width), min(box[3], height))
    flat = image[:, :, 0] if channels == 1 else image
    whole = pillow.fromarray(flat)
    resized = np.asarray(whole.resize(size[::-1], pillow.Resampling.BILINEAR, box=inside))
    return resized.reshape(*size, channels)


def _padded(image: Pixels, size: tuple[int, int]) -> Pixels:
    height, width, channels = image.shape
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    padded = np.zeros((*size, channels), np.uint8)
    padded[top : top + height, left : left + width] = image
    return padded


def _array_of(image: Any, channels: int) -> Pixels:
    """Converts a Pillow image to an array of shape (height, width, channels)."""
    if image.mode.startswith(_DEEP_MODES):
        raise SourceError(
            "the image has more than 8 bits a pixel",
            got=f"Pillow's mode {image.mode!r}",
            expected="8 bits for each channel",
            fix="convert it; cutting bits off would change what it shows",
        )
    if "transparency" in image.info:
        image = image.convert("RGBA")
    if image.mode != _MODES[channels]:
        image = image.convert(_MODES[channels])
    return np.asarray(image).reshape(image.height, image.width, channels)


def _exif_orientation(data: bytes) -> int:
    """Reads a JPEG's EXIF orientation, 1 to 8; 1, upright, if it says nothing of use."""
    at = 2
    while data[at : at + 1] == b"\xff":  # Another segment, up to the pixels.
        if data[at + 4 : at + 10] == b"Exif\0\0":
            return _tiff_orientation(data, at + 10)
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return 1


def _tiff_orientation(data: bytes, start: int) -> int:
    endian = "<" if data[start : start + 2] == b"II" else ">"
    try:
        table = start + struct.unpack_from(endian + "I", data, start + 4)[0]
        (entries,) = struct.unpack_from(endian + "H", data, table)
        for entry in range(table + 2, table + 2 + 12 * entries, 12):
            tag, _, _, value = struct.unpack_from(endian + "HHIH", data, entry)
            if tag == _ORIENTATION:
                return value if value in _UPRIGHT else 1
    except struct.error:  # It points beyond the file's end.
        pass
    return 1


def _opened(pillow: Any, data: bytes) -> Any:
    """Reads the header as `PIL.Image.open` does, save that the caller checks the size.

    Its own check warns, and a warning can't be turned off for one thread alone.
    """
    for name in _FORMATS:
        opener, accepts = pillow.OPEN.get(name, (None, None))
        if opener is not None and accepts(data[:16]) is True:
            return opener(io.BytesIO(data), "")
    raise _broken(f"{len(data)} bytes that begin with {data[:8]!r}")


def _guarded(decode: Callable[[], Result]) -> Result:
    try:
        return decode()
    except SourceError:
        raise
    except Exception as error:  # A file from outside can make a decoder fail in any way.
        raise _broken(f"{type(error).__name__}: {error}") from error


def _broken(got: str) -> SourceError:
    return SourceError(
        "this is no image, or a damaged one",
        got=got,
        expected="a whole JPEG, PNG, WebP, BMP, GIF, TIFF, PPM, JPEG 2000 or AVIF file",
        fix="restore the file, or leave its key out",
    )


def pixel_limit() -> int | None:
    """Returns the largest number of pixels that Pillow is set to take for harmless.

    Raises:
        MissingPackageError: Pillow is not installed.
    """
    limit: int | None = _pillow().MAX_IMAGE_PIXELS
    return limit


@functools.cache
def _simplejpeg() -> Any:
    """The module, or None where it is not installed: Pillow then decodes JPEG too."""
    try:
        return importlib.import_module("simplejpeg")
    except ImportError:
        return None


@functools.cache
def _pillow() -> Any:
    """Returns the module `PIL.Image`.

    Raises:
        MissingPackageError: Pillow is not installed.
    """
    try:
        pillow = importlib.import_module("PIL.Image")
    except ImportError as error:
        raise MissingPackageError(
            "images need Pillow, which is not installed",
            fix='pip install "multiseq[images]"',
        ) from error
    pillow.init()
    return pillow
