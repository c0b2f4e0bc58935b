"""Sequences one after the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from backends import keras
from coded import Coded, Ragged, RaggedBulk, Words
from hypothesis import given
from hypothesis import strategies as st
from keyed import KEYS, N, Noised, OneByOne, part

from multiseq import (
    ArraySequence,
    MultiInputSequence,
    concat,
    join,
)
from multiseq.errors import AlignmentError, ArgumentError
from multiseq.testing import check_sequence

FIRST, SECOND = range(12), range(12, N)


def both(make: Any = part, **keywords: Any) -> Any:
    return concat(part("x", FIRST), make("x", SECOND), **keywords)


def whole(seq: MultiInputSequence) -> Any:
    return seq.replace(batch_size=seq.num_samples, shuffle=False)[0]


@given(
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=5),
    batch_size=st.integers(1, 7),
    shuffle=st.booleans(),
)
def test_samples_are_those_of_pandas(sizes: list[int], batch_size: int, shuffle: bool) -> None:
    frames = [
        pd.DataFrame({"x": np.arange(n) + 100.0 * k}, [f"{k}-{row}" for row in range(n)])
        for k, n in enumerate(sizes)
    ]
    parts = [ArraySequence({"x": frame["x"]}, keys=frame.index) for frame in frames]
    seq = concat(*parts, batch_size=batch_size, shuffle=shuffle, seed=1)
    expected = pd.concat(frames)["x"]
    assert seq.keys.equals(expected.index)
    for index in range(len(seq)):
        keys = seq.batch_keys(index)
        assert seq[index][0]["x"].tolist() == expected[keys].tolist()


def test_labels_of_parts_may_come_one_by_one() -> None:
    found = both(keys=(label for label in "ab"))
    assert found.keys.equals(both(keys=["a", "b"]).keys)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("make", [part, OneByOne])
def test_it_keeps_the_contract(make: Any, workers: int) -> None:
    with both(make, shuffle=True, seed=2, batch_size=3, workers=workers) as seq:
        check_sequence(seq)


def test_processes_give_the_same() -> None:
    seq = both(OneByOne, shuffle=True, seed=2, batch_size=3)
    with seq.replace(workers=1, use_multiprocessing=True) as other:
        for index in range(len(seq)):
            assert np.array_equal(other[index][0]["x"], seq[index][0]["x"])


@pytest.mark.parametrize("make", [Ragged, RaggedBulk])
def test_lengths_that_vary(make: Any) -> None:
    seq = concat(make(KEYS[:10]), Ragged(KEYS[10:15]), batch_size=4, shuffle=True, seed=0)
    check_sequence(seq)
    check_sequence(concat(Words(KEYS[:10]), Words(KEYS[10:15]), batch_size=4))


def test_each_part_augments_its_own() -> None:
    a, b = Noised(KEYS[:3]), Noised(KEYS[3:5])
    seq = concat(a, b, seed=1, batch_size=5)
    noise = seq[0][0]["noise"]
    assert len(np.unique(noise)) == noise.size
    check_sequence(seq)
    mixed = concat(a, a.replace(augmented=False).lookup({"z": KEYS[0]}), seed=1, batch_size=4)
    assert mixed[0][0]["noise"].any(1).tolist() == [True, True, True, False]
    assert not seq.replace(augmented=False)[0][0]["noise"].any()


def test_the_whole_is_augmented_too() -> None:
    def shifted(sample: Any, rng: Any) -> Any:
        return {"x": sample[0]["x"] + 100}

    assert both(augment=shifted)[0][0]["x"].min() == 100


# Keys.


def test_keys_that_occur_twice_are_refused_and_a_level_tells_them_apart() -> None:
    a, b = part("x", [0, 1]), part("x", [1, 2])
    with pytest.raises(AlignmentError, match="duplicated") as refused:
        concat(a, b)
    assert "concat(..., keys=['part 0', 'part 1'])" in str(refused.value)
    seq = concat(a, b, keys=["part 0", "part 1"], names="from")
    expected = pd.concat({"part 0": pd.Series(0, a.keys), "part 1": pd.Series(0, b.keys)})
    assert seq.keys.equals(expected.index)
    assert list(seq.keys.names) == ["from", None]
    assert whole(seq)[0]["x"][:, 0].tolist() == [0, 1, 1, 2]
    train, test = seq.split(0.5, 0.5, stratify="from")
    assert all(len(set(each.keys.get_level_values(0))) == 2 for each in (train, test))


def test_names_of_levels_as_in_pandas() -> None:
    index = pd.MultiIndex.from_product([["p"], [1, 2]], names=["who", "day"])
    a = ArraySequence({"x": np.arange(2.0)}, keys=index)
    b = ArraySequence({"x": np.arange(2.0)}, keys=index.reorder_levels(["day", "who"]))
    seq = concat(a, b, keys=["a", "b"], names=["from"])
    assert list(seq.keys.names) == ["from", "who", "day"]
    assert seq.keys[3] == ("b", "p", 2)
    with pytest.raises(ArgumentError, match="more names than"):
        concat(a, b, keys=["a", "b"], names=list("wxyz"))


def test_samples_without_keys_are_known_by_position() -> None:
    a, b = ArraySequence({"x": np.arange(3.0)}), ArraySequence({"x": np.arange(2.0)})
    seq = concat(a, b)
    assert seq.keys.tolist() == [0, 1, 2, 3, 4]
    assert seq.subset(positions=[3])[0][0]["x"].tolist() == [0]
    assert concat(a, b, keys=["a", "b"]).keys[3] == ("b", 0)
    with pytest.raises(AlignmentError, match="no keys"):
        concat(a, part("x"))


@pytest.mark.parametrize("labels", [["a"], ["a", "a"], ["a", None], "ab", []])
def test_bad_labels(labels: Any) -> None:
    with pytest.raises(ArgumentError, match="one label for each part"):
        both(keys=labels)


def test_kinds_of_keys() -> None:
    numbers = ArraySequence({"x": np.ones(2)}, keys=[1, 2])
    with pytest.raises(AlignmentError, match="different kinds"):
        concat(numbers, ArraySequence({"x": np.ones(2)}, keys=["1", "2"]))
    large = ArraySequence({"x": np.ones(2)}, keys=np.array([2**63, 2**64 - 1], "uint64"))
    signed = ArraySequence({"x": np.ones(2)}, keys=np.array([2**63 - 1, -1]))
    assert concat(signed, large).keys.tolist() == [2**63 - 1, -1, 2**63, 2**64 - 1]


# Targets, times, and what a sequence can do besides.


def classes(labels: Any, **keywords: Any) -> Any:
    return ArraySequence({"x": np.zeros(len(labels))}, np.asarray(labels), **keywords)


def test_balanced_weights_count_all_parts() -> None:
    seq = concat(classes([0, 0, 0]), classes([1, 0]), class_weight="balanced", batch_size=5)
    assert seq[0][2] == pytest.approx([0.625, 0.625, 0.625, 2.5, 0.625])
    unknown = concat(Coded(3), Coded(2), class_weight="balanced")
    with pytest.raises(ArgumentError, match="target_rows"):
        unknown[0]


class Timed(MultiInputSequence):
    def __init__(self, times: Any, **keywords: Any) -> None:
        self.times = times
        super().__init__(len(times), **keywords)

    def load_sample(self, index: int) -> Any:
        return {"x": np.float32(index)}

    def time_spans(self, indices: Any) -> Any:
        return self.times[indices], self.times[indices]


def test_times_are_those_of_the_parts() -> None:
    days = pd.date_range("2020-01-01", periods=5).to_numpy()
    seq = concat(Timed(days[[4, 0]]), Timed(days[[2, 3, 1]].astype("M8[us]")))
    early, late = seq.split(0.6, 0.4, by_time=True)
    assert sorted(early.keys) == [1, 2, 4]
    assert sorted(late.keys) == [0, 3]
    spans = seq.time_spans(np.array([4, 0, 2]))
    assert spans is not None
    first, _ = spans
    assert np.array_equal(first, days[[1, 4, 2]])
    with pytest.raises(ArgumentError, match="does not know the times"):
        concat(Timed(days), ArraySequence({"x": np.ones(2)})).split(0.5, 0.5, by_time=True)
    with pytest.raises(ArgumentError, match="different kinds"):
        concat(Timed(days), Timed(np.arange(3))).split(0.5, 0.5, by_time=True)


def test_parts_of_parts() -> None:
    seq = concat(both(), join(part("x", [0, 1])).lookup({"new": KEYS[1]}), batch_size=4)
    assert seq.num_samples == N + 1
    assert whole(seq.lookup({"a": "new", "b": KEYS[13]}))[0]["x"][:, 0].tolist() == [1, 13]
    joined = join(seq, part("y", [3, 14, 5]), how="left", fill=-1)
    assert whole(joined)[0]["y"][[3, 14, 20], 0].tolist() == [3, 14, -1]
    check_sequence(joined)
    rows = [seq.replace(batch_size=6).shard(k, 2)[0][0]["x"][:, 0].tolist() for k in range(2)]
    assert rows == [[0, 2, 4], [1, 3, 5]]


class Broken(Coded):
    def load_sample(self, index: int) -> Any:
        if index == 1:
            raise OSError("no such file")
        return super().load_sample(index)


def test_errors_name_the_sample_of_the_part() -> None:
    seq = concat(Coded(["a", "b"]), Broken(["c", "d"]), batch_size=4)
    with pytest.raises(ValueError, match="Broken, key 'd', position 1"):
        seq[0]
    assert set(seq.replace(on_error="substitute")[0][1].tolist()) <= {0.0, 1.0}


def test_state_goes_on() -> None:
    seq, other = both(shuffle=True, seed=3, batch_size=4), both(shuffle=True, seed=3, batch_size=4)
    batches = iter(seq)
    next(batches)
    other.load_state_dict(seq.state_dict())
    for mine, theirs in zip(list(other), batches, strict=True):
        assert np.array_equal(mine[0]["x"], theirs[0]["x"])


@pytest.mark.backend
def test_a_model_trains_on_both() -> None:
    keras.utils.set_random_seed(0)
    values = np.random.default_rng(0).random((80, 2)).astype("float32")
    parts = [ArraySequence({"x": v}, v.sum(1)) for v in (values[:30], values[30:])]
    seq = concat(*parts, shuffle=True)
    x = keras.Input((2,), name="x")
    model = keras.Model({"x": x}, keras.layers.Dense(1)(x))
    model.compile(keras.optimizers.Adam(0.05), "mse")
    model.fit(seq, epochs=60, verbose=0)
    found = seq.predictions(model, verbose=0)["prediction"]
    assert np.abs(found.to_numpy() - values.sum(1)).max() < 0.2
