"""Image files that tests make and know again, and what reads them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from multiseq.modalities.images.decode import Decoder
from multiseq.modalities.images.fitting import Fitting
from multiseq.modalities.images.sequence import ImageSequence

LIMIT = 89_478_485

# Named by where they are in the image, so that a turn or a flip is seen.
CORNERS = {
    "top left": (255, 0, 0),
    "top right": (0, 255, 0),
    "bottom left": (0, 0, 255),
    "bottom right": (255, 255, 0),
}


def decoder(
    size: tuple[int, int],
    fit: Any = "stretch",
    interpolation: Any = "bilinear",
    **changes: Any,
) -> Decoder:
    settings: Any = (
        {"upright": True}
        | {"channels": 3, "fast": True, "as_stored": False, "most_pixels": LIMIT}
        | changes
    )
    return Decoder(Fitting(size, fit, interpolation), **settings)


def encoded(image: Any, kind: str = "JPEG", **options: Any) -> bytes:
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    stream = io.BytesIO()
    image.save(stream, kind, **({"quality": 90} if kind == "JPEG" else {}) | options)
    return stream.getvalue()


def cornered(height: int, width: int) -> np.ndarray:
    image = np.zeros((height, width, 3), np.uint8)
    rows, columns = {"top": 0, "bottom": height // 2}, {"left": 0, "right": width // 2}
    for name, color in CORNERS.items():
        row, column = name.split()
        image[rows[row] :, columns[column] :] = color
    return image


def corners(image: np.ndarray) -> dict[str, tuple[int, ...]]:
    """The colors at the corners, each channel as 0 or 255."""
    rows, columns = {"top": 1, "bottom": -2}, {"left": 1, "right": -2}
    found = {}
    for name in CORNERS:
        row, column = name.split()
        pixel = image[rows[row], columns[column]]
        found[name] = tuple(255 if value > 127 else 0 for value in pixel.tolist())
    return found


SIZE = (6, 8)
FILES = ["a.jpg", "b.png", "sub/c.jpg"]


def gray(level: int, kind: str = "PNG") -> bytes:
    """An image all of one gray, by which its sample is known."""
    stream = io.BytesIO()
    Image.new("RGB", (16, 12), (level, level, level)).save(stream, kind)
    return stream.getvalue()


def write(path: Path, level: int) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gray(level, "JPEG" if path.suffix == ".jpg" else "PNG"))
    return str(path)


def photos(folder: Path) -> Path:
    """A folder of `FILES`, whose gray levels are 10, 20 and 30, and of other files."""
    for level, name in zip((10, 20, 30), FILES, strict=True):
        write(folder / "photos" / name, level)
    (folder / "photos" / "notes.txt").write_text("no image")
    (folder / "photos" / ".hidden.png").write_bytes(b"a resource fork, say")
    return folder / "photos"


def images(source: Any, targets: Any = None, **keywords: Any) -> ImageSequence:
    return ImageSequence(source, targets, **({"size": SIZE} | keywords))


def levels(sequence: ImageSequence) -> list[int]:
    """The gray level of each sample, in the order of the batches."""
    return [int(level) for i in range(len(sequence)) for level in level_of(sequence[i][0])]


def level_of(batch: np.ndarray) -> np.ndarray:
    levels: np.ndarray = np.round(batch.mean((1, 2, 3)) * (255 if batch.dtype.kind == "f" else 1))
    return levels
