"""What was saved of targets serves samples that have none: classes by name, numbers in units."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from coded import Coded

from multiseq import (
    ArraySequence,
    Labels,
    MinMax,
    SQLSequence,
    Standardize,
    TableSequence,
    TextSequence,
    Vocabulary,
    WindowSequence,
    concat,
    join,
)
from multiseq.errors import ArgumentError, SourceError

N = 12
FRAME = pd.DataFrame(
    {
        "x": np.linspace(-1, 5, N),
        "price": np.linspace(1e6, 2e6, N),
        "kind": ["cat", "dog", "owl"] * 4,
        "tags": ["a|b", "b", ""] * 4,
        "day": np.arange(N),
    }
)


class Says:
    """A model that predicts the same for every sample."""

    def __init__(self, *shape: int, names: Any = None) -> None:
        self.shape, self.names = shape, names

    def predict(self, view: Any, **keywords: Any) -> Any:
        rows = np.tile(np.linspace(0.9, 0.1, self.shape[0], dtype="f4"), (view.num_samples, 1))
        return rows if self.names is None else dict.fromkeys(self.names, rows)


def table(targets: Any = None, transforms: Any = None, **keywords: Any) -> TableSequence:
    given = {} if transforms is None else {"transforms": transforms}
    return TableSequence(FRAME, targets, numeric=["x"], **given, **keywords)


def database(folder: Path, targets: Any, steps: Any) -> SQLSequence:
    path = folder / "some.db"
    if not path.exists():
        with sqlite3.connect(path) as connection:
            FRAME.to_sql("rows", connection, index_label="id")
        connection.close()
    given = {"x": Standardize(), **steps}
    return SQLSequence(path, "rows", key="id", inputs={"x": "x"}, targets=targets, transforms=given)


def windows(targets: Any, steps: Any) -> WindowSequence:
    given = {"past": Standardize(), **steps}
    horizon = 0 if targets is None else 2
    return WindowSequence(
        FRAME,
        length=3,
        horizon=horizon,
        features="x",
        targets=targets,
        time="day",
        transforms=given,
    )


def made(kind: str, folder: Path, name: str | None, transform: Any) -> Any:
    steps = {} if name is None else {"targets": transform}
    if kind == "table":
        return table(name, steps or None)
    if kind == "arrays":
        goal = None if name is None else FRAME[name].to_numpy()
        return ArraySequence(
            FRAME[["x"]].to_numpy(), goal, transforms={"inputs": MinMax(), **steps}
        )
    if kind == "sql":
        return database(folder, name, steps)
    if kind == "windows":
        return windows(name, steps)
    if kind == "part":  # Of a join, that has the targets.
        return join(some=table(name, steps or None), more=ArraySequence(FRAME[["price"]]))
    return join(table(), targets=None if name is None else FRAME[name], transforms=steps or None)


KINDS = ["table", "arrays", "sql", "part", "join"]


@pytest.mark.parametrize("kind", KINDS)
def test_classes_are_named(kind: str, tmp_path: Path) -> None:
    train = made(kind, tmp_path, "kind", Labels())
    train.adapt(progress=False)
    train.save_transforms(tmp_path / "prep.json")
    asked = made(kind, tmp_path, None, None)
    asked.load_transforms(tmp_path / "prep.json")
    assert asked.classes == train.classes == ("cat", "dog", "owl")
    found = asked.predictions(Says(3))
    pd.testing.assert_frame_equal(found, train.predictions(Says(3)))
    assert list(found) == ["cat", "dog", "owl", "label"]
    assert asked.subset(slice(0, 2)).predictions(Says(3))["label"].tolist() == ["cat"] * 2
    first, second = made(kind, tmp_path, None, None).split(0.5, 0.5)
    first.load_transforms(tmp_path / "prep.json")
    assert second.predictions(Says(3))["label"].tolist() == ["cat"] * 6
    with pytest.raises(ArgumentError, match="no targets to put beside"):
        asked.predictions(Says(3), targets=True)


@pytest.mark.parametrize("kind", [*KINDS, "windows"])
@pytest.mark.parametrize("transform", [Standardize, MinMax])
def test_numbers_come_in_their_units(kind: str, transform: Any, tmp_path: Path) -> None:
    train = made(kind, tmp_path, "price", transform())
    train.adapt(progress=False)
    train.save_transforms(tmp_path / "prep.json")
    asked = made(kind, tmp_path, None, None)
    asked.load_transforms(tmp_path / "prep.json")
    says = Says(2 if kind == "windows" else 1)
    found, expected = (each.predictions(says, inverse=True) for each in (asked, train))
    assert list(found) == list(expected)
    assert found.iloc[0].tolist() == expected.iloc[0].tolist()
    assert found.min().min() > 9e5


def test_several_targets_and_steps(tmp_path: Path) -> None:
    goals = {"kind": FRAME["kind"], "tags": FRAME["tags"], "price": FRAME["price"]}
    steps = {
        "kind": (str.upper, Labels()),
        "tags": Labels(sep="|"),
        "price": (np.log, Standardize()),
    }
    train = join(table(), targets=goals, transforms=steps)
    train.adapt(progress=False)
    train.save_transforms(tmp_path / "prep.json")
    asked = join(table())
    asked.load_transforms(tmp_path / "prep.json")
    assert asked.classes == {"kind": ("CAT", "DOG", "OWL"), "tags": ("a", "b")}
    says = Says(3, names=["kind"])
    pd.testing.assert_frame_equal(asked.predictions(says), train.predictions(says))
    with pytest.raises(ArgumentError, match="cannot undo a function, which is a step of target"):
        asked.predictions(Says(1, names=["price"]), inverse=True)


def test_words_that_inputs_and_targets_share(tmp_path: Path) -> None:
    said, words = ["a b c", "b c", "c"] * 4, Vocabulary(mask="")
    texts = TextSequence(said, tokenizer=words, max_length=3)
    train = join(so_far=texts, targets=TextSequence(said, tokenizer=words, max_length=3))
    train.adapt(progress=False)
    train.save_transforms(tmp_path / "prep.json")
    asked = join(so_far=TextSequence(said, tokenizer=Vocabulary(mask=""), max_length=3))
    asked.load_transforms(tmp_path / "prep.json")
    assert asked.transforms["so_far"] == words


def test_who_has_targets_needs_their_transforms(tmp_path: Path) -> None:
    train = table("kind", {"targets": Labels()})
    train.adapt(progress=False)
    train.save_transforms(tmp_path / "prep.json")
    other = table("price")
    other.adapt(progress=False)
    before = other[0][0].copy()
    other.transforms["numeric"].adapt(np.arange(3.0)[:, None])
    shifted = other.replace()[0][0].copy()
    assert not np.array_equal(before, shifted)
    with pytest.raises(ArgumentError, match=r"(?s)not those of this sequence.*'targets'"):
        other.load_transforms(tmp_path / "prep.json")
    assert np.array_equal(other[0][0], shifted), "it is as it was"
    assert other.classes is None
    with pytest.raises(ArgumentError, match="not those of this sequence"):
        Coded(4, transforms={"a": Standardize()}).load_transforms(tmp_path / "prep.json")


@pytest.mark.parametrize(
    "targets",
    [
        1,
        [1],
        [{}],
        [{"key": None, "shape": [], "steps": [["nobody", 0]]}],
        [{"key": 1, "steps": 1}],
    ],
)
def test_a_broken_file(targets: Any, tmp_path: Path) -> None:
    train = table("kind", {"targets": Labels()})
    train.adapt(progress=False)
    path = tmp_path / "prep.json"
    train.save_transforms(path)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"targets": targets}))
    with pytest.raises(SourceError, match="'targets' is"):
        table().load_transforms(path)


def test_transforms_of_targets_that_are_not_there_name_the_way(tmp_path: Path) -> None:
    train = made("arrays", tmp_path, "kind", Labels())
    train.adapt(progress=False)
    train.save_transforms(tmp_path / "prep.json")
    steps = {"inputs": MinMax(), "targets": Labels()}
    asked = ArraySequence(FRAME[["x"]].to_numpy(), transforms=steps)
    with pytest.raises(ArgumentError, match=r"leave out their transforms, and load_transforms"):
        asked.adapt(progress=False)
    asked = ArraySequence(FRAME[["x"]].to_numpy(), transforms={"inputs": steps["inputs"]})
    asked.load_transforms(tmp_path / "prep.json")
    assert asked.predictions(Says(3))["label"].tolist() == ["cat"] * N


# What parts know.


def other(**keywords: Any) -> ArraySequence:
    return ArraySequence({"other": np.arange(float(N))}, **keywords)


@pytest.mark.parametrize("name", ["kind", "price"])
def test_what_a_part_knows_of_targets_holds_of_the_whole(name: str, tmp_path: Path) -> None:
    train = table(name, {"targets": Labels() if name == "kind" else Standardize()})
    train.adapt(progress=False)
    train.save_transforms(tmp_path / "prep.json")
    asked = table()
    asked.load_transforms(tmp_path / "prep.json")
    twin = TableSequence(
        FRAME.set_axis(FRAME.index + N), numeric=["x"], transforms=asked.transforms
    )
    says = Says(3 if name == "kind" else 1)
    expected = train.predictions(says, inverse=True)
    joined = join(part=asked, more=other())
    for whole in (joined, join(joined), joined.subset(slice(None)), joined.for_prediction()):
        assert whole.classes == train.classes
        pd.testing.assert_frame_equal(whole.predictions(says, inverse=True), expected)
    found = concat(asked, twin).predictions(says, inverse=True)
    pd.testing.assert_frame_equal(found.iloc[:N], expected)
    assert found.to_numpy().tolist() == [*expected.to_numpy().tolist()] * 2
    if name == "kind":  # Targets of its own come first.
        mine = join(part=asked, targets=FRAME["price"])
        assert mine.classes is None
        assert list(mine.predictions(Says(1))) == ["prediction"]


def test_inverse_without_anything_to_undo_is_refused(tmp_path: Path) -> None:
    parts = []
    for name in ("price", "day"):
        train = table(name, {"targets": Standardize()})
        train.adapt(progress=False)
        train.save_transforms(tmp_path / f"{name}.json")
        parts.append(table())
        parts[-1].load_transforms(tmp_path / f"{name}.json")
    bare = table()
    bare.adapt(progress=False)
    for seq in (bare, other(), join(one=parts[0], two=parts[1])):
        with pytest.raises(ArgumentError, match=r"not known what was done(?s:.*)load_transforms"):
            seq.predictions(Says(1), inverse=True)
        assert seq.predictions(Says(1)).iloc[0, 0] == np.float32(0.9)
    expected = parts[1].predictions(Says(1), inverse=True)
    bare.load_transforms(tmp_path / "day.json")  # The fix.
    pd.testing.assert_frame_equal(bare.predictions(Says(1), inverse=True), expected)
    untouched = ArraySequence(np.arange(4.0), np.arange(4.0))
    assert untouched.predictions(Says(1), inverse=True).iloc[0, 0] == np.float32(0.9)
