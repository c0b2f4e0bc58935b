"""shard: each process its share of every batch, whatever their number."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from coded import Bulk, Coded, Noisy, codes, frozen
from ranks import together

from multiseq import BalancedSampler, BucketSampler, concat, join, mix
from multiseq.errors import ArgumentError
from multiseq.testing import check_sequence

LABELS = np.array([0] * 60 + [1] * 20)
ORDERS: dict[str, Any] = {
    "plain": {},
    "shuffled": {"shuffle": True},
    "balanced": {"sampler": BalancedSampler(LABELS)},
    "bucketed": {"sampler": BucketSampler(np.arange(80), 12, pool=2)},
}


def shards(seq: Any, count: int) -> list[Any]:
    return [seq.shard(index, count) for index in range(count)]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.parametrize("drop_last", [False, True])
def test_the_shares_of_a_step_are_the_batch_of_the_whole(
    order: str, count: int, drop_last: bool
) -> None:
    seq = Coded(80, batch_size=12, seed=1, drop_last=drop_last, **ORDERS[order])
    parts = shards(seq, count)
    for epoch in (0, 3):
        for each in (seq, *parts):
            each.set_epoch(epoch)
        assert [len(part) for part in parts] == [len(seq)] * count
        for index in range(len(seq)):
            shares = [codes(part[index]) for part in parts]
            whole = codes(seq[index])
            assert {len(share) for share in shares} == {-(-len(whole) // count)}
            dealt = [code for row in zip(*shares, strict=True) for code in row]
            assert dealt == whole + codes(seq[0])[: len(dealt) - len(whole)]
            for part, share in zip(parts, shares, strict=True):
                assert part.batch_keys(index).tolist() == share


@pytest.mark.parametrize("n", range(24, 37))
@pytest.mark.parametrize("count", [2, 3, 4])
def test_with_drop_last_all_shards_have_as_many_full_batches(n: int, count: int) -> None:
    parts = shards(Coded(n, batch_size=12, drop_last=True, shuffle=True, seed=1), count)
    assert {len(part) for part in parts} == {n // 12}
    assert {len(part[index][1]) for part in parts for index in range(len(part))} == {12 // count}


@pytest.mark.parametrize("n", [*range(1, 38), 10**9 + 1])
@pytest.mark.parametrize("count", [2, 3, 4, 12])
def test_shards_are_in_step_whatever_the_number_of_samples(n: int, count: int) -> None:
    """As many batches, of as many rows; nobody is left out, and fewer than `count` come again."""
    seq = Coded(n, batch_size=12, shuffle=True, seed=1)
    parts, steps = shards(seq, count), len(seq)
    assert {len(part) for part in parts} == {steps}
    for index in {0, steps // 2, steps - 2, steps - 1} - {-1}:
        shares = [part.batch_keys(index).tolist() for part in parts]
        whole = seq.batch_keys(index).tolist()
        dealt = [key for row in zip(*shares, strict=True) for key in row]
        assert dealt[: len(whole)] == whole
        again = dealt[len(whole) :]
        assert len(again) < count
        assert again == [seq.batch_keys(0)[k % min(n, 12)] for k in range(len(again))]


def test_a_row_that_comes_again_is_loaded_among_several_batches() -> None:
    """Several batches are loaded at once, and a last batch may be full by such a row."""
    seq = Bulk(64 * 4 - 1, batch_size=64, shuffle=True, seed=1).shard(3, 4)
    found = [codes(seq[index]) for index in range(len(seq))]
    assert found == [seq.batch_keys(index).tolist() for index in range(4)]
    assert seq.asked == [32, 32]


def test_a_last_batch_of_fewer_samples_than_shards() -> None:
    parts = shards(Coded(13, batch_size=12), 4)
    assert [len(part) for part in parts] == [2, 2, 2, 2]
    assert [codes(part[1]) for part in parts] == [[12], [0], [1], [2]]


def test_a_run_goes_on_with_another_number_of_processes() -> None:
    """2, then 3, then 2 processes make the batches of one at every step, midway in an epoch."""
    body = """
        import os
        from coded import Coded, codes
        from multiseq.distribution import current_shard
        seq, found = Coded(64, batch_size=12, shuffle=True, seed=1).shard(*current_shard()), []
        for step in json.loads(os.environ["STEPS"]):
            seq.set_epoch(step // len(seq))
            found.append(codes(seq[step % len(seq)]))
        tell(found)
    """
    seq, dealt = Coded(64, batch_size=12, shuffle=True, seed=1), []
    for count, steps in ((2, range(8)), (3, range(8, 15)), (2, range(15, 18))):
        launcher = {"RANK": [str(rank) for rank in range(count)], "WORLD_SIZE": str(count)}
        steps_of = json.dumps(list(steps))
        told = together(body, count=count, MULTISEQ_WORKER="1", STEPS=steps_of, **launcher)
        for shares in zip(*told, strict=True):
            dealt.append([code for row in zip(*shares, strict=True) for code in row])
    for step, rows in enumerate(dealt):
        seq.set_epoch(step // 6)
        whole = codes(seq[step % 6])
        again = codes(seq[0])[: len(rows) - len(whole)]  # In the last batch of 3 processes: 4 rows.
        assert rows == whole + again
        assert len(again) == (2 if step == 11 else 0)
    assert len(dealt) == 18


def test_a_shard_of_a_shard() -> None:
    seq = Coded(50, batch_size=12, shuffle=True, seed=1)
    found = [codes(part[1]) for one in shards(seq, 2) for part in shards(one, 3)]
    assert sorted(code for share in found for code in share) == sorted(codes(seq[1]))
    assert {len(share) for share in found} == {2}


def test_it_keeps_the_contract_but_for_the_others_samples() -> None:
    sampler = BalancedSampler(LABELS)
    check_sequence(Coded(80, batch_size=12, sampler=sampler, seed=1).shard(1, 3))
    for drop_last in (False, True):
        seq = Coded(80, batch_size=12, shuffle=True, drop_last=drop_last, seed=1)
        check_sequence(seq.shard(1, 3))


def test_workers_make_no_difference() -> None:
    alone = Noisy(80, batch_size=12, shuffle=True, seed=1).shard(1, 3)
    with alone.replace(workers=2) as seq:
        assert [frozen(seq[i]) for i in range(len(seq))] == [
            frozen(alone[i]) for i in range(len(alone))
        ]


def test_a_sample_is_augmented_as_in_the_whole() -> None:
    seq = Noisy(4, batch_size=4, seed=1)
    (whole, _), (share, _) = seq[0], seq.shard(1, 2)[0]
    assert np.array_equal(whole["a"][1::2], share["a"])


def test_a_large_epoch_is_computed_by_blocks() -> None:
    seq = Coded(10**9, batch_size=60, shuffle=True, seed=1)
    last = len(seq) - 2  # Full; the one after it is filled up.
    for index in (0, 100_000, last):
        found = [key for part in shards(seq, 3) for key in part.batch_keys(index)]
        assert sorted(found) == sorted(seq.batch_keys(index))


def test_every_shard_learns_and_splits_the_same() -> None:
    seq = Coded(50, batch_size=12, seed=1)
    one, other = (part.split(0.5, 0.5)[1] for part in shards(seq, 2))
    assert one.keys.equals(other.keys)
    assert one.num_samples == 25
    assert one.for_prediction().num_samples == len(
        [code for batch in one.for_prediction() for code in batch[0]["a"]]
    )


@pytest.mark.parametrize(
    "made",
    [
        lambda part: join(part, batch_size=12),
        lambda part: concat(part, part, keys=[0, 1], batch_size=12),
        lambda part: mix([part, part], weights=[1, 1], keys=[0, 1], batch_size=12, seed=1),
    ],
    ids=["join", "concat", "mix"],
)
def test_a_shard_as_a_part_is_not_lost(made: Any) -> None:
    seq = Coded(50, batch_size=12)
    with pytest.raises(ArgumentError, match=r"would serve all samples(?s:.)*\.shard\(1, 3\)"):
        made(seq.shard(1, 3))
    assert len(codes(made(seq).shard(1, 3)[0])) == 4


@pytest.mark.parametrize(
    ("index", "count", "says"),
    [
        (2, 2, "no such shard"),
        (-1, 2, "no such shard"),
        (0, 0, "no such shard"),
        (0, 5, "cannot be shared out evenly(?s:.)*batch_size=12 among 5"),
    ],
)
def test_what_is_no_shard(index: int, count: int, says: str) -> None:
    with pytest.raises(ArgumentError, match=says) as caught:
        Coded(50, batch_size=12).shard(index, count)
    assert caught.value.where["class"] == "Coded"
