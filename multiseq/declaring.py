"""What a function declares: parameters, so that it is given what it asks for; and no `yield`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from .errors import ArgumentError

__all__ = ["check_returns", "declared"]

_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def declared(function: Callable[..., Any], names: tuple[str, ...]) -> tuple[str, ...]:
    """Returns those of some names that a function has parameters of.

    `*args` and `**kwargs` declare none, and what `functools.partial` has given a value is no
    parameter any more.
    """
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # Such as a function in C.
        return ()
    given: set[str] = set()
    while isinstance(function, functools.partial):
        given |= function.keywords.keys()
        function = function.func
    return tuple(
        name
        for name in names
        if name in parameters and name not in given and parameters[name].kind in _BY_NAME
    )


def check_returns(what: str, function: Any, expected: str, **got: Any) -> None:
    """Raises ArgumentError where a call returns nothing that was made: it yields, or is awaited.

    Args:
        what: What the function is called.
        function: The function, or an object that can be called.
        expected: What should have been there.
        **got: `got`, where it is to be said.
    """
    called = (function, type(function).__call__)
    yields = any(map(inspect.isgeneratorfunction, called))
    if yields or any(map(inspect.iscoroutinefunction, called)):
        raise ArgumentError(
            f"{what} {'yields' if yields else 'is a coroutine'}",
            expected=expected,
            fix="write return in place of yield" if yields else "write def in place of async def",
            **got,
        )
