"""order: permutations in constant memory, samplers, and random numbers by sample."""

from __future__ import annotations

import collections
import contextlib
import itertools
import tracemalloc
from typing import Any

import numpy as np
import pytest
from coded import in_threads

from multiseq.errors import ArgumentError
from multiseq.order import Draw, Order, Permutation, draw_seed

POWERS = [2**k + d for k in (2, 4, 7, 8, 9, 12, 13, 16) for d in (-1, 0, 1)]


@pytest.mark.parametrize("n", [1, 2, 6, 7, 10, 100, 1000, 10_007, 100_000, *POWERS])
def test_a_permutation_holds_every_element_once(n: int) -> None:
    assert np.array_equal(np.sort(Permutation(n, 3, 1)(np.arange(n))), np.arange(n))


@pytest.mark.parametrize("n", [10**9, 2**32 - 1, 2**32 + 1, 10**12])
def test_a_large_permutation_repeats_nothing_and_stays_in_range(n: int) -> None:
    positions = np.unique(np.linspace(0, n - 1, 50_000).astype(np.int64))
    elements = Permutation(n, 3)(positions)
    assert len(np.unique(elements)) == len(positions)
    assert 0 <= elements.min() <= elements.max() < n
    assert abs(elements.mean() / n - 0.5) < 0.01


PINNED_SMALL = [3, 5, 12, 8, 10, 6, 15, 9, 14, 19, 18, 11, 7, 16, 1, 17, 13, 0, 4, 2]
PINNED_LARGE = [169921658, 89058577, 682617757, 249375072, 23749176, 294905663]
PINNED_ORDER = [9, 8, 0, 7, 1, 6, 5, 2, 3, 4]
PINNED_DRAW = [16049542384458479136, 8441319502719530144]


def test_pinned() -> None:
    """Seeds stay valid across versions: if this fails, the order of everyone's epochs changed."""
    assert Permutation(20, 7, 3)(np.arange(20)).tolist() == PINNED_SMALL
    assert Permutation(10**9, 7, 3)(np.arange(6)).tolist() == PINNED_LARGE
    assert Order(10, 0, 0, shuffle=True).slice(0, 10).tolist() == PINNED_ORDER
    assert Draw(7, 3).generator(5).bit_generator.random_raw(2).tolist() == PINNED_DRAW


def test_a_billion_samples_take_no_memory() -> None:
    tracemalloc.start()
    try:
        order = Order(10**9, 1, 0, shuffle=True)
        positions = [order.slice(start, start + 256) for start in (0, 10**8, 10**9 - 256)]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000
    assert len(np.unique(np.concatenate(positions))) == 3 * 256


def test_computing_one_batch_does_not_compute_many() -> None:
    asked = []

    class Counting(Permutation):
        def __call__(self, positions: Any) -> Any:
            asked.append(len(positions))
            return super().__call__(positions)

    order = Order(10**9, 1, 0, shuffle=True)
    order._computed = Counting(10**9, 1, 0)
    for start in range(0, 1024, 256):
        order.slice(start, start + 256)
    assert len(asked) == 1
    assert asked[0] <= 1 << 16


def test_every_permutation_of_a_few_is_equally_likely() -> None:
    times = 3000
    counts = collections.Counter(tuple(Permutation(3, k)(np.arange(3))) for k in range(times))
    assert set(counts) == set(itertools.permutations(range(3)))
    chi2 = sum((count - times / 6) ** 2 / (times / 6) for count in counts.values())
    assert chi2 < 20.5  # 99.9% of fair draws, 5 degrees of freedom


def test_all_permutations_of_four_are_reached() -> None:
    assert len({tuple(Permutation(4, 9, k)(np.arange(4))) for k in range(500)}) == 24


@pytest.mark.parametrize("n", [10, 100, 5000])
def test_an_element_is_anywhere_equally_often(n: int) -> None:
    times = 2000
    first = np.array([Permutation(n, 5, k)([0, n // 2]) for k in range(times)])
    counts = np.stack([np.bincount(column * 10 // n, minlength=10) for column in first.T])
    chi2 = ((counts - times / 10) ** 2 / (times / 10)).sum(axis=1)
    assert (chi2 < 27.9).all()  # 99.9% of fair draws, 9 degrees of freedom


def test_epochs_are_independent() -> None:
    epochs = [Permutation(1000, 1, k)(np.arange(1000)) for k in range(200)]
    fixed = [(a == b).sum() for a, b in itertools.pairwise(epochs)]
    assert 0.7 < np.mean(fixed) < 1.3  # Two random permutations agree in one place on average.
    neighbors = [(np.diff(epoch) == 1).sum() for epoch in epochs]
    assert 0.7 < np.mean(neighbors) < 1.3


@pytest.mark.parametrize("key", [(2, 0), (1, 1), (0, 1), (1 << 70, 0)])
def test_each_key_has_its_own_permutation(key: tuple[int, ...]) -> None:
    positions = np.arange(50)
    assert not np.array_equal(Permutation(50, 1, 0)(positions), Permutation(50, *key)(positions))


@pytest.mark.parametrize("shuffle", [True, False])
def test_slices_are_parts_of_one_order(shuffle: bool) -> None:
    n = 40_000  # Some blocks long.
    whole = Order(n, 1, 0, shuffle).slice(0, n)
    order = Order(n, 1, 0, shuffle)
    for start in [0, 16_380, 39_999, 5, 16_384, 0, 32_767]:
        stop = min(start + 33, n)
        assert np.array_equal(order.slice(start, stop), whole[start:stop])
    assert sorted(whole.tolist()) == list(range(n))


def test_a_slice_longer_than_a_block() -> None:
    order = Order(100_000, 1, 0, shuffle=True)
    assert len(np.unique(order.slice(10_000, 60_000))) == 50_000


def test_threads_read_the_same_order() -> None:
    n = 70_000
    order = Order(n, 1, 0, shuffle=True)
    whole = Permutation(n, 1, 0)(np.arange(n))
    starts = np.random.default_rng(0).integers(0, n - 33, (6, 200))

    def right(thread: int) -> bool:
        return all(
            np.array_equal(order.slice(start, start + 33), whole[start : start + 33])
            for start in starts[thread].tolist()
        )

    assert all(result is True for _, result in in_threads(right, range(6)))


def test_unshuffled_is_source_order() -> None:
    assert Order(10, 1, 4).slice(2, 6).tolist() == [2, 3, 4, 5]


def test_one_sample_can_be_shuffled() -> None:
    assert Order(1, 1, 0, shuffle=True).slice(0, 1).tolist() == [0]


def test_a_sampler_decides_positions_and_length() -> None:
    order = Order(5, 7, 3, sampler=lambda seed, epoch: [seed - 3, epoch, 0, 0, 1, 2])
    assert len(order) == 6
    assert order.slice(0, 6).tolist() == [4, 3, 0, 0, 1, 2]


@pytest.mark.parametrize("kind", ["shuffled", "sampled"])
def test_who_loads_cannot_change_the_order(kind: str) -> None:
    """Such as a `load_batch` that sorts its indices, as HDF5 wants them."""
    sampler = (lambda seed, epoch: np.arange(9)[::-1]) if kind == "sampled" else None
    order = Order(9, 1, 0, shuffle=kind == "shuffled", sampler=sampler)
    before = order.slice(0, 9).tolist()
    with contextlib.suppress(ValueError):  # To be refused is as good.
        order.slice(0, 9).sort()
    assert order.slice(0, 9).tolist() == before


@pytest.mark.parametrize(
    "positions", [[0, 5], [-1, 0], [0.0, 1.0], [[0, 1]], [True, False], ["a"], 3, None]
)
def test_a_sampler_must_return_positions(positions: Any) -> None:
    with pytest.raises(ArgumentError, match=r"(?s)sampler returned.*from 0 to 4"):
        Order(5, 0, 0, sampler=lambda seed, epoch: positions)


def draws(draw: Draw, index: int) -> list[float]:
    rng = draw.generator(index)
    return [*rng.random(3), *rng.integers(0, 1 << 30, 3), rng.normal()]


def test_a_generator_depends_on_its_sample_alone() -> None:
    draw = Draw(7, 2)
    alone = draws(draw, 5)
    for index in (0, 5, 3, 5):
        # An odd number of 32-bit draws leaves half a word behind.
        draw.generator(index).integers(0, 10, 3, dtype=np.uint32)
        draw.generator(index).normal(size=index)
        assert draws(draw, 5) == alone


def test_a_generator_is_the_same_in_every_thread() -> None:
    draw = Draw(7, 2)
    alone = [draws(draw, index) for index in range(20)]
    found = in_threads(lambda _: [draws(draw, index) for index in range(20)], range(4))
    assert [result for _, result in found] == [alone] * 4


@pytest.mark.parametrize(
    "other",
    [
        lambda: Draw(7, 2).generator(6),
        lambda: Draw(7, 3).generator(5),
        lambda: Draw(8, 2).generator(5),
        lambda: Draw((1 << 64) + 7, 2).generator(5),
        lambda: Draw(7, 5).generator(2),
        lambda: Draw(7, 2).of_part(0).generator(5),
        lambda: Draw(7, 2).of_part(0).of_part(0).generator(5),
    ],
    ids=["sample", "epoch", "seed", "long seed", "swapped", "part", "part of a part"],
)
def test_draws_are_independent(other: Any) -> None:
    mine = Draw(7, 2).generator(5).random(1000)
    theirs = other().random(1000)
    assert len(np.intersect1d(mine, theirs)) == 0
    assert abs(np.corrcoef(mine, theirs)[0, 1]) < 0.12


def test_parts_of_joins_draw_differently_at_any_depth() -> None:
    parts = [Draw(1, 1)]
    parts += [Draw(1, 1).of_part(k) for k in range(5)]
    parts += [Draw(1, 1).of_part(k).of_part(m) for k in range(5) for m in range(5)]
    assert len({draw.part for draw in parts}) == len(parts)


@pytest.mark.parametrize("seed", [0, 5, 1 << 100, np.int64(3)])
def test_a_seed_is_kept(seed: int) -> None:
    assert draw_seed(seed) == seed
    assert type(draw_seed(seed)) is int


@pytest.mark.parametrize("seed", [-1, 1.5, True, "1", [1]])
def test_what_is_no_seed(seed: Any) -> None:
    with pytest.raises(ArgumentError, match="seed is not a seed"):
        draw_seed(seed)


@pytest.mark.parametrize(
    "how", [{}, {"shuffle": True}, {"sampler": lambda seed, epoch: np.arange(50_000)[::-1]}]
)
def test_places_in_any_order(how: Any) -> None:
    order = Order(50_000, 3, 1, **how)
    whole = order.slice(0, 50_000)
    places = np.random.default_rng(0).integers(0, 50_000, 1000)
    assert np.array_equal(Order(50_000, 3, 1, **how).at(places), whole[places])


def test_jumps_compute_no_more_than_they_need(monkeypatch: Any) -> None:
    asked: list[int] = []
    call = Permutation.__call__

    def spy(self: Any, positions: Any) -> Any:
        asked.append(len(positions))
        return call(self, positions)

    order, whole = Order(100_000, 3, 1, shuffle=True), Order(100_000, 3, 1, shuffle=True)
    expected = whole.slice(0, 100_000)
    monkeypatch.setattr(Permutation, "__call__", spy)
    for start in (64_000, 32_000, 96_000, 3200):
        assert np.array_equal(order.slice(start, start + 32), expected[start : start + 32])
    assert asked == [32] * 4
    for start in range(3232, 6400, 32):
        assert np.array_equal(order.slice(start, start + 32), expected[start : start + 32])
    assert len(asked) == 5
