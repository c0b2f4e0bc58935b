"""Which epoch it is, told from calls that are not a clock."""

from __future__ import annotations

import threading
import weakref
from dataclasses import dataclass, field

__all__ = ["EpochClock"]


@dataclass
class _Pass:
    """What one reader has read since it began.

    Attributes:
        trains: Whether it reads to train.
        epoch: Which epoch it reads; None before the first batch.
        served: The batches it was served.
    """

    trains: bool = True
    epoch: int | None = None
    served: set[int] = field(default_factory=set)


class EpochClock:
    """Counts passes over a sequence.

    Keras calls `on_epoch_end` before the first epoch, after a build pass, after an evaluation,
    and in mid-pass where `steps_per_epoch` is below the number of batches. So what counts is what
    Keras reads. Each pass that trains has an epoch of its own: the k-th has epoch k on every
    backend, it keeps it when it is read in several pieces or while someone else is reading, and
    one that is left unfinished is not begun anew. A pass that looks on (evaluation, prediction,
    building) reads the current epoch, and leaves it as it is.

    A reader is whatever object Keras reads through; None stands for all that are not known.
    """

    def __init__(self, epoch: int = 0) -> None:
        self.epoch = epoch
        self._training: _Pass | None = None  # The pass that this epoch belongs to, once begun.
        self._passes: weakref.WeakKeyDictionary[object, _Pass] = weakref.WeakKeyDictionary()
        self._unknown = _Pass()
        self._lock = threading.Lock()

    def note(self, reader: object, trains: bool | None) -> None:
        """Notes whether a reader reads to train; None if that is not to be seen now."""
        if trains is None:
            return
        with self._lock:
            found = self._pass(reader)
            found.trains = trains
            if not trains and found is self._training:
                self._training = None

    def begin_pass(self, reader: object, surely: bool) -> None:
        """A reader is about to read from the start, or else asked how many batches there are.

        Its next batch begins a pass.
        """
        with self._lock:
            found = self._pass(reader)
            if surely or found is not self._training:
                found.epoch = None

    def serve(self, reader: object, batch: int) -> int:
        """Notes that a reader is served a batch; returns the epoch it belongs to."""
        with self._lock:
            found = self._pass(reader)
            if found.epoch is None:
                if found.trains:
                    if self._training is not None:
                        self.epoch += 1
                    self._training = found
                found.epoch = self.epoch
                found.served.clear()
            found.served.add(batch)
            return found.epoch

    def end_pass(self, reader: object, num_batches: int) -> bool:
        """Keras says that a reader's epoch has ended; returns whether the sequence's has."""
        with self._lock:
            found = self._pass(reader)
            if len(found.served) < num_batches:
                return False
            found.epoch = None
            if found is not self._training:
                return False
            self._set(self.epoch + 1)
            return True

    def set(self, epoch: int) -> None:
        """Goes to any epoch."""
        with self._lock:
            self._set(epoch)

    def _set(self, epoch: int) -> None:
        self.epoch, self._training = epoch, None
        self._unknown.epoch = None

    def _pass(self, reader: object) -> _Pass:
        return self._unknown if reader is None else self._passes.setdefault(reader, _Pass())
