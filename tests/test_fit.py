"""The real `fit`, `evaluate` and `predict`: which samples reach the model, and in which order."""

from __future__ import annotations

import itertools
import random
import threading
from typing import Any

import pytest
from backends import (
    BACKEND,
    BATCH,
    VALIDATION,
    Codes,
    N,
    Numbered,
    Probe,
    Unbuilt,
    flat,
    keras,
    not_legacy,
    ran_out,
    shuffled,
    whole_batches,
)

from multiseq.errors import ArgumentError

pytestmark = pytest.mark.backend


@pytest.fixture(scope="module")
def probe() -> Probe:
    return Probe.for_form("dict")


class StopAt(keras.callbacks.Callback):  # type: ignore[misc]
    """Stops training in the middle of an epoch."""

    def __init__(self, epoch: int, batch: int) -> None:
        super().__init__()
        self.at, self.batch, self.epoch = epoch, batch, 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if (self.epoch, batch) == (self.at, self.batch):
            self.model.stop_training = True


@pytest.mark.parametrize("workers", [0, 2])
def test_each_pass_has_the_order_of_its_epoch(probe: Probe, workers: int) -> None:
    seq = shuffled(workers=workers)
    assert probe.fit(seq, epochs=3, shuffle=False) == flat(seq, 0, 1, 2)
    assert seq.epoch == 3


@pytest.mark.parametrize("workers", [0, 2])
def test_keras_own_shuffle_changes_nothing(probe: Probe, workers: int) -> None:
    seq = shuffled(workers=workers)
    assert probe.fit(seq, epochs=2) == flat(seq, 0, 1)


def test_keras_may_shuffle_the_batches_of_what_does_not(probe: Probe) -> None:
    seq = shuffled(shuffle=False)
    rows = probe.fit(seq)
    assert rows != flat(seq, 0)
    assert whole_batches(rows, seq, 0)


def test_epochs_differ_and_hold_every_sample(probe: Probe) -> None:
    seq = shuffled()
    first, second = flat(seq, 0), flat(seq, 1)
    assert first != second
    assert sorted(first) == sorted(second) == list(range(N))


def test_without_shuffle_it_is_source_order(probe: Probe) -> None:
    seq = shuffled(shuffle=False)
    assert probe.fit(seq, epochs=2, shuffle=False) == [*range(N), *range(N)]


def test_the_order_is_that_of_the_seed(probe: Probe) -> None:
    rows = probe.fit(shuffled(), shuffle=False)
    assert probe.fit(shuffled(), shuffle=False) == rows
    assert probe.fit(shuffled(seed=6), shuffle=False) != rows


def test_set_random_seed_governs_a_sequence_without_a_seed(probe: Probe) -> None:
    def order() -> list[int]:
        keras.utils.set_random_seed(3)
        return probe.fit(shuffled(seed=None), epochs=2)

    assert order() == order()


def test_drop_last_leaves_out_what_fills_no_batch(probe: Probe) -> None:
    seq = shuffled(drop_last=True)
    rows = probe.fit(seq, epochs=2, shuffle=False)
    assert rows == flat(seq, 0, 1)
    assert len(rows) == 2 * (N - N % BATCH)


@pytest.mark.parametrize("n", [1, BATCH])
def test_a_single_batch_is_a_pass(n: int) -> None:
    seq = shuffled(n)
    rows = Probe(Unbuilt(), 2).fit(seq, epochs=3)
    assert rows == flat(seq, 0, 1, 2)


@pytest.mark.parametrize("form", ["array", "tuple", "dict"])
def test_inputs_of_any_form_reach_a_built_model(form: str) -> None:
    probe, seq = Probe.for_form(form), shuffled(form=form)
    assert probe.fit(seq, epochs=2, shuffle=False) == flat(seq, 0, 1)
    assert probe.evaluate(seq) == flat(seq, 2)
    assert probe.predict(seq) == flat(seq, 2)


@pytest.mark.parametrize("form", ["array", "tuple", "dict"])
def test_inputs_of_any_form_reach_an_unbuilt_model(form: str) -> None:
    model = keras.Sequential([Codes()]) if form == "array" else Unbuilt()
    probe, seq = Probe(model, 1 if form == "array" else 2), shuffled(form=form)
    assert probe.fit(seq, epochs=2, shuffle=False) == flat(seq, 0, 1)


def test_evaluating_with_an_unbuilt_model() -> None:
    seq = shuffled()
    assert Probe(Unbuilt(), 2).evaluate(seq) == flat(seq, 0)
    assert seq.epoch == 0


def test_predicting_with_an_unbuilt_model() -> None:
    seq = shuffled()
    assert Probe(Unbuilt(), 2).predict(seq) == flat(seq, 0)
    assert seq.epoch == 0


def test_two_fits_go_on_counting(probe: Probe) -> None:
    seq = shuffled()
    rows = probe.fit(seq, epochs=2, shuffle=False) + probe.fit(seq, epochs=1, shuffle=False)
    assert rows == flat(seq, 0, 1, 2)


def test_a_later_initial_epoch_is_the_first_epoch(probe: Probe) -> None:
    """A run that was begun before goes on, instead of showing the same orders again."""
    seq = shuffled()
    assert probe.fit(seq, initial_epoch=2, epochs=4, shuffle=False) == flat(seq, 2, 3)
    assert probe.fit(seq, initial_epoch=4, epochs=5, shuffle=False) == flat(seq, 4)
    assert probe.fit(seq, initial_epoch=1, epochs=2, shuffle=False) == flat(seq, 5)


@not_legacy
@ran_out
def test_a_later_initial_epoch_of_fewer_steps_than_batches(probe: Probe) -> None:
    seq = shuffled()
    steps = -(-N // BATCH) // 2 + 1  # Two epochs of Keras are one of the sequence.
    rows = probe.fit(seq, initial_epoch=3, epochs=4, steps_per_epoch=steps, shuffle=False)
    assert rows == flat(seq, 1)[steps * BATCH :]


def test_a_callback_may_set_the_epoch(probe: Probe) -> None:
    """To go on where a run of before had ended."""
    seq = shuffled()
    resume = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: seq.set_epoch(epoch))
    rows = probe.fit(seq, initial_epoch=2, epochs=4, shuffle=False, callbacks=[resume])
    assert rows == flat(seq, 2, 3)


def test_early_stopping_and_fitting_again(probe: Probe) -> None:
    seq = shuffled()
    stop = keras.callbacks.EarlyStopping(monitor="loss", patience=1)
    assert probe.fit(seq, epochs=9, shuffle=False, callbacks=[stop]) == flat(seq, 0, 1)
    assert probe.fit(seq, epochs=2, shuffle=False) == flat(seq, 2, 3)


def test_stopping_in_mid_epoch_and_fitting_again(probe: Probe) -> None:
    seq = shuffled()
    rows = probe.fit(seq, epochs=9, shuffle=False, callbacks=[StopAt(1, 2)])
    assert rows == flat(seq, 0) + flat(seq, 1)[: 3 * BATCH]
    assert probe.fit(seq, epochs=1, shuffle=False) == flat(seq, 2)


def test_evaluating_and_predicting_change_no_order(probe: Probe) -> None:
    seq = shuffled()
    assert probe.fit(seq, shuffle=False) == flat(seq, 0)
    assert probe.evaluate(seq) == flat(seq, 1)
    assert probe.predict(seq) == flat(seq, 1)
    assert probe.predict(seq, steps=2) == flat(seq, 1)[: 2 * BATCH]
    assert probe.fit(seq, shuffle=False) == flat(seq, 1)


def test_predictions_are_of_the_keys_of_the_batches(probe: Probe) -> None:
    seq = shuffled()
    predicted = probe.predict(seq)
    keys = [key for i in range(len(seq)) for key in seq.batch_keys(i)]
    assert predicted == keys


def test_validation_sees_its_own_samples_once_a_round(probe: Probe) -> None:
    seq = shuffled()
    validation = Numbered(19, first=VALIDATION, batch_size=4)
    rows = probe.fit(seq, epochs=3, shuffle=False, validation_data=validation)
    expected = [flat(seq, epoch) + flat(validation, 0) for epoch in range(3)]
    assert rows == list(itertools.chain(*expected))


def test_validation_on_the_training_sequence_itself(probe: Probe) -> None:
    seq = shuffled()
    rows = probe.fit(seq, epochs=3, shuffle=False, validation_data=seq)
    train = [rows[2 * N * k : 2 * N * k + N] for k in range(3)]
    validation = [rows[2 * N * k + N : 2 * N * (k + 1)] for k in range(3)]
    assert train == [flat(seq, k) for k in range(3)]
    assert [sorted(part) for part in validation] == [list(range(N))] * 3


@not_legacy
def test_validation_of_some_steps_on_the_training_sequence_itself(probe: Probe) -> None:
    seq = shuffled()
    rows = probe.fit(seq, epochs=3, shuffle=False, validation_data=seq, validation_steps=2)
    size = N + 2 * BATCH
    assert [rows[size * k : size * k + N] for k in range(3)] == [flat(seq, k) for k in range(3)]


@not_legacy
@ran_out
def test_fewer_steps_than_batches_go_on_where_they_stopped(probe: Probe) -> None:
    """Epochs of 3, 3 and 1 batches, until the pass is complete: so Keras has it."""
    seq = shuffled()
    rows = probe.fit(seq, epochs=5, steps_per_epoch=3, shuffle=False)
    assert rows == flat(seq, 0) + flat(seq, 1)[: 6 * BATCH]
    assert seq.epoch == 1


@not_legacy
def test_a_multiple_of_the_steps_is_a_pass(probe: Probe) -> None:
    seq = shuffled(48)
    rows = probe.fit(seq, epochs=6, steps_per_epoch=2)
    for k in range(2):
        assert whole_batches(rows[48 * k : 48 * (k + 1)], seq, k)
    assert seq.epoch == 2


@not_legacy
@ran_out
def test_a_fit_that_ends_in_mid_pass_is_followed_by_the_next_epoch(probe: Probe) -> None:
    """Else many short fits would see the first batches only."""
    seq = shuffled()
    for epoch in range(3):
        rows = probe.fit(seq, steps_per_epoch=2, shuffle=False)
        assert rows == flat(seq, epoch)[: 2 * BATCH]


@not_legacy
@ran_out
def test_validation_in_mid_pass_on_the_same_sequence(probe: Probe) -> None:
    seq = shuffled()
    rows = probe.fit(seq, epochs=5, steps_per_epoch=3, shuffle=False, validation_data=seq)
    trained: list[int] = []
    for size in (3 * BATCH, 3 * BATCH, N - 6 * BATCH, 3 * BATCH, 3 * BATCH):
        trained += rows[:size]
        assert sorted(rows[size : size + N]) == list(range(N))
        rows = rows[size + N :]
    assert trained == flat(seq, 0) + flat(seq, 1)[: 6 * BATCH]


@not_legacy
@ran_out
def test_more_steps_than_batches_are_as_many_as_there_are(probe: Probe) -> None:
    seq = shuffled()
    assert probe.fit(seq, epochs=2, steps_per_epoch=10, shuffle=False) == flat(seq, 0, 1)


@pytest.mark.parametrize("ours", [False, True])
@pytest.mark.parametrize("processes", [False, True])
def test_a_shuffled_fit_is_foretold(probe: Probe, processes: bool, ours: bool) -> None:
    with shuffled(400, workers=2, use_multiprocessing=processes, shuffle=ours) as seq:
        probe.fit(seq, epochs=4)
        stats = seq.stats()
    assert stats.batches >= 4 * 400 // BATCH
    assert stats.batches - stats.hits <= 2  # The first one, and a build pass.
    assert stats.hit_rate > 0.95


def test_a_fit_that_shuffles_by_epoch_is_foretold(
    probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Keras does from 3.16 on."""
    turns = itertools.count()

    def shuffle(batches: list[int]) -> None:
        random.Random(next(turns)).shuffle(batches)

    with shuffled(400, workers=2, shuffle=False) as seq:
        with monkeypatch.context() as patch:
            patch.setattr(random, "shuffle", shuffle)
            probe.fit(seq, epochs=4)
        assert next(turns) >= 4
        assert seq.stats().hit_rate > 0.95


def test_keras_workers_stay_out(probe: Probe) -> None:
    """Ours load; Keras' pool, whose data may be wrong, is never made."""
    names: set[str] = set()

    class Watched(Numbered):
        def load_sample(self, index: int) -> Any:
            names.add(threading.current_thread().name.rstrip("0123456789"))
            return super().load_sample(index)

    seq = Watched(N, batch_size=BATCH, workers=2, shuffle=True, seed=1)
    assert (seq.workers, seq.use_multiprocessing) == (1, False)
    assert seq.parallel.workers == 2
    seq[0]  # The first sample tells the layout: in whichever thread.
    names.clear()
    probe.fit(seq)
    seq.close()
    peek = {threading.current_thread().name} if BACKEND in ("tensorflow", "tf_keras") else set()
    assert names - peek == {"multiseq-"}


def test_workers_cannot_be_given_to_keras_behind_our_back() -> None:
    with pytest.raises(ArgumentError, match="workers cannot be changed in place"):
        shuffled().workers = 4


class Changed(Numbered):
    """What a user may write: it does something to each batch."""

    def __getitem__(self, index: int) -> Any:
        return super().__getitem__(index)

    def on_epoch_end(self) -> None:
        super().on_epoch_end()


def test_overriding_what_keras_calls_changes_no_order(probe: Probe) -> None:
    seq = Changed(N, batch_size=BATCH, shuffle=True, seed=5)
    rows = probe.fit(seq, epochs=2, shuffle=False)
    assert rows + probe.fit(seq, shuffle=False) == flat(shuffled(), 0, 1, 2)
