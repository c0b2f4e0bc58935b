"""What Keras calls on a sequence, and what each of its calls means."""

from __future__ import annotations

import copy
import operator
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from .. import _keras
from .._keras import Caller
from ..engine.base import Stats
from ..engine.job import Source
from ..engine.loading import loading
from ..engine.runtime import Runtime
from ..errors import ArgumentError, MultiseqError
from ..settings import Settings
from .clock import EpochClock

if TYPE_CHECKING:

    class _Base:
        """What type checkers see of the base, whichever Keras is in use."""
else:
    _Base = type("_Base", _keras.base_classes(), {"__doc__": "Keras' own base class."})

__all__ = ["KerasFeed"]


class _Bound(threading.local):
    """The sequence that is being iterated over in this thread, and the epoch that it serves."""

    to: tuple[object, int] = None, 0


_bound = _Bound()


class KerasFeed(_Base):
    """The side of a sequence that Keras sees; `MultiInputSequence` documents it for users.

    A subclass sets `_settings` and `_clock`, gives a `Runtime` by `_started`, which it keeps at
    `_live`, and says at an epoch's end which samples were substituted.
    """

    _settings: Settings
    _clock: EpochClock
    _live: Runtime | None

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if cls.__len__ is not KerasFeed.__len__:
            raise ArgumentError(
                "a sequence cannot have a __len__ of its own: Keras reads as many batches as it "
                "says, and the epoch has others",
                fix="leave __len__ out; for fewer batches in an epoch write the property "
                "num_batches, or pass steps_per_epoch to fit; for fewer samples use subset()",
            ).at(cls=cls.__name__)

    def _started(self) -> Runtime:
        raise NotImplementedError

    def _report_substituted(self, epoch: int) -> None:
        raise NotImplementedError

    def __len__(self) -> int:
        """Number of batches in an epoch."""
        runtime = self._live or self._started()
        frame = sys._getframe(1)
        if _keras.caller(frame) == Caller.LEGACY:
            self._begin_pass(runtime, frame)
        return runtime.num_batches

    def _begin_pass(self, runtime: Runtime, frame: FrameType) -> None:
        reader = _keras.reader(frame)
        self._clock.note(reader, _keras.trains(frame))
        self._clock.begin_pass(reader, _keras.begins(frame))
        runtime.forecast.expect_shuffle()

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        """Returns batch `index` of the current epoch: (inputs,), with targets and weights if any.

        Raises:
            IndexError: There is no such batch.
            SampleError: A sample could not be loaded; it says which.
        """
        frame = sys._getframe(1)
        if type(self).__getitem__ is not KerasFeed.__getitem__:
            frame = _keras.outside(self, frame)
        who = _keras.caller(frame)
        runtime = self._live or self._started()
        index = operator.index(index)
        source = cast(Source, self)  # What the loader needs is in the subclass.
        if who == Caller.SIGNATURE:
            self._clock.note(_keras.reader(frame), _keras.trains(frame))
            return runtime.signature(source, self._clock.epoch, index)
        if not -runtime.num_batches <= index < runtime.num_batches:
            raise IndexError(f"there are batches 0 to {runtime.num_batches - 1}, not {index}")
        index %= runtime.num_batches
        if who not in (Caller.KERAS, Caller.LEGACY):
            iterated, epoch = _bound.to
            epoch = epoch if iterated is self else self._clock.epoch
            return runtime.batch(source, epoch, index)
        epoch = self._clock.serve(_keras.reader(frame), index)
        batch = runtime.batch(source, epoch, index)
        return _keras.as_torch(batch) if who == Caller.KERAS and _keras.wants_torch() else batch

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Iterates over the batches of the current epoch, whatever becomes current meanwhile."""
        return self._of_epoch(self._clock.epoch)

    def _of_epoch(self, epoch: int) -> Iterator[tuple[Any, ...]]:
        for index in range(self.num_batches):
            before, _bound.to = _bound.to, (self, epoch)
            try:
                batch = self[index]  # By way of what a subclass makes of it.
            finally:
                _bound.to = before
            yield batch
        self._report_substituted(epoch)

    @property
    def num_batches(self) -> int:
        """Number of batches in an epoch."""
        frame = sys._getframe(1)
        who = _keras.caller(frame)
        runtime = self._live or self._started()
        if who == Caller.SIGNATURE:
            return max(2, runtime.num_batches)  # `signature` serves two, even of one batch.
        if who == Caller.KERAS:
            self._begin_pass(runtime, frame)
        return runtime.num_batches

    def on_epoch_begin(self) -> None:
        """Takes note of what the coming epoch is for: Keras 3 calls it before each."""
        frame = _keras.outside(self, sys._getframe(1))
        if _keras.caller(frame) == Caller.KERAS:
            self._clock.note(_keras.reader(frame), _keras.trains(frame))

    def on_epoch_end(self) -> None:
        """Goes to the next epoch, with another order where `shuffle` is set.

        Called by Keras 3, which also calls it before the first epoch, in mid-pass and after an
        evaluation, it does so once a pass of training is complete.
        """
        epoch = self._clock.epoch
        if self._end_pass(_keras.outside(self, sys._getframe(1))):
            self._report_substituted(epoch)

    def _end_pass(self, frame: FrameType) -> bool:
        """Takes note that Keras, or the user, says so; returns whether it really is a pass' end."""
        who = _keras.caller(frame)
        if who == Caller.LEGACY_ENQUEUER or (who == Caller.KERAS and _keras.stops_midway(frame)):
            return False
        if who == Caller.USER:
            self._clock.set(self._clock.epoch + 1)
            return True
        reader, trains = _keras.reader(frame), _keras.trains(frame)
        self._clock.note(reader, trains)
        if who == Caller.LEGACY and trains is not False:
            self._clock.set(self._clock.epoch + 1)
        elif who == Caller.KERAS:
            self._clock.end_pass(reader, len(self))
        return True

    @property
    def epoch(self) -> int:
        """Which epoch it is, from 0.

        Raises:
            MultiseqError: A sample is being loaded: workers are ahead, or know of no epoch.
        """
        if loading.depth:
            raise MultiseqError(
                "self.epoch was read while loading, where it differs by worker",
                expected="samples that depend on their index alone",
                fix="draw what changes from epoch to epoch in augment(sample, rng): its rng "
                "depends on the seed, the epoch and the sample",
            ).at(cls=type(self).__name__)
        return self._clock.epoch

    def set_epoch(self, epoch: Any) -> None:
        """Goes to any epoch.

        Raises:
            ArgumentError: It is not an integer of at least 0.
        """
        if isinstance(epoch, bool) or not isinstance(epoch, int | np.integer) or int(epoch) < 0:
            raise ArgumentError("bad epoch", got=epoch, expected="an integer of at least 0")
        self._clock.set(int(epoch))

    def stats(self) -> Stats:
        """Tells what came of reading ahead: the share of batches guessed, and the time waited.

        Counted from the first batch on, or the first after `close()`.
        """
        return Stats() if self._live is None else copy.copy(self._live.stats)

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
