"""Texts that are missing, filled before they are tokenized."""

from __future__ import annotations

from typing import Any

from ...errors import ArgumentError
from ...transforms.base import is_missing
from ...transforms.missing import Fill, Refuse, as_fill

__all__ = ["filled"]


def filled(items: list[Any], how: Any) -> list[Any]:
    """Returns texts with text in the place of those that are missing.

    Args:
        items: Texts, some of which may be missing.
        how: What `missing=` says of them; None for nothing, and "raise" leave them to be refused.

    Raises:
        ArgumentError: They are not to be filled with this.
    """
    fill = None if how is None else as_fill(how)
    if fill is None or isinstance(fill, Refuse):
        return items
    if not isinstance(fill, Fill) or not isinstance(fill.value, str):
        raise ArgumentError(
            "missing: texts are filled with text",
            got=how,
            expected='"raise", or text such as missing=""',
        ).at(input="inputs")
    return [fill.value if is_missing(item) else item for item in items]
