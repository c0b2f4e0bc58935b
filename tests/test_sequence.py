"""sequence: epochs and their order, Keras' calls, copies."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from coded import Coded, Ragged, called_from, codes, epoch_of, frozen_epoch

FULL: dict[str, Any] = {"batch_size": 5, "shuffle": True, "seed": 3}

# An epoch


@pytest.mark.parametrize(("n", "size", "batches"), [(10, 4, 3), (12, 4, 3), (1, 4, 1), (4, 1, 4)])
def test_every_sample_comes_once_and_the_last_batch_is_kept(
    n: int, size: int, batches: int
) -> None:
    for shuffle in (False, True):
        seq = Coded(n, batch_size=size, shuffle=shuffle, seed=1)
        assert len(seq) == seq.num_batches == batches
        assert sorted(epoch_of(seq)) == list(range(n))


def test_drop_last_leaves_out_what_is_not_full() -> None:
    seq = Coded(10, batch_size=4, drop_last=True)
    assert len(seq) == 2
    assert epoch_of(seq) == list(range(8))
    assert len(Coded(8, batch_size=4, drop_last=True)) == 2


def test_unshuffled_is_source_order_in_every_epoch() -> None:
    seq = Coded(10, batch_size=4)
    seq.set_epoch(3)
    assert epoch_of(seq) == list(range(10))


def test_iteration_is_one_epoch() -> None:
    seq = Coded(10, **FULL)
    assert [codes(batch) for batch in seq] == [codes(seq[i]) for i in range(len(seq))]


def test_batches_count_from_the_end_too() -> None:
    seq = Coded(10, **FULL)
    assert codes(seq[-1]) == codes(seq[1])
    assert seq.batch_keys(-1).equals(seq.batch_keys(1))
    one: Any = np.int64(1)
    assert codes(seq[one]) == codes(seq[1])


@pytest.mark.parametrize("order", [{}, {"shuffle": True}, {"sampler": lambda s, e: [3, e, 3, 9]}])
def test_batch_keys_are_those_of_the_batch(order: Any) -> None:
    keys = [f"key {number}" for number in range(10)]
    seq = Coded(keys, batch_size=3, seed=4, **order)
    for epoch in range(3):
        seq.set_epoch(epoch)
        for index in range(len(seq)):
            assert seq.batch_keys(index).tolist() == [f"key {k}" for k in codes(seq[index])]


def test_a_sampler_decides_the_order_by_seed_and_epoch() -> None:
    seq = Coded(10, batch_size=3, seed=5, sampler=lambda seed, epoch: [seed, epoch, 9, 9])
    seq.set_epoch(2)
    assert len(seq) == 2
    assert epoch_of(seq) == [5, 2, 9, 9]


# Epochs


def test_each_epoch_has_its_own_order() -> None:
    seq = Coded(50, **FULL)
    orders = []
    for epoch in range(4):
        seq.set_epoch(epoch)
        orders.append(tuple(epoch_of(seq)))
    assert len(set(orders)) == 4
    assert {tuple(sorted(order)) for order in orders} == {tuple(range(50))}


def test_the_order_of_an_epoch_is_a_function_of_its_seed_and_number() -> None:
    seq = Coded(50, **FULL)
    for epoch in range(4):
        fresh = Coded(50, **FULL)
        fresh.set_epoch(epoch)
        assert frozen_epoch(fresh) == frozen_epoch(seq)
        seq.on_epoch_end()
    assert epoch_of(Coded(50, **FULL | {"seed": 4})) != epoch_of(Coded(50, **FULL))


def test_set_epoch_goes_anywhere() -> None:
    seq = Coded(50, **FULL)
    first = epoch_of(seq)
    seq.set_epoch(10**12)
    assert seq.epoch == 10**12
    assert sorted(epoch_of(seq)) == sorted(first)
    assert epoch_of(seq) != first
    seq.set_epoch(np.int64(0))
    assert epoch_of(seq) == first


@pytest.mark.parametrize("workers", [0, 2])
def test_on_epoch_end_by_hand_reshuffles(workers: int) -> None:
    with Coded(50, workers=workers, **FULL) as seq:
        seq.on_epoch_begin()
        first = epoch_of(seq)
        seq.on_epoch_end()
        assert seq.epoch == 1
        assert epoch_of(seq) != first


def test_on_epoch_end_in_mid_epoch_by_hand_reshuffles_too() -> None:
    seq = Coded(50, **FULL)
    first = [codes(seq[0]), codes(seq[1])]
    seq.on_epoch_end()
    assert [codes(seq[0]), codes(seq[1])] != first


def test_an_overridden_on_epoch_end_reshuffles_by_super() -> None:
    class Mine(Coded):
        def on_epoch_end(self) -> None:
            self.ended = True
            super().on_epoch_end()

    class Deeper(Mine):
        def on_epoch_end(self) -> None:
            super().on_epoch_end()

    for kind in (Mine, Deeper):
        seq = kind(50, **FULL)
        seq.on_epoch_end()
        assert seq.epoch == 1
        assert seq.ended


def test_a_sequence_that_drives_another_reshuffles_it() -> None:
    inner = Coded(50, **FULL)

    class Outer(Coded):
        def on_epoch_end(self) -> None:
            super().on_epoch_end()
            inner.on_epoch_end()

    outer = Outer(50)
    outer.on_epoch_end()
    assert (outer.epoch, inner.epoch) == (1, 1)


def test_a_seed_left_out_is_governed_by_keras() -> None:
    def orders() -> list[list[int]]:
        keras.utils.set_random_seed(5)
        return [epoch_of(Coded(20, shuffle=True)) for _ in range(2)]

    first, second = orders()
    assert first != second
    assert orders() == [first, second]


# What Keras calls


KERAS = "keras.src.trainers.data_adapters.py_dataset_adapter"


class Adapter:
    """Calls a sequence from frames like those of Keras' adapter."""

    def __init__(self, seq: Any) -> None:
        self.py_dataset = seq

    def on_epoch_end(self) -> None:
        self.py_dataset.on_epoch_end()

    def begin(self) -> None:
        self.py_dataset.num_batches  # noqa: B018

    def read(self, steps: Any) -> Any:
        return [self.py_dataset[step] for step in steps]

    def get_tf_dataset(self) -> Any:
        return [self.py_dataset[i] for i in range(self.py_dataset.num_batches)][:2]


keras_ends_epoch = called_from(KERAS, Adapter.on_epoch_end)
keras_begins = called_from(KERAS, Adapter.begin)
keras_reads = called_from(KERAS, Adapter.read)


def samples_of(batches: Any) -> list[int]:
    return [code for batch in batches for code in codes(batch)]


def test_under_keras_an_epoch_ends_with_its_last_batch() -> None:
    seq, by_hand = Coded(20, **FULL), Coded(20, **FULL)
    adapter = Adapter(seq)
    keras_ends_epoch(adapter)  # As it does before the first epoch.
    for epoch in range(3):
        by_hand.set_epoch(epoch)
        keras_begins(adapter)
        assert samples_of(keras_reads(adapter, range(4))) == epoch_of(by_hand)
        keras_ends_epoch(adapter)
    assert seq.epoch == 3


def test_under_keras_a_pass_in_pieces_covers_every_sample_once() -> None:
    seq = Coded(20, **FULL)
    found, adapter = [], Adapter(seq)
    keras_begins(adapter)
    for steps in ([0, 1, 2], [3]):
        found += samples_of(keras_reads(adapter, steps))
        keras_ends_epoch(adapter)
    assert sorted(found) == list(range(20))
    assert seq.epoch == 1


def test_an_override_is_told_from_keras_own_call() -> None:
    class Mine(Coded):
        def on_epoch_end(self) -> None:
            super().on_epoch_end()

    seq = Mine(20, **FULL)
    keras_ends_epoch(Adapter(seq))
    assert seq.epoch == 0


@pytest.mark.parametrize("n", [1, 10])
def test_the_signature_shows_which_axes_vary(n: int) -> None:
    """Keras on TensorFlow takes an axis to vary where its first two batches differ."""
    seq = Ragged(n, batch_size=1)
    first, second = called_from(KERAS, Adapter.get_tf_dataset)(Adapter(seq))
    assert first[0]["ids"].shape[1] % 2 == 0
    assert second[0]["ids"].shape[1] % 2 == 1
    assert seq.num_batches == n
    assert seq[0][0]["ids"].shape == (1, 1)


def test_keras_starts_no_workers_of_its_own() -> None:
    seq = Coded(10, workers=3, use_multiprocessing=False, max_queue_size=7)
    assert isinstance(seq, keras.utils.PyDataset)
    assert (seq.workers, seq.use_multiprocessing) == (1, False)
    assert seq.parallel == (3, False, 7)
    assert Coded(10, workers=3).parallel.max_queue_size == 5
