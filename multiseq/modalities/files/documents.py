"""Reads `.json` and `.txt` files into plain values, and those into arrays.

Nothing in a file is executed: `.txt` metadata, the `str()` of a dict, goes through
`ast.literal_eval`. A reader takes a path, the fields wanted from that file, `None` for the whole
of it, and the files among which it is; it returns one value for each field.
"""

from __future__ import annotations

import ast
import functools
import json
from collections.abc import Sequence
from typing import Any, Never

import numpy as np
import numpy.typing as npt

from ...errors import SourceError, list_names
from ...sources.delimited import bom_encoding
from ...sources.folders import ANYWHERE, FileStore
from .templates import no_such_field

__all__ = ["as_array", "as_column", "read_json", "read_text", "read_txt"]

_NUMBERS_OR_NULL = {int, float, type(None)}
_LONGEST_LITERAL = 1 << 18  # `ast.literal_eval` takes some 100 bytes of memory a character.


def read_json(
    path: str, fields: Sequence[str | None], files: FileStore[str] = ANYWHERE
) -> list[Any]:
    """Reads fields of a JSON object; a '.' leads into an object within.

    Raises:
        SourceError: The file is no JSON, or lacks a field.
        OSError: The file cannot be opened.
    """
    text = read_text(path, files)
    try:
        document = _decoded(text, fields)
    except SourceError:
        raise
    except (ValueError, RecursionError) as error:
        raise SourceError("this is not valid JSON", got=str(error), fix="write it again") from error
    return [_find_field(document, field) for field in fields]


def read_txt(
    path: str, fields: Sequence[str | None], files: FileStore[str] = ANYWHERE
) -> list[Any]:
    """Reads fields of a dict that was written as `str(dict)`, without evaluating it as code.

    Raises:
        SourceError: The file is anything but a Python literal, too long, or lacks a field.
        OSError: The file cannot be opened.
    """
    text = read_text(path, files)
    if len(text) > _LONGEST_LITERAL:
        raise SourceError(
            "the text is too long to be read as a Python literal",
            got=f"{len(text)} characters",
            expected=f"at most {_LONGEST_LITERAL}",
            fix="write JSON (`json.dump`) into a .json file",
        )
    document = _parse_literal(text, fields)
    return [_find_field(document, field) for field in fields]


def as_column(values: Sequence[Any]) -> npt.NDArray[Any] | None:
    """Puts one number of each document into an array of shape (n,), all at once.

    Returns:
        int64, float64 or bool; None where the values are something else, for `as_array` to judge.
    """
    kinds = set(map(type, values))
    if kinds == {bool}:
        return np.array(values)
    if not kinds <= {int, float}:
        return None
    try:
        column = np.array(values, np.int64 if kinds == {int} else np.float64)
    except OverflowError:
        return None
    return column if np.isfinite(column).all() else None


def as_array(value: Any, *, may_lack: bool = False) -> npt.NDArray[Any] | str:
    """Turns a value of a document into an array; a string stays one.

    Args:
        value: The value.
        may_lack: Whether null may stand in lists: among numbers it is NaN, and all are float64;
            lists of text with null are objects.

    Returns:
        Integers as int64, other numbers as float64, booleans as bool, text in lists as text.

    Raises:
        SourceError: The value is null, an object, ragged, or not finite.
    """
    if isinstance(value, np.ndarray | str):
        return value
    if value is None:
        raise SourceError(
            "the field is null", fix="fill it, also by missing=, or leave the key out"
        )
    try:
        array = np.array(value)
    except ValueError as error:  # Lists of unequal length.
        raise _no_value(value) from error
    if may_lack and array.dtype == object:
        kinds = set(map(type, array.flat))
        if kinds == {str, type(None)}:
            return array
        array = _decimal(array) if kinds <= _NUMBERS_OR_NULL else array
    text = array.dtype.kind == "U"
    if array.dtype.kind not in "bifU" or (text and _mixes_text(value)):
        raise _no_value(value)
    beyond = np.isinf if may_lack else lambda floats: ~np.isfinite(floats)
    if array.dtype.kind == "f" and beyond(array).any():
        raise SourceError("a number is too large", got=value, fix="write one below 1e308")
    # An empty list has no type; int64 goes wherever numbers are wanted.
    return array if array.size else array.astype(np.int64)


def _decimal(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Returns numbers and null as float64; as they are where it rounds an integer, as of ids."""
    floats = array.astype(np.float64)
    pairs = zip(array.ravel().tolist(), floats.ravel().tolist(), strict=True)
    return floats if all(one is None or one == other for one, other in pairs) else array


def _no_value(value: Any) -> SourceError:
    if isinstance(value, dict):
        return SourceError(
            "the field is an object",
            got=f"an object with the fields {list_names(value)}" if value else "an empty object",
            expected="a number, a string, or a list of those",
            fix="name a field of it, as in 'meta_{key}.json:outer.inner'",
        )
    return SourceError(
        "the field is neither numbers nor text",
        got=value,
        expected="a number of at most 64 bits, a string, or a rectangular list of either",
        fix="correct the file; null among numbers or text takes missing=",
    )


def _mixes_text(value: Any) -> bool:
    """Whether NumPy would turn a number among strings into a string."""
    return not all(isinstance(item, str) for item in np.array(value, dtype=object).reshape(-1))


def _refuse_constant(name: str) -> Never:
    raise SourceError(
        f"{name} is not JSON, and nothing a model can learn from",
        fix="write a number, or leave the key out",
    )


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        _check_twins([name for name, _ in pairs])
    return found


def _check_twins(names: list[Any]) -> None:
    """Raises SourceError for a name that occurs twice in an object."""
    twins = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twins:
        raise SourceError(
            "a field occurs twice in an object, and it is not known which one is meant",
            got=list_names(twins),
            fix="write it again, with each name once",
        )


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
_STRICT = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=_without_twins)


def _decoded(text: str, fields: Sequence[str | None]) -> Any:
    for field in fields:
        for part in _quoted(field):
            if text.count(part) > 1:  # In another object, perhaps: the strict one takes longer.
                return _STRICT.decode(text)
    return _DECODER.decode(text)


@functools.lru_cache(1 << 10)
def _quoted(field: str | None) -> tuple[str, ...]:
    return () if field is None else tuple(f'"{part}"' for part in field.split("."))


def _parse_literal(text: str, fields: Sequence[str | None]) -> Any:
    # Without double quotes and escapes, text that is JSON once its quotes are exchanged means
    # the same in both languages, and is read ten times as fast as JSON.
    if '"' not in text and "\\" not in text:
        try:
            return _decoded(text.replace("'", '"'), fields)
        except (ValueError, RecursionError):
            pass
    try:
        tree = ast.parse(text.strip(), mode="eval")
        for node in ast.walk(tree):
            if isinstance(node, ast.Dict):
                _check_twins([key.value for key in node.keys if isinstance(key, ast.Constant)])
        return ast.literal_eval(tree)
    except SourceError:
        raise
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise SourceError(
            "the text is not the `str()` of plain Python values, and is never run as code",
            got=text,
            expected="numbers, strings, lists and dicts, as in {'location': 'loc_1'}",
            fix="write JSON (`json.dump`) into a .json file",
        ) from error


def _find_field(document: Any, field: str | None) -> Any:
    if field is None:
        return document
    if type(document) is dict and field in document:
        return document[field]
    found = document
    for part in field.split("."):
        if type(found) is not dict or part not in found:
            raise no_such_field("field", field, list(found) if type(found) is dict else [])
        found = found[part]
    return found


def read_text(path: str, files: FileStore[str]) -> str:
    """Returns the text of a file, by the mark of its encoding.

    Raises:
        SourceError: It is empty, or no text.
        OSError: The file cannot be opened.
    """
    data = files.read(path)
    try:
        text = data.decode(bom_encoding(data[:4]))
    except UnicodeDecodeError as error:
        raise SourceError(
            "the text is not UTF-8, and begins with no other encoding's mark",
            got=str(error),
            fix="save the file as UTF-8",
        ) from error
    text = text.removeprefix("\ufeff")
    if not text or text.isspace():
        raise SourceError("the file is empty", fix="write it again, or leave its key out")
    return text
