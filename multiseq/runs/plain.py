"""The plain state of callbacks: their numbers, texts, arrays, and lists and dicts of those.

Also functions of Keras and NumPy, by name: `EarlyStopping` and its like keep the one that compares,
and turn a sign over when they choose it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from .store import Arrays

__all__ = ["packed_state", "restore_state"]

_FUNCTIONS_OF = ("keras.", "tf_keras.", "numpy")
_OF_KERAS = {"model", "_model", "params", "_params", "validation_data", "_supports_tf_logs"}


def packed_state(callbacks: Sequence[Any], arrays: Arrays) -> list[dict[str, Any]]:
    """Returns the plain attributes of each callback, as JSON holds them.

    Args:
        callbacks: They.
        arrays: What arrays are appended to.
    """
    found = []
    for callback in callbacks:
        plain = {}
        for name, value in vars(callback).items():
            length = len(arrays)
            if name not in _OF_KERAS:
                try:
                    plain[name] = _packed(value, arrays)
                except TypeError:  # What it is does not change in training, or is made anew.
                    del arrays[length:]
        found.append({"class": type(callback).__qualname__, "state": plain})
    return found


def restore_state(
    callbacks: Sequence[Any], saved: Sequence[dict[str, Any]], arrays: Arrays
) -> None:
    """Gives callbacks the attributes they had: the k-th of a class those of the k-th of it."""
    left = list(saved)
    for callback in callbacks:
        name = type(callback).__qualname__
        one = next((each for each in left if each["class"] == name), None)
        if one is not None:
            left.remove(one)
            for attribute, value in one["state"].items():
                setattr(callback, attribute, _unpacked(value, arrays))


def _packed(value: Any, arrays: Arrays) -> Any:
    """Returns a value for JSON.

    Raises:
        TypeError: It is no plain value.
    """
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biufcV":
        arrays.append(np.asarray(value))
        return {"array": len(arrays) - 1, "scalar": isinstance(value, np.generic)}
    if type(value) in (list, tuple):
        return {type(value).__name__: [_packed(each, arrays) for each in value]}
    if type(value) is dict:
        pairs = value.items()
        return {"dict": [[_packed(k, arrays), _packed(v, arrays)] for k, v in pairs]}
    return {"function": _name_of(value)}


def _name_of(function: Any) -> list[str]:
    """Module and name of a function.

    Raises:
        TypeError: It is none, or not one of Keras or NumPy.
    """
    name = str(getattr(function, "__name__", ""))
    module = getattr(function, "__module__", None) or type(function).__module__
    if str(module).startswith(_FUNCTIONS_OF) and _function([module, name]) is function:
        return [module, name]
    raise TypeError(type(function))


def _function(name: Sequence[str]) -> Any:
    return getattr(sys.modules.get(name[0]), name[1], None)


def _unpacked(value: Any, arrays: Arrays) -> Any:
    if not isinstance(value, dict):
        return value
    if "array" in value:
        array = arrays[value["array"]]
        return array[()] if value["scalar"] else array.copy()
    if "dict" in value:
        return {_unpacked(k, arrays): _unpacked(v, arrays) for k, v in value["dict"]}
    if "function" in value:
        return _function(value["function"])
    if "tuple" in value:
        return tuple(_unpacked(each, arrays) for each in value["tuple"])
    return [_unpacked(each, arrays) for each in value["list"]]
