"""windows of tables that cannot be used: each error says which column, entity and time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from series import all_rows, series, windows

from multiseq.errors import AlignmentError, ArgumentError, SourceError


def with_value(column: str, row: int, value: Any) -> pd.DataFrame:
    """A series in which one value is another."""
    frame = series().astype({"code": float})
    frame[column] = frame[column].astype(object) if value is None else frame[column]
    frame.loc[row, column] = value
    return frame


def test_an_entity_that_has_a_time_twice() -> None:
    frame = pd.concat([series(), series()[13:15]])
    with pytest.raises(AlignmentError, match="2 rows have the same entity and time") as caught:
        windows(frame)
    assert "'a', t 2020-01-01 01:00:00; 'a', t 2020-01-01 02:00:00" in str(caught.value)


def test_several_series_taken_for_one() -> None:
    with pytest.raises(AlignmentError, match="the same time") as caught:
        windows(entity=None)
    assert "entity=" in str(caught.value)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
@pytest.mark.parametrize("column", ["twice", "code"])
def test_a_value_that_is_missing_or_infinite(column: str, value: float) -> None:
    frame = with_value(column, 17, value)
    with pytest.raises(ArgumentError, match="missing or infinite in 1 rows") as caught:
        windows(frame, features="twice", targets="code")
    role = {"twice": "features", "code": "targets"}[column]
    assert f"{role}: values" in str(caught.value)
    assert f"'{column}' of 'a', t 2020-01-01 05:00:00" in str(caught.value)


@pytest.mark.parametrize("as_text", [False, True])
def test_a_date_among_the_features(as_text: bool) -> None:
    frame = series()
    frame["day"] = frame["t"].astype(str) if as_text else frame["t"]
    with pytest.raises(ArgumentError, match="holds no numbers") as caught:
        windows(frame, features=["code", "day"])
    assert "pd.to_datetime(frame['day']).dt.hour" in str(caught.value)


def test_values_that_no_window_uses_may_be_missing() -> None:
    frame = series({"a": 7}).astype({"code": float})
    frame["goal"] = frame["code"].where(frame.index >= 4)
    frame["code"] = frame["code"].where(frame.index < 5)
    pasts, goals = all_rows(windows(frame, targets="goal"))
    assert pasts.tolist() == [[1000, 1001, 1002, 1003], [1001, 1002, 1003, 1004]]
    assert goals.tolist() == [[1004, 1005], [1005, 1006]]
    for column in ("goal", "code"):
        with pytest.raises(ArgumentError, match="missing or infinite in 1 rows"):
            windows(frame.assign(**{column: frame[column].where(frame.index != 4)}), targets="goal")


def test_rows_left_out_leave_a_gap_instead() -> None:
    frame = with_value("twice", 4, np.nan).dropna()
    assert (np.diff(all_rows(windows(frame, length=2, horizon=2))[0]) == 1).all()


@pytest.mark.parametrize(
    ("keywords", "says"),
    [
        ({"length": 0}, "bad length"),
        ({"length": 2.0}, "bad length"),
        ({"length": True}, "bad length"),
        ({"horizon": -1}, "bad horizon"),
        ({"stride": 0}, "bad stride"),
        ({"features": []}, "features names no columns"),
        ({"features": [["code"]]}, "features names no columns"),
        ({"features": ["code", "code"]}, "features names a column twice"),
        ({"features": "codes"}, "there is no column 'codes'"),
        ({"features": ["code", "site"]}, "features: column 'site' holds no numbers"),
        ({"features": "t"}, "features: column 't' holds no numbers"),
        ({"targets": "goal"}, "there is no column 'goal'"),
        ({"targets": "site"}, "targets: column 'site' holds no numbers"),
        ({"targets": []}, "targets names no columns"),
        ({"targets": {"past": "code"}}, "bad name of an output"),
        ({"entity": "place"}, "there is no column 'place'"),
        ({"time": "when"}, "there is no column 'when'"),
        ({"time": "site"}, "'site' holds no times"),
        ({"gaps": "fix"}, "bad gaps"),
        ({"keys": "site"}, "bad keys"),
        ({"static": "site"}, "static: column 'site' holds no numbers"),
        ({"static": "area"}, "there is no column 'area'"),
    ],
)
def test_bad_arguments(keywords: dict[str, Any], says: str) -> None:
    with pytest.raises(ArgumentError, match=says) as caught:
        windows(**keywords)
    assert caught.value.where["class"] == "WindowSequence"


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        ([1, 2, 3], "this is no table"),
        (np.zeros((5, 2)), "this is no table"),
        (series()[:0], "the table has no rows"),
        ({"site": [1, 2], "t": [1]}, "the columns make no table"),
        ("nowhere.csv", "the table's file does not exist"),
        (__file__, "of no known kind of table"),
        (with_value("site", 3, None), "1 rows have no entity"),
        (with_value("t", 3, pd.NaT), "1 rows have no time"),
        (series().assign(t=True), "'t' holds no times"),
        (series().assign(t="soon"), "'t' holds no times"),
        (series().assign(t=pd.Timedelta(1)), "'t' holds no times"),
        (series().assign(t=pd.Timestamp("3000-01-01")), "'t' holds no times"),
        (pd.concat([series(), series()], axis=1), "several columns"),
        (series().assign(code=1j), "holds no numbers"),
        (series().assign(code=pd.Timedelta(1)), "holds no numbers"),
    ],
)
def test_bad_tables(frame: Any, says: str) -> None:
    with pytest.raises((ArgumentError, SourceError), match=says):
        windows(frame)


def test_a_static_column_that_varies() -> None:
    with pytest.raises(ArgumentError, match="'twice' is not constant within 'b'") as caught:
        windows(static=["twice"])
    assert "2000.0, and 2002.0 in row 1" in str(caught.value)


def test_a_static_value_that_is_missing() -> None:
    for static in (pd.Series({"a": 1, "b": np.nan, "c": 2}), ["s"]):
        frame = series().assign(s=lambda f: f["site"].map({"a": 1.0, "c": 2.0}))
        with pytest.raises(ArgumentError, match="static: values are missing") as caught:
            windows(frame, static=static)
        assert "of 'b' is" in str(caught.value)
    unused = pd.Series({"a": 1, "b": 2, "c": np.nan})
    assert windows(static=unused).num_samples == 11


def test_static_tables_that_lack_entities() -> None:
    with pytest.raises(AlignmentError, match="no row for 2 of the 3 entities") as caught:
        windows(static=pd.Series({"a": 1, "z": 2}))
    assert "'b', 'c'" in str(caught.value)
    with pytest.raises(AlignmentError, match="static has a key more than once"):
        windows(static=pd.Series([1, 2, 3, 4], index=list("abca")))
    with pytest.raises(AlignmentError, match="different kinds") as caught:
        windows(series({1: 9, 2: 9}), static=pd.Series({"1": 1, "2": 2}))
    assert "int64" in str(caught.value)
    with pytest.raises(ArgumentError, match="there are no entities"):
        windows(series({"a": 9}), entity=None, static=pd.Series({"a": 1}))
    with pytest.raises(ArgumentError, match="static: column 'k' holds no numbers"):
        windows(static=pd.DataFrame({"k": list("xyz")}, index=list("abc")))


@pytest.mark.parametrize(
    ("sites", "says"),
    [
        (["a ", "b"], "blanks at the ends"),
        (["a.csv", "b.csv"], "folder or ending"),
        (["A", "B"], "differ in case"),
    ],
)
def test_static_tables_whose_entities_print_alike(sites: list[str], says: str) -> None:
    with pytest.raises(AlignmentError, match=says):
        windows(static=pd.DataFrame({"area": [1.0, 2.0]}, index=sites))


def test_static_tables_with_levels_without_names() -> None:
    frame = series().assign(plot=lambda table: table["site"])
    bare = pd.Series([1.0, 2.0, 3.0], pd.MultiIndex.from_tuples(zip("abc", "abc", strict=True)))
    with pytest.raises(AlignmentError, match=r"by name(?s:.)*\['site', 'plot'\]"):
        windows(frame, entity=["site", "plot"], static=bare)
    named = bare.rename_axis(index=["site", "plot"])
    assert windows(frame, entity=["site", "plot"], static=named).num_samples
