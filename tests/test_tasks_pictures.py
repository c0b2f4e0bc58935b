"""Work with pictures, from people's files to what they wanted: segmentation, video, a format."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from backends import keras
from PIL import Image

from multiseq import (
    FileSequence,
    ImageSequence,
    Labels,
    MultiInputSequence,
    TableSequence,
    Vocabulary,
    join,
)

layers = keras.layers
SIZE = 24


def scene(rng: np.random.Generator) -> tuple[Any, Any]:
    """A picture of a bright square on noise, and the mask of the square."""
    mask = np.zeros((SIZE, SIZE), np.uint8)
    top, left = rng.integers(2, SIZE - 10, 2)
    mask[top : top + 8, left : left + 8] = 1
    picture = rng.integers(0, 90, (SIZE, SIZE, 3), np.uint8)
    picture[mask == 1] += 150
    return picture, mask


def flipped(sample: Any, rng: np.random.Generator) -> Any:
    inputs, mask = sample
    if rng.random() < 0.5:
        inputs, mask = {"image": inputs["image"][:, ::-1]}, mask[:, ::-1]
    return inputs, mask


@pytest.mark.backend
def test_segmentation_turns_image_and_mask_together(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    for number in range(48):
        picture, mask = scene(rng)
        Image.fromarray(picture).save(tmp_path / f"images/{number:02}.png")
        Image.fromarray(mask).save(tmp_path / f"masks/{number:02}.png")
    masks = ImageSequence(
        tmp_path / "masks",
        size=SIZE,
        channels=1,
        dtype="uint8",
        scale=None,
        fit="stretch",
        interpolation="nearest",
    )
    whole = join(
        image=ImageSequence(tmp_path / "images", size=SIZE),
        targets=masks,
        augment=flipped,
        shuffle=True,
        seed=0,
        batch_size=8,
    )
    train, test = whole.split(0.75, 0.25)
    keras.utils.set_random_seed(0)
    image = keras.Input((SIZE, SIZE, 3), name="image")
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(image)
    model = keras.Model({"image": image}, layers.Conv2D(1, 1, activation="sigmoid")(x))
    model.compile(keras.optimizers.Adam(0.05), "binary_crossentropy")
    report = train.check(model, test=test)
    assert report.ok, report
    model.fit(train, epochs=20, verbose=0)
    said = model.predict(test.for_prediction(), verbose=0) > 0.5
    truth = np.concatenate([targets for _, targets in test])
    assert (said & (truth > 0)).sum() / (said | (truth > 0)).sum() > 0.9
    images, turned = train[0]
    bright = images["image"].max(axis=-1) > 0.5
    assert np.array_equal(bright, turned[..., 0] > 0), "image and mask turn together"


class Clips(MultiInputSequence):
    """Films, of which four frames are decoded, and the rest left alone; and what is known of each.

    Args:
        folder: Of the films.
        films: A row for each, by its name.
    """

    def __init__(self, folder: Path, films: pd.DataFrame, **keywords: Any) -> None:
        self.folder, self.names = folder, list(films.index)
        self.moves, self.country = films["moves"].tolist(), films["country"].tolist()
        super().__init__(films.index, **keywords)

    def load_sample(self, index: int, rng: np.random.Generator | None) -> Any:  # type: ignore[override]
        film: Any
        with Image.open(self.folder / f"{self.names[index]}.gif") as film:
            most = film.n_frames - 4
            first = most // 2 if rng is None else int(rng.integers(most + 1))
            frames = []
            for number in range(first, first + 4):
                film.seek(number)
                frames.append(np.asarray(film.convert("L"), np.float32) / 255)
        return {"clip": np.stack(frames), "country": self.country[index]}, self.moves[index]


def write_films(folder: Path, n: int = 48) -> pd.DataFrame:
    """Films of a bar that moves to the left or to the right, from anywhere."""
    rng = np.random.default_rng(0)
    moves = rng.choice(["left", "right"], n)
    for number, way in enumerate(moves):
        at, step = int(rng.integers(8)), 1 if way == "right" else -1
        frames = np.zeros((10, 8, 8), np.uint8)
        for time in range(10):
            frames[time, :, (at + step * time) % 8] = 255
        first, *rest = map(Image.fromarray, frames)
        first.save(folder / f"film{number:02}.gif", save_all=True, append_images=rest)
    country = rng.choice(["no", "it"], n)
    names = [f"film{number:02}" for number in range(n)]
    return pd.DataFrame({"moves": moves, "country": country}, names)


@pytest.mark.backend
def test_clips_of_films_are_drawn_while_loading(tmp_path: Path) -> None:
    whole = Clips(
        tmp_path,
        write_films(tmp_path),
        transforms={"country": Vocabulary(), "targets": Labels()},
        shuffle=True,
        seed=0,
        batch_size=12,
        workers=2,
    )
    train, test = whole.split(0.75, 0.25)
    train.adapt(progress=False)
    keras.utils.set_random_seed(0)
    clip = keras.Input((4, 8, 8), name="clip")
    country = keras.Input((), name="country", dtype="int32")
    frames = layers.Reshape((4, 8, 8, 1))(clip)
    seen = layers.Conv3D(8, (2, 1, 3), activation="relu")(frames)
    place = layers.Embedding(len(train.transforms["country"]), 2)(country)
    merged = layers.concatenate([layers.GlobalMaxPooling3D()(seen), place])
    model = keras.Model([clip, country], layers.Dense(2, activation="softmax")(merged))
    model.compile(keras.optimizers.Adam(0.05), "sparse_categorical_crossentropy")
    with train, test:
        report = train.check(model, test=test)
        assert report.ok, report
        first = train[0][0]["clip"].copy()
        model.fit(train, epochs=15, verbose=0)
        train.set_epoch(0)
        assert np.array_equal(first, train[0][0]["clip"]), "by seed and epoch, whoever loads"
        found = test.predictions(model, targets=True, verbose=0)
    assert (found["label"] == found["target"]).mean() > 0.9
    plain = train.replace(workers=0)
    assert len({each.tobytes() for each in epochs_of(plain, "film08")}) > 1
    assert (
        len({each.tobytes() for each in epochs_of(plain.replace(augmented=False), "film08")}) == 1
    )


def epochs_of(seq: Clips, key: str) -> list[Any]:
    """The clips of one film in four epochs."""
    found = []
    for epoch in range(4):
        seq.set_epoch(epoch)
        for index in range(len(seq)):
            if key in seq.batch_keys(index):
                row = seq.batch_keys(index).get_loc(key)
                found.append(seq[index][0]["clip"][row])
    return found


def write_rec(path: Path, values: Any, kind: str) -> None:
    """A format of somebody's own: a magic, a label, a count, and little-endian floats."""
    head = b"REC1" + struct.pack("<8sI", kind.encode(), len(values))
    path.write_bytes(head + np.asarray(values, "<f4").tobytes())


def read_rec(data: bytes) -> Any:
    (count,) = struct.unpack_from("<I", data, 12)
    return np.frombuffer(data, "<f4", count, 16)


def kind_rec(data: bytes) -> str:
    return data[4:12].rstrip(b"\0").decode()


@pytest.mark.backend
def test_files_of_a_format_of_ones_own_beside_a_table(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    kinds = np.array(["walk", "run", "rest"])[rng.integers(0, 3, 60)]
    means = {"walk": 1.0, "run": 3.0, "rest": 0.0}
    for number, kind in enumerate(kinds):
        write_rec(tmp_path / f"{number}.rec", rng.normal(means[kind], 0.2, 16), kind)
    people = pd.DataFrame({"age": rng.integers(20, 80, 60)})
    traces = FileSequence(
        tmp_path,
        {"trace": "{key}.rec"},
        {"kind": "{key}.rec"},
        read={"trace": read_rec, "kind": kind_rec},
        transforms={"kind": Labels()},
    )
    whole = join(traces, TableSequence(people, numeric={"age": ["age"]}), shuffle=True, seed=0)
    train, test = whole.split(0.7, 0.3)
    train.adapt(progress=False)
    assert train.classes == {"kind": ("rest", "run", "walk")}
    keras.utils.set_random_seed(0)
    trace, age = keras.Input((16,), name="trace"), keras.Input((1,), name="age")
    output = layers.Dense(3, activation="softmax", name="kind")(layers.concatenate([trace, age]))
    model = keras.Model([trace, age], {"kind": output})
    model.compile(keras.optimizers.Adam(0.05), "sparse_categorical_crossentropy")
    report = train.check(model, test=test)
    assert report.ok, report
    model.fit(train, epochs=40, verbose=0)
    found = test.predictions(model, targets=True, verbose=0)
    assert (found["kind_label"] == found["target_kind"]).mean() > 0.8
