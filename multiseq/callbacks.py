"""Callbacks of `fit`."""

from __future__ import annotations

import functools
import sys
import time
from collections import deque
from typing import Any

from . import _keras
from ._fitting import Fit
from .errors import ArgumentError
from .sequence import MultiInputSequence

__all__ = ["InputMonitor"]


def InputMonitor(sequence: MultiInputSequence | None = None) -> Any:  # noqa: N802 (as a class)
    """Returns a callback that logs how long training waits for its data.

    It adds to the logs of each epoch, and so to the progress bar, `History`, CSVLogger and
    TensorBoard:

    - `input_wait`: the share of the epoch's time for which training waited for a batch, from 0
      to 1. Near 0, faster data would gain nothing; at 0.5, they could double the speed at most.
    - `samples_per_second`: samples trained on.

    Validation is left out of both, and the building of the model. With `steps_per_execution` on
    TensorFlow, the wait for the later batches of an execution counts training on the earlier ones
    too, where data are slower than that.

        >>> model.fit(train, callbacks=[InputMonitor()])

    Args:
        sequence: That `fit` trains on; None to find it. Given where `fit` reads it through
            something else.

    Returns:
        A Keras callback; of tf_keras where that is in use.

    Raises:
        ArgumentError: In `fit`: it trains on something else than a sequence of multiseq.
    """
    if sequence is not None and not isinstance(sequence, MultiInputSequence):
        raise ArgumentError(
            "InputMonitor watches sequences of multiseq",
            got=sequence,
            expected="the sequence that fit trains on, or None to find it",
        )
    return _class(_keras.on_tensorflow())(sequence)


@functools.cache
def _class(elsewhere: bool) -> Any:
    callback: Any = _keras.callbacks().Callback
    # Who has no hooks for steps does not keep Keras from calling the others' beside training.
    bases = (_OtherThreads, callback) if elsewhere else (_Monitor, callback)
    return type("InputMonitor", bases, {"__doc__": InputMonitor.__doc__})


class _Monitor:
    """Where Keras reads in the thread that trains: training waits for as long as it reads.

    On JAX it may be ahead by a batch or two, which under `steps_per_epoch` are the next epoch's.
    """

    params: dict[str, Any]

    def __init__(self, sequence: Any) -> None:
        super().__init__()
        self._given, self._sequence = sequence, sequence
        self._read: deque[int] = deque()
        self._tests = False
        self._start_over()

    _first: int | None = None

    def _start_over(self) -> None:
        self._wait, self._samples, self._tested = 0.0, 0, 0.0
        self._began = time.perf_counter()

    def on_train_begin(self, logs: Any = None) -> None:
        """Finds the sequence, and goes ahead of all callbacks that are to see what it logs."""
        fit = Fit.around(sys._getframe(1))
        found = self._given if self._given is not None else fit and fit.x
        if not isinstance(found, MultiInputSequence):
            raise ArgumentError(
                "InputMonitor does not see which sequence is trained on",
                got=found,
                expected="fit(x) of a sequence of multiseq",
                fix="name it: InputMonitor(sequence)",
            )
        self._sequence = found
        self._read.clear()
        self._tests = False
        found._monitor = self
        if fit is not None and self in fit.callbacks:
            fit.callbacks.remove(self)
            fit.callbacks.insert(0, self)

    def on_train_end(self, logs: Any = None) -> None:
        """Watches no longer."""
        self._sequence._monitor = None

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Begins to count."""
        self._start_over()

    def on_test_begin(self, logs: Any = None) -> None:
        """Leaves validation out."""
        self._tests, self._test_began = True, time.perf_counter()

    def on_test_end(self, logs: Any = None) -> None:
        """Goes on after validation."""
        self._tests = False
        self._tested += time.perf_counter() - self._test_began

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Logs."""
        self._count()
        seconds = max(time.perf_counter() - self._began - self._tested, 1e-9)
        if logs is not None:
            logs["input_wait"] = min(1.0, self._wait / seconds)
            logs["samples_per_second"] = self._samples / seconds

    def _count(self) -> None:
        """Adds up the samples of the epoch's steps."""
        for _ in range(min(self.params["steps"] or len(self._read), len(self._read))):
            self._samples += self._read.popleft()

    def served(self, began: float, samples: int) -> None:
        """Takes note that Keras was given a batch, for which it asked at a time."""
        if not self._tests:
            self._wait += time.perf_counter() - began
            self._read.append(samples)


class _OtherThreads(_Monitor):
    """Where Keras reads ahead: training waits where a step begins before its batch is there."""

    def __init__(self, sequence: Any) -> None:
        self._ready: deque[tuple[float, int]] = deque()
        super().__init__(sequence)

    def on_train_begin(self, logs: Any = None) -> None:
        """Finds the sequence."""
        self._ready.clear()
        super().on_train_begin(logs)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Begins to count. With `steps_per_epoch`, what was read ahead is still to come."""
        fit = Fit.around(sys._getframe(1))
        if fit is None or fit.steps_per_epoch is None:
            self._ready.clear()
        self._first = None
        super().on_epoch_begin(epoch, logs)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """A step needs its batch from here on."""
        self._first, self._asked = batch, time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """The batches of a step, or of several, were there."""
        first = batch if self._first is None else self._first
        for _ in range(batch - first + 1):
            if not self._ready:
                break
            ready, samples = self._ready.popleft()
            self._wait += max(0.0, ready - self._asked)
            self._samples += samples
            self._asked = max(self._asked, ready)

    def _count(self) -> None:
        """They were, step by step."""

    def served(self, began: float, samples: int) -> None:
        """Takes note that a batch is there."""
        if not self._tests:
            self._ready.append((time.perf_counter(), samples))
