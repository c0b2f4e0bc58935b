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

from multiseq import TableSequence, Vocabulary
from multiseq.errors import ArgumentError


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
