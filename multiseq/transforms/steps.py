"""What `transforms=` of a modality may hold: a function of one value, a transform, or both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from . import Transform, as_transform

__all__ = ["as_steps", "stacked"]

Function = Callable[[Any], Any]


def as_steps(value: Any) -> tuple[Function | None, Transform | None]:
    """Returns the function and the transform of an entry of `transforms=`.

    Raises:
        ArgumentError: It is neither, nor a tuple of both.
    """
    if isinstance(value, tuple) and len(value) == 2 and callable(value[0]):
        return value[0], as_transform(value[1])
    if callable(value) and not hasattr(value, "transform"):
        return value, None
    return None, as_transform(value)


def stacked(values: list[Any]) -> Any:
    """Returns what a function returned as one array if all are alike, else as a list of arrays."""
    arrays = [np.asarray(value) if np.size(value) else _empty(value) for value in values]
    kinds = {(array.shape, array.dtype) for array in arrays}
    return np.stack(arrays) if len(kinds) == 1 else arrays


def _empty(value: Any) -> npt.NDArray[Any]:
    # A list of no ids has no dtype of its own.
    return (
        np.empty(np.shape(value), np.int32)
        if isinstance(value, list | tuple)
        else np.asarray(value)
    )
