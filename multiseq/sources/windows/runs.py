"""Where windows start, from runs of rows without a break: no array has an element a window."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ...order import Indices

__all__ = ["Runs", "covered", "find_gaps"]

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


def find_gaps(times: Array, begins: Indices) -> tuple[Indices, Any]:
    """Finds where rows of an entity do not follow one another by the usual step.

    The usual step is the lower median of all steps: what most are, and an ordinary one where
    times are measured and no two steps are quite the same. A step of more than one and a half or
    less than half of it is irregular; months and leap years are not.

    Args:
        times: Of the rows, ascending within each entity.
        begins: The first row of each entity.

    Returns:
        The rows that come after an irregular step, and the usual step; None where there is none.
    """
    steps = np.diff(times)
    within = np.ones(len(steps), bool)
    within[begins[1:] - 1] = False
    inner = steps[within]
    if not len(inner):
        return np.zeros(0, np.int64), None
    middle = (len(inner) - 1) // 2
    usual = np.partition(inner, middle)[middle]
    ratio = steps / usual
    irregular = within & ((ratio > 1.5) | (ratio < 0.5))
    return np.flatnonzero(irregular) + 1, usual


def covered(starts: Indices, size: int, n: int) -> npt.NDArray[np.bool_]:
    """Which of n rows are among the `size` rows from any of these starts on."""
    change = np.bincount(starts, minlength=n + 1) - np.bincount(starts + size, minlength=n + 1)
    return np.asarray(np.cumsum(change[:-1]) > 0)
