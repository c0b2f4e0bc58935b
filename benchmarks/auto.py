"""What `workers="auto"` chooses, three times over, against each of a grid.

Run: python benchmarks/auto.py

Contenders take turns, so that whatever else the machine does strikes all of them; figures are
medians, and shares of the best are medians of each round's share. Workers stay alive meanwhile.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image
from turns import rounds_from_arguments

from multiseq import ArraySequence, ImageSequence, MultiInputSequence
from multiseq.engine.search import Choice

BATCH, SECONDS, MOST_BATCHES = 32, 0.3, 4000
CHOICES = 3
GRID = [Choice(0, False), Choice(1, False), Choice(2, False), Choice(1, True), Choice(2, True)]
WAITING = [Choice(4, False), Choice(16, False)]


class Python(MultiInputSequence):
    """Holds the GIL."""

    def load_sample(self, index: int) -> Any:
        """Returns three numbers."""
        sum(k * k for k in range(4000))
        return np.full(3, index, np.float32)


class Sleeping(MultiInputSequence):
    """Waits for a disk or a server, say."""

    def load_sample(self, index: int) -> Any:
        """Returns three numbers."""
        time.sleep(0.001)
        return np.full(3, index, np.float32)


def arrays() -> Any:
    rng = np.random.default_rng(0)
    return ArraySequence(rng.random((100_000, 30), np.float32), batch_size=BATCH, shuffle=True)


def images() -> Any:
    noise = np.random.default_rng(0).integers(0, 255, (400, 400, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, "JPEG")
    photos = {f"photo {number}": stream.getvalue() for number in range(1024)}
    return ImageSequence(photos, size=64, batch_size=BATCH)


def large() -> Any:
    """Rows of 200 kB, gathered at random: memory is the limit."""
    return ArraySequence(np.ones((2000, 50_000), np.float32), batch_size=BATCH, shuffle=True)


def turned(sample: Any, rng: np.random.Generator) -> Any:
    image = np.rot90(sample[0], int(rng.integers(4)))
    return ((image + rng.normal(0, 0.1, image.shape)).astype(np.float32),)


def augmented() -> Any:
    rng = np.random.default_rng(0)
    images = rng.random((512, 64, 64, 3), np.float32)
    return ArraySequence(images, batch_size=BATCH, shuffle=True, augment=turned)


def train(seconds: float) -> Callable[[], None]:
    """A model that takes so long for a step, of which the processor works half."""

    def step() -> None:
        done = time.perf_counter() + seconds / 2
        while time.perf_counter() < done:
            np.dot(_MATRIX, _MATRIX)
        time.sleep(seconds / 2)

    return step


_MATRIX = np.ones((64, 64), np.float32)
LOADS: dict[str, tuple[Callable[[], Any], Callable[[], None]]] = {
    "arrays in memory": (arrays, lambda: None),
    "arrays, large rows": (large, lambda: None),
    "JPEG": (images, lambda: None),
    "augment": (augmented, lambda: None),
    "Python": (lambda: Python(4096, batch_size=BATCH), lambda: None),
    "sleeping": (lambda: Sleeping(4096, batch_size=BATCH), lambda: None),
    "sleeping, a model of 10 ms": (lambda: Sleeping(4096, batch_size=BATCH), train(0.01)),
    "arrays, a model of 10 ms": (arrays, train(0.01)),
}


class Endless:
    """Batches of one epoch after the other."""

    def __init__(self, sequence: Any, step: Callable[[], None]) -> None:
        self.sequence, self.step, self.index = sequence, step, 0

    def next(self) -> None:
        self.sequence[self.index]
        self.step()
        self.index += 1
        if self.index == len(self.sequence):
            self.sequence.on_epoch_end()
            self.index = 0

    def speed(self) -> float:
        """Batches per second, once what was read ahead is used up."""
        queue = self.sequence.parallel.max_queue_size
        for _ in range(2 * queue):
            self.next()
        began = time.perf_counter()
        count = 0
        # What is in a queue comes in bursts: several even out.
        while count < 2 * queue or (count < MOST_BATCHES and time.perf_counter() - began < SECONDS):
            self.next()
            count += 1
        return count / (time.perf_counter() - began)


def chosen(base: Any, step: Callable[[], None]) -> tuple[Choice, float, int]:
    """Returns what is chosen, after how many seconds and batches."""
    auto = Endless(base.replace(workers="auto"), step)
    began = time.perf_counter()
    while not auto.sequence.stats().chosen:
        auto.next()
    took, batches = time.perf_counter() - began, auto.sequence.stats().batches
    found = Choice(*auto.sequence.parallel[:2])
    auto.sequence.close()
    return found, took, batches


def speeds(base: Any, step: Callable[[], None], choices: Any, rounds: int) -> dict[Choice, Any]:
    """Returns batches per second in each round, by who loads."""
    contenders = {
        each: Endless(base.replace(workers=each[0], use_multiprocessing=each[1]), step)
        for each in choices
    }
    found: dict[Choice, list[float]] = {each: [] for each in contenders}
    for _ in range(rounds):
        for choice, each in contenders.items():
            found[choice].append(each.speed())
    for each in contenders.values():
        each.sequence.close()
    return {choice: np.array(each) for choice, each in found.items()}


def main() -> None:
    rounds = rounds_from_arguments(__doc__, default=9)
    for title, (make, step) in LOADS.items():
        base = make()
        choices = [chosen(base, step) for _ in range(CHOICES)]
        grid = GRID + WAITING * title.startswith("sleeping")
        figures = speeds(base, step, dict.fromkeys([*grid, *(each[0] for each in choices)]), rounds)
        best = max(figures, key=lambda choice: np.median(figures[choice]))
        shares = {each: np.median(figures[each] / figures[best]) for each in figures}
        print(f"\n{title}")
        for choice, figure in figures.items():
            mark = ", the best" if choice == best else ""
            print(f"  {choice!s:14}{np.median(figure):10.1f} batches/s, {shares[choice]:.2f}{mark}")
        for choice, took, batches in choices:
            share = f"{shares[choice]:.2f} of the best"
            print(f"  auto: {choice}, {share}, in {took:.1f} s, {batches} batches")


if __name__ == "__main__":
    main()
