"""Columns of tables: looked up by name, and turned into arrays once."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...checks import text_refused
from ...errors import ArgumentError, describe, few, nearest
from ...keys.plain import plain
from ...keys.times import as_moments
from ...transforms.base import is_missing

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["alike", "categories", "column", "frame_of", "is_name", "measured", "numbers", "target"]

Array = npt.NDArray[Any]

_CATEGORIES = (str, bytes, bool, int, float, np.number, np.bool_)
_EPOCH = np.datetime64(0, "s")
_SECOND = np.timedelta64(1, "s")


def column(frame: pd.DataFrame, name: Any) -> pd.Series[Any]:
    """Returns the one column of that name.

    Raises:
        ArgumentError: There is none, or names occur twice.
    """
    if frame.columns.is_unique:
        if is_name(frame, name):
            place: Any = frame.columns.get_loc(name)
            found: pd.Series[Any] = frame.iloc[:, place]
            return found
        raise ArgumentError(
            f"the table has no column {name!r}", fix=nearest(name, frame.columns.tolist())
        )
    twice = few(frame.columns[frame.columns.duplicated()])
    raise ArgumentError(
        "the table has several columns of one name", got=twice, fix="give each its own"
    )


def frame_of(records: Sequence[Mapping[Any, Any]], names: Sequence[str]) -> pd.DataFrame:
    """Returns records as a table of these columns, with their values as they are."""
    import pandas as pd

    rows = [{str(name): value for name, value in record.items()} for record in records]
    # Objects, as pandas makes floats of integers beside None.
    columns = {name: pd.Series([row[name] for row in rows], dtype=object) for name in names}
    return pd.DataFrame(columns)


def alike(values: pd.Series[Any], own: pd.Series[Any]) -> pd.Series[Any]:
    """Returns values of raw records as a column of the dtype that a table's own has.

    What is missing stays so, if need be among floats, as pandas has it; a new category is among
    objects.

    Args:
        values: Objects.
        own: The column of the table.

    Raises:
        ArgumentError: They are something else, or would not be the same in that dtype.
    """
    import pandas as pd

    dtype: Any = own.dtype
    lost = values.isna()
    if dtype.kind == "O" and isinstance(dtype, np.dtype):
        return _missing_alike(values, own) if lost.any() else values
    there = values[~lost]
    if isinstance(dtype, pd.CategoricalDtype):
        values = values.where(~lost, np.nan)
        return values.astype(dtype) if there.isin(dtype.categories).all() else values
    try:
        if dtype.kind == "M" and len(there):
            there = _moments_alike(there, getattr(dtype, "tz", None))
        with np.errstate(all="ignore"):  # Beyond float32, which is seen below.
            found: pd.Series[Any] = there.infer_objects().astype(dtype).reindex(values.index)
        pairs = zip(there, found[~lost], strict=True)
        wrong = [v for v, new in pairs if not _is_same(v, new, dtype.kind == "f")]
        if not wrong:
            return found
    except (TypeError, ValueError, OverflowError):
        wrong = there.tolist()
    known = own.dropna().tolist()[:1]
    raise ArgumentError(
        f"column {own.name!r} has values that are not of its dtype in training",
        got=few(wrong),
        expected=f"{dtype}, without loss",
        fix="give them as the table that was learned from has them"
        + "".join(f", such as {each!r}" for each in known),
    )


def _missing_alike(values: pd.Series[Any], own: pd.Series[Any]) -> pd.Series[Any]:
    """Returns objects of which those that are missing are so in a way that the table has."""
    known = own[own.isna()].tolist()
    kinds, other = set(map(type, known)), next(iter(known), np.nan)
    found = [other if is_missing(v) and type(v) not in kinds else v for v in values]
    return type(values)(found, values.index, dtype=object, name=values.name)


def _moments_alike(values: pd.Series[Any], zone: Any) -> pd.Series[Any]:
    """Returns dates with a time zone or without one, as the table has them."""
    moments, theirs = as_moments(values.infer_objects(), values.name)
    if moments is None or (theirs is None) != (zone is None):
        raise ValueError("no date, or one of another kind")
    return moments if zone is None else moments.dt.tz_localize("UTC")


def _is_same(value: Any, new: Any, rounds: bool) -> bool:
    """Whether a value is the same in another dtype, in which floats are rounded."""
    if rounds and isinstance(value, Real | Decimal):
        return bool(np.isfinite(new) or new == value)
    return bool(new == value)


def is_name(frame: pd.DataFrame, value: Any) -> bool:
    """Whether a column has this very name: 1.0 and True are not 1, "a" is not ("a", "b")."""
    names = frame.columns
    try:
        if value not in names:
            return False
        place = names.get_loc(value)
    except TypeError:  # Of something that has no hash.
        return False
    if not isinstance(place, int):
        return not isinstance(place, slice) or names.nlevels == 1
    return _kind(names[place]) == _kind(value)


def _kind(name: Any) -> str:
    if isinstance(name, bool | np.bool_):
        return "bool"
    return "float" if isinstance(name, float | np.floating) else ""


def numbers(series: pd.Series[Any], fix: str | None = None) -> Array:
    """Returns a column as an array of numbers or bools, as `measured` does."""
    return measured(series, fix)[0]


def measured(series: pd.Series[Any], fix: str | None = None) -> tuple[Array, str | None]:
    """Returns a column as an array of numbers or bools, NaN for what is missing; and what it holds.

    Dates (of Python, and as text in ISO 8601 too) are seconds since 1970-01-01 UTC and durations
    are seconds, both float64.

    Args:
        series: The column.
        fix: What to do with a column of something else.

    Returns:
        The array, and "numbers", "dates" or "durations"; None where all are missing.

    Raises:
        ArgumentError: It holds something else, or infinite numbers.
    """
    import pandas as pd

    dtype: Any = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        values, kind = measured(pd.Series(dtype.categories, name=series.name), fix)
        return (np.append(values, np.nan) if series.hasnans else values)[series.cat.codes], kind
    moments, _ = as_moments(series, series.name)
    if moments is not None:
        array, kind = (moments.to_numpy() - _EPOCH) / _SECOND, "dates"  # NaT becomes NaN.
    elif dtype.kind == "m":
        array, kind = pd.TimedeltaIndex(series).to_numpy() / _SECOND, "durations"
    else:
        array, kind = _array(series, fix), "numbers"
    is_known = array.dtype.kind != "f" or not np.isnan(array).all()
    return np.asarray(array), kind if is_known else None


def _array(series: pd.Series[Any], fix: str | None) -> Array:
    dtype: Any = series.dtype
    if dtype.kind in "biuf":
        whole = isinstance(dtype, np.dtype) or not series.hasnans
        # Copied: the frame may be changed in place.
        array = np.array(series) if whole else series.to_numpy(np.float64, na_value=np.nan)
    else:
        array = np.array([_number(value, series, fix) for value in series], np.float64)
    _check_finite(array, series)
    return array


def _number(value: Any, series: pd.Series[Any], fix: str | None) -> float:
    name = f"frame[{series.name!r}]"
    if isinstance(value, Real | Decimal):
        try:
            return float(value)
        except OverflowError as error:
            raise ArgumentError(
                f"column {series.name!r} holds a number beyond float64",
                got=describe(value),
                expected="numbers below 1e308",
                fix=f"where they are ids, name it in categorical=, as text: {name}.astype(str)",
            ) from error
    if is_missing(value):
        return math.nan
    raise ArgumentError(
        f"column {series.name!r} is not all numbers",
        got=describe(value),
        expected="numbers, booleans, dates or durations",
        fix=fix or f"{_conversion(value, name)}, or name it in categorical=",
    )


def _conversion(value: Any, name: str) -> str:
    """Says how to make numbers of a column that holds this value."""
    import pandas as pd

    if not isinstance(value, str):
        return f"make numbers of it: {name}.map(function)"
    if re.fullmatch(r"\s*[+-]?\d+,\d+\s*", value):
        return "of a CSV file with decimal commas, pass decimal=','"
    if pd.to_numeric(pd.Series([value]), errors="coerce").notna().all():
        return f"write pandas.to_numeric({name})"
    return (
        f"make numbers of it: pandas.to_numeric({name}.str.replace('[^0-9.-]', '', regex=True)), "
        f"say, or of dates pandas.to_datetime({name}, format='%d/%m/%Y')"
    )


def _check_finite(array: Array, series: pd.Series[Any]) -> None:
    if array.dtype.kind == "f" and (infinite := np.isinf(array)).any():
        row = int(infinite.argmax())
        raise ArgumentError(
            f"column {series.name!r} holds infinite numbers",
            got=f"{int(infinite.sum())} of them, the first at {series.index[[row]].tolist()[0]!r}",
            fix=f"where they stand for missing ones: frame[{series.name!r}].replace("
            "[numpy.inf, -numpy.inf], numpy.nan)",
        )


def categories(series: pd.Series[Any]) -> tuple[npt.NDArray[np.int32], list[Any]]:
    """Returns a column as codes, and the category that each code from 0 on stands for.

    A missing value has code -1.

    Raises:
        ArgumentError: It holds something else than text, numbers and bools; or bools among
            numbers, which pandas cannot tell apart.
    """
    import pandas as pd

    types = set(map(type, series.dropna())) if series.dtype == object else set()
    bools = types & {bool, np.bool_}
    if bools and any(issubclass(each, int | float | np.number) for each in types - bools):
        raise ArgumentError(
            f"column {series.name!r} holds booleans and numbers",
            fix=f"make them of one kind: frame[{series.name!r}].astype(str)",
        )
    try:
        codes, uniques = pd.factorize(series)
    except TypeError as error:  # Lists and dicts.
        raise _no_category(series, str(error)) from error
    found = uniques.tolist()
    for value in found:
        if not isinstance(value, _CATEGORIES):
            raise _no_category(series, describe(value))
    return codes.astype(np.int32), found


def _no_category(series: pd.Series[Any], got: str) -> ArgumentError:
    name = f"frame[{series.name!r}]"
    return ArgumentError(
        f"column {series.name!r} does not hold categories",
        got=got,
        expected="text, numbers or booleans",
        fix=f"take a part of the date: pandas.to_datetime({name}).dt.month; or name it in numeric="
        if as_moments(series, series.name)[0] is not None
        else f"convert it: {name}.astype(str); lists of tokens belong in a TextSequence",
    )


def target(series: pd.Series[Any], name: str, output: Any, has_steps: bool) -> Any:
    """Returns a column as targets or weights: numbers or bools, none of them missing.

    Args:
        series: The column.
        name: What it is for, such as "targets".
        output: Its name among several outputs.
        has_steps: Whether `transforms=` has steps for it: they take whatever it holds.

    Raises:
        ArgumentError: It holds something else, or values are missing.
    """
    import pandas as pd

    if has_steps and series.dtype.kind not in "mM":
        is_categorical = isinstance(series.dtype, pd.CategoricalDtype)
        return series.array if is_categorical else plain(series)
    shown = f"frame[{series.name!r}]"
    if series.hasnans:
        missing = series.index[series.isna()]
        raise ArgumentError(
            f"the target column {series.name!r} lacks values",
            got=f"{len(missing)} rows without: {few(missing)}",
            fix=f"leave them out: frame.dropna(subset=[{series.name!r}]); or pass {shown} itself, "
            "where your loss can do with NaN",
        )
    return numbers(series, text_refused(name, output)["fix"])
