"""CSV files as they are: widths, names, encodings, and what stays text; against csv and pandas."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiseq import Labels, TableSequence, WindowSequence
from multiseq.errors import ArgumentError, MultiseqError, SourceError
from multiseq.sources.delimited import Reading, read_delimited

GOOD = "id,x,y\n1,2.5,0\n2,3.5,1\n"


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def writer(text: str | bytes, name: str = "t.csv") -> str:
        data = text if isinstance(text, bytes) else text.encode()
        path = tmp_path / name
        path.write_bytes(gzip.compress(data) if name.endswith("gz") else data)
        return str(path)

    return writer


def table(path: str, **keywords: Any) -> TableSequence:
    fixed: Any = {"numeric": "x", "transforms": {"numeric": None}, "batch_size": 9}
    return TableSequence(path, "y", **fixed, **keywords)


@pytest.mark.parametrize("quoted", [False, True])
@pytest.mark.parametrize(
    ("rows", "widths"),
    [
        ("1,2.5,0,\n2,3.5,1,\n", ("4 cells", "header has 3", "off the end")),
        ("1,2,5,0\n2,3,5,1\n", ("4 cells", "header has 3", "decimal=','")),
        ("1,2.5,0\n2,3.5\n", ("2 cells", "header has 3", "line 3")),
        ("1,2.5,0\n\n2\n", ("1 cells", "header has 3", "line 4")),
        ("1,2.5\n2,3.5\n", ("2 cells", "header has 3")),
    ],
)
def test_another_width_than_the_header(
    write: Any, rows: str, widths: tuple[str, ...], quoted: bool
) -> None:
    path = write(("id,x,y\n" if not quoted else '"id",x,y\n') + rows)
    for make in (
        lambda: table(path),
        lambda: WindowSequence(path, length=1, horizon=0, features="x", targets="y"),
    ):
        with pytest.raises(SourceError) as caught:
            make()
        assert all(part in str(caught.value) for part in widths)


def test_decimal_commas_are_read_as_the_error_says(write: Any) -> None:
    path = write("id;x;y\n1;2,5;0\n2;3,5;1\n")
    with pytest.raises(SourceError, match="is a single cell") as caught:
        table(path)
    assert "sep=';'" in str(caught.value)
    assert table(path, sep=";", decimal=",")[0][0].ravel().tolist() == [2.5, 3.5]
    with pytest.raises(ArgumentError, match="decimal=','"):
        table(path, sep=";")
    data = WindowSequence(
        path, length=1, horizon=0, features="x", targets="y", sep=";", decimal=","
    )
    assert data[0][0]["past"].ravel().tolist() == [2.5, 3.5]


def test_sep_is_for_csv_files_alone(write: Any) -> None:
    with pytest.raises(ArgumentError, match="for CSV files"):
        TableSequence(pd.DataFrame({"x": [1]}), numeric="x", sep=";")
    with pytest.raises(ArgumentError, match="bad sep"):
        TableSequence(write(GOOD), numeric="x", sep=";;")


def test_a_name_twice_is_refused(write: Any) -> None:
    with pytest.raises(SourceError, match="columns of the header have one name") as caught:
        table(write("x,y,x\n1,2,3\n"))
    assert "'x'" in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_encodings_with_a_mark(write: Any, encoding: str, name: str) -> None:
    data = table(write(GOOD.encode(encoding), name), keys="id")
    assert data.keys.tolist() == [1, 2]
    assert data[0][0].ravel().tolist() == [2.5, 3.5]


def test_blank_lines_are_no_rows(write: Any) -> None:
    assert table(write("\nid,x,y\r\n1,2.5,0\r\n\r\n2,3.5,1\r\n  \r\n")).num_samples == 2
    assert table(write("id,x,y\r1,2.5,0\r2,3.5,1")).num_samples == 2


@pytest.mark.parametrize(
    ("cells", "keys"),
    [
        (["001", "002"], ["001", "002"]),
        (["1e5", "2e7"], ["1e5", "2e7"]),
        (["1.10", "1.2"], ["1.10", "1.2"]),
        (["+49", "+43"], ["+49", "+43"]),
        (["10", "9007199254740993"], [10, 9007199254740993]),
        (["0", "-7"], [0, -7]),
        (["0.5", "1.5"], [0.5, 1.5]),
        (["1", "a"], ["1", "a"]),
    ],
)
def test_keys_are_as_written(write: Any, cells: list[str], keys: list[Any]) -> None:
    rows = "".join(f"{cell},{k},{k}\n" for k, cell in enumerate(cells))
    assert table(write(f"id,x,y\n{rows}"), keys="id").keys.tolist() == keys
    assert table(write(f"id,x,y\n{rows}"), keys=["id", "y"]).keys[1] == (keys[1], 1)


def test_entities_and_categories_are_as_written(write: Any) -> None:
    path = write("site,zip,x,y\n007,01001,1,1\n007,10002,2,1\n7,,3,2\n")
    data = WindowSequence(path, length=1, horizon=0, features="x", targets="y", entity="site")
    assert data.entities.tolist() == ["007", "007", "7"]
    codes = TableSequence(path, categorical=["zip", "site"])
    codes.adapt(progress=False)
    assert [codes.raw(k)["zip"] for k in range(3)] == ["01001", "10002", None]


def test_ids_of_17_digits_beside_a_missing_one(write: Any) -> None:
    path = write("c,x\n90071992547409921,1\n90071992547409922,2\n,3\n")
    data = TableSequence(path, categorical="c")
    assert [data.raw(k)["c"] for k in range(3)] == [90071992547409921, 90071992547409922, None]


@pytest.mark.parametrize(
    ("cells", "classes"),
    [
        (["007", "7", "", "08"], ("007", "08", "7")),
        (["90071992547409921", "", "90071992547409922"], (90071992547409921, 90071992547409922)),
        (["2.0", "", "1.0"], (1, 2)),
    ],
)
@pytest.mark.parametrize("named", [False, True])
def test_classes_are_as_written(
    write: Any, cells: list[str], classes: tuple[Any, ...], named: bool
) -> None:
    path = write("x,y\n" + "".join(f"{k},{cell}\n" for k, cell in enumerate(cells)))
    name: Any = "kind" if named else "targets"
    data = TableSequence(
        path,
        {"kind": "y"} if named else "y",
        numeric="x",
        transforms={"numeric": None, name: Labels()},
        missing={name: "mask"},
    )
    data.adapt(progress=False)
    assert data.classes == ({"kind": classes} if named else classes)


def test_numbers_asked_for_are_numbers(write: Any) -> None:
    path = write("x,y\n1e5,01\n2.5e-3,02\n")
    data = table(path)
    assert data[0][0].ravel().tolist() == [np.float32(1e5), np.float32(2.5e-3)]
    assert data[0][1].tolist() == [1, 2]


def test_a_transform_of_the_whole_table_gets_ids_as_text(write: Any) -> None:
    seen: list[Any] = []

    class Whole:
        def fit(self, frame: Any) -> Any:
            return self

        def transform(self, frame: Any) -> Any:
            seen.append(frame)
            return frame[["m"]].to_numpy()

    path = write("zip,m,y\n01001,1e-05,0\n10002,1.50,1\n")
    data = TableSequence(path, "y", transforms=Whole())
    data.adapt(progress=False)
    assert data[0][0].shape == (2, 1)
    assert seen[0]["zip"].tolist()[0] == "01001"
    assert seen[0]["m"].dtype == np.float64


CELLS = st.text(st.sampled_from('019.-e,"; \nax'), max_size=4)


@given(st.lists(st.lists(CELLS, min_size=2, max_size=3), min_size=1, max_size=5))
def test_what_csv_wrote_is_read_or_refused(tmp_path_factory: Any, rows: list[list[str]]) -> None:
    path = tmp_path_factory.mktemp("d") / "t.csv"
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([["a", "b"], *rows])
    how = Reading(labels=("a", "b"))
    if any(len(row) != 2 for row in rows):
        with pytest.raises(SourceError):
            read_delimited(str(path), how)
        return
    frame = read_delimited(str(path), how)
    text = pd.read_csv(path, dtype=str)
    for name in ("a", "b"):
        for found, cell in zip(frame[name], text[name], strict=True):
            same = pd.isna(found) and pd.isna(cell)
            assert same or str(found) == (cell if frame[name].dtype.kind == "O" else cell.strip())


@given(st.data())
def test_damaged_bytes_are_a_table_or_an_error(tmp_path_factory: Any, data: Any) -> None:
    raw = bytearray(GOOD.encode())
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(
            st.sampled_from(b'\x00\xff\xfe,;"\r\n0e.+-') | st.integers(0, 255)
        )
    path = tmp_path_factory.mktemp("d") / "t.csv"
    path.write_bytes(raw)
    try:
        found = TableSequence(path, numeric="x", keys="id", transforms={"numeric": None})
        values = found[0][0].ravel()
    except MultiseqError:
        return
    rows = list(csv.reader(io.StringIO(raw.decode("utf-8", "ignore"), newline="")))[1:]
    kept = [row for row in rows if row and any(map(str.strip, row))]
    assert len(values) == len(kept)
    assert values.tolist() == [np.float32(row[1]) for row in kept]
