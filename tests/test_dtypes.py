"""What a model can take: native numbers, booleans and text; the rest is refused."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from backends import BACKEND, keras
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from multiseq import ArraySequence, MultiInputSequence, Spec
from multiseq.errors import MultiseqError


class Values(MultiInputSequence):
    def __init__(self, values: Any, **keywords: Any) -> None:
        self.values = values
        super().__init__(len(values), **keywords)

    def load_sample(self, index: int) -> Any:
        return self.values[index]


@given(
    st.sampled_from(["f2", "f4", "f8", "i2", "u4", "i8"]),
    st.sampled_from("<>"),
    st.booleans(),
    st.booleans(),
)
def test_byte_order_and_layout_change_no_number(
    dtype: str, order: str, fortran: bool, rows: bool
) -> None:
    array = np.arange(24).reshape(8, 3).astype(order + dtype)
    array = np.asfortranarray(array) if fortran else array
    seq = (Values if rows else ArraySequence)(array, batch_size=3)
    for number, (batch,) in enumerate(seq):
        assert np.array_equal(batch, array[3 * number : 3 * number + 3])
        assert batch.dtype.isnative
        assert batch.dtype.name != "float64"


@given(arrays_of.arrays(np.float64, 5, elements=st.floats()), st.sampled_from(["f4", "f2"]))
def test_a_finite_number_stays_finite_or_is_refused(values: Any, dtype: str) -> None:
    with np.errstate(all="ignore"):
        right = values.astype(dtype)
    fits = np.array_equal(np.isinf(right), np.isinf(values))
    for seq in (
        Values(values, spec=Spec((), dtype), batch_size=9),
        ArraySequence(values, spec=Spec((), dtype), batch_size=9),
    ):
        if fits:
            assert np.array_equal(seq[0][0], right, equal_nan=True)
        else:
            with pytest.raises(MultiseqError, match="become infinite"):
                seq[0]


def test_integers_beyond_float16_and_lengths_that_vary() -> None:
    with pytest.raises(MultiseqError, match=r"position 1.*become infinite"):
        Values([1, 70000], spec=Spec((), "float16"))[0]
    with pytest.raises(MultiseqError, match="become infinite"):
        Values([np.zeros(2), np.array([1e39])], spec=Spec((None,)))[0]
    with pytest.raises(MultiseqError, match="targets holds numbers beyond"):
        ArraySequence(np.arange(2), np.array([1.0, 1e39]))[0]


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(2, [("a", "f4")]),
        np.zeros(2, "M8[s]"),
        np.zeros(2, "m8[s]"),
        np.zeros(2, "c8"),
        pd.Series(pd.to_datetime(["2024-01-01", "2024-01-02"])),
    ],
    ids=["records", "dates", "durations", "complex", "Series"],
)
def test_what_no_model_takes_is_refused(array: Any) -> None:
    with pytest.raises(MultiseqError, match="no model takes"):
        ArraySequence({"a": array})
    with pytest.raises(MultiseqError):
        ArraySequence(np.zeros(2), array)
    with pytest.raises(MultiseqError):
        Values(np.asarray(array))[0]


def test_frames_of_booleans_and_nullable_columns() -> None:
    frame = pd.DataFrame({"a": [1.5, 2.0], "b": [True, False], "c": [3, 4]})
    right = [[1.5, 1, 3], [2, 0, 4]]
    for types in ({}, {"b": "boolean"}, {"a": "Float64", "c": "Int64"}):
        assert ArraySequence(frame.astype(types))[0][0].tolist() == right
        assert ArraySequence(np.zeros(2), frame.astype(types))[0][1].tolist() == right


@pytest.mark.parametrize("make", [np.array, list], ids=["arrays", "lists"])
def test_a_column_of_arrays_is_stacked(make: Any) -> None:
    rows = pd.Series([make([1.0, 2.0]), make([3.0, 4.0])])
    assert ArraySequence(rows, rows)[0][1].tolist() == [[1, 2], [3, 4]]
    with pytest.raises(MultiseqError, match="different lengths"):
        ArraySequence(pd.Series([make([1.0]), make([3.0, 4.0])]))


@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "lil"])
def test_sparse_rows_become_dense(kind: str) -> None:
    dense = (np.arange(24) % 5 == 0).astype("f8").reshape(8, 3)
    matrix = scipy.sparse.csr_matrix(dense).asformat(kind)
    seq = ArraySequence({"x": matrix}, matrix, batch_size=3, shuffle=True, seed=1)
    for number in range(3):
        x, y = seq[number]
        assert np.array_equal(x["x"], dense[seq.batch_keys(number)])
        assert np.array_equal(x["x"], y)


@pytest.mark.parametrize("dtype", [str, "string", object])
def test_series_of_text(dtype: Any) -> None:
    text = pd.Series(["a", "long text", ""], dtype=dtype)
    assert ArraySequence({"t": text})[0][0]["t"].tolist() == ["a", "long text", ""]
    with pytest.raises(MultiseqError, match="missing"):
        ArraySequence({"t": pd.Series(["a", None], dtype=dtype)})


@pytest.mark.parametrize("as_samples", [False, True])
def test_masked_values_are_refused(as_samples: bool) -> None:
    values = np.ma.masked_array([[1.0], [2.0], [3.0]], mask=[[False], [True], [False]])
    make = Values if as_samples else ArraySequence
    with pytest.raises(MultiseqError, match=r"masked values(?s:.*)1 of [13](?s:.*)filled"):
        make(values)[0]
    assert make(values.filled(7))[0][0].tolist() == [[1], [7], [3]]
    assert make(np.ma.masked_array([[1.0]]))[0][0].tolist() == [[1]]
    for role in ("targets", "sample_weight"):
        rest = {"targets": np.zeros(3)} | {role: values}
        with pytest.raises(MultiseqError, match=f"{role} has masked values"):
            ArraySequence(np.zeros(3), **rest)


class Unreadable:
    """As a tensor that requires a gradient, or is of a dtype that NumPy doesn't have."""

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("call detach() first")


def test_what_numpy_cannot_read() -> None:
    with pytest.raises(MultiseqError, match=r"cannot be made an array(?s:.*)detach\(\) first"):
        ArraySequence({"a": Unreadable()})
    with pytest.raises(MultiseqError, match=r"targets is not an array(?s:.*)detach\(\) first"):
        ArraySequence(np.zeros(3), targets=Unreadable())


@pytest.mark.parametrize(
    ("values", "fix"),
    [
        ([Decimal("1.5"), 2], r"numpy\.asarray\(values, 'float32'\)"),
        ([1, np.nan], r"numpy\.asarray\(values, 'float32'\)"),
        ([b"a", b"b"], r"\[value\.decode\(\) for value in values\]"),
    ],
)
def test_the_fix_of_objects_works(values: list[Any], fix: str) -> None:
    objects = np.array(values, object)
    with pytest.raises(MultiseqError, match=fix):
        ArraySequence({"a": objects})
    mended = eval(re.sub(r"\\", "", fix), {"numpy": np, "values": objects})  # noqa: S307
    expected = [each.decode() if isinstance(each, bytes) else float(each) for each in values]
    np.testing.assert_array_equal(ArraySequence({"a": mended})[0][0]["a"], expected)


@pytest.mark.backend
@pytest.mark.skipif(BACKEND != "jax", reason="of JAX")
def test_integers_beyond_32_bits_under_jax() -> None:
    """JAX takes the lower half of them."""
    seq = ArraySequence(np.array([[3], [2**31 + 7]]), batch_size=2)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Rescaling(1.0)])
    with pytest.raises(MultiseqError, match=r"inputs holds.*32 bits(?s:.*)Vocabulary"):
        model.predict(seq, verbose=0)
    fits = ArraySequence(np.array([[3], [2**31 - 1]]), batch_size=2)
    assert model.predict(fits, verbose=0).tolist() == [[3], [2**31]]


def test_names_that_become_one_are_refused() -> None:
    with pytest.raises(MultiseqError, match=r"two inputs have one name(?s:.*)1, '1'"):
        ArraySequence({1: np.zeros(3), "1": np.ones(3)})
    assert list(ArraySequence({1: np.zeros(3), "2": np.ones(3)})[0][0]) == ["1", "2"]


def test_keys_in_a_set_have_no_order() -> None:
    for keys in ({"a", "b"}, frozenset({"a", "b"})):
        with pytest.raises(MultiseqError, match=r"no order(?s:.*)sorted\(keys\)"):
            ArraySequence(np.zeros(2), keys=keys)
        assert ArraySequence(np.zeros(2), keys=sorted(keys)).keys.tolist() == ["a", "b"]
