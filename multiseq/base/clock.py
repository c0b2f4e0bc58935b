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
        start: The batch of the epoch that it began with.
        served: The batches it was served, by their turn.
        turns: When each index was first asked for, where it may be asked for again.
        ahead: The next batch, of who asks for more than it trains on.
        begins: Whether it is seen to begin each of its passes.
        opened: Whether Keras said that an epoch begins, and not yet that it ended.
    """

    trains: bool = True
    epoch: int | None = None
    start: int = 0
    begins: bool = False
    opened: bool = False
    served: _Served = field(default_factory=_Served)
    turns: dict[int, int] = field(default_factory=dict)
    ahead: int | None = None

    @property
    def place(self) -> int:
        """The first batch of the epoch that it was not served."""
        return self.start + self.served.count

    def turn(self, index: int, direct: bool) -> int:
        """Returns which batch it is for an index to stand for: that whose turn it is."""
        if direct:
            return self.place
        return self.turns.setdefault(index, self.place)


class EpochClock:
    """Counts passes over a sequence.

    Keras calls `on_epoch_end` before the first epoch, after a build pass, after an evaluation,
    and in mid-pass where `steps_per_epoch` is below the number of batches. So what counts is what
    Keras reads. Each pass that trains has an epoch of its own: the k-th has epoch k on every
    backend, it keeps it when it is read in several pieces or while someone else is reading, and
    one that is left unfinished is not begun anew. A pass that looks on (evaluation, prediction,
    building) reads the current epoch, and leaves it as it is.

    Where the sequence decides the order, the k-th batch that such a pass asks for is the k-th of
    its epoch, whatever the index: how Keras shuffles batches changes nothing then.

    A reader is whatever object Keras reads through; None stands for all that are not known.

    Attributes:
        epoch: The current epoch.
        start: The batch it begins with: not 0 where a run goes on that stopped within it.
    """

    def __init__(self, epoch: int = 0) -> None:
        self.epoch, self.start = epoch, 0
        self._place: int | None = None  # Of whoever iterates over this epoch.
        self._fresh = False  # Whether the start was set, and nothing was read since.
        self._trains = True  # What was noted last, of whichever reader.
        self._open = False  # Whether a pass began of which the end will be said.
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
            found.trains = self._trains = trains
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

    def serve(
        self, reader: object, index: int, num_batches: int, in_turn: bool, direct: bool = True
    ) -> tuple[int, int]:
        """Notes that a reader is served a batch; returns which, as its epoch and its number.

        Args:
            reader: Which.
            index: That it asks for.
            num_batches: That a whole epoch has.
            in_turn: Whether a pass that trains is served one batch after the other.
            direct: Whether it asks for each index once, with no override in between.
        """
        with self._lock:
            found = self._pass(reader)
            in_turn = in_turn and found.trains
            if in_turn and found.place >= num_batches and (direct or index not in found.turns):
                found.epoch = None
            epoch = self._begin(found) if found.epoch is None else found.epoch
            own = (found.start + index) % num_batches
            batch = found.turn(index, direct) if in_turn else own
            found.served.add(batch)
            return epoch, batch

    def _begin(self, found: _Pass) -> int:
        found.start = 0
        if found.trains:
            if self._training is not None:
                self.epoch, self.start, self._place = self.epoch + 1, 0, None
            self._training, self._fresh = found, False
            found.start = self.start
        found.epoch = self.epoch
        found.served, found.turns = _Served(), {}
        return found.epoch

    def first_batch(self, reader: object) -> int:
        """Returns the batch with which a reader's pass began, or would begin now."""
        with self._lock:
            found = self._pass(reader)
            if not found.trains:
                return 0
            if found.epoch is not None:
                return found.start
            return self.start if self._training is None else 0

    def reach(self, epoch: int, start: int) -> None:
        """Keras begins a run with a later epoch: goes there, unless it is there or beyond."""
        with self._lock:
            if epoch > self.epoch or (epoch == self.epoch and not self._fresh):
                self._set(epoch, start)
                self._fresh = start > 0

    def trained(self, steps: int) -> tuple[int, int]:
        """Returns where so many steps of the pass that trains lead: an epoch, and a batch in it."""
        with self._lock:
            begun = self.start if self._training is None else self._training.start
            return self.epoch, begun + steps

    def begin_ahead(self, reader: object, in_order: bool) -> None:
        """Someone begins a pass who asks for more batches than are trained on, as tf_keras does.

        Args:
            reader: Who; None where it is not known.
            in_order: Whether it asks for one batch after the other.
        """
        with self._lock:
            found = self._pass(reader)
            trains = found.trains if reader is not None else self._trains
            if trains:
                if self._open:  # A pass that was left: nobody said that it ended.
                    self._set(self.epoch + 1)
                self._open = True
            found.start = self.start if trains else 0
            found.ahead = found.start if in_order else None

    def serve_ahead(
        self, reader: object, index: int, num_batches: int, in_turn: bool
    ) -> tuple[int, int]:
        """Returns which batch such a reader is served, as its epoch and its number."""
        with self._lock:
            found = self._pass(reader)
            if found.ahead is None or not in_turn:
                return self.epoch, (found.start + index) % num_batches
            later, batch = divmod(found.ahead, num_batches)
            found.ahead += 1
            return self.epoch + later, batch

    def iterate(self, epoch: int, place: int) -> None:
        """Somebody who iterates is served all batches of an epoch up to a place."""
        with self._lock:
            if epoch == self.epoch:
                self._place, self._fresh = place, False

    @property
    def place(self) -> int:
        """How many batches of the current epoch were handed out to train on."""
        with self._lock:
            if self._training is not None:
                return self._training.place
            return self.start if self._place is None else self._place

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
                whole = found.place >= num_batches or (around and not found.begins)
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

    def set(self, epoch: int, start: int = 0) -> None:
        """Goes to any epoch, and to a batch in it."""
        with self._lock:
            if epoch == self.epoch and self._fresh and not start:
                return  # A loop that sets the epoch it is told to go on in: it stays where it is.
            self._set(epoch, start)
            self._fresh = start > 0

    def _set(self, epoch: int, start: int = 0) -> None:
        self.epoch, self.start, self._training, self._place = epoch, start, None, None
        self._open = False
        self._unknown.epoch = None

    def _pass(self, reader: object) -> _Pass:
        return self._unknown if reader is None else self._passes.setdefault(reader, _Pass())
