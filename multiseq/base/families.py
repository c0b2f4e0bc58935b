"""Who shares what is learned: each transform belongs to those who learned it first."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any

from ..transforms import Transform

__all__ = ["Family", "Scope"]


class Scope:
    """Sequences that show the same transforms until some of them learn.

    Attributes:
        borrows: Whether these are another scope's: they are copied before anything is learned.
    """

    def __init__(self, borrows: bool = False) -> None:
        self.borrows = borrows


class Family:
    """Sequences that learn as one: the parts of a split; a sequence and what `replace` returns.

    A copy made in another process is a family of its own.

    Args:
        scope: Whose transforms it begins with; None for those that its sequence is given.

    Attributes:
        taught: What it learned from its own samples.
    """

    def __init__(self, scope: Scope | None = None) -> None:
        self.scope = Scope() if scope is None else scope
        self.taught: list[Transform] = []
        self._learned: list[Transform] = []

    def __reduce__(self) -> Any:
        return Family, ()

    def claim(self, transforms: Iterable[Transform]) -> None:
        """Notes that these are what this family learned, from wherever."""
        self._learned, self.taught = list(transforms), []
        _claimed.add(self)

    def lacks(self, transforms: Iterable[Transform]) -> list[Transform]:
        """Returns those of these that another family has learned."""
        others = [family for family in _claimed if family is not self]
        taken = {id(each) for family in others for each in family._learned}
        mine = set(map(id, self._learned))
        return [each for each in transforms if id(each) in taken - mine]


_claimed: weakref.WeakSet[Family] = weakref.WeakSet()
