"""folds: the pairs of a cross-validation, beside those of scikit-learn."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pandas as pd
import pytest
from coded import Coded, Noisy, epoch_of, wait_for
from keyed import KEYS, part
from series import series, windows
from test_learned_shared import Own

from multiseq import (
    ArraySequence,
    BalancedSampler,
    Standardize,
    TableSequence,
    join,
)
from multiseq.errors import AlignmentError, ArgumentError, NotAdaptedError


def positions(parts: Any) -> list[tuple[list[int], list[int]]]:
    return [(train.keys.tolist(), test.keys.tolist()) for train, test in parts]


def test_a_million_samples() -> None:
    rng = np.random.default_rng(0)
    groups, labels = rng.integers(0, 300_000, 1_000_000), rng.integers(0, 10, 1_000_000)
    seq = Coded(1_000_000, seed=0)
    found = [len(test.keys) for _, test in seq.folds(5, stratify=labels)]
    assert found == [200_000] * 5
    found = [len(test.keys) for _, test in seq.folds(5, groups=groups)]
    assert np.ptp(found) <= 1
    assert len(list(seq.folds(5, by_time=rng.random(1_000_000)))) == 5


# Pairs of sequences


@pytest.mark.parametrize("way", ["plain", "classes", "groups", "both"])
def test_tests_cover_all_and_trains_are_the_rest(way: str) -> None:
    labels, groups = np.arange(30) % 3, np.arange(30) // 2
    by = {"stratify": labels} if way in ("classes", "both") else {}
    by |= {"groups": groups} if way in ("groups", "both") else {}
    seq = Coded(30, batch_size=4, shuffle=True, seed=3, drop_last=True)
    folds = seq.folds(4, **by)
    assert len(folds) == 4
    held_out = []
    for train, test in folds:
        assert epoch_of(test) == sorted(epoch_of(test)) == test.keys.tolist()
        assert sorted(train.keys.tolist() + test.keys.tolist()) == list(range(30))
        assert epoch_of(train) != sorted(epoch_of(train))
        held_out += test.keys.tolist()
    assert sorted(held_out) == list(range(30))
    assert positions(folds) == positions(folds) == positions(seq.folds(4, **by))
    assert positions(folds) != positions(seq.replace(seed=4).folds(4, **by))
    assert repr(folds) == "<Folds: 4 pairs of (train, test)>"


def test_train_keeps_what_is_random_and_test_is_plain() -> None:
    sampled = Noisy(20, seed=0, sampler=BalancedSampler(np.arange(20) % 2), augmented=True)
    for train, test in sampled.folds(2):
        assert train.augments
        assert not test.augments
        assert sorted(train.keys) != epoch_of(train.replace(augmented=False))
        assert epoch_of(test) == test.keys.tolist()


def test_nothing_is_learned_from_a_test_part() -> None:
    for _, test in Own(Standardize(), seed=0).folds(2):
        with pytest.raises(ArgumentError, match="not to be learned from"):
            test.adapt()


def test_each_fold_learns_by_itself() -> None:
    scale = Standardize()
    whole = Own(scale, seed=0, shuffle=True)
    pairs = list(whole.folds(4))
    for train, test in pairs:
        train.adapt(progress=False)
        assert train.transforms["x"] is test.transforms["x"] is not scale
    for train, test in pairs:
        values = whole.values[train.keys]
        expected = (whole.values[test.keys] - values.mean()) / values.std()
        np.testing.assert_allclose(test[0][0]["x"][:, 0], expected, rtol=1e-5)
    assert len({id(train.transforms["x"]) for train, _ in pairs}) == 4
    with pytest.raises(NotAdaptedError):
        whole[0]
    whole.adapt(progress=False)
    np.testing.assert_allclose(test[0][0]["x"][:, 0], expected, rtol=1e-5)


def test_a_fold_of_what_has_learned_is_not_fed_by_it_once_it_learns() -> None:
    whole = Own(Standardize(), seed=0)
    whole.adapt(progress=False)
    before = whole[0][0]["x"].copy()
    for train, test in whole.folds(3):
        train.adapt(progress=False)
        values = whole.values[train.keys]
        expected = (whole.values[test.keys] - values.mean()) / values.std()
        np.testing.assert_allclose(test[0][0]["x"][:, 0], expected, rtol=1e-5)
    assert np.array_equal(whole[0][0]["x"], before)


def test_folds_of_a_part_and_parts_of_a_fold() -> None:
    whole = Own(Standardize(), seed=0, shuffle=True)
    train, test = whole.split(0.7, 0.3)
    train.adapt(progress=False)
    learned = test[0][0]["x"].copy()
    for inner, held_out in train.folds(2):
        assert set(inner.keys) | set(held_out.keys) == set(train.keys)
        fitted, stopping = inner.split(0.8, 0.2)
        fitted.adapt(progress=False)
        values = whole.values[fitted.keys]
        for seq in (stopping, held_out):
            expected = (whole.values[seq.keys] - values.mean()) / values.std()
            np.testing.assert_allclose(seq[0][0]["x"][:, 0], expected, rtol=1e-5)
    assert np.array_equal(test[0][0]["x"], learned)
    for inner, _ in test.folds(2):
        with pytest.raises(ArgumentError, match="not to be learned from"):
            inner.adapt()


def test_folds_of_joins_lookups_shards_and_tables() -> None:
    frame = pd.DataFrame({"x": np.arange(20.0), "who": list("abcd") * 5}, KEYS)
    table = TableSequence(frame, numeric={"x": ["x"]}, categorical=["who"])
    joined = join(part("a"), table=TableSequence(frame, numeric=["x"]), seed=1)
    for train, test in joined.folds(4, groups=frame["who"].iloc[::-1]):
        train.adapt(progress=False)
        assert len(set(frame["who"].loc[test.keys])) == 1
        values = frame["x"].loc[train.keys]
        expected = (frame["x"].loc[test.keys] - values.mean()) / values.std(ddof=0)
        np.testing.assert_allclose(test[0][0]["table"][:, 0], expected, rtol=1e-5)
    owners = pd.Series(KEYS * 2, range(40), name="owner")
    visits = table.lookup(owners)
    for rest, held_out in visits.folds(3, groups=owners):
        assert not set(owners[rest.keys]) & set(owners[held_out.keys])
    shards = [Coded(12, batch_size=4, seed=0).shard(n, 2) for n in (0, 1)]
    for (_, one), (_, other) in zip(*(shard.folds(3) for shard in shards), strict=True):
        assert sorted(epoch_of(one) + epoch_of(other)) == one.keys.tolist()


def test_what_belongs_to_samples_goes_by_key() -> None:
    labels = pd.Series(["a", "b"] * 10, KEYS)
    expected = positions(part(seed=1).folds(5, stratify=labels.to_numpy()))
    for values in (labels.iloc[::-1], labels.sample(frac=1, random_state=0).to_dict()):
        assert positions(part(seed=1).folds(5, stratify=values)) == expected
    levels = pd.MultiIndex.from_product([list("pqrs"), [1, 2, 3]], names=["who", "n"])
    for _, test in Coded(levels, seed=0).folds(4, groups="who"):
        assert len(set(test.keys.get_level_values("who"))) == 1


# By time


def test_windows_that_reach_across_a_cut_are_in_no_test(caplog: Any) -> None:
    seq = windows(series({"a": 60}), length=3)
    folds = seq.folds(3, by_time=True)
    assert "12 samples that a cut goes through" in caplog.text
    ends = -1
    for train, test in folds:
        first, _ = test.time_spans(test.source_indices(np.arange(test.num_samples)))
        _, trained = train.time_spans(train.source_indices(np.arange(train.num_samples)))
        assert trained.max() < first.min()
        assert train.num_samples > ends
        ends = train.num_samples
    assert len(folds) == 3


def test_by_time_of_given_times_and_of_none() -> None:
    days = pd.Series(pd.date_range("2024-01-01", periods=20, tz="Europe/Berlin"), KEYS)
    for train, test in part(seed=0).folds(4, by_time=days.sample(frac=1, random_state=1)):
        assert days[train.keys].max() < days[test.keys].min()
        assert test.num_samples == 4
    with pytest.raises(ArgumentError, match="does not know the times"):
        part().folds(4, by_time=True)


def test_random_folds_of_samples_with_times_are_pointed_out(caplog: Any) -> None:
    windows().folds(3)
    assert "random folds share times" in caplog.text


# Refused


@pytest.mark.parametrize(
    ("arguments", "by", "says"),
    [
        ([1], {}, r"number of folds.*\b1\b.*at least 2"),
        ([True], {}, "number of folds"),
        ([2.5], {}, "number of folds"),
        ([21], {}, r"more folds than samples.*folds\(21\) of 20"),
        ([3], {"groups": ["a"] * 10 + ["b"] * 10}, r"2 groups \('a', 'b'\) for 3 folds"),
        ([3], {"stratify": ["a"] * 18 + ["b"] * 2}, r"'b' \(2\), for 3 folds.*fewer folds"),
        ([3], {"stratify": np.arange(20.0)}, r"too many classes.*qcut"),
        (
            [3],
            {"stratify": ["a"] * 18 + ["b"] * 2, "groups": [*range(20)]},
            r"'b' \(2\), for 3 folds",
        ),
        ([3], {"by_time": [0, 1] * 10}, r"too few times.*2 different times.*at least 4"),
        ([5], {"by_time": [*range(4)] * 5}, r"too few times.*at most 3 folds"),
        ([3], {"by_time": range(20), "groups": range(20)}, "all of these at once"),
        ([3], {"stratify": ["a"] * 19}, "19 values for 20 samples"),
    ],
)
def test_what_cannot_be_folded(arguments: Any, by: Any, says: str) -> None:
    with pytest.raises(ArgumentError, match=f"(?s){says}") as caught:
        part().folds(*arguments, **by)
    assert caught.value.where["class"] == "ArraySequence"


def test_missing_classes_are_named() -> None:
    with pytest.raises(AlignmentError, match=r"(?s)missing values.*'k01'"):
        part().folds(2, stratify=["a", None] * 10)


def test_classes_in_few_groups_are_pointed_out(caplog: Any) -> None:
    labels = ["rare" if 8 <= n < 12 else "a" for n in range(20)]
    assert len(part().folds(4, groups=np.arange(20) // 4, stratify=labels)) == 4
    assert "fewer than 4 groups" in caplog.text
    assert "'rare'" in caplog.text


def test_windows_longer_than_a_fold() -> None:
    seq = windows(series({"a": 60}), length=12, horizon=1)
    with pytest.raises(ArgumentError, match=r"(?s)would be empty.*fewer folds"):
        seq.folds(6, by_time=True)
    assert len(seq.folds(2, by_time=True)) == 2


def test_a_fold_is_dropped_with_its_workers() -> None:
    seq = Coded(40, batch_size=4, seed=0, workers=1)
    past: Any = None
    for train, test in seq.folds(2):
        wait_for(lambda gone=past: gc.collect() >= 0 and (gone is None or gone() is None))
        assert len(epoch_of(train)) == len(epoch_of(test)) == 20
        past = weakref.ref(test)
        del train, test


@pytest.mark.backend
def test_a_cross_validation() -> None:
    from backends import keras

    rng = np.random.default_rng(0)
    kinds = rng.integers(0, 3, 120)
    frame = pd.DataFrame({"x": rng.normal(5, 3, 120)})
    y = (frame["x"] - 5 > kinds - 1).astype("float32").to_numpy()
    data = join(
        number=TableSequence(frame, numeric=["x"]),
        word=ArraySequence(kinds),
        targets=y,
        shuffle=True,
        seed=0,
    )
    scores = []
    for train, test in data.folds(3, stratify=y):
        train.adapt(progress=False)
        keras.utils.set_random_seed(0)
        number, word = keras.Input((1,), name="number"), keras.Input((), name="word", dtype="int32")
        both = keras.layers.concatenate([number, keras.layers.Embedding(3, 2)(word)])
        hidden = keras.layers.Dense(16, "relu")(both)
        model = keras.Model([number, word], keras.layers.Dense(1, "sigmoid")(hidden))
        model.compile(keras.optimizers.Adam(0.05), "binary_crossentropy", metrics=["accuracy"])
        model.fit(train, epochs=15, verbose=0)
        scores.append(model.evaluate(test, verbose=0)[1])
        assert sorted(test.predictions(model).index) == test.keys.tolist()
    assert np.mean(scores) > 0.85
