"""collate: samples into aligned batch arrays, padded, and cast where nothing is lost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from coded import in_threads, misaligned

from multiseq.collate import BatchBuilder
from multiseq.engine.job import Layout
from multiseq.errors import SpecError
from multiseq.memory import BatchMemory, aligned_empty, is_batch
from multiseq.samples import Spec, Structure

SHAPES = [(1,), (33, 3), (7, 5, 5), (0,), (0, 3), (32, 4096), (1000, 100), ()]


def builder(n: int, *specs: Spec) -> BatchBuilder:
    return Layout(Structure((tuple(range(len(specs))),)), specs).builder(n)


def batch(rows: list[Any], spec: Spec, **finish: Any) -> Any:
    """A batch of samples with one leaf."""
    build = builder(len(rows), spec)
    for number, row in enumerate(rows):
        build.put(number, [row])
    return build.finish(**finish)[0]


@pytest.mark.parametrize("dtype", ["float32", "uint8", "int64", "bool", "complex64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_memory_is_aligned(shape: tuple[int, ...], dtype: str) -> None:
    for _ in range(5):
        array = aligned_empty(shape, dtype)
        assert misaligned(array) == []
        assert (array.shape, array.dtype.name, array.flags.writeable) == (shape, dtype, True)


@pytest.mark.parametrize("rows", [1, 3, 33, 1000])
def test_all_arrays_of_a_batch_are_aligned(rows: int) -> None:
    memory = BatchMemory([((), "float32"), ((3,), "uint8"), ((0,), "int8"), ((5, 7), "float64")])
    for _ in range(3):
        arrays = memory.arrays(rows)
        assert misaligned(tuple(arrays)) == []
        assert [array.shape for array in arrays] == [(rows,), (rows, 3), (rows, 0), (rows, 5, 7)]


def test_no_two_arrays_share_memory() -> None:
    memory = BatchMemory([((3,), "uint8"), ((2,), "float32")])
    arrays = [
        array for _ in range(300) for array in [*memory.arrays(33), aligned_empty((9,), "u1")]
    ]
    for number, array in enumerate(arrays):
        array[...] = number % 251
    assert all((array == number % 251).all() for number, array in enumerate(arrays))


def test_threads_share_no_memory() -> None:
    def fill(number: int) -> bool:
        arrays = [aligned_empty((100,), "int32") for _ in range(500)]
        for array in arrays:
            array[...] = number
        return all((array == number).all() for array in arrays)

    assert all(right is True for _, right in in_threads(fill, range(4)))


def test_each_thread_cuts_from_a_block_of_its_own() -> None:
    arrays = [array for _, array in in_threads(lambda _: aligned_empty((9,), "u1"), range(4))]
    assert len({id(array.base) for array in arrays}) == 4


def test_memory_lives_as_long_as_an_array_in_it() -> None:
    kept = [aligned_empty((50,), "int64") for _ in range(10)]
    for number, array in enumerate(kept):
        array[...] = number
    for _ in range(2000):
        aligned_empty((200,), "int64")[...] = -1
    assert [array[0] for array in kept] == list(range(10))


def test_what_is_a_batch_already() -> None:
    whole = aligned_empty((4, 3), "float32")
    assert is_batch(whole, (4, 3), np.dtype("float32"))
    assert not is_batch(np.empty((4, 3), "float32"), (4, 3), np.dtype("float32"))
    assert not is_batch(whole, (4, 3), np.dtype("float64"))
    assert not is_batch(whole, (3, 3), np.dtype("float32"))
    assert not is_batch(whole[1:], (3, 3), np.dtype("float32"))
    assert not is_batch(whole.T, (3, 4), np.dtype("float32"))


@pytest.mark.parametrize(
    ("spec", "rows", "expected"),
    [
        (Spec((None,)), [[1], [2, 3], []], [[1, 0], [2, 3], [0, 0]]),
        (Spec((None,), padding="pre"), [[1], [2, 3], []], [[0, 1], [2, 3], [0, 0]]),
        (Spec((None,), pad_value=-1), [[1], [2, 3]], [[1, -1], [2, 3]]),
        (Spec((None,), max_length=3), [[1], [2, 3]], [[1, 0, 0], [2, 3, 0]]),
        (Spec((None,), max_length=3, padding="pre"), [[1], [2, 3]], [[0, 0, 1], [0, 2, 3]]),
        (Spec((None,), max_length=3, pad_value=9), [[1], [2, 3]], [[1, 9, 9], [2, 3, 9]]),
        (Spec((None,), max_length=2), [[1, 2], [3, 4]], [[1, 2], [3, 4]]),
        (Spec((None,)), [[], []], [[], []]),
        (Spec((None, 2)), [[[1, 2]], [[3, 4], [5, 6]]], [[[1, 2], [0, 0]], [[3, 4], [5, 6]]]),
    ],
)
def test_padding(spec: Spec, rows: Any, expected: Any) -> None:
    width = spec.shape[1:]
    found = batch([np.array(row, "float32").reshape(-1, *width) for row in rows], spec)
    assert found.tolist() == expected
    assert found.dtype == "float32"
    assert misaligned(found) == []


@pytest.mark.parametrize("max_length", [None, 3])
@pytest.mark.parametrize("padding", ["post", "pre"])
def test_two_variable_axes(padding: Any, max_length: int | None) -> None:
    rows = [np.full((1, 3), 1), np.full((2, 1), 2)]
    found = batch(rows, Spec((None, None), "int32", padding, 0, max_length))
    side = max_length or 0
    expected = np.zeros((2, side or 2, side or 3), "int32")
    if padding == "post":
        expected[0, :1, :3], expected[1, :2, :1] = 1, 2
    else:
        expected[0, -1:, -3:], expected[1, -2:, -1:] = 1, 2
    assert found.tolist() == expected.tolist()


@pytest.mark.parametrize(("parity", "length"), [(None, 3), (0, 4), (1, 3)])
def test_a_length_can_be_made_even_or_odd(parity: int | None, length: int) -> None:
    rows = [np.ones(3, "float32"), np.ones(1, "float32")]
    found = batch(rows, Spec((None,)), parity=parity)
    assert found.shape == (2, length)
    assert found.sum() == 4


def test_scalars_make_a_batch_of_one_axis() -> None:
    assert batch([1, 2.5, np.float32(3)], Spec(())).tolist() == [1, 2.5, 3]


@pytest.mark.parametrize("rows", [["a", "bcd"], [b"a", b"bcd"]])
def test_texts_may_differ_in_length(rows: Any) -> None:
    found = batch([np.array(row) for row in rows], Spec((), np.array(rows).dtype.kind))
    assert found.tolist() == rows


@pytest.mark.parametrize("kind", ["U", "S"])
def test_texts_are_padded_with_nothing(kind: str) -> None:
    rows = [np.array(["a"], kind), np.array(["bcd", "ef"], kind)]
    found = batch(rows, Spec((None,), kind))
    assert np.array_equal(found, np.array([["a", ""], ["bcd", "ef"]], kind))
    found = batch(rows, Spec((None,), kind, "pre", max_length=3))
    assert np.array_equal(found, np.array([["", "", "a"], ["", "bcd", "ef"]], kind))


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (np.float64(1.5), "float32"),
        (np.float64(1.5), "float16"),
        (1.5, "float32"),
        (np.int64(127), "int8"),
        (np.int64(-128), "int8"),
        (np.uint64(5), "int32"),
        (True, "int32"),
        (True, "float32"),
        (3, "float32"),
        (np.uint8(200), "float32"),
        (np.int64(1 << 40), "float32"),
        (np.array([], "int64"), "int8"),
    ],
)
@pytest.mark.parametrize("axis", ["fixed", "variable"])
def test_cast_where_only_precision_is_lost(value: Any, dtype: str, axis: str) -> None:
    value = np.asarray(value)
    shape = tuple(None if axis == "variable" else length for length in value.shape)
    found = batch([value, value], Spec(shape, dtype))
    assert found.dtype == dtype
    assert found.tolist() == [np.asarray(value, dtype).tolist()] * 2


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (np.int64(128), "int8"),
        (np.int64(-129), "int8"),
        (np.int64(300), "int8"),
        (np.uint64(1 << 63), "int64"),
        (np.float32(1.0), "int32"),
        (1.0, "int64"),
        (np.float64(1), "bool"),
        (1, "bool"),
        (1j, "float32"),
        ("1", "float32"),
        (-1, "uint8"),
        (np.datetime64("2024-01-01"), "int64"),
    ],
)
def test_cast_that_loses_more_is_refused(value: Any, dtype: str) -> None:
    with pytest.raises(SpecError, match="cannot be cast to its dtype without loss") as caught:
        batch([value], Spec((), dtype))
    assert caught.value.expected == dtype
    with pytest.raises(SpecError, match="cannot be cast"):
        builder(1, Spec((), dtype)).put_rows(0, 1, [np.asarray([value])])


def test_an_overflow_shows_its_values() -> None:
    with pytest.raises(SpecError, match="with values from -5 to 999"):
        batch([np.array([999, -5])], Spec((2,), "int8"))


@pytest.mark.parametrize(
    ("leaf", "spec", "says"),
    [
        ([1, 2], Spec((2,)), "is a list"),
        (None, Spec((2,)), "is None"),
        ((1, 2), Spec((2,)), "is a tuple"),
        ({}, Spec((2,)), "is a dict"),
        (np.array([1, None]), Spec((2,)), "cannot be cast"),
        (object(), Spec(()), "has an object dtype"),
        (np.zeros(3), Spec((2,)), "another shape"),
        (np.zeros((2, 1)), Spec((2,)), "another shape"),
        (np.zeros(1), Spec((2,)), "another shape"),
        (np.zeros((2, 3)), Spec((None, 2)), "another shape"),
        (np.zeros(4), Spec((None,), max_length=3), "another shape"),
    ],
)
def test_a_leaf_that_does_not_fit(leaf: Any, spec: Spec, says: str) -> None:
    with pytest.raises(SpecError, match=rf"inputs\[0\] {says}|inputs\[0\] has {says}") as caught:
        batch([leaf], spec)
    assert caught.value.where == {"input": "inputs[0]"}
    assert caught.value.expected
    assert caught.value.fix


def test_another_shape_tells_how_to_declare_it() -> None:
    with pytest.raises(SpecError, match=r"spec=Spec\(\(None, 2\), 'int32'\)"):
        batch([np.zeros((5, 2), "int32")], Spec((4, 2), "int32"))


def test_too_long_tells_to_cut() -> None:
    with pytest.raises(SpecError, match=r"cut samples to max_length \(3\)"):
        batch([np.zeros(4)], Spec((None,), max_length=3))


@pytest.mark.parametrize(
    "rows",
    [
        np.array([[1, 2], [3, 4]], "float64"),
        [np.array([1, 2]), np.array([3, 4])],
        np.array([[1, 2], [3, 4], [0, 0]], "float32")[:2],
        np.array([[1, 3], [2, 4]], "float32").T,
    ],
    ids=["array", "list", "slice", "transposed"],
)
@pytest.mark.parametrize("spec", [Spec((2,)), Spec((None,)), Spec((None,), max_length=2)])
def test_rows_at_once(rows: Any, spec: Spec) -> None:
    build = builder(3, spec)
    build.put(0, [np.array([9, 9])])
    build.put_rows(1, 2, [rows])
    (found,) = build.finish()
    assert found.tolist() == [[9, 9], [1, 2], [3, 4]]
    assert misaligned(found) == []


@pytest.mark.parametrize("rows", [np.zeros((3, 2)), [np.zeros(2)] * 3, np.zeros((0, 2)), 5.0])
@pytest.mark.parametrize("spec", [Spec((2,)), Spec((None,))])
def test_another_number_of_rows(rows: Any, spec: Spec) -> None:
    with pytest.raises(SpecError, match=r"rows for 2 samples"):
        builder(2, spec).put_rows(0, 2, [rows])


def test_rows_of_another_shape() -> None:
    with pytest.raises(SpecError, match="another shape"):
        builder(2, Spec((2,))).put_rows(0, 2, [np.zeros((2, 3))])


@pytest.mark.parametrize(
    ("specs", "size", "expected"),
    [
        ([Spec((16,))], 1 << 10, 4),
        ([Spec((16,)), Spec((16,))], 1 << 10, 2),
        ([Spec((3,))], 1 << 10, 1),
        ([Spec((16,)), Spec((3,), "uint8")], 1 << 10, 1),
        ([Spec((16,)), Spec((None,))], 1 << 10, 1),
        ([Spec((), "U")], 1 << 10, 1),
        ([Spec((1000,))], 1 << 10, 1),
        ([Spec((0,))], 1 << 10, 1 << 10),
    ],
)
def test_how_many_aligned_batches_fit(specs: list[Spec], size: int, expected: int) -> None:
    structure = Structure((tuple(range(len(specs))),))
    assert Layout(structure, specs).batches_within(size, 4) == expected
