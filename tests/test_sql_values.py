"""sql: what becomes of the values in a row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from coded import epoch_of
from films import N, coded, filled, films_in, worded

from multiseq import MinMax, Spec, Standardize, Vocabulary
from multiseq.modalities.sql.sequence import SQLSequence
from multiseq.testing import check_sequence


@pytest.fixture
def films(tmp_path: Path) -> Path:
    return films_in(tmp_path)


# What is read


@pytest.mark.parametrize("targets", ["y", ["x", "y"], ("y", "n"), {"p": "y", "q": ["n", "x"]}])
def test_targets_and_weights_of_columns(films: Path, targets: Any) -> None:
    seq = SQLSequence(films, "films", key="id", inputs=["x", "n"], targets=targets, batch_size=8)
    assert epoch_of(seq) == list(range(N))
    if not isinstance(targets, tuple):
        assert epoch_of(coded(films, sample_weight="x", shuffle=False)) == list(range(N))
        assert len(coded(films, sample_weight="x")[0]) == 3


def test_targets_from_elsewhere(films: Path) -> None:
    series = pd.Series(np.arange(50.0), index=np.arange(50)).sample(frac=1, random_state=0)
    for targets in (series, series.sort_index().to_numpy()[:N], {"p": series}):
        for weight in (None, "x", series):
            seq = SQLSequence(
                films,
                "films",
                key="id",
                inputs="n",
                targets=targets,
                sample_weight=weight,
                shuffle=True,
            )
            assert sorted(epoch_of(seq)) == list(range(N))
            assert len(seq[0]) == 2 + (weight is not None)


def test_one_column_keeps_its_kind_and_a_list_is_a_vector(films: Path) -> None:
    inputs, target = coded(films)[0]
    assert [inputs[name].dtype for name in "xnv"] == ["float32", "int64", "float32"]
    assert [inputs[name].shape for name in "xnv"] == [(8,), (8,), (8, 3)]
    assert target.dtype == "float32"
    assert SQLSequence(films, "films", key="id", inputs=["n"])[0][0].shape == (32, 1)


def test_columns_are_read_in_the_order_of_the_list(films: Path) -> None:
    query = "SELECT id, id * 100 AS c, id * 10 AS b, id AS a FROM films"
    seq = SQLSequence(films, query, key="id", inputs={"v": ["a", "b", "c"], "w": ["c", "a"]})
    (inputs,) = seq[0]
    assert inputs["v"][7].tolist() == [7, 70, 700]
    assert inputs["w"][7].tolist() == [700, 7]


def test_transforms_learn_from_the_training_split_alone(films: Path) -> None:
    transforms = {"v": Standardize(), "kind": Vocabulary(), "n": MinMax(), "targets": MinMax()}
    inputs = {"v": ["x", "y"], "kind": "kind", "n": "n"}
    seq = SQLSequence(films, "films", key="id", inputs=inputs, targets="y", transforms=transforms)
    train, test = seq.split(0.5, 0.5)
    train.adapt(progress=False)
    known = train.keys.to_numpy(np.float64)
    inputs, target = test[0]
    rows = test.keys.to_numpy(np.float64)
    assert np.allclose(inputs["v"][:, 1], (rows - known.mean()) / known.std(), atol=1e-5)
    assert np.allclose(target, (rows - known.min()) / (known.max() - known.min()), atol=1e-6)
    assert np.allclose(inputs["n"], target)
    kinds = seq.transforms["kind"].categories
    assert [kinds[k - 1] for k in inputs["kind"]] == ["abc"[key % 3] for key in test.keys]


def test_raw_is_what_transforms_learn_from(films: Path) -> None:
    transforms = {"v": Standardize(), "words": (str.split, Vocabulary(mask=""))}
    inputs = {"v": ["x", "y"], "words": "words", "n": "n"}
    seq = SQLSequence(films, "films", key="id", inputs=inputs, transforms=transforms)
    raw = seq.raw(7)
    assert raw.keys() == {"v", "words"}
    assert raw["v"].tolist() == [7, 7]
    assert raw["words"] == ["w0", "w1", "w2"]


# Functions


def test_tokens_are_padded_to_the_longest(films: Path) -> None:
    seq = worded(films)
    assert seq.spec[0]["words"] == Spec((None,), "int32")
    (inputs,) = seq[0]
    assert inputs["words"].shape == (8, 3)
    assert (inputs["words"] > 0).sum(axis=1).tolist() == [n % 4 for n in range(8)]
    assert seq.transforms["words"].categories == ("w0", "w1", "w2")
    check_sequence(seq)


def test_a_spec_says_how_long(films: Path) -> None:
    spec = {"words": Spec((None,), "int32", max_length=5)}
    assert worded(films, spec=spec)[0][0]["words"].shape == (8, 5)


def test_a_function_before_a_vocabulary_may_return_one_value(films: Path) -> None:
    seq = worded(films, len)
    assert seq.spec[0]["words"].shape == ()
    check_sequence(seq)


@pytest.mark.parametrize(
    ("function", "shape"),
    [
        (lambda text: len(text), ()),
        (lambda text: np.full(3, len(text), np.float32), (3,)),
        (lambda text: [len(word) for word in text.split()], (None,)),
    ],
)
def test_functions(films: Path, function: Any, shape: Any) -> None:
    transforms = {"words": function}
    inputs = {"words": "words", "n": "n"}
    seq = SQLSequence(films, "films", key="id", inputs=inputs, transforms=transforms, batch_size=7)
    assert seq.spec[0]["words"].shape == shape
    assert seq.transforms == {}
    row = seq.sample(7)[0]["words"]
    assert np.array_equal(row, function("w0 w1 w2"))
    check_sequence(seq)


def test_bytes_into_arrays(tmp_path: Path) -> None:
    path = tmp_path / "blobs.db"
    rows = [(n, np.full(4, n, np.float32).tobytes()) for n in range(N)]
    filled(path, "CREATE TABLE films (id INTEGER PRIMARY KEY, b BLOB)", rows)
    transforms = {"inputs": lambda data: np.frombuffer(data, np.float32)}
    seq = SQLSequence(path, "films", key="id", inputs="b", transforms=transforms, shuffle=True)
    assert sorted(epoch_of(seq)) == list(range(N))


# Values that are missing


def test_null_is_given_to_transforms(tmp_path: Path) -> None:
    path = tmp_path / "nulls.db"
    rows = [(0, 1.0, "a", 1), (1, None, None, None), (2, 3.0, "b", 3)]
    filled(path, "CREATE TABLE films (id INTEGER, x REAL, t TEXT, n INTEGER)", rows)

    class Filling(Standardize):
        """Fills with 0, the mean."""

        def transform(self, values: Any) -> Any:
            return np.nan_to_num(super().transform(values))

    transforms = {"x": Filling(), "t": Vocabulary(mask=""), "n": lambda n: -1 if n is None else n}
    inputs = {"x": "x", "t": "t", "n": "n"}
    seq = SQLSequence(path, "films", key="id", inputs=inputs, transforms=transforms)
    seq.adapt(progress=False)
    (batch,) = seq[0]
    assert batch["x"].tolist() == [-1, 0, 1]
    assert batch["t"].tolist() == [2, 0, 3]
    assert batch["n"].tolist() == [1, -1, 3]
    check_sequence(seq)


def test_a_column_that_is_null_in_a_whole_batch(tmp_path: Path) -> None:
    path = tmp_path / "nulls.db"
    rows = [(n, None if n < 4 else "ab"[n % 2]) for n in range(8)]
    filled(path, "CREATE TABLE films (id INTEGER, t TEXT)", rows)
    vocabulary = Vocabulary()
    seq = SQLSequence(
        path, "films", key="id", inputs="t", transforms={"inputs": vocabulary}, batch_size=4
    )
    seq.adapt(progress=False)
    assert seq[0][0].tolist() == [0] * 4
    assert seq[1][0].tolist() == [1, 2, 1, 2]


@pytest.mark.backend
def test_a_model_is_trained_on_numbers_and_tokens(films: Path) -> None:
    from backends import keras

    inputs = {"numbers": ["x", "n"], "words": "words"}
    transforms = {"numbers": Standardize(), "words": (str.split, Vocabulary(mask=""))}
    seq = SQLSequence(
        films, "films", key="id", inputs=inputs, targets="y", transforms=transforms, shuffle=True
    )
    train, test = seq.split(0.75, 0.25)
    train.adapt(progress=False)
    numbers = keras.Input((2,), name="numbers")
    words = keras.Input((None,), dtype="int32", name="words")
    ids = len(seq.transforms["words"])
    means = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(ids, 4)(words))
    output = keras.layers.Dense(1)(keras.layers.concatenate([numbers, means]))
    model = keras.Model({"numbers": numbers, "words": words}, output)
    model.compile(optimizer=keras.optimizers.Adam(0.1), loss="mse")
    losses = model.fit(train, validation_data=test, epochs=40, verbose=0).history["val_loss"]
    assert losses[-1] < losses[0] / 2
    assert model.predict(test, verbose=0).shape == (10, 1)
