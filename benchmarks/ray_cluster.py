"""A Ray cluster of this machine alone, against worker processes: what the way by Ray costs.

Run: pip install -e ".[ray]", then: python benchmarks/ray_cluster.py

Both have two workers, so the two cores that they need should be the machine's only ones, or the
difference between them is hidden by cores that have nothing else to do: on Linux, `taskset -c 0,1`.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np
from turns import measure, rounds_from_arguments, show

from multiseq import MultiInputSequence

WORKERS, BATCH = 2, 64
RAY, PROCESSES = "Ray", "processes"


class Ours(MultiInputSequence):
    """The same sample each time, after some work of the processor.

    Args:
        shape: Of the sample, uint8.
        batches: How many.
        milliseconds: Of work for each sample.
        **keywords: Who loads.
    """

    def __init__(
        self, shape: tuple[int, ...], batches: int, milliseconds: float, **keywords: Any
    ) -> None:
        self.ones, self.seconds = np.ones(shape, np.uint8), milliseconds / 1000
        super().__init__(BATCH * batches, batch_size=BATCH, workers=WORKERS, **keywords)

    def load_sample(self, index: int) -> Any:
        done = time.thread_time() + self.seconds
        while time.thread_time() < done:
            pass
        return self.ones


def compared(*load: Any, rounds: int) -> dict[str, list[float]]:
    by_ray, processes = Ours(*load, cluster="ray"), Ours(*load, use_multiprocessing=True)
    with by_ray, processes:
        return measure({RAY: lambda: iter(by_ray), PROCESSES: lambda: iter(processes)}, rounds)


def main() -> None:
    rounds = rounds_from_arguments(__doc__)
    speeds = compared((32, 32, 3), 80, 2.0, rounds=rounds)
    show("2 ms of CPU a sample, 64 x 32 x 32 x 3, uint8", speeds, RAY)
    ideal = WORKERS / (BATCH * 0.002)
    for name, figures in speeds.items():
        print(f"{name} reaches {statistics.median(figures) / ideal:.1%} of what two cores can do")
    for title, shape, batches in (
        ("64 x 224 x 224 x 3, uint8 (9.6 MB), nothing to load", (224, 224, 3), 200),
        ("64 x 10, uint8, nothing to load", (10,), 2000),
    ):
        speeds = compared(shape, batches, 0.0, rounds=rounds)
        show(title, speeds, RAY)
        own = [1e3 / a for a in speeds[RAY]]
        over = [1e3 / a - 1e3 / b for a, b in zip(*speeds.values(), strict=True)]
        print(
            f"Ray takes {statistics.median(own):.2f} ms a batch, "
            f"{statistics.median(over):.2f} more than processes"
        )


if __name__ == "__main__":
    main()
