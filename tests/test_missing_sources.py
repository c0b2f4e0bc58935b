"""`missing=` of tables, files and databases, which fill their own inputs before they transform."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from missing import made
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from multiseq import (
    FileSequence,
    Labels,
    SQLSequence,
    Standardize,
    TableSequence,
    Vocabulary,
)
from multiseq.errors import ArgumentError, SampleError, SourceError, SpecError

N = 30
RNG = np.random.default_rng(3)
FRAME = pd.DataFrame(
    {
        "age": np.where(RNG.random(N) < 0.3, np.nan, RNG.normal(40, 9, N)),
        "height": np.where(RNG.random(N) < 0.3, np.nan, RNG.normal(170, 9, N)),
        "rooms": [None if k % 6 == 1 else k % 4 for k in range(N)],
        "city": [None if k % 5 == 2 else "abc"[k % 3] for k in range(N)],
        "kind": [None if k % 7 == 3 else "xyz"[k % 3] for k in range(N)],
    },
    index=pd.Index([f"k{n:02}" for n in range(N)], name="id"),
)
NUMBERS = FRAME[["age", "height"]].to_numpy()
THERE = FRAME["kind"].notna().to_numpy()
KINDS = ["xyz".index(kind) for kind in FRAME["kind"][THERE]]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "a.db"
    with sqlite3.connect(path) as connection:
        FRAME.to_sql("people", connection)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for key, row in FRAME.iterrows():
        fields = {name: None if pd.isna(value) else value for name, value in row.items()}
        (tmp_path / f"{key}.json").write_text(json.dumps(fields))
    return tmp_path


def table(**options: Any) -> TableSequence:
    columns: Any = {"numeric": ["age", "height"], "categorical": ["city"]}
    return TableSequence(FRAME, **{**columns, "batch_size": N, **options})


def test_columns_are_filled_with_their_means_before_they_are_scaled() -> None:
    filled = make_pipeline(SimpleImputer(), StandardScaler()).fit_transform(NUMBERS)
    inputs = made(table(missing={"numeric": "mean"}))[0]
    np.testing.assert_allclose(inputs["numeric"], filled, rtol=1e-5, atol=1e-6)
    for name in ("numeric", "inputs['numeric']"):
        seq = table(missing={name: "mean"}, transforms={"numeric": None})
        imputed = SimpleImputer().fit_transform(NUMBERS)
        np.testing.assert_allclose(made(seq)[0]["numeric"], imputed, rtol=1e-6)
    alone = table(missing="mean", categorical=[])
    np.testing.assert_allclose(made(alone)[0], filled, rtol=1e-5, atol=1e-6)


def test_a_table_shares_what_fills_it() -> None:
    first = table(missing={"numeric": "mean"})
    first.adapt(progress=False)
    second = table(missing={"numeric": "mean"}, transforms=first.transforms)
    np.testing.assert_array_equal(second[0][0]["numeric"], first[0][0]["numeric"])


def test_a_category_stands_where_one_is_missing() -> None:
    inputs = made(table(missing={"city": "b"}))[0]
    ids = dict(zip(FRAME["city"], inputs["city"], strict=True))
    gone = FRAME["city"].isna().to_numpy()
    assert set(inputs["city"][gone]) == {ids["b"]}
    assert len(set(inputs["city"])) == 3
    plain = TableSequence(
        FRAME.astype({"rooms": "Int64"}),
        numeric={"rooms": ["rooms"]},
        categorical={"n": "rooms"},
        transforms={"n": None, "rooms": None},
        missing={"n": 9, "rooms": 9},
        batch_size=N,
    )
    inputs = made(plain)[0]
    assert inputs["n"].dtype == np.int32
    expected = FRAME["rooms"].fillna(9)
    np.testing.assert_array_equal(inputs["n"], expected)
    np.testing.assert_array_equal(inputs["rooms"][:, 0], expected)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"missing": "mean"}, 'input city: missing="mean" is for numbers'),
        ({"missing": 0}, "cannot stand among text"),
        ({"missing": {"city": 0}}, "cannot stand among text"),
        ({"missing": {"numeric": "x"}}, "cannot stand among numbers"),
        ({"missing": {"age": 0}}, "missing: there is no input or target 'age'"),
        ({"missing": {"numeric": "mask"}}, "for targets"),
        ({"missing": 0, "transforms": StandardScaler(), "categorical": []}, "whole table"),
    ],
)
def test_a_table_refuses(options: Any, words: str) -> None:
    with pytest.raises((ArgumentError, SpecError), match=words):
        made(table(**options))


def test_a_table_that_may_lack_nothing_says_so() -> None:
    with pytest.raises(SampleError, match=r"values are missing"):
        made(table(missing={"numeric": "raise"}))


@pytest.mark.parametrize("source", ["table", "sql", "files"])
def test_labels_that_are_missing_weigh_nothing(source: str, request: Any) -> None:
    options: Any = {
        "transforms": {"targets": Labels()},
        "missing": {"targets": "mask"},
        "batch_size": N,
    }
    if source == "table":
        seq: Any = TableSequence(FRAME, "kind", numeric=["age"], **options)
    elif source == "sql":
        options["missing"] |= {"inputs": 0}
        path = request.getfixturevalue("database")
        seq = SQLSequence(path, "people", key="id", inputs="age", targets="kind", **options)
    else:
        options["missing"] |= {"inputs": 0.0}
        path = request.getfixturevalue("folder")
        seq = FileSequence(path, "{key}.json:age", "{key}.json:kind", **options)
    _, ids, weights = made(seq)
    assert seq.classes == ("x", "y", "z")
    np.testing.assert_array_equal(weights, THERE)
    np.testing.assert_array_equal(ids[THERE], KINDS)
    train, test = seq.split(0.7, 0.3)
    train.adapt(progress=False)
    assert [len(batch) for batch in (train[0], test[0])] == [3, 3]


def test_rows_of_a_database_are_filled(database: Path) -> None:
    inputs: Any = {"numbers": ["age", "height"], "rooms": "rooms", "city": "city"}
    options: Any = {"key": "id", "inputs": inputs, "batch_size": N}
    steps: Any = {"numbers": Standardize(), "city": Vocabulary()}
    with pytest.raises(SampleError, match="is NULL"):
        made(SQLSequence(database, "people", transforms=steps, **options))
    seq = SQLSequence(
        database,
        "people",
        transforms=steps,
        missing={"numbers": "mean", "rooms": -1, "city": "b"},
        **options,
    )
    found = made(seq)[0]
    filled = make_pipeline(SimpleImputer(), StandardScaler()).fit_transform(NUMBERS)
    np.testing.assert_allclose(found["numbers"], filled, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(found["rooms"], FRAME["rooms"].fillna(-1))
    assert len(set(found["city"])) == 3
    # The whole column decides on the dtype, whichever rows are read together.
    assert seq.sample(0)[0]["rooms"].dtype == seq.sample(1)[0]["rooms"].dtype


def test_fields_of_files_are_filled(folder: Path) -> None:
    inputs = {name: f"{{key}}.json:{name}" for name in ("age", "rooms", "city")}
    steps: Any = {"age": Standardize(), "city": Vocabulary()}
    with pytest.raises(SourceError, match="null"):
        made(FileSequence(folder, inputs, transforms=steps, batch_size=N))
    missing = {"age": "mean", "rooms": -1, "city": "b"}
    seq = FileSequence(folder, inputs, transforms=steps, missing=missing, batch_size=N)
    found = made(seq)[0]
    filled = make_pipeline(SimpleImputer(), StandardScaler()).fit_transform(NUMBERS[:, :1])
    np.testing.assert_allclose(found["age"], filled[:, 0], rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(found["rooms"], FRAME["rooms"].fillna(-1))
    assert len(set(found["city"])) == 3
    with pytest.raises(SampleError, match=r"(?s)'k00'.*missing"):
        made(FileSequence(folder, inputs, transforms=steps, missing="raise", batch_size=N))


@pytest.mark.parametrize("learned", [Labels(), Vocabulary()])
def test_labels_that_are_missing_are_no_class_of_their_own(
    learned: Any, database: Path, folder: Path
) -> None:
    options: Any = {"transforms": {"targets": learned}, "missing": {"inputs": 0.0}}
    files = FileSequence(folder, "{key}.json:age", "{key}.json:kind", **options)
    sql = SQLSequence(database, "people", key="id", inputs="age", targets="kind", **options)
    for seq in (sql, files):
        with pytest.raises(SampleError, match="the value is missing"):
            seq.adapt(progress=False)
    options["missing"]["targets"] = "x"
    named: Any = SQLSequence(
        database, "people", key="id", inputs="age", targets="kind", batch_size=N, **options
    )
    ids = made(named)[1]
    assert set(ids[~THERE]) == set(ids[FRAME["kind"].eq("x").to_numpy(bool)])


def test_an_output_and_its_weights_may_have_one_name(database: Path) -> None:
    weights = np.arange(1.0, N + 1)
    with sqlite3.connect(database) as connection:
        FRAME.assign(weight=weights).to_sql("weighed", connection)
    seq = SQLSequence(
        database,
        "weighed",
        key="id",
        inputs={"rooms": "rooms"},
        targets={"age": "age"},
        sample_weight={"age": "weight"},
        missing={"rooms": 0.0, "age": "mask"},
        batch_size=N,
    )
    there = FRAME["age"].notna().to_numpy()
    _, targets, given = made(seq)
    np.testing.assert_array_equal(given["age"], np.float32(weights * there))
    np.testing.assert_allclose(targets["age"], FRAME["age"].fillna(0), rtol=1e-6)


def test_a_name_of_an_input_and_of_a_target_is_refused_with_both(database: Path) -> None:
    options: Any = {"inputs": {"x": "age"}, "targets": {"x": "height"}}
    with pytest.raises(ArgumentError, match=r"missing: 'x' is .*of an input and of a") as caught:
        SQLSequence(database, "people", key="id", **options, missing={"x": 0.0})
    assert "\"inputs['x']\" or \"targets['x']\"" in str(caught.value)
    seq = SQLSequence(
        database, "people", key="id", **options, missing={"inputs['x']": 0.0, "targets['x']": 1.0}
    )
    inputs, targets = made(seq)
    np.testing.assert_allclose(inputs["x"], FRAME["age"].fillna(0)[: len(inputs["x"])], rtol=1e-6)
    np.testing.assert_allclose(
        targets["x"], FRAME["height"].fillna(1)[: len(targets["x"])], rtol=1e-6
    )
