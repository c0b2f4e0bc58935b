"""sql: a real PostgreSQL server, by SQLAlchemy."""

from __future__ import annotations

import gc
import os
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coded import codes, epoch_of, frozen_epoch, in_threads, wait_for
from films import COLUMNS, FILMS, N, films_in, worded
from postgres import PASSWORD, Server, running

from multiseq import ArraySequence, Standardize, Vocabulary, join
from multiseq.errors import ArgumentError, SampleError, SourceError
from multiseq.modalities.sql.sequence import SQLSequence
from multiseq.sources.sql.databases import _let_go
from multiseq.testing import check_sequence

ODD = [
    "",
    " ",
    "'",
    '"',
    "'; DROP TABLE films; --",
    "%s",
    "%(a)s",
    ":a",
    "?",
    "\\",
    "é",
    "\U0001f600",
]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as server:
        server.run(f"CREATE TABLE films ({COLUMNS.replace('REAL', 'FLOAT8')})")
        server.run("INSERT INTO films VALUES (%s, %s, %s, %s, %s, %s, %s)", *FILMS)
        yield server


def coded(server: Server, source: str = "films", **keywords: Any) -> SQLSequence:
    """Every leaf of sample i is full of i."""
    inputs: Any = {"x": "x", "n": "n", "v": ["x", "n", "y"]}
    defaults: Any = {"key": "id", "targets": "y", "batch_size": 8, "shuffle": True, "seed": 1}
    return SQLSequence(server.url, source, inputs=inputs, **defaults | keywords)


@pytest.mark.parametrize(
    "source",
    [
        "films",
        "public.films",
        "SELECT * FROM films ORDER BY id DESC -- the end",
        "WITH f AS (SELECT * FROM films) SELECT * FROM f;",
        "SELECT *, ':a %s {' AS odd, id::text AS \"50%\", $$;)$$ AS b FROM films WHERE 1=1",
    ],
)
def test_each_batch_holds_the_rows_of_its_keys(server: Server, source: str) -> None:
    with coded(server, source) as seq:
        assert sorted(epoch_of(seq)) == list(range(N))
        for index in range(len(seq)):
            assert codes(seq[index]) == seq.batch_keys(index).tolist()


def test_it_keeps_the_contract(server: Server) -> None:
    with coded(server) as seq:
        check_sequence(seq)


def test_it_is_what_sqlite_gives(server: Server, tmp_path: Path) -> None:
    with worded(server.url, shuffle=True, seed=2) as seq:
        found = frozen_epoch(seq)
    assert found == frozen_epoch(worded(films_in(tmp_path), shuffle=True, seed=2))


@pytest.mark.parametrize("key", ["id", "name"])
def test_processes_and_threads_read_the_same(server: Server, key: str) -> None:
    with coded(server, key=key) as seq:
        alone = frozen_epoch(seq)
    for processes in (False, True):
        with coded(server, key=key, workers=2, use_multiprocessing=processes) as seq:
            assert frozen_epoch(seq) == alone


def test_each_thread_has_one_connection_and_close_ends_them(server: Server) -> None:
    seq = coded(server)
    together = threading.Barrier(3)

    def read(index: int) -> Any:
        together.wait(20)
        return codes(seq[index])

    for index, found in in_threads(read, range(3)):
        assert found == seq.batch_keys(index).tolist()
    assert server.connections() == 4  # The main thread's reads the keys.
    seq.close()
    wait_for(lambda: server.connections() == 0)
    assert sorted(epoch_of(seq)) == list(range(N))
    assert server.connections() == 1
    seq.close()


def test_a_sequence_that_is_forgotten_lets_go(server: Server) -> None:
    seq = coded(server)
    seq[0]
    assert server.connections() == 1
    del seq
    gc.collect()
    wait_for(lambda: server.connections() == 0)


def test_a_forked_child_opens_its_own(server: Server) -> None:
    backends = "SELECT pid FROM pg_stat_activity WHERE application_name = 'forked'"
    seq = SQLSequence(f"{server.url}&application_name=forked", "films", key="id", inputs="n")
    before = server.run(backends)
    child = os.fork()
    if not child:
        status = 1
        try:
            status = int(epoch_of(seq) != list(range(N)))
            seq.close()
            _let_go(seq._database._links)  # As when it is forgotten.
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert epoch_of(seq) == list(range(N))
    assert server.run(backends) == before
    seq.close()


def test_a_server_that_restarts_between_epochs(server: Server) -> None:
    seqs = [coded(server), coded(server, workers=2, use_multiprocessing=True)]
    for seq in seqs:
        assert sorted(epoch_of(seq)) == list(range(N))
    server.stop()
    server.start()
    for seq in seqs:
        seq.set_epoch(1)
        assert sorted(epoch_of(seq)) == list(range(N))
        seq.close()


def test_a_server_that_is_gone(server: Server) -> None:
    seq = coded(server)
    seq[0]
    server.stop()
    try:
        with pytest.raises(SourceError, match="cannot be read") as caught:
            seq[1]
        assert PASSWORD not in str(caught.value)
        seq.close()
        with pytest.raises(ArgumentError, match="cannot be read"):
            coded(server)
    finally:
        server.start()
    assert sorted(epoch_of(seq)) == list(range(N))
    seq.close()


def test_a_wrong_password(server: Server) -> None:
    url = server.url.replace("tester:", "tester:no")
    with pytest.raises(ArgumentError, match="password authentication failed"):
        SQLSequence(url, "films", key="id", inputs="n")


def test_a_url_object(server: Server) -> None:
    from sqlalchemy import make_url

    with SQLSequence(make_url(server.url), "films", key="id", inputs="n") as seq:
        assert codes(seq[0]) == list(range(32))
        assert PASSWORD not in repr(seq)


def test_odd_names_and_keys(server: Server) -> None:
    table, column = "a\"b'; DROP TABLE films; -- %s :x", 'c\'d "e" (%s) :y'
    quoted = ['"' + name.replace('"', '""') + '"' for name in (table, column)]
    server.run("CREATE TABLE {} ({} TEXT UNIQUE, n INTEGER)".format(*quoted))
    sql = f"INSERT INTO {quoted[0].replace('%', '%%')} VALUES (%s, %s)"
    server.run(sql, *[(key, n) for n, key in enumerate(ODD)])
    with SQLSequence(server.url, table, key=column, inputs="n", batch_size=5, shuffle=True) as seq:
        for index in range(len(seq)):
            assert [ODD[n] for n in codes(seq[index])] == seq.batch_keys(index).tolist()
    assert server.run("SELECT count(*) FROM films") == [(N,)]


def test_five_thousand_keys_in_a_batch(server: Server) -> None:
    query = "SELECT i + 1099511627776 * (i % 2) AS k, i FROM generate_series(0, 4999) i"
    with SQLSequence(
        server.url, query, key="k", inputs="i", batch_size=5000, shuffle=True, seed=0
    ) as seq:
        found = codes(seq[0])
        assert [i + 1099511627776 * (i % 2) for i in found] == seq.batch_keys(0).tolist()
        assert sorted(found) == list(range(5000))


def test_types(server: Server) -> None:
    server.run(
        "CREATE TABLE kinds AS SELECT i, i % 2 = 0 AS b, i / 4::numeric AS d, i::float4 AS f, "
        "i::smallint AS s, date '2020-01-01' + i AS t, 'k' || i % 3 AS c, NULL::int AS n "
        "FROM generate_series(0, 9) i"
    )
    inputs: Any = {name: name for name in "bdfstcn"} | {"v": ["b", "d", "f", "s"]}
    transforms = {"t": lambda t: t.toordinal(), "c": Vocabulary(), "n": lambda n: int(n is None)}
    with SQLSequence(server.url, "kinds", key="i", inputs=inputs, transforms=transforms) as seq:
        seq.adapt(progress=False)
        (batch,) = seq[0]
    assert batch["b"].dtype == bool
    assert batch["b"].tolist() == [True, False] * 5
    assert batch["d"].tolist() == [i / 4 for i in range(10)]
    assert {name: batch[name].dtype.name for name in "dfsv"} == {
        "d": "float32",
        "f": "float32",
        "s": "int64",
        "v": "float32",
    }
    assert batch["v"][3].tolist() == [0, 0.75, 3, 3]
    assert np.diff(batch["t"]).tolist() == [1] * 9
    assert batch["n"].tolist() == [1] * 10


@pytest.mark.parametrize(
    ("column", "says"),
    [("date '2020-01-01'", "is no number"), ("NULL::int", "is NULL"), ("ARRAY[1]", "is no number")],
)
def test_values_that_are_no_numbers(server: Server, column: str, says: str) -> None:
    query = f"SELECT id, {column} AS v FROM films"
    with SQLSequence(server.url, query, key="id", inputs="v") as seq:
        with pytest.raises(SampleError, match=says) as caught:
            seq[0]
        assert caught.value.where["key"] == "0"


def test_keys_of_other_types(server: Server) -> None:
    query = "SELECT md5(i::text)::uuid AS k, i FROM generate_series(0, 99) i"
    with SQLSequence(server.url, query, key="k", inputs="i", shuffle=True) as seq:
        assert isinstance(seq.keys[0], uuid.UUID)
        assert sorted(epoch_of(seq)) == list(range(100))
        check_sequence(seq, epochs=1)


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("WITH d AS (DELETE FROM films RETURNING *) SELECT * FROM d", "at the top level"),
        ("SELECT nextval('counter') AS id, 1 AS n", "read-only transaction"),
        ("SELECT * FROM film", "does not exist"),
        ("DELETE FROM films", "does not exist"),
        ("SELECT 1 AS id, 2 AS n, 3 AS n", "several columns are named 'n'"),
        ("SELECT 1 AS id", "no column 'n'"),
        ("SELECT 1; DROP TABLE films", "not one SELECT"),
    ],
)
def test_refused_queries(server: Server, query: str, says: str) -> None:
    server.run("CREATE SEQUENCE IF NOT EXISTS counter")
    with pytest.raises(ArgumentError, match=says):
        SQLSequence(server.url, query, key="id", inputs="n")
    assert server.run("SELECT count(*) FROM films") == [(N,)]


def test_a_join_with_another_part(server: Server) -> None:
    rows = ArraySequence({"a": np.arange(N)[::-1]}, keys=np.arange(N)[::-1])
    part = coded(server, shuffle=False)
    with join(part, rows, batch_size=8, shuffle=True, workers=2, use_multiprocessing=True) as seq:
        assert sorted(epoch_of(seq)) == list(range(N))
    part.close()


def test_adapt_reads_many_rows_at_once(server: Server) -> None:
    query = "SELECT i, i AS n FROM generate_series(0, 9999) i"
    transforms = {"inputs": Standardize()}
    with SQLSequence(server.url, query, key="i", inputs="n", transforms=transforms) as seq:
        seq.adapt(progress=False)
        before = statements(server)
        seq.adapt(progress=False)
        assert statements(server) - before < 40
        assert seq.transforms["inputs"].mean == pytest.approx(4999.5)


def statements(server: Server) -> int:
    """How many transactions were committed, each of one statement."""
    server.run("SELECT pg_stat_force_next_flush()")
    sql = "SELECT xact_commit FROM pg_stat_database WHERE datname = 'postgres'"
    return int(server.run(sql)[0][0])


def test_a_type_does_not_depend_on_the_rows_read_together(server: Server) -> None:
    big = 1 << 53
    server.run(
        "CREATE TABLE mates AS SELECT i, CASE i WHEN 1 THEN NULL ELSE i % 3 = 0 END AS b, "
        f"CASE i WHEN 1 THEN NULL ELSE {big} + i END AS n, "
        "(12 + i)::numeric(10, 2) AS d, i % 2 = 0 AS f FROM generate_series(0, 5) i"
    )
    words = Vocabulary
    with SQLSequence(
        server.url,
        "mates",
        key="i",
        inputs={name: name for name in "bndf"},
        transforms={"b": words(), "n": words()},
        batch_size=1,
    ) as seq:
        seq.adapt(progress=False)
        apart = [seq[k][0] for k in range(6)]
        (together,) = seq.replace(batch_size=6)[0]
        assert seq.transforms["b"].categories == (False, True)
        assert seq.transforms["n"].categories == tuple(big + i for i in (0, 2, 3, 4, 5))
    assert {name: leaf.dtype.name for name, leaf in together.items()} == {
        "b": "int32",
        "n": "int32",
        "d": "float32",
        "f": "bool",
    }
    for name, leaf in together.items():
        assert [each[name][0] for each in apart] == leaf.tolist()
        assert {each[name].dtype for each in apart} == {leaf.dtype}
    assert together["b"].tolist() == [2, 0, 1, 2, 1, 1]
    assert together["n"].tolist() == [1, 0, 2, 3, 4, 5]
