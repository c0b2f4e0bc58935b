"""The real `fit`, `evaluate` and `predict`: what a batch is, and what Keras makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from backends import (
    BACKEND,
    VALIDATION,
    Lengths,
    Probe,
    flat,
    keras,
    whole_batches,
)

from multiseq import ArraySequence, MultiInputSequence, Spec

pytestmark = pytest.mark.backend

N = 22
rng = np.random.default_rng(0)
X = rng.random((N, 3), np.float32)
P = rng.random(N, np.float32)
Q = rng.integers(0, 3, N)
W = rng.random(N, np.float32) + np.float32(0.5)
CLASS_WEIGHT = {0: 0.5, 2: 3.0}  # Class 1 is left out: 1.
BY_CLASS = np.array([CLASS_WEIGHT.get(int(q), 1.0) for q in Q])


class TwoOutputs(MultiInputSequence):
    """Outputs p (a number) and q (a class), weights for those that are named."""

    def __init__(self, weighted: Sequence[str] = (), **keywords: Any) -> None:
        super().__init__(N, batch_size=5, **keywords)
        self.weighted = weighted

    def load_sample(self, index: int) -> Any:
        inputs, targets = {"x": X[index]}, {"p": P[index], "q": Q[index]}
        weights = {name: W[index] for name in self.weighted}
        return (inputs, targets, weights) if weights else (inputs, targets)


@pytest.fixture(scope="module")
def two_outputs() -> Any:
    x = keras.Input((3,), name="x")
    p = keras.layers.Dense(1, name="p")(x)
    q = keras.layers.Dense(3, activation="softmax", name="q")(x)
    model = keras.Model({"x": x}, {"p": p, "q": q})
    losses = {"p": "mse", "q": "sparse_categorical_crossentropy"}
    model.compile(keras.optimizers.SGD(0.0), loss=losses)
    return model


def losses_by_hand(model: Any) -> tuple[Any, Any]:
    """The losses of each sample's two outputs."""
    predicted = model.predict(X, verbose=0)
    p, q = np.asarray(predicted["p"])[:, 0], np.asarray(predicted["q"])
    return (p - P) ** 2, -np.log(q[np.arange(N), Q])


@pytest.mark.parametrize("weighted", [("p",), ("q",), ("p", "q")])
def test_outputs_without_weights_weigh_1(two_outputs: Any, weighted: tuple[str, ...]) -> None:
    p, q = losses_by_hand(two_outputs)
    expected = np.mean(p * (W if "p" in weighted else 1)) + np.mean(q * (W if "q" in weighted else 1))
    seq = TwoOutputs(weighted)
    fitted = two_outputs.fit(seq, verbose=0).history["loss"][0]
    evaluated = two_outputs.evaluate(seq, verbose=0, return_dict=True)["loss"]
    assert [fitted, evaluated] == pytest.approx([expected] * 2, rel=1e-4)
    assert expected != pytest.approx(np.mean(p) + np.mean(q), rel=1e-2)


def test_no_weights_at_all(two_outputs: Any) -> None:
    p, q = losses_by_hand(two_outputs)
    loss = two_outputs.fit(TwoOutputs(), verbose=0).history["loss"][0]
    assert loss == pytest.approx(np.mean(p) + np.mean(q), rel=1e-4)


def test_class_weights_of_one_of_several_outputs(two_outputs: Any) -> None:
    p, q = losses_by_hand(two_outputs)
    seq = TwoOutputs(class_weight={"q": CLASS_WEIGHT})
    loss = two_outputs.fit(seq, verbose=0).history["loss"][0]
    assert loss == pytest.approx(np.mean(p) + np.mean(q * BY_CLASS), rel=1e-4)


def test_class_weights_times_sample_weights(two_outputs: Any) -> None:
    p, q = losses_by_hand(two_outputs)
    seq = TwoOutputs(("p", "q"), class_weight={"q": CLASS_WEIGHT})
    loss = two_outputs.fit(seq, verbose=0).history["loss"][0]
    assert loss == pytest.approx(np.mean(p * W) + np.mean(q * W * BY_CLASS), rel=1e-4)


def test_validation_is_weighted_too(two_outputs: Any) -> None:
    p, q = losses_by_hand(two_outputs)
    history = two_outputs.fit(TwoOutputs(), validation_data=TwoOutputs(("p",)), verbose=0).history
    assert history["val_loss"][0] == pytest.approx(np.mean(p * W) + np.mean(q), rel=1e-4)


@pytest.mark.parametrize("one_hot", [False, True])
def test_class_weights_of_a_single_output(one_hot: bool) -> None:
    x = keras.Input((3,))
    model = keras.Model(x, keras.layers.Dense(3, activation="softmax")(x))
    loss = "categorical_crossentropy" if one_hot else "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.SGD(0.0), loss=loss)
    predicted = np.asarray(model.predict(X, verbose=0))
    expected = np.mean(-np.log(predicted[np.arange(N), Q]) * BY_CLASS)
    targets = np.eye(3, dtype=np.float32)[Q] if one_hot else Q
    seq = ArraySequence(X, targets, batch_size=5, class_weight=CLASS_WEIGHT)
    assert model.fit(seq, verbose=0).history["loss"][0] == pytest.approx(expected, rel=1e-4)


def test_sample_weights_of_a_single_output() -> None:
    x = keras.Input((3,))
    model = keras.Model(x, keras.layers.Dense(1)(x))
    model.compile(keras.optimizers.SGD(0.0), loss="mse")
    predicted = np.asarray(model.predict(X, verbose=0))[:, 0]
    loss = model.fit(ArraySequence(X, P, W, batch_size=5), verbose=0).history["loss"][0]
    assert loss == pytest.approx(np.mean((predicted - P) ** 2 * W), rel=1e-4)


def test_outputs_as_a_tuple() -> None:
    x = keras.Input((3,))
    model = keras.Model(x, (keras.layers.Dense(1)(x), keras.layers.Dense(1)(x)))
    model.compile(keras.optimizers.SGD(0.0), loss=["mse", "mse"])
    first, second = (np.asarray(part)[:, 0] for part in model.predict(X, verbose=0))
    seq = ArraySequence(X, (P, W), batch_size=5)
    expected = np.mean((first - P) ** 2) + np.mean((second - W) ** 2)
    assert model.fit(seq, verbose=0).history["loss"][0] == pytest.approx(expected, rel=1e-4)


# Axes of varying length.


@pytest.fixture(scope="module")
def ragged() -> Probe:
    return Probe.for_lengths()


LENGTHS = {
    "equal in the first two batches": [3] * 8 + [5] * 4 + [2] * 3,
    "equal in all": [4] * 14,
    "longest first": [9] * 4 + [2] * 9,
    "one batch": [1, 4, 2],
    "one batch of equal lengths": [2, 2],
    "one sample": [3],
    "length 0 among others": [0, 0, 0, 0, 2, 0, 3, 1],
}


@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
def test_a_variable_axis_trains_whatever_the_first_batches_are(
    ragged: Probe, lengths: list[int]
) -> None:
    seq = Lengths(lengths, first=1, batch_size=4)
    if 0 in lengths:
        expected = [1 + i for i, length in enumerate(lengths) if length]
        assert [code for code in ragged_codes(seq) if code] == expected
    else:
        assert ragged.fit(seq, epochs=2, shuffle=False) == flat(seq, 0, 0)
        assert ragged.evaluate(seq) == ragged.predict(seq) == flat(seq, 0)


def ragged_codes(seq: MultiInputSequence) -> list[int]:
    return [int(code) for i in range(len(seq)) for code in seq[i][0]["t"].max(1)]
