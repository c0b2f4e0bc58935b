"""resume(): a run of `fit` that was killed goes on, to the bit as if it had been left alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from backends import (
    BACKEND,
    BATCH,
    LEGACY,
    N,
    Probe,
    Unbuilt,
    amean,
    flat,
    keras,
    not_legacy,
    nothing,
    ran_out,
    shuffled,
)

from multiseq.errors import ArgumentError, SourceError
from multiseq.runs.store import Store

pytestmark = pytest.mark.backend
SCRIPT = Path(__file__).with_name("killed.py")


@pytest.fixture(scope="module")
def probe() -> Probe:
    return Probe.for_form("dict")


class Stop(keras.callbacks.Callback):  # type: ignore[misc]
    """Interrupts training after `Stop.steps` steps; none if that is 0."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        Stop.steps -= 1
        if not Stop.steps:
            raise KeyboardInterrupt

    steps = 0


def stopped(probe: Probe, seq: Any, steps: int, **keywords: Any) -> list[int]:
    """Fits until the step; returns what the model was fed."""
    Stop.steps = steps
    with pytest.raises(KeyboardInterrupt):
        probe.fit(seq, **keywords)
    if BACKEND == "jax":
        probe.model.jax_state_sync()  # Which older versions leave undone where fit is interrupted.
    return probe.seen()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.parametrize(
    ("kills", "options"),
    [(10, {}), (4, {"executions": 3}), (4, {"steps": 4})],
    ids=["plain", "steps_per_execution", "steps_per_epoch"],
)
def test_killed_at_random_steps(tmp_path: Path, kills: int, options: dict[str, Any]) -> None:
    """With dropout, Adam, EarlyStopping, other workers each time, and augmentation."""
    if BACKEND in ("torch", "tf_keras") and "executions" in options:
        pytest.skip("torch takes no steps_per_execution, and tf_keras no batch alone beside it")
    run = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path / "runs"), str(kills), "5", json.dumps(options)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    assert json.loads(run.stdout) == [-9] * kills + [0, 0]
    alone, killed = (
        json.loads((tmp_path / "runs" / name / "result.json").read_text())
        for name in ("alone", "killed")
    )
    assert killed == alone


@pytest.mark.parametrize("steps", [3, 7, 8, 12])
def test_each_sample_is_trained_on_once_an_epoch(probe: Probe, tmp_path: Path, steps: int) -> None:
    seq = shuffled(workers=2)
    first = stopped(
        probe, seq, steps, epochs=3, callbacks=[seq.resume(tmp_path / "run", every=2), Stop()]
    )
    again = shuffled()
    rest = probe.fit(again, epochs=3, callbacks=[again.resume(tmp_path / "run2", every=2)])
    assert rest == flat(again, 0, 1, 2)  # In another folder it begins anew.
    other = shuffled(seed=99)
    rest = probe.fit(other, epochs=3, callbacks=[other.resume(_copied(tmp_path), every=2)])
    wanted = flat(seq, 0, 1, 2)
    assert first == wanted[: len(first)]
    # What was fed is kept by a metric, which is brought back too, but not at an epoch's beginning.
    assert rest == (wanted[N:] if steps == 8 else wanted)


def _copied(folder: Path) -> Path:
    """As another process would find it: this one saves a run to a folder once."""
    if not (folder / "run").exists():
        return folder / "other"
    return (folder / "run").rename(folder / "other")


def test_a_finished_run_is_not_trained_again(probe: Probe, tmp_path: Path) -> None:
    seq = shuffled()
    probe.fit(seq, epochs=2, callbacks=[seq.resume(tmp_path / "run")])
    again = shuffled()
    assert probe.fit(again, epochs=2, callbacks=[again.resume(_copied(tmp_path))]) == []
    more = shuffled()
    folder = (tmp_path / "other").rename(tmp_path / "third")
    assert probe.fit(more, epochs=3, callbacks=[more.resume(folder)]) == flat(more, 2)


def test_a_fit_after_a_resumed_one_begins_where_it_is_told(probe: Probe, tmp_path: Path) -> None:
    """Keras' own BackupAndRestore leaves the number of the epoch behind."""
    seq = shuffled()
    stopped(probe, seq, 9, epochs=2, callbacks=[seq.resume(tmp_path / "run", every=2), Stop()])
    again = shuffled()
    probe.fit(again, epochs=2, callbacks=[again.resume(_copied(tmp_path))])
    assert len(probe.fit(again, epochs=2, shuffle=False)) == 2 * N


def test_another_fit_of_the_program_needs_a_folder_of_its_own(probe: Probe, tmp_path: Path) -> None:
    seq = shuffled()
    probe.fit(seq, epochs=2, callbacks=[seq.resume(tmp_path / "run")])
    with pytest.raises(ArgumentError, match="initial_epoch=2"):
        probe.fit(seq, epochs=3, callbacks=[seq.resume(tmp_path / "run")])
    rows = probe.fit(seq, initial_epoch=2, epochs=3, callbacks=[seq.resume(tmp_path / "run")])
    assert rows == flat(seq, 2)


def test_two_checkpoints_are_kept_and_a_damaged_one_is_left_out(
    probe: Probe, tmp_path: Path, caplog: Any
) -> None:
    seq = shuffled()
    probe.fit(seq, epochs=3, callbacks=[seq.resume(tmp_path / "run", every=1)])
    kept = sorted((tmp_path / "run").iterdir())
    assert len(kept) == 2
    (kept[-1] / "arrays.npz").write_bytes(b"PK\3\4")
    again = shuffled()
    rest = probe.fit(again, epochs=3, callbacks=[again.resume(_copied(tmp_path), every=1)])
    assert rest == flat(again, 0, 1, 2)  # From the checkpoint before the last step.
    assert "cannot be read, and is left out" in caplog.text
    for path in (tmp_path / "other").iterdir():
        (path / "state.json").write_text("{")
    with pytest.raises(SourceError, match="no checkpoint of this run can be read"):
        Store(tmp_path / "other").newest()


def test_other_data_and_another_model_are_refused(probe: Probe, tmp_path: Path) -> None:
    seq = shuffled()
    stopped(probe, seq, 9, epochs=2, callbacks=[seq.resume(tmp_path / "run", every=2), Stop()])
    folder = _copied(tmp_path)
    other = shuffled(48)
    with pytest.raises(ArgumentError, match="numbers of samples differ"):
        probe.fit(other, epochs=2, callbacks=[other.resume(folder)])
    a, b = keras.Input((3,), name="a"), keras.Input((2, 2), name="b", dtype="int32")
    model = keras.Model({"a": a, "b": b}, keras.layers.Dense(2)(a))
    model.compile("adam", nothing)
    with pytest.raises(ArgumentError, match="saved of another model"):
        model.fit(seq, epochs=2, verbose=0, callbacks=[seq.resume(folder)])


def test_it_belongs_to_what_is_trained_on(probe: Probe, tmp_path: Path) -> None:
    seq, other = shuffled(), shuffled()
    with pytest.raises(ArgumentError, match="a sequence that fit does not train on"):
        probe.fit(seq, callbacks=[other.resume(tmp_path / "run")])


@pytest.mark.parametrize("fix", [{"shuffle": False}, {"ours": True}])
def test_an_order_of_keras_own_cannot_be_told(
    probe: Probe, tmp_path: Path, fix: dict[str, Any]
) -> None:
    seq = shuffled(shuffle=False)
    with pytest.raises(ArgumentError, match="in an order that no state can tell"):
        probe.fit(seq, callbacks=[seq.resume(tmp_path / "run")])
    if fix.pop("ours", False):
        seq = seq.replace(shuffle=True)
    first = stopped(probe, seq, 5, callbacks=[seq.resume(tmp_path / "run", every=4), Stop()], **fix)
    again = seq.replace()
    rest = probe.fit(again, callbacks=[again.resume(_copied(tmp_path), every=4)], **fix)
    assert first[: 4 * BATCH] == rest[: 4 * BATCH]
    assert rest == flat(seq, 0)


def test_an_interrupted_fit_goes_on_in_the_same_process(tmp_path: Path) -> None:
    """As in a notebook: the cell is run again, with the same objects, in mid-epoch."""
    rows = keras.Input((3,), name="a"), keras.Input((2, 2), name="b", dtype="int32")

    def made() -> Any:
        keras.utils.set_random_seed(0)
        outputs = keras.layers.Dense(1)(keras.layers.Dense(4, activation="tanh")(rows[0]))
        model = keras.Model({"a": rows[0], "b": rows[1]}, outputs)
        model.compile(keras.optimizers.Adam(0.1), falling)
        return model

    def cell(model: Any, seq: Any, folder: str) -> Any:
        callbacks = [seq.resume(tmp_path / folder, every=2), Stop()]
        history = model.fit(seq, epochs=3, verbose=0, callbacks=callbacks)
        return history.history, [np.array(weight) for weight in model.get_weights()]

    Stop.steps = 0
    losses, weights = cell(made(), shuffled(), "alone")
    model, seq = made(), shuffled()
    for steps in (len(seq) + 3, 2, 4):  # In the second epoch; in the rest of it; in the third.
        Stop.steps = steps
        with pytest.raises(KeyboardInterrupt):
            cell(model, seq, "run")
        if BACKEND == "jax":
            model.jax_state_sync()  # See `stopped`.
    Stop.steps = 0
    again_losses, again_weights = cell(model, seq, "run")
    assert again_losses == losses
    for one, other in zip(again_weights, weights, strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(ArgumentError, match="initial_epoch=3"):
        cell(model, seq, "run")


def test_a_run_of_another_version_is_refused(probe: Probe, tmp_path: Path) -> None:
    seq = shuffled()
    stopped(probe, seq, 9, epochs=2, callbacks=[seq.resume(tmp_path / "run", every=2), Stop()])
    for path in (tmp_path / "run").glob("*/state.json"):
        path.write_text(path.read_text().replace('"version": 1', '"version": 2', 1))
    with pytest.raises(SourceError, match=r"(?s)another version of multiseq.*version 2"):
        probe.fit(seq, epochs=2, callbacks=[seq.resume(tmp_path / "run")])


def falling(y_true: Any, y_pred: Any) -> Any:
    """A loss whose gradient is not 0."""
    return amean(y_pred, axis=-1)


@not_legacy
def test_a_model_that_is_built_by_its_first_batch(tmp_path: Path) -> None:
    def made() -> Any:
        model = Unbuilt()
        model.compile(keras.optimizers.Adam(0.1), falling, metrics=[falling])
        return model

    def trained(model: Any, seq: Any, *callbacks: Any) -> Any:
        history = model.fit(seq, epochs=2, verbose=0, callbacks=callbacks)
        return history.history, [np.array(weight) for weight in model.get_weights()]

    alone = trained(made(), shuffled())
    seq = shuffled()
    Stop.steps = 9
    with pytest.raises(KeyboardInterrupt):
        trained(made(), seq, seq.resume(tmp_path / "run", every=2), Stop())
    again = shuffled()
    assert trained(made(), again, again.resume(_copied(tmp_path))) == alone


def test_the_state_in_a_callback_is_of_the_steps_that_are_done(probe: Probe) -> None:
    """TensorFlow and the workers have read further by then."""
    seq, found = shuffled(workers=2), []

    class See(keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            found.append(("begin", *place(seq)))

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            found.append(("end", *place(seq)))

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            found.append(("epoch", *place(seq)))

    probe.fit(seq, epochs=2, callbacks=[See()])
    wanted: list[Any] = []
    for epoch in range(2):
        wanted.append(("epoch", epoch, 0))
        for batch in range(len(seq)):
            wanted += [("begin", epoch, batch), ("end", epoch, batch + 1)]
    assert found == wanted
    assert place(seq) == (2, 0)


def place(seq: Any) -> tuple[int, int]:
    state = seq.state_dict()
    return state["epoch"], state["batches"]


@not_legacy
@pytest.mark.parametrize("batches", [0, 3, 6])
def test_fit_goes_on_from_a_state(probe: Probe, batches: int) -> None:
    """Without a warning that data ran out, which would be an error here."""
    seq = shuffled(workers=2)
    seq.load_state_dict(shuffled().state_dict() | {"epoch": 1, "batches": batches})
    assert probe.fit(seq, epochs=2) == flat(seq, 1, 2)[batches * BATCH :]
    assert seq.epoch == 3


@not_legacy
def test_fit_goes_on_behind_an_epoch_that_is_done(probe: Probe) -> None:
    seq = shuffled()
    seq.load_state_dict(shuffled().state_dict() | {"epoch": 1, "batches": len(seq)})
    assert probe.fit(seq, epochs=2) == flat(seq, 2, 3)


@ran_out
def test_fit_goes_on_from_a_state_with_fewer_steps_than_batches(probe: Probe) -> None:
    seq = shuffled()
    seq.load_state_dict(shuffled().state_dict() | {"epoch": 1, "batches": 2})
    rows = probe.fit(seq, epochs=3, steps_per_epoch=3)
    assert rows == flat(seq, 1, 2)[2 * BATCH :][: len(rows)]
    assert len(rows) >= N


def test_the_callback_is_of_the_keras_in_use(tmp_path: Path) -> None:
    callback = shuffled().resume(tmp_path)
    assert isinstance(callback, keras.callbacks.Callback)
    assert type(callback).__mro__[1].__module__.startswith("tf_keras") == LEGACY
