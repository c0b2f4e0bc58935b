"""engine: what is read ahead, and what is loaded at once."""

from __future__ import annotations

import random
import threading
import time
from typing import Any

import numpy as np
import pytest
from coded import Bulk, Coded, codes, epoch_of, frozen, frozen_epoch, in_threads, wait_for

from multiseq.engine.ahead import Forecast, ReadAhead
from multiseq.engine.base import Loader, Pending

# The forecast


def guesses(forecast: Forecast, asked: list[int]) -> list[list[int]]:
    """What is guessed to come next, after each batch asked for."""
    found = []
    for index in asked:
        forecast.see(index)
        found.append(list(forecast.next(2)))
    return found


def test_batches_come_in_sequence() -> None:
    assert guesses(Forecast(4), [0, 1, 2, 3]) == [[1, 2], [2, 3], [3], []]


def test_a_jump_is_followed() -> None:
    assert guesses(Forecast(9), [0, 5, 6, 2]) == [[1, 2], [6, 7], [7, 8], [3, 4]]


def test_it_knows_when_it_was_right() -> None:
    forecast = Forecast(9)
    right = []
    for index in [0, 1, 5, 6, 6, 0]:
        forecast.see(index)
        right.append(forecast.in_step)
    assert right == [True, True, False, True, False, False]


@pytest.mark.parametrize("n", [2, 3, 10, 100])
def test_the_shuffle_of_keras_is_foretold(n: int) -> None:
    forecast = Forecast(n)
    random.seed(n)
    for _ in range(3):
        forecast.expect_shuffle()
        order = list(range(n))
        random.shuffle(order)
        found = guesses(forecast, order)
        assert found == [order[place + 1 : place + 3] for place in range(n)]


def test_foretelling_draws_nothing() -> None:
    random.seed(1)
    state = random.getstate()
    forecast = Forecast(10)
    forecast.expect_shuffle()
    guesses(forecast, [3, 4, 5])
    assert random.getstate() == state


def test_without_a_shuffle_batches_come_in_sequence_all_the_same() -> None:
    random.seed(1)  # Whose shuffle does not begin with 0.
    forecast = Forecast(10)
    forecast.expect_shuffle()
    assert guesses(forecast, [0, 1]) == [[1, 2], [2, 3]]


def test_a_shuffle_that_was_drawn_otherwise_is_followed_in_sequence() -> None:
    random.seed(1)
    forecast = Forecast(10)
    forecast.expect_shuffle()
    order = list(range(10))
    random.shuffle(order)
    wrong = (order[0] + 4) % 10
    assert guesses(forecast, [wrong]) == [list(range(10))[wrong + 1 : wrong + 3]]


def test_many_batches_are_not_shuffled_for_a_guess() -> None:
    forecast = Forecast((1 << 20) + 1)
    forecast.expect_shuffle()
    assert guesses(forecast, [0]) == [[1, 2]]


# Reading ahead


class Noted(Loader, Pending):
    """Loads nothing; notes what was submitted and cancelled."""

    def __init__(self) -> None:
        self.submitted: list[Any] = []
        self.cancelled: list[Any] = []
        self.closed = 0

    def submit(self, job: Any) -> Any:
        self.submitted.append(job)
        pending = Noted()
        pending.submitted, pending.cancelled = [job], self.cancelled
        return pending

    def cancel(self) -> None:
        self.cancelled += self.submitted

    def result(self) -> Any:
        return tuple(self.submitted)

    def close(self) -> None:
        self.closed += 1


def noted(n: int = 10, depth: int = 3) -> tuple[Noted, Any]:
    loader = Noted()
    reader = ReadAhead(loader, Forecast(n), depth)
    return loader, lambda epoch, index: reader.get(
        None,  # type: ignore[arg-type]
        epoch,
        index,
        lambda source, epoch, batches: (epoch, *batches),  # type: ignore[arg-type,return-value]
    )


def test_read_ahead_as_deep_as_told() -> None:
    loader, get = noted(n=6)
    assert get(0, 0) == ((0, 0),)
    assert loader.submitted == [(0, 0), (0, 1), (0, 2), (0, 3)]
    assert get(0, 1) == ((0, 1),)
    assert loader.submitted[4:] == [(0, 4)]
    for index in range(2, 6):
        get(0, index)
    assert loader.submitted == [(0, index) for index in range(6)]
    assert loader.cancelled == []


def test_a_wrong_guess_is_given_up() -> None:
    loader, get = noted()
    get(0, 0)
    assert get(0, 7) == ((0, 7),)
    assert loader.cancelled == [(0, 1), (0, 2), (0, 3)]
    assert loader.submitted[4:] == [(0, 7), (0, 8), (0, 9)]


def test_another_epoch_is_another_batch() -> None:
    loader, get = noted()
    get(0, 0)
    assert get(1, 1) == ((1, 1),)
    assert loader.cancelled == [(0, 1), (0, 2), (0, 3)]


def test_what_was_asked_for_is_loaded_first() -> None:
    loader, get = noted()
    get(0, 4)
    assert loader.submitted[0] == (0, 4)


def test_what_is_read_ahead_is_loaded_once() -> None:
    loaded: list[int] = []

    class Counts(Coded):
        def load_sample(self, index: int) -> Any:
            loaded.append(index)
            return super().load_sample(index)

    with Counts(40, batch_size=4, workers=3) as seq:
        _ = seq.spec
        loaded.clear()
        epoch_of(seq)
        assert sorted(loaded) == list(range(40))


def test_reading_goes_on_while_nobody_asks() -> None:
    loaded: set[int] = set()

    class Notes(Coded):
        def load_sample(self, index: int) -> Any:
            loaded.add(index)
            return super().load_sample(index)

    with Notes(40, batch_size=2, workers=2, max_queue_size=5) as seq:
        seq[0]
        wait_for(lambda: loaded >= set(range(12)))
        time.sleep(0.02)  # Long enough for a thread to load more, if it were to.
        assert loaded == set(range(12))


def test_a_batch_is_shared_among_the_workers() -> None:
    """One batch that takes long is loaded by all of them, not by one."""
    together = threading.Barrier(3, timeout=10)

    class Meets(Coded):
        def load_sample(self, index: int) -> Any:
            if index and index % 4 == 0:
                together.wait()  # Three threads must be in one batch for this to return.
            return super().load_sample(index)

    with Meets(13, batch_size=13, workers=3, max_queue_size=1) as seq:
        _ = seq.spec
        assert codes(seq[0]) == list(range(13))


def test_no_more_threads_load_than_told() -> None:
    loading: set[int] = set()

    class Notes(Coded):
        def load_sample(self, index: int) -> Any:
            loading.add(threading.get_ident())
            return super().load_sample(index)

    with Notes(200, batch_size=10, workers=3) as seq:
        _ = seq.spec
        loading.clear()
        epoch_of(seq)
        assert threading.get_ident() not in loading
        assert 1 <= len(loading) <= 3
    serial = Notes(20)
    loading.clear()
    epoch_of(serial)
    assert loading == {threading.get_ident()}


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
