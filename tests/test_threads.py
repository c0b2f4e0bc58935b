"""engine: how threads end, are forked away, and are stopped at exit."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import weakref
from pathlib import Path
from typing import Any

import pytest
from coded import Coded, Ragged, codes, epoch_of, frozen_epoch, in_threads, wait_for

from multiseq.errors import LoadError

# Threads end


def our_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("multiseq")]


def gone(threads: list[threading.Thread]) -> bool:
    for thread in threads:
        thread.join(10)
    return not any(thread.is_alive() for thread in threads)


@pytest.mark.parametrize("batches", [0, 1, 10])
def test_threads_end_with_close(batches: int) -> None:
    before = set(threading.enumerate())
    seq = Coded(100, batch_size=10, workers=3)
    for index in range(batches):
        seq[index]
    mine = [thread for thread in our_threads() if thread not in before]
    assert len(mine) == (3 if batches else 0)
    seq.close()
    assert gone(mine)
    assert set(threading.enumerate()) <= before


def test_threads_end_with_the_sequence() -> None:
    before = set(threading.enumerate())
    seq = Coded(100, batch_size=10, workers=3)
    seq[0]
    seq[7]
    mine = [thread for thread in our_threads() if thread not in before]
    assert len(mine) == 3
    del seq
    gc.collect()
    assert gone(mine)


def test_threads_end_after_an_error() -> None:
    class Fails(Coded):
        def load_sample(self, index: int) -> Any:
            if index > 20:
                raise ValueError
            return super().load_sample(index)

    before = set(threading.enumerate())
    seq = Fails(100, batch_size=10, workers=3)
    with pytest.raises(LoadError):
        epoch_of(seq)
    mine = [thread for thread in our_threads() if thread not in before]
    seq.close()
    assert gone(mine)


def test_a_sequence_in_use_starts_its_threads_once() -> None:
    before = set(threading.enumerate())
    with Coded(400, batch_size=10, workers=2) as seq:
        in_threads(lambda k: [seq[index] for index in range(k, 40, 4)], range(4))
        assert len([t for t in our_threads() if t not in before]) == 2


def test_neither_batches_nor_the_sequence_outlive_their_use() -> None:
    seq: Any = Coded(100, batch_size=10, workers=2)
    batches: Any = list(seq)
    alive = [weakref.ref(batch[0]["a"]) for batch in batches]
    del batches
    wait_for(lambda: not any(ref() is not None for ref in alive))
    seq.close()
    alive = [weakref.ref(seq)]
    del seq
    # On a busy machine a thread that was told to end may be on its way yet.
    wait_for(lambda: gc.collect() >= 0 and alive[0]() is None)


def test_samples_are_not_kept_by_the_batch_they_went_into() -> None:
    kept: list[Any] = []

    class Notes(Ragged):
        def load_sample(self, index: int) -> Any:
            sample = super().load_sample(index)
            kept.append(weakref.ref(sample["ids"]))
            return sample

    batches = list(Notes(20, batch_size=5))
    gc.collect()
    assert len(batches) == 4
    assert [ref for ref in kept if ref() is not None] == []


def test_closing_from_another_thread_breaks_nothing() -> None:
    seq = Coded(200, batch_size=4, workers=2)
    expected = frozen_epoch(seq)
    done = threading.Event()

    def close_often() -> None:
        while not done.is_set():
            seq.close()

    def read(_: int) -> bool:
        return frozen_epoch(seq) == expected

    closer = threading.Thread(target=close_often, daemon=True)
    closer.start()
    try:
        assert [result for _, result in in_threads(read, range(2))] == [True, True]
    finally:
        done.set()
        closer.join()
    seq.close()


def test_a_batch_asked_for_as_the_workers_end_is_loaded_all_the_same() -> None:
    seq = Coded(40, batch_size=4, workers=2)
    runtime = seq._started()
    seq.close()
    ((_, batch),) = in_threads(lambda index: runtime.batch(seq, 0, index), [3])
    assert codes(batch) == [12, 13, 14, 15]


# Forked children


def run(script: str) -> str:
    """Runs a script in which `multiseq` imports no Keras, and returns what it prints."""
    folder = Path(__file__).resolve().parent
    paths = [str(folder), str(folder.parent), os.environ.get("PYTHONPATH", "")]
    env = os.environ | {"MULTISEQ_WORKER": "1", "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


IN_CHILD = """
import os, sys, threading, time
from coded import *

def in_child(work):
    '''What `work` returns in a forked child; None where it does not return.'''
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(writing, repr(work()).encode())
        except BaseException as error:
            os.write(writing, repr(error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    import select
    found = None
    if select.select([reading], [], [], 20)[0]:
        found = os.read(reading, 1 << 16).decode()
    else:
        os.kill(child, 9)
    os.waitpid(child, 0)
    return found
"""

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")


@needs_fork
def test_a_forked_child_loads_by_itself() -> None:
    script = """
        seq = Noisy(200, batch_size=4, shuffle=True, seed=1, workers=3)
        seq.set_epoch(2)
        alone = Noisy(200, batch_size=4, shuffle=True, seed=1)
        alone.set_epoch(2)
        expected = frozen_epoch(alone)
        for index in range(20):
            seq[index]  # Others are being read ahead as the process forks.

        def work():
            return frozen_epoch(seq) == expected, seq.epoch, threading.active_count()

        print(in_child(work), work())  # 3 workers, and the thread that asks.
    """
    assert run(IN_CHILD + dedent(script)).strip() == "(True, 2, 1) (True, 2, 4)"


@needs_fork
def test_a_child_forked_while_another_thread_starts_or_loads() -> None:
    """Locks that are held by threads that the child does not have must not stop it."""
    script = """
        began, go_on = threading.Event(), threading.Event()

        class Slow(Coded):
            def load_sample(self, index):
                if not go_on.is_set():
                    began.set()
                    go_on.wait()
                return super().load_sample(index)

        slow, other = Slow(20, batch_size=4), Coded(20, batch_size=4, workers=2)
        threading.Thread(target=lambda: slow[0]).start()
        began.wait()
        def work():
            go_on.set()
            return epoch_of(other) == epoch_of(slow) == list(range(20))
        print(in_child(work))
        go_on.set()
    """
    assert run(IN_CHILD + dedent(script)).strip() == "True"


@needs_fork
def test_a_child_does_not_wait_at_exit_for_what_its_parent_was_loading() -> None:
    script = """
        from multiseq.engine.exit import in_flight
        began, go_on = threading.Event(), threading.Event()

        class Slow(Coded):
            def load_sample(self, index):
                if index == 7:
                    began.set()
                    go_on.wait()
                return super().load_sample(index)

        slow = Slow(20, batch_size=4)
        thread = threading.Thread(target=lambda: slow[1])
        thread.start()
        began.wait()
        print(in_child(lambda: len(in_flight._calls)))
        go_on.set()
        thread.join()
    """
    assert run(IN_CHILD + dedent(script)).strip() == "0"


def dedent(script: str) -> str:
    return "\n".join(line[8:] for line in script.split("\n"))


# The interpreter's end


def test_at_exit_calls_in_flight_are_stopped_and_new_ones_refused() -> None:
    script = """
        import atexit
        import multiseq.engine.exit as exiting
        from multiseq.errors import ClosedError

        began, said = threading.Event(), []

        class Slow(Coded):
            def load_sample(self, index):
                if index:
                    began.set()
                    time.sleep(0.01)
                return super().load_sample(index)

        seq = Slow(10_000, batch_size=10_000)

        def read():
            try:
                seq[0]
            except ClosedError as error:
                said.append(str(error))

        @atexit.register
        def afterwards():
            try:
                Coded(3)[0]
            except ClosedError:
                said.append("refused")
            print(said)

        # What is registered last is called first: ours, once more, and then `afterwards`.
        atexit.register(exiting._begin_exit)
        threading.Thread(target=read, daemon=True).start()
        began.wait()
    """
    assert "interpreter is exiting" in (said := run(IN_CHILD + dedent(script)))
    assert "refused" in said
