"""`InputMonitor`: what training waited, and how fast it was, in the logs of each epoch."""

from __future__ import annotations

import pickle
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from backends import keras

import multiseq
from multiseq import InputMonitor, MultiInputSequence
from multiseq.errors import ArgumentError

SLOW = 0.03


class Batches(MultiInputSequence):
    """20 samples in batches of 4 or fewer, each of which takes a while."""

    def __init__(self, seconds: float = 0.0, n: int = 18, **keywords: Any) -> None:
        self.seconds = seconds
        super().__init__(n, **{"batch_size": 4} | keywords)

    def load_sample(self, index: int) -> Any:
        time.sleep(self.seconds / 4)
        return np.full(3, index, np.float32), np.float32(index)


class SlowTraining(keras.callbacks.Callback):  # type: ignore[misc]
    """Training that takes longer than loading."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        time.sleep(2 * SLOW)


class Notes(keras.callbacks.Callback):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.logs: list[Any] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.logs.append(dict(logs))


def compiled(**keywords: Any) -> Any:
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Dense(1)(inputs))
    model.compile("sgd", "mse", **keywords)
    return model


@pytest.fixture(scope="module")
def model() -> Any:
    made = compiled()
    made.fit(Batches(), verbose=0)
    return made


def fitted(model: Any, x: Any, *callbacks: Any, **keywords: Any) -> Any:
    return model.fit(x, verbose=0, callbacks=list(callbacks), **keywords).history


@pytest.mark.backend
def test_slow_data_are_waited_for(model: Any) -> None:
    seconds = 4 * SLOW
    history = fitted(model, Batches(seconds), InputMonitor(), epochs=3)
    assert len(history["input_wait"]) == len(history["samples_per_second"]) == 3
    assert all(0 < share <= 1 for share in history["input_wait"])
    assert max(history["input_wait"]) > 0.5  # Of the epoch in which the machine does least else.
    # Batches of 4 that take so long each, or longer.
    assert all(0 < speed <= 4 / seconds * 1.1 for speed in history["samples_per_second"])


@pytest.mark.backend
def test_fast_data_and_slow_training_do_not_wait(model: Any) -> None:
    sequence = Batches(SLOW / 10, workers=2)
    history = fitted(model, sequence, InputMonitor(), SlowTraining(), epochs=2)
    assert min(history["input_wait"]) < 0.4
    sequence.close()


@pytest.mark.backend
@pytest.mark.parametrize("steps", [None, 2])
def test_each_sample_counts_once_and_validation_not_at_all(model: Any, steps: int | None) -> None:
    monitor = InputMonitor()
    seen: list[tuple[int, float]] = []

    class Looks(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            seen.append((monitor._samples, monitor._tested))

    history = fitted(
        model,
        Batches(),
        Looks(),
        monitor,
        epochs=2,
        steps_per_epoch=steps,
        shuffle=False,
        validation_data=Batches(SLOW, n=8),
    )
    assert [samples for samples, _ in seen] == ([18, 18] if steps is None else [8, 8])
    assert all(tested >= 2 * SLOW for _, tested in seen)
    assert "val_loss" in history


@pytest.mark.backend
def test_it_is_found_wherever_it_stands_and_stays_with_its_fit(model: Any, tmp_path: Path) -> None:
    notes, monitor = Notes(), InputMonitor()
    rows = keras.callbacks.CSVLogger(str(tmp_path / "log.csv"))
    sequence = Batches()
    for _ in range(2):
        fitted(model, sequence, rows, notes, monitor)
        assert "input_wait" in (tmp_path / "log.csv").read_text()
        assert notes.logs[-1].keys() >= {"input_wait", "samples_per_second", "loss"}
        assert sequence._monitor is None


@pytest.mark.backend
def test_workers_are_sent_no_callback(model: Any) -> None:
    sequence = Batches(workers=1, use_multiprocessing=True)
    history = fitted(model, sequence, InputMonitor())
    sequence.close()
    assert history["samples_per_second"][0] > 0
    sequence._monitor = lambda: None  # Which cannot be pickled.
    assert pickle.loads(pickle.dumps(sequence.replace()))._monitor is None


@pytest.mark.backend
def test_what_fit_reads_in_another_way_is_named(model: Any) -> None:
    x, y = np.zeros((8, 3), np.float32), np.zeros(8, np.float32)
    with pytest.raises(ArgumentError, match=r"InputMonitor\(sequence\)"):
        model.fit(x, y, verbose=0, callbacks=[InputMonitor()])
    with pytest.raises(ArgumentError, match="sequences of multiseq"):
        InputMonitor(x)  # type: ignore[arg-type]
    assert multiseq.InputMonitor is InputMonitor
