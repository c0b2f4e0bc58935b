"""The type and the energy of a particle, from the images of two telescopes.

By hand: the tail is dropped, `np.random.seed` is called each epoch, the caller's own indices are
shuffled in place, and class weights, which Keras refuses for several outputs, go unused.
"""

# mypy: ignore-errors
# ruff: noqa: NPY002

import os
from pathlib import Path

import h5py
import numpy as np
from backends import keras

from multiseq import ArraySequence

N, BATCH, SIDE = 45, 8, 6
CLASS_WEIGHT = {0: 1.0, 1: 5.0}


def write(folder: Path) -> None:
    """Images are full of the number of their event, as its energy is; every fifth is of type 1."""
    codes = np.arange(N, dtype=np.float32)
    images = np.broadcast_to(codes[:, None, None, None], (N, SIDE, SIDE, 1))
    with h5py.File(folder / "events.h5", "w") as file:
        file["lst"], file["mst"] = images, images
        file["type"], file["energy"] = np.arange(N) % 5 == 0, codes


class EventGenerator(keras.utils.Sequence):
    def __init__(self, path, indices, batch_size=64, seed=0, shuffle=True, class_weight=None):
        super().__init__()
        self.path = path
        self.indices = indices
        self.batch_size = batch_size
        self.seed = seed
        self.shuffle = shuffle
        # TODO: Keras does not support class weights for multiple outputs.
        self.class_weight = class_weight
        self.on_epoch_end()

    def __len__(self):
        return int(np.floor(len(self.indices) / self.batch_size))

    def __getitem__(self, index):
        batch = self.indices[index * self.batch_size : (index + 1) * self.batch_size]
        lst, mst, types, energies = [], [], [], []
        with h5py.File(self.path, "r") as file:
            for event in batch:
                lst.append(file["lst"][event])
                mst.append(file["mst"][event])
                types.append(file["type"][event])
                energies.append(file["energy"][event])
        features = {"lst": np.array(lst), "mst": np.array(mst)}
        labels = {"type": np.array(types), "energy": np.array(energies)}
        return features, labels

    def on_epoch_end(self):
        if self.shuffle:
            np.random.seed(self.seed)
            np.random.shuffle(self.indices)


def by_hand(folder, indices):
    path = os.path.join(folder, "events.h5")
    return EventGenerator(path, indices, BATCH, class_weight=CLASS_WEIGHT)


def by_multiseq(folder, indices):
    file = h5py.File(folder / "events.h5")
    events = ArraySequence(
        {"lst": file["lst"], "mst": file["mst"]},
        {"type": file["type"], "energy": file["energy"]},
        batch_size=BATCH,
        shuffle=True,
        class_weight={"type": CLASS_WEIGHT},
    )
    return events.subset(indices)


BY_HAND = EventGenerator, by_hand
BY_MULTISEQ = (by_multiseq,)
