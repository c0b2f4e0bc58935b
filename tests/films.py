"""Films in SQLite files: sample i says so in each column, whatever the order of the rows."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
from crews import modules

from multiseq.modalities.sql.sequence import SQLSequence
from multiseq.transforms import Vocabulary

N = 40
FILMS = [
    # Sample i says so in each column; the rows are stored in another order.
    (i, f"film {i:02}", float(i), i, i + 0.0, "abc"[i % 3], " ".join(f"w{k}" for k in range(i % 4)))
    for i in np.random.default_rng(0).permutation(N).tolist()
]
COLUMNS = (
    "id INTEGER PRIMARY KEY, name TEXT UNIQUE, x REAL, n INTEGER, y REAL, kind TEXT, words TEXT"
)


def films_in(folder: Path) -> Path:
    """Writes the films into a file of that folder."""
    path = folder / "films #1 %41.db"
    filled(path, f"CREATE TABLE films ({COLUMNS})", FILMS)
    return path


def filled(path: Path, create: str, rows: list[tuple[Any, ...]], table: str = "films") -> None:
    """Writes a table into a file."""
    connection = sqlite3.connect(path)
    connection.execute(create)
    quoted = '"' + table.replace('"', '""') + '"'
    marks = ", ".join("?" * len(rows[0]))
    connection.executemany(f"INSERT INTO {quoted} VALUES ({marks})", rows)
    connection.commit()
    connection.close()


def changed(path: Path, statement: str) -> None:
    """Runs a statement."""
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


def coded(films: Any, **settings: Any) -> SQLSequence:
    """Every leaf of sample i is full of i."""
    keywords: Any = {"key": "id", "batch_size": 8, "shuffle": "sampler" not in settings}
    inputs = {"x": "x", "n": "n", "v": ["x", "n", "y"]}
    return SQLSequence(films, "films", inputs=inputs, targets="y", **keywords | settings)


def worded(films: Any, tokens: Any = str.split, **keywords: Any) -> SQLSequence:
    """A number and the ids of some words."""
    vocabulary = Vocabulary(mask="")
    inputs = {"words": "words", "n": "n"}
    transforms = {"words": (tokens, vocabulary)}
    seq = SQLSequence(
        films, "films", key="id", inputs=inputs, transforms=transforms, batch_size=8, **keywords
    )
    seq.adapt(progress=False)
    return seq


def modules_after_reading(seq: Any) -> list[str]:
    """All modules that are imported once a batch was read."""
    seq.load_batch(np.arange(3))
    return modules(None)
