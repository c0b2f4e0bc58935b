"""Recordings of a smartwatch: windows and the side of the arm, split by subject, end to end."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from backends import keras
from real import folder_of

from multiseq import Standardize, WindowSequence

layers = keras.layers
LENGTH = 100


def windows(**keywords: Any) -> tuple[WindowSequence, Any]:
    folder_of("seglearn")
    from seglearn.datasets import load_watch

    watch = load_watch()
    frame = pd.concat(
        [
            pd.DataFrame(recording, columns=watch["X_labels"]).assign(
                subject=int(watch["subject"][number]),
                recording=number,
                tick=np.arange(len(recording)),
                side=2 * watch["side"][number] - 1,
                exercise=int(watch["y"][number]),
            )
            for number, recording in enumerate(watch["X"])
        ],
        ignore_index=True,
    )
    defaults: dict[str, Any] = {
        "length": LENGTH,
        "horizon": 0,
        "stride": LENGTH,
        "features": watch["X_labels"],
        "targets": "exercise",
        "entity": ["subject", "recording"],
        "time": "tick",
        "static": ["side"],
        "batch_size": 64,
        "shuffle": True,
        "seed": 0,
    }
    return WindowSequence(frame, **defaults | keywords), watch


def test_each_window_has_its_own_side_and_exercise_and_no_person_is_on_both_sides() -> None:
    seq, watch = windows()
    parts = seq.split(0.6, 0.4, groups=seq.entities.get_level_values("subject"))
    people = [set(part.entities.get_level_values("subject")) for part in parts]
    assert sorted(people[0] | people[1]) == list(range(1, 11))
    assert not people[0] & people[1]
    for part in parts:
        where = part.windows
        for index in range(len(part)):
            inputs, targets = part[index]
            for row, key in enumerate(part.batch_keys(index)):
                recording, start = where.loc[key, ["recording", "start"]]
                assert watch["subject"][recording] == where.loc[key, "subject"]
                assert inputs["static"][row].tolist() == [2 * watch["side"][recording] - 1]
                assert targets[row] == watch["y"][recording]
                readings = watch["X"][recording][start : start + LENGTH]
                assert np.array_equal(inputs["past"][row], readings.astype("f4"))


def model_of(inputs: list[str]) -> Any:
    past = keras.Input((LENGTH, 6), name="past")
    side = keras.Input((1,), name="static")
    x, parts = past, []
    if "past" in inputs:
        if "static" in inputs:
            turned = layers.multiply([x, layers.Reshape((1, 6))(layers.Dense(6)(side))])
            x = layers.concatenate([x, turned])
        x = layers.Conv1D(24, 7, strides=2, activation="relu")(x)
        x = layers.Conv1D(32, 5, strides=2, activation="relu")(x)
        parts.append(layers.GlobalAveragePooling1D()(x))
    if "static" in inputs:
        parts.append(side)
    x = layers.concatenate(parts) if len(parts) > 1 else parts[0]
    x = layers.Dense(48, activation="relu")(x)
    model = keras.Model({"past": past, "static": side}, layers.Dense(7, activation="softmax")(x))
    model.compile(
        optimizer=keras.optimizers.Adam(3e-3),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


@pytest.mark.backend
def test_exercises_of_people_the_model_has_not_met() -> None:
    """Both inputs beat the side, which is chance, and are no worse than windows alone.

    That they are better is not claimed: gravity tells the side as well.
    """
    seq, _ = windows(transforms={"past": Standardize()})
    right: dict[str, list[float]] = {}
    for train, test in seq.folds(2, groups=seq.entities.get_level_values("subject")):
        train.adapt(progress=False)
        for inputs in (["static"], ["past"], ["past", "static"]):
            keras.utils.set_random_seed(0)
            model = model_of(inputs)
            model.fit(train, epochs=6, verbose=0)
            right.setdefault("+".join(inputs), []).append(model.evaluate(test, verbose=0)[1])
    accuracy = {title: np.mean(values) for title, values in right.items()}
    assert accuracy["static"] < 0.2
    assert accuracy["past+static"] > 0.6
    assert accuracy["past+static"] > accuracy["past"] - 0.05
