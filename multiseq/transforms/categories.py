"""What a category is: text, a number or a bool, and how each is written plainly."""

from __future__ import annotations

import math
import zlib
from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError, SampleError, SpecError, describe, few
from .base import is_missing

__all__ = [
    "KINDS",
    "NAMES",
    "Category",
    "are_nested",
    "bucket_of",
    "canonical",
    "check_distinct",
    "check_saved",
    "checked_array",
    "checked_mask",
    "chosen",
    "is_array",
    "leaves_of",
    "no_category",
    "of_new_kind",
    "plain",
    "printed",
    "unknown",
    "unlearned",
]

Category = str | int | float | bool

KINDS: dict[type, type] = {bool: bool, int: float, float: float, str: str}
"""The type that stands for each: integers and floats are numbers."""

NAMES: dict[type, str] = {bool: "bools", float: "numbers", str: "text"}
"""What the kinds are called."""

_ONE_KIND = (
    "make the column one kind wherever it comes from, and adapt on that: str(value) for text; of "
    "CSV files, TableSequence(pandas.read_csv(path, dtype={column: str}), ...)"
)

_NESTED = {list, tuple, np.ndarray}


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


def unlearned(value: Any, categories: tuple[Category, ...]) -> SampleError:
    """The error for a category that has no id."""
    return SampleError(
        "this category was not learned, and num_oov=0 leaves no id for it",
        got=value,
        expected=f"one of {len(categories)}, such as {', '.join(map(repr, categories[:5]))}",
        fix="learn from samples of every class: split(..., stratify=...); or use num_oov=1",
    )


def of_new_kind(category: Category, categories: tuple[Category, ...]) -> SampleError:
    """The error for a category of another kind than it would have to be."""
    return SampleError(
        "this category is of another kind than those that were learned",
        got=describe(category),
        expected=f"as they are: {few(categories)}",
        fix=_ONE_KIND,
    )


def check_distinct(texts: Collection[str], others: Iterable[Category]) -> None:
    """Raises SampleError where a number or a bool is printed like one of the texts."""
    for category in others if texts else ():
        if printed(category) in texts:
            raise SampleError(
                "categories of two kinds are printed alike",
                got=f"{category!r} and {printed(category)!r}",
                expected="all text, all numbers or all bools; or text that is none of the others",
                fix=_ONE_KIND,
            )


def canonical(category: Category) -> Category:
    """Returns 1 for 1.0: which of them came first must not matter."""
    if isinstance(category, float):
        if not math.isfinite(category):
            raise SampleError("a category is infinite", got=category, expected="a finite number")
        return int(category) if category.is_integer() else category
    return category


def bucket_of(category: Category, buckets: int) -> int:
    """Returns the number of one of several buckets: the same in every process."""
    if buckets < 2:
        return 0
    text = f"{KINDS[type(category)].__name__} {printed(category)}"
    return zlib.crc32(text.encode("utf-8", "surrogatepass")) % buckets


def printed(category: Category) -> str:
    """Returns a category as text: the same for 1 and 1.0."""
    return str(int(category) if isinstance(category, float) and category.is_integer() else category)


def check_saved(categories: Any, mask: Category | None) -> None:
    """Raises ValueError unless these can be a vocabulary's categories beside its mask."""
    if not isinstance(categories, list) or any(type(c) not in KINDS for c in categories):
        raise ValueError("the categories are no list of texts, numbers and bools")
    distinct = {(KINDS[type(c)], c) for c in categories}
    if len(distinct) < len(categories):
        raise ValueError("a category occurs twice")
    if mask is not None and (KINDS[type(mask)], mask) in distinct:
        raise ValueError("the mask is among the categories")


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


def unknown(categories: Iterable[Any]) -> str:
    """Returns what stands for anything else among categories: text that is none of them."""
    text, known = "[UNK]", set(categories)
    while text in known:
        text = f"[{text}]"
    return text


def is_array(values: object) -> bool:
    """Whether this is an array, or a Series and the like; one of NumPy's scalars is none."""
    return hasattr(values, "__array__") and not isinstance(values, np.generic)


def checked_array(values: Any) -> npt.NDArray[Any]:
    """Returns what may be an array of categories as one.

    Raises:
        SpecError: It holds something else.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "biufUSTO":
        raise no_category(array)
    return array


def are_nested(types: set[type]) -> bool:
    """Whether values of these types are samples with several tokens each."""
    if types.isdisjoint(_NESTED):
        return False
    if not types <= _NESTED:
        raise SpecError(
            "lists and single values are mixed",
            got=", ".join(sorted(kind.__name__ for kind in types)),
            expected="either single categories, or a list of tokens for each sample",
            fix="give samples without tokens an empty list",
        )
    return True


def leaves_of(values: Any) -> list[Any]:
    """Returns all categories or tokens in a chunk."""
    as_list = isinstance(values, list | tuple)
    leaves = list(values) if as_list else checked_array(values).ravel().tolist()
    if are_nested(set(map(type, leaves))):
        return [leaf for nested in leaves for leaf in leaves_of(nested)]
    return leaves


def chosen(categories: npt.NDArray[Any], ids: Any) -> Any:
    """Returns the categories that ids stand for, in the shape of the ids.

    Args:
        categories: By id.
        ids: One, or an array or a list of them; or a list of arrays of different lengths.

    Raises:
        SpecError: These are no ids: of another kind, with fractions, or out of range.
    """
    size = len(categories)
    try:
        array = np.asarray(ids)
    except ValueError:  # Rows of different lengths.
        return [chosen(categories, each) for each in ids]
    if array.dtype == object and array.ndim:
        return [chosen(categories, each) for each in ids]
    whole = array.astype(np.int64) if array.dtype.kind in "iuf" and _is_whole(array) else None
    if not array.size:
        whole = np.zeros(array.shape, np.int64)
    if whole is None or not ((whole >= 0) & (whole < size)).all():
        raise SpecError(
            "these are no ids",
            got=_first_bad(array, size),
            expected=f"whole numbers from 0 to {size - 1}",
            fix="of a model's scores for each class, take scores.argmax(-1) first"
            if array.dtype.kind == "f"
            else "undo what changed the ids after the transform, such as padding by -1",
        )
    found = categories[whole]
    return found if whole.ndim else plain(found)


def _is_whole(array: npt.NDArray[Any]) -> bool:
    return bool((np.isfinite(array) & (array == np.round(array))).all())


def _first_bad(array: npt.NDArray[Any], size: int) -> Any:
    if array.dtype.kind not in "iuf":
        return array if array.ndim else array[()]
    good = np.isfinite(array) & (array == np.round(array)) & (array >= 0) & (array < size)
    return array[~good][0].item()
