"""_documents: JSON, str(dict) and CSV into plain values; nothing in them is ever run."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multiseq.errors import SourceError
from multiseq.modalities.files.documents import as_array, as_column, read_json, read_txt
from multiseq.modalities.files.tables import read_csv

METADATA = {
    "location": "loc_1",
    "time": 100,
    "score": -0.25,
    "ok": True,
    "none": None,
    "point": [1.5, 2.0],
    "a": {"b": {"c": 7}},
    "x.y": 1,
}


def write(tmp_path: Path, text: str | bytes) -> str:
    path = tmp_path / "file"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


# ---- .json and .txt


@pytest.fixture(params=["json", "txt"])
def document(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Reads fields of METADATA, from either kind of file."""
    if request.param == "json":
        return lambda *fields: read_json(write(tmp_path, json.dumps(METADATA)), fields)
    return lambda *fields: read_txt(write(tmp_path, str(METADATA)), fields)


def test_fields_come_as_they_are(document: Any) -> None:
    fields = ["time", "location", "score", "ok", "none", "point"]
    assert document(*fields) == [METADATA[name] for name in fields]


def test_a_dot_leads_inside(document: Any) -> None:
    assert document("a.b.c", "a.b") == [7, {"c": 7}]


def test_a_name_with_a_dot_comes_first(document: Any) -> None:
    assert document("x.y") == [1]


@pytest.mark.parametrize("read", [read_json, read_txt])
@pytest.mark.parametrize(
    ("text", "field", "twin"),
    [
        ('{"a": 1, "a": 2}', "a", "a"),
        ('{"a": {"b": 1, "b": 2}}', "a.b", "b"),
        ('{"c": "it\'s", "a": 1, "a": 2}', "a", "a"),
        ('{"a": 1, "b": {"a": 2}}', "a", None),
        ('{"a": 1, "b": [{"c": 2}, {"c": 3}]}', "a", None),
    ],
)
def test_a_field_that_occurs_twice(
    tmp_path: Path, read: Any, text: str, field: str, twin: str | None
) -> None:
    for written in (
        text,
        text.replace('"', "'") if read is read_txt and "it's" not in text else text,
    ):
        path = write(tmp_path, written)
        if twin is None:
            assert read(path, [field]) == [1]
        else:
            with pytest.raises(SourceError, match=f"(?s)occurs twice.*'{twin}'"):
                read(path, [field])


def test_no_field_is_the_whole(document: Any) -> None:
    assert document(None) == [METADATA]


@pytest.mark.parametrize(("field", "known"), [("place", "'location'"), ("a.b.d", "'c'")])
def test_a_wrong_field_names_those_that_are_there(document: Any, field: str, known: str) -> None:
    with pytest.raises(SourceError, match=f"no field '{field}'") as caught:
        document(field)
    assert known in str(caught.value)


@pytest.mark.parametrize("field", ["location.x", "point.0", "none.x"])
def test_a_field_of_no_object_is_refused(document: Any, field: str) -> None:
    with pytest.raises(SourceError, match="no field"):
        document(field)


@pytest.mark.parametrize("read", [read_json, read_txt, read_csv])
@pytest.mark.parametrize("data", [b"", b"\n \n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(tmp_path: Path, read: Any, data: bytes) -> None:
    with pytest.raises(SourceError, match="empty"):
        read(write(tmp_path, data), [None])


@pytest.mark.parametrize("read", [read_json, read_txt, read_csv])
def test_text_that_is_not_utf8_is_refused(tmp_path: Path, read: Any) -> None:
    with pytest.raises(SourceError, match="UTF-8"):
        read(write(tmp_path, '{"a": "é"}'.encode("latin-1")), [None])


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    assert read_json(write(tmp_path, b'\xef\xbb\xbf{"a": 1}'), ["a"]) == [1]


@pytest.mark.parametrize(
    "text",
    ['{"a": 1', "{'a': 1}", '{"a": 1} {"a": 2}', "[" * 100_000, '{"a": ' + "1" * 5000 + "}"],
)
def test_invalid_json_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(SourceError, match="not valid JSON"):
        read_json(write(tmp_path, text), ["a"])


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_a_json_nan_is_refused(tmp_path: Path, word: str) -> None:
    with pytest.raises(SourceError, match=f"{word} is not JSON"):
        read_json(write(tmp_path, f'{{"b": 2, "a": {word}}}'), ["b"])


@pytest.mark.parametrize(
    "value",
    [
        {"a": 'it"s'},
        {"a": "it's"},
        {"a": "back\\slash\n"},
        {1: 2, "a": (1, 2)},
        {"a": {1, 2}},
        {"a": -1e-300, "b": [True, None, False]},
        {"a": b"bytes"},
        {"a": "é\u2028\x7f"},
        {"a": "{}[],: #true"},
        {"a": 'x", "b": "y'},
        {"a": "\ud83d\ude00"},
        {"a": 3 + 4j},
        {},
        [],
        -0.0,
        "x",
    ],
    ids=repr,
)
def test_txt_gives_back_what_str_wrote(tmp_path: Path, value: Any) -> None:
    text = repr(value)
    assert repr(read_txt(write(tmp_path, text), [None])[0]) == text


@pytest.mark.parametrize("text", ["{'a': 'x' 'y'}", "{'a': '''x'''}", "{'a': u'x'}", "{'a': 1_0,}"])
def test_txt_means_what_python_means(tmp_path: Path, text: str) -> None:
    assert read_txt(write(tmp_path, text), [None]) == [eval(text)]  # noqa: S307


def test_code_in_txt_is_refused_and_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError, match="never run as code"):
        read_txt(write(tmp_path, "__import__('os').system('touch pwned')"), ["location"])
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(
    "text", ["{'a': nan}", "{'a': np.float64(1.0)}", "a photo of a cat", "(" * 5000, "-" * 50_000]
)
def test_txt_that_is_no_literal_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(SourceError, match="JSON"):
        read_txt(write(tmp_path, text), ["a"])


def test_a_long_txt_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="too long"):
        read_txt(write(tmp_path, "[" + "1," * 200_000 + "]"), [None])


# ---- .csv


def test_csv_is_a_table(tmp_path: Path) -> None:
    (table,) = read_csv(write(tmp_path, "a,b\n1,2.5\n-3,1e3\n"), [None])
    np.testing.assert_array_equal(table, np.array([[1, 2.5], [-3, 1000]]), strict=True)


def test_csv_without_header_keeps_its_first_row(tmp_path: Path) -> None:
    assert read_csv(write(tmp_path, "1,2\r\n3,4\r\n"), [None])[0].tolist() == [[1, 2], [3, 4]]


def test_csv_gives_columns_by_name(tmp_path: Path) -> None:
    text = 'name,speed,"a, b"\n"x, y",1,3\nz,2,4\n'
    speed, other = read_csv(write(tmp_path, text), ["speed", "a, b"])
    np.testing.assert_array_equal(speed, np.array([1.0, 2.0]), strict=True)
    np.testing.assert_array_equal(other, np.array([3.0, 4.0]), strict=True)


def test_csv_gives_a_column_beside_the_table(tmp_path: Path) -> None:
    table, b, a = read_csv(write(tmp_path, "a,b\n1,2\n3,4\n"), [None, "b", "a"])
    assert (table.shape, b.tolist(), a.tolist()) == ((2, 2), [2, 4], [1, 3])


def test_csv_of_one_cell_is_a_table(tmp_path: Path) -> None:
    assert read_csv(write(tmp_path, "a\n1"), [None])[0].shape == (1, 1)


def test_csv_may_say_nan(tmp_path: Path) -> None:
    assert math.isnan(read_csv(write(tmp_path, "a\nnan\n"), ["a"])[0][0])


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("a,b\n", None, "no rows"),
        ("a,b\n\n \n", "a", "no rows"),
        ("a,b\n1,2\n3,\n", None, "no number"),
        ("a,b\n1,2\n3,x\n", "b", "no number"),
        ("a,b\n1,2\n3\n", None, "another width"),
        ("a;b\n1;2\n", None, "no number"),
        (",a\n0,1\n", None, "no name"),
        ("a,b\n1,2\n", "c", "no column 'c'"),
        ("1,2\n3,4\n", "a", "no column 'a'"),
    ],
)
def test_a_bad_table_is_refused(tmp_path: Path, text: str, column: str | None, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        read_csv(write(tmp_path, text), [column])


def test_text_columns_do_not_disturb_others(tmp_path: Path) -> None:
    assert read_csv(write(tmp_path, ",name,v\n0,x,1\n1,y,2\n"), ["v"])[0].tolist() == [1, 2]


# ---- values


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1, 2], "int64"),
        ([1.5, 2.0], "float64"),
        ([1, 2.5], "float64"),
        ([True, False], "bool"),
    ],
)
def test_numbers_are_a_column_at_once(values: list[Any], dtype: str) -> None:
    column = as_column(values)
    assert column is not None
    assert (column.dtype.name, column.tolist()) == (dtype, values)


@pytest.mark.parametrize(
    "values", [["a"], [None], [1, None], [[1]], [True, 1], [1e999], [1 << 64], [np.zeros(2)]]
)
def test_anything_else_is_not_a_column(values: list[Any]) -> None:
    assert as_column(values) is None


@pytest.mark.parametrize(
    ("value", "dtype", "shape"),
    [
        (3, "int64", ()),
        (0.5, "float64", ()),
        (True, "bool", ()),
        ([1, 2, 3], "int64", (3,)),
        ([[1, 2.5]], "float64", (1, 2)),
        ([], "int64", (0,)),
        (["a", "bc"], "str64", (2,)),
        ((1, 2), "int64", (2,)),
    ],
)
def test_values_become_arrays(value: Any, dtype: str, shape: tuple[int, ...]) -> None:
    array = as_array(value)
    assert isinstance(array, np.ndarray)
    assert (array.dtype.name, array.shape) == (dtype, shape)


def test_text_stays_text() -> None:
    assert as_array("loc_1") == "loc_1"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "null"),
        ({"b": 1}, "object with the fields 'b'"),
        ({}, "empty object"),
        ([[1, 2], [3]], "neither"),
        ([1, None], "neither"),
        ([1, "a"], "neither"),
        (["a", None], "neither"),
        ([{}], "neither"),
        (1 << 64, "neither"),
        (1 << 63, "neither"),
        (1e999, "too large"),
        ([1.0, -1e999], "too large"),
        (b"bytes", "neither"),
        (1j, "neither"),
        ({1, 2}, "neither"),
    ],
)
def test_what_is_no_value_is_refused(value: Any, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        as_array(value)
