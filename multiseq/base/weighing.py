"""What is known of targets before samples are loaded: their classes can be counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..order import Indices
from .views import Views

__all__ = ["Weighing"]

_MOST_ROWS, _MOST_BYTES = 1 << 14, 1 << 24  # At once.


class Weighing(Views):
    """The side of a sequence that weighs classes."""

    def target_rows(self, indices: Indices) -> Any:
        """Returns the targets of several samples, without loading inputs; None if it cannot.

        It is what `class_weight="balanced"` counts, and what tells one-hot targets from classes.

        Args:
            indices: As `load_sample` takes them.

        Returns:
            What `load_sample` returns as targets, each array with a leading axis.
        """
        return None

    def target_chunks(self) -> Iterator[Any] | None:
        """Returns the targets of all samples, some rows at a time; None if they are not known."""
        first = self.target_rows(self.source_indices(np.arange(1)))
        return None if first is None else self._chunks_after(first)

    def _chunks_after(self, first: Any) -> Iterator[Any]:
        yield first  # Which may be all that it takes.
        rows = max(1, min(_MOST_ROWS, _MOST_BYTES // (_nbytes(first) or 1)))
        for start in range(1, self.num_samples, rows):
            positions = np.arange(start, min(start + rows, self.num_samples))
            yield self.target_rows(self.source_indices(positions))


def _nbytes(part: Any) -> int:
    if isinstance(part, dict | tuple):
        return sum(map(_nbytes, part.values() if isinstance(part, dict) else part))
    return np.asarray(part).nbytes
