"""Checks of arguments that several modules share."""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import ArgumentError

__all__ = ["check_choice", "check_count"]


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
