"""What a subclass may write, checked when the class is defined and not at the first batch."""

from __future__ import annotations

import abc
import functools
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from ..declaring import check_returns, declared
from ..errors import ArgumentError, naming
from ..transforms.learned import Learned, steps_of

__all__ = ["Hooks", "NamedInErrors", "optional"]

Hook = TypeVar("Hook", bound=Callable[..., Any])

_ARGUMENTS = {
    "load_sample": ("index",),
    "augment": ("sample", "rng"),
    "augment_batch": ("batch", "rng"),
    "load_batch": ("indices",),
    "collate": ("samples",),
    "raw": ("index",),
    "raw_rows": ("indices",),
    "target_rows": ("indices",),
    "time_spans": ("indices",),
}

# What a hook is given too, by name, where it has such a parameter.
_ASKED = {"load_sample": ("rng",), "augment": ("key", "index")}


def optional(hook: Hook) -> Hook:
    """Marks what the base class says of a hook that a subclass may write."""
    hook._unwritten = True  # type: ignore[attr-defined]
    return hook


class NamedInErrors(abc.ABCMeta):
    """Adds the class to errors that a constructor raises, in whichever subclass."""

    if not TYPE_CHECKING:  # Which would take what `__call__` returns for what a class makes.

        def __call__(cls, *args, **keywords):
            """Makes a sequence; it counts as made once its constructor has come to its end."""
            with naming(cls.__name__):
                made = super().__call__(*args, **keywords)
            made._made = True
            if made._pipeline is not None:
                made.transforms  # noqa: B018 (which refuses two of one name)
            return made

    @property
    def __signature__(cls) -> inspect.Signature:
        """That of the constructor, which `help` would else not see behind `__call__`."""
        signature = inspect.signature(cls.__init__)  # type: ignore[misc]
        return signature.replace(parameters=list(signature.parameters.values())[1:])


class Hooks:
    """The side of a sequence that knows what its subclasses write."""

    _asked: Mapping[str, tuple[str, ...]] = dict.fromkeys(_ASKED, ())

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        asked = {n: declared(getattr(cls, n), _ASKED[n]) for n in _ASKED if n in vars(cls)}
        cls._asked = {**cls._asked, **asked}
        if isinstance(vars(cls).get("transforms"), property):
            cls.transforms = _with_given(vars(cls)["transforms"])  # type: ignore[attr-defined]
        for name, arguments in _ARGUMENTS.items():
            written = vars(cls).get(name)
            bound = isinstance(written, staticmethod)
            function = written.__func__ if isinstance(written, staticmethod) else written
            if inspect.isfunction(function):
                by_name = asked.get(name, ())
                _check(cls, name, function, arguments if bound else ("self", *arguments), by_name)

    def _writes(self, name: str) -> bool:
        """Whether a subclass writes one of the hooks that need not be written."""
        return not hasattr(getattr(type(self), name), "_unwritten")


def _with_given(own: property) -> property:
    """Returns the property `transforms` of a class, with those that `transforms=` gave added."""
    written: Any = own.fget

    @functools.wraps(written)
    def transforms(self: Any) -> Any:
        found = written(self)
        if self._pipeline is None:
            return found
        given = self._pipeline.transforms
        for name in found:
            if name in given and found[name] is not given[name]:
                raise ArgumentError(
                    f"transforms: {type(self).__name__} itself has a transform of {name!r}",
                    got=f"{found[name]!r}, and {given[name]!r}",
                    fix=f"leave one of them out; or put the second into a join: "
                    f"join(sequence, transforms={{{name!r}: ...}})",
                )
        return Learned(found, steps_of(found)).and_also(given)

    return property(transforms, doc=own.__doc__)


def _check(
    cls: type, name: str, function: Any, arguments: tuple[str, ...], by_name: tuple[str, ...]
) -> None:
    """Raises ArgumentError unless a function can be called as it will be, and returns at once."""
    signature = inspect.signature(function)
    wanted = f"def {name}({', '.join(arguments)})"
    try:
        signature.bind(*arguments, **dict.fromkeys(by_name))
    except TypeError as error:
        more = "".join(f", or with {each}" for each in _ASKED.get(name, ()))
        raise ArgumentError(
            f"{name} cannot be called as it will be: {error}",
            got=f"def {name}{signature}",
            expected=wanted + more,
        ).at(cls=cls.__name__) from None
    with naming(cls.__name__):
        check_returns(name, function, f"{wanted}, which returns what it made")
