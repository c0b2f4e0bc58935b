"""`WindowSequence`: windows of long time series, by entity."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Self, Unpack

import numpy as np
import numpy.typing as npt

from ...checks import check_choice, check_count
from ...errors import ArgumentError, at_input
from ...keys.targets import Targets
from ...order import Indices
from ...pipeline import own_steps
from ...sequence import MultiInputSequence
from ...settings import OtherKeywords
from ...sources.delimited import Reading
from ...transforms import Transform, learn_rows
from ...transforms.learned import steps_of
from ...transforms.steps import Chain, shown, stages_of
from .gaps import fill_gaps, find_windows, picked
from .leaves import WindowLeaf
from .looks import Looks
from .raws import Served
from .rows import SortedRows, sorting
from .runs import Runs, covered
from .table import Table, as_names, output_columns, scalar_outputs

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["WindowSequence"]

Array = npt.NDArray[Any]

_log = logging.getLogger("multiseq")


class WindowSequence(Looks, Served, MultiInputSequence):
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
            for inputs alone, whatever the horizon. Numbers; with `transforms`, also text.
        entity: The column or index level that tells series apart, or a list of these.
        time: The column or index level to sort by: dates (text in ISO 8601 too) or numbers. None
            for the index if that holds dates; else rows are taken in their order. Dates whose
            offsets differ are shown in UTC.
        static: Names of columns that are constant within each entity; or a DataFrame or Series
            of numbers whose index holds the entities, or a dict of numbers by entity.
        transforms: What `adapt()` learns from the training split, by "past", "static", and
            "targets" or an output's name: a transform, a function, or a tuple of those, which
            learn one after the other. They are given rows, of shape (columns,): each that is part
            of a window of the split is learned from once, and each row is transformed once,
            however many windows it is part of. `Labels()` numbers targets that are text; of one
            column by its name, they are given each label by itself.
        gaps: What happens to windows where a step between rows is more than 1.5 or less than 0.5
            times the entity's usual one (the median): "drop" leaves them out and reports it,
            "raise" is an error, "ignore" keeps them, as for business days. "fill" puts rows where
            whole steps are lacking, by the calendar and the clock, fewer than `length` in a row;
            what is missing in them is up to `missing`, such as `missing={"past": "mean", "targets":
            "mask"}`. To mask a few rows of a horizon takes a list, `targets=["flow"]`: rows of one
            column by its name are weighed together.
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
        gaps: Literal["drop", "raise", "ignore", "fill"] = "drop",
        keys: Literal["time"] | None = None,
        sample_weight: Any = None,
        sep: str = ",",
        decimal: str = ".",
        **keywords: Unpack[OtherKeywords],
    ) -> None:
        self._length = check_count("length", length, 1)
        self._horizon = check_count("horizon", horizon, 0) if targets is not None else 0
        self._stride, self._span = check_count("stride", stride, 1), self._length + self._horizon
        check_choice("gaps", gaps, ("drop", "raise", "ignore", "fill"))
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
        if gaps == "fill":
            order, self._rows = fill_gaps(self._rows, order, self._length - 1)
        self._runs, self._gap_rows = self._find_windows(gaps)
        leaves = [*chosen] if static is None else [*chosen, "static"]
        steps = self._make_steps(steps_of(transforms) or {}, keywords.get("missing"), leaves)
        take = functools.partial(picked, order=order, may_lack=gaps == "fill")
        columns = {
            name: {each: take(table.values(each, name, name in steps)) for each in some}
            for name, some in chosen.items()
        }
        if static is not None:
            columns["static"] = table.static(static)
        self._leaves = self._make_leaves(columns, scalar_outputs(targets), steps)
        index = len(self._runs) if keys is None else self._time_keys()
        self._weights = Targets(None, sample_weight, index, targets_elsewhere=targets is not None)
        super().__init__(index, **{**keywords, **self._left_to_base})

    @property
    def transforms(self) -> dict[str, Transform]:
        """The transforms by the name of their input or target."""
        return shown(self._own_chains())

    def _own_chains(self) -> dict[Any, Chain]:
        return {called: self._leaves[name].chain for called, name in self._called.items()}

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
        return {called for called, name in self._called.items() if name in ("past", "static")}

    def learn_transforms(self, stage: int, indices: Indices, progress: str | None) -> None:
        """Learns from the rows of these windows, each once however many it is part of."""
        for called, learner in stages_of(self._own_chains())[stage]:
            name = self._called[called]
            rows = np.flatnonzero(self._used(name, indices))
            told = None if progress is None else f"{progress} {name}"
            given = functools.partial(self._given, stage, called)
            if stage == 0:
                self._leaves[name].declare()
            learn_rows({called: learner}, given, rows, told)

    def _given(self, stage: int, called: Any, rows: Indices) -> dict[Any, Any]:
        """What a learner is given of some rows."""
        return {called: self._leaves[self._called[called]].made(rows, stage)}

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

    def _find_windows(self, gaps: str) -> tuple[Runs, Indices]:
        """Finds where windows start, and reports those that are left out."""
        runs, after, said = find_windows(self._rows, self._span, self._stride, gaps)
        for what in said:
            _log.warning("%s: %s", self.called, what)
        return runs, after

    def _make_steps(
        self, given: Mapping[Any, Any], missing: Any, names: list[str]
    ) -> dict[str, Chain | None]:
        """Returns the steps of inputs and targets by their names; None for those of the base."""
        own = own_steps(given, missing, list(map(self._leaf_name, names)), names, together=True)
        self._called = {called: names[number] for number, (called, _) in own.chains.items()}
        self._left_to_base = own.left_to_base({})
        chains: dict[str, Chain | None] = {names[number]: None for number in own.masked}
        return chains | {names[number]: chain for number, (_, chain) in own.chains.items()}

    def _make_leaves(
        self,
        columns: Mapping[str, Mapping[Any, Array]],
        scalars: set[str],
        chains: Mapping[str, Chain | None],
    ) -> dict[str, WindowLeaf]:
        rows = {"past": self._length, "static": None}

        return {
            name: WindowLeaf(
                "features" if name == "past" else name,
                each,
                rows.get(name, self._horizon or None),
                self._used(name, np.arange(len(self._runs))),
                functools.partial(self._place, name),
                floats=name in rows,
                scalar=name in scalars,
                chain=chains.get(name, Chain(())),
            )
            for name, each in columns.items()
        }

    def _place(self, name: str, row: int) -> str:
        return self._rows.entity(row) if name == "static" else self._rows.place(row)

    def _time_keys(self) -> pd.Index[Any]:
        starts, entities = self._runs.locate(np.arange(len(self._runs)))
        return self._rows.keys(starts + self._length - 1, entities)
