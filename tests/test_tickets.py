"""Where the sequence decides the order, Keras' numbers for batches only say whose turn it is."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from backends import BATCH, LEGACY, N, Numbered, Probe, flat, keras, not_legacy, ran_out, shuffled

from multiseq import ArraySequence, MultiInputSequence, WeightedSampler

pytestmark = pytest.mark.backend


@pytest.fixture(scope="module")
def probe() -> Probe:
    return Probe.for_form("dict")


def backwards(seed: int, epoch: int) -> Any:
    return np.arange(N)[::-1] if epoch else np.arange(N)


@pytest.mark.parametrize("sampler", [backwards, WeightedSampler(np.arange(1, N + 1))])
def test_a_sampler_decides_too(probe: Probe, sampler: Any) -> None:
    seq = Numbered(N, batch_size=BATCH, sampler=sampler, seed=3)
    assert probe.fit(seq, epochs=2) == flat(seq, 0, 1)


def test_the_state_of_pythons_random_numbers_plays_no_role(probe: Probe) -> None:
    rows = []
    for seed in (1, 2):
        random.seed(seed)
        rows.append(probe.fit(shuffled(), epochs=2))
    assert rows[0] == rows[1] == flat(shuffled(), 0, 1)


def test_keras_shuffle_draws_as_it_did(probe: Probe) -> None:
    """Whoever else uses the global generator sees no difference."""
    states = []
    for seq in (shuffled(), shuffled(shuffle=False)):
        random.seed(1)
        probe.fit(seq)
        states.append(random.getstate())
    assert states[0] == states[1]


@ran_out
@pytest.mark.parametrize("steps", [1, 3, 4, 7])
def test_fewer_steps_than_batches(probe: Probe, steps: int) -> None:
    seq = shuffled()
    batches = len(seq)
    rows = probe.fit(seq, epochs=2 * -(-batches // steps), steps_per_epoch=steps)
    wanted = flat(seq, 0, 1, 2)
    assert rows == wanted[: len(rows)]
    assert len(rows) >= 2 * N


def test_the_samples_of_a_step(probe: Probe) -> None:
    """As a callback that looks for the samples behind a loss of NaN would ask."""
    seq, found = shuffled(workers=2), []

    class See(keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            found.extend(seq.batch_keys(batch).tolist())

    assert found == probe.fit(seq, epochs=3, callbacks=[See()])[: len(found)]
    assert len(found) == 3 * N


def test_the_samples_behind_a_loss_of_nan() -> None:
    """As README.md does it."""
    keys = [f"s{k}" for k in range(40)]
    x = np.ones((40, 2), np.float32)
    x[17] = np.nan
    seq = ArraySequence({"x": x}, x[:, :1], keys=keys, batch_size=4, shuffle=True, seed=2)
    inputs = keras.Input((2,), name="x")
    model = keras.Model({"x": inputs}, keras.layers.Dense(1)(inputs))
    model.compile("sgd", "mse")

    class FindNaN(keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if logs["loss"] != logs["loss"]:
                raise ValueError(f"a loss of NaN at {seq.batch_keys(batch).tolist()}")

    with pytest.raises(ValueError, match=r"a loss of NaN at .*'s17'"):
        model.fit(seq, verbose=0, callbacks=[FindNaN()])


@not_legacy
def test_the_backup_of_keras_goes_on_with_its_epoch(probe: Probe, tmp_path: Path) -> None:
    class Crash(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch == 2:
                raise KeyboardInterrupt

    def backup() -> Any:
        return keras.callbacks.BackupAndRestore(str(tmp_path / "backup"))

    model = keras.Sequential([keras.Input((3,), name="a"), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(KeyboardInterrupt):
        model.fit(arrays(), epochs=4, verbose=0, callbacks=[backup(), Crash()])
    seq, found = arrays(), []

    class See(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            found.append((epoch, seq.epoch))

    model.fit(seq, epochs=5, verbose=0, callbacks=[backup(), See()])
    assert found
    assert all(theirs == ours for theirs, ours in found)


def arrays() -> ArraySequence:
    x = np.ones((20, 3), np.float32)
    return ArraySequence(x, x[:, 0], batch_size=4, shuffle=True, seed=1)


def test_evaluating_and_predicting_go_by_number(probe: Probe) -> None:
    seq = shuffled()
    assert probe.evaluate(seq) == flat(seq, 0)
    assert probe.predict(seq) == flat(seq, 0)


class Mixed(Numbered):
    """Asks for two batches for each that it returns."""

    seen: list[tuple[int, int]]

    def __getitem__(self, index: int) -> Any:
        own, after = super().__getitem__(index), super().__getitem__((index + 1) % len(self))
        assert np.asarray(own[1]).tolist() == np.asarray(super().__getitem__(index)[1]).tolist()
        self.seen.append((int(own[1][0]), int(after[1][0])))
        return own


@not_legacy
def test_an_override_may_ask_twice(probe: Probe) -> None:
    seq = Mixed(N, batch_size=BATCH, shuffle=True, seed=5)
    seq.seen = []
    rows = probe.fit(seq, epochs=1)
    plain = shuffled()
    firsts = [int(plain[i][1][0]) for i in range(len(plain))]
    ours = [own for own, _ in seq.seen]
    assert sorted(rows) == list(range(N))
    assert set(firsts) <= set(ours)
    for own, after in seq.seen:
        assert own != after


class Around(keras.utils.Sequence if LEGACY else keras.utils.PyDataset):  # type: ignore[misc]
    """Reads some of the batches of another sequence."""

    def __init__(self, seq: MultiInputSequence, indices: list[int]) -> None:
        if not LEGACY:
            super().__init__()
        self.seq, self.indices = seq, indices

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Any:
        return self.seq[self.indices[index]]


def test_what_is_around_a_sequence_names_its_batches_itself(probe: Probe) -> None:
    """By hand, say, the last ones of an epoch are kept for validation."""
    seq = shuffled()
    rows = probe.fit(Around(seq, [4, 1]), epochs=1, shuffle=False)
    assert rows == flat(seq, 0)[4 * BATCH : 5 * BATCH] + flat(seq, 0)[BATCH : 2 * BATCH]
