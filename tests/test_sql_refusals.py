"""sql: what is refused, and what the error says."""

from __future__ import annotations

import sqlite3
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from films import N, changed, coded, filled, films_in

from multiseq import Standardize, Vocabulary
from multiseq.errors import (
    AlignmentError,
    ArgumentError,
    LoadError,
    MissingPackageError,
    SampleError,
    SourceError,
)
from multiseq.modalities.sql.sequence import SQLSequence


@pytest.fixture
def films(tmp_path: Path) -> Path:
    return films_in(tmp_path)


def one(path: Any, *values: Any, kind: str = "", **keywords: Any) -> SQLSequence:
    """A table of one column that holds these values, by keys from 100 on."""
    rows = [(100 + n, value) for n, value in enumerate(values)]
    filled(path, f"CREATE TABLE films (id INTEGER, v {kind})", rows)
    return SQLSequence(path, "films", key="id", **{"inputs": {"v": "v"}} | keywords)


def test_a_number_that_is_whole_in_the_first_row_alone(tmp_path: Path) -> None:
    (batch,) = one(tmp_path / "a.db", 1, 2.5)[0]
    assert batch["v"].tolist() == [1, 2.5]


# The database


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    for database in (tmp_path / "no.db", f"sqlite:///{tmp_path}/no.db", ":memory:", "sqlite://"):
        with pytest.raises(ArgumentError, match="no such SQLite file"):
            coded(database)
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("This is no database. " * 100)
    with pytest.raises(ArgumentError, match="not a database"):
        coded(tmp_path / "text.db")


def test_a_connection_is_no_database(films: Path) -> None:
    connection = sqlite3.connect(films)
    for database in (connection, None, 5):
        with pytest.raises(ArgumentError, match="neither a path nor a URL"):
            coded(database)
    connection.close()


def test_the_file_is_opened_for_reading_alone(films: Path) -> None:
    seq = coded(films)
    before = films.read_bytes()
    with pytest.raises(SourceError, match="readonly"):
        seq._database._run("DELETE FROM films")
    assert films.read_bytes() == before
    assert list(films.parent.iterdir()) == [films]


def test_a_driver_that_is_not_installed() -> None:
    with pytest.raises(MissingPackageError, match="pip install"):
        coded("mysql+pymysql://user:secret@localhost/films")


@pytest.mark.parametrize(
    "url", ["postgresql+psycopg://me:s3cret@localhost:1/x", "postgresql+psycopg://me:s3cret@[x"]
)
def test_a_password_is_not_shown(url: str) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(ArgumentError) as caught:
        coded(url)
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))


# The table or query


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM films; DROP TABLE films",
        "SELECT 1) AS q; DROP TABLE films; --",
        "SELECT * FROM films WHERE (id) IN (1)) AS q --",
    ],
)
def test_one_select_alone(films: Path, query: str) -> None:
    with pytest.raises(ArgumentError, match="not one SELECT"):
        coded_query(films, query)


def coded_query(films: Path, query: Any) -> SQLSequence:
    return SQLSequence(films, query, key="id", inputs="n")


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM films",
        "DROP TABLE films",
        "PRAGMA user_version",
        "film",
        "FILMS; --",
        "selected",
    ],
)
def test_what_is_no_select_is_no_table_either(films: Path, query: str) -> None:
    with pytest.raises(ArgumentError, match="no table or view") as caught:
        coded_query(films, query)
    assert "'films'" in str(caught.value)


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("WITH d AS (SELECT 1) DELETE FROM films", "syntax error"),
        ("SELECT * FROM film", "no such table: film"),
        ("SELECT id, n FRM films", "syntax error"),
        ("SELECT * FROM films WHERE id = :id", "."),
        ("SELECT id, n, 'x FROM films", "."),
        (None, "no text"),
        ("", "no text"),
        (["films"], "no text"),
    ],
)
def test_bad_queries(films: Path, query: Any, says: str) -> None:
    with pytest.raises(ArgumentError, match=says) as caught:
        coded_query(films, query)
    assert caught.value.where["class"] == "SQLSequence"


def test_an_empty_result(films: Path) -> None:
    with pytest.raises(ArgumentError, match="no rows"):
        coded_query(films, "SELECT * FROM films WHERE id < 0")


# Columns


@pytest.mark.parametrize("names", [("nn", "n", "n"), ("id", "nn", "n"), ("id", "n", "nn")])
def test_a_column_that_is_not_there(films: Path, names: Any) -> None:
    key, inputs, targets = names
    with pytest.raises(ArgumentError, match="no column 'nn'") as caught:
        SQLSequence(films, "films", key=key, inputs=inputs, targets=targets)
    assert "'words'" in str(caught.value)


def test_a_column_that_is_there_twice(films: Path) -> None:
    query = "SELECT a.*, b.n FROM films a JOIN films b ON a.id = 39 - b.id"
    with pytest.raises(ArgumentError, match="several columns are named 'n'"):
        coded_query(films, query)
    SQLSequence(films, query, key="id", inputs="x")[0]


@pytest.mark.parametrize("inputs", [None, [], (), {}, 5, {"a": 5}, ["n", 5], ("n", None), [["n"]]])
def test_inputs_are_columns(films: Path, inputs: Any) -> None:
    with pytest.raises(ArgumentError, match="which columns"):
        SQLSequence(films, "films", key="id", inputs=inputs)


@pytest.mark.parametrize("key", [None, 5, ["id"]])
def test_a_key_is_one_column(films: Path, key: Any) -> None:
    with pytest.raises(ArgumentError, match="no column"):
        SQLSequence(films, "films", key=key, inputs="n")


@pytest.mark.parametrize(
    ("transforms", "says"),
    [
        ({"m": Vocabulary()}, "no input or target 'm'"),
        ({"v": "vocabulary"}, "not a transform"),
        ({"v": Vocabulary}, "not a transform"),
        ({"v": ()}, "no steps"),
        ({"v": (len, "vocabulary")}, "not a transform"),
        ({"n": Standardize()}, r"an input and of a target[\s\S]*\"inputs\['n'\]\""),
        ({"inputs['v']": len, "v": len}, "are the same"),
    ],
)
def test_bad_transforms(films: Path, transforms: Any, says: str) -> None:
    parts: Any = {"inputs": {"v": ["x", "y"], "n": "n"}, "targets": {"n": "x"}}
    with pytest.raises(ArgumentError, match=says):
        SQLSequence(films, "films", key="id", transforms=transforms, **parts)


def test_bad_targets(films: Path) -> None:
    with pytest.raises(AlignmentError, match="targets has no row for"):
        SQLSequence(films, "films", key="id", inputs="n", targets=pd.Series([1.0], index=[0]))
    with pytest.raises(ArgumentError, match="differ in number"):
        SQLSequence(films, "films", key="id", inputs="n", targets=np.zeros(3))
    with pytest.raises(ArgumentError, match="without targets"):
        SQLSequence(films, "films", key="id", inputs="n", sample_weight="x")


# Keys


def test_duplicated_keys(films: Path) -> None:
    with pytest.raises(AlignmentError, match="in column 'kind', keys are duplicated") as caught:
        coded(films, key="kind")
    assert "'a', 'b', 'c'" in str(caught.value)


def test_a_join_that_multiplies_rows(films: Path) -> None:
    with pytest.raises(AlignmentError, match="duplicated"):
        coded_query(films, "SELECT a.* FROM films a JOIN films b ON a.kind = b.kind")


def test_null_keys(films: Path) -> None:
    query = "SELECT *, CASE WHEN id > 9 THEN id END AS k FROM films"
    with pytest.raises(AlignmentError, match="in column 'k', 10 keys are missing"):
        SQLSequence(films, query, key="k", inputs="n")


# Values


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("text", "column 'v' is text"),
        ("12.5", "column 'v' is text"),
        (b"\x00", "column 'v' is no number"),
        (None, "column 'v' is NULL"),
    ],
)
@pytest.mark.parametrize("inputs", [{"v": "v"}, {"v": ["id", "v"]}])
def test_values_that_are_no_numbers(tmp_path: Path, value: Any, says: str, inputs: Any) -> None:
    seq = one(tmp_path / "v.db", 1.0, 2.0, value, 4.0, inputs=inputs)
    with pytest.raises(SampleError, match=says) as caught:
        seq[0]
    assert caught.value.where["key"] == "102"
    assert caught.value.where["input"] == "v"


def test_null_in_a_column_of_text(tmp_path: Path) -> None:
    with pytest.raises(SampleError, match="column 'v' is NULL") as caught:
        one(tmp_path / "v.db", None, "a", kind="TEXT")[0]
    assert "'' where it is text" in str(caught.value)
    assert "Vocabulary()" in str(caught.value)


def test_null_that_a_transform_leaves(tmp_path: Path) -> None:
    seq = one(tmp_path / "v.db", 1.0, 2.0, None, transforms={"v": Standardize()})
    seq.adapt(progress=False)
    with pytest.raises(SampleError, match="column 'v' is NULL") as caught:
        seq[0]
    assert caught.value.where["key"] == "102"


def test_integers_and_later_others(tmp_path: Path) -> None:
    seq = one(tmp_path / "v.db", 1, 2)
    changed(tmp_path / "v.db", "UPDATE films SET v = 2.5 WHERE id = 101")
    with pytest.raises(SampleError, match="several types") as caught:
        seq[0]
    assert caught.value.where["key"] == "101"
    assert "int64" in str(caught.value)


def test_a_function_that_raises(tmp_path: Path) -> None:
    seq = one(tmp_path / "v.db", "a", "b", None, transforms={"v": lambda text: len(text)})
    with pytest.raises(LoadError, match="TypeError") as caught:
        seq[0]
    assert caught.value.where["key"] == "102"


# What changes underneath


@pytest.mark.parametrize("batch", [True, False])
def test_a_row_that_is_gone(films: Path, batch: bool) -> None:
    seq = coded(films, shuffle=False)
    changed(films, "DELETE FROM films WHERE id = 5")
    with pytest.raises(SourceError, match="the row with this key is gone") as caught:
        seq[0] if batch else seq.sample(5)
    assert caught.value.where == {"class": "SQLSequence", "key": "5", "position": "5"}
    assert seq[1][1].tolist() == list(range(8, 16))


def test_a_row_that_is_gone_may_be_substituted(films: Path) -> None:
    seq = coded(films, shuffle=False, on_error="substitute")
    changed(films, "DELETE FROM films WHERE id = 5")
    assert seq[0][1].tolist()[:5] == [0, 1, 2, 3, 4]


def test_a_key_that_is_there_twice_by_now(tmp_path: Path) -> None:
    seq = one(tmp_path / "v.db", *range(N))
    changed(tmp_path / "v.db", "INSERT INTO films VALUES (107, 7)")
    with pytest.raises(SourceError, match="several rows with this key") as caught:
        seq[0]
    assert caught.value.where["key"] == "107"


def test_a_table_that_is_gone(films: Path) -> None:
    seq = coded(films)
    seq[0]
    changed(films, "DROP TABLE films")
    with pytest.raises(SourceError, match="no such table"):
        seq[1]
