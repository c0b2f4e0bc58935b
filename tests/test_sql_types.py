"""sql: a value's type is that of its column, whatever rows it is read with."""

from __future__ import annotations

import math
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from films import changed, filled
from hypothesis import given
from hypothesis import strategies as st

from multiseq import MinMax, Vocabulary
from multiseq.errors import ArgumentError, MultiseqError, SampleError
from multiseq.modalities.sql.sequence import SQLSequence
from multiseq.transforms import Transform

BIG = 1 << 53


class Kept(Transform):
    """Keeps what it is given, to be looked at."""

    def _forget(self) -> None:
        pass

    def _learn(self, values: Any) -> None:
        pass

    def _settle(self) -> None:
        pass

    def transform(self, values: Any) -> Any:
        return np.nan_to_num(np.asarray(values), nan=-1.0)


def table(path: Path, declared: str, values: list[Any], query: str = "t", **more: Any) -> Any:
    filled(path, f"CREATE TABLE t (id INTEGER, v {declared})", list(enumerate(values)), "t")
    return SQLSequence(path, query, key="id", inputs={"v": "v"}, **more)


def served(seq: Any, size: int) -> list[Any]:
    part = seq.replace(batch_size=size)
    batches = [part[k][0]["v"] for k in range(len(part))]
    assert len({batch.dtype for batch in batches}) == 1
    return list(np.concatenate(batches).tolist())


@pytest.mark.parametrize(
    "declared", ["DECIMAL(10,2)", "REAL", "double precision", "NUMERIC", "FLOAT"]
)
@pytest.mark.parametrize("query", ["t", "SELECT id, v FROM t WHERE v IS NOT NULL"])
def test_a_decimal_column_is_of_floats(tmp_path: Path, declared: str, query: str) -> None:
    seq = table(tmp_path / "d.db", declared, [12, 12.25, 13], query)
    assert served(seq, 1) == served(seq, 3) == [12, 12.25, 13]
    whole = table(tmp_path / "w.db", declared, [12, 13], query)
    assert whole[0][0]["v"].dtype == np.float32


@pytest.mark.parametrize("declared", ["", "INTEGER", "INT", "BIGINT", "BOOLEAN"])
def test_a_column_of_integers_is_of_integers(tmp_path: Path, declared: str) -> None:
    seq = table(tmp_path / "i.db", declared, [1, BIG + 1, -(1 << 63)])
    assert seq[0][0]["v"].dtype == np.int64
    assert served(seq, 1) == served(seq, 3) == [1, BIG + 1, -(1 << 63)]


def test_what_a_query_computes(tmp_path: Path) -> None:
    path = tmp_path / "q.db"
    assert table(path, "INTEGER", [1, 2], "SELECT id, v * 10 AS v FROM t")[0][0]["v"].tolist() == [
        10,
        20,
    ]
    halves = SQLSequence(path, "SELECT id, v / 2.0 AS v FROM t", key="id", inputs="v")
    assert halves[0][0].dtype == np.float32
    assert halves[0][0].tolist() == [0.5, 1]


def test_big_integers_beside_null_are_not_rounded_into_one_category(tmp_path: Path) -> None:
    values = [BIG, BIG + 1, None, BIG + 1]
    seq = table(tmp_path / "b.db", "INTEGER", values, transforms={"v": Vocabulary()})
    seq.adapt(progress=False)
    assert served(seq, 1) == served(seq, 2) == served(seq, 4) == [2, 1, 0, 1]
    vector = SQLSequence(
        tmp_path / "b.db", "t", key="id", inputs=["v", "id"], transforms={"inputs": Vocabulary()}
    )
    vector.adapt(progress=False)
    ids = vector[0][0]
    assert ids.shape == (4, 2)
    assert len({ids[0, 0], ids[1, 0], ids[2, 0]}) == 3
    assert ids[1, 0] == ids[3, 0]


def test_a_transform_is_given_one_dtype(tmp_path: Path) -> None:
    seq = table(tmp_path / "n.db", "INTEGER", [5, None, 7, 8], transforms={"v": Kept()})
    seq.adapt(progress=False)
    assert served(seq, 1) == served(seq, 2) == [5, -1, 7, 8]
    assert [seq.raw(index)["v"].dtype for index in (0, 1)] == [np.float64] * 2
    filled_in = table(tmp_path / "f.db", "INTEGER", [5, 7], transforms={"v": Kept()})
    assert filled_in.raw(0)["v"].dtype == np.int64


def test_numbers_among_text_are_refused_by_a_transform_of_text(tmp_path: Path) -> None:
    seq = table(tmp_path / "m.db", "", ["a", 1, 2], transforms={"v": MinMax()})
    with pytest.raises(MultiseqError):
        seq.adapt(progress=False)
    with pytest.raises(SampleError, match="several types"):
        seq.raw(1)


def test_a_type_that_changes_underneath_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    seq = table(path, "INTEGER", [1, 2, 3], transforms={"v": Kept()})
    changed(path, "UPDATE t SET v = NULL WHERE id = 1")
    with pytest.raises(SampleError, match="several types") as caught:
        seq.raw(1)
    assert caught.value.where["key"] == "1"


def test_a_bad_url_is_refused_without_its_password() -> None:
    pytest.importorskip("sqlalchemy")
    for url in ("postgresql+psycopg://u:s3cret@h:port/x", "nosuch://u:s3cret@h/x", "://", "a://"):
        with pytest.raises(ArgumentError) as caught:
            SQLSequence(url, "t", key="id", inputs="a")
        assert "s3cret" not in str(caught.value)
        assert caught.value.fix or caught.value.expected


whole = st.integers(-(1 << 63), (1 << 63) - 1)
numbers = whole | st.floats(-(2.0**90), 2.0**90, width=32, allow_subnormal=False) | st.booleans()


@given(
    values=st.lists(st.none() | whole, min_size=1, max_size=12)
    | st.lists(numbers, min_size=1, max_size=12),
    declared=st.sampled_from(["", "INTEGER", "REAL", "DECIMAL(10,2)", "NUMERIC", "TEXT", "BLOB"]),
    size=st.integers(1, 12),
)
def test_values_are_those_of_the_database(values: list[Any], declared: str, size: int) -> None:
    """As pandas reads the whole column, or refused; never by what is read beside them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "t.db")
        seq = table(path, declared, values, batch_size=size)
        with sqlite3.connect(path) as connection:
            stored = [v for (v,) in connection.execute("SELECT v FROM t ORDER BY id")]
        connection.close()
        if any(v is None or isinstance(v, str) for v in stored):
            with pytest.raises(SampleError, match=r"is NULL|is text"):
                served(seq, size)
            return
        right = pd.Series(stored)
        if declared not in ("", "INTEGER", "BLOB"):
            right = right.astype(np.float64)
        if right.dtype == np.float64:
            right = right.astype(np.float32)
        assert served(seq, size) == right.tolist()
        seq.close()


@given(
    values=st.lists(st.none() | whole | st.text("ab1", max_size=2), min_size=1, max_size=12),
    sizes=st.tuples(st.integers(1, 12), st.integers(1, 12)),
)
def test_categories_are_those_of_the_database(values: list[Any], sizes: tuple[int, int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        vocabulary = Vocabulary()
        seq = table(Path(folder, "t.db"), "", values, transforms={"v": vocabulary})
        if all(value is None for value in values):
            return
        seq.adapt(progress=False)
        for size in sizes:
            ids = served(seq, size)
            for value, number in zip(values, ids, strict=True):
                found = None if number == 0 else vocabulary.categories[number - 1]
                assert found == value
                assert type(found) is type(value)
        seq.close()


@given(values=st.lists(st.none() | whole, min_size=2, max_size=9), size=st.integers(1, 9))
def test_scaled_values_do_not_depend_on_batches(values: list[Any], size: int) -> None:
    known = [value for value in values if value is not None]
    if not known:
        return
    with tempfile.TemporaryDirectory() as folder:
        seq = table(Path(folder, "t.db"), "INTEGER", values, transforms={"v": Kept()})
        seq.adapt(progress=False)
        kind = np.float32 if len(known) < len(values) else np.int64
        expected = [kind(-1 if value is None else value) for value in values]
        assert served(seq, size) == [each.item() for each in expected]
        assert not any(math.isnan(each) for each in served(seq, size))
        seq.close()
