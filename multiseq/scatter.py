"""Rows of a batch that come from several places, each put where it belongs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .collate import as_array, cast, check_cast, is_known, is_string, write
from .memory import aligned_empty, is_batch
from .order import Indices
from .samples import Leaves, Spec

__all__ = ["Fill", "conformed", "masked_as", "scattered"]

Array = npt.NDArray[Any]
Pieces = Sequence[tuple[Indices, Any]]


class Fill:
    """What an input is filled with.

    Args:
        value: Of one sample.
        spec: Of the input.
        name: Of the input, for errors.
    """

    def __init__(self, value: Array, spec: Spec, name: str) -> None:
        self.value, self._spec, self._name = value, spec, name
        self._shape: tuple[Any, ...] = spec.batch_shape

    def put(self, rows: Any, others: Indices, n: int) -> Any:
        """Returns rows of n samples, of which some are overwritten: in place, where they are ours.

        Args:
            rows: Of all samples.
            others: Which to overwrite.
            n: Number of samples.
        """
        if not isinstance(rows, np.ndarray) or rows.shape != (n, *self._shape):
            mine = np.delete(np.arange(n), others)
            some = [rows[row] for row in mine.tolist()]
            return self.among(some, mine, others, n)
        holds = rows.dtype is self.value.dtype or np.can_cast(self.value.dtype, rows.dtype)
        if holds and is_batch(rows, rows.shape, rows.dtype):
            rows[others] = self.value
            return rows
        pieces = [(np.arange(n), rows), (others, self.value)]
        return scattered(n, pieces, self._spec, self._name)

    def among(self, rows: Any, mine: Indices, others: Indices, n: int) -> Any:
        """Returns rows of n samples, of which some are given.

        Args:
            rows: The given ones, if there are any.
            mine: Which these are.
            others: Which are filled.
            n: Number of samples.
        """
        pieces = [(mine, rows), (others, self.value)] if len(mine) else [(others, self.value)]
        return scattered(n, pieces, self._spec, self._name)


def conformed(leaves: Leaves, specs: Sequence[Spec], names: Sequence[str]) -> Leaves:
    """Returns leaves in the dtypes of their specs.

    What is made of them by transforms is then the same whichever samples come together.
    """
    return [
        leaf if getattr(leaf, "dtype", None) is spec.dtype else _in_dtype(leaf, spec, name)
        for leaf, spec, name in zip(leaves, specs, names, strict=True)
    ]


def _in_dtype(leaf: Any, spec: Spec, name: str) -> Any:
    if leaf is None:
        return leaf
    if isinstance(leaf, list):
        return [_in_dtype(each, spec, name) for each in leaf]
    array = as_array(leaf, name)
    if array.dtype == spec.dtype or is_string(spec.dtype) or is_string(array.dtype):
        return array
    check_cast(array, spec, name)
    return cast(array, spec.dtype, name)


def scattered(n: int, pieces: Pieces, spec: Spec, name: str) -> Any:
    """Returns one leaf of n samples as an array of its spec's dtype, or as a list of arrays.

    Args:
        n: Number of samples.
        pieces: Which of the samples, and their rows: an array with a leading axis, a list of
            arrays, or an array of one sample alone, which stands for all of them.
        spec: Of the leaf.
        name: Of the leaf, for errors.

    Raises:
        SpecError: Rows cannot be cast to the spec's dtype.
    """
    shape = spec.batch_shape
    if not is_known(spec) or not all(_fits(rows, shape) for _, rows in pieces):
        return _listed(n, pieces, len(spec.shape))
    out = aligned_empty((n, *shape), spec.dtype)  # type: ignore[arg-type]
    for places, rows in pieces:
        if rows.dtype == out.dtype:
            out[places] = rows
        else:
            check_cast(rows, spec, name)
            write(out, places, rows, name)
    return out


def masked_as(made: Any, pieces: Pieces) -> Any:
    """Returns what was made of pieces as a masked array, where some of these are."""
    if isinstance(made, list) or not any(isinstance(r, np.ma.MaskedArray) for _, r in pieces):
        return made
    mask = np.zeros(made.shape, bool)
    for places, rows in pieces:
        mask[places] = np.ma.getmaskarray(rows)
    return np.ma.array(made, mask=mask)


def _fits(rows: Any, shape: tuple[Any, ...]) -> bool:
    return isinstance(rows, np.ndarray) and shape in (rows.shape, rows.shape[1:])


def _listed(n: int, pieces: Pieces, rank: int) -> list[Any]:
    found: list[Any] = [None] * n
    for places, rows in pieces:
        alone = isinstance(rows, np.ndarray) and rows.ndim == rank
        for number, place in enumerate(places.tolist()):
            found[place] = rows if alone else rows[number]
    return found
