"""`seq.profile(model)`: the model stays as it was, and what limits it is named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from backends import BACKEND, keras
from planted import QUICK, Light, Sleepy

from multiseq.runs.variables import saved


def compiled(units: int = 1) -> Any:
    inputs = keras.Input((3,))
    hidden = keras.layers.Dropout(0.5)(keras.layers.Dense(units)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(1)(hidden))
    model.compile("adam", "mse", metrics=["mae"])
    return model


@pytest.mark.backend
def test_a_model_stays_as_it_was_to_the_bit_and_slow_data_are_named() -> None:
    keras.utils.set_random_seed(0)
    model, sequence = compiled(), Sleepy()
    model.fit(sequence, verbose=0)
    history = model.history
    before = saved(model)
    report = sequence.profile(model, seconds=QUICK)
    for old, new in zip(before, saved(model), strict=True):
        np.testing.assert_array_equal(old, new)
    assert model.history is history
    assert report.lines[0].stage == "load_sample"
    assert report.advice.bottleneck == "your load_sample"
    assert report.limit is not None
    assert report.wait is not None
    assert report.wait > 0


@pytest.mark.backend
def test_a_model_that_never_trained_trains_as_if_it_had_not_been_measured() -> None:
    found = []
    for measures in (False, True):
        keras.utils.set_random_seed(0)
        model, sequence = compiled(), Light(seed=0)
        if measures:
            sequence.profile(model, seconds=QUICK)
        model.fit(sequence, verbose=0, shuffle=False)
        found.append(saved(model))
    for old, new in zip(*found, strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.backend
def test_what_an_epoch_costs_keras_is_no_fault_of_the_data() -> None:
    said = []
    for _ in range(3):  # A machine that does else may take long for a batch.
        report = Light(8).profile(compiled(), seconds=QUICK)
        assert report.advice.bottleneck == "the model", str(report)
        said.append("between epochs, of which one has 2 batches" in report.bottleneck)
        if said[-1]:
            break
    assert any(said) or BACKEND == "torch"  # Takes hardly more for an epoch than for a batch.
    assert report.advice.change is None
    assert report.limit is not None
    assert report.limit < report.serial / 4


@pytest.mark.backend
def test_a_slow_model_is_the_limit() -> None:
    inputs = keras.Input((3,))
    x = keras.layers.Dense(1500)(inputs)
    for _ in range(2):
        x = keras.layers.Dense(1500)(x)
    model = keras.Model(inputs, keras.layers.Dense(1)(x))
    model.compile("sgd", "mse")
    report = Light(4096, batch_size=64).profile(model, seconds=QUICK)
    assert report.advice.bottleneck == "the model", str(report)
    assert report.advice.change is None
