"""What a class is, and what is said of labels that are none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError, MultiseqError, SampleError, SpecError, describe, few
from .categories import KINDS, NAMES, Category, canonical, plain

__all__ = [
    "SEVERAL",
    "above",
    "as_array",
    "as_class",
    "categories_of",
    "checked_class",
    "checked_classes",
    "checked_sep",
    "distinct_of",
    "kind_of",
    "missing_label",
    "mixed",
    "no_chunk",
    "no_labels",
    "of_another_kind",
    "one_hot",
    "scores_of",
    "unseen_label",
]

Array = npt.NDArray[Any]

SEVERAL = (list, tuple, set, frozenset, np.ndarray)
"""What may hold the labels of one sample."""


def as_class(value: Any) -> Category | None:
    """Returns a label as a plain str, int or bool; None for a missing one.

    Raises:
        SampleError: It is a number with a fraction, or infinite.
        SpecError: It is something else.
    """
    category = plain(value)
    if category is None:
        return None
    found = canonical(category)
    if isinstance(found, float):
        raise SampleError(
            "a number with a fraction is no class",
            got=value,
            expected="text, whole numbers or bools",
            fix="targets that are quantities need no Labels (Standardize scales them); "
            "pandas.cut(values, bins, labels=[...]) makes classes of them",
        )
    return found


def kind_of(cls: type) -> type | None:
    """Returns the kind of what is found in a table of classes as it is; None for other types."""
    if cls in KINDS or not issubclass(cls, np.generic):
        return KINDS.get(cls)
    if issubclass(cls, np.bool_):
        return bool
    return str if issubclass(cls, str) else float if issubclass(cls, np.number) else None


def checked_class(name: str, value: Any) -> Category:
    """Returns a class that is an argument.

    Raises:
        ArgumentError: It is none.
    """
    try:
        found = as_class(value)
    except MultiseqError as error:
        raise ArgumentError(f"{name}: {error.what}", got=value, fix=error.fix) from None
    if found is None:
        raise ArgumentError(
            f"{name} is a missing value",
            got=value,
            expected="text, whole numbers or bools",
            fix="leave it out",
        )
    return found


def checked_classes(classes: Any) -> tuple[Category, ...]:
    """Returns classes that are an argument.

    Raises:
        ArgumentError: They are none, without an order, one twice, or of several kinds.
    """
    if isinstance(classes, str | bytes | set | frozenset | dict) or not isinstance(
        classes, Iterable
    ):
        raise ArgumentError(
            "classes is no list of classes",
            got=classes,
            expected="a list, a tuple or an array: the order is that of their numbers",
            fix="sorted(classes) gives a set an order"
            if isinstance(classes, set | frozenset)
            else None,
        )
    found = tuple(checked_class("classes", each) for each in classes)
    if not found:
        raise ArgumentError("classes is empty", got=classes, fix="leave it out to learn them")
    if len({KINDS[type(each)] for each in found}) > 1:
        error = mixed(list(found))
        raise ArgumentError(error.what, got=error.got, expected=error.expected, fix=error.fix)
    if len(set(found)) < len(found):
        twice = next(each for each in found if found.count(each) > 1)
        raise ArgumentError("a class is named twice", got=twice, fix="name each class once")
    return found


def checked_sep(sep: Any) -> str:
    """Returns what is between labels; raises ArgumentError unless it is text."""
    if isinstance(sep, str) and sep:
        return sep
    raise ArgumentError("bad sep", got=sep, expected='text between labels, such as "|", or None')


def categories_of(values: Any) -> list[Any] | None:
    """Returns the categories that a pandas Categorical, or a Series of such, is declared to have.

    Also those of an array that was made of one, which has them as an attribute; and those that
    all columns of a table have.
    """
    if hasattr(values, "columns"):
        found = [categories_of(column) for _, column in values.items()]
        return found[0] if found and all(each == found[0] for each in found) else None
    if getattr(values, "ndim", None) != 1 and not isinstance(values, np.ndarray):
        return None
    declared = getattr(getattr(values, "cat", values), "categories", None)
    return None if declared is None else list(declared)


def distinct_of(labels: list[Any]) -> Iterable[Any]:
    """Returns each label once, those of different types apart."""
    try:
        if len(types := set(map(type, labels))) == 1 and types != {float}:
            return set(labels)
        # NaN is not equal to itself: by its text, which is one.
        return {(type(each), each if each == each else "nan"): each for each in labels}.values()
    except (TypeError, ValueError):  # What cannot be hashed or compared is no label.
        return labels


def one_hot(ids: Any, size: int) -> Any:
    """Returns a 1 among zeros for each id, in float32; a list for a list."""
    if isinstance(ids, list):
        return [one_hot(each, size) for each in ids]
    hot = np.zeros((*np.shape(ids), size), np.float32)
    np.put_along_axis(hot, np.asarray(ids, np.int64)[..., None], 1.0, axis=-1)
    return hot


def as_array(classes: tuple[Category, ...]) -> Array:
    """Returns classes as an array: of objects where NumPy has no such integers."""
    array = np.asarray(classes)
    if array.dtype.kind in "biU" or not classes:
        return array
    objects = np.empty(len(classes), object)
    objects[:] = classes
    return objects


def scores_of(values: Any, size: int) -> Array:
    """Returns values with a last axis of classes.

    Raises:
        SpecError: They have no such axis, or hold NaN.
    """
    try:
        scores = np.asarray(values)
    except ValueError as error:
        raise SpecError("rows differ in length", got=str(error)) from error
    if scores.dtype.kind not in "biuf" or scores.ndim == 0 or scores.shape[-1] != size:
        raise SpecError(
            f"the last axis is not that of the {size} classes",
            got=scores if scores.ndim else values,
            expected=f"shape ({size},) for a sample, or (n, {size})",
            fix=f"let the model's output have {size} units",
        )
    if scores.dtype.kind == "f" and np.isnan(scores).any():
        raise SpecError("scores are NaN, of which no class can be told", got=scores)
    return scores


def above(classes: Array, scores: Array, threshold: float) -> Any:
    """Returns the classes whose scores are above the threshold: a list for each sample."""
    if scores.ndim > 1:
        return [above(classes, each, threshold) for each in scores]
    return classes[scores > threshold].tolist()


def missing_label(value: Any, also: str = "") -> SampleError:
    """The error for a label that is missing."""
    return SampleError(
        "a label is missing",
        got=value,
        expected=f"{also}a label for each sample",
        fix='missing={name: "mask"}, by the target\'s name, gives such samples weight 0; or leave '
        "them out, by subset(); or make a class of them, missing={name: class}",
    )


def mixed(categories: list[Category]) -> SampleError:
    """The error for classes of several kinds."""
    first = {KINDS[type(each)]: each for each in reversed(categories)}
    return SampleError(
        "classes are of several kinds",
        got="; ".join(f"{NAMES[kind]}, such as {each!r}" for kind, each in first.items()),
        expected="all text, all whole numbers or all bools",
        fix="make them one kind: str(label), say, for all of them",
    )


def of_another_kind(label: Any, classes: tuple[Category, ...]) -> SampleError:
    """The error for a label of another kind than the classes."""
    return SampleError(
        f"the classes are {NAMES[KINDS[type(classes[0])]]}, and a label is not",
        got=label,
        expected=f"one of {few(classes)}",
        fix="convert it before: str(label) or int(label), say",
    )


def unseen_label(label: Category, classes: tuple[Category, ...]) -> SampleError:
    """The error for what is no class."""
    return SampleError(
        f"{label!r} is none of the classes",
        got=describe(label),
        expected=f"one of {few(classes)}",
        fix="learn from samples of every class: split(..., stratify=...); or name all of them: "
        "Labels(classes=[...]); or say which class it counts as: Labels(unseen=...)",
    )


def no_labels(row: Any, sep: str | None) -> SpecError:
    """The error for what cannot be the labels of one sample."""
    if sep is None:
        return SpecError(
            "the labels of a sample are no list",
            got=row,
            expected="a list, tuple, set or array of labels",
            fix='of text with several labels make Labels(sep="|"); where each sample has one '
            "label, leave multi out",
        )
    return SpecError(
        "several labels with sep= are no text",
        got=row,
        expected=f"text with {sep!r} between labels",
        fix="Labels(multi=True), without sep, takes lists",
    )


def no_chunk(values: Any) -> SpecError:
    """The error for what is not the labels of several samples."""
    return SpecError(
        "this is no chunk of samples",
        got=values,
        expected="a list or an array, of labels or of lists of labels",
        fix="put the labels of several samples in a list",
    )
