"""Learned transforms: what one object learns from, and who is fed by it."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiseq import (
    ArraySequence,
    FileSequence,
    MinMax,
    MultiInputSequence,
    SQLSequence,
    Standardize,
    TableSequence,
    TextSequence,
    Vocabulary,
    WindowSequence,
    join,
)
from multiseq.errors import ArgumentError, NotAdaptedError

pd = pytest.importorskip("pandas")

N = 20
VALUES = np.arange(float(N)) ** 2


class Own(MultiInputSequence):
    """A user's class: two inputs."""

    def __init__(self, scale: Any, values: Any = VALUES, **keywords: Any) -> None:
        super().__init__(len(values), batch_size=64, **keywords)
        self.scale, self.values = scale, np.asarray(values)

    @property
    def transforms(self) -> Any:
        return {"x": self.scale}

    def raw(self, index: int) -> Any:
        return {"x": self.values[[index]]}

    def load_sample(self, index: int) -> Any:
        return {"x": self.scale(self.values[[index]])}


def in_files(scale: Any, folder: Path) -> FileSequence:
    for k, value in enumerate(VALUES):
        np.save(folder / f"x_{k}.npy", np.array([value]))
    return FileSequence(folder, {"x": "x_{key}.npy"}, transforms={"x": scale}, batch_size=64)


def in_a_database(scale: Any, folder: Path) -> SQLSequence:
    import sqlite3

    with sqlite3.connect(folder / "a.db") as database:
        pd.DataFrame({"id": range(N), "x": VALUES}).to_sql("rows", database, index=False)
    return SQLSequence(
        str(folder / "a.db"),
        "rows",
        key="id",
        inputs={"x": ["x"]},
        transforms={"x": scale},
        batch_size=64,
    )


def in_a_table(scale: Any, folder: Path) -> TableSequence:
    frame = pd.DataFrame({"x": VALUES})
    return TableSequence(frame, numeric={"x": ["x"]}, transforms={"x": scale}, batch_size=64)


def in_windows(scale: Any, folder: Path) -> WindowSequence:
    frame = pd.DataFrame({"x": VALUES})
    return WindowSequence(
        frame,
        length=1,
        horizon=0,
        features=["x"],
        targets=None,
        transforms={"past": scale},
        batch_size=64,
    )


def in_a_join(scale: Any, folder: Path) -> MultiInputSequence:
    return join(x=in_a_table(scale, folder), batch_size=64)


def of_a_user(scale: Any, folder: Path) -> MultiInputSequence:
    return Own(scale)


KINDS: list[Callable[[Any, Path], MultiInputSequence]]
KINDS = [of_a_user, in_files, in_a_database, in_a_table, in_windows, in_a_join]
ALL = pytest.mark.parametrize("make", KINDS)


def served(seq: Any) -> Any:
    """The first batch's only input, flat."""
    inputs = seq[0][0]
    return np.ravel(next(iter(inputs.values())) if isinstance(inputs, dict) else inputs).copy()


def scaled(values: Any, training: Any) -> Any:
    return pytest.approx((values - np.mean(training)) / np.std(training), abs=1e-4)


@ALL
def test_a_subset_learns_copies_of_its_own(make: Any, tmp_path: Path) -> None:
    scale = Standardize()
    seq = make(scale, tmp_path)
    folds = [seq.subset(slice(0, 12)), seq.subset(slice(8, N))]
    for fold in folds:
        fold.adapt(progress=False)
    assert served(folds[0]) == scaled(VALUES[:12], VALUES[:12])
    assert served(folds[1]) == scaled(VALUES[8:], VALUES[8:])
    assert not scale.adapted
    with pytest.raises(NotAdaptedError):
        seq[0]
    seq.adapt(progress=False)
    assert scale.adapted
    assert served(seq) == scaled(VALUES, VALUES)
    assert served(folds[0]) == scaled(VALUES[:12], VALUES[:12])
    (name,) = seq.transforms
    assert folds[1].transforms[name] == Standardize().adapt(VALUES[8:, None])


@ALL
def test_the_parts_of_a_split_share_the_users_own_object(make: Any, tmp_path: Path) -> None:
    scale = Standardize()
    seq = make(scale, tmp_path)
    train, test = seq.split(0.5, 0.5)
    train.replace(batch_size=2).adapt(progress=False)
    mine = VALUES[train.source_indices(np.arange(len(train.keys)))]
    assert scale == Standardize().adapt(mine[:, None])
    theirs = VALUES[test.source_indices(np.arange(len(test.keys)))]
    assert served(test) == scaled(theirs, mine)
    again, other = seq.replace(seed=7).split(0.6, 0.4)
    again.adapt(progress=False)
    assert served(test) == scaled(theirs, mine)
    mine = VALUES[again.source_indices(np.arange(len(again.keys)))]
    theirs = VALUES[other.source_indices(np.arange(len(other.keys)))]
    assert served(other) == scaled(theirs, mine)


@ALL
def test_the_parts_of_a_folds_split_share_its_copies(make: Any, tmp_path: Path) -> None:
    scale = Standardize()
    fold = make(scale, tmp_path).subset(slice(5, N))
    rest, test = fold.split(0.8, 0.2)
    train, validation = rest.split(0.5, 0.5)
    train.adapt(progress=False)
    assert not scale.adapted
    (learned,) = {id(each) for p in (train, validation, test) for each in p.transforms.values()}
    assert learned != id(scale)
    served(validation), served(test)


def test_who_learns_later_leaves_what_others_are_fed(caplog: Any) -> None:
    scale = Standardize()
    first, second = Own(scale), Own(scale, VALUES + 1000)
    first.adapt(progress=False)
    before = served(first)
    assert served(second).min() > 5  # It is fed by what the first has learned, as was asked.
    second.adapt(progress=False)
    assert "another sequence has learned <Standardize" in caplog.text
    assert np.array_equal(served(first), before)
    assert served(second) == scaled(VALUES, VALUES)
    assert first.transforms["x"] is scale is not second.transforms["x"]
    caplog.clear()
    first.adapt(progress=False)
    del second
    assert not caplog.text


def test_a_join_leaves_what_its_part_has_learned() -> None:
    part = Own(Standardize())
    part.adapt(progress=False)
    before = served(part)
    seq = join(part).subset(slice(0, 5))
    seq.adapt(progress=False)
    assert served(seq) == scaled(VALUES[:5], VALUES[:5])
    assert np.array_equal(served(part), before)


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))]
)
def test_copies_learn_too(again: Any) -> None:
    train, _ = Own(Standardize()).split(0.5, 0.5)
    train.adapt(progress=False)
    other = again(train)
    before = served(train)
    assert np.array_equal(served(other), before)
    other.adapt(progress=False)
    assert np.array_equal(served(other), before)


def test_what_cannot_be_copied_is_refused() -> None:
    class Elsewhere(Own):
        @property
        def transforms(self) -> Any:
            return {"x": SCALE}

    seq = Elsewhere(SCALE)
    with pytest.raises(ArgumentError, match="would change what other sequences are fed"):
        seq.subset(slice(0, 5)).adapt(progress=False)
    assert not SCALE.adapted
    seq.adapt(progress=False)
    assert SCALE.adapted


SCALE = Standardize()


# One object that serves several inputs.


def test_both_texts_of_a_pair_make_one_vocabulary() -> None:
    left, right = ["boil rice now", "learn python"], ["cook rice", "study python rice"]
    words = Vocabulary(mask="", min_count=2)
    seq = join(
        q1=TextSequence(left, tokenizer=words, max_length=3),
        q2=TextSequence(right, tokenizer=words, max_length=3),
    )
    train = seq.subset([0, 1])
    seq.adapt(progress=False)
    assert words.categories == ("rice", "python")
    assert dict(seq.transforms) == {"q1": words, "q2": words}
    train.adapt(progress=False)
    assert train.transforms["q1"] is train.transforms["q2"] is not words


@pytest.mark.parametrize("make", [in_files, in_a_database, in_a_table, of_a_user])
@pytest.mark.parametrize("kind", [Standardize, MinMax])
def test_two_parts_of_a_join_are_pooled(make: Any, kind: Any, tmp_path: Path) -> None:
    scale = kind()
    other = TableSequence(
        pd.DataFrame({"b": VALUES + 500}), numeric=["b"], transforms={"numeric": scale}
    )
    join(a=make(scale, tmp_path), b=other).adapt(progress=False)
    assert scale == kind().adapt(np.concatenate([VALUES, VALUES + 500])[:, None])


def test_an_object_of_scikit_learn_is_pooled_too() -> None:
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    scaler = preprocessing.StandardScaler()
    frame = pd.DataFrame({"a": [0.0, 10.0], "b": [100.0, 300.0]})
    seq = TableSequence(
        frame, numeric={"a": ["a"], "b": ["b"]}, transforms={"a": scaler, "b": scaler}
    )
    seq.adapt(progress=False)
    expected = preprocessing.StandardScaler().fit(np.array([[0.0], [10], [100], [300]]))
    inputs = seq[0][0]
    for name in "ab":
        assert inputs[name] == pytest.approx(expected.transform(frame[[name]].to_numpy()))


@given(st.lists(st.sampled_from("abcde"), min_size=1, max_size=9), st.data())
def test_pooled_words_are_counted_over_all_parts(left: list[str], data: Any) -> None:
    right = data.draw(st.lists(st.sampled_from("abcde"), min_size=len(left), max_size=len(left)))
    words = Vocabulary()
    join(l=TextSequence(left, tokenizer=words), r=TextSequence(right, tokenizer=words)).adapt(
        progress=False
    )
    assert words == Vocabulary().adapt([[each] for each in left + right])


def test_what_a_subset_learned_is_not_applied_to_the_whole() -> None:
    whole = ArraySequence(np.arange(8.0).reshape(4, 2), transforms={"inputs": MinMax()})
    part = whole.subset([0, 1])
    part.adapt(progress=False)
    np.testing.assert_allclose(part[0][0], [[0, 0], [1, 1]])
    whole.adapt(progress=False)
    np.testing.assert_allclose(whole[0][0], np.repeat(np.arange(4)[:, None] / 3, 2, 1), rtol=1e-6)
    np.testing.assert_allclose(part[0][0], [[0, 0], [1, 1]])


# What a join shows.


def test_a_join_shows_the_transforms_of_its_parts(tmp_path: Path) -> None:
    table = TableSequence(
        pd.DataFrame({"a": VALUES, "city": list("xy") * 10}), numeric=["a"], categorical=["city"]
    )
    seq = join(
        table,
        image=in_files(Standardize(), tmp_path),
        words=join(TextSequence(["a"] * N, tokenizer=Vocabulary())),
    )
    assert list(seq.transforms) == ["numeric", "city", "image", "words"]
    assert seq.transforms["city"] is table.transforms["city"]


def test_names_that_clash_are_told_apart() -> None:
    def text() -> TextSequence:
        return TextSequence(["a"] * N, tokenizer=Vocabulary())

    seq = join(text(), text())
    assert list(seq.transforms) == ["part 0 (TextSequence).inputs", "part 1 (TextSequence).inputs"]


def test_bars_say_which_part_they_are_of(capsys: Any) -> None:
    a, b = (TextSequence(["a b"] * N, tokenizer=Vocabulary()) for _ in range(2))
    join(left=a, right=join(b)).adapt()
    shown = capsys.readouterr().err
    assert "adapt left: 100%" in shown
    assert "adapt right part 0 (TextSequence): 100%" in shown
    Own(Standardize()).adapt()
    assert "adapt: 100%" in capsys.readouterr().err
