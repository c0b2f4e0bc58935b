"""Rows of a database by their key, and how SQLite is read: by Python's own module.

Nothing is written. Values travel as bound parameters; names are quoted; a query of the user's
stands in parentheses, where a table would.
"""

from __future__ import annotations

import os
import re
import sqlite3
import threading
import weakref
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...errors import ArgumentError, MultiseqError, SourceError, list_names

__all__ = ["Answer", "Database", "SQLiteDatabase"]

_TYPES = {"integer": int, "real": float, "text": str, "blob": bytes, "null": type(None)}
_DECIMAL = re.compile("^(?!.*INT).*(REAL|FLOA|DOUB|DEC|NUMERIC|NUMBER)", re.IGNORECASE)
_VIEW = "multiseq_columns"
_MOST_KEYS = 900  # In one statement: SQLite took 999 parameters until 3.32, Oracle takes 1000.

Answer = tuple[list[str], list[Any]]  # The columns' names, and the rows.


class Database(ABC):
    """The rows of one table or query.

    Each thread of each process has a connection of its own: opened when it first reads, kept, not
    pickled, and left alone after a fork.
    """

    def __init__(self) -> None:
        self._links: dict[tuple[int, int], _Link] = {}
        weakref.finalize(self, _let_go, self._links)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_links"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Database.__init__(self)
        self.__dict__.update(state)

    @abstractmethod
    def names(self) -> list[str]:
        """Returns the names of all columns; a name that two columns share comes twice."""

    @abstractmethod
    def choose(self, key: str, columns: Sequence[str]) -> None:
        """Says which columns to read, of those that there are."""

    @abstractmethod
    def keys(self) -> list[Any]:
        """Returns all keys, in ascending order."""

    @abstractmethod
    def _fetch(self, keys: list[Any]) -> list[Any]:
        """Returns the rows of keys, each (key, columns...), in any order."""

    @abstractmethod
    def _connect(self) -> Any:
        """Opens a connection."""

    @abstractmethod
    def _execute(self, connection: Any, statement: Any, parameters: Any) -> Answer:
        """Runs a statement."""

    @abstractmethod
    def types(self, columns: Sequence[str]) -> list[set[type]]:
        """Returns the types of the values that columns hold, in all rows; NULL's is that of None.

        Where a column is declared to hold decimal numbers, all its numbers are floats.
        """

    def _text(self, error: Exception) -> str:
        """What an error of the driver says, without a password."""
        return str(error)

    def _is_lost(self, error: Exception) -> bool:
        """Whether it says that the server has closed the connection."""
        return False

    def rows(self, keys: list[Any]) -> list[Any]:
        """Returns the rows of keys, in their order: each is (key, columns...).

        Raises:
            SourceError: A key has no row any more, or several; or the database cannot be read.
        """
        found: dict[Any, Any] = {}
        for start in range(0, len(keys), _MOST_KEYS):
            rows = self._fetch(keys[start : start + _MOST_KEYS])
            by_key = {row[0]: row for row in rows}
            if len(by_key) < len(rows):
                twice = next(row[0] for row in rows if by_key[row[0]] is not row)
                raise _changed(twice, "there are now several rows with this key")
            found.update(by_key)
        try:
            return [found[key] for key in keys]
        except KeyError:
            gone = next(key for key in keys if key not in found)
            raise _changed(gone, "the row with this key is gone") from None

    def close(self) -> None:
        """Closes this process' connections, each when its thread is done with its statement."""
        for (pid, _), link in list(self._links.items()):
            if pid == os.getpid():
                with link.lock:
                    link.close()

    def _run(self, statement: Any, parameters: Any = ()) -> Answer:
        """Runs a statement; once more in a new connection if the server has closed this one."""
        me = os.getpid(), threading.get_ident()
        link = self._links.get(me) or self._links.setdefault(me, _Link())
        with link.lock:
            try:
                try:
                    return self._execute(self._connection(link), statement, parameters)
                except Exception as error:
                    if not self._is_lost(error):
                        raise
                    link.close()
                    return self._execute(self._connection(link), statement, parameters)
            except MultiseqError:
                raise
            except Exception as error:  # Drivers raise what they like: a ValueError for a port.
                # Without its cause, which may show a password.
                raise _refused(self._text(error) or type(error).__name__) from None

    def _connection(self, link: _Link) -> Any:
        if link.connection is None:
            link.connection = self._connect()
        return link.connection


class _Link:
    """The connection of one thread."""

    def __init__(self) -> None:
        self.connection: Any = None
        self.lock = threading.Lock()

    def close(self) -> None:
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.close()


_inherited: list[_Link] = []


def _let_go(links: dict[tuple[int, int], _Link]) -> None:
    """Closes connections that nobody can use any more.

    Otherwise Python 3.13 warns of them. Those of a parent process are kept: to close them would
    be to take leave of the server in its name.
    """
    for (pid, _), link in links.items():
        if pid != os.getpid():
            _inherited.append(link)
        elif link.lock.acquire(blocking=False):
            link.close()


class SQLiteDatabase(Database):
    """A file of SQLite, opened read-only.

    Args:
        path: The file.
        source: The name of a table, or one SELECT.
        is_query: Which of them.
    """

    def __init__(self, path: str, source: str, is_query: bool) -> None:
        super().__init__()
        self._uri = Path(path).as_uri() + "?mode=ro"
        self._from = f"(\n{source}\n)" if is_query else _quoted(source)
        if not is_query:
            tables = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"
            names = [name for (name,) in self._run(tables)[1]]
            if source not in names:
                raise _no_table(source, names)

    def names(self) -> list[str]:
        """Returns the names of the columns."""
        names, _ = self._run(f"SELECT * FROM {self._from} AS q LIMIT 0")
        # SQLite numbers the columns that have one name: "x", "x:1".
        stems = [re.sub(r":\d+$", "", name) for name in names]
        return [stem if stem in names else name for stem, name in zip(stems, names, strict=True)]

    def choose(self, key: str, columns: Sequence[str]) -> None:
        """Says which columns to read."""
        # With "q.", since a quoted name that is none would be text to SQLite.
        chosen = ", ".join(f"q.{_quoted(name)}" for name in (key, *columns))
        key = f"q.{_quoted(key)}"
        self._select = f"SELECT {chosen} FROM {self._from} AS q WHERE {key} IN "
        self._keys = f"SELECT {key} FROM {self._from} AS q ORDER BY {key}"

    def keys(self) -> list[Any]:
        """Returns all keys, in ascending order."""
        return [key for (key,) in self._run(self._keys)[1]]

    def types(self, columns: Sequence[str]) -> list[set[type]]:
        """Returns the types of the values that columns hold: one pass over the rows."""
        chosen = [f"q.{_quoted(name)}" for name in columns]
        kinds = ", ".join(f"typeof({name})" for name in chosen)
        _, rows = self._run(f"SELECT DISTINCT {kinds} FROM {self._from} AS q")
        found = [{_TYPES[kind] for kind in column} for column in zip(*rows, strict=True)]
        # Only a view tells what the columns of a query are declared to be.
        self._run(f"CREATE TEMP VIEW {_VIEW} AS SELECT {', '.join(chosen)} FROM {self._from} AS q")
        _, declared = self._run(f"PRAGMA temp.table_info({_VIEW})")
        self._run(f"DROP VIEW temp.{_VIEW}")
        for kinds_held, (_, _, words, *_) in zip(found, declared, strict=True):
            if int in kinds_held and _DECIMAL.search(words):
                kinds_held.add(float)  # A whole number is stored as an integer even there.
        return found

    def _fetch(self, keys: list[Any]) -> list[Any]:
        return self._run(f"{self._select}({', '.join('?' * len(keys))})", keys)[1]

    def _connect(self) -> sqlite3.Connection:
        # `close` may come from another thread, under the lock.
        return sqlite3.connect(self._uri, uri=True, check_same_thread=False)

    def _execute(self, connection: Any, statement: Any, parameters: Any) -> Answer:
        cursor = connection.execute(statement, parameters)
        return [column[0] for column in cursor.description or ()], cursor.fetchall()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _no_table(name: str, tables: list[str]) -> ArgumentError:
    return ArgumentError(
        f"there is no table or view {name!r}",
        got=f"the tables {list_names(tables)}" if tables else "a database without tables",
        expected="the name of a table, or one SELECT",
    )


def _changed(key: Any, what: str) -> SourceError:
    return SourceError(
        what,
        expected="one row for each key that was there when the sequence was made",
        fix="make the sequence anew after the database changed",
    ).at(key=repr(key))


def _refused(text: str) -> SourceError:
    return SourceError(
        "the database cannot be read",
        got=text,
        fix="see that it can be reached from here, and that the query runs by itself there",
    )
