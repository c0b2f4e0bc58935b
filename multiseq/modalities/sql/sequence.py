"""`SQLSequence`: rows of a database, by key."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, Unpack, cast

import numpy as np

from ...base.encoding import Records
from ...engine.job import Layout
from ...errors import AlignmentError, ArgumentError, SourceError, list_names
from ...keys.selection import checked_keys
from ...keys.targets import Targets
from ...order import Indices
from ...pipeline import names_given, own_steps, parted
from ...plots.kinds import Kind, Named
from ...plots.naming import undo_of
from ...samples import Spec, Structure
from ...sequence import MultiInputSequence
from ...settings import OtherKeywords
from ...sources.flat import FlatTexts
from ...sources.sql.alchemy import AlchemyDatabase
from ...sources.sql.databases import Database, SQLiteDatabase
from ...sources.sql.queries import checked_query, path_or_url
from ...stages import stage
from ...transforms.learned import steps_of
from ...transforms.steps import Chain, shown
from .columns import ColumnLeaf, ColumnNames, dtype_of, leaves_of
from .raws import RawRows

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SQLSequence"]


class SQLSequence(MultiInputSequence):
    """Rows of a database, by key; a batch is one query.

    A SQLite file is opened read-only, by Python's own module. Any other database is read through
    SQLAlchemy (`pip install "multiseq[sql]"`, and the database's driver). The keys are read when
    the sequence is made, the rows when they are needed: `SELECT ... WHERE key IN (...)`, so the
    key's column should have an index. Each thread of each process opens a connection of its own
    when it first reads; `close()` closes this process' connections. Nothing is written.

    One column is one input of shape (): integers are int64, booleans bool, other numbers (decimal
    ones too) `keras.config.floatx()`. The whole column decides, or its declaration: whole numbers
    in a column that SQLite knows as REAL or DECIMAL are decimal ones. A list of columns is one
    vector of `floatx()`. Anything else, such as text, dates or bytes, needs an entry in
    `transforms`.

    NULL is an error that names key and column, unless a transform gives it a number: those of
    numbers get NaN, so that all values of such a column are float64; those of text get None. A
    `Vocabulary` gets values as they are, and gives NULL the id of what is missing.

    Example:
        >>> films = SQLSequence(
        ...     "movies.db",
        ...     "SELECT * FROM films WHERE score IS NOT NULL",
        ...     key="id",
        ...     inputs={"numbers": ["year", "runtime"], "country": "country", "title": "title"},
        ...     targets="score",
        ...     transforms={
        ...         "numbers": Standardize(),
        ...         "country": Vocabulary(),
        ...         "title": (str.split, Vocabulary(mask="")),
        ...     },
        ...     batch_size=32,
        ...     shuffle=True,
        ... )
        >>> train, test = films.split(0.8, 0.2)
        >>> train.adapt()

    Args:
        database: The path of a SQLite file, or a URL of SQLAlchemy, such as
            `"postgresql+psycopg://user:password@host/name"`. Errors don't show the password.
        table_or_query: The name of a table or view (`"schema.table"` outside SQLite), or one
            SELECT, with WITH before it or not. Its order and parameters play no role.
        key: The column that tells the rows apart: unique and never NULL. Samples are in the
            ascending order of their keys, as the database sorts them.
        inputs: A column, a list of columns for one vector, a tuple of those in the model's order,
            or a dict of those by input name.
        targets: The same; or an array (in the order of the keys), a Series (aligned by its
            index), or a dict of those by output name.
        transforms: By the name of an input or target, one of:

            - a transform, such as `Standardize()` or `Vocabulary()`, which `adapt()` learns;
            - a function of one value of a column: text into the ids of its tokens, or bytes into
              an array. It is given NULL as None; of a list of columns, a float64 vector with NaN;
            - a tuple of any number of those, such as a tokenizer and a `Vocabulary`, which learn
              one after the other.

            Where a function returns lists, they may differ in length: batches are padded to their
            longest, or as `spec` says. In a tuple of inputs the position is the name
            (`"targets[0]"` for a target); alone it is "inputs" or "targets".
        sample_weight: As `targets`.
        **keywords: Those of `MultiInputSequence`.

    Raises:
        AlignmentError: Keys are duplicated or NULL, or `targets` lacks one.
        ArgumentError: The database cannot be opened, the query fails, or a column is not there.
        MissingPackageError: SQLAlchemy or the database's driver is not installed.
    """

    def __init__(
        self,
        database: str | os.PathLike[str] | Any,
        table_or_query: str,
        *,
        key: str,
        inputs: ColumnNames | tuple[ColumnNames, ...] | Mapping[str, ColumnNames],
        targets: Any = None,
        transforms: Mapping[Any, Any] | None = None,
        sample_weight: Any = None,
        **keywords: Unpack[OtherKeywords],
    ) -> None:
        parts = {"inputs": inputs, "targets": targets, "sample_weight": sample_weight}
        nested = {name: leaves_of(name, part) for name, part in parts.items() if part is not None}
        in_table = {name: part for name, part in nested.items() if part is not None}
        if "inputs" not in in_table:
            raise ArgumentError(
                "inputs does not say which columns to read",
                got=inputs,
                expected="a column, a list of columns for one vector, or a tuple or dict of those",
                fix='write {"numbers": ["year", "runtime"], "country": "country"}',
            )
        if targets is None and sample_weight is not None:
            raise ArgumentError("sample_weight was given without targets", fix="give targets too")
        self._structure = Structure(tuple(in_table.values()))
        self._leaves: list[ColumnLeaf] = self._structure.flatten(tuple(in_table.values()))
        own, given = parted(steps_of(transforms) or {}, None if "targets" in in_table else targets)
        names, columns = zip(*[(leaf.name, leaf.source) for leaf in self._leaves], strict=True)
        steps = own_steps(own, keywords.get("missing"), self._structure.names, names, columns)
        for number, (name, chain) in steps.chains.items():
            self._leaves[number].called, self._leaves[number].chain = name, chain
        for number in steps.masked:
            self._leaves[number].is_raw = True
        base: Any = {**keywords, **steps.left_to_base(given)}
        try:
            index = self._opened(database, table_or_query, key)
        except SourceError as error:
            raise ArgumentError(error.what, got=error.got, fix=error.fix) from None
        self._others = Targets(
            None if "targets" in in_table else targets,
            None if "sample_weight" in in_table else sample_weight,
            index,
            targets_elsewhere="targets" in in_table,
            named=names_given(base),
        )
        self._others_at = 2 if "targets" in in_table else 1
        super().__init__(index, **base)

    def _opened(self, database: Any, table_or_query: Any, key: str) -> pd.Index[Any]:
        """Looks for the columns, and reads the keys."""
        source, is_query = checked_query(table_or_query)
        path, url = path_or_url(database)
        self._database: Database
        if path is not None:
            self._database = SQLiteDatabase(path, source, is_query)
        else:
            self._database = AlchemyDatabase(str(url), source, is_query)
        columns = list(dict.fromkeys(name for leaf in self._leaves for name in leaf.columns))
        _check_columns([key, *columns], self._database.names())
        self._database.choose(key, columns)
        for leaf in self._leaves:
            leaf.places = [1 + columns.index(name) for name in leaf.columns]
        self._row_keys = _RowKeys(self._database.keys())
        if not len(self._row_keys.values):
            raise ArgumentError("there are no rows", got=f"an empty result of {source!r}")
        typed = [leaf for leaf in self._leaves if leaf.is_typed]
        types = self._database.types([leaf.columns[0] for leaf in typed]) if typed else []
        for leaf, held in zip(typed, types, strict=True):
            leaf.dtype = dtype_of(held, bool(leaf.chain.steps))
        try:
            return checked_keys(self._row_keys.values)
        except AlignmentError as error:
            error.what = f"in column {key!r}, {error.what}"
            error.fix = "leave those rows out in the query, or use another key"
            raise

    @property
    def transforms(self) -> dict[Any, Any]:
        """What `adapt()` learns, by the name of its input or target."""
        return shown(self._own_chains())

    def _own_chains(self) -> dict[Any, Chain]:
        return {leaf.called: leaf.chain for leaf in self._leaves if leaf.chain.steps}

    def _columns_of(self, name: Any) -> tuple[str, ...]:
        lists = {leaf.called: tuple(leaf.columns) for leaf in self._leaves if leaf.is_vector}
        return lists.get(name, ())

    @property
    def _leaf_kinds(self) -> Mapping[str, Kind]:
        own = {
            name: Named(tuple(leaf.columns), undo_of(leaf.chain))
            for name, leaf in zip(self._structure.names, self._leaves, strict=True)
            if leaf.is_vector
        }
        return {**super()._leaf_kinds, **own}

    @property
    def _of_inputs(self) -> set[Any]:
        return {leaf.called for leaf in self._leaves[: len(self._structure.of_inputs())]}

    def load_sample(self, index: int) -> Any:
        """Reads one row."""
        loaded = [leaf[0] for leaf in self._load(np.array([index]))]
        return self._assemble(loaded, self._others.row(index))

    def target_rows(self, indices: Indices) -> Any:
        """The targets alone, by one query."""
        if self._others_at == 1:
            return self._others.target_rows(indices)
        keys, columns = self._read(indices)
        return self._structure.targets(lambda number: self._leaves[number].load(columns, keys))

    def load_batch(self, indices: Indices) -> Any:
        """Reads several rows by one query."""
        return self._assemble(self._load(indices), self._others.rows(indices))

    def _raw_fields(self) -> list[str]:
        leaves = self._leaves[: len(self._structure.of_inputs())]
        return list(dict.fromkeys(name for leaf in leaves for name in leaf.columns))

    def _over(self, records: Records) -> Self:
        other = self._emptied(len(records))
        other._structure = self._structure.of_inputs()
        other._leaves = self._leaves[: len(other._structure)]
        other._database = cast(Any, RawRows(records, other._leaves))
        other._row_keys = _RowKeys(list(range(len(records))))
        other._others, other._others_at = Targets(None, None, len(records)), 1
        return other

    def close(self) -> None:
        """Ends the workers, and closes this process' connections. Both start again when needed."""
        super().close()
        self._database.close()

    def raw(self, index: int) -> dict[Any, Any]:
        """What the transforms learn from: by their names, the values of one row."""
        return {name: values[0] for name, values in self.raw_rows(np.array([index])).items()}

    def make_layout(self) -> Layout:
        """What samples look like: an axis is variable where a function returned a list."""
        layout = super().make_layout()
        lists = self._own_lists()
        specs = [
            Spec((None, *spec.shape[1:]), spec.dtype) if given is None and name in lists else spec
            for name, spec, given in zip(
                layout.structure.names,
                layout.specs,
                layout.structure.align(self._declared),
                strict=True,
            )
        ]
        return Layout(layout.structure, specs, layout.weighting)

    def _own_lists(self) -> set[str]:
        """The names of those leaves for which a function returns a list."""
        if not any(leaf.chain.has_functions for leaf in self._leaves):
            return set()
        keys, columns = self._read(np.array([self._source_index(0)]))
        return {
            name
            for name, leaf in zip(self._structure.names, self._leaves, strict=True)
            if leaf.chain.gives_list(leaf.read(columns, keys)[0])
        }

    def _as_read(self, index: int) -> dict[str, Any]:
        keys, columns = self._read(np.array([index]))
        values = [leaf.read(columns, keys)[0] for leaf in self._leaves]
        return dict(zip(self._structure.names, values, strict=True))

    @stage("query")
    def _read(self, indices: Indices) -> tuple[list[Any], list[Any]]:
        """The keys of rows, and the columns of those rows."""
        keys = self._row_keys.at(indices)
        return keys, list(zip(*self._database.rows(keys), strict=True))

    def _load(self, indices: Indices) -> list[Any]:
        keys, columns = self._read(indices)
        return [leaf.load(columns, keys) for leaf in self._leaves]

    def _assemble(self, leaves: list[Any], given: tuple[Any, ...]) -> tuple[Any, ...]:
        parts = self._structure.unflatten(leaves)
        return (*parts[: self._others_at], *given, *parts[self._others_at :])

    def raw_rows(self, indices: Indices) -> dict[Any, Any]:
        """The same of several rows, by one query."""
        keys, columns = self._read(indices)
        return {
            leaf.called: leaf.chain.before_shown(leaf.read(columns, keys))
            for leaf in self._leaves
            if leaf.chain.shown is not None
        }


class _RowKeys:
    """The keys of a table's rows: numbers and text as arrays, which processes can share.

    Args:
        values: The keys.
    """

    def __init__(self, values: list[Any]) -> None:
        kinds = set(map(type, values))
        self.values: Any = values
        """As `pandas.Index` takes them; not in a copy for another process."""
        self._stored: Any = values
        if kinds == {int} and -(1 << 63) <= min(values) <= max(values) < 1 << 63:
            self.values = self._stored = np.array(values, np.int64)
        elif kinds == {str}:
            self._stored = FlatTexts(values)

    def __getstate__(self) -> dict[str, Any]:
        return {"_stored": self._stored}

    def at(self, indices: Indices) -> list[Any]:
        """Returns some of the keys, as the database gave them."""
        if isinstance(self._stored, np.ndarray):
            return list(self._stored[indices].tolist())
        return [self._stored[index] for index in indices.tolist()]


def _check_columns(wanted: list[str], names: list[str]) -> None:
    """Raises ArgumentError unless each of these is the name of exactly one column."""
    for name in wanted:
        if names.count(name) == 1:
            continue
        raise ArgumentError(
            f"several columns are named {name!r}" if name in names else f"no column {name!r}",
            got=f"the columns {list_names(names, 20)}",
            fix=f'name them apart in the query: SELECT a.{name}, b.{name} AS "other"'
            if name in names
            else "correct the name; upper and lower case differ",
        )
