"""Which dtypes a model takes, and what becomes of the others."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from .errors import ArgumentError

__all__ = ["EXACT", "check_unmasked", "fix_of", "is_fit", "written"]

EXACT = 1 << 53
"""The greatest of the integers that float64 tells apart."""


def is_fit(dtype: np.dtype[Any]) -> bool:
    """Whether a model takes batches of this dtype: no records, times or complex numbers."""
    return dtype.kind not in "Mmc" and not issubclass(dtype.type, np.void)


def fix_of(dtype: np.dtype[Any]) -> str:
    """Says how to make numbers of what no model takes."""
    if dtype.kind == "c":
        return "split it in two: numpy.stack([array.real, array.imag], axis=-1)"
    if dtype.kind in "Mm":
        return "make numbers of it: (times - times.min()) / numpy.timedelta64(1, 's'), say"
    return "take its fields one by one: {name: array[name] for name in array.dtype.names}"


def written(value: Any) -> str:
    """How a dataclass is made again, without what is as it is by default."""
    said = []
    for number, each in enumerate(dataclasses.fields(value)):
        found = getattr(value, each.name)
        found = found.name if isinstance(found, np.dtype) else found
        if number < 2:
            said.append(repr(found))
        elif found != each.default:
            said.append(f"{each.name}={found!r}")
    return f"{type(value).__name__}({', '.join(said)})"


def check_unmasked(values: Any, name: str) -> None:
    """Raises ArgumentError where values are masked: NumPy serves what is behind the mask."""
    if isinstance(values, np.ma.MaskedArray) and (count := int(np.ma.getmaskarray(values).sum())):
        raise ArgumentError(
            f"{name} has masked values",
            got=f"{count} of {values.size}",
            expected="a number in place of each",
            fix="fill them: values.filled(number); or leave those samples out",
        )
