"""weights: a weight for every sample and output, once there are any."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from backends import keras
from coded import Loaded, Weighted, misaligned
from sklearn.utils.class_weight import compute_sample_weight

from multiseq import (
    ArraySequence,
    MultiInputSequence,
    Spec,
    join,
)
from multiseq.errors import ArgumentError, SampleError

X = np.arange(6.0)
CLASSES = np.array([0, 1, 2, 0, 1, 3])
BY_CLASS = {0: 10.0, 1: 20.0, 3: 0.5}
WANTED = [10, 20, 1, 10, 20, 0.5]


def weights_of(seq: MultiInputSequence) -> Any:
    """The weights of all samples, in an epoch of two batches."""
    assert [len(batch) for batch in seq] == [3] * len(seq)
    batches = [batch[2] for batch in seq]
    assert [misaligned(batch) for batch in batches] == [[]] * len(seq)
    if isinstance(batches[0], dict):
        return {name: np.concatenate([b[name] for b in batches]).tolist() for name in batches[0]}
    return np.concatenate(batches).tolist()


def arrays(targets: Any, weights: Any = None, **keywords: Any) -> ArraySequence:
    return ArraySequence({"x": X}, targets, weights, batch_size=4, **keywords)


def test_outputs_without_weights_get_one() -> None:
    seq = arrays({"p": X, "q": X, "r": X}, {"q": X / 2})
    assert weights_of(seq) == {"p": [1] * 6, "q": [0, 0.5, 1, 1.5, 2, 2.5], "r": [1] * 6}
    assert {w.dtype for w in seq[0][2].values()} == {np.dtype("float32")}


def test_also_one_by_one_and_in_threads() -> None:
    for workers in (0, 2):
        with Weighted(6, batch_size=4, workers=workers) as seq:
            assert weights_of(seq) == {"p": [0, 0.5, 1, 1.5, 2, 2.5], "q": [1] * 6}


def test_one_array_weighs_all_outputs() -> None:
    assert weights_of(arrays({"p": X, "q": X}, X)) == {"p": X.tolist(), "q": X.tolist()}


def test_complete_weights_are_left_as_they_are() -> None:
    assert weights_of(arrays(X, X)) == X.tolist()
    assert weights_of(arrays({"p": X}, {"p": X})) == {"p": X.tolist()}


def test_without_weights_there_are_none() -> None:
    assert [len(batch) for batch in arrays({"p": X, "q": X})] == [2, 2]


@pytest.mark.parametrize(
    "targets",
    [
        CLASSES,
        CLASSES.astype("float32"),
        CLASSES.astype("uint8"),
        CLASSES[:, None],
        CLASSES[:, None].astype("float32"),
        np.eye(4, dtype="float32")[CLASSES],
        np.eye(4, dtype="int32")[CLASSES],
        np.eye(4, dtype="bool")[CLASSES],
    ],
    ids=["ints", "floats", "bytes", "column", "float column", "one-hot", "int one-hot", "bools"],
)
def test_class_weight(targets: Any) -> None:
    assert weights_of(arrays(targets, class_weight=BY_CLASS)) == WANTED


def test_two_classes_of_truth() -> None:
    seq = arrays(X > 2, class_weight={0: 3, 1: 4})
    assert weights_of(seq) == [3, 3, 3, 4, 4, 4]


def test_class_weight_by_output() -> None:
    seq = arrays({"p": CLASSES, "q": CLASSES, "r": X}, class_weight={"q": BY_CLASS})
    assert weights_of(seq) == {"p": [1] * 6, "q": WANTED, "r": [1] * 6}


def test_class_weight_times_sample_weight() -> None:
    expected = [w * x for w, x in zip(WANTED, X, strict=True)]
    assert weights_of(arrays(CLASSES, X, class_weight=BY_CLASS)) == expected
    seq = arrays({"p": CLASSES, "q": CLASSES}, {"p": X}, class_weight={"p": BY_CLASS})
    assert weights_of(seq) == {"p": expected, "q": [1] * 6}


def test_weights_of_the_source_are_not_written_to() -> None:
    mine = X.astype("float32")
    weights_of(arrays(CLASSES, mine, class_weight=BY_CLASS))
    assert mine.tolist() == X.tolist()


def test_class_weight_can_be_replaced() -> None:
    seq = arrays(CLASSES).replace(class_weight=BY_CLASS)
    assert weights_of(seq) == WANTED


def test_class_weight_that_names_no_class() -> None:
    assert weights_of(arrays(CLASSES, class_weight={})) == [1] * 6


@pytest.mark.parametrize(
    ("targets", "class_weight"),
    [
        (None, {0: 1}),
        (CLASSES, {"p": {0: 1}}),
        (CLASSES, [1, 2, 3, 4]),
        (CLASSES, "unbalanced"),
        (CLASSES, pd.Series(BY_CLASS)),
        (CLASSES, {0.5: 1}),
        ({"p": CLASSES}, {0: 1}),
        ({"p": CLASSES}, {"z": {0: 1}}),
        ({"p": CLASSES}, {"p": [1, 2]}),
        ((CLASSES, CLASSES), {0: 1}),
        (CLASSES.astype(str), {"0": 1}),
    ],
)
def test_class_weight_that_does_not_fit(targets: Any, class_weight: Any) -> None:
    with pytest.raises(ArgumentError, match="class_weight does not fit the targets") as caught:
        arrays(targets, class_weight=class_weight)[0]
    assert caught.value.where["class"] == "ArraySequence"


class Returns(MultiInputSequence):
    """Targets and weights as given."""

    def __init__(self, targets: Any, weights: Any) -> None:
        super().__init__(4)
        self.rest = targets, weights

    def load_sample(self, index: int) -> Any:
        return np.float32(index), *self.rest


@pytest.mark.parametrize(
    ("targets", "weights"),
    [
        ({"p": 1.0}, {"q": 1.0}),
        ({"p": 1.0}, {"p": 1.0, "q": 1.0}),
        ({"p": 1.0}, (1.0,)),
        ((1.0, 2.0), {"p": 1.0}),
        ((1.0, 2.0), (1.0,)),
        (1.0, {"p": 1.0}),
    ],
)
def test_weights_that_belong_to_no_output(targets: Any, weights: Any) -> None:
    with pytest.raises((ArgumentError, ValueError), match="sample_weight"):
        Returns(targets, weights)[0]


@pytest.mark.parametrize("rows", [3, 4])
def test_each_token_has_the_weight_of_its_class(rows: int) -> None:
    tags = np.array([[2, 1, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0]])[:rows]
    right = np.where(tags == 1, 10.0, 1.0)
    own = np.arange(1.0, rows + 1)
    for targets in (tags, tags[..., None], tags.astype("f4"), np.eye(3)[tags]):
        seq = ArraySequence(np.zeros(rows), targets, class_weight={0: 1, 1: 10})
        assert np.array_equal(seq[0][2], right)
        seq = ArraySequence(np.zeros(rows), targets, own, class_weight={0: 1, 1: 10})
        assert np.array_equal(seq[0][2], right * own[:, None])


def test_weights_of_steps_times_a_class_of_the_sample() -> None:
    own = np.arange(6.0).reshape(2, 3)
    seq = ArraySequence(np.zeros(2), np.array([0, 1]), own, class_weight={1: 10})
    assert np.array_equal(seq[0][2], own * [[1], [10]])
    with pytest.raises(ArgumentError, match="differ in shape"):
        ArraySequence(np.zeros(2), np.full((2, 4), 2), own, class_weight={1: 10})[0]


@pytest.mark.parametrize(
    "targets", [[[0, 1, 1], [0, 0, 0]], [[0.2, 0.8, 0], [1, 0, 0]], [0.5, np.nan]]
)
def test_targets_without_one_class_are_refused(targets: Any) -> None:
    with pytest.raises(ArgumentError, match="class_weight does not fit"):
        ArraySequence(np.zeros(2), np.array(targets), class_weight={0: 1, 2: 10})[0]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(bad: float) -> None:
    with pytest.raises(ArgumentError, match="holds NaN or infinity"):
        ArraySequence(np.zeros(2), np.zeros(2), [1, bad])
    with pytest.raises(ArgumentError, match="does not fit"):
        ArraySequence(np.zeros(2), np.zeros(2), class_weight={0: bad})[0]


class LoadedAtOnce(Loaded):
    def load_batch(self, indices: Any) -> Any:
        return indices.astype("f4"), self.targets[indices], self.weights[indices]


@pytest.mark.parametrize("cls", [Loaded, LoadedAtOnce])
@pytest.mark.parametrize("shape", [(), (3,)])
@pytest.mark.parametrize("processes", [False, True])
def test_loaded_weights_that_are_not_finite(cls: Any, shape: Any, processes: bool) -> None:
    weights = np.ones((6, *shape), "f4")
    weights[4] = np.nan
    with cls(np.zeros(6), weights, batch_size=2, workers=1, use_multiprocessing=processes) as seq:
        assert [batch[2].tolist() for batch in itertools.islice(seq, 2)] == [
            weights[:2].tolist()
        ] * 2
        with pytest.raises(SampleError, match=r"'k4'.*sample_weight holds NaN"):
            seq[2]
    mended = cls(np.zeros(6), weights, on_error="substitute", seed=0)
    assert np.isfinite(mended[0][2]).all()


def test_negative_weights_are_the_users_affair() -> None:
    """Policy gradients weigh by advantages."""
    assert weights_of(arrays(X, -X)) == (-X).tolist()


# Whether targets are one-hot is told by all of them


def test_one_hot_in_the_first_batches_alone() -> None:
    tags = np.array([[0, 1, 0], [1, 2, 0]])
    seq = ArraySequence(np.zeros(2), tags, class_weight={1: 10}, batch_size=1)
    assert [b[2].tolist() for b in seq] == [[[1, 10, 1]], [[10, 1, 1]]]
    loaded = Loaded(tags, None, class_weight={1: 10}, batch_size=1)
    with pytest.raises(ArgumentError, match="one-hot in every batch"):
        list(loaded)
    fixed = Loaded(tags[..., None], None, class_weight={1: 10}, batch_size=1)
    assert [b[2].tolist() for b in fixed] == [[[1, 10, 1]], [[10, 1, 1]]]


def test_classes_that_come_later() -> None:
    """The first rows alone would be taken for several labels."""
    tags = np.ones((20_000, 3), int)
    tags[-1, -1] = 2
    seq = ArraySequence(np.zeros(len(tags)), tags, class_weight={2: 5}, batch_size=4)
    assert seq[0][2].tolist() == [[1, 1, 1]] * 4
    assert seq[len(seq) - 1][2].tolist() == [[1, 1, 1]] * 3 + [[1, 1, 5]]
    with pytest.raises(ArgumentError, match=r"several labels at once(?s:.*)sample_weight="):
        ArraySequence(np.zeros(9), tags[:9], class_weight={2: 5})[0]


TAGS = np.array([[0, 1, 0], [1, 0, 0], [1, 2, 1], [0, 0, 2], [0, 0, 1], [2, 2, 2]])


def test_parts_of_one_whole_read_their_targets_alike() -> None:
    """The targets of one part alone look one-hot."""
    keys = list("abcdef")
    whole = ArraySequence(np.zeros(6), TAGS, keys=keys, class_weight={1: 10, 2: 5})
    joined = join(
        ArraySequence({"x": X}, TAGS, keys=keys),
        ArraySequence({"z": X}, keys=keys),
        class_weight={1: 10, 2: 5},
    )
    for seq in (whole, joined):
        for rows in ([2, 3, 5], [0, 1, 4]):
            part = seq.subset(positions=rows)
            right = np.choose(TAGS[rows], [1, 10, 5])
            assert np.array_equal(part[0][2], right)
            assert np.array_equal(part.subset(positions=[1])[0][2], right[1:2])
        assert [part[0][2].shape for part in seq.split(positions=([2, 3, 5], [0, 1, 4]))] == [
            (3, 3)
        ] * 2
    renamed = whole.lookup({"p": "a", "q": "b"})
    assert renamed[0][2].tolist() == [[1, 10, 1], [10, 1, 1]]


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_batches_mean_the_same_in_any_order(order: list[int]) -> None:
    """Of targets that are known once they are loaded, the first sample tells the coding."""
    seq = Loaded(TAGS[[2, 0, 1, 3, 4, 5]], None, class_weight={1: 10, 2: 5}, batch_size=1)
    found = {index: seq[index][2].tolist() for index in order}
    assert found == {0: [[10, 5, 10]], 1: [[1, 10, 1]]}
    one_hot = Loaded(TAGS, None, class_weight={1: 10}, batch_size=1)
    for index in order:
        if index:
            assert one_hot[index][2].tolist() == [1]
        else:
            with pytest.raises(ArgumentError, match=r"one-hot in every batch(?s:.*)\[..., None\]"):
                one_hot[2]


@pytest.mark.parametrize("class_weight", [{0: 1, 1: 10}, {1: 10}, {0: 1, 1: 2, 2: 3}, "balanced"])
@pytest.mark.parametrize("dtype", ["f4", "i8", "bool"])
@pytest.mark.parametrize("loaded", [False, True])
def test_several_labels_at_once(class_weight: Any, dtype: str, loaded: bool) -> None:
    labels = np.array([[0, 1, 1], [0, 0, 0], [1, 1, 1], [0, 0, 1]], dtype)
    if loaded and class_weight == "balanced":
        return
    make: Any = Loaded if loaded else functools.partial(ArraySequence, np.zeros(4))
    with pytest.raises(ArgumentError, match="several labels at once") as caught:
        make(labels, None, class_weight=class_weight)[0]
    assert "key" not in caught.value.where
    fixed = make(labels[..., None], None, class_weight=class_weight)
    assert fixed[0][2].shape == (4, 3)


def test_classes_of_pixels_may_be_two() -> None:
    masks = np.array([[[0, 1, 1], [0, 0, 0]], [[1, 1, 1], [0, 0, 0]]])
    for targets in (masks, masks[..., None], masks.astype("bool")):
        seq = ArraySequence(np.zeros(2), targets, [1, 3], class_weight={1: 10})
        assert np.array_equal(seq[0][2], np.where(masks, 10, 1) * [[[1]], [[3]]])


def test_classes_as_numpy_names_them() -> None:
    truths = X > 2
    for found in (truths, truths.astype("f4"), truths.astype("i1")):
        seq = arrays(found, class_weight=dict(zip(np.unique(found), [3.0, 4.0], strict=True)))
        assert weights_of(seq) == [3, 3, 3, 4, 4, 4]


@pytest.mark.parametrize("class_weight", [{1: 2, 2: 3, 3: 4}, {-1: 2, 0: 1}])
def test_classes_that_one_hot_targets_do_not_have(class_weight: Any) -> None:
    """Counted from 1, say."""
    with pytest.raises(ArgumentError, match=r"classes from 0 to 2"):
        ArraySequence(np.zeros(3), np.eye(3), class_weight=class_weight)[0]


def test_steps_of_any_number() -> None:
    """A batch of one step each is no batch of columns."""
    tags = [np.array([0]), np.array([1]), np.array([1, 0]), np.array([0, 2, 1])]

    class Known(Loaded):
        def target_rows(self, indices: Any) -> Any:
            return [self.targets[index] for index in indices]

    of_any = (None, Spec((None,), "int64", pad_value=-1))
    for cls, class_weight in ((Loaded, {1: 10}), (Known, {1: 10}), (Known, "balanced")):
        seq = cls(tags, None, batch_size=2, spec=of_any, class_weight=class_weight)
        assert [batch[2].shape for batch in seq] == [(2, 1), (2, 3)]
    wanted = compute_sample_weight("balanced", np.concatenate(tags))
    assert np.allclose(np.concatenate([seq[0][2][:, 0], seq[1][2][1]]), wanted[[0, 1, 4, 5, 6]])


def test_of_a_large_one_hot_not_all_is_read() -> None:
    class Large(ArraySequence):
        read = 0

        def target_rows(self, indices: Any) -> Any:
            type(self).read += len(indices)
            return super().target_rows(indices)

    targets = np.broadcast_to(np.eye(1000, dtype="i1")[7], (1_000_000, 1000))
    seq = Large(np.zeros(1_000_000, "i1"), targets, class_weight={7: 2})
    assert seq[0][2].tolist() == [2] * 32
    assert Large.read < 50_000


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
