"""tables: what is refused, and what the message says."""

from __future__ import annotations

import datetime
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from multiseq import MinMax, Standardize, Vocabulary, concat
from multiseq.errors import (
    AlignmentError,
    ArgumentError,
    LoadError,
    MissingPackageError,
    SampleError,
    SourceError,
    SpecError,
)
from multiseq.modalities.tables.sequence import TableSequence

FRAME: Any = pd.DataFrame(
    {
        "age": [1.0, 2.0, np.nan],
        "city": ["x", "y", None],
        "y": [0, 1, 0],
        "label": ["p", "q", "p"],
        "gap": [1.0, np.nan, 2.0],
        "when": np.array(["2000-01-01", "2000-01-02", None], "datetime64[s]"),
        "twice": [1, 1, 2],
    }
)


def refused(error: Any, says: str, frame: Any = FRAME, targets: Any = None, **keywords: Any) -> Any:
    with pytest.raises(error, match=rf"(?s){says}") as caught:
        TableSequence(frame, targets, **keywords)
    assert caught.value.where["class"] == "TableSequence"
    return caught.value


# Names


@pytest.mark.parametrize("role", ["numeric", "categorical", "targets", "keys", "sample_weight"])
def test_a_column_that_does_not_exist(role: str) -> None:
    keywords = {"numeric": "age", "targets": "y"} | {role: "Ages"}
    refused(ArgumentError, r"no column 'Ages'.*did you mean 'age'\?", **keywords)


def test_no_name_is_near() -> None:
    refused(ArgumentError, r"no column 'zzzzzz'.*use one of 'age', 'city'", numeric=["zzzzzz"])


@pytest.mark.parametrize(
    "keywords",
    [
        {"numeric": ["age", "age"]},
        {"categorical": ["city", "city"]},
        {"numeric": {"city": ["age"]}, "categorical": ["city"]},
        {"numeric": ["age"], "categorical": {"numeric": "city"}},
    ],
)
def test_named_twice(keywords: Any) -> None:
    refused(ArgumentError, "is named twice", **keywords)


def test_two_columns_of_one_name() -> None:
    frame = pd.DataFrame([[1, 2]], columns=["a", "a"])
    refused(ArgumentError, "several columns of one name.*'a'", frame, numeric="a")


def test_nothing_named_says_what_could_be() -> None:
    says = r"no column is named.*numeric=\['age', 'gap', 'when'\], categorical=\['city', 'label'\]"
    refused(ArgumentError, says, targets="y", keys="twice", frame=FRAME.assign(twice=[1, 2, 3]))


@pytest.mark.parametrize("targets", ["twice", ("y", "twice"), {"p": "twice"}, ["y", "twice"]])
@pytest.mark.parametrize("role", ["numeric", "categorical"])
def test_a_target_among_the_inputs(role: str, targets: Any) -> None:
    keywords = {role: ["age", "twice"]}
    refused(ArgumentError, "target 'twice' is also an input", targets=targets, **keywords)


# What columns hold


def test_text_is_no_number() -> None:
    says = r"'city' is not all numbers.*'x' \(str\).*to_numeric\(frame\['city'\]\..*categorical="
    refused(ArgumentError, says, numeric=["age", "city"])


@pytest.mark.parametrize(
    "values",
    [
        [1, "2"],
        [1j, 2],
        [[1], [2]],
        [datetime.date(2000, 1, 1), 1],
        [datetime.time(12), None],
        pd.Categorical(["a", "b"]),
    ],
)
def test_what_is_no_number(values: Any) -> None:
    refused(ArgumentError, "'x' is not all numbers", pd.DataFrame({"x": values}), numeric="x")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1.5", "2"], [1.5, 2]),
        (["1,234.5", "6"], [1234.5, 6]),
        (["5 %", "-6 %"], [5, -6]),
        (["$ 3", "4"], [3, 4]),
    ],
)
def test_the_fix_of_what_is_no_number_works(values: list[str], expected: list[float]) -> None:
    frame = pd.DataFrame({"x": pd.Series(values, dtype=object)})
    with pytest.raises(ArgumentError) as caught:
        TableSequence(frame, numeric="x")
    fix = re.search(r"pandas\.to_numeric\(.*?\)(?=,|$)", str(caught.value).splitlines()[-1])
    assert fix is not None
    frame["x"] = eval(fix[0], {"pandas": pd, "frame": frame})  # noqa: S307
    (batch,) = TableSequence(frame, numeric="x", transforms={"numeric": None})[0]
    assert batch[:, 0].tolist() == expected


def test_infinite_numbers() -> None:
    frame = pd.DataFrame({"x": [1, np.inf, -np.inf]}, index=["a", "b", "c"])
    refused(ArgumentError, r"infinite.*2 of them, the first at 'b'.*replace", frame, numeric="x")


@pytest.mark.parametrize(
    ("values", "fix"),
    [
        (pd.to_datetime(["2000-01-01"]), r"to_datetime\(frame\['x'\]\).dt.month"),
        ([datetime.date(2000, 1, 1)], r"to_datetime\(frame\['x'\]\).dt.month"),
        ([["a", "b"]], "TextSequence"),
        ([{"a": 1}], "astype"),
        (pd.cut([1.0], [0, 2]), "astype"),
    ],
)
def test_what_is_no_category(values: Any, fix: str) -> None:
    frame = pd.DataFrame({"x": values})
    refused(ArgumentError, f"'x' does not hold categories.*{fix}", frame, categorical="x")


def test_booleans_among_numbers() -> None:
    frame = pd.DataFrame({"x": np.array([1, True, np.nan], object)})
    refused(ArgumentError, r"booleans and numbers.*astype\(str\)", frame, categorical="x")


@pytest.mark.parametrize("role", ["targets", "sample_weight"])
def test_a_target_that_is_missing(role: str) -> None:
    keywords = {"targets": "y", "numeric": "age"} | {role: "gap"}
    refused(ArgumentError, r"'gap' lacks values.*1 rows without: 1.*dropna", **keywords)


def test_a_target_of_text() -> None:
    says = r"'label' is not all numbers.*transforms=\{'targets': Labels\(\)\}"
    refused(ArgumentError, says, targets="label", numeric="age")


def test_the_fix_for_a_target_of_text() -> None:
    codes = FRAME["label"].astype("category").cat.codes
    seq = TableSequence(FRAME, codes, numeric="y", transforms={"numeric": None})
    assert seq[0][1].tolist() == [0, 1, 0]


# Transforms


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("age", r"'age' is no input.*an input of its own, by numeric=\{'age': ...\}"),
        ("citi", "no input or target 'citi'.*did you mean 'city'"),
    ],
)
def test_a_transform_of_no_input(name: str, fix: str) -> None:
    keywords: Any = {"numeric": "age", "categorical": "city", "transforms": {name: Standardize()}}
    refused(ArgumentError, fix, **keywords)


def test_what_is_no_transform() -> None:
    refused(ArgumentError, "not a transform", numeric="age", transforms={"numeric": 5})
    refused(ArgumentError, "whole table.*a function", numeric="age", transforms=np.mean)
    refused(ArgumentError, "not a transform", numeric="age", transforms="standardize")


@pytest.mark.parametrize(
    ("transform", "what"), [(None, "values are missing"), (MinMax(), "left values missing")]
)
def test_missing_numbers_that_no_transform_fills(transform: Any, what: str) -> None:
    seq = TableSequence(FRAME, numeric=["age", "y"], transforms={"numeric": transform})
    seq.adapt(progress=False)
    with pytest.raises(SpecError, match=rf"(?s)input numeric.*{what}.*1 NaN.*SimpleImputer") as it:
        seq[0]
    assert "key" not in it.value.where  # No sample is to blame.


@pytest.mark.parametrize("column", ["city", "label"])
def test_categories_without_a_transform_are_numbers(column: str) -> None:
    seq = TableSequence(FRAME, categorical=column, transforms={column: None})
    with pytest.raises(SpecError, match=rf"(?s)input {column}.*no numbers.*Vocabulary\(\)"):
        seq[0]


def test_a_column_without_a_number_in_training() -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [np.nan, np.nan, 3.0]})
    train = TableSequence(frame, numeric=["a", "b"]).subset([0, 1])
    with pytest.raises(SampleError, match=r"(?s)TableSequence, input numeric.*1 of 2 features"):
        train.adapt(progress=False)


def test_an_error_of_scikit_learn_names_the_input() -> None:
    encoder = pytest.importorskip("sklearn.preprocessing").OrdinalEncoder()
    seq = TableSequence(FRAME, categorical="label", transforms={"label": encoder})
    train, test = seq.split(positions=([0], [1]))
    train.adapt(progress=False)
    with pytest.raises(LoadError, match=r"(?s)input label.*Found unknown categories \['q'\]"):
        test[0]


# Sources


@pytest.mark.parametrize("source", [None, 3, [1, 2], np.zeros((2, 2))])
def test_what_is_no_table(source: Any) -> None:
    refused(ArgumentError, r"no table.*pandas.DataFrame\(", source, numeric="a")


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    refused(ArgumentError, "no known kind.*xlsx.*read it with pandas", "table.xlsx", numeric="a")


@pytest.mark.parametrize("name", ["none.csv", "none.parquet", "https://example.org/t.csv"])
def test_a_file_that_does_not_exist(name: str) -> None:
    refused(SourceError, f"does not exist.*{name}", name, numeric="a")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", b"a\n\xff\xfe\n"),
        ("t.csv.gz", b"a,b\n"),
        ("t.parquet", b"PAR1 and no more"),
    ],
)
def test_a_damaged_file(name: str, content: bytes, tmp_path: Path) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    (tmp_path / name).write_bytes(content)
    refused(SourceError, f"{name} cannot be read as a table", tmp_path / name, numeric="a")


def test_parquet_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "t.parquet").write_bytes(b"PAR1")
    for name in ("pyarrow", "pyarrow.parquet"):
        monkeypatch.setitem(sys.modules, name, None)
    error = refused(MissingPackageError, "pyarrow", tmp_path / "t.parquet", numeric="a")
    assert error.fix == 'pip install "multiseq[arrow]"'


# Keys


def test_duplicated_keys() -> None:
    refused(AlignmentError, "duplicated", numeric="age", keys="twice")
    refused(AlignmentError, "duplicated", FRAME.set_index("twice"), numeric="age")
    refused(AlignmentError, "missing", numeric="age", keys="city")


@pytest.mark.parametrize("keys", [range(2), range(4), list("ab")])
def test_as_many_keys_as_rows(keys: Any) -> None:
    refused(ArgumentError, "keys and rows differ in number", numeric="age", keys=keys)


def test_no_rows() -> None:
    refused(ArgumentError, "the table has no rows", FRAME.iloc[:0], numeric="age")


@pytest.mark.parametrize("targets", [[1, 2], np.zeros(4)])
def test_as_many_targets_as_rows(targets: Any) -> None:
    refused(ArgumentError, "targets and the samples differ", targets=targets, numeric="age")


def test_an_integer_beyond_float64(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a\n1\n" + "9" * 400 + "\n")
    # An older pandas reads it as text.
    says = "column 'a' (holds a number beyond float64|is not all numbers)"
    with pytest.raises(ArgumentError, match=says):
        TableSequence(tmp_path / "t.csv", numeric=["a"]).adapt()
    frame = pd.DataFrame({"a": pd.Series([1, 10**400], dtype=object)})
    with pytest.raises(ArgumentError, match="beyond float64"):
        TableSequence(frame, numeric="a")
    with pytest.raises(SpecError, match="no numbers"):
        Standardize().adapt(np.array([1, 10**400], object))


# A column of one kind in one file, of another in the next


def test_a_column_is_not_text_in_one_file_and_numbers_in_another(tmp_path: Path) -> None:
    path = str(tmp_path / "b.csv")
    options: Any = {"categorical": ["zip"], "keys": "id"}
    Path(path).write_text("id,zip\nd,10001\ne,20002\n")
    (tmp_path / "a.csv").write_text("id,zip\na,01234\nb,10001\nc,20002\n")

    def table(frame: Any, **keywords: Any) -> TableSequence:
        return TableSequence(frame, **options, **keywords)

    train = table(str(tmp_path / "a.csv"))
    train.adapt(progress=False)
    train.save_transforms(tmp_path / "prep.json")
    loading = table(path)
    loading.load_transforms(tmp_path / "prep.json")
    for other in (loading, table(path, transforms=train.transforms)):
        with pytest.raises(SampleError, match=r"input zip: .*of another kind") as caught:
            other[0]
        assert "pandas.read_csv(path, dtype={column: str})" in str(caught.value)
    with pytest.raises(SampleError, match="of another kind"):
        train.encode({"zip": 10001})
    shared: Any = {"transforms": {"zip": Vocabulary()}}
    with pytest.raises(SampleError, match="printed alike"):
        concat(table(str(tmp_path / "a.csv"), **shared), table(path, **shared)).adapt(False)
    # As the errors advise.
    texts = table(pd.read_csv(path, dtype={"zip": str}), transforms=train.transforms)
    assert texts[0][0]["zip"].tolist() == train[0][0]["zip"].tolist()[1:] == [2, 3]
    assert train.encode({"zip": str(10001)})["zip"].tolist() == [2]
