"""Two worker processes: what a batch costs on its way to the model.

Run: pip install -e ".[bench]" grain torch, then: python benchmarks/transport.py
Contenders that are not installed are left out.

Counted is the middle of an epoch: neither how long workers take to start is transport, nor what was
read ahead before the first batch was asked for, nor that nothing more is read ahead towards the
end. CPU is that of the main process alone.
"""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import mmap
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras.src.trainers.data_adapters.py_dataset_adapter import OrderedEnqueuer
from turns import rounds_from_arguments

import multiseq

WORKERS, SKIPPED = 2, 20
OURS = "multiseq"
KERAS = "keras enqueuer"
Epoch = Iterator[Any]
Contender = Callable[[], Epoch]


@dataclass(frozen=True)
class Load:
    """What is loaded: a sample of one shape and dtype, after some work of the processor."""

    title: str
    batch_size: int
    shape: tuple[int, ...]
    dtype: str
    batches: int
    milliseconds: float = 0.0

    @property
    def samples(self) -> int:
        return self.batch_size * self.batches

    def sample(self, index: int) -> Any:
        if self.milliseconds:
            done = time.thread_time() + self.milliseconds / 1000
            while time.thread_time() < done:
                pass
        return _constant(self.shape, self.dtype)


_constants: dict[Any, Any] = {}


def _constant(shape: tuple[int, ...], dtype: str) -> Any:
    """The same array each time: nothing is loaded, so what is left is transport."""
    if (shape, dtype) not in _constants:
        _constants[shape, dtype] = np.ones(shape, dtype)
    return _constants[shape, dtype]


class Ours(multiseq.MultiInputSequence):
    def __init__(self, load: Load) -> None:
        self.load = load
        super().__init__(
            load.samples, batch_size=load.batch_size, workers=WORKERS, use_multiprocessing=True
        )

    def load_sample(self, index: int) -> Any:
        return self.load.sample(index)


class ByHand(keras.utils.PyDataset):  # type: ignore[misc]
    def __init__(self, load: Load) -> None:
        super().__init__()
        self.load = load

    def __len__(self) -> int:
        return self.load.batches

    def __getitem__(self, index: int) -> Any:
        return np.stack([self.load.sample(k) for k in range(self.load.batch_size)])


def ours(load: Load) -> Contender:
    seq = Ours(load)
    return lambda: iter(seq)


def keras_enqueuer(load: Load) -> Contender:
    """A pool for each epoch, as `fit(x)` has it where x says `use_multiprocessing=True`."""

    def epoch() -> Epoch:
        enqueuer = OrderedEnqueuer(ByHand(load), workers=WORKERS, use_multiprocessing=True)
        enqueuer.start()
        batches = enqueuer.get()
        for _ in range(load.batches):
            yield next(batches)
        enqueuer.stop()

    return epoch


class Items:
    """A source with random access, for torch and Grain."""

    def __init__(self, load: Load) -> None:
        self.load = load

    def __len__(self) -> int:
        return self.load.samples

    def __getitem__(self, index: int) -> Any:
        if index >= len(self):
            raise IndexError(index)
        return self.load.sample(index)


def torch_loader(load: Load) -> Contender:
    from torch.utils.data import DataLoader

    loader = DataLoader(
        Items(load),
        batch_size=load.batch_size,
        num_workers=WORKERS,
        persistent_workers=True,
    )
    return lambda: iter(loader)


def grain_loader(load: Load) -> Contender:
    import grain
    from absl import flags

    flags.FLAGS.mark_as_parsed()  # Grain's workers ask for flags that nobody parsed here.
    # By default it reads 500 batches ahead in each process, that is the whole epoch, most of it
    # before the first batch is handed out. Two are more than the others read.
    reading = grain.ReadOptions(num_threads=2, prefetch_buffer_size=2)
    data = grain.MapDataset.source(Items(load)).batch(load.batch_size).to_iter_dataset(reading)
    options = grain.MultiprocessingOptions(num_workers=WORKERS)
    return lambda: iter(data.mp_prefetch(options))


def contenders(load: Load) -> dict[str, Contender]:
    found = {OURS: ours(load), KERAS: keras_enqueuer(load)}
    if importlib.util.find_spec("torch"):
        found["torch DataLoader"] = torch_loader(load)
    if importlib.util.find_spec("grain"):
        found["Grain mp_prefetch"] = grain_loader(load)
    return found


@dataclass
class Figures:
    """One figure a round: seconds a batch, and seconds of the main process' CPU a batch."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def timed(epoch: Epoch, count: int) -> tuple[float, float]:
    for _ in range(SKIPPED):
        next(epoch)
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(count):
        next(epoch)
    found = (time.perf_counter() - wall) / count, (time.process_time() - cpu) / count
    for _ in epoch:
        pass
    return found


def measure(load: Load, rounds: int) -> dict[str, Figures]:
    """Runs the contenders in turns; the first round warms up and does not count."""
    running = contenders(load)
    figures = {name: Figures() for name in running}
    for turn in range(rounds + 1):
        for name, contender in running.items():
            gc.collect()
            epoch = contender()
            wall, cpu = timed(epoch, load.batches - 2 * SKIPPED)
            with contextlib.suppress(AttributeError):
                epoch.close()  # type: ignore[attr-defined]
            if turn:
                figures[name].wall.append(wall)
                figures[name].cpu.append(cpu)
    return figures


def show(load: Load, figures: Mapping[str, Figures]) -> None:
    print(f"\n{load.title}")
    print(f"{'':20}{'ms/batch':>10}{'min':>9}{'max':>9}{'CPU ms':>9}{'ours is':>10}{'CPU':>9}")
    for name, mine in figures.items():
        line = f"{name:20}{1e3 * statistics.median(mine.wall):10.3f}"
        line += f"{1e3 * min(mine.wall):9.3f}{1e3 * max(mine.wall):9.3f}"
        line += f"{1e3 * statistics.median(mine.cpu):9.3f}"
        if name != OURS:
            for theirs, our in ((mine.wall, figures[OURS].wall), (mine.cpu, figures[OURS].cpu)):
                ratio = statistics.median(a / b for a, b in zip(theirs, our, strict=True))
                line += f"{ratio:9.1f}x"
        print(line)
    if load.milliseconds:
        ideal = load.batch_size * load.milliseconds / 1e3 / WORKERS
        share = ideal / statistics.median(figures[OURS].wall)
        print(f"{'ideal':20}{1e3 * ideal:10.3f}   multiseq reaches {share:.1%} of it")


def show_epoch_ends(rounds: int) -> None:
    """From the last batch of an epoch to the first of the next."""
    load, gaps, theirs = Load("", 32, (10,), "float32", 50), [], []
    seq = Ours(load)
    for _ in range(rounds + 1):
        for _ in seq:
            pass
        began = time.perf_counter()
        seq.on_epoch_end()
        seq[0]
        gaps.append(time.perf_counter() - began)
        began = time.perf_counter()
        for _ in range(2):  # Begun and ended, without the batches between.
            batches = keras_enqueuer(Load("", 32, (10,), "float32", 1))()
            next(batches)
            next(batches, None)
        theirs.append((time.perf_counter() - began) / 2)
    print("\nFrom the last batch of an epoch to the first of the next, ms (median, max)")
    for name, found in ((OURS, gaps[1:]), (KERAS, theirs[1:])):
        print(f"{name:20}{1e3 * statistics.median(found):10.3f}{1e3 * max(found):9.3f}")


def show_start(rounds: int) -> None:
    """From the first request to the first batch, and what a worker weighs (on Linux)."""
    load, seconds, megabytes = Load("", 32, (10,), "float32", 50), [], []
    for _ in range(rounds):
        others = _children()
        with Ours(load) as seq:
            began = time.perf_counter()
            seq[0]
            seconds.append(time.perf_counter() - began)
            megabytes += [_resident(child) for child in _children() - others]
    print(f"\nFirst batch after {statistics.median(seconds):.2f} s (at most {max(seconds):.2f})")
    if megabytes:
        print(f"A worker: {statistics.median(megabytes):.0f} MB resident")


def _children() -> set[str]:
    tasks = Path("/proc/self/task").glob("*/children")
    return {child for task in tasks for child in task.read_text().split()}


def _resident(process: str) -> float:
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * mmap.PAGESIZE / 1e6


LOADS = (
    Load("64 x 224 x 224 x 3, uint8 (9.6 MB)", 64, (224, 224, 3), "uint8", 100),
    Load("64 x 224 x 224 x 3, float32 (38.5 MB)", 64, (224, 224, 3), "float32", 65),
    Load("32 x 10, float32", 32, (10,), "float32", 2000),
    Load("2 ms of CPU a sample, 64 x 32 x 32 x 3", 64, (32, 32, 3), "float32", 80, 2.0),
)


def main() -> None:
    rounds = rounds_from_arguments(__doc__)
    for load in LOADS:
        show(load, measure(load, rounds))
    show_epoch_ends(rounds)
    show_start(rounds)


if __name__ == "__main__":
    main()
