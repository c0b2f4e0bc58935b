"""weights: a weight for every sample and output, once there are any."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from backends import keras
from coded import Weighted, misaligned
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from sklearn.utils.class_weight import compute_sample_weight

from multiseq import ArraySequence, MultiInputSequence, join
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
    tags = np.array([[0, 1, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0]])[:rows]
    right = np.where(tags == 1, 10.0, 1.0)
    own = np.arange(1.0, rows + 1)
    for targets in (tags, tags[..., None], tags.astype("f4"), np.eye(2)[tags]):
        seq = ArraySequence(np.zeros(rows), targets, class_weight={0: 1, 1: 10})
        assert np.array_equal(seq[0][2], right)
        seq = ArraySequence(np.zeros(rows), targets, own, class_weight={0: 1, 1: 10})
        assert np.array_equal(seq[0][2], right * own[:, None])


def test_weights_of_steps_times_a_class_of_the_sample() -> None:
    own = np.arange(6.0).reshape(2, 3)
    seq = ArraySequence(np.zeros(2), np.array([0, 1]), own, class_weight={1: 10})
    assert np.array_equal(seq[0][2], own * [[1], [10]])
    with pytest.raises(ArgumentError, match="differ in shape"):
        ArraySequence(np.zeros(2), np.zeros((2, 4), int), own, class_weight={1: 10})[0]


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


class Loaded(MultiInputSequence):
    """Weights that are known once they are loaded."""

    def __init__(self, targets: Any, weights: Any, **keywords: Any) -> None:
        super().__init__([f"k{row}" for row in range(len(targets))], **keywords)
        self.targets, self.weights = targets, weights

    def load_sample(self, index: int) -> Any:
        sample = np.float32(index), self.targets[index]
        return sample if self.weights is None else (*sample, self.weights[index])


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
    tags = np.array([[0, 1, 0], [1, 1, 0]])
    seq = ArraySequence(np.zeros(2), tags, class_weight={1: 10}, batch_size=1)
    assert [b[2].tolist() for b in seq] == [[[1, 10, 1]], [[10, 10, 1]]]
    loaded = Loaded(tags, None, class_weight={1: 10}, batch_size=1)
    with pytest.raises(ArgumentError, match="one-hot in every batch"):
        list(loaded)
    fixed = Loaded(tags[..., None], None, class_weight={1: 10}, batch_size=1)
    assert [b[2].tolist() for b in fixed] == [[[1, 10, 1]], [[10, 10, 1]]]


def test_classes_that_come_later() -> None:
    """The first rows alone would be taken for several labels."""
    tags = np.ones((20_000, 3), int)
    tags[-1, -1] = 2
    seq = ArraySequence(np.zeros(len(tags)), tags, class_weight={2: 5}, batch_size=4)
    assert seq[0][2].tolist() == [[1, 1, 1]] * 4
    assert seq[len(seq) - 1][2].tolist() == [[1, 1, 1]] * 3 + [[1, 1, 5]]
    with pytest.raises(ArgumentError, match=r"several labels at once(?s:.*)sample_weight="):
        ArraySequence(np.zeros(9), tags[:9], class_weight={2: 5})[0]


# Balanced


CODINGS: dict[str, Callable[[Any], Any]] = {
    "classes": lambda labels: labels,
    "floats": lambda labels: labels.astype("f4"),
    "column": lambda labels: labels[:, None],
    "one-hot": lambda labels: np.eye(5, dtype="f4")[labels],
}


@given(
    st.lists(st.integers(0, 4), min_size=2, max_size=40),
    st.sampled_from(list(CODINGS)),
    st.randoms(use_true_random=False),
)
def test_balanced_as_scikit_learn_does(labels: Any, coding: str, random: Any) -> None:
    labels = np.array(labels)
    targets = CODINGS[coding](labels)
    seq = ArraySequence(
        {"x": np.arange(len(labels))}, targets, class_weight="balanced", batch_size=7
    )
    half = random.sample(range(len(labels)), len(labels) // 2)
    for part, rows in ((seq, np.arange(len(labels))), (seq.subset(positions=half), half)):
        wanted = compute_sample_weight("balanced", labels[rows])
        assert np.allclose(np.concatenate([batch[2] for batch in part]), wanted)


@given(
    arrays_of.arrays(
        "i8", arrays_of.array_shapes(min_dims=2, max_dims=3), elements=st.integers(2, 5)
    )
)
def test_balanced_by_element(labels: Any) -> None:
    wanted = compute_sample_weight("balanced", labels.ravel()).reshape(labels.shape)
    for targets in (labels, labels[..., None]):
        seq = ArraySequence(np.zeros(len(labels)), targets, class_weight="balanced")
        assert np.allclose(
            seq[0][2], wanted[..., 0] if labels.shape[-1] == 1 and targets is labels else wanted
        )


def test_balanced_in_a_join_and_by_output() -> None:
    keys = list("abcdef")
    part = ArraySequence({"x": X}, CLASSES, keys=keys)
    other = ArraySequence({"z": X[::-1]}, keys=keys[::-1])
    wanted = compute_sample_weight("balanced", CLASSES)
    assert np.allclose(join(part, other, class_weight="balanced")[0][2], wanted)
    given = join(
        other,
        targets={"p": pd.Series(CLASSES, keys), "q": pd.Series(X, keys)},
        class_weight={"p": "balanced"},
    )
    weights = given[0][2]
    assert np.allclose(weights["p"], wanted[::-1])
    assert weights["q"].tolist() == [1] * 6
    train, test = join(part, other, class_weight="balanced").split(0.5, 0.5)
    for each in (train, test):
        rows = [keys.index(key) for key in each.keys]
        assert np.allclose(each[0][2], compute_sample_weight("balanced", CLASSES[rows]))


def test_balanced_needs_targets_that_are_known() -> None:
    with pytest.raises(ArgumentError, match=r"balanced(?s:.*)target_rows\(indices\)"):
        Loaded(CLASSES, None, class_weight="balanced")[0]

    class Known(Loaded):
        def target_rows(self, indices: Any) -> Any:
            return self.targets[indices]

    known = Known(CLASSES, None, class_weight="balanced")
    assert np.allclose(known[0][2], compute_sample_weight("balanced", CLASSES))


def test_balanced_beside_a_sampler_and_several_labels() -> None:
    with pytest.raises(ArgumentError, match="several labels at once"):
        arrays(np.array([[1, 1], [0, 0]] * 3), class_weight="balanced")[0]


@pytest.mark.backend
@pytest.mark.parametrize("shape", [(), (4,)])
def test_the_loss_is_that_of_the_weights(shape: Any) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, (12, *shape))
    x = rng.random((12, *shape, 2), "f4")
    own = rng.random(12).astype("f4")
    seq = ArraySequence(x, labels, own, class_weight="balanced", batch_size=12)
    inputs = keras.Input(x.shape[1:])
    model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(inputs))
    model.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    found = model.fit(seq, verbose=0).history["loss"][0]
    chance = np.take_along_axis(np.asarray(model.predict(x, verbose=0)), labels[..., None], -1)[
        ..., 0
    ]
    weights = compute_sample_weight("balanced", labels.ravel()).reshape(labels.shape)
    weights = weights * own.reshape(-1, *[1] * len(shape))
    assert found == pytest.approx(np.mean(-np.log(chance) * weights), rel=1e-4)
