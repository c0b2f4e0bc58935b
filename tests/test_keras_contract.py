"""The real `fit`, `evaluate` and `predict`: what a batch is, and what Keras makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from backends import (
    VALIDATION,
    Codes,
    Lengths,
    Numbered,
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
W = 2 + rng.random(N, np.float32)
CLASS_WEIGHT = {0: 2.5, 2: 3.0}  # Class 1 is left out: 1.
BY_CLASS = np.array([CLASS_WEIGHT.get(int(q), 1.0) for q in Q])


class TwoOutputs(MultiInputSequence):
    """Outputs p (a number) and q (a class), weights for those that are named."""

    def __init__(self, weighted: Sequence[str] = (), **keywords: Any) -> None:
        super().__init__(N, batch_size=5, **keywords)
        self.weighted = weighted

    def load_sample(self, index: int) -> Any:
        inputs, targets = {"x": X[index]}, {"p": P[index], "q": Q[index]}
        weights = dict.fromkeys(self.weighted, W[index])
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
    predicted = model.predict({"x": X}, verbose=0)
    p, q = np.asarray(predicted["p"])[:, 0], np.asarray(predicted["q"])
    return (p - P) ** 2, -np.log(q[np.arange(N), Q])


@pytest.mark.parametrize("weighted", [("p",), ("q",), ("p", "q")])
def test_outputs_without_weights_weigh_1(two_outputs: Any, weighted: tuple[str, ...]) -> None:
    p, q = losses_by_hand(two_outputs)
    one = np.ones(N)
    expected = np.mean(p * (W if "p" in weighted else one))
    expected += np.mean(q * (W if "q" in weighted else one))
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
}


@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
def test_a_variable_axis_trains_whatever_the_first_batches_are(
    ragged: Probe, lengths: list[int]
) -> None:
    seq = Lengths(lengths, first=1, batch_size=4)
    assert ragged.fit(seq, epochs=2, shuffle=False) == flat(seq, 0, 0)
    assert ragged.evaluate(seq) == ragged.predict(seq) == flat(seq, 0)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_variable_axis_shuffled(ragged: Probe, workers: int) -> None:
    lengths = [1 + i * 5 % 7 for i in range(21)]
    seq = Lengths(lengths, first=1, batch_size=4, shuffle=True, seed=1, workers=workers)
    rows = ragged.fit(seq, epochs=2)
    assert whole_batches(rows[:21], seq, 0)
    assert whole_batches(rows[21:], seq, 1)


def test_a_variable_axis_with_drop_last(ragged: Probe) -> None:
    seq = Lengths([2] * 8 + [6] * 3, first=1, batch_size=4, drop_last=True)
    assert ragged.fit(seq, epochs=2, shuffle=False) == [*range(1, 9)] * 2


def test_a_variable_axis_in_validation(ragged: Probe) -> None:
    seq = Lengths([3] * 10, first=1, batch_size=4)
    validation = Lengths([2] * 8 + [7], first=VALIDATION, batch_size=4)
    rows = ragged.fit(seq, epochs=2, shuffle=False, validation_data=validation)
    assert rows == 2 * (flat(seq, 0) + flat(validation, 0))


def test_a_variable_axis_of_several_inputs_in_several_places() -> None:
    class Several(MultiInputSequence):
        spec_ = Spec((None, 2), "float32"), Spec((2, None, None), "int32")

        def load_sample(self, index: int) -> Any:
            u = np.full((1 + index // 8, 2), index + 1)
            v = np.full((2, 2, 3 if index < 8 else 1), index + 1)
            return (u, v), np.float32(index + 1)

    u, v = keras.Input((None, 2)), keras.Input((2, None, None), dtype="int32")
    seq = Several(13, batch_size=4, spec=(Several.spec_,))
    probe = Probe(keras.Model((u, v), Codes()([u, v])), 2)
    assert probe.fit(seq, epochs=2, shuffle=False) == 2 * [*range(1, 14)]


# What goes wrong.


class Broken(Numbered):
    """Sample 13 cannot be loaded."""

    def load_sample(self, index: int) -> Any:
        if index == 13:
            raise OSError("the disk is gone")
        return super().load_sample(index)


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_in_mid_fit_says_where(workers: int) -> None:
    with Broken(24, batch_size=4, workers=workers) as seq:
        with pytest.raises(Exception, match="the disk is gone") as caught:
            Probe.for_form("dict").fit(seq, shuffle=False)
        assert "Broken, key 13, position 13" in str(caught.value)
        # And what is whole can be trained on.
        whole = seq.subset(np.arange(24) != 13)
        rows = Probe.for_form("dict").fit(whole, shuffle=False)
    assert rows == [i for i in range(24) if i != 13]


def test_float64_arrives_as_keras_floatx() -> None:
    seq = ArraySequence(X.astype(np.float64), P.astype(np.float64), batch_size=5)
    inputs, targets = seq[0]
    assert inputs.dtype == targets.dtype == keras.backend.floatx()
    x = keras.Input((3,))
    model = keras.Model(x, keras.layers.Dense(1)(x))
    model.compile("sgd", "mse")
    assert np.isfinite(model.fit(seq, verbose=0).history["loss"]).all()
