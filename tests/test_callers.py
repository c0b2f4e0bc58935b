"""Who reads, and which epoch: whatever lies between Keras and a sequence."""

from __future__ import annotations

import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from backends import BACKEND, Numbered, Probe, flat, keras, not_legacy, ran_out

pytestmark = pytest.mark.backend

N, BATCH = 50, 8


@pytest.fixture(scope="module")
def probe() -> Probe:
    return Probe.for_form("dict")


def through(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def fit(*arguments: Any, **keywords: Any) -> Any:  # A name that Keras has too.
        return method(*arguments, **keywords)

    return fit


class Decorated(Numbered):
    """Everything that Keras calls is behind a decorator, and `self` has another name."""

    @through
    def __getitem__(this, index: int) -> Any:  # noqa: N805
        assert -len(this) <= index < this.num_batches
        inputs, targets = super().__getitem__(index)
        return {name: leaf.astype(leaf.dtype) for name, leaf in inputs.items()}, targets

    @property
    @through
    def num_batches(this) -> int:  # noqa: N805
        return super().num_batches

    @through
    def on_epoch_begin(this) -> None:  # noqa: N805
        super().on_epoch_begin()

    @through
    def on_epoch_end(this) -> None:  # noqa: N805
        super().on_epoch_end()


def made(cls: type = Numbered, **keywords: Any) -> Any:
    return cls(N, **({"batch_size": BATCH, "shuffle": True, "seed": 5} | keywords))


def test_overrides_behind_decorators_change_no_order(probe: Probe) -> None:
    seq = made(Decorated)
    rows = probe.fit(seq, epochs=3, shuffle=False)
    assert rows == flat(made(), 0, 1, 2)
    assert probe.evaluate(seq) == flat(made(), 3)
    assert seq.epoch == 3


class Around(keras.utils.Sequence):  # type: ignore[misc]
    """A dataset of the user's own around a sequence."""

    def __init__(self, seq: Any) -> None:
        super().__init__()
        self.seq = seq

    def __len__(self) -> int:
        return len(self.seq)

    def __getitem__(self, index: int) -> Any:
        batch = self.seq[index]
        assert isinstance(batch[1], np.ndarray)
        return batch

    def on_epoch_end(self) -> None:
        self.seq.on_epoch_end()


@not_legacy
def test_a_dataset_around_a_sequence(probe: Probe) -> None:
    seq = made()
    assert probe.fit(Around(seq), epochs=3, shuffle=False) == flat(made(), 0, 1, 2)
    assert probe.evaluate(Around(seq)) == flat(made(), 3)


@not_legacy
@ran_out
def test_a_dataset_around_a_sequence_in_steps(probe: Probe) -> None:
    rows = probe.fit(Around(made()), epochs=5, steps_per_epoch=3, shuffle=False)
    assert rows == flat(made(), 0) + flat(made(), 1)[: 6 * BATCH]


@not_legacy
def test_fewer_batches_by_num_batches_are_an_epoch(probe: Probe) -> None:
    class Limited(Numbered):
        @property
        def num_batches(self) -> int:
            return min(3, super().num_batches)

    rows = probe.fit(made(Limited), epochs=3, shuffle=False)
    expected = [flat(made(), epoch)[: 3 * BATCH] for epoch in range(3)]
    assert rows == expected[0] + expected[1] + expected[2]


def test_what_a_callback_reads_is_read_by_the_user(probe: Probe) -> None:
    seq = made()

    def look(*_: Any, **__: Any) -> None:
        assert len(list(seq)) == len(seq)
        assert isinstance(seq[1][1], np.ndarray)

    callback = keras.callbacks.LambdaCallback(on_batch_end=look, on_epoch_begin=look)
    assert probe.fit(seq, epochs=2, shuffle=False, callbacks=[callback]) == flat(made(), 0, 1)


@not_legacy
@pytest.mark.skipif(BACKEND == "tensorflow", reason="reads passes ahead of their ends")
def test_a_keras_that_reads_through_a_pool_is_said_once(
    probe: Probe, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    from keras.src.trainers.data_adapters.py_dataset_adapter import PyDatasetAdapter

    def pooled(adapter: Any) -> Any:
        with ThreadPoolExecutor(1) as pool:
            batches = range(adapter.py_dataset.num_batches)
            yield from pool.map(adapter.py_dataset.__getitem__, batches)

    monkeypatch.setattr(PyDatasetAdapter, "_finite_generator", pooled)
    assert probe.fit(made(), epochs=3, shuffle=False) == flat(made(), 0, 1, 2)
    assert caplog.text.count("was not seen to read a batch") == 1


@not_legacy
@pytest.mark.skipif(BACKEND == "tensorflow", reason="iterates in threads of its own")
def test_a_keras_that_iterates(probe: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    from keras.src.trainers.data_adapters.py_dataset_adapter import PyDatasetAdapter

    monkeypatch.setattr(PyDatasetAdapter, "_get_iterator", lambda self: iter(self.py_dataset))
    assert probe.fit(made(), epochs=3, shuffle=False) == flat(made(), 0, 1, 2)


@not_legacy
def test_predicting_from_a_shuffled_sequence_is_said_once(probe: Probe, caplog: Any) -> None:
    seq = made()
    for _ in range(2):
        probe.predict(seq)
    assert caplog.text.count("seq.predictions(model)") == 1
    caplog.clear()
    assert probe.predict(seq.for_prediction().replace()) == list(range(N))
    assert "predictions" not in caplog.text
