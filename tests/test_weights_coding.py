"""Whether targets are one-hot is told by all of them."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from coded import Loaded
from sklearn.utils.class_weight import compute_sample_weight
from weighed import X, arrays, weights_of

from multiseq import ArraySequence, Labels, Spec, WindowSequence, join
from multiseq.errors import ArgumentError


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


STATES = np.array([["on", "off"], ["off", "on"], ["on", "off"], ["off", "on"]], object)
OTHERS = np.array([["on", "off"], ["on", "on"], ["off", "off"], ["off", "on"]], object)


@pytest.mark.parametrize("steps", [STATES, OTHERS], ids=["like one-hot", "like several"])
@pytest.mark.parametrize("balanced", [False, True])
def test_labels_are_classes_whatever_their_numbers_look_like(steps: Any, balanced: bool) -> None:
    options: Any = {"class_weight": "balanced" if balanced else {"on": 3.0}, "batch_size": 4}
    labels: Any = {"transforms": {"targets": Labels()}}
    expected = np.where(steps == "on", 3.0, 1.0)
    if balanced:
        expected = compute_sample_weight("balanced", steps.ravel()).reshape(steps.shape)
    part = ArraySequence(np.zeros(4), steps, **labels)
    for seq in (
        ArraySequence(np.zeros(4), steps, **options, **labels),
        join(x=part, z=ArraySequence(np.zeros(4)), **options),
    ):
        seq.adapt(progress=False)
        np.testing.assert_allclose(seq[0][2], expected)


@pytest.mark.parametrize("steps", [STATES, OTHERS], ids=["like one-hot", "like several"])
def test_so_they_are_where_targets_are_loaded_with_the_inputs(steps: Any) -> None:
    labels: Any = {"transforms": {"targets": Labels()}}
    seq = Loaded(steps, None, class_weight={"on": 3.0}, batch_size=4, **labels)
    seq.adapt(progress=False)
    np.testing.assert_array_equal(seq[0][2], np.where(steps == "on", 3.0, 1.0))


def test_states_of_a_horizon_are_classes() -> None:
    states = ["on", "off"] * 6
    frame = pd.DataFrame({"x": np.arange(12.0), "state": states})
    seq = WindowSequence(
        frame,
        length=3,
        horizon=2,
        features=["x"],
        targets="state",
        transforms={"targets": Labels()},
        class_weight={"on": 3.0},
    )
    seq.adapt(progress=False)
    inputs, _, weights = seq[0]
    follow = np.add(inputs["past"][:, -1].astype(int), [1, 2])
    np.testing.assert_array_equal(weights, np.where(np.array(states)[follow] == "on", 3.0, 1.0))


def test_labels_that_are_one_hot_have_a_weight_for_each() -> None:
    options: Any = {"transforms": {"targets": Labels(one_hot=True)}, "class_weight": {"on": 3.0}}
    seq = ArraySequence(np.zeros(4), STATES[:, 0], **options)
    seq.adapt(progress=False)
    assert seq[0][2].tolist() == [3, 1, 3, 1]


def test_what_follows_labels_may_make_others_of_them() -> None:
    def onehot(sample: Any) -> Any:
        return sample[0], np.eye(2, dtype=np.float32)[sample[1]]

    options: Any = {"transforms": {"targets": Labels()}, "class_weight": {"on": 3.0}}
    seq = ArraySequence(np.zeros(4), STATES[:, 0], map=onehot, **options)
    seq.adapt(progress=False)
    assert seq[0][2].tolist() == [3, 1, 3, 1]
