"""What an input or a target stands for, as the class that makes it knows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "Array",
    "Bands",
    "Category",
    "Coded",
    "Frames",
    "Future",
    "Heat",
    "HotMask",
    "Ids",
    "Image",
    "Kind",
    "Lines",
    "Mask",
    "Named",
    "Numbers",
    "OneHot",
    "Other",
    "Past",
    "Scaled",
    "Text",
    "Undo",
    "Video",
    "Waveform",
]

Array = npt.NDArray[Any]
Undo = Callable[[Array], Array | None]
"""Turns what the model gets into what it was before; None where nobody can tell."""


@dataclass(frozen=True)
class Kind:
    """What the arrays of one input or target stand for."""

    def fits(self, array: Array) -> bool:
        """Whether one sample's array can be drawn so; augmentation may have changed it."""
        return _is_number(array)

    @property
    def raw(self) -> Kind | None:
        """What the values stood for before they were transformed, where that is known."""
        return self


@dataclass(frozen=True)
class Image(Kind):
    """Pixels: (height, width), (height, width, channels), or channels first."""

    channels_first: bool = False

    def fits(self, array: Array) -> bool:
        """Whether there are two axes of pixels, and perhaps one of channels."""
        return _is_number(array) and array.ndim in (2, 3) and array.size > 0


@dataclass(frozen=True)
class Mask(Kind):
    """A class for each pixel: (height, width), or with an axis of length 1 behind.

    `name` tells what a class is called, where classes have names.
    """

    name: Callable[[int], str | None] | None = None

    def fits(self, array: Array) -> bool:
        """Whether there is one whole number for each pixel."""
        flat = array.ndim == 2 or (array.ndim == 3 and array.shape[-1] == 1)
        return _is_number(array) and flat and array.size > 0 and _is_whole(array)


@dataclass(frozen=True)
class HotMask(Kind):
    """A class for each pixel, as a 1 among zeros: (height, width, classes)."""

    def fits(self, array: Array) -> bool:
        """Whether one of several channels is 1 in each pixel, and the others are 0."""
        layers = _is_number(array) and array.ndim == 3 and array.shape[-1] > 1
        return layers and bool(np.isin(array, (0, 1)).all() and (array.sum(axis=-1) == 1).all())


@dataclass(frozen=True)
class Bands(Kind):
    """Pixels of so many channels that no color stands for them: the first is drawn."""

    def fits(self, array: Array) -> bool:
        """Whether there are pixels and channels."""
        return _is_number(array) and array.ndim == 3 and array.size > 0


@dataclass(frozen=True)
class Video(Kind):
    """Images one after the other: (frames, height, width, channels)."""

    def fits(self, array: Array) -> bool:
        """Whether there are frames of pixels."""
        return _is_number(array) and array.ndim == 4 and array.size > 0


@dataclass(frozen=True)
class Waveform(Kind):
    """Samples of a sound: (samples,) or (samples, channels)."""

    rate: int

    def fits(self, array: Array) -> bool:
        """Whether there are samples, and perhaps channels."""
        return _is_number(array) and array.ndim in (1, 2) and array.size > 0


@dataclass(frozen=True)
class Frames(Kind):
    """Spectra one after the other: (frames, bands) or (frames, bands, channels)."""

    seconds: float

    def fits(self, array: Array) -> bool:
        """Whether there are frames and bands."""
        return _is_number(array) and array.ndim in (2, 3) and array.size > 0


@dataclass(frozen=True)
class Past(Kind):
    """Rows of a series: (rows, columns)."""

    columns: tuple[str, ...]
    scaled: bool = False  # Whether a transform made them.
    undo: Undo | None = None

    def fits(self, array: Array) -> bool:
        """Whether there are so many columns."""
        return _is_number(array) and array.ndim == 2 and array.shape[1] == len(self.columns)

    @property
    def raw(self) -> Past:
        """The same columns, in their own units."""
        return Past(self.columns)


@dataclass(frozen=True)
class Future(Kind):
    """The rows that follow: (rows,) for one column, else (rows, columns)."""

    columns: tuple[str, ...]
    scaled: bool = False  # Whether a transform made them.
    undo: Undo | None = None

    def fits(self, array: Array) -> bool:
        """Whether there are rows of these columns."""
        one = array.ndim == 1 and len(self.columns) == 1
        return _is_number(array) and (
            one or (array.ndim == 2 and array.shape[1] == len(self.columns))
        )

    @property
    def raw(self) -> Future:
        """The same columns, in their own units."""
        return Future(self.columns)


@dataclass(frozen=True)
class Ids(Kind):
    """Token ids: (length,); `text` makes words of them, padding left out."""

    text: Callable[[list[int]], str]

    def fits(self, array: Array) -> bool:
        """Whether there is one axis of integers."""
        return array.ndim == 1 and array.dtype.kind in "iu"

    @property
    def raw(self) -> None:
        """Nothing is known of what had no ids yet."""


@dataclass(frozen=True)
class Text(Kind):
    """Text as it is, or words that will be ids."""

    def fits(self, array: Array) -> bool:
        """Anything can be written down."""
        return array.ndim <= 1


@dataclass(frozen=True)
class Category(Kind):
    """An id that stands for a category; `name` tells which, None for an id that has none."""

    name: Callable[[int], str | None]

    def fits(self, array: Array) -> bool:
        """Whether it is one whole number."""
        return array.size == 1 and _is_number(array) and _is_whole(array)

    @property
    def raw(self) -> None:
        """Nothing is known of what had no ids yet."""


@dataclass(frozen=True)
class OneHot(Kind):
    """Classes as zeros and ones: one of them, or several at once."""

    name: Callable[[int], str | None]

    def fits(self, array: Array) -> bool:
        """Whether there is one axis of zeros and ones."""
        return _is_number(array) and array.ndim == 1 and bool(np.isin(array, (0, 1)).all())

    @property
    def raw(self) -> None:
        """Nothing is known of what had no ids yet."""


@dataclass(frozen=True)
class Coded(Kind):
    """Ids that stand for names, in arrays of any shape: `plain` tells which kind that is."""

    name: Callable[[int], str | None]

    def plain(self, arrays: Sequence[Array]) -> Kind:
        """The kind of ids in arrays of one shape."""
        first = arrays[0]
        if first.ndim == 1 and first.size > 1:
            several = OneHot(self.name)
            return several if all(map(several.fits, arrays)) else Ids(self.words)
        if first.ndim > 1 and first.size > 1:
            return Mask(self.name)
        return Category(self.name)

    def words(self, ids: list[int]) -> str:
        """The names side by side."""
        names = [self.name(each) for each in ids]
        return " ".join(
            str(each) if name is None else name for each, name in zip(ids, names, strict=True)
        )

    @property
    def raw(self) -> None:
        """Nothing is known of what had no ids yet."""


@dataclass(frozen=True)
class Scaled(Kind):
    """Numbers that a transform made, in arrays of any shape."""

    undo: Undo

    def plain(self, arrays: Sequence[Array], label: str) -> Kind | None:
        """The kind of a single number; None for others, which are as they look."""
        return Named((label,), self.undo) if arrays[0].size == 1 else None

    @property
    def raw(self) -> None:
        """What they look like."""


@dataclass(frozen=True)
class Named(Kind):
    """A row of a table: a number for each name."""

    names: tuple[str, ...]
    undo: Undo | None = None

    def fits(self, array: Array) -> bool:
        """Whether there are as many numbers."""
        fit = ((len(self.names),), ()) if len(self.names) == 1 else ((len(self.names),),)
        return _is_number(array) and array.shape in fit

    @property
    def raw(self) -> Named:
        """The same columns, in their own units."""
        return Named(self.names)


@dataclass(frozen=True)
class Numbers(Kind):
    """A number, or a few."""


@dataclass(frozen=True)
class Lines(Kind):
    """Values along an axis: (length,) or (length, a few)."""

    def fits(self, array: Array) -> bool:
        """Whether there is an axis, and perhaps one of several lines."""
        return _is_number(array) and array.ndim in (1, 2) and array.size > 0


@dataclass(frozen=True)
class Heat(Kind):
    """Any numbers as colors; of more than two axes a slice in the middle."""

    def fits(self, array: Array) -> bool:
        """Whether there are two axes or more."""
        return _is_number(array) and array.ndim >= 2 and array.size > 0


@dataclass(frozen=True)
class Other(Kind):
    """What can only be described."""

    def fits(self, array: Array) -> bool:
        """Anything can."""
        return True


def _is_number(array: Array) -> bool:
    return array.dtype.kind in "biuf"


def _is_whole(array: Array) -> bool:
    return array.dtype.kind in "biu" or bool((array == np.rint(array)).all())
