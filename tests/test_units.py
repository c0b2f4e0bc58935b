"""predictions(targets=True, inverse=True): the truth as it was given, not scaled there and back."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from multiseq import (
    ArraySequence,
    FileSequence,
    MinMax,
    MultiInputSequence,
    SQLSequence,
    Standardize,
    WindowSequence,
    join,
)

N = 20
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(N, 2)), RNG.normal(1e6, 1e-3, N)


class Zeros:
    """A model that predicts the mean."""

    def __init__(self, units: int = 1) -> None:
        self.units = units

    def predict(self, view: Any, **keywords: Any) -> Any:
        return np.zeros((view.num_samples, self.units), np.float32)


class Own(MultiInputSequence):
    """Applies its transforms by itself."""

    def __init__(self, scale: Any) -> None:
        self.scale = scale
        super().__init__(N)

    @property
    def transforms(self) -> Any:
        return {"targets": self.scale}

    def raw(self, index: int) -> Any:
        return {"targets": Y[index]}

    def load_sample(self, index: int) -> Any:
        return {"x": X[index]}, self.scale(Y[index])


def sql(folder: Path, scale: Any) -> Any:
    frame = pd.DataFrame({"id": range(N), "x": X[:, 0], "y": Y})
    with sqlite3.connect(folder / "rows.db") as connection:
        frame.to_sql("rows", connection, index=False)
    connection.close()
    source = folder / "rows.db"
    steps = {"targets": scale}
    return SQLSequence(source, "rows", key="id", inputs={"x": "x"}, targets="y", transforms=steps)


def files(folder: Path, scale: Any) -> Any:
    for number in range(N):
        np.savez(folder / f"{number}.npz", x=X[number], y=Y[number])
    steps = {"targets": scale}
    return FileSequence(folder, {"x": "{key}.npz:x"}, "{key}.npz:y", transforms=steps)


def arrays(folder: Path, scale: Any) -> Any:
    return ArraySequence({"x": X}, Y, transforms={"targets": scale})


MAKE: dict[str, Any] = {
    "sql": sql,
    "files": files,
    "arrays": arrays,
    "own": lambda folder, scale: Own(scale),
    "part": lambda folder, scale: join(files(folder, scale)),
    "join": lambda folder, scale: join(
        x=ArraySequence(X), targets=Y, transforms={"targets": scale}
    ),
    "part of a part": lambda folder, scale: join(join(arrays(folder, scale))),
}


@pytest.mark.parametrize("scale", [Standardize, MinMax])
@pytest.mark.parametrize("kind", MAKE)
def test_the_truth_is_not_rounded(kind: str, scale: Any, tmp_path: Path) -> None:
    seq = MAKE[kind](tmp_path, scale())
    seq.adapt(progress=False)
    part = seq.subset(positions=[7, 3, 12])
    found = part.predictions(Zeros(), targets=True, inverse=True)
    assert found["target"].tolist() == [Y[int(key)] for key in part.keys]
    assert found["prediction"].iloc[0] == pytest.approx(
        Y.mean() if scale is Standardize else Y.min()
    )


@pytest.mark.parametrize("targets", ["y", ["y"], ["y", "z"]])
@pytest.mark.parametrize("horizon", [0, 1, 3])
def test_windows_in_the_units_of_the_series(targets: Any, horizon: int) -> None:
    frame = pd.DataFrame({"t": range(N), "x": X[:, 0], "y": Y, "z": Y[::-1] * 2})
    seq = WindowSequence(
        frame,
        length=4,
        horizon=horizon,
        features="x",
        targets=targets,
        time="t",
        transforms={"targets": Standardize()},
    )
    seq.adapt(progress=False)
    columns = frame[targets].to_numpy().reshape(N, -1)
    steps = max(1, horizon)
    first = 4 if horizon else 3
    found = seq.predictions(Zeros(steps * columns.shape[1]), targets=True, inverse=True)
    truth = np.stack([columns[k + first : k + first + steps].ravel() for k in range(len(seq.keys))])
    np.testing.assert_array_equal(found.filter(like="target"), truth)
    learned = columns[first:]
    means = np.tile(learned.mean(axis=0), steps)
    np.testing.assert_allclose(found.filter(like="prediction").iloc[0], means, rtol=1e-12)
    inside = join(seq).predictions(Zeros(steps * columns.shape[1]), targets=True, inverse=True)
    pd.testing.assert_frame_equal(found, inside)
