"""`read=`: a user's function that makes an array of a file, called and guarded."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError, MultiseqError, SourceError, describe, said
from ..stages import stage
from .folders import FileStore, Which

__all__ = ["Foreign", "as_foreign", "check_paths", "given_array"]

_OPENED = re.compile(r"\bIO\[bytes\]")  # No function is given an open file.
_BYTES = re.compile(r"\b(bytes|bytearray|memoryview|Buffer)\b")
_PATH = re.compile(r"\bstr\b|Path")
_PATH_NAMES = ("path", "filename", "fname")
_OF_BYTES = "read=lambda data: function(io.BytesIO(data))"


class Foreign:
    """Makes arrays of files by a user's function.

    It is given the bytes of a file; or the path, if its first parameter is annotated as a `str` or
    a `Path`, or has a name that ends in "path", "filename" or "fname".

    Args:
        function: The function.

    Attributes:
        function: The same.
    """

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function
        self.takes_path = _takes_path(function)

    @stage("read=")
    def __call__(self, source: Any) -> Any:
        """Returns what the function returns.

        Args:
            source: The bytes of a file, or its path where `takes_path`.

        Raises:
            SourceError: It raised anything.
        """
        try:
            return self.function(source)
        except MultiseqError:
            raise
        except Exception as error:  # It is not ours, and the file may be damaged.
            given = "path" if self.takes_path else "bytes"
            other = (
                "a function of bytes calls its parameter data"
                if self.takes_path
                else "one that wants the path calls its parameter path: "
                "read=lambda path: function(path)"
            )
            raise SourceError(
                f"read= raised an error, given the {given} of the file",
                got=said(error),
                fix=f"correct the function ({other}) or the file, or leave the key out",
            ) from error

    def read(self, files: FileStore[Which], which: Which) -> Any:
        """Returns what the function returns for one of the files."""
        return self(files.path(which) if self.takes_path else files.read(which))


def as_foreign(function: Any) -> Foreign | None:
    """Returns what calls a function; None for None.

    Raises:
        ArgumentError: It is no function.
    """
    if function is None:
        return None
    if not callable(function):
        raise ArgumentError(
            "read is no function",
            got=function,
            expected="a function of a file's bytes that returns an array",
            fix=f"write {_OF_BYTES}",
        )
    return Foreign(function)


def check_paths(foreign: Foreign | None, files: FileStore[Any]) -> None:
    """Raises ArgumentError where a function wants the paths of what has none."""
    if foreign is not None and foreign.takes_path and not files.has_paths:
        raise ArgumentError(
            "read= takes a path, and bytes in memory and members of zip archives have none",
            fix=f"take the bytes: {_OF_BYTES}; or unpack them into a folder",
        )


def given_array(value: Any) -> npt.NDArray[Any]:
    """Returns what a function returned as an array.

    Raises:
        SourceError: It is none, or has values that are masked.
    """
    if isinstance(value, np.ma.MaskedArray):
        raise SourceError(
            "read= returned a masked array, and models take no masks",
            got=value,
            fix="say what stands for masked values: return array.filled(0)",
        )
    try:
        array = np.asarray(value)
    except Exception as error:  # Lists of unequal length; an object that refuses.
        raise _no_array(f"{describe(value)}; {said(error)}") from error
    if array.dtype.hasobject:
        raise _no_array(value)
    return array


def _no_array(got: Any) -> SourceError:
    return SourceError(
        "read= returned no array",
        got=got,
        expected="an array of numbers",
        fix="return the numbers: dataset.pixel_array of pydicom, image.get_fdata() of nibabel",
    )


def _takes_path(function: Any) -> bool:
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # Of those written in C, some don't say.
        return False
    if not parameters:
        return False
    first = parameters[0]
    text = first.annotation
    text = text if isinstance(text, str) else inspect.formatannotation(text)
    text = _OPENED.sub("", text)
    if _BYTES.search(text):
        return False
    return bool(_PATH.search(text)) or first.name.lower().endswith(_PATH_NAMES)
