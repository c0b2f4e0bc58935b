"""split(positions=): the folds of scikit-learn's splitters, each with what its own rows teach."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold, TimeSeriesSplit
from sklearn.preprocessing import StandardScaler

from multiseq import ArraySequence, TableSequence
from multiseq.errors import AlignmentError, ArgumentError

N = 24
FRAME = pd.DataFrame(
    {"x": np.arange(N) ** 2.0, "y": np.arange(N) % 3, "patient": np.arange(N) // 4},
    index=pd.Index([f"k{k}" for k in range(N)]),
).sample(frac=1, random_state=0)
NUMBERED = FRAME.set_axis(pd.Index(np.roll(np.arange(N), 5)))  # Keys that look like positions.
SPLITTERS = [KFold(3), GroupKFold(3), StratifiedKFold(3), TimeSeriesSplit(3)]


def of(frame: pd.DataFrame) -> TableSequence:
    return TableSequence(frame, "y", numeric=["x"], shuffle=True, seed=0, batch_size=N)


@pytest.mark.parametrize("frame", [FRAME, NUMBERED, FRAME.iloc[4:]], ids=["text", "ids", "part"])
@pytest.mark.parametrize("splitter", SPLITTERS, ids=lambda each: type(each).__name__)
def test_folds_are_those_of_scikit_learn(splitter: Any, frame: pd.DataFrame) -> None:
    seq = of(frame)
    groups = {"groups": frame["patient"]} if isinstance(splitter, GroupKFold) else {}
    for rows, held_out in splitter.split(frame, frame["y"], **groups):
        train, test = seq.split(positions=(rows, held_out))
        train.adapt(progress=False)
        assert train.keys.tolist() == frame.index[rows].tolist()
        assert test.keys.tolist() == frame.index[held_out].tolist()
        inputs, targets = test[0]
        scaler = StandardScaler().fit(frame[["x"]].to_numpy()[rows])
        expected = scaler.transform(frame[["x"]].to_numpy()[held_out])
        np.testing.assert_allclose(inputs, expected, rtol=1e-5, atol=1e-6)
        assert targets.tolist() == frame["y"].to_numpy()[held_out].tolist()
        assert train.batch_keys(0).tolist() != train.keys.tolist()  # Shuffled, as the whole is.
        with pytest.raises(ArgumentError, match="not to be learned from"):
            test.adapt(progress=False)


def test_a_fold_that_learns_changes_no_other() -> None:
    seq = of(FRAME)
    folds = [seq.split(positions=fold) for fold in KFold(3).split(FRAME)]
    folds[0][0].adapt(progress=False)
    before = folds[0][1][0][0].copy()
    folds[1][0].adapt(progress=False)
    np.testing.assert_array_equal(folds[0][1][0][0], before)


@pytest.mark.parametrize(
    ("arguments", "keywords", "error", "text"),
    [
        ((), {"positions": ([0, 1], [1, 2])}, ArgumentError, "parts of a split share samples"),
        ((), {"positions": ([0], [N])}, AlignmentError, "positions do not exist"),
        ((), {"positions": ([0.5], [1])}, ArgumentError, "no positions"),
        ((), {"positions": 3}, ArgumentError, "not the positions of parts"),
        ((), {"positions": ([], [1])}, ArgumentError, "no sample was chosen"),
        ((0.5, 0.5), {"positions": ([0], [1])}, ArgumentError, "goes by nothing else"),
        ((), {"positions": ([0], [1]), "hash": True}, ArgumentError, "goes by nothing else"),
    ],
)
def test_refused(arguments: Any, keywords: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        of(FRAME).split(*arguments, **keywords)


# Lists in the place of a class


@pytest.mark.parametrize("name", ["stratify", "groups"])
def test_several_classes_of_one_sample_are_refused(name: str) -> None:
    values = pd.Series([["a"], ["b", "c"], ["a"], ["b", "c"]] * 3)
    seq = ArraySequence(np.arange(12.0))
    for divide in (seq.folds, lambda *_, **way: seq.split(0.5, 0.5, **way)):
        with pytest.raises(ArgumentError, match=f"{name} has several values for one sample"):
            divide(2, **{name: values})
    for fixed in (values.str[0], values.map(str)):  # As the error advises.
        way: Any = {name: fixed}
        first, second = seq.split(0.5, 0.5, **way)
        assert len(first.keys) == len(second.keys) == 6
