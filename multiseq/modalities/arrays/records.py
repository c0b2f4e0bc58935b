"""Raw records as rows of arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ...base.encoding import Records
from ...errors import ArgumentError

__all__ = ["rows_of"]

Array = npt.NDArray[Any]


def rows_of(records: Records, field: str, array: Any) -> Array:
    """Returns the values of records as rows of an array like that of training."""
    rows = []
    for number, record in enumerate(records):
        value = np.asarray(record[field])
        if value.shape != tuple(array.shape[1:]) or not np.can_cast(
            value.dtype, array.dtype, "same_kind"
        ):
            raise ArgumentError(
                f"record {number}: {field!r} is not like the rows that were trained on",
                got=value,
                expected=f"shape {tuple(array.shape[1:])} and dtype {array.dtype}",
                fix="give it the form of a row of training",
            )
        rows.append(value.astype(array.dtype))
    return np.stack(rows)
