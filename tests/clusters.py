"""Sequences on a Ray cluster, and what their workers say of themselves.

Workers import this module, so it imports neither Keras nor pytest, nor Ray.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from coded import Coded

from multiseq.sequence import MultiInputSequence

__all__ = [
    "Slowly",
    "Timed",
    "Unpickled",
    "in_plasma",
    "most_at_once",
    "on_cluster",
    "references",
    "window_of",
]


def on_cluster(kind: Any, n: Any = 50, *arguments: Any, **keywords: Any) -> Any:
    """A sequence with two workers on the cluster."""
    defaults = {"batch_size": 8, "seed": 3, "workers": 2, "cluster": "ray"}
    return kind(n, *arguments, **defaults | keywords)


def window_of(seq: Any) -> Any:
    """What of a sequence is on the cluster."""
    return seq._live._reader._loader._window


def in_plasma(array: Any) -> bool:
    """Whether an array lies in Ray's store."""
    address = array.__array_interface__["data"][0]
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, *rest = line.split(None, 5)
        start, end = (int(each, 16) for each in span.split("-"))
        if start <= address < end:
            return "plasma" in rest[-1]
    return False


def references() -> int:
    """How many of Ray's objects this process refers to."""
    import ray

    worker = ray._private.worker.global_worker
    return len(worker.core_worker.get_all_reference_counts())


class Timed(MultiInputSequence):
    """A sample is when it was loaded: from when to when, in seconds."""

    def load_sample(self, index: int) -> Any:
        began = time.monotonic()
        time.sleep(0.02)
        return np.array([began, time.monotonic()])


def most_at_once(spans: Any) -> int:
    """How many spans of time there are at once, at most."""
    return max(sum(bool(a <= began < b) for a, b in spans) for began, _ in spans)


_times: dict[str, int] = {}


class Unpickled(MultiInputSequence):
    """A sample is the number of the process, and how often it has unpickled this sequence."""

    token = ""

    def __setstate__(self, state: Any) -> None:
        super().__setstate__(state)
        _times[self.token] = _times.get(self.token, 0) + 1

    def load_sample(self, index: int) -> Any:
        time.sleep(0.005)
        return np.array([os.getpid(), _times.get(self.token, 0)])


class Slowly(Coded):
    """Takes some time and memory, and notes in a folder by which process it is loaded."""

    def __init__(self, n: int, folder: Path, **keywords: Any) -> None:
        super().__init__(n, **keywords)
        self.folder = folder

    def load_sample(self, index: int) -> Any:
        time.sleep(0.01)
        (self.folder / f"{index}-{os.getpid()}").touch()
        return {"a": np.full(1 << 14, index, np.float32)}, np.float32(index)
