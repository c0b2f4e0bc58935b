"""Reads `.csv` files of numbers, whole or by column, all with the columns of the first one."""

from __future__ import annotations

import csv
import functools
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import SourceError, list_names
from ...sources.delimited import check_widths
from ...sources.folders import ANYWHERE, FileStore
from .documents import read_text
from .templates import no_such_field

__all__ = ["header_of", "read_csv"]

_MISSING = ("", "-", "?", "na", "n/a", "null", "none", "<na>")


def header_of(path: str, files: FileStore[str] = ANYWHERE) -> list[str]:
    """Returns the names of a table's columns; none where it has no header.

    What is wrong with the first line is left to `read_csv`.

    Raises:
        SourceError: The file is empty, or no text.
        OSError: The file cannot be opened.
    """
    stream = io.StringIO(read_text(path, files), newline="")
    return [name.strip() for name in _header(stream, whole=False, lacks=True)[0]]


def read_csv(
    path: str,
    columns: Sequence[str | None],
    files: FileStore[str] = ANYWHERE,
    *,
    lacks: Sequence[bool] = (),
    like: Sequence[str] | None = None,
) -> list[npt.NDArray[Any]]:
    """Reads columns as (rows,), or the whole table as (rows, columns), of float64.

    A first line that is not all numbers (`nan` and `inf` are some) is a header. Cells are
    separated by commas.

    Args:
        path: The file.
        columns: Names of columns; None for the whole table.
        files: Among which it is.
        lacks: Of each of `columns`, whether its cells may be blank, or say `null`: they are NaN.
        like: The header that a whole table is to have: its columns come in that order. None for
            any.

    Raises:
        SourceError: The table is empty, lacks a column, or a cell is no number; header and rows
            differ in width, or a name occurs twice; or the header has other names than `like`.
        OSError: The file cannot be opened.
    """
    stream = io.StringIO(read_text(path, files), newline="")
    whole, lacking = None in columns, list(lacks) or [False] * len(columns)
    header, width = _header(stream, whole, all(lacking))
    if header:
        _check_widths(stream, header_alone=whole)
    order = _order(header, like) if whole and like is not None else None
    places = [0 if name is None else _find_column(header, name) for name in columns]
    blanks = _blanks(columns, places, lacking, width)
    try:
        table = _parse_table(stream, None if whole else places, blanks)
    except SourceError:
        if header:
            _check_widths(stream, header_alone=False)
        raise
    if header and whole and table.shape[1] != len(header):  # NumPy compares the rows alone.
        _check_widths(stream, header_alone=False)
    if not whole:
        return [np.ascontiguousarray(column) for column in table.T]
    return [
        (table if order is None else np.take(table, order, axis=1))
        if name is None
        else np.ascontiguousarray(table[:, place])
        for name, place in zip(columns, places, strict=True)
    ]


def _header(stream: io.StringIO, whole: bool, lacks: bool) -> tuple[list[str], int]:
    """Returns the header, if there is one, and the width of the first line.

    The stream is left after the header.
    """
    first = next(filter(None, csv.reader(stream)))
    some = any(map(_is_number, first)) and all(map(_is_value, first))
    if all(map(_is_number, first)) or (some and lacks):
        stream.seek(0)
        return [], len(first)
    if some:
        raise SourceError(
            "the first line is neither all numbers nor all names",
            got=list_names(first),
            fix="write `nan` for a missing number, or a header before it",
        )
    if whole and "" in first:
        raise SourceError(
            "a column has no name; is it the index of a DataFrame?",
            got=f"the columns {list_names(first)}",
            fix="write with `to_csv(path, index=False)`, or name the columns in the template",
        )
    return first, len(first)


def _blanks(
    columns: Sequence[str | None], places: Sequence[int], lacking: Sequence[bool], width: int
) -> list[int]:
    """Returns the places whose cells may be missing to all that take them, the whole table too."""
    takers: dict[int, list[bool]] = {}
    for name, place, lacks in zip(columns, places, lacking, strict=True):
        for each in range(width) if name is None else [place]:
            takers.setdefault(each, []).append(lacks)
    return [place for place, lacks in takers.items() if all(lacks)]


def _order(header: list[str], like: Sequence[str]) -> list[int] | None:
    """Returns where the columns of `like` are; None if they stand in that order."""
    names, wanted = [[name.strip() for name in each] for each in (header, like)]
    if names == wanted:
        return None
    if names and sorted(names) == sorted(wanted):
        return [names.index(name) for name in wanted]
    raise SourceError(
        "the table has other columns than the first key's",
        got=_said(header),
        expected=f"as in the first key's file, {_said(like)}",
        fix="give all files the same header, or none of them; or name the columns to read that "
        "all have, as in 'log_{key}.csv:speed'",
    )


def _said(header: Sequence[str]) -> str:
    return f"the columns {list_names(header, 20)}" if header else "no header"


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


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell  # Python's float takes 1_000, and no reader of tables does.


def _is_value(cell: str) -> bool:
    """Whether it is a number, or stands for a missing one."""
    return _is_number(cell) or cell.strip().lower() in _MISSING


def _number_or_nan(cell: str) -> float:
    if not _is_value(cell):
        raise ValueError(f"could not convert string {cell!r} to float64")
    return float(cell) if _is_number(cell) else np.nan


def _parse_table(
    stream: io.StringIO, columns: Sequence[int] | None, blanks: Sequence[int]
) -> npt.NDArray[Any]:
    """Parses columns by their places, None for all; cells may be missing in those of `blanks`."""
    start = stream.tell()
    if not stream.read().strip():
        raise SourceError("the table has no rows", fix="fill the file, or leave its key out")
    stream.seek(start)
    try:
        table = _loaded(stream, columns, blanks)
    except ValueError as error:
        raise SourceError(
            "a cell of the table is no number, or a row has another length",
            got=str(error),
            expected="numbers between commas, `nan` for a missing one; with missing= also blanks",
            fix="correct the file, or name the columns to read, as in 'log_{key}.csv:speed'",
        ) from error
    infinite = int(np.isinf(table).sum())
    if infinite:
        stream.seek(start)
        if stream.read().lower().count("inf") < infinite:
            raise SourceError("a number is too large", got="inf", fix="write one below 1e308")
    return table


def _loaded(
    stream: io.StringIO, columns: Sequence[int] | None, blanks: Sequence[int]
) -> npt.NDArray[Any]:
    form: Any = {"delimiter": ",", "comments": None, "quotechar": '"', "encoding": None}
    load, start = functools.partial(np.loadtxt, **form, ndmin=2, usecols=columns), stream.tell()
    try:
        return load(stream)
    except ValueError:
        if not blanks:
            raise
    stream.seek(start)  # With functions it takes several times as long: only where need be.
    return load(stream, converters=dict.fromkeys(blanks, _number_or_nan))
