"""Age from a segment of an EEG and the sex, split by subject.

By hand: `iter_per_epoch` repeats the subjects, and `__len__` knows nothing of it; the segment is
drawn from global random numbers, in validation too.

With multiseq every segment comes once an epoch.
"""

# mypy: ignore-errors
# ruff: noqa: NPY002

import os
from pathlib import Path

import numpy as np
import pandas as pd
import zarr
from backends import keras

from multiseq import ArraySequence, TableSequence, join

SUBJECTS, SEGMENTS, BATCH = 16, 4, 8


def write(folder: Path) -> None:
    """A segment is full of its number; age tells the subject."""
    codes = np.arange(SUBJECTS * SEGMENTS, dtype=np.float32)
    eeg = np.broadcast_to(codes[:, None, None], (len(codes), 3, 20))
    zarr.save_array(str(folder / "eeg.zarr"), np.ascontiguousarray(eeg))
    segments = {"subject": [f"s{k // SEGMENTS:02}" for k in range(len(codes))]}
    pd.DataFrame(segments).to_csv(folder / "segments.csv", index_label="segment")
    people = {"sex": np.arange(SUBJECTS) % 2, "age": np.arange(SUBJECTS) + 5.0}
    names = pd.Index([f"s{k:02}" for k in range(SUBJECTS)], name="subject")
    pd.DataFrame(people, names).to_csv(folder / "people.csv")


class EEGGenerator(keras.utils.Sequence):
    def __init__(self, zarr_path, segments, people, batch_size=10, iter_per_epoch=1, shuffle=True):
        super().__init__()
        self.data = zarr.open(zarr_path, mode="r")
        self.segments = segments
        self.people = people
        self.batch_size = batch_size
        self.iter_per_epoch = iter_per_epoch
        self.shuffle = shuffle
        self.on_epoch_end()

    def __len__(self):
        return int(np.ceil(len(self.people) / self.batch_size))

    def __getitem__(self, index):
        indexes = self.indexes[index * self.batch_size : (index + 1) * self.batch_size]
        return self.__generate_data(indexes)

    def on_epoch_end(self):
        self.indexes = np.tile(np.arange(len(self.people)), self.iter_per_epoch)
        if self.shuffle:
            np.random.shuffle(self.indexes)

    def __generate_data(self, indexes):
        eeg, sex, age = [], [], []
        for k in indexes:
            person = self.people.iloc[k]
            rows = np.flatnonzero(self.segments["subject"] == person["subject"])
            eeg.append(self.data[np.random.choice(rows)])
            sex.append([person["sex"]])
            age.append(person["age"])
        order = np.arange(len(indexes))
        np.random.shuffle(order)
        inputs = {
            "eeg": np.array(eeg, dtype=np.float32)[order],
            "sex": np.array(sex, dtype=np.float32)[order],
        }
        return inputs, np.array(age)[order]


def by_hand(folder):
    path = os.path.join(folder, "eeg.zarr")
    segments = pd.read_csv(os.path.join(folder, "segments.csv"))
    people = pd.read_csv(os.path.join(folder, "people.csv"))
    people = people.sample(frac=1, random_state=0)
    cut = int(0.75 * len(people))
    train = EEGGenerator(path, segments, people[:cut], BATCH, SEGMENTS)
    test = EEGGenerator(path, segments, people[cut:], BATCH, SEGMENTS, shuffle=False)
    return train, test


def by_multiseq(folder):
    segments = pd.read_csv(folder / "segments.csv", index_col="segment")
    people = pd.read_csv(folder / "people.csv", index_col="subject")
    eeg = ArraySequence(zarr.open(folder / "eeg.zarr", mode="r"), keys=segments.index)
    sex = TableSequence(people, "age", numeric=["sex"], transforms={"numeric": None})
    data = join(
        eeg=eeg,
        sex=sex.lookup(segments["subject"]),
        batch_size=BATCH,
        shuffle=True,
        seed=0,
    )
    return data.split(0.75, 0.25, groups=segments["subject"])


BY_HAND = EEGGenerator, by_hand
BY_MULTISEQ = (by_multiseq,)
