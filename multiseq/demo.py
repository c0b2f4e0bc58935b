"""`python -m multiseq demo`: three multi-input systems, made, trained and tested for real.

In each, the two inputs of a sample are of the same kind or of different kinds, and the target
says which. Either input alone tells nothing about it, so a model can score only if both inputs
of every sample are its own. A control proves it: the same data, with the keys of the second input
one sample off, leaves the same model guessing.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from tqdm import tqdm

from .errors import MissingPackageError
from .join import join
from .modalities.arrays import ArraySequence
from .modalities.files import FileSequence
from .modalities.images import ImageSequence
from .modalities.text import TextSequence
from .sequence import MultiInputSequence
from .transforms import Standardize, Vocabulary

if "tf_keras" in sys.modules:  # TF_USE_LEGACY_KERAS=1
    import tf_keras as keras
else:
    import keras

__all__ = ["SYSTEMS", "Row", "System", "run", "table", "verdict"]

Rng = np.random.Generator
Ints = npt.NDArray[np.int64]
Made = tuple[MultiInputSequence, Callable[[], Any]]
"""A sequence, and what makes its model once the sequence has learned its transforms."""

MARGIN = 0.2
"""How much better than its control a model must be."""

# The data. All three are made of pairs of kinds.


def pairs(n: int, kinds: int, rng: Rng) -> tuple[Ints, Ints, Ints]:
    """Returns the kind of each sample's first and second input, and whether they are the same.

    They are in half of the samples, whatever the kind of one of them.
    """
    same = rng.integers(0, 2, n)
    first = rng.integers(0, kinds, n)
    second = (first + (1 - same) * rng.integers(1, kinds, n)) % kinds
    return first, second, same


def make_photo(color: int, rng: Rng) -> npt.NDArray[np.uint8]:
    """Returns a gray room with a red or a blue ball in it, of shape (96, 128, 3)."""
    photo = rng.normal(120, 25, (96, 128, 3))
    radius = rng.uniform(20, 40)
    x, y = rng.uniform(40, 88), rng.uniform(40, 56)
    row, column = np.ogrid[:96, :128]
    photo[np.hypot(row - y, column - x) < radius] = [(220, 30, 30), (30, 30, 220)][color]
    return photo.clip(0, 255).astype(np.uint8)


def make_caption(number: int, color: int, rng: Rng) -> str:
    """Returns a caption of 5 to 19 words, one of which is the color."""
    words = "the a in on it there of old small nice room with and my our".split()
    before, after = (" ".join(rng.choice(words, rng.integers(1, 9))) for _ in range(2))
    return f"Photo {number}: {before} {['red', 'blue'][color]} ball {after}."


def make_trace(number: int, kind: int, rng: Rng) -> npt.NDArray[np.float64]:
    """Returns 100 readings of 5 quantities; the first rises, falls or swings, the last is time."""
    trace = rng.normal(20, 3, (100, 5))
    t = np.linspace(-1, 1, 100)
    trace[:, 0] += 8 * [t, -t, np.cos(np.pi * t)][kind]
    trace[:, 4] = 100 * number + np.arange(100)
    return trace


# The systems: each makes its data in a folder, and reads them as a user would.


def two_arrays(folder: Path, n: int, off: int) -> Made:
    """Two tables in memory, whose rows are in different order."""
    rng = np.random.default_rng(1)
    first, second, same = pairs(n, 2, rng)
    orders = rng.normal(2 * first[:, None] - 1, 1, (n, 10))
    parcels = rng.normal(2 * second[:, None] - 1, 1, (n, 20))
    orders[:, 0] = parcels[:, 0] = np.arange(n) / n
    keys = pd.Index([f"order {k}" for k in range(n)])
    arrival = rng.permutation(n)

    sequence = join(
        order=ArraySequence(orders, keys=keys),
        parcel=ArraySequence(parcels[arrival], keys=np.roll(keys[arrival], off)),
        targets=pd.Series(same, keys),
        shuffle=True,
        seed=0,
        workers=2,
    )

    def model() -> Any:
        order = keras.Input((10,), name="order")
        parcel = keras.Input((20,), name="parcel")
        return with_head([order, parcel], [order, parcel])

    return sequence, model


def photos_and_captions(folder: Path, n: int, off: int) -> Made:
    """JPEG files, and captions of different lengths in a CSV file."""
    rng = np.random.default_rng(2)
    first, second, same = pairs(n, 2, rng)
    image = pillow_image()
    for k in range(n):
        image.fromarray(make_photo(first[k], rng)).save(folder / f"photo_{k}.jpg")
    captions = [make_caption(k, second[k], rng) for k in range(n)]
    keys = pd.Index([f"photo_{k}" for k in range(n)])
    pd.DataFrame({"caption": captions, "same": same}, keys).to_csv(folder / "captions.csv")

    frame = pd.read_csv(folder / "captions.csv", index_col=0)
    words = Vocabulary(mask="", min_count=2)
    sequence = join(
        image=ImageSequence(folder, size=64),
        caption=TextSequence(
            frame["caption"], keys=np.roll(frame.index, off), tokenizer=words, max_length=20
        ),
        targets=frame["same"],
        shuffle=True,
        seed=0,
        workers=2,
    )

    def model() -> Any:
        image = keras.Input((64, 64, 3), name="image")
        caption = keras.Input((20,), name="caption")
        seen = keras.layers.Conv2D(32, 3, strides=2, activation="relu")(image)
        seen = keras.layers.GlobalAveragePooling2D()(seen)
        read = keras.layers.Embedding(len(words), 32, mask_zero=True)(caption)
        read = keras.layers.LSTM(32)(read)
        return with_head([image, caption], [seen, read])

    return sequence, model


def sensor_files(folder: Path, n: int, off: int) -> Made:
    """The seed's folder: a `.npy` file of readings and a `.json` file of metadata per sample."""
    rng = np.random.default_rng(3)
    first, second, same = pairs(n, 3, rng)
    for k in range(n):
        np.save(folder / f"sensor_{k}.npy", make_trace(k, first[k], rng))
        metadata = {"location": f"loc_{second[k]}", "time": k * 100}
        (folder / f"meta_{(k + off) % n}.json").write_text(json.dumps(metadata))
        (folder / f"meta_{(k + off) % n}.txt").write_text(str(metadata))

    locations = Vocabulary()
    sequence = FileSequence(
        folder,
        {"sensor": "sensor_{key}.npy", "location": "meta_{key}.json:location"},
        targets=pd.Series(same),
        transforms={"sensor": Standardize(), "location": locations},
        shuffle=True,
        seed=0,
        workers=2,
    )

    def model() -> Any:
        sensor = keras.Input((100, 5), name="sensor")
        location = keras.Input((), name="location")
        felt = keras.layers.Conv1D(32, 3, activation="relu")(sensor)
        felt = keras.layers.Flatten()(felt)
        place = keras.layers.Embedding(len(locations), 32)(location)
        return with_head([sensor, location], [felt, place])

    return sequence, model


def with_head(inputs: list[Any], features: list[Any]) -> Any:
    """Returns a compiled model that judges from the features of all inputs together."""
    merged = keras.layers.concatenate(features)
    merged = keras.layers.Dense(32, activation="relu")(merged)
    output = keras.layers.Dense(1, activation="sigmoid")(merged)
    model = keras.Model(inputs, output)
    model.compile(keras.optimizers.Adam(0.005), "binary_crossentropy", metrics=["accuracy"])
    return model

def pillow_image():
    from PIL import Image
    return Image
