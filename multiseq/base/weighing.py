"""What is known of targets before samples are loaded: their classes can be counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..engine.job import blame
from ..errors import ArgumentError, naming
from ..order import Indices
from .views import Views

__all__ = ["Weighing"]

_MOST_ROWS, _MOST_BYTES = 1 << 14, 1 << 24  # At once.
_GROWTH = 16


class Weighing(Views):
    """The side of a sequence that weighs classes."""

    def target_rows(self, indices: Indices) -> Any:
        """Returns the targets of several samples, without loading inputs; None if it cannot.

        It is what `class_weight="balanced"` counts, and what tells one-hot targets from classes.

        Args:
            indices: As `load_sample` takes them.

        Returns:
            What `load_sample` returns as targets, each array with a leading axis, or a list of
            arrays where an axis is variable.
        """
        return None

    def target_chunks(self, whole: bool) -> Iterator[Any] | None:
        """Returns targets, some rows at a time; None if they are not known.

        Args:
            whole: Whether those of all samples are meant, of which this sequence may serve a part:
                parts of one whole then read their targets alike. Samples that are not served may
                be damaged, and are left out then.
        """
        first = self.made_targets(self.source_indices(np.arange(1)))
        return None if first is None else self._chunks_after(first, whole)

    def _chunks_after(self, first: Any, whole: bool) -> Iterator[Any]:
        yield first  # Which may be all that it takes.
        skips = whole or self._settings.on_error != "raise"
        most = max(1, min(_MOST_ROWS, _MOST_BYTES // (_nbytes(first) or 1)))
        start, size = (0, self._source_size) if whole else (1, self.num_samples)
        rows = 1
        while start < size:
            rows = min(most, rows * _GROWTH)
            places = np.arange(start, min(start + rows, size))
            yield from self._chunk(places if whole else self.source_indices(places), skips)
            start += rows

    def _chunk(self, indices: Indices, skips: bool) -> Iterator[Any]:
        """Yields the targets of samples, all at once unless some of them are to be left out."""
        rows = None
        try:
            rows = self.made_targets(indices)
        except Exception:
            if not skips:
                raise
        if rows is not None:
            yield rows
        elif len(indices) > 1:
            for half in np.array_split(indices, 2):
                yield from self._chunk(half, skips)

    def made_targets(self, indices: Indices) -> Any:
        """Returns the targets of several samples as a model gets them; None if it cannot."""
        rows = self._target_rows(indices)
        if rows is None or self._pipeline is None:
            return rows
        with naming(self.called):
            return self._pipeline.targets(rows)

    def _target_rows(self, indices: Indices) -> Any:
        try:
            rows = self.target_rows(indices)
        except Exception as error:
            blame(error, self, "target_rows")  # type: ignore[arg-type]
        for leaf in [] if rows is None else _leaves(rows):
            if len(leaf) != len(indices):
                raise ArgumentError(
                    "target_rows returned more or fewer rows than it was asked for",
                    got=f"{len(leaf)} rows for {len(indices)} indices",
                    expected="the targets of the samples `indices`, in that order",
                )
        return rows


def _leaves(part: Any) -> list[Any]:
    if isinstance(part, dict | tuple):
        return list(part.values() if isinstance(part, dict) else part)
    return [part]


def _nbytes(part: Any) -> int:
    return sum(np.asarray(leaf[0]).nbytes for leaf in _leaves(part))
