"""`seq.resume()`: the callback that saves a run of `fit`, and has it go on where it was killed."""

from __future__ import annotations

import functools
import os
import sys
from typing import Any, Protocol

from .. import _keras
from .._fitting import Fit
from ..errors import ArgumentError, SourceError
from . import variables
from .plain import packed_state, restore_state
from .store import Store

__all__ = ["Resume", "resume_callback"]

_VERSION = 1
_ended: dict[str, int] = {}
"""The folders that fits of this process saved to, and the epochs at which these came to an end."""


class _Sequence(Protocol):
    _steps_left: int | None

    @property
    def called(self) -> str: ...
    @property
    def num_batches(self) -> int: ...
    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state: Any) -> None: ...
    def _check_order(self, fit: Fit) -> None: ...
    def _is_first_shard(self) -> bool: ...
    def __getitem__(self, index: int) -> tuple[Any, ...]: ...


class Resume(Protocol):
    """A Keras callback."""

    folder: str
    every: int


def resume_callback(seq: _Sequence, folder: str | os.PathLike[str], every: int) -> Resume:
    """Returns the callback, of the Keras that is in use."""
    made: Resume = _classes()[0](seq, folder, every)
    return made


@functools.cache
def _classes() -> tuple[Any, Any]:
    callback: Any = _keras.callbacks().Callback

    class Resume(callback):  # type: ignore[misc]
        """Goes on with a run that was killed; see `MultiInputSequence.resume`."""

        def __init__(self, seq: _Sequence, folder: str | os.PathLike[str], every: int) -> None:
            super().__init__()
            self.folder, self.every = os.fspath(folder), every
            self._seq = seq

        def on_train_begin(self, logs: Any = None) -> None:
            """Has the rest done behind all other callbacks, whatever their order in the list."""
            fit = Fit.around(sys._getframe(1))
            if fit is None or fit.x is not self._seq:
                raise ArgumentError(
                    "resume() is of a sequence that fit does not train on",
                    got="no fit" if fit is None else fit.x,
                    expected=f"fit(x, callbacks=[x.resume({self.folder!r})]) of the same x",
                ).at(cls=self._seq.called)
            last = Last(fit, self._seq, self.folder, self.every)
            last.set_params(self.params)
            last.set_model(fit.model)
            fit.callbacks.append(last)

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            """Written so that Keras does not call callbacks beside the training."""

    class Last(_Last, callback):  # type: ignore[misc]
        """The last of the callbacks: what it saves, all others have done."""

        def __init__(self, *arguments: Any) -> None:
            callback.__init__(self)
            _Last.__init__(self, *arguments)

    return Resume, Last


class _Last:
    """Saves, and restores.

    Args:
        fit: That trains.
        seq: What is trained on.
        folder: Where to.
        every: Steps from one checkpoint to the next.
    """

    model: Any
    params: dict[str, Any]

    def __init__(self, fit: Fit, seq: _Sequence, folder: str, every: int) -> None:
        self._fit, self._seq, self._store, self._every = fit, seq, Store(folder), every
        self._epoch = self._first_step = self._step = self._since = 0
        self._reached: int | None = None  # The epoch of the last checkpoint.
        self._saved: Any = None  # What this run goes on from, until it does.

    def on_train_begin(self, logs: Any = None) -> None:
        """Goes back to where the run was killed, if it was."""
        fit = self._fit
        self._seq._check_order(fit)
        other = _classes()[0], _keras.callbacks().ProgbarLogger, _Last
        self._others = [each for each in fit.callbacks if not isinstance(each, other)]
        self._saved = self._store.newest()
        self._check_alone(fit)
        if self._saved is None:
            return
        state, _ = self._saved
        self._check_version(state)
        self._seq.load_state_dict(state["sequence"])
        variables.build(self.model, state["variables"], lambda: self._seq[0])
        self._restore(metrics=False)
        self._first_step = state["step"]
        first = self.params["epochs"] if state["finished"] else state["epoch"]
        fit.begin_at(first, self._first_step)
        steps = fit.steps_per_epoch
        self._seq._steps_left = steps - self._first_step if steps and self._first_step else None

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Undoes, in mid-epoch, what others and Keras do at the beginning of an epoch."""
        if self._saved is not None:
            self._fit.begun()
            if self._first_step:
                self._restore(metrics=True)
            elif not self._fit.steps_per_epoch:
                self._restore_random()
                self._saved = None
        else:
            self._first_step = 0
        self._epoch, self._step = epoch, self._first_step

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Undoes, in mid-pass, that torch's DataLoader draws a number when it begins."""
        if self._saved is not None:
            self._restore_random()
            self._saved = None

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Saves, if it is time; not with the last step, since the end of the epoch follows."""
        # tf_keras counts the steps of an epoch that goes on from where it does.
        legacy = _keras.is_legacy()
        done = batch + 1 if legacy else self._first_step + batch + 1
        self._since += done - self._step
        self._step = done
        if self._since < self._every or done >= (self.params["steps"] or done + 1):
            return
        state = self._seq.state_dict()
        if state["batches"] < self._seq.num_batches:
            self._save(state, self._epoch, self._step)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Saves."""
        self._save(self._seq.state_dict(), epoch + 1, 0)

    def on_train_end(self, logs: Any = None) -> None:
        """Leaves Keras as it was, where there was nothing left to train."""
        if self._saved is not None:
            self._fit.begun()
        if self._reached is not None:
            _ended[str(self._store.folder)] = self._reached

    def _restore(self, metrics: bool) -> None:
        state, arrays = self._saved
        variables.restore(self.model, arrays, metrics)
        restore_state(self._others, state["callbacks"], arrays)

    def _restore_random(self) -> None:
        state, arrays = self._saved
        if state["random"] is not None:
            _keras.set_random_state(arrays[state["random"]])

    def _save(self, place: dict[str, Any], epoch: int, step: int) -> None:
        self._since = 0
        self._reached = epoch
        if not self._seq._is_first_shard():
            return
        model = self.model
        arrays = variables.saved(model)
        random = _keras.random_state()
        if random is not None:
            arrays.append(random)
        state = {
            "version": _VERSION,
            "sequence": place,
            "epoch": epoch,
            "step": step,
            "finished": bool(model.stop_training) and not step,
            "variables": variables.described(model),
            "random": None if random is None else len(arrays) - 1,
            "callbacks": packed_state(self._others, arrays),
        }
        self._store.save(state, arrays)

    def _check_version(self, state: dict[str, Any]) -> None:
        """Raises SourceError where another version of multiseq saved the run."""
        if state["version"] != _VERSION:
            raise SourceError(
                "the run was saved by another version of multiseq",
                got=f"{str(self._store.folder)!r}: version {state['version']!r}",
                expected=f"version {_VERSION}",
                fix="go on with the version that saved it, or give this run another folder",
            ).at(cls=self._seq.called)

    def _check_alone(self, fit: Fit) -> None:
        """Raises ArgumentError where an earlier `fit` of this process ended in the folder.

        One that was interrupted, in a notebook say, goes on.
        """
        reached = _ended.get(str(self._store.folder))
        if reached is not None and fit.initial_epoch < reached:
            raise ArgumentError(
                "another fit of this program has saved its run to this folder",
                got=str(self._store.folder),
                fix="give each fit a folder of its own; or, to train the same run for more "
                f"epochs, pass fit(..., initial_epoch={reached})",
            ).at(cls=self._seq.called)
