"""Times that rows lack, by calendar and clock: months, years and days are not all as long."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ...order import Indices
from .rows import SortedRows

__all__ = ["Calendar"]

Array = npt.NDArray[Any]

_DAY = np.timedelta64(1, "D")
_MONTH = 365.25 / 12  # Days.


class Calendar:
    """Finds the times that gaps lack, as the clocks of their zone show them.

    Args:
        rows: The rows, whose times are dates.
        after: Those that come after a gap.
        usual: The usual step of the entity of each.
    """

    def __init__(self, rows: SortedRows, after: Indices, usual: Array) -> None:
        self._rows, self._after, self._usual = rows, after, usual
        self._local = rows.on_clock(rows.times)
        self._month = self._local.astype("M8[M]")
        # How far a time is from the begin of its month, and from that of the next one.
        self._begin = self._local - self._month.astype(self._local.dtype)
        self._end = self._local - (self._month + 1).astype(self._local.dtype)
        codes = rows.codes(after)
        self._ends = self._constant(self._end)[codes] & (self._end[after] >= -_DAY)
        begins = self._constant(self._begin)[codes] & ~self._ends
        self._months = np.rint(usual / _DAY / _MONTH).astype(np.int64)
        self._passed = (self._month[after] - self._month[after - 1]).astype(np.int64)
        whole = self._passed % np.maximum(1, self._months) == 0
        self._monthly = (self._months > 0) & whole & (begins | self._ends)

    def ratio(self) -> Array:
        """Returns how many of its usual steps each gap is long."""
        times, after = self._rows.times, self._after
        ratio = (times[after] - times[after - 1]) / self._usual
        return np.where(self._monthly, self._passed / np.maximum(1, self._months), ratio)

    def times(self, which: Indices, nth: Indices, otherwise: Array) -> Array:
        """Returns times within gaps.

        Args:
            which: The gap of each, by its place in `after`.
            nth: How many steps each is from the row before the gap.
            otherwise: The times where neither calendar nor clock say any.
        """
        made, before = otherwise.copy(), self._after[which] - 1
        month = self._month[before] + self._months[which] * nth
        begun = month.astype(self._local.dtype) + self._begin[before]
        ended = (month + 1).astype(self._local.dtype) + self._end[before]
        within = begun.astype("M8[M]") == month  # Not the 30th of February.
        monthly, ends = self._monthly[which], self._ends[which]
        passed = self._local[before] + self._usual[which] * nth
        clock = self._by_clock()[which] & ~monthly
        found = np.where(monthly, np.where(ends, ended, begun), passed)
        pick = (monthly & (ends | within)) | clock
        made[pick] = self._rows.off_clock(found[pick])
        return made

    def _by_clock(self) -> npt.NDArray[np.bool_]:
        """Which gaps are of whole steps on the clock, where a day may be of 23 or 25 hours."""
        even, even_on_clock = (
            (times[self._after] - times[self._after - 1]) % self._usual == np.timedelta64(0)
            for times in (self._rows.times, self._local)
        )
        days = self._usual % _DAY == np.timedelta64(0)
        return np.asarray(even_on_clock & (days | ~even))

    def _constant(self, values: Array) -> npt.NDArray[np.bool_]:
        begins = self._rows.begins
        least = np.minimum.reduceat(values, begins)
        return np.asarray(least == np.maximum.reduceat(values, begins))
