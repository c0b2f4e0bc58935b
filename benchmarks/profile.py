"""What `seq.profile` predicts of a change against what `try_it=True` measures of it.

Run: python benchmarks/profile.py

Each case has one bottleneck. Printed are both gains, how far apart they are, and what was advised;
figures are medians over rounds.
"""

from __future__ import annotations

import io
import statistics
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from PIL import Image
from turns import rounds_from_arguments

from multiseq import ArraySequence, ImageSequence, MultiInputSequence

ROWS, BATCH, NEAR = 2048, 16, 0.2


class Costly(MultiInputSequence):
    """Takes a while for each sample: `wait` seconds asleep, and so many rounds of Python."""

    def __init__(self, wait: float = 0.0, rounds: int = 0, **keywords: Any) -> None:
        self.wait, self.rounds = wait, rounds
        super().__init__(ROWS, **{"batch_size": BATCH} | keywords)

    def load_sample(self, index: int) -> Any:
        """Returns three numbers, and one."""
        if self.wait:
            time.sleep(self.wait)
        sum(k * k for k in range(self.rounds))
        return np.full(3, index, np.float32), np.float32(1)


def images(**keywords: Any) -> Any:
    noise = np.random.default_rng(0).integers(0, 255, (400, 400, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, "JPEG")
    photos = {f"photo {number}": stream.getvalue() for number in range(ROWS)}
    return ImageSequence(photos, np.zeros(ROWS), size=64, **{"batch_size": BATCH} | keywords)


def jittered(sample: Any, rng: np.random.Generator) -> Any:
    inputs, target = sample
    return inputs + rng.standard_normal((300, 300)).sum(dtype=np.float32), target


def arrays(**keywords: Any) -> Any:
    rng = np.random.default_rng(0)
    return ArraySequence(rng.random((20_000, 30), np.float32), np.zeros(20_000), **keywords)


CASES: dict[str, Callable[[], Any]] = {
    "sleeping": lambda: Costly(0.002),
    "sleeping, 2 threads": lambda: Costly(0.002, workers=2),
    "Python": lambda: Costly(rounds=10_000),
    "Python, 2 threads": lambda: Costly(rounds=10_000, workers=2),
    "JPEG": images,
    "JPEG, shuffled": lambda: images(shuffle=True),
    "augment": lambda: arrays(batch_size=BATCH, augment=jittered),
    "arrays, batches of 2": lambda: arrays(batch_size=2),
    "arrays, batches of 256": lambda: arrays(batch_size=256),
    "arrays, 2 processes": lambda: arrays(batch_size=256, workers=2, use_multiprocessing=True),
    "an epoch of 4 batches": lambda: Costly(0.002).subset(slice(0, 4 * BATCH)),
}


def model_for(sequence: Any) -> Any:
    shape = sequence[0][0].shape[1:]
    model = keras.Sequential(
        [keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(8), keras.layers.Dense(1)]
    )
    model.compile("adam", "mse")
    return model


def main() -> None:
    rounds = rounds_from_arguments(__doc__, default=3)
    print(f"{'':36}{'predicted':>10}{'measured':>10}{'apart':>8}  advised")
    near = changes = 0
    for title, make in CASES.items():
        for fed in (False, True):
            sequence = make()
            model = model_for(sequence) if fed else None
            reports = [sequence.profile(model, try_it=True) for _ in range(rounds)]
            reports = [each for each in reports if each.gain is not None] or reports[-1:]
            name = f"{title}, a model" if fed else title
            advice = reports[0].advice
            if reports[0].gain is None:
                print(f"{name:36}{'':28}  {advice.bottleneck}: {advice.fix}")
                continue
            predicted = statistics.median(each.advice.gain for each in reports)
            measured = statistics.median(each.gain for each in reports)
            apart = statistics.median(abs(each.advice.gain / each.gain - 1) for each in reports)
            changes, near = changes + 1, near + (apart <= NEAR)
            print(f"{name:36}{predicted:9.2f}x{measured:9.2f}x{apart:8.0%}  {advice.fix}")
    print(f"\n{near} of {changes} within {NEAR:.0%}")


if __name__ == "__main__":
    main()
