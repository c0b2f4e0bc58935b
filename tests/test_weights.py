"""weights: a weight for every sample and output, once there are any."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from coded import Loaded, Weighted
from weighed import BY_CLASS, CLASSES, WANTED, X, arrays, weights_of

from multiseq import (
    ArraySequence,
    MultiInputSequence,
)
from multiseq.errors import ArgumentError, SampleError


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
