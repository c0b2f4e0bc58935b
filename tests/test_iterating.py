"""`for batch in seq`: one epoch to its end, whatever happens meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiseq import MultiInputSequence
from multiseq.errors import MultiseqError

N = 39


class Coded(MultiInputSequence):
    """Sample i is i."""

    def __init__(self, n: int = N, **keywords: Any) -> None:
        super().__init__(n, batch_size=4, shuffle=True, seed=1, **keywords)

    def load_sample(self, index: int) -> Any:
        return np.int32(index)


class Through(Coded):
    """Changes each batch, and asks for it by a number of its own."""

    def __getitem__(self, index: int) -> Any:
        (inputs,) = super().__getitem__(len(self) - 1 - index)
        return (inputs + 100,)


def ids(batches: Any) -> list[int]:
    return [int(code) for (batch,) in batches for code in batch]


def of(seq: Coded, epoch: int) -> list[int]:
    other = seq.replace()
    other.set_epoch(epoch)
    return ids(other[i] for i in range(len(other)))


@pytest.mark.parametrize("workers", [0, 2])
@given(moves=st.lists(st.tuples(st.integers(0, 10), st.integers(0, 5)), max_size=6))
def test_the_epoch_is_that_of_the_beginning(workers: int, moves: list[tuple[int, int]]) -> None:
    with Coded(workers=workers) as seq:
        got = []
        for number, batch in enumerate(seq):
            for at, epoch in moves:
                if at == number:
                    seq.set_epoch(epoch)
                    seq[epoch]
            got.append(batch)
        assert ids(got) == of(seq, 0)


@pytest.mark.parametrize("cls", [Coded, Through])
def test_two_iterators_have_their_own(cls: Any) -> None:
    seq = cls()
    first = iter(seq)
    got = [next(first)]
    seq.on_epoch_end()
    second = iter(seq)
    later = [next(second)]
    got, later = ids(got + list(first)), ids(later + list(second))
    assert (got, later) == (ids(_by_hand(seq, 0)), ids(_by_hand(seq, 1)))
    assert sorted(got) == sorted(later) != got


def _by_hand(seq: Any, epoch: int) -> Iterator[Any]:
    seq.set_epoch(epoch)
    return (seq[i] for i in range(len(seq)))


def test_another_sequence_read_meanwhile_has_its_own_epoch() -> None:
    other = Coded()
    other.set_epoch(3)

    class Both(Coded):
        def __getitem__(self, index: int) -> Any:
            assert ids([other[index]]) == of(other, 3)[4 * index : 4 * index + 4]
            return super().__getitem__(index)

    seq = Both()
    assert ids(seq) == of(seq, 0)


def test_fewer_batches_by_num_batches_are_what_is_iterated_over() -> None:
    class Limited(Coded):
        @property
        def num_batches(self) -> int:
            return 3

    assert ids(Limited()) == of(Coded(), 0)[:12]


def test_a_len_of_its_own_is_refused_when_the_class_is_defined() -> None:
    with pytest.raises(MultiseqError, match=r"(?s)Mine: .*__len__.*num_batches.*subset"):

        class Mine(Coded):
            def __len__(self) -> int:
                return 100

    class Mixin:
        def __len__(self) -> int:
            return 1

    with pytest.raises(MultiseqError, match="__len__"):
        type("Mixed", (Mixin, Coded), {})
