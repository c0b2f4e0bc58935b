"""Learning: one pass over the training split's samples for all of a sequence's transforms."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import at_input
from ..order import Indices
from ..progress import bar
from .base import Transform

__all__ = ["afresh", "learn", "learn_rows", "rows_at_once"]

ABSENT = object()
"""In the place of a value that is not there to be learned from."""

_SAMPLES = 256
_ROWS = 1 << 13  # Of a table that may have thousands of columns.
_BYTES = 1 << 24


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
        raw: Returns the values of a sample, by the names of their transforms, `ABSENT` among them;
            None to leave it out.
        indices: Of the samples.
        progress: What a progress bar is called; None for no bar.
    """
    if not transforms:
        return
    with bar(len(indices), progress) as shown:

        def load(index: int) -> Mapping[Any, Any] | None:
            shown.update()
            return raw(index)

        remaining = iter(indices)
        samples = iter(lambda: list(map(load, itertools.islice(remaining, _SAMPLES))), [])
        _give(
            transforms,
            ({name: there(chunk, name) for name in transforms} for chunk in samples),
        )


def there(samples: Iterable[Mapping[Any, Any] | None], name: Any) -> list[Any]:
    """Returns the values of samples by one name, of those that have any."""
    values = (sample[name] for sample in samples if sample is not None)
    return [value for value in values if value is not ABSENT]


def learn_rows(
    transforms: Mapping[Any, Transform],
    rows: Callable[[Indices], Mapping[Any, Any]],
    indices: Indices,
    progress: str | None,
    most: int = _ROWS,
) -> None:
    """The same, for a sequence that has the values of many samples at once.

    Args:
        transforms: By name.
        rows: Returns the values of samples, by the names of their transforms; each has a leading
            axis of samples.
        indices: Of the samples.
        progress: What a progress bar is called; None for no bar.
        most: Samples at once.
    """
    if not transforms:
        return
    with bar(len(indices), progress) as shown:

        def load(start: int) -> Mapping[Any, Any]:
            chunk = indices[start : start + most]
            values = rows(chunk)
            shown.update(len(chunk))
            return values

        _give(transforms, map(load, range(0, len(indices), most)))


def rows_at_once(values: Mapping[Any, Any]) -> int:
    """Returns how many samples to learn from at once, by what one of them holds."""
    nbytes = sum(np.asarray(each[0]).nbytes for each in values.values() if len(each))
    return max(1, min(_ROWS, _BYTES // (nbytes or 1)))


def _give(transforms: Mapping[Any, Transform], chunks: Iterable[Mapping[Any, Any]]) -> None:
    for values in chunks:
        for name, transform in transforms.items():
            with at_input(name):
                transform.partial_fit(values[name])
