"""scikit-learn's objects as transforms, by what they can do; scikit-learn is never imported."""

from __future__ import annotations

import copy
import inspect
import os
import weakref
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError, LoadError, MultiseqError, SpecError, said
from ..stages import stage
from .base import Transform

__all__ = ["SklearnTransform", "as_float32", "as_transform"]

Array = npt.NDArray[Any]

_BY_ELEMENT = {"MaxAbsScaler", "MinMaxScaler", "OneHotEncoder", "OrdinalEncoder", "RobustScaler"}
_BY_ELEMENT |= {"SimpleImputer", "StandardScaler"}


class SklearnTransform(Transform):
    """Lets an object with `fit` or `partial_fit`, and `transform`, be used as a transform.

    It is learned in chunks where it has `partial_fit`; otherwise all chunks are kept until
    `finish` and given to `fit` at once. What is fitted is a copy, never the object that was passed
    in: adapting again starts afresh. Inputs that are given the same object share what is learned
    from all of them. One that is fitted already is taken as it is until `adapt`.

    As everywhere in scikit-learn the last axis holds the features; axes before it are rows, and
    a sample that is a scalar is a row of one feature. Objects whose tags say that they take no
    tables (`CountVectorizer` and other readers of text) get the values as they are, one by one.
    A DataFrame is handed on as such, for those that choose columns by name (`ColumnTransformer`).

    It can't be saved as JSON: keep the fitted `estimator` by its own means, and pass it in.

    Args:
        estimator: The object.

    Raises:
        ArgumentError: It lacks these methods, or is a class; or it takes lists of labels, as
            `MultiLabelBinarizer`, in place of which there is `Labels(multi=True)`.

    Attributes:
        estimator: The copy that was fitted, or the object passed in if nothing was learned yet.
    """

    def __init__(self, estimator: Any) -> None:
        if isinstance(estimator, type) or not _can_transform(estimator):
            raise ArgumentError(
                "this is not a transform",
                got=estimator,
                expected="a multiseq transform, or an object with (partial_)fit and transform",
                fix="create the object first" if isinstance(estimator, type) else None,
            )
        if _tag(estimator, "target_tags", "two_d_labels", default=False):
            raise ArgumentError(
                f"{type(estimator).__name__} takes a list of labels for each sample",
                got=estimator,
                expected="an object that takes values of samples one by one, or rows of features",
                fix="Labels(multi=True) does the same: a 1 for each class that a sample has",
            )
        self.estimator = self._given = estimator
        self.row_by_row = not _is_by_element(estimator)
        self._takes_tables = _tag(estimator, "input_tags", "two_d_array", default=True)
        self._chunks: list[Any] = []
        self._seen = False
        self._scalars: bool | None = None
        self._categories = False
        if _is_fitted(estimator):
            self._stage = "adapted"
            self._scalars = getattr(estimator, "n_features_in_", None) == 1

    def _forget(self) -> None:
        self.estimator = _unfitted(self._given)
        self._chunks, self._seen, self._scalars, self._categories = [], False, None, False

    def transform(self, values: Any) -> Any:
        """Applies the estimator to one sample's value or a batch.

        Args:
            values: Of the shape of one sample or of a batch. A list of samples that differ in
                length is a batch as well, and so is a DataFrame.

        Returns:
            What the estimator makes of each row, in place of the row; floats as float32, sparse
            results as arrays. A scalar stays a scalar where the result has one column. For a list
            of samples that differ, a list.

        Raises:
            LoadError: The estimator raised something.
            NotAdaptedError: Nothing was learned yet.
        """
        return as_float32(self.exact(values))

    @stage("transform")
    def exact(self, values: Any) -> Any:
        """The same, with floats of as many bits as the estimator returns: for a step after it."""
        if not self.adapted:
            self._raise_not_adapted()
        if _is_frame(values):
            return self._apply(values)
        array = _as_array(values)
        if array is None:
            return [self.exact(value) for value in values]
        if self._categories and array.dtype.kind == "f":
            array = array.astype(object)  # A lone NaN, for text that is missing.
        scalars = self._scalars or array.ndim == 0 or not self._takes_tables
        result = self._apply(self._rows(array, scalars))
        width = result.shape[1:]
        if scalars and self._takes_tables and width == (1,):
            width = ()
        return result.reshape((array.shape if scalars else array.shape[:-1]) + width)[()]

    def inverse(self, values: Any) -> Any:
        """Undoes the estimator by its `inverse_transform`.

        Args:
            values: As `transform` returns them, of one sample or a batch.

        Returns:
            What the estimator makes of each row, as it returns it; scalars where it was given
            scalars to learn from.

        Raises:
            ArgumentError: The estimator has no `inverse_transform`.
            LoadError: It raised something.
            NotAdaptedError: Nothing was learned yet.
        """
        if not callable(getattr(self.estimator, "inverse_transform", None)):
            return super().inverse(values)
        if not self.adapted:
            self._raise_not_adapted()
        array = np.asarray(values)
        if array.dtype.kind == "f":
            array = array.astype(np.float64)  # In which the units may need more digits.
        if not self._takes_tables:
            found = np.asarray(self._called("inverse_transform", np.atleast_1d(array)))
            return found if array.ndim else found[0]
        alone = self._scalars and self._columns == 1
        rows = array.reshape(-1, 1 if alone else array.shape[-1])
        result = np.asarray(self._called("inverse_transform", rows))
        width = () if self._scalars and result.shape[1:] == (1,) else result.shape[1:]
        return result.reshape((array.shape if alone else array.shape[:-1]) + width)[()]

    @property
    def _columns(self) -> int:
        """How many columns the estimator makes of one feature."""
        names = getattr(self.estimator, "get_feature_names_out", None)
        return len(names()) if callable(names) else 1

    def save(self, path: str | os.PathLike[str]) -> None:
        """Raises ArgumentError: what scikit-learn's objects hold can't be written as JSON."""
        raise ArgumentError(
            f"{self!r} cannot be saved as JSON",
            fix="save its `estimator` with joblib or skops, and pass that in, fitted",
        )

    __eq__ = object.__eq__
    __hash__ = None

    def __repr__(self) -> str:
        return f"<SklearnTransform({self.estimator!r}), {self._stage}>"

    def _apply(self, rows: Any) -> Array:
        result = self._called("transform", rows)
        return np.asarray(result.toarray() if hasattr(result, "toarray") else result)

    def _called(self, method: str, rows: Any) -> Any:
        """Returns what a method of the estimator makes of rows."""
        try:
            return getattr(self.estimator, method)(rows)
        except MultiseqError:
            raise
        except Exception as error:
            name = type(self.estimator).__name__
            raise LoadError(
                f"{name}.{method} raised {said(error)}",
                got=rows,
                fix="see the traceback above; of classes, Labels() and Vocabulary() take numbers "
                "and text, and what models predict of them",
            ) from error

    def _rows(self, array: Array, scalars: bool) -> Array:
        if not self._takes_tables:
            return array.ravel()
        return array.reshape(-1, 1 if scalars else array.shape[-1])

    def _learn(self, values: Any) -> None:
        if _needs_targets(self.estimator):
            raise ArgumentError(
                f"{type(self.estimator).__name__} learns from targets as well",
                got=self.estimator,
                expected="an object that learns from the values of its input or target alone",
                fix="fit it to the training split yourself, and pass a function: lambda value: "
                "fitted.transform(numpy.reshape(value, (1, -1)))[0]",
            )
        if _is_frame(values):
            if len(values):
                self._take(values)
            return
        whole = _as_array(values)
        for chunk in [np.asarray(v)[np.newaxis] for v in values] if whole is None else [whole]:
            if chunk.ndim == 0:
                raise SpecError("a chunk has no axis of samples", got=values)
            if chunk.size == 0:
                continue
            scalars = chunk.ndim == 1
            if self._scalars not in (None, scalars):
                raise SpecError("samples are scalars in one chunk, arrays in another", got=chunk)
            self._scalars = scalars
            self._categories |= chunk.dtype.kind not in "biuf"
            self._take(self._rows(chunk, scalars))

    def _take(self, rows: Any) -> None:
        self._seen = True
        if hasattr(self.estimator, "partial_fit"):
            self._called("partial_fit", rows)
        else:
            self._chunks.append(rows)

    def _settle(self) -> None:
        if not self._seen:
            self._raise_nothing_seen()
        if self._chunks:
            self._called("fit", _concatenated(self._chunks))
        self._chunks = []


def as_transform(value: Any) -> Transform:
    """Returns a transform as it is, and anything like scikit-learn's as a `SklearnTransform`.

    One object becomes one transform, whatever it serves.

    Raises:
        ArgumentError: It is neither.
    """
    if isinstance(value, Transform):
        return value
    found = _wrapped.get(id(value))
    if found is None or found._given is not value:
        found = _wrapped[id(value)] = SklearnTransform(value)
    return found


_wrapped: weakref.WeakValueDictionary[int, SklearnTransform] = weakref.WeakValueDictionary()
"""By the id of what they wrap, which they keep alive: one object is one transform."""


def _can_transform(estimator: Any) -> bool:
    fits = any(callable(getattr(estimator, name, None)) for name in ("fit", "partial_fit"))
    return fits and callable(getattr(estimator, "transform", None))


def _tag(estimator: Any, *path: str, default: bool) -> bool:
    """Returns one of scikit-learn's tags (since 1.6), or the default where there are none."""
    tags = getattr(estimator, "__sklearn_tags__", None)
    if not callable(tags):
        return default
    value = tags()
    for name in path:
        value = getattr(value, name, default)
    return bool(value)


def _needs_targets(estimator: Any) -> bool:
    """Whether its `fit` cannot do without a second argument."""
    if _tag(estimator, "target_tags", "required", default=False):
        return True
    method = getattr(estimator, "partial_fit", None) or estimator.fit
    try:
        inspect.signature(method).bind(None)
    except TypeError:
        return True
    except ValueError:  # One that is not written in Python has no signature.
        pass
    return False


def as_float32(values: Any) -> Any:
    """Returns floats as float32, of lists of arrays too; anything else as it is."""
    if isinstance(values, list):
        return list(map(as_float32, values))
    floats = isinstance(values, np.ndarray | np.generic) and values.dtype.kind == "f"
    return values.astype(np.float32) if floats else values


def _is_by_element(estimator: Any) -> bool:
    """Whether it is scikit-learn's, and known to give a row the same bytes in any company."""
    cls = type(estimator)
    if not cls.__module__.startswith("sklearn."):
        return False
    if cls.__name__ == "Pipeline":
        return all(_is_by_element(step) for _, step in estimator.steps)
    return cls.__name__ in _BY_ELEMENT


def _is_fitted(estimator: Any) -> bool:
    """Whether it can transform already, by scikit-learn's own conventions."""
    if not _tag(estimator, "requires_fit", default=True):
        return True
    if callable(own := getattr(estimator, "__sklearn_is_fitted__", None)):
        return bool(own())
    names = getattr(estimator, "__dict__", {})
    return any(name.endswith("_") and not name.startswith("__") for name in names)


def _unfitted(estimator: Any) -> Any:
    if callable(clone := getattr(estimator, "__sklearn_clone__", None)):
        return clone()
    return copy.deepcopy(estimator)


def _is_frame(values: Any) -> bool:
    """Whether this is a pandas DataFrame; by what it has, for pandas is slow to import."""
    return hasattr(values, "iloc") and hasattr(values, "columns")


def _concatenated(chunks: list[Any]) -> Any:
    if not _is_frame(chunks[0]):
        return np.concatenate(chunks)
    import pandas as pd

    return pd.concat(chunks)


def _as_array(values: Any) -> Array | None:
    """Returns values as an array; None where samples differ in shape."""
    try:
        array = np.asarray(values)
    except ValueError:
        return None
    if array.dtype.kind in "US" and isinstance(values, list | tuple):
        # Among texts, NumPy would turn None and NaN into text too.
        array = np.asarray(values, dtype=object)
    if (
        array.dtype.kind == "O"
        and array.ndim
        and array.size
        and isinstance(array.flat[0], list | np.ndarray)
    ):
        return None
    return array
