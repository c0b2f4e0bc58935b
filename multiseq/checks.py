"""Checks of arguments that several modules share."""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import ArgumentError

__all__ = ["check_choice", "check_count", "is_equal", "is_text", "text_refused"]


def check_count(name: str, value: Any, least: int, fix: str | None = None) -> int:
    """Returns a whole number of at least `least`.

    Raises:
        ArgumentError: It is something else, a bool included.
    """
    if isinstance(value, int | np.integer) and not isinstance(value, bool) and value >= least:
        return int(value)
    raise ArgumentError(
        f"bad {name}", got=value, expected=f"an integer of at least {least}", fix=fix
    )


def check_choice(name: str, value: Any, choices: tuple[Any, ...]) -> None:
    """Raises ArgumentError unless a value is one of the choices."""
    if value not in choices:
        expected = ", ".join(map(repr, choices[:-1])) + f" or {choices[-1]!r}"
        raise ArgumentError(f"bad {name}", got=value, expected=expected)


def is_text(leaf: Any) -> bool:
    """Whether this is text, or an array of it, of Python's own strings too."""
    if isinstance(leaf, str | bytes):
        return True
    dtype = getattr(leaf, "dtype", None)
    if not isinstance(dtype, np.dtype):
        return False
    objects = dtype.kind == "O" and leaf.size > 0
    return dtype.kind in "UST" or (objects and all(isinstance(each, str) for each in leaf.flat))


def is_equal(one: Any, other: Any) -> bool:
    """Whether two leaves are of one dtype, and hold the same; NaN is NaN."""
    one, other = np.asarray(one), np.asarray(other)
    floats = one.dtype.kind == other.dtype.kind == "f"
    return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=floats)


def text_refused(name: str, output: Any = None) -> dict[str, str]:
    """Returns what an error says of a target that is text.

    Args:
        name: Of the target, such as "targets" or "targets['species']".
        output: Its own name, where targets are a dict.
    """
    shown = repr(name if output is None else output)
    return {
        "what": f"{name} is text, and models take numbers",
        "expected": "numbers, or a transform that makes numbers of it",
        "fix": f"number the classes: transforms={{{shown}: Labels()}}, and adapt() on the "
        "training sequence",
    }
