"""What `check` leaves alone, what Keras says in its place, and what it does when asked for more."""

from __future__ import annotations

import gc
import random
import re
from typing import Any

import checked_inputs  # noqa: F401  (each notes its pairs)
import checked_metrics  # noqa: F401
import checked_targets  # noqa: F401
import checked_values  # noqa: F401
import numpy as np
import pytest
from backends import BACKEND, keras
from checked import BINARY, BROKEN, CLASSES, IDS, REAL, L, N, X, Z, compiled, dense, looked_up, two
from keras_says import SAYS

from multiseq import ArraySequence, Labels, MultiInputSequence, WeightedSampler, join
from multiseq.errors import ArgumentError

COLUMN = ("tensorflow", "jax", "torch", "tf_keras").index(BACKEND)
# Of those that are the same in any version of Keras.
SILENT = [
    *("swapped", "several_labels_at_once", "minus_one_and_one", "one_and_two", "masks_up_to_255"),
    *("softmax_of_one", "sigmoid_twice", "softmax_twice", "no_sigmoid", "three_targets_one_unit"),
    *("quantities_for_a_sigmoid", "leak", "constant", "weights_of_zero"),
    *("metric_of_rows", "largest_of_one", "weight_of_a_loss_misspelled", "no_softmax_for_shares"),
]
RAISING = ["misspelled", "one_is_missing", "numbers_for_onehot", "one_target_for_two"]


def test_each_broken_pair_stands_beside_what_keras_says() -> None:
    assert set(SAYS) == set(BROKEN)
    assert len(BROKEN) >= 30
    for backend in range(4):
        assert sum(said[backend].startswith("trains") for said in SAYS.values()) > 30


@pytest.mark.backend
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SILENT)
def test_keras_trains_without_a_word(name: str) -> None:
    if not SAYS[name][COLUMN].startswith("trains"):
        pytest.skip(f"{BACKEND} raises {SAYS[name][COLUMN]}")
    seq, model = BROKEN[name][1]()
    model.fit(seq, verbose=0)
    assert not seq.check(model).ok


@pytest.mark.backend
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", RAISING)
def test_keras_raises(name: str) -> None:
    if SAYS[name][COLUMN].startswith("trains"):
        pytest.skip("tf_keras trains")
    seq, model = BROKEN[name][1]()
    with pytest.raises(Exception, match=r"(?s).") as caught:
        model.fit(seq, verbose=0)
    if "Unable to automatically build the model" in str(caught.value):
        return  # As Keras 3.7 has it on JAX, of whatever it meets while it builds.
    assert type(caught.value).__name__ == SAYS[name][COLUMN]


def noisy() -> Any:
    """A model with everything that has a state: dropout, batch statistics, seeds, metrics."""
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [keras.Input((4,)), L.Dense(8), L.BatchNormalization(), L.Dropout(0.5), L.Dense(1)]
    )
    model.compile(optimizer="adam", loss="mse", metrics=["mae"])
    return model


@pytest.mark.backend
@pytest.mark.parametrize("trained", [False, True])
def test_the_model_and_what_follows_are_as_if_nothing_was_checked(trained: bool) -> None:
    histories, weights = [], []
    for checks in (False, True):
        model = noisy()
        seq = ArraySequence(X, REAL, batch_size=16, shuffle=True, seed=1)
        if trained:
            model.fit(seq, verbose=0)
        if checks:
            before = [np.asarray(each) for each in model.get_weights()]
            state, drawn = random.getstate(), seq.epoch
            assert seq.check(model, test=ArraySequence(Z, REAL), overfit=8).ok
            for one, other in zip(before, model.get_weights(), strict=True):
                np.testing.assert_array_equal(one, other)
            assert random.getstate() == state
            assert seq.epoch == drawn
            assert int(np.asarray(model.optimizer.iterations)) == (6 if trained else 0)
        histories.append(model.fit(seq, epochs=2, verbose=0).history)
        weights.append(model.get_weights())
    assert histories[0] == histories[1]
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_model_that_is_not_built_stays_so() -> None:
    model = compiled(keras.Sequential([L.Dense(1)]))
    assert ArraySequence(X, REAL).check(model).ok
    assert not model.built


def test_the_sequence_stays_where_it_is() -> None:
    seq = ArraySequence(X, REAL, batch_size=8, shuffle=True, seed=0, workers=2)
    seq.set_epoch(3)
    keys, batch = seq.batch_keys(1), seq[1]
    with seq:
        assert seq.check(dense()).ok
        assert seq.epoch == 3
        assert seq.batch_keys(1).equals(keys)
        np.testing.assert_array_equal(seq[1][0], batch[0])
    assert seq._live is None


def test_samples_in_both_parts_are_named() -> None:
    test = ArraySequence(
        np.concatenate([X[5:8], Z[:20]]), REAL[:23], keys=[f"t{k}" for k in range(23)]
    )
    report = ArraySequence(X, REAL).check(dense(), test=test)
    (finding,) = report.findings
    assert finding.what.startswith("3 of 23 samples of test are in training too")
    assert "'t0' is 5" in str(finding.got)


def test_what_is_not_trained_on_is_a_sequence() -> None:
    with pytest.raises(ArgumentError, match="test is no sequence"):
        ArraySequence(X, REAL).check(dense(), test=(X, REAL))


def test_keys_of_any_index_are_said_as_they_are() -> None:
    wide = np.random.default_rng(1).normal(size=(60, 12)).astype("float32")
    train, _ = ArraySequence(wide, wide.sum(1), shuffle=True, seed=0).split(0.8, 0.2)
    (finding,) = train.check(dense(inputs=12), test=train).findings
    first, second = train.keys[:2].tolist()
    assert str(finding.got).startswith(f"{first} is {first}; {second} is {second}")


def test_few_different_values_are_no_leak() -> None:
    x = np.random.default_rng(0).integers(0, 3, (400, 2)).astype("float32")
    train, test = ArraySequence(x, x.sum(1), shuffle=True, seed=0).split(0.8, 0.2)
    assert train.check(dense(inputs=2), test=test).ok


def test_augmented_samples_are_compared_as_they_are_stored() -> None:
    wide = np.random.default_rng(1).normal(size=(60, 12)).astype("float32")

    def jitter(sample: Any, rng: np.random.Generator) -> Any:
        x, y = sample
        return x + rng.normal(size=x.shape).astype("float32"), y

    train = ArraySequence(wide, wide.sum(1), augment=jitter)
    report = train.check(dense(inputs=12), test=ArraySequence(wide[:9], wide[:9].sum(1)))
    assert "9 of 9 samples of test are in training too" in str(report)


def test_the_same_inputs_with_two_answers() -> None:
    wide = np.random.default_rng(1).normal(size=(60, 12)).astype("float32")
    wide[40] = wide[2]
    report = ArraySequence(wide, np.arange(60.0)).check(
        dense(inputs=12), test=ArraySequence(wide[50:] + 1, np.arange(10.0))
    )
    assert "2 samples have the inputs of another, and other targets" in str(report)


def test_a_part_that_is_scaled_otherwise() -> None:
    report = ArraySequence(X, REAL).check(dense(), test=ArraySequence(X * 255 + 100, REAL))
    assert "held out are far from those of this one" in str(report)


def test_a_part_that_is_held_out_is_held_against_training() -> None:
    x = X.copy()
    x[60:] = x[60:] * 100 + 500
    train, test = ArraySequence(x, REAL).split(positions=(np.arange(60), np.arange(60, N)))
    assert train.check(dense()).ok
    assert "held out are far from those of training" in str(test.check(dense()))
    del train
    gc.collect()
    assert test.check(dense()).ok


@pytest.mark.parametrize(
    ("names", "tells"), [(("right", "left"), True), (("left", "right"), False), (("x", "y"), False)]
)
def test_names_of_parts_tell_the_order(names: tuple[str, str], tells: bool) -> None:
    left, right = keras.Input((4,), name="left_image"), keras.Input((4,), name="right_image")
    model = keras.Model([left, right], L.Dense(1)(L.Concatenate()([left, right])))
    parts = [ArraySequence(x, name=name) for x, name in zip((X, Z), names, strict=True)]
    report = join(*parts, targets=REAL).check(compiled(model))
    assert report.ok != tells
    assert ("another order than their names say" in str(report)) == tells


def test_a_model_that_cannot_learn() -> None:
    frozen = keras.Sequential([keras.Input((4,)), L.Dense(1, trainable=False)])
    report = ArraySequence(X, REAL).check(compiled(frozen), overfit=16)
    assert "cannot learn 16 samples by heart" in str(report)


@pytest.mark.parametrize(
    "changed",
    [
        lambda seq: seq,
        lambda seq: seq.replace(batch_size=30).shard(1, 3),
        lambda seq: seq.replace(sampler=lambda seed, epoch: np.arange(N)),
        lambda seq: seq.replace(sampler=WeightedSampler(np.ones(N), 40, replacement=False)),
    ],
    ids=["plain", "shard", "function", "sampler"],
)
def test_a_model_that_can(changed: Any) -> None:
    model = keras.Sequential([keras.Input((4,)), L.Dense(32, activation="relu"), L.Dense(1)])
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse")
    report = changed(ArraySequence(X, REAL)).check(model, overfit=16)
    assert report.ok
    assert not report.not_checked


def test_classes_in_a_row_are_not_mixed() -> None:
    y = np.sort(CLASSES)
    model = dense(3, "softmax", "sparse_categorical_crossentropy")
    seq = ArraySequence(X, y, batch_size=8)
    assert "in the order of their classes" in str(seq.check(model))
    assert seq.replace(shuffle=True).check(model).ok
    assert seq.split(0.5, 0.5)[1].check(model).ok


def test_batches_of_one_for_a_batch_normalization() -> None:
    model = noisy()
    assert "batches are of one sample" in str(ArraySequence(X, REAL, batch_size=1).check(model))


def test_what_cannot_be_checked_is_said() -> None:
    class Odd(keras.Model):  # type: ignore[misc]
        def __init__(self, layer: Any) -> None:
            super().__init__()
            self.inner = layer

        def call(self, inputs: Any) -> Any:
            return self.inner(inputs)

    report = ArraySequence(X, REAL).check(compiled(Odd(L.Dense(1))))
    assert report.ok
    assert "not checked: outputs, losses and ids" in str(report)


def test_samples_that_cannot_be_loaded_are_a_finding() -> None:
    class Broken(MultiInputSequence):
        def load_sample(self, index: int) -> Any:
            if index == 40:
                raise OSError("gone")
            return X[index], REAL[index]

    report = Broken(N, batch_size=8).check(dense())
    assert "a batch cannot be loaded: load_sample raised OSError: gone" in str(report)
    assert "validate()" in str(report)


def test_only_a_model_can_be_checked() -> None:
    with pytest.raises(ArgumentError, match="check needs a Keras model"):
        ArraySequence(X).check(L.Dense)


@pytest.mark.parametrize("name", ["ids_too_large", "classes_from_one", "misspelled", "no_sigmoid"])
def test_the_fix_works(name: str) -> None:
    report = BROKEN[name][1]()[0].check(BROKEN[name][1]()[1])
    fix = str(report.findings[0].fix)
    if name == "ids_too_large":
        size = int(re.findall(r"input_dim=(\d+)", fix)[0])
        pair = ArraySequence({"ids": IDS}, REAL), looked_up(size)
    elif name == "classes_from_one":
        assert fix.startswith("number the classes from 0: y - 1")
        y = CLASSES + 1 - 1
        pair = ArraySequence(X, y), dense(3, "softmax", "sparse_categorical_crossentropy")
    elif name == "misspelled":
        assert "call it 'b' in the data, where it is 'bb'" in fix
        pair = ArraySequence({"a": X, "b": Z}, REAL), two()
    else:
        assert "activation='sigmoid'" in fix
        pair = ArraySequence(X, BINARY), dense(1, "sigmoid", "binary_crossentropy")
    assert pair[0].check(pair[1]).ok


SPARSE: Any = keras.losses.SparseCategoricalCrossentropy
FIXES = {
    "several labels": (
        dense(3, "softmax", SPARSE()),
        (np.arange(N)[:, None] % 4 > np.arange(3)).astype("float32"),
        "of several labels at once: activation='sigmoid' and loss='binary_crossentropy'",
        dense(3, "sigmoid", "binary_crossentropy"),
    ),
    "shares": (
        dense(3, "softmax", SPARSE()),
        np.eye(3)[CLASSES] * 0.8 + 0.2 / 3,
        "of shares of classes: loss='categorical_crossentropy'",
        dense(3, "softmax", "categorical_crossentropy"),
    ),
    "classes and mse": (
        dense(3, "softmax", "mse"),
        CLASSES,
        "of numbers of classes: loss='sparse_categorical_crossentropy'",
        dense(3, "softmax", SPARSE()),
    ),
    "no label is -1": (
        dense(3, "softmax", SPARSE()),
        np.where(np.arange(N) % 5, CLASSES, -1),
        "if -1 stands for no label: SparseCategoricalCrossentropy(ignore_class=-1)",
        dense(3, "softmax", SPARSE(ignore_class=-1)),
    ),
    "no label is 255": (
        dense(3, "softmax", SPARSE()),
        np.where(np.arange(N) % 5, CLASSES, 255),
        "if 255 stands for no label: SparseCategoricalCrossentropy(ignore_class=255)",
        dense(3, "softmax", SPARSE(ignore_class=255)),
    ),
}


@pytest.mark.parametrize("name", FIXES)
def test_the_form_that_is_advised_passes(name: str) -> None:
    broken, y, fix, mended = FIXES[name]
    (finding,) = ArraySequence(X, y).check(broken).findings
    assert fix in str(finding.fix)
    assert ArraySequence(X, y).check(mended).ok


@pytest.mark.parametrize("number", [-1, 255, -7])
def test_the_units_that_are_advised_pass(number: int) -> None:
    y = np.where(np.arange(N) % 5, CLASSES, number)
    (finding,) = ArraySequence(X, y).check(dense(3, "softmax", SPARSE())).findings
    assert str(finding.fix).endswith("Labels() as a transform of targets, and 4 units")
    seq = ArraySequence(X, y, transforms={"targets": Labels()})
    seq.adapt(progress=False)
    assert seq.check(dense(4, "softmax", SPARSE())).ok
