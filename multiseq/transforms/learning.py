"""Learning: one pass over the training split's samples for all of a sequence's transforms."""

from __future__ import annotations

import contextlib
import importlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..errors import at_input
from ..order import Indices
from .base import Transform

__all__ = ["afresh", "learn", "learn_rows"]

_SAMPLES = 256
_ROWS = 1 << 13  # Of a table that may have thousands of columns.


@contextlib.contextmanager
def afresh(named: Iterable[tuple[Any, Transform]]) -> Iterator[None]:
    """Lets transforms learn what they are given within, and nothing else.

    An object that serves several inputs, of one sequence or of many, learns from them together.

    Args:
        named: Each with the name of an input that it serves.

    Raises:
        SampleError: There was no value to learn from.
    """
    learners = {id(transform): (name, transform) for name, transform in named}
    for _, transform in learners.values():
        transform.reset()
    yield
    for name, transform in learners.values():
        with at_input(name):
            transform.finish()


def learn(
    transforms: Mapping[Any, Transform],
    raw: Callable[[int], Mapping[Any, Any] | None],
    indices: Sequence[int],
    progress: str | None,
) -> None:
    """Gives samples to transforms, within `afresh`; each sample is loaded once.

    Args:
        transforms: By name.
        raw: Returns the values of a sample, by the names of their transforms; None to leave it
            out.
        indices: Of the samples.
        progress: What a progress bar is called; None for no bar.
    """
    if not transforms:
        return
    with _bar(len(indices), progress) as bar:

        def load(index: int) -> Mapping[Any, Any] | None:
            bar.update()
            return raw(index)

        remaining = iter(indices)
        samples = iter(lambda: list(map(load, itertools.islice(remaining, _SAMPLES))), [])
        _give(
            transforms,
            (
                {name: [s[name] for s in chunk if s is not None] for name in transforms}
                for chunk in samples
            ),
        )


def learn_rows(
    transforms: Mapping[Any, Transform],
    rows: Callable[[Indices], Mapping[Any, Any]],
    indices: Indices,
    progress: str | None,
) -> None:
    """The same, for a sequence that has the values of many samples at once.

    Args:
        transforms: By name.
        rows: Returns the values of samples, by the names of their transforms; each has a leading
            axis of samples.
        indices: Of the samples.
        progress: What a progress bar is called; None for no bar.
    """
    if not transforms:
        return
    with _bar(len(indices), progress) as bar:

        def load(start: int) -> Mapping[Any, Any]:
            chunk = indices[start : start + _ROWS]
            values = rows(chunk)
            bar.update(len(chunk))
            return values

        _give(transforms, map(load, range(0, len(indices), _ROWS)))


def _bar(total: int, progress: str | None) -> Any:
    # Here, since workers import this module, and learn nothing. What a notebook shows may warn that
    # it lacks a package, so it is not asked for in vain.
    module = importlib.import_module("tqdm.auto" if progress else "tqdm")
    return module.tqdm(total=total, desc=progress, disable=not progress, unit="sample")


def _give(transforms: Mapping[Any, Transform], chunks: Iterable[Mapping[Any, Any]]) -> None:
    for values in chunks:
        for name, transform in transforms.items():
            with at_input(name):
                transform.partial_fit(values[name])
