"""Which epoch it is, told from calls that are not a clock."""

from __future__ import annotations

import threading

__all__ = ["EpochClock"]


class EpochClock:
    """Counts passes over a sequence.

    Keras calls `on_epoch_end` before the first epoch, after a build pass, and in mid-pass where
    `steps_per_epoch` is below the number of batches. So under Keras an epoch ends when all of its
    batches were served since the pass began, and not before: the k-th pass has epoch k on every
    backend, and a pass in several pieces still covers every sample once.
    """

    def __init__(self, epoch: int = 0) -> None:
        self.epoch = epoch
        self._served: set[int] = set()
        self._lock = threading.Lock()

    def serve(self, batch: int) -> int:
        """Notes that Keras was served a batch; returns the epoch it belongs to."""
        with self._lock:
            self._served.add(batch)
            return self.epoch

    def begin_pass(self, num_batches: int) -> None:
        """Keras is about to iterate from the start; what it looked at before does not count."""
        with self._lock:
            if len(self._served) < num_batches:
                self._served.clear()

    def end_pass(self, num_batches: int) -> bool:
        """Keras says an epoch has ended; returns whether that is so."""
        with self._lock:
            if len(self._served) < num_batches:
                return False
            self._advance(self.epoch + 1)
            return True

    def set(self, epoch: int) -> None:
        """Goes to any epoch."""
        with self._lock:
            self._advance(epoch)

    def _advance(self, epoch: int) -> None:
        self.epoch = epoch
        self._served.clear()
