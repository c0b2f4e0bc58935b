"""What an array stands for where nobody says: told by its shape and dtype."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .kinds import (
    Array,
    Bands,
    Heat,
    HotMask,
    Image,
    Kind,
    Lines,
    Numbers,
    OneHot,
    Other,
    Text,
    Video,
)

__all__ = ["guess", "nameless"]

_LEAST_PIXELS = 8  # Along a side of an image.
_MOST_BANDS = 64
_MOST_LINES = 6
_MOST_NUMBERS = 5  # That are written side by side.
_COLORS = (1, 3, 4)


def nameless(number: int) -> None:
    """The name of a class where classes have none."""


def guess(arrays: Sequence[Array], role: str) -> Kind:
    """Returns what arrays of one shape stand for.

    Args:
        arrays: Of several samples, at least one.
        role: "inputs", "targets" or "sample_weight".
    """
    first = arrays[0]
    if first.dtype.kind in "USTO":
        return Text() if first.ndim <= 1 else Other()
    if first.dtype.kind not in "biuf" or not first.size:
        return Other()
    if role == "targets" and _are_one_hot(arrays):
        return OneHot(nameless)
    if role == "targets" and all(map(HotMask().fits, arrays)):
        return HotMask()
    if first.ndim == 0 or first.size <= _MOST_NUMBERS:
        return Numbers()
    if first.ndim == 1:
        return Text() if first.dtype.kind in "iu" else Lines()
    if first.ndim == 2:
        return _of_two_axes(first)
    return _of_more(first)


def _are_one_hot(arrays: Sequence[Array]) -> bool:
    return all(
        a.ndim == 1 and a.size > 1 and bool(np.isin(a, (0, 1)).all()) and a.sum() == 1
        for a in arrays
    )


def _of_two_axes(array: Array) -> Kind:
    height, width = array.shape
    if array.dtype == np.uint8 and min(height, width) >= _LEAST_PIXELS:
        return Image()
    if width <= _MOST_LINES < height and array.dtype.kind == "f":
        return Lines()
    return Heat()


def _of_more(array: Array) -> Kind:
    def has_pixels(height: int, width: int) -> bool:
        return min(height, width) >= _LEAST_PIXELS

    if array.ndim == 4 and array.shape[-1] in _COLORS and has_pixels(*array.shape[1:3]):
        return Video()
    if array.ndim == 3 and has_pixels(*array.shape[:2]):
        if array.shape[2] in _COLORS:
            return Image()
        if array.shape[2] <= _MOST_BANDS and array.shape[2] < min(array.shape[:2]):
            return Bands()
    if array.ndim == 3 and array.shape[0] in _COLORS and has_pixels(*array.shape[1:]):
        return Image(channels_first=True)
    return Heat()
