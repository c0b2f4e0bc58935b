"""Work with words, sounds and old code, from people's data to what they wanted."""

from __future__ import annotations

import math
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
from backends import keras

from multiseq import (
    ArraySequence,
    AudioSequence,
    Labels,
    MultiInputSequence,
    SQLSequence,
    Standardize,
    TableSequence,
    TextSequence,
    Vocabulary,
    join,
)

layers = keras.layers
RATE = 4_000


@pytest.mark.backend
def test_captions_are_said_word_by_word() -> None:
    """The words so far go in beside the picture, and the next words are the target."""
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, 2, 64)
    pictures = (rng.random((64, 8, 8, 1)) / 2 + kinds[:, None, None, None] / 2).astype(np.float32)
    said = pd.Series([f"begin a {['dark', 'bright'][kind]} picture end" for kind in kinds])
    words = Vocabulary(mask="")
    whole = join(
        picture=ArraySequence(pictures),
        so_far=TextSequence(said.str.rsplit(n=1).str[0], tokenizer=words, max_length=5),
        targets=TextSequence(said.str.split(n=1).str[1], tokenizer=words, max_length=5),
        shuffle=True,
        seed=0,
    )
    train, test = whole.split(0.75, 0.25)
    train.adapt(progress=False)
    keras.utils.set_random_seed(0)
    learned: Any = train.transforms["so_far"]
    picture = keras.Input((8, 8, 1), name="picture")
    so_far = keras.Input((5,), name="so_far", dtype="int32")
    seen = layers.RepeatVector(5)(layers.Flatten()(picture))
    read = layers.concatenate([layers.Embedding(len(learned), 8)(so_far), seen])
    said_next = layers.Dense(len(learned), activation="softmax")(
        layers.GRU(16, return_sequences=True)(read)
    )
    model = keras.Model([picture, so_far], said_next)
    model.compile(keras.optimizers.Adam(0.03), "sparse_categorical_crossentropy")
    report = train.check(model, test=None)
    assert report.ok, report
    model.fit(train, epochs=15, verbose=0)
    ids = model.predict(test.for_prediction(), verbose=0).argmax(axis=-1)
    expected = [" ".join(text.split()[1:]) for text in said.loc[test.keys]]
    decoded = [" ".join(each) for each in learned.decode(ids[:, :4])]
    assert np.mean([a == b for a, b in zip(decoded, expected, strict=True)]) > 0.9


@pytest.mark.backend
def test_two_towers_of_people_and_films_with_an_output_each() -> None:
    """Ratings are rows; a person and a film go with many of them."""
    rng = np.random.default_rng(0)
    people = pd.DataFrame({"taste": rng.normal(size=20)}, [f"p{k}" for k in range(20)])
    films = pd.DataFrame({"mood": rng.normal(size=30)}, [f"f{k}" for k in range(30)])
    pairs = pd.MultiIndex.from_product([people.index, films.index], names=["person", "film"])
    ratings = pd.DataFrame(index=pairs[rng.permutation(600)[:400]]).reset_index()
    product = (
        people.loc[ratings["person"], "taste"].to_numpy()
        * films.loc[ratings["film"], "mood"].to_numpy()
    )
    ratings["stars"], ratings["liked"] = product, np.where(product > 0, "yes", "no")
    whole = join(
        person=TableSequence(people, numeric=["taste"]).lookup(ratings["person"]),
        film=TableSequence(films, numeric=["mood"]).lookup(ratings["film"]),
        targets={"stars": ratings["stars"], "liked": ratings["liked"]},
        transforms={"liked": Labels()},
        class_weight={"liked": "balanced"},
        shuffle=True,
        seed=0,
    )
    train, test = whole.split(0.8, 0.2)
    train.adapt(progress=False)
    keras.utils.set_random_seed(0)
    person, film = keras.Input((1,), name="person"), keras.Input((1,), name="film")
    merged = layers.Dense(32, "relu")(layers.concatenate([person, film, person * film]))
    outputs = {
        "stars": layers.Dense(1, name="stars")(merged),
        "liked": layers.Dense(2, activation="softmax", name="liked")(merged),
    }
    model = keras.Model([person, film], outputs)
    model.compile(
        keras.optimizers.Adam(0.02), {"stars": "mse", "liked": "sparse_categorical_crossentropy"}
    )
    report = train.check(model)
    assert report.ok, report
    model.fit(train, epochs=15, verbose=0)
    found = test.predictions(model, targets=True, verbose=0)
    assert (found["liked_label"] == found["target_liked"]).mean() > 0.8
    assert found["stars"].corr(found["target_stars"]) > 0.9
    assert found["target_liked"].tolist() == ratings.loc[test.keys, "liked"].tolist()


@pytest.mark.backend
def test_sounds_with_what_a_database_knows_of_them(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    (tmp_path / "clips").mkdir()
    rows = []
    for number in range(40):
        bird = int(rng.integers(0, 2))
        hertz, month = (500, 1500)[bird], int(rng.integers(1, 13))
        wave = np.sin(np.arange(RATE // 4) * 2 * math.pi * hertz / RATE) / 2
        soundfile.write(tmp_path / f"clips/clip{number}.wav", wave, RATE)
        rows.append((f"clip{number}", month, ("owl", "wren")[bird]))
    with sqlite3.connect(tmp_path / "birds.db") as database:
        database.execute("CREATE TABLE clips (clip TEXT PRIMARY KEY, month INTEGER, bird TEXT)")
        database.executemany("INSERT INTO clips VALUES (?, ?, ?)", rows)
    database.close()
    whole = join(
        SQLSequence(
            tmp_path / "birds.db",
            "clips",
            key="clip",
            inputs={"month": "month"},
            targets="bird",
            transforms={"month": Standardize(), "targets": Labels()},
        ),
        sound=AudioSequence(
            tmp_path / "clips", sample_rate=RATE, max_seconds=0.25, features="log-mel"
        ),
        transforms={"sound": Standardize()},
        shuffle=True,
        seed=0,
    )
    train, test = whole.split(0.75, 0.25)
    train.adapt(progress=False)
    assert train.classes == ("owl", "wren")
    inputs, _ = train[0]
    keras.utils.set_random_seed(0)
    sound = keras.Input(inputs["sound"].shape[1:], name="sound")
    month = keras.Input((), name="month")
    heard = layers.concatenate(
        [layers.GlobalAveragePooling1D()(sound), layers.Reshape((1,))(month)]
    )
    model = keras.Model(
        [month, sound], layers.Dense(2, activation="softmax")(layers.Dense(16, "relu")(heard))
    )
    model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy")
    model.fit(train, epochs=20, verbose=0)
    found = test.predictions(model, targets=True, verbose=0)
    birds = {clip: bird for clip, _, bird in rows}
    assert found["target"].tolist() == [birds[clip] for clip in test.keys]
    assert (found["label"] == found["target"]).mean() > 0.8


class Old(keras.utils.Sequence):  # type: ignore[misc]
    """As people wrote them: shuffled once, and the last batch lost."""

    def __init__(self, x: Any, y: Any, batch_size: int) -> None:
        super().__init__()
        self.x, self.y, self.batch_size = x, y, batch_size

    def __len__(self) -> int:
        return len(self.x) // self.batch_size

    def __getitem__(self, index: int) -> Any:
        rows = slice(index * self.batch_size, (index + 1) * self.batch_size)
        return {"x": self.x[rows], "half": self.x[rows, :1] / 2}, self.y[rows]


class New(MultiInputSequence):
    """The same, moved: what made one row of a batch is `load_sample`."""

    def __init__(self, x: Any, y: Any, **keywords: Any) -> None:
        self.x, self.y = x, y
        super().__init__(len(x), **keywords)

    def load_sample(self, index: int) -> Any:
        return {"x": self.x[index], "half": self.x[index, :1] / 2}, self.y[index]


@pytest.mark.backend
def test_an_old_sequence_is_moved() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(70, 3)).astype(np.float32)
    y = x.sum(axis=1, keepdims=True)
    old, new = Old(x, y, 16), New(x, y, batch_size=16)
    assert (len(old), len(new)) == (4, 5), "the last batch is kept"
    for index in range(len(old)):
        (before, label), (after, target) = old[index], new[index]
        assert np.array_equal(label, target)
        assert all(np.array_equal(before[name], after[name]) for name in before)
    a, b = keras.Input((3,), name="x"), keras.Input((1,), name="half")
    model = keras.Model([a, b], layers.Dense(1)(layers.concatenate([a, b])))
    model.compile(keras.optimizers.Adam(0.05), "mse")
    train = new.replace(shuffle=True, workers=2)
    assert train.check(model).ok
    with train:
        losses = model.fit(train, epochs=10, verbose=0).history["loss"]
    assert losses[-1] < losses[0] / 4
