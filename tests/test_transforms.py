"""transforms: the stages that all transforms share."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from multiseq.errors import NotAdaptedError, SampleError
from multiseq.transforms import MinMax, Standardize, Transform, Vocabulary

ALL = pytest.mark.parametrize("make", [Standardize, MinMax, Vocabulary])


@ALL
@pytest.mark.parametrize("values", [[], [[]], np.zeros((0, 3)), [np.nan], [None, None]])
def test_nothing_to_learn_from(make: Any, values: Any) -> None:
    with pytest.raises(SampleError, match=f"{make.__name__} has nothing to learn from"):
        make().adapt(values)


@ALL
def test_an_empty_chunk_changes_nothing(make: Any) -> None:
    transform = make().partial_fit([]).partial_fit([[1, 2], [3, 4]]).partial_fit(np.zeros((0, 2)))
    transform.finish()
    assert transform == make().adapt([[1, 2], [3, 4]])


@ALL
def test_use_before_adapt_names_the_fix(make: Any) -> None:
    with pytest.raises(NotAdaptedError, match=rf"(?s){make.__name__} .*`seq.adapt\(\)`"):
        make()(1)


@ALL
def test_use_before_finish_names_the_fix(make: Any) -> None:
    with pytest.raises(NotAdaptedError, match=r"`finish\(\)`"):
        make().partial_fit([1, 2])(1)


@ALL
def test_adapt_starts_afresh(make: Any) -> None:
    assert make().adapt([1, 2, 2]).adapt([5, 7]) == make().adapt([5, 7])


@ALL
def test_adapt_starts_afresh_after_an_interrupted_one(make: Any) -> None:
    assert make().partial_fit([1, 2, 2]).adapt([5, 7]) == make().adapt([5, 7])


@ALL
def test_partial_fit_after_finish_starts_afresh(make: Any) -> None:
    transform = make().adapt([1, 2, 2]).partial_fit([5, 7])
    transform.finish()
    assert transform == make().adapt([5, 7])


@ALL
def test_finish_may_be_called_twice(make: Any) -> None:
    transform = make().adapt([1, 2, 2])
    transform.finish()
    assert transform == make().adapt([1, 2, 2])


@ALL
def test_reset_forgets(make: Any) -> None:
    transform = make().adapt([1, 2])
    transform.reset()
    assert not transform.adapted
    assert transform == make()


@ALL
def test_equal_means_learned_the_same(make: Any) -> None:
    assert make().adapt([1, 2]) == make().adapt([1, 2])
    assert make().adapt([1, 2]) != make().adapt([1, 3])
    assert make().adapt([1, 2]) != make()


def test_equal_means_the_same_kinds_of_categories() -> None:
    assert Vocabulary().adapt([1]) != Vocabulary().adapt([True])


def test_equal_means_made_the_same() -> None:
    assert MinMax() != MinMax(range=(0, 2))
    assert Standardize(-1) != Standardize(None)
    assert Standardize() != MinMax()


@ALL
def test_survives_pickling(make: Any) -> None:
    transform = make().adapt(np.arange(12).reshape(4, 3))
    copy = pickle.loads(pickle.dumps(transform))
    assert copy == transform
    assert copy([1, 2, 3]).tobytes() == transform([1, 2, 3]).tobytes()


@ALL
def test_is_small_to_pickle_once_adapted(make: Any) -> None:
    assert len(pickle.dumps(make().adapt(np.arange(100_000) % 3))) < 1000


def test_a_vocabulary_is_hardly_larger_than_its_words() -> None:
    vocabulary = Vocabulary(max_size=1000).adapt([f"word {k}" for k in range(5000)])
    assert len(pickle.dumps(vocabulary)) < 20 * 1000


def test_a_transform_is_abstract() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Transform()  # type: ignore[abstract]
