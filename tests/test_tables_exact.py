"""tables: values come out as they are, whatever stands beside, before or behind them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from multiseq import Labels
from multiseq.errors import AlignmentError, ArgumentError, SampleError, SpecError
from multiseq.modalities.tables import inputs
from multiseq.modalities.tables.sequence import TableSequence


def made(function: Callable[[Any], Any], n: int = 9) -> Any:
    """What a function makes of 0, 1, ..., n - 1, all rows as one batch."""
    frame = pd.DataFrame({"x": np.arange(float(n))})
    seq = TableSequence(frame, numeric="x", transforms={"numeric": function}, batch_size=n)
    return seq[0][0]


LATER: dict[str, Callable[[float], Any]] = {
    "fractions": lambda x: int(x) if x < 8 else x + 0.5,
    "whole numbers": lambda x: x + 0.5 if x < 8 else int(x),
    "greater ones": lambda x: np.int32(x) if x < 8 else np.int64(1 << 40),
    "numbers after bools": lambda x: x > 3 if x < 8 else 2,
    "bools after numbers": lambda x: int(x) if x < 8 else np.True_,
}


@pytest.mark.parametrize("kind", LATER)
@pytest.mark.parametrize("at_once", [1, 4, 8, 9])
def test_later_rows_are_as_first_ones(
    kind: str, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "_ROWS", at_once)
    found = made(lambda row: LATER[kind](float(row[0])))
    assert found.tolist() == [LATER[kind](float(x)) for x in range(9)]
    assert found.dtype != np.float64


@pytest.mark.parametrize("lengths", [(2, 1), (1, 2)])
@pytest.mark.parametrize("at_once", [3, 100])
def test_later_rows_of_another_shape(
    lengths: tuple[int, int], at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "_ROWS", at_once)
    with pytest.raises(SpecError, match=r"(?s)differ in shape.*pad them"):
        made(lambda row: [row[0]] * lengths[int(row[0] > 5)])
    assert made(lambda row: [row[0]] * 2).shape == (9, 2)


# Columns in a dict

NAN = float("nan")
BIG = 1 << 53  # From here on, float64 holds every second integer.


def learned(frame: Any, targets: Any = None, **keywords: Any) -> Any:
    seq = TableSequence(frame, targets, **keywords)
    seq.adapt(progress=False)
    return seq


def classes(values: Any) -> Any:
    """The classes of a target column in a dict, and their numbers; missing ones have weight 0."""
    frame = {"x": np.zeros(len(values)), "y": values}
    rules: Any = {"transforms": {"targets": Labels()}, "missing": {"targets": "mask"}}
    seq = learned(frame, "y", numeric="x", **rules)
    _, ids, weights = seq[0]
    return seq.classes, ids[weights > 0].tolist()


def test_text_beside_a_missing_value() -> None:
    assert classes(["p", NAN, "q"]) == (("p", "q"), [0, 1])
    seq = learned({"c": ["a", NAN, "b", None]}, categorical="c")
    assert seq.transforms["c"].categories == ("a", "b")
    assert seq[0][0]["c"].tolist() == [1, 0, 2, 0]


@pytest.mark.parametrize(
    "values",
    [
        [BIG + 1, NAN, BIG],
        [BIG + 1, None, BIG],
        pd.array([BIG + 1, None, BIG], "Int64"),
        pd.Series([BIG + 1, None, BIG], dtype="Int64"),
        pa.array([BIG + 1, None, BIG]),
        pa.chunked_array([[BIG + 1, None], [BIG]]),
    ],
    ids=lambda values: type(values).__name__,
)
def test_ids_of_64_bits_in_a_dict(values: Any) -> None:
    assert classes(values) == ((BIG, BIG + 1), [1, 0])
    seq = learned({"c": values}, categorical="c")
    assert set(seq.transforms["c"].categories) == {BIG, BIG + 1}


def test_the_order_of_categories_in_a_dict() -> None:
    sizes = pd.Categorical(["lo", "hi"], categories=["lo", "hi", "never"])
    assert classes(sizes) == (("lo", "hi", "never"), [0, 1])


def test_kinds_in_a_list_stay_apart() -> None:
    seq = learned({"c": [1, "a", "b"]}, categorical="c")
    assert set(seq.transforms["c"].categories) == {1, "a", "b"}
    with pytest.raises(ArgumentError, match="booleans and numbers"):
        TableSequence({"c": [True, 1]}, categorical="c")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2], [1, 2]),
        ((1.5, 2), [1.5, 2]),
        (range(2), [0, 1]),
        (np.array([3, 4], np.uint8), [3, 4]),
        (np.ma.array([5.0, 6.0]), [5, 6]),
        (pd.Index([7, 8]), [7, 8]),
        (pa.array([9, 10]), [9, 10]),
        ([True, False], [1, 0]),
        ([pd.Timestamp(1, unit="s"), pd.Timestamp(2, unit="s")], [1, 2]),
        (["1970-01-01", "1970-01-02"], [0, 86400]),
    ],
)
def test_columns_of_a_dict(values: Any, expected: list[float]) -> None:
    seq = TableSequence({"x": values, "y": [1.0, 2.0]}, numeric="x", transforms={"numeric": None})
    assert seq[0][0][:, 0].tolist() == expected
    assert seq.keys.tolist() == [0, 1]


def test_masked_values_are_refused() -> None:
    masked = np.ma.array([1.0, 999.0], mask=[False, True])
    with pytest.raises(ArgumentError, match=r"(?s)column 'x' has masked values.*filled"):
        TableSequence({"x": masked}, numeric="x")
    assert learned({"x": masked.filled(np.nan)}, numeric="x")[0][0].tolist() == [[0], [0]]


def test_series_in_a_dict_bring_their_keys() -> None:
    x, y = pd.Series([1.0, 2.0], list("ab")), pd.Series([30, 40], list("ab"))
    seq = learned({"x": x, "y": y, "z": [5, 6]}, "y", numeric=["x", "z"])
    assert seq.keys.tolist() == ["a", "b"]
    assert seq[0][1].tolist() == [30, 40]


def test_series_of_other_indexes_in_a_dict() -> None:
    plain: Any = {"numeric": "x", "transforms": {"numeric": None}}
    columns: Any = {"x": pd.Series([1.0, 2.0], list("ab")), "y": pd.Series([30, 40], list("ba"))}
    with pytest.raises(AlignmentError, match=r"(?s)'y' has another index than 'x'.*DataFrame"):
        TableSequence(columns, "y", **plain)
    assert TableSequence(pd.DataFrame(columns), "y", **plain)[0][1].tolist() == [40, 30]
    by_position = {name: each.to_numpy() for name, each in columns.items()}
    assert TableSequence(by_position, "y", **plain)[0][1].tolist() == [30, 40]


# Tables of Arrow


@pytest.mark.parametrize("kind", [pa.int64(), pa.uint64()])
@pytest.mark.parametrize("source", ["table", "batch", "parquet"])
def test_ids_of_64_bits_beside_a_missing_one(kind: Any, source: str, tmp_path: Path) -> None:
    big = BIG if kind == pa.int64() else 1 << 63
    columns = {"user": pa.array([big + 1, None, big], kind), "x": [1.0, 2.0, 3.0]}
    table: Any = pa.table(columns | {"few": pa.array([1, None, 2], kind)})
    if source == "batch":
        (table,) = table.to_batches()
    elif source == "parquet":
        parquet.write_table(table, tmp_path / "part=1.parquet")
        table = tmp_path / "part=1.parquet"
    seq = learned(table, "x", categorical="user", numeric="few", transforms={"numeric": None})
    assert set(seq.transforms["user"].categories) == {big, big + 1}
    rules: Any = {"transforms": {"targets": Labels()}, "missing": {"targets": "mask"}}
    assert learned(table, "user", numeric="x", **rules).classes == (big, big + 1)


# Classes

SIZES = pd.CategoricalDtype(["lo", "mid", "hi", "never"])


def test_labels_of_an_input_know_the_categories() -> None:
    frame = pd.DataFrame({"c": pd.Series(["hi", "lo", None], dtype=SIZES)})
    seq = TableSequence(frame, categorical="c", transforms={"c": Labels()})
    train, _ = seq.subset([0, 1]), seq.subset([2])
    train.adapt(progress=False)
    labels: Any = train.transforms["c"]
    assert labels.classes == tuple(SIZES.categories)
    assert learned(frame, categorical="c").transforms["c"].categories == ("hi", "lo")
    frame["d"] = pd.Categorical(["hi", "lo", "lo"])
    shared = Labels()
    with pytest.raises(SampleError, match="categories differ") as caught:
        learned(frame, categorical=["c", "d"], transforms={"c": shared, "d": shared})
    assert caught.value.where["input"] == "d"


@pytest.mark.parametrize("by_name", [True, False])
def test_several_columns_of_one_dtype_know_the_categories(by_name: bool) -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0], "c": ["hi", "lo"], "d": ["lo", "lo"]})
    frame = frame.astype({"c": SIZES, "d": SIZES})
    targets = ["c", "d"] if by_name else frame[["c", "d"]]
    given: Any = {"numeric": "x", "transforms": {"numeric": None, "targets": Labels()}}
    seq = learned(frame, targets, **given)
    assert seq.classes == tuple(SIZES.categories)
    assert seq[0][1].tolist() == [[2, 0], [0, 0]]
    other = learned(frame.astype({"d": "category"}), targets, **given)
    assert set(other.classes) <= set(SIZES.categories)


@pytest.mark.parametrize("by_name", [True, False])
def test_whole_numbers_beside_decimals(by_name: bool) -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0], "y": [BIG + 1, BIG], "z": [1.0, 2.0]})
    targets = ["y", "z"] if by_name else frame[["y", "z"]]
    rules: Any = {"transforms": {"targets": Labels()}}
    seq = learned(frame, targets, numeric="x", **rules)
    assert seq.classes == (1, 2, BIG, BIG + 1)
    plain = learned(frame, targets, numeric="x")
    assert plain[0][1].tolist() == [[BIG, 1], [BIG, 2]]  # Quantities are rounded, as ever.
    small: Any = frame.assign(y=[3, 4])
    halved = TableSequence(small, ["y", "z"], numeric="x", transforms={"targets": lambda y: y / 2})
    halved.adapt(progress=False)
    assert halved[0][1].tolist() == [[1.5, 0.5], [2, 1]]


def test_an_array_of_nullable_integers_as_classes() -> None:
    values = pd.array([BIG + 1, None, BIG], "Int64")
    rules: Any = {"transforms": {"targets": Labels()}, "missing": {"targets": "mask"}}
    seq = learned(pd.DataFrame({"x": [1.0, 2.0, 3.0]}), values, numeric="x", **rules)
    assert seq.classes == (BIG, BIG + 1)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [(["01", "1", "02"], ("01", "02", "1")), (["1.50", "3.0", "2.5"], (False, True))],
)
@pytest.mark.parametrize("named", [True, False])
def test_classes_that_a_function_makes_of_a_file(
    cells: list[str], expected: tuple[Any, ...], named: bool, tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text("x,y\n" + "".join(f"1,{cell}\n" for cell in cells))

    def function(value: Any) -> Any:
        return value if isinstance(value, str) else value > 2

    name: Any = "kind" if named else "targets"
    targets = {"kind": "y"} if named else "y"
    rules: Any = {"transforms": {name: (function, Labels())}}
    seq = learned(tmp_path / "t.csv", targets, numeric="x", **rules)
    assert seq.classes == ({"kind": expected} if named else expected)
