"""What it costs to keep one's place, and to find it again.

Run: python benchmarks/resuming.py

Prints medians: of going to steps anywhere in an epoch of 10^8 samples, to its first batch; of
`state_dict`; and of a checkpoint, next to saving the same model by Keras, in turns.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras
import numpy as np
from turns import rounds_from_arguments

from multiseq import MultiInputSequence

SAMPLES, BATCH = 100_000_000, 32


class Numbers(MultiInputSequence):
    """Sample i is i."""

    def load_sample(self, index: int) -> Any:
        return np.full(64, index, np.float32), np.float32(index)


def seconds(function: Callable[[], Any]) -> float:
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


class Timed(keras.callbacks.Callback):  # type: ignore[misc]
    """Times a checkpoint, the rest of which `resume` has just done, and one of Keras' own."""

    def __init__(self, folder: str) -> None:
        super().__init__()
        self.path, self.times = f"{folder}/model.keras", list[float]()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        model = self.model
        self.times.append(seconds(lambda: model.save(self.path)))


def checkpoints(rounds: int) -> tuple[list[float], list[float]]:
    """Returns the seconds that our checkpoints take, and those of `model.save`, in turns."""
    inputs = keras.Input((64,))
    hidden = keras.layers.Dense(2048, activation="relu")(inputs)
    hidden = keras.layers.Dense(2048, activation="relu")(hidden)
    model = keras.Model(inputs, keras.layers.Dense(1)(hidden))
    model.compile("adam", "mse")
    seq = Numbers(BATCH * (rounds + 2), batch_size=BATCH, shuffle=True)
    with tempfile.TemporaryDirectory() as folder:
        timed, resume = Timed(folder), seq.resume(f"{folder}/run", every=1)
        ours: list[float] = []
        began = 0.0

        def begin(batch: int, logs: Any = None) -> None:
            nonlocal began
            began = time.perf_counter()

        def note(batch: int, logs: Any = None) -> None:
            ours.append(time.perf_counter() - began)

        # A step with a checkpoint, less one without, would drown in noise: it is timed by itself.
        ends = [keras.callbacks.LambdaCallback(on_train_batch_end=begin)]
        after = keras.callbacks.LambdaCallback(on_train_batch_begin=note)
        model.fit(seq, verbose=0, callbacks=[timed, *ends, resume, after])
        return ours[2:], timed.times[1:-1]


def main() -> None:
    rounds = rounds_from_arguments(__doc__)
    seq = Numbers(SAMPLES, batch_size=BATCH, shuffle=True, seed=1, drop_last=True)
    state = seq.state_dict()
    chance, going, telling = np.random.default_rng(0), [], []
    for _ in range(10 * rounds):
        there = state | {"batches": int(chance.integers(len(seq)))}

        def go(there: dict[str, Any] = there) -> None:
            again = seq.replace()
            again.load_state_dict(there)
            next(iter(again))

        going.append(seconds(go))
        telling.append(seconds(seq.state_dict))
    print(f"to a step of 10^8 samples, and its batch: {1e3 * statistics.median(going):.2f} ms")
    print(f"state_dict: {1e3 * statistics.median(telling):.3f} ms")
    ours, keras_own = checkpoints(rounds)
    print(
        f"a checkpoint: {1e3 * statistics.median(ours):.0f} ms, "
        f"model.save: {1e3 * statistics.median(keras_own):.0f} ms"
    )


if __name__ == "__main__":
    main()
