"""Two arrays in memory: `ArraySequence` against the usual generator, and the base class' own cost.

Run: python benchmarks/arrays.py
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from turns import measure, rounds_from_arguments, show

import multiseq

SAMPLES, BATCH = 100_000, 32


def usual_generator(first: Any, second: Any, batch_size: int) -> Iterator[Any]:
    """The generator that people write: shuffled once, the tail dropped, random targets."""
    indices = np.arange(len(first))
    np.random.shuffle(indices)  # noqa: NPY002 (as people write it)
    i = 0
    while True:
        batch = indices[i * batch_size : (i + 1) * batch_size]
        if len(batch) < batch_size:
            i = 0
            batch = indices[i * batch_size : (i + 1) * batch_size]
        targets = np.random.rand(len(batch), 1)  # noqa: NPY002
        yield (first[batch], second[batch]), targets
        i += 1


def one_epoch(generator: Iterator[Any]) -> Iterator[Any]:
    for _ in range(SAMPLES // BATCH):
        yield next(generator)


class HandWritten(keras.utils.PyDataset):  # type: ignore[misc]
    """What the Keras documentation shows, with a shuffle of its own."""

    def __init__(self, first: Any, second: Any, targets: Any) -> None:
        super().__init__()
        self.data = first, second, targets
        self.order = np.random.default_rng(0).permutation(len(targets))

    def __len__(self) -> int:
        return -(-len(self.order) // BATCH)

    def __getitem__(self, index: int) -> Any:
        batch = self.order[index * BATCH : (index + 1) * BATCH]
        first, second, targets = (array[batch] for array in self.data)
        return (first, second), targets


class Trivial(multiseq.MultiInputSequence):
    """As little as a `load_sample` can do."""

    def __init__(self, x: Any, y: Any) -> None:
        self.x, self.y = x, y
        super().__init__(len(x), batch_size=BATCH)

    def load_sample(self, index: int) -> Any:
        """Returns a row."""
        return self.x[index], self.y[index]


def by_hand(source: Trivial) -> Iterator[Any]:
    """The same loading in a loop that does nothing else."""
    for start in range(0, SAMPLES, BATCH):
        samples = [source.load_sample(i) for i in range(start, min(start + BATCH, SAMPLES))]
        yield np.stack([x for x, _ in samples]), np.stack([y for _, y in samples])


def main() -> None:
    rounds = rounds_from_arguments(__doc__, default=9)
    rng = np.random.default_rng(0)
    first, second = (rng.random((SAMPLES, width), np.float32) for width in (10, 20))
    targets = rng.random((SAMPLES, 1), np.float32)
    sequence = multiseq.ArraySequence((first, second), targets, batch_size=BATCH, shuffle=True)

    def ours() -> Iterator[Any]:
        sequence.on_epoch_end()
        return iter(sequence)

    hand_written = HandWritten(first, second, targets)
    speeds = measure(
        {
            "multiseq.ArraySequence, reshuffled": ours,
            "generator (shuffled once, random targets)": lambda: one_epoch(
                usual_generator(first, second, BATCH)
            ),
            "keras.utils.PyDataset by hand": lambda: (
                hand_written[i] for i in range(len(hand_written))
            ),
        },
        rounds,
    )
    show(f"{SAMPLES} x (10 + 20) float32, batches of {BATCH}", speeds, next(iter(speeds)))

    trivial = Trivial(first, targets)
    costs = measure({"base class": lambda: iter(trivial), "loop": lambda: by_hand(trivial)}, rounds)
    difference = statistics.median(
        (1 / mine - 1 / loop) / BATCH * 1e6
        for mine, loop in zip(costs["base class"], costs["loop"], strict=True)
    )
    print(f"\nthe base class' own cost, beyond a loop by hand: {difference:.2f} us a sample")


if __name__ == "__main__":
    main()
