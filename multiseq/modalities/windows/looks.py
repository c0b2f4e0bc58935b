"""What windows look like, for those who look at them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...plots.kinds import Future, Kind, Named, Past
from ...plots.naming import kind_of, undo_of
from ...transforms import Labels, Transform
from ...transforms.rows import ByRow
from .leaves import WindowLeaf
from .runs import Runs

__all__ = ["Looks"]


class Looks:
    """The side of a sequence of windows that is looked at."""

    _leaves: dict[str, WindowLeaf]
    _called: dict[Any, str]
    _one_output: bool
    _horizon: int
    _runs: Runs

    @property
    def _leaf_kinds(self) -> Mapping[str, Kind]:
        kinds: dict[str, Kind] = {}
        for name, leaf in self._leaves.items():
            undo, scaled = undo_of(leaf.chain), bool(leaf.chain.steps)
            labels = leaf.chain.after_functions
            if isinstance(labels, Labels) and leaf.scalar and not self._horizon:
                found = kind_of(labels)
                kinds.update({} if found is None else {self._leaf_name(name): found})
            elif name == "past":
                kinds[self._leaf_name(name)] = Past(leaf.names, scaled, undo)
            elif name == "static" or not self._horizon:
                kinds[self._leaf_name(name)] = Named(leaf.names, undo)
            else:
                kinds[self._leaf_name(name)] = Future(leaf.names, scaled, undo)
        return kinds

    def _columns_of(self, name: Any) -> tuple[str, ...]:
        leaf = self._leaves.get(self._called.get(name, ""))
        return () if leaf is None or leaf.scalar else leaf.names

    def _raw_leaves(self, index: int) -> dict[str, Any]:
        (start,), (entity,) = self._runs.locate(np.array([index]))
        length = self._leaves["past"].rows or 0
        rows = {"past": start, "static": entity}
        goal = start + (length if self._horizon else length - 1)
        return {
            self._leaf_name(name): leaf.as_read(rows.get(name, goal))
            for name, leaf in self._leaves.items()
        }

    def _steps_of(self, name: Any) -> tuple[Any, ...]:
        """What is done under one name: to targets by row, but for what numbers labels."""
        sequence: Any = super()
        steps: tuple[Any, ...] = sequence._steps_of(name)
        leaf = self._called.get(name)
        if leaf is None or leaf in ("past", "static"):
            return steps
        alone = self._leaves[leaf].scalar
        return tuple(ByRow(step, alone) if _is_of_rows(step) else step for step in steps)

    def _leaf_name(self, name: str) -> str:
        """What a leaf is called in a sample."""
        if name in ("past", "static"):
            return f"inputs[{name!r}]"
        return "targets" if self._one_output else f"targets[{name!r}]"


def _is_of_rows(step: Any) -> bool:
    return isinstance(step, Transform) and not isinstance(step, Labels)
