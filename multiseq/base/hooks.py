"""What a subclass may write, checked when the class is defined and not at the first batch."""

from __future__ import annotations

import inspect
from typing import Any

from ..errors import ArgumentError

__all__ = ["Hooks"]

_ARGUMENTS = {
    "load_sample": ("index",),
    "augment": ("sample", "rng"),
    "load_batch": ("indices",),
    "collate": ("samples",),
    "raw": ("index",),
    "raw_rows": ("indices",),
    "target_rows": ("indices",),
    "time_spans": ("indices",),
}


class Hooks:
    """The side of a sequence that knows what its subclasses write."""

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        for name, arguments in _ARGUMENTS.items():
            written = vars(cls).get(name)
            bound = isinstance(written, staticmethod)
            function = written.__func__ if isinstance(written, staticmethod) else written
            if inspect.isfunction(function):
                _check(cls, name, function, arguments if bound else ("self", *arguments))


def _check(cls: type, name: str, function: Any, arguments: tuple[str, ...]) -> None:
    """Raises ArgumentError unless a function can be called as it will be, and returns at once."""
    signature = inspect.signature(function)
    wanted = f"def {name}({', '.join(arguments)})"
    try:
        signature.bind(*arguments)
    except TypeError as error:
        raise ArgumentError(
            f"{name} cannot be called as it will be: {error}",
            got=f"def {name}{signature}",
            expected=wanted,
        ).at(cls=cls.__name__) from None
    if inspect.isgeneratorfunction(function) or inspect.iscoroutinefunction(function):
        yields = inspect.isgeneratorfunction(function)
        raise ArgumentError(
            f"{name} {'yields' if yields else 'is a coroutine'}",
            expected=f"{wanted}, which returns what it made",
            fix="write return in place of yield" if yields else "write def in place of async def",
        ).at(cls=cls.__name__)
