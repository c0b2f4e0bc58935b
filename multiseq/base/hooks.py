"""What a subclass may write, checked when the class is defined and not at the first batch."""

from __future__ import annotations

import abc
import inspect
from typing import TYPE_CHECKING, Any

from ..errors import ArgumentError, naming

__all__ = ["Hooks", "NamedInErrors"]

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


class NamedInErrors(abc.ABCMeta):
    """Adds the class to errors that a constructor raises, in whichever subclass."""

    if not TYPE_CHECKING:  # Which would take what `__call__` returns for what a class makes.

        def __call__(cls, *args, **keywords):
            """Makes a sequence; it counts as made once its constructor has come to its end."""
            with naming(cls.__name__):
                made = super().__call__(*args, **keywords)
            made._made = True
            return made

    @property
    def __signature__(cls) -> inspect.Signature:
        """That of the constructor, which `help` would else not see behind `__call__`."""
        signature = inspect.signature(cls.__init__)  # type: ignore[misc]
        return signature.replace(parameters=list(signature.parameters.values())[1:])


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
