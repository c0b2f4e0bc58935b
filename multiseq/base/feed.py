"""What Keras calls on a sequence, and what each of its calls means."""

from __future__ import annotations

import copy
import logging
import operator
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from .. import _keras
from .._fitting import Fit, enqueues_in_order, limit_epoch
from .._keras import Caller
from ..distribution import check_share
from ..engine.interfaces import Stats
from ..engine.job import Source
from ..engine.loading import loading
from ..engine.runtime import Runtime
from ..errors import ArgumentError, MultiseqError, naming
from .state import State

if TYPE_CHECKING:

    class _Base:
        """What type checkers see of the base, whichever Keras is in use."""
else:
    _Base = type("_Base", _keras.base_classes(), {"__doc__": "Keras' own base class."})

__all__ = ["KerasFeed"]

_log = logging.getLogger("multiseq")


class _Bound(threading.local):
    """The sequence that is being iterated over in this thread, and the epoch that it serves."""

    to: tuple[object, int] = None, 0


_bound = _Bound()
_said: weakref.WeakKeyDictionary[object, set[str]] = weakref.WeakKeyDictionary()


class KerasFeed(State, _Base):
    """The side of a sequence that Keras sees; `MultiInputSequence` documents it for users.

    A subclass sets `_settings` and `_clock`, gives a `Runtime` by `_started`, which it keeps at
    `_live`, and says at an epoch's end which samples were substituted.
    """

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
        return self._asked_how_many(runtime, sys._getframe(1))[1]

    def _asked_how_many(self, runtime: Runtime, frame: FrameType) -> tuple[str, int]:
        """Takes note that someone asks how many batches there are; returns who, and how many."""
        who, asks = _keras.caller(frame)
        if who in (Caller.KERAS, Caller.LEGACY) and not loading.depth:
            begins = _keras.begins(asks, direct=asks is frame)
            if begins is not None:
                reader = self._note(asks)
                self._clock.begin_pass(reader, begins)
                if not self._decides_order:
                    runtime.forecast.expect_shuffle()
                if who == Caller.LEGACY:
                    if fit := Fit.around(asks):  # It will not say that an epoch begins.
                        self._follow(fit)
                    if begins:
                        self._clock.begin_ahead(reader, in_order=True)
                elif begins:
                    return who, runtime.num_batches - self._clock.first_batch(reader)
        elif who == Caller.LEGACY_ENQUEUER:
            self._clock.begin_ahead(None, enqueues_in_order(asks))
        return who, runtime.num_batches

    def _note(self, frame: FrameType) -> object:
        """Takes note of what Keras reads for, where that is to be seen; returns the reader."""
        reader, purpose = _keras.reader(frame), _keras.purpose(frame)
        self._clock.note(reader, None if purpose is None else purpose == "fit")
        with naming(self.called):
            if doubt := check_share(self._settings.share, frame):
                self._say_once(doubt)
        if purpose == "predict" and (self._settings.shuffle or self._settings.sampler is not None):
            self._say_once(
                "predict reads a sequence that is shuffled or sampled: its k-th row is not of "
                "keys[k]; use seq.predictions(model), or model.predict(seq.for_prediction())"
            )
        return reader

    def _say_once(self, what: str) -> None:
        said = _said.setdefault(self, set())
        if what not in said:
            said.add(what)
            _log.warning("%s: %s", self.called, what)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        """Returns batch `index` of the current epoch: (inputs,), with targets and weights if any.

        Raises:
            IndexError: There is no such batch.
            SampleError: A sample could not be loaded; it says which.
        """
        runtime = self._live or self._started()
        index = operator.index(index)
        source = cast(Source, self)  # What the loader needs is in the subclass.
        frame = sys._getframe(1)
        iterated, epoch = _bound.to
        if iterated is self or loading.depth:  # What loads another sequence reads it as a user.
            who, reads = Caller.USER, frame
        else:
            who, reads = _keras.caller(frame)
        if who == Caller.SIGNATURE:
            self._note(reads)
            batch = runtime.signature(source, self._clock.epoch, index)
            modern = reads is frame and not reads.f_globals["__name__"].startswith("tf_keras")
            return _keras.with_text(batch) if modern and runtime.layout(source).has_text else batch
        index = runtime.number_of(index)
        if who in (Caller.LEGACY, Caller.LEGACY_ENQUEUER):
            reader = None if who == Caller.LEGACY_ENQUEUER else _keras.reader(reads)
            in_turn = self._decides_order and reads is frame
            epoch, index = self._clock.serve_ahead(reader, index, runtime.num_batches, in_turn)
            return self._given_to_keras(runtime, epoch, index)
        if who != Caller.KERAS:
            epoch = epoch if iterated is self else self._clock.epoch
            return runtime.batch(source, epoch, index)
        reader = _keras.reader(reads)
        if reads is not frame and _keras.is_around(reader, self):
            self._note(reads)  # Nobody may have asked how many batches there are.
        in_turn = self._decides_order and not _keras.is_around(reader, self)
        epoch, index = self._clock.serve(
            reader, index, runtime.num_batches, in_turn, direct=reads is frame
        )
        batch = self._given_to_keras(runtime, epoch, index)
        layout = runtime.layout(source)
        if layout.has_long and _keras.is_short():
            with naming(self.called):
                _keras.check_short(batch)
        if reads is not frame:
            return batch  # An override, or whatever else is between, is given arrays as elsewhere.
        if layout.has_text:
            return _keras.with_text(batch)
        return _keras.as_torch(batch) if _keras.wants_torch() else batch

    def _given_to_keras(self, runtime: Runtime, epoch: int, index: int) -> tuple[Any, ...]:
        monitor, began = self._monitor, time.perf_counter()
        batch = runtime.batch(cast(Source, self), epoch, index)
        if monitor is not None:
            monitor.served(began, runtime.size(index))
        return batch

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Iterates over the batches of the current epoch, whatever becomes current meanwhile."""
        who, frame = _keras.caller(sys._getframe(1))
        if who != Caller.KERAS:
            now = self._clock.epoch
            return self._batches(range(self._clock.start, self.num_batches), lambda index: now)
        reader, whole = self._note(frame), self.num_batches
        self._clock.begin_pass(reader, surely=True)
        return self._batches(
            range(whole), lambda index: self._clock.serve(reader, index, whole, False)[0]
        )

    def _batches(self, indices: range, epoch_of: Callable[[int], int]) -> Iterator[tuple[Any, ...]]:
        epoch = self._clock.epoch
        for index in indices:
            epoch = epoch_of(index)
            before, _bound.to = _bound.to, (self, epoch)
            try:
                batch = self[index]  # By way of what a subclass makes of it.
            finally:
                _bound.to = before
            self._clock.iterate(epoch, index + 1)
            yield batch
        self._report_substituted(epoch)

    @property
    def num_batches(self) -> int:
        """Number of batches in an epoch."""
        runtime = self._live or self._started()
        who, count = self._asked_how_many(runtime, sys._getframe(1))
        # `signature` serves two, even of one batch.
        return max(2, count) if who == Caller.SIGNATURE else count

    def on_epoch_begin(self) -> None:
        """Takes note of what the coming epoch is for: Keras 3 calls it before each."""
        who, frame = _keras.caller(sys._getframe(1))
        if who == Caller.KERAS:
            reader = self._note(frame)
            self._clock.open_epoch(reader)
            if (fit := Fit.around(frame)) and _keras.purpose(frame) == "fit":
                self._follow(fit)
                runtime = self._live or self._started()
                if self._clock.start >= runtime.num_batches:  # Nothing is left of it.
                    self._clock.set(self._clock.epoch + 1)
                steps, self._steps_left = self._steps_left, None
                limit_epoch(frame, self._clock.first_batch(reader), steps)

    def _follow(self, fit: Fit) -> None:
        """Goes to the epoch that a run begins with, which was begun before."""
        if not fit.is_at_its_first_epoch or not fit.initial_epoch:
            return
        batches = (self._live or self._started()).num_batches
        steps = fit.steps_per_epoch or batches
        passes, rest = divmod(fit.initial_epoch, -(-batches // min(steps, batches)))
        self._clock.reach(passes, rest * steps)

    def on_epoch_end(self) -> None:
        """Goes to the next epoch, with another order where `shuffle` is set.

        Called by Keras 3, which also calls it before the first epoch, in mid-pass and after an
        evaluation, it does so once a pass of training is complete.
        """
        epoch = self._clock.epoch
        if self._end_pass(sys._getframe(1)):
            self._report_substituted(epoch)

    def _end_pass(self, frame: FrameType) -> bool:
        """Takes note that Keras, or the user, says so; returns whether it really is a pass' end."""
        who, frame = _keras.caller(frame)
        if who == Caller.LEGACY_ENQUEUER or (who == Caller.KERAS and _keras.stops_midway(frame)):
            return False
        if who == Caller.USER:
            self._clock.set(self._clock.epoch + 1)
            return True
        reader = self._note(frame)
        if who == Caller.LEGACY:
            if _keras.purpose(frame) in ("fit", None):
                self._end_legacy_epoch(Fit.around(frame))
        else:
            if self._clock.ends_unseen(reader):
                self._say_once(
                    "Keras ended an epoch, and was not seen to read a batch of it: a pass that it "
                    "reads ahead may be in the order of the one before; please report its version"
                )
            self._clock.end_pass(reader, self.num_batches, _keras.is_around(reader, self))
        return True

    def _end_legacy_epoch(self, fit: Fit | None) -> None:
        """Goes on behind what tf_keras trained on; its workers had asked for more."""
        trained = None if fit is None else fit.trained()
        if trained is None or not self._decides_order:
            self._clock.set(self._clock.epoch + 1)
        else:
            passes, start = divmod(self._clock.start + trained, self.num_batches)
            self._clock.set(self._clock.epoch + passes, start)

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
            ).at(cls=self.called)
        if (fit := Fit.around(sys._getframe(1))) and fit.x is self:
            self._follow(fit)  # A callback asks before Keras says that an epoch begins.
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
        ).at(cls=self.called)

    @property
    def use_multiprocessing(self) -> bool:
        """Always False, so that Keras' own workers stay out; yours is at `parallel`."""
        return False

    @property
    def max_queue_size(self) -> int:
        """Keras' default; yours is at `parallel`."""
        return 10
