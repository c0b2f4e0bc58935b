"""Images that a user's function reads, of any number of channels, into arrays of one size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import SourceError
from ...sources.folders import FileStore
from ...sources.foreign import Foreign, given_array
from .fitting import Box, Fitting, Pixels

__all__ = ["GivenImage"]

_MOST_EXACT = 1 << 24  # Beyond, float32 skips integers.


@dataclass(frozen=True)
class GivenImage:
    """Reads images by a user's function, and brings them to one size.

    Args:
        foreign: Reads them.
        fitting: The size, and how it is reached.
        channels: How many they must have.
        dtype: What the values will be cast to.
        scale: What values of 0 to 255 will be multiplied by; None for nothing.
    """

    foreign: Foreign
    fitting: Fitting
    channels: int
    dtype: np.dtype[Any]
    scale: float | None

    def __call__(self, files: FileStore[int], index: int) -> Pixels:
        """Reads one image.

        Returns:
            Array of shape (*size, channels): of its own dtype, or float32 where pixels of anything
            but uint8 were averaged.

        Raises:
            SourceError: It cannot be read, is no image, or has values that cannot become what
                they are to be.
        """
        image = self._shaped(given_array(self.foreign.read(files, index)))
        self._check_values(image)
        if image.dtype == np.bool_:
            image = image.astype(np.uint8)
        height, width, _ = image.shape
        inner, box = self.fitting.plan(height, width, 1)
        if (height, width) != inner or box != (0, 0, width, height):
            nearest = self.fitting.interpolation == "nearest"
            image = (self._picked if nearest else self._averaged)(image, inner, box)
        return self.fitting.finished(image, 1)

    def _shaped(self, array: Pixels) -> Pixels:
        image = array[:, :, None] if array.ndim == 2 else array
        if image.ndim == 3 and image.size and image.shape[2] == self.channels:
            return image
        shape = array.shape
        if array.ndim == 3 and shape[0] == self.channels:
            fix = "put the channels last: return numpy.moveaxis(array, 0, -1)"
        elif image.ndim == 3 and image.size:
            fix = f"pass channels={image.shape[2]}, or return as many as channels= says"
        else:
            fix = "return one image, with the channels last"
        raise SourceError(
            "read= returned an array that is no image of this sequence",
            got=f"shape {shape} and dtype {array.dtype}",
            expected=f"shape (height, width, {self.channels})"
            + (" or (height, width)" if self.channels == 1 else "")
            + f", as channels={self.channels} says",
            fix=fix,
        )

    def _check_values(self, image: Pixels) -> None:
        if image.dtype.kind not in "biuf":
            raise SourceError(
                "read= returned an image of something else than numbers",
                got=f"dtype {image.dtype}",
                expected="integers, floating-point numbers or booleans",
                fix="make numbers of it in read=: numpy.abs(array) of complex numbers, say",
            )
        if self.scale is not None and image.dtype != np.uint8:
            raise SourceError(
                "what is white in this image, that scale could refer to, is not known",
                got=f"dtype {image.dtype} from read=",
                expected="uint8, or scale=None",
                fix="pass scale=None: values are then as read= returns them; scale them there",
            )
        if self.dtype.kind in "iu" and image.dtype.kind == "f":
            raise SourceError(
                f"read= returned fractions, and the sequence has dtype {self.dtype}",
                got=f"dtype {image.dtype}",
                fix='pass dtype="float32"; or return integers',
            )

    def _averaged(self, image: Pixels, size: tuple[int, int], box: Box) -> Pixels:
        """Resizes each channel by itself: Pillow takes the fourth for transparency."""
        if image.dtype != np.uint8:
            image = _as_float32(image)
        bands = [
            self.fitting.resized(image[:, :, k, None], size, box) for k in range(image.shape[2])
        ]
        return np.concatenate(bands, axis=2)

    def _picked(self, image: Pixels, size: tuple[int, int], box: Box) -> Pixels:
        """Takes the pixels that Pillow would take, of any dtype."""
        (height, width, _), (left, top, right, bottom) = image.shape, box
        rows = np.arange(height, dtype=np.int32)[:, None, None]
        columns = np.arange(width, dtype=np.int32)[None, :, None]
        rows = self.fitting.resized(rows, (size[0], 1), (0, top, 1, bottom))
        columns = self.fitting.resized(columns, (1, size[1]), (left, 0, right, 1))
        picked: Pixels = image[rows[:, :, 0], columns[:, :, 0]]
        return picked


def _as_float32(image: Pixels) -> Pixels:
    """Returns what Pillow can average.

    Raises:
        SourceError: Integers or numbers that float32 cannot hold.
    """
    finite = image if image.dtype.kind != "f" else image[np.isfinite(image)]
    most = _MOST_EXACT if image.dtype.kind != "f" else float(np.finfo(np.float32).max)
    # As Python's numbers: the absolute value of the least integer of a dtype has no place in it.
    if finite.size and max(abs(finite.min().item()), abs(finite.max().item())) > most:
        raise SourceError(
            "the image has numbers that are too large to be averaged",
            got=f"{finite.min()} to {finite.max()}, of dtype {image.dtype}",
            expected="integers up to 2^24, or what float32 can hold",
            fix='pass interpolation="nearest", which takes any; or resize the image in read=',
        )
    return image.astype(np.float32)
