"""FileSequence of CSV tables: all with the columns of the first key's; cells that are missing."""

from __future__ import annotations

import itertools
import json
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from multiseq.errors import ArgumentError, SampleError, SourceError
from multiseq.modalities.files.sequence import FileSequence
from multiseq.modalities.files.tables import header_of, read_csv
from multiseq.testing import check_sequence
from multiseq.transforms import Standardize, Vocabulary

TABLE = {"a": "m_{key}.csv"}
NAMES = ["time", "temp", "humidity"]


def write(root: Path, *texts: str, kind: str = "csv") -> Path:
    for key, text in enumerate(texts):
        (root / f"m_{key}.{kind}").write_text(text)
    return root


# ---- headers


def test_tables_whose_columns_stand_otherwise_are_put_in_order(tmp_path: Path) -> None:
    frames = [
        pd.DataFrame(np.arange(6).reshape(2, 3) + 10.0 * k, columns=NAMES)[list(order)]
        for k, order in enumerate(itertools.permutations(NAMES))
    ]
    write(tmp_path, *(frame.to_csv(index=False) for frame in frames))
    seq = FileSequence(tmp_path, {**TABLE, "temp": "m_{key}.csv:temp"}, batch_size=6)
    for one in (seq, pickle.loads(pickle.dumps(seq))):
        (x,) = one[0]
        np.testing.assert_array_equal(x["a"], [frame[NAMES] for frame in frames])
        np.testing.assert_array_equal(x["temp"], [frame["temp"] for frame in frames])
    check_sequence(seq)


def test_the_first_key_says_the_order_to_all_parts(tmp_path: Path) -> None:
    write(tmp_path, "u,v\n1,2\n", "v,u\n4,3\n", " v, u\n6,5\n")
    seq = FileSequence(tmp_path, TABLE)
    rows = [[[1, 2]], [[3, 4]], [[5, 6]]]
    assert seq.subset([2, 1])[0][0]["a"].tolist() == [rows[2], rows[1]]
    other = FileSequence(tmp_path, TABLE, keys=[1, 0])
    assert other[0][0]["a"].tolist() == [[[4, 3]], [[2, 1]]]
    served = seq.encode({"a": tmp_path / "m_1.csv"})
    assert served["a"].tolist() == [rows[1]]


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ("u,v\n1,2\n", "u,w\n3,4\n", ["'u', 'w'", "'u', 'v'"]),
        ("u,v\n1,2\n", "3,4\n", ["no header", "'u', 'v'"]),
        ("1,2\n", "u,v\n3,4\n", ["'u', 'v'", "no header"]),
    ],
)
def test_other_columns_are_refused(
    tmp_path: Path, first: str, second: str, words: list[str]
) -> None:
    write(tmp_path, first, second)
    with pytest.raises(SourceError, match=r"m_1\.csv: .*other columns") as caught:
        FileSequence(tmp_path, TABLE)[0]
    assert words[0] in str(caught.value.got)
    assert words[1] in str(caught.value.expected)


def test_worker_processes_know_the_first_header(tmp_path: Path) -> None:
    write(tmp_path, "u,v\n1,2\n", "v,u\n4,3\n", "u,w\n5,6\n")
    seq = FileSequence(tmp_path, TABLE, batch_size=1, workers=2, use_multiprocessing=True)
    assert seq.subset([1])[0][0]["a"].tolist() == [[[3, 4]]]
    with pytest.raises(SourceError, match=r"m_2\.csv: .*other columns"):
        seq[2]


def test_columns_that_all_have_are_the_way_out(tmp_path: Path) -> None:
    write(tmp_path, "u,v\n1,2\n", "u,w\n3,4\n")
    with pytest.raises(SourceError, match="name the columns to read that all have"):
        FileSequence(tmp_path, TABLE)[0]
    assert FileSequence(tmp_path, {"a": "m_{key}.csv:u"})[0][0]["a"].tolist() == [[1], [3]]


def test_a_first_table_that_is_damaged_says_so_when_it_is_loaded(tmp_path: Path) -> None:
    write(tmp_path, "", "u,v\n1,2\n", "v,u\n4,3\n")
    seq = FileSequence(tmp_path, TABLE)
    with pytest.raises(SourceError, match=r"m_0\.csv: the file is empty"):
        seq[0]
    assert seq.subset([2, 1])[0][0]["a"].tolist() == [[[3, 4]], [[1, 2]]]


def test_what_was_saved_of_a_header_is_loaded_for_no_other(tmp_path: Path) -> None:
    def of(name: str, *texts: str) -> FileSequence:
        (tmp_path / name).mkdir()
        root = write(tmp_path / name, *texts)
        return FileSequence(root, TABLE, transforms={"a": Standardize()})

    train = of("train", "u,v\n1,2\n", "v,u\n4,3\n")
    train.adapt(progress=False)
    train.save_transforms(tmp_path / "saved.json")
    alike = of("alike", " u, v\n1,2\n")
    alike.load_transforms(tmp_path / "saved.json")
    np.testing.assert_array_equal(alike[0][0]["a"][0], train[0][0]["a"][0])
    with pytest.raises(ArgumentError, match=r"(?s)'v', 'u'"):
        of("other", "v,u\n2,1\n").load_transforms(tmp_path / "saved.json")


@pytest.mark.parametrize("text", [",u\n0,1\n", "1,\n2,3\n"])
def test_headers_are_looked_for_in_one_file_alone(
    tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, *[text] * 5)
    looked: list[str] = []
    path = "multiseq.modalities.files.leaves.header_of"

    def looking(path: str, files: Any) -> list[str]:
        looked.append(path)
        return header_of(path, files)

    monkeypatch.setattr(path, looking)
    seq = FileSequence(tmp_path, TABLE)
    assert looked == ["m_0.csv"]
    with pytest.raises(SourceError, match=r"m_0\.csv: (a column has no name|the first line)"):
        seq[0]


# ---- missing cells


@pytest.mark.parametrize("blank", ["", " ", '""', "NA", "null", "?", "nan"])
@pytest.mark.parametrize("column", ["", ":v"])
def test_blank_cells_are_missing_where_something_is_done_about_them(
    tmp_path: Path, blank: str, column: str
) -> None:
    write(tmp_path, f"u,v\n1,{blank}\n3,4\n", "u,v\n5,6\n7,8\n")
    seq = FileSequence(tmp_path, {"a": f"m_{{key}}.csv{column}"}, missing={"a": "mean"})
    seq.adapt(progress=False)
    # Features are the last axis: of a column by itself those are its rows.
    table = [[[1, 6], [3, 4]], [[5, 6], [7, 8]]]
    assert seq[0][0]["a"].tolist() == ([[6, 4], [6, 8]] if column else table)
    filled = FileSequence(tmp_path, {"a": f"m_{{key}}.csv{column}"}, missing={"a": -1})
    assert filled[0][0]["a"].min() == -1


def test_a_table_without_header_may_begin_with_a_blank(tmp_path: Path) -> None:
    write(tmp_path, ",2\n3,4\n", "5,6\n7,8\n")
    seq = FileSequence(tmp_path, TABLE, missing={"a": 0})
    assert seq[0][0]["a"].tolist() == [[[0, 2], [3, 4]], [[5, 6], [7, 8]]]


def test_blanks_are_refused_where_nothing_is_said_of_them(tmp_path: Path) -> None:
    write(tmp_path, "u,v\n1,\n3,4\n")
    both = {"u": "m_{key}.csv:u", "v": "m_{key}.csv:v"}
    for missing in (None, {"u": 0}):
        with pytest.raises(SourceError, match="with missing= also blanks"):
            FileSequence(tmp_path, both, missing=missing)[0]
    with pytest.raises(SampleError, match="values are missing"):
        FileSequence(tmp_path, both, missing={"v": "raise"})[0]
    assert FileSequence(tmp_path, both, missing={"v": 0})[0][0]["v"].tolist() == [[0, 4]]
    # The table is asked for as well, and nothing is said of what it lacks.
    with pytest.raises(SourceError, match="is no number"):
        FileSequence(tmp_path, {**both, **TABLE}, missing={"v": 0})[0]


@pytest.mark.parametrize("cell", ["x", "1_0", "1;2"])
def test_text_is_not_missing(tmp_path: Path, cell: str) -> None:
    path = write(tmp_path, f"u,v\n1,\n3,{cell}\n") / "m_0.csv"
    with pytest.raises(SourceError, match=f"(?s)is no number.*{re.escape(cell)}"):
        read_csv(str(path), ["v"], lacks=[True])


@pytest.mark.parametrize("kind", ["json", "txt"])
def test_null_in_a_list_of_numbers_is_missing(tmp_path: Path, kind: str) -> None:
    values = [{"a": [[1, None], [2.5, 4]]}, {"a": [[1, 6], [2, 5]]}]
    write(tmp_path, *map(str if kind == "txt" else json.dumps, values), kind=kind)
    template = {"a": f"m_{{key}}.{kind}:a"}
    with pytest.raises(SourceError, match="neither numbers nor text"):
        FileSequence(tmp_path, template)[0]
    seq = FileSequence(tmp_path, template, missing={"a": 0})
    assert seq[0][0]["a"].tolist() == [[[1, 0], [2.5, 4]], [[1, 6], [2, 5]]]
    mean = FileSequence(tmp_path, template, missing={"a": "mean"})
    mean.adapt(progress=False)
    assert mean[0][0]["a"][0].tolist() == [[1, 5], [2.5, 4]]
    assert seq.encode({"a": [[None, 1], [2, 3]]})["a"].tolist() == [[[0, 1], [2, 3]]]


def test_null_in_a_list_of_text_is_missing(tmp_path: Path) -> None:
    write(tmp_path, '{"a": ["x", null]}', '{"a": ["y", "x"]}', kind="json")
    template, words = {"a": "m_{key}.json:a"}, {"a": Vocabulary()}
    with pytest.raises(SourceError, match=r"null among numbers or text takes missing="):
        FileSequence(tmp_path, template, transforms=words).adapt(progress=False)
    seq = FileSequence(tmp_path, template, transforms=words, missing={"a": "y"})
    seq.adapt(progress=False)
    x, y = seq.transforms["a"].transform(["x", "y"])
    assert seq[0][0]["a"].tolist() == [[x, y], [y, x]]


@pytest.mark.parametrize(
    "value", ["[null, true]", '[null, 1, "2"]', f"[null, {2**53 + 1}]", "[null, {}]"]
)
def test_null_beside_anything_but_numbers_is_refused(tmp_path: Path, value: str) -> None:
    write(tmp_path, f'{{"a": {value}}}', kind="json")
    with pytest.raises(SourceError, match="neither numbers nor text"):
        FileSequence(tmp_path, {"a": "m_{key}.json:a"}, missing={"a": 0})[0]
