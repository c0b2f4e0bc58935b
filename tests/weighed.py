"""Targets of classes, and the weights that batches have."""

from __future__ import annotations

from typing import Any

import numpy as np
from coded import misaligned

from multiseq import ArraySequence, MultiInputSequence

X = np.arange(6.0)
CLASSES = np.array([0, 1, 2, 0, 1, 3])
BY_CLASS = {0: 10.0, 1: 20.0, 3: 0.5}
WANTED = [10, 20, 1, 10, 20, 0.5]


def weights_of(seq: MultiInputSequence) -> Any:
    """The weights of all samples, in an epoch of two batches."""
    assert [len(batch) for batch in seq] == [3] * len(seq)
    batches = [batch[2] for batch in seq]
    assert [misaligned(batch) for batch in batches] == [[]] * len(seq)
    if isinstance(batches[0], dict):
        return {name: np.concatenate([b[name] for b in batches]).tolist() for name in batches[0]}
    return np.concatenate(batches).tolist()


def arrays(targets: Any, weights: Any = None, **keywords: Any) -> ArraySequence:
    return ArraySequence({"x": X}, targets, weights, batch_size=4, **keywords)
