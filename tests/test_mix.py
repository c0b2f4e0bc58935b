"""Samples of several sequences in exact proportions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from backends import keras
from hypothesis import given, settings
from hypothesis import strategies as st

from multiseq import ArraySequence, join, mix
from multiseq.errors import ArgumentError
from multiseq.mixing import MixSampler
from multiseq.order import Order
from multiseq.testing import check_sequence


def numbered(*sizes: int) -> list[ArraySequence]:
    """Parts whose samples say whose they are: 1000 times the part's number, plus their own."""
    return [
        ArraySequence(
            {"x": 1000 * number + np.arange(size, dtype="float32")},
            keys=[f"{number}-{row}" for row in range(size)],
        )
        for number, size in enumerate(sizes)
    ]


def drawn(sampler: MixSampler, seed: int = 0, epoch: int = 0) -> Any:
    return np.asarray(sampler(seed, epoch))


def sources(positions: Any, sizes: Any) -> Any:
    return np.searchsorted(np.cumsum(sizes), positions, side="right")


def deviations(which: Any, weights: Any) -> Any:
    """How far the counts of each source are from its share, after each sample."""
    shares = np.asarray(weights) / np.sum(weights)
    counts = (which[:, None] == np.arange(len(shares))).cumsum(0)
    return counts - shares * np.arange(1, len(which) + 1)[:, None]


MIXES = st.integers(1, 5).flatmap(
    lambda count: st.tuples(
        st.lists(st.integers(1, 60), min_size=count, max_size=count),
        st.lists(st.floats(0.05, 1), min_size=count, max_size=count),
    )
)


@given(mixed=MIXES, n=st.integers(200, 3000), seed=st.integers(0, 9), epoch=st.integers(0, 5))
def test_any_number_of_samples_has_each_share_to_within_one(
    mixed: Any, n: int, seed: int, epoch: int
) -> None:
    sizes, weights = mixed
    positions = drawn(MixSampler(sizes, weights, n), seed, epoch)
    assert len(positions) == n
    off = deviations(sources(positions, sizes), weights)
    assert np.abs(off).max() <= 1.001


@given(
    share=st.floats(0.01, 0.99),
    batch_size=st.integers(1, 64),
    n=st.integers(200, 2000),
    epoch=st.integers(0, 3),
)
def test_each_batch_of_two_sources_has_its_share_to_within_one(
    share: float, batch_size: int, n: int, epoch: int
) -> None:
    weights = [share, 1 - share]
    which = sources(drawn(MixSampler([50, 70], weights, n), 1, epoch), [50, 70])
    for start in range(0, n - batch_size + 1, batch_size):
        count = (which[start : start + batch_size] == 0).sum()
        assert abs(count - share * batch_size) < 1 + 1e-9


@given(mixed=MIXES, n=st.integers(200, 500), seed=st.integers(0, 9))
@settings(max_examples=40)
def test_a_source_begins_again_when_all_of_it_was_served(mixed: Any, n: int, seed: int) -> None:
    sizes, weights = mixed
    sampler = MixSampler(sizes, weights, n)
    positions = np.concatenate([drawn(sampler, seed, epoch) for epoch in range(4)])
    which, starts = sources(positions, sizes), np.cumsum(sizes) - sizes
    for number, size in enumerate(sizes):
        mine = positions[which == number] - starts[number]
        whole = mine[: len(mine) // size * size].reshape(-1, size)
        assert (np.sort(whole, axis=1) == np.arange(size)).all()
        left = mine[len(mine) // size * size :]
        assert len(set(left)) == len(left)
    if max(sizes) > 20:
        assert not np.array_equal(drawn(sampler, seed), drawn(sampler, seed + 1))


def test_passes_differ() -> None:
    positions = drawn(MixSampler([50], [1], 200))
    assert len({tuple(each) for each in positions.reshape(4, 50)}) == 4


@given(mixed=MIXES, seed=st.integers(0, 9), shuffled=st.permutations(range(40)))
def test_places_are_computed_in_any_order(mixed: Any, seed: int, shuffled: Any) -> None:
    sizes, weights = mixed
    sampler = MixSampler(sizes, weights, 200)
    positions, whole = sampler(seed, 3), drawn(sampler, seed, 3)
    assert np.array_equal(positions(np.array(shuffled)), whole[shuffled])
    order = Order(sum(sizes), seed, 3, sampler=sampler)
    assert np.array_equal(order.slice(17, 90), whole[17:90])
    assert np.array_equal(order.at(np.array(shuffled)), whole[shuffled])


def test_a_billion_samples_are_not_kept() -> None:
    order = Order(10**9, 1, 2, sampler=MixSampler([10**9 - 10**6, 10**6], [0.9, 0.1]))
    assert len(order) == 10**9
    last = order.slice(10**9 - 1000, 10**9)
    assert (last >= 10**9 - 10**6).sum() == 100
    assert len(set(last.tolist())) == 1000


def test_it_serves_both_in_batches() -> None:
    seq = mix(numbered(30, 70), weights=[0.7, 0.3], batch_size=10, seed=0)
    assert len(seq) == 10
    for index in range(len(seq)):
        values = seq[index][0]["x"]
        assert (values < 1000).sum() == 7
        keys = [f"{int(value) // 1000}-{int(value) % 1000}" for value in values]
        assert keys == seq.batch_keys(index).tolist()
    seq.set_epoch(1)
    assert (seq[0][0]["x"] < 1000).sum() == 7


@pytest.mark.parametrize("workers", [0, 2])
def test_it_keeps_the_contract(workers: int) -> None:
    seq = mix(numbered(9, 14), weights=[2, 1], num_samples=25, batch_size=4, seed=1)
    with seq.replace(workers=workers) as other:
        check_sequence(other)


def test_processes_give_the_same() -> None:
    seq = mix(numbered(9, 14), weights=[2, 1], batch_size=4, seed=1)
    with seq.replace(workers=1, use_multiprocessing=True) as other:
        for index in range(len(seq)):
            assert np.array_equal(other[index][0]["x"], seq[index][0]["x"])


@given(step=st.integers(0, 12), epoch=st.integers(0, 2))
@settings(max_examples=20, deadline=None)
def test_it_goes_on_at_any_step(step: int, epoch: int) -> None:
    keywords: Any = {"weights": [2, 1], "num_samples": 50, "batch_size": 4, "seed": 5}
    seq, other = (mix(numbered(9, 14), **keywords) for _ in range(2))
    seq.set_epoch(epoch)
    batches = iter(seq)
    for _ in range(step):
        next(batches)
    other.load_state_dict(seq.state_dict())
    rest = list(other) if step < len(seq) else []
    for mine, theirs in zip(rest, batches, strict=True):
        assert np.array_equal(mine[0]["x"], theirs[0]["x"])


def test_a_state_of_other_proportions_is_refused() -> None:
    state = mix(numbered(9, 14), weights=[2, 1], seed=1).state_dict()
    mix(numbered(9, 14), weights=[2, 1], seed=4).load_state_dict(state)
    with pytest.raises(ArgumentError, match="order"):
        mix(numbered(9, 14), weights=[1, 1], seed=1).load_state_dict(state)


@pytest.mark.parametrize("count", [2, 4])
def test_shards_share_each_batch(count: int) -> None:
    seq = mix(numbered(30, 70), weights=[0.5, 0.5], batch_size=8, seed=3)
    shards = [seq.shard(k, count) for k in range(count)]
    for index in range(len(seq) - 1):
        found = np.stack([shard[index][0]["x"] for shard in shards], 1).ravel()
        assert found.tolist() == seq[index][0]["x"].tolist()


def test_parts_of_a_split_keep_their_proportions() -> None:
    seq = mix(numbered(40, 60), weights=[3, 1], seed=2, keys=["a", "b"], names="from", batch_size=8)
    train, test = seq.split(0.5, 0.5, stratify="from")
    assert (train.num_samples, test.num_samples) == (50, 50)
    for _ in range(3):
        served = np.concatenate([batch[0]["x"] for batch in train])
        which = (served >= 1000).astype(int)
        assert np.abs(deviations(which, [3, 1])).max() < 1
        names = {f"{int(value // 1000)}-{int(value % 1000)}" for value in served}
        assert names <= set(train.keys.get_level_values(1))
        train.on_epoch_end()
    assert len(np.concatenate([batch[0]["x"] for batch in test])) == 50
    again, _ = train.split(0.5, 0.5)
    assert set(again.batch_keys(0)) <= set(again.keys)


def test_a_part_without_samples_of_a_source(caplog: Any) -> None:
    seq = mix(numbered(10, 20), weights=[1, 1], seed=2)
    only = seq.subset(positions=np.arange(10))
    assert sorted(only[0][0]["x"].tolist()) == list(range(10))
    assert "of part 1 of a mix no sample is left" in caplog.text


@pytest.mark.parametrize(
    "weights", [None, [1], [1, 0], [1, -1], [1, np.nan], [1, np.inf], "ab", {"a": 1, "b": 2}, 2]
)
def test_bad_weights(weights: Any) -> None:
    with pytest.raises(ArgumentError, match="one number above 0 for each part"):
        mix(numbered(3, 4), weights=weights)


def test_what_cannot_be_mixed() -> None:
    with pytest.raises(ArgumentError, match="no sample of part 1"):
        mix(numbered(3, 4), weights=[1000, 1])
    for keywords in ({"shuffle": True}, {"sampler": MixSampler([3, 4], [1, 1])}):
        with pytest.raises(ArgumentError, match="mix was given"):
            mix(numbered(3, 4), weights=[1, 1], **keywords)
    with pytest.raises(ArgumentError, match="takes a list"):
        mix(numbered(3)[0], weights=[1])  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="num_samples"):
        mix(numbered(3, 4), weights=[1, 1], num_samples=0)
    with pytest.raises(ArgumentError, match="positions of samples"):
        numbered(5)[0].replace(sampler=MixSampler([3, 4], [1, 1]))[0]
    with pytest.raises(ArgumentError, match="sampler=, which would be lost"):
        join(mix(numbered(3, 4), weights=[1, 1]), numbered(2)[0])


def test_many_sources_are_mixed_nearly_as_well() -> None:
    rng = np.random.default_rng(0)
    for count in (6, 8, 12):
        weights = rng.dirichlet(np.ones(count)) + 0.01
        positions = drawn(MixSampler([100] * count, weights, 20_000))
        off = deviations(sources(positions, [100] * count), weights)
        assert np.abs(off).max() < 1.5


def test_what_only_the_whole_can_have_is_given_to_mix() -> None:
    inner, (other,) = mix(numbered(9, 14), weights=[1, 1]), numbered(4)
    with pytest.raises(ArgumentError, match=r"(?s)part of mix has sampler=.*parts of both at once"):
        mix([inner, other], weights=[1, 1])
    weighed = numbered(4)[0].replace(class_weight={0: 2.0})
    with pytest.raises(ArgumentError, match=r"mix\(\.\.\., class_weight=\.\.\.\)"):
        mix([weighed, other], weights=[1, 1])


def test_classes_are_counted_once_and_predictions_are_whole() -> None:
    parts = [
        ArraySequence({"x": np.full(size, number, "float32")}, np.full(size, number))
        for number, size in enumerate([4, 6])
    ]
    seq = mix(parts, weights=[1, 1], class_weight="balanced", seed=0)
    assert sorted(set(seq[0][2].tolist())) == pytest.approx([10 / 12, 10 / 8])
    assert seq.for_prediction()[0][0]["x"].tolist() == [0] * 4 + [1] * 6


@pytest.mark.backend
def test_a_model_sees_what_it_was_promised() -> None:
    """A constant fitted to the mix is its mean."""
    keras.utils.set_random_seed(0)
    parts = [
        ArraySequence({"x": np.zeros((n, 1), "float32")}, np.full(n, y, "float32"))
        for n, y in ((40, 1.0), (360, 0.0))
    ]
    seq = mix(parts, weights=[0.5, 0.5], batch_size=20)
    x = keras.Input((1,), name="x")
    model = keras.Model({"x": x}, keras.layers.Dense(1)(x))
    model.compile(keras.optimizers.SGD(0.1), "mse")
    (finding,) = seq.check(model).findings
    assert finding.what == "the input is the same in all samples"
    model.fit(seq, epochs=4, verbose=0)
    found = seq.predictions(model, verbose=0)["prediction"]
    assert len(found) == 400
    assert found.iloc[0] == pytest.approx(0.5, abs=0.02)
