"""transforms: Standardize and MinMax."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from multiseq.errors import ArgumentError, SampleError, SpecError
from multiseq.transforms import MinMax, Standardize

SCALERS = pytest.mark.parametrize("make", [Standardize, MinMax])


def keras_normalization(data: Any, axis: Any, values: Any) -> Any:
    """What keras.layers.Normalization computes, in float64."""
    data = np.asarray(data, np.float64)
    kept = () if axis is None else np.atleast_1d(axis) % data.ndim
    reduced = tuple(a for a in range(data.ndim) if a not in kept)
    mean = data.mean(reduced, keepdims=True)
    deviation = np.sqrt(((data - mean) ** 2).mean(reduced, keepdims=True))
    return (values - mean) / np.maximum(deviation, 1e-7)


def in_chunks(transform: Any, values: Any, seed: int) -> Any:
    """Learns from chunks of random lengths, some of them empty."""
    cuts = np.sort(np.random.default_rng(seed).integers(0, len(values) + 1, 8))
    for chunk in np.split(values, cuts):
        transform.partial_fit(chunk)
    transform.finish()
    return transform


def numbers(*shape: int, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    return rng.normal(size=shape) * rng.uniform(0.5, 9, shape[-1]) + rng.normal(size=shape[-1])


@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        ((50, 7), -1),
        ((50, 7), 1),
        ((50, 7), None),
        ((50, 1), -1),
        ((50,), None),
        ((20, 5, 3), -1),
        ((20, 5, 3), 1),
        ((20, 5, 3), (1, 2)),
        ((20, 5, 3), (-1, -2)),
        ((6, 8, 9, 3), (3, 1)),
        ((6, 8, 9, 3), None),
    ],
)
def test_standardize_is_keras_normalization(shape: tuple[int, ...], axis: Any) -> None:
    data = numbers(*shape).astype(np.float32)
    got = Standardize(axis).adapt(data).transform(data)
    np.testing.assert_allclose(got, keras_normalization(data, axis, data), rtol=1e-6, atol=1e-6)


def test_scalars_are_one_feature() -> None:
    data = numbers(40)
    np.testing.assert_allclose(
        Standardize(-1).adapt(data)(data), keras_normalization(data, None, data), rtol=1e-6
    )


@pytest.mark.parametrize("seed", range(10))
def test_standardize_does_not_depend_on_chunks(seed: int) -> None:
    data = numbers(101, 4, seed=seed)
    whole, chunked = Standardize().adapt(data), in_chunks(Standardize(), data, seed)
    np.testing.assert_allclose(chunked.mean, whole.mean, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(chunked.variance, whole.variance, rtol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_standardize_does_not_depend_on_order(seed: int) -> None:
    data = numbers(101, 4, seed=seed)
    shuffled = np.random.default_rng(seed).permutation(data)
    np.testing.assert_allclose(
        Standardize().adapt(shuffled).variance, Standardize().adapt(data).variance, rtol=1e-12
    )


@pytest.mark.parametrize("seed", range(5))
def test_minmax_does_not_depend_on_chunks_or_order(seed: int) -> None:
    data = numbers(101, 4, seed=seed)
    shuffled = np.random.default_rng(seed).permutation(data)
    assert in_chunks(MinMax(), shuffled, seed) == MinMax().adapt(data)


@pytest.mark.parametrize("chunk", [1, 7, 1000])
@pytest.mark.parametrize(("offset", "tolerance"), [(1e8, 1e-7), (-1e12, 1e-3)])
def test_a_huge_offset_leaves_the_variance_alone(
    offset: float, tolerance: float, chunk: int
) -> None:
    steps = np.random.default_rng(0).integers(-50, 50, 1000) / 2**10  # Exact beside the offset.
    transform = Standardize()
    for start in range(0, 1000, chunk):
        transform.partial_fit(offset + steps[start : start + chunk])
    transform.finish()
    assert transform.variance == pytest.approx(steps.var(), rel=tolerance)


def test_a_huge_offset_is_subtracted_in_float64() -> None:
    steps = np.random.default_rng(0).integers(-50, 50, 1000) / 2**10
    got = Standardize().adapt(1e8 + steps)(1e8 + steps)
    np.testing.assert_allclose(got, keras_normalization(steps, None, steps), atol=1e-5)


def test_statistics_have_the_shape_of_the_features() -> None:
    data = numbers(20, 5, 3)
    np.testing.assert_allclose(Standardize((-1, -2)).adapt(data).mean, data.mean(0))
    np.testing.assert_array_equal(MinMax((2, 1)).adapt(data).maximum, data.max(0))


@pytest.mark.parametrize("name", ["mean", "variance"])
def test_statistics_are_copies(name: str) -> None:
    transform = Standardize().adapt([[1.0], [2.0]])
    getattr(transform, name)[0] = 99
    assert transform == Standardize().adapt([[1.0], [2.0]])


@pytest.mark.parametrize("count", [7, 999, 1000])
def test_a_constant_has_no_variance(count: int) -> None:
    assert Standardize().adapt(np.full(count, 1e15 / 3)).variance == 0


@pytest.mark.parametrize("value", [0.0, 0.1, -3.7, 1e8 + 0.1, 1e15 + 0.125])
@pytest.mark.parametrize("chunks", [1, 2])
def test_a_constant_becomes_zero(value: float, chunks: int) -> None:
    data = np.full((1000, 1), value)
    transform = in_chunks(Standardize(), data, 0) if chunks == 2 else Standardize().adapt(data)
    np.testing.assert_allclose(transform(data), 0, atol=1e-6)


def test_a_constant_is_divided_by_the_epsilon_of_keras() -> None:
    transform = Standardize().adapt(np.ones((10, 1)))
    assert transform(np.array([3.0])) == pytest.approx(2e7)


def test_nan_is_ignored_in_learning() -> None:
    data = numbers(60, 5)
    data[np.random.default_rng(1).random(data.shape) < 0.3] = np.nan
    data[:20, 2] = np.nan  # One feature is missing in the first chunks.
    transform = Standardize()
    for chunk in np.split(data, 6):
        transform.partial_fit(chunk)
    transform.finish()
    np.testing.assert_allclose(transform.mean, np.nanmean(data, 0), rtol=1e-12)
    np.testing.assert_allclose(transform.variance, np.nanvar(data, 0), rtol=1e-12)


def test_minmax_ignores_nan_in_learning() -> None:
    data = np.array([[np.nan, 1], [2, np.nan], [4, 5]])
    transform = MinMax()
    for row in data:
        transform.partial_fit(row[np.newaxis])
    transform.finish()
    assert (transform.minimum.tolist(), transform.maximum.tolist()) == ([2, 1], [4, 5])


@SCALERS
def test_nan_stays_nan(make: Any) -> None:
    got = make().adapt([[1.0, 2.0], [3.0, 5.0]])([[np.nan, 2.0]])
    assert np.isnan(got).tolist() == [[True, False]]


@SCALERS
def test_none_and_pandas_na_are_nan(make: Any) -> None:
    missing = make().adapt(pd.Series([1, None, 4], dtype="object"))
    assert missing == make().adapt(pd.Series([1, pd.NA, 4], dtype="Int64")) == make().adapt([1, 4])


@SCALERS
def test_a_feature_that_is_always_nan(make: Any) -> None:
    with pytest.raises(SampleError, match=r"1 of 2 features: \[1\]"):
        make().adapt([[1, np.nan], [2, np.nan]])


@SCALERS
def test_a_feature_of_several_axes_that_is_always_nan(make: Any) -> None:
    data = numbers(5, 2, 3)
    data[:, 1, 2] = np.nan
    with pytest.raises(SampleError, match=r"1 of 6 features: \[\(1, 2\)\]"):
        make((1, 2)).adapt(data)


@SCALERS
@pytest.mark.parametrize("value", [np.inf, -np.inf, 1.7e308])
def test_what_has_no_finite_statistics(make: Any, value: float) -> None:
    with pytest.raises(SampleError, match=r"infinite|too large|too far"):
        make().adapt([[-value, 1.0], [value, 2.0], [np.nan, 3.0]])


@SCALERS
def test_a_sample_and_a_batch_give_the_same_bytes(make: Any) -> None:
    data = numbers(20, 5, 3)
    transform = make().adapt(data)
    batch = transform(data)
    assert [transform(sample).tobytes() for sample in data] == [row.tobytes() for row in batch]


@SCALERS
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "float32", "float64"])
def test_numbers_become_float32(make: Any, dtype: str) -> None:
    data = np.array([[0, 1], [1, 0], [1, 1]]).astype(dtype)
    got = make().adapt(data)(data)
    assert got.dtype == np.float32
    assert got.tobytes() == make().adapt(data.astype(float))(data.astype(float)).tobytes()


@SCALERS
def test_a_scalar_stays_a_scalar(make: Any) -> None:
    got = make().adapt([1, 2, 3])(2)
    assert type(got) is np.float32


@SCALERS
def test_does_not_touch_its_input(make: Any) -> None:
    data = numbers(10, 2)
    before = data.copy()
    make().adapt(data)(data)
    np.testing.assert_array_equal(data, before)


@SCALERS
def test_samples_of_different_lengths(make: Any) -> None:
    samples = [numbers(length, 3, seed=length) for length in (2, 5, 4)]
    transform = make().adapt(samples)
    stacked = make().adapt(np.concatenate(samples))
    for got, sample in zip(transform(samples), samples, strict=True):
        np.testing.assert_allclose(got, stacked(sample), rtol=1e-6)


@SCALERS
@pytest.mark.parametrize("shape", [(), (2,), (1,), (4, 1), (4, 2), (1, 4, 3)])
def test_another_shape_than_learned(make: Any, shape: tuple[int, ...]) -> None:
    with pytest.raises(SpecError, match="differ in shape"):
        make().adapt(numbers(10, 3)).transform(np.zeros(shape))


@SCALERS
@pytest.mark.parametrize("chunk", [np.zeros((4, 2)), np.zeros((4, 3, 3)), np.zeros(3)])
def test_chunks_of_different_shape(make: Any, chunk: Any) -> None:
    with pytest.raises(SpecError, match="differ"):
        make().partial_fit(numbers(10, 3)).partial_fit(chunk)


@SCALERS
def test_a_chunk_needs_an_axis_of_samples(make: Any) -> None:
    with pytest.raises(SpecError, match="no axis of samples"):
        make().adapt(3.0)


@SCALERS
@pytest.mark.parametrize(
    "values",
    [
        ["a", "b"],
        ["1", "2"],
        np.array(["2020-01-01"], "M8[D]"),
        [1j],
        [object()],
        ["", None],
        [1, None, "2"],
    ],
)
def test_what_is_no_number(make: Any, values: Any) -> None:
    with pytest.raises(SpecError, match="no numbers"):
        make().adapt(values)


@SCALERS
@pytest.mark.parametrize("axis", [0, "a", 1.0, True, (1, 1), (1, 0), [None]])
def test_a_bad_axis(make: Any, axis: Any) -> None:
    with pytest.raises(ArgumentError, match="bad axis"):
        make(axis)


@SCALERS
@pytest.mark.parametrize("axis", [2, -2, (1, -3)])
def test_an_axis_that_samples_lack(make: Any, axis: Any) -> None:
    with pytest.raises(SpecError, match="is not in the samples"):
        make(axis).adapt(numbers(10, 3))


@pytest.mark.parametrize("bounds", [(0.0, 1.0), (-1, 1), (3, 4.5)])
def test_minmax_reaches_both_ends(bounds: tuple[float, float]) -> None:
    data = numbers(50, 3)
    got = MinMax(range=bounds).adapt(data)(data)
    assert (got.min(0).tolist(), got.max(0).tolist()) == ([bounds[0]] * 3, [bounds[1]] * 3)


def test_minmax_does_not_clip() -> None:
    assert MinMax().adapt([0.0, 2.0])([-1.0, 4.0]).tolist() == [-0.5, 2.0]


def test_minmax_shifts_a_constant_to_the_start() -> None:
    assert MinMax(range=(1, 3)).adapt([5.0, 5.0])([5.0, 6.0]).tolist() == [1.0, 3.0]


@pytest.mark.parametrize("bounds", [(1, 0), (1, 1), (0, np.inf), (0, np.nan), 3, (1, 2, 3), "ab"])
def test_a_bad_range(bounds: Any) -> None:
    with pytest.raises(ArgumentError, match="bad range"):
        MinMax(range=bounds)
