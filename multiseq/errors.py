"""Every exception of the package.

MultiseqError
├── ArgumentError (ValueError)           a bad argument, caught before any data is read
├── NotInitializedError (RuntimeError)   a subclass forgot `super().__init__()`
├── NotAdaptedError (RuntimeError)       a transform that learns was used before `adapt()`
├── ClosedError (RuntimeError)           a sequence was used after the interpreter began to exit
├── MissingPackageError (ImportError)    an optional package is not installed
├── AlignmentError (ValueError)          keys that are missing, duplicated or of different kinds
├── CheckError (ValueError)              `check(model, strict=True)` found something
└── SampleError (ValueError)             one sample cannot be used
    ├── LoadError                        `load_sample` or `augment` raised
    │   └── WorkerError                  worker processes died, or took too long, while loading it
    ├── SpecError                        structure, shape or dtype differs from the spec
    └── SourceError                      a file is missing, broken, or refused for safety

A message says what happened, what was got, what was expected and what to do. Inner code raises
it short; the sequence adds where (class, key, position, input) once, at its boundary.
"""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Self

__all__ = [
    "AlignmentError",
    "ArgumentError",
    "CheckError",
    "ClosedError",
    "LoadError",
    "MissingPackageError",
    "MultiseqError",
    "NotAdaptedError",
    "NotInitializedError",
    "SampleError",
    "SourceError",
    "SpecError",
    "WorkerError",
    "at_input",
    "describe",
    "few",
    "list_names",
    "naming",
    "nearest",
    "said",
]

_PLACES = ("class", "key", "position", "input")
_LONGEST_VALUE = 100
_NOT_GIVEN: Any = object()  # Since None is what was got, now and then.


class MultiseqError(Exception):
    """Base of all errors of this package.

    Args:
        what: One sentence: what happened.
        got: What was found. Text is shown as it is, anything else through `describe`.
        expected: What should have been there.
        fix: What the user can do.
    """

    def __init__(
        self, what: str, *, got: Any = _NOT_GIVEN, expected: Any = None, fix: str | None = None
    ) -> None:
        super().__init__(what)
        self.what = what
        self.got = None if got is _NOT_GIVEN else got if isinstance(got, str) else describe(got)
        self.expected = (
            expected if expected is None or isinstance(expected, str) else describe(expected)
        )
        self.fix = fix
        self.where: dict[str, str] = {}

    def at(self, **places: Any) -> Self:
        """Adds where it happened; a place that is already known is kept.

        Args:
            **places: `cls` (a class name), `key`, `position`, `input`.
        """
        for name, value in places.items():
            self.where.setdefault("class" if name == "cls" else name, str(value))
        return self

    def __str__(self) -> str:
        known = [
            self.where[name] if name == "class" else f"{name} {self.where[name]}"
            for name in _PLACES
            if name in self.where
        ]
        lines = [": ".join(filter(None, [", ".join(known), self.what]))]
        for label in ("got", "expected", "fix"):
            if (text := getattr(self, label)) is not None:
                lines.append(f"  {label}: {text}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions pickle by their positional arguments; ours carry keywords and a place.
        return _rebuild, (type(self), self.__dict__.copy())


def _rebuild(cls: type[MultiseqError], state: dict[str, Any]) -> MultiseqError:
    error = cls(state["what"])
    error.__dict__.update(state)
    return error


class ArgumentError(MultiseqError, ValueError):
    """A bad argument, caught before any data is read."""


class NotInitializedError(MultiseqError, RuntimeError):
    """A subclass forgot `super().__init__()`."""


class NotAdaptedError(MultiseqError, RuntimeError):
    """A transform that learns was used before `adapt()`."""


class ClosedError(MultiseqError, RuntimeError):
    """A sequence was used after the interpreter began to exit."""


class MissingPackageError(MultiseqError, ImportError):
    """An optional package is not installed."""


class AlignmentError(MultiseqError, ValueError):
    """Keys are missing, duplicated or of different kinds."""


class CheckError(MultiseqError, ValueError):
    """`check(model, strict=True)` found something.

    Attributes:
        report: All that was found.
    """

    report: Any = None


class SampleError(MultiseqError, ValueError):
    """One sample cannot be used."""


class LoadError(SampleError):
    """`load_sample` or `augment` raised; the original is the `__cause__`."""


class WorkerError(LoadError):
    """Worker processes died, or took too long, each time a sample was being loaded."""


class SpecError(SampleError):
    """A sample's structure, shape or dtype differs from the sequence's spec."""


class SourceError(SampleError):
    """A file is missing, broken, or refused for safety."""


@contextlib.contextmanager
def naming(called: str) -> Iterator[None]:
    """Adds what a sequence is called to errors that are raised within."""
    try:
        yield
    except MultiseqError as error:
        error.at(cls=called)
        raise


@contextlib.contextmanager
def at_input(name: Any) -> Iterator[None]:
    """Adds the name of an input or target to errors that are raised within."""
    try:
        yield
    except MultiseqError as error:
        error.at(input=name)
        raise


def said(error: BaseException) -> str:
    """Returns the class and the text of an error, which may refuse to be printed."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception as other:
        return f"{type(error).__name__}, whose text raised {type(other).__name__}"


def describe(value: Any) -> str:
    """Says what a value is, without printing an array: type, shape and dtype, or a short repr."""
    if hasattr(value, "shape") and hasattr(value, "dtype") and not isinstance(value, type):
        return f"{type(value).__name__} of shape {tuple(value.shape)} and dtype {value.dtype}"
    try:
        text = repr(value)
    except Exception as error:
        return f"a {type(value).__name__}, whose repr raised {type(error).__name__}"
    if len(text) > _LONGEST_VALUE:
        text = text[:_LONGEST_VALUE] + "…"
    return f"{text} ({type(value).__name__})"


def few(items: Any, most: int = 5) -> str:
    """Names the first few of some items, and says how many there are."""
    shown = ", ".join(repr(item) for item in list(items[:most]))
    return f"{shown}, … ({len(items)} in all)" if len(items) > most else shown


def list_names(names: Iterable[str], most: int = 6) -> str:
    """The first names and how many more there are, for errors."""
    shown = [repr(name) for name in names]
    rest = f" and {len(shown) - most} more" if len(shown) > most else ""
    return ", ".join(shown[:most]) + rest


def nearest(name: Any, known: Sequence[Any]) -> str:
    """Returns how to go on after a name that is not known: "did you mean ...?", or all of them."""
    close = difflib.get_close_matches(str(name).lower(), [str(each).lower() for each in known], 3)
    alike = [repr(each) for each in known if str(each).lower() in close]
    if alike:
        return f"did you mean {' or '.join(alike)}?"
    return f"use one of {few(list(known), 20)}"
