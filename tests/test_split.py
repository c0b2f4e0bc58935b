"""split: by group, by class, by both, by hash of the key; subsets that keep their sampler."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from coded import Coded, Noisy, epoch_of
from keyed import BACKWARDS, KEYS, part

from multiseq import MultiInputSequence, Standardize, join
from multiseq.errors import AlignmentError, ArgumentError
from multiseq.keys.hashing import hash_keys
from multiseq.keys.splitting import (
    split_classes,
    split_groups,
    split_groups_and_classes,
    split_hashed,
)

FRACTIONS = [(0.8, 0.2), (0.6, 0.2, 0.2), (0.5, 0.3), (1 / 3, 1 / 3, 1 / 3), (1.0,)]


def sizes(parts: Any) -> list[int]:
    return [part.num_samples for part in parts]


# Groups


@pytest.mark.parametrize("fractions", FRACTIONS)
@pytest.mark.parametrize("seed", range(5))
def test_no_group_is_on_two_sides(fractions: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups = pd.Series(rng.geometric(0.05, 1000)).map("patient {}".format)
    parts = split_groups(groups, fractions, seed)
    owners = [set(groups[rows]) for rows in parts]
    assert all(not one & other for k, one in enumerate(owners) for other in owners[:k])
    assert len(np.unique(np.concatenate(parts))) == sum(map(len, parts))
    largest = groups.value_counts().max()
    for rows, fraction in zip(parts, fractions, strict=True):
        assert abs(len(rows) - 1000 * fraction) <= largest


def test_every_group_is_somewhere() -> None:
    groups = pd.Series([0, 0, 0, 0, 0, 0, 0, 0, 1, 2])
    for seed in range(20):
        parts = split_groups(groups, (0.8, 0.1, 0.1), seed)
        assert sorted(np.concatenate(parts).tolist()) == list(range(10))
        assert all(map(len, parts))


def test_groups_are_drawn_by_the_seed() -> None:
    groups = pd.Series(np.arange(400) // 4)
    one, again, other = (split_groups(groups, (0.5, 0.5), seed)[0] for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_a_split_by_group_is_pinned() -> None:
    parts = split_groups(pd.Series(np.arange(20) // 2), (0.5, 0.5), 7)
    assert parts[1].tolist() == BY_GROUP


def test_fewer_groups_than_parts() -> None:
    with pytest.raises(ArgumentError, match=r"(?s)empty.*2 groups \('a', 'b'\)"):
        Coded(4).split(0.4, 0.3, 0.3, groups=["a", "a", "b", "b"])


GROUPS: dict[str, Any] = {
    "list": ["a", "b"] * 10,
    "array": np.array(["a", "b"] * 10),
    "series": pd.Series(["a", "b"] * 10, KEYS)[KEYS[::-1]],
    "longer series": pd.Series(["b", *["a", "b"] * 10], ["other", *KEYS]),
    "dict": dict(zip(KEYS, ["a", "b"] * 10, strict=True)),
    "categories": pd.Categorical(["a", "b"] * 10),
}


@pytest.mark.parametrize("groups", GROUPS)
def test_groups_from_anything_aligned_by_key(groups: str) -> None:
    parts = part(seed=1).split(0.5, 0.5, groups=GROUPS[groups])
    assert sorted(tuple(part.keys) for part in parts) == [tuple(KEYS[::2]), tuple(KEYS[1::2])]


def test_groups_from_a_level_of_the_keys() -> None:
    keys = pd.MultiIndex.from_product([["p1", "p2", "p3", "p4"], [1, 2, 3]], names=["who", "n"])
    train, test = Coded(keys, seed=0).split(0.75, 0.25, groups="who")
    assert (train.num_samples, test.num_samples) == (9, 3)
    assert len(set(test.keys.get_level_values("who"))) == 1
    with pytest.raises(ArgumentError, match=r"(?s)no level of the keys.*\['who', 'n'\]"):
        Coded(keys).split(0.5, 0.5, groups="patient")
    with pytest.raises(ArgumentError, match="no level of the keys"):
        Coded(10).split(0.5, 0.5, groups="patient")


def test_without_keys_a_series_is_taken_in_order() -> None:
    shuffled = pd.Series(["a"] * 5 + ["b"] * 5, index=list("jihgfedcba"))
    train, _ = Coded(10, seed=0).split(0.5, 0.5, groups=shuffled)
    assert train.keys.tolist() in ([0, 1, 2, 3, 4], [5, 6, 7, 8, 9])


@pytest.mark.parametrize(
    ("groups", "error", "says"),
    [
        (["a"] * 19, ArgumentError, "19 values for 20 samples"),
        (pd.Series(["a"] * 19, KEYS[1:]), AlignmentError, "no row for 1 of the 20"),
        (pd.Series(["a"] * 21, [*KEYS, "k00"]), AlignmentError, "more than once"),
        (["a", None] * 10, AlignmentError, r"missing values(?s:.)*first for 'k01'"),
        (np.zeros((20, 2)), ArgumentError, "not one value for each sample"),
        (3, ArgumentError, "1 values for 20 samples"),
    ],
)
def test_what_are_no_groups(groups: Any, error: Any, says: str) -> None:
    with pytest.raises(error, match=says) as caught:
        part().split(0.5, 0.5, groups=groups)
    assert "groups" in str(caught.value)
    assert caught.value.where["class"] == "ArraySequence"


# Classes


@pytest.mark.parametrize("fractions", FRACTIONS)
@pytest.mark.parametrize("seed", range(5))
def test_every_part_has_its_share_of_each_class(fractions: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = pd.Series(rng.choice(list("abcd"), 997, p=[0.7, 0.2, 0.07, 0.03]))
    parts = split_classes(labels, fractions, seed)
    ends = np.round(np.cumsum(fractions) * 997)
    assert list(map(len, parts)) == np.diff(ends, prepend=0).tolist()
    assert len(np.unique(np.concatenate(parts))) == sum(map(len, parts))
    assert all((np.diff(rows) > 0).all() for rows in parts)
    for rows in parts:
        share = labels[rows].value_counts() - labels.value_counts() * len(rows) / 997
        assert share.abs().max() < 1.5


def test_one_of_two_of_each_class() -> None:
    labels = pd.Series(np.repeat(np.arange(50), 2))
    one, other = split_classes(labels, (0.5, 0.5), 3)
    assert sorted(labels[one]) == sorted(labels[other]) == list(range(50))


def test_samples_of_a_class_are_drawn_at_random() -> None:
    labels = pd.Series(np.zeros(1000, int))
    one, again, other = (split_classes(labels, (0.5, 0.5), seed)[0] for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert 200 < len(np.intersect1d(one, other)) < 300
    assert 400 < one.mean() < 600


def test_a_split_by_class_is_pinned() -> None:
    parts = split_classes(pd.Series(list("aab" * 6 + "ab")), (0.7, 0.3), 7)
    assert parts[1].tolist() == BY_CLASS


def test_continuous_values_are_no_classes() -> None:
    with pytest.raises(ArgumentError, match=r"(?s)too many classes.*pandas\.qcut"):
        Coded(10).split(0.5, 0.5, stratify=np.arange(10.0))


# Both


@pytest.mark.parametrize("fractions", FRACTIONS[:3])
@pytest.mark.parametrize("seed", range(3))
def test_groups_and_classes(fractions: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups = pd.Series(rng.integers(0, 200, 3000))
    labels = pd.Series(rng.choice(2, 200, p=[0.8, 0.2])[groups] * rng.choice(2, 3000))
    parts = split_groups_and_classes(groups, labels, fractions, seed)
    owners = [set(groups[rows]) for rows in parts]
    assert all(not one & other for k, one in enumerate(owners) for other in owners[:k])
    for rows, fraction in zip(parts, fractions, strict=True):
        assert abs(len(rows) / 3000 - fraction) < 0.02
        assert abs(labels[rows].mean() - labels.mean()) < 0.02


def test_groups_and_classes_that_leave_a_part_empty() -> None:
    with pytest.raises(ArgumentError, match=r"(?s)empty.*1 groups"):
        Coded(8).split(0.5, 0.5, groups=[0] * 8, stratify=[0, 1] * 4)


# Hash


def test_a_hash_is_pinned() -> None:
    """Across versions and machines a sample must not move from training to test."""
    keys: list[Any] = ["a", 1, 1.5, b"a", ("a", 1), pd.Timestamp("2020-01-02 03:04"), True, "ä"]
    assert [int(hash_keys(pd.Series([key], dtype=object))[0]) for key in keys] == HASHES


def test_the_hash_of_a_number_is_that_of_its_value() -> None:
    kinds = ["int8", "uint64", "int64", "float32", "float64", "Int64"]
    hashes = [hash_keys(pd.Series([3, 1, 2], dtype=kind)).tolist() for kind in kinds]
    assert hashes == hashes[:1] * len(kinds)


def test_tuples_of_equal_text_differ() -> None:
    keys = pd.Series([("a", "bc"), ("ab", "c"), "abc"])
    assert len(set(hash_keys(keys).tolist())) == 3


def test_a_key_without_text() -> None:
    with pytest.raises(ArgumentError, match="no text that would be the same tomorrow"):
        Coded([object(), object()]).split(0.5, 0.5, hash=True)


@pytest.mark.parametrize("fractions", FRACTIONS)
def test_parts_by_hash_are_disjoint_and_of_about_the_size(fractions: Any) -> None:
    parts = split_hashed(hash_keys(pd.Series(np.arange(10_000))), fractions)
    assert len(np.unique(np.concatenate(parts))) == sum(map(len, parts))
    assert sum(map(len, parts)) == 10_000 or sum(fractions) < 1
    for rows, fraction in zip(parts, fractions, strict=True):
        assert abs(len(rows) / 10_000 - fraction) < 0.02


def test_added_and_reordered_samples_move_none() -> None:
    few = Coded([f"k{n}" for n in range(100)], seed=1).split(0.7, 0.3, hash=True)
    many = Coded([f"k{n}" for n in range(300)][::-1], seed=2).split(0.7, 0.3, hash=True)
    assert set(few[0].keys) <= set(many[0].keys)
    assert set(few[1].keys) <= set(many[1].keys)


def test_the_hash_of_the_group_decides() -> None:
    owners = np.arange(300) // 3
    train, test = Coded(300).split(0.7, 0.3, groups=owners, hash=True)
    assert not set(owners[train.keys]) & set(owners[test.keys])
    fewer, _ = Coded(90).split(0.7, 0.3, groups=owners[:90], hash=True)
    assert set(fewer.keys) <= set(train.keys)


def test_a_split_of_a_split_by_hash_draws_anew() -> None:
    train, rest = Coded(4000).split(0.5, 0.5, hash=True)
    for half in (train, rest):
        parts = half.split(0.5, 0.5, hash=True)
        assert all(900 < size < 1100 for size in sizes(parts))


# All of them


@pytest.mark.parametrize(
    "ways",
    [
        {"stratify": [0] * 20, "hash": True},
        {"by_time": list(range(20)), "groups": [0] * 20},
        {"by_time": list(range(20)), "hash": True},
        {"groups": [0] * 20, "stratify": [0] * 20, "hash": True},
    ],
)
def test_ways_that_exclude_each_other(ways: Any) -> None:
    with pytest.raises(ArgumentError, match="cannot go by all of these") as caught:
        Coded(20).split(0.5, 0.5, **ways)
    assert caught.value.got == ", ".join(
        name for name in ("groups", "stratify", "by_time", "hash") if name in ways
    )


@pytest.mark.parametrize("ways", [{"groups": list(range(50)) * 2}, {"stratify": [0, 1] * 50}])
def test_only_the_first_part_shuffles_and_augments(ways: Any) -> None:
    train, test = Noisy(100, seed=4, shuffle=True, batch_size=7, drop_last=True).split(
        0.5, 0.5, **ways
    )
    assert (train.augments, test.augments) == (True, False)
    assert len(train) == 7
    assert epoch_of(test) == test.keys.tolist()


class Learning(MultiInputSequence):
    """Standardizes its rows."""

    def __init__(self, rows: Any, keys: Any, **keywords: Any) -> None:
        super().__init__(keys, **keywords)
        self.rows, self.scale = rows, Standardize()

    @property
    def transforms(self) -> Any:
        return {"x": self.scale}

    def raw(self, index: int) -> Any:
        return {"x": self.rows[index]}

    def load_sample(self, index: int) -> Any:
        return {"x": self.scale(self.rows[index])}


@pytest.mark.parametrize("joined", [False, True])
def test_test_data_cannot_leak_into_what_is_learned(joined: bool) -> None:
    """Whatever the test samples hold, what is learned from training is the same to the bit."""
    rows = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    owners = np.arange(20) // 2
    learned = []
    for change in (0.0, 1e6):
        other = rows.copy()
        _, hidden = part("y", seed=1).split(0.7, 0.3, groups=owners)
        other[[KEYS.index(key) for key in hidden.keys]] += change
        numbers = Learning(other, KEYS, seed=1)
        whole = join(numbers, part("y", BACKWARDS), seed=1) if joined else numbers
        train, test = whole.split(0.7, 0.3, groups=owners)
        assert test.keys.tolist() == hidden.keys.tolist()
        train.adapt(progress=False)
        learned.append((numbers.scale, [train[0][0]["x"].tobytes(), test.num_samples]))
    assert learned[0] == learned[1]


BY_GROUP = [2, 3, 4, 5, 6, 7, 10, 11, 12, 13]
BY_CLASS = [3, 4, 8, 14, 15, 16]
HASHES = [
    15234774747795318403,
    14991502159870627944,
    3801650547409629895,
    15234774747795318403,
    3420611849235306176,
    12911213782034242089,
    13862801121452328004,
    6622295467739688350,
]
