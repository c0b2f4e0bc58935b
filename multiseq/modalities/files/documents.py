"""Reads `.csv`, `.json` and `.txt` files into plain values, and those into arrays.

Nothing in a file is executed: `.txt` metadata, the `str()` of a dict, goes through
`ast.literal_eval`. A reader takes a path, the fields wanted from that file, `None` for the whole
of it, and the files among which it is; it returns one value for each field.
"""

from __future__ import annotations

import ast
import csv
import functools
import io
import json
from collections.abc import Sequence
from typing import Any, Never

import numpy as np
import numpy.typing as npt

from ...errors import SourceError, list_names
from ...sources.delimited import bom_encoding, check_widths
from ...sources.folders import ANYWHERE, FileStore
from .templates import no_such_field

__all__ = ["as_array", "as_column", "read_csv", "read_json", "read_txt"]

_MISSING = ("", "-", "?", "na", "n/a", "null", "none", "<na>")
_LONGEST_LITERAL = 1 << 18  # `ast.literal_eval` takes some 100 bytes of memory a character.


def read_json(
    path: str, fields: Sequence[str | None], files: FileStore[str] = ANYWHERE
) -> list[Any]:
    """Reads fields of a JSON object; a '.' leads into an object within.

    Raises:
        SourceError: The file is no JSON, or lacks a field.
        OSError: The file cannot be opened.
    """
    text = _read_text(path, files)
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
    text = _read_text(path, files)
    if len(text) > _LONGEST_LITERAL:
        raise SourceError(
            "the text is too long to be read as a Python literal",
            got=f"{len(text)} characters",
            expected=f"at most {_LONGEST_LITERAL}",
            fix="write JSON (`json.dump`) into a .json file",
        )
    document = _parse_literal(text, fields)
    return [_find_field(document, field) for field in fields]


def read_csv(
    path: str, columns: Sequence[str | None], files: FileStore[str] = ANYWHERE
) -> list[npt.NDArray[Any]]:
    """Reads columns as (rows,), or the whole table as (rows, columns), of float64.

    A first line that is not all numbers (`nan` and `inf` are some) is a header. Cells are
    separated by commas.

    Raises:
        SourceError: The table is empty, lacks a column, or a cell is no number; header and rows
            differ in width, or a name occurs twice.
        OSError: The file cannot be opened.
    """
    stream = io.StringIO(_read_text(path, files), newline="")
    whole = None in columns
    header = next(filter(None, csv.reader(stream)))
    if _is_numeric(header):
        stream.seek(0)
        header = []
    elif any(map(_is_number, header)) and all(map(_is_value, header)):
        raise SourceError(
            "the first line is neither all numbers nor all names",
            got=list_names(header),
            fix="write `nan` for a missing number, or a header before it",
        )
    elif whole and "" in header:
        raise SourceError(
            "a column has no name; is it the index of a DataFrame?",
            got=f"the columns {list_names(header)}",
            fix="write with `to_csv(path, index=False)`, or name the columns in the template",
        )
    if header:
        _check_widths(stream, header_alone=whole)
    places = [0 if name is None else _find_column(header, name) for name in columns]
    try:
        table = _parse_table(stream, None if whole else places)
    except SourceError:
        if header:
            _check_widths(stream, header_alone=False)
        raise
    if header and whole and table.shape[1] != len(header):  # NumPy compares the rows alone.
        _check_widths(stream, header_alone=False)
    if not whole:
        return [np.ascontiguousarray(column) for column in table.T]
    return [
        table if name is None else np.ascontiguousarray(table[:, place])
        for name, place in zip(columns, places, strict=True)
    ]


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


def as_array(value: Any) -> npt.NDArray[Any] | str:
    """Turns a value of a document into an array; a string stays one.

    Returns:
        Integers as int64, other numbers as float64, booleans as bool, text in lists as text.

    Raises:
        SourceError: The value is null, an object, ragged, or not finite.
    """
    if isinstance(value, np.ndarray | str):
        return value
    if value is None:
        raise SourceError("the field is null", fix="fill it, or leave the key out")
    try:
        array = np.array(value)
    except ValueError as error:  # Lists of unequal length.
        raise _no_value(value) from error
    text = array.dtype.kind == "U"
    if array.dtype.kind not in "bifU" or (text and _mixes_text(value)):
        raise _no_value(value)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise SourceError("a number is too large", got=value, fix="write one below 1e308")
    # An empty list has no type; int64 goes wherever numbers are wanted.
    return array if array.size else array.astype(np.int64)


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
        fix="correct the file",
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


def _find_column(header: list[str], name: str) -> int:
    if name not in header:
        raise no_such_field("column", name, header)
    return header.index(name)


def _check_widths(stream: io.StringIO, *, header_alone: bool) -> None:
    """Checks the table, and leaves the stream after its header."""
    stream.seek(0)
    check_widths(stream, ",", header_alone=header_alone, cure="")
    stream.seek(0)
    next(filter(None, csv.reader(stream)))


def _is_numeric(cells: list[str]) -> bool:
    return all(map(_is_number, cells))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell  # Python's float takes 1_000, and no reader of tables does.


def _is_value(cell: str) -> bool:
    """Whether it is a number, or stands for a missing one."""
    return _is_number(cell) or cell.strip().lower() in _MISSING


def _parse_table(stream: io.StringIO, columns: Sequence[int] | None) -> npt.NDArray[Any]:
    start = stream.tell()
    if not stream.read().strip():
        raise SourceError("the table has no rows", fix="fill the file, or leave its key out")
    stream.seek(start)
    try:
        table = np.loadtxt(
            stream, delimiter=",", comments=None, quotechar='"', ndmin=2, usecols=columns
        )
    except ValueError as error:
        raise SourceError(
            "a cell of the table is no number, or a row has another length",
            got=str(error),
            expected="numbers between commas, `nan` for a missing one",
            fix="correct the file, or name the columns to read, as in 'log_{key}.csv:speed'",
        ) from error
    infinite = int(np.isinf(table).sum())
    if infinite:
        stream.seek(start)
        if stream.read().lower().count("inf") < infinite:
            raise SourceError("a number is too large", got="inf", fix="write one below 1e308")
    return table


def _read_text(path: str, files: FileStore[str]) -> str:
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
