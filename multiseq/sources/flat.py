"""Many short sequences in two arrays, instead of one Python object for each.

A million lists of numbers or strings take seconds to pickle, and merely counting references to
them copies their memory into every worker process. Two arrays are shared and sliced instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..order import Indices

__all__ = ["FlatRows", "FlatTexts"]

Array = npt.NDArray[Any]


class FlatRows:
    """Rows of different lengths, one behind the other.

    Args:
        values: 1-D array of all rows' values.
        lengths: The length of each row; their sum is that of `values`.
    """

    def __init__(self, values: Array, lengths: npt.ArrayLike) -> None:
        self.values = values
        self.ends = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))

    def __len__(self) -> int:
        return len(self.ends) - 1

    def __getitem__(self, row: int) -> Array:
        """Returns a view of one row."""
        return self.values[self.ends[row] : self.ends[row + 1]]

    def bounds(self, rows: Indices) -> tuple[Indices, Indices]:
        """Returns where each of these rows starts, and how long it is."""
        starts = self.ends[rows]
        return starts, self.ends[rows + 1] - starts

    @classmethod
    def of(cls, arrays: Sequence[Array], dtype: npt.DTypeLike) -> FlatRows:
        """Copies 1-D arrays, of which there may be none."""
        values = np.concatenate([np.empty(0, dtype), *arrays], dtype=dtype, casting="unsafe")
        return cls(values, [len(array) for array in arrays])


class FlatTexts:
    """Strings, as the bytes of their UTF-8."""

    def __init__(self, texts: Iterable[str]) -> None:
        # Lone surrogates stand for the odd bytes of file names; they must come back unchanged.
        encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
        values = np.frombuffer(b"".join(encoded), np.uint8)
        self._rows = FlatRows(values, [len(data) for data in encoded])

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, row: int) -> str:
        return self._rows[row].tobytes().decode("utf-8", "surrogatepass")
