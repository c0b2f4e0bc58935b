"""Geometry: how an image of any size becomes one of a given size, upright."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from .pillow import load_pillow

__all__ = ["Box", "Fit", "Fitting", "Interpolation", "Pixels", "is_orientation"]

Fit = Literal["stretch", "crop", "pad"]
Interpolation = Literal["bilinear", "nearest"]
Pixels = npt.NDArray[Any]  # Of shape (height, width, channels).
Box = tuple[float, float, float, float]  # left, top, right, bottom, in pixels

# Turns and flips that set an image upright, by its EXIF orientation.
_UPRIGHT: dict[int, Callable[[Pixels], Pixels]] = {
    1: lambda image: image,
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: np.rot90(image, -1),
    7: lambda image: image[::-1, ::-1].swapaxes(0, 1),
    8: lambda image: np.rot90(image),
}


def is_orientation(value: object) -> bool:
    """Whether a value is one of EXIF's orientations, 1 to 8."""
    return value in _UPRIGHT


@dataclass(frozen=True)
class Fitting:
    """Brings images to one size.

    Args:
        size: (height, width).
        fit: "stretch" ignores proportions, "crop" cuts the longer sides off evenly, "pad" adds
            black borders.
        interpolation: "bilinear" averages over all the pixels that fall together; "nearest"
            takes the one in the middle, so that no value appears that was not there.
    """

    size: tuple[int, int]
    fit: Fit
    interpolation: Interpolation

    def plan(self, height: int, width: int, orientation: int) -> tuple[tuple[int, int], Box]:
        """Returns the (height, width) to resize to, and the part of the image to take.

        Both are meant before the image is set upright.
        """
        rows, columns = self.size[::-1] if orientation > 4 else self.size
        if self.fit == "crop":
            zoom = min(height / rows, width / columns)
            left, top = (width - columns * zoom) / 2, (height - rows * zoom) / 2
            return (rows, columns), (left, top, width - left, height - top)
        if self.fit == "pad":
            zoom = max(height / rows, width / columns)
            rows, columns = max(1, round(height / zoom)), max(1, round(width / zoom))
        return (rows, columns), (0, 0, width, height)

    def resized(self, image: Pixels, size: tuple[int, int], box: Box) -> Pixels:
        """Resizes a part of an image, which need not lie on whole pixels."""
        height, width, channels = image.shape
        if (height, width) == size and box == (0, 0, width, height):
            return image
        pillow = load_pillow()
        method = pillow.Resampling[self.interpolation.upper()]
        # Guards against a rounding error of 1e-13: Pillow refuses a box that leaves the image.
        inside = (max(box[0], 0), max(box[1], 0), min(box[2], width), min(box[3], height))
        whole = pillow.fromarray(image[:, :, 0] if channels == 1 else image)
        return np.asarray(whole.resize(size[::-1], method, box=inside)).reshape(*size, channels)

    def finished(self, image: Pixels, orientation: int) -> Pixels:
        """Sets a resized image upright, and adds the borders that are missing."""
        image = _UPRIGHT[orientation](image)
        height, width, channels = image.shape
        if (height, width) == self.size:
            return image
        top, left = (self.size[0] - height) // 2, (self.size[1] - width) // 2
        padded = np.zeros((*self.size, channels), image.dtype)
        padded[top : top + height, left : left + width] = image
        return padded
