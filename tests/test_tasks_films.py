"""Films of a real database: rows by key, and words with numbers, end to end."""

from __future__ import annotations

import sqlite3
from typing import Any

import numpy as np
import pytest
from backends import keras
from real import movies

from multiseq import SQLSequence, Standardize, Vocabulary

layers = keras.layers
QUERY = """
    SELECT omdb.ID, Title, Genre, Year, Runtime, "Cast", tomatoes.Rating AS Score
    FROM omdb JOIN tomatoes ON omdb.ID = tomatoes.ID
    WHERE Score IS NOT NULL AND Runtime IS NOT NULL AND Genre <> ''
"""


def split_genres(text: str) -> list[str]:
    return text.split(", ")


def films(**keywords: Any) -> SQLSequence:
    return SQLSequence(
        movies(),
        QUERY,
        key="ID",
        inputs={"numbers": ["Year", "Runtime"], "genres": "Genre"},
        targets="Score",
        transforms={"numbers": Standardize(), "genres": (split_genres, Vocabulary(mask=""))},
        shuffle=True,
        seed=0,
        **keywords,
    )


def test_every_film_has_its_own_numbers_genres_and_score() -> None:
    seq = films(batch_size=500)
    seq.adapt(progress=False)
    words, numbers = seq.transforms["genres"], seq.transforms["numbers"]
    with sqlite3.connect(f"file:{movies()}?mode=ro", uri=True) as connection:
        rows = {row[0]: row[1:] for row in connection.execute(QUERY)}
    assert sorted(seq.keys) == sorted(rows)
    for index in range(len(seq)):
        inputs, targets = seq[index]
        for row, key in enumerate(seq.batch_keys(index)):
            _, genres, year, minutes, _, score = rows[key]
            assert np.array_equal(inputs["numbers"][row], numbers.transform([year, minutes]))
            ids = words.transform(split_genres(genres))
            assert inputs["genres"][row].tolist()[: len(ids)] == ids.tolist()
            assert not inputs["genres"][row, len(ids) :].any()
            assert targets[row] == pytest.approx(score)


def test_a_column_with_the_name_of_a_keyword() -> None:
    seq = SQLSequence(
        movies(),
        QUERY,
        key="ID",
        inputs="Cast",
        transforms={"inputs": (split_genres, Vocabulary())},
    )
    some = seq.subset(slice(0, 200))
    some.adapt(progress=False)
    with sqlite3.connect(f"file:{movies()}?mode=ro", uri=True) as connection:
        found = connection.execute('SELECT "Cast" FROM omdb WHERE ID = ?', (int(some.keys[7]),))
        ((cast,),) = found.fetchall()
    ids = some.sample(7)[0]
    assert ids.tolist() == some.transforms["inputs"].transform(split_genres(cast)).tolist()


def model_of(inputs: list[str], num_genres: int) -> Any:
    numbers = keras.Input((2,), name="numbers")
    genres = keras.Input((None,), name="genres", dtype="int32")
    parts = []
    if "numbers" in inputs:
        parts.append(numbers)
    if "genres" in inputs:
        vectors = layers.Embedding(num_genres, 16, mask_zero=True)(genres)
        parts.append(layers.GlobalAveragePooling1D()(vectors))
    x = layers.concatenate(parts) if len(parts) > 1 else parts[0]
    x = layers.Dense(32, activation="relu")(x)
    x = layers.Rescaling(1.5, offset=6.0)(layers.Dense(1)(x))
    model = keras.Model({"numbers": numbers, "genres": genres}, x)
    model.compile(optimizer=keras.optimizers.Adam(5e-3), loss="mse", metrics=["mae"])
    return model


@pytest.mark.backend
@pytest.mark.parametrize("seed", [0, 1])
def test_numbers_and_genres_together_beat_each_alone(seed: int) -> None:
    train, test = films(batch_size=256).replace(seed=seed).split(0.4, 0.2)
    train.adapt(progress=False)
    errors = {}
    for inputs in (["numbers"], ["genres"], ["numbers", "genres"]):
        keras.utils.set_random_seed(seed)
        model = model_of(inputs, len(train.transforms["genres"]))
        model.fit(train, epochs=4, verbose=0)
        errors["+".join(inputs)] = model.evaluate(test, verbose=0)[1]
    together = errors.pop("numbers+genres")
    for title, error in errors.items():
        assert together < 0.97 * error, title
