"""`WindowSequence`: windows of long time series, by entity."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Self, Unpack

import numpy as np
import numpy.typing as npt

from ...checks import check_choice, check_count
from ...errors import ArgumentError, at_input, few
from ...keys.targets import Targets
from ...order import Indices
from ...sequence import MultiInputSequence
from ...settings import BaseKeywords
from ...sources.delimited import Reading
from ...transforms import Transform, as_transform, learn_rows
from .leaves import WindowLeaf
from .rows import SortedRows, sorting
from .runs import Runs, covered, find_gaps, no_windows
from .table import Table, as_names, as_outputs, output_columns

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["WindowSequence"]

Array = npt.NDArray[Any]

_ARGUMENT = {"past": "features"}  # What gave it, for errors.

_log = logging.getLogger("multiseq")


class WindowSequence(MultiInputSequence):
    """Windows of long time series: the past, what follows it, and what does not change.

    Inputs are a dict: `"past"`, float32 of shape (length, features), and with `static` also
    `"static"`, float32 of shape (static columns,). Targets are the `horizon` rows that follow the
    past: of shape (horizon,) for one column given by name, (horizon, columns) for a list of
    columns. With `horizon=0` they are those of the window's last row, without an axis of time: a
    window of a recording then has the recording's label.

    A window starts in the first row of a series and `stride` rows after the one before, as long as
    past and horizon are complete. No window crosses an entity. Rows are sorted by time, and where
    they do not follow one another by the usual step (see `gaps`) no window goes across either.

    Windows are computed from where runs of rows begin: a million of them take no memory. Those
    that overlap share rows, so split them by entity, `split(0.8, 0.2, groups=data.entities)`, or
    by time, `split("2020-01-01", by_time=True)`: a window that reaches across the cut is left out.

    Example:
        >>> data = WindowSequence(
        ...     frame,
        ...     length=24,
        ...     horizon=3,
        ...     features=["flow", "rain"],
        ...     targets="flow",
        ...     entity="site",
        ...     time="date",
        ...     static=["area"],
        ...     transforms={"past": Standardize(), "static": Standardize()},
        ... )
        >>> past, static = keras.Input((24, 2), name="past"), keras.Input((1,), name="static")

    Args:
        frame: A row for each entity and time, in any order: a DataFrame, a dict of equally long
            arrays, or the path of a CSV or Parquet file. Of a CSV file, entities such as `007` or
            `1e5` stay text.
        length: Rows of the past.
        horizon: Rows to foretell.
        stride: Rows from one window's start to the next one's.
        features: Names of the columns of numbers that are the past.
        targets: The name of a column, a list of names, a dict of these by output name; or None
            for inputs alone, whatever the horizon.
        entity: The column or index level that tells series apart, or a list of these.
        time: The column or index level to sort by: dates (text in ISO 8601 too) or numbers. None
            for the index if that holds dates; else rows are taken in their order. Dates whose
            offsets differ are shown in UTC.
        static: Names of columns that are constant within each entity; or a DataFrame or Series
            of numbers whose index holds the entities, or a dict of numbers by entity.
        transforms: What `adapt()` learns from the training split, by "past", "static", and
            "targets" or an output's name. It learns from rows, of shape (columns,), each row that
            is part of a window of the split once, and is applied to those of all windows.
        gaps: What happens to windows where a step between rows is more than 1.5 or less than 0.5
            times the entity's usual one (the median): "drop" leaves them out and reports it,
            "raise" is an error, "ignore" keeps them, as for business days.
        keys: None to number the windows, which takes no memory; "time" for keys of (entity, time
            of the last row of the past), which can be joined. See also `windows`.
        sample_weight: A weight for each window, in the order of `windows`; with `keys="time"` also
            a Series by these keys; or a dict of those by output name.
        sep: What is between the cells of a CSV file.
        decimal: The decimal mark in a CSV file.
        **keywords: Those of `MultiInputSequence`.

    Raises:
        AlignmentError: An entity has a time twice, or no row in `static`.
        ArgumentError: A column does not exist, holds no numbers or lacks values; a static one
            varies; no window fits.
        MissingPackageError: The file is Parquet, and pyarrow is not installed.
        SourceError: The file is missing or damaged, or its rows and header differ in width.
    """

    def __init__(
        self,
        frame: Any,
        *,
        length: int,
        horizon: int = 1,
        stride: int = 1,
        features: Any,
        targets: Any,
        entity: Any = None,
        time: Any = None,
        static: Any = None,
        transforms: Mapping[str, Any] | None = None,
        gaps: Literal["drop", "raise", "ignore"] = "drop",
        keys: Literal["time"] | None = None,
        sample_weight: Any = None,
        sep: str = ",",
        decimal: str = ".",
        **keywords: Unpack[BaseKeywords],
    ) -> None:
        self._length = check_count("length", length, 1)
        self._horizon = check_count("horizon", horizon, 0) if targets is not None else 0
        self._stride = check_count("stride", stride, 1)
        self._span = self._length + self._horizon
        check_choice("gaps", gaps, ("drop", "raise", "ignore"))
        check_choice("keys", keys, (None, "time"))
        self._one_output = not isinstance(targets, Mapping)
        names = [] if entity is None else as_names(entity, "entity")
        chosen = {"past": as_names(features, "features"), **output_columns(targets)}
        kept = as_names(static, "static") if isinstance(static, str | list | tuple) else []
        wanted = {time, *names, *kept}.union(*chosen.values())
        table = Table(frame, names, Reading(wanted, labels=names, sep=sep, decimal=decimal))
        times = table.times(time)
        order = sorting(table.codes, times.values)
        self._rows = SortedRows(table.codes[order], *times.sorted(order), table.entities)
        self._runs = self._find_runs(gaps)
        columns = {
            name: {each: table.numbers(each, _ARGUMENT.get(name, name))[order] for each in some}
            for name, some in chosen.items()
        }
        if static is not None:
            columns["static"] = table.static(static)
        whole = {name for name, some in as_outputs(targets).items() if not _is_list(some)}
        self._leaves = self._make_leaves(columns, whole, _checked(transforms, columns))
        index = len(self._runs) if keys is None else self._time_keys()
        given = targets is not None
        self._weights = Targets(None, sample_weight, index, targets_elsewhere=given)
        super().__init__(index, **keywords)

    @property
    def transforms(self) -> dict[str, Transform]:
        """The transforms by the name of their input or target."""
        return {n: leaf.transform for n, leaf in self._leaves.items() if leaf.transform is not None}

    @property
    def entities(self) -> pd.Index[Any]:
        """The entity of each of this sequence's windows, such as for `split(groups=...)`."""
        if self._rows.entities is None:
            raise ArgumentError("these are windows of one series", fix="pass entity=").at(
                cls=self.called
            )
        return self._rows.entities.take(self._located()[1])

    @property
    def windows(self) -> pd.DataFrame:
        """What each of this sequence's windows is, by its key.

        Columns: those of the entity; `start` and `end`, the times of the first and the last row
        of the past; `until`, that of the last row of the targets.
        """
        import pandas as pd

        starts, codes = self._located()
        last = {"start": 0, "end": self._length - 1, "until": self._span - 1}
        times = {name: self._rows.label_times(starts + row) for name, row in last.items()}
        return pd.DataFrame({**self._rows.label_entities(codes), **times}).set_index(self.keys)

    @property
    def gaps(self) -> pd.DataFrame:
        """Where windows were left out: the entity, and the rows' times before and after."""
        return self._rows.steps(self._gap_rows)

    @property
    def _time_zone(self) -> Any:
        return self._rows.zone

    def time_spans(self, indices: Indices) -> tuple[Array, Array]:
        """Returns the times of each window's first row and of its last, targets included.

        Args:
            indices: As `load_sample` takes them.

        Returns:
            Two arrays of datetime64[ns], of UTC where times have a zone, or of numbers: those of
            `time`, or without it the rows' numbers within their entity.
        """
        starts, _ = self._runs.locate(np.asarray(indices))
        return self._rows.times[starts], self._rows.times[starts + self._span - 1]

    def load_sample(self, index: int) -> Any:
        """Returns (inputs,), (inputs, targets) or (inputs, targets, weight) of one window."""
        (start,), (entity,) = self._runs.locate(np.array([index]))
        return *self._sample(WindowLeaf.one, start, entity), *self._weights.row(index)

    def target_rows(self, indices: Indices) -> Any:
        """The targets of several windows."""
        starts, _ = self._runs.locate(indices)
        rows = starts + self._span - max(1, self._horizon)
        goals = self._leaves.keys() - {"past", "static"}
        values = {name: self._leaves[name].take(rows) for name in goals}
        return values.get("targets") if self._one_output else values

    def load_batch(self, indices: Indices) -> Any:
        """Returns several windows, cut straight into batch memory."""
        windows = self._sample(WindowLeaf.take, *self._runs.locate(indices))
        return *windows, *self._weights.rows(indices)

    def for_workers(self) -> Self:
        """Returns a copy with all that loading needs: rows as a model takes them, no labels."""
        other = super().for_workers()
        other._leaves = {name: leaf.settled() for name, leaf in self._leaves.items()}
        other._rows = None  # type: ignore[assignment]
        return other

    def _sample(self, take: Callable[[WindowLeaf, Any], Any], starts: Any, entities: Any) -> Any:
        goals = starts + self._span - max(1, self._horizon)
        rows = {"past": starts, "static": entities}
        values = {}
        for name, leaf in self._leaves.items():
            with at_input(name):
                values[name] = take(leaf, rows.get(name, goals))
        inputs = {name: values.pop(name) for name in rows if name in values}
        if not values:
            return (inputs,)
        return inputs, values["targets"] if self._one_output else values

    @property
    def _of_inputs(self) -> set[Any]:
        return {"past", "static"}.intersection(self.transforms)

    def learn_transforms(self, indices: Indices, progress: str | None) -> None:
        """Learns from the rows of these windows, each once however many it is part of."""
        for name, transform in self.transforms.items():
            rows = np.flatnonzero(self._used(name, indices))
            shown = None if progress is None else f"{progress} {name}"
            learn_rows({name: transform}, functools.partial(self._raw, name), rows, shown)

    def _raw(self, name: str, rows: Indices) -> dict[str, Array]:
        return {name: self._leaves[name].raw(rows)}

    def _located(self) -> tuple[Indices, Indices]:
        return self._runs.locate(self.source_indices(np.arange(self.num_samples)))

    def _used(self, name: str, indices: Indices) -> npt.NDArray[np.bool_]:
        """Which rows of a table are part of any of these windows."""
        starts, entities = self._runs.locate(indices)
        if name == "static":
            return covered(entities, 1, len(self._rows.begins))
        if name == "past":
            return covered(starts, self._length, len(self._rows.times))
        rows = max(1, self._horizon)
        return covered(starts + self._span - rows, rows, len(self._rows.times))

    def _make_leaves(
        self,
        columns: Mapping[str, Mapping[Any, Array]],
        scalars: set[str],
        transforms: Mapping[str, Transform],
    ) -> dict[str, WindowLeaf]:
        rows = {"past": self._length, "static": None}

        def place(name: str, row: int) -> str:
            return self._rows.entity(row) if name == "static" else self._rows.place(row)

        return {
            name: WindowLeaf(
                _ARGUMENT.get(name, name),
                each,
                rows.get(name, self._horizon or None),
                self._used(name, np.arange(len(self._runs))),
                functools.partial(place, name),
                floats=name in rows,
                scalar=name in scalars,
                transform=transforms.get(name),
            )
            for name, each in columns.items()
        }

    def _time_keys(self) -> pd.Index[Any]:
        starts, entities = self._runs.locate(np.arange(len(self._runs)))
        return self._rows.keys(starts + self._length - 1, entities)

    def _find_runs(self, gaps: str) -> Runs:
        """Finds runs of rows without a break, and reports windows that are left out."""
        rows, size = self._rows, self._span
        lengths, entities = rows.lengths, np.arange(len(rows.begins))
        whole = Runs(rows.begins, lengths, entities, size, self._stride)
        runs, usual, self._gap_rows = whole, np.zeros(0), np.zeros(0, np.int64)
        if gaps != "ignore":
            self._gap_rows, usual = find_gaps(rows.times, rows.begins)
            begins = np.union1d(rows.begins, self._gap_rows)
            lengths = np.diff(begins, append=len(rows.times))
            runs = Runs(begins, lengths, rows.codes(begins), size, self._stride)
        shown = rows.describe_steps(self._gap_rows, usual) if len(self._gap_rows) else ""
        if shown and gaps == "raise":
            raise ArgumentError(
                "rows do not follow one another by the same step",
                got=shown,
                fix='complete the rows; or pass gaps="drop" to leave out the windows that span '
                'a gap, gaps="ignore" to take rows as they follow one another',
            )
        if not len(runs):
            raise no_windows(int(lengths.max()), size, shown)
        if shown:
            self._report(f"no window spans a gap, {len(runs)} of {len(whole)} are left: {shown}")
        short = np.setdiff1d(entities, runs.entities)
        if len(short):
            named = few([] if rows.entities is None else rows.entities[short])
            self._report(f"entities without {size} rows on end have no window: {named}")
        return runs

    def _report(self, what: str) -> None:
        _log.warning("%s: %s", self.called, what)


def _is_list(columns: Any) -> bool:
    return isinstance(columns, list | tuple)


def _checked(
    transforms: Mapping[str, Any] | None, names: Mapping[str, Any]
) -> dict[str, Transform]:
    checked = {name: as_transform(each) for name, each in (transforms or {}).items()}
    if unknown := checked.keys() - names.keys():
        raise ArgumentError(
            f"transforms: {few(sorted(map(str, unknown)))} is no input or target",
            got=f"transforms for {list(checked)}",
            expected=f"some of {list(names)}",
        )
    return checked
