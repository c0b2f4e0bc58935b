"""tables: what columns may hold, and the files that tables come from."""

from __future__ import annotations

import datetime
import decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from multiseq import MinMax, Vocabulary
from multiseq.errors import ArgumentError, SpecError
from multiseq.modalities.tables.sequence import TableSequence
from multiseq.testing import check_sequence


def numeric(values: Any, transform: Any = None) -> Any:
    """A column, as the model gets it."""
    seq = TableSequence(pd.DataFrame({"x": values}), numeric="x", transforms={"numeric": transform})
    array = seq[0][0]
    assert array.dtype == np.float32
    return array[:, 0].tolist()


def standardized(values: Any) -> Any:
    seq = TableSequence(pd.DataFrame({"x": values}), numeric="x")
    seq.adapt(progress=False)
    check_sequence(seq)
    return seq[0][0][:, 0].tolist()


def ids(values: Any) -> Any:
    frame = pd.DataFrame({"x": values})
    seq = TableSequence(frame, categorical="x", transforms={"x": Vocabulary()})
    seq.adapt(progress=False)
    check_sequence(seq)
    array = seq[0][0]["x"]
    assert array.dtype == np.int32
    return array.tolist()


def test_booleans_with_blanks_are_categories(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("x,y\nTrue,0\n,1\nFalse,2\nTrue,3\n")
    seq = TableSequence(tmp_path / "t.csv", categorical="x")
    seq.adapt(progress=False)
    assert len(set(seq[0][0]["x"].tolist())) == 3
    for missing in (None, np.nan, pd.NA):
        assert ids(np.array([True, missing, False, True], object))[1] == 0


MISSING = {
    "float64": [1.5, None, 3],
    "float32": np.array([1.5, np.nan, 3], np.float32),
    "float16": np.array([1.5, np.nan, 3], np.float16),
    "Float64": pd.array([1.5, None, 3], "Float64"),
    "object": np.array([1.5, None, 3], object),
    "pandas.NA": np.array([1.5, pd.NA, 3], object),
    "decimal": [decimal.Decimal("1.5"), None, decimal.Decimal(3)],
    "category": pd.Categorical([1.5, None, 3]),
}


@pytest.mark.parametrize("kind", MISSING)
def test_a_missing_number_becomes_the_mean(kind: str) -> None:
    assert standardized(MISSING[kind]) == [-1, 0, 1]


WHOLE = {
    "int64": [1, 0, 3],
    "uint8": np.array([1, 0, 3], np.uint8),
    "Int64": pd.array([1, 0, 3], "Int64"),
    "object": np.array([1, 0.0, np.float32(3)], object),
    "category": pd.Categorical([1, 0, 3]),
    "sparse": pd.arrays.SparseArray([1, 0, 3]),
}


@pytest.mark.parametrize("kind", WHOLE)
def test_numbers_as_they_are(kind: str) -> None:
    assert numeric(WHOLE[kind]) == [1, 0, 3]


@pytest.mark.parametrize("dtype", ["bool", "boolean", "object"])
def test_booleans_are_0_and_1(dtype: str) -> None:
    assert numeric(pd.Series([True, False, True], dtype=dtype)) == [1, 0, 1]


@pytest.mark.parametrize("dtype", ["Int64", "boolean"])
def test_missing_among_integers_and_booleans(dtype: Any) -> None:
    assert standardized(pd.array([0, None, 1], dtype)) == [-1, 0, 1]


DATES: Any = ["1970-01-01T00:00:02", None, "1970-01-01T00:00:04"]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_dates_are_seconds_since_1970(unit: str) -> None:
    dates = np.array(DATES, f"datetime64[{unit}]")
    assert standardized(dates) == [-1, 0, 1]
    assert numeric(dates[::2]) == [2, 4]


def test_dates_with_a_time_zone() -> None:
    zoned = pd.to_datetime(DATES[::2]).tz_localize("Europe/Berlin")
    assert numeric(zoned) == [-3598, -3596]
    assert numeric(zoned.tz_convert("UTC")) == [-3598, -3596]


@pytest.mark.parametrize("dtype", [object, "str", "string", pd.ArrowDtype(pa.string())])
def test_dates_as_text(dtype: Any) -> None:
    text = ["1970-01-02T00:00Z", None, "1970-01-01T02:00:01+01:00"]
    assert numeric(pd.Series([*text[:1], *text[2:]], dtype=dtype)) == [86_400, 3601]
    middle = standardized(pd.Series(["1970-01-03", None, "1970-01-01"], dtype=dtype))
    assert middle == [1, 0, -1]


@pytest.mark.parametrize("text", [["2012", "2013"], ["2012-01-01", "later"], ["5", "-1-1"], []])
def test_text_that_is_no_date_is_no_number(text: list[str]) -> None:
    with pytest.raises(ArgumentError, match="not all numbers"):
        numeric(pd.Series([*text, "x-01-01"], dtype="str"))


def test_dates_long_before_and_after() -> None:
    seconds = numeric(np.array(["0001-01-01", "9999-01-01"], "datetime64[s]"))
    assert seconds == [np.float32(-62135596800), np.float32(253370764800)]


def test_durations_are_seconds() -> None:
    assert numeric(pd.to_timedelta(["1 min", "500 ms"])) == [60, 0.5]
    assert standardized(pd.to_timedelta(["1 s", None, "3 s"])) == [-1, 0, 1]


def test_dates_a_second_apart_stay_apart() -> None:
    """In float32, seconds since 1970 are 128 apart."""
    dates = pd.date_range("2024-05-01", periods=4, freq="s")
    np.testing.assert_allclose(standardized(dates), (np.arange(4) - 1.5) / np.arange(4).std())


def test_types_of_arrow() -> None:
    arrow = pytest.importorskip("pyarrow")
    table = arrow.table(
        {
            "f": arrow.array([1.5, None, 3]),
            "d": arrow.array([decimal.Decimal("1.5"), None, decimal.Decimal(3)]),
            "t": arrow.array([datetime.datetime(2000, 1, d) if d else None for d in (1, 0, 3)]),
            "day": arrow.array([datetime.date(2000, 1, d) if d else None for d in (1, 0, 3)]),
            "i": arrow.array([1, None, 3]),
        }
    )
    frame = table.to_pandas(types_mapper=pd.ArrowDtype)
    seq = TableSequence(frame, numeric=table.column_names)
    seq.adapt(progress=False)
    assert seq[0][0].tolist() == [[-1] * 5, [0] * 5, [1] * 5]


# Categories


TEXTS = ["b", None, "a", "b"]


@pytest.mark.parametrize("dtype", ["object", "string", "category", "str"])
def test_a_missing_category_is_unknown(dtype: str) -> None:
    assert ids(pd.Series(TEXTS, dtype=dtype)) == [1, 0, 2, 1]


def test_a_missing_category_has_an_id_of_its_own_under_a_mask() -> None:
    frame = pd.DataFrame({"x": [*TEXTS, "new"]})
    seq = TableSequence(frame, categorical="x", transforms={"x": Vocabulary(mask="")})
    train, test = seq.split(positions=(range(4), [4]))
    train.adapt(progress=False)
    assert train[0][0]["x"].tolist() == [2, 0, 3, 2]
    assert test[0][0]["x"].tolist() == [1]


@pytest.mark.parametrize(
    "values",
    [
        [7, 7, 5],
        pd.array([7, 7, 5], "Int64"),
        pd.Categorical([7, 7, 5]),
        [True, True, False],
        pd.array([True, True, False], "boolean"),
        np.array(["a", "a", 3], object),
        [0.5, 0.5, 0.25],
    ],
)
def test_what_is_a_category(values: Any) -> None:
    assert ids(values) == [1, 1, 2]


def test_integers_that_missing_ones_made_floats() -> None:
    seq = TableSequence(pd.DataFrame({"x": [7, None, 7, 5]}), categorical="x")
    seq.adapt(progress=False)
    vocabulary: Any = seq.transforms["x"]
    assert vocabulary.categories == (7, 5)
    assert [type(each) for each in vocabulary.categories] == [int, int]


def test_unused_categories_are_not_learned() -> None:
    seq = TableSequence(
        pd.DataFrame({"x": pd.Categorical(["a"], categories=["z", "a"])}), categorical="x"
    )
    seq.adapt(progress=False)
    vocabulary: Any = seq.transforms["x"]
    assert vocabulary.categories == ("a",)


@pytest.mark.parametrize(
    ("values", "dtype"), [([3, -1, 9], np.int32), ([True, False], np.int32), ([1 << 40], np.int64)]
)
def test_integer_categories_as_they_are(values: Any, dtype: Any) -> None:
    seq = TableSequence(pd.DataFrame({"x": values}), categorical="x", transforms={"x": None})
    assert seq[0][0]["x"].tolist() == values
    assert seq[0][0]["x"].dtype == dtype


def test_a_number_may_be_a_category_and_a_number() -> None:
    frame = pd.DataFrame({"x": [5, 5, 2]})
    seq = TableSequence(frame, numeric="x", categorical="x", transforms={"numeric": MinMax()})
    seq.adapt(progress=False)
    assert seq[0][0]["numeric"][:, 0].tolist() == [1, 1, 0]
    assert seq[0][0]["x"].tolist() == [1, 1, 2]


def test_names_that_are_no_text() -> None:
    frame = pd.DataFrame({0: [1.0, 2.0], ("p", "q"): [3, 4], 7: ["a", "b"]})
    seq = TableSequence(frame, numeric=[0, ("p", "q")], categorical=[7])
    seq.adapt(progress=False)
    assert list(seq[0][0]) == ["numeric", "7"]


# Files


FRAME = pd.DataFrame({"id": ["x", "y", "z"], "a": [1.0, np.nan, 3.0], "c": ["p", None, "q"]})


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "CSV", "parquet"])
def test_a_file(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"table.{ending}"
    if ending == "parquet":
        pytest.importorskip("pyarrow")
        FRAME.to_parquet(path)
    else:
        FRAME.to_csv(path, index=False)
    for given in (path, str(path)):
        seq = TableSequence(given, numeric="a", categorical="c", keys="id")
        seq.adapt(progress=False)
        assert seq.keys.tolist() == ["x", "y", "z"]
        assert seq[0][0]["numeric"][:, 0].tolist() == [-1, 0, 1]
        assert seq[0][0]["c"].tolist() == [1, 0, 2]


def test_a_column_of_a_long_file_is_of_one_kind(tmp_path: Path) -> None:
    lines = ["x,,,,,,,", *["1,,,,,,,"] * 140_000, *["a,,,,,,,"] * 3]
    (tmp_path / "long.csv").write_text("\n".join(lines))
    seq = TableSequence(tmp_path / "long.csv", categorical="x")
    seq.adapt(progress=False)
    vocabulary: Any = seq.transforms["x"]
    assert vocabulary.categories == ("1", "a")


def test_the_index_of_a_parquet_file(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    FRAME.set_index("id").to_parquet(tmp_path / "t.parquet")
    assert TableSequence(tmp_path / "t.parquet", numeric="a").keys.tolist() == ["x", "y", "z"]


def test_a_table_of_arrow() -> None:
    table = pytest.importorskip("pyarrow").Table.from_pandas(FRAME)
    seq = TableSequence(table, numeric="a", categorical="c", keys="id")
    seq.adapt(progress=False)
    check_sequence(seq)
    assert seq[0][0]["c"].tolist() == [1, 0, 2]


def test_a_number_beyond_float32_is_refused() -> None:
    frame = pd.DataFrame({"x": [1.0, 1e39]})
    with pytest.raises(SpecError, match="would become infinite"):
        TableSequence(frame, numeric=["x"], transforms={"numeric": None})[0]
    assert TableSequence(frame / 1e39, numeric=["x"], transforms={"numeric": None})[0][0][1] == 1
