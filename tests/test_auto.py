"""`workers="auto"`: what is tried, what is chosen, and that batches stay as they are."""

from __future__ import annotations

import logging
import pickle
import threading
import time
from typing import Any

import numpy as np
import pytest
from coded import Coded, Noisy, Ragged

from multiseq import ArraySequence, MultiInputSequence, join
from multiseq.engine import auto
from multiseq.engine.search import SERIAL, Choice, Limits, Trial, search
from multiseq.errors import ArgumentError, SampleError

THREADS = [Choice(workers, False) for workers in (1, 2, 4, 8, 16)]
PROCESSES = [Choice(workers, True) for workers in (1, 2, 4, 8)]  # Each takes memory.


class Load:
    """Loading as it would be on a machine: what a batch costs, by who loads."""

    def __init__(
        self,
        wall: float,
        cpu: float,
        held: float = 0.0,
        model: float = 0.0,
        transport: float = 0.0,
        processes: bool = True,
    ) -> None:
        self.load, self.cpu, self.held, self.model = wall, cpu, held, model
        self.transport, self.processes = transport, processes

    def trial(self, choice: Choice, limits: Limits) -> Trial | None:
        if choice == SERIAL:
            return Trial(self.load + self.model, self.load, self.cpu)
        if choice.use_multiprocessing and not self.processes:
            return None
        alone = self.transport if choice.use_multiprocessing else self.held
        free = max(self.load / choice.workers, self.cpu / limits.processors, alone)
        wall = max(free, self.model)
        return Trial(wall, max(wall - self.model, 0.0), 0.0)

    def best(self, limits: Limits) -> float:
        """The time of the best of a grid."""
        trials = [self.trial(each, limits) for each in (SERIAL, *THREADS, *PROCESSES)]
        return min(trial.wall for trial in trials if trial)


def chosen(load: Load, limits: Limits) -> tuple[Choice, list[Choice]]:
    asks, tried = search(limits, {}), []
    try:
        choice = next(asks)
        while True:
            tried.append(choice)
            choice = asks.send(load.trial(choice, limits))
    except StopIteration as found:
        return found.value, tried


LOADS = {
    "light": Load(0.00005, 0.00005, held=0.00005, transport=0.0002),
    "waits": Load(0.05, 0.001),
    "waits, before a model": Load(0.05, 0.001, model=0.01),
    "decodes": Load(0.02, 0.02, held=0.001),
    "python": Load(0.02, 0.02, held=0.02),
    "python, before a model": Load(0.02, 0.02, held=0.02, model=0.012),
    "a lock": Load(0.02, 0.001, held=0.02),
    "large batches": Load(0.02, 0.02, held=0.001, transport=0.03),
    "cannot be sent": Load(0.02, 0.02, held=0.02, processes=False),
    "a slow model": Load(0.001, 0.001, held=0.001, model=0.1),
}


@pytest.mark.parametrize("processors", [1, 2, 4, 16])
@pytest.mark.parametrize("name", LOADS)
def test_the_choice_is_as_good_as_the_best_of_a_grid(name: str, processors: int) -> None:
    limits = Limits(processors, 1000)
    load = LOADS[name]
    choice, tried = chosen(load, limits)
    trial = load.trial(choice, limits)
    assert trial is not None
    assert trial.wall <= 1.1 * load.best(limits), (choice, tried)


def test_nothing_is_tried_where_nobody_waits() -> None:
    assert chosen(LOADS["a slow model"], Limits(8, 1000)) == (SERIAL, [SERIAL])


def test_no_process_is_started_for_what_is_light_or_what_threads_do_as_well() -> None:
    for name in ("light", "waits", "decodes"):
        _, tried = chosen(LOADS[name], Limits(2, 1000))
        assert not any(choice.use_multiprocessing for choice in tried), name


def test_many_threads_are_tried_where_a_busy_machine_hides_that_loading_waits() -> None:
    class Hidden(Load):
        def trial(self, choice: Choice, limits: Limits) -> Trial | None:
            trial = super().trial(choice, limits)
            return trial._replace(busy=trial.wait) if trial else None

    assert chosen(Hidden(0.05, 0.001), Limits(2, 1000))[0] == Choice(16, False)


class Lucky(Load):
    """Threads look quick once, by chance."""

    looked = False

    def trial(self, choice: Choice, limits: Limits) -> Trial | None:
        trial = super().trial(choice, limits)
        if trial is None or choice != THREADS[1] or self.looked:
            return trial
        self.looked = True
        return trial._replace(wall=0.75 * trial.wall, wait=0.75 * trial.wait)


def test_what_threads_bring_by_chance_does_not_keep_processes_from_being_tried() -> None:
    for processors in (2, 4):
        choice, _ = chosen(Lucky(0.02, 0.001, held=0.02), Limits(processors, 1000))
        assert choice.use_multiprocessing


class Crowded(Load):
    """One thread is quicker than none, and more than one are in each other's way."""

    def trial(self, choice: Choice, limits: Limits) -> Trial | None:
        if choice in THREADS:
            return Trial(0.005 * choice.workers**2, 0.005 * choice.workers**2, 0.0)
        return super().trial(choice, limits)


def test_one_thread_is_tried_where_two_are_no_gain() -> None:
    choice, _ = chosen(Crowded(0.012, 0.012, transport=0.02), Limits(2, 1000))
    assert choice == THREADS[0]


def test_memory_bounds_the_number() -> None:
    _, tried = chosen(LOADS["waits"], Limits(16, 9))
    assert max(choice.workers for choice in tried) <= 4
    assert auto.batches_in_memory(1 << 60) == 0
    assert chosen(LOADS["waits"], Limits(16, 0))[0].workers <= 1


def test_batches_that_are_loaded_several_at_once_are_looked_at_whole() -> None:
    watch = auto._Watch(SERIAL)
    now, number = watch._began, 0
    while not watch.enough:
        hit = number % 16 > 0  # Sixteen take 64 ms, and all but one of these are there at once.
        wait = 1e-6 if hit else 0.064
        watch.note(now, now + wait, wait / 2, hit)
        now, number = now + wait, number + 1
    trial = watch.trial()
    assert trial.wall == pytest.approx(0.004, rel=0.01)
    assert trial.busy == pytest.approx(trial.wait / 2)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is looked at for a moment only."""
    monkeypatch.setattr(auto, "_SECONDS", 0.005)
    monkeypatch.setattr(auto, "_LEAST", 2)


class Sleepy(Coded):
    def load_sample(self, index: int) -> Any:
        time.sleep(0.002)
        return super().load_sample(index)


class SleepyNoisy(Noisy, Sleepy):
    pass


def leaves(batch: Any) -> list[Any]:
    found = []
    for part in batch:
        found += list(part.values()) if isinstance(part, dict) else [part]
    return found


def assert_same(one: Any, other: Any) -> None:
    for mine, theirs in zip(leaves(one), leaves(other), strict=True):
        assert mine.dtype == theirs.dtype
        assert mine.tobytes() == theirs.tobytes()


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("kind", [Sleepy, SleepyNoisy, Ragged])
def test_batches_are_the_same_whoever_is_tried(kind: Any) -> None:
    plain = kind(64, batch_size=4, shuffle=True, seed=3)
    with kind(64, batch_size=4, shuffle=True, seed=3, workers="auto") as sequence:
        seen = set()
        for _ in range(30):
            for mine, theirs in zip(sequence, plain, strict=True):
                assert_same(mine, theirs)
                seen.add(sequence.parallel[:2])
            sequence.on_epoch_end()
            plain.on_epoch_end()
            if sequence.stats().chosen:
                break
        assert sequence.stats().chosen
        assert len(seen) > 1
        assert_same(sequence[5], plain[5])


@pytest.mark.usefixtures("hurried")
def test_what_waits_gets_threads_and_it_is_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "multiseq")
    with Sleepy(256, batch_size=8, workers="auto") as sequence:
        assert sequence.parallel == (0, False, 2)
        for _ in range(30):
            for _ in sequence:
                pass
            if sequence.stats().chosen:
                break
        workers, processes, depth = sequence.parallel
        assert workers > 1
        assert depth == workers + 2
        told = [record.message for record in caplog.records if "auto" in record.message]
        assert len(told) == 1
        assert sequence.stats().chosen in told[0]
        assert f"{workers} {'processes' if processes else 'threads'}" in told[0]


@pytest.mark.usefixtures("hurried")
def test_what_cannot_be_sent_to_processes_is_loaded_here() -> None:
    class Locked(Coded):
        """Slow, one at a time, and by a lock that cannot be pickled."""

        def __init__(self, n: int, **keywords: Any) -> None:
            self.lock = threading.Lock()
            super().__init__(n, **keywords)

        def load_sample(self, index: int) -> Any:
            with self.lock:
                time.sleep(0.002)
            return super().load_sample(index)

    plain = Locked(64, batch_size=8)
    with Locked(64, batch_size=8, workers="auto") as sequence:
        for _ in range(40):
            for mine, theirs in zip(sequence, plain, strict=True):
                assert_same(mine, theirs)
            if sequence.stats().chosen:
                break
        assert sequence.stats().chosen
        assert not sequence.parallel.use_multiprocessing


@pytest.mark.usefixtures("hurried")
def test_a_broken_sample_is_an_error_whoever_is_tried() -> None:
    class Broken(Sleepy):
        def load_sample(self, index: int) -> Any:
            if index == 13:
                raise ValueError("damaged")
            return super().load_sample(index)

    with Broken(40, batch_size=4, workers="auto") as sequence:
        for _ in range(25):
            for index in range(len(sequence)):
                if index == 3:
                    with pytest.raises(SampleError, match="damaged"):
                        sequence[index]
                else:
                    assert sequence[index][1].tolist() == list(range(4 * index, 4 * index + 4))


@pytest.mark.usefixtures("hurried")
def test_several_threads_may_ask() -> None:
    plain = Sleepy(64, batch_size=4)
    wanted = [plain[index] for index in range(len(plain))]
    failed: list[Any] = []
    with Sleepy(64, batch_size=4, workers="auto") as sequence:

        def ask() -> None:
            try:
                for _ in range(6):
                    for index, batch in enumerate(wanted):
                        assert_same(sequence[index], batch)
            except BaseException as error:
                failed.append(error)

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not failed


def test_it_is_a_keyword_like_others() -> None:
    x = np.arange(12, dtype=np.float32).reshape(6, 2)
    part = ArraySequence(x, workers="auto", batch_size=2)
    whole = join(a=part, targets=np.zeros(6), workers="auto", batch_size=2)
    assert_same(whole[0][:1], join(a=part, targets=np.zeros(6), batch_size=2)[0][:1])
    assert "auto" in repr(part)
    copy = pickle.loads(pickle.dumps(part.replace(batch_size=3)))
    assert copy[1][0].tolist() == x[3:].tolist()
    assert part.replace(workers=2).parallel.workers == 2
    for each in (part, whole, copy):
        each.close()
    report = part.profile(seconds=0.01)
    assert report.lines


@pytest.mark.parametrize("other", ["use_multiprocessing", "cluster"])
def test_auto_chooses_the_kind_itself(other: str) -> None:
    value: Any = True if other == "use_multiprocessing" else "ray"
    with pytest.raises(ArgumentError, match=f"leave out {other}"):
        Coded(8, workers="auto", **{other: value})
    processes = Coded(8, workers=2, use_multiprocessing=True)
    with pytest.raises(ArgumentError, match="use_multiprocessing=False"):
        processes.replace(workers="auto")
    assert processes.replace(workers="auto", use_multiprocessing=False).parallel.workers == 0
    with pytest.raises(ArgumentError, match='"auto"'):
        Coded(8, workers="many")  # type: ignore[arg-type]


@pytest.mark.backend
@pytest.mark.usefixtures("hurried")
def test_a_model_trains_the_same() -> None:
    from backends import keras

    class Rows(MultiInputSequence):
        def load_sample(self, index: int) -> Any:
            time.sleep(0.001)
            return np.full(3, index / 64, np.float32), np.float32(index % 2)

    weights = []
    for workers in (0, "auto"):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        with Rows(64, batch_size=4, shuffle=True, seed=0, workers=workers) as rows:
            model.fit(rows, epochs=6, verbose=0)
        weights.append(model.get_weights())
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)
