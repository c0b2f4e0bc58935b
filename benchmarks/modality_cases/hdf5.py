"""A shuffled HDF5 file: `ArraySequence` against a Sequence by hand.

Each function returns the batches of one shuffled epoch, for one of the ways in which people store
arrays (`LAYOUTS`).
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

import multiseq

__all__ = ["BATCH", "LAYOUTS", "ROWS", "by_hand", "ours"]

ROWS, SHAPE, BATCH = 5_000, (32, 32, 3), 32

LAYOUTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "chunks of a row": {"chunks": (1, *SHAPE)},
    "chunks=True": {"chunks": True},  # As where a dataset can grow.
    "gzip, chunks of a row": {"chunks": (1, *SHAPE), "compression": "gzip"},
}


def dataset_file(folder: Path) -> Path:
    """Returns the file, which is written the first time: smooth images of float32."""
    path = folder / "images.h5"
    if not path.exists():
        rng = np.random.default_rng(0)
        images = rng.integers(0, 64, (ROWS, *SHAPE)).cumsum(axis=1).astype(np.float32)
        with h5py.File(path, "w") as file:
            for name, how in LAYOUTS.items():
                file.create_dataset(f"{name}/x", data=images, **how)
                file.create_dataset(f"{name}/y", data=rng.random(ROWS, np.float32))
    return path


@functools.cache
def _sequence(path: Path, layout: str) -> Any:
    with h5py.File(path) as file:
        group = file[layout]
        return multiseq.ArraySequence(
            group["x"], group["y"], batch_size=BATCH, shuffle=True, seed=0
        )


def ours(folder: Path, layout: str = "plain") -> Iterator[Any]:
    """Batches of `ArraySequence`, reshuffled."""
    sequence = _sequence(dataset_file(folder), layout)
    sequence.on_epoch_end()
    return iter(sequence)


class HandWritten(keras.utils.PyDataset):  # type: ignore[misc]
    """What people write: h5py wants increasing indices, so those of a batch are sorted."""

    def __init__(self, path: Path, layout: str) -> None:
        super().__init__()
        self.file = h5py.File(path, "r")
        self.x, self.y = self.file[layout]["x"], self.file[layout]["y"]
        self.order = np.arange(len(self.y))
        np.random.default_rng(0).shuffle(self.order)

    def __len__(self) -> int:
        return -(-len(self.order) // BATCH)

    def __getitem__(self, index: int) -> Any:
        rows = np.sort(self.order[index * BATCH : (index + 1) * BATCH])
        return self.x[rows], self.y[rows]


def by_hand(folder: Path, layout: str = "plain") -> Iterator[Any]:
    """Batches of the Sequence by hand."""
    sequence = HandWritten(dataset_file(folder), layout)
    return (sequence[index] for index in range(len(sequence)))
