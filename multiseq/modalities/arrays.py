"""`ArraySequence`: rows of arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError
from ..memory import BatchMemory
from ..order import Indices
from ..samples import Sample, Structure
from ..sequence import MultiInputSequence
from ..targets import Targets

__all__ = ["ArraySequence"]

Array = npt.NDArray[Any]


class ArraySequence(MultiInputSequence):
    """One sample is a row of each array.

    Args:
        inputs: An array-like of shape (n, ...), or a tuple or a dict of those by input name. A
            memory map is read row by row, never whole. pandas objects are aligned by position,
            and their index gives the keys.
        targets: An array-like, a Series (aligned by its index), or a tuple or dict of those.
        sample_weight: The same; outputs that are left out of a dict have weight 1.
        keys: The samples' keys; by default the index of the first pandas input, else positions.
        **keywords: Those of `MultiInputSequence`.

    Raises:
        ArgumentError: Inputs of unequal length, of object dtype, or none at all.
        AlignmentError: Keys that are duplicated or missing.
    """

    def __init__(
        self,
        inputs: Any,
        targets: Any = None,
        sample_weight: Any = None,
        *,
        keys: Any = None,
        **keywords: Any,
    ) -> None:
        import pandas as pd

        named = _named(inputs)
        if keys is None:
            frames = (v for v in named.values() if isinstance(v, pd.Series | pd.DataFrame))
            keys = next((frame.index for frame in frames), None)
        arrays = {name: _checked(name, value) for name, value in named.items()}
        n = _common_length(arrays)
        super().__init__(n if keys is None else keys, **keywords)
        if len(self.keys) != n:
            raise ArgumentError(
                "there are more or fewer keys than rows",
                got=f"{len(self.keys)} keys, {n} rows",
            )
        rest = Targets(targets, sample_weight, n if keys is None else self.keys).parts
        nested: Any = tuple(arrays.values())
        if isinstance(inputs, Mapping):
            nested = arrays
        elif not isinstance(inputs, tuple):
            nested = nested[0]
        sample = (nested, *rest)  # of whole arrays instead of rows
        self._structure = Structure(sample)
        self._arrays = self._structure.flatten(sample)
        self._memory = BatchMemory([(array.shape[1:], array.dtype) for array in self._arrays])
        self._direct = all(array.flags.c_contiguous for array in self._arrays) and not any(
            array.dtype.kind in "UST" for array in self._arrays
        )

    def load_sample(self, index: int) -> Sample:
        """Returns row `index` of each array."""
        return self._structure.unflatten([array[index] for array in self._arrays])

    def load_batch(self, indices: Indices) -> Any:
        """Gathers rows straight into batch memory."""
        if not self._direct:
            return self._structure.unflatten([array[indices] for array in self._arrays])
        rows = self._memory.arrays(len(indices))
        for array, out in zip(self._arrays, rows, strict=True):
            # "clip" writes without a buffer; indices are in range.
            array.take(indices, axis=0, out=out, mode="clip")
        return self._structure.unflatten(rows)


def _named(inputs: Any) -> dict[str, Any]:
    if isinstance(inputs, Mapping):
        return {str(name): value for name, value in inputs.items()}
    parts = inputs if isinstance(inputs, tuple) else (inputs,)
    return {f"inputs[{number}]": value for number, value in enumerate(parts)}


def _checked(name: str, value: Any) -> Array:
    if value is None or isinstance(value, str | bytes):
        raise ArgumentError(f"{name} is no array", got=value).at(input=name)
    try:
        array = value if isinstance(value, np.ndarray) else np.asarray(value)
    except ValueError as error:  # Lists of different lengths.
        raise ArgumentError(
            f"{name} has rows of different lengths, which make no array",
            got=str(error),
            fix="use a TextSequence for token ids, or a subclass of your own",
        ).at(input=name) from error
    if array.ndim < 1 or (array.dtype.hasobject and array.dtype.kind != "T"):
        raise ArgumentError(
            f"{name} is not an array with a row for each sample",
            got=array,
            expected="numbers, booleans or strings, of shape (n, ...)",
            fix="rows of different lengths belong into a TextSequence or a subclass of your own"
            if array.dtype.hasobject
            else None,
        ).at(input=name)
    return array


def _common_length(arrays: dict[str, Array]) -> int:
    lengths = {name: len(array) for name, array in arrays.items()}
    if not lengths:
        raise ArgumentError("there are no inputs", fix="pass at least one array")
    if len(set(lengths.values())) > 1:
        raise ArgumentError(
            "inputs are of unequal length",
            got=", ".join(f"{name}: {length}" for name, length in lengths.items()),
            expected="one row of each for every sample",
            fix="cut or complete them, or join sequences by key: multiseq.join(...)",
        )
    return next(iter(lengths.values()))
