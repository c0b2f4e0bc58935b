"""Where windows start, from runs of rows without a break: no array has an element a window."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import ArgumentError
from ...order import Indices

__all__ = ["Runs", "covered", "find_gaps", "no_windows"]

Array = npt.NDArray[Any]


class Runs:
    """Windows over runs of consecutive rows; a window never leaves its run.

    Args:
        begins: The first row of each run.
        lengths: Their numbers of rows.
        entities: The number of each run's entity.
        size: Rows of a window.
        stride: Rows between the starts of two windows.

    Attributes:
        entities: Of the runs that hold a window.
    """

    def __init__(
        self, begins: Indices, lengths: Indices, entities: Indices, size: int, stride: int
    ) -> None:
        counts = np.maximum(0, (lengths - size) // stride + 1)
        filled = counts > 0
        counts = counts[filled]
        self._ends = np.cumsum(counts)
        # Window i of run r starts in row offsets[r] + i * stride, with i counted over all runs.
        self._offsets = begins[filled] - (self._ends - counts) * stride
        self.entities = entities[filled]
        self._stride = stride

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def locate(self, indices: Indices) -> tuple[Indices, Indices]:
        """Returns the first row of each of these windows, and the number of its entity."""
        runs = np.searchsorted(self._ends, indices, "right")
        return self._offsets[runs] + indices * self._stride, self.entities[runs]


def find_gaps(times: Array, begins: Indices) -> tuple[Indices, Array]:
    """Finds where rows of an entity do not follow one another by its usual step.

    A step of more than one and a half or less than half of the usual one is irregular; months and
    leap years are not.

    Args:
        times: Of the rows, ascending within each entity.
        begins: The first row of each entity.

    Returns:
        The rows that come after an irregular step, and the usual step of the entity of each.
    """
    steps = np.diff(times)
    within = np.ones(len(steps), bool)
    within[begins[1:] - 1] = False
    if not within.any():
        return np.zeros(0, np.int64), steps[:0]
    lengths = np.diff(begins, append=len(times))
    usual = np.repeat(_usual_steps(steps[within], lengths), lengths)[1:]
    ratio = steps / usual
    irregular = np.flatnonzero(within & ((ratio > 1.5) | (ratio < 0.5)))
    return irregular + 1, usual[irregular]


def _usual_steps(steps: Array, lengths: Indices) -> Array:
    """Returns the usual step of each entity.

    That is the lower median of its steps: what most are, and an ordinary one where times are
    measured and no two steps are quite the same. One step alone has no median: of entities of
    two rows it is that of all steps.

    Args:
        steps: Within the entities, one after the other.
        lengths: The number of rows of each entity.
    """
    counts = lengths - 1
    entities = np.repeat(np.arange(len(counts)), counts)
    middle = (np.cumsum(counts) - counts) + np.maximum(counts - 1, 0) // 2
    ordered = steps[np.lexsort((steps, entities))]
    half = (len(steps) - 1) // 2
    overall = np.partition(steps, half)[half]
    # An entity of one row has no middle, and the last one's would lie beyond the end.
    own = ordered[np.minimum(middle, len(ordered) - 1)]
    return np.asarray(np.where(counts > 1, own, overall))


def covered(starts: Indices, size: int, n: int) -> npt.NDArray[np.bool_]:
    """Which of n rows are among the `size` rows from any of these starts on."""
    change = np.bincount(starts, minlength=n + 1) - np.bincount(starts + size, minlength=n + 1)
    return np.asarray(np.cumsum(change[:-1]) > 0)


def no_windows(longest: int, size: int, gaps: str) -> ArgumentError:
    """Returns the error for a table in which no window fits.

    Args:
        longest: The most rows without a break.
        size: Rows of a window.
        gaps: Those in time, described; or empty.
    """
    return ArgumentError(
        "no window fits",
        got=f"at most {longest} rows of one entity on end"
        + (f"; gaps in time: {gaps}" if gaps else ""),
        expected=f"at least {size}: the past and the horizon",
        fix="choose a smaller length or horizon"
        + ('; or pass gaps="ignore", if steps vary by nature' if gaps else ""),
    )
