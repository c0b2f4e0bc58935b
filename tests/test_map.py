"""`map=`: a function of the whole sample, after transforms and before augmentation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

import multiseq
from multiseq import ArraySequence, Standardize, join
from multiseq.errors import ArgumentError, LoadError
from multiseq.testing import check_sequence

X = np.random.default_rng(5).normal(3, 5, (50, 4))


def _difference(sample: Any) -> Any:
    inputs, targets = sample
    inputs["x"] -= 1  # Into a copy.
    return {"x": inputs["x"], "sum": inputs["x"].sum()}, targets * 2


@pytest.mark.parametrize("join_them", [False, True])
def test_map_sees_the_whole_sample_after_transforms(join_them: bool) -> None:
    steps: Any = {"x": Standardize()}
    source = X.copy()
    if join_them:
        part = ArraySequence(source)
        seq = join(x=part, targets=X[:, 1], transforms=steps, map=_difference, batch_size=7)
    else:
        seq = ArraySequence(  # type: ignore[assignment]
            {"x": source}, X[:, 1], transforms=steps, map=_difference, batch_size=7
        )
    seq.adapt(progress=False)
    check_sequence(seq)
    inputs, targets = seq[0]
    expected = StandardScaler().fit_transform(X)[:7] - 1
    np.testing.assert_allclose(inputs["x"], expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(inputs["sum"], expected.sum(axis=1), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(targets, X[:7, 1] * 2, rtol=1e-6)
    np.testing.assert_array_equal(source, X)
    assert set(seq.spec[0]) == {"x", "sum"}
    assert set(seq.for_prediction()[0][0]) == {"x", "sum"}
    train, test = seq.split(0.5, 0.5)
    with train.replace(workers=2, use_multiprocessing=True) as processes:
        np.testing.assert_array_equal(processes[0][0]["x"], train[0][0]["x"])
    assert len(test) == 4


def test_map_that_is_no_function_or_fails_says_where() -> None:
    with pytest.raises(ArgumentError, match="map cannot be called"):
        ArraySequence(X, map="abs")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="map yields"):
        ArraySequence(X, map=lambda sample: (yield sample))

    def broken(sample: Any) -> Any:
        return sample if sample[0] < 3 else 1 / 0

    with pytest.raises(LoadError, match=r"key 'd'[\s\S]*map raised ZeroDivisionError"):
        ArraySequence(np.arange(5), keys=list("abcde"), map=broken)[0]
    with pytest.raises(LoadError, match="map returned None"):
        ArraySequence(X, map=lambda sample: None)[0]


def test_map_may_change_what_a_class_says_of_its_samples() -> None:
    texts = ["a b c", "a", "b c"]
    seq = multiseq.TextSequence(
        texts, tokenizer=str.split, batch_size=3, map=lambda sample: (sample[0] * 0.5,)
    )
    seq.adapt(progress=False)
    check_sequence(seq)
    assert seq.spec[0].shape == (None,)
    assert seq[0][0].dtype == np.float32
