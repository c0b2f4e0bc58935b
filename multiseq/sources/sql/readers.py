"""Rows of a database by their key: SQLite by Python's own module, anything else by SQLAlchemy.

Nothing is written. Values travel as bound parameters; names are quoted; a query of the user's
stands in parentheses, where a table would.
"""

from __future__ import annotations

import functools
import os
import re
import sqlite3
import threading
import weakref
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...errors import ArgumentError, MissingPackageError, SourceError
from ..files.templates import list_names

__all__ = ["AlchemyReader", "Reader", "SQLiteReader"]

_MOST_KEYS = 900  # In one statement: SQLite took 999 parameters until 3.32, Oracle takes 1000.

Answer = tuple[list[str], list[Any]]  # The columns' names, and the rows.


class Reader(ABC):
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
        Reader.__init__(self)
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
    def _failed(self, error: Exception) -> SourceError | None:
        """Returns what to raise in place of an error of the driver; None for other errors."""

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
            except Exception as error:
                if (failed := self._failed(error)) is None:
                    raise
                # Without its cause, which may show a password.
                raise failed from None

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


class SQLiteReader(Reader):
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

    def _fetch(self, keys: list[Any]) -> list[Any]:
        return self._run(f"{self._select}({', '.join('?' * len(keys))})", keys)[1]

    def _connect(self) -> sqlite3.Connection:
        # `close` may come from another thread, under the lock.
        return sqlite3.connect(self._uri, uri=True, check_same_thread=False)

    def _execute(self, connection: Any, statement: Any, parameters: Any) -> Answer:
        cursor = connection.execute(statement, parameters)
        return [column[0] for column in cursor.description], cursor.fetchall()

    def _failed(self, error: Exception) -> SourceError | None:
        return _refused(str(error)) if isinstance(error, sqlite3.Error) else None


class AlchemyReader(Reader):
    """Any database that SQLAlchemy speaks to.

    Args:
        url: Where it is.
        source: The name of a table, or one SELECT.
        is_query: Which of them.
    """

    def __init__(self, url: str, source: str, is_query: bool) -> None:
        super().__init__()
        self._url = url
        self._engines: dict[int, Any] = {}
        sql = _alchemy()
        try:
            sql.engine.make_url(url)
        except sql.exc.ArgumentError:
            raise ArgumentError(
                "database is no URL that SQLAlchemy can read",
                expected='such as "postgresql+psycopg://user@host/name"; or the path of a file',
            ) from None
        self._from, self._is_query = source, is_query

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__() | {"_engines": {}}
        state.pop("_statement", None)
        return state

    def names(self) -> list[str]:
        """Returns the names of the columns."""
        sql = _alchemy()
        everything = sql.select(sql.literal_column("*")).select_from(self._table([]))
        return self._run(everything.where(sql.false()))[0]

    def choose(self, key: str, columns: Sequence[str]) -> None:
        """Says which columns to read."""
        self._key, self._columns = key, list(columns)

    def keys(self) -> list[Any]:
        """Returns all keys, in ascending order."""
        table = self._table([self._key])
        column = table.c[self._key]
        return [key for (key,) in self._run(_alchemy().select(column).order_by(column))[1]]

    def _fetch(self, keys: list[Any]) -> list[Any]:
        return self._run(self._statement, {"keys": keys})[1]

    @functools.cached_property
    def _statement(self) -> Any:
        sql = _alchemy()
        table = self._table(list(dict.fromkeys([self._key, *self._columns])))
        keys = sql.bindparam("keys", expanding=True)
        columns = [table.c[name] for name in (self._key, *self._columns)]
        return sql.select(*columns).where(table.c[self._key].in_(keys))

    def _table(self, columns: Sequence[str]) -> Any:
        sql = _alchemy()
        named = [sql.column(name) for name in columns]
        if not self._is_query:
            schema, _, name = self._from.rpartition(".")
            return sql.table(name, *named, schema=schema or None)
        # A ':' would stand for a parameter. A comment at the end ends with the line.
        text = sql.text(self._from.replace(":", r"\:") + "\n")
        return text.columns(*named).subquery("q")

    def _connect(self) -> Any:
        sql, pid = _alchemy(), os.getpid()
        if pid not in self._engines:
            try:
                self._engines[pid] = sql.create_engine(self._url, poolclass=sql.pool.NullPool)
            except ModuleNotFoundError as error:
                raise MissingPackageError(
                    f"the driver of this database is not installed: {error.name}",
                    fix=f"pip install {error.name}; or name another one in the URL, as in "
                    '"postgresql+psycopg://..."',
                ) from error
        connection = self._engines[pid].connect()
        if connection.dialect.name == "postgresql":
            # No transaction is left open between batches.
            connection = connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.exec_driver_sql("SET default_transaction_read_only = on")
        return connection

    def _execute(self, connection: Any, statement: Any, parameters: Any) -> Answer:
        result = connection.execute(statement, parameters or None)
        answer = list(result.keys()), result.fetchall()
        connection.rollback()  # Ends the transaction that it began.
        return answer

    def _is_lost(self, error: Exception) -> bool:
        return bool(getattr(error, "connection_invalidated", False))

    def _failed(self, error: Exception) -> SourceError | None:
        if not isinstance(error, _alchemy().exc.SQLAlchemyError):
            return None
        text = str(getattr(error, "orig", None) or error).strip()
        return _refused(text)


def _alchemy() -> Any:
    try:
        import sqlalchemy
    except ImportError as error:
        raise MissingPackageError(
            "SQLAlchemy is not installed, which URLs need",
            fix='pip install "multiseq[sql]"; or pass the path of a SQLite file',
        ) from error
    return sqlalchemy


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
    return SourceError("the database cannot be read", got=text)
