"""Samples that cannot be loaded, and those that stand in for them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..errors import SampleError
from ..order import Permutation
from .state import State

__all__ = ["Mending"]

_log = logging.getLogger("multiseq")
_TRIES = 8
_SHOWN = 5


class Mending(State):
    """The side of a sequence that substitutes samples, where `on_error` says so.

    What stands in is another sample of the same sequence, so that lengths and resuming hold; which
    one is a function of (seed, epoch, sample), so that batches are the same on any worker.
    """

    @property
    def on_error(self) -> str | Callable[[SampleError], bool]:
        """What happens where a sample cannot be loaded, as it was set."""
        policy: str | Callable[[SampleError], bool] = self._settings.on_error
        return policy

    def substitutes(self, index: int, epoch: int) -> Iterator[int]:
        """Yields the indices of samples to try in the place of one that cannot be loaded."""
        position = self._position_of(index)
        for attempt in range(1, _TRIES + 1):
            other = Permutation(self._size, self._settings.seed, epoch, attempt)([position])
            yield int(other[0] if self._selection is None else self._selection[other[0]])

    def note_substituted(self, substituted: Mapping[int, SampleError]) -> None:
        """Counts samples that others stand in for.

        Raises:
            SampleError: These are more than `max_errors` in this epoch.
        """
        self._substituted.update(substituted)
        most = self._settings.max_errors
        if len(self._substituted) > most:
            index, error = next(reversed(self._substituted.items()))
            raise SampleError(
                f"more than {most} samples could not be loaded in one epoch",
                got=f"the last: {self._named(index, error)}",
                fix="mend the data, leave these keys out by subset(), or raise max_errors",
            ).at(cls=self.called)

    def _report_substituted(self, epoch: int) -> None:
        """Says which samples others stood in for in a pass, and starts counting anew."""
        found, self._substituted = self._substituted, {}
        if found:
            self._reported = found
            shown = [self._named(*item) for item in list(found.items())[:_SHOWN]]
            _log.warning(
                "%s, epoch %d: others stood in for %d samples: %s%s",
                self.called,
                epoch,
                len(found),
                "; ".join(shown),
                "; …" if len(found) > _SHOWN else "",
            )

    def _named(self, index: int, error: SampleError) -> str:
        where: dict[str, Any] = self.locate(index)  # type: ignore[attr-defined]
        return f"key {where['key']}: {error.what}"
