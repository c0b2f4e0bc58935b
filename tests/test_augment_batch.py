"""What is done to whole batches: the same whoever loads, and off where nothing is augmented."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from coded import Coded, Ragged, Weighted, frozen_epoch
from keyed import part

from multiseq import ArraySequence, MultiInputSequence, join
from multiseq.errors import ArgumentError, LoadError, SpecError
from multiseq.testing import check_sequence

IMAGES = np.random.default_rng(0).random((20, 4, 4, 1), np.float32)
LABELS = np.arange(20) % 3


def mixup(batch: Any, rng: np.random.Generator) -> Any:
    images, labels = batch
    share, other = rng.beta(0.4, 0.4), rng.permutation(len(images))
    labels = np.eye(3, dtype="float32")[labels]
    return tuple(share * each + (1 - share) * each[other] for each in (images, labels))


def cutmix(batch: Any, rng: np.random.Generator) -> Any:
    """Writes into the batch that it is given."""
    images, labels = batch
    (y, x), other = rng.integers(0, 3, 2), rng.permutation(len(images))
    images[:, y : y + 2, x : x + 2] = images[other, y : y + 2, x : x + 2]
    one_hot = np.eye(3, dtype="float32")[labels]
    return images, 0.75 * one_hot + 0.25 * one_hot[other]


class Own(Coded):
    """By a method, with the numbers that were drawn in a leaf of their own."""

    def augment_batch(self, batch: Any, rng: np.random.Generator) -> Any:
        inputs, targets = batch
        drawn = np.full(len(targets), rng.random(), np.float32)
        return inputs | {"drawn": drawn}, targets.astype(np.float32)


def images(**keywords: Any) -> Any:
    how: dict[str, Any] = {"batch_size": 8, "shuffle": True, "seed": 1, "augment_batch": mixup}
    return ArraySequence(IMAGES, LABELS, **how | keywords)


@pytest.mark.parametrize("function", [mixup, cutmix])
def test_batches_are_those_that_are_blended_by_hand(function: Any) -> None:
    seq = images(augment_batch=function)
    plain = seq.replace(augment_batch=None)
    for i in range(3):
        found, soft = seq[i]
        keys = seq.batch_keys(i)
        assert keys.equals(plain.batch_keys(i))
        assert soft.dtype == found.dtype == np.float32
        assert soft.shape == (len(keys), 3)
        np.testing.assert_allclose(soft.sum(1), 1, rtol=1e-6)
        np.testing.assert_allclose(soft.sum(0), np.bincount(LABELS[keys], minlength=3), rtol=1e-5)
        np.testing.assert_allclose(found.sum(), IMAGES[keys].sum(), rtol=1e-4)
        assert not np.array_equal(found, IMAGES[keys])
    assert np.array_equal(IMAGES, np.random.default_rng(0).random((20, 4, 4, 1), np.float32))
    check_sequence(seq)


@pytest.mark.parametrize(
    "how", [{"workers": 2}, {"workers": 2, "use_multiprocessing": True}], ids=str
)
def test_whoever_loads(how: Any) -> None:
    for make in (images, lambda **k: Own(13, batch_size=4, shuffle=True, seed=0, **k)):
        expected = frozen_epoch(make())
        with make(**how) as seq:
            assert frozen_epoch(seq) == expected
            seq.set_epoch(1)
            assert frozen_epoch(seq) != expected


def test_each_batch_and_each_epoch_draws_its_own() -> None:
    seq = Own(12, batch_size=4, seed=0)
    drawn = []
    for epoch in range(3):
        seq.set_epoch(epoch)
        drawn += [float(seq[i][0]["drawn"][0]) for i in range(3)]
    assert len(set(drawn)) == 9


def test_off_where_nothing_is_augmented() -> None:
    train, test = images().split(0.5, 0.5)
    assert train[0][1].shape == (8, 3)
    assert test[0][1].shape == (8,)
    assert test.by_batch
    assert images(augmented=False)[0][1].dtype == LABELS.dtype
    assert images().for_prediction()[0][0].shape == (8, 4, 4, 1)
    assert images().spec[1].shape == (3,)


def test_weights_are_completed_before() -> None:
    seen = []

    def looks(batch: Any, rng: Any) -> Any:
        inputs, targets, weights = batch
        seen.append((targets.copy(), weights.copy()))
        return inputs, targets, weights / 2

    seq = images(augment_batch=looks, class_weight={0: 1.0, 1: 3.0})
    weights = seq[0][2]
    targets, before = seen[-1]
    assert before.tolist() == [3.0 if t == 1 else 1.0 for t in targets]
    assert np.array_equal(weights * 2, before)


def test_joins_variable_axes_and_weights() -> None:
    def negated(batch: Any, rng: Any) -> Any:
        return ({name: -leaf for name, leaf in batch[0].items()}, *batch[1:])

    joined = join(part("x"), part("y"), batch_size=8, augment_batch=negated)
    assert np.array_equal(joined[0][0]["y"][:, 0], -np.arange(8.0))
    check_sequence(joined)
    ragged = Ragged(10, batch_size=4, augment_batch=negated)
    whole = Ragged(10, batch_size=4)
    for i in range(3):
        assert np.array_equal(ragged[i][0]["ids"], -whole[i][0]["ids"])
    check_sequence(Weighted(10, batch_size=4, augment_batch=lambda batch, rng: batch))
    with pytest.raises(ArgumentError, match=r"has augment_batch=, which would be lost"):
        join(part("x", augment_batch=negated))


@pytest.mark.parametrize(
    ("function", "error", "says"),
    [
        (lambda batch, rng: None, SpecError, "returned nothing"),
        (lambda batch, rng: (batch[0][:2], batch[1][:2]), SpecError, "2 rows for 8"),
        (lambda batch, rng: 1 / 0, LoadError, "augment_batch raised ZeroDivisionError"),
    ],
)
def test_what_cannot_be_served(function: Any, error: Any, says: str) -> None:
    with pytest.raises(error, match=says) as caught:
        images(augment_batch=function)[0]
    assert "ArraySequence" in str(caught.value)


def test_what_cannot_be_called() -> None:
    with pytest.raises(ArgumentError, match=r"augment_batch cannot be called(?s:.*)\(batch, rng\)"):
        images(augment_batch=lambda batch: batch)
    with pytest.raises(ArgumentError, match="augment_batch cannot be called"):
        images(augment_batch=3)
    with pytest.raises(ArgumentError, match="augment_batch cannot be called"):
        type("Mine", (MultiInputSequence,), {"augment_batch": lambda self, batch: batch})


def test_a_sample_that_fails_is_named() -> None:
    class Broken(Own):
        def load_sample(self, index: int) -> Any:
            if index == 7:
                raise OSError("no such file")
            return super().load_sample(index)

    with pytest.raises(LoadError, match=r"position 7.*no such file"):
        frozen_epoch(Broken(10, batch_size=4))


@pytest.mark.backend
def test_a_model_learns_from_mixed_images() -> None:
    from backends import keras
    from sklearn.datasets import load_digits

    pixels, digits = load_digits(return_X_y=True)

    def mixed(batch: Any, rng: np.random.Generator) -> Any:
        x, y = batch
        share, other = rng.beta(0.2, 0.2), rng.permutation(len(x))
        y = np.eye(10, dtype="float32")[y]
        return tuple(share * each + (1 - share) * each[other] for each in (x, y))

    data = ArraySequence(
        (pixels / 16).astype("float32"),
        digits,
        batch_size=64,
        shuffle=True,
        seed=0,
        augment_batch=mixed,
    )
    train, test = data.split(0.8, 0.2)
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Dense(64, "relu"), keras.layers.Dense(10, "softmax")])
    model.compile(keras.optimizers.Adam(0.005), "categorical_crossentropy")
    model.fit(train, epochs=8, verbose=0)
    predicted = test.predictions(model, verbose=0).to_numpy().argmax(1)
    assert (predicted == digits[test.keys]).mean() > 0.9
