"""Age from an MRI volume, the scanner and the sex.

By hand: the tail is dropped, inputs and targets are lists, and shifts are drawn from NumPy's
global random numbers, which every forked worker repeats.
"""

# mypy: ignore-errors
# ruff: noqa: NPY002

import os
from pathlib import Path

import numpy as np
import pandas as pd
from backends import keras

from multiseq import MultiInputSequence

N, BATCH, SIDE, MAX_SHIFT = 29, 8, 12, 3


def write(folder: Path) -> None:
    """The brightest voxel of each volume is in its middle, and as bright as its number + 1."""
    for k in range(N):
        volume = np.zeros((SIDE, SIDE, SIDE), np.float32)
        volume[SIDE // 2, SIDE // 2, SIDE // 2] = k + 1
        np.save(folder / f"sub-{k:02}.npy", volume)
    table = {"scanner": np.arange(N) % 3, "sex": np.arange(N) % 2, "age": np.arange(N) + 20.0}
    subjects = pd.Index([f"sub-{k:02}" for k in range(N)], name="subject")
    pd.DataFrame(table, subjects).to_csv(folder / "subjects.csv")


class BrainAgeGenerator(keras.utils.Sequence):
    def __init__(
        self, subjects, folder, batch_size=32, dim=(64, 64, 64), n_channels=1, max_shift=0
    ):
        super().__init__()
        self.subjects = subjects
        self.folder = folder
        self.batch_size = batch_size
        self.dim = dim
        self.n_channels = n_channels
        self.max_shift = max_shift
        self.on_epoch_end()

    def __len__(self):
        return int(np.floor(len(self.subjects) / self.batch_size))

    def __getitem__(self, index):
        indexes = self.indexes[index * self.batch_size : (index + 1) * self.batch_size]
        return self.__data_generation(indexes)

    def on_epoch_end(self):
        self.indexes = np.arange(len(self.subjects))
        np.random.shuffle(self.indexes)

    def __data_generation(self, indexes):
        volumes = np.empty((self.batch_size, *self.dim, self.n_channels))
        scanners = np.empty((self.batch_size, 1))
        sexes = np.empty((self.batch_size, 1))
        ages = np.empty((self.batch_size, 1))
        for i, k in enumerate(indexes):
            row = self.subjects.iloc[k]
            volume = np.load(os.path.join(self.folder, row["subject"] + ".npy"))
            volumes[i, ..., 0] = self.shift(volume)
            scanners[i] = row["scanner"]
            sexes[i] = row["sex"]
            ages[i] = row["age"]
        return [volumes, scanners, sexes], [ages]

    def shift(self, volume):
        if self.max_shift == 0:
            return volume
        shift = np.random.randint(-self.max_shift, self.max_shift + 1, size=3)
        return np.roll(volume, shift, axis=(0, 1, 2))


def by_hand(folder):
    subjects = pd.read_csv(os.path.join(folder, "subjects.csv"))
    dim = (SIDE, SIDE, SIDE)
    return BrainAgeGenerator(subjects, folder, batch_size=BATCH, dim=dim, max_shift=MAX_SHIFT)


class BrainAge(MultiInputSequence):
    def __init__(self, folder, **keywords):
        self.folder = folder
        self.subjects = pd.read_csv(folder / "subjects.csv", index_col="subject")
        super().__init__(self.subjects.index, **keywords)

    def load_sample(self, index):
        row = self.subjects.iloc[index]
        volume = np.load(self.folder / f"{row.name}.npy")[..., np.newaxis]
        scanner, sex, age = (np.array([row[name]]) for name in ("scanner", "sex", "age"))
        return (volume, scanner, sex), age

    def augment(self, sample, rng):
        (volume, scanner, sex), age = sample
        shift = rng.integers(-MAX_SHIFT, MAX_SHIFT + 1, size=3)
        return (np.roll(volume, shift, axis=(0, 1, 2)), scanner, sex), age


def by_multiseq(folder):
    return BrainAge(folder, batch_size=BATCH, shuffle=True)


BY_HAND = BrainAgeGenerator, by_hand
BY_MULTISEQ = BrainAge, by_multiseq
