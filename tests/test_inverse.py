"""Transform.inverse and Vocabulary.decode: back to what the samples held."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import (
    FunctionTransformer,
    LabelEncoder,
    MinMaxScaler,
    MultiLabelBinarizer,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PowerTransformer,
    StandardScaler,
    TargetEncoder,
)

from multiseq import ArraySequence, Labels, TableSequence
from multiseq.errors import ArgumentError, LoadError, NotAdaptedError, SpecError
from multiseq.transforms import MinMax, SklearnTransform, Standardize, Transform, Vocabulary

SAME = FunctionTransformer(lambda value: value, inverse_func=lambda value: value)
TABLES = hnp.arrays(
    "float64",
    st.tuples(st.integers(2, 8), st.integers(1, 3)),
    elements=st.integers(-(10**6), 10**6).map(lambda number: number / 8),
)


@given(TABLES, TABLES)
def test_columns_as_scikit_learn_undoes_them(table: Any, predicted: Any) -> None:
    width = min(table.shape[1], predicted.shape[1])
    table, predicted = table[:, :width], predicted[:, :width] / 1e5
    varies = np.ptp(table, axis=0) > 0
    for ours, theirs in ((Standardize(), StandardScaler()), (MinMax(), MinMaxScaler())):
        found = ours.adapt(table).inverse(predicted)
        expected = theirs.fit(table).inverse_transform(predicted)
        assert found.dtype == np.float64
        np.testing.assert_allclose(found[:, varies], expected[:, varies], rtol=1e-9, atol=1e-6)
        back = ours.inverse(ours.transform(table))
        np.testing.assert_allclose(back, table, rtol=1e-5, atol=1e-5 * max(1, np.abs(table).max()))


def test_shapes_offsets_and_constant_columns() -> None:
    seconds = np.array([1.7e9, 1.7e9 + 60, 1.7e9 + 120])
    scale = Standardize().adapt(seconds)
    np.testing.assert_allclose(scale.inverse(scale(seconds)), seconds, rtol=0, atol=1e-3)
    assert scale.inverse(0.0) == scale.mean
    constant = MinMax(range=(-1, 1)).adapt([[5.0, 0.0], [5.0, 2.0]])
    np.testing.assert_array_equal(constant.inverse([-1, 1]), [5, 2])
    np.testing.assert_array_equal(Standardize().adapt([[5.0], [5.0]]).inverse([[0.0]]), [[5]])
    assert np.isnan(scale.inverse([np.nan])).all()
    steps = Standardize().adapt([np.zeros((2, 1)), np.ones((3, 1))])
    assert [len(each) for each in steps.inverse([[[0.0]], [[0.0], [1.0]]])] == [1, 2]
    with pytest.raises(SpecError, match="differ in shape"):
        constant.inverse([0.0, 0.0, 0.0])


@pytest.mark.parametrize(
    ("estimator", "values"),
    [
        (StandardScaler(), [1.0, 2.0, 5.0]),
        (StandardScaler(), [[1.0, 2.0], [3.0, 7.0]]),
        (PowerTransformer(), [1.0, 2.0, 5.0]),
        (OneHotEncoder(), ["a", "b", "a"]),
        (OneHotEncoder(), [["a", "x"], ["b", "y"]]),
        (LabelEncoder(), ["a", "b", "a"]),
    ],
)
def test_estimators_undo_by_their_own_means(estimator: Any, values: Any) -> None:
    transform = SklearnTransform(estimator).adapt(values)
    back = transform.inverse(transform(values))
    assert back.shape == np.shape(values)
    if back.dtype.kind == "f":
        np.testing.assert_allclose(back, values, rtol=1e-5)
    else:
        np.testing.assert_array_equal(back, values)
    one = transform.inverse(transform(values)[0])
    assert np.shape(one) == np.shape(values[0])


class Noise(Transform):
    """Cannot be undone."""

    def transform(self, values: Any) -> Any:
        return values

    def _forget(self) -> None:
        pass

    def _learn(self, values: Any) -> None:
        pass

    def _settle(self) -> None:
        pass

    def _config(self) -> Any:
        return {}


@pytest.mark.parametrize("transform", [Noise(), SklearnTransform(Normalizer())])
def test_what_cannot_be_undone_says_so(transform: Transform) -> None:
    with pytest.raises(ArgumentError, match="cannot be undone"):
        transform.inverse([1.0])


@pytest.mark.parametrize("make", [Standardize, MinMax, Vocabulary])
def test_before_it_learned(make: Any) -> None:
    with pytest.raises(NotAdaptedError):
        make().inverse([0])


WORDS = st.lists(st.lists(st.sampled_from(["a", "b", "c", "[UNK]"])), min_size=1, max_size=5)


@given(WORDS, st.integers(1, 3))
def test_what_a_vocabulary_gave_is_decoded(rows: Any, oov: int) -> None:
    words = Vocabulary(mask="", num_oov=oov).adapt([["a", "b", "[UNK]"]])
    ids = [words(row) for row in rows]
    padded = np.zeros((len(rows), 30 + max(map(len, rows))), int)
    for row, numbers in zip(padded, ids, strict=True):
        row[: len(numbers)] = numbers
    expected = [[word if word != "c" else "[[UNK]]" for word in row] for row in rows]
    assert words.decode(ids if len(rows) > 1 else [ids[0], []])[: len(rows)] == expected
    assert words.decode(padded) == expected
    assert words.decode(padded[0]) == expected[0]


def test_ids_and_their_categories() -> None:
    words = Vocabulary(mask=0).adapt([False, 5, 5])
    assert words.inverse([[0, 1], [2, 3]]).tolist() == [[0, "[UNK]"], [5, False]]
    assert words.decode([0, 3, 2, 0]) == [False, 5]
    assert words.inverse(2) == 5
    assert Vocabulary().adapt(["x"]).decode([1, 0, 0]) == ["x", "[UNK]", "[UNK]"]
    assert Vocabulary(num_oov=0).adapt(["x"]).decode([0]) == ["x"]
    with pytest.raises(SpecError, match="axis of tokens"):
        words.decode(2)
    with pytest.raises(SpecError, match=r"(?s)no ids.*9.*0 to 3"):
        words.decode([9, 1])


# Digits of scikit-learn's


def adapted(frame: pd.DataFrame, *targets: str, **steps: Any) -> Any:
    seq = TableSequence(frame, *targets, numeric=["x"], batch_size=len(frame), transforms=steps)
    seq.adapt(progress=False)
    return seq


@pytest.mark.parametrize("first", [SimpleImputer(), FunctionTransformer(), lambda row: row])
def test_between_steps_no_digits_are_lost(first: Any) -> None:
    dates = pd.DataFrame({"x": pd.date_range("2024-01-01", periods=100, freq="10s")})
    (found,), (expected,) = adapted(dates, numeric=(first, Standardize()))[0], adapted(dates)[0]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert found.dtype == np.float32
    days = (SimpleImputer(), lambda row: row / 86400, Standardize())
    np.testing.assert_allclose(adapted(dates, numeric=days)[0][0], expected, atol=1e-4)


@pytest.mark.parametrize("last", [(), (lambda row: row * 2,)])
def test_what_leaves_scikit_learn_is_float32(last: Any) -> None:
    for rows in (np.arange(6.0), np.arange(6.0).reshape(3, 2)):
        steps: Any = {"transforms": {"inputs": (StandardScaler(), *last)}}
        seq: Any = ArraySequence(rows, **steps)
        seq.adapt(progress=False)
        assert seq[0][0].dtype == np.float32


class Same:
    def __init__(self, predicted: Any) -> None:
        self.predicted = predicted

    def predict(self, view: Any) -> Any:
        return self.predicted


@pytest.mark.parametrize("steps", [StandardScaler(), (SAME, Standardize()), (SAME, MinMaxScaler())])
def test_large_targets_come_back(steps: Any) -> None:
    frame = pd.DataFrame({"x": np.arange(100.0), "y": 1e9 + np.arange(100.0)})
    seq = adapted(frame, "y", targets=steps)
    made = seq[0][1]
    np.testing.assert_allclose(np.diff(made), np.full(99, made[1] - made[0]), atol=1e-6)
    found = seq.predictions(Same(made[:, None]), inverse=True)["prediction"]
    np.testing.assert_allclose(found, frame["y"], rtol=0, atol=1e-4)


# What scikit-learn's raise, and what learns from targets


def test_lists_of_labels_are_for_labels() -> None:
    lists = [["action", "drama"], ["drama"], ["war"], []]
    frame = pd.DataFrame({"x": np.arange(4.0), "y": lists})
    with pytest.raises(ArgumentError, match=r"takes a list of labels.*") as caught:
        adapted(frame, "y", targets=MultiLabelBinarizer())
    assert "Labels(multi=True)" in str(caught.value)
    found = adapted(frame, "y", targets=Labels(multi=True))
    np.testing.assert_array_equal(found[0][1], MultiLabelBinarizer().fit_transform(lists))


@pytest.mark.parametrize(
    "encoder", [OneHotEncoder(sparse_output=False), OrdinalEncoder(), LabelEncoder()]
)
def test_categories_are_given_to_any_estimator(encoder: Any) -> None:
    kinds = pd.Categorical(["lo", "hi", "lo"], categories=["lo", "hi"])
    frame = pd.DataFrame({"x": np.arange(3.0), "y": kinds})
    rows = kinds if isinstance(encoder, LabelEncoder) else np.array(kinds)[:, None]
    expected = encoder.fit_transform(rows)
    found = adapted(frame, "y", targets=encoder)[0][1]
    np.testing.assert_array_equal(found, expected.reshape(found.shape))


def test_who_learns_from_targets_is_refused() -> None:
    frame = pd.DataFrame({"x": np.arange(20.0), "y": np.arange(20) % 2})
    for estimator in (TargetEncoder(), LinearDiscriminantAnalysis()):
        with pytest.raises(
            ArgumentError, match=r"(?s)learns from targets as well.*fitted"
        ) as caught:
            adapted(frame, "y", numeric=estimator)
        assert caught.value.where["input"] == "numeric"
    fitted = LinearDiscriminantAnalysis().fit(frame[["x"]].to_numpy(), frame["y"])  # As advised.
    steps = (lambda value: fitted.transform(np.reshape(value, (1, -1)))[0], Standardize())
    assert adapted(frame, "y", numeric=steps)[0][0].shape == (20, 1)


def test_errors_of_estimators_say_whose_they_are() -> None:
    frame = pd.DataFrame({"x": np.arange(3.0), "y": ["a", "b", "a"]})
    seq = adapted(frame, "y", targets=LabelEncoder())
    with pytest.raises(LoadError, match=r"(?s)LabelEncoder\.inverse_transform raised.*Labels\(\)"):
        seq.predictions(Same(np.zeros((3, 1))), inverse=True)
    labelled = adapted(frame, "y", targets=Labels())  # As the error advises.
    assert labelled.predictions(Same(np.zeros((3, 1))))["label"].tolist() == ["a"] * 3
    with pytest.raises(LoadError, match=r"StandardScaler\.\w+ raised"):
        SklearnTransform(StandardScaler()).adapt([["a"], ["b"]])
