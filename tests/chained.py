"""Tables, databases and files whose own inputs go through several steps."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from multiseq import FileSequence, MinMax, SQLSequence, Standardize, TableSequence

__all__ = ["WORDS", "N", "X", "database", "expected", "files", "made", "steps", "table"]

RNG = np.random.default_rng(3)
N = 40
X = RNG.normal(3, 5, (N, 2))
WORDS = [" ".join(f"w{k % 5}" for k in range(n % 4)) for n in range(N)]


def steps() -> Any:
    return (np.abs, Standardize(), np.exp, MinMax())


def expected(rows: Any, train: Any) -> Any:
    """What these steps make of rows, by scikit-learn."""
    scaler = StandardScaler().fit(np.abs(train))
    last = MinMaxScaler().fit(np.exp(scaler.transform(np.abs(train))))
    return last.transform(np.exp(scaler.transform(np.abs(rows))))


def table(name: str = "numeric", targets: Any = None, **keywords: Any) -> Any:
    frame = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "who": WORDS})
    keywords = {"numeric": ["a", "b"], "transforms": {name: steps()}} | keywords
    return TableSequence(frame, targets, **keywords)


def database(path: Path, name: str, **keywords: Any) -> Any:
    with sqlite3.connect(path / "x.db") as connection:
        connection.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, a REAL, b REAL, t TEXT)")
        rows = [(n, *X[n].tolist(), WORDS[n]) for n in range(N)]
        connection.executemany("INSERT INTO rows VALUES (?, ?, ?, ?)", rows)
    keywords = {"inputs": {"x": ["a", "b"]}, "transforms": {name: steps()}} | keywords
    return SQLSequence(path / "x.db", "rows", key="id", **keywords)


def files(path: Path, name: str, targets: Any = None, **keywords: Any) -> Any:
    for n in range(N):
        np.save(path / f"x_{n}.npy", X[n])
        (path / f"m_{n}.json").write_text(json.dumps({"t": WORDS[n]}))
    keywords = {"transforms": {name: steps()}} | keywords
    return FileSequence(path, {"x": "x_{key}.npy"}, targets, **keywords)


def made(which: str, path: Path, **keywords: Any) -> Any:
    if which == "tables":
        return table("inputs['numeric']", categorical=["who"], batch_size=N, **keywords)
    of = database if which == "sql" else files
    return of(path, "inputs['x']", batch_size=N, **keywords)
