"""A deficiency from a photo of the patient and three measurements.

By hand: each generator fits a scaler of its own, that of the test set too; and a photo that
cannot be read becomes a black one with label 0.
"""

# mypy: ignore-errors
# ruff: noqa: NPY002

import os
from pathlib import Path

import numpy as np
import pandas as pd
from backends import keras
from PIL import Image
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from multiseq import ImageSequence, TableSequence, join

N, BATCH, SIZE = 40, 8, 16
BROKEN = [5]
COLUMNS = ["height", "weight", "iron"]


def write(folder: Path) -> None:
    """Photo and height of a patient tell the same number, and every label is 1."""
    for k in range(N):
        Image.new("RGB", (24, 20), (100 + k,) * 3).save(folder / f"{k}.png")
    (folder / f"{BROKEN[0]}.png").write_bytes(b"half a file")
    table = {"image": [f"{k}.png" for k in range(N)], "height": 100.0 + np.arange(N)}
    table |= {"weight": np.arange(N) % 7, "iron": np.arange(N) % 5, "label": 1}
    pd.DataFrame(table, pd.RangeIndex(N, name="patient")).to_csv(folder / "patients.csv")


class NutritionGenerator(keras.utils.Sequence):
    def __init__(self, df, image_dir, batch_size=32, image_size=(224, 224), shuffle=True):
        super().__init__()
        self.df = df.reset_index(drop=True)
        self.image_dir = image_dir
        self.batch_size = batch_size
        self.image_size = image_size
        self.shuffle = shuffle
        self.scaler = StandardScaler()
        self.tabular = self.scaler.fit_transform(self.df[COLUMNS])
        self.indexes = np.arange(len(self.df))
        self.on_epoch_end()

    def __len__(self):
        return int(np.ceil(len(self.df) / self.batch_size))

    def __getitem__(self, index):
        indexes = self.indexes[index * self.batch_size : (index + 1) * self.batch_size]
        images, tabular, labels = [], [], []
        for k in indexes:
            row = self.df.iloc[k]
            image = self.load_image(row["image"])
            if image is None:
                images.append(np.zeros((*self.image_size, 3), dtype=np.float32))
                labels.append(0)
            else:
                images.append(image)
                labels.append(row["label"])
            tabular.append(self.tabular[k])
        inputs = {
            "image": np.array(images, dtype=np.float32),
            "tabular": np.array(tabular, dtype=np.float32),
        }
        return inputs, np.array(labels)

    def load_image(self, name):
        try:
            image = Image.open(os.path.join(self.image_dir, name)).convert("RGB")
            return np.array(image.resize(self.image_size)) / 255.0
        except Exception:
            return None

    def on_epoch_end(self):
        if self.shuffle:
            np.random.shuffle(self.indexes)


def by_hand(folder):
    df = pd.read_csv(os.path.join(folder, "patients.csv"), index_col="patient")
    train_df, test_df = train_test_split(df, test_size=0.25, random_state=42)
    size = (SIZE, SIZE)
    train = NutritionGenerator(train_df, folder, BATCH, size)
    test = NutritionGenerator(test_df, folder, BATCH, size, shuffle=False)
    return train, test


def by_multiseq(folder):
    df = pd.read_csv(folder / "patients.csv", index_col="patient")
    patients = join(
        image=ImageSequence(df["image"], root=folder, size=SIZE),
        tabular=TableSequence(df, numeric=COLUMNS),
        targets=df["label"],
        batch_size=BATCH,
        shuffle=True,
        seed=42,
        on_error="substitute",
    )
    train, test = patients.split(0.75, 0.25)
    train.adapt(progress=False)
    return train, test


BY_HAND = NutritionGenerator, by_hand
BY_MULTISEQ = (by_multiseq,)
