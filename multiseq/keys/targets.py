"""Targets and sample weights of a modality, checked once and then steps row by row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from numbers import Number
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from ..checks import text_refused
from ..collate import stacked
from ..dtypes import check_unmasked
from ..errors import ArgumentError, describe, few
from ..transforms.base import is_missing
from ..transforms.labelled import categories_of
from .labelled import Samples
from .plain import Declared, plain
from .rows import AnyRows
from .selection import as_index

__all__ = ["Targets", "label_indexes"]

Array = npt.NDArray[Any]
Part = Array | dict[str, Array] | tuple[Array, ...]

_DECIMALS = {int, float, Decimal}
_BOOLS = {bool, np.bool_}
_LOOKED_AT = 100  # Keys, among the names of a dict.
_EXTENDED_FLOATS = ("bfloat16", "float8")


class Targets:
    """What follows the inputs in each sample.

    Args:
        targets: An array-like with a leading axis of n samples, or a tuple or a dict of those for
            several outputs, or None. A Series, a DataFrame or a dict of single values follows the
            rule of `labelled`, and may hold more rows than there are samples.
        sample_weight: The same, of numbers. One array stands for all outputs; a dict may leave
            outputs out.
        keys: The samples' keys in source order, or their number where positions are all they
            have.
        rows: Those that the samples were made of, where keys were given beside them.
        targets_elsewhere: Whether weights without targets are right, since the caller has those.
        named: The names of targets that have steps, or a rule for missing values: they may be
            whatever the steps take, such as text and missing values. By name, whether it has steps.

    Raises:
        AlignmentError: A sample without a row, or a key with several rows.
        ArgumentError: Another number of rows than of samples, Python objects, missing values, or
            weights that don't go with the targets.
    """

    def __init__(
        self,
        targets: Any,
        sample_weight: Any,
        keys: Any,
        rows: tuple[AnyRows, ...] = (),
        *,
        targets_elsewhere: bool = False,
        named: Mapping[Any, Any] = MappingProxyType({}),
    ) -> None:
        if not isinstance(keys, int):
            keys = as_index(keys)
        samples = Samples(keys, rows)
        self.parts: list[Part] = []
        self._has_targets = targets is not None
        if targets is not None:
            self.parts.append(_part(targets, samples, "targets", named))
        elif sample_weight is not None and not targets_elsewhere:
            raise ArgumentError("sample_weight was given without targets", fix="give targets too")
        if sample_weight is not None:
            weights = _part(sample_weight, samples, "sample_weight", {})
            _map(weights, _check_weights)
            for part in self.parts:
                _check_nesting(weights, part)
            self.parts.append(weights)

    def row(self, index: int) -> tuple[Any, ...]:
        """Returns what follows one sample's inputs: (), (targets,) or (targets, sample_weight)."""
        return tuple(_map(part, lambda array: array[index]) for part in self.parts)

    def target_rows(self, indices: npt.NDArray[np.int64]) -> Any:
        """Returns the targets of several samples; None if there are none."""
        if self._has_targets:
            return _map(self.parts[0], lambda array: array[indices])
        return None

    def rows(self, indices: npt.NDArray[np.int64]) -> tuple[Any, ...]:
        """Returns what follows the inputs of several samples, with a leading axis."""
        return tuple(_map(part, lambda array: array[indices]) for part in self.parts)


def _map(part: Part, function: Callable[[Array], Any]) -> Any:
    if isinstance(part, dict):
        return {name: function(array) for name, array in part.items()}
    return tuple(map(function, part)) if isinstance(part, tuple) else function(part)


def _part(value: Any, samples: Samples, name: str, steps: Mapping[Any, Any]) -> Part:
    if (
        not isinstance(value, Mapping | tuple)
        or _is_by_key(value)
        or _has_row_by_key(value, samples, name)
    ):
        return _column(value, samples, name, steps)
    if not value:
        raise ArgumentError(f"{name} is empty", got=value, fix="leave it out")
    if isinstance(value, tuple):
        return tuple(_column(leaf, samples, f"{name}[{k}]", steps) for k, leaf in enumerate(value))
    return {
        key: _column(leaf, samples, f"{name}[{key!r}]", steps, key) for key, leaf in value.items()
    }


def label_indexes(value: Any, name: str) -> dict[str, Any]:
    """Returns the index of each Series and DataFrame among targets or weights, and dicts by key."""
    import pandas as pd

    if isinstance(value, pd.Series | pd.DataFrame):
        return {name: value.index}
    if _is_by_key(value):
        return {name: value}
    if not isinstance(value, Mapping | tuple):
        return {}
    leaves = value.items() if isinstance(value, Mapping) else enumerate(value)
    found = [label_indexes(leaf, f"{name}[{key!r}]") for key, leaf in leaves]
    return {name: index for each in found for name, index in each.items()}


def _is_by_key(value: Any) -> bool:
    """Whether this is a dict of values by key, and not one of arrays by output name."""
    if not isinstance(value, Mapping):
        return False
    single = any(isinstance(leaf, str | Number | np.generic) for leaf in value.values())
    return single or not all(isinstance(key, str) for key in value)


def _has_row_by_key(value: Any, samples: Samples, name: str) -> bool:
    """Whether this is a dict of rows by key: it has some of the samples' own keys.

    Raises:
        ArgumentError: Its arrays may be those of outputs as well.
    """
    if not isinstance(value, Mapping) or isinstance(samples.keys, int):
        return False
    if not any(key in value for key in samples.keys[:_LOOKED_AT].tolist()):
        return False
    if all(_length(leaf) == samples.size for leaf in value.values()):
        raise ArgumentError(
            f"{name} can be read in two ways: as rows by key and as arrays by output",
            got=f"{few(list(value))}, which are keys, each with {samples.size} values",
            fix=f"by key: pandas.DataFrame.from_dict({name}, orient='index'); by output: give the "
            "outputs names that are no keys",
        )
    return True


def _length(leaf: Any) -> int | None:
    return len(leaf) if hasattr(leaf, "__len__") and getattr(leaf, "ndim", None) != 0 else None


def _check_weights(array: Array) -> None:
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ArgumentError(
            "sample_weight holds NaN or infinity, which would make the loss NaN",
            got=f"{int((~np.isfinite(array)).sum())} of {array.size}",
            fix="drop these samples, or give them weight 0",
        )


def _check_nesting(weights: Part, targets: Part) -> None:
    """Raises ArgumentError unless each of the weights belongs to one of the targets."""
    if isinstance(weights, dict):
        fits = isinstance(targets, dict) and weights.keys() <= targets.keys()
    elif isinstance(weights, tuple):
        fits = isinstance(targets, tuple) and len(weights) == len(targets)
    else:
        fits = not isinstance(targets, tuple)
    if not fits:
        raise ArgumentError(
            "sample_weight does not go with the targets",
            got=_outline(weights),
            expected=f"weights for targets that are {_outline(targets)}",
        )


def _outline(part: Part) -> str:
    if isinstance(part, dict):
        return f"a dict of {', '.join(map(repr, part))}"
    return f"a tuple of {len(part)}" if isinstance(part, tuple) else "one array"


def _column(
    value: Any, samples: Samples, name: str, steps: Mapping[Any, Any], output: Any = None
) -> Array:
    """Returns the rows of one output in the order of the samples."""
    if hasattr(value, "load_sample"):
        raise _is_sequence(value, name)
    has_steps = name in steps or output in steps
    rows = _in_order(value, samples, name, has_steps)
    if has_steps:
        transformed = bool(steps.get(name) or steps.get(output))
        array = _as_given(rows, name, categories_of(value), transformed)
    else:
        array = _as_array(rows, name, output)
    if len(array) != samples.size:
        raise ArgumentError(
            f"{name} and the samples differ in number",
            got=f"{len(array)} rows for {samples.size} samples",
            expected="one row for each sample, in the same order; or a Series, whose rows are "
            "found by the samples' keys where they have any",
            fix="give several outputs as a dict by name or a tuple, not as a list"
            if isinstance(value, list)
            else None,
        )
    return array


def _is_sequence(value: Any, name: str) -> ArgumentError:
    role, inner = name.partition("[")[::2]
    label = "ArraySequence(labels, keys=labels.index)"
    several = f"join(masks, {label})" if inner[:1].isdigit() else f"{{'a': masks, 'b': {label}}}"
    return ArgumentError(
        f"{name} is a sequence",
        got=type(value).__name__,
        expected="an array or a Series, or a dict or a tuple of those; or sequences alone, joined",
        fix=f"join it: join(image=images, {role}={several if inner else 'masks'}), say",
    )


def _in_order(value: Any, samples: Samples, name: str, exact: bool) -> Any:
    """Returns values in the order of the samples, without labels."""
    order = samples.order_of(value, name)
    if isinstance(value, Mapping):
        items = list(value.values())
        return items if order is None else [items[row] for row in order]
    return plain(value if order is None else value.iloc[order], exact)


def _as_array(value: Any, name: str, output: Any) -> Array:
    """Returns an array of numbers."""
    array = _numbers_or_text(value, name)
    if array.dtype.kind in "UST":
        # Of several outputs in a tuple, each has the name of its place.
        raise ArgumentError(got=array, **text_refused(name, output)).at(input=name)
    return array


def _as_given(value: Any, name: str, categories: Any, transformed: bool) -> Array:
    """Returns an array of whatever it is, with an axis of samples."""
    if categories is not None:
        return Declared.of(np.asarray(value), categories)
    try:
        return _numbers_or_text(value, name)
    except ArgumentError:
        if not hasattr(value, "__len__") or isinstance(value, str | set):
            raise
        if getattr(value, "ndim", 1) > 1:
            return np.asarray(value, object)
        rows = np.empty(len(value), object)
        rows[:] = list(value)
        kinds = {type(each) for each in rows.tolist() if not is_missing(each)}
        if kinds and kinds <= _BOOLS and not transformed:  # Steps may take them for classes.
            return np.array([_number(each) for each in rows], np.float32)
        if not kinds <= _DECIMALS or kinds <= {int}:
            return rows  # Each integer stays what it is, whether or not another is missing.
        return np.array([_number(each) for each in rows])


def _number(value: Any) -> float:
    return np.nan if is_missing(value) else float(value)


def _numbers_or_text(value: Any, name: str) -> Array:
    check_unmasked(value, name)
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, RuntimeError) as error:  # Rows of different lengths, say.
        raise _refused(name, str(error)) from error
    if array.dtype.kind == "U" and not isinstance(value, np.ndarray):
        array = np.asarray(value, object)  # NumPy makes text of the numbers in ["cat", nan] too.
    if array.dtype == object:
        try:
            array = stacked(array)
        except ValueError as error:
            raise _refused(name, str(error)) from error
    if array.dtype == object:
        array = _texts(array, name)
    kinds = "biuf" if name.startswith("sample_weight") else "biufUST"
    known = array.dtype.kind in kinds or array.dtype.name.startswith(_EXTENDED_FLOATS)
    if not known or not array.ndim:
        raise _refused(name, describe(array if array.ndim else value))
    return array


def _texts(array: Array, name: str) -> Array:
    """Turns an array of Python strings into one of NumPy's; refuses all other objects."""
    others = [k for k, item in enumerate(array.flat) if not isinstance(item, str)]
    if others:
        # Next to a None or a dict, plain numbers are not what is wrong.
        worst = next((k for k in others if not isinstance(array.flat[k], Number)), others[0])
        raise _refused(name, f"{describe(array.flat[worst])} at position {worst}")
    return array.astype(np.str_)


def _refused(name: str, got: str) -> ArgumentError:
    several = f"; of several labels for each sample: transforms={{{name!r}: Labels(multi=True)}}"
    return ArgumentError(
        f"{name} is not an array of numbers",
        got=got,
        expected="one row for each sample, all of the same shape",
        fix="fill or drop missing values; convert dates, decimals and other objects to numbers"
        + ("" if "weight" in name else several),
    )
