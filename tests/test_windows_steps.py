"""windows: what steps make of rows, and targets that are text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.preprocessing import LabelEncoder, MultiLabelBinarizer, StandardScaler

from multiseq import Labels, Standardize, WindowSequence
from multiseq.errors import ArgumentError, LoadError, SampleError, SpecError
from multiseq.testing import check_sequence

N, LENGTH = 60, 5
RNG = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {
        "a": RNG.normal(size=N),
        "b": RNG.normal(5, 3, size=N),
        "doing": RNG.choice(["walk", "run", "sit"], N),
        "tags": RNG.choice(["x|y", "y", ""], N),
        "code": RNG.choice([3, 7], N),
    }
)
FRAME["kind"] = pd.Categorical(FRAME["doing"], categories=["sit", "walk", "run", "fly"])


def windows(**keywords: Any) -> Any:
    given: Any = {"length": LENGTH, "horizon": 0, "features": ["a", "b"], "batch_size": N}
    return WindowSequence(FRAME, **(given | keywords))


def learned(targets: Any, steps: Any, **keywords: Any) -> Any:
    seq = windows(targets=targets, transforms={"targets": steps}, **keywords)
    seq.adapt(progress=False)
    check_sequence(seq)
    return seq


@given(st.integers(1, 7), st.integers(0, 3), st.integers(1, 4))
def test_rows_go_through_functions_and_transforms(length: int, horizon: int, stride: int) -> None:
    def ratio(row: Any) -> Any:
        assert row.shape == (2,)
        return np.array([row[0], row[1], row[0] * row[1]])

    seq = windows(
        length=length,
        horizon=horizon,
        stride=stride,
        targets="b",
        transforms={"past": (ratio, Standardize(), PCA(2))},
    )
    seq.adapt(progress=False)
    values = FRAME[["a", "b"]].to_numpy()
    rows = np.column_stack([values, values.prod(axis=1)])
    used = sorted({k for start in seq.windows["start"] for k in range(start, start + length)})
    scaler = StandardScaler().fit(rows[used])
    scaled = scaler.transform(rows).astype(np.float32)
    expected = PCA(2).fit(scaled[used]).transform(scaled)
    got = np.concatenate([batch[0]["past"] for batch in seq])
    want = np.stack([expected[start : start + length] for start in seq.windows["start"]])
    np.testing.assert_allclose(got, want, atol=1e-4)


@pytest.mark.parametrize("horizon", [0, 3])
@pytest.mark.parametrize("one_hot", [False, True])
def test_targets_of_text(horizon: int, one_hot: bool) -> None:
    seq = learned("doing", Labels(one_hot=one_hot), horizon=horizon)
    encoder = LabelEncoder().fit(FRAME["doing"][LENGTH - (horizon == 0) :])
    ids = encoder.transform(FRAME["doing"])
    last = [start + LENGTH - 1 for start in seq.windows["start"]]
    rows = [ids[k + 1 : k + 1 + horizon] if horizon else ids[k] for k in last]
    got = seq[0][1].argmax(-1) if one_hot else seq[0][1]
    assert got.tolist() == np.asarray(rows).tolist()
    assert seq.classes == tuple(encoder.classes_)


def test_several_labels_of_a_window() -> None:
    seq = learned("tags", Labels(sep="|"))
    sets = [set(filter(None, each.split("|"))) for each in FRAME["tags"][LENGTH - 1 :]]
    expected = MultiLabelBinarizer(classes=["x", "y"]).fit_transform(sets)
    assert seq[0][1].tolist() == expected.tolist()


def test_categories_that_are_declared_are_classes() -> None:
    seq = learned("kind", Labels())
    assert seq.classes == ("sit", "walk", "run", "fly")
    assert seq[0][1].tolist() == FRAME["kind"].cat.codes[LENGTH - 1 :].tolist()


def test_integers_with_holes_and_outputs_by_name() -> None:
    seq = windows(
        targets={"code": "code", "both": ["doing", "kind"]},
        transforms={"code": Labels(), "targets['both']": Labels()},
        class_weight={"code": {3: 1.0, 7: 4.0}},
    )
    seq.adapt(progress=False)
    check_sequence(seq)
    _, targets, weights = seq[0]
    codes = FRAME["code"][LENGTH - 1 :].to_numpy()
    assert targets["code"].tolist() == (codes == 7).astype(int).tolist()
    assert targets["both"].shape == (N - LENGTH + 1, 2)
    assert weights["code"].tolist() == np.where(codes == 7, 4, 1).tolist()
    assert seq.classes == {"code": (3, 7), "both": ("run", "sit", "walk")}


def test_a_function_is_given_the_label_itself() -> None:
    seq = learned("doing", (str.upper, Labels()))
    assert seq.classes == ("RUN", "SIT", "WALK")


def test_processes_give_the_same_labels() -> None:
    seq = learned("doing", Labels())
    with seq.replace(workers=2, use_multiprocessing=True, batch_size=8) as other:
        got = np.concatenate([batch[1] for batch in other])
    assert got.tolist() == seq[0][1].tolist()


@pytest.mark.parametrize("targets", ["doing", "kind", ["doing"], {"targets": "doing"}])
def test_text_without_steps_is_refused_with_a_fix_that_works(targets: Any) -> None:
    with pytest.raises(ArgumentError, match=r"transforms=\{'targets': Labels\(\)\}"):
        windows(targets=targets)
    learned(targets, Labels())


def test_dates_are_no_targets() -> None:
    frame = FRAME.assign(when=pd.date_range("2020", periods=N))
    for transforms in ({}, {"targets": Labels()}):
        with pytest.raises(ArgumentError, match="a part of the date"):
            WindowSequence(frame, length=5, features="a", targets="when", transforms=transforms)


def test_a_label_that_is_missing_is_named() -> None:
    frame = FRAME.assign(doing=FRAME["doing"].where(FRAME.index != 17))
    seq = WindowSequence(
        frame, length=5, horizon=0, features="a", targets="doing", transforms={"targets": Labels()}
    )
    with pytest.raises(SampleError, match=r"(?s)the value is missing.*of row 17"):
        seq.adapt(progress=False)


def test_a_function_that_fails_is_named_with_its_row() -> None:
    def inverse(row: Any) -> Any:
        if row[0] == FRAME["a"][3]:
            raise ZeroDivisionError
        return row

    with pytest.raises(LoadError, match=r"(?s)inverse raised.*of row 3"):
        windows(targets=None, transforms={"past": inverse})[0]


@pytest.mark.parametrize("function", [lambda row: "text", lambda row: [1] * int(row[1] > 5)])
def test_what_makes_no_rows_of_numbers(function: Any) -> None:
    with pytest.raises(SpecError, match="rows of numbers"):
        windows(targets=None, transforms={"past": function})[0]
