"""How values with labels of their own meet the samples: one rule, wherever they are given.

1. Labels that are the sequence's keys go by key: a Series, a table, a dict.
2. Where keys were given as a Series, or beside a source with an index of its own, values with that
   very index, in whatever order, go by row. If both readings fit and differ, neither is taken;
   but labels that bear the name of the keys are keys.
   Where there are no keys at all, neither of parts nor of joins, as many values as there are rows
   go by row, whatever their labels, unless these are positions in another order.
3. A dict goes by key everywhere; without keys of their own, the samples' keys are positions.
4. Levels are matched by name. Keys of different kinds are refused, and never rounded.
5. What has no labels goes by row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..errors import AlignmentError, ArgumentError, describe, few
from ..order import Indices
from .indexing import duplicates, find
from .kinds import check_kinds, likeness, with_levels_of
from .rows import AnyRows, SourceRows, are_unkeyed, is_default, same_index
from .selection import as_index

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Samples", "per_sample", "series_of"]

_BY_KEY = (
    "these labels are but the numbers of rows: label the values by key, as "
    "frame.set_index('id')['column'] does"
)
_IN_ORDER = "; or pass .to_numpy() if the rows are in the samples' order"


class Samples(NamedTuple):
    """What samples are known by.

    Attributes:
        keys: The samples' keys; or their number, where positions are all they have.
        rows: Those that the samples were made of, where keys were given beside them.
        noun: What they are called in errors.
    """

    keys: pd.Index[Any] | int
    rows: tuple[AnyRows, ...] = ()
    noun: str = "samples"

    @property
    def size(self) -> int:
        """Number of samples."""
        return self.keys if isinstance(self.keys, int) else len(self.keys)

    def order_of(self, values: Any, name: str) -> Indices | None:
        """Returns which of some values belongs to each sample; None for one by one.

        Args:
            values: A Series, a table or a dict; or anything else, which has no labels.
            name: Of the values, for errors.

        Raises:
            AlignmentError: A key has no value or several, or they can be read in two ways.
        """
        import pandas as pd

        if isinstance(values, Mapping):
            return self.by_key(as_index(list(values), self.keys), name)
        if not isinstance(values, pd.Series | pd.DataFrame):
            return None
        index = values.index
        if isinstance(self.keys, int):
            return None if len(index) != self.size else _by_position(index, None, name)
        readings = [each for rows in self.rows for each in rows.readings(index)]
        if readings and all(map(are_unkeyed, self.rows)):
            return _by_position(index, readings[0], name)
        labelled = any(isinstance(each, SourceRows) for each in self.rows)
        by_row = readings if labelled else []
        if any(not _same(by_row[0], other) for other in by_row[1:]):
            raise _two_ways(name, "those of the rows of several parts, which differ", by_row)
        in_order = _IN_ORDER if len(index) == self.size else ""
        try:
            by_key = self.by_key(index, name, in_order)
        except AlignmentError:
            if by_row:
                return by_row[0]
            raise
        if not by_row and is_default(index):  # These may be no labels at all.
            by_row = [*readings, None] if in_order else readings
        if any(not _same(each, by_key) for each in by_row):
            what = "those of the source's own rows, and keys of the samples too"
            raise _two_ways(name, what, by_row, self._are_moved(index))
        return by_key

    def _are_moved(self, index: pd.Index[Any]) -> bool:
        """Whether labels of the source's rows come in another order."""
        sources = [rows for rows in self.rows if isinstance(rows, SourceRows)]
        return bool(sources) and not any(same_index(index, rows.index) for rows in sources)

    def by_key(self, index: pd.Index[Any], name: str, otherwise: str = "") -> Indices | None:
        """Returns where the samples' keys are in an index; None where they are the index.

        Args:
            index: Of the values.
            name: Of the values, for errors.
            otherwise: Another cure than to complete the index.

        Raises:
            AlignmentError: A key is missing or duplicated, or of another kind.
        """
        try:
            return self._found(index, name, otherwise)
        except AlignmentError as error:
            if is_default(index):
                error.fix = f"{_BY_KEY}{otherwise}"
            raise

    def _found(self, index: pd.Index[Any], name: str, otherwise: str) -> Indices | None:
        import pandas as pd

        keys = pd.RangeIndex(self.keys) if isinstance(self.keys, int) else self.keys
        owner = f"the {self.noun}"
        try:
            index = with_levels_of(keys, index, name, owner)
            check_kinds(keys, index, owner, name)
        except AlignmentError as error:
            error.fix = f"{error.fix}{otherwise}"
            raise
        if index.equals(keys):
            return None
        if len(repeated := duplicates(index)):
            raise AlignmentError(
                f"the index of {name} has a key more than once",
                got=few(repeated),
                expected="one row for each key",
                fix=f"drop the duplicates{otherwise}",
            )
        rows = find(index, keys)
        if len(missing := keys[rows < 0]):
            alike = likeness(missing, index)
            raise AlignmentError(
                f"{name} has no row for {len(missing)} of the {len(keys)} {self.noun}",
                got=f"keys such as {few(index, 3)}" + (f"; {alike[0]}" if alike else ""),
                expected=f"also {few(missing)}",
                fix=alike[1]
                if alike
                else f"add the rows, or leave those {self.noun} out{otherwise}",
            )
        return rows


def per_sample(values: Any, samples: Samples, name: str) -> pd.Series[Any]:
    """Returns one value for each sample, in the order of the samples.

    Args:
        values: An array-like in that order; a Series or a dict, which follow the rule above; or
            the name of a level of the keys.
        samples: What the samples are known by.
        name: Of the values, for errors.

    Raises:
        ArgumentError: More or fewer values than samples, lists of values, or no such level.
        AlignmentError: A sample without a value, or with several, or with a missing one.
    """
    keys, n = samples.keys, samples.size
    if isinstance(values, str):
        series = _level(values, keys, name)
    else:
        try:
            series = series_of(values)
        except (TypeError, ValueError) as error:  # Such as an array of two axes.
            fix = "choose a column: frame['column']" if hasattr(values, "columns") else None
            raise _not_per_sample(name, describe(values), n, fix) from error
        order = samples.order_of(values, name)
        series = series if order is None else series.iloc[order]
    if len(series) != n:
        raise _not_per_sample(name, f"{len(series)} values for {n} samples", n)
    if (missing := series.isna().to_numpy()).any():
        position = int(missing.argmax())
        which = position if isinstance(keys, int) else keys[position]
        raise AlignmentError(
            f"{name} has missing values (None or NaN)",
            got=f"{int(missing.sum())} of {n}, the first for {which!r}",
            fix="fill them in, or leave those samples out by subset()",
        )
    if series.dtype == object:
        _check_single(series, name)
    return series.reset_index(drop=True)


def _check_single(series: pd.Series[Any], name: str) -> None:
    """Raises ArgumentError where a value is a list and the like, which cannot be told apart."""
    for value in series:
        try:
            hash(value)
        except TypeError:
            raise ArgumentError(
                f"{name} has several values for one sample",
                got=value,
                expected="text, a number or a date for each sample",
                fix="choose one: values.str[0], say, the first; or values.map(str), all together",
            ) from None


def series_of(values: Any) -> pd.Series[Any]:
    """Returns values as a Series; those of a dict by its keys."""
    import pandas as pd

    if isinstance(values, Mapping):
        return pd.Series(list(values.values()), as_index(list(values)))
    return pd.Series(values)


def _same(first: Indices | None, second: Indices | None) -> bool:
    if first is None or second is None:
        other = second if first is None else first
        return other is None or np.array_equal(other, np.arange(len(other)))
    return np.array_equal(first, second)


def _by_position(index: pd.Index[Any], rows: Indices | None, name: str) -> Indices | None:
    """Returns rows, unless the labels of the values are positions in another order."""
    import pandas as pd

    # Categories and objects may be integers too.
    labels = np.asarray(pd.Index(np.asarray(index)).infer_objects() if index.nlevels == 1 else [])
    positions = np.arange(len(index))
    moved = labels.dtype.kind in "iuf" and not np.array_equal(labels, positions)
    if moved and np.array_equal(np.sort(labels), positions):
        what = "the samples' positions, in another order than the rows"
        raise _two_ways(name, what, [rows])
    return rows


def _two_ways(
    name: str, labels: str, by_row: Sequence[Indices | None], moved: bool = False
) -> AlignmentError:
    """Says that values can go by row and by key.

    Args:
        name: Of the values.
        labels: What their labels are.
        by_row: The ways to go by row.
        moved: Whether values are in another order than the rows.
    """
    cure = f"{name}.to_numpy(), or .set_axis(keys), where `keys` are the samples' own; "
    if any(rows is not None for rows in by_row):
        ordered = f"{name}.loc[frame.index]" if moved else name
        cure = f"{ordered}.set_axis(seq.keys), where `seq` is the sequence of all these rows, of "
        cure += "which this one may be a part; "
    return AlignmentError(
        f"{name} can be read in two ways: by row and by key",
        got=f"its labels are {labels}",
        expected="values that say which is meant",
        fix=f"by row: {cure}by key: {name}.loc[keys].to_numpy(), with the keys of these samples",
    )


def _level(name: str, keys: pd.Index[Any] | int, role: str) -> pd.Series[Any]:
    import pandas as pd

    names = [] if isinstance(keys, int) else list(keys.names)
    if isinstance(keys, int) or name not in names:
        raise ArgumentError(
            f"{role} is no level of the keys",
            got=repr(name),
            expected=f"a value for each sample, or one of the keys' names: {names}",
            fix=f"pass the values: {role}=frame[{name!r}], a Series with the samples' keys",
        )
    return pd.Series(keys.get_level_values(name))


def _not_per_sample(name: str, got: str, n: int, fix: str | None = None) -> ArgumentError:
    return ArgumentError(
        f"{name} is not one value for each sample",
        got=got,
        expected=f"{n} values in the order of the samples, or a Series with their keys",
        fix=fix,
    )
