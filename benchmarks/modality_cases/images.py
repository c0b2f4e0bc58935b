"""JPEG files to small arrays: `ImageSequence` against a Sequence by hand.

Each function returns the batches of one shuffled epoch: 256 x 256 pixels from real photographs,
as 64 x 64 values of 0 to 1, and a target.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_images

import multiseq

__all__ = ["BATCH", "FILES", "SIDE", "SIZE", "by_hand", "ours"]

FILES, SIDE, SIZE, BATCH, WORKERS = 1024, 256, 64, 32, 2
NAMES = [f"{number}.jpg" for number in range(FILES)]


def photos(folder: Path) -> Path:
    """Returns the folder of the files, which are written the first time."""
    folder = folder / "photos"
    if not folder.exists():
        folder.mkdir()
        rng = np.random.default_rng(0)
        whole = load_sample_images().images
        for number, name in enumerate(NAMES):
            photo = whole[number % len(whole)]
            top, left = (rng.integers(0, length - SIDE) for length in photo.shape[:2])
            square = Image.fromarray(photo[top : top + SIDE, left : left + SIDE])
            square.save(folder / name, quality=90)
    return folder


@functools.cache
def _sequence(folder: Path) -> Any:
    return multiseq.ImageSequence(
        NAMES,
        np.arange(FILES, dtype=np.float32),
        size=SIZE,
        root=folder,
        batch_size=BATCH,
        shuffle=True,
        seed=0,
        workers=WORKERS,
    )


def ours(folder: Path) -> Iterator[Any]:
    """Batches of `ImageSequence` with two threads, reshuffled."""
    sequence = _sequence(photos(folder))
    sequence.on_epoch_end()
    return iter(sequence)


class ByHand(keras.utils.PyDataset):  # type: ignore[misc]
    """As people write it: Pillow, one image after the other."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.order = np.arange(FILES)
        self.targets = np.arange(FILES, dtype=np.float32)
        self.on_epoch_end()

    def __len__(self) -> int:
        return -(-FILES // BATCH)

    def __getitem__(self, index: int) -> Any:
        chosen = self.order[index * BATCH : (index + 1) * BATCH]
        images = []
        for number in chosen:
            image = Image.open(self.folder / NAMES[number]).convert("RGB").resize((SIZE, SIZE))
            images.append(np.array(image, "float32") / 255)
        return np.array(images), self.targets[chosen]

    def on_epoch_end(self) -> None:
        np.random.shuffle(self.order)  # noqa: NPY002


def by_hand(folder: Path) -> Iterator[Any]:
    """The same by hand."""
    sequence = ByHand(photos(folder))
    return (sequence[index] for index in range(len(sequence)))
