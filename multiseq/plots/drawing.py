"""From values and kinds to a figure: a batch, or what becomes of one sample."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from .composing import composed
from .kinds import Future, Kind, Past
from .leaves import Leaf, leaf_of
from .page import Picture
from .sheet import drawn
from .stages import Stage, drawn_stages
from .top import Shown

__all__ = ["draw_batch", "draw_stages"]


def draw_batch(
    heading: str,
    below: str,
    keys: Sequence[str],
    columns: Mapping[str, Sequence[Any]],
    kinds: Mapping[str, Kind],
    troubles: Sequence[str],
) -> Picture:
    """Draws a batch.

    Args:
        heading: What it is of.
        below: More about it.
        keys: Of the samples.
        columns: For each leaf, by its name, the value of each sample; None where there is none.
        kinds: What leaves stand for, by their names; the others are guessed.
        troubles: For each sample "", or what to say of it.
    """
    contents = composed(_leaves(columns, kinds))
    return drawn(Shown(heading, below, keys, contents, troubles))


def draw_stages(
    heading: str,
    below: str,
    stages: Sequence[tuple[str, Mapping[str, Any] | str]],
    kinds: Sequence[Mapping[str, Kind]],
) -> Picture:
    """Draws what becomes of one sample, from left to right.

    Args:
        heading: What it is of.
        below: More about it.
        stages: What each is called, and its values by the names of their leaves; or why there are
            none. The first are raw.
        kinds: As above, for each stage.
    """
    made: list[Stage] = []
    for (title, values), known in zip(stages, kinds, strict=True):
        if isinstance(values, str):
            made.append(Stage(title, [], values))
        else:
            columns = {name: [value] for name, value in values.items()}
            own = {name: _as_is(each) if made else each.raw for name, each in known.items()}
            made.append(Stage(title, composed(_leaves(columns, own)), ""))
    return drawn_stages(heading, below, made)


def _as_is(kind: Kind) -> Kind:
    """The kind of what is drawn as the model gets it, since it is drawn as it was beside it."""
    return dataclasses.replace(kind, undo=None) if isinstance(kind, Past | Future) else kind


def _leaves(columns: Mapping[str, Sequence[Any]], kinds: Mapping[str, Kind | None]) -> list[Leaf]:
    leaves = [leaf_of(name, kinds.get(name), values) for name, values in columns.items()]
    return [leaf for leaf in leaves if leaf is not None]
