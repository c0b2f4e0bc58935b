"""Where a sequence is: told by state_dict, gone back to by load_state_dict."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from coded import Coded, codes
from hypothesis import given
from hypothesis import strategies as st

from multiseq import (
    ArraySequence,
    BalancedSampler,
    BucketSampler,
    MultiInputSequence,
    StratifiedSampler,
    WeightedSampler,
    concat,
    join,
    pairs,
)
from multiseq.errors import ArgumentError
from multiseq.samplers import SamplerBase

N, BATCH = 23, 4  # 6 batches.


def fresh(n: Any = N, **keywords: Any) -> Coded:
    return Coded(n, **({"batch_size": BATCH, "shuffle": True, "seed": 5} | keywords))


def rest_of(seq: MultiInputSequence) -> list[list[int]]:
    return [codes(batch) for batch in seq]


def after(seq: MultiInputSequence, epoch: int, batches: int) -> dict[str, Any]:
    """The state when so many batches of an epoch were iterated over, having been written."""
    seq.set_epoch(epoch)
    for number, _ in enumerate(seq, 1) if batches else ():
        if number == batches:
            break
    state: dict[str, Any] = json.loads(json.dumps(seq.state_dict()))
    return state


@given(st.integers(0, 3), st.integers(0, 6), st.integers(0, 2))
def test_the_rest_of_the_epoch_and_then_the_next(epoch: int, batches: int, workers: int) -> None:
    whole = fresh()
    state = after(whole, epoch, batches)
    assert (state["epoch"], state["batches"], state["seed"]) == (epoch, batches, 5)
    whole.set_epoch(epoch + 1)
    later = rest_of(whole)
    whole.set_epoch(epoch)
    with fresh(seed=9, workers=workers) as again:
        again.load_state_dict(state)
        assert again.epoch == epoch
        assert rest_of(again) == rest_of(whole)[batches:]
        again.on_epoch_end()
        assert rest_of(again) == later


def test_a_loop_that_sets_its_epoch_goes_on() -> None:
    again = fresh()
    again.load_state_dict(after(fresh(), 1, 2))
    seen = []
    for epoch in range(again.epoch, 3):
        again.set_epoch(epoch)
        seen.append(len(rest_of(again)))
    assert seen == [4, 6]


def test_iterating_twice_gives_the_rest_twice() -> None:
    again = fresh()
    again.load_state_dict(after(fresh(), 0, 2))
    next(iter(again))
    assert len(rest_of(again)) == 4
    again.set_epoch(0)  # From its beginning now.
    assert len(rest_of(again)) == 6


def test_indices_stay_what_they_are() -> None:
    seq, again = fresh(), fresh()
    again.load_state_dict(after(fresh(), 0, 2))
    assert codes(again[0]) == codes(seq[0])
    again.load_state_dict(seq.state_dict() | {"batches": 5})
    assert len(rest_of(again)) == 1


def test_what_is_read_ahead_is_not_told() -> None:
    with fresh(workers=2, max_queue_size=4) as seq:
        next(iter(seq))
        assert seq.state_dict()["batches"] == 1
        assert codes(seq[5])
        assert seq.state_dict()["batches"] == 1


@pytest.mark.parametrize("counts", [(1, 2, 3), (2, 1, 4), (4, 2, 1)])
def test_another_number_of_shards_goes_on(counts: tuple[int, ...]) -> None:
    """Each global batch is the same, whichever processes share it."""
    size, epoch = 12, 0
    wanted = [sorted(batch) for batch in rest_of(fresh(48, batch_size=size))]
    got: list[list[int]] = []
    state = fresh(48, batch_size=size).state_dict()
    for turn, count in enumerate(counts):
        shards = [fresh(48, batch_size=size).shard(k, count) for k in range(count)]
        for shard in shards:
            shard.load_state_dict(state)
        parts = [iter(shard) for shard in shards]
        for _ in range(1 if turn < 2 else 2):
            got.append(sorted(code for part in parts for code in codes(next(part))))
            state = shards[0].state_dict()
    assert (state["epoch"], state["batches"]) == (epoch, 4)
    assert got == wanted


def test_joins_and_samplers_and_keys() -> None:
    keys = [f"k{i}" for i in range(12)]

    def made() -> MultiInputSequence:
        a = ArraySequence(np.arange(12.0), keys=keys)
        b = ArraySequence(np.arange(12.0)[::-1], keys=keys[::-1])
        labels = pd.Series([0] * 8 + [1] * 4, keys)
        return join(a=a, b=b, targets=pd.Series(range(12), keys), batch_size=4, seed=2).replace(
            sampler=BalancedSampler(labels)
        )

    seq = made()
    whole = [batch[0]["a"].tolist() for batch in seq]
    again = made()
    again.load_state_dict(seq.state_dict() | {"batches": 2})
    assert [batch[0]["a"].tolist() for batch in again] == whole[2:]
    assert seq.state_dict()["order"]["sampler"] == "BalancedSampler"


class InTurn(SamplerBase):
    """One of a user's own, which says nothing of its values."""

    def _set(self, values: Any) -> None:
        self._values = values

    def __call__(self, seed: int, epoch: int) -> Any:
        return np.arange(len(self._values))


WEIGHTS = np.arange(1.0, N + 1)
LABELS = WEIGHTS % 3


@pytest.mark.parametrize(
    ("sampler", "others"),
    [
        (
            WeightedSampler(WEIGHTS),
            [
                WeightedSampler(WEIGHTS[::-1]),
                WeightedSampler(WEIGHTS, num_samples=N + 1),
                WeightedSampler(WEIGHTS, replacement=False),
                WeightedSampler(WEIGHTS * (WEIGHTS > 1)),
            ],
        ),
        (
            BalancedSampler(LABELS),
            [
                BalancedSampler(LABELS[::-1]),
                BalancedSampler(LABELS, method="under"),
                BalancedSampler(LABELS, {0: N}),
            ],
        ),
        (StratifiedSampler(LABELS), [StratifiedSampler(LABELS[::-1])]),
        (
            BucketSampler(WEIGHTS, BATCH),
            [BucketSampler(WEIGHTS[::-1], BATCH), BucketSampler(WEIGHTS, BATCH, pool=2)],
        ),
    ],
    ids=["weighted", "balanced", "stratified", "bucket"],
)
def test_samplers_of_other_values_make_another_order(sampler: Any, others: Any) -> None:
    seq = Coded(N, batch_size=BATCH, seed=5, sampler=sampler)
    state = json.loads(json.dumps(after(seq, 1, 2)))
    again = copy.deepcopy(sampler)
    Coded(N, batch_size=BATCH, sampler=again).load_state_dict(state)
    for other in others:
        with pytest.raises(ArgumentError, match=r"what makes up the order(?s:.)*sampler_values"):
            Coded(N, batch_size=BATCH, sampler=other).load_state_dict(state)
    part = seq.subset(slice(0, N - 3)).state_dict()
    assert part["order"]["sampler_values"] != state["order"]["sampler_values"]


def test_a_sampler_of_ones_own_says_nothing_of_its_values() -> None:
    seq = Coded(N, batch_size=BATCH, sampler=InTurn(WEIGHTS, "numbers"))
    assert seq.state_dict()["order"]["sampler"] == "InTurn"
    seq.load_state_dict(seq.state_dict())


@pytest.mark.parametrize(
    ("other", "what"),
    [
        (lambda: fresh(24), "numbers of samples"),
        (lambda: fresh([f"k{i}" for i in range(N)]), "keys"),
        (lambda: fresh(range(1, N + 1)), "keys"),
        (lambda: fresh(batch_size=5), "batch_size"),
        (lambda: fresh(shuffle=False), "shuffle"),
        (lambda: fresh(drop_last=True), "drop_last"),
        (lambda: ArraySequence(np.zeros((N, 2)), batch_size=BATCH, shuffle=True), "inputs"),
        (lambda: Coded(30, batch_size=BATCH, shuffle=True, seed=6).split(0.77)[0], "same seed"),
    ],
)
def test_other_data_are_refused_and_nothing_changes(other: Any, what: str) -> None:
    state = after(fresh(), 2, 3)
    if "seed" in what:
        state = Coded(30, batch_size=BATCH, shuffle=True, seed=5).split(0.77)[0].state_dict()
    seq = other()
    with pytest.raises(ArgumentError, match=what):
        seq.load_state_dict(state)
    assert (seq.epoch, seq.state_dict()["batches"]) == (0, 0)


@pytest.mark.parametrize(
    "bad",
    [
        None,
        [],
        {},
        {"version": 2},
        {"epoch": -1},
        {"batches": 1.5},
        {"batches": 7},
        {"seed": None},
    ],
)
def test_what_is_no_state_is_refused(bad: Any) -> None:
    state = fresh().state_dict() | bad if isinstance(bad, dict) and bad else bad
    with pytest.raises(ArgumentError, match="Coded"):
        fresh().load_state_dict(state)


@pytest.mark.parametrize(
    "keys",
    [
        pd.RangeIndex(4),
        [3, 1, 2, 7],
        [0.5, 1.5, 2.5, 3.5],
        list("abcd"),
        pd.date_range("2024", periods=4),
        pd.MultiIndex.from_product([["a", "b"], [1, 2]]),
    ],
)
def test_the_fingerprint_is_that_of_the_keys_in_their_order(keys: Any) -> None:
    found = [fresh(each).state_dict()["fingerprint"] for each in (keys, pd.Index(keys), keys[::-1])]
    assert found[0] == found[1] != found[2]


def alone(name: str) -> ArraySequence:
    return ArraySequence({name: np.arange(8.0)}, keys=np.arange(8))


def left(has: list[int], other: list[int] | None = None) -> Any:
    """A left join whose second part, and third, have these samples."""
    parts = {
        name: ArraySequence({name: np.array(some, np.float32)}, keys=some)
        for name, some in (("x", has), ("y", has if other is None else other))
    }
    return join(alone("all"), *parts.values(), how="left", batch_size=2, shuffle=True, seed=0)


def test_what_parts_of_a_left_join_lack_is_part_of_the_data() -> None:
    state = after(left([0, 3, 5]), 1, 2)
    left([5, 0, 3]).load_state_dict(state)
    for other in (left([0, 3, 6]), left([0, 3]), left([0, 3, 5], [0, 3]), left(list(range(8)))):
        with pytest.raises(ArgumentError, match="those that a part of a join lacks, differ"):
            other.load_state_dict(state)
    whole = left(list(range(8)))
    assert whole.state_dict()["fingerprint"] == Coded(np.arange(8)).state_dict()["fingerprint"]
    part = left([0, 3, 5]).subset([0, 1, 3])
    part.load_state_dict(left([0, 3, 6]).subset([0, 1, 3]).state_dict())  # Which have the same.


@pytest.mark.parametrize(
    "whole",
    [
        lambda part: join(part, targets=np.arange(8)),
        lambda part: join(alone("z"), part.subset([0, 1, 2, 3, 5]), how="left"),
        lambda part: concat(part, part, keys=["a", "b"]),
        lambda part: pairs(part, np.arange(8) % 2, seed=1),
        lambda part: concat(pairs(part, np.arange(8) % 2, seed=1)),
        lambda part: join(concat(part)).lookup({f"k{n}": n for n in range(6)}),
    ],
    ids=["joined", "left", "one after the other", "pairs", "pairs of many", "looked up"],
)
def test_what_parts_of_parts_lack_is_part_of_the_data(whole: Any) -> None:
    def made(has: list[int]) -> Any:
        return whole(left(has)).replace(batch_size=2)

    state = after(made([0, 3, 5]), 0, 1)
    made([5, 0, 3]).load_state_dict(state)
    with pytest.raises(ArgumentError, match="those that a part of a join lacks, differ"):
        made([0, 2, 5]).load_state_dict(state)


def test_pinned() -> None:
    """A state that was saved is good in later versions."""
    state = fresh().state_dict()
    assert state == {
        "version": 1,
        "seed": 5,
        "epoch": 0,
        "batches": 0,
        "samples": N,
        "fingerprint": "e6c90854cfe6e044e91945b1e9bd07cd",
        "spec": {
            "inputs['a']": "float32 (3,)",
            "inputs['b']": "int32 (2, 2)",
            "targets": "float32 ()",
        },
        "order": {"batch_size": 4, "shuffle": True, "sampler": None, "drop_last": False},
    }


def test_bad_every() -> None:
    with pytest.raises(ArgumentError, match="every"):
        fresh().resume("run", every=0)
