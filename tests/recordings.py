"""Files named by key, all of whose numbers tell which."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np

SENSOR, TIME, SCORE = "sensor_{key}.npy", "meta_{key}.json:time", "meta_{key}.json:score"


def make_sample_files(root: Path, key: Any, k: int) -> None:
    """Files of one key, all of whose numbers tell k."""
    metadata = {"location": f"loc_{k % 3}", "time": k * 100, "score": k / 4, "more": {"k": [k, k]}}
    np.save(root / f"sensor_{key}.npy", np.full((4, 2), k, float))
    np.savez(root / f"scan_{key}.npz", a=np.full(3, k, np.float32), b=np.array(k))
    (root / f"log_{key}.csv").write_text(f"speed,turn\n{k},{-k}\n{k},{-k}\n")
    (root / f"meta_{key}.json").write_text(json.dumps(metadata))
    (root / f"meta_{key}.txt").write_text(str(metadata))


def recorded(folder: Path) -> Path:
    """Keys 0 to 11, made in random order; as text, "10" and "11" come before "2"."""
    keys = list(range(12))
    random.Random(5).shuffle(keys)
    for k in keys:
        make_sample_files(folder, k, k)
    return folder
