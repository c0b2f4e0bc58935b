"""Any two seeds, of any size, give different orders and different random numbers."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from coded import Noisy, frozen_epoch
from crews import in_processes
from hypothesis import given
from hypothesis import strategies as st

from multiseq.order import Draw, Order, entropy
from multiseq.samplers import WeightedSampler

SIZES = [1 << bits for bits in (0, 31, 32, 33, 63, 64, 96, 127, 128, 129, 200, 1000)]
SEEDS = sorted({5, *SIZES, *(size + 5 for size in SIZES), 5 + 7 * 2**32, 5 + 3 * 2**128})
EPOCHS = (0, 1, 7, 2**32, 2**40 + 1)


def order(seed: int, epoch: int) -> tuple[int, ...]:
    return tuple(Order(60, seed, epoch, shuffle=True).slice(0, 60).tolist())


def test_orders_of_seeds_of_any_size() -> None:
    keys = list(itertools.product(SEEDS, EPOCHS))
    assert len({order(*key) for key in keys}) == len(keys)


def test_draws_of_seeds_of_any_size() -> None:
    keys = list(itertools.product(SEEDS, EPOCHS))
    drawn = {Draw(*key).generator(3).integers(1 << 60) for key in keys}
    assert len(drawn) == len(keys)


def test_samplers_of_seeds_of_any_size() -> None:
    sampler, keys = WeightedSampler(np.ones(60)), list(itertools.product(SEEDS, EPOCHS))
    assert len({tuple(sampler(*key).tolist()) for key in keys}) == len(keys)


KEYS = st.tuples(st.integers(0, 2**200), st.integers(0, 2**70))


@given(one=KEYS, other=KEYS)
def test_keys_share_nothing(one: Any, other: Any) -> None:
    states = [entropy(*key).generate_state(4).tolist() for key in (one, other)]
    assert (one == other) == (states[0] == states[1])


@given(seed=st.integers(0, 2**40), epoch=st.integers(0, 100), later=st.integers(1, 2**34))
def test_a_word_of_the_seed_is_not_the_epoch(seed: int, epoch: int, later: int) -> None:
    """NumPy's words of (s, k) are those of s + k * 2^32 alone."""
    assert order(seed + (later << 32), epoch) != order(seed, later)


@pytest.mark.parametrize("seed", [2**127 + 3, 2**300 + 3])
def test_workers_get_the_whole_seed(seed: int) -> None:
    serial = frozen_epoch(Noisy(16, batch_size=8, seed=seed, shuffle=True))
    with in_processes(Noisy, 16, seed=seed, shuffle=True) as seq:
        assert frozen_epoch(seq) == serial
    assert serial != frozen_epoch(Noisy(16, batch_size=8, seed=3, shuffle=True))
