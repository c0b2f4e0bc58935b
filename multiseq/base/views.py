"""Samples and their keys, and other sequences over the same data."""

from __future__ import annotations

import copy
import os
import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, Unpack

import numpy as np

from ..engine.runtime import Runtime
from ..errors import AlignmentError, ArgumentError, few, naming
from ..keys.choosing import by_position, chosen_positions
from ..keys.kinds import likeness, locate
from ..keys.labelled import Samples, per_sample
from ..keys.rows import UnlabelledRows
from ..keys.selection import as_index, checked_keys
from ..order import Indices
from ..settings import Keywords
from ..transforms import Holder
from .clock import EpochClock
from .families import Family, Scope
from .state import State

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Views", "alive"]

# What Keras or the engine asks for; its names are public, and none of a user's business.
_NOT_FOR_USERS = {
    *("augments", "augments_batches", "blended", "by_batch", "called", "checks_weights"),
    *("collates", "for_workers"),
    *("learn_stage", "learn_transforms", "loads_batches", "made_targets", "make_batch"),
    *("make_layout", "make_sample", "one_hot_targets"),
    *("note_substituted", "served_layout", "source_indices", "substitutes", "target_chunks"),
    *("max_queue_size", "on_epoch_begin", "use_multiprocessing", "workers"),
}
_OF_A_RUN = ("_clock", "_live", "_monitor", "_plain", "_reported", "_sorted", "_substituted")
_alive: weakref.WeakSet[Views] = weakref.WeakSet()


class Views(Holder, State):
    """The side of a sequence that knows its samples by key, and makes subsets and copies.

    The data are shared: what differs between a sequence and its subset is the keys, the positions
    they stand for, and the settings.
    """

    @property
    def num_samples(self) -> int:
        """Number of samples."""
        return self._size

    @property
    def keys(self) -> pd.Index[Any]:
        """The samples' keys, in source order."""
        return self._keys

    def replace(self, **settings: Unpack[Keywords]) -> Self:
        """Returns a sequence over the same data with other keywords, such as `batch_size`.

        Raises:
            ArgumentError: There is no such keyword, or its value is no good.
        """
        with naming(self.called):
            return self._copy(settings=settings)

    def subset(self, chosen: Any = None, *, positions: Any = None) -> Self:
        """Returns a sequence over some of the samples, in the order given.

        It is neither shuffled nor augmented, which `replace(shuffle=True, augmented=True)` asks
        for. A `sampler`, such as that of a `mix`, stays, and draws from these samples, until
        `replace(sampler=None)`.

        Args:
            chosen: Keys, a slice of positions, or a boolean for each sample: an array in source
                order, or a Series or a dict by key.
            positions: Integers from 0, as scikit-learn's `KFold` gives them, in place of `chosen`.

        Raises:
            AlignmentError: A key or position does not exist, or is given twice; or integers that
                may be keys and positions.
            ArgumentError: Nothing is chosen.
        """
        with naming(self.called):
            if (chosen is None) == (positions is None):
                raise ArgumentError(
                    "subset takes either keys or positions",
                    got="neither" if chosen is None else "both",
                    fix="subset(keys), or subset(positions=...)",
                )
            if chosen is None:
                found = by_position(self.num_samples, positions)
            else:
                found = chosen_positions(self._keys, chosen, self._as_samples())
            return self._copy(found, {"shuffle": False, "augmented": False})

    def lookup(self, keys: Any) -> Self:
        """Returns a sequence with other keys, each of which stands for one of this one's samples.

        It is how one sample goes with many: to join the images of patients with their records,
        let each image look its patient up:

            >>> join(image=images, patient=patients.lookup(patient_of_image))

        Args:
            keys: A Series or a dict of this sequence's keys by new key: of patients by image, say.
                Where keys have levels, such as (patient, image), it is made by
                `images.keys.to_frame()["patient"]`.

        Raises:
            AlignmentError: A new key is duplicated or missing, or what it stands for is.
            ArgumentError: It is neither a Series nor a dict.
        """
        import pandas as pd

        with naming(self.called):
            if not isinstance(keys, pd.Series | Mapping):
                raise ArgumentError(
                    "lookup has no new keys",
                    got=keys,
                    expected="a Series or a dict of this sequence's keys, by new key",
                )
            series = pd.Series(keys)
            new = checked_keys(series.index)
            wanted = as_index(per_sample(series, Samples(new), "lookup"), self._keys)
            positions = locate(self._keys, wanted, "this sequence", "lookup")
            if (missing := positions < 0).any():
                alike = likeness(wanted[missing], self._keys)
                raise AlignmentError(
                    f"there is no sample for {int(missing.sum())} of {len(new)} keys",
                    got=f"{few(new[missing])}, which stand for {few(wanted[missing].unique())}"
                    + (f"; {alike[0]}" if alike else ""),
                    expected=f"any of the {self.num_samples} samples, such as {few(self._keys, 3)}",
                    fix=alike[1] if alike else "drop those keys, or complete the samples",
                )
            other = self._copy(settings={"sampler": None})
        other._keys, other._size, other._keyed = new, len(new), True
        other._selection = self.source_indices(positions)
        other._source_rows = (UnlabelledRows(len(new), True),)
        other._family = Family(Scope(borrows=True))
        other._looked_up = self if self._looked_up is None else self._looked_up
        return other

    def locate(self, index: int) -> dict[str, Any]:
        """Says where a sample is: class, key and position."""
        if self._keys is None:
            return {"cls": self.called, "index": index}
        if self._looked_up is not None:
            found: dict[str, Any] = self._looked_up.locate(index)
            return found
        position = self._position_of(index)
        return {
            "cls": self.called,
            "key": repr(self._keys[[position]].tolist()[0]),
            "position": position,
        }

    def _key_of(self, index: int) -> Any:
        """Returns the key of a sample as a plain value; of a lookup, what the key stands for."""
        if self._plain_keys[0] is not self._keys:
            self._plain_keys = self._keys, self._keys_as_values()
        key = self._plain_keys[1][self._position_of(index)]
        return key.item() if isinstance(key, np.generic) else key

    def _keys_as_values(self) -> Any:
        """Returns the keys in an array where they are numbers, else in a list."""
        if self._looked_up is not None:
            indices = self.source_indices(np.arange(self.num_samples)).tolist()
            return [self._looked_up._key_of(index) for index in indices]
        numbers = isinstance(self._keys.dtype, np.dtype) and self._keys.dtype.kind in "biuf"
        return self._keys.to_numpy() if numbers else self._keys.tolist()

    def source_indices(self, positions: Indices) -> Indices:
        """Returns the indices that `load_sample` takes for positions in `keys`."""
        return positions if self._selection is None else self._selection[positions]

    def for_workers(self) -> Self:
        """Returns a copy with all that loading needs.

        Keys are left out: pandas would have to be imported for them.
        """
        other = copy.copy(self)
        other._keys = None  # type: ignore[assignment]
        other._looked_up, other._source_rows = None, ()
        other._settings = self._settings.replace({"sampler": None})
        return other

    def _source_index(self, position: int) -> int:
        if not -self.num_samples <= position < self.num_samples:
            raise IndexError(f"there are samples 0 to {self.num_samples - 1}, not {position}")
        checked = range(self.num_samples)[position]
        return checked if self._selection is None else int(self._selection[checked])

    def _copy(
        self, positions: Indices | None = None, settings: Mapping[str, Any] | None = None
    ) -> Self:
        changes = dict(settings or {})
        sampler = changes.get("sampler")
        if sampler is not None:
            changes["sampler"] = self._aligned(sampler)
        elif positions is not None and "sampler" not in changes:
            changes["sampler"] = _restricted(self._settings.sampler, positions)
        other = copy.copy(self)
        other._settings = self._settings.replace(changes)
        if positions is not None:
            other._keys, other._size = checked_keys(self._keys[positions]), len(positions)
            chosen = positions if self._selection is None else self._selection[positions]
            other._selection, other._keyed = chosen, True
            other._source_rows = tuple(rows.of(positions) for rows in self._source_rows)
            other._family = Family(Scope(borrows=True))
        return other

    def _as_samples(self) -> Samples:
        """What the samples are known by."""
        keys = self._keys if self._keyed else self._size
        return Samples(keys, self._source_rows)

    def _aligned(self, sampler: Any) -> Any:
        """Returns a sampler whose values are in the order of the samples, where it has values."""
        if not hasattr(sampler, "aligned"):
            return sampler
        return sampler.aligned(self._as_samples())

    def __dir__(self) -> list[str]:
        names = super().__dir__()
        return sorted(n for n in names if not n.startswith("_") and n not in _NOT_FOR_USERS)

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
        self._substituted, self._reported = {}, {}
        self._clock = EpochClock(epoch)
        _alive.add(self)


def alive() -> list[Views]:
    """The sequences of this process."""
    return list(_alive)


def _restricted(sampler: Any, positions: Indices) -> Any:
    """Returns the sampler for some of the samples."""
    if sampler is None or hasattr(sampler, "restricted"):
        return sampler and sampler.restricted(positions)
    raise ArgumentError(
        "the sampler knows positions of the whole sequence, and means nothing in a part of it",
        got=sampler,
        expected="a sampler with a method restricted(positions), such as multiseq's own",
        fix="split seq.replace(sampler=None), then give the part its own: part.replace(sampler=…)",
    )


_abandoned: list[Runtime | None] = []


def _after_fork() -> None:
    """A forked child has none of the threads, and locks as they were: it loads by itself.

    What it inherits is kept, not collected: finalizers would speak to workers of the parent.
    """
    for sequence in list(_alive):
        _abandoned.append(sequence._live)
        sequence._settings = sequence._settings.replace({"workers": 0, "cluster": None})
        sequence._start_over(sequence._clock.epoch)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
