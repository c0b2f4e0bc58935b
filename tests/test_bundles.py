"""Several batches that are loaded at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from coded import Bulk, Coded, codes, epoch_of, frozen, frozen_epoch, in_threads

# Loading several batches at once


def test_small_batches_are_loaded_together_while_they_come_in_sequence() -> None:
    seq = Bulk(16 * 40, batch_size=16)
    assert epoch_of(seq) == list(range(640))
    assert [rows // 16 for rows in seq.asked] == [2, 4, 8, 16, 10]
    assert all(rows % 16 == 0 for rows in seq.asked)


def test_loaded_one_by_one_where_they_do_not() -> None:
    seq = Bulk(16 * 40, batch_size=16)
    order = np.random.default_rng(1).permutation(40).tolist()
    assert [codes(seq[index])[0] // 16 for index in order] == order
    assert sum(seq.asked) < 2 * 640


def test_loaded_one_by_one_where_the_second_would_not_be_aligned() -> None:
    seq = Bulk(33 * 4, batch_size=33)
    assert epoch_of(seq) == list(range(132))
    assert seq.asked == [33] * 4


@pytest.mark.parametrize("drop_last", [False, True])
def test_the_last_batch_is_not_loaded_together_with_others(drop_last: bool) -> None:
    seq = Bulk(16 * 5 + 3, batch_size=16, drop_last=drop_last)
    assert epoch_of(seq) == list(range(80 if drop_last else 83))
    assert seq.asked == ([32, 48] if drop_last else [32, 48, 3])


def test_large_batches_are_loaded_one_by_one() -> None:
    class Large(Bulk):
        def load_sample(self, index: int) -> Any:
            return np.full(1024, index, np.float32)

        def load_batch(self, indices: Any) -> Any:
            self.asked.append(len(indices))
            return np.repeat(indices[:, None], 1024, 1).astype(np.float32)

    seq = Large(16 * 10, batch_size=16)
    epoch_of(seq)
    assert max(seq.asked) == 32


@pytest.mark.parametrize("settings", [{"shuffle": True, "seed": 1}, {}])
def test_together_or_alone_the_bytes_are_the_same(settings: Any) -> None:
    together = Bulk(16 * 20, batch_size=16, **settings)
    alone = Coded(16 * 20, batch_size=16, **settings)
    for epoch in (0, 1):
        together.set_epoch(epoch)
        alone.set_epoch(epoch)
        assert frozen_epoch(together) == frozen_epoch(alone)
    assert max(together.asked) > 16


def test_loaded_together_and_asked_for_in_another_epoch() -> None:
    settings: dict[str, Any] = {"batch_size": 16, "shuffle": True, "seed": 1}
    seq, alone = Bulk(160, **settings), Coded(160, **settings)
    for index in range(10):  # In sequence, so that several are loaded at once.
        for each in (seq, alone):
            each.set_epoch(index % 2)
        assert frozen(seq[index]) == frozen(alone[index])
    assert max(seq.asked) > 16


def test_several_threads_share_what_was_loaded_together() -> None:
    seq = Bulk(16 * 40, batch_size=16)

    def right(start: int) -> bool:
        return all(
            codes(seq[index]) == list(range(index * 16, index * 16 + 16))
            for index in [*range(start, 40), *range(start)]
        )

    assert [result for _, result in in_threads(right, range(0, 40, 10))] == [True] * 4
