"""samplers: weighted, balanced, stratified, bucketed; pure functions of (seed, epoch)."""

from __future__ import annotations

import pickle
from collections import Counter
from typing import Any

import numpy as np
import pytest
from coded import Coded, frozen_epoch
from drawn import LABELS, LENGTHS, SAMPLERS

from multiseq import (
    BalancedSampler,
    BucketSampler,
    StratifiedSampler,
    WeightedSampler,
)
from multiseq.errors import AlignmentError, ArgumentError
from multiseq.testing import check_sequence

FIRST = {
    "weighted": [77, 51, 96, 110, 91, 116, 72, 51],
    "without replacement": [106, 112, 104, 43, 93, 41, 113, 111],
    "over": [46, 30, 117, 32, 94, 105, 25, 88],
    "under": [119, 17, 95, 103, 46, 100, 82, 47],
    "stratified": [46, 55, 13, 60, 81, 64, 23, 73],
    "bucket": [109, 2, 67, 37, 60, 115, 30, 64],
}

each_sampler = pytest.mark.parametrize("name", SAMPLERS)


@each_sampler
def test_an_epoch_is_pinned(name: str) -> None:
    """A seed stays valid across versions and machines."""
    assert SAMPLERS[name](7, 3)[:8].tolist() == FIRST[name]


@each_sampler
def test_a_pure_function_of_seed_and_epoch(name: str) -> None:
    sampler = SAMPLERS[name]
    first = sampler(1, 0).tolist()
    others = [sampler(2, 0).tolist(), sampler(1, 1).tolist()]
    assert sampler(1, 0).tolist() == pickle.loads(pickle.dumps(sampler))(1, 0).tolist() == first
    assert first not in others
    assert {len(other) for other in others} == {len(first)}


@each_sampler
def test_it_keeps_the_contract_in_a_sequence(name: str) -> None:
    check_sequence(Coded(120, sampler=SAMPLERS[name], batch_size=8, seed=1))


@each_sampler
def test_workers_make_no_difference(name: str) -> None:
    alone = Coded(120, sampler=SAMPLERS[name], batch_size=8, seed=1)
    ways: tuple[dict[str, Any], ...] = ({"workers": 2}, {"workers": 1, "use_multiprocessing": True})
    for settings in ways:
        with alone.replace(**settings) as seq:
            seq.set_epoch(2)
            alone.set_epoch(2)
            assert frozen_epoch(seq) == frozen_epoch(alone)


# Weighted


def test_draws_are_in_proportion_to_the_weights() -> None:
    counts = np.bincount(WeightedSampler([0, 1, 3, 0, 6, 0], 100_000)(1, 0), minlength=6)
    assert counts[[0, 3, 5]].tolist() == [0, 0, 0]
    assert np.abs(counts[[1, 2, 4]] / 100_000 - [0.1, 0.3, 0.6]).max() < 0.005


def test_without_replacement_a_sample_comes_once() -> None:
    sampler = WeightedSampler([0, 1, 1, 1000, 0], replacement=False)
    assert sorted(sampler(1, 0).tolist()) == [1, 2, 3]
    first = WeightedSampler([0, 1, 1, 1000, 0], 1, replacement=False)
    assert Counter(first(1, epoch)[0] for epoch in range(100))[3] > 95


def test_chances_without_replacement_are_those_of_one_draw_after_another() -> None:
    sampler = WeightedSampler([1, 2, 3], 2, replacement=False)
    pairs = Counter(frozenset(sampler(1, epoch).tolist()) for epoch in range(4000))
    # P({0, 1}) = 1/6 * 2/5 + 2/6 * 1/4, and so on.
    for pair, chance in (((0, 1), 9 / 60), ((0, 2), 16 / 60), ((1, 2), 35 / 60)):
        assert abs(pairs[frozenset(pair)] / 4000 - chance) < 0.025


def test_without_replacement_the_order_is_random() -> None:
    sampler = WeightedSampler([1, 1000], replacement=False)
    assert 30 < sum(int(sampler(1, epoch)[0]) for epoch in range(100)) < 70


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (([1, -1],), "finite and at least 0"),
        (([1, np.inf],), "finite and at least 0"),
        (([0, 0],), "all weights are 0"),
        ((["a", "b"],), "weights are not numbers"),
        (([],), "not one value for each sample"),
        ((3,), "not one value for each sample"),
        (([1, 1], 0), "bad num_samples"),
        (([1, 1], 1.5), "bad num_samples"),
        (([1, 0], 2, False), "fewer samples than are to be drawn"),
    ],
)
def test_what_are_no_weights(arguments: Any, says: str) -> None:
    with pytest.raises(ArgumentError, match=says):
        WeightedSampler(*arguments)


def test_a_missing_weight() -> None:
    with pytest.raises(AlignmentError, match="missing values"):
        WeightedSampler([1.0, np.nan])


# Balanced

STRATEGIES: list[Any] = [
    "auto",
    "minority",
    "majority",
    "not minority",
    "not majority",
    "all",
    {"a": 100, "b": 50},
    {"c": 5},
    {"b": 30, "c": 10},
    {},
    lambda labels: {"b": 90, "c": 80},
    lambda labels: {"a": 10},
]


@pytest.mark.parametrize("method", ["over", "under"])
@pytest.mark.parametrize("number", range(len(STRATEGIES)))
def test_strategies_are_those_of_imbalanced_learn(method: str, number: int) -> None:
    utils = pytest.importorskip("imblearn.utils")
    strategy, have = STRATEGIES[number], Counter(LABELS.tolist())
    try:
        theirs = utils.check_sampling_strategy(strategy, LABELS, f"{method}-sampling")
    except ValueError:
        with pytest.raises(ArgumentError):
            BalancedSampler(LABELS, strategy, method)  # type: ignore[arg-type]
        return
    wanted = {
        label: have[label] + theirs.get(label, 0) if method == "over" else theirs.get(label, size)
        for label, size in have.items()
    }
    sampler = BalancedSampler(LABELS, strategy, method)  # type: ignore[arg-type]
    assert sampler.counts == wanted
    assert Counter(LABELS[sampler(1, 0)].tolist()) == {k: v for k, v in wanted.items() if v}


@pytest.mark.parametrize("method", ["over", "under"])
@pytest.mark.parametrize("ratio", [0.1, 0.3, 0.5, 0.9, 1.0, 1.5, 0.0])
def test_a_ratio_is_that_of_imbalanced_learn(method: str, ratio: float) -> None:
    utils = pytest.importorskip("imblearn.utils")
    labels = np.repeat([1, 0], [20, 80])
    try:
        theirs = utils.check_sampling_strategy(ratio, labels, f"{method}-sampling")
    except ValueError:
        with pytest.raises(ArgumentError):
            BalancedSampler(labels, ratio, method)  # type: ignore[arg-type]
        return
    counts = BalancedSampler(labels, ratio, method).counts  # type: ignore[arg-type]
    assert counts == ({0: 80, 1: 20 + theirs[1]} if method == "over" else {0: theirs[0], 1: 20})


def test_over_sampling_shows_each_sample_of_a_class_alike() -> None:
    shown = Counter(BalancedSampler(LABELS)(1, 0).tolist())
    for label in "abc":
        members = [shown[position] for position in np.flatnonzero(label == LABELS)]
        assert 0 < max(members) <= min(members) + 1


def test_under_sampling_shows_other_samples_in_each_epoch() -> None:
    sampler = BalancedSampler(LABELS, method="under")
    epochs = [set(sampler(1, epoch).tolist()) for epoch in range(40)]
    assert all(len(epoch) == 30 for epoch in epochs)
    assert len(set.union(*epochs)) == 120


def test_classes_are_mixed() -> None:
    order = LABELS[BalancedSampler(LABELS)(1, 0)]
    assert all(len(set(order[start : start + 40])) == 3 for start in range(0, 240, 40))


@pytest.mark.parametrize(
    ("strategy", "method", "says"),
    [
        ("some", "over", "bad strategy"),
        ("majority", "over", "bad strategy"),
        ("minority", "under", "bad strategy"),
        (None, "over", "bad strategy"),
        (True, "over", "bad strategy"),
        (0.5, "over", "0.5 for 3 classes"),
        ({"a": 79}, "over", "cannot make 79 samples"),
        ({"a": 81}, "under", "cannot make 81 samples"),
        ({"a": 90.5}, "over", "an integer"),
        ({"x": 90}, "over", "a class that has no samples"),
        ("auto", "both", "bad method"),
    ],
)
def test_what_is_no_strategy(strategy: Any, method: Any, says: str) -> None:
    with pytest.raises(ArgumentError, match=says):
        BalancedSampler(LABELS, strategy, method)


@pytest.mark.parametrize("labels", [[1, 1, 0], [True, True, False], [1, 1, "a"], [0.5, 0.5, 1]])
def test_labels_of_any_kind(labels: Any) -> None:
    assert sorted(BalancedSampler(labels)(1, 0).tolist()) == [0, 1, 2, 2]


# Stratified


@pytest.mark.parametrize("size", [4, 12, 30, 50])
@pytest.mark.parametrize("epoch", range(3))
def test_every_batch_has_its_share_of_each_class(size: int, epoch: int) -> None:
    order = StratifiedSampler(LABELS)(1, epoch)
    assert sorted(order.tolist()) == list(range(120))
    whole = Counter(LABELS.tolist())
    for start in range(0, 120, size):
        batch = Counter(LABELS[order[start : start + size]].tolist())
        share = min(size, 120 - start) / 120
        assert all(abs(batch[label] - whole[label] * share) < 2 for label in whole)


def test_rare_classes_are_spread_over_the_epoch() -> None:
    labels = np.concatenate([np.zeros(950, int), np.arange(1, 51)])
    order = labels[StratifiedSampler(labels)(1, 0)]
    assert all(2 < (part > 0).sum() < 20 for part in order.reshape(5, -1))


# Bucketed


@pytest.mark.parametrize("n", [1, 7, 8, 9, 24, 25, 119, 120])
@pytest.mark.parametrize("pool", [1, 2, 100])
def test_every_sample_comes_once(n: int, pool: int) -> None:
    for epoch in range(3):
        order = BucketSampler(LENGTHS[:n], 8, pool)(1, epoch)
        assert sorted(order.tolist()) == list(range(n))


def test_a_pool_of_all_makes_batches_of_neighbours_in_length() -> None:
    order = BucketSampler(LENGTHS, 8, 15)(1, 0)
    batches = np.sort(LENGTHS[order].reshape(15, 8), axis=1)
    assert batches[np.argsort(batches[:, 0])].ravel().tolist() == np.sort(LENGTHS).tolist()
    assert (np.diff(batches[:, 0]) < 0).any()


def test_buckets_spare_padding() -> None:
    plain, small, large = (BucketSampler(LENGTHS, 8, pool) for pool in (1, 3, 15))
    assert plain.padding() > 1.5 * small.padding() > 1.5 * large.padding() > 0
    assert plain.padding(1, 0) != plain.padding(1, 1)


def test_padding_is_measured() -> None:
    assert BucketSampler([2, 2, 4, 4], 2).padding() == 0
    assert BucketSampler([1, 3], 2).padding() == 1 - 4 / 6
    assert BucketSampler([1, 3, 5], 2).padding() == 1 - 9 / 11
    assert BucketSampler([0, 0], 2).padding() == 0


def test_a_sequence_of_another_batch_size() -> None:
    sampler = BucketSampler(LENGTHS, 8)
    makes: list[Any] = [
        lambda: Coded(120, sampler=sampler, batch_size=16),
        lambda: Coded(120, sampler=sampler, batch_size=8).replace(batch_size=16),
    ]
    for make in makes:
        with pytest.raises(ArgumentError, match=r"another size(?s:.)*batch_size=16, and 8"):
            make()


@pytest.mark.parametrize("arguments", [([1, 2], 0), ([1, 2], 2, 0), ([-1, 2], 2), (["a"], 2)])
def test_what_makes_no_buckets(arguments: Any) -> None:
    with pytest.raises(ArgumentError):
        BucketSampler(*arguments)
