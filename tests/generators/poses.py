"""Heatmaps of joints from a photo; both are flipped together.

By hand: the index is shuffled and never used, for h5py wants ascending ones, so the order is the
same in every epoch; and all is float64.
"""

# mypy: ignore-errors
# ruff: noqa: NPY002

import os
from pathlib import Path

import h5py
import numpy as np
from backends import keras

from multiseq import ArraySequence

N, BATCH, SIDE = 27, 8, 10


def write(folder: Path) -> None:
    """Photo k has level k in its left half, as its heatmaps have; the right half is 0."""
    photos = np.zeros((N, SIDE, SIDE, 3), np.uint8)
    photos[:, :, : SIDE // 2] = np.arange(N)[:, None, None, None] + 1
    with h5py.File(folder / "poses.h5", "w") as file:
        file["images"], file["heatmaps"] = photos, photos[..., :2].astype(np.float32)


class H5DataGenerator(keras.utils.Sequence):
    def __init__(self, path, batch_size=16, shuffle=True, flip=True):
        super().__init__()
        self.path = path
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.flip = flip
        with h5py.File(path, "r") as file:
            self.n_samples = len(file["images"])
            self.image_shape = file["images"].shape[1:]
            self.heatmap_shape = file["heatmaps"].shape[1:]
        self.indexes = np.arange(self.n_samples)
        self.on_epoch_end()

    def __len__(self):
        return int(np.ceil(self.n_samples / self.batch_size))

    def __getitem__(self, index):
        start = index * self.batch_size
        stop = min(start + self.batch_size, self.n_samples)
        images = np.zeros((stop - start, *self.image_shape))
        heatmaps = np.zeros((stop - start, *self.heatmap_shape))
        with h5py.File(self.path, "r") as file:
            images[:] = file["images"][start:stop]
            heatmaps[:] = file["heatmaps"][start:stop]
        if self.flip:
            for i in range(len(images)):
                if np.random.rand() < 0.5:
                    images[i] = images[i][:, ::-1]
                    heatmaps[i] = heatmaps[i][:, ::-1]
        return images, heatmaps

    def on_epoch_end(self):
        if self.shuffle:
            np.random.shuffle(self.indexes)


def by_hand(folder):
    return H5DataGenerator(os.path.join(folder, "poses.h5"), BATCH)


def flip(sample, rng):
    image, heatmaps = sample
    if rng.random() < 0.5:
        return image[:, ::-1], heatmaps[:, ::-1]
    return sample


def by_multiseq(folder):
    file = h5py.File(folder / "poses.h5")
    return ArraySequence(
        file["images"], file["heatmaps"], batch_size=BATCH, shuffle=True, augment=flip
    )


BY_HAND = H5DataGenerator, by_hand
BY_MULTISEQ = flip, by_multiseq
