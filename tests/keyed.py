"""Sequences with keys, in any order, whose samples say which key is theirs."""

from __future__ import annotations

from typing import Any

import numpy as np
from coded import codes, misaligned

from multiseq import ArraySequence, MultiInputSequence

N = 20
KEYS = [f"k{number:02}" for number in range(N)]
BACKWARDS = np.arange(N)[::-1]
MIXED = np.random.default_rng(0).permutation(N)


def part(name: str | None = "x", order: Any = None, first: int = 0, **keywords: Any) -> Any:
    """Rows that say which key is theirs, in any order of the keys."""
    order = np.arange(first, N) if order is None else np.asarray(order)
    rows = np.repeat(order[:, None], 3, 1).astype("float32")
    keys = [KEYS[number] for number in order]
    return ArraySequence({name: rows} if name else rows, keys=keys, **keywords)


class OneByOne(MultiInputSequence):
    """The same without a fast path."""

    def __init__(self, name: str, order: Any = range(N), **keywords: Any) -> None:
        self.name, self.order = name, list(order)
        super().__init__([KEYS[number] for number in self.order], **keywords)

    def load_sample(self, index: int) -> Any:
        return {self.name: np.full(3, self.order[index], np.float32)}


def assert_aligned(seq: MultiInputSequence, samples: Any = range(N)) -> None:
    """Every leaf of a row is of the row's key, and all samples are there."""
    found = []
    for index in range(len(seq)):
        batch = seq[index]
        assert [KEYS[code] for code in codes(batch)] == seq.batch_keys(index).tolist()
        assert misaligned(batch) == []
        found += codes(batch)
    assert sorted(found) == list(samples)


class Noised(MultiInputSequence):
    """Random numbers alone."""

    def load_sample(self, index: int) -> Any:
        return {"noise": np.zeros(3, np.float32)}

    def augment(self, sample: Any, rng: np.random.Generator) -> Any:
        return {"noise": sample["noise"] + rng.random(3, np.float32)}
