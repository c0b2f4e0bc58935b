"""Rows of a database by their key, by SQLAlchemy."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from typing import Any

from ...errors import ArgumentError, MissingPackageError
from .databases import Answer, Database

__all__ = ["AlchemyDatabase"]


class AlchemyDatabase(Database):
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
            self._password = sql.engine.make_url(url).password
        except (sql.exc.ArgumentError, ValueError):  # The latter for a port that is no number.
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

    def types(self, columns: Sequence[str]) -> list[set[type]]:
        """Returns the types of the values that columns hold: that of one value, and of NULL.

        These databases hold values of one type in a column.
        """
        sql = _alchemy()
        table = self._table(list(dict.fromkeys(columns)))
        chosen = [table.c[name] for name in columns]
        counts = sql.select(sql.func.count(), *map(sql.func.count, chosen)).select_from(table)
        ((rows, *filled),) = self._run(counts)[1]
        found: list[set[type]] = []
        for column, number in zip(chosen, filled, strict=True):
            some = self._run(sql.select(column).where(column.is_not(None)).limit(1))[1]
            missing = {type(None)} if number < rows else set()
            found.append({type(value) for (value,) in some} | missing)
        return found

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

    def _text(self, error: Exception) -> str:
        text = str(getattr(error, "orig", None) or error).strip()
        return text.replace(str(self._password), "***") if self._password else text


def _alchemy() -> Any:
    try:
        import sqlalchemy
    except ImportError as error:
        raise MissingPackageError(
            "SQLAlchemy is not installed, which URLs need",
            fix='pip install "multiseq[sql]"; or pass the path of a SQLite file',
        ) from error
    return sqlalchemy
