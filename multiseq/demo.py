"""`python -m multiseq demo`: three multi-input systems, made, trained and tested for real.

In each, the two inputs of a sample match or don't, and the target says which. Either input alone
tells nothing about it, so a model can score only if both inputs of every sample are its own. A
control proves it: the same data, with the keys of one input off by one, leaves the same model
guessing.
"""

from __future__ import annotations

import importlib.util
import json
import os
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
from .modalities.arrays.sequence import ArraySequence
from .modalities.files.sequence import FileSequence
from .modalities.images.sequence import ImageSequence
from .modalities.text.sequence import TextSequence
from .sequence import MultiInputSequence
from .transforms import Standardize, Vocabulary

if os.environ.get("TF_USE_LEGACY_KERAS", "").lower() in ("1", "true"):
    import tf_keras as keras
else:
    import keras

__all__ = ["MARGIN", "SYSTEMS", "Result", "Row", "System", "main", "run", "table"]

Ints = npt.NDArray[np.int64]
Made = tuple[MultiInputSequence, Callable[[], Any]]
"""A sequence, and what builds its model once its transforms are adapted."""

MARGIN = 0.25
"""How far above its control a score must be; of two answers, a guess is right in half."""


# The data: pairs of kinds, such as a red ball and the word "blue".


def pairs(n: int, kinds: int, rng: np.random.Generator) -> tuple[Ints, Ints, Ints]:
    """Returns the kinds of n samples' first and second inputs, and where they match.

    Half of the samples match, whatever the kind of either input.
    """
    match = rng.integers(0, 2, n)
    first = rng.integers(0, kinds, n)
    second = (first + (1 - match) * rng.integers(1, kinds, n)) % kinds
    return first, second, match


def rows_of(kind: Ints, columns: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Returns a row for each sample: around 1 or -1 by its kind, after the sample's number."""
    rows = rng.normal(2 * kind[:, None] - 1, 1, (len(kind), columns))
    rows[:, 0] = np.arange(len(kind)) / len(kind)
    return rows.astype(np.float32)


def photo_of(kind: int, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Returns a gray room with a red or a blue ball in it, of shape (96, 128, 3)."""
    photo = rng.normal(120, 25, (96, 128, 3))
    x, y, radius = rng.uniform(40, 88), rng.uniform(40, 56), rng.uniform(20, 40)
    row, column = np.ogrid[:96, :128]
    photo[np.hypot(row - y, column - x) < radius] = [(220, 30, 30), (30, 30, 220)][kind]
    return photo.clip(0, 255).astype(np.uint8)


def caption_of(number: int, kind: int, rng: np.random.Generator) -> str:
    """Returns a caption of 6 to 20 words, one of which is the color."""
    words = ["the", "a", "old", "small", "nice", "on", "in", "of", "room", "with", "my", "there"]
    before, after = (" ".join(rng.choice(words, rng.integers(1, 9))) for _ in range(2))
    return f"Photo {number}: {before} {['red', 'blue'][kind]} ball {after}."


def readings_of(number: int, kind: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Returns 100 readings of 5 columns: one of the first three is high, the last is the time."""
    readings = rng.normal(20, 3, (100, 5))
    readings[:, kind] += 3
    readings[:, 4] = number * 100 + np.arange(100)
    return readings


# The systems: each makes its data, with keys of the second input off by so many, and reads them
# as a user would. The models are the seed's, with a hidden layer to judge both inputs together.


def two_arrays(folder: Path, n: int, off: int) -> Made:
    """Two arrays in memory, whose rows are in different order: keys bring them together."""
    rng = np.random.default_rng(1)
    first, second, match = pairs(n, 2, rng)
    keys = pd.Index([f"order {number}" for number in range(n)])
    orders, parcels = rows_of(first, 10, rng), rows_of(second, 20, rng)
    arrival = rng.permutation(n)

    sequence = join(
        order=ArraySequence(orders, keys=keys),
        parcel=ArraySequence(parcels[arrival], keys=np.roll(keys, off)[arrival]),
        targets=pd.Series(match, keys),
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
    """JPEG files, and captions of different lengths in a table."""
    from PIL import Image

    rng = np.random.default_rng(2)
    first, second, match = pairs(n, 2, rng)
    for number, kind in enumerate(first):
        Image.fromarray(photo_of(kind, rng)).save(folder / f"photo_{number}.jpg")
    keys = pd.Index([f"photo_{number}" for number in range(n)])
    captions = [caption_of(number, kind, rng) for number, kind in enumerate(second)]

    words = Vocabulary(mask="", min_count=2)
    sequence = join(
        image=ImageSequence(folder, size=64),
        caption=TextSequence(captions, keys=np.roll(keys, off), tokenizer=words, max_length=20),
        targets=pd.Series(match, keys),
        shuffle=True,
        seed=0,
        workers=2,
    )

    def model() -> Any:
        image = keras.Input((64, 64, 3), name="image")
        caption = keras.Input((20,), name="caption")
        seen = keras.layers.Conv2D(32, 3, strides=2, activation="relu")(image)
        seen = keras.layers.GlobalAveragePooling2D()(seen)
        said = keras.layers.Embedding(len(words), 32, mask_zero=True)(caption)
        said = keras.layers.LSTM(32)(said)
        return with_head([image, caption], [seen, said])

    return sequence, model


def sensor_files(folder: Path, n: int, off: int) -> Made:
    """For each sample an `.npy` file of readings, and a `.json` file that says where they are from.

    The seed wrote the metadata as `str(dict)` into `.txt` files, which are made too.
    """
    rng = np.random.default_rng(3)
    first, second, match = pairs(n, 3, rng)
    for number in range(n):
        np.save(folder / f"sensor_{number}.npy", readings_of(number, first[number], rng))
        metadata = {"location": f"loc_{second[number]}", "time": number * 100}
        name = f"meta_{(number + off) % n}"
        (folder / f"{name}.json").write_text(json.dumps(metadata))
        (folder / f"{name}.txt").write_text(str(metadata))

    locations = Vocabulary()
    sequence = FileSequence(
        folder,
        {"sensor": "sensor_{key}.npy", "location": "meta_{key}.json:location"},
        targets=pd.Series(match),
        transforms={"sensor": Standardize(), "location": locations},
        shuffle=True,
        seed=0,
        workers=2,
    )

    def model() -> Any:
        sensor = keras.Input((100, 5), name="sensor")
        location = keras.Input((), name="location")
        read = keras.layers.Conv1D(32, 3, activation="relu")(sensor)
        read = keras.layers.GlobalAveragePooling1D()(read)
        place = keras.layers.Embedding(len(locations), 32)(location)
        return with_head([sensor, location], [read, place])

    return sequence, model


def with_head(inputs: list[Any], features: list[Any]) -> Any:
    """Returns a compiled model that judges by the features of both inputs together."""
    judged = keras.layers.Dense(32, activation="relu")(keras.layers.concatenate(features))
    output = keras.layers.Dense(1, activation="sigmoid")(judged)
    model = keras.Model(inputs, output)
    model.compile(keras.optimizers.Adam(0.005), "binary_crossentropy", metrics=["accuracy"])
    return model


def txt_like_json(folder: Path) -> bool:
    """Whether the sensor files' `.txt` metadata, read without `eval`, are those of `.json`."""
    read = []
    for suffix in ("json", "txt"):
        locations = FileSequence(
            folder, f"meta_{{key}}.{suffix}:location", transforms={"inputs": Vocabulary()}
        )
        locations.adapt(progress=False)
        read.append(np.concatenate([batch for (batch,) in locations]))
    return np.array_equal(read[0], read[1])


# Training and testing.


class System(NamedTuple):
    """A system to run: its name, how to make it, its size, and how long to train."""

    name: str
    make: Callable[[Path, int, int], Made]
    samples: int
    epochs: int


class Result(NamedTuple):
    """What came of one training; the score is the accuracy on the held-out split."""

    samples: int
    batches: int
    samples_per_second: float
    first_loss: float
    last_loss: float
    score: float


class Row(NamedTuple):
    """A system, and its control, in which the second input belongs to another sample."""

    name: str
    result: Result
    control: Result

    @property
    def passed(self) -> bool:
        """Whether the score is clearly above the control's."""
        return self.result.score >= self.control.score + MARGIN


SYSTEMS = (
    System("two arrays", two_arrays, samples=4000, epochs=4),
    System("photos and captions", photos_and_captions, samples=1000, epochs=9),
    System("sensor files", sensor_files, samples=1000, epochs=6),
)


def train(system: System, folder: Path, off: int, bar: Any) -> Result:
    """Makes a system in a folder, trains its model, and scores it on the samples held out."""
    folder.mkdir(parents=True)
    sequence, build = system.make(folder, system.samples, off)
    training, testing = sequence.split(0.8, 0.2)
    training.adapt(progress=False)
    keras.utils.set_random_seed(0)
    model = build()
    ends = []

    def epoch_ended(epoch: int, logs: Any) -> None:
        ends.append(time.perf_counter())
        bar.update()

    watch = keras.callbacks.LambdaCallback(on_epoch_end=epoch_ended)
    with training, testing:
        fit = model.fit(training, epochs=system.epochs, callbacks=[watch], verbose=0)
        score = model.evaluate(testing, verbose=0, return_dict=True)["accuracy"]
    losses = fit.history["loss"]
    # The first epoch is left out: Keras compiles the model in it.
    speed = training.num_samples * (len(ends) - 1) / (ends[-1] - ends[0])
    return Result(sequence.num_samples, len(training), speed, losses[0], losses[-1], score)


def run(systems: Sequence[System], folder: Path) -> list[Row]:
    """Trains each system and its control, with a progress bar."""
    rows = []
    total = 2 * sum(system.epochs for system in systems)
    with tqdm(total=total, unit="epoch", disable=None) as bar:
        for system in systems:
            results = []
            for off, name in enumerate((system.name, f"{system.name}, control")):
                bar.set_description(name)
                results.append(train(system, folder / name, off, bar))
            rows.append(Row(system.name, *results))
    return rows


def table(rows: Sequence[Row]) -> str:
    """Returns the rows as a table to print."""
    columns = ("samples", "batches", "samples/s", "first loss", "last loss", "score", "control")
    lines = [f"{'multiseq demo':20}" + "".join(f"{column:>12}" for column in columns)]
    for row in rows:
        one = row.result
        lines.append(
            f"{row.name:20}{one.samples:12,}{one.batches:12,}{one.samples_per_second:12,.0f}"
            f"{one.first_loss:12.3f}{one.last_loss:12.3f}{one.score:12.1%}{row.control.score:12.1%}"
        )
    return "\n".join(lines)


def main() -> int:
    """Runs the demo, and returns the exit status: 0 if every score is clearly above its control.

    Raises:
        MissingPackageError: Pillow is not installed.
    """
    if importlib.util.find_spec("PIL") is None:
        raise MissingPackageError(
            "the demo makes photos with Pillow, which is not installed",
            fix='pip install "multiseq[images]"',
        )
    with tempfile.TemporaryDirectory(prefix="multiseq-demo-") as folder:
        rows = run(SYSTEMS, Path(folder))
        same = txt_like_json(Path(folder, "sensor files"))
    print(table(rows))
    print("\nsamples/s: in fit, model included. score: on the 20% held out; a guess gets 50%.")
    print("control: the score when the same data is made with the keys of one input off by one.")
    print(
        f"str(dict) in .txt, read without eval: {'the same' if same else 'NOT THE SAME'} as .json"
    )
    failed = [row.name for row in rows if not row.passed]
    if failed:
        print(f"FAILED, not {MARGIN:.0%} above the control: {', '.join(failed)}")
    return 1 if failed or not same else 0
