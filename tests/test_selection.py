"""selection and views: keys, subsets, splits, copies with other settings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from coded import Coded, Noisy, codes, epoch_of, frozen

from multiseq.errors import AlignmentError, ArgumentError, few
from multiseq.keys.choosing import chosen_positions
from multiseq.keys.labelled import Samples
from multiseq.keys.selection import checked_keys
from multiseq.keys.splitting import split_positions


def positions_of(keys: Any, chosen: Any) -> Any:
    return chosen_positions(keys, chosen, Samples(keys))


@pytest.mark.parametrize(
    "keys",
    [
        list("abc"),
        tuple("abc"),
        np.array(["a", "b", "c"]),
        pd.Series(["a", "b", "c"], index=[7, 8, 9]),
        pd.Index(["a", "b", "c"]),
        {"a": 1, "b": 2, "c": 3},
        {"a": 1, "b": 2, "c": 3}.keys(),
        (key for key in "abc"),
    ],
)
def test_keys_from_anything_with_an_order(keys: Any) -> None:
    assert checked_keys(keys).tolist() == ["a", "b", "c"]


@pytest.mark.parametrize("n", [3, np.int32(3)])
def test_a_number_makes_positions_the_keys(n: int) -> None:
    assert checked_keys(n).tolist() == [0, 1, 2]


def test_a_huge_number_costs_nothing() -> None:
    assert isinstance(checked_keys(10**12), pd.RangeIndex)


@pytest.mark.parametrize(
    "keys",
    [
        [("p1", 1), ("p1", 2), ("p2", 1)],
        pd.MultiIndex.from_tuples([("p1", 1), ("p1", 2), ("p2", 1)]),
        pd.date_range("2024-01-01", periods=3),
        np.array([1.5, 2.5, 3.5]),
        pd.Index([b"a", b"b", b"c"]),
        pd.CategoricalIndex(["x", "y", "z"]),
    ],
    ids=["tuples", "multiindex", "dates", "floats", "bytes", "categories"],
)
def test_all_kinds_of_keys(keys: Any) -> None:
    seq = Coded(keys, batch_size=2)
    assert epoch_of(seq) == [0, 1, 2]
    assert list(seq.batch_keys(1)) == list(pd.Index(keys)[2:])
    assert epoch_of(seq.subset(list(seq.keys[[2, 0]]))) == [2, 0]


@pytest.mark.parametrize("none", [0, -3, [], np.array([]), pd.Index([]), {}, iter(())])
def test_no_samples(none: Any) -> None:
    with pytest.raises(ArgumentError, match="there are no samples"):
        checked_keys(none)


@pytest.mark.parametrize("value", [3.0, True, "abc", b"abc", None, object(), np.zeros((2, 2))])
def test_what_is_neither_a_number_nor_keys(value: Any) -> None:
    with pytest.raises(ArgumentError, match="neither a number of samples nor their keys"):
        checked_keys(value)


@pytest.mark.parametrize(
    "keys",
    [
        ["a", None, "c", np.nan],
        [1.0, np.nan, 3.0, np.nan],
        [pd.Timestamp(0), pd.NaT, pd.NaT],
        [("a", 1), (None, 2), ("b", np.nan)],
    ],
)
def test_missing_keys(keys: Any) -> None:
    with pytest.raises(AlignmentError, match=r"2 keys are missing(?s:.)*position 1"):
        checked_keys(keys)


def test_duplicate_keys_are_named() -> None:
    with pytest.raises(AlignmentError, match=r"(?s)duplicated.*got: 'b', 'c'"):
        checked_keys(list("abcbbc"))


@pytest.mark.parametrize(
    ("chosen", "positions"),
    [
        (["c", "a"], [2, 0]),
        (slice(1, None), [1, 2]),
        (slice(None, None, -1), [2, 1, 0]),
        ([True, False, True], [0, 2]),
        (pd.Series([True, False, True], list("cba")), [0, 2]),
        ({"b": True, "c": False, "a": True}, [0, 1]),
        (np.array([False, True, False]), [1]),
        (pd.Index(["b"]), [1]),
    ],
)
def test_chosen_by_key_slice_or_mask(chosen: Any, positions: list[int]) -> None:
    found = positions_of(pd.Index(["a", "b", "c"]), chosen)
    assert found.tolist() == positions
    assert found.dtype == np.int64


def test_names_that_are_no_utf_8() -> None:
    seq = Coded(["a", "\udc80", "c"], batch_size=2)
    assert seq.keys.tolist() == ["a", "\udc80", "c"]
    assert epoch_of(seq.subset(["\udc80"])) == [1]
    assert epoch_of(seq.split(0.5, 0.5, hash=True)[0])


def test_integers_are_keys_where_keys_are_integers() -> None:
    assert positions_of(pd.Index([30, 10, 20]), [10, 30]).tolist() == [1, 0]
    with pytest.raises(AlignmentError, match=r"(?s)do not exist.*got: 0"):
        positions_of(pd.Index([30, 10, 20]), [0])


@pytest.mark.parametrize("dtype", ["int8", "uint64", "Int64", "object", "category"])
def test_positions_are_asked_for_by_name(dtype: str) -> None:
    seq = Coded(list("abc"), batch_size=3)
    chosen = pd.Series([2, 0], dtype=dtype)
    for given in (chosen, chosen.array, chosen.tolist(), [-1, 0]):
        assert epoch_of(seq.subset(positions=given)) == [2, 0]
    with pytest.raises(AlignmentError, match=r"subset\(positions=...\)|different kinds"):
        seq.subset(chosen)
    for wrong in ([3], [-4]):
        with pytest.raises(AlignmentError, match="do not exist"):
            seq.subset(positions=wrong)
    for other in (["a"], [0.5], [True, False, True], []):
        with pytest.raises(ArgumentError):
            seq.subset(positions=other)


def test_an_array_of_integers_is_not_guessed_at() -> None:
    seq = Coded([2, 0, 1], batch_size=3)
    with pytest.raises(AlignmentError, match="two ways"):
        seq.subset(np.array([0, 1]))
    assert seq.subset(pd.Index([0, 1])).keys.tolist() == [0, 1]
    assert seq.subset(pd.Series([0, 1], dtype="category")).keys.tolist() == [0, 1]
    assert seq.subset(positions=np.array([0, 1])).keys.tolist() == [2, 0]


@pytest.mark.parametrize("chosen", [["a", "x"], ["a", None]])
def test_what_does_not_exist(chosen: Any) -> None:
    with pytest.raises(AlignmentError, match=r"(?s)do not exist.*any of the 3 samples"):
        positions_of(pd.Index(["a", "b", "c"]), chosen)


@pytest.mark.parametrize("chosen", [[], slice(5, 9), [False] * 3, [True] * 4, [True], 1, "a", None])
def test_what_chooses_nothing(chosen: Any) -> None:
    with pytest.raises(ArgumentError):
        positions_of(pd.Index(["a", "b", "c"]), chosen)


def test_few() -> None:
    assert few([1, 2, 3]) == "1, 2, 3"
    assert few(list(range(10)), 2) == "0, 1, … (10 in all)"


@pytest.mark.parametrize("n", [3, 10, 101, 1000])
@pytest.mark.parametrize("fractions", [(0.8, 0.2), (0.4, 0.3, 0.3), (1.0,), (1 / 3,) * 3])
def test_parts_are_disjoint_and_hold_everything(n: int, fractions: Any) -> None:
    parts = split_positions(n, fractions, seed=5)
    assert sorted(np.concatenate(parts).tolist()) == list(range(n))
    assert all(abs(len(part) - f * n) <= 1 for part, f in zip(parts, fractions, strict=True))
    assert all((np.diff(part) > 0).all() for part in parts)


def test_parts_are_drawn_at_random_by_the_seed() -> None:
    one, again, other = (split_positions(1000, (0.5, 0.5), seed)[0] for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert 200 < len(np.intersect1d(one, other)) < 300
    assert 400 < one.mean() < 600


def test_a_split_is_pinned() -> None:
    """Across versions a sample must not move from training to test."""
    assert split_positions(20, (0.2,), seed=7)[0].tolist() == PINNED


PINNED = [7, 9, 17, 19]


@pytest.mark.parametrize(
    "fractions", [(), (0.5, 0.6), (-0.5, 0.5), (0.0, 1.0), (1.5,), (8, 2), ("a",), (None,), (True,)]
)
def test_what_are_no_fractions(fractions: Any) -> None:
    with pytest.raises(ArgumentError, match="fractions"):
        split_positions(10, fractions, 0)


def test_an_empty_part() -> None:
    with pytest.raises(ArgumentError, match="a part of the split would be empty"):
        split_positions(4, (0.9, 0.1), 0)


def test_a_subset_holds_the_chosen_samples() -> None:
    seq = Coded(list("abcdef"), batch_size=2)
    subset = seq.subset(["e", "b", "c"])
    assert subset.keys.tolist() == ["e", "b", "c"]
    assert (subset.num_samples, len(subset)) == (3, 2)
    assert epoch_of(subset) == [4, 1, 2]
    assert epoch_of(seq) == [0, 1, 2, 3, 4, 5]


def test_a_subset_of_a_subset() -> None:
    subset = (
        Coded(list("abcdef")).subset(slice(1, None)).subset(positions=[3, 0]).subset(["b", "e"])
    )
    assert epoch_of(subset) == [1, 4]
    assert codes(
        tuple(np.array([leaf]) for leaf in [subset.sample(0)[1], subset.sample(-1)[1]])[:1]
    )
    assert [subset.sample(position)[1] for position in (0, 1, -1)] == [1, 4, 4]


@pytest.mark.parametrize("position", [2, -3])
def test_a_sample_that_is_not_there(position: int) -> None:
    with pytest.raises(IndexError):
        Coded(10).subset([3, 4]).sample(position)


def test_a_subset_twice_the_same_sample() -> None:
    with pytest.raises(AlignmentError, match="duplicated"):
        Coded(10).subset([1, 1])


def test_a_subset_shuffles_its_own_samples_when_asked() -> None:
    plain = Coded(100, shuffle=True, seed=1, batch_size=7).subset(range(50, 100))
    assert epoch_of(plain) == list(range(50, 100))
    subset = plain.replace(shuffle=True)
    assert sorted(epoch_of(subset)) == list(range(50, 100))
    assert epoch_of(subset) != list(range(50, 100))
    assert [k for i in range(len(subset)) for k in subset.batch_keys(i)] == epoch_of(subset)


def test_a_sample_is_augmented_alike_in_every_subset() -> None:
    seq = Noisy(10, seed=3, batch_size=1)
    assert frozen(seq.subset([7, 2]).replace(augmented=True)[1]) == frozen(seq[2])
    assert frozen(seq.subset([7, 2])[1]) == frozen(seq.replace(augmented=False)[2])


def test_a_split_is_disjoint_and_exhaustive() -> None:
    parts = Coded(100, seed=4, batch_size=8).split(0.6, 0.2, 0.2)
    assert [part.num_samples for part in parts] == [60, 20, 20]
    assert sorted(sample for part in parts for sample in epoch_of(part)) == list(range(100))


def test_a_split_of_a_split() -> None:
    train, rest = Coded(100, seed=4).split(0.5, 0.5)
    validation, test = rest.split(0.5, 0.5)
    found = epoch_of(train) + epoch_of(validation) + epoch_of(test)
    assert sorted(found) == list(range(100))


def test_only_the_first_part_shuffles_and_augments() -> None:
    train, test = Noisy(100, seed=4, shuffle=True, batch_size=10).split(0.5, 0.5)
    assert train.augments
    assert not test.augments
    keys = [key for i in range(len(train)) for key in train.batch_keys(i)]
    assert keys != sorted(keys)
    assert epoch_of(test) == test.keys.tolist() == sorted(test.keys)
    train.set_epoch(1)
    assert keys != [key for i in range(len(train)) for key in train.batch_keys(i)]


def test_a_split_by_the_same_seed_is_the_same() -> None:
    one, again, other = (Coded(50, seed=s).split(0.5, 0.5)[0].keys for s in (1, 1, 2))
    assert one.equals(again)
    assert not one.equals(other)


def test_parts_do_not_share_their_epoch() -> None:
    train, test = Coded(10, seed=1).split(0.5, 0.5)
    train.set_epoch(4)
    assert test.epoch == 0
