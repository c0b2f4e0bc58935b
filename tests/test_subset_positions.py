"""subset(positions=): rows of scikit-learn's splitters on any sequence, as iloc takes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    LeaveOneGroupOut,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    TimeSeriesSplit,
)

from multiseq import ArraySequence, MultiInputSequence, TableSequence, join

N = 24
FRAME = pd.DataFrame(
    {"x": np.arange(N) ** 2.0, "y": np.arange(N) % 3, "patient": np.arange(N) // 4}
)
NAMED = FRAME.set_axis([f"k{k:02}" for k in range(N)])
SPLITTERS = [
    KFold(3),
    KFold(3, shuffle=True, random_state=0),
    GroupKFold(3),
    StratifiedKFold(3),
    StratifiedGroupKFold(3),
    TimeSeriesSplit(3),
    ShuffleSplit(3, random_state=0),
    LeaveOneGroupOut(),
]


def of(frame: pd.DataFrame, **keywords: Any) -> MultiInputSequence:
    return TableSequence(
        frame, "y", numeric="x", transforms={"numeric": None}, batch_size=5, **keywords
    )


def unkeyed(frame: pd.DataFrame) -> MultiInputSequence:
    return ArraySequence(frame[["x"]].to_numpy(), frame["y"].to_numpy(), batch_size=5)


BACKWARDS = ArraySequence(NAMED["x"].to_numpy()[::-1], keys=NAMED.index[::-1])
MIXED = np.random.default_rng(0).permutation(N)
# What the sequence is, and the rows of the frame that it shows.
SEQUENCES: dict[str, tuple[MultiInputSequence, pd.DataFrame]] = {
    "unkeyed": (unkeyed(FRAME), FRAME),
    "numbered": (of(FRAME), FRAME),
    "named": (of(NAMED), NAMED),
    "in another order": (of(FRAME.iloc[MIXED]), FRAME.iloc[MIXED]),
    "shuffled": (of(FRAME, shuffle=True, seed=1), FRAME),
    "filtered": (of(FRAME[FRAME["x"] > 40]), FRAME[FRAME["x"] > 40]),
    "keys beside": (of(FRAME, keys=MIXED), FRAME.set_axis(MIXED)),
    "part": (of(NAMED).subset(list(NAMED.index[5:])), NAMED.iloc[5:]),
    "part of a part": (
        of(FRAME).subset(positions=MIXED[:20]).subset(positions=slice(None, 1, -1)),
        FRAME.iloc[MIXED[19:1:-1]],
    ),
    "part of unkeyed": (unkeyed(FRAME).subset(slice(3, None)), FRAME.iloc[3:]),
    "join": (join(x=of(NAMED), extra=BACKWARDS, batch_size=5), NAMED),
}
SEQUENCES["looked up"] = (
    of(NAMED).lookup(pd.Series(NAMED.index[::-1], index=range(N))),
    NAMED[::-1].set_axis(range(N)),
)


def served(seq: MultiInputSequence) -> tuple[list[float], list[int]]:
    xs, ys = [], []
    for inputs, y, *_ in seq:
        x = next(iter(inputs.values())) if isinstance(inputs, dict) else inputs
        xs += np.asarray(x).ravel().tolist()
        ys += np.asarray(y).tolist()
    return xs, ys


@pytest.mark.parametrize("name", SEQUENCES)
@pytest.mark.parametrize("splitter", SPLITTERS, ids=lambda each: type(each).__name__)
def test_rows_of_scikit_learn_are_those_of_the_frame(splitter: Any, name: str) -> None:
    seq, frame = SEQUENCES[name]
    groups = frame["patient"] if "Group" in type(splitter).__name__ else None
    folds = list(splitter.split(frame, frame["y"], groups))
    assert folds
    for fold in folds:
        for rows in fold:
            expected = frame.iloc[rows]
            part = seq.subset(positions=rows)
            assert part.keys.tolist() == expected.index.tolist()
            assert served(part) == (expected["x"].tolist(), expected["y"].tolist())


@pytest.mark.parametrize("name", SEQUENCES)
def test_folds_of_what_the_sequence_knows(name: str) -> None:
    """A splitter may be given the keys, or what is selected by them."""
    seq, frame = SEQUENCES[name]
    for keys in (seq.keys, seq.keys.to_numpy()):
        for rows, held_out in KFold(3).split(keys):
            train, test = (seq.subset(positions=each) for each in (rows, held_out))
            assert train.keys.intersection(test.keys).empty
            assert train.num_samples + test.num_samples == len(frame)


@given(st.data())
def test_positions_go_on_through_parts_of_parts(data: Any) -> None:
    seq, rows = of(NAMED), np.arange(N)
    while len(rows) > 1 and data.draw(st.booleans()):
        chosen = data.draw(st.permutations(range(len(rows))))
        chosen = chosen[: data.draw(st.integers(1, len(rows)))]
        if data.draw(st.booleans()):
            chosen = [position - len(rows) for position in chosen]  # Counted from the end.
        seq, rows = seq.subset(positions=chosen), rows[chosen]
        assert seq.keys.tolist() == NAMED.index[rows].tolist()
    assert served(seq)[0] == NAMED["x"].iloc[rows].tolist()
