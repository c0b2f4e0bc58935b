"""Samples and their keys, and other sequences over the same data."""

from __future__ import annotations

import copy
import os
import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from .clock import EpochClock
from .engine.runtime import Runtime
from .errors import SampleError, naming
from .order import Indices
from .selection import checked_keys, positions_of, split_positions
from .settings import Settings

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Views"]

_OF_A_RUN = ("_clock", "_live", "_substituted")
_alive: weakref.WeakSet[Views] = weakref.WeakSet()


class Views:
    """The side of a sequence that knows its samples by key, and makes subsets and copies.

    The data are shared: what differs between a sequence and its subset is the keys, the positions
    they stand for, and the settings.
    """

    _keys: pd.Index[Any]
    _size: int
    _selection: Indices | None
    _settings: Settings
    _clock: EpochClock
    _live: Runtime | None
    _substituted: dict[int, SampleError]

    @property
    def num_samples(self) -> int:
        """Number of samples."""
        return self._size

    @property
    def keys(self) -> pd.Index[Any]:
        """The samples' keys, in source order."""
        return self._keys

    def replace(self, **settings: Any) -> Self:
        """Returns a sequence over the same data with other keywords, such as `batch_size`.

        Raises:
            ArgumentError: There is no such keyword, or its value is no good.
        """
        with naming(type(self)):
            return self._copy(settings=settings)

    def subset(self, chosen: Any) -> Self:
        """Returns a sequence over some of the samples, in the order given.

        Args:
            chosen: Keys, positions (where keys are not integers), a slice of positions, or a
                boolean for each sample.

        Raises:
            AlignmentError: A key or position does not exist, or is given twice.
            ArgumentError: Nothing is chosen.
        """
        with naming(type(self)):
            return self._copy(positions_of(self._keys, chosen))

    def split(self, *fractions: float) -> tuple[Self, ...]:
        """Returns disjoint parts of the samples, drawn at random by the seed.

        The first keeps shuffling and augmenting; the others are in source order and plain.

        Args:
            *fractions: Of each part, such as 0.8, 0.1, 0.1.

        Raises:
            ArgumentError: They are not fractions, or a part would be empty.
        """
        with naming(type(self)):
            drawn = split_positions(self.num_samples, fractions, self._settings.seed)
        plain = {"shuffle": False, "sampler": None, "augmented": False}
        return tuple(
            self._copy(positions, plain if part else None) for part, positions in enumerate(drawn)
        )

    def locate(self, index: int) -> dict[str, Any]:
        """Says where a sample is: class, key and position."""
        if self._keys is None:
            return {"cls": type(self).__name__, "index": index}
        position = index
        if self._selection is not None:
            position = int(np.flatnonzero(self._selection == index)[0])
        return {
            "cls": type(self).__name__,
            "key": repr(self._keys[[position]].tolist()[0]),
            "position": position,
        }

    def source_indices(self, positions: Indices) -> Indices:
        """Returns the indices that `load_sample` takes for positions in `keys`."""
        return positions if self._selection is None else self._selection[positions]

    def for_workers(self) -> Self:
        """Returns a copy with all that loading needs.

        Keys are left out: pandas would have to be imported for them.
        """
        other = copy.copy(self)
        other._keys = None  # type: ignore[assignment]
        other._settings = self._settings.replace({"sampler": None})
        return other

    def _source_index(self, position: int) -> int:
        checked = range(self.num_samples)[position]
        return checked if self._selection is None else int(self._selection[checked])

    def _copy(
        self, positions: Indices | None = None, settings: Mapping[str, Any] | None = None
    ) -> Self:
        other = copy.copy(self)
        other._settings = self._settings.replace(settings or {})
        if positions is not None:
            other._keys, other._size = checked_keys(self._keys[positions]), len(positions)
            chosen = positions if self._selection is None else self._selection[positions]
            other._selection = chosen
        return other

    # A copy, in this process or another, starts with the same data and without workers.

    def __getstate__(self) -> dict[str, Any]:
        epoch = self._clock.epoch
        state = {name: value for name, value in self.__dict__.items() if name not in _OF_A_RUN}
        return state | {"_epoch": epoch}

    def __setstate__(self, state: dict[str, Any]) -> None:
        epoch = state.pop("_epoch")
        self.__dict__.update(state)
        self._start_over(epoch)

    def _start_over(self, epoch: int) -> None:
        self._live = None
        self._substituted = {}
        self._clock = EpochClock(epoch)
        _alive.add(self)


_abandoned: list[Runtime | None] = []


def _after_fork() -> None:
    """A forked child has none of the threads, and locks as they were: it loads by itself.

    What it inherits is kept, not collected: finalizers would speak to workers of the parent.
    """
    for sequence in list(_alive):
        _abandoned.append(sequence._live)
        sequence._settings = sequence._settings.replace({"workers": 0})
        sequence._start_over(sequence._clock.epoch)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
