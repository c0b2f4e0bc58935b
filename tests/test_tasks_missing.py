"""Countries of which some lack a flag or a second name, and two sources that are mixed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from backends import keras
from real import countries, flags

from multiseq import (
    ImageSequence,
    Labels,
    Standardize,
    TableSequence,
    TextSequence,
    Vocabulary,
    join,
    mix,
)
from multiseq.testing import check_sequence

layers = keras.layers


def facts() -> pd.DataFrame:
    table = countries()
    return pd.DataFrame(
        {
            "area": np.log1p(table["area"].astype(float)),
            "population": np.log1p(table["population"].astype(float)),
            "name": table["name"],
            "native": table["nativeName"],
            "region": table["region"],
        }
    ).dropna(subset=["area", "population"])


def letters(text: str) -> list[str]:
    return list(text.lower())


def joined(**keywords: Any) -> Any:
    """Numbers of all countries; flags of those that begin with A to S; names where they differ."""
    table = facts()
    some = {key: file for key, file in flags().items() if key < "T"}
    other = table["native"].dropna()
    other = other[other != table["name"].loc[other.index]]
    regions = sorted(table["region"].unique())
    return join(
        facts=TableSequence(table[["area", "population"]], numeric=["area", "population"]),
        flag=ImageSequence(some, size=(11, 16)),
        native=TextSequence(other, tokenizer=letters),
        targets=table["region"].map(regions.index),
        how="left",
        fill={"flag": 0.5, "native": 1},  # Of an unknown letter: the mean of none would be NaN.
        mask=True,
        shuffle=True,
        seed=0,
        **keywords,
    )


def test_countries_without_a_flag_keep_their_place() -> None:
    seq, table = joined(), facts()
    assert seq.keys.equals(table.index)
    train, test = seq.split(0.8, 0.2)
    train.adapt(progress=False)
    check_sequence(seq, epochs=1)
    lacking = set(seq.filled["flag"])
    assert {"US", "ZW"} <= lacking
    for part in (train, test):
        for index in range(len(part)):
            inputs, _ = part[index]
            present = ~part.batch_keys(index).isin(lacking)
            assert np.array_equal(inputs["flag_present"], present)
            assert (inputs["flag"][~present] == 0.5).all()
            lacks_name = part.batch_keys(index).isin(seq.filled["native"])
            assert (inputs["native"][lacks_name].sum(axis=1) == 1).all()
            assert (inputs["native"][~lacks_name].sum(axis=1) > 1).all()
    pixels = [train.sample(k)[0]["flag"] for k in range(20)]
    assert np.std(pixels) > 0.1


@pytest.mark.backend
def test_a_model_trains_on_what_there_is() -> None:
    keras.utils.set_random_seed(0)
    seq = joined()
    train, test = seq.split(0.8, 0.2)
    train.adapt(progress=False)
    numbers, flag = keras.Input((2,), name="facts"), keras.Input((11, 16, 3), name="flag")
    native = keras.Input((None,), name="native", dtype="int32")
    has_flag, has_native = (keras.Input((1,), name=f"{n}_present") for n in ("flag", "native"))
    seen = layers.Dense(16, "relu")(layers.Flatten()(flag))
    seen = layers.Multiply()([seen, has_flag])
    read = layers.Embedding(400, 8, mask_zero=True)(native)
    read = layers.Multiply()([layers.GlobalAveragePooling1D()(read), has_native])
    merged = layers.concatenate([numbers, seen, read, has_flag, has_native])
    out = layers.Dense(6, "softmax")(merged)
    inputs = [numbers, flag, native, has_flag, has_native]
    model = keras.Model({each.name: each for each in inputs}, out)
    model.compile("adam", "sparse_categorical_crossentropy")
    history = model.fit(train, validation_data=test, epochs=6, verbose=0).history["loss"]
    assert np.isfinite(history).all()
    assert history[-1] < history[0]
    found = test.predictions(model, verbose=0)
    assert found.index.equals(test.keys)
    assert np.isfinite(found.to_numpy()).all()


@pytest.mark.backend
def test_two_regions_in_equal_shares() -> None:
    """Each batch has as many of Oceania as of Africa, of which there are twice as many."""
    keras.utils.set_random_seed(0)
    table, columns, parts, shared = facts(), ["area", "population"], [], None
    for code, region in enumerate(["Oceania", "Africa"]):
        rows = table[table["region"] == region]
        classes = np.full(len(rows), code, "float32")
        part = TableSequence(rows[columns], classes, numeric=columns, transforms=shared)
        shared = part.transforms
        parts.append(part)
    seq = mix(parts, weights=[1, 1], batch_size=8, seed=0)
    train, test = seq.split(0.8, 0.2, stratify=table["region"])
    train.adapt(progress=False)
    assert all(batch[1].sum() == 4 for batch in train if len(batch[1]) == 8)
    x = keras.Input((2,))
    model = keras.Model(x, layers.Dense(1, "sigmoid")(x))
    model.compile(keras.optimizers.Adam(0.05), "binary_crossentropy", metrics=["accuracy"])
    model.fit(train, epochs=20, verbose=0)
    assert model.evaluate(test, verbose=0)[1] > 0.8


def half_labeled(n: int = 160) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Patients' records; two doctors gave an opinion each, or none. And what is true."""
    rng = np.random.default_rng(0)
    truth = pd.DataFrame({"kind": rng.choice(["flu", "cold", "well"], n, p=[0.2, 0.3, 0.5])})
    truth["days"] = truth["kind"].map({"flu": 9.0, "cold": 4.0, "well": 0.0}) + rng.normal(
        0, 0.3, n
    )
    frame = truth.mask(rng.random((n, 2)) < 0.5)
    frame["fever"] = truth["days"] / 3 + rng.normal(0, 0.3, n)
    frame["said"] = "i feel " + truth["kind"].map({"flu": "bad", "cold": "so so", "well": "fine"})
    frame.loc[rng.random(n) < 0.2, ["fever", "said"]] = None
    keys = pd.Index([f"patient {k}" for k in range(n)])
    return frame.set_index(keys), truth.set_index(keys)


@pytest.mark.backend
def test_labels_of_which_half_are_missing() -> None:
    """Each output learns from who has its label, and answers for all."""
    frame, truth = half_labeled()
    whole = join(
        fever=TableSequence(frame, numeric=["fever"]),
        said=TextSequence(
            frame["said"],
            tokenizer=Vocabulary(mask=""),
            max_length=4,
            missing={"inputs": "nothing"},
        ),
        targets={"kind": frame["kind"], "days": frame["days"]},
        missing={"kind": "mask", "days": "mask"},
        transforms={"kind": Labels(), "days": Standardize()},
        class_weight={"kind": "balanced"},
        shuffle=True,
        seed=0,
    )
    train, test = whole.split(0.75, 0.25)
    train.adapt(progress=False)
    fever, said = keras.Input((1,), name="fever"), keras.Input((4,), name="said", dtype="int32")
    learned: Any = train.transforms["said"]
    words = layers.Embedding(len(learned), 4)(said)
    merged = layers.concatenate([fever, layers.Flatten()(words)])
    merged = layers.Dense(16, "relu")(merged)
    outputs = {
        "kind": layers.Dense(len(train.classes["kind"]), "softmax", name="kind")(merged),
        "days": layers.Dense(1, name="days")(merged),
    }
    keras.utils.set_random_seed(0)
    model = keras.Model({"fever": fever, "said": said}, outputs)
    losses = {"kind": "sparse_categorical_crossentropy", "days": "mse"}
    model.compile(keras.optimizers.Adam(0.02), losses)
    report = train.check(model, test=test)
    assert report.ok, report
    history = model.fit(train, validation_data=test, epochs=15, verbose=0).history
    assert np.isfinite(history["val_loss"]).all()
    found = test.predictions(model, targets=True, inverse=True, verbose=0)
    given = frame.loc[test.keys]
    assert found["target_kind"].isna().tolist() == given["kind"].isna().tolist()
    assert found["target_kind"].dropna().tolist() == given["kind"].dropna().tolist()
    assert found["target_days"].dropna().tolist() == given["days"].dropna().tolist()
    assert (found["kind_label"] == truth.loc[test.keys, "kind"]).mean() > 0.8
    assert (found["days"] - truth.loc[test.keys, "days"]).abs().mean() < 1.5
