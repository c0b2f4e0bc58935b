"""tables: what is learned, from which rows, and with which transforms; on real tables."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from backends import LEGACY, keras
from coded import frozen_epoch

from multiseq import Standardize, Vocabulary
from multiseq.errors import NotAdaptedError, SpecError
from multiseq.modalities.tables.sequence import TableSequence
from multiseq.testing import check_sequence
from multiseq.transforms import Transform

N = 20_000  # More rows than are learned from, and transformed, at a time.
INPUTS: dict[str, Any] = {"numeric": ["a", "b", "when"], "categorical": ["c", "k"], "seed": 5}


def table(n: int = N) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "a": rng.normal(1e6, 3, n),
            "b": rng.integers(-9, 9, n),
            "when": pd.date_range("2000-01-01", periods=n, freq="h"),
            "c": rng.choice(["x", "y", "z"], n),
            "k": rng.integers(0, 300, n),
            "y": rng.normal(size=n),
        }
    )
    frame.loc[rng.random(n) < 0.1, ["a", "c"]] = None
    return frame


def learned(seq: TableSequence, folder: Path) -> dict[str, bytes]:
    """What the transforms learned, as it is saved."""
    for name, transform in seq.transforms.items():
        transform.save(folder / name)
    return {name: (folder / name).read_bytes() for name in seq.transforms}


# Leaks


def test_nothing_of_the_test_split_is_learned(tmp_path: Path) -> None:
    frame = table()
    train, test = TableSequence(frame, "y", **INPUTS).split(0.7, 0.3)
    train.adapt(progress=False)
    before = learned(train, tmp_path)
    rows = frame.index.isin(test.keys)
    wild = frame.astype({"b": float})
    wild.loc[rows, "a"] = 1e12
    wild.loc[rows, "b"] = np.nan
    wild.loc[rows, "when"] = pd.Timestamp("2200-01-01")
    wild.loc[rows, "c"] = [f"new {k}" for k in range(rows.sum())]
    wild.loc[rows, "k"] = -1
    again, other = TableSequence(wild, "y", **INPUTS).split(0.7, 0.3)
    assert again.keys.equals(train.keys)
    again.adapt(progress=False)
    assert learned(again, tmp_path) == before
    assert learned(other, tmp_path) == before
    again_batches, batches = frozen_epoch(again), frozen_epoch(train)
    assert again_batches == batches


def test_every_row_of_the_training_split_is_learned_from() -> None:
    frame = table()
    train, _ = TableSequence(frame, "y", **INPUTS).split(0.7, 0.3)
    train.adapt(progress=False)
    rows = frame.loc[train.keys]
    scale: Any = train.transforms["numeric"]
    np.testing.assert_allclose(scale.mean[:2], [rows["a"].mean(), rows["b"].mean()], rtol=1e-12)
    np.testing.assert_allclose(scale.variance[0], rows["a"].var(ddof=0), rtol=1e-9)
    words: Any = train.transforms["c"]
    assert list(words.categories) == rows["c"].value_counts().index.tolist()


def test_the_parts_of_a_split_share_what_is_learned() -> None:
    train, test = TableSequence(table(), "y", **INPUTS).split(0.7, 0.3)
    train.adapt(progress=False)
    assert test.transforms["c"] is train.transforms["c"]
    check_sequence(test.subset(slice(99)))


def test_adapting_again_changes_what_is_served() -> None:
    seq = TableSequence(pd.DataFrame({"a": [0.0, 2.0]}), numeric="a")
    seq.adapt(progress=False)
    assert seq[0][0][:, 0].tolist() == [-1, 1]
    seq.transforms["numeric"].adapt([[1.0], [3.0]])  # By hand, past the sequence.
    assert seq[0][0][:, 0].tolist() == [-2, 0]


def test_what_was_forgotten_is_not_served() -> None:
    seq = TableSequence(pd.DataFrame({"a": [0.0, 2.0]}), numeric="a")
    seq.adapt(progress=False)
    assert seq[0][0].shape == (2, 1)
    seq.transforms["numeric"].reset()
    with pytest.raises(NotAdaptedError):
        seq[0]


def test_a_progress_bar(capsys: pytest.CaptureFixture[str]) -> None:
    seq = TableSequence(table(), "y", **INPUTS)
    seq.adapt()
    assert f"{N}/{N}" in capsys.readouterr().err
    seq.adapt(progress=False)
    assert capsys.readouterr().err == ""


def test_a_second_table_shares_what_the_first_has_learned() -> None:
    first, second = table().iloc[:9000], table().iloc[9000:]
    train = TableSequence(first, "y", **INPUTS)
    test = TableSequence(second, "y", **INPUTS, transforms=train.transforms)
    train.adapt(progress=False)
    whole = TableSequence(table(), "y", **INPUTS)
    known, rest = whole.split(positions=(range(9000), range(9000, N)))
    known.adapt(progress=False)
    assert frozen_epoch(rest) == frozen_epoch(test)


def test_one_vocabulary_for_two_columns() -> None:
    frame = pd.DataFrame({"home": ["a", "b", "b"], "guest": ["b", "c", "c"]})
    teams = Vocabulary()
    seq = TableSequence(
        frame, categorical=["home", "guest"], transforms={"home": teams, "guest": teams}
    )
    seq.adapt(progress=False)
    assert teams.categories == ("b", "c", "a")
    assert seq[0][0]["guest"].tolist() == [1, 2, 2]


def test_saved_transforms_serve_the_same_bytes_in_a_new_process(tmp_path: Path) -> None:
    seq = TableSequence(table(500), "y", **INPUTS)
    seq.adapt(progress=False)
    learned(seq, tmp_path)
    table(500).to_pickle(tmp_path / "frame")
    script = f"""
import sys; sys.path[:] = {sys.path!r}
import json, pandas, coded, test_tables_adapt as t
folder = t.Path({str(tmp_path)!r})
loaded = {{name: t.Transform.load(folder / name) for name in ("numeric", "c", "k")}}
frame = pandas.read_pickle(folder / "frame")
seq = t.TableSequence(frame, "y", **t.INPUTS, transforms=loaded)
print(json.dumps([[leaf[2].hex() for leaf in batch] for batch in coded.frozen_epoch(seq)]))
"""
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    epoch = [[leaf[2].hex() for leaf in batch] for batch in frozen_epoch(seq)]
    assert json.loads(run.stdout) == epoch


# scikit-learn


def test_a_pipeline_that_says_what_was_missing() -> None:
    pytest.importorskip("sklearn")
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    steps = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    frame = table()
    train, test = TableSequence(
        frame, "y", numeric=["a", "b"], transforms={"numeric": steps}, seed=1
    ).split(0.8, 0.2)
    train.adapt(progress=False)
    expected = steps.fit(frame.loc[train.keys, ["a", "b"]].to_numpy(float)).transform(
        frame.loc[test.keys, ["a", "b"]].to_numpy(float)
    )
    assert test.spec[0].shape == (3,)
    got = np.concatenate([test[i][0] for i in range(len(test))])
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)
    check_sequence(test.subset(slice(99)))


@pytest.mark.parametrize("named", [False, True])
def test_a_transformer_of_the_whole_table(named: bool) -> None:
    pytest.importorskip("sklearn")
    from sklearn.compose import make_column_transformer
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    columns = make_column_transformer(
        (StandardScaler(), ["b"]), (OneHotEncoder(handle_unknown="ignore"), ["c"])
    )
    frame = table()
    keywords: dict[str, Any] = {"numeric": "b", "categorical": ["c"]} if named else {}
    train, test = TableSequence(frame, "y", transforms=columns, seed=1, **keywords).split(0.8, 0.2)
    train.adapt(progress=False)
    expected = columns.fit(frame.loc[train.keys]).transform(frame.loc[test.keys])
    got = np.concatenate([test[i][0] for i in range(len(test))])
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
    assert got.dtype == np.float32
    check_sequence(test.subset(slice(99)))
    again = TableSequence(frame, "y", transforms=train.transforms, **keywords)
    assert frozen_epoch(again.subset(test.keys)) == frozen_epoch(test)


def test_the_whole_table_is_all_columns_without_another_role() -> None:
    frame = table(9).assign(id=range(9), w=1.0)
    seen = []

    class Spy:
        def fit(self, frame: Any) -> None:
            seen.append(list(frame.columns))

        def transform(self, frame: Any) -> Any:
            return np.zeros((len(frame), 1))

    seq = TableSequence(frame, ("y", "k"), transforms=Spy(), keys="id", sample_weight=("w", "w"))
    seq.adapt(progress=False)
    assert seen == [["a", "b", "when", "c"]]


def test_a_transformer_that_makes_text() -> None:
    pytest.importorskip("sklearn")
    from sklearn.preprocessing import FunctionTransformer

    seq = TableSequence(table(9)[["c"]], transforms=FunctionTransformer())
    with pytest.raises(SpecError, match=r"(?s)input inputs.*no numbers"):
        seq[0]


def test_an_encoder_for_one_column() -> None:
    encoder = pytest.importorskip("sklearn.preprocessing").OneHotEncoder()
    frame = pd.DataFrame({"c": ["b", None, "a", "b"]})
    seq = TableSequence(frame, categorical="c", transforms={"c": encoder})
    seq.adapt(progress=False)
    assert seq[0][0]["c"].tolist() == [[0, 1, 0], [0, 0, 1], [1, 0, 0], [0, 1, 0]]


# Real tables


@pytest.fixture
def penguins() -> pd.DataFrame:
    sample = pytest.importorskip("bokeh_sampledata")
    frame = pd.read_csv(Path(sample.__file__).parent / "_data" / "penguins.csv")
    return frame.assign(label=frame["species"].astype("category").cat.codes)


MEASURES = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]


def test_penguins_lack_values(penguins: pd.DataFrame) -> None:
    assert penguins[MEASURES].isna().to_numpy().sum() == 8
    train, test = TableSequence(
        penguins, "label", numeric=MEASURES, categorical=["island", "sex"], shuffle=True, seed=0
    ).split(0.8, 0.2)
    train.adapt(progress=False)
    check_sequence(train)
    check_sequence(test)
    sexes: Any = train.transforms["sex"]
    assert set(sexes.categories) <= {"MALE", "FEMALE", "."}


@pytest.mark.backend
def test_penguins_are_told_apart(penguins: pd.DataFrame) -> None:
    keras.utils.set_random_seed(0)
    train, test = TableSequence(
        penguins, "label", numeric=MEASURES, categorical=["island", "sex"], shuffle=True, seed=0
    ).split(0.8, 0.2)
    train.adapt(progress=False)
    measures = keras.Input((4,), name="numeric")
    parts, inputs = [measures], [measures]
    for name in ("island", "sex"):
        words: Any = train.transforms[name]
        inputs.append(keras.Input((), name=name, dtype="int32"))
        parts.append(keras.layers.Embedding(len(words), 3)(inputs[-1]))
    hidden = keras.layers.Dense(16, "relu")(keras.layers.Concatenate()(parts))
    model = keras.Model(inputs, keras.layers.Dense(3, "softmax")(hidden))
    model.compile(
        keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    model.fit(train, epochs=12, verbose=0)
    assert model.evaluate(test, verbose=0)[1] > 0.95


@pytest.mark.backend
def test_a_sequential_model_takes_numeric_columns() -> None:
    data = pytest.importorskip("sklearn.datasets").load_diabetes(as_frame=True, scaled=False).frame
    names = [name for name in data.columns if name != "target"]
    train, test = TableSequence(data, "target", numeric=names, seed=0).split(0.8, 0.2)
    train.adapt(progress=False)
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(1.0), "mse")
    model.fit(train, epochs=30, verbose=0)
    spread = data.loc[test.keys, "target"].var()
    assert model.evaluate(test, verbose=0) < 0.7 * spread


@pytest.mark.backend
def test_layers_of_keras_make_the_same_of_a_real_table(penguins: pd.DataFrame) -> None:
    whole = penguins.dropna()
    seq = TableSequence(whole, numeric=MEASURES, categorical=["island", "sex"], batch_size=400)
    # "." and an island are not among those that it learns from.
    known, rest = seq.split(positions=(np.arange(100), np.arange(100, len(whole))))
    known.adapt(progress=False)
    (served,), whole = rest[0], whole.iloc[100:]
    raw = {"numeric": whole[MEASURES].to_numpy(np.float32)}
    raw |= {name: np.array(whole[name].tolist()) for name in ("island", "sex")}
    for name, transform in known.transforms.items():
        made = transform.to_keras()(raw[name])
        made = np.asarray(made) if LEGACY else keras.ops.convert_to_numpy(made)
        np.testing.assert_allclose(made, served[name], atol=1e-5)


def test_transforms_are_ours() -> None:
    seq = TableSequence(table(9), numeric="a", categorical="c")
    assert all(isinstance(each, Transform) for each in seq.transforms.values())
    assert isinstance(seq.transforms["numeric"], Standardize)
