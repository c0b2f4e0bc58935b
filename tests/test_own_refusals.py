"""Own inputs and targets of files, databases and tables: NULL, names, what is refused, a fit."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from chained import N, X, database, files, made, steps, table
from sklearn.preprocessing import MinMaxScaler, StandardScaler

import multiseq
from multiseq import (
    FileSequence,
    Labels,
    MinMax,
    SQLSequence,
    Standardize,
    TableSequence,
    Vocabulary,
    join,
)
from multiseq.errors import ArgumentError, LoadError, SampleError, SpecError
from multiseq.testing import check_sequence

# Databases and files


def test_null_is_an_error_unless_a_step_gives_it_a_number(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "n.db") as connection:
        connection.execute("CREATE TABLE t (id INTEGER, a REAL, b INTEGER)")
        connection.executemany(
            "INSERT INTO t VALUES (?, ?, ?)", [(0, 1, 1), (1, None, 2), (2, 3, 3)]
        )

    def made(inputs: Any, steps: Any) -> Any:
        seq = SQLSequence(
            tmp_path / "n.db", "t", key="id", inputs={"v": inputs}, transforms={"v": steps}
        )
        seq.adapt(progress=False)
        return seq

    for chosen in ((Standardize(), np.abs), (MinMax(), Standardize())):
        with pytest.raises(SampleError, match="column 'a' is NULL") as caught:
            made("a", chosen)[0]
        assert caught.value.where["key"] == "1"
    filled = made(["a", "b"], (np.nan_to_num, Standardize()))
    want = StandardScaler().fit_transform([[1, 1], [0, 2], [3, 3]])
    np.testing.assert_allclose(filled[0][0]["v"], want, rtol=1e-6)
    check_sequence(filled)


def test_values_do_not_depend_on_the_rows_read_together(tmp_path: Path) -> None:
    transforms = {"x": (lambda row: [k for k in row if k > 0], Standardize(axis=None))}
    seq = database(tmp_path, "x", transforms=transforms, batch_size=1)
    seq.adapt(progress=False)
    check_sequence(seq)
    assert seq.spec[0]["x"].shape == (None,)
    alone = np.concatenate([batch[0]["x"].ravel() for batch in seq])
    kept = X[X > 0]
    np.testing.assert_allclose(alone, (kept - kept.mean()) / kept.std(), rtol=1e-5, atol=1e-6)


def test_targets_in_files_have_classes_and_names_of_their_own(tmp_path: Path) -> None:
    files(tmp_path, "x")
    seq = FileSequence(
        tmp_path,
        {"x": "x_{key}.npy"},
        {"x": "m_{key}.json:t"},
        transforms={
            "inputs['x']": (Standardize(), MinMax()),
            "targets['x']": (lambda text: text.split()[:1], lambda words: len(words), Labels()),
        },
        batch_size=N,
    )
    seq.adapt(progress=False)
    check_sequence(seq)
    assert seq.classes == {"x": (0, 1)}
    assert seq[0][1]["x"].tolist() == [int(n % 4 > 0) for n in range(N)]
    want = MinMaxScaler().fit_transform(StandardScaler().fit_transform(X))
    np.testing.assert_allclose(seq[0][0]["x"], want, rtol=1e-5, atol=1e-6)


# What is refused


def test_a_function_that_fails_is_named_with_its_row() -> None:
    def inverse(row: Any) -> Any:
        if row[0] == X[5, 0]:
            raise ZeroDivisionError
        return row

    with pytest.raises(LoadError, match=r"(?s)input numeric.*inverse raised.*row 5 of the table"):
        table(transforms={"numeric": inverse})[0]


def test_rows_of_a_table_are_of_one_shape() -> None:
    with pytest.raises(SpecError, match=r"(?s)differ in shape.*pad them.*TextSequence"):
        table(numeric=[], categorical="who", transforms={"who": str.split})[0]
    with pytest.raises(ArgumentError, match="no input or target 'numeric'"):
        table(numeric={"x": "a"}, transforms={"numeric": Standardize()})


@pytest.mark.parametrize("which", ["tables", "sql", "files"])
def test_a_served_model_cannot_hold_a_function(which: str, tmp_path: Path) -> None:
    from backends import keras

    seq = made(which, tmp_path)
    seq.adapt(progress=False)
    inputs = {n: keras.Input(s.shape, name=n, dtype=s.dtype) for n, s in seq.spec[0].items()}
    name = "numeric" if which == "tables" else "x"
    model = keras.Model(inputs, keras.layers.Dense(1)(inputs[name]))
    with pytest.raises(ArgumentError, match="a function of Python has no Keras layer"):
        multiseq.serving_model(model, seq)


@pytest.mark.backend
def test_a_fit_from_all_four(tmp_path: Path) -> None:
    from backends import keras

    words: Any = (str.split, Vocabulary(mask=""))
    frame = pd.DataFrame({"a": X[:, 0], "y": X.sum(axis=1), "id": np.arange(N)})
    parts = [
        TableSequence(frame, numeric={"a": ["a"]}, keys="id", transforms={"a": steps()}),
        files(tmp_path, "x"),
        database(tmp_path, "t", inputs={"t": "t"}, transforms={"t": words}),
    ]
    seq = join(*parts, targets=frame["y"], transforms={"targets": Standardize()}, batch_size=8)
    seq.adapt(progress=False)
    numeric, x = keras.Input((1,), name="a"), keras.Input((2,), name="x")
    text = keras.Input((None,), name="t", dtype="int32")
    ids = len(parts[2].transforms["t"])
    means = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(ids, 4)(text))
    output = keras.layers.Dense(1)(keras.layers.concatenate([numeric, x, means]))
    model = keras.Model([numeric, x, text], output)
    model.compile(keras.optimizers.SGD(0.1), "mse")
    losses = model.fit(seq, epochs=6, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
