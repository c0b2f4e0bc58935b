"""CSV files: refused where rows and header differ in width, and text where it is no plain number.

pandas takes the first column of longer rows for an index, and fills up shorter ones, in silence.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np

from ..errors import ArgumentError, SourceError, few

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Reading", "bom_encoding", "check_widths", "read_delimited"]

_CHUNK = 1 << 22
_BOMS = {
    codecs.BOM_UTF32_LE: "utf-32",  # Before UTF-16, whose mark it begins with.
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_FIRST_BYTES = {mark[:1] for mark in _BOMS}
# As programs write no number, but ids look: 007, +49, 1e5.
_ID = r"^\s*(?:[+-]?0[0-9]|\+|-?[0-9]+[eE][0-9]+\s*$)"
_WHOLE = r"\s*-?[0-9]+\s*"


class Reading(NamedTuple):
    """How a table is read from a file.

    Attributes:
        wanted: Names of the columns to read; None for all.
        labels: Columns that stand for themselves, such as keys: text unless each cell is what
            its number prints as.
        numbers: Columns asked for as numbers, where others are used too: these are text if a
            cell has leading zeros or looks like `1e5`. None where no others are used.
        sep: What is between the cells of a CSV file.
        decimal: The decimal mark in a CSV file.
    """

    wanted: Collection[Any] | None = None
    labels: Collection[Any] = ()
    numbers: Collection[Any] | None = None
    sep: str = ","
    decimal: str = "."


def bom_encoding(start: bytes) -> str:
    """Returns the encoding that a file's first bytes tell of; UTF-8 if none."""
    if start[:1] not in _FIRST_BYTES:  # Most files.
        return "utf-8"
    return next((name for mark, name in _BOMS.items() if start.startswith(mark)), "utf-8")


def read_delimited(path: str, how: Reading) -> pd.DataFrame:
    """Returns a CSV file as a DataFrame, of columns of text where they are no plain numbers.

    Raises:
        ArgumentError: `sep` or `decimal` are no single characters.
        SourceError: Rows and header differ in width, a name occurs twice, or there is no header.
        Exception: What pandas raises for a damaged file.
    """
    import pandas as pd

    for name, mark in (("sep", how.sep), ("decimal", how.decimal)):
        if len(mark) != 1 or mark in '"\r\n':
            raise ArgumentError(f"bad {name}", got=mark, expected="one character")
    encoding = _check_file(path, how.sep)

    def read(names: Collection[Any] | None, **options: Any) -> pd.DataFrame:
        chosen = None if names is None else lambda name: name in names
        # In one piece: in several, a column may be part numbers, part text.
        options |= {"sep": how.sep, "encoding": encoding, "low_memory": False}
        found: pd.DataFrame = pd.read_csv(path, usecols=chosen, **options)
        return found

    frame = read(how.wanted, decimal=how.decimal)
    doubtful = {
        name
        for name in frame.columns
        if frame[name].dtype.kind in "iuf"
        and (name in how.labels or (how.numbers is not None and name not in how.numbers))
    }
    if doubtful:
        texts = read(doubtful, dtype=str)
        for name in doubtful:
            cells = texts[name].str.replace(how.decimal, ".", regex=False)
            kept = _label if name in how.labels else _unless_ids
            frame[name] = kept(frame[name], cells, texts[name])
    return frame


def _label(values: pd.Series[Any], cells: pd.Series[Any], texts: pd.Series[Any]) -> pd.Series[Any]:
    """Returns numbers if each prints as its cell does, else the text."""
    import pandas as pd

    found = cells.dropna()
    if values.dtype.kind == "f" and found.str.fullmatch(_WHOLE).all():
        # Missing ones are what made them floats, which hold no id of 17 digits.
        whole = pd.to_numeric(found)
        if whole.dtype.kind not in "iu":
            return texts
        values = whole.astype("UInt64" if whole.dtype.kind == "u" else "Int64").reindex(texts.index)
    printed = values.dropna().astype(str).to_numpy()
    return values if (printed == found.str.strip().to_numpy()).all() else texts


def _unless_ids(
    values: pd.Series[Any], cells: pd.Series[Any], texts: pd.Series[Any]
) -> pd.Series[Any]:
    return texts if cells.dropna().str.contains(_ID, regex=True).any() else values


def _check_file(path: str, sep: str) -> str:
    """Checks header and widths, and returns the encoding."""
    from pandas.io.common import get_handle  # type: ignore[import-not-found, unused-ignore]

    with get_handle(path, "rb", compression="infer", is_text=False) as opened:
        raw: Any = opened.handle
        encoding = bom_encoding(raw.read(4))
    even = False
    if encoding.startswith("utf-8"):
        with get_handle(path, "rb", compression="infer", is_text=False) as opened:
            raw = opened.handle
            even = _surely_even(raw, sep.encode())
    with get_handle(path, "r", encoding=encoding, compression="infer") as text:
        lines: Any = text.handle
        check_widths(lines, sep, header_alone=even, cure="sep=, decimal=")
    return encoding


def check_widths(lines: Iterator[str], sep: str, *, header_alone: bool, cure: str) -> list[str]:
    """Checks that rows are as wide as the header, whose names are returned.

    Args:
        lines: Of the file.
        sep: What is between cells.
        header_alone: Whether to check the header and leave the rows.
        cure: How to read a file of another kind; empty where the reader has no way.

    Raises:
        SourceError: They are not; a name occurs twice; or there is no header.
    """
    rows = csv.reader(lines, delimiter=sep)
    header = next((row for row in rows if not _is_blank(row)), [])
    if not header:
        raise SourceError("the file is empty", fix="write it again")
    names = [name for name in header if name]
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise SourceError(
            "columns of the header have one name",
            got=few(twice),
            fix="give each column its own name in the file",
        )
    other = next((mark for mark in ";\t|" if mark in header[0]), None)
    if len(header) == 1 and other is not None and cure:
        raise SourceError(
            f"the header is a single cell, with {other!r} in it",
            got=header[0],
            fix=f"pass sep={other!r}, and decimal=',' where numbers have a decimal comma",
        )
    if header_alone:
        return header
    for row in rows:
        if len(row) != len(header) and not _is_blank(row):
            raise _other_width(header, row, rows.line_num, sep, cure)
    return header


def _is_blank(row: list[str]) -> bool:
    return not row or (len(row) == 1 and not row[0].strip())


def _other_width(header: list[str], row: list[str], line: int, sep: str, cure: str) -> SourceError:
    longer = len(row) > len(header)
    if longer and not any(row[len(header) :]):
        fix = f"take the {sep!r} off the end of the lines, or put one after the header"
    elif longer and cure:
        fix = (
            "where numbers have a decimal comma, write the file with ';' between cells, and pass "
            "sep=';', decimal=','; where a cell holds the separator, put it in quotes"
        )
    else:
        fix = "write as many cells in each line as the header has; a cell with the separator in "
        fix += "it, such as a number with a decimal comma, goes in quotes"
    return SourceError(
        f"line {line} has another width than the header",
        got=f"{len(row)} cells, where the header has {len(header)}: {few(row, 8)}",
        expected=f"{len(header)} cells: {few(header, 8)}",
        fix=fix,
    )


def _surely_even(file: BinaryIO, sep: bytes) -> bool:
    """Whether all lines have as many separators as the first; False if there may be quotes.

    Many times as fast as reading the cells, which is left to the files that need it.
    """
    width, rest = -1, b""
    while chunk := file.read(_CHUNK):
        chunk = rest + chunk
        if b'"' in chunk or chunk.count(b"\r") > chunk.count(b"\r\n") + chunk.endswith(b"\r"):
            return False
        whole = chunk.rfind(b"\n") + 1
        rest = chunk[whole:]
        codes = np.frombuffer(chunk, np.uint8, whole)
        ends = np.flatnonzero(codes == 10)
        if not len(ends):
            continue
        seps = np.searchsorted(np.flatnonzero(codes == ord(sep)), ends)
        widths = np.diff(seps, prepend=0)
        width = int(widths[0]) if width < 0 else width
        if (widths != width).any():
            return False
    return not rest or width < 0 or rest.count(sep) == width
