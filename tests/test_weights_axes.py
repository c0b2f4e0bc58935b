"""The axes of sample weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from backends import keras

from multiseq import (
    ArraySequence,
)

# Keras aligns weights with the last axes of the loss, and not from the batch on


@pytest.mark.parametrize(
    ("shape", "own", "found"),
    [
        ((4, 3), (4,), (4,)),
        ((4, 1), (4,), (4,)),
        ((4, 3, 2), (4,), (4, 1, 1)),
        ((4, 3, 2), (4, 3), (4, 3)),
        ((4, 3, 2, 5), (4, 3), (4, 3, 1, 1)),
    ],
)
def test_weights_of_samples_get_the_axes_of_the_loss(shape: Any, own: Any, found: Any) -> None:
    weights = np.arange(float(np.prod(own))).reshape(own)
    classes = (*own, *[1] * (len(shape) - len(own))) if shape[-1] > 1 else found
    for dtype, wanted in (("f4", found), ("i4", classes)):
        seq = ArraySequence(np.zeros(4), np.ones(shape, dtype), weights)
        assert seq[0][2].shape == wanted
        assert seq[0][2].ravel().tolist() == weights.ravel().tolist()
    several = ArraySequence(np.zeros(4), {"p": np.ones(shape), "q": np.zeros(4)}, {"p": weights})
    assert several[0][2]["p"].shape == found
    two = ArraySequence(np.zeros(4), (np.ones(shape), np.zeros(4)), (weights, np.ones(4)))
    assert [each.shape for each in two[0][2]] == [found, (4,)]


@pytest.mark.backend
@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 2), (4, 5, 4), (4, 5, 4, 2)])
@pytest.mark.parametrize("sparse", [False, True])
def test_the_loss_of_steps_that_are_as_many_as_samples(shape: Any, sparse: bool) -> None:
    rng, own = np.random.default_rng(0), np.array([1, 10, 100, 1000], "f4")
    targets = rng.integers(0, 3, shape) if sparse else rng.random(shape).astype("f4")
    x = rng.random((*(shape if sparse else shape[:-1]), 3)).astype("f4")
    seq = ArraySequence(x, targets, own, batch_size=4)
    inputs = keras.Input(x.shape[1:])
    units, activation = (3, "softmax") if sparse else (shape[-1], None)
    model = keras.Model(inputs, keras.layers.Dense(units, activation=activation)(inputs))
    loss = "sparse_categorical_crossentropy" if sparse else "mse"
    model.compile(keras.optimizers.SGD(0.0), loss, weighted_metrics=["acc" if sparse else "mse"])
    predicted = np.asarray(model.predict(x, verbose=0))
    if sparse:
        losses = -np.log(np.take_along_axis(predicted, targets[..., None], -1)[..., 0])
    else:
        losses = ((targets - predicted) ** 2).mean(-1)
    wanted = np.mean(losses * own.reshape(-1, *[1] * (losses.ndim - 1)))
    assert model.evaluate(seq, verbose=0)[0] == pytest.approx(wanted, rel=1e-3)
