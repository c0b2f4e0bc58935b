"""testing: `check_sequence` passes what keeps the contract, and catches each way to break it."""

from __future__ import annotations

import itertools
import random
import sqlite3
import threading
from typing import Any

import numpy as np
import pytest
from coded import KINDS, Bulk, Coded, Noisy, Ragged, Weighted, codes

from multiseq import ArraySequence, JoinedSequence, MultiInputSequence, Spec, aligned_empty, join
from multiseq.errors import LoadError, MultiseqError
from multiseq.order import Order
from multiseq.settings import Settings
from multiseq.testing import ContractError, check_sequence

SETTINGS: dict[str, Any] = {"batch_size": 4, "seed": 1}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("settings", [{}, {"shuffle": True}, {"drop_last": True}, {"workers": 2}])
def test_what_keeps_the_contract_passes(kind: str, settings: Any) -> None:
    with KINDS[kind](18, **SETTINGS, **settings) as seq:
        check_sequence(seq)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Coded(18, **SETTINGS, sampler=lambda seed, epoch: [0, 0, 17, epoch]),
        lambda: Coded(18, **SETTINGS).subset([5, 3, 11, 4, 8]),
        lambda: Noisy(18, **SETTINGS, shuffle=True).split(0.5, 0.5)[1],
        lambda: join(Noisy(18), Ragged(18), **SETTINGS, shuffle=True).split(0.8, 0.2)[0],
        lambda: join(code=Weighted(18), ids=Ragged(18), targets=range(18)),
        lambda: ArraySequence({"x": np.arange(18.0)}, np.arange(18), class_weight={3: 2}),
        lambda: Ragged(18, spec={"ids": Spec((None,), "int32", max_length=9)}),
        lambda: Coded([f"k{number}" for number in range(18)], **SETTINGS),
        lambda: Coded(1),
    ],
)
def test_so_do_views_and_joins_of_it(make: Any) -> None:
    check_sequence(make())


def test_the_sequence_is_left_as_it_was() -> None:
    seq = Coded(18, **SETTINGS, shuffle=True)
    seq.set_epoch(5)
    before = codes(seq[0])
    check_sequence(seq, epochs=3)
    assert seq.epoch == 5
    assert codes(seq[0]) == before


def test_as_many_epochs_as_told_are_looked_at() -> None:
    seen = set()

    def sampler(seed: int, epoch: int) -> Any:
        seen.add(epoch)
        return range(18)

    seq = Coded(18, **SETTINGS, sampler=sampler)
    seq.set_epoch(3)
    check_sequence(seq, epochs=4)
    assert seen >= {3, 4, 5, 6}
    assert max(seen) <= 7  # Read ahead.


def broken(kind: Any, says: str) -> ContractError:
    """The error for a sequence that breaks the contract; its epoch is as it was."""
    seq = kind if isinstance(kind, MultiInputSequence) else kind(18, **SETTINGS)
    seq.set_epoch(2)
    with pytest.raises(ContractError, match=says) as caught:
        check_sequence(seq)
    assert seq.epoch == 2
    assert caught.value.where["class"] == type(seq).__name__
    return caught.value


def test_it_is_an_assertion_with_all_there_is_to_know() -> None:
    class Random(Coded):
        def load_sample(self, index: int) -> Any:
            return {"a": np.random.default_rng().random(3)}

    error = broken(Random, r"inputs\['a'\]")
    assert isinstance(error, AssertionError)
    assert isinstance(error, MultiseqError)
    assert error.got
    assert error.expected
    assert "no random numbers" in str(error)


def test_random_numbers_in_load_sample() -> None:
    class Random(Coded):
        def load_sample(self, index: int) -> Any:
            inputs, target = super().load_sample(index)
            return inputs, target + np.float32(random.random())

    broken(Random, "batch . differs in targets when asked for in reverse order")


def test_state_that_changes_with_each_call() -> None:
    class Counts(Coded):
        calls = itertools.count()

        def load_sample(self, index: int) -> Any:
            return {"n": next(self.calls)}

    broken(Counts, "differs in inputs")


def test_what_differs_between_threads() -> None:
    class Asks(Coded):
        def load_sample(self, index: int) -> Any:
            return {"main": threading.current_thread() is threading.main_thread()}

    broken(Asks, r"inputs\['main'\] when loaded by threads")


def test_state_that_is_lost_in_a_copy() -> None:
    class Forgets(Coded):
        def __init__(self, n: int, **keywords: Any) -> None:
            super().__init__(n, **keywords)
            self.offset = 1

        def __getstate__(self) -> Any:
            return super().__getstate__() | {"offset": 0}

        def load_sample(self, index: int) -> Any:
            return np.float32(index + self.offset)

    broken(Forgets, "batch 0 differs in inputs when after pickling")


BUFFERS = threading.local()


class Reuses(Ragged):
    """Returns the same memory again and again: one buffer for each thread, so without a race."""

    def load_sample(self, index: int) -> Any:
        if not hasattr(BUFFERS, "ids"):
            BUFFERS.ids = np.zeros(8, np.int32)
        BUFFERS.ids[...] = index
        return {"ids": BUFFERS.ids[: 1 + index % 5]}


def test_a_buffer_that_is_filled_again_and_again_is_read_in_time() -> None:
    seq = Reuses(18, **SETTINGS)
    check_sequence(seq)
    ids = seq[0][0]["ids"]
    assert len({tuple(row) for row in ids.tolist()}) == len(ids)


@pytest.mark.parametrize("name", ["values", "dtype", "order"])
def test_a_load_batch_that_differs(name: str) -> None:
    class Differs(Bulk):
        def load_batch(self, indices: Any) -> Any:
            inputs, targets = super().load_batch(np.sort(indices) if name == "order" else indices)
            if name == "values":
                inputs["a"][indices == 11] += 1
            return inputs, targets + (0.4 if name == "dtype" else 0)

    if name == "order":
        broken(Differs(18, **SETTINGS, shuffle=True), "load_batch and load_sample differ in inputs")
    else:
        leaf = r"inputs\['a'\] of batch 2" if name == "values" else "targets of batch 0"
        broken(Differs, f"load_batch and load_sample differ in {leaf}")


@pytest.mark.parametrize("held", [threading.Lock(), sqlite3.connect(":memory:")])
def test_what_cannot_be_pickled(held: Any) -> None:
    seq = Coded(18, **SETTINGS)
    seq.held = held  # type: ignore[attr-defined]
    assert "not in __init__" in str(broken(seq, "cannot be pickled"))


def test_a_sample_that_comes_twice(monkeypatch: Any) -> None:
    monkeypatch.setattr(Order, "slice", lambda self, start, stop: np.arange(start, stop) // 2)
    broken(Coded, "a sample comes twice in an epoch")


def test_a_batch_that_is_left_out(monkeypatch: Any) -> None:
    count = Settings.num_batches
    monkeypatch.setattr(Settings, "num_batches", lambda self, n: count(self, n) - 1)
    broken(Coded, "not every sample comes in an epoch")


def test_a_key_that_is_not_there() -> None:
    class Strange(Coded):
        def batch_keys(self, index: int) -> Any:
            return super().batch_keys(index) + 1

    broken(Strange, "a key that the sequence does not have")


def with_batches(change: Any) -> type:
    class Changes(Coded):
        def __getitem__(self, index: int) -> Any:
            return change(*super().__getitem__(index))

    return Changes


def misplaced(array: Any) -> Any:
    block = aligned_empty((array.nbytes + 16,), "uint8")
    found = np.frombuffer(block.data, np.uint8)[16:].view(array.dtype).reshape(array.shape)
    found[...] = array
    return found


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda x, y: [x, y], "no tuple of 1 to 3"),
        (lambda x, y: x, "no tuple of 1 to 3"),
        (lambda x, y: (x, y, y, y), "no tuple of 1 to 3"),
        (lambda x, y: (x, y.tolist()), "targets of batch 0 has no row for each sample"),
        (lambda x, y: (x, y[:2]), "targets of batch 0 has no row for each sample"),
        (lambda x, y: (x, misplaced(y)), "targets of batch 0 is not aligned"),
        (lambda x, y: (x, y.astype("float64")), "targets of batch 0 "),
        (lambda x, y: (x | {"b": aligned_empty((len(y), 3), "i4")}, y), "does not fit its spec"),
    ],
)
def test_batches_that_are_not_what_keras_takes(change: Any, says: str) -> None:
    broken(with_batches(change), says)


def test_a_dtype_that_is_not_the_declared_one() -> None:
    def changed(x: Any, y: Any) -> Any:
        wide = aligned_empty(y.shape, "float64")
        wide[...] = y
        return x, wide

    broken(with_batches(changed), "targets of batch 0 does not fit its spec")


class Part(MultiInputSequence):
    def __init__(self, name: str) -> None:
        super().__init__(18)
        self.name = name

    def load_sample(self, index: int) -> Any:
        return {self.name: np.full(3, index, np.float32)}


def test_a_join_that_mixes_up_its_parts() -> None:
    class Mixes(JoinedSequence):
        def load_sample(self, index: int) -> Any:
            here, there = super().load_sample(index), super().load_sample((index + 1) % 18)
            return ({"x": here[0]["x"], "y": there[0]["y"]},)

    seq = Mixes([(None, Part("x")), (None, Part("y"))], **SETTINGS)
    broken(seq, r"inputs\['y'\] of key 16 is not what its part has for that key")


def test_a_sample_that_cannot_be_loaded_is_no_breach() -> None:
    class Fails(Coded):
        def load_sample(self, index: int) -> Any:
            if index == 17:
                raise OSError
            return super().load_sample(index)

    seq = Fails(18, **SETTINGS)
    with pytest.raises(LoadError):
        check_sequence(seq)
