"""Work from people's files to what they hand in: a competition, likeness, a forecast."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from backends import amean, keras
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

from multiseq import (
    ArraySequence,
    ImageSequence,
    Labels,
    Standardize,
    TableSequence,
    TextSequence,
    Vocabulary,
    WindowSequence,
    join,
    triplets,
)

layers = keras.layers
SPECIES = ("cat", "dog", "fish")


def animals(folder: Path, n: int = 120) -> pd.DataFrame:
    """Photos and a table of animals, three of each owner; each part tells a little of the species.

    The species of the last thirty is known to the judges alone.
    """
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, 3, n)
    keys = [f"animal_{number:03}" for number in range(n)]
    for key, kind in zip(keys, kinds, strict=True):
        pixels = rng.integers(0, 60, (12, 12, 3), np.uint8)
        pixels[..., kind] += 150 * (rng.random() < 0.7)
        Image.fromarray(pixels).save(folder / f"{key}.png")
    said = np.where(rng.random(n) < 0.7, kinds, rng.integers(0, 3, n))
    return pd.DataFrame(
        {
            "text": [f"a {['small', 'big', 'wet'][kind]} animal" for kind in said],
            "weight": rng.normal(kinds, 0.4),
            "city": rng.choice(["Oslo", "Rome"], n),
            "owner": np.arange(n) // 3,
            "species": np.array(SPECIES)[kinds],
        },
        pd.Index(keys, name="id"),
    ).sample(frac=1, random_state=0)


def of_animals(folder: Path, frame: pd.DataFrame, **keywords: Any) -> Any:
    photos = {key: folder / f"{key}.png" for key in frame.index}
    return join(
        TableSequence(frame, numeric=["weight"], categorical=["city"]),
        image=ImageSequence(photos, size=12),
        text=TextSequence(frame["text"], tokenizer=Vocabulary(mask=""), max_length=4),
        **keywords,
    )


def model_of(train: Any) -> Any:
    image = keras.Input((12, 12, 3), name="image")
    text = keras.Input((4,), name="text", dtype="int32")
    numeric = keras.Input((1,), name="numeric")
    city = keras.Input((), name="city", dtype="int32")
    seen = layers.GlobalAveragePooling2D()(image)
    words = layers.Embedding(len(train.transforms["text"]), 8)(text)
    place = layers.Embedding(len(train.transforms["city"]), 2)(city)
    merged = layers.concatenate([seen, layers.GlobalAveragePooling1D()(words), numeric, place])
    output = layers.Dense(len(train.classes), activation="softmax")(
        layers.Dense(16, "relu")(merged)
    )
    model = keras.Model([image, text, numeric, city], output)
    model.compile(keras.optimizers.Adam(0.03), "sparse_categorical_crossentropy")
    return model


@pytest.mark.backend
def test_a_competition(tmp_path: Path) -> None:
    """Photos, texts and a table: scored out of fold, then a file of answers for rows to judge."""
    frame = animals(tmp_path)
    judged = frame[frame["owner"] >= 30]
    known = frame.drop(judged.index)
    whole = of_animals(
        tmp_path,
        known,
        targets=known["species"],
        transforms={"targets": Labels()},
        shuffle=True,
        seed=0,
    )
    asked = of_animals(tmp_path, judged.drop(columns="species"))
    found, answers = [], []
    for train, test in whole.folds(3, groups=known["owner"], stratify=known["species"]):
        assert not set(known.loc[train.keys, "owner"]) & set(known.loc[test.keys, "owner"])
        train.adapt(progress=False)
        keras.utils.set_random_seed(0)
        model = model_of(train)
        report = train.check(model, test=test)
        assert report.ok, report
        model.fit(train, validation_data=test, epochs=8, verbose=0)
        found.append(test.predictions(model, targets=True, verbose=0))
        train.save_transforms(tmp_path / "prep.json")
        asked.load_transforms(tmp_path / "prep.json")
        assert asked.classes == train.classes == SPECIES
        answers.append(asked.predictions(model, verbose=0))
    out_of_fold = pd.concat(found).loc[known.index]
    assert out_of_fold["target"].tolist() == known["species"].tolist()
    assert (out_of_fold["label"] == out_of_fold["target"]).mean() > 0.8

    scores = sum(each[list(SPECIES)] for each in answers) / len(answers)
    scores.idxmax(axis=1).rename("species").to_csv(tmp_path / "submission.csv")
    handed_in = pd.read_csv(tmp_path / "submission.csv", index_col="id")["species"]
    assert handed_in.index.equals(judged.index)
    assert (handed_in == judged["species"]).mean() > 0.8
    for each in answers:
        assert each["label"].tolist() == each[list(SPECIES)].idxmax(axis=1).tolist()


class TripletLoss(keras.layers.Layer):  # type: ignore[misc]
    """Adds the loss of triplets that are not told apart by a margin; gives the distances."""

    def call(self, inputs: Any) -> Any:
        anchor, positive, negative = inputs
        apart = [layers.Subtract()([anchor, other]) for other in (positive, negative)]
        near, far = (layers.Dot(axes=1)([each, each]) for each in apart)
        self.add_loss(amean(layers.ReLU()(near - far + 1.0)))
        return layers.Concatenate()([near, far])


@pytest.mark.backend
def test_likeness_is_learned_from_triplets() -> None:
    """Digits that the model has not seen have neighbors of their own kind, as pixels do not."""
    images, digits = load_digits(return_X_y=True)
    kinds = pd.Series(digits)
    rng = np.random.default_rng(0)
    noisy = (images / 16 + rng.normal(0, 0.7, images.shape)).astype("float32")
    whole = ArraySequence({"image": noisy}, batch_size=64, shuffle=True, seed=0)
    train, test = whole.split(0.7, 0.3, stratify=kinds)
    keras.utils.set_random_seed(0)
    image = keras.Input((64,), name="image")
    embedding = layers.Dense(16)(layers.Dense(64, "relu")(image))
    embed = keras.Model({"image": image}, embedding)
    roles = ("anchor", "positive", "negative")
    taken = {f"{role}_image": keras.Input((64,), name=f"{role}_image") for role in roles}
    model = keras.Model(taken, TripletLoss()([embed({"image": each}) for each in taken.values()]))
    model.compile(keras.optimizers.Adam(0.003))

    def share_of_right_neighbors() -> float:
        seen, new = (part.predictions(embed, verbose=0) for part in (train, test))
        judge = KNeighborsClassifier(5).fit(seen, kinds[seen.index])
        return float(judge.score(new, kinds[new.index]))

    before = share_of_right_neighbors()
    losses = model.fit(
        triplets(train, kinds), validation_data=triplets(test, kinds), epochs=8, verbose=0
    ).history["val_loss"]
    assert losses[-1] < 0.75 * losses[0]
    assert share_of_right_neighbors() > before + 0.05


def sales_of_shops() -> pd.DataFrame:
    """What three shops of different size sold on each day: by the day of the week, and chance."""
    days, rng = pd.date_range("2023-01-01", periods=240), np.random.default_rng(0)
    week = 100 + 30 * np.sin(days.day_of_week * 2 * np.pi / 7)
    return pd.concat(
        [
            pd.DataFrame({"shop": shop, "day": days, "sales": size * week, "size": size}).assign(
                sales=lambda frame: frame["sales"] + rng.normal(0, 3, len(frame))
            )
            for shop, size in [("north", 1.0), ("south", 3.0), ("west", 9.0)]
        ]
    )


@pytest.mark.backend
def test_a_forecast_in_the_units_of_the_series() -> None:
    """Learned until a day, and foretold after it, a week ahead."""
    sales = sales_of_shops()
    whole = WindowSequence(
        sales,
        length=14,
        horizon=7,
        features="sales",
        targets="sales",
        static=["size"],
        entity="shop",
        time="day",
        transforms={"past": Standardize(), "targets": Standardize()},
        keys="time",
        shuffle=True,
        seed=0,
    )
    train, test = whole.split("2023-07-01", by_time=True)
    train.adapt(progress=False)
    keras.utils.set_random_seed(0)
    past, size = keras.Input((14, 1), name="past"), keras.Input((1,), name="static")
    merged = layers.concatenate([layers.Flatten()(past), size])
    model = keras.Model([past, size], layers.Dense(7)(merged))
    model.compile(keras.optimizers.Adam(0.02), "mse")
    report = train.check(model, test=test)
    assert report.ok, report
    model.fit(train, epochs=12, verbose=0)
    found = test.predictions(model, targets=True, inverse=True, verbose=0)
    truth = sales.set_index(["shop", "day"])["sales"]
    shops, last = (found.index.get_level_values(name) for name in ("shop", "day"))
    for step in range(7):
        later = pd.MultiIndex.from_arrays([shops, last + pd.Timedelta(days=step + 1)])
        np.testing.assert_array_equal(found[f"target_{step}"], truth.loc[later])
    errors = found.filter(like="prediction").to_numpy() - found.filter(like="target").to_numpy()
    last_value = truth.loc[found.index].to_numpy()[:, None] - found.filter(like="target").to_numpy()
    assert np.abs(errors).mean() < 0.3 * np.abs(last_value).mean()
