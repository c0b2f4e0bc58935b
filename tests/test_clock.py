"""clock: when an epoch ends, told from calls that Keras makes at odd times."""

from __future__ import annotations

import gc
import tracemalloc

import pytest
from coded import in_threads

from multiseq.base.clock import EpochClock


class Reader:
    """Stands for the adapter through which Keras reads."""


def serve(clock: EpochClock, reader: object, batch: int, of: int = 1 << 40) -> int:
    """Serves a batch by its index; returns the epoch that it is of."""
    epoch, served = clock.serve(reader, batch, of, in_turn=False)
    assert served == batch
    return epoch


def read(
    clock: EpochClock,
    batches: range | list[int],
    reader: object = None,
    trains: bool = True,
    of: int = 4,
) -> list[int]:
    """What Keras does for one pass; returns the epoch that each batch was of."""
    clock.note(reader, trains)
    clock.begin_pass(reader, surely=True)
    epochs = [serve(clock, reader, batch) for batch in batches]
    clock.end_pass(reader, of)
    return epochs


def test_a_pass_is_an_epoch() -> None:
    clock = EpochClock()
    assert [read(clock, range(4)) for _ in range(3)] == [[0] * 4, [1] * 4, [2] * 4]
    assert clock.epoch == 3


def test_it_starts_where_it_is_told() -> None:
    assert read(EpochClock(7), range(4)) == [7] * 4


def test_an_end_before_the_beginning_is_none() -> None:
    clock = EpochClock()
    assert not clock.end_pass(None, 4)
    clock.begin_pass(None, surely=True)
    assert not clock.end_pass(None, 4)
    assert clock.epoch == 0


def test_batches_count_in_any_order() -> None:
    clock = EpochClock()
    read(clock, [2, 0, 3, 1])
    assert clock.epoch == 1


def test_a_batch_counts_once() -> None:
    clock = EpochClock()
    read(clock, [0, 0, 1, 1])
    assert clock.epoch == 0


def test_an_end_in_mid_pass_is_none() -> None:
    """With `steps_per_epoch` Keras says so every few batches, and goes on where it stopped."""
    clock = EpochClock()
    clock.begin_pass(None, surely=True)
    epochs = []
    for steps in ([0, 1], [2, 3], [4, 5]):
        epochs += [serve(clock, None, batch) for batch in steps]
        clock.end_pass(None, 6)
    assert epochs == [0] * 6
    assert clock.epoch == 1


def test_asking_for_the_length_amid_a_pass_does_not_begin_another() -> None:
    clock = EpochClock()
    clock.begin_pass(None, surely=True)
    serve(clock, None, 0)
    clock.begin_pass(None, surely=False)
    assert serve(clock, None, 1) == 0


def test_an_unfinished_pass_is_not_begun_anew() -> None:
    clock = EpochClock()
    assert read(clock, [0, 1]) == [0, 0]
    assert read(clock, range(4)) == [1] * 4
    assert clock.epoch == 2


def test_an_end_counts_once() -> None:
    clock = EpochClock()
    read(clock, range(4))
    assert not clock.end_pass(None, 4)
    assert clock.epoch == 1


def test_who_looks_on_reads_the_current_epoch() -> None:
    clock, trainer, validator = EpochClock(), Reader(), Reader()
    found = []
    for _ in range(3):
        found.append(read(clock, range(4), trainer)[0])
        found.append(read(clock, range(4), validator, trains=False)[0])
    assert found == [0, 1, 1, 2, 2, 3]
    assert clock.epoch == 3


def test_who_looks_on_amid_a_pass_does_not_disturb_it() -> None:
    clock, trainer, validator = EpochClock(), Reader(), Reader()
    clock.begin_pass(trainer, surely=True)
    epochs = [serve(clock, trainer, batch) for batch in (0, 1)]
    assert read(clock, range(4), validator, trains=False) == [0] * 4
    epochs += [serve(clock, trainer, batch) for batch in (2, 3)]
    clock.end_pass(trainer, 4)
    assert epochs == [0] * 4
    assert clock.epoch == 1


@pytest.mark.parametrize("epoch", [0, 3])
def test_setting_the_epoch_forgets_what_was_served(epoch: int) -> None:
    clock = EpochClock()
    clock.begin_pass(None, surely=True)
    serve(clock, None, 0)
    clock.set(epoch)
    assert serve(clock, None, 1) == epoch
    assert not clock.end_pass(None, 2)
    assert clock.epoch == epoch


def test_readers_are_not_kept() -> None:
    clock = EpochClock()
    read(clock, range(4), Reader())
    gc.collect()
    assert len(clock._passes) == 0


def test_threads_lose_no_batch() -> None:
    clock = EpochClock()
    clock.begin_pass(None, surely=True)
    in_threads(lambda k: [serve(clock, None, batch) for batch in range(k, 4000, 8)], range(8))
    assert clock.end_pass(None, 4000)


def test_a_pass_of_a_billion_samples_costs_little() -> None:
    clock, batches = EpochClock(), 30_000_000
    clock.begin_pass(None, surely=True)
    tracemalloc.start()
    for batch in (0, batches - 1, 5, 5):
        serve(clock, None, batch)
    assert tracemalloc.get_traced_memory()[1] < 1 << 25
    tracemalloc.stop()
    assert not clock.end_pass(None, 4)
    assert clock.end_pass(None, 3)
