"""Rows of raw records, in the place of a database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...transforms.base import is_missing
from .columns import ColumnLeaf

__all__ = ["RawRows"]


class RawRows:
    """Records as the rows of a database, by their numbers.

    Args:
        records: Values by column; what is missing is NULL.
        leaves: Of the inputs, which say where in a row their columns are.
    """

    def __init__(self, records: Sequence[Mapping[str, Any]], leaves: Sequence[ColumnLeaf]) -> None:
        pairs = [pair for leaf in leaves for pair in zip(leaf.columns, leaf.places, strict=True)]
        places = dict(pairs)
        width = 1 + max(places.values())
        self._rows: list[list[Any]] = []
        for number, record in enumerate(records):
            row: list[Any] = [number, *[None] * (width - 1)]
            for name, place in places.items():
                row[place] = _plain(record[name])
            self._rows.append(row)

    def rows(self, keys: Sequence[int]) -> list[list[Any]]:
        """Returns the rows of keys, in their order: each is [key, columns...]."""
        return [self._rows[key] for key in keys]

    def close(self) -> None:
        """Does nothing."""


def _plain(value: Any) -> Any:
    """Returns a value as a database gives it."""
    if is_missing(value):
        return None
    return value.item() if isinstance(value, np.generic) else value
