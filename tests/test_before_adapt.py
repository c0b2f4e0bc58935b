"""How many batches there are, and whose: keys and batch size alone tell it, and nothing loads."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multiseq import (
    BalancedSampler,
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
N = 40


class Unloadable(MultiInputSequence):
    """Its samples are not there yet."""

    def load_sample(self, index: int) -> Any:
        raise AssertionError("loaded")


def frame() -> Any:
    return pd.DataFrame(
        {"a": np.arange(float(N)), "t": ["a b"] * N, "y": np.arange(N) % 2}, index=range(100, 140)
    )


def windows() -> WindowSequence:
    return WindowSequence(
        frame(), length=1, horizon=0, features=["a"], targets="y",
        transforms={"past": Standardize()}, batch_size=8,
    )  # fmt: skip


def in_a_database(folder: Path) -> SQLSequence:
    with sqlite3.connect(folder / "a.db") as database:
        frame().to_sql("rows", database, index_label="id")
    return SQLSequence(
        str(folder / "a.db"), "rows", key="id", inputs={"t": "t"},
        transforms={"t": (str.split, Vocabulary())}, batch_size=8,
    )  # fmt: skip


def sequences(folder: Path) -> list[MultiInputSequence]:
    table = TableSequence(frame(), "y", numeric=["a"], batch_size=8)
    text = TextSequence(frame()["t"], tokenizer=Vocabulary(mask=""), batch_size=8)
    return [
        table,
        text,
        windows(),
        in_a_database(folder),
        Unloadable(N, batch_size=8),
        join(table, t=text, batch_size=8),
        join(table, t=text, batch_size=8, workers=2, shuffle=True),
        join(x=Unloadable(N), batch_size=8),
    ]


def test_nothing_is_loaded_to_count_batches(tmp_path: Path) -> None:
    for seq in sequences(tmp_path):
        assert (len(seq), bool(seq), seq.num_batches) == (5, True, 5)
        train, test = seq.split(0.8, 0.2)
        assert (len(train), len(test)) == (4, 1)
        served = [key for batch in range(len(train)) for key in train.batch_keys(batch)]
        assert sorted(served) == sorted(train.keys)
        assert test.batch_keys(0).equals(test.keys)
        assert len(seq.subset(slice(0, 9))) == 2
        assert len(seq.shard(0, 2)) == 5
        seq.close()


def test_samplers_count_by_what_they_draw() -> None:
    labels = np.arange(N) % 4 == 0
    seq = Unloadable(N, batch_size=8, sampler=BalancedSampler(labels))
    assert len(seq) == seq.num_batches == 8  # 30 of either class.
    assert sum(labels[seq.batch_keys(batch)].sum() for batch in range(8)) == 30


def test_the_first_batch_still_says_what_is_missing() -> None:
    text = TextSequence(frame()["t"], tokenizer=Vocabulary(mask=""), batch_size=8)
    assert len(text) == 5
    with pytest.raises(NotAdaptedError, match="TextSequence"):
        text[0]
    text.adapt(progress=False)
    assert text[4][0].shape == (8, 2)


def test_no_batch_at_all_is_refused_by_name() -> None:
    with pytest.raises(ArgumentError, match="Unloadable: there is no batch"):
        len(Unloadable(3, batch_size=8, drop_last=True))
