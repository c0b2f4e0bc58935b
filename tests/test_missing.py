"""`missing=`: what is put in the place of missing values, in inputs and targets."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from missing import LABELS, NAN, X, made
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from multiseq import (
    ArraySequence,
    Labels,
    MultiInputSequence,
    Spec,
    Standardize,
    TableSequence,
    TextSequence,
    Vocabulary,
    join,
)
from multiseq.errors import ArgumentError, NotAdaptedError, SampleError, SpecError
from multiseq.transforms import Transform


@given(st.lists(st.floats(-1e3, 1e3, width=32) | st.just(NAN), min_size=12, max_size=30))
def test_a_mean_is_that_of_scikit_learn(values: list[float]) -> None:
    table = np.array(values[: len(values) // 3 * 3], np.float32).reshape(-1, 3)
    table[0] = [1, 2, 3]
    seq = ArraySequence(table, batch_size=len(table), missing="mean")
    seq.adapt(progress=False)
    expected = SimpleImputer().fit_transform(table.astype(np.float64))
    np.testing.assert_allclose(seq[0][0], expected, rtol=1e-6, atol=1e-4)


def test_what_follows_learns_from_what_was_filled() -> None:
    seq = ArraySequence(X, batch_size=40, missing="mean", transforms=Standardize())
    expected = make_pipeline(SimpleImputer(), StandardScaler()).fit_transform(X)
    np.testing.assert_allclose(made(seq)[0], expected, rtol=1e-4, atol=1e-5)


def test_the_mean_is_that_of_the_training_split() -> None:
    train, test = ArraySequence(X, missing="mean", batch_size=40).split(0.5, 0.5)
    with pytest.raises(NotAdaptedError):
        test[0]
    train.adapt(progress=False)
    mean = np.nanmean(X[train.keys].astype(np.float64), axis=0)
    rows = X[test.keys]
    expected = np.where(np.isnan(rows), mean, rows)
    np.testing.assert_allclose(test[0][0], expected, rtol=1e-6)


def test_a_value_stands_where_one_is_missing_and_nowhere_else() -> None:
    seq = ArraySequence({"x": X, "n": np.arange(40)}, batch_size=40, missing=-1)
    inputs = made(seq)[0]
    np.testing.assert_array_equal(inputs["x"], np.where(np.isnan(X), np.float32(-1), X))
    np.testing.assert_array_equal(inputs["n"], np.arange(40))
    assert inputs["n"].dtype == ArraySequence(np.arange(40))[0][0].dtype


def test_a_mean_of_all_inputs_is_said_once() -> None:
    both = ArraySequence({"x": X, "y": X[:, :2]}, {"x": X[:, 0] > 0}, missing="mean", batch_size=40)
    inputs = made(both)[0]
    expected = SimpleImputer().fit_transform(X)
    np.testing.assert_allclose(inputs["x"], expected, rtol=1e-6)
    np.testing.assert_allclose(inputs["y"], expected[:, :2], rtol=1e-6)


def test_missing_values_are_refused_by_key() -> None:
    seq = ArraySequence(X, keys=[f"k{n}" for n in range(40)], missing="raise", batch_size=40)
    first = int(np.flatnonzero(np.isnan(X).any(1))[0])
    with pytest.raises(SampleError, match=rf"(?s)key 'k{first}'.*missing.*missing=\"mean\""):
        seq[0]


def test_text_that_is_missing_is_filled_before_it_is_tokenized() -> None:
    texts = pd.Series(["a b", None, NAN, "b"], index=list("wxyz"))
    options: Any = {"tokenizer": Vocabulary(mask=""), "max_length": 3, "batch_size": 4}
    with pytest.raises(ArgumentError, match=r"(?s)key 'x' is no text.*missing=\"\""):
        TextSequence(texts, **options)
    seq = TextSequence(texts, missing="", **options)
    assert made(seq)[0][1:3].tolist() == [[0, 0, 0]] * 2
    np.testing.assert_array_equal(seq.encode({"inputs": None}), [[0, 0, 0]])
    for bad in (0, "mean"):
        with pytest.raises(ArgumentError, match="texts are filled with text"):
            TextSequence(texts, missing=bad, **options)


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("mask", "for targets"),
        (NAN, "nothing to put"),
        ([1], "nothing to put"),
        ({"inputs": "mask"}, "for targets"),
        ({"z": 0}, r"missing: there is no input or target 'z'"),
        ({"inputs": "x"}, "cannot stand among numbers"),
    ],
)
def test_what_makes_no_sense_is_refused(missing: Any, words: str) -> None:
    with pytest.raises((ArgumentError, SpecError), match=words):
        made(ArraySequence(X, LABELS != "c", missing=missing))


def test_text_has_no_mean() -> None:
    class Words(MultiInputSequence):
        def load_sample(self, index: int) -> Any:
            return {"word": "ab"[index]}

    seq = Words(2, missing={"word": "mean"}, transforms={"word": Vocabulary()})
    with pytest.raises(SpecError, match=r"(?s)input word.*for numbers.*missing=\"\""):
        seq.adapt(progress=False)


def test_a_mean_is_saved_with_what_follows_it(tmp_path: Any) -> None:
    def sequence() -> ArraySequence:
        return ArraySequence(X, missing="mean", transforms=Standardize(), batch_size=40)

    seq = sequence()
    expected = made(seq)[0]
    seq.save_transforms(tmp_path / "prep.json")
    other = sequence()
    other.load_transforms(tmp_path / "prep.json")
    np.testing.assert_array_equal(other[0][0], expected)
    fill = seq.transforms["inputs"].learners[0]
    fill.save(tmp_path / "fill.json")
    assert Transform.load(tmp_path / "fill.json") == fill


class AnyLength(MultiInputSequence):
    """Targets of as many steps as there are, of which some are missing."""

    def load_sample(self, index: int) -> Any:
        steps = np.arange(1.0, (3, 1, 4)[index] + 1)[:, None]
        return steps, np.where(steps == index + 1, np.nan, steps)


def test_weights_are_as_long_as_the_targets() -> None:
    spec = (Spec((None, 1)), Spec((None, 1)))
    seq = AnyLength(3, spec=spec, missing={"targets": "mask"}, batch_size=3)
    for each in (seq, join(seq, batch_size=3)):
        _, targets, weights = each[0]
        np.testing.assert_array_equal(weights, [[0, 1, 1, 0], [1, 0, 0, 0], [1, 1, 0, 1]])
        np.testing.assert_array_equal(targets[2, :, 0], [1, 2, 0, 4])


# Bools, Decimals and large integers among which some are missing


@pytest.mark.parametrize("order", [[True, None, False], [None, True, False]])
@pytest.mark.parametrize("dtype", ["boolean", object])
@pytest.mark.parametrize(
    ("how", "stand_in"), [("mask", 0.0), (False, 0.0), (0, 0.0), (True, 1.0), ("mean", 0.5)]
)
def test_bools_are_0_and_1(order: Any, dtype: Any, how: Any, stand_in: float) -> None:
    frame = pd.DataFrame({"x": np.arange(3.0), "y": pd.array(order, dtype=dtype)})
    expected = [stand_in if each is None else float(each) for each in order]
    missing: Any = {"missing": {"targets": how}}
    for seq in (
        TableSequence(frame, "y", numeric=["x"], **missing),
        ArraySequence(frame["x"], frame["y"].to_numpy(object), **missing),
        join(ArraySequence(frame["x"]), targets=frame["y"], **missing),
    ):
        seq.adapt(progress=False)
        _, made, *weights = seq[0]
        assert made.tolist() == expected
        assert made.dtype == np.float32
        assert not weights or weights[0].tolist() == [each is not None for each in order]
        assert seq[0][1].tobytes() == b"".join(seq.replace(batch_size=1)[k][1] for k in range(3))


def test_bools_with_labels_are_classes() -> None:
    flags = pd.Series(pd.array([True, None, False], dtype="boolean"))
    ways: Any = {"transforms": {"targets": Labels()}, "missing": {"targets": "mask"}}
    rows = ArraySequence(np.ones(3))
    for seq in (ArraySequence(np.ones(3), flags, **ways), join(rows, targets=flags, **ways)):
        seq.adapt(progress=False)
        assert seq.classes == (False, True)


def test_decimals_are_numbers() -> None:
    rows: Any = ([Decimal("1.5"), None], [None, Decimal(2)], [Decimal(1), 2, None, 0.5])
    for values in rows:
        seq = ArraySequence(np.ones(len(values)), values, missing={"targets": "mask"})
        expected = [0.0 if each is None else float(each) for each in values]
        assert seq[0][1].tolist() == expected


@pytest.mark.parametrize("as_given", [pd.Series, lambda array: array])
def test_integers_beyond_float64_stay_apart(as_given: Any) -> None:
    ids = pd.array([2**53 + 1, None, 2**53], dtype="Int64")
    ways: Any = {"transforms": {"targets": Labels()}, "missing": {"targets": "mask"}}
    frame = pd.DataFrame({"x": np.ones(3)})
    for seq in (
        TableSequence(frame, as_given(ids), numeric=["x"], **ways),
        ArraySequence(np.ones(3), as_given(ids), **ways),
    ):
        seq.adapt(progress=False)
        assert seq.classes == (2**53, 2**53 + 1)
