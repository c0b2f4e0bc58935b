"""JPEG, decoded at the smallest scale that suffices.

A JPEG is decoded straight to the smallest of the scales 1/8, 1/4, 3/8 and 1/2 that still holds
every pixel needed (its blocks are inverted at that scale, so most of the work is never done), and
then resized. Beyond 1/2 nothing is gained, and it is decoded whole.
"""

from __future__ import annotations

import functools
import io
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import SourceError
from .fitting import Box, Fitting, Pixels, is_orientation
from .pillow import broken, guarded, jpeg_plugin, load_simplejpeg

__all__ = ["MODES", "decode_jpeg", "jpeg_orientation", "pillow_orientation"]

MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_COLOR_SPACES = {1: "GRAY", 3: "RGB", 4: "RGBA"}
_ORIENTATION = 0x0112
_MARK, _APP1, _SCAN, _PROGRESSIVE = 0xFF, 0xE1, 0xDA, (0xC2, 0xC6, 0xCA, 0xCE)
_SIZE = struct.Struct(">H")
_SHORT = 3
_MOST_SCANS = 100

Check = Callable[[int, int], None]


def decode_jpeg(
    data: bytes, channels: int, fitting: Fitting, orientation: int, fast: bool, check: Check
) -> Pixels:
    """Decodes and resizes a JPEG; it is not set upright yet.

    Args:
        data: The bytes of a file.
        channels: 1 (gray), 3 (RGB) or 4 (RGBA).
        fitting: The size it is to have when it is upright.
        orientation: From its EXIF data.
        fast: Whether to decode at the smallest sufficient scale.
        check: Called with height and width before anything is decoded.

    Raises:
        SourceError: It is no JPEG, or a damaged one.
    """
    simplejpeg = load_simplejpeg()
    if simplejpeg is None:
        return _by_pillow(data, channels, fitting, orientation, fast, check)
    try:
        height, width, _, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError as error:
        raise broken(str(error)) from error
    check(height, width)
    inner, box, rows, columns = _plan(fitting, height, width, orientation, fast)
    try:
        # It picks the scale whose rounded size is sufficient: the one chosen here.
        image: Pixels = simplejpeg.decode_jpeg(
            data, colorspace=_COLOR_SPACES[channels], min_height=rows, min_width=columns
        )
    except ValueError as error:
        raise broken(str(error)) from error
    return fitting.resized(image, inner, box)


@functools.lru_cache(1 << 12)  # Most images of a folder are alike.
def _plan(
    fitting: Fitting, height: int, width: int, orientation: int, fast: bool
) -> tuple[tuple[int, int], Box, int, int]:
    """Returns the size to resize to, from which part of what is decoded, and at least how much."""
    inner, box = fitting.plan(height, width, orientation)
    eighths = _sufficient_eighths(box, inner) if fast else 8
    # Without rounding: a height of 427 is 53.375 rows at 1/8, of which 54 are decoded.
    scaled = _scaled(box, eighths / 8)
    return inner, scaled, -(-height * eighths // 8), -(-width * eighths // 8)


def _by_pillow(
    data: bytes, channels: int, fitting: Fitting, orientation: int, fast: bool, check: Check
) -> Pixels:
    def decode() -> Pixels:
        image = jpeg_plugin().JpegImageFile(io.BytesIO(data), "")
        width, height = image.size
        check(height, width)
        inner, box = fitting.plan(height, width, orientation)
        eighths = _sufficient_eighths(box, inner) if fast else 8
        if image.mode in ("L", "RGB"):
            # It knows the scales 1/8, 1/4 and 1/2, and takes the smallest that holds this size.
            part = 8 // eighths
            wanted = max(1, width // part), max(1, height // part)
            _, full = image.draft(MODES[min(channels, 3)], wanted) or (None, None)
            box = box if full is None else _scaled(box, full[2] / width)
        if image.mode != MODES[channels]:
            image = image.convert(MODES[channels])
        pixels = np.asarray(image).reshape(image.height, image.width, channels)
        return fitting.resized(pixels, inner, box)

    return guarded(decode)


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


def jpeg_orientation(data: bytes) -> int:
    """Reads a JPEG's EXIF orientation, 1 to 8; 1, upright, if it says nothing of use.

    What is as cameras write it is read here; where it is not, Pillow is asked.

    Raises:
        SourceError: It would be decoded many times over.
    """
    at, found = 2, []
    try:
        while data[at] == _MARK:  # Another segment, up to the pixels.
            marker = data[at + 1]
            if marker == _MARK:  # A byte that fills up.
                at += 1
                continue
            if marker == _SCAN:
                break
            (size,) = _SIZE.unpack_from(data, at + 2)
            if marker == _APP1:
                if data[at + 4 : at + 10] == b"Exif\0\0":
                    found.append(_tiff_orientation(data[at + 10 : at + 2 + size]))
                elif b"Orientation" in data[at + 4 : at + 2 + size]:  # XMP.
                    found.append(None)
            elif marker in _PROGRESSIVE:
                _check_scans(data)
            at += 2 + size
    except (IndexError, struct.error):  # It ends here, as decoding will tell.
        pass
    if not found:
        return 1
    return found[0] or _as_pillow_reads(data) if len(found) == 1 else _as_pillow_reads(data)


def _check_scans(data: bytes) -> None:
    """Raises SourceError for more scans than an image needs: each is decoded over all pixels."""
    scans = data.count(b"\xff\xda")  # Between pixels, a 255 is followed by 0.
    if scans > _MOST_SCANS:
        raise SourceError(
            "the image has too many scans to be decoded safely",
            got=f"{scans} scans",
            expected=f"at most {_MOST_SCANS}; programs write some 10",
            fix="if you trust the file, write it again: PIL.Image.open(path).save(path)",
        )


def pillow_orientation(image: Any) -> int:
    """Returns the orientation of a Pillow image, 1 to 8; 1 if it says nothing of use."""
    try:
        value = image.getexif().get(_ORIENTATION)
    except Exception:  # Notes from outside can make it fail in any way; the pixels may be whole.
        return 1
    return int(value) if is_orientation(value) else 1


def _as_pillow_reads(data: bytes) -> int:
    try:
        return pillow_orientation(jpeg_plugin().JpegImageFile(io.BytesIO(data), ""))
    except Exception:  # It is decoded next, which tells what is wrong with it.
        return 1


def _tiff_orientation(data: bytes) -> int | None:
    """The orientation in EXIF data; None where it is not written as it should be."""
    endian = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if endian is None:
        return None
    try:
        (table,) = struct.unpack_from(endian + "I", data, 4)
        (entries,) = struct.unpack_from(endian + "H", data, table)
        for entry in range(table + 2, table + 2 + 12 * entries, 12):
            tag, kind, count, value = struct.unpack_from(endian + "HHIH", data, entry)
            if tag == _ORIENTATION:
                return value if (kind, count) == (_SHORT, 1) and is_orientation(value) else None
    except struct.error:  # It points beyond the data's end, where Pillow finds nothing either.
        pass
    return 1
