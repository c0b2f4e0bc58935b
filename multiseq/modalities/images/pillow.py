"""Pillow and simplejpeg, imported when first needed, and what all decoding refuses alike."""

from __future__ import annotations

import functools
import importlib
import io
import re
from collections.abc import Callable
from typing import Any, TypeVar

from ...errors import MissingPackageError, SourceError

__all__ = [
    "SUFFIXES",
    "broken",
    "guarded",
    "jpeg_plugin",
    "load_pillow",
    "load_simplejpeg",
    "opened",
    "pixel_limit",
    "unsupported",
]

Result = TypeVar("Result")

SUFFIXES = (
    ".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".jp2",
    ".avif",
)  # fmt: skip

# Pillow tries every format it knows, one of which (EPS) runs another program.
_UNKNOWN = re.compile("^unknown|not supported|unsupported", re.IGNORECASE)
_FORMATS = ("PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "JPEG2000", "AVIF")


def opened(data: bytes) -> Any:
    """Reads the header as `PIL.Image.open` does, save that the caller checks the size.

    Its own check warns, and a warning can't be turned off for one thread alone.
    """
    pillow = load_pillow()
    for name in _FORMATS:
        opener, accepts = pillow.OPEN.get(name, (None, None))
        if opener is not None and accepts(data[:16]) is True:
            return opener(io.BytesIO(data), "")
    raise broken(f"{len(data)} bytes that begin with {data[:8]!r}")


def guarded(decode: Callable[[], Result]) -> Result:
    """Returns what `decode` returns, and whatever it raises as a SourceError."""
    try:
        return decode()
    except SourceError:
        raise
    except Exception as error:  # A file from outside can make a decoder fail in any way.
        got = f"{type(error).__name__}: {error}"
        known = isinstance(error, NotImplementedError) or _UNKNOWN.search(str(error))
        raise (unsupported if known else broken)(got) from error


def unsupported(got: str) -> SourceError:
    """Returns the error for an image that may be whole, yet is of no known kind."""
    return SourceError(
        "images of this kind are not supported: Pillow cannot read them",
        got=got,
        expected="1, 3 or 4 channels of 8 bits, or one of 16 or 32",
        fix="read the files with another package: pass scale=None, channels= as many as they have, "
        "and read=lambda data: tifffile.imread(io.BytesIO(data))",
    )


def broken(got: str) -> SourceError:
    """Returns the error for bytes that are no whole image."""
    return SourceError(
        "this is no image, or a damaged one",
        got=got,
        expected="a whole JPEG, PNG, WebP, BMP, GIF, TIFF, PPM, JPEG 2000 or AVIF file",
        fix="restore the file, or leave its key out; files of other formats are read with read=",
    )


def pixel_limit() -> int | None:
    """Returns the largest number of pixels that Pillow is set to take for harmless.

    Raises:
        MissingPackageError: Pillow is not installed.
    """
    limit: int | None = load_pillow().MAX_IMAGE_PIXELS
    return limit


@functools.cache
def load_simplejpeg() -> Any:
    """Returns the module, or None where it is not installed: Pillow then decodes JPEG too."""
    try:
        return importlib.import_module("simplejpeg")
    except ImportError:
        return None


@functools.cache
def load_pillow() -> Any:
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


@functools.cache
def jpeg_plugin() -> Any:
    """Returns Pillow's module for JPEG."""
    return importlib.import_module("PIL.JpegImagePlugin")
