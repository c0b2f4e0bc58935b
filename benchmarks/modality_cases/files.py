"""An array and metadata in two files for each sample: `FileSequence` against a Sequence by hand.

Each function returns the batches of one shuffled epoch: a sensor's recording from `.npy`, the id
of its location and a target from `.json`.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

import multiseq

__all__ = ["BATCH", "SAMPLES", "by_hand", "ours"]

SAMPLES, BATCH = 4_000, 32
LOCATIONS = {"loc_0": 1, "loc_1": 2, "loc_2": 3}


def files(folder: Path) -> Path:
    """Returns the folder of the files, which are written the first time."""
    folder = folder / "recordings"
    if not folder.exists():
        folder.mkdir()
        rng = np.random.default_rng(0)
        for key in range(SAMPLES):
            np.save(folder / f"sensor_{key}.npy", rng.random((100, 5), np.float32))
            meta = {"location": f"loc_{key % 3}", "time": key * 100, "score": rng.random()}
            (folder / f"meta_{key}.json").write_text(json.dumps(meta))
    return folder


@functools.cache
def _sequence(folder: Path) -> Any:
    sequence = multiseq.FileSequence(
        folder,
        {"sensor": "sensor_{key}.npy", "location": "meta_{key}.json:location"},
        targets="meta_{key}.json:score",
        transforms={"location": multiseq.Vocabulary()},
        batch_size=BATCH,
        shuffle=True,
        seed=0,
    )
    sequence.adapt(progress=False)
    return sequence


def ours(folder: Path) -> Iterator[Any]:
    """Batches of `FileSequence`, reshuffled."""
    sequence = _sequence(files(folder))
    sequence.on_epoch_end()
    return iter(sequence)


class HandWritten(keras.utils.PyDataset):  # type: ignore[misc]
    """What people write: one file after the other, put together at the end."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.keys = np.arange(SAMPLES)
        np.random.default_rng(0).shuffle(self.keys)

    def __len__(self) -> int:
        return -(-len(self.keys) // BATCH)

    def __getitem__(self, index: int) -> Any:
        sensors, locations, scores = [], [], []
        for key in self.keys[index * BATCH : (index + 1) * BATCH]:
            sensors.append(np.load(self.folder / f"sensor_{key}.npy"))
            with open(self.folder / f"meta_{key}.json") as file:
                meta = json.load(file)
            locations.append(LOCATIONS[meta["location"]])
            scores.append(meta["score"])
        inputs = {"sensor": np.array(sensors), "location": np.array(locations)}
        return inputs, np.array(scores, "float32")


def by_hand(folder: Path) -> Iterator[Any]:
    """Batches of the Sequence by hand."""
    sequence = HandWritten(files(folder))
    return (sequence[index] for index in range(len(sequence)))
