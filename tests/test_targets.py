"""Targets: aligned, checked, and taken row by row."""

from __future__ import annotations

import datetime
import decimal
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest

from multiseq import Labels
from multiseq.errors import AlignmentError, ArgumentError
from multiseq.keys.targets import Targets

KEYS = pd.Index(["a", "b", "c"])


def test_without_targets_nothing_follows() -> None:
    assert Targets(None, None, 3).row(1) == ()
    assert Targets(None, None, 3).rows(np.array([0, 2])) == ()


def test_an_array() -> None:
    targets = Targets(np.array([10, 11, 12]), None, 3)
    assert targets.row(1) == (11,)
    (rows,) = targets.rows(np.array([2, 0]))
    assert rows.tolist() == [12, 10]


def test_rows_may_have_axes() -> None:
    (row,) = Targets(np.arange(12).reshape(3, 2, 2), None, 3).row(2)
    assert row.tolist() == [[8, 9], [10, 11]]


def test_a_list_of_numbers() -> None:
    assert Targets([0.5, 1.5], None, 2).row(1) == (1.5,)


def test_targets_and_weights() -> None:
    assert Targets([1, 2], [0.5, 0.25], 2).row(1) == (2, 0.25)


def test_a_dict_of_outputs() -> None:
    targets = Targets({"cls": [0, 1], "reg": [0.5, 1.5]}, {"reg": [1.0, 2.0]}, 2)
    assert targets.row(1) == ({"cls": 1, "reg": 1.5}, {"reg": 2.0})
    rows = targets.rows(np.array([1]))
    assert rows[0]["reg"].tolist() == [1.5]
    assert rows[1]["reg"].tolist() == [2.0]


def test_a_tuple_of_outputs() -> None:
    targets = Targets(([0, 1], [0.5, 1.5]), ([1, 2], [3, 4]), 2)
    assert targets.row(0) == ((0, 0.5), (1, 3))


def test_one_array_weighs_all_named_outputs() -> None:
    assert Targets({"a": [0, 1], "b": [2, 3]}, [5, 6], 2).row(1) == ({"a": 1, "b": 3}, 6)


def test_weights_alone_where_the_targets_are_elsewhere() -> None:
    assert Targets(None, [5, 6], 2, targets_elsewhere=True).row(1) == (6,)


@pytest.mark.parametrize("kind", [pd.Series, lambda *args: pd.Series(*args).to_frame()])
def test_pandas_is_aligned_by_key(kind: Any) -> None:
    targets = Targets(kind([30, 10, 20, 40], ["c", "a", "b", "z"]), None, KEYS)
    (rows,) = targets.rows(np.arange(3))
    assert rows.ravel().tolist() == [10, 20, 30]


def test_a_series_in_a_dict_is_aligned() -> None:
    series = pd.Series({"c": 3, "b": 2, "a": 1})
    targets = Targets({"y": series}, {"y": series}, KEYS)
    assert targets.row(0) == ({"y": 1}, {"y": 1})


def test_a_series_is_taken_in_order_where_samples_have_no_keys() -> None:
    assert Targets(pd.Series([5, 6, 7], index=[9, 0, 1]), None, 3).row(0) == (5,)


def test_keys_may_be_a_list() -> None:
    assert Targets(pd.Series({"b": 2, "a": 1}), None, ["a", "b"]).row(0) == (1,)


def test_missing_keys_are_named() -> None:
    with pytest.raises(AlignmentError) as caught:
        Targets(pd.Series({"a": 1, "x": 2}), None, KEYS)
    assert "no row for 2 of the 3 samples" in str(caught.value)
    assert "'b', 'c'" in str(caught.value)
    assert "'x'" in str(caught.value)


def test_keys_of_another_kind_are_missing() -> None:
    with pytest.raises(AlignmentError, match="different kinds"):
        Targets(pd.Series([1, 2, 3]), None, KEYS)


def test_duplicate_keys_are_named() -> None:
    with pytest.raises(AlignmentError) as caught:
        Targets(pd.Series([1, 2, 3, 4], ["a", "b", "c", "b"]), None, KEYS)
    assert "got: 'b'" in str(caught.value)


def test_the_part_at_fault_is_named() -> None:
    with pytest.raises(ArgumentError, match=r"targets\['reg'\] and the samples differ"):
        Targets({"cls": [1, 2], "reg": [1]}, None, 2)
    with pytest.raises(ArgumentError, match=r"sample_weight\[1\] and the samples differ"):
        Targets(([1, 2], [1, 2]), ([1, 2], [1]), 2)


@pytest.mark.parametrize("targets", [[1, 2], np.zeros((4, 3)), pd.Series([1, 2])])
def test_another_number_of_rows(targets: Any) -> None:
    with pytest.raises(ArgumentError, match="differ in number"):
        Targets(targets, None, 3)


def test_a_list_of_outputs_is_told_to_be_a_dict() -> None:
    with pytest.raises(ArgumentError, match="not as a list"):
        Targets([np.zeros(5), np.zeros(5)], None, 5)


@pytest.mark.parametrize(
    "targets",
    [
        ["cat", "dog"],
        np.array(["cat", "dog"], object),
        pd.Series(["cat", "dog"]),
        pd.Series(["cat", "dog"], dtype="category"),
        pd.Series(["cat", "dog"], dtype=object),
    ],
)
def test_text_needs_steps_that_make_numbers_of_it(targets: Any) -> None:
    with pytest.raises(ArgumentError, match=r"transforms=\{'targets': Labels\(\)\}"):
        Targets(targets, None, 2)
    (row,) = Targets(targets, None, 2, named={"targets": str}).row(1)
    assert row == "dog"
    with pytest.raises(ArgumentError, match=r"transforms=\{'y': Labels\(\)\}"):
        Targets({"x": [1, 2], "y": targets}, None, 2, named={"x": str})
    (named,) = Targets({"x": [1, 2], "y": targets}, None, 2, named={"y": str}).row(1)
    assert named == {"x": 2, "y": "dog"}
    with pytest.raises(ArgumentError, match=r"transforms=\{'targets\[0\]': Labels\(\)\}"):
        Targets((targets, targets), None, 2, named={"targets[1]": str})


def test_steps_are_given_what_is_there() -> None:
    for given in (["a", None], [["a"], ["b", "c"]], [{"a"}, set()], ["a", 1], [None, None]):
        (rows,) = Targets(given, None, 2, named={"targets": str}).rows(np.array([1, 0]))
        assert rows.tolist() == given[::-1]
    for shaped in (np.zeros((2, 3)), [["a", "b"], ["c", "d"]]):
        (row,) = Targets(shaped, None, 2, named={"targets": str}).row(1)
        np.testing.assert_array_equal(row, shaped[1])
    for bad in ("ab", 5, [1, 2, 3]):
        with pytest.raises(ArgumentError):
            Targets(bad, None, 2, named={"targets": str})


def test_categories_are_known_of_parts_too() -> None:
    sizes = pd.Series(["M", "S"], dtype=pd.CategoricalDtype(["S", "M", "L"]))
    for given in (sizes, sizes.array, pd.CategoricalIndex(sizes)):
        targets = Targets(given, None, 2, named={"targets": str})
        (rows,) = targets.rows(np.array([1]))
        assert rows.tolist() == ["S"]
        assert list(rows.categories) == ["S", "M", "L"]
        assert Labels().adapt(targets.target_rows(np.array([], int))).classes == ("S", "M", "L")


@pytest.mark.parametrize(
    "targets",
    [
        [1, None],
        ["cat", None],
        ["cat", float("nan")],
        ["cat", 1],
        pd.Series(["cat", None]),
        [{"a": 1}, {"a": 2}],
        [[1, 2], [3]],
        [decimal.Decimal(1), decimal.Decimal(2)],
        [datetime.date(2024, 1, 1)] * 2,
        np.array(["2024-01-01"] * 2, "datetime64[D]"),
        np.zeros(2, [("a", "i4")]),
        {1, 2},
        "ab",
        5,
    ],
)
def test_what_is_no_target(targets: Any) -> None:
    with pytest.raises(ArgumentError, match="targets is not an array of numbers"):
        Targets(targets, None, 2)


def test_lists_of_labels_have_a_fix_that_works() -> None:
    rows = [["a"], ["a", "b"]]
    with pytest.raises(ArgumentError, match=r"transforms=\{'targets': Labels\(multi=True\)\}"):
        Targets(rows, None, 2)
    (row,) = Targets(rows, None, 2, named={"targets": Labels(multi=True)}).row(1)
    assert row == ["a", "b"]


def test_the_object_at_fault_is_shown() -> None:
    with pytest.raises(ArgumentError, match=r"None \(NoneType\) at position 1"):
        Targets([1, None], None, 2)


def test_none_among_outputs_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"targets\['b'\] is not an array"):
        Targets({"a": [1, 2], "b": None}, None, 2)


@pytest.mark.parametrize("targets", [{}, ()])
def test_empty(targets: Any) -> None:
    with pytest.raises(ArgumentError, match="targets is empty"):
        Targets(targets, None, 2)


def test_a_dict_with_other_names_than_text_is_by_key() -> None:
    assert Targets({1: [1, 2], 0: [3, 4]}, None, 2).rows(np.arange(2))[0].tolist() == [
        [3, 4],
        [1, 2],
    ]
    with pytest.raises(AlignmentError, match="no row for 1 of the 2"):
        Targets({0: [1, 2]}, None, 2)


def test_weights_need_targets() -> None:
    with pytest.raises(ArgumentError, match="without targets"):
        Targets(None, [1, 2], 2)


def test_weights_are_numbers() -> None:
    with pytest.raises(ArgumentError, match="sample_weight is not an array of numbers"):
        Targets([1, 2], ["x", "y"], 2)


@pytest.mark.parametrize(
    ("targets", "weights"),
    [
        ([1, 2], {"a": [1, 2]}),
        ([1, 2], ([1, 2],)),
        ({"a": [1, 2]}, {"b": [1, 2]}),
        ({"a": [1, 2]}, ([1, 2],)),
        (([1, 2], [1, 2]), ([1, 2],)),
        (([1, 2], [1, 2]), [1, 2]),
    ],
)
def test_weights_go_with_the_targets(targets: Any, weights: Any) -> None:
    with pytest.raises(ArgumentError, match="does not go with"):
        Targets(targets, weights, 2)


def test_a_memory_map_is_not_read(tmp_path: Any) -> None:
    mapped = np.lib.format.open_memmap(tmp_path / "y.npy", "w+", np.int32, (2,))
    targets = Targets(mapped, None, 2)
    mapped[1] = 7
    assert targets.row(1) == (7,)


def test_pickles() -> None:
    targets = Targets({"a": [1, 2]}, None, 2)
    assert pickle.loads(pickle.dumps(targets)).row(1) == ({"a": 2},)
