"""Flags, names and facts of countries, from two packages: joined by key, end to end."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from backends import keras
from PIL import Image
from real import countries, flags, folder_of

from multiseq import (
    FileSequence,
    ImageSequence,
    JoinedSequence,
    TableSequence,
    TextSequence,
    join,
)

layers = keras.layers
LENGTH = 40


def triples(text: str) -> list[str]:
    text = f" {text.lower()} "
    return [text[start : start + 3] for start in range(len(text) - 2)]


def joined() -> tuple[JoinedSequence, pd.DataFrame]:
    facts = countries()
    numbers = pd.DataFrame(
        {
            "area": np.log1p(facts["area"].astype(float)),
            "population": np.log1p(facts["population"].astype(float)),
            "neighbours": facts["borders"].str.len(),
            "languages": facts["languages"].str.len(),
        }
    )
    regions = sorted(facts["region"].unique())
    seq = join(
        flag=ImageSequence(flags(), size=(11, 16)),
        names=TextSequence(
            facts["name"] + " " + facts["nativeName"].fillna(""),
            tokenizer=triples,
            max_length=LENGTH,
        ),
        # In another order, which is not to matter.
        facts=TableSequence(numbers.sort_index(), numeric=list(numbers)),
        targets=facts["region"].map(regions.index).sort_values(),
        how="inner",
        shuffle=True,
        seed=0,
    )
    return seq, facts


def test_every_country_has_its_own_flag_name_facts_and_region() -> None:
    seq, facts = joined()
    assert seq.num_samples > 240
    seq.adapt(progress=False)
    vocabulary = seq.parts[1].transforms["inputs"]
    area = np.log1p(facts["area"].loc[seq.keys].astype(float))
    scaled = ((area - area.mean()) / area.std(ddof=0)).fillna(0)
    regions = sorted(facts["region"].unique())
    files = flags()
    seen = []
    for index in range(len(seq)):
        inputs, targets = seq[index]
        for row, key in enumerate(seq.batch_keys(index)):
            fact = facts.loc[key]
            with Image.open(files[key]) as image:
                pixels = np.asarray(image.convert("RGB"))
            if pixels.shape == (11, 16, 3):  # Two are of another size.
                assert np.allclose(inputs["flag"][row], pixels / 255, atol=1e-6)
            native = fact["nativeName"] if isinstance(fact["nativeName"], str) else ""
            ids = vocabulary.transform(triples(f"{fact['name']} {native}")[:LENGTH])
            assert np.array_equal(inputs["names"][row, : len(ids)], ids)
            assert not inputs["names"][row, len(ids) :].any()
            assert inputs["facts"][row, 0] == pytest.approx(scaled[key], abs=1e-4)
            assert regions[targets[row]] == fact["region"]
            seen.append(key)
    assert sorted(seen) == sorted(seq.keys)


def test_files_that_are_named_otherwise_are_looked_up() -> None:
    facts = countries()
    known = facts[facts["capital_latlng"].str.len() == 2]
    folder = folder_of("countryinfo") / "data"
    places = FileSequence(folder, {"capital": "{key}.json:capital_latlng"}, keys=known["file"])
    seq = join(
        places.lookup(known["file"]), flag=ImageSequence(flags(), size=(11, 16)), how="inner"
    )
    assert seq.num_samples > 230
    for position in range(0, seq.num_samples, 7):
        key = seq.keys[position]
        stored = json.loads((folder / f"{facts['file'][key]}.json").read_text("utf-8"))
        assert stored["ISO"]["alpha2"] == key
        inputs = seq.sample(position)[0]
        assert np.allclose(inputs["capital"], stored["capital_latlng"])
        assert inputs["flag"].shape == (11, 16, 3)


def model_of(inputs: list[str], num_triples: int) -> Any:
    flag = keras.Input((11, 16, 3), name="flag")
    names = keras.Input((LENGTH,), name="names", dtype="int32")
    facts = keras.Input((4,), name="facts")
    votes = []
    if "flag" in inputs:
        x = layers.Conv2D(32, 3, padding="same", activation="relu")(flag)
        x = layers.concatenate([layers.GlobalMaxPooling2D()(x), layers.GlobalAveragePooling2D()(x)])
        votes.append(layers.Dense(5)(layers.Dropout(0.3)(x)))
    if "names" in inputs:
        x = layers.GlobalAveragePooling1D()(layers.Embedding(num_triples, 32)(names))
        votes.append(layers.Dense(5)(layers.Dropout(0.3)(x)))
    if "facts" in inputs:
        votes.append(layers.Dense(5)(layers.Dense(32, activation="relu")(facts)))
    total = layers.add(votes) if len(votes) > 1 else votes[0]
    model = keras.Model({"flag": flag, "names": names, "facts": facts}, layers.Softmax()(total))
    model.compile(
        optimizer=keras.optimizers.Adam(5e-3),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


@pytest.mark.backend
def test_flag_name_and_facts_together_beat_each_alone() -> None:
    seq, facts = joined()
    right: dict[str, list[float]] = {}
    for half in seq.split(0.5, 0.5, stratify=facts["region"].loc[seq.keys]):
        rest, held_out = np.flatnonzero(~seq.keys.isin(half.keys)), seq.keys.get_indexer(half.keys)
        train, test = seq.split(positions=(rest, held_out))
        train.adapt(progress=False)
        triples: Any = train.transforms["names"]
        for inputs in (["flag"], ["names"], ["facts"], ["flag", "names", "facts"]):
            keras.utils.set_random_seed(0)
            model = model_of(inputs, len(triples))
            model.fit(train, epochs=30, verbose=0)
            right.setdefault("+".join(inputs), []).append(model.evaluate(test, verbose=0)[1])
    together = np.mean(right.pop("flag+names+facts"))
    for title, values in right.items():
        assert together > np.mean(values) + 0.02, title
