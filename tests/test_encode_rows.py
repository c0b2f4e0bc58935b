"""encode(raw) of what stands in files, of rows of a database, and of windows."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from served import encodes, equal, inputs_of
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from multiseq import (
    ArraySequence,
    FileSequence,
    MinMax,
    SQLSequence,
    Standardize,
    Vocabulary,
    WindowSequence,
    join,
)
from multiseq.errors import ArgumentError, SampleError

# Files.

numbers = st.floats(-1e6, 1e6, width=32)


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.lists(numbers, min_size=2, max_size=2),
            st.text("ab é", max_size=4),
            st.integers(-9, 9),
            st.booleans(),
        ),
        min_size=2,
        max_size=5,
    )
)
def test_what_stands_in_files(tmp_path_factory: Any, rows: list[Any]) -> None:
    root = tmp_path_factory.mktemp("files")
    records = []
    for key, (pair, place, count, flag) in enumerate(rows):
        array = np.array(pair, np.float32)
        np.save(root / f"sensor_{key}.npy", array)
        np.savetxt(root / f"log_{key}.csv", np.outer([1, 2], pair), delimiter=",", fmt="%.17g")
        text = json.dumps({"place": place, "count": count, "list": [count, 2], "flag": flag})
        (root / f"meta_{key}.json").write_text(text, "utf-8")
        (root / f"note_{key}.txt").write_text(str({"x": count + 0.5}), "utf-8")
        table = np.atleast_2d(np.loadtxt(root / f"log_{key}.csv", delimiter=","))
        record = {"sensor": array, "table": table, "place": place, "count": count}
        records.append({**record, "list": [count, 2], "flag": flag, "x": count + 0.5})
    seq = FileSequence(
        root,
        {
            "sensor": "sensor_{key}.npy",
            "table": "log_{key}.csv",
            **{name: f"meta_{{key}}.json:{name}" for name in ("place", "count", "list", "flag")},
            "x": "note_{key}.txt:x",
        },
        targets="meta_{key}.json:count",
        transforms={
            "sensor": (np.abs, Standardize(), MinMax()),
            "place": (str.upper, Vocabulary()),
            "x": Standardize(),
        },
        shuffle=True,
    )
    seq.adapt(progress=False)
    encodes(seq, records)
    files = [
        {
            **each,
            "sensor": root / f"sensor_{k}.npy",
            "count": (root / f"meta_{k}.json").read_bytes(),
        }
        for k, each in enumerate(records)
    ]
    encodes(seq, files)
    train, test = seq.split(0.5, 0.5)
    equal(test.encode(records), train.encode(records))


def in_files(root: Path) -> FileSequence:
    for key in range(3):
        np.save(root / f"{key}.npy", np.full((2, 3), key, np.int16))
        (root / f"{key}.json").write_text(json.dumps({"kind": "ab"[key % 2], "n": 1.5 + key}))
        (root / f"{key}.raw").write_bytes(bytes([key] * 4))
    return FileSequence(
        root,
        ("{key}.npy", "{key}.json:kind", "{key}.json:n", "{key}.raw"),
        read=lambda data: np.frombuffer(data, np.uint8),
        transforms={1: Vocabulary()},
    )


def test_files_in_a_tuple_and_what_is_none_of_them(tmp_path: Path) -> None:
    seq = in_files(tmp_path)
    seq.adapt(progress=False)
    names = [f"inputs[{k}]" for k in range(4)]
    rows = [
        (np.full((2, 3), k, np.int16), "ab"[k % 2], 1.5 + k, np.full(4, k, np.uint8))
        for k in range(3)
    ]
    records = [dict(zip(names, row, strict=True)) for row in rows]
    encodes(seq, records)
    encodes(seq, [{**each, names[3]: bytes([k] * 4)} for k, each in enumerate(records)])
    equal(seq.encode({**records[0], names[2]: 1})[2], np.array([1], "f4"))
    for name, value, kind in [
        (names[0], np.zeros((2, 2), np.int16), SampleError),
        (names[0], np.zeros((2, 3)), SampleError),
        (names[2], "text", SampleError),
        (names[2], None, SampleError),
        (names[2], {"n": 1.5}, SampleError),
        (names[0], tmp_path / "none.npy", SampleError),
        (names[0], tmp_path.parent / "0.npy", SampleError),
        (names[0], b"no array", SampleError),
    ]:
        number = name[7]
        with pytest.raises(kind, match=rf"input (inputs\[)?{number}"):
            seq.encode({**records[0], name: value})
    with pytest.raises(ArgumentError, match=r"lacks 'inputs\[0\]'"):
        seq.encode(dict.fromkeys(names[1:], 1))


def test_a_single_file_and_a_join(tmp_path: Path) -> None:
    in_files(tmp_path)
    seq = FileSequence(tmp_path, "{key}.npy")
    rows = [np.full((2, 3), k, np.int16) for k in range(3)]
    encodes(seq, [{"inputs": row} for row in rows])
    whole = join(seq, ArraySequence({"b": np.arange(3.0)}), how="inner")
    assert whole.num_samples == 3


# Rows of a database.

cells = st.tuples(st.none() | numbers, st.integers(-9, 9), st.none() | st.sampled_from("abé"))


@settings(max_examples=15, deadline=None)
@given(st.lists(cells, min_size=1, max_size=6))
def test_rows_of_a_database(tmp_path_factory: Any, rows: list[Any]) -> None:
    rows = [(1.5, 2, "a"), (2.5, 3, "b"), *rows]
    path = tmp_path_factory.mktemp("sql") / "a.db"
    with sqlite3.connect(path) as link:
        link.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, x REAL, n INTEGER, kind TEXT, y INT)")
        link.executemany(
            "INSERT INTO t VALUES (?, ?, ?, ?, 1)", [(k, *row) for k, row in enumerate(rows)]
        )
    seq = SQLSequence(
        path,
        "t",
        key="id",
        inputs={"pair": ["x", "n"], "n": "n", "kind": "kind", "tokens": "kind"},
        targets="y",
        transforms={
            "pair": make_pipeline(SimpleImputer(), StandardScaler()),
            "n": (Standardize(), MinMax()),
            "kind": Vocabulary(),
            "tokens": (lambda text: [*(text or "")], Vocabulary(mask="")),
        },
        shuffle=True,
    )
    seq.adapt(progress=False)
    records = [dict(zip(("x", "n", "kind"), row, strict=True)) for row in rows]
    encodes(seq, records)
    equal(
        seq.encode(
            [
                {**each, "x": np.float64("nan") if each["x"] is None else each["x"]}
                for each in records
            ]
        ),
        inputs_of(seq),
    )
    with pytest.raises(ArgumentError, match="record 0 lacks 'kind'"):
        seq.encode({"x": 1.0, "n": 1})
    for wrong, name in (
        ({"x": "1"}, "pair"),
        ({"n": "1"}, "pair"),
        ({"kind": b"a"}, "kind"),
    ):
        with pytest.raises(SampleError, match=f"input {name}"):
            seq.encode({**records[0], **wrong})
    seq.close()


def test_null_without_a_transform_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "a.db") as link:
        link.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER)")
        link.executemany("INSERT INTO t VALUES (?, ?)", [(1, 2), (2, 3)])
    seq = SQLSequence(tmp_path / "a.db", "t", key="id", inputs="n")
    encodes(seq, [{"n": 2}, {"n": 3}])
    for wrong in (None, 2.5, "2", 1 << 70):
        with pytest.raises(SampleError, match="column 'n'"):
            seq.encode({"n": wrong})
    seq.close()


# Windows.


def series(rows: int = 9) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "site": np.repeat(["b", "a"], rows),
            "date": np.tile(pd.date_range("2024-01-01", periods=rows, freq="h"), 2),
            "flow": rng.normal(5, 2, 2 * rows),
            "rain": rng.integers(0, 9, 2 * rows),
            "area": np.repeat([2.5, 7.0], rows),
            "y": rng.random(2 * rows),
        }
    )
    return frame.sample(frac=1, random_state=1)


def windows(frame: pd.DataFrame, **keywords: Any) -> WindowSequence:
    options = {
        "features": ["flow", "rain"],
        "targets": {"y": "y"},
        "entity": "site",
        "time": "date",
        "static": ["area"],
        "transforms": {
            "past": Standardize(),
            "static": (Standardize(), MinMax()),
            "y": Standardize(),
        },
    }
    return WindowSequence(frame, length=4, horizon=2, **{**options, **keywords})


@pytest.mark.parametrize("keywords", [{}, {"transforms": None}, {"static": None, "transforms": {}}])
def test_windows(keywords: Any) -> None:
    frame = series()
    seq = windows(frame, **keywords)
    seq.adapt(progress=False)
    fields = ["flow", "rain"] + ["area"] * (keywords.get("static", 1) is not None)
    by_site = {str(site): each.sort_values("date") for site, each in frame.groupby("site")}
    records, frames = [], []
    for row in seq.windows.itertuples():
        every = by_site[str(row.site)]
        part = every[(every["date"] >= row.start) & (every["date"] <= row.end)]
        frames.append(part[["site", "date", *fields]])
        record = {name: part[name].to_numpy() for name in fields}
        records.append(record | ({"area": record["area"][0]} if "area" in fields else {}))
    encodes(seq, records)
    for k, part in enumerate(frames):
        equal(seq.encode(part), seq.encode(records[k]))
        equal(seq.encode(part.sample(frac=1, random_state=k)), seq.encode(records[k]))
    last = frame[["site", "date", *fields]].sort_values("date").groupby("site").tail(4)
    last = last.sort_values("site", ascending=False)
    found = seq.encode(last)
    for k, site in enumerate("ba"):
        one = seq.encode(last[last["site"] == site])
        equal({name: each[[k]] for name, each in found.items()}, one)


def test_what_is_no_window() -> None:
    seq = windows(series())
    seq.adapt(progress=False)
    record: dict[str, Any] = {"flow": [1.0, 2, 3, 4], "rain": [1, 2, 3, 4], "area": 2.5}
    seq.encode(record)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"flow": [1.0, 2, 3]}, "record 0: 'flow' is not a column of a window"),
        ({"flow": 1.0}, "'flow' is not a column"),
        ({"flow": list("abcd")}, "'flow' holds no numbers"),
        ({"area": [1.0, 2, 1, 1]}, "'area' does not have one value"),
        ({"rain": None}, "'rain' is not a column"),
        ({"y": 1}, "record 0 has 'y'"),
    ]
    for wrong, said in cases:
        with pytest.raises(ArgumentError, match=said):
            seq.encode({**record, **wrong})
    with pytest.raises(SampleError, match="input past: features: values are missing"):
        seq.encode({**record, "flow": [1.0, None, 3, np.nan]})
    frame = series().drop(columns="y")
    with pytest.raises(ArgumentError, match=r"9 rows(?s:.*)tail\(4\)"):
        seq.encode(frame)
    seq.encode(frame.sort_values("date").groupby("site").tail(4))  # The fix.
    with pytest.raises(ArgumentError, match="the frame has 'y'"):
        seq.encode(series())
    plain = windows(series(), transforms={})
    with pytest.raises(ArgumentError, match="record 0"):
        plain.encode({**record, "flow": [1.0, 2, np.nan, 4]})


def test_columns_whose_names_are_numbers() -> None:
    frame = pd.DataFrame(np.arange(12.0).reshape(6, 2))
    seq = WindowSequence(frame, length=3, features=[0, 1], targets=0)
    found = seq.encode({0: [0.0, 2, 4], 1: [1.0, 3, 5]})
    equal(found, seq.encode(frame.iloc[:3]))
    equal(found, {"past": seq[0][0]["past"][:1]})


def test_windows_in_a_join() -> None:
    frame = series()
    seq = windows(frame, keys="time", targets=None, transforms={"past": Standardize()})
    other = ArraySequence({"x": np.arange(len(seq.keys)) + 0.5}, keys=seq.keys)
    whole = join(seq, other)
    whole.adapt(progress=False)
    record = {"flow": [1.0, 2, 3, 4], "rain": [1, 2, 3, 4], "area": 2.5, "x": 3.5}
    found = whole.encode(record)
    alone = seq.encode({name: record[name] for name in ("flow", "rain", "area")})
    equal({name: found[name] for name in alone}, alone)
