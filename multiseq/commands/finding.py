"""What a command is to look at: a sequence or a model, by the name of what makes it."""

from __future__ import annotations

import functools
import importlib
import inspect
import os
import sys
from pathlib import Path
from typing import Any

from ..errors import ArgumentError, describe
from ..sequence import MultiInputSequence

__all__ = ["FactoryError", "find_model", "find_pair", "find_sequence"]

_FORM = "package.module:name, or path/to/file.py:name"


class FactoryError(Exception):
    """What the user's own code raised; the original is the `__cause__`."""


def find_sequence(name: str) -> MultiInputSequence:
    """Returns the sequence that a name stands for, or the one of a (sequence, model).

    Args:
        name: `package.module:name`, or `path/to/file.py:name`: a sequence, or a function without
            arguments that returns one.

    Raises:
        ArgumentError: There is none.
        FactoryError: The user's code failed.
    """
    return _first(_made(name), name)


def find_model(name: str) -> Any:
    """Returns the model that a name stands for."""
    return _checked_model(_made(name), name)


def find_pair(name: str, model: str | None) -> tuple[MultiInputSequence, Any]:
    """Returns a sequence and its model, which is None where neither name brings one.

    Args:
        name: Of the sequence, or of a (sequence, model).
        model: Of the model, where it has a name of its own.
    """
    made = _made(name)
    sequence = _first(made, name)
    if model is not None:
        return sequence, find_model(model)
    return sequence, _checked_model(made[1], name) if isinstance(made, tuple) else None


def _first(made: Any, name: str) -> MultiInputSequence:
    pair = isinstance(made, tuple) and len(made) == 2
    sequence = made[0] if pair else made
    if not isinstance(sequence, MultiInputSequence):
        raise ArgumentError(
            f"{name} gives no sequence",
            got=made,
            expected="a MultiInputSequence, or (sequence, model)",
            fix="name a sequence, or a function without arguments that returns one",
        )
    return sequence


def _checked_model(made: Any, name: str) -> Any:
    if not _is_model(made):
        raise ArgumentError(
            f"{name} gives no model",
            got=made,
            expected="a Keras model",
            fix="name a model, or a function without arguments that returns one",
        )
    return made


def _is_model(value: Any) -> bool:
    return not isinstance(value, type) and hasattr(value, "fit") and hasattr(value, "predict")


def _made(name: str) -> Any:
    """Returns the object, or what the function returns."""
    module, _, attribute = name.rpartition(":")
    if not module or not attribute:
        raise ArgumentError(
            "this names nothing in a module", got=repr(name), expected=_FORM, fix="add the name"
        )
    found = _attribute(_imported(module), attribute, name)
    if isinstance(found, MultiInputSequence) or _is_model(found) or not callable(found):
        return found
    _check_callable(found, name)
    try:
        return found()
    except Exception as error:
        raise FactoryError(name) from error


def _imported(module: str) -> Any:
    """Imports a module by its name, or by its path as `python path` does."""
    path = Path(module)
    is_file = path.suffix == ".py"
    if is_file and not path.is_file():
        raise ArgumentError(
            "there is no such file", got=repr(module), expected=_FORM, fix="correct the path"
        )
    # The folder of `-m` is where the command runs; workers need the folders that this process has.
    folder = str(path.parent.resolve()) if is_file else os.getcwd()
    if folder not in sys.path:
        sys.path.insert(0, folder)
    importlib.invalidate_caches()
    found = _import(path.stem if is_file else module)
    if is_file and not path.samefile(getattr(found, "__file__", None) or os.devnull):
        raise ArgumentError(
            f"another module is called {path.stem} already",
            got=repr(module),
            fix="give the file another name, or name it as package.module",
        )
    return found


def _import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            raise ArgumentError(
                f"there is no module {error.name!r}",
                got=f"{name!r}, looked for in {os.getcwd()!r} too",
                expected=_FORM,
                fix="run the command in the folder that the module is imported from",
            ) from None
        raise FactoryError(name) from error
    except (Exception, SystemExit) as error:
        raise FactoryError(name) from error


def _attribute(module: Any, attribute: str, name: str) -> Any:
    try:
        return functools.reduce(getattr, attribute.split("."), module)
    except AttributeError:
        known = [each for each in vars(module) if not each.startswith("_")]
        raise ArgumentError(
            f"{name.rpartition(':')[0]} has no {attribute!r}",
            expected=f"one of {', '.join(known[:12])}" if known else None,
            fix="correct the name behind the colon",
        ) from None


def _check_callable(found: Any, name: str) -> None:
    try:
        inspect.signature(found).bind()
    except TypeError as error:
        raise ArgumentError(
            f"{name} cannot be called without arguments",
            got=f"{describe(found)}: {error}",
            expected="a function without arguments",
            fix="write one that calls it: def data(): return ...",
        ) from None
    except ValueError:  # It has no signature to be seen, as few built-in functions.
        pass
