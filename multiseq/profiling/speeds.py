"""How fast batches come: of a sequence by itself, and of a model that is fed."""

from __future__ import annotations

import contextlib
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from .. import _keras
from ..engine.loaders import new_loader
from ..engine.search import busy_seconds
from ..runs import variables

__all__ = ["Speed", "fed", "fed_by", "free", "handing_over", "holds_gil", "unaltered"]

_WARM_UP = 3
_LEAST = 4
_MOST = 3000
_MOST_TIMES = 6
_TICK = 0.0005


class Speed(NamedTuple):
    """Seconds for each batch.

    Args:
        wall: That pass.
        cpu: Of processors, that this process took.
        busy: In which the thread that asked had a processor or waited for one.
        between: That Keras takes from the last step of an epoch to the first of the next, beyond
            what it takes from one step to the next.
    """

    wall: float
    cpu: float
    busy: float = 0.0
    between: float = 0.0


def free(sequence: Any, seconds: float) -> Speed:
    """Asks for batches as fast as they come, once those are there that were read ahead."""
    with sequence:
        runtime, epoch = sequence._started(), sequence._clock.epoch
        batches, parallel = _endless(sequence, runtime, epoch), sequence.parallel
        queue = parallel.max_queue_size if parallel.workers else 1
        for _ in range(2 * queue + 1):
            next(batches)
        least = max(_LEAST, 3 * queue)  # What is in a queue comes in bursts: many even out.
        count, cpu, busy = 0, time.process_time(), busy_seconds()
        marks: list[tuple[float, int]] = []
        while True:
            asked, hits = time.perf_counter(), runtime.stats.hits
            next(batches)
            # Without workers several may be loaded at once: from one such time to another.
            if parallel.workers or runtime.stats.hits == hits:
                marks.append((asked, count))
                passed = asked - marks[0][0]
                enough = passed >= seconds and count - marks[0][1] >= least
                if enough or (len(marks) > _LEAST and passed > _MOST_TIMES * seconds):
                    break
            count += 1
        cpu, busy = time.process_time() - cpu, busy_seconds() - busy
        (began, first), (ended, last) = marks[0], marks[-1]
        return Speed((ended - began) / (last - first), cpu / (count + 1), busy / (count + 1))


def _endless(sequence: Any, runtime: Any, epoch: int) -> Iterator[Any]:
    while True:
        for batch in range(runtime.num_batches):
            yield runtime.batch(sequence, epoch, batch)
        epoch += 1


def holds_gil(sequence: Any, seconds: float) -> bool:
    """Whether loading keeps other threads from running Python.

    A thread that wakes up again and again has to wait then, for as long as Python lets another
    one go on.
    """
    late: list[bool] = []
    most = sys.getswitchinterval() / 2
    ends = threading.Event()

    def tick() -> None:
        while not ends.is_set():
            slept = time.perf_counter()
            time.sleep(_TICK)
            late.append(time.perf_counter() - slept > _TICK + most)

    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    free(sequence, seconds)
    ends.set()
    thread.join()
    return sum(late) > len(late) / 2


def handing_over(sequence: Any, seconds: float) -> float:
    """Seconds by which a batch takes longer from one worker than that worker takes to load it."""
    runtime, epoch = sequence._started(), sequence._clock.epoch
    loader = new_loader(sequence._settings.replace({"workers": 1, "max_queue_size": None}))
    if loader is None:
        return 0.0
    try:
        lost: list[float] = []
        began = time.perf_counter()
        while len(lost) < _LEAST or time.perf_counter() - began < seconds:
            job = runtime.job(sequence, epoch, [len(lost) % runtime.num_batches])
            asked = time.perf_counter()
            pending = loader.submit(job)
            pending.result(sequence)
            lost.append(max(0.0, time.perf_counter() - asked - pending.seconds))
        return float(np.median(lost[1:]))
    finally:
        loader.close()


@contextlib.contextmanager
def unaltered(model: Any, batch: Callable[[], Any]) -> Iterator[None]:
    """Puts a model back as it was: weights, optimizer, metrics and random numbers, to the bit."""
    known = dict(_values(model))
    torch = _keras.random_state()
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 (Keras draws of it)
    kept = {name: getattr(model, name, None) for name in ("history", "stop_training")}
    variables.complete(model, batch)
    model.reset_metrics()
    made = [each for each in _values(model) if each[0] not in known]
    try:
        yield
    finally:
        for (_, variable), array in [*known.values(), *(each for _, each in made)]:
            variable.assign(array)
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
        if torch is not None:
            _keras.set_random_state(torch)
        for name, value in kept.items():
            setattr(model, name, value)


def _values(model: Any) -> list[tuple[int, Any]]:
    found = zip(variables.variables(model), variables.saved(model), strict=True)
    return [(id(each[0][1]), each) for each in found]


def fed(model: Any, batch: Any, whole: int, seconds: float) -> Speed:
    """How fast a model trains on one batch that is there already, in epochs of so many."""
    return _steps(model, _repeated(batch, whole), whole, seconds)


def fed_by(model: Any, sequence: Any, seconds: float) -> Speed:
    """How fast a model trains on a sequence."""
    with sequence:
        parallel = sequence.parallel
        queue = 2 * parallel.max_queue_size * bool(parallel.workers)
        return _steps(model, sequence, sequence.num_batches, seconds, queue)


def _steps(model: Any, data: Any, whole: int, seconds: float, queue: int = 0) -> Speed:
    """Times steps of training, and what Keras does between epochs of `whole` steps."""

    def run(steps: int) -> Any:
        times: list[tuple[float, float]] = []
        watch = _on_each_step(lambda: times.append((time.perf_counter(), time.process_time())))
        epochs, each = -(-steps // whole), min(steps, whole)
        model.fit(
            data, epochs=epochs, steps_per_epoch=each, verbose=0, callbacks=[watch], shuffle=False
        )
        return np.array(times)

    times = run(2 * _WARM_UP + 2)  # The first compiles.
    step = (times[-1, 0] - times[_WARM_UP, 0]) / max(1, len(times) - 1 - _WARM_UP)
    wanted = int(np.clip(seconds / max(step, 1e-6), max(2 * _LEAST, queue), _MOST))
    # Where there are several epochs, from the end of one to the end of another.
    warm = _WARM_UP + queue
    warm = -(-warm // whole) * whole if wanted + warm > whole else warm
    times = run(wanted + warm)[warm - 1 :]
    gaps = np.diff(times, axis=0)
    first = np.arange(1, len(gaps) + 1) + warm - 1  # Which step each gap ends with.
    turns, within = gaps[first % whole == 0, 0], gaps[first % whole > 0, 0]
    between = turns.mean() - within.mean() if len(turns) and len(within) else 0.0
    wall, cpu = gaps.mean(axis=0)
    return Speed(float(wall), float(cpu), between=max(0.0, float(between)))


def _repeated(batch: Any, count: int) -> Any:
    """Returns a sequence of Keras' that gives one batch again and again."""
    hooks = {"__getitem__": lambda self, index: batch, "__len__": lambda self: count}
    return type("Repeated", _keras.base_classes(), hooks)()


def _on_each_step(do: Callable[[], None]) -> Any:
    """Returns a callback that does something after each step of training."""
    hooks = {"on_train_batch_end": lambda self, batch, logs=None: do()}
    return type("OnEachStep", (_keras.callbacks().Callback,), hooks)()
