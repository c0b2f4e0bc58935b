"""What a user gives as the source of a modality: its items, and their keys if it has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..keys.selection import as_index
from ..samples import Spec
from ..settings import BaseKeywords

__all__ = ["check_items", "check_keys", "index_beside", "items_and_keys", "with_spec"]


def items_and_keys(source: Any, what: str) -> tuple[list[Any], Any]:
    """Splits a source into its items and their keys.

    Args:
        source: A dict by key, a pandas Series by its index, or a list, tuple, array, Index or
            column of an Arrow table.
        what: What the items are, in the plural, for errors.

    Returns:
        The items, and their keys as `pandas.Index` takes them; None where they have no keys.

    Raises:
        ArgumentError: It is none of these.
    """
    if isinstance(source, Mapping):
        return list(source.values()), list(source)
    if isinstance(source, str | bytes | set | frozenset) or not hasattr(source, "__len__"):
        raise ArgumentError(
            f"this is no collection of {what}",
            got=source,
            expected=f"a list, array or Series of {what}, or a dict of them by key",
            fix=f"put {what} that come one by one in a list, in a fixed order",
        )
    if hasattr(source, "to_pylist"):  # Arrow's, whose `index` is a method.
        return source.to_pylist(), None
    if getattr(source, "ndim", 1) != 1 and hasattr(source, "columns"):
        raise ArgumentError(
            f"a table is no collection of {what}",
            got=f"columns {list(source.columns)}",
            fix="choose a column: frame['name']",
        )
    keys = source.index if hasattr(source, "index") and hasattr(source, "to_numpy") else None
    return list(source), keys


def check_items(
    items: list[Any],
    keys: Any,
    accepts: Callable[[Any], bool],
    what: str,
    expected: str,
    fix: str = "leave the key out, or fill it",
) -> None:
    """Raises ArgumentError for the first item that is not accepted, naming its key or position."""
    for position, item in enumerate(items):
        if accepts(item):
            continue
        where = f"position {position}" if keys is None else f"key {keys[position]!r}"
        # Arrays and images of Pillow; not NumPy's scalars, such as a NaN.
        decoded = hasattr(item, "__array_interface__") and not isinstance(item, np.generic)
        raise ArgumentError(
            f"{where} is no {what}",
            got=item,
            expected=expected,
            fix="pass what is an array already to ArraySequence: numpy.stack([numpy.asarray(item) "
            "for item in items])"
            if decoded
            else fix,
        )


def check_keys(keys: Any, items: list[Any], what: str) -> None:
    """Raises ArgumentError unless there are as many keys as items; a number stands for itself."""
    n = keys if isinstance(keys, int) else len(keys)
    if n != len(items):
        raise ArgumentError(
            f"keys and {what} differ in number", got=f"{n} keys for {len(items)} {what}"
        )


def index_beside(keys: Any, own_keys: Any) -> Any:
    """Returns the keys of a source as an index, where others were given beside it; else None."""
    return None if own_keys is None or keys is own_keys else as_index(own_keys)


def with_spec(keywords: BaseKeywords, own: Spec) -> BaseKeywords:
    """Adds the spec of a modality's one input to the base's keywords, unless the user gave it.

    It is that of what is loaded, and says nothing of what transforms make of it.
    """
    given, transforms = keywords.get("spec"), keywords.get("transforms")
    if keywords.get("map") is not None:
        return keywords
    if transforms is not None and (not isinstance(transforms, Mapping) or "inputs" in transforms):
        return keywords
    if given is None:
        given = own
    elif isinstance(given, tuple) and given and given[0] is None:
        given = (own, *given[1:])
    return {**keywords, "spec": given}
