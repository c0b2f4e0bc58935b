"""clock: when an epoch ends, told from calls that Keras makes at odd times."""

from __future__ import annotations

import gc

import pytest
from coded import in_threads

from multiseq.clock import EpochClock


class Reader:
    """What Keras reads through."""


TRAINING = Reader()


def read(
    clock: EpochClock, batches: range | list[int], n: int, reader: Reader = TRAINING
) -> list[int]:
    """What Keras does for one pass; returns the epoch that each batch was of."""
    clock.begin_pass(reader, surely=True)
    epochs = [clock.serve(reader, batch) for batch in batches]
    clock.end_pass(reader, n)
    return epochs


def onlooker(clock: EpochClock) -> Reader:
    reader = Reader()
    clock.note(reader, trains=False)
    return reader


def test_a_pass_is_an_epoch() -> None:
    clock = EpochClock()
    assert [read(clock, range(4), 4) for _ in range(3)] == [[0] * 4, [1] * 4, [2] * 4]
    assert clock.epoch == 3


def test_it_starts_where_it_is_told() -> None:
    assert read(EpochClock(7), range(2), 2) == [7, 7]


def test_an_end_before_the_beginning_is_none() -> None:
    clock = EpochClock()
    assert not clock.end_pass(TRAINING, 4)
    clock.begin_pass(TRAINING, surely=True)
    assert not clock.end_pass(TRAINING, 4)
    assert clock.epoch == 0


def test_batches_count_in_any_order() -> None:
    clock = EpochClock()
    read(clock, [2, 0, 3, 1], 4)
    assert clock.epoch == 1


def test_a_batch_counts_once() -> None:
    clock = EpochClock()
    read(clock, [0, 0, 1, 1], 4)
    assert clock.epoch == 0


def test_an_end_in_mid_pass_is_none() -> None:
    """With `steps_per_epoch` Keras says so every few batches, and goes on where it stopped."""
    clock = EpochClock()
    clock.begin_pass(TRAINING, surely=True)
    epochs = []
    for steps in ([0, 1], [2, 3], [4, 5]):
        epochs += [clock.serve(TRAINING, batch) for batch in steps]
        clock.end_pass(TRAINING, 6)
    assert epochs == [0] * 6
    assert clock.epoch == 1


def test_an_unfinished_pass_is_not_begun_anew() -> None:
    """How much of it was served is a matter of chance where Keras prefetches."""
    clock = EpochClock()
    clock.begin_pass(TRAINING, surely=True)
    clock.serve(TRAINING, 0)
    assert read(clock, range(4), 4, Reader()) == [1] * 4
    assert read(clock, range(4), 4) == [2] * 4


def test_asking_for_the_length_in_mid_pass_begins_none() -> None:
    clock = EpochClock()
    clock.begin_pass(TRAINING, surely=True)
    clock.serve(TRAINING, 0)
    clock.begin_pass(TRAINING, surely=False)
    assert clock.serve(TRAINING, 1) == 0
    assert clock.end_pass(TRAINING, 2)


def test_asking_for_the_length_after_a_pass_begins_the_next() -> None:
    clock = EpochClock()
    for epoch in range(3):
        clock.begin_pass(TRAINING, surely=False)
        assert [clock.serve(TRAINING, batch) for batch in range(2)] == [epoch] * 2
        clock.end_pass(TRAINING, 2)


def test_an_end_counts_once() -> None:
    clock = EpochClock()
    read(clock, range(2), 2)
    assert not clock.end_pass(TRAINING, 2)
    assert clock.epoch == 1


def test_looking_on_leaves_the_epoch_as_it_is() -> None:
    clock = EpochClock()
    read(clock, range(3), 3)
    assert read(clock, range(3), 3, onlooker(clock)) == [1] * 3
    assert read(clock, range(3), 3) == [1] * 3


def test_looking_on_in_mid_pass_splits_nothing() -> None:
    clock = EpochClock()
    clock.begin_pass(TRAINING, surely=True)
    before = [clock.serve(TRAINING, batch) for batch in (0, 1)]
    assert read(clock, range(4), 4, onlooker(clock)) == [0] * 4
    after = [clock.serve(TRAINING, batch) for batch in (2, 3)]
    assert before + after == [0] * 4
    assert clock.end_pass(TRAINING, 4)


def test_a_reader_that_turns_out_to_look_on_has_trained_nothing() -> None:
    clock = EpochClock()
    reader = Reader()
    read(clock, [0], 2, reader)
    clock.note(reader, trains=False)
    assert read(clock, range(2), 2) == [0, 0]


def test_what_cannot_be_seen_changes_nothing() -> None:
    clock = EpochClock()
    reader = onlooker(clock)
    clock.note(reader, trains=None)
    read(clock, range(2), 2, reader)
    assert clock.epoch == 0


@pytest.mark.parametrize("reader", [TRAINING, None])
def test_setting_the_epoch_decides_what_is_read_next(reader: Reader | None) -> None:
    clock = EpochClock()
    clock.begin_pass(reader, surely=True)
    clock.serve(reader, 0)
    clock.set(5)
    clock.begin_pass(reader, surely=True)
    assert clock.serve(reader, 0) == 5
    assert clock.epoch == 5


def test_setting_the_epoch_in_mid_pass_splits_nothing() -> None:
    clock = EpochClock()
    clock.begin_pass(TRAINING, surely=True)
    clock.serve(TRAINING, 0)
    clock.set(5)
    assert clock.serve(TRAINING, 1) == 0
    clock.end_pass(TRAINING, 2)
    assert clock.epoch == 5


def test_readers_are_not_kept_alive() -> None:
    clock, reader = EpochClock(), Reader()
    clock.serve(reader, 0)
    assert len(clock._passes) == 1
    del reader
    gc.collect()
    assert len(clock._passes) == 0


def test_threads_lose_no_batch() -> None:
    clock = EpochClock()
    clock.begin_pass(TRAINING, surely=True)
    in_threads(lambda k: [clock.serve(TRAINING, batch) for batch in range(k, 4000, 8)], range(8))
    assert clock.end_pass(TRAINING, 4000)
