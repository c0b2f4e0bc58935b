"""Samplers in sequences."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from coded import Coded, epoch_of
from drawn import LABELS, SAMPLERS
from keyed import BACKWARDS, KEYS, N, part

from multiseq import (
    ArraySequence,
    BalancedSampler,
    WeightedSampler,
    join,
)
from multiseq.errors import AlignmentError, ArgumentError

each_sampler = pytest.mark.parametrize("name", SAMPLERS)


# In sequences

WEIGHTS = pd.Series(np.where(np.arange(N) % 5, 0.0, 1.0), KEYS)


def keys_of(seq: Any) -> set[str]:
    return {key for i in range(len(seq)) for key in seq.batch_keys(i)}


def test_values_are_aligned_by_key() -> None:
    whole = part("x", BACKWARDS, sampler=WeightedSampler(WEIGHTS), seed=1)
    assert keys_of(whole) == set(KEYS[::5])
    assert keys_of(part("x", BACKWARDS, seed=1).replace(sampler=WeightedSampler(WEIGHTS))) == set(
        KEYS[::5]
    )
    joined = join(part("x", BACKWARDS), part("y"), sampler=WeightedSampler(WEIGHTS), seed=1)
    assert keys_of(joined) == set(KEYS[::5])


def test_without_keys_values_are_taken_in_order() -> None:
    weights = pd.Series([1, 0, 0, 0], index=list("dcba"))
    assert set(epoch_of(Coded(4, sampler=WeightedSampler(weights)))) == {0}


@pytest.mark.parametrize("values", [[1] * 19, [1] * 21, pd.Series([1] * 19, KEYS[1:])])
def test_values_that_are_not_those_of_the_samples(values: Any) -> None:
    with pytest.raises((ArgumentError, AlignmentError), match=r"^ArraySequence: weights"):
        part(sampler=WeightedSampler(values))
    with pytest.raises((ArgumentError, AlignmentError), match=r"^ArraySequence: weights"):
        part().replace(sampler=WeightedSampler(values))


@each_sampler
def test_a_part_samples_its_own(name: str) -> None:
    seq = Coded(120, sampler=SAMPLERS[name], batch_size=8, seed=1)
    subset = seq.subset(np.arange(120)[::-2])
    assert set(epoch_of(subset)) <= set(range(1, 120, 2))
    again = subset.subset(slice(5, 58))
    assert set(epoch_of(again)) <= set(again.keys)


def test_values_follow_their_samples_into_a_part() -> None:
    seq = part("x", BACKWARDS, sampler=WeightedSampler(WEIGHTS), seed=1)
    subset = seq.subset(KEYS[3:13]).subset(KEYS[12:4:-1])
    assert keys_of(subset) == {"k05", "k10"}
    train, test = seq.split(0.9, 0.1)
    assert keys_of(train) == set(train.keys) & set(KEYS[::5])
    assert keys_of(test) == set(test.keys)


def test_a_strategy_is_applied_to_the_part() -> None:
    seq = Coded(120, sampler=BalancedSampler(LABELS), seed=1)
    train, _ = seq.split(0.5, 0.5, stratify=LABELS)
    assert Counter(LABELS[epoch_of(train)].tolist()) == {"a": 40, "b": 40, "c": 40}


def test_a_function_knows_the_whole_only() -> None:
    seq = Coded(20, sampler=lambda seed, epoch: np.arange(20)[::-1])
    for make in (lambda: seq.subset([1, 2]), lambda: seq.split(0.5, 0.5)):
        with pytest.raises(ArgumentError, match=r"positions of the whole(?s:.)*restricted"):
            make()
    train, _ = seq.replace(sampler=None).split(0.5, 0.5)
    assert epoch_of(train.replace(sampler=lambda seed, epoch: [1, 1])) == [train.keys[1]] * 2


def test_a_subset_keeps_its_sampler_until_it_is_left_out() -> None:
    subset = Coded(20, sampler=WeightedSampler(np.arange(20))).subset([7, 3, 5])
    assert epoch_of(subset.replace(sampler=None)) == [7, 3, 5]
    with pytest.raises(ArgumentError, match=r"shuffle=False(?s:.)*sampler=None"):
        subset.replace(shuffle=True)
    shuffled = subset.replace(shuffle=True, sampler=None)
    assert sorted(epoch_of(shuffled)) == [3, 5, 7]
    epoch_of(shuffled.replace(shuffle=False, sampler=WeightedSampler([1, 1, 1])))


def test_a_sampler_of_a_part_of_a_join_is_not_lost() -> None:
    with pytest.raises(ArgumentError, match="sampler=, which would be lost"):
        join(part("x", BACKWARDS, sampler=lambda seed, epoch: [0]), part("y"))


def test_an_array_of_values_is_in_source_order_whatever_the_keys() -> None:
    weights = [1.0] + [0.0] * 9
    for keys in (range(9, -1, -1), list("abcdefghij")):
        seq = ArraySequence(np.arange(10), keys=keys, sampler=WeightedSampler(weights))
        assert seq[0][0].tolist() == [0] * 10
    series = pd.Series(weights, index=range(9, -1, -1))
    seq = ArraySequence(np.arange(10), keys=range(10), sampler=WeightedSampler(series))
    assert seq[0][0].tolist() == [9] * 10
