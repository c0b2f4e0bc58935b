"""Gaps in time: where no window goes across, or what is put there."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import ArgumentError, few
from ...order import Indices
from .calendar import Calendar
from .rows import SortedRows
from .runs import Runs, find_gaps, no_windows

__all__ = ["fill_gaps", "find_windows", "picked"]

Array = npt.NDArray[Any]

_NEAR = 0.25  # Of a step: how far from whole a gap may be, where times are measured.


def find_windows(
    rows: SortedRows, size: int, stride: int, gaps: str
) -> tuple[Runs, Indices, list[str]]:
    """Finds runs of rows without a break.

    Args:
        rows: The rows.
        size: Rows of a window.
        stride: From one window's start to the next one's.
        gaps: The keyword.

    Returns:
        The runs; the rows after a break; and what is to be said of windows that are left out.

    Raises:
        ArgumentError: There are breaks, and `gaps` is "raise"; or no window fits.
    """
    lengths, entities = rows.lengths, np.arange(len(rows.begins))
    whole = Runs(rows.begins, lengths, entities, size, stride)
    runs, usual, after = whole, np.zeros(0), np.zeros(0, np.int64)
    if gaps != "ignore":
        after, usual = find_gaps(rows.times, rows.begins)
        begins = np.union1d(rows.begins, after)
        lengths = np.diff(begins, append=len(rows.times))
        runs = Runs(begins, lengths, rows.codes(begins), size, stride)
    shown = rows.describe_steps(after, usual) if len(after) else ""
    if shown and gaps == "raise":
        raise ArgumentError(
            "rows do not follow one another by the same step",
            got=shown,
            fix='complete the rows; or pass gaps="drop" to leave out the windows that span '
            'a gap, gaps="fill" to put rows there, whose values missing= fills, gaps="ignore" to '
            "take rows as they follow one another",
        )
    if not len(runs):
        raise no_windows(int(lengths.max()), size, shown)
    said = []
    if shown:
        said.append(f"no window spans a gap, {len(runs)} of {len(whole)} are left: {shown}")
    short = np.setdiff1d(entities, runs.entities)
    if len(short):
        named = few([] if rows.entities is None else rows.entities[short])
        said.append(f"entities without {size} rows on end have no window: {named}")
    return runs, after, said


def fill_gaps(rows: SortedRows, order: Any, most: int) -> tuple[Indices, SortedRows]:
    """Puts rows where an entity's usual step was passed over, a whole number of times.

    Of dates, a step may be of months or of days on the clock: see `Calendar`.

    Args:
        rows: The rows, sorted.
        order: What sorts the table's rows so.
        most: The most rows that a gap may lack; longer ones are left.

    Returns:
        The row of the table that each is, -1 for one that was put there; and the rows.
    """
    times, codes = rows.times, rows.codes(np.arange(len(rows.times)))
    after, usual = find_gaps(times, rows.begins)
    steps = times[after] - times[after - 1]
    calendar = Calendar(rows, after, usual) if times.dtype.kind == "M" else None
    ratio = steps / usual if calendar is None else calendar.ratio()
    lacking = np.rint(ratio).astype(np.int64) - 1
    good = (np.abs(ratio - np.rint(ratio)) <= _NEAR) & (lacking > 0) & (lacking <= most)
    gaps, after, steps, lacking = np.flatnonzero(good), after[good], steps[good], lacking[good]
    before = np.zeros(len(times), np.int64)
    before[after] = lacking
    new = np.ones(len(times) + int(lacking.sum()), bool)
    new[np.arange(len(times)) + np.cumsum(before)] = False
    sources = np.full(len(new), -1)
    sources[~new] = np.arange(len(times))[order]
    which = np.repeat(after, lacking)
    nth = np.arange(len(which)) - np.repeat(np.cumsum(lacking) - lacking, lacking) + 1
    share = nth / np.repeat(lacking + 1, lacking)
    made = np.empty(len(new), times.dtype if times.dtype.kind == "M" else np.float64)
    made[~new], made[new] = times, times[which - 1] + np.repeat(steps, lacking) * share
    if calendar is not None:
        made[new] = calendar.times(np.repeat(gaps, lacking), nth, made[new])
    owners = np.empty(len(new), codes.dtype)
    owners[~new], owners[new] = codes, codes[which]
    return sources, rows.replaced(owners, made)


def picked(column: Array, order: Any, may_lack: bool) -> Array:
    """Returns a column in order.

    Args:
        column: Of the table.
        order: What sorts its rows.
        may_lack: Whether -1 in it stands for a row that is missing. Numbers are float64 then,
            whether or not there is one.
    """
    made: Array
    if not may_lack:
        made = column[order]
        return made
    values = column.astype(np.float64 if column.dtype.kind in "biuf" else object)
    made = values[order]
    made[order < 0] = np.nan if values.dtype.kind == "f" else None
    if hasattr(column, "categories"):
        made = made.view(type(column))
        vars(made)["categories"] = column.categories
    return made
