"""What Keras calls on a sequence, and what each of its calls means."""

from __future__ import annotations

import operator
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from . import _keras
from ._keras import Caller
from .clock import EpochClock
from .engine.base import Source
from .engine.runtime import Runtime
from .errors import ArgumentError
from .settings import Settings

if TYPE_CHECKING:

    class _Base:
        """What type checkers see of the base, whichever Keras is in use."""
else:
    _Base = type("_Base", _keras.base_classes(), {"__doc__": "Keras' own base class."})

__all__ = ["KerasFeed"]


class KerasFeed(_Base):
    """The side of a sequence that Keras sees; `MultiInputSequence` documents it for users.

    A subclass sets `_settings` and `_clock`, and gives a `Runtime` by `_started`, which it keeps
    at `_live`.
    """

    _settings: Settings
    _clock: EpochClock
    _live: Runtime | None

    def _started(self) -> Runtime:
        raise NotImplementedError

    def __len__(self) -> int:
        """Number of batches in an epoch."""
        runtime = self._live or self._started()
        if _keras.caller(sys._getframe(1)) == Caller.LEGACY:
            runtime.forecast.expect_shuffle()
        return runtime.num_batches

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        """Returns batch `index` of the current epoch: (inputs,), with targets and weights if any.

        Raises:
            IndexError: There is no such batch.
            SampleError: A sample could not be loaded; it says which.
        """
        who = _keras.caller(sys._getframe(1))
        runtime = self._live or self._started()
        index = operator.index(index)
        source = cast(Source, self)  # What the loader needs is in the subclass.
        if who == Caller.SIGNATURE:
            return runtime.signature(source, self._clock.epoch, index)
        if not -runtime.num_batches <= index < runtime.num_batches:
            raise IndexError(f"there are batches 0 to {runtime.num_batches - 1}, not {index}")
        index %= runtime.num_batches
        epoch = self._clock.serve(index) if who == Caller.KERAS else self._clock.epoch
        batch = runtime.batch(source, epoch, index)
        return _keras.as_torch(batch) if who == Caller.KERAS and _keras.wants_torch() else batch

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Iterates over the batches of the current epoch."""
        for index in range(len(self)):
            yield self[index]

    @property
    def num_batches(self) -> int:
        """Number of batches in an epoch."""
        who = _keras.caller(sys._getframe(1))
        runtime = self._live or self._started()
        if who == Caller.SIGNATURE:
            return max(2, runtime.num_batches)  # `signature` serves two, even of one batch.
        if who == Caller.KERAS:
            self._clock.begin_pass(runtime.num_batches)
            runtime.forecast.expect_shuffle()
        return runtime.num_batches

    def on_epoch_begin(self) -> None:
        """Does nothing; Keras 3 calls it before each epoch."""

    def on_epoch_end(self) -> None:
        """Goes to the next epoch, with another order where `shuffle` is set.

        Called by Keras 3, which also calls it before the first epoch and in mid-pass, it does so
        once the pass is complete.
        """
        who = _keras.hook_caller(self)
        if who == Caller.KERAS:
            self._clock.end_pass(len(self))
        elif who != Caller.LEGACY_ENQUEUER:
            self._clock.set(self._clock.epoch + 1)

    @property
    def workers(self) -> int:
        """Always 1, so that Keras' own workers stay out; yours are at `parallel`."""
        return 1

    @workers.setter
    def workers(self, value: int) -> None:
        raise ArgumentError(
            "workers cannot be changed in place",
            got=value,
            fix=f"pass super().__init__(..., workers={value!r}), or use seq.replace(workers=...)",
        ).at(cls=type(self).__name__)

    @property
    def use_multiprocessing(self) -> bool:
        """Always False, so that Keras' own workers stay out; yours is at `parallel`."""
        return False

    @property
    def max_queue_size(self) -> int:
        """Keras' default; yours is at `parallel`."""
        return 10
