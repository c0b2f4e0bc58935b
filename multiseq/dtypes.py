"""Which dtypes a model takes, and what becomes of the others."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["fix_of", "is_fit"]


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
