"""`transforms=` on every sequence: by name, on inputs and targets, learned by `adapt`."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from backends import keras
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.preprocessing import LabelEncoder, MinMaxScaler, StandardScaler

import multiseq
from multiseq import ArraySequence, MinMax, MultiInputSequence, Standardize, Vocabulary, join
from multiseq.errors import ArgumentError, LoadError, NotAdaptedError, SampleError
from multiseq.testing import check_sequence

RNG = np.random.default_rng(5)
X = RNG.normal(3, 5, (50, 4))
CLASSES = RNG.choice(["cat", "dog", "emu"], 50)


class Tokens(MultiInputSequence):
    """Lists of tokens of any length, beside numbers; targets by name."""

    def load_sample(self, index: int) -> Any:
        words = [f"w{k % 3}" for k in range(index % 4)]
        return {"x": X[index], "words": words}, {"kind": CLASSES[index], "value": X[index, 0]}


def test_each_step_learns_from_what_those_before_it_made() -> None:
    steps = (np.abs, Standardize(), np.exp, MinMax())
    seq = ArraySequence(X, batch_size=50, transforms=steps)
    seq.adapt(progress=False)
    scaled = np.exp(StandardScaler().fit_transform(np.abs(X)))
    expected = MinMaxScaler().fit_transform(scaled)
    np.testing.assert_allclose(seq[0][0], expected, rtol=1e-5, atol=1e-6)
    chain = seq.transforms["inputs"]
    np.testing.assert_allclose(chain.learners[0].mean, np.abs(X).mean(axis=0))


def test_targets_of_text_become_classes_that_can_be_weighed() -> None:
    names = Vocabulary(num_oov=0)
    seq = ArraySequence(
        {"x": X}, CLASSES, transforms={"targets": names}, class_weight="balanced", batch_size=50
    )
    train, test = seq.split(0.8, 0.2)
    assert len(train) == 1
    train.adapt(progress=False)
    check_sequence(train)
    check_sequence(test)
    _, ids, weights = train[0]
    known = [names.categories[k] for k in ids.tolist()]
    keys = train.batch_keys(0)
    assert known == CLASSES[keys].tolist()
    counts = np.bincount(LabelEncoder().fit_transform(CLASSES[train.keys]))
    by_name = dict(zip(sorted(set(CLASSES)), len(train.keys) / (3 * counts), strict=True))
    np.testing.assert_allclose(weights, [by_name[each] for each in known], rtol=1e-6)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_class_of_the_users_own(workers: int) -> None:
    seq = Tokens(
        50,
        batch_size=8,
        workers=workers,
        transforms={
            "x": Standardize(),
            "words": Vocabulary(mask=""),
            "kind": Vocabulary(num_oov=0),
            "targets['value']": (np.abs, np.log1p),
        },
    )
    with pytest.raises(NotAdaptedError, match=r"inputs\['x'\]"):
        seq[0]
    with seq:
        seq.adapt(progress=False)
        check_sequence(seq)
        inputs, targets = seq[0]
    assert inputs["words"].shape == (8, 3)
    assert inputs["words"].dtype == np.int32
    np.testing.assert_allclose(inputs["x"], StandardScaler().fit_transform(X)[:8], rtol=1e-5)
    np.testing.assert_allclose(targets["value"], np.log1p(np.abs(X[:8, 0])), rtol=1e-6)
    assert set(seq.transforms) == {"x", "words", "kind"}


def test_a_join_transforms_what_its_parts_have_made() -> None:
    part = ArraySequence(X, transforms=PCA(2))
    seq = join(p=part, q=ArraySequence(X[:, 0]), targets=CLASSES, batch_size=50,
               transforms={"p": Standardize(), "targets": Vocabulary(num_oov=0)})  # fmt: skip
    seq.adapt(progress=False)
    check_sequence(seq)
    inputs, _ = seq[0]
    expected = StandardScaler().fit_transform(PCA(2).fit_transform(X))
    np.testing.assert_allclose(np.abs(inputs["p"]), np.abs(expected), rtol=1e-3, atol=1e-4)
    assert set(seq.transforms) == {"p.p", "p", "targets"}
    assert seq.for_prediction()[0][0]["p"].shape == (50, 2)


def test_a_subset_learns_copies() -> None:
    seq = ArraySequence(X, transforms=Standardize(), batch_size=50)
    seq.adapt(progress=False)
    before = seq[0][0].copy()
    part = seq.subset(positions=np.arange(10))
    part.adapt(progress=False)
    np.testing.assert_array_equal(seq[0][0], before)
    np.testing.assert_allclose(part.transforms["inputs"].mean, X[:10].mean(axis=0))
    np.testing.assert_allclose(seq.transforms["inputs"].mean, X.mean(axis=0))


def test_a_function_may_write_into_what_it_is_given() -> None:
    source = X.copy()

    def centered(row: Any) -> Any:
        row -= row.mean()
        return row

    seq = ArraySequence(source, transforms=centered, batch_size=4)
    check_sequence(seq)
    np.testing.assert_array_equal(source, X)


@given(st.integers(1, 7), st.booleans())
def test_batches_of_any_size_have_the_same_bytes(size: int, scaled: bool) -> None:
    step = Standardize() if scaled else PCA(3)
    seq = ArraySequence(X, transforms=step, batch_size=size)
    seq.adapt(progress=False)
    rows = np.concatenate([seq[i][0] for i in range(len(seq))])
    alone = np.stack([seq.make_sample(i, None)[0] for i in range(50)])
    assert rows.tobytes() == alone.astype(np.float32).tobytes()


REFUSED = [
    ({"A": Standardize()}, r"no input or target 'A'[\s\S]*did you mean 'a'"),
    ({"inputs": Standardize()}, r"there are several: \{'a'"),
    (Standardize(), r"there are several: \{'a'"),
    ({"y": Standardize()}, r"an input and of a target[\s\S]*\"inputs\['y'\]\" or \"targets\['y'\]"),
    ({"a": Standardize}, "create the object first"),
    ({"a": ()}, "no steps"),
    ({"a": (Standardize(), "log")}, "not a transform"),
    ({"a": np.exp, "inputs['a']": np.log}, "are the same"),
    ({"a": lambda v: (yield v)}, "yields"),
]


@pytest.mark.parametrize(("transforms", "message"), REFUSED)
def test_what_is_refused(transforms: Any, message: str) -> None:
    def used() -> None:
        seq = ArraySequence({"a": X, "y": X}, {"y": X[:, 0]}, transforms=transforms)
        seq.adapt(progress=False)
        seq[0]

    with pytest.raises(ArgumentError, match=message):
        used()


def test_full_names_tell_an_input_from_a_target() -> None:
    both = {"inputs['y']": np.negative, "targets['y']": np.square}
    seq = ArraySequence({"y": X}, {"y": X[:, 0]}, transforms=both, batch_size=4)
    np.testing.assert_allclose(seq[0][0]["y"], -X[:4], rtol=1e-6)
    np.testing.assert_allclose(seq[0][1]["y"], X[:4, 0] ** 2, rtol=1e-6)
    steps = {"inputs[1]": np.negative, "targets[1]": Vocabulary()}
    several = ArraySequence((X, X), (X[:, 0], CLASSES), batch_size=50, transforms=steps)
    several.adapt(progress=False)
    np.testing.assert_allclose(several[0][0][1], -X, rtol=1e-6)
    assert several[0][1][1].dtype == np.int32


def test_errors_name_the_function_the_key_and_the_input() -> None:
    def inverse(value: Any) -> Any:
        if value == 3:
            raise ZeroDivisionError("three")
        return value

    seq = ArraySequence(np.arange(5), keys=list("abcde"), transforms=inverse)
    with pytest.raises(LoadError, match=r"key 'd'.*input inputs: the function.*inverse.*three"):
        seq[0]


def test_a_target_that_is_missing_is_not_learned_from() -> None:
    seq = ArraySequence(X, [1.0, np.nan] * 25, transforms={"targets": Standardize()})
    with pytest.raises(SampleError, match=r"key 1, .*the value is missing"):
        seq.adapt(progress=False)


def test_objects_that_would_learn_twice_are_refused() -> None:
    scale = Standardize()
    with pytest.raises(ArgumentError, match="learn twice"):
        ArraySequence(X, transforms=(scale, scale))
    seq = join(a=ArraySequence(X, transforms=scale), transforms={"a": scale})
    with pytest.raises(ArgumentError, match="share a transform"):
        seq.adapt(progress=False)


class Scaled(MultiInputSequence):
    """Applies a transform of its own, as the documentation has it."""

    def __init__(self, **keywords: Any) -> None:
        self.scale = Standardize()
        super().__init__(50, **keywords)

    @property
    def transforms(self) -> dict[str, Any]:
        return {"x": self.scale}

    def raw(self, index: int) -> dict[str, Any]:
        return {"x": X[index]}

    def load_sample(self, index: int) -> Any:
        return {"x": self.scale.transform(X[index])}, CLASSES[index]


def test_transforms_of_the_class_and_those_that_are_given_go_together() -> None:
    seq = Scaled(transforms={"targets": Vocabulary(num_oov=0)}, batch_size=50)
    seq.adapt(progress=False)
    check_sequence(seq)
    assert list(seq.transforms) == ["x", "targets"]
    np.testing.assert_allclose(seq[0][0]["x"], StandardScaler().fit_transform(X), rtol=1e-4)
    with pytest.raises(ArgumentError, match="Scaled itself has a transform of 'x'"):
        Scaled(transforms={"x": MinMax()})
    with_more = Scaled(transforms={"x": np.abs, "targets": Vocabulary()}, batch_size=50)
    with_more.adapt(progress=False)
    assert with_more[0][0]["x"].min() >= 0


def test_the_spec_of_a_class_says_nothing_of_what_transforms_make() -> None:
    texts = ["a b c", "a", "b c"]
    seq = multiseq.TextSequence(
        texts, tokenizer=str.split, batch_size=3, transforms=lambda ids: ids * 0.5
    )
    seq.adapt(progress=False)
    check_sequence(seq)
    assert seq.spec[0].shape == (None,)
    assert seq[0][0].dtype == np.float32


@pytest.mark.backend
def test_a_real_fit() -> None:
    seq = Tokens(
        50,
        batch_size=8,
        shuffle=True,
        transforms={"x": Standardize(), "words": Vocabulary(mask=""), "kind": Vocabulary()},
    )
    seq.adapt(progress=False)
    x = keras.Input((4,), name="x")
    words = keras.Input((None,), name="words", dtype="int32")
    vectors = keras.layers.Embedding(len(seq.transforms["words"]), 3)(words)
    hidden = keras.layers.Concatenate()([x, keras.layers.GlobalMaxPooling1D()(vectors)])
    kind = keras.layers.Dense(4, "softmax", name="kind")(hidden)
    value = keras.layers.Dense(1, name="value")(hidden)
    model = keras.Model({"x": x, "words": words}, {"kind": kind, "value": value})
    losses = {"kind": "sparse_categorical_crossentropy", "value": "mse"}
    model.compile("adam", losses)
    history = model.fit(seq.subset(positions=np.arange(3, 50, 4)), epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


def test_a_table_leaves_its_targets_to_the_same_rule() -> None:
    frame = pd.DataFrame({"a": X[:, 0], "kind": CLASSES, "value": X[:, 1]})
    one = multiseq.TableSequence(
        frame, "kind", numeric=["a"], transforms={"targets": Vocabulary(num_oov=0)}, batch_size=50
    )
    one.adapt(progress=False)
    check_sequence(one)
    learned: Any = one.transforms["targets"]
    names = learned.categories
    assert [names[k] for k in one[0][1].tolist()] == CLASSES.tolist()
    assert set(one.transforms) == {"numeric", "targets"}
    several = multiseq.TableSequence(
        frame,
        {"kind": "kind", "value": "value"},
        numeric=["a"],
        transforms={"kind": Vocabulary(num_oov=0), "targets['value']": Standardize()},
        batch_size=50,
    )
    several.adapt(progress=False)
    _, targets = several[0]
    expected = StandardScaler().fit_transform(X[:, 1:2])[:, 0]
    np.testing.assert_allclose(targets["value"], expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(targets["kind"], one[0][1])


def test_files_and_databases_leave_targets_of_arrays_to_the_same_rule(tmp_path: Path) -> None:
    for k in range(4):
        np.save(tmp_path / f"x_{k}.npy", X[k])
    goals = pd.Series(["b", "a", "b", "a"])
    files = multiseq.FileSequence(
        tmp_path, "x_{key}.npy", goals, batch_size=4,
        transforms={"inputs": Standardize(), "targets": Vocabulary(num_oov=0)},
    )  # fmt: skip
    base = sqlite3.connect(tmp_path / "x.db")
    base.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, v REAL)")
    base.executemany("INSERT INTO t VALUES (?, ?)", [(k, float(k)) for k in range(4)])
    base.commit()
    base.close()
    rows = multiseq.SQLSequence(
        tmp_path / "x.db", "t", key="id", inputs="v", targets=goals, batch_size=4,
        transforms={"inputs": Standardize(), "targets": Vocabulary(num_oov=0)},
    )  # fmt: skip
    for seq in (files, rows):
        seq.adapt(progress=False)
        check_sequence(seq)
        assert seq[0][1].tolist() == [1, 0, 1, 0]
        assert set(seq.transforms) == {"inputs", "targets"}
        seq.close()
