"""pandas objects as arrays: with the values that they hold, and the categories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..dtypes import EXACT
from ..transforms.labelled import categories_of

__all__ = ["Declared", "beside", "plain"]

Array = npt.NDArray[Any]


class Declared(np.ndarray[Any, Any]):
    """An array made of a pandas Categorical; parts of it know its categories too."""

    categories: Any = None

    @classmethod
    def of(cls, array: Array, categories: Any) -> Declared:
        """Returns an array that knows these categories."""
        found = array.view(cls)
        found.categories = categories
        return found

    def __array_finalize__(self, other: Any) -> None:
        self.categories = getattr(other, "categories", None)


def plain(value: Any, exact: bool = False) -> Any:
    """Returns pandas objects as arrays: of what nullable dtypes hold, where nothing is missing.

    Args:
        value: Of any kind; what is not of pandas is left as it is.
        exact: As in `beside`.
    """
    import pandas as pd

    if isinstance(value, pd.api.extensions.ExtensionArray):
        value = pd.Series(value)
    if isinstance(value, pd.Series):
        return _of_column(value)
    if not isinstance(value, pd.DataFrame) or _is_uniform(value):
        return value
    # pandas makes objects of booleans beside numbers, and of nullable dtypes beside others.
    columns = [_of_column(column) for _, column in value.items()]
    fit = all(column.dtype.kind in "biuf" for column in columns)
    return beside(columns, exact) if fit else value


def beside(columns: Sequence[Any], exact: bool) -> Array:
    """Returns columns as one array, which knows their categories where all have the same.

    Args:
        columns: Arrays and Categoricals, of one length.
        exact: Whether integers stay what they are beside decimals, as objects where float64
            doesn't tell them apart: for steps, to which they may be classes.
    """
    arrays = [np.asarray(each) for each in columns]
    array = np.stack(arrays, axis=1)
    if exact and array.dtype.kind == "f" and any(map(_blurs, arrays)):
        array = np.stack([each.astype(object) for each in arrays], axis=1)
    first, *others = map(categories_of, columns)
    declared = first is not None and all(each == first for each in others)
    return Declared.of(array, first) if declared else array


def _blurs(array: Array) -> bool:
    return array.dtype.kind in "iu" and array.size > 0 and not _fits(array)


def _fits(integers: Any) -> bool:
    """Whether float64 tells these apart."""
    return bool(-EXACT <= integers.min() <= integers.max() <= EXACT)


def _is_uniform(frame: Any) -> bool:
    return frame.dtypes.nunique() == 1 and isinstance(frame.dtypes.iloc[0], np.dtype)


def _of_column(column: Any) -> Array:
    dtype = getattr(column.dtype, "numpy_dtype", None)
    if dtype is None or not column.hasnans:
        return np.asarray(column if dtype is None else column.to_numpy(dtype))
    if dtype.kind in "iu" and not _fits(column):
        # Classes, say: beside one that is missing pandas would round them.
        return np.asarray(column.to_numpy(object, na_value=None))
    return np.asarray(column)
