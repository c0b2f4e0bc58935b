"""transforms: how a sequence's transforms learn from its samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from multiseq.errors import NotAdaptedError, SampleError, SpecError
from multiseq.transforms import Standardize, Vocabulary, afresh, learn, learn_rows

N = 20_000
NUMBERS = np.random.default_rng(0).normal(9, 2, N)


def rows(indices: Any) -> dict[str, Any]:
    return {"x": NUMBERS[indices], "word": [f"word {k % 7}" for k in indices.tolist()]}


def raw(index: int) -> dict[str, Any]:
    return {"x": NUMBERS[index], "word": f"word {index % 7}"}


def blank() -> dict[str, Any]:
    return {"x": Standardize(), "word": Vocabulary()}


def by_sample(transforms: Any, indices: Any, progress: bool = False) -> None:
    with afresh(transforms.items()):
        learn(transforms, raw, indices.tolist(), "adapt" if progress else None)


def by_rows(transforms: Any, indices: Any, progress: bool = False) -> None:
    with afresh(transforms.items()):
        learn_rows(transforms, rows, indices, "adapt" if progress else None)


BOTH = pytest.mark.parametrize("how", [by_sample, by_rows])


@BOTH
@pytest.mark.parametrize("count", [1, 255, 256, 257, 8192, 8193, N])
def test_each_sample_is_learned_from_once(how: Any, count: int) -> None:
    chosen = np.random.default_rng(1).permutation(N)[:count]
    transforms = blank()
    how(transforms, chosen)
    np.testing.assert_allclose(transforms["x"].mean, NUMBERS[chosen].mean(), rtol=1e-12)
    np.testing.assert_allclose(transforms["x"].variance, NUMBERS[chosen].var(), rtol=1e-9)
    assert transforms["word"] == Vocabulary().adapt(rows(chosen)["word"])


@BOTH
def test_learning_starts_afresh(how: Any) -> None:
    transforms, once = blank(), blank()
    how(once, np.arange(5))
    how(transforms, np.arange(N))
    how(transforms, np.arange(5))
    assert transforms == once


@BOTH
def test_a_progress_bar_counts_samples(how: Any, capsys: pytest.CaptureFixture[str]) -> None:
    how(blank(), np.arange(300), progress=True)
    assert "300/300" in capsys.readouterr().err
    how(blank(), np.arange(300))
    how({}, np.arange(300), progress=True)
    assert capsys.readouterr().err == ""


@BOTH
def test_errors_name_the_input(how: Any) -> None:
    with pytest.raises(SpecError, match="input word: the values are no numbers"):
        how({"x": Standardize(), "word": Standardize()}, np.arange(3))
    with pytest.raises(SampleError, match="input x: Standardize has nothing to learn from"):
        how({"x": Standardize()}, np.arange(0))


@BOTH
def test_what_failed_to_learn_is_not_adapted(how: Any) -> None:
    transforms = blank()
    how(transforms, np.arange(5))
    transforms["later"] = Standardize()
    with pytest.raises(KeyError):
        how(transforms, np.arange(5))
    with pytest.raises(NotAdaptedError):
        transforms["x"].transform(1.0)


def test_times_learned() -> None:
    transform = Standardize()
    assert transform.times_learned == 0
    transform.adapt([1, 2]).finish()
    assert transform.times_learned == 1
    transform.partial_fit([1, 2])
    assert transform.times_learned == 1
    transform.finish()
    assert transform.times_learned == 2
