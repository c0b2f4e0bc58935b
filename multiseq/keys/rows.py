"""The rows that samples were made of, which values beside them go by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..errors import AlignmentError, few
from ..order import Indices
from .indexing import duplicates, find

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "AnyRows",
    "SourceRows",
    "UnlabelledRows",
    "are_unkeyed",
    "deciding",
    "is_default",
    "joined",
    "rows_beside",
    "same_index",
]


@dataclass(frozen=True)
class SourceRows:
    """Rows that samples were made of, beside which keys were given.

    Attributes:
        index: Of the rows.
        selection: The row that each sample is; None for all of them in order.
        key_name: Of the keys: labels of this name are keys.
    """

    index: pd.Index[Any]
    selection: Indices | None = None
    key_name: Any = None

    def of(self, samples: Indices) -> SourceRows:
        """Returns the same for some of the samples."""
        return replace(self, selection=_taken(self.selection, samples))

    def readings(self, index: pd.Index[Any]) -> list[Indices | None]:
        """Returns which row of values with this index each sample is; None for one by one.

        The index may be in another order, as of a sorted table. Empty where these are the labels
        of something else.
        """
        if index.name is not None and index.name == self.key_name != self.index.name:
            return []
        if same_index(index, self.index):
            return [self.selection]
        if (order := _order(index, self.index)) is not None:
            return [order if self.selection is None else order[self.selection]]
        if self.selection is None:
            return []
        mine = self.index[self.selection]
        if same_index(index, mine):
            return [None]
        order = _order(index, mine)
        return [] if order is None else [order]


@dataclass(frozen=True)
class UnlabelledRows:
    """Rows without an index, such as those of arrays.

    Attributes:
        size: How many there are.
        keyed: Whether the samples have keys, and values with labels other than pandas' default go
            by these.
        selection: The row that each sample is; None for all of them in order.
    """

    size: int
    keyed: bool
    selection: Indices | None = None

    def of(self, samples: Indices) -> UnlabelledRows:
        """Returns the same for some of the samples."""
        return replace(self, selection=_taken(self.selection, samples))

    def readings(self, index: pd.Index[Any]) -> list[Indices | None]:
        """Returns which of as many values as rows each sample has, if these may be by row."""
        fits = len(index) == self.size and not (self.keyed and not is_default(index))
        return [self.selection] if fits else []


AnyRows = SourceRows | UnlabelledRows


def deciding(rows: Iterable[AnyRows]) -> tuple[AnyRows, ...]:
    """Returns those among the rows of several sequences that values may go by.

    Rows without labels are so only where none of the sequences has keys: which of them is meant
    could not be told.
    """
    rows = tuple(rows)
    labelled = tuple(each for each in rows if isinstance(each, SourceRows))
    return labelled or (rows if all(map(are_unkeyed, rows)) else ())


def joined(rows: Iterable[AnyRows]) -> tuple[AnyRows, ...]:
    """Returns the rows of a join: those that decide, else those of the first, in its order."""
    rows = tuple(rows)
    plain = tuple(each for each in rows[:1] if isinstance(each, UnlabelledRows))
    return deciding(rows) or tuple(replace(each, keyed=True) for each in plain)


def are_unkeyed(rows: AnyRows) -> bool:
    """Whether samples were made of rows without labels, and have no keys themselves."""
    return isinstance(rows, UnlabelledRows) and not rows.keyed


def rows_beside(keys: Any, index: pd.Index[Any] | None = None) -> tuple[SourceRows, ...]:
    """Returns the rows that keys were given beside, of which columns go by row.

    Args:
        keys: As they were given.
        index: Of the source, where it has one beside these keys.

    Raises:
        AlignmentError: Keys and source have other indexes: they are of other rows.
    """
    import pandas as pd

    own = keys.index if isinstance(keys, pd.Series) else None
    if own is not None and index is not None and not same_index(own, index):
        raise AlignmentError(
            "keys and source have another index, and are taken row by row",
            got=f"{few(own, 3)} of keys, {few(index, 3)} of the source",
            expected="columns of one table",
            fix="align them: keys=keys.loc[source.index]; or pass keys.to_numpy() where rows of "
            "one position belong together",
        )
    index = own if index is None else index
    name = getattr(keys, "name", None)
    return () if index is None else (SourceRows(index, key_name=name),)


def same_index(index: pd.Index[Any], rows: pd.Index[Any]) -> bool:
    """Whether an index is the very one of a source's rows: 1.0 is not 1."""
    return index.dtype == rows.dtype and index.equals(rows)


def is_default(index: pd.Index[Any]) -> bool:
    """Whether these labels are what pandas gives to values that have none."""
    import pandas as pd

    return isinstance(index, pd.RangeIndex) and index.equals(pd.RangeIndex(len(index)))


def _order(index: pd.Index[Any], rows: pd.Index[Any]) -> Indices | None:
    """Returns where the label of each row is in an index that has these, each once; else None."""
    if len(index) != len(rows) or index.dtype != rows.dtype or index.nlevels != rows.nlevels:
        return None
    if len(duplicates(index)) or len(duplicates(rows)):
        return None
    found = find(index, rows)
    return found if (found >= 0).all() else None


def _taken(selection: Indices | None, samples: Indices) -> Indices:
    return samples if selection is None else selection[samples]
