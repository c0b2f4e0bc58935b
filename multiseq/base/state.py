"""What a sequence is made of, declared once for the classes that share it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.runtime import Runtime
from ..errors import SampleError
from ..keys.rows import AnyRows
from ..order import Indices
from ..pipeline import Pipeline
from ..predicted import Goal
from ..samples import Spec
from ..settings import Settings
from .clock import EpochClock
from .families import Family

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["State"]


class State:
    """The state of a sequence."""

    # The samples.
    _size: int
    _source_size: int  # Of what this may be a part of: `load_sample` takes indices below it.
    _keys: pd.Index[Any]
    _keyed = False  # Whether the samples have keys of their own, as those of a part are.
    _selection: Indices | None  # The index that `load_sample` takes for each; None for the same.
    _source_rows: tuple[AnyRows, ...] = ()  # That the samples were made of.
    _looked_up: Any = None  # The sequence whose samples these keys stand for.
    _gathers = False  # Whether `load_batch` takes rows into new memory, at next to no cost.
    checks_weights = True  # Whether sample weights are not known to be finite.

    # How they are served.
    _settings: Settings
    _family: Family
    _held_out = False  # Whether this is validation or test: a part of a split, but not the first.
    _inputs_only = False
    _loaded_spec: Spec | None = None  # Of the only input as it is loaded, where that is known.
    _pipeline: Pipeline | None = None  # What values go through after they are loaded.
    _known_goals: Sequence[Goal] = ()  # Of targets that these samples lack and others had.

    # The run of this process.
    _clock: EpochClock
    _live: Runtime | None  # What was started; None before.
    _substituted: dict[int, SampleError]  # In this pass.
    _reported: dict[int, SampleError]  # In the last pass that had any.
    _monitor: Any = None  # Who is told of batches that Keras is given.
    _steps_left: int | None = None  # Of the first epoch of a run that goes on, if the user says.
    _made = False  # Whether the constructor has come to its end.

    _plain_keys: tuple[Any, Any] = None, ()  # An index, and its keys as plain values.
    _sorted: tuple[Indices | None, Indices] = None, np.zeros(0, np.int64)

    def _position_of(self, index: int) -> int:
        """Returns the position of the sample that `load_sample` knows by an index."""
        if self._selection is None:
            return index
        if self._sorted[0] is not self._selection:  # Sorted once, however many samples are broken.
            self._sorted = self._selection, np.argsort(self._selection, kind="stable")
        order = self._sorted[1]
        return int(order[np.searchsorted(self._selection, index, sorter=order)])

    def _masks_given(self) -> set[Any]:
        """The inputs that say what a left join filled."""
        return set()

    @property
    def _decides_order(self) -> bool:
        """Whether this sequence says which batch comes when, and not who reads it."""
        return self._settings.shuffle or self._settings.sampler is not None

    @property
    def _named_parts(self) -> list[tuple[str, Any]]:
        """The sequences that this one is made of, after what they are called."""
        return []

    @property
    def called(self) -> str:
        """The class, and the name that the user gave, for errors and reports."""
        cls, settings = type(self).__name__, vars(self).get("_settings")  # None before it is made.
        return f"{cls} {settings.name!r}" if settings and settings.name else cls
