"""What a left join fills samples with that a part lacks, and how it tells."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from coded import Ragged
from keyed import KEYS, N, part
from lacking import SOME, left, whole

from multiseq import (
    ArraySequence,
    Spec,
    TextSequence,
    Vocabulary,
    aligned_empty,
    join,
)
from multiseq.errors import ArgumentError
from multiseq.scatter import Fill
from multiseq.testing import check_sequence

# Values of what is missing.


@pytest.mark.parametrize(
    ("dtype", "fill", "expected"),
    [
        ("float32", None, 0.0),
        ("float32", 2, 2.0),
        ("float64", 0.5, 0.5),
        ("uint8", 255, 255),
        ("int32", 0.0, 0),
        ("int64", True, 1),
        ("bool", None, False),
        ("bool", 1, True),
        ("float16", -2.5, -2.5),
        ("U3", None, ""),
        ("U3", "longer", "longer"),
        ("S3", "no", b"no"),
    ],
)
def test_values_by_dtype(dtype: str, fill: Any, expected: Any) -> None:
    values = np.ones(2).astype(dtype)
    right = ArraySequence({"y": values}, keys=["k01", "k03"])
    found = whole(join(part("x"), right, how="left", fill=fill))[0]["y"]
    assert found.dtype.kind == values.dtype.kind
    assert found[[0, 1, 2, 3]].tolist() == [expected, values[0], expected, values[0]]


@pytest.mark.parametrize(
    ("dtype", "fill"),
    [
        ("uint8", 256),
        ("uint8", -1),
        ("int32", 0.5),
        ("int32", np.nan),
        ("int16", 1 << 20),
        ("float16", 1e6),
        ("float32", 1e39),
        ("bool", 2),
        ("float32", "zero"),
        ("float32", 1j),
        ("U3", 0),
        ("float32", [1.0, 2.0]),
    ],
)
def test_values_that_do_not_fit_are_refused(dtype: str, fill: Any) -> None:
    right = ArraySequence({"y": np.ones(2).astype(dtype)}, keys=["k01", "k03"])
    with pytest.raises(ArgumentError, match="fill= does not fit input 'y'"):
        join(part("x"), right, how="left", fill=fill)[0]


def test_values_by_input() -> None:
    table = ArraySequence(
        {"a": np.ones((2, 3)), "b": np.ones(2, "uint8"), "c": np.ones(2)}, keys=["k01", "k03"]
    )
    row = np.array([1.5, 2.5, 3.5])
    found = whole(join(part("x"), table, how="left", fill={"a": row, "b": 7}))[0]
    assert found["a"][0].tolist() == row.tolist()
    assert (found["b"][0], found["c"][0]) == (7, 0)
    assert found["a"].dtype == "float32"


@pytest.mark.parametrize(
    ("fill", "says"),
    [
        ({"z": 1}, "no input"),
        ({"x": 1}, "never missing"),
        ({"y": [1, 2]}, "does not fit"),
        ({"y": [[1], [2, 3]]}, "does not fit"),
    ],
)
def test_values_of_inputs_that_are_not_there(fill: Any, says: str) -> None:
    with pytest.raises(ArgumentError, match=says):
        left(fill=fill)[0]


@pytest.mark.parametrize("keywords", [{"fill": 0}, {"mask": True}])
@pytest.mark.parametrize("how", ["strict", "inner"])
def test_nothing_else_fills(how: Any, keywords: Any) -> None:
    with pytest.raises(ArgumentError, match="fills nothing"):
        join(part("x"), part("y"), how=how, **keywords)


def test_masks() -> None:
    found = whole(left(mask=True))[0]
    assert list(found) == ["x", "y", "y_present"]
    assert found["y_present"].dtype == "float32"
    assert np.flatnonzero(found["y_present"]).tolist() == SOME
    complete = join(part("x"), part("y"), how="left", mask=True)
    assert whole(complete)[0]["y_present"].tolist() == [1] * N


def test_masks_need_names_of_their_own() -> None:
    with pytest.raises(ArgumentError, match="no names"):
        join(part(None), part(None, SOME), how="left", mask=True)[0]
    with pytest.raises(ArgumentError, match="'y_present' beside the mask"):
        join(part("x"), part("y_present"), part("y", SOME), how="left", mask=True)[0]
    with pytest.raises(ArgumentError, match="mask is not a boolean"):
        left(mask="y")


def test_inputs_without_names() -> None:
    a, b = whole(join(part(None), part(None, SOME), how="left", fill={1: 5}))[0]
    assert a[:, 0].tolist() == list(range(N))
    assert b[:, 0].tolist() == [n if n in SOME else 5 for n in range(N)]


# Lengths that vary.


@pytest.mark.parametrize("max_length", [None, 6])
@pytest.mark.parametrize("padding", ["post", "pre"])
def test_text(padding: Any, max_length: int | None) -> None:
    words = Vocabulary(mask="")
    texts = pd.Series(["a b c", "b"], ["k01", "k03"])
    caption = TextSequence(texts, tokenizer=words, max_length=max_length, padding=padding)
    seq = join(part("x"), caption=caption, how="left", batch_size=2)
    seq.adapt(progress=False)
    width = max_length or 3
    first, last = seq[0][0]["caption"], seq[5][0]["caption"]
    assert first.shape == (2, width)
    assert not first[0].any()
    assert (first[1] > 0).sum() == 3
    assert last.shape == (2, max_length or 1)
    assert not last.any()
    check_sequence(seq)


@pytest.mark.parametrize("fill", [4, np.array([4, 5, 6], "int32")])
def test_a_value_of_any_length(fill: Any) -> None:
    ids = Ragged(KEYS[:10])
    found = whole(join(part("x"), ids, how="left", fill={"ids": fill}))[0]["ids"]
    expected = np.atleast_1d(fill)
    assert found[12][: len(expected)].tolist() == expected.tolist()
    assert not found[12][len(expected) :].any()


@pytest.mark.parametrize("width", [(), (3,), (2, 2)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "uint8", "bool", "U4"])
def test_batches_are_as_samples_are(dtype: str, width: Any) -> None:
    values = np.arange(2 * int(np.prod(width, dtype=int))).reshape(2, *width).astype(dtype)
    right = ArraySequence({"y": values}, keys=["k01", "k03"])
    seq = join(part("x"), right, how="left", mask=True, batch_size=4, spec={"x": Spec((3,))})
    check_sequence(seq)
    check_sequence(seq.replace(shuffle=True, batch_size=1), epochs=1)


def test_missing_numbers_may_be_nan_and_levels_in_another_order() -> None:
    keys = pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["who", "day"])
    left = ArraySequence({"x": np.arange(4.0)}, keys=keys)
    right = ArraySequence({"y": np.ones(2)}, keys=keys.reorder_levels(["day", "who"])[[0, 3]])
    check_sequence(join(left, right, how="left", fill=np.nan, mask=True))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16"])
@pytest.mark.parametrize("own", [False, True])
def test_sources_are_never_written_to(own: bool, dtype: str) -> None:
    """Whether rows are taken into new memory, or are views of what a sequence keeps."""
    values = aligned_empty((N, 2), dtype)
    values[:] = np.arange(2 * N).reshape(N, 2)

    class Views(ArraySequence):
        def load_batch(self, indices: Any) -> Any:
            first, count = int(indices[0]), len(indices)
            in_a_row = np.array_equal(indices, np.arange(first, first + count))
            return {"y": values[first : first + count] if in_a_row else values[indices]}

    made = Views if own else ArraySequence
    right = made({"y": values}, keys=KEYS).subset(KEYS[1::2])
    kept = values.copy()
    seq = join(part("x"), right, how="left", fill=7)
    for batch_size in (1, 2, 3, N):
        found = np.concatenate([batch[0]["y"] for batch in seq.replace(batch_size=batch_size)])
        assert np.array_equal(found[1::2], kept[1::2])
        assert (found[::2] == 7).all()
    assert np.array_equal(values, kept)


@pytest.mark.parametrize("rows", [np.ones((3, 2), "float32"), np.ones((3, 2)), aligned_empty])
def test_rows_that_are_not_ours_are_copied(rows: Any) -> None:
    ours = rows is aligned_empty
    given: Any = aligned_empty((3, 2), "float32") if ours else rows
    given[:] = 1
    fill = Fill(np.array([7, 8], "float32"), Spec((2,)), "y")
    found = fill.put(given, np.array([1]), 3)
    assert np.array_equal(found, [[1, 1], [7, 8], [1, 1]])
    assert (found is given) == ours
    assert ours or (given == 1).all()


def test_the_cure_for_a_value_that_does_not_fit() -> None:
    for spec, works in ((None, False), ({"y": Spec((), "int16")}, True)):
        right = ArraySequence({"y": np.ones(2, "uint8")}, keys=["k01", "k03"], spec=spec)
        seq = join(part("x"), right, how="left", fill=-1)
        if works:
            assert whole(seq)[0]["y"][:2].tolist() == [-1, 1]
        else:
            with pytest.raises(ArgumentError, match="spec= of the part"):
                whole(seq)
