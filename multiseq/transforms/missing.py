"""Values that are missing (None, NaN, NaT and pandas.NA), and what is put in their place."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError, SampleError, SpecError
from .base import Transform, is_missing
from .numeric import Features, Float64, as_numbers, chunks, moments

__all__ = [
    "Fill",
    "FillMean",
    "Refuse",
    "RowStep",
    "any_missing",
    "as_fill",
    "masked",
    "missing_of",
]

Array = npt.NDArray[Any]


class RowStep:
    """A function of one value that knows how to do many at once."""

    def __call__(self, value: Any) -> Any:
        """Returns what it makes of one value."""
        raise NotImplementedError

    def rows(self, values: Any) -> Any:
        """Returns what it makes of values that have a leading axis, or of a list."""
        raise NotImplementedError


def missing_of(value: Any) -> npt.NDArray[np.bool_]:
    """Returns which elements are missing: of the value's shape, () for a scalar or text."""
    if value is None or isinstance(value, str | bytes):
        return np.asarray(value is None)
    array = value if isinstance(value, np.ndarray) else np.asarray(value)
    if array.dtype.kind in "fc":
        return np.asarray(np.isnan(array))
    if array.dtype.kind in "mM":
        return np.asarray(np.isnat(array))
    if array.dtype.kind != "O":
        return np.zeros(array.shape, bool)
    flat = [is_missing(each) for each in array.ravel().tolist()]
    return np.array(flat, bool).reshape(array.shape)


def any_missing(value: Any) -> bool:
    """Whether an element of one sample's value is missing; lists may be of any length."""
    if isinstance(value, list | tuple):
        return any(map(any_missing, value))
    return bool(missing_of(value).any())


def masked(rows: Array, missing: npt.ArrayLike) -> Array:
    """Returns rows as a masked array.

    Args:
        rows: The rows.
        missing: Whether each is missing, or each element; without the last axes, for all of these.
    """
    mask = np.asarray(missing, bool)
    mask = mask.reshape(mask.shape + (1,) * (rows.ndim - mask.ndim))
    return np.ma.array(rows, mask=np.broadcast_to(mask, rows.shape))


class Refuse(RowStep):
    """Refuses values that are missing.

    Args:
        expected: What there should be.
        fix: What to do about those that are missing.
    """

    def __init__(self, expected: str = "", fix: str = "") -> None:
        self._expected = expected or "a value for each sample"
        self._fix = fix or (
            'fill it: missing="mean" for numbers, or a value such as missing=0; or leave these '
            "samples out, by subset()"
        )

    def __call__(self, value: Any) -> Any:
        """Returns the value; raises SampleError where some of it is missing."""
        if any_missing(value):
            array = isinstance(value, np.ndarray) and value.ndim > 0
            raise SampleError(
                "values are missing" if array else "the value is missing",
                got=_said(missing_of(value)) if array else value,
                expected=self._expected,
                fix=self._fix,
            )
        return value

    def rows(self, values: Any) -> Any:
        """The same of several."""
        if not isinstance(values, np.ndarray) or missing_of(values).any():
            for value in values:
                self(value)
        return values


class Fill(RowStep):
    """Puts a value in the place of each that is missing.

    Args:
        value: A number, or text. Where numbers stand alone, and one may be None, it says of what
            kind they are: 0.0 makes all of them decimal.
    """

    def __init__(self, value: Any) -> None:
        self.value = value

    def __call__(self, value: Any) -> Any:
        """Returns the value with nothing missing, of its own dtype; as float64 of objects."""
        if isinstance(value, list | tuple):
            return type(value)(map(self, value))
        if isinstance(value, np.ndarray):
            return _filled(value, self.value)
        if not is_missing(value):
            _check_kind(np.asarray(value), self.value)
            whole = isinstance(value, int) and not isinstance(value, bool)
            return float(value) if whole and isinstance(self.value, float) else value
        if isinstance(value, np.floating):
            return value.dtype.type(self.value)
        number = isinstance(value, float) and not isinstance(self.value, str)
        return float(self.value) if number else self.value  # NaN stands among decimal numbers.

    def rows(self, values: Any) -> Any:
        """The same of several."""
        if isinstance(values, np.ndarray):
            return _filled(values, self.value)
        return [self(value) for value in values]

    def __repr__(self) -> str:
        return f"missing={self.value!r}"


class FillMean(Transform):
    """Puts the mean of the training split in the place of each number that is missing.

    Each feature has its own, as those of `Standardize()`: features are the last axis. Numbers keep
    their dtype; of Python's own, and of objects, float64 is made.
    """

    def __init__(self) -> None:
        self._forget()

    @property
    def mean(self) -> Float64:
        """Means of the features, of those values that are not missing."""
        if not self.adapted:
            self._raise_not_adapted()
        return np.array(self._mean)

    def transform(self, values: Any) -> Any:
        """Fills one sample's value or a batch.

        Raises:
            NotAdaptedError: Nothing was learned yet.
            SpecError: No numbers, or another shape than learned from.
        """
        if not self.adapted or self._features is None:
            self._raise_not_adapted()
        array = _numbers(values)
        if array is None:
            return [self.transform(value) for value in values]
        self._features.check(array.shape)
        missing = missing_of(array)
        if not missing.any():
            return array
        mean = self._features.spread(self._mean)
        return np.where(missing, mean.astype(array.dtype), array)[()]

    def inverse(self, values: Any) -> Any:
        """Returns the values: they are in the units that they were in."""
        return values

    def _forget(self) -> None:
        self._features: Features | None = None
        self._count: Any = 0
        self._mean: Float64 = np.zeros(())

    def _learn(self, values: Any) -> None:
        _numbers(values)  # Which refuses text by this class' own words.
        for chunk in chunks(values):
            if not chunk.size:
                continue
            if self._features is None:
                self._features = Features.of((-1,), chunk.shape)
            self._features.check(chunk.shape)
            count, mean, _ = moments(chunk, self._features.reduced)
            total = self._count + count
            share = np.divide(count, total, out=np.zeros(np.shape(total)), where=total > 0)
            self._mean = self._mean + (mean - self._mean) * share
            self._count = total

    def _settle(self) -> None:
        if self._features is None or not np.any(self._count):
            self._raise_nothing_seen()
        sizes = self._features.sizes
        seen = np.broadcast_to(np.asarray(self._count) > 0, self._mean.shape).reshape(sizes)
        if not seen.all():
            lacking = np.flatnonzero(~seen).tolist()
            raise SampleError(
                "features are missing in every sample, and have no mean",
                got=f"{len(lacking)} of {seen.size} features: {str(lacking)[:60]}",
                expected="at least one number in each",
                fix="leave these features out, or fill them with a number: missing=0",
            )
        self._mean, self._count = self._mean.reshape(sizes), 0

    def _learned(self) -> str:
        return "" if self._features is None else self._features.said

    def _config(self) -> dict[str, Any]:
        return {}

    def _state(self) -> dict[str, Any]:
        rank = 0 if self._features is None else self._features.rank
        return {"batch_rank": rank, "mean": self._mean.tolist()}

    def _restore(self, state: dict[str, Any]) -> None:
        mean, rank = np.asarray(state["mean"], np.float64), state["batch_rank"]
        if not isinstance(rank, int) or rank < 1 or not np.isfinite(mean).all():
            raise ValueError("the means are no numbers")
        kept = Features.of((-1,), (1,) * rank).kept
        if len(kept) != mean.ndim:
            raise ValueError("the means have the wrong number of axes")
        self._features, self._mean = Features(rank, kept, mean.shape), mean


def as_fill(how: Any) -> Refuse | Fill | FillMean:
    """Returns the step that an entry of `missing=` stands for.

    Raises:
        ArgumentError: It is none.
    """
    if isinstance(how, str) and how in ("raise", "mean"):
        return Refuse() if how == "raise" else FillMean()
    number = isinstance(how, numbers.Real | np.bool_ | np.number)
    if isinstance(how, str) or (number and np.isfinite(how)):
        return Fill(how)
    raise ArgumentError(
        "missing: this is nothing to put in the place of a missing value",
        got=how,
        expected='"raise", "mean", or a value: a finite number, or text',
        fix='leave it out for what the class does; a target may have "mask"',
    )


def _said(missing: npt.NDArray[np.bool_]) -> str:
    first = np.argwhere(missing)[0].tolist()
    place = first[0] if len(first) == 1 else tuple(first)
    return f"{int(missing.sum())} of {missing.size} elements, the first at [{place}]"


def _filled(array: Array, fill: Any) -> Array:
    _check_kind(array, fill)
    missing = missing_of(array)
    if array.dtype.kind != "O":
        if not missing.any():
            return array
        found = array.copy()
        found[missing] = fill
        return found
    found = array.copy()
    found[missing] = fill
    kinds = set(map(type, found.ravel().tolist()))
    # Objects are numbers among which some were missing: as many bits whichever are there.
    return found.astype(np.float64) if kinds <= {int, float} else found


def _check_kind(array: Array, fill: Any) -> None:
    """Raises SpecError where numbers would be filled with text, or text with numbers."""
    text = isinstance(fill, str)
    kind: str = array.dtype.kind
    if kind == "O":
        types = {type(each) for each in array.ravel().tolist() if not is_missing(each)}
        kind = "U" if types == {str} else "f" if types and types <= {int, float, bool} else ""
    if kind and kind in ("biufcmM" if text else "SUTmM"):
        held = "text" if kind in "SUT" else "dates" if kind in "mM" else "numbers"
        raise SpecError(
            f"missing={fill!r} cannot stand among {held}",
            got=array,
            expected="text" if held == "text" else 'a number, "mean" or "raise"',
            fix="say what stands for each input: missing={name: value}",
        )


def _numbers(values: Any) -> Array | None:
    try:
        return as_numbers(values)
    except SpecError as error:
        raise SpecError(
            'missing="mean" is for numbers',
            got=error.got,
            expected="integers, floats or bools",
            fix='say how for each input: missing={name: "mean", other: "raise"}; text may be '
            'filled with text, missing=""',
        ) from error
