"""`transforms=` of what tables, files, databases and windows transform by themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from chained import WORDS, N, X, expected, made, steps, table
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from multiseq import (
    ArraySequence,
    MinMax,
    Standardize,
    TableSequence,
    Vocabulary,
    WindowSequence,
    join,
)
from multiseq.errors import ArgumentError
from multiseq.testing import check_sequence


@pytest.mark.parametrize("which", ["tables", "sql", "files"])
def test_each_step_learns_from_what_those_before_it_made(which: str, tmp_path: Path) -> None:
    seq = made(which, tmp_path)
    train, test = seq.split(positions=(range(30), range(30, N)))
    train.adapt(progress=False)
    for part, rows in ((train, X[:30]), (test, X[30:])):
        check_sequence(part)
        (inputs,) = part[0]
        got = inputs["numeric" if which == "tables" else "x"]
        np.testing.assert_allclose(got, expected(rows, X[:30]), rtol=1e-5, atol=1e-6)
    name = "inputs['numeric']" if which == "tables" else "inputs['x']"
    chain = train.transforms[name]
    np.testing.assert_allclose(chain.learners[0].mean, np.abs(X[:30]).mean(axis=0))


def test_windows_of_rows_that_go_through_the_same_steps() -> None:
    frame = pd.DataFrame({"a": X[:, 0], "b": X[:, 1]})
    seq = WindowSequence(
        frame,
        length=4,
        horizon=2,
        features=["a", "b"],
        targets="b",
        transforms={"inputs['past']": steps(), "targets": (np.abs, Standardize())},
        batch_size=N,
    )
    seq.adapt(progress=False)
    check_sequence(seq)
    inputs, targets = seq[0]
    scaled = expected(X, X[:-2])
    want = np.stack([scaled[k : k + 4] for k in range(len(targets))])
    np.testing.assert_allclose(inputs["past"], want, rtol=1e-5, atol=1e-5)
    assert targets.shape == (len(targets), 2)
    goals = StandardScaler().fit(np.abs(X[4:, 1:])).transform(np.abs(X[:, 1:]))[:, 0]
    np.testing.assert_allclose(targets[:, 0], goals[4 : 4 + len(targets)], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("which", ["tables", "sql", "files"])
def test_chains_are_saved_and_shared(which: str, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    seq, other = (made(which, tmp_path / name) for name in ("one", "two"))
    seq.adapt(progress=False)
    seq.save_transforms(tmp_path / "prep.json")
    other.load_transforms(tmp_path / "prep.json")
    (got,), (want,) = other[0], seq[0]
    assert all(got[name].tobytes() == want[name].tobytes() for name in want)


def test_a_category_of_several_columns_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"categorical=\{'who': 'who'\}"):
        table(categorical={"who": ["who"]})
    with pytest.raises(ArgumentError, match=r"'a': 'a', 'who': 'who'"):
        table(categorical={"w": ["a", "who"]}, numeric=[], transforms=None)
    assert table(categorical={"who": "who"}).num_samples == N


def test_a_function_of_categories_is_given_none_where_one_is_missing() -> None:
    frame = pd.DataFrame({"who": ["Ann", None, "bob", "ANN"]})

    def lower(name: Any) -> Any:
        return "nobody" if name is None else name.lower()

    who = Vocabulary(num_oov=0)
    seq = TableSequence(frame, categorical="who", transforms={"who": (lower, who)}, batch_size=4)
    seq.adapt(progress=False)
    assert [who.categories[k] for k in seq[0][0]["who"]] == ["ann", "nobody", "bob", "ann"]


# Together with what else sequences do


@given(
    st.lists(st.one_of(st.none(), st.text("ab c", max_size=5)), min_size=2, max_size=30),
    st.integers(1, 9),
)
def test_categories_go_through_functions_and_learners(texts: list[Any], size: int) -> None:
    def words(text: str | None) -> list[str]:
        return ["none"] if text is None else ["start", *text.split()]

    seq = TableSequence(
        pd.DataFrame({"v": pd.Series(texts, dtype=object)}),
        categorical="v",
        transforms={"v": (words, Vocabulary(), np.sum, Standardize())},
        batch_size=size,
    )
    seq.adapt(progress=False)
    got = np.concatenate([batch[0]["v"] for batch in seq])
    known = Vocabulary().adapt([words(text) for text in texts])
    sums = np.array([[known.transform(words(text)).sum()] for text in texts], float)
    np.testing.assert_allclose(got, StandardScaler().fit_transform(sums)[:, 0], atol=1e-5)


@pytest.mark.parametrize("which", ["tables", "sql", "files"])
@pytest.mark.parametrize("processes", [False, True])
def test_workers_give_the_same_bytes(which: str, processes: bool, tmp_path: Path) -> None:
    seq = made(which, tmp_path).replace(batch_size=7)
    seq.adapt(progress=False)
    with seq.replace(workers=2, use_multiprocessing=processes) as other:
        for (got,), (want,) in zip(other, seq, strict=True):
            assert all(got[name].tobytes() == want[name].tobytes() for name in want)


@pytest.mark.parametrize("which", ["tables", "sql", "files"])
def test_folds_learn_their_own(which: str, tmp_path: Path) -> None:
    for train, test in made(which, tmp_path).folds(4):
        train.adapt(progress=False)
        (inputs,) = test.replace(batch_size=N)[0]
        got = inputs["numeric" if which == "tables" else "x"]
        want = expected(X[test.keys], X[train.keys])
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("which", ["tables", "sql", "files"])
def test_a_join_has_them_and_steps_of_its_own(which: str, tmp_path: Path) -> None:
    part = made(which, tmp_path)
    other = ArraySequence({"z": X[:, 0]}, keys=np.arange(N))
    name = "numeric" if which == "tables" else "x"
    seq = join(part, other, transforms={name: np.negative}, batch_size=N)
    seq.adapt(progress=False)
    check_sequence(seq)
    np.testing.assert_allclose(seq[0][0][name], -expected(X, X), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("which", ["tables", "sql", "files"])
def test_they_are_seen_in_words_and_pictures(which: str, tmp_path: Path) -> None:
    seq = made(which, tmp_path)
    seq.adapt(progress=False)
    said: list[str] = []
    seq.summary(print_fn=said.append)
    assert "MinMax" in said[0]
    assert "Standardize" in said[0]
    seq.show(n=2)
    seq.show(stages=True)


def test_raw_stages_are_what_is_read() -> None:
    seq = table(transforms={"numeric": np.abs, "who": (str.upper, Vocabulary())}, categorical="who")
    seq.adapt(progress=False)
    raw = seq._raw_leaves(3)
    assert raw["inputs['numeric']"].tolist() == X[3].tolist()
    assert raw["inputs['who']"] == WORDS[3]


def test_a_record_goes_through_the_same_steps() -> None:
    seq = table(categorical="who")
    seq.adapt(progress=False)
    records = [{"a": a, "b": b, "who": who} for (a, b), who in zip(X.tolist(), WORDS, strict=True)]
    for number in (0, 7):
        got = seq.encode(records[number])
        want, *_ = seq.sample(number)
        assert all(got[name][0].tobytes() == want[name].tobytes() for name in want)


def test_what_was_learned_can_be_undone_unless_a_function_is_among_it() -> None:
    steps = {"numeric": (Standardize(), MinMax())}
    seq = table(transforms=steps, batch_size=N)
    seq.adapt(progress=False)
    back = seq.transforms["numeric"].inverse(seq[0][0])
    np.testing.assert_allclose(back, X, rtol=1e-5, atol=1e-5)
    seq = table()
    seq.adapt(progress=False)
    with pytest.raises(ArgumentError, match=r"(?s)one is a function.*exp.*FunctionTransformer"):
        seq.transforms["numeric"].inverse(seq[0][0])


def test_a_second_table_shares_a_chain() -> None:
    seq = table(batch_size=N)
    seq.adapt(progress=False)
    other = table(transforms=seq.transforms, batch_size=N)
    assert other[0][0].tobytes() == seq[0][0].tobytes()


def test_arrays_share_a_chain_and_do_as_arrays_do() -> None:
    steps: Any = (Standardize(), PCA(2))
    seq = table(transforms={"numeric": steps}, batch_size=N)
    seq.adapt(progress=False)
    arrays = ArraySequence(X, transforms=seq.transforms["numeric"], batch_size=N)
    np.testing.assert_allclose(arrays[0][0], seq[0][0], atol=1e-5)
    check_sequence(arrays)


def test_objects_that_would_learn_twice_are_refused() -> None:
    shared = Standardize()
    transforms = {"a": (Standardize(), shared), "b": shared}
    seq = table(numeric={"a": ["a"], "b": ["b"]}, transforms=transforms)
    with pytest.raises(ArgumentError, match="one learns after the other"):
        seq.adapt(progress=False)


@pytest.mark.parametrize("which", ["tables", "sql", "files"])
def test_what_a_sequence_shows_stands_for_its_functions_too(which: str, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    name = "numeric" if which == "tables" else "x"
    scaled = {f"inputs[{name!r}]": (np.abs, Standardize()), "targets": (np.negative, Standardize())}
    first = made(which, tmp_path / "one", transforms=scaled, targets=X[:, 0])
    first.adapt(progress=False)
    assert isinstance(first.transforms[f"inputs[{name!r}]"], Standardize)
    other = made(which, tmp_path / "two", transforms=first.transforms, targets=X[:, 0])
    (got, truth), (want, known) = other[0], first[0]
    assert got[name].tobytes() == want[name].tobytes()
    assert truth.tobytes() == known.tobytes()
    np.testing.assert_allclose(
        want[name], StandardScaler().fit_transform(np.abs(X)), rtol=1e-5, atol=1e-6
    )
