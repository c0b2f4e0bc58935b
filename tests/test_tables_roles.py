"""tables: which columns are targets, weights and keys, however these are given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import FunctionTransformer

from multiseq.errors import ArgumentError
from multiseq.modalities.tables.sequence import TableSequence

FRAME: Any = pd.DataFrame(
    {"id": [7, 8, 9], "x": [1.0, 2.0, 3.0], "w": [1.0, 1.0, 5.0], "y": [10, 20, 30]},
    index=["a", "b", "c"],
)
PLAIN: dict[str, Any] = {"transforms": {"numeric": None}}


def whole(targets: Any, frame: Any = FRAME, **keywords: Any) -> Any:
    """What a transform of the whole table is given."""
    seq = TableSequence(frame, targets, transforms=FunctionTransformer(), **keywords)
    seq.adapt(progress=False)
    return seq[0][0].tolist()


# Columns as Series

SAME: dict[str, Any] = {
    "as it is": FRAME["y"],
    "another dtype": FRAME["y"].astype(np.float32),
    "nullable": FRAME["y"].astype("Int64"),
    "classes": FRAME["y"].astype("category"),
    "sorted": FRAME["y"].sort_values(ascending=False),
    "by key": FRAME.set_index("id")["y"],
    "in a dict": {"out": FRAME["y"]},
    "in a tuple": (FRAME["y"], FRAME["y"]),
    "a table": FRAME[["y"]],
}
OTHER: dict[str, Any] = {
    "shifted": FRAME["y"].shift(-1, fill_value=0),
    "another name": FRAME["y"].rename("z"),
    "an array": FRAME["y"].to_numpy(),
}


@pytest.mark.parametrize("kind", [each for each in SAME if each != "classes"])
def test_a_column_given_as_a_series_is_no_input_of_the_whole_table(kind: str) -> None:
    given = {"keys": FRAME["id"], "sample_weight": FRAME["w"].sample(frac=1, random_state=1)}
    if kind == "in a tuple":
        given["sample_weight"] = (FRAME["w"], FRAME["w"])
    assert whole(SAME[kind], **given) == [[1], [2], [3]]


@pytest.mark.parametrize("kind", SAME)
def test_a_target_given_as_a_series_among_the_inputs(kind: str) -> None:
    keywords: Any = {"numeric": ["x", "y"], "keys": "id", **PLAIN}
    with pytest.raises(ArgumentError, match="target 'y' is also an input"):
        TableSequence(FRAME, SAME[kind], **keywords)
    seq = TableSequence(FRAME, FRAME["y"], **keywords | {"numeric": "x"})
    assert seq[0][1].tolist() == [10, 20, 30]


@pytest.mark.parametrize("kind", OTHER)
def test_other_values_may_stand_beside_a_column(kind: str) -> None:
    seq = TableSequence(FRAME, OTHER[kind], numeric=["x", "y"], **PLAIN)
    assert seq[0][0][:, 1].tolist() == [10, 20, 30]


def test_a_column_that_lacks_values_given_as_a_series() -> None:
    frame = FRAME.assign(y=[1.0, np.nan, 2.0])
    assert whole(frame["y"], frame[["x", "y"]]) == [[1], [2], [3]]


# Levels of the index as keys


def test_the_index_by_its_name() -> None:
    frame = FRAME.set_index("id")
    for keys in ("id", ["id"], None):
        seq = TableSequence(frame, "y", numeric="x", keys=keys, **PLAIN)
        assert [*map(np.ravel, seq.keys.tolist())] == [[7], [8], [9]]
        assert seq[0][1].tolist() == [10, 20, 30]
    series = frame["y"].sort_values(ascending=False)
    seq = TableSequence(frame, series, numeric="x", keys="id", **PLAIN)
    assert seq[0][1].tolist() == [10, 20, 30]
    assert whole("y", frame, keys="id", sample_weight="w") == [[1], [2], [3]]


def test_levels_and_columns_by_their_names() -> None:
    frame = FRAME.set_index(["id", "w"])
    for keys in (["id", "w"], ["id", "x"], ["x", "w"]):
        seq = TableSequence(frame, "y", numeric="x", keys=keys, **PLAIN)
        assert list(seq.keys.names) == keys
        expected = FRAME[keys].itertuples(index=False, name=None)
        assert seq.keys.tolist() == list(expected)
    assert TableSequence(frame, numeric="x", keys="id", **PLAIN).keys.tolist() == [7, 8, 9]
    with pytest.raises(ArgumentError, match="did you mean 'id'"):
        TableSequence(frame, numeric="x", keys="idd")


def test_a_column_goes_before_a_level_of_its_name() -> None:
    frame = FRAME.set_index(pd.Index(list("pqr"), name="id"))
    seq = TableSequence(frame, numeric="x", keys="id", **PLAIN)
    assert seq.keys.tolist() == [7, 8, 9]


def test_the_index_of_a_parquet_file_by_its_name(tmp_path: Path) -> None:
    FRAME.set_index("id").to_parquet(tmp_path / "t.parquet")
    seq = TableSequence(tmp_path / "t.parquet", "y", numeric="x", keys="id", **PLAIN)
    assert seq.keys.tolist() == [7, 8, 9]


# Names that are one as text


@pytest.mark.parametrize(
    "keywords",
    [
        {"numeric": [0, "0"]},
        {"numeric": [0], "categorical": {"c": "0"}},
        {"transforms": FunctionTransformer()},
    ],
)
def test_columns_that_print_alike(keywords: Any) -> None:
    frame = pd.DataFrame({0: [1.0, 2.0], "0": [5.0, 6.0]})
    with pytest.raises(ArgumentError, match=r"(?s)one name as text.*0 and '0'") as caught:
        TableSequence(frame, **keywords)
    assert "frame.rename(columns={'0': 'other'})" in str(caught.value)
    seq = TableSequence(frame.rename(columns={"0": "other"}), numeric=[0, "other"], **PLAIN)
    assert seq.encode([{"0": 1, "other": 5}])[0].tolist() == [1, 5]
