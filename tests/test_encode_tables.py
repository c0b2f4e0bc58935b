"""encode(raw) of rows of a table: what they hold is what it was in training, or is refused."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from served import encodes, equal, inputs_of
from sklearn.base import BaseEstimator
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from multiseq import TableSequence, Vocabulary
from multiseq.errors import ArgumentError, SampleError


def learned(frame: pd.DataFrame, **keywords: Any) -> TableSequence:
    seq = TableSequence(frame, **keywords)
    seq.adapt(progress=False)
    return seq


# Categories.

LARGE = 2**53


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(["Int64", "float64", "object", "category"]),
    st.lists(st.integers(-2, 2) | st.integers(LARGE, LARGE + 2) | st.none(), min_size=1),
)
def test_integers_beside_none_stay_integers(dtype: str, values: list[int | None]) -> None:
    column: Any = pd.Series([1, LARGE, *values], dtype="Int64")
    column = column.astype(dtype)
    frame = pd.DataFrame({"c": column})
    for steps in (Vocabulary(), (lambda v: f"z{v}", Vocabulary())):
        seq = learned(frame, categorical="c", transforms={"c": steps})
        equal(seq.encode(frame), inputs_of(seq))
        encodes(seq, [{"c": value} for value in column])
        encodes(seq, [{"c": None if pd.isna(value) else value} for value in column])


def test_a_number_is_of_the_kind_that_it_was_in_training() -> None:
    tens: Any = (lambda v: f"{(v or 0) // 10}", Vocabulary())
    for values in ([10.0, 20.0, None], [10, 20, 30]):
        seq = learned(pd.DataFrame({"c": values}), categorical="c", transforms={"c": tens})
        for value in (11, 11.0, np.int8(11), np.float32(11)):
            equal(seq.encode({"c": value}), {"c": inputs_of(seq)["c"][:1]})
        assert seq.encode({"c": 990})["c"].tolist() == [0]


def test_integers_without_a_transform() -> None:
    frame = pd.DataFrame({"c": pd.array([1, 2, None], dtype="Int64")})
    seq = TableSequence(frame, categorical="c", transforms={"c": None}, missing={"c": 0})
    assert inputs_of(seq)["c"].tolist() == [1, 2, 0]
    equal(seq.encode(frame), inputs_of(seq))
    encodes(seq, [{"c": 1}, {"c": 2}, {"c": None}])


# Numbers, dates and durations.

DAYS = pd.DatetimeIndex(["1990-01-01", "1999-01-01", None])
HOURS = pd.to_timedelta([1, 2, None], unit="h")
MISSING = [None, pd.NaT, pd.NA, np.nan]


@pytest.mark.parametrize("missing", MISSING, ids=repr)
@pytest.mark.parametrize("values", [DAYS, HOURS, [1, 2, None], ["a", "b", None]], ids=str)
def test_whatever_stands_for_missing(values: Any, missing: Any) -> None:
    kind = "categorical" if isinstance(values, list) and "a" in values else "numeric"
    frame = pd.DataFrame({"x": values})
    seq: Any = learned(frame, **{kind: ["x"]})
    encodes(seq, [{"x": value} for value in frame["x"]])
    equal(seq.encode({"x": missing}), seq.encode({"x": None}))
    equal(seq.encode(frame.iloc[2:]), seq.encode({"x": None}))
    every = seq.encode([{"x": frame["x"][0]}, {"x": missing}])
    equal(every, seq.encode([{"x": frame["x"][0]}, {"x": None}]))


KINDS: dict[str, tuple[Any, list[Any]]] = {
    "numbers": ([1990, 1999, 2005], [1999, 1999.0, np.int16(1999)]),
    "dates": (
        DAYS,
        ["1999-01-01", pd.Timestamp("1999-01-01"), datetime.date(1999, 1, 1)],
    ),
    "durations": (HOURS, [pd.Timedelta(hours=2), datetime.timedelta(hours=2)]),
}
FIXES = {
    "numbers": 1999,
    "dates": "1999-12-31",
    "durations": datetime.timedelta(hours=1),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("categories", [False, True])
def test_a_record_of_another_kind_is_refused(kind: str, categories: bool) -> None:
    values, same = KINDS[kind]
    frame = pd.DataFrame({"x": pd.Categorical(values) if categories else values})
    seq = learned(frame, numeric=["x"])
    for value in same:
        equal(seq.encode({"x": value}), inputs_of(seq)[1:2])
    for other in KINDS.keys() - {kind}:
        for value in KINDS[other][1]:
            with pytest.raises(ArgumentError, match=f"holds {other}, where training had {kind}"):
                seq.encode({"x": value})
            with pytest.raises(ArgumentError, match="input numeric"):
                seq.encode([{"x": None}, {"x": value}])
    seq.encode({"x": FIXES[kind]})  # As the error says.


def test_of_a_column_without_values_nothing_is_known() -> None:
    frame = pd.DataFrame({"x": [np.nan, np.nan], "y": [1.0, 2.0]})
    seq = TableSequence(frame, numeric=["x", "y"], transforms={"numeric": None}, missing=0)
    for value, number in ((None, 0), (3, 3), ("1970-01-01T00:00:05", 5)):
        assert seq.encode({"x": value, "y": True}).tolist() == [[number, 1]]


def test_durations_as_objects() -> None:
    hours = pd.Series([datetime.timedelta(hours=1), None], dtype=object)
    seq = learned(pd.DataFrame({"x": hours}), numeric=["x"])
    encodes(seq, [{"x": hours[0]}, {"x": None}])


# Under a transform of the whole table.


def passed_on(values: Any) -> TableSequence:
    return learned(pd.DataFrame({"n": values}), transforms=Kept())


class Kept(BaseEstimator):  # type: ignore[misc]
    """Notes what it is given, and makes zeros of it."""

    def fit(self, frame: Any) -> Kept:
        return self

    def transform(self, frame: Any) -> Any:
        seen.append(frame["n"])
        return np.zeros((len(frame), 1))


seen: list[Any] = []
ZONED = pd.DatetimeIndex(["2024-01-01", "2024-06-01"], tz="Europe/Berlin")
COLUMNS: dict[str, tuple[Any, list[Any], list[Any]]] = {
    "int64": ([1, 2], [3, 3.0, True, np.int8(3), None], [2.7, "3", "a", 1 << 64, np.inf]),
    "int8": (np.array([1, 2], np.int8), [127, -128.0, None], [300, 128, 0.5, "1"]),
    "bool": ([True, False], [True, 0, 1.0, None], [2, "False", "", 0.5]),
    "float64": ([1.0, 2.5], [0.1, 2, True, np.inf, None], ["abc", "1.5", DAYS[0]]),
    "float32": (np.array([1, 2.5], "f4"), [0.1, 2, None], [1e39, "1.5"]),
    "Int64": (pd.array([1, None], dtype="Int64"), [3, 3.0, None], [2.7, "3"]),
    "boolean": (pd.array([True, None], dtype="boolean"), [False, 1, None], [2, "True"]),
    "string": (pd.array(["a", None], dtype="string"), ["b", None], [5, DAYS[0]]),
    "dates": (DAYS, ["2024-05-01", DAYS[1], datetime.date(2024, 1, 1), None], [1999, "a"]),
    "zoned": (ZONED, ["2024-05-01T00:00Z", ZONED[1], None], ["2024-05-01", 1999]),
    "durations": (HOURS, [HOURS[0], datetime.timedelta(minutes=1), None], [5, "x"]),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_transform_of_the_whole_table_gets_what_it_did_in_training(name: str) -> None:
    values, right, wrong = COLUMNS[name]
    seq = passed_on(values)
    column = pd.Series(values)
    for value in [*column, *right]:
        seq.encode({"n": value})
        (found,) = seen.pop()
        if value is None or pd.isna(value):
            assert pd.isna(found)
            continue
        assert seq.encode([{"n": value}, {"n": None}]).shape == (2, 1)
        assert seen.pop().isna().tolist() == [False, True]
        seq.encode({"n": value})
        assert seen.pop().dtype == column.dtype
        if column.dtype.kind == "M":
            assert found == pd.Series([pd.Timestamp(value)]).astype(column.dtype)[0]
        else:
            assert found == (np.float32(value) if name == "float32" else value)
    for value in wrong:
        for records in ({"n": value}, [{"n": None}, {"n": value}]):
            with pytest.raises(ArgumentError, match="input inputs: column 'n' has values"):
                seq.encode(records)
    with pytest.raises(ArgumentError, match="such as") as caught:
        seq.encode([{"n": column[0]}, {"n": wrong[0]}])
    assert caught.value.got is not None
    assert repr(column.tolist()[0]) in str(caught.value)


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_what_is_missing_among_objects_is_so_as_in_training(missing: Any) -> None:
    column = pd.Series(["a", missing, 5], dtype=object)
    seq = passed_on(column)
    for value in (None, np.nan, pd.NA, pd.NaT):
        seq.encode([{"n": 7}, {"n": value}])
        found = seen.pop()
        assert found[0] == 7
        assert type(found[1]) is type(missing)


def test_ints_that_float64_would_blur_are_refused_beside_none() -> None:
    seq = passed_on([1, 2])
    seq.encode({"n": LARGE + 1})
    assert seen.pop().tolist() == [LARGE + 1]
    with pytest.raises(ArgumentError, match="has values"):
        seq.encode([{"n": LARGE + 1}, {"n": None}])


def test_a_new_category_is_no_missing_one() -> None:
    frame = pd.DataFrame({"c": pd.Categorical(["a", "a", "b"])})
    hot: Any = OneHotEncoder(sparse_output=False)
    for ignores in (False, True):
        encoder = hot.set_params(handle_unknown="ignore" if ignores else "error")
        whole = make_pipeline(SimpleImputer(strategy="most_frequent"), encoder)
        seq = learned(frame, transforms=whole)
        encodes(seq, [{"c": "a"}, {"c": "a"}, {"c": "b"}])
        assert seq.encode([{"c": "b"}, {"c": None}]).tolist() == [[0, 1], [1, 0]]
        if ignores:
            assert seq.encode({"c": "zzz"}).tolist() == [[0, 0]]
            continue
        with pytest.raises(SampleError, match="zzz"):
            seq.encode({"c": "zzz"})
