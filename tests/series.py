"""Long tables whose values say where they stand: entity e has e * 1000 + t in row t."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from multiseq.modalities.windows.sequence import WindowSequence

START = pd.Timestamp("2020-01-01")
LENGTHS = {"b": 12, "a": 9, "c": 3}


def series(
    lengths: Mapping[Any, int] = LENGTHS, missing: Sequence[tuple[Any, int]] = (), **columns: Any
) -> pd.DataFrame:
    """Columns: site, t (hours), code, and twice; entities are numbered from 1 as they come."""
    rows = [
        {"site": site, "t": START + pd.Timedelta(hours=t), "code": number * 1000 + t}
        for number, (site, length) in enumerate(lengths.items(), 1)
        for t in range(length)
        if (site, t) not in missing
    ]
    frame = pd.DataFrame(rows)
    frame["twice"] = frame["code"] * 2.0
    return frame.assign(**columns)


def shuffled(frame: pd.DataFrame) -> pd.DataFrame:
    """The same rows, in another order."""
    return frame.sample(frac=1, random_state=0)


def windows(frame: Any = None, **keywords: Any) -> WindowSequence:
    """Windows of 4 and 2 rows."""
    defaults: dict[str, Any] = {
        "length": 4,
        "horizon": 2,
        "features": ["code", "twice"],
        "targets": "code",
        "entity": "site",
        "time": "t",
        "batch_size": 5,
    }
    return WindowSequence(series() if frame is None else frame, **defaults | keywords)


def all_rows(seq: WindowSequence) -> tuple[Any, Any]:
    """The codes of all pasts and of all targets, in source order."""
    samples = [seq.sample(position) for position in range(seq.num_samples)]
    pasts = np.array([inputs["past"][:, 0] for inputs, _ in samples])
    return pasts.astype(int), np.array([targets for _, targets in samples]).astype(int)


def spell(
    lengths: Sequence[int], length: int, horizon: int, stride: int
) -> list[tuple[list[int], list[int]]]:
    """All windows by two loops: the codes of past and targets."""
    found = []
    for number, rows in enumerate(lengths, 1):
        for start in range(0, rows - length - horizon + 1, stride):
            codes = [number * 1000 + t for t in range(start, start + length + horizon)]
            goals = codes[length:] if horizon else codes[-1:]
            found.append((codes[:length], goals))
    return found
