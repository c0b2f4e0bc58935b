"""Long tables of series, as a user has them: read, and turned into arrays.

pandas is imported where it is used: worker processes get arrays alone.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ...checks import text_refused
from ...errors import ArgumentError, few
from ...keys.labelled import Samples, series_of
from ...keys.plain import Declared
from ...keys.times import as_moments, as_times
from ...order import Indices
from ...sources.delimited import Reading
from ...sources.tables import as_frame
from ...transforms.labelled import categories_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Table", "Times", "as_names", "output_columns", "scalar_outputs"]

Array = npt.NDArray[Any]


class Times(NamedTuple):
    """The times of rows.

    Attributes:
        values: datetime64[ns], of UTC, or numbers; None where rows have no times.
        zone: The time zone that dates came in, as `as_moments` gives it.
        name: Of the column.
    """

    values: Array | None
    zone: Any
    name: Any

    def sorted(self, order: Any) -> Times:
        """Returns them in another order of the rows."""
        return self if self.values is None else self._replace(values=self.values[order])


def as_names(value: Any, what: str) -> list[Any]:
    """Returns column names as a list; one name is a list of one."""
    names = list(value) if isinstance(value, list | tuple) else [value]
    hashable = all(isinstance(name, Hashable) for name in names)
    if not names or not hashable or len(set(names)) < len(names):
        raise ArgumentError(
            f"{what} names {'a column twice' if names and hashable else 'no columns'}",
            got=value,
            expected="names of columns",
        )
    return names


def _as_outputs(targets: Any) -> Mapping[Any, Any]:
    """Returns targets by output name; those without names are "targets"."""
    if targets is None:
        return {}
    return targets if isinstance(targets, Mapping) else {"targets": targets}


def output_columns(targets: Any) -> dict[str, list[Any]]:
    """Returns the names of the columns of each output.

    Raises:
        ArgumentError: An output has a bad name, or no columns.
    """
    outputs = _as_outputs(targets)
    for name in outputs:
        if not isinstance(name, str) or name in ("past", "static"):
            raise ArgumentError(
                "bad name of an output", got=name, expected='text other than "past" and "static"'
            )
    return {name: as_names(some, "targets") for name, some in outputs.items()}


def scalar_outputs(targets: Any) -> set[Any]:
    """Returns the names of outputs whose column was given by its name alone."""
    outputs = _as_outputs(targets).items()
    return {name for name, some in outputs if not isinstance(some, list | tuple)}


class Table:
    """A table with a row for each entity and time.

    Args:
        source: A DataFrame, what has a `to_pandas` method, a dict of columns, or the path of a CSV
            or Parquet file.
        entity: Names of the columns or index levels that tell series apart; none for one series.
        how: How a file is read.

    Raises:
        ArgumentError: It is no table, or a row has no entity.

    Attributes:
        codes: The number of each row's entity, in the order in which entities appear.
        entities: Their labels, by number; None for one series.
    """

    def __init__(self, source: Any, entity: Sequence[Any], how: Reading) -> None:
        import pandas as pd

        self._frame = as_frame(source, how)
        self.codes = self._entity_codes(entity)
        n = len(self.codes)
        self._first = np.empty(int(self.codes.max()) + 1, np.int64)
        self._first[self.codes[::-1]] = np.arange(n)[::-1]
        self.entities: pd.Index[Any] | None = None
        if entity:
            names = [self.column(name).take(self._first) for name in entity]
            labels = [pd.Index(each, name=name) for each, name in zip(names, entity, strict=True)]
            self.entities = labels[0] if len(labels) == 1 else pd.MultiIndex.from_arrays(labels)

    def column(self, name: Any) -> pd.Series[Any]:
        """Returns a column or index level, in the table's own order."""
        frame = self._frame
        if name in frame.columns:
            column: pd.Series[Any] = frame[name]
            if column.ndim == 1:
                return column
            raise ArgumentError(
                f"there are several columns {name!r}", fix="give each a name of its own"
            )
        if name is not None and name in frame.index.names:
            return frame.index.get_level_values(name).to_series()
        levels = [level for level in frame.index.names if level is not None]
        raise ArgumentError(
            f"there is no column {name!r}",
            got=f"columns {few(frame.columns, 20)}" + (f"; index {levels}" if levels else ""),
            fix="correct the name",
        )

    def numbers(self, name: Any, role: str) -> Array:
        """Returns a column of numbers or booleans; what is missing is NaN."""
        return _numbers(self.column(name), role)

    def values(self, name: Any, use: str, has_steps: bool) -> Array:
        """Returns a column of "past" or of an output: numbers, but what steps of targets take.

        Args:
            name: Of the column.
            use: "past", or the name of the output.
            has_steps: Whether `transforms=` has steps for it.

        Raises:
            ArgumentError: It holds dates; or text, and there are no steps for it.
        """
        import pandas as pd

        column = self.column(name)
        if use == "past":
            return _numbers(column, "features")
        is_number = pd.api.types.is_numeric_dtype(column.dtype)
        if has_steps and not is_number and column.dtype.kind not in "mM":
            return _as_given(column)
        if is_number or as_moments(column, name)[0] is not None:
            return _numbers(column, use)
        raise ArgumentError(
            f"{use}: column {name!r} holds no numbers",
            got=f"dtype {column.dtype}, such as {few(column, 2)}",
            expected="numbers or booleans, or a transform that makes numbers of it",
            fix=text_refused(use)["fix"],
        )

    def times(self, name: Any) -> Times:
        """Returns the times of the rows.

        Args:
            name: Of a column or index level; None for the index if that holds dates.

        Raises:
            ArgumentError: They are neither dates nor numbers, or some are missing.
        """
        import pandas as pd

        index = self._frame.index
        if name is not None:
            column = self.column(name)
        elif isinstance(index, pd.DatetimeIndex | pd.PeriodIndex):
            column = index.to_series()
            name = "time" if index.name is None else index.name
        else:
            return Times(None, None, "row")
        values, zone = _as_times(column, name)
        missing = np.isnat(values) if values.dtype.kind == "M" else ~np.isfinite(values)
        if missing.any():
            raise ArgumentError(
                f"{int(missing.sum())} rows have no time",
                got=f"{name!r} is missing, first in row {int(missing.argmax())}",
                fix="drop or complete these rows",
            )
        return Times(values, zone, name)

    def static(self, static: Any) -> dict[Any, Array]:
        """Returns what is constant within each entity, by name, with a row for each entity.

        Args:
            static: Names of columns; or a DataFrame or Series whose index holds the entities, or a
                dict by entity.

        Raises:
            AlignmentError: An entity is missing, or there twice.
            ArgumentError: A column is not constant within an entity.
        """
        import pandas as pd

        if isinstance(static, Mapping):
            static = series_of(static)
        if isinstance(static, pd.Series):
            static = static.to_frame()
        if isinstance(static, pd.DataFrame):
            rows = _rows_of(self.entities, static.index)
            return {name: _numbers(static[name], "static").take(rows) for name in static.columns}
        return {name: self._constant(name) for name in as_names(static, "static")}

    def _entity_codes(self, entity: Sequence[Any]) -> Indices:
        import pandas as pd

        codes: Indices = np.zeros(len(self._frame), np.int64)
        for name in entity:
            each, labels = pd.factorize(self.column(name))
            if (each < 0).any():
                raise ArgumentError(
                    f"{int((each < 0).sum())} rows have no entity",
                    got=f"{name!r} is missing, first in row {int((each < 0).argmax())}",
                    fix=f"drop them: frame.dropna(subset={list(entity)})",
                )
            codes = pd.factorize(codes * len(labels) + each)[0].astype(np.int64)
        return codes

    def _constant(self, name: Any) -> Array:
        values = self.numbers(name, "static")
        found = values[self._first]
        expected = found[self.codes]
        other = (values != expected) & ~((values != values) & (expected != expected))
        if other.any():
            row = int(other.argmax())
            entity = "the series"
            if self.entities is not None:
                entity = repr(self.entities[[self.codes[row]]].tolist()[0])
            raise ArgumentError(
                f"static: column {name!r} is not constant within {entity}",
                got=f"{expected[row]}, and {values[row]} in row {row}",
                fix="make it one of the features, or give one value for each entity",
            )
        return found


def _rows_of(entities: pd.Index[Any] | None, index: pd.Index[Any]) -> Indices:
    """Returns the rows of a static table that belong to the entities."""
    if entities is None:
        raise ArgumentError("static is a table by entity, and there are no entities", fix="entity=")
    otherwise = "; static.set_index(...) chooses the column with the entities"
    rows = Samples(entities, noun="entities").by_key(index, "static", otherwise)
    return np.arange(len(index)) if rows is None else rows


def _as_times(values: pd.Series[Any], name: Any) -> tuple[Array, Any]:
    """Returns times as datetime64[ns] of UTC or as numbers, and the time zone they came in."""
    import pandas as pd

    times, zone = as_times(values, repr(name))
    if times.dtype.kind == "m":
        raise _no_times(name, f"durations ({times.dtype})")
    if times.dtype.kind != "M":
        return times, zone
    try:
        return pd.DatetimeIndex(times).as_unit("ns").to_numpy(), zone
    except ValueError as error:
        raise _no_times(name, str(error)) from error


def _no_times(name: Any, got: str) -> ArgumentError:
    return ArgumentError(
        f"{name!r} holds no times",
        got=got,
        expected="dates (of the years 1678 to 2261; text in ISO 8601 too) or numbers",
        fix=f"convert them: frame[{name!r}] = pd.to_datetime(frame[{name!r}], format=...)",
    )


def _as_given(values: pd.Series[Any]) -> Array:
    """Returns a column as it is, with the categories that it is declared to have."""
    array: Array = np.asarray(values, object)
    categories = categories_of(values)
    if categories is not None:
        array = Declared.of(array, categories)
    return array


def _numbers(values: pd.Series[Any], role: str) -> Array:
    """Returns a column of numbers or booleans as an array; what is missing is NaN.

    Raises:
        ArgumentError: It holds something else.
    """
    import pandas as pd

    kinds = pd.api.types
    if not kinds.is_numeric_dtype(values.dtype) or kinds.is_complex_dtype(values.dtype):
        name = values.name
        fix = (
            f"encode it: frame[{name!r}].astype('category').cat.codes, or one column for "
            f"each value: pd.get_dummies(frame, columns=[{name!r}])"
        )
        if as_moments(values, name)[0] is not None:
            date = f"pd.to_datetime(frame[{name!r}])"
            fix = f"take a part of the date that may matter: {date}.dt.hour, {date}.dt.dayofweek"
        raise ArgumentError(
            f"{role}: column {name!r} holds no numbers",
            got=f"dtype {values.dtype}, such as {few(values, 2)}",
            expected="numbers or booleans",
            fix=fix,
        )
    if isinstance(values.dtype, np.dtype):
        return values.to_numpy()
    if values.hasnans:
        return values.to_numpy(np.float64, na_value=np.nan)
    return values.to_numpy(getattr(values.dtype, "numpy_dtype", np.float64))
