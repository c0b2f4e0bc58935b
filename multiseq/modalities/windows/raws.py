"""Windows of raw records: the last rows of series, which are served."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ...base.encoding import Encoding, Records
from ...errors import ArgumentError, at_input, few
from ...keys.targets import Targets
from ...sources.delimited import Reading
from ...transforms.base import is_missing
from .leaves import WindowLeaf
from .rows import SortedRows
from .runs import Runs
from .table import Table

__all__ = ["Served"]

Array = npt.NDArray[Any]


class Served(Encoding):
    """The side of a sequence of windows that serves."""

    _leaves: dict[str, WindowLeaf]
    _called: dict[Any, str]
    _rows: SortedRows
    _runs: Runs
    _length: int
    _horizon: int
    _span: int
    _weights: Targets
    _are_alike = True

    def _raw_fields(self) -> list[str]:
        return list(
            dict.fromkeys(name for leaf in self._input_leaves.values() for name in leaf.names)
        )

    @property
    def _input_leaves(self) -> dict[str, WindowLeaf]:
        return {name: self._leaves[name] for name in ("past", "static") if name in self._leaves}

    def _as_records(self, raw: Any) -> Records:
        if not (hasattr(raw, "iloc") and hasattr(raw, "columns")):
            return super()._as_records(raw)
        entities = self._rows.entities
        labels = [] if entities is None else list(entities.names)
        return _series_of(raw, labels, self._rows.name, self._raw_fields(), self._length)

    def _over(self, records: Records) -> Self:
        n, length = len(records), self._length
        leaves = {}
        for name, leaf in self._input_leaves.items():
            with at_input(name):
                read = _window if name == "past" else _constant
                columns = {
                    field: np.concatenate(
                        [
                            read(record[field], field, number, length)
                            for number, record in enumerate(records)
                        ]
                    )
                    for field in leaf.names
                }
                leaves[name] = leaf.over(columns, length if name == "past" else 1)
        other = self._emptied(n)
        starts = np.arange(n) * length
        other._runs = Runs(starts, np.full(n, length), np.arange(n), length, 1)
        other._leaves, other._horizon, other._span = leaves, 0, length
        other._called = {each: name for each, name in self._called.items() if name in leaves}
        other._weights = Targets(None, None, n)
        return other


def _window(value: Any, field: str, number: int, length: int) -> Array:
    """Returns a column of a window."""
    array = _numbers(value, field, number)
    if array.shape != (length,):
        raise ArgumentError(
            f"record {number}: {field!r} is not a column of a window",
            got=value,
            expected=f"{length} numbers, in the order of time",
            fix=f"give the last {length} values, those of the latest rows",
        )
    return array


def _constant(value: Any, field: str, number: int, length: int) -> Array:
    """Returns what does not change in a window: a number, or `length` times the same."""
    array = _numbers(value, field, number)
    flat = array.reshape(-1)
    same = flat.size == 1 or (flat == flat[:1]).all() or np.isnan(flat.astype(np.float64)).all()
    if array.shape in ((), (length,)) and flat.size and same:
        return flat[:1]
    raise ArgumentError(
        f"record {number}: {field!r} does not have one value",
        got=value,
        expected="a number that is the same in all rows of the window",
    )


def _numbers(value: Any, field: str, number: int) -> Array:
    array = np.asarray(value)
    if array.dtype == object:  # None among numbers, and pandas.NA.
        array = _with_nan(array)
    if array.dtype.kind in "biuf":
        return array
    raise ArgumentError(
        f"record {number}: {field!r} holds no numbers",
        got=value,
        expected="numbers or booleans; NaN or None for a missing one",
    )


def _with_nan(array: Array) -> Array:
    found = [np.nan if is_missing(each) else each for each in array.ravel().tolist()]
    return np.asarray(found).reshape(array.shape)


def _series_of(
    frame: Any, labels: list[Any], time: Any, fields: list[str], length: int
) -> list[Mapping[str, Any]]:
    """Returns a record for each series of a frame, its rows in the order of time."""
    given = [*frame.columns, *frame.index.names]
    labels = [each for each in labels if each in given]
    table = Table(frame, labels, Reading(None))
    times = table.times(time if time in given else None).values
    named = {str(each): each for each in frame.columns if each not in (*labels, time)}
    if more := sorted(named.keys() - set(fields)):
        raise ArgumentError(
            f"the frame has {few(more)}, which the model is not given",
            expected=f"columns {few(sorted(fields), 20)}",
            fix="leave it out; or correct the name",
        )
    records: list[Mapping[str, Any]] = []
    for code in range(int(table.codes.max(initial=-1)) + 1):
        rows = np.flatnonzero(table.codes == code)
        if times is not None:
            rows = rows[np.argsort(times[rows], kind="stable")]
        if len(rows) != length:
            whose = "the frame" if table.entities is None else repr(table.entities[code])
            raise ArgumentError(
                f"{whose} has not the rows of one window",
                got=f"{len(rows)} rows",
                expected=f"{length}, the last of the series",
                fix=f"frame.groupby({labels!r}).tail({length})"
                if labels
                else f"frame.tail({length})",
            )
        records.append({name: frame[each].take(rows).to_numpy() for name, each in named.items()})
    return records
