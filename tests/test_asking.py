"""Hooks that ask for more: `load_sample` for an rng, `augment` for a key or an index."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from coded import Coded, frozen_epoch
from hypothesis import given
from hypothesis import strategies as st
from keyed import KEYS, part

from multiseq import MultiInputSequence, join
from multiseq.errors import ArgumentError
from multiseq.testing import check_sequence

FRAMES = np.arange(20 * 30, dtype=np.float32).reshape(20, 30)


class Clips(MultiInputSequence):
    """Five frames in a row of a film of thirty, which is never loaded whole."""

    def __init__(self, n_or_keys: Any = 20, **keywords: Any) -> None:
        super().__init__(n_or_keys, **keywords)

    def load_sample(self, index: int, rng: Any = None) -> Any:
        at = 12 if rng is None else int(rng.integers(0, 26))
        return {"clip": FRAMES[index, at : at + 5]}, np.float32(index)


class Both(Clips):
    """Draws while it is loaded, and while it is augmented."""

    def load_sample(self, index: int, rng: Any = None) -> Any:
        drawn = np.zeros(3) if rng is None else rng.random(3)
        return {"loaded": drawn, "augmented": np.zeros(3)}

    def augment(self, sample: Any, rng: np.random.Generator) -> Any:
        return sample | {"augmented": rng.random(3)}


class Keyed(Coded):
    """Adds to its inputs what the key and the index say."""

    def augment(self, sample: Any, rng: Any, key: Any, index: int) -> Any:  # type: ignore[override]
        assert type(index) is int
        inputs, target = sample
        a = np.array([index, number_of(key), rng.random()], np.float32)
        return inputs | {"a": a}, target


def number_of(key: Any) -> int:
    assert type(key) in (int, str, tuple)
    if isinstance(key, tuple):
        assert [*map(type, key)] == [str, int]
        return int(key[1])
    return int(key[1:]) if isinstance(key, str) else key


def starts(seq: Any) -> Any:
    return np.concatenate([seq[i][0]["clip"][:, 0] % 30 for i in range(len(seq))])


# An rng while loading


@pytest.mark.parametrize("workers", [{}, {"workers": 2}], ids=str)
def test_a_crop_is_drawn_while_loading(workers: Any) -> None:
    seq = Clips(batch_size=6, shuffle=True, seed=1, **workers)
    first, again = starts(seq), starts(seq)
    assert np.array_equal(first, again)
    assert len(set(first)) > 5
    seq.set_epoch(1)
    assert not np.array_equal(starts(seq), first)
    seq.set_epoch(0)
    assert np.array_equal(starts(seq), first)
    seq.close()
    check_sequence(Clips(batch_size=6, shuffle=True, seed=1))


def test_processes_draw_the_same() -> None:
    expected = frozen_epoch(Clips(batch_size=6, seed=1))
    with Clips(batch_size=6, seed=1, workers=2, use_multiprocessing=True) as seq:
        assert frozen_epoch(seq) == expected


def test_where_nothing_is_augmented_there_is_no_rng() -> None:
    seq = Clips(batch_size=6, seed=1)
    assert seq.augments
    assert seq.sample(3)[0]["clip"][0] == FRAMES[3, 12]
    train, test = seq.split(0.5, 0.5)
    assert (starts(test) == 12).all()
    assert (starts(train) != 12).any()
    assert (starts(seq.replace(augmented=False)) == 12).all()
    assert (starts(seq.for_prediction()) == 12).all()


def test_loading_and_augmenting_draw_other_numbers() -> None:
    inputs = Both(batch_size=20, seed=0)[0][0]
    assert (inputs["loaded"] != inputs["augmented"]).all()
    assert len(np.unique(inputs["loaded"])) == 60


def test_parts_of_a_join_draw_for_themselves() -> None:
    joined = join(one=Clips_alone(KEYS), other=Clips_alone(KEYS), batch_size=20, seed=0)
    one, other = (joined[0][0][name][:, 0] for name in ("one", "other"))
    assert (one != other).any()
    assert np.array_equal(one // 30, other // 30)
    plain = joined.replace(augmented=False)[0][0]
    assert (plain["one"][:, 0] % 30 == 12).all()
    check_sequence(joined)


class Clips_alone(Clips):  # noqa: N801
    def load_sample(self, index: int, rng: Any = None) -> Any:
        return super().load_sample(index, rng)[0]


def test_a_fast_path_serves_what_is_plain() -> None:
    class Fast(Clips):
        def load_batch(self, indices: Any) -> Any:
            return {"clip": FRAMES[indices, 12:17]}, indices.astype(np.float32)

    seq = Fast(batch_size=5, seed=0)
    assert not seq.by_batch
    assert seq.replace(augmented=False).by_batch
    check_sequence(seq)
    check_sequence(seq.replace(augmented=False))


# A key while augmenting


KEYS_OF = {
    "positions": (20, range(20)),
    "numbers": (range(40, 60), range(40, 60)),
    "text": (KEYS, range(20)),
    "levels": (
        pd.MultiIndex.from_arrays([["p"] * 20, np.arange(20)], names=["who", "n"]),
        range(20),
    ),
}


@pytest.mark.parametrize("kind", KEYS_OF)
@pytest.mark.parametrize("processes", [False, True])
def test_the_key_is_that_of_the_sample(kind: str, processes: bool) -> None:
    keys, numbers = KEYS_OF[kind]
    how: dict[str, Any] = {"workers": 1, "use_multiprocessing": True} if processes else {}
    with Keyed(keys, batch_size=8, shuffle=True, seed=0, **how) as seq:
        for train in (seq, seq.split(0.5, 0.5)[0]):
            for i in range(len(train)):
                inputs, target = train[i]
                assert np.array_equal(inputs["a"][:, 0], target)
                assert inputs["a"][:, 1].tolist() == [numbers[int(t)] for t in target]
            train.close()


def by_key(sample: Any, rng: Any, *, key: str) -> Any:
    return ({"x": sample[0]["x"] + 100 * int(key[1:])},)


def test_functions_and_joins_are_given_keys() -> None:
    seq = part(batch_size=20, augment=by_key)
    assert np.array_equal(seq[0][0]["x"][:, 0], np.arange(20) * 101.0)
    assert np.array_equal(
        seq.subset(KEYS[::-1]).replace(augmented=True)[0][0]["x"], seq[0][0]["x"][::-1]
    )
    joined = join(seq, y=part(None, order=range(5, 20)), how="inner", batch_size=20)
    assert np.array_equal(joined[0][0]["x"][:, 0], np.arange(5, 20) * 101.0)
    looked_up = seq.lookup(pd.Series([KEYS[3], KEYS[3], KEYS[1]], ["u", "v", "w"]))
    assert looked_up[0][0]["x"][:, 0].tolist() == [303, 303, 101]
    with looked_up.replace(workers=1, use_multiprocessing=True) as other:
        assert other[0][0]["x"][:, 0].tolist() == [303, 303, 101]


@given(st.permutations(range(20)), st.integers(1, 20))
def test_keys_of_any_part(order: list[int], size: int) -> None:
    seq = part(order=order, augment=by_key, batch_size=20)
    chosen = seq.subset(positions=order[:size]).replace(augmented=True)
    expected = [101 * int(key[1:]) for key in chosen.keys]
    assert chosen[0][0]["x"][:, 0].tolist() == expected


def test_what_is_bound_or_caught_is_not_asked_for() -> None:
    def catches(*args: Any, **kwargs: Any) -> Any:
        assert len(args) == 2
        assert not kwargs
        return args[0]

    part(augment=catches)[0]
    bound = part(batch_size=20, augment=functools.partial(by_key, key="k07"))
    assert np.array_equal(bound[0][0]["x"][:, 0], np.arange(20) + 700.0)


@pytest.mark.parametrize(
    "function", [lambda sample: sample, lambda sample, rng, other: sample, lambda key, rng: key]
)
def test_functions_that_cannot_be_called(function: Any) -> None:
    with pytest.raises(ArgumentError, match=r"augment cannot be called(?s:.*)\(sample, rng\)"):
        part(augment=function)
