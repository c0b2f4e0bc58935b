"""Life expectancy of countries: windows and the region, twenty years ahead, end to end."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from backends import keras
from real import gapminder

from multiseq import Standardize, WindowSequence

layers = keras.layers
PAST, AHEAD, REGIONS = 5, 20, 6


def windows(**keywords: Any) -> tuple[WindowSequence, Any]:
    data = gapminder()
    regions = data.regions["Group"]
    table = data.data.dropna(subset="life_expectancy")
    defaults: dict[str, Any] = {
        "length": PAST,
        "horizon": AHEAD,
        "features": "life_expectancy",
        "targets": "life_expectancy",
        "entity": "country",
        "time": "year",
        "static": pd.get_dummies(regions),
        "keys": "time",
        "batch_size": 128,
        "shuffle": True,
        "seed": 0,
    }
    seq = WindowSequence(table[table["country"].isin(regions.index)], **defaults | keywords)
    return seq, data


def test_each_window_is_of_one_country_its_years_and_its_region() -> None:
    seq, data = windows()
    assert seq.num_samples > 5000
    wide, regions = data.life_expectancy, sorted(set(data.regions["Group"]))
    for index in range(0, len(seq), 5):
        inputs, targets = seq[index]
        for row, (country, year) in enumerate(seq.batch_keys(index)):
            years = [str(each) for each in range(year - PAST + 1, year + AHEAD + 1)]
            series = wide.loc[country, years].to_numpy("f4")
            assert np.array_equal(inputs["past"][row, :, 0], series[:PAST])
            assert np.array_equal(targets[row], series[PAST:])
            assert inputs["static"][row].sum() == 1
            assert regions[inputs["static"][row].argmax()] == data.regions.loc[country, "Group"]


def test_no_window_of_a_split_by_time_reaches_across() -> None:
    seq, _ = windows(horizon=5)
    before, after = seq.split(1990, by_time=True)
    assert before.windows["until"].max() == 1989
    assert after.windows["start"].min() == 1990
    across = seq.windows
    across = across[(across["start"] < 1990) & (across["until"] >= 1990)]
    assert before.num_samples + after.num_samples + len(across) == seq.num_samples


def model_of(inputs: list[str]) -> Any:
    past, region = keras.Input((PAST, 1), name="past"), keras.Input((REGIONS,), name="static")
    parts = []
    if "past" in inputs:
        parts.append(layers.Flatten()(past))
    if "static" in inputs:
        parts.append(region)
    x = layers.concatenate(parts) if len(parts) > 1 else parts[0]
    x = layers.concatenate([x, layers.Dense(16, activation="relu")(x)])
    x = layers.Rescaling(10.0, offset=65.0)(layers.Dense(AHEAD)(x))
    model = keras.Model({"past": past, "static": region}, x)
    model.compile(optimizer=keras.optimizers.Adam(5e-3), loss="mse", metrics=["mae"])
    return model


@pytest.mark.backend
def test_past_and_region_together_beat_each_alone_in_countries_not_seen() -> None:
    seq, _ = windows(transforms={"past": Standardize()})
    errors: dict[str, list[float]] = {}
    for train, test in seq.folds(2, groups=seq.entities):
        train.adapt(progress=False)
        for inputs in (["past"], ["static"], ["past", "static"]):
            keras.utils.set_random_seed(0)
            model = model_of(inputs)
            model.fit(train, epochs=8, verbose=0)
            errors.setdefault("+".join(inputs), []).append(model.evaluate(test, verbose=0)[1])
    together = np.mean(errors.pop("past+static"))
    for title, values in errors.items():
        assert together < 0.97 * np.mean(values), title
