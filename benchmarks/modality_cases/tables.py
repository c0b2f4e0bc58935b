"""A table: `TableSequence` against two Sequences by hand.

Each function returns the batches of one shuffled epoch: three numbers, of which one has gaps, two
ids, and a target.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from multiseq.modalities.tables.sequence import TableSequence

__all__ = ["BATCH", "ROWS", "by_hand", "by_hand_with_numpy", "ours"]

ROWS, BATCH = 20_000, 32
NUMERIC, CATEGORICAL = ["age", "income", "visits"], ["city", "plan"]


@functools.cache
def table(folder: Path) -> pd.DataFrame:
    """Returns the table, which is written the first time."""
    path = folder / "customers.parquet"
    if not path.exists():
        rng = np.random.default_rng(0)
        frame = pd.DataFrame(
            {
                "age": rng.integers(18, 90, ROWS).astype(float),
                "income": rng.lognormal(10, 1, ROWS),
                "visits": rng.poisson(4, ROWS),
                "city": rng.choice([f"city {k}" for k in range(500)], ROWS),
                "plan": rng.choice(["free", "basic", "pro"], ROWS),
                "left": rng.integers(0, 2, ROWS),
            }
        )
        frame.loc[rng.random(ROWS) < 0.1, "age"] = np.nan
        frame.to_parquet(path)
    return pd.read_parquet(path)


@functools.cache
def _sequence(folder: Path) -> Any:
    sequence = TableSequence(
        table(folder),
        "left",
        numeric=NUMERIC,
        categorical=CATEGORICAL,
        batch_size=BATCH,
        shuffle=True,
        seed=0,
    )
    sequence.adapt(progress=False)
    return sequence


def ours(folder: Path) -> Iterator[Any]:
    """Batches of `TableSequence`, reshuffled."""
    sequence = _sequence(folder)
    sequence.on_epoch_end()
    return iter(sequence)


class ByPandas(keras.utils.PyDataset):  # type: ignore[misc]
    """What people write: rows by `iloc`, columns encoded a batch at a time."""

    def __init__(self, frame: pd.DataFrame) -> None:
        super().__init__()
        self.frame = frame
        self.mean, self.std = frame[NUMERIC].mean(), frame[NUMERIC].std(ddof=0)
        self.ids = {
            name: {value: k for k, value in enumerate(frame[name].value_counts().index, 1)}
            for name in CATEGORICAL
        }
        self.order = np.random.default_rng(0).permutation(len(frame))

    def __len__(self) -> int:
        return -(-len(self.order) // BATCH)

    def __getitem__(self, index: int) -> Any:
        rows = self.frame.iloc[self.order[index * BATCH : (index + 1) * BATCH]]
        scaled = ((rows[NUMERIC] - self.mean) / self.std).fillna(0)
        inputs: dict[str, Any] = {"numeric": scaled.to_numpy(np.float32)}
        for name in CATEGORICAL:
            inputs[name] = rows[name].map(self.ids[name]).fillna(0).to_numpy(np.int32)
        return inputs, rows["left"].to_numpy()


class ByNumPy(ByPandas):
    """The same by someone who encodes the whole table first."""

    def __init__(self, frame: pd.DataFrame) -> None:
        super().__init__(frame)
        scaled = ((frame[NUMERIC] - self.mean) / self.std).fillna(0)
        self.arrays: dict[str, Any] = {"numeric": scaled.to_numpy(np.float32)}
        for name in CATEGORICAL:
            self.arrays[name] = frame[name].map(self.ids[name]).to_numpy(np.int32)
        self.targets = frame["left"].to_numpy()

    def __getitem__(self, index: int) -> Any:
        rows = self.order[index * BATCH : (index + 1) * BATCH]
        return {name: array[rows] for name, array in self.arrays.items()}, self.targets[rows]


def by_hand(folder: Path) -> Iterator[Any]:
    """Batches of the hand-written Sequence."""
    return _batches(ByPandas(table(folder)))


def by_hand_with_numpy(folder: Path) -> Iterator[Any]:
    """Batches of the one that encodes first, before the batches are asked for."""
    return _batches(ByNumPy(table(folder)))


def _batches(sequence: ByPandas) -> Iterator[Any]:
    for index in range(len(sequence)):
        yield sequence[index]
