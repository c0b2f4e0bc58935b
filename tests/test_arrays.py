"""arrays: rows of arrays in memory, on disk, and in pandas objects."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from coded import codes, epoch_of, frozen_epoch, misaligned

from multiseq import ArraySequence
from multiseq.errors import AlignmentError, ArgumentError
from multiseq.testing import check_sequence

N = 10


def coded(*row: int, dtype: str = "float32") -> Any:
    """An array whose row i is full of i."""
    return np.broadcast_to(np.arange(N).reshape(-1, *[1] * len(row)), (N, *row)).astype(dtype)


SOURCES: dict[str, Any] = {
    "array": coded(3),
    "scalars": coded(),
    "grid": coded(3, 2, dtype="int16"),
    "floats": coded(3, dtype="float64"),
    "bools": coded(2, dtype="int8"),
    "fortran": np.asfortranarray(coded(3)),
    "strided": np.repeat(coded(6), 2, axis=0)[::2, ::2],
    "backwards": coded(3)[::-1][::-1],
    "big-endian": coded(3, dtype=">f4"),
    "read-only": np.broadcast_to(np.arange(N, dtype="f4")[:, None], (N, 3)),
    "empty rows": coded(3, 0),
    "list": list(range(N)),
    "nested lists": coded(3).tolist(),
    "series": pd.Series(range(N), dtype="int32"),
    "frame": pd.DataFrame({"x": range(N), "y": range(N)}),
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("workers", [0, 2])
def test_a_sample_is_a_row(source: str, workers: int) -> None:
    array = np.asarray(SOURCES[source])
    settings: dict[str, Any] = {"batch_size": 4, "shuffle": True, "seed": 1, "workers": workers}
    with ArraySequence((SOURCES[source], coded()), coded(), **settings) as seq:
        for index in range(len(seq)):
            (rows, number), target = seq[index]
            assert np.array_equal(rows, array[number.astype(int)])
            assert np.array_equal(number, target)
            assert misaligned((rows, number, target)) == []


@pytest.mark.parametrize("source", SOURCES)
def test_it_keeps_the_contract(source: str) -> None:
    check_sequence(ArraySequence({"x": SOURCES[source]}, coded(), batch_size=4, shuffle=True))


@pytest.mark.parametrize(
    ("inputs", "nested"),
    [
        (coded(3), "array"),
        ((coded(3),), "tuple"),
        ((coded(3), coded(2)), "tuple"),
        ({"x": coded(3)}, "dict"),
        ({"x": coded(3), "y": coded(2)}, "dict"),
    ],
)
def test_inputs_are_nested_as_given(inputs: Any, nested: str) -> None:
    batch = ArraySequence(inputs, batch_size=4)[0]
    assert len(batch) == 1
    assert type(batch[0]).__name__.removeprefix("nd") == nested
    if nested != "array":
        assert len(batch[0]) == len(inputs)
    assert codes(batch) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "targets", [coded(), {"p": coded(), "q": coded(2)}, (coded(), coded(2)), list(range(N))]
)
def test_targets_and_weights_come_along(targets: Any) -> None:
    assert epoch_of(ArraySequence({"x": coded(3)}, targets, batch_size=4)) == list(range(N))
    if not isinstance(targets, tuple):
        seq = ArraySequence({"x": coded(3)}, targets, coded(), batch_size=4, shuffle=True)
        assert sorted(epoch_of(seq)) == list(range(N))
        assert len(seq[0]) == 3


def test_texts() -> None:
    words = np.array([f"word {number}" for number in range(N)])
    for source in (words, words.astype("S"), words.tolist()):
        (inputs,) = ArraySequence({"word": source, "x": coded()}, batch_size=4)[2]
        assert inputs["word"].tolist() == np.asarray(source)[8:].tolist()
        assert inputs["x"].tolist() == [8, 9]


def test_a_memory_map_is_read_row_by_row(tmp_path: Any) -> None:
    np.save(tmp_path / "x.npy", coded(3))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r+")
    seq = ArraySequence({"x": mapped}, batch_size=4)
    seq[0]
    mapped[9] = 70
    assert codes(seq[2]) == [8, 70]


def test_large_integers_of_python() -> None:
    assert ArraySequence(np.arange(N) + (1 << 40))[0][0].dtype == np.int64


def test_float64_is_cast_and_other_dtypes_stay() -> None:
    for dtype, batch in [("f8", "f4"), ("f2", "f2"), ("i8", "i8"), ("u1", "u1"), ("?", "?")]:
        (inputs,) = ArraySequence({"x": coded(2, dtype=dtype)})[0]
        assert inputs["x"].dtype == batch


# Keys


def test_positions_are_the_keys_unless_told() -> None:
    assert ArraySequence(coded()).keys.tolist() == list(range(N))
    keys = [f"k{number}" for number in range(N)]
    seq = ArraySequence({"x": coded()}, keys=keys, batch_size=4, shuffle=True)
    assert seq.batch_keys(1).tolist() == [f"k{code}" for code in codes(seq[1])]


@pytest.mark.parametrize("inputs", ["series", "frame", "second"])
def test_a_pandas_index_is_the_keys(inputs: str) -> None:
    series = pd.Series(coded(), index=[f"k{number}" for number in range(N)])
    given = {
        "series": series,
        "frame": series.to_frame(),
        "second": {"x": coded(3), "y": series},
    }[inputs]
    assert ArraySequence(given).keys.tolist() == series.index.tolist()


def test_targets_of_a_series_find_their_rows_by_key() -> None:
    keys = np.array([f"k{number}" for number in range(N)])
    shuffled = pd.Series(coded(), index=keys).sample(frac=1, random_state=0)
    assert shuffled.tolist() != list(range(N))
    seq = ArraySequence({"x": coded(3)}, shuffled, shuffled, keys=keys, batch_size=4, shuffle=True)
    assert sorted(epoch_of(seq)) == list(range(N))
    seq = ArraySequence({"x": pd.Series(coded(), index=keys)}, {"p": shuffled}, batch_size=4)
    assert epoch_of(seq) == list(range(N))


def test_targets_of_a_series_are_in_order_where_there_are_no_keys() -> None:
    series = pd.Series(coded(), index=np.arange(N)[::-1] + N)  # As of a frame's test rows.
    assert epoch_of(ArraySequence({"x": coded(3)}, series)) == list(range(N))


def test_targets_of_a_series_whose_labels_may_be_positions_are_refused() -> None:
    series = pd.Series(coded(), index=np.arange(N)[::-1])
    with pytest.raises(AlignmentError, match="can be read in two ways"):
        ArraySequence({"x": coded(3)}, series)


# Bad input


@pytest.mark.parametrize("index", [list("zyx"), list("xyw"), range(3)])
@pytest.mark.parametrize("as_tuple", [False, True])
def test_frames_with_different_indices(index: Any, as_tuple: bool) -> None:
    a, b = pd.DataFrame({"x": [0, 1, 2]}, list("xyz")), pd.Series([0, 1, 2], index)
    with pytest.raises(AlignmentError, match="has another index than") as caught:
        ArraySequence((a, b) if as_tuple else {"a": a, "b": b}, keys=None)
    assert repr(b.index[0]) in str(caught.value) or repr(b.index[2]) in str(caught.value)
    with pytest.raises(AlignmentError):
        ArraySequence({"a": a, "b": b}, keys=range(3))


def test_frames_with_one_index_and_rows_without() -> None:
    a, b = pd.DataFrame({"x": [0, 1, 2]}, list("xyz")), pd.Series([0, 1, 2], list("xyz"))
    assert ArraySequence({"n": coded()[:3], "a": a, "b": b}).keys.tolist() == list("xyz")
    assert len(ArraySequence({"a": a, "b": b[::-1].to_numpy()})) == 1


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({}, "there are no inputs"),
        ((), "there are no inputs"),
        (None, r"inputs\[0\] is no array"),
        ("text", r"inputs\[0\] is no array"),
        ({"x": coded(), "y": None}, "y is no array"),
        (5, "not an array with a row for each sample"),
        ({"x": np.float32(5)}, "x is not an array with a row"),
        (np.array([[1], [1, 2]], object), "different lengths"),
        ({"x": np.array([None, 1])}, "object"),
        ({"x": coded(), "y": coded()[:7]}, "x: 10, y: 7"),
        ((coded(), coded()[:7]), r"inputs\[0\]: 10, inputs\[1\]: 7"),
        (np.zeros((0, 3)), "there are no samples"),
        ([[1], [1, 2]], "different lengths"),
        ({"x": [[1], [1, 2]]}, "different lengths"),
    ],
)
def test_bad_inputs(inputs: Any, says: str) -> None:
    with pytest.raises(ArgumentError, match=says) as caught:
        ArraySequence(inputs)
    assert caught.value.where["class"] == "ArraySequence"


@pytest.mark.parametrize("inputs", [[coded(3), coded(2)], [coded()], [0.0, coded()]])
def test_a_list_of_arrays_may_be_one_input_or_several(inputs: Any) -> None:
    with pytest.raises(ArgumentError, match="a list is one array; pass a tuple or a dict"):
        ArraySequence(inputs)


def test_a_list_of_numbers_is_an_array() -> None:
    for rows in ([[0, 0], [1, 1]], list(np.arange(2))):
        assert epoch_of(ArraySequence({"x": rows}, [0, 1])) == [0, 1]
        assert len(ArraySequence(rows).keys) == 2


def test_a_frame_with_nullable_columns() -> None:
    frame = pd.DataFrame({"a": pd.array(range(N), "Int64"), "b": np.arange(N, dtype=np.float32)})
    batch = ArraySequence(frame, batch_size=N)[0][0]
    assert batch.dtype == np.float32
    assert batch.tolist() == [[k, k] for k in range(N)]


@pytest.mark.parametrize("dtype", ["boolean", object, "str"])
def test_a_frame_with_missing_values(dtype: Any) -> None:
    frame = pd.DataFrame({"a": pd.array([True, None], dtype), "b": [0.5, 1.5]})
    with pytest.raises(ArgumentError, match="fill or drop missing values"):
        ArraySequence(frame)


@pytest.mark.parametrize("keys", [range(9), range(11), list("abc")])
def test_as_many_keys_as_rows(keys: Any) -> None:
    with pytest.raises(ArgumentError, match="more or fewer keys than rows"):
        ArraySequence(coded(), keys=keys)


def test_bad_keys() -> None:
    with pytest.raises(AlignmentError, match="duplicated"):
        ArraySequence(coded(), keys=[1] * N)
    with pytest.raises(AlignmentError, match="duplicated"):
        ArraySequence(pd.Series(range(N), index=[0] * N))


@pytest.mark.parametrize(
    ("targets", "weights", "error"),
    [
        (coded()[:7], None, ArgumentError),
        (None, coded(), ArgumentError),
        (coded(), coded()[:7], ArgumentError),
        ({"p": coded()}, {"z": coded()}, ArgumentError),
        ([None] * N, None, ArgumentError),
        (pd.Series(range(N), index=range(1, N + 1)), None, AlignmentError),
    ],
)
def test_bad_targets(targets: Any, weights: Any, error: Any) -> None:
    with pytest.raises(error) as caught:
        ArraySequence(coded(), targets, weights, keys=range(N))
    assert caught.value.where["class"] == "ArraySequence"


def test_split_and_subset_take_their_rows() -> None:
    train, test = ArraySequence({"x": coded(3)}, coded(), batch_size=4, seed=1).split(0.5, 0.5)
    assert sorted(epoch_of(train) + epoch_of(test)) == list(range(N))
    assert epoch_of(train.subset(slice(None, None, -1))) == train.keys.tolist()[::-1]


def test_batches_own_their_memory() -> None:
    array = coded(3)
    for shuffle in (False, True):
        seq = ArraySequence({"x": array}, batch_size=N, shuffle=shuffle, seed=1)
        before = frozen_epoch(seq)
        seq[0][0]["x"][...] = -1
        assert frozen_epoch(seq) == before
    assert np.array_equal(array, coded(3))
