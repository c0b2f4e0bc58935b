"""Images of raw records that are decoded already, as the bytes of files that are not compressed."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from ...errors import ArgumentError, said
from .pillow import load_pillow

__all__ = ["file_of"]

_OF_PNG = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
_CHANNELS = (1, 3, 4)


def file_of(value: Any) -> bytes:
    """Returns the bytes of a file that holds this image, to the last bit.

    Args:
        value: An image of Pillow, or an array of uint8, or of uint16 where it has one channel: of
            shape (height, width) or (height, width, channels).

    Raises:
        ArgumentError: It is neither.
    """
    pillow = load_pillow()
    image = value if isinstance(value, pillow.Image) else pillow.fromarray(_checked(value))
    file = io.BytesIO()
    try:
        if image.mode in _OF_PNG:
            image.save(file, "PNG", compress_level=0, exif=image.getexif())
        else:
            image.save(file, "TIFF", exif=image.getexif())
    except Exception as error:  # Of a file that is damaged, which is decoded only now.
        raise ArgumentError(
            "this image of Pillow cannot be read",
            got=f"mode {image.mode}, and {said(error)}",
            fix='pass the path or the bytes of its file; or image.convert("RGB")',
        ) from error
    return file.getvalue()


def _checked(value: Any) -> Any:
    """Returns an array of which Pillow makes an image."""
    array = np.asarray(value) if hasattr(value, "__array__") else None
    if array is not None and array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array is None or not array.size or array.ndim not in (2, 3):
        raise _no_image(value, "pass the bytes of the file: open(path, 'rb').read()")
    if array.ndim == 3 and array.shape[2] not in _CHANNELS:
        first = array.shape[0] in _CHANNELS
        fix = "put the channels last: numpy.moveaxis(array, 0, -1)" if first else None
        raise _no_image(array, fix or "give one image, of 1, 3 or 4 channels")
    if array.dtype != np.uint8 and (array.dtype != np.uint16 or array.ndim == 3):
        fix = "where white is 1, pass numpy.uint8(numpy.rint(255 * array)); of a file, its bytes"
        raise _no_image(array, fix)
    return np.ascontiguousarray(array)


def _no_image(got: Any, fix: str) -> ArgumentError:
    return ArgumentError(
        "this is no image",
        got=got,
        expected="a path, the bytes of a file, an image of Pillow, or an array of uint8 of shape "
        "(height, width) or (height, width, channels)",
        fix=fix,
    )
