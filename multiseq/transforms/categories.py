"""What a category is: text, a number or a bool, and how each is written plainly."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import ArgumentError, SampleError, SpecError
from .base import is_missing

__all__ = ["KINDS", "Category", "canonical", "checked_mask", "no_category", "plain", "spelled"]

Category = str | int | float | bool

KINDS: dict[type, type] = {bool: bool, int: float, float: float, str: str}
"""The type that stands for each: integers and floats are numbers."""


def plain(value: Any) -> Category | None:
    """Returns a category as a plain str, int, float or bool; None for a missing value."""
    if isinstance(value, np.generic) and value.dtype.kind in "biufUS":
        value = value.item()
    if is_missing(value):
        return None
    if type(value) in KINDS:
        return value  # type: ignore[no-any-return]
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    for kind in (str, int, float):  # An enum's members, for one.
        if isinstance(value, kind):
            return getattr(kind, f"__{kind.__name__}__")(value)  # type: ignore[no-any-return]
    raise no_category(value)


def no_category(value: Any) -> SpecError:
    """The error for what is none."""
    return SpecError(
        "this cannot be a category",
        got=value,
        expected="text, a number or a bool",
        fix="convert it first, for example with str()",
    )


def canonical(category: Category) -> Category:
    """Returns 1 for 1.0: which of them came first must not matter."""
    if isinstance(category, float):
        if not math.isfinite(category):
            raise SampleError("a category is infinite", got=category, expected="a finite number")
        return int(category) if category.is_integer() else category
    return category


def spelled(category: Category) -> bytes:
    """Returns the bytes that are hashed: the same for equal categories."""
    if isinstance(category, float) and category.is_integer():
        category = int(category)
    return f"{KINDS[type(category)].__name__} {category}".encode("utf-8", "surrogatepass")


def checked_mask(mask: Any) -> Category:
    """Returns the mask of a vocabulary.

    Raises:
        ArgumentError: It is no category, or a missing one.
    """
    try:
        found = plain(mask)
    except SpecError:
        found = None
    if found is None or found in (math.inf, -math.inf):
        raise ArgumentError("bad mask", got=mask, expected='a category such as "" or 0, or None')
    return canonical(found)
