"""Which epoch it is, told from calls that are not a clock."""

from __future__ import annotations

import threading
import weakref
from dataclasses import dataclass, field

__all__ = ["EpochClock"]


class _Served:
    """Batches, each of which counts once: a bit for each, of a billion samples some megabytes."""

    def __init__(self) -> None:
        self.count, self._bits = 0, bytearray()

    def add(self, batch: int) -> None:
        place, bit = batch >> 3, 1 << (batch & 7)
        if place >= len(self._bits):
            self._bits.extend(bytes(place + 64))
        if not self._bits[place] & bit:
            self._bits[place] |= bit
            self.count += 1


@dataclass
class _Pass:
    """What one reader has read since it began.

    Attributes:
        trains: Whether it reads to train.
        epoch: Which epoch it reads; None before the first batch.
        served: The batches it was served.
        begins: Whether it is seen to begin each of its passes.
        opened: Whether Keras said that an epoch begins, and not yet that it ended.
    """

    trains: bool = True
    epoch: int | None = None
    begins: bool = False
    opened: bool = False
    served: _Served = field(default_factory=_Served)


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
            found.begins = found.begins or surely
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
                found.served = _Served()
            found.served.add(batch)
            return found.epoch

    def open_epoch(self, reader: object) -> None:
        """Keras says that a reader's epoch begins."""
        with self._lock:
            self._pass(reader).opened = True

    def end_pass(self, reader: object, num_batches: int, around: bool = False) -> bool:
        """Keras says that a reader's epoch has ended; returns whether the sequence's has.

        Args:
            reader: Which.
            num_batches: That a whole pass has.
            around: Whether it reads something around the sequence, which may leave out some.
        """
        with self._lock:
            found = self._pass(reader)
            if not found.served.count:  # It reads in a way that cannot be seen.
                ended = found.trains and (found.opened or around)
            else:
                whole = found.served.count >= num_batches or (around and not found.begins)
                ended = whole and found is self._training
                if whole:
                    found.epoch = None
            found.opened = False
            if ended:
                self._set(self.epoch + 1)
            return ended

    def ends_unseen(self, reader: object) -> bool:
        """Whether Keras read an epoch of which no batch was served to a reader that is known."""
        with self._lock:
            found = self._pass(reader)
            return found.opened and not found.served.count

    def set(self, epoch: int) -> None:
        """Goes to any epoch."""
        with self._lock:
            self._set(epoch)

    def _set(self, epoch: int) -> None:
        self.epoch, self._training = epoch, None
        self._unknown.epoch = None

    def _pass(self, reader: object) -> _Pass:
        return self._unknown if reader is None else self._passes.setdefault(reader, _Pass())
