"""CSV documents as they are: first rows of nan, widths, names, encodings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from multiseq.errors import SourceError
from multiseq.modalities.files.documents import read_json
from multiseq.modalities.files.sequence import FileSequence
from multiseq.modalities.files.tables import read_csv


def write(tmp_path: Path, text: str, encoding: str = "utf-8") -> str:
    path = tmp_path / "file"
    path.write_bytes(text.encode(encoding))
    return str(path)


@pytest.mark.parametrize("first", [[np.nan, 1.0], [np.inf, 1.0], [np.nan, np.nan], [1.0, -np.inf]])
def test_a_first_row_of_nan_or_inf_is_data(tmp_path: Path, first: list[float]) -> None:
    rows = np.array([first, [2, 3], [4, 5]])
    np.savetxt(tmp_path / "file", rows, delimiter=",")
    np.testing.assert_array_equal(read_csv(str(tmp_path / "file"), [None])[0], rows)


@pytest.mark.parametrize("first", ["NA,1.0", "1.0,", "-,2", "null,1"])
def test_a_first_row_with_a_cell_missing_is_refused(tmp_path: Path, first: str) -> None:
    with pytest.raises(SourceError, match="neither all numbers nor all names"):
        read_csv(write(tmp_path, f"{first}\n2,3\n"), [None])


@pytest.mark.parametrize("column", [None, "flow"])
@pytest.mark.parametrize("rows", ["0,20,5\n1,21,5\n", "0,20,\n1,21,\n", "0\n1\n", "0,1\n2,3,4\n"])
def test_another_width_than_the_header(tmp_path: Path, rows: str, column: str | None) -> None:
    with pytest.raises(SourceError, match="another width than the header") as caught:
        read_csv(write(tmp_path, f"hour,flow\n{rows}"), [column])
    assert "header has 2" in str(caught.value)


def test_a_name_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="have one name"):
        read_csv(write(tmp_path, "a,b,a\n1,2,3\n"), ["b"])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_encodings_with_a_mark(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path, "a,b\n1,2\n", encoding)
    assert read_csv(path, ["b"])[0].tolist() == [2]
    assert read_json(write(tmp_path, '{"a": "é"}', encoding), ["a"]) == ["é"]


def test_a_number_that_is_too_large_is_not_infinite(tmp_path: Path) -> None:
    for text in ("a\n1e999\n", "a,b\ninf,1e999\n"):
        with pytest.raises(SourceError, match="too large"):
            read_csv(write(tmp_path, text), [None])
    table = read_csv(write(tmp_path, "a,b\ninf,-Infinity\n1,nan\n"), [None])[0]
    np.testing.assert_array_equal(table, [[np.inf, -np.inf], [1, np.nan]])


def test_whatever_a_reader_raises_names_the_file(tmp_path: Path) -> None:
    for text in ("a" * 200_000 + "\n1\n", "a,b\n" + "1" * 200_000 + ",x\n"):
        (tmp_path / "t_0.csv").write_text(text)
        with pytest.raises(SourceError, match=r"t_0\.csv") as caught:
            FileSequence(tmp_path, {"a": "t_{key}.csv"})[0]
        assert "input a" in str(caught.value)
