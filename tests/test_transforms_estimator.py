"""transforms: objects in the manner of scikit-learn, by what they can do."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import pytest

from multiseq.errors import ArgumentError, NotAdaptedError, SampleError, SpecError
from multiseq.transforms import SklearnTransform, Standardize, as_transform


class Shift:
    """Subtracts the mean of all rows; learns in one go, and wants a table."""

    def fit(self, rows: Any) -> Self:
        assert rows.ndim == 2
        self.mean_ = rows.mean(0)
        return self

    def transform(self, rows: Any) -> Any:
        assert rows.ndim == 2
        return rows - self.mean_


class Streaming(Shift):
    """The same, in chunks."""

    def partial_fit(self, rows: Any) -> Self:
        assert rows.ndim == 2
        self.sum_ = getattr(self, "sum_", 0) + rows.sum(axis=0)
        self.count_ = getattr(self, "count_", 0) + len(rows)
        self.mean_ = self.sum_ / self.count_
        return self


class Sum(Shift):
    """One column out of many."""

    def transform(self, rows: Any) -> Any:
        return rows.sum(1, keepdims=True)


DATA = np.random.default_rng(0).normal(3, 2, (20, 4))
BOTH = pytest.mark.parametrize("make", [Shift, Streaming])


@BOTH
def test_learns_in_chunks(make: Any) -> None:
    transform = as_transform(make())
    for chunk in np.split(DATA, [0, 3, 11]):
        transform.partial_fit(chunk)
    transform.finish()
    np.testing.assert_allclose(transform(DATA), DATA - DATA.mean(0), rtol=1e-5, atol=1e-6)


@BOTH
def test_adapts_afresh(make: Any) -> None:
    transform = as_transform(make()).adapt(DATA * 9).adapt(DATA)
    np.testing.assert_allclose(transform(DATA), DATA - DATA.mean(0), rtol=1e-5, atol=1e-6)


@BOTH
def test_the_object_passed_in_is_not_touched(make: Any) -> None:
    shift = make()
    as_transform(shift).adapt(DATA)
    assert vars(shift) == {}


def test_what_is_fitted_already_is_used_as_it_is() -> None:
    shift = Shift().fit(DATA)
    transform = SklearnTransform(shift)
    assert transform.adapted
    assert transform.estimator is shift
    assert transform(DATA[0]).shape == (4,)


@BOTH
def test_a_sample_and_a_batch(make: Any) -> None:
    transform = as_transform(make()).adapt(DATA)
    np.testing.assert_array_equal(transform(DATA)[3], transform(DATA[3]))
    assert transform(DATA).dtype == np.float32


def test_the_last_axis_holds_the_features() -> None:
    series = DATA.reshape(5, 4, 4)
    got = as_transform(Shift()).adapt(series)(series)
    np.testing.assert_allclose(got, series - series.mean((0, 1)), rtol=1e-5, atol=1e-6)


@BOTH
def test_scalars_stay_scalars(make: Any) -> None:
    transform = as_transform(make()).adapt(DATA[:, 0])
    assert transform(DATA[:, 0]).shape == (20,)
    assert type(transform(DATA[0, 0])) is np.float32


def test_one_column_out_of_many_stays_a_column() -> None:
    transform = as_transform(Sum()).adapt(DATA)
    assert (transform(DATA).shape, transform(DATA[0]).shape) == ((20, 1), (1,))


@BOTH
def test_samples_of_different_lengths(make: Any) -> None:
    samples = np.split(DATA, [3, 10])
    transform = as_transform(make()).adapt(samples)
    got = np.concatenate(transform(samples))
    np.testing.assert_allclose(got, DATA - DATA.mean(0), rtol=1e-5, atol=1e-6)


@BOTH
def test_keeps_no_data_once_adapted(make: Any) -> None:
    assert len(pickle.dumps(as_transform(make()).adapt(np.zeros((10_000, 3))))) < 1000


def test_survives_pickling() -> None:
    transform = as_transform(Shift()).adapt(DATA)
    assert pickle.loads(pickle.dumps(transform))(DATA).tobytes() == transform(DATA).tobytes()


def test_use_before_adapt() -> None:
    with pytest.raises(NotAdaptedError, match=r"`seq.adapt\(\)`"):
        as_transform(Shift())(DATA)


@BOTH
def test_nothing_to_learn_from(make: Any) -> None:
    with pytest.raises(SampleError, match="nothing to learn from"):
        as_transform(make()).adapt(np.zeros((0, 3)))


@pytest.mark.parametrize("values", [3.0, "text"])
def test_what_is_no_chunk(values: Any) -> None:
    with pytest.raises(SpecError, match="no axis of samples"):
        as_transform(Shift()).adapt(values)


def test_scalars_after_rows() -> None:
    with pytest.raises(SpecError, match="scalars in one chunk"):
        as_transform(Shift()).partial_fit(DATA).partial_fit(DATA[0])


def test_cannot_be_saved(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="joblib"):
        as_transform(Shift()).adapt(DATA).save(tmp_path / "shift.json")


def test_as_transform_leaves_a_transform_alone() -> None:
    transform = Standardize()
    assert as_transform(transform) is transform


@pytest.mark.parametrize("value", [3, None, "Standardize", np.mean, Shift, object()])
def test_what_is_no_transform(value: Any) -> None:
    with pytest.raises(ArgumentError, match="not a transform"):
        as_transform(value)


class ByName(Shift):
    """Wants a table with names."""

    def fit(self, rows: Any) -> Self:
        self.mean_ = rows[["b"]].to_numpy().mean(0)
        return self

    def transform(self, rows: Any) -> Any:
        return rows[["b"]].to_numpy() - self.mean_


FRAME = pd.DataFrame(DATA, columns=list("abcd"))


def test_a_frame_is_handed_on_as_such() -> None:
    transform = as_transform(ByName())
    for chunk in (FRAME[:0], FRAME[:3], FRAME[3:]):
        transform.partial_fit(chunk)
    transform.finish()
    expected = DATA[:, 1:2] - DATA[:, 1].mean()
    np.testing.assert_allclose(transform(FRAME), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(transform(FRAME[3:4]), transform(FRAME)[3:4])
    assert transform(FRAME).dtype == np.float32


def test_a_frame_is_learned_from_in_chunks() -> None:
    transform = as_transform(Streaming())
    transform.partial_fit(FRAME[:3]).partial_fit(FRAME[3:]).finish()
    np.testing.assert_allclose(transform(FRAME), DATA - DATA.mean(0), rtol=1e-5, atol=1e-6)


def test_an_empty_frame() -> None:
    with pytest.raises(SampleError, match="nothing to learn from"):
        as_transform(Shift()).adapt(FRAME[:0])


def test_the_scaler_of_scikit_learn() -> None:
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    transform = as_transform(preprocessing.StandardScaler()).adapt(DATA * 9).adapt(DATA)
    np.testing.assert_allclose(transform(DATA), Standardize().adapt(DATA)(DATA), atol=1e-6)


def test_the_encoder_of_scikit_learn() -> None:
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    encoder = preprocessing.OneHotEncoder(handle_unknown="ignore")
    transform = as_transform(encoder).adapt(["red", "blue", None])
    assert transform(["blue", "pink"]).tolist() == [[1, 0, 0], [0, 0, 0]]
    assert transform(None).tolist() == [0, 0, 1]


def test_nan_among_texts_stays_nan() -> None:
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    transform = as_transform(preprocessing.OrdinalEncoder()).adapt(["red", np.nan])
    assert np.isnan(transform(["red", np.nan])).tolist() == [False, True]
    assert np.isnan(transform(np.nan))


def test_a_text_reader_of_scikit_learn() -> None:
    pytest.importorskip("sklearn", "1.6")  # The first one with tags.
    text = pytest.importorskip("sklearn.feature_extraction.text")
    transform = as_transform(text.CountVectorizer()).adapt(["a cat", "the dog"])
    assert transform("the dog, the dog").tolist() == [0, 2, 2]
    assert transform(["cat", "emu"]).tolist() == [[1, 0, 0], [0, 0, 0]]


def test_what_needs_no_fitting_in_scikit_learn() -> None:
    pytest.importorskip("sklearn", "1.6")  # The first one with tags.
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    transform = as_transform(preprocessing.FunctionTransformer(np.abs))
    assert transform(np.array([-2.0, 2.0])).tolist() == [2, 2]
