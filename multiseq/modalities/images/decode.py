"""Bytes of an image file into an array of one size: decoding, fitting, refusing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import SourceError
from .fitting import Fitting, Pixels
from .jpeg import MODES, decode_jpeg, jpeg_orientation, pillow_orientation
from .pillow import broken, guarded, load_pillow, opened, unsupported

__all__ = ["Decoder"]

_DEEP_MODES = ("I", "F")  # What they begin with: 16 or 32 bits a pixel.
_WHITE_OF_16_BITS = 65535
_GRAY_OF_FEW_BITS = re.compile("'L;([24])")  # What Pillow stretches to 0 to 255.
# Tags of TIFF, and some of their values.
_SAMPLE_FORMAT, _UNSIGNED, _SIGNED = 339, (1,), (2,)
_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0
_UNTURNED = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's Transpose, by orientation.


@dataclass(frozen=True)
class Decoder:
    """Decodes images to one size.

    Args:
        fitting: The size, and how it is reached.
        channels: 1 (gray), 3 (RGB) or 4 (RGBA).
        fast: Whether to decode a JPEG at the smallest sufficient scale.
        as_stored: Whether values of more than 8 bits are left as they are. Otherwise those of 16
            bits become fractions of the levels 0 to 255, and others are refused.
        upright: Whether images are turned by their EXIF orientation.
        most_pixels: A larger image is refused before it is decoded; None for no limit.
    """

    fitting: Fitting
    channels: int
    fast: bool
    as_stored: bool
    upright: bool
    most_pixels: int | None

    def __call__(self, data: bytes) -> Pixels:
        """Decodes one image.

        Args:
            data: The bytes of a file.

        Returns:
            Array of shape (*size, channels): uint8, or float32 or int32 where the file has more
            than 8 bits a pixel.

        Raises:
            SourceError: The bytes are no image, or a damaged or far too large one.
        """
        if data[:2] == b"\xff\xd8":
            orientation = jpeg_orientation(data)
            orientation = orientation if self.upright else 1
            fast = self.fast and not self.of_ids
            image = decode_jpeg(
                data, self.channels, self.fitting, orientation, fast, self._check_pixels
            )
        else:
            image, orientation = guarded(lambda: self._other(data))
        return self.fitting.finished(image, orientation)

    @property
    def of_ids(self) -> bool:
        """Whether values are taken as they are, never averaged."""
        return self.fitting.interpolation == "nearest"

    def _other(self, data: bytes) -> tuple[Pixels, int]:
        """Decodes another format; returns its EXIF orientation too."""
        image = opened(data)
        self._check_pixels(image.height, image.width)
        if self.as_stored and not image.mode.startswith(_DEEP_MODES) and ";16" in str(image.tile):
            raise SourceError(
                "of colors with 16 bits for each channel, only the upper 8 can be read",
                got=f"a {image.format} file of mode {image.mode}",
                expected="8 bits for each channel, or one channel",
                fix="pass a scale, which takes all images for 0 to 255; or read the files with "
                "another package: read=lambda data: tifffile.imread(io.BytesIO(data))",
            )
        few = _GRAY_OF_FEW_BITS.search(str(image.tile))
        tags = dict(getattr(image, "tag_v2", {}))  # A turned image has none.
        image = self._loaded(image)
        orientation = pillow_orientation(image) if self.upright else 1
        inner, box = self.fitting.plan(image.height, image.width, orientation)
        if image.mode.startswith(_DEEP_MODES):
            pixels = self.fitting.resized(self._deep(image, tags), inner, box)
            return self._with_channels(pixels, image), orientation
        pixels = self._shallow(image, tags)
        if few is not None and self.of_ids and self.channels == 1:
            pixels = pixels // (255 // ((1 << int(few[1])) - 1))
        return self.fitting.resized(pixels, inner, box), orientation

    def _loaded(self, image: Any) -> Any:
        """Decodes; some formats know all about themselves only then."""
        # Pillow turns a TIFF by itself.
        turned = 1 if self.upright or image.format != "TIFF" else pillow_orientation(image)
        image.load()
        if turned == 1:
            return image
        return image.transpose(load_pillow().Transpose(_UNTURNED[turned]))

    def _shallow(self, image: Any, tags: dict[int, Any]) -> Pixels:
        """The pixels of a Pillow image of 8 bits for each channel or less."""
        if tags.get(_SAMPLE_FORMAT) == _SIGNED and np.asarray(image).max() > 127:
            raise unsupported("integers of 8 bits with sign, below 0")
        if self.of_ids and self.channels == 1 and image.mode in ("P", "1", "L"):
            ids = np.asarray(image).astype(np.uint8)[:, :, None]
            # Pillow gives such a TIFF as it is shown.
            inverted = tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO
            return (1 if image.mode == "1" else 255) - ids if inverted else ids
        if "transparency" in image.info:
            image = image.convert("RGBA")
        if image.mode != MODES[self.channels]:
            image = image.convert(MODES[self.channels])
        return np.asarray(image).reshape(image.height, image.width, self.channels)

    def _deep(self, image: Any, tags: dict[int, Any]) -> Pixels:
        """The pixels of a Pillow image of one channel with 16 or 32 bits."""
        values = np.asarray(image)[:, :, None]
        unsigned = tags.get(_SAMPLE_FORMAT, _UNSIGNED) == _UNSIGNED
        if unsigned and image.mode == "I" and values.min() < 0:
            raise unsupported("integers of 32 bits without sign, of 2^31 and more")
        if self.as_stored:
            return values.astype(np.int32 if values.dtype.kind in "iu" and self.of_ids else "f4")
        white = _white(image)
        if white is None:
            raise SourceError(
                "what is white in this image, that scale could refer to, is not known",
                got=f"a {image.format} file with 32 bits a pixel",
                expected="8 or 16 bits for each channel",
                fix="pass scale=None and a dtype such as float32: values are then as stored",
            )
        levels = values.astype(np.float32) * np.float32(255 / white)
        return 255 - levels if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO else levels

    def _with_channels(self, gray: Pixels, image: Any) -> Pixels:
        repeated = np.repeat(gray, self.channels, axis=2)
        if self.channels == 4:
            repeated[:, :, 3] = (_white(image) or 1) if self.as_stored else 255
        return repeated

    def _check_pixels(self, height: int, width: int) -> None:
        if height < 1 or width < 1:
            raise broken(f"an image of {height} x {width} pixels")
        if self.most_pixels is not None and height * width > self.most_pixels:
            raise SourceError(
                "the image has too many pixels to be decoded safely",
                got=f"{height} x {width} pixels",
                expected=f"at most {self.most_pixels} (PIL.Image.MAX_IMAGE_PIXELS)",
                fix="store it smaller; if you trust the files, raise PIL.Image.MAX_IMAGE_PIXELS "
                "before you make the sequence",
            )


def _white(image: Any) -> int | None:
    """The largest value that a deep image can have; None where its format does not say."""
    # Pillow gives 16-bit PNG and PPM as "I" as well, which is of 32 bits elsewhere.
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM")):
        return _WHITE_OF_16_BITS
    return None
