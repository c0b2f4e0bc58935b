"""sql: rows of SQLite files by key, identical however they are loaded."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coded import codes, epoch_of, frozen, frozen_epoch, in_threads, misaligned
from crews import answer_of
from films import N, changed, coded, filled, films_in, modules_after_reading, worded

from multiseq import ArraySequence, join
from multiseq.modalities.sql.sequence import SQLSequence
from multiseq.testing import check_sequence


@pytest.fixture
def films(tmp_path: Path) -> Path:
    return films_in(tmp_path)


# Which row, in which order


def test_each_batch_holds_the_rows_of_its_keys(films: Path) -> None:
    seq = coded(films)
    assert len(seq) == 5
    for index in range(len(seq)):
        batch = seq[index]
        assert codes(batch) == seq.batch_keys(index).tolist()
        assert misaligned(batch) == []
    assert sorted(epoch_of(seq)) == list(range(N)) != epoch_of(seq)


def test_samples_are_in_the_order_of_their_keys(films: Path) -> None:
    assert coded(films, shuffle=False).keys.tolist() == list(range(N))
    query = "SELECT * FROM films ORDER BY id DESC"
    seq = SQLSequence(films, query, key="id", inputs="n", shuffle=False)
    assert codes(seq[0]) == list(range(32))


def test_text_keys(films: Path) -> None:
    seq = coded(films, key="name")
    assert seq.keys[:2].tolist() == ["film 00", "film 01"]
    found = [name for i in range(len(seq)) for name in seq.batch_keys(i)]
    assert found == [f"film {code:02}" for code in epoch_of(seq)]


@pytest.mark.parametrize(
    "keys",
    [
        [
            "",
            " ",
            "'",
            '"',
            "; DROP TABLE films --",
            "%s",
            ":a",
            "?",
            "\\",
            "é",
            "\U0001f600",
            "a\nb",
        ],
        ["a", "A", "á", "Á"],
        [0.5, 1.5, -1e300],
        [b"\x00", b"a", b""],
        [2**63 - 1, -(2**63), 0],
    ],
)
def test_any_keys(tmp_path: Path, keys: list[Any]) -> None:
    path = tmp_path / "any.db"
    create = "CREATE TABLE films (id BLOB UNIQUE, n INTEGER)"
    filled(path, create, [(key, n) for n, key in enumerate(keys)])
    seq = SQLSequence(path, "films", key="id", inputs="n", batch_size=2, shuffle=True, seed=0)
    found = {
        key: n
        for i in range(len(seq))
        for key, n in zip(seq.batch_keys(i), codes(seq[i]), strict=True)
    }
    assert found == {key: n for n, key in enumerate(keys)}
    check_sequence(seq, epochs=1)


def test_keys_that_the_database_takes_for_equal(tmp_path: Path) -> None:
    path = tmp_path / "nocase.db"
    create = "CREATE TABLE films (id TEXT COLLATE NOCASE, n INTEGER)"
    filled(path, create, [("a", 0), ("A", 1), ("b", 2)])
    seq = SQLSequence(path, "films", key="id", inputs="n", batch_size=1)
    assert {key: codes(seq[i])[0] for i, key in enumerate(seq.keys)} == {"a": 0, "A": 1, "b": 2}


def test_a_batch_of_more_keys_than_a_statement_takes(tmp_path: Path) -> None:
    path = tmp_path / "many.db"
    filled(path, "CREATE TABLE films (id INTEGER PRIMARY KEY)", [(n,) for n in range(5000)])
    seq = SQLSequence(path, "films", key="id", inputs="id", batch_size=5000, shuffle=True)
    (link,) = seq._database._links.values()
    link.connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 999)  # As it was until 3.32.
    assert codes(seq[0]) == seq.batch_keys(0).tolist()
    assert sorted(codes(seq[0])) == list(range(5000))


def test_a_sampler_may_ask_for_a_row_twice(films: Path) -> None:
    seq = coded(films, sampler=lambda seed, epoch: np.array([3, 3, 5, 3]))
    assert codes(seq[0]) == [3, 3, 5, 3]
    seq = coded(films, sampler=lambda seed, epoch: np.zeros(2000, np.int64), batch_size=2000)
    assert codes(seq[0]) == [0] * 2000


# Tables and queries


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM films",
        " \n select * from films;\n",
        "-- all; of them)\nSELECT * FROM films -- the end",
        "/* a */ WITH f AS (SELECT * FROM films) SELECT f.* FROM f /* ; */",
        "SELECT films.*, ';)' AS odd FROM films",
        'SELECT id, name, x, n, y, ":1;" AS "a:1" FROM (SELECT *, 1 AS ":1;" FROM films)',
        "SELECT * FROM films WHERE name LIKE 'film %' LIMIT 100",
        "SELECT a.*, b.kind AS other FROM films a JOIN films b ON a.id = b.id",
        "SELECT * FROM films WHERE id < 20 UNION ALL SELECT * FROM films WHERE id >= 20",
        "(SELECT * FROM films)",
        "SELECT id, name, x, n, max(y) AS y FROM films GROUP BY id",
    ],
)
def test_a_query_stands_for_a_table(films: Path, query: str) -> None:
    parts: Any = {"inputs": ("n", ["x", "y"]), "targets": {"y": "y"}}
    seq = SQLSequence(films, query, key="id", batch_size=8, shuffle=True, **parts)
    assert sorted(epoch_of(seq)) == list(range(N))


def test_a_view(films: Path) -> None:
    changed(films, "CREATE VIEW late AS SELECT * FROM films WHERE id > 30")
    assert SQLSequence(films, "late", key="id", inputs="n").keys.tolist() == list(range(31, N))


def test_names_are_quoted(tmp_path: Path) -> None:
    table, column = 'a"b; DROP TABLE x; --', 'c\'d "e" (f)'
    path = tmp_path / "odd.db"
    doubled = [name.replace('"', '""') for name in (table, column)]
    create = 'CREATE TABLE "{}" ("{}" INTEGER PRIMARY KEY, "order" REAL)'.format(*doubled)
    filled(path, create, [(n, float(n)) for n in range(9)], table)
    seq = SQLSequence(path, table, key=column, inputs={"k": column, "o": "order"})
    assert codes(seq[0]) == list(range(9))


@pytest.mark.parametrize(
    "database", [str, Path, "sqlite:///{}".format, "sqlite+pysqlite:///{}".format]
)
def test_paths_and_urls_of_a_file(films: Path, database: Any) -> None:
    assert epoch_of(coded(database(films), shuffle=False)) == list(range(N))


def test_a_relative_path_is_kept(films: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(films.parent)
    seq = coded(films.name)
    monkeypatch.chdir("/")
    seq.close()
    assert sorted(epoch_of(seq)) == list(range(N))


# Processes, threads, copies


def test_it_keeps_the_contract(films: Path) -> None:
    check_sequence(coded(films))
    check_sequence(coded(films, key="name", sample_weight="x"))


@pytest.mark.parametrize("key", ["id", "name"])
def test_processes_and_threads_read_the_same(films: Path, key: str) -> None:
    alone = frozen_epoch(worded(films, shuffle=True, seed=2))
    for processes in (False, True):
        with worded(films, shuffle=True, seed=2, workers=2, use_multiprocessing=processes) as seq:
            assert frozen_epoch(seq) == alone


def test_threads_of_the_users_own(films: Path) -> None:
    seq = coded(films)
    expected = frozen_epoch(seq)
    results = in_threads(lambda index: frozen(seq[index % 5]), range(20))
    assert len(results) == 20
    assert all(found == expected[index % 5] for index, found in results)
    seq.close()


def test_close_may_come_at_any_time(films: Path) -> None:
    seq = coded(films)
    expected = frozen_epoch(seq)

    def read_or_close(number: int) -> Any:
        for _ in range(20 * (number % 2)):
            seq.close()
        return [frozen(seq[index]) for index in range(5)]

    for number, found in in_threads(read_or_close, range(8)):
        assert found == expected, number


def test_a_worker_imports_neither_sqlalchemy_nor_pandas(films: Path) -> None:
    imported = answer_of(modules_after_reading, coded(films).for_workers())
    assert "multiseq.modalities.sql.sequence" in imported
    assert not {"sqlalchemy", "pandas", "keras"}.intersection(imported)


def test_a_join_with_another_part(films: Path) -> None:
    rows = ArraySequence({"a": np.arange(N)[::-1]}, keys=np.arange(N)[::-1])
    seq = join(coded(films, shuffle=False), rows, batch_size=8, shuffle=True)
    assert sorted(epoch_of(seq)) == list(range(N))
    check_sequence(seq, epochs=1)


def test_a_subset_reads_its_rows(films: Path) -> None:
    train, test = coded(films).split(0.5, 0.5)
    assert sorted(epoch_of(train) + epoch_of(test)) == list(range(N))
    assert epoch_of(coded(films, shuffle=False).subset([7, 3])) == [7, 3]
