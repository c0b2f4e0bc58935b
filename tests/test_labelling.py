"""Labels in sequences: classes, weights and predictions by class, and text that has no Labels."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.preprocessing import LabelEncoder

from multiseq import (
    ArraySequence,
    FileSequence,
    ImageSequence,
    Labels,
    MultiInputSequence,
    SQLSequence,
    Standardize,
    TableSequence,
    TextSequence,
    Vocabulary,
    concat,
    join,
)
from multiseq.errors import ArgumentError, NotAdaptedError, SpecError

N = 12
KEYS = [f"k{k:02}" for k in range(N)]
KINDS = [("dog", "cat", "eel")[k % 3] for k in range(N)]
CLASSES = ("cat", "dog", "eel")
X = np.arange(2.0 * N).reshape(N, 2).astype(np.float32)


class Mine(MultiInputSequence):
    """A sequence of a user's, whose targets are text."""

    def load_sample(self, index: int) -> Any:
        return X[index], KINDS[index]


class Objects(Mine):
    """The same as an array of an object."""

    def load_sample(self, index: int) -> Any:
        return X[index], np.array(KINDS[index], object)


def _files(path: Path, **keywords: Any) -> Any:
    for key, kind, row in zip(KEYS, KINDS, X, strict=True):
        np.save(path / f"x_{key}.npy", row)
        (path / f"m_{key}.json").write_text(json.dumps({"kind": kind}))
    return FileSequence(path, "x_{key}.npy", "m_{key}.json:kind", **keywords)


def _images(path: Path, **keywords: Any) -> Any:
    for key in KEYS:
        Image.new("RGB", (2, 2)).save(path / f"{key}.png")
    paths = pd.Series([f"{key}.png" for key in KEYS], KEYS)
    kinds = pd.Series(KINDS, KEYS)[::-1]
    return ImageSequence(paths, kinds, root=path, size=(2, 2), **keywords)


def _database(path: Path, **keywords: Any) -> Any:
    frame = pd.DataFrame({"x": X[:, 0], "kind": KINDS}, KEYS)
    with sqlite3.connect(path / "d.sqlite") as connection:
        frame.to_sql("samples", connection, index_label="id")
    connection.close()
    return SQLSequence(
        path / "d.sqlite", "samples", key="id", inputs="x", targets="kind", **keywords
    )


def _table(path: Path, **keywords: Any) -> Any:
    pd.DataFrame({"x": X[:, 0], "kind": KINDS}).to_csv(path / "t.csv", index=False)
    return TableSequence(path / "t.csv", "kind", numeric="x", **keywords)


def _texts(path: Path, **keywords: Any) -> Any:
    return TextSequence(
        ["a b", "b"] * (N // 2), KINDS, tokenizer=Vocabulary(mask=""), max_length=2, **keywords
    )


MAKERS: dict[str, Callable[..., Any]] = {
    "arrays": lambda path, **k: ArraySequence(X, KINDS, keys=KEYS, **k),
    "objects": lambda path, **k: ArraySequence(X, np.array(KINDS, object), **k),
    "categories": lambda path, **k: ArraySequence(X, pd.Categorical(KINDS), **k),
    "files": _files,
    "images": _images,
    "sql": _database,
    "table": _table,
    "text": _texts,
    "mine": lambda path, **k: Mine(KEYS, **k),
    "my objects": lambda path, **k: Objects(KEYS, **k),
    "join": lambda path, **k: join(x=ArraySequence(X, keys=KEYS), targets=KINDS, **k),
    "join of mine": lambda path, **k: join(x=Mine(KEYS), **k),
    "join of inputs": lambda path, **k: join(
        x=ArraySequence(X), targets=ArraySequence(np.array(KINDS)), **k
    ),
}
ALL = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


class Scores:
    """A model that predicts scores, whatever it reads."""

    def __init__(self, scores: Any, output_names: Any = None) -> None:
        self.scores, self.output_names = scores, output_names

    def predict(self, seq: Any, **keywords: Any) -> Any:
        for _ in seq:
            pass
        return self.scores


@ALL
def test_every_class_numbers_text(make: Any, tmp_path: Path) -> None:
    seq = make(tmp_path, transforms={"targets": Labels()}, batch_size=5)
    with pytest.raises(NotAdaptedError):
        seq.classes  # noqa: B018
    train, test = seq.split(0.75, 0.25, stratify=np.array(KINDS))
    train.adapt(progress=False)
    for part in (train, test, train.subset(positions=[0, 2])):
        assert part.classes == CLASSES
    seq.adapt(progress=False)
    numbers = LabelEncoder().fit_transform(KINDS)
    served = np.concatenate([batch[1] for batch in seq])
    assert served.tolist() == numbers.tolist()
    assert served.dtype == np.int32
    scores = np.random.default_rng(0).normal(size=(N, 3))
    frame = seq.predictions(Scores(scores), targets=True)
    assert frame.columns.tolist() == [*CLASSES, "label", "target"]
    np.testing.assert_array_equal(frame[list(CLASSES)], scores)
    assert frame["label"].tolist() == [CLASSES[k] for k in scores.argmax(1)]
    assert frame["target"].tolist() == KINDS
    assert frame.index.equals(seq.keys)


@ALL
def test_text_without_labels_is_refused_with_the_fix(make: Any, tmp_path: Path) -> None:
    with pytest.raises((ArgumentError, SpecError, ValueError), match=r"Labels\(\)"):
        make(tmp_path)[0]


def test_labels_are_learned_without_loading_inputs(tmp_path: Path) -> None:
    seq = _images(tmp_path, transforms={"targets": Labels()})
    for path in tmp_path.glob("*.png"):
        path.unlink()
    seq.adapt(progress=False)
    assert seq.classes == CLASSES


def test_the_order_of_categories_is_kept_whatever_else_learns() -> None:
    kinds = pd.Series(KINDS, dtype=pd.CategoricalDtype(["eel", "yak", "dog", "cat"]))
    labels = {"targets": Labels()}
    makers: list[Callable[..., Any]] = [
        lambda **k: ArraySequence(X, kinds, **k),
        lambda **k: join(x=ArraySequence(X), targets=kinds, **k),
        lambda **k: TableSequence(pd.DataFrame({"x": X[:, 0], "y": kinds}), "y", numeric="x", **k),
    ]
    for make in makers:
        seq = make(transforms=labels)
        seq.adapt(progress=False)
        assert seq.classes == ("eel", "yak", "dog", "cat")
    both = ArraySequence(X, kinds, transforms={"inputs": (np.abs, Standardize()), **labels})
    both.adapt(progress=False)
    assert both.classes == ("eel", "yak", "dog", "cat")


def test_classes_of_several_outputs() -> None:
    price = X[:, 0]
    named = {"kind": KINDS, "price": price}
    seq = ArraySequence(X, named, transforms={"kind": Labels(), "price": Standardize()})
    seq.adapt(progress=False)
    assert seq.classes == {"kind": CLASSES}
    assert concat(seq, seq.replace(), keys=["a", "b"]).classes == {"kind": CLASSES}
    two = ArraySequence(
        X,
        (KINDS, KINDS),
        transforms={"targets[1]": Labels(["dog", "cat", "eel"]), "targets[0]": Labels()},
    )
    two.adapt(progress=False)
    assert two.classes == {0: CLASSES, 1: ("dog", "cat", "eel")}
    assert ArraySequence(X, price).classes is None
    assert ArraySequence(X).classes is None
    scaled = ArraySequence(X, price, transforms={"targets": Standardize()})
    assert scaled.classes is None
    kinds = ArraySequence({"kind": KINDS}, price, transforms={"kind": Labels()})
    kinds.adapt(progress=False)
    assert kinds.classes is None
    assert kinds[0][0]["kind"].tolist() == LabelEncoder().fit_transform(KINDS).tolist()


def test_predictions_of_several_outputs_in_their_units() -> None:
    price = 10 + X[:, 0]
    named = {"kind": KINDS, "price": price, "good": [k % 2 == 0 for k in range(N)]}
    steps = {"kind": Labels(), "price": Standardize(), "good": Labels()}
    seq = ArraySequence(X, named, transforms=steps)
    seq.adapt(progress=False)
    rng = np.random.default_rng(0)
    scores = {
        "price": rng.normal(size=(N, 1)),
        "good": rng.uniform(size=(N, 1)),
        "kind": rng.normal(size=(N, 3)),
    }
    frame = seq.predictions(Scores(scores), targets=True)
    assert frame.columns.tolist() == [
        *("price", "good_True", "good_label", "kind_cat", "kind_dog", "kind_eel", "kind_label"),
        *("target_kind", "target_price", "target_good"),
    ]
    assert frame["good_label"].tolist() == (scores["good"][:, 0] > 0.5).tolist()
    np.testing.assert_allclose(
        frame["target_price"], (price - price.mean()) / price.std(), atol=1e-6
    )
    undone = seq.predictions(Scores(scores), targets=True, inverse=True)
    np.testing.assert_allclose(undone["price"], scores["price"][:, 0] * price.std() + price.mean())
    assert undone["target_price"].tolist() == price.tolist()
    assert undone["target_good"].tolist() == named["good"]
    as_list = Scores([scores[name] for name in ("kind", "price", "good")], ["a", "b", "c"])
    # Where outputs are a list, targets of a dict belong to them by name alone.
    assert "a_label" not in seq.predictions(as_list).columns


def test_outputs_and_targets_by_their_order() -> None:
    seq = ArraySequence(X, (KINDS, X[:, 0]), transforms={"targets[0]": Labels()})
    seq.adapt(progress=False)
    model = Scores([np.eye(3)[np.arange(N) % 3], X[:, :1]], ["a", "b"])
    frame = seq.predictions(model, targets=True)
    assert frame.columns.tolist() == [
        "a_cat",
        "a_dog",
        "a_eel",
        "a_label",
        "b",
        "target_0",
        "target_1",
    ]


def test_several_labels_at_once() -> None:
    tags = ["a|b", "", "b"] * 4
    seq = ArraySequence(X, tags, transforms={"targets": Labels(sep="|")})
    seq.adapt(progress=False)
    assert seq.classes == ("a", "b")
    assert seq[0][1][:3].tolist() == [[1, 1], [0, 0], [0, 1]]
    scores = np.tile([[0.9, 0.2], [0.1, 0.4], [0.6, 0.7]], (4, 1))
    frame = seq.predictions(Scores(scores), targets=True)
    assert frame["label"].tolist() == [["a"], [], ["a", "b"]] * 4
    assert frame["target"].tolist() == [["a", "b"], [], ["b"]] * 4
    with pytest.raises(ArgumentError, match=r"(?s)no probability.*sigmoid"):
        seq.predictions(Scores(scores * 3))


def test_labels_of_steps() -> None:
    steps = [["B", "O", "O"], ["O", "B", "I"]] * 6
    seq = ArraySequence(X, steps, transforms={"targets": Labels()})
    seq.adapt(progress=False)
    assert seq[0][1][:2].tolist() == [[0, 2, 2], [2, 0, 1]]
    scores = np.random.default_rng(0).normal(size=(N, 3, 3))
    frame = seq.predictions(Scores(scores), targets=True)
    assert frame.shape == (N, 9 + 3 + 3)
    assert frame["label_1"].tolist() == [("B", "I", "O")[k] for k in scores[:, 1].argmax(-1)]
    assert frame["target_2"].tolist() == [row[2] for row in steps]
    two = ArraySequence(X, [["n", "y"], ["y", "n"]] * 6, transforms={"targets": Labels()})
    two.adapt(progress=False)
    by_step = two.predictions(Scores(np.full((N, 2), 0.7)))
    assert by_step["label_0"].tolist() == by_step["label_1"].tolist() == ["y"] * N


@pytest.mark.parametrize("shape", [(N,), (N, 1)])
def test_a_single_unit_for_two_classes(shape: Any) -> None:
    seq = ArraySequence(X, ["no", "yes"] * 6, transforms={"targets": Labels()})
    seq.adapt(progress=False)
    chances = np.linspace(0, 1, N).reshape(shape)
    frame = seq.predictions(Scores(chances))
    assert frame.columns.tolist() == ["yes", "label"]
    assert frame["label"].tolist() == np.where(chances.ravel() > 0.5, "yes", "no").tolist()
    with pytest.raises(ArgumentError, match="no probability"):
        seq.predictions(Scores(chances - 1))


def test_refusals_of_predictions() -> None:
    seq = ArraySequence(X, KINDS, transforms={"targets": Labels()})
    seq.adapt(progress=False)
    with pytest.raises(ArgumentError, match=r"(?s)2 units, and 3 classes.*3 units"):
        seq.predictions(Scores(np.zeros((N, 2))))
    with pytest.raises(ArgumentError, match="no targets to put beside"):
        ArraySequence(X).predictions(Scores(np.zeros(N)), targets=True)
    logs = ArraySequence(X, X[:, 0], transforms={"targets": (np.log1p, Standardize())})
    logs.adapt(progress=False)
    with pytest.raises(ArgumentError, match=r"(?s)cannot undo a function.*log1p"):
        logs.predictions(Scores(np.zeros(N)), inverse=True)
    word = ArraySequence(X, ["label", "x"] * 6, transforms={"targets": Labels()})
    word.adapt(progress=False)
    with pytest.raises(ArgumentError, match=r"(?s)two columns.*one name.*rename"):
        word.predictions(Scores(np.zeros((N, 2))))


def test_scores_that_are_no_number_have_no_label() -> None:
    seq = ArraySequence(X, KINDS, transforms={"targets": Labels()})
    seq.adapt(progress=False)
    scores = np.eye(3)[np.arange(N) % 3]
    scores[1, 0] = np.nan
    frame = seq.predictions(Scores(scores))
    assert frame["label"].isna().tolist() == [k == 1 for k in range(N)]


def test_weights_by_class() -> None:
    seq = ArraySequence(
        X, KINDS, transforms={"targets": Labels()}, class_weight={"cat": 1, "dog": 5, "eel": 2}
    )
    seq.adapt(progress=False)
    wanted = {"cat": 1, "dog": 5, "eel": 2}
    assert seq[0][2].tolist() == [wanted[kind] for kind in KINDS]
    balanced = seq.subset(positions=[0, 1, 3]).replace(class_weight="balanced")
    assert balanced[0][2].tolist() == [0.75, 1.5, 0.75]
    with pytest.raises(ArgumentError, match=r"(?s)class that the targets do not have.*'cat'"):
        seq.replace(class_weight={"bird": 1})[0]
    holes = ArraySequence(
        X, [3, 7] * 6, transforms={"targets": Labels()}, class_weight={3: 1, 7: 2}
    )
    holes.adapt(progress=False)
    assert holes[0][2].tolist() == [1, 2] * 6
