"""Rows of a SQLite file: `SQLSequence` against two Sequences by hand.

Each function returns the batches of one shuffled epoch: four numbers, the id of a category, and
a target.
"""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

import multiseq
import multiseq.modalities.sql.sequence

__all__ = ["BATCH", "ROWS", "by_hand", "by_hand_with_pandas", "ours"]

ROWS, BATCH = 20_000, 32
NUMBERS = ["a", "b", "c", "d"]
CITIES = {f"city {number}": number + 1 for number in range(50)}


def database(folder: Path) -> Path:
    """Returns the file, which is written the first time."""
    path = folder / "rows.db"
    if not path.exists():
        rng = np.random.default_rng(0)
        cities = rng.choice(list(CITIES), ROWS).tolist()
        numbers = rng.random((ROWS, 5)).tolist()
        connection = sqlite3.connect(path)
        connection.execute(
            "CREATE TABLE films (id INTEGER PRIMARY KEY, a REAL, b REAL, c REAL, d REAL, "
            "score REAL, city TEXT)"
        )
        rows = [(k, *row, city) for k, (row, city) in enumerate(zip(numbers, cities, strict=True))]
        connection.executemany("INSERT INTO films VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        connection.commit()
        connection.close()
    return path


@functools.cache
def _sequence(path: Path) -> Any:
    sequence = multiseq.modalities.sql.sequence.SQLSequence(
        path,
        "films",
        key="id",
        inputs={"numbers": NUMBERS, "city": "city"},
        targets="score",
        transforms={"city": multiseq.Vocabulary()},
        batch_size=BATCH,
        shuffle=True,
        seed=0,
    )
    sequence.adapt(progress=False)
    return sequence


def ours(folder: Path) -> Iterator[Any]:
    """Batches of `SQLSequence`, reshuffled."""
    sequence = _sequence(database(folder))
    sequence.on_epoch_end()
    return iter(sequence)


class RowByRow(keras.utils.PyDataset):  # type: ignore[misc]
    """What people write: one SELECT for each sample."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.connection = sqlite3.connect(path)
        self.ids = [key for (key,) in self.connection.execute("SELECT id FROM films")]
        np.random.default_rng(0).shuffle(self.ids)

    def __len__(self) -> int:
        return -(-len(self.ids) // BATCH)

    def __getitem__(self, index: int) -> Any:
        numbers, cities, scores = [], [], []
        for key in self.ids[index * BATCH : (index + 1) * BATCH]:
            row = self.connection.execute(
                "SELECT a, b, c, d, city, score FROM films WHERE id = ?", (key,)
            ).fetchone()
            numbers.append(row[:4])
            cities.append(CITIES[row[4]])
            scores.append(row[5])
        inputs = {"numbers": np.array(numbers, np.float32), "city": np.array(cities, np.int32)}
        return inputs, np.array(scores, np.float32)


class ByPandas(RowByRow):
    """The same with `pandas.read_sql`, a batch at a time."""

    def __getitem__(self, index: int) -> Any:
        keys = self.ids[index * BATCH : (index + 1) * BATCH]
        marks = ", ".join("?" * len(keys))
        query = f"SELECT * FROM films WHERE id IN ({marks})"
        frame = pd.read_sql(query, self.connection, params=tuple(keys), index_col="id").loc[keys]
        inputs = {
            "numbers": frame[NUMBERS].to_numpy(np.float32),
            "city": frame["city"].map(CITIES).to_numpy(np.int32),
        }
        return inputs, frame["score"].to_numpy(np.float32)


def by_hand(folder: Path) -> Iterator[Any]:
    """Batches of the hand-written Sequence."""
    return _batches(RowByRow(database(folder)))


def by_hand_with_pandas(folder: Path) -> Iterator[Any]:
    """Batches of the one with pandas."""
    return _batches(ByPandas(database(folder)))


def _batches(sequence: RowByRow) -> Iterator[Any]:
    for index in range(len(sequence)):
        yield sequence[index]
    sequence.connection.close()
