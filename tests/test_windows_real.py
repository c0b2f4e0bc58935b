"""windows of real series: countries over the years, and recordings of a watch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from backends import keras
from real import gapminder

from multiseq import Standardize
from multiseq.modalities.windows.sequence import WindowSequence

INDICATORS = ["fertility", "life_expectancy", "population"]


def countries(**keywords: Any) -> WindowSequence:
    """Ten years of a country, what follows, and its region."""
    data = gapminder()
    defaults: dict[str, Any] = {
        "length": 10,
        "horizon": 3,
        "features": INDICATORS,
        "targets": "life_expectancy",
        "entity": "country",
        "time": "year",
        "static": pd.get_dummies(data.regions["Group"]),
        "seed": 0,
    }
    known = data.data[data.data["country"].isin(data.regions.index)]
    return WindowSequence(known.dropna(subset=INDICATORS), **defaults | keywords)


def test_windows_of_countries_are_what_the_wide_tables_say() -> None:
    seq, data = countries(keys="time"), gapminder()
    rng = np.random.default_rng(0)
    for position in rng.integers(0, seq.num_samples, 100).tolist():
        country, year = seq.keys[position]
        inputs, targets = seq.sample(position)
        past, ahead = [str(y) for y in range(year - 9, year + 1)], range(year + 1, year + 4)
        for number, name in enumerate(INDICATORS):
            wide = getattr(data, name).loc[country, past].to_numpy("f4")
            assert np.array_equal(inputs["past"][:, number], wide)
        wide = data.life_expectancy.loc[country, [str(y) for y in ahead]]
        assert np.array_equal(targets, wide.to_numpy("f4"))
        regions = sorted(set(data.regions["Group"]))
        assert regions[inputs["static"].argmax()] == data.regions.loc[country, "Group"]
        assert inputs["static"].sum() == 1


def test_every_window_of_complete_years_is_there() -> None:
    seq, data = countries(), gapminder()
    known = data.data[data.data["country"].isin(data.regions.index)].dropna(subset=INDICATORS)
    count = 0
    for _, years in known.groupby("country")["year"]:
        there = set(years)
        count += sum(there.issuperset(range(year, year + 13)) for year in there)
    assert seq.num_samples == count > 5000


@pytest.mark.backend
def test_countries_the_model_has_not_seen() -> None:
    names = {"past": Standardize(), "static": Standardize(), "targets": Standardize()}
    seq = countries(transforms=names, batch_size=128, shuffle=True, stride=4)
    unseen = np.isin(seq.entities, seq.entities.unique()[::4])
    train, test = seq.split(positions=(np.flatnonzero(~unseen), np.flatnonzero(unseen)))
    assert not set(train.entities) & set(test.entities)
    train.adapt(progress=False)
    keras.utils.set_random_seed(0)
    past, static = keras.Input((10, 3), name="past"), keras.Input((6,), name="static")
    hidden = keras.layers.concatenate([keras.layers.Flatten()(past), static])
    model = keras.Model({"past": past, "static": static}, keras.layers.Dense(3)(hidden))
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse")
    model.fit(train, epochs=5, verbose=0)
    # Targets are standardized: 1 is the error of the mean.
    assert model.evaluate(test, verbose=0) < 0.2


def watch() -> tuple[pd.DataFrame, Any]:
    """Recordings of a watch, one below the other, and what belongs to each."""
    data = pytest.importorskip("seglearn.datasets").load_watch()
    frame = pd.concat(
        [
            pd.DataFrame(x, columns=data["X_labels"]).assign(recording=number, sample=range(len(x)))
            for number, x in enumerate(data["X"])
        ],
        ignore_index=True,
    )
    for name in ("y", "side", "subject"):
        frame[name] = np.asarray(data[name])[frame["recording"]].astype(int)
    return frame, data


def test_windows_of_recordings() -> None:
    frame, data = watch()
    seq = WindowSequence(
        frame,
        length=100,
        horizon=0,
        stride=50,
        features=data["X_labels"],
        targets="y",
        entity="recording",
        time="sample",
        static=["side", "subject"],
        batch_size=64,
    )
    assert seq.num_samples == sum((len(x) - 100) // 50 + 1 for x in data["X"])
    starts = seq.windows["start"].to_numpy()
    assert (starts % 50 == 0).all()
    where = zip(seq.entities, starts, strict=True)
    for index in range(len(seq)):
        inputs, targets = seq[index]
        assert targets.shape == (len(seq.batch_keys(index)),)
        for row, target in enumerate(targets):
            recording, start = next(where)
            assert target == data["y"][recording]
            assert inputs["static"][row].tolist() == [
                data["side"][recording],
                data["subject"][recording],
            ]
            window = data["X"][recording][start : start + 100]
            assert np.array_equal(inputs["past"][row], window.astype("f4"))
