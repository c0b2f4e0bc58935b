"""Windows over a series in memory: `WindowSequence` against Keras' own utility.

Each function returns the batches of one epoch; all shuffle, and give the same windows.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

import multiseq.modalities.windows.sequence

__all__ = ["BATCH", "WINDOWS", "by_hand", "keras_utility", "ours"]

ROWS, FEATURES, LENGTH, HORIZON, BATCH = 100_000, 5, 48, 1, 32
WINDOWS = ROWS - LENGTH - HORIZON + 1


@functools.cache
def series() -> Any:
    """The series, float32 of shape (rows, features); the first feature is foretold."""
    return np.random.default_rng(0).random((ROWS, FEATURES), np.float32)


@functools.cache
def _sequence() -> Any:
    columns = [f"x{number}" for number in range(FEATURES)]
    return multiseq.modalities.windows.sequence.WindowSequence(
        pd.DataFrame(series(), columns=columns),
        length=LENGTH,
        horizon=HORIZON,
        features=columns,
        targets="x0",
        batch_size=BATCH,
        shuffle=True,
        seed=0,
    )


def ours(folder: Path) -> Iterator[Any]:
    """Batches of `WindowSequence`, reshuffled."""
    sequence = _sequence()
    sequence.on_epoch_end()
    return iter(sequence)


@functools.cache
def _utility() -> Any:
    return keras.utils.timeseries_dataset_from_array(
        series()[:-HORIZON],
        series()[LENGTH:, 0],
        sequence_length=LENGTH,
        batch_size=BATCH,
        shuffle=True,
        seed=0,
    )


def keras_utility(folder: Path) -> Iterator[Any]:
    """Batches of `keras.utils.timeseries_dataset_from_array`, as tensors."""
    return iter(_utility())


class _HandWritten(keras.utils.PyDataset):  # type: ignore[misc]
    """The Keras Sequence that people write: a slice for each window, stacked."""

    def __init__(self) -> None:
        super().__init__()
        self.order = np.random.default_rng(0).permutation(WINDOWS)

    def __len__(self) -> int:
        return -(-WINDOWS // BATCH)

    def __getitem__(self, index: int) -> Any:
        starts = self.order[index * BATCH : (index + 1) * BATCH]
        past = np.stack([series()[start : start + LENGTH] for start in starts])
        ends = [start + LENGTH for start in starts]
        return {"past": past}, np.stack([series()[end : end + HORIZON, 0] for end in ends])


def by_hand(folder: Path) -> Iterator[Any]:
    """Batches of a hand-written Keras Sequence."""
    dataset = _HandWritten()
    return (dataset[index] for index in range(len(dataset)))
