"""The real `fit`, `evaluate` and `predict` on batches that worker processes wrote."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest
from backends import BACKEND, Probe, keras
from coded import Coded, codes
from crews import gone_within, in_processes, pids, poison_slots, slots_lost
from troubled import Wide

pytestmark = pytest.mark.backend

N, BATCH = 800, 4  # 200 batches.


@pytest.fixture(scope="module")
def probe() -> Probe:
    return Probe.for_form("dict")


def batches_of(seq: Any, epoch: int) -> list[list[int]]:
    copy = seq.replace(workers=0)
    copy.set_epoch(epoch)
    return [codes(batch) for batch in copy]


@pytest.mark.parametrize("shuffle", [False, True])
def test_every_sample_comes_once(probe: Probe, shuffle: bool, monkeypatch: Any) -> None:
    poison_slots(monkeypatch)
    with in_processes(Coded, N, batch_size=BATCH, shuffle=True) as seq:
        rows = probe.fit(seq, shuffle=shuffle)
        expected = batches_of(seq, 0)
        found = [rows[start : start + BATCH] for start in range(0, N, BATCH)]
        assert sorted(found) == sorted(expected)
        assert shuffle or found == expected
        assert probe.evaluate(seq) == probe.predict(seq) == np.ravel(batches_of(seq, 1)).tolist()


def test_a_poisoned_slot_is_never_seen(monkeypatch: Any) -> None:
    """Large enough that the backends take the slots as they are, without a copy."""
    poison_slots(monkeypatch)
    inputs = keras.Input((64, 64), name="x")
    outputs = keras.layers.GlobalAveragePooling1D()(inputs)
    model = keras.Model({"x": inputs}, keras.layers.Dense(1, use_bias=False)(outputs))
    model.layers[-1].set_weights([np.ones((64, 1), np.float32)])
    model.compile(loss="mae", optimizer=keras.optimizers.SGD(0.0))
    with in_processes(Wide, N, batch_size=BATCH) as seq:
        fitted = model.fit(seq, epochs=1, verbose=0).history["loss"]
        assert fitted == [0.0]
        assert model.evaluate(seq, verbose=0) == 0.0
        sums = model.predict(seq, verbose=0)
        assert sums.ravel().tolist() == [64.0 * (index % 32) for index in range(N)]
        gc.collect()  # torch' graphs are cycles.
        assert slots_lost(seq) == 0


class Interrupt(keras.callbacks.Callback):  # type: ignore[misc]
    """Ctrl-C, between two steps."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch == 5:
            raise KeyboardInterrupt


def test_interrupted_and_fitted_again() -> None:
    with in_processes(Coded, 200, batch_size=BATCH) as seq:
        for _ in range(3):
            probe = Probe.for_form("dict")
            with pytest.raises(KeyboardInterrupt):
                probe.fit(seq, shuffle=False, callbacks=[Interrupt()])
            if BACKEND != "jax":  # Keras 3.7 leaves an interrupted model without its variables.
                assert probe.seen() == list(range(6 * BATCH))
        assert Probe.for_form("dict").fit(seq, shuffle=False) == list(range(200))
        numbers = pids(seq)
    assert gone_within(0, *numbers)
