"""Which kind is drawn how, and what is drawn together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from . import curves, pictures, words
from .kinds import (
    Bands,
    Category,
    Frames,
    Future,
    Heat,
    HotMask,
    Ids,
    Image,
    Kind,
    Lines,
    Mask,
    Named,
    Numbers,
    OneHot,
    Other,
    Past,
    Text,
    Video,
    Waveform,
)
from .leaves import Leaf
from .panels import Fact, Panel

__all__ = ["composed"]

_DRAWN: Mapping[type[Kind], Callable[[Leaf], Sequence[Panel | Fact]]] = {
    Image: pictures.draw_images,
    Mask: pictures.draw_masks,
    HotMask: pictures.draw_masks,
    Bands: pictures.draw_bands,
    Video: pictures.draw_video,
    Waveform: curves.draw_waveform,
    Frames: curves.draw_frames,
    Past: lambda leaf: curves.draw_windows(leaf, []),
    Future: lambda leaf: curves.draw_windows(None, [leaf]),
    Lines: curves.draw_lines,
    Heat: curves.draw_heat,
    Ids: words.draw_ids,
    Text: words.draw_text,
    Category: words.tell_category,
    OneHot: words.tell_one_hot,
    Named: words.tell_named,
    Numbers: words.tell_any,
    Other: words.tell_any,
}

_MOST_CLASSES = 64  # Of a mask; of more it is taken for an image of one channel.


def composed(leaves: Sequence[Leaf]) -> list[Panel | Fact]:
    """Returns what to draw: masks over their images, horizons behind their pasts.

    Args:
        leaves: Of the same samples, in the order of the model.
    """
    veils, taken = _masks(leaves)
    past = next((leaf for leaf in leaves if isinstance(leaf.kind, Past)), None)
    futures = [leaf for leaf in leaves if isinstance(leaf.kind, Future)] if past else []
    taken += [id(leaf) for leaf in futures]
    made: list[Panel | Fact] = []
    for leaf in leaves:
        if id(leaf) in taken:
            continue
        if id(leaf) in veils:
            made += pictures.over(leaf, veils[id(leaf)])
        elif leaf is past:
            made += curves.draw_windows(past, futures)
        else:
            made += _DRAWN[type(leaf.kind)](leaf)
    return made


def _masks(leaves: Sequence[Leaf]) -> tuple[dict[int, list[Leaf]], list[int]]:
    """Returns the masks over each image, by its id, and the ids of all that are drawn so."""
    images = [leaf for leaf in leaves if isinstance(leaf.kind, Image | Bands)]
    veils: dict[int, list[Leaf]] = {}
    taken: list[int] = []
    for leaf in leaves:
        for image in images:
            if image is not leaf and id(leaf) not in veils and _covers(leaf, image):
                veils.setdefault(id(image), []).append(leaf)
                taken.append(id(leaf))
                break
    return {key: masks for key, masks in veils.items() if key not in taken}, taken


def _covers(leaf: Leaf, image: Leaf) -> bool:
    """Whether a leaf is a mask of what an image shows."""
    if isinstance(image.kind, Image) and image.kind.channels_first:
        size: Any = image.first.shape[1:]
    else:
        size = image.first.shape[:2]
    if leaf.first.shape[:2] == size and isinstance(leaf.kind, HotMask):
        return True
    if leaf.first.shape[:2] != size or not all(map(Mask().fits, leaf.known)):
        return False
    if isinstance(leaf.kind, Mask):
        return True
    if leaf.first.dtype.kind not in "biu" and leaf.role != "targets":
        return False
    return len(np.unique(np.concatenate([value.ravel() for value in leaf.known]))) <= _MOST_CLASSES
