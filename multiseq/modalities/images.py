"""`ImageSequence`: image files, decoded and brought to one size."""

from __future__ import annotations

import glob
import os
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError, SourceError
from ..memory import aligned_empty
from ..order import Indices
from ..paths import inside
from ..samples import Spec
from ..sequence import MultiInputSequence
from ..targets import Targets
from ._decode import SUFFIXES, Decoder, Fit, pixel_limit
from ._flat import FlatTexts
from ._source import check_items, check_keys, items_and_keys, with_spec

__all__ = ["ImageSequence"]

_DTYPES = ("uint8", "float16", "float32", "float64")


class ImageSequence(MultiInputSequence):
    """Images from files, each decoded and resized to an array of shape (height, width, channels).

    They are turned upright by their EXIF orientation. Where an image has transparency and
    `channels` is 1 or 3, the transparency is dropped. Of an animation the first frame is taken.
    Images with 16 or 32 bits a pixel are refused.

    A file is opened when its sample is loaded. One that is missing, damaged or outside `root`, or
    has more pixels than `PIL.Image.MAX_IMAGE_PIXELS` was when the sequence was made, then raises
    a SourceError.

    `fast` decodes a JPEG at the smallest of the scales 1/8, 1/4, 3/8 and 1/2 that still holds
    every pixel needed, in a fraction of the time. On photographs the result differs from that of
    decoding whole (and averaging with a triangular filter) by a mean of 1 of 255 levels, and less
    than 5 where nothing is left to resize: it is a little sharper. On pure noise it is up to 15.

    Example:
        >>> photos = ImageSequence("photos", size=64)
        >>> labeled = ImageSequence(frame["file"], frame["label"], root="photos", size=(96, 128))

    Args:
        source: Paths, as a list, as a Series whose index gives the keys, or as a dict by key; or a
            folder, whose image files are all taken, those in its subfolders too; or a pattern such
            as "train/*.jpg". Instead of paths it may hold the `bytes` of files.
        targets: An array, a Series (aligned by its index), or a dict of those by output name.
        size: (height, width), or one number for both.
        root: The folder that paths are relative to, and that no path may lead out of. Without it
            paths are taken as they are.
        channels: 1 for gray, 3 for RGB, 4 for RGBA.
        fit: What happens where proportions differ: "stretch" ignores them, "crop" cuts the longer
            sides off evenly, "pad" adds black borders.
        dtype: Of the arrays: float32, float16, float64 or uint8.
        scale: Values 0 to 255 are multiplied by it; None leaves them as they are.
        fast: Whether to decode a JPEG at the smallest sufficient scale.
        keys: The samples' keys, in the order of `source`. Without them, those of a Series or a
            dict; else the names of the files without folder and ending, where these differ from
            one another; else the paths.
        **keywords: Those of `MultiInputSequence`.

    Raises:
        AlignmentError: Keys are duplicated, or `targets` lacks one.
        ArgumentError: An argument is not what it should be.
        MissingPackageError: Pillow is not installed.
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
        dtype: npt.DTypeLike = "float32",
        scale: float | None = 1 / 255,
        fast: bool = True,
        keys: Any = None,
        **keywords: Any,
    ) -> None:
        self._dtype = _checked_dtype(dtype)
        self._scale = _checked_scale(scale, self._dtype)
        _check_choice("channels", channels, (1, 3, 4))
        _check_choice("fit", fit, ("stretch", "crop", "pad"))
        _check_choice("fast", fast, (True, False))
        self._decode = Decoder(_checked_size(size), channels, fit, fast, pixel_limit())
        if isinstance(source, str | os.PathLike):
            source, root = _found(os.fspath(source), root)
        items, own_keys = items_and_keys(source, "image files")
        self._root = None if root is None else os.fspath(root)
        self._files = _checked_files(items, own_keys)
        if keys is None:
            keys = _file_keys(items) if own_keys is None else own_keys
        check_keys(keys, items, "images")
        self._targets = Targets(targets, None, keys)
        spec = Spec((*self._decode.size, channels), self._dtype)
        super().__init__(keys, **with_spec(keywords, spec))

    def load_sample(self, index: int) -> Any:
        """Returns (image,) or (image, targets); the image has shape (height, width, channels)."""
        image = np.empty((*self._decode.size, self._decode.channels), self._dtype)
        self._load_into(image, index)
        return image, *self._targets.row(index)

    def load_batch(self, indices: Indices) -> Any:
        """Returns several samples, decoded straight into the batch."""
        shape = (len(indices), *self._decode.size, self._decode.channels)
        images = aligned_empty(shape, self._dtype)
        for image, index in zip(images, indices.tolist(), strict=True):
            self._load_into(image, index)
        return images, *self._targets.rows(indices)

    def _load_into(self, out: npt.NDArray[Any], index: int) -> None:
        item = self._files[index]
        if isinstance(item, bytes):
            pixels = self._decode(item)
        else:
            path = item if self._root is None else inside(self._root, item)
            try:
                pixels = self._decode(_read(path))
            except SourceError as error:
                error.what = f"{os.fspath(path)!r}: {error.what}"
                raise
        if self._scale is None:
            out[...] = pixels
        else:
            np.multiply(pixels, self._scale, out=out)


def _read(path: str | os.PathLike[str]) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read()
    except (OSError, ValueError) as error:  # A NUL character in a path is a ValueError.
        raise SourceError(
            "the file cannot be read",
            got=getattr(error, "strerror", None) or str(error),
            fix="restore the file, correct its path, or leave its key out",
        ) from error


def _found(
    source: str, root: str | os.PathLike[str] | None
) -> tuple[list[str], str | os.PathLike[str] | None]:
    """Lists the files of a folder or a pattern, sorted, and the root they are relative to."""
    folder = source if root is None else os.path.join(root, source)
    if os.path.isdir(folder):
        root = folder
        below = glob.iglob("**/*", root_dir=folder, recursive=True)
        files = [path for path in below if path.lower().endswith(SUFFIXES)]
    else:
        files = glob.glob(source, root_dir=root, recursive=True)
    if not files:
        raise ArgumentError(
            "no image files were found",
            got=os.path.abspath(folder),
            expected="a folder that holds some, or a pattern such as 'photos/*.jpg'",
            fix="correct the path; put a single file in a list",
        )
    return sorted(files), root


def _checked_files(items: list[Any], keys: Any) -> FlatTexts | list[bytes]:
    kind: Any = bytes if items and isinstance(items[0], bytes) else str | os.PathLike
    check_items(
        items,
        keys,
        lambda item: isinstance(item, kind),
        "image file",
        "bytes, as the first one" if kind is bytes else "a path, as text or pathlib.Path",
    )
    return items if kind is bytes else FlatTexts(map(os.fspath, items))


def _file_keys(items: list[Any]) -> Any:
    """The names of files where they differ, else their paths; positions for bytes."""
    import pandas as pd

    if items and isinstance(items[0], bytes):
        return len(items)
    paths = [os.fspath(item) for item in items]
    names = pd.Index([os.path.splitext(os.path.basename(path))[0] for path in paths])
    return names if names.is_unique else pd.Index(paths)


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


def _check_choice(name: str, value: Any, choices: tuple[Any, ...]) -> None:
    if value not in choices:
        expected = ", ".join(map(repr, choices[:-1])) + f" or {choices[-1]!r}"
        raise ArgumentError(f"bad {name}", got=value, expected=expected)
