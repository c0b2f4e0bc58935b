"""What ids stood for, and numbers were, before a transform: for kinds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import MultiseqError
from ..transforms import Labels, Transform, Vocabulary
from ..transforms.steps import Chain
from .kinds import Array, Coded, Kind, Scaled, Undo

__all__ = ["kind_of", "undo_of"]

_UNKNOWN = "[unknown]"


def undo_of(transform: Transform | None) -> Undo | None:
    """Returns what undoes a transform of numbers, where it can be undone.

    Of a chain it undoes what follows its last function.
    """
    if isinstance(transform, Chain):
        rest = transform.after_functions
        if not isinstance(rest, Chain):
            return undo_of(rest)
        alone = all(undo_of(step) for step in rest.learners)
        return _Undo(rest) if alone else None
    if transform is None or not transform.adapted or isinstance(transform, Labels | Vocabulary):
        return None
    if type(transform).inverse is Transform.inverse:
        return None
    return _Undo(transform)


def kind_of(transform: Transform) -> Kind | None:
    """Returns the kind of what a transform makes, where that has names or can be undone."""
    if not transform.adapted:
        return None
    if isinstance(transform, Chain):
        rest = transform.after_functions
        if rest is None:
            return None
        last = rest.learners[-1] if isinstance(rest, Chain) else rest
        if isinstance(last, Labels | Vocabulary) or last is rest:
            return kind_of(last)
    if isinstance(transform, Labels):
        return Coded(_Names(transform.classes))
    if isinstance(transform, Vocabulary):
        return Coded(_Names(_words(transform)))
    undo = undo_of(transform)
    return None if undo is None else Scaled(undo)


def _words(vocabulary: Vocabulary) -> list[Any]:
    mask = [] if vocabulary.mask is None else [vocabulary.mask]
    return [*mask, *[_UNKNOWN] * vocabulary.num_oov, *vocabulary.categories]


class _Names:
    """The name of an id."""

    def __init__(self, names: Sequence[Any]) -> None:
        self._names = names

    def __call__(self, number: int) -> str | None:
        """Returns it, or None where there is none."""
        return str(self._names[number]) if 0 <= number < len(self._names) else None


class _Undo:
    """Undoes a transform; what is of another shape since, by augmentation say, stays as it is."""

    def __init__(self, transform: Transform) -> None:
        self._transform = transform

    def __call__(self, values: Array) -> Array | None:
        """Returns values as they were, or None where nobody can tell."""
        try:
            return np.asarray(self._transform.inverse(values))
        except (MultiseqError, ValueError, TypeError):
            return None
