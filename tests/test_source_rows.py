"""Columns of one frame stay in their rows, whatever is given as keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from multiseq import (
    ArraySequence,
    FileSequence,
    ImageSequence,
    MultiInputSequence,
    TableSequence,
    TextSequence,
    WeightedSampler,
    WindowSequence,
    join,
)
from multiseq.errors import AlignmentError, ArgumentError


class Own(MultiInputSequence):
    """A user's, of the values in its frame."""

    def __init__(self, frame: Any, **keywords: Any) -> None:
        super().__init__(frame["id"], **keywords)
        self.x = frame["x"].to_numpy()

    def load_sample(self, index: int) -> Any:
        return self.x[index]


MAKE: dict[str, Callable[[Any], MultiInputSequence]] = {
    "arrays": lambda f: ArraySequence(f["x"].to_numpy(), keys=f["id"]),
    "series": lambda f: ArraySequence(f["x"], keys=f["id"]),
    "series and array": lambda f: ArraySequence(f["x"], keys=f["id"].to_numpy()),
    "table": lambda f: TableSequence(f, numeric="x", keys="id", transforms={"numeric": None}),
    "text": lambda f: TextSequence([[int(x)] for x in f["x"]], keys=f["id"]),
    "own": Own,
    "join": lambda f: join(a=ArraySequence(f["x"].to_numpy(), keys=f["id"]), b=Own(f)),
}

ids = st.lists(st.text("abcxyz", min_size=1, max_size=4), min_size=4, max_size=12, unique=True)
rows = st.sampled_from(["range", "holes", "shuffled", "text", "twice"])


def framed(ids: list[str], rows: str) -> Any:
    n = len(ids)
    index: Any = {
        "range": pd.RangeIndex(n),
        "holes": np.arange(n) * 3 + 7,
        "shuffled": np.arange(n)[::-1],
        "text": [f"row {k}" for k in range(n)],
        "twice": np.zeros(n, int),
    }[rows]
    x = np.arange(float(n))
    return pd.DataFrame({"id": ids, "x": x, "y": x * 10, "g": np.arange(n) % 3}, index=index)


@pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)
@given(ids=ids, rows=rows, data=st.data())
def test_columns_go_by_row(make: Any, ids: list[str], rows: str, data: Any) -> None:
    frame = framed(ids, rows)
    seq = make(frame)
    by_id = frame.set_index("id")
    chosen = data.draw(st.lists(st.sampled_from(range(len(ids))), min_size=2, unique=True))
    for part in (seq, seq.subset(positions=chosen), seq.subset(positions=chosen).subset(slice(1))):
        labelled = join(part, targets=frame["y"], batch_size=99)
        assert labelled[0][1].tolist() == by_id.loc[part.keys, "y"].tolist()
    first, second = seq.split(0.5, 0.5, groups=frame["g"])
    groups = [set(by_id.loc[part.keys, "g"]) for part in (first, second)]
    assert not groups[0] & groups[1]
    for other in (frame.iloc[::-1], frame.iloc[chosen]):  # Sorted tables, and those of a part.
        if not frame.index.is_unique:
            break
        part = seq if len(other) == len(frame) else seq.subset(positions=chosen[::-1])
        labelled = join(part, targets=other["y"], how="inner", batch_size=99)
        assert labelled[0][1].tolist() == by_id.loc[part.keys, "y"].tolist()
    mask = frame["y"] > 10
    assert seq.subset(mask).keys.tolist() == by_id[by_id["y"] > 10].index.tolist()
    seq.replace(sampler=WeightedSampler(frame["x"]))


@given(ids=ids, rows=rows)
def test_targets_and_weights_of_each_class(ids: list[str], rows: str) -> None:
    frame = framed(ids, rows)
    given: Any = {"targets": frame["y"], "sample_weight": frame["x"], "keys": frame["id"]}
    sequences = [
        ArraySequence(frame["x"].to_numpy(), **given),
        ArraySequence(frame["x"], **given),
        TextSequence([[1]] * len(frame), **given),
        TableSequence(frame[["g"]], numeric="g", transforms={"numeric": None}, **given),
    ]
    for seq in sequences:
        _, targets, weights = seq.replace(batch_size=99)[0]
        assert targets.tolist() == frame["y"].tolist()
        assert weights.tolist() == frame["x"].tolist()


def test_images_of_a_list_of_paths(tmp_path: Path) -> None:
    frame = framed(["c", "a", "d", "b"], "holes")
    for key, x in zip(frame["id"], frame["x"], strict=True):
        Image.new("L", (4, 4), int(x)).save(tmp_path / f"{key}.png")
    names = [f"{key}.png" for key in frame["id"]]
    seq = ImageSequence(
        names, frame["y"], root=tmp_path, size=4, channels=1, scale=None, keys=frame["id"]
    )
    pixels, targets = seq[0]
    assert (pixels[:, 0, 0, 0] * 10).tolist() == targets.tolist()


def test_files_by_a_column_of_keys(tmp_path: Path) -> None:
    frame = framed(["c", "a", "d", "b"], "holes")
    for key, x in zip(frame["id"], frame["x"], strict=True):
        np.save(tmp_path / f"{key}.npy", x)
    seq = FileSequence(tmp_path, "{key}.npy", frame["y"], keys=frame["id"])
    values, targets = seq[0]
    assert (values * 10).tolist() == targets.tolist()
    assert seq.subset(frame["y"] > 10).keys.tolist() == ["d", "b"]


# What can be read in two ways


@pytest.mark.parametrize("given", [lambda keys: keys, lambda keys: keys.to_numpy()])
def test_keys_that_are_labels_of_other_rows(given: Any) -> None:
    frame = pd.DataFrame({"id": [2, 0, 1], "y": [20.0, 0.0, 10.0]})
    keys = given(frame["id"])
    with pytest.raises(AlignmentError, match=r"two ways(?s:.*)targets.to_numpy\(\)"):
        ArraySequence(np.zeros(3), frame["y"], keys=keys)
    by_row = ArraySequence(np.zeros(3), frame["y"].to_numpy(), keys=keys)
    assert by_row[0][1].tolist() == [20, 0, 10]
    by_key = ArraySequence(np.zeros(3), frame["y"].loc[frame["id"]].to_numpy(), keys=keys)
    assert by_key[0][1].tolist() == [10, 20, 0]
    other = frame["y"].set_axis([0, 1, 2])  # Labels that were given: those are keys.
    assert ArraySequence(np.zeros(3), other, keys=frame["id"].to_numpy())[0][1].tolist() == [
        10,
        20,
        0,
    ]


def test_both_cures_for_rows_in_another_order() -> None:
    frame = pd.DataFrame({"id": [2, 0, 1, 3], "x": [2.0, 0.0, 1.0, 3.0]})
    frame["y"] = frame["x"] * 10
    seq = ArraySequence(frame["x"].to_numpy(), keys=frame["id"])
    targets = frame["y"].iloc[[3, 2, 0, 1]]
    for part in (seq, seq.subset([1, 2])):
        cure = r"by row: targets.loc\[frame.index\].set_axis\(seq.keys\)"
        with pytest.raises(AlignmentError, match=rf"two ways(?s:.*){cure}"):
            join(part, targets=targets)
        by_row = join(part, targets=targets.loc[frame.index].set_axis(seq.keys))[0]
        assert by_row[1].tolist() == (by_row[0] * 10).tolist()
        by_key = join(part, targets=targets.loc[part.keys].to_numpy())[0]
        assert by_key[1].tolist() == targets.loc[part.keys].tolist()


def test_labels_that_bear_the_name_of_the_keys() -> None:
    frame = pd.DataFrame({"id": [2, 0, 1], "x": [2.0, 0.0, 1.0]})
    labels = pd.DataFrame({"id": [1, 0, 2], "y": [10.0, 0.0, 20.0]}).set_index("id")["y"]
    for seq in (
        ArraySequence(frame["x"].to_numpy(), keys=frame["id"]),
        TableSequence(frame, numeric="x", keys="id", transforms={"numeric": None}),
    ):
        for each in (labels, labels.sort_index()):
            assert join(seq, targets=each, how="inner")[0][1].tolist() == [20, 0, 10]


def test_parts_of_frames_whose_rows_are_in_other_orders() -> None:
    one = pd.DataFrame({"id": list("cab"), "y": [3.0, 1.0, 2.0]})
    other = one.sort_values("id", ignore_index=True)
    parts = [
        ArraySequence({name: frame["y"].to_numpy()}, keys=frame["id"])
        for name, frame in {"a": one, "b": other}.items()
    ]
    with pytest.raises(AlignmentError, match="two ways"):
        join(*parts, targets=other["y"])
    by_key = join(*parts, targets=other.set_index("id")["y"])[0]
    assert by_key[1].tolist() == by_key[0]["a"].tolist() == by_key[0]["b"].tolist() == [3, 1, 2]


def test_keys_and_source_of_other_rows() -> None:
    frame = framed(list("cab"), "holes")
    with pytest.raises(AlignmentError, match=r"another index(?s:.*)keys.loc\[source.index\]"):
        ArraySequence(frame["x"], keys=frame["id"].iloc[::-1])
    mended = ArraySequence(frame["x"], keys=frame["id"].iloc[::-1].loc[frame.index])
    assert mended.keys.tolist() == list("cab")


@pytest.mark.parametrize(
    ("frame", "values", "expected"),
    [
        ({"x": [1.0, 2.0]}, {"b": 3, "a": 4}, [4, 3]),
        ({"x": [1.0, 2.0]}, {"b": np.float32(1), "a": True}, [1, 1]),
        ({"x": [1.0, 2.0], 0: [5, 6], 1: [7, 8]}, {7: 0, 5: 1}, [1, 0]),  # Columns 0 and 1.
    ],
)
def test_dicts_of_a_table(frame: Any, values: Any, expected: Any) -> None:
    keys = list("ab") if "a" in values else [5, 7]
    table = TableSequence(
        pd.DataFrame(frame), values, numeric="x", keys=keys, transforms={"numeric": None}
    )
    assert table[0][1].tolist() == expected


def test_a_misspelt_column_of_an_output() -> None:
    with pytest.raises(ArgumentError, match="no column 'z'"):
        TableSequence(pd.DataFrame({"x": [1.0], "y": [1]}, ["k"]), {"out": "z"}, numeric="x")


def test_dicts_go_by_key() -> None:
    frame = framed(list("cab"), "range")
    by_key = {"a": 10.0, "b": 20.0, "c": 0.0}
    table = TableSequence(frame, by_key, numeric="x", keys="id", transforms={"numeric": None})
    assert table[0][1].tolist() == [0, 10, 20]
    weighed = TableSequence(frame, "y", sample_weight=by_key, numeric="x", keys="id")
    weighed.adapt(progress=False)
    assert weighed[0][2].tolist() == [0, 10, 20]
    series = pd.DataFrame({"v": np.arange(6.0), "s": list("bbbaaa"), "t": [0, 1, 2] * 2})
    windows = WindowSequence(
        series, length=2, features="v", targets="v", entity="s", time="t", static={"a": 1, "b": 2}
    )
    found = {str(e): s[0] for e, s in zip(windows.entities, windows[0][0]["static"], strict=True)}
    assert found == {"a": 1, "b": 2}
