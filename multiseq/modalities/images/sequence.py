"""`ImageSequence`: image files, decoded and brought to one size."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from typing import Any, Self, Unpack

import numpy as np
import numpy.typing as npt

from ...base.encoding import ALONE, Records
from ...checks import check_choice
from ...errors import ArgumentError, SourceError
from ...keys.targets import Targets
from ...memory import aligned_empty
from ...order import Indices
from ...pipeline import names_given
from ...plots.kinds import Image, Kind, Mask
from ...samples import Spec
from ...sequence import MultiInputSequence
from ...settings import BaseKeywords
from ...sources.files import Files
from ...sources.foreign import Foreign, as_foreign, check_paths
from ...sources.items import with_spec
from ...sources.raws import RawFiles, RawForeign
from ...stages import stage
from .decode import Decoder
from .fitting import Fit, Fitting, Interpolation, Pixels
from .given import GivenImage
from .pillow import SUFFIXES, pixel_limit
from .raws import file_of

__all__ = ["ImageSequence"]

_DTYPES = ("uint8", "uint16", "int32", "float16", "float32", "float64")
_MOST_BYTES_A_PIXEL = 8  # Four channels of 16 bits, neither of them compressed.


class ImageSequence(MultiInputSequence):
    """Images from files, each decoded and resized to an array of shape (height, width, channels).

    They are turned upright by their EXIF orientation, unless `upright=False`. Where an
    image has transparency and `channels` is 1 or 3, the transparency is dropped. Of an animation
    the first frame is taken.

    A file is opened when its sample is loaded. One that is missing, damaged or outside `root`, or
    has more pixels than `PIL.Image.MAX_IMAGE_PIXELS` was when the sequence was made, then raises
    a SourceError.

    **Masks** of class ids need `interpolation="nearest"`, or ids are blended into others along
    every border. With it and one channel, values are those that the file stores: of an image with
    a palette, as Pascal VOC and Cityscapes have them, the index in the palette; of one with 1, 2
    or 4 bits, 0 and 1, 0 to 3, 0 to 15. Masks that were made of photographs as they are stored,
    not as they are shown, belong to images with `upright=False`.

    **16 bits**: with a `scale`, images are taken for levels of 0 to 255, whatever the bits they
    are stored in, so `scale=1/255` gives 0 to 1 (65535 is 1), in steps of 1/65535. With
    `scale=None` and any dtype but uint8, values are as stored: counts of a sensor, say. So are 32
    bits, integers or floats, which need `scale=None`, for nothing tells what is white in them. Of
    colors with 16 bits for each channel, the upper 8 are read.

    **Other formats**: `read` is a function of a file's bytes that returns an array of shape
    (height, width) or (height, width, channels), of any number of channels, which is then brought
    to the size as other images are. If its parameter is annotated as a `str` or a `Path`, or its
    name ends in "path" or "filename", it is given the path instead. It reads all the files, and
    turns them itself. Values but uint8 need `scale=None`; they are averaged as float32, and taken
    as they are with `interpolation="nearest"`.

    `fast` decodes a JPEG at the smallest of the scales 1/8, 1/4, 3/8 and 1/2 that still holds
    every pixel needed, in a fraction of the time. On photographs the result differs from that of
    decoding whole (and averaging with a triangular filter) by a mean of 1 of 255 levels, and less
    than 5 where nothing is left to resize: it is a little sharper. On pure noise it is up to 15.

    Example:
        >>> photos = ImageSequence("photos", size=64)
        >>> labeled = ImageSequence(frame["file"], frame["label"], root="photos.zip", size=64)
        >>> masks = ImageSequence(
        ...     "masks", size=64, channels=1, dtype="uint8", scale=None, interpolation="nearest"
        ... )
        >>> bands = ImageSequence(
        ...     "fields/*.tif",
        ...     read=lambda data: tifffile.imread(io.BytesIO(data)),
        ...     size=64,
        ...     channels=5,
        ...     scale=None,
        ... )
        >>> turn = albumentations.Compose([albumentations.D4()])
        >>> train = join(image=photos, targets=masks, augment=turn)

    Args:
        source: Paths, as a list, as a Series whose index gives the keys, or as a dict by key; or a
            folder or a zip archive, whose image files are all taken (with `read`, all its files),
            those in its subfolders too; or a pattern such as "train/*.jpg". Instead of paths it may
            hold the `bytes` of files, or dicts of "bytes" and "path", as columns of Hugging Face's
            `datasets` do after `cast_column("image", datasets.Image(decode=False))`.
        targets: A Series (aligned by its index), an array in the order of `source`, or a dict of
            those by output name. With a folder, an archive or a pattern, where files have no order
            but that of their names, a Series, unless `keys` tells their order.
        size: (height, width), or one number for both.
        root: The folder that paths are relative to, and that no path may lead out of; or a zip
            archive that they are members of. Without it paths are taken as they are.
        channels: 1 for gray, 3 for RGB, 4 for RGBA; with `read`, as many as its arrays have.
        fit: What happens where proportions differ: "stretch" ignores them, "crop" cuts the longer
            sides off evenly, "pad" adds black borders (of zeros).
        interpolation: "bilinear" averages over all the pixels that fall together; "nearest" takes
            the one in the middle.
        dtype: Of the arrays: float32, float16, float64, uint8, uint16 or int32.
        scale: Values 0 to 255 are multiplied by it; None leaves them as they are.
        fast: Whether to decode a JPEG at the smallest sufficient scale.
        upright: Whether images are turned by their EXIF orientation.
        read: A function that reads the files in place of Pillow.
        keys: The samples' keys, in the order of `source`. Without them, those of a Series or a
            dict; else the names of the files without folder and ending, where these differ from
            one another; else the paths.
        sample_weight: As `targets`; one array of weights stands for all outputs.
        **keywords: Those of `MultiInputSequence`.

    Raises:
        AlignmentError: Keys are duplicated, or `targets` lacks one.
        ArgumentError: An argument is not what it should be.
        MissingPackageError: Pillow is not installed.
        SourceError: The zip archive cannot be read.
    """

    def __init__(
        self,
        source: Any,
        targets: Any = None,
        *,
        size: int | tuple[int, int],
        root: str | os.PathLike[str] | None = None,
        channels: int = 3,
        fit: Fit = "stretch",
        interpolation: Interpolation = "bilinear",
        dtype: npt.DTypeLike = "float32",
        scale: float | None = 1 / 255,
        fast: bool = True,
        upright: bool = True,
        read: Callable[[Any], Any] | None = None,
        keys: Any = None,
        sample_weight: Any = None,
        **keywords: Unpack[BaseKeywords],
    ) -> None:
        self._dtype = _checked_dtype(dtype)
        self._scale = _checked_scale(scale, self._dtype)
        foreign = as_foreign(read)
        channels = _checked_channels(channels, foreign)
        fitting = _checked_fitting(size, fit, interpolation)
        check_choice("fast", fast, (True, False))
        check_choice("upright", upright, (True, False))
        as_stored = scale is None and (self._dtype != np.uint8 or interpolation == "nearest")
        limit = pixel_limit()
        self._decode = Decoder(fitting, channels, fast, as_stored, upright, limit)
        self._given: GivenImage | None = None
        if foreign is not None:
            self._given = GivenImage(foreign, fitting, channels, self._dtype, self._scale)
        self._shape, self._nearest = (*fitting.size, channels), interpolation == "nearest"
        self._largest = largest = None if limit is None else limit * _MOST_BYTES_A_PIXEL
        suffixes = SUFFIXES if foreign is None else ("",)
        parts = {"targets": targets, "sample_weight": sample_weight}
        files = Files.of(source, root, keys, "image", suffixes, largest, **parts)
        check_paths(foreign, files.store)
        self._files, self._source_rows, self._root = files.store, files.rows, files.root
        self._targets = Targets(
            targets, sample_weight, files.keys, files.rows, named=names_given(keywords)
        )
        self._loaded_spec = spec = Spec(self._shape, self._dtype)
        super().__init__(files.keys, **with_spec(keywords, spec))

    def load_sample(self, index: int) -> Any:
        """Returns (image,), with targets and weights if given; (height, width, channels)."""
        image = np.empty(self._shape, self._dtype)
        self._load_into(image, index)
        return image, *self._targets.row(index)

    def target_rows(self, indices: Indices) -> Any:
        """The targets of several samples, where they were given as arrays."""
        return self._targets.target_rows(indices)

    def load_batch(self, indices: Indices) -> Any:
        """Returns several samples, decoded straight into the batch."""
        images = aligned_empty((len(indices), *self._shape), self._dtype)
        for image, index in zip(images, indices.tolist(), strict=True):
            self._load_into(image, index)
        return images, *self._targets.rows(indices)

    def _raw_fields(self) -> list[str]:
        return [ALONE]

    def _over(self, records: Records) -> Self:
        other, given = self._emptied(len(records)), self._given
        items = [record[ALONE] for record in records]
        written = file_of if given is None else None
        other._files = RawFiles(items, self._root, "image", self._largest, written)
        if given is not None:
            check_paths(given.foreign, other._files)
            other._given = dataclasses.replace(given, foreign=RawForeign(given.foreign, items))
        other._targets = Targets(None, None, len(items))
        return other

    @property
    def _faster(self) -> Mapping[str, str]:
        if self._decode.fast or self._given is not None:
            return {}
        return {"decode": "fast=True decodes a JPEG at the smallest scale that suffices"}

    @property
    def _leaf_kinds(self) -> Mapping[str, Kind]:
        ids = self._nearest and self._shape[-1] == 1 and self._scale is None
        return {"inputs": Mask() if ids else Image(), **super()._leaf_kinds}

    @stage("decode")
    def _load_into(self, out: Pixels, index: int) -> None:
        try:
            pixels = self._pixels(index)
            if self._scale is not None:
                np.multiply(pixels, self._scale, out=out)
            else:
                out[...] = pixels if pixels.dtype == np.uint8 else self._held(pixels)
        except SourceError as error:
            name = self._files.name(index)
            if name is not None:
                error.what = f"{name!r}: {error.what}"
            raise

    def _held(self, pixels: Pixels) -> Pixels:
        if self._decode.of_ids and self._dtype.kind == "f" and pixels.dtype.kind in "iu":
            _check_exact(self._dtype, pixels)
        return _held_by(self._dtype, pixels)

    def _pixels(self, index: int) -> Pixels:
        if self._given is None:
            return self._decode(self._files.read(index))
        return self._given(self._files, index)


def _held_by(dtype: np.dtype[Any], values: Pixels) -> Pixels:
    """Returns values that a dtype can hold, rounded where it has no fractions.

    Raises:
        SourceError: It cannot hold them all.
    """
    wider = values.dtype.kind == "f" and values.dtype.itemsize > dtype.itemsize
    if dtype.name in ("float32", "float64") and not wider:
        return values
    limits: Any = np.iinfo(dtype) if dtype.kind in "iu" else np.finfo(dtype)
    held = np.rint(values) if dtype.kind in "iu" else values[np.isfinite(values)]
    least, largest = (float(held.min()), float(held.max())) if held.size else (0.0, 0.0)
    if float(limits.min) <= least and largest <= float(limits.max):
        return np.rint(values) if dtype.kind in "iu" else values
    raise SourceError(
        f"the image has values that {dtype} cannot hold",
        got=f"{least:g} to {largest:g}",
        expected=f"{limits.min:g} to {limits.max:g}",
        fix="choose another dtype: int32 for ids, float32 for what is measured",
    )


def _check_exact(dtype: np.dtype[Any], ids: Pixels) -> None:
    """Raises SourceError where two integers would become the same number."""
    most = int(2 / np.finfo(dtype).eps)
    least, largest = int(ids.min()), int(ids.max())
    if max(-least, largest) > most:
        raise SourceError(
            f"the image has integers that {dtype} would round",
            got=f"{least} to {largest}",
            expected=f"at most {most}",
            fix='pass dtype="int32", which keeps ids; or interpolation="bilinear" for what is '
            "measured",
        )


def _checked_fitting(size: Any, fit: Any, interpolation: Any) -> Fitting:
    check_choice("fit", fit, ("stretch", "crop", "pad"))
    check_choice("interpolation", interpolation, ("bilinear", "nearest"))
    return Fitting(_checked_size(size), fit, interpolation)


def _checked_size(size: Any) -> tuple[int, int]:
    pair = tuple(size) if isinstance(size, tuple | list) else (size, size)
    if len(pair) == 2 and all(
        isinstance(side, int | np.integer) and not isinstance(side, bool) and side > 0
        for side in pair
    ):
        return int(pair[0]), int(pair[1])
    raise ArgumentError(
        "bad size", got=size, expected="(height, width) in pixels, or one number for both"
    )


def _checked_channels(channels: Any, foreign: Foreign | None) -> int:
    whole = isinstance(channels, int | np.integer) and not isinstance(channels, bool)
    if whole and channels > 0 and (foreign is not None or channels in (1, 3, 4)):
        return int(channels)
    raise ArgumentError(
        "bad channels",
        got=channels,
        expected="1, 3 or 4" if foreign is None else "an integer of at least 1",
        fix="files of other formats, of any number of channels, are read with read="
        if foreign is None
        else None,
    )


def _checked_dtype(dtype: Any) -> np.dtype[Any]:
    try:
        checked: np.dtype[Any] = np.dtype(dtype)
        if checked.name in _DTYPES:
            return checked
    except TypeError:
        pass
    raise ArgumentError("bad dtype", got=dtype, expected=f"one of {', '.join(_DTYPES)}")


def _checked_scale(scale: Any, dtype: np.dtype[Any]) -> Any:
    """Returns the scale as a scalar of the dtype, so that NumPy multiplies in that dtype."""
    if scale is None:
        return None
    if dtype.kind != "f":
        raise ArgumentError(
            f"{dtype} images cannot be scaled", got=f"scale={scale!r}", fix="pass scale=None"
        )
    if isinstance(scale, int | float | np.number) and np.isfinite(scale):
        return dtype.type(scale)
    raise ArgumentError("bad scale", got=scale, expected="a number such as 1/255, or None")
