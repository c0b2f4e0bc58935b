"""What was learned from rows, applied to arrays of rows of more axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .base import Transform

__all__ = ["ByRow"]


class ByRow(Transform):
    """Applies a transform of rows, whose last axis is that of columns, whatever axes come before.

    Args:
        of: The transform.
        alone: Whether there is one column, and no axis for it.

    Attributes:
        of: The same.
        alone: The same.
    """

    def __init__(self, of: Transform, alone: bool) -> None:
        self.of, self.alone = of, alone

    @property
    def adapted(self) -> bool:
        """Whether the transform has learned."""
        return self.of.adapted

    def transform(self, values: Any) -> Any:
        """Returns what the transform makes of the rows, in the same order."""
        return self._applied(self.of.transform, values)

    def inverse(self, values: Any) -> Any:
        """Undoes it."""
        return self._applied(self.of.inverse, values)

    def _applied(self, function: Callable[[Any], Any], values: Any) -> Any:
        table = np.asarray(values)[..., None] if self.alone else np.asarray(values)
        found = np.asarray(function(table.reshape(-1, table.shape[-1])))
        made = found.reshape(*table.shape[:-1], *found.shape[1:])
        return made[..., 0] if self.alone and made.shape[-1] == 1 else made

    def __repr__(self) -> str:
        return repr(self.of)

    def _forget(self) -> None:
        self.of.reset()

    def _learn(self, values: Any) -> None:
        self.of.partial_fit(values)

    def _settle(self) -> None:
        self.of.finish()
