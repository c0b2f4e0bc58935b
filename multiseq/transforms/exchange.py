"""Other transforms in place of those that a sequence holds, wherever it holds them."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from .base import Transform

__all__ = ["Exchange", "Holder", "distinct"]


class Holder:
    """What holds transforms among its attributes: a copy of it may hold others."""


class Exchange:
    """Puts copies in the place of transforms, in any number of sequences.

    What holds none of them stays as it is: data are shared, never copied.

    Args:
        transforms: What is to be replaced.
    """

    def __init__(self, transforms: Iterable[Transform]) -> None:
        # With what they stand for, lest that is dropped and its id becomes another's.
        self._made = {id(each): (each, copy.deepcopy(each)) for each in transforms}
        self._seen: dict[int, tuple[Any, Any]] = dict(self._made)

    def apply(self, holder: Holder) -> None:
        """Puts the copies into this object itself."""
        self._seen[id(holder)] = holder, holder
        vars(holder).update(self._changes(holder))

    def misses(self, transforms: Iterable[Transform]) -> bool:
        """Whether one of these is still what was to be replaced."""
        return any(id(each) in self._made for each in transforms)

    def _changes(self, holder: Holder) -> dict[str, Any]:
        found = {name: self._exchanged(value) for name, value in list(vars(holder).items())}
        return {name: value for name, value in found.items() if value is not vars(holder)[name]}

    def _exchanged(self, value: Any) -> Any:
        """Returns the value itself where nothing in it is replaced, else a copy."""
        if id(value) in self._seen:
            return self._seen[id(value)][1]
        if isinstance(value, Holder):
            self._seen[id(value)] = value, value  # It may hold itself.
            changes = self._changes(value)
            if not changes:
                return value
            other = copy.copy(value)
            vars(other).update(changes)
            self._seen[id(value)] = value, other
            return other
        if type(value) is dict:
            kept = {key: self._exchanged(each) for key, each in value.items()}
            return kept if any(kept[key] is not value[key] for key in kept) else value
        if type(value) in (list, tuple):
            items = [self._exchanged(each) for each in value]
            same = all(new is old for new, old in zip(items, value, strict=True))
            return value if same else type(value)(items)
        return value


def distinct(transforms: Iterable[Transform]) -> list[Transform]:
    """Returns each object once, however many inputs it serves."""
    return list({id(each): each for each in transforms}.values())
