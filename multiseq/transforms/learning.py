"""Learning: one pass over the training split's samples for all of a sequence's transforms."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .base import Transform

__all__ = ["learn"]

_CHUNK = 256


def learn(
    transforms: Mapping[str, Transform],
    raw: Callable[[int], Mapping[str, Any]],
    indices: Sequence[int],
    progress: bool,
) -> None:
    """Learns transforms afresh from samples; each sample is loaded once.

    Args:
        transforms: By name.
        raw: Returns the values of a sample, by the names of their transforms.
        indices: Of the samples.
        progress: Whether to show a progress bar.
    """
    if not transforms:
        return
    from tqdm.auto import tqdm  # Here, since workers import this module, and learn nothing.

    for transform in transforms.values():
        transform.reset()
    remaining = iter(tqdm(indices, "adapt", disable=not progress, unit="sample"))
    while chunk := [raw(index) for index in itertools.islice(remaining, _CHUNK)]:
        for name, transform in transforms.items():
            transform.partial_fit([values[name] for values in chunk])
    for transform in transforms.values():
        transform.finish()
