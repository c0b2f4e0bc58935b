"""save_transforms and load_transforms: all that a sequence has learned, in one file."""

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
from sklearn.preprocessing import StandardScaler

from multiseq import (
    ArraySequence,
    FileSequence,
    Labels,
    MinMax,
    SQLSequence,
    Standardize,
    TableSequence,
    TextSequence,
    Vocabulary,
    WindowSequence,
    join,
)
from multiseq.errors import ArgumentError, NotAdaptedError, SourceError


def table(rows: int = 12, shift: float = 0.0, **keywords: Any) -> TableSequence:
    frame = pd.DataFrame(
        {
            "height": np.linspace(0.1, 3, rows) + shift,
            "place": [f"place {k % 3}" for k in range(rows)],
        }
    )
    return TableSequence(frame, numeric=["height"], categorical=["place"], **keywords)


def films(shift: float = 0.0, **keywords: Any) -> Any:
    words = [f"the {k} film \ud800"[: 8 + k % 4] for k in range(12)]
    return join(
        table(shift=shift),
        title=TextSequence(words, tokenizer=Vocabulary(mask=""), max_length=4),
        **keywords,
    )


def same(one: Any, other: Any) -> None:
    for a, b in zip(one, other, strict=True):
        np.testing.assert_equal(a, b)


def test_another_sequence_is_fed_the_same_to_the_bit(tmp_path: Path) -> None:
    trained = films()
    trained.adapt(progress=False)
    trained.save_transforms(tmp_path / "prep.json")
    served = films()
    served.load_transforms(tmp_path / "prep.json")
    same(served[0], trained[0])
    assert dict(served.transforms) == dict(trained.transforms)
    served = films(shift=100.0)
    served.adapt(progress=False)
    before = served[0]
    served.load_transforms(tmp_path / "prep.json")  # In place of what it had learned.
    assert dict(served.transforms) == dict(trained.transforms)
    with pytest.raises(AssertionError):
        same(before, served[0])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-1e12, 1e12), min_size=3, max_size=9))
def test_numbers_are_exact(tmp_path_factory: Any, values: list[float]) -> None:
    path = tmp_path_factory.mktemp("saved") / "prep.json"
    rows = np.array(values)[:, None]

    def made() -> FileSequence:
        frame = pd.DataFrame({"x": rows[:, 0]})
        return TableSequence(frame, numeric=["x"])  # type: ignore[return-value]

    one, other = made(), made()
    one.adapt(progress=False)
    one.save_transforms(path)
    other.load_transforms(path)
    assert dict(one.transforms) == dict(other.transforms)
    same(one[0], other[0])


def test_steps_and_targets_are_saved_too(tmp_path: Path) -> None:
    rows, kinds = np.arange(24.0).reshape(12, 2), np.array(["cat", "dog", "owl"] * 4)

    def made(low: float) -> ArraySequence:
        steps = (np.sqrt, Standardize(), lambda value: value + 1, MinMax())
        return ArraySequence(rows + low, kinds, transforms={"inputs": steps, "targets": Labels()})

    trained, served = made(0.0), made(100.0)
    trained.adapt(progress=False)
    trained.save_transforms(tmp_path / "prep.json")
    served.load_transforms(tmp_path / "prep.json")
    same(made_of(trained, rows), made_of(served, rows))
    assert served.transforms["targets"].classes == ("cat", "dog", "owl")
    served[0]


def made_of(seq: Any, rows: Any) -> Any:
    return [seq.transforms["inputs"].transform(row) for row in rows]


def test_one_object_for_several_names_stays_one(tmp_path: Path) -> None:
    def made(words: list[Vocabulary]) -> Any:
        return join(
            a=TextSequence(["x y", "z"], tokenizer=words[0], max_length=2),
            b=TextSequence(["y", "w w"], tokenizer=words[-1], max_length=2),
        )

    trained = made([Vocabulary()])
    trained.adapt(progress=False)
    trained.save_transforms(tmp_path / "prep.json")
    words = Vocabulary()
    served = made([words])
    served.load_transforms(tmp_path / "prep.json")
    assert words == trained.transforms["a"]
    apart = made([Vocabulary(), Vocabulary()])
    apart.adapt(progress=False)
    apart.save_transforms(tmp_path / "apart.json")
    with pytest.raises(ArgumentError, match="share one transform here"):
        served.load_transforms(tmp_path / "apart.json")


def test_the_parts_of_a_split_share_it_and_nobody_else(tmp_path: Path) -> None:
    trained = table(shift=5.0)
    trained.adapt(progress=False)
    trained.save_transforms(tmp_path / "prep.json")
    data = table()
    train, test = data.split(0.5, 0.5)
    train.adapt(progress=False)
    other = data.subset(positions=np.arange(6))
    other.adapt(progress=False)
    before = other[0]
    train.load_transforms(tmp_path / "prep.json")
    assert dict(test.transforms) == dict(train.transforms) == dict(trained.transforms)
    assert dict(other.transforms) != dict(train.transforms)
    same(before, other[0])
    test[0], train[0]


def test_what_was_read_ahead_is_dropped(tmp_path: Path) -> None:
    trained = table(shift=5.0)
    trained.adapt(progress=False)
    trained.save_transforms(tmp_path / "prep.json")
    with table(workers=2, batch_size=2) as data:
        data.adapt(progress=False)
        data[0]
        data.load_transforms(tmp_path / "prep.json")
        wanted = data.replace(workers=0)
        same(data[1], wanted[1])


def test_other_names_classes_and_arguments_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "prep.json"
    trained = films()
    trained.adapt(progress=False)
    trained.save_transforms(path)
    with pytest.raises(ArgumentError, match=r"(?s)not those of this sequence.*title.*expected"):
        table().load_transforms(path)
    words = [f"the {k}" for k in range(12)]
    other = join(
        table(),
        title=TextSequence(words, tokenizer=Vocabulary(mask="", num_oov=2), max_length=4),
    )
    other.adapt(progress=False)
    before = other[0]
    with pytest.raises(ArgumentError, match=r"(?s)another transform was saved for.*num_oov"):
        other.load_transforms(path)
    same(before, other[0])  # It is as it was, all of it.


def test_what_cannot_be_saved_is_refused_and_the_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "prep.json"
    with pytest.raises(NotAdaptedError, match="has learned nothing yet"):
        films().save_transforms(path)
    with pytest.raises(ArgumentError, match="no transforms"):
        ArraySequence(np.ones((4, 2))).save_transforms(path)
    frame = pd.DataFrame({"x": [1.0, 2.0, 4.0]})
    scaled = TableSequence(frame, numeric=["x"], transforms={"numeric": StandardScaler()})
    scaled.adapt(progress=False)
    with pytest.raises(ArgumentError, match=r"(?s)cannot be saved as JSON.*pass it in fitted"):
        scaled.save_transforms(path)
    assert not path.exists()


def test_a_broken_file_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "prep.json"
    trained = films()
    trained.adapt(progress=False)
    trained.save_transforms(path)
    whole = path.read_text(errors="surrogatepass")
    before = trained[0]
    document = json.loads(whole)
    for broken, said in [
        (whole[:-20], "no JSON"),
        ("[]", "without"),
        (json.dumps(document | {"version": 2}), "another format version"),
        (json.dumps(document | {"transforms": []}), "'transforms' is"),
        (json.dumps(document | {"transforms": dict.fromkeys(document["transforms"], 1)}), "cannot"),
    ]:
        path.write_text(broken)
        with pytest.raises(SourceError, match=said):
            trained.load_transforms(path)
    with pytest.raises(SourceError):
        trained.load_transforms(tmp_path / "nowhere.json")
    Standardize().adapt(np.ones((2, 2))).save(tmp_path / "one.json")
    with pytest.raises(SourceError, match="save_transforms wrote"):
        trained.load_transforms(tmp_path / "one.json")
    same(before, trained[0])


# On which columns, and how filled


def refused(path: Path, trained: Any, other: Any, *said: str) -> None:
    trained.adapt(progress=False)
    trained.save_transforms(path)
    with pytest.raises(ArgumentError) as caught:
        other.load_transforms(path)
    assert all(each in str(caught.value) for each in said), str(caught.value)
    assert not any(each.adapted for each in other.transforms.values())


TWO = pd.DataFrame({"x": [1.0, 2.0, 3.0], "z": [10.0, 20.0, 60.0], "c": ["a", "b", "a"]})


def test_columns_in_another_order_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "prep.json"

    def numeric(columns: Any, **keywords: Any) -> TableSequence:
        return TableSequence(TWO, numeric=columns, **keywords)

    def goals(columns: Any) -> TableSequence:
        steps: Any = {"transforms": {"targets": Standardize()}}
        return TableSequence(TWO, columns, categorical=["c"], **steps)

    def windows(columns: Any) -> WindowSequence:
        steps: Any = {"transforms": {"past": Standardize()}}
        return WindowSequence(TWO, length=2, features=columns, targets="x", **steps)

    def sql(columns: Any) -> SQLSequence:
        with sqlite3.connect(tmp_path / "a.db") as database:
            TWO.to_sql("t", database, index_label="k", if_exists="replace")
        steps: Any = {"transforms": {"inputs": Standardize()}}
        return SQLSequence(str(tmp_path / "a.db"), "t", key="k", inputs=columns, **steps)

    def named(columns: Any) -> Any:
        return join(a=numeric(columns), b=ArraySequence(np.ones((3, 1))))

    for made in (numeric, goals, sql, windows, named):
        refused(path, made(["x", "z"]), made(["z", "x"]), "'x', 'z'", "'z', 'x'", "in their order")
        trained, again = made(["x", "z"]), made(["x", "z"])  # As the error advises.
        trained.adapt(progress=False)
        again.load_transforms(path)
        same([trained[0]], [again[0]])
    refused(path, numeric(["x"]), numeric(["z"]), "frame.rename(columns={name: other})")
    renamed = TWO[["z"]].rename(columns={"z": "x"})
    TableSequence(renamed, numeric=["x"]).load_transforms(path)


def test_other_fills_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "prep.json"

    def filled(**keywords: Any) -> TableSequence:
        frame = pd.DataFrame({"x": [1.0, np.nan]})
        return TableSequence(frame, numeric=["x"], **keywords)

    refused(path, filled(missing=0), filled(missing=99), "0.0", "99.0", "pass the missing=")
    refused(path, filled(), filled(missing=1), "nothing in their place")
    refused(path, filled(missing=1), filled(), "nothing in their place")
    for made in (np.int8(1), 1.0, True):  # As the error advises.
        filled(missing=made).load_transforms(path)


def test_files_that_say_nothing_of_columns_load_as_they_did(tmp_path: Path) -> None:
    path = tmp_path / "prep.json"
    trained = TableSequence(TWO, numeric=["x", "z"], missing=0)
    trained.adapt(progress=False)
    trained.save_transforms(path)
    document = json.loads(path.read_text())
    uses = document.pop("uses")
    path.write_text(json.dumps(document))
    TableSequence(TWO, numeric=["z", "x"]).load_transforms(path)
    for broken in (None, {}, {"numeric": 1}, {"numeric": {"columns": 1, "fills": []}}):
        path.write_text(json.dumps(document | {"uses": broken}))
        with pytest.raises(SourceError, match="'uses' is"):
            trained.load_transforms(path)
    assert uses == {"numeric": {"columns": [["x", "z"]], "fills": [0.0]}}
