"""Rows that are no plain array in memory: sparse ones, texts, and arrays in a column of objects."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ...collate import stacked
from ...errors import ArgumentError
from .stores import Store

__all__ = ["Texts", "open_sparse", "stacked_or_text"]

Array = npt.NDArray[Any]


class Sparse(Store):
    """A sparse matrix, of which rows become dense as they are read.

    Args:
        matrix: Of `scipy.sparse`, in the CSR format.
    """

    def __init__(self, matrix: Any) -> None:
        super().__init__(matrix.shape, matrix.dtype)
        self._matrix = matrix

    def _read(self, rows: Any, out: Array, places: Any) -> None:
        out[places] = self._matrix[rows].toarray()


def open_sparse(name: str, matrix: Any) -> Store:
    """Returns a sparse matrix or array of SciPy's as a store.

    Raises:
        ArgumentError: It has other than two axes.
    """
    if matrix.ndim != 2:
        raise ArgumentError(
            f"{name} is no sparse matrix with a row for each sample",
            got=f"{type(matrix).__name__} of shape {matrix.shape}",
            fix="make it dense: matrix.toarray()",
        )
    rows = matrix.tocsr()
    native = rows.dtype.newbyteorder("=")
    return Sparse(rows if rows.dtype == native else rows.astype(native))


class Texts:
    """Texts of any length; an array of NumPy's would take as much room for each as the longest.

    Args:
        values: Objects that are all `str`.
    """

    def __init__(self, values: Array) -> None:
        self._values, self.shape, self.dtype = values, values.shape, np.dtype(np.str_)

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, index: Any) -> Array:
        return np.asarray(self._values[index], np.str_)


def stacked_or_text(array: Array) -> Any:
    """Returns what an array of objects holds, where that is text, or arrays or lists of numbers.

    Raises:
        ValueError: Arrays or lists of different lengths.
    """
    if array.size and all(isinstance(item, str) for item in array.flat):
        return Texts(array)
    return stacked(array)
