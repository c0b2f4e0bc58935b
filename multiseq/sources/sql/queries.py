"""What a user gives as a database and as a query: checked before anything is opened."""

from __future__ import annotations

import os
import re
from typing import Any

from ...errors import ArgumentError

__all__ = ["checked_query", "path_or_url"]

_SKIPPED = r"(?:\s|--[^\n]*\n|/\*.*?\*/|\()*"
_QUERY = re.compile(rf"{_SKIPPED}(?:select|with)\b.", re.IGNORECASE | re.DOTALL)
# What a statement's end or a parenthesis in it is none of.
_TEXTS = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\$(\w*)\$.*?\$\1\$|--[^\n]*|/\*.*?\*/""", re.DOTALL
)


def path_or_url(database: Any) -> tuple[str | None, str | None]:
    """Returns where a database is: (the path of a SQLite file, None), or (None, a URL).

    Raises:
        ArgumentError: It is neither, or there is no such file.
    """
    if hasattr(database, "render_as_string"):  # SQLAlchemy's URL.
        database = database.render_as_string(hide_password=False)
    if not isinstance(database, str | os.PathLike):
        raise ArgumentError(
            "database is neither a path nor a URL",
            got=f"a {type(database).__name__}",
            expected="the path of a SQLite file, or a URL of SQLAlchemy",
            fix="pass where it is: each process and thread opens a connection of its own",
        )
    text = os.fspath(database)
    if "://" in text and not text.startswith("sqlite"):
        return None, text
    path = os.path.abspath(re.sub(r"^sqlite(\+pysqlite)?:///", "", text))
    if not os.path.isfile(path):
        raise ArgumentError(
            "there is no such SQLite file",
            got=path,
            fix="correct the path; a relative one starts at the current directory",
        )
    return path, None


def checked_query(text: Any) -> tuple[str, bool]:
    """Returns a table's name and False, or a query (without the ';' at its end) and True.

    Raises:
        ArgumentError: It is no text, or more than one statement.
    """
    if not isinstance(text, str) or not text.strip():
        raise ArgumentError(
            "table_or_query is no text", got=text, expected="the name of a table, or one SELECT"
        )
    if not _QUERY.match(text):
        return text, False
    query = text.rstrip().removesuffix(";")
    depth = 0
    for character in _TEXTS.sub(" ", query):
        depth += (character == "(") - (character == ")")
        if character == ";" or depth < 0:
            raise ArgumentError(
                "the query is not one SELECT",
                got=text,
                expected="one SELECT, with WITH before it or not",
                fix="run other statements beforehand",
            )
    return query, True
