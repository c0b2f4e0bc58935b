"""Rows sorted by entity and time, and the labels of windows over them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...errors import AlignmentError
from ...keys.times import SEVERAL
from ...order import Indices

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SortedRows", "sorting"]

Array = npt.NDArray[Any]


def sorting(codes: Indices, times: Array | None) -> Any:
    """Returns what sorts rows by entity and then by time: an index for arrays of rows.

    Args:
        codes: The number of each row's entity.
        times: Of the rows; None to leave them in order within an entity.
    """
    order = np.argsort(codes, kind="stable") if times is None else np.lexsort((times, codes))
    return slice(None) if (order[1:] > order[:-1]).all() else order


class SortedRows:
    """The rows of a table, sorted by entity and by time within.

    Args:
        codes: The number of each row's entity, ascending from 0.
        times: Of the rows; None to number them within each entity.
        zone: The time zone of labels, if any (UTC for `SEVERAL`); dates are of UTC.
        name: Of the times, for labels.
        entities: Labels of entities, by number; None for one series.

    Raises:
        AlignmentError: An entity has a time twice.

    Attributes:
        times: Of each row.
        begins: The first row of each entity.
        entities: As given.
        zone: As given.
        name: As given.
    """

    def __init__(
        self, codes: Indices, times: Array | None, zone: Any, name: Any, entities: Any
    ) -> None:
        self.begins = np.flatnonzero(np.diff(codes, prepend=-1))
        self.times = np.arange(len(codes)) - self.begins[codes] if times is None else times
        self.entities: pd.Index[Any] | None = entities
        self.zone, self.name = zone, name
        again = (self.times[1:] == self.times[:-1]) & (codes[1:] == codes[:-1])
        if again.any():
            raise self._duplicates(np.flatnonzero(again) + 1)

    def replaced(self, codes: Indices, times: Array) -> SortedRows:
        """Returns other rows of the same entities."""
        return SortedRows(codes, times, self.zone, self.name, self.entities)

    @property
    def lengths(self) -> Indices:
        """The number of rows of each entity."""
        return np.diff(self.begins, append=len(self.times))

    def codes(self, rows: Indices) -> Indices:
        """Returns the number of each row's entity."""
        return np.asarray(np.searchsorted(self.begins, rows, "right") - 1)

    def entity(self, code: int) -> str:
        """Names an entity, by its number."""
        return "the series" if self.entities is None else repr(self.entities[[code]].tolist()[0])

    def place(self, row: int) -> str:
        """Names a row, by entity and time."""
        named = f"{self.name} {self.label_times(np.array([row]))[0]}"
        code = int(self.codes(np.array([row]))[0])
        return named if self.entities is None else f"{self.entity(code)}, {named}"

    def label_times(self, rows: Indices) -> pd.Index[Any]:
        """Returns the times of rows as pandas shows them, in the time zone they came in."""
        return self._as_index(self.times[rows])

    def on_clock(self, times: Array) -> Array:
        """Returns dates as the clocks of their time zone show them."""
        index: Any = self._as_index(times)
        return np.asarray(index.tz_localize(None))

    def off_clock(self, times: Array) -> Array:
        """Returns dates of UTC for what clocks show: the first of two, the next where none do."""
        import pandas as pd

        if self.zone is None or self.zone == SEVERAL:
            return times
        index = pd.DatetimeIndex(times).tz_localize(
            self.zone, ambiguous=np.ones(len(times), bool), nonexistent="shift_forward"
        )
        return np.asarray(index.tz_convert(None))

    def label_entities(self, codes: Indices) -> dict[Any, pd.Index[Any]]:
        """Returns the labels of entities, by the name of their column; none for one series."""
        if self.entities is None:
            return {}
        levels = enumerate(self.entities.names)
        return {name: self.entities.get_level_values(number).take(codes) for number, name in levels}

    def keys(self, rows: Indices, codes: Indices) -> pd.Index[Any]:
        """Returns (entity, time) of some rows; the time alone for a single series.

        Args:
            rows: The rows.
            codes: The numbers of their entities.
        """
        import pandas as pd

        found, codes_of_times = np.unique(self.times[rows], return_inverse=True)
        times = self._as_index(found)
        if self.entities is None:
            return times.take(codes_of_times)
        levels: list[Any] = [self.entities, times]
        level_codes: list[Any] = [codes, codes_of_times]
        if isinstance(self.entities, pd.MultiIndex):
            levels[:1] = self.entities.levels
            level_codes[:1] = [np.asarray(each)[codes] for each in self.entities.codes]
        return pd.MultiIndex(
            levels, level_codes, names=[*self.entities.names, self.name], verify_integrity=False
        )

    def steps(self, rows: Indices) -> pd.DataFrame:
        """Returns the steps that lead to these rows: entity, time before and after."""
        import pandas as pd

        labels = self.label_entities(self.codes(rows))
        before, after = self.label_times(rows - 1), self.label_times(rows)
        return pd.DataFrame({**labels, "before": before, "after": after})

    def describe_steps(self, rows: Indices, usual: Array) -> str:
        """Names the first few of the steps that lead to these rows, and what they usually are."""
        import pandas as pd

        shown = "; ".join(
            f"{self.place(row - 1)} is followed by {self.label_times(np.array([row]))[0]}"
            for row in rows[:3].tolist()
        )
        more = f"; … ({len(rows)} in all)" if len(rows) > 3 else ""
        steps = [str(step) for step in pd.Index(np.unique(usual[:3])).tolist()]
        verb = "step is" if len(steps) == 1 else "steps there are"
        return f"{shown}{more}. The usual {verb} {', '.join(steps)}"

    def _as_index(self, times: Array) -> pd.Index[Any]:
        import pandas as pd

        index: pd.Index[Any] = pd.Index(times, name=self.name)
        if self.zone is not None and isinstance(index, pd.DatetimeIndex):
            index = index.tz_localize("UTC")
            index = index if self.zone == SEVERAL else index.tz_convert(self.zone)
        return index

    def _duplicates(self, rows: Indices) -> AlignmentError:
        shown = "; ".join(self.place(row) for row in rows[:3].tolist())
        alone = self.entities is None
        return AlignmentError(
            f"{len(rows)} rows have the same {'time' if alone else 'entity and time'} as another",
            got=shown + ("; …" if len(rows) > 3 else ""),
            expected=f"one row for each {'time' if alone else 'entity and time'}",
            fix="drop or average duplicates"
            + ("; or say which column tells series apart: entity=" if alone else ""),
        )
