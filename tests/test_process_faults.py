"""What goes wrong with worker processes: each with real ones."""

from __future__ import annotations

import errno
import gc
import os
import random
import select
import signal
import sqlite3
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from coded import Bulk, Coded, Ragged, codes, epoch_of, frozen, frozen_epoch, in_threads
from crews import (
    DEATHS,
    Broken,
    BrokenBulk,
    BrokenCollated,
    BrokenRagged,
    Fatal,
    FatalBulk,
    FatalCollate,
    FatalCollated,
    FatalRagged,
    Gated,
    Growing,
    Leaving,
    Raising,
    Slow,
    Unborn,
    UnicornError,
    crew_of,
    gone_within,
    in_processes,
    is_alive,
    kill_one,
    leave,
    memory,
    output_of,
    pids,
    refuse,
    slots_lost,
    start_script,
    unknown_error,
)

from multiseq import join
from multiseq.errors import ArgumentError, LoadError, MultiseqError, SampleError

KEYS = [f"key {number}" for number in range(50)]
WAYS = [way for way in DEATHS if way != "hang"]
LAST_WORDS = {
    "exit": "exit status 7",
    "sys.exit": "exit status 8",
    "kill": "signal 9",
    "segfault": "signal 11",
}


# Workers that die


@pytest.mark.parametrize(
    ("kind", "size", "most"), [(Slow, 4, 50), (Ragged, 4, 4), (Bulk, 4, 4), (Coded, 16, 10)]
)
def test_killed_at_random_moments(kind: Any, size: int, most: int) -> None:
    chance, kills, n = random.Random(1), list[int](), 150 * size
    serial = frozen_epoch(kind(n, batch_size=size, shuffle=True, seed=3))
    with in_processes(kind, n, batch_size=size, shuffle=True, workers=3) as seq:

        def kill_two() -> None:
            kills.append(kill_one(seq, chance.randrange(3)))
            time.sleep(chance.uniform(0, 0.05))
            kills.append(kill_one(seq, -1))  # The last that was started, and may not be ready.

        for index in range(150):
            assert frozen(seq[index]) == serial[index]
            if index % 6 == 0 and len(kills) < most:
                killer = threading.Thread(target=kill_two)
                killer.start()
            elif index % 6 == 5:
                killer.join()
        assert len(kills) == most
        assert slots_lost(seq) == 0


def test_a_worker_that_is_killed_before_it_begins_blames_no_sample(tmp_path: Path) -> None:
    gate, found = tmp_path / "gate", list[Any]()
    with in_processes(Gated, 50, gate, workers=1) as seq:
        reader = threading.Thread(target=lambda: found.append(codes(seq[0])), daemon=True)
        reader.start()
        while not gate.with_suffix(".reached").exists():
            time.sleep(0.01)
        killed = {kill_one(seq, 0)}  # While it loads the sample; then while another starts.
        while len(killed) < 6:
            killed.add(kill_one(seq, 0))
        gate.touch()
        reader.join(20)
    assert found == [list(range(8))]


@pytest.mark.parametrize("kind", [Fatal, FatalBulk, FatalCollated, FatalRagged])
def test_what_a_dead_worker_was_loading_is_loaded_again(kind: Any, tmp_path: Path) -> None:
    serial = frozen_epoch(kind(50, "exit", batch_size=8))
    with in_processes(kind, 50, "exit", tmp_path / "once", workers=1) as seq:
        assert frozen_epoch(seq) == serial
        assert slots_lost(seq) == 0
    assert (tmp_path / "once").exists()


@pytest.mark.parametrize("way", WAYS)
def test_whatever_ended_it(way: str, tmp_path: Path) -> None:
    with in_processes(Fatal, 50, way, tmp_path / "once", workers=1) as seq:
        assert epoch_of(seq) == list(range(50))
    assert (tmp_path / "once").exists()


@pytest.mark.parametrize(
    ("kind", "way"),
    [
        (Fatal, "exit"),
        (Fatal, "segfault"),
        (FatalBulk, "exit"),
        (FatalCollated, "kill"),
        (FatalRagged, "sys.exit"),
    ],
)
def test_a_sample_that_kills_its_workers_is_named(kind: Any, way: str) -> None:
    with in_processes(kind, KEYS, way, workers=1) as seq:
        first = frozen(seq[0])
        with pytest.raises(LoadError, match="3 worker processes died") as caught:
            seq[1]
        assert f"{kind.__name__}, key 'key 13', position 13" in str(caught.value)
        assert LAST_WORDS[way] in str(caught.value)
        assert frozen(seq[0]) == first
        assert frozen(seq[2]) == frozen(kind(KEYS, way, batch_size=8)[2])
        assert slots_lost(seq) == 0


def test_a_collate_that_kills_its_workers() -> None:
    with in_processes(FatalCollate, workers=1) as seq:
        with pytest.raises(LoadError, match=r"FatalCollate: 3 worker .* put this batch together"):
            seq[1]
        assert frozen(seq[2]) == frozen(FatalCollate(50, batch_size=8)[2])
        assert slots_lost(seq) == 0


@pytest.mark.parametrize("kind", [Fatal, FatalBulk])
def test_a_sample_that_kills_its_workers_can_be_substituted(kind: Any) -> None:
    serial = Broken(50, batch_size=8, seed=3, on_error="substitute")
    with in_processes(kind, 50, "exit", workers=1, on_error="substitute") as seq:
        assert frozen_epoch(seq) == frozen_epoch(serial)
        assert "3 worker processes died" in str(seq._substituted[13])


def test_a_worker_that_leaves_a_process_behind(tmp_path: Path) -> None:
    once = tmp_path / "once"
    with in_processes(Leaving, 50, once, workers=1) as seq:
        try:
            assert in_threads(epoch_of, [seq]) == [(seq, list(range(50)))]
        finally:
            os.kill(int(once.read_text()), signal.SIGKILL)


# Workers that hang


def test_a_worker_that_hangs_is_replaced(tmp_path: Path) -> None:
    with in_processes(Fatal, 50, "hang", tmp_path / "once", timeout=0.3) as seq:
        assert epoch_of(seq) == list(range(50))
        assert slots_lost(seq) == 0
    assert (tmp_path / "once").exists()


def test_a_sample_that_hangs_is_named() -> None:
    with in_processes(Fatal, KEYS, "hang", workers=1, timeout=0.3) as seq:
        with pytest.raises(LoadError, match="no reply within the timeout") as caught:
            seq[1]
        assert "Fatal, key 'key 13', position 13" in str(caught.value)
        assert codes(seq[2]) == list(range(16, 24))


def test_a_worker_is_not_late_because_nobody_asked() -> None:
    with in_processes(Coded, timeout=0.2) as seq:
        seq[0]
        before = pids(seq)
        time.sleep(0.5)
        assert epoch_of(seq) == list(range(50))
        assert pids(seq) == before


# Errors


@pytest.mark.parametrize("kind", [Broken, BrokenBulk, BrokenCollated, BrokenRagged])
def test_an_exception_says_where(kind: Any) -> None:
    with in_processes(kind, KEYS, shuffle=True, workers=1) as seq:
        (number,) = [index for index in range(7) if "key 13" in seq.batch_keys(index)]
        with pytest.raises(LoadError, match="ZeroDivisionError: no such luck") as caught:
            seq[number]
        assert f"{kind.__name__}, key 'key 13', position 13" in str(caught.value)
        (note,) = caught.value.__notes__
        assert "Traceback" in note
        assert 'raise ZeroDivisionError("no such luck")' in note
        other = (number + 1) % 7
        serial = kind(KEYS, batch_size=8, shuffle=True, seed=3)
        assert frozen(seq[other]) == frozen(serial[other])
        assert slots_lost(seq) == 0


def test_an_exception_in_a_join_says_where() -> None:
    with join(Broken(KEYS), workers=2, use_multiprocessing=True) as seq:
        with pytest.raises(LoadError, match="ZeroDivisionError: no such luck") as caught:
            seq[0]
        assert "key 'key 13', position 13" in str(caught.value)


def test_an_error_of_the_users_keeps_its_class() -> None:
    with (
        in_processes(Raising, 50, UnicornError, workers=1) as seq,
        pytest.raises(UnicornError, match="not this one"),
    ):
        seq[1]


def test_an_error_that_cannot_travel_is_described() -> None:
    with in_processes(Raising, KEYS, unknown_error(), workers=1) as seq:
        with pytest.raises(SampleError, match="not this one\n  got: a unicorn") as caught:
            seq[1]
        assert "position 13" in str(caught.value)


def test_an_attribute_that_cannot_be_sent_is_named() -> None:
    seq = in_processes(Coded)
    seq.connection = sqlite3.connect(":memory:")
    with pytest.raises(ArgumentError, match="Coded: attribute connection cannot be sent") as caught:
        seq[0]
    assert "sqlite3.Connection" in str(caught.value)
    seq.connection.close()
    del seq.connection
    assert codes(seq[0]) == list(range(8))
    seq.close()


def test_an_attribute_of_a_part_that_cannot_be_sent_is_named() -> None:
    part = Coded(20)
    part.tools = {"lock": threading.Lock()}  # type: ignore[attr-defined]
    seq = join(part, workers=2, use_multiprocessing=True)
    with pytest.raises(ArgumentError, match=r"attribute \S+sequence\.tools\.'lock' cannot"):
        seq[0]


def test_a_sequence_that_cannot_be_made_again() -> None:
    seq = in_processes(Unborn, 50, refuse, workers=1)
    for _ in range(2):
        with pytest.raises(LoadError, match="Unborn: a worker could not start: ImportError: no"):
            seq[0]
    seq.how = int
    assert codes(seq[1]) == list(range(8, 16))
    seq.close()


def test_workers_that_die_before_they_begin() -> None:
    seq = in_processes(Unborn, 50, leave)
    with pytest.raises(LoadError, match="end before they begin\n  got: the last: exit status 3"):
        seq[0]
    seq.how = int
    assert codes(seq[1]) == list(range(8, 16))
    seq.close()


# Too little of something


def no_memory(*_: Any, **__: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_too_little_memory_is_an_error(monkeypatch: Any) -> None:
    seq = in_processes(Coded)
    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", no_memory)
        for _ in range(2):
            with pytest.raises(MultiseqError, match=r"not enough memory(.|\n)*No space left"):
                seq[0]
    assert codes(seq[1]) == list(range(8, 16))
    seq.close()


def test_too_little_memory_for_a_larger_slot(monkeypatch: Any) -> None:
    lengths = [3] * 5 + [100_000] + [3] * 14
    with in_processes(Growing, lengths, batch_size=1, workers=1) as seq:
        seq[0]
        with monkeypatch.context() as patch:
            patch.setattr(os, "posix_fallocate", no_memory)
            with pytest.raises(MultiseqError, match="not enough memory"):
                list(seq)
        assert [batch[0]["x"].shape[1] for batch in list(seq)] == lengths
        assert slots_lost(seq) == 0


def test_the_system_sets_a_limit_to_files() -> None:
    script = """
        import resource
        from coded import Coded
        from crews import in_processes
        _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096 * 4, most))
        try:
            in_processes(Coded)[0]
        except Exception as error:
            print(type(error).__name__, error)
    """
    assert "MultiseqError Coded: there is not enough memory" in output_of(start_script(script))


@pytest.mark.parametrize("started", [0, 1])
def test_a_process_that_cannot_be_started(started: int, monkeypatch: Any) -> None:
    start, left = subprocess.Popen, [None] * started

    def refuse_others(*arguments: Any, **keywords: Any) -> Any:
        if not left:
            raise OSError(errno.EMFILE, "Too many open files")
        left.pop()
        return start(*arguments, **keywords)

    seq = in_processes(Coded)
    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "Popen", refuse_others)
        for _ in range(2):
            with pytest.raises(MultiseqError, match=r"not be started(.|\n)*Too many open files"):
                seq[0]
    assert epoch_of(seq) == list(range(50))
    seq.close()


def test_a_process_that_cannot_be_replaced(monkeypatch: Any) -> None:
    with in_processes(Coded) as seq:
        seq[0]
        with monkeypatch.context() as patch:
            patch.setattr(subprocess, "Popen", no_memory)
            for number in pids(seq):
                os.kill(number, signal.SIGKILL)
            with pytest.raises(MultiseqError, match="could not be started"):
                list(seq)
        assert epoch_of(seq) == list(range(50))
        assert slots_lost(seq) == 0


def test_a_hundred_files_are_enough() -> None:
    script = """
        import resource
        from coded import Coded, Ragged, codes
        from crews import in_processes
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
        for kind in (Coded, Ragged):
            with in_processes(kind, 300, workers=4, batch_size=2, max_queue_size=90) as seq:
                for _ in range(3):
                    assert len(list(seq)) == 150
        print("done")
    """
    assert output_of(start_script(script)) == "done\n"


# Nothing piles up


def held() -> dict[str, int]:
    """What this process holds of the system's."""
    tasks = Path("/proc/self/task").iterdir()
    return {
        "files": len(os.listdir("/proc/self/fd")),
        "threads": threading.active_count(),
        "processes": sum(len((task / "children").read_text().split()) for task in tasks),
        "maps": Path("/proc/self/maps").read_text().count("memfd:multiseq"),
    }


def test_epochs_and_restarts_leave_nothing_behind() -> None:
    gc.collect()  # What failed tests left behind.
    before = held()
    for epochs in (200, 3, 3):
        with in_processes(Ragged, 40, shuffle=True) as seq:
            running = []
            for epoch in range(epochs):
                seq.set_epoch(epoch)
                assert len(list(seq)) == 5
                if epoch in (epochs // 4, epochs - 1):
                    running.append((held(), memory("self")["own"]))
            assert running[0][0] == running[1][0]
            assert running[1][1] - running[0][1] < 2048  # Kilobytes.
        del seq
        assert held() == before


def test_workers_that_cannot_start_leave_nothing_behind() -> None:
    gc.collect()
    before = held()
    seq = in_processes(Unborn, 40, refuse, workers=1)
    for _ in range(4):
        with pytest.raises(MultiseqError):
            seq[0]
    assert held() == before


def may_mount() -> bool:
    try:
        return not subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode
    except OSError:
        return False


@pytest.mark.skipif(not may_mount(), reason="no right to mount a file system")
def test_shared_memory_of_the_system_may_be_tiny() -> None:
    """As a container has it: 4 MB, of which a batch of 20 MB takes nothing."""
    script = """
        import os
        from crews import Large, in_processes
        assert os.statvfs("/dev/shm").f_blocks * os.statvfs("/dev/shm").f_frsize == 4 << 20
        with in_processes(Large, 40, batch_size=20) as seq:
            assert [batch[0][:, 0].tolist() for batch in seq] == [[*range(20)], [*range(20, 40)]]
        print("done")
    """
    mount = 'mount -t tmpfs -o size=4m tmpfs /dev/shm && exec "$@"'
    prefix = ["unshare", "-m", "sh", "-c", mount, "sh"]
    assert output_of(start_script(script, prefix)) == "done\n"


# The end


def test_closed_while_others_read() -> None:
    serial, stop = frozen_epoch(Slow(48, batch_size=8, seed=3)), threading.Event()
    seq = in_processes(Slow, 48)

    def read(number: int) -> int:
        chance, wrong = random.Random(number), 0
        while not stop.is_set():
            index = chance.randrange(6)
            wrong += frozen(seq[index]) != serial[index]
        return wrong

    def close(_: int) -> None:
        for pause in (0, 0.01, 0.3, 0.001, 0.2, 0.4, 0.03):
            time.sleep(pause)
            seq.close()
        stop.set()

    results = in_threads(lambda number: read(number) if number else close(0), range(3))
    assert sorted(str(result) for _, result in results) == ["0", "0", "None"]
    seq.close()


def test_closed_while_another_waits(tmp_path: Path) -> None:
    found: list[Any] = []
    seq = in_processes(Gated, 50, tmp_path / "never")
    reader = threading.Thread(target=lambda: found.append(codes(seq[0])), daemon=True)
    reader.start()
    while not crew_of(seq) or not pids(seq):
        time.sleep(0.01)
    numbers = pids(seq)
    seq.close()
    reader.join(20)
    assert found == [list(range(8))]
    assert gone_within(0, *numbers)


def test_workers_end_with_a_parent_that_is_killed() -> None:
    shared = set(os.listdir("/dev/shm"))
    script = """
        from crews import Fatal, in_processes, pids
        seq = in_processes(Fatal, 50, "hang", batch_size=4)
        seq[0], seq[1]
        print(*pids(seq), flush=True)
        seq[3]
    """
    with start_script(script, start_new_session=True) as parent:
        assert parent.stdout is not None
        numbers = [int(number) for number in parent.stdout.readline().split()]
        assert len(numbers) == 2
        assert all(map(is_alive, numbers))
        parent.kill()
        assert gone_within(2, *numbers)
    assert set(os.listdir("/dev/shm")) == shared


def test_workers_end_though_a_fork_of_the_parent_lives() -> None:
    script = """
        import os, time
        from coded import Coded
        from crews import in_processes, pids
        seq = in_processes(Coded)
        seq[0]
        child = os.fork()
        if not child:
            time.sleep(20)
            os._exit(0)
        print(child, *pids(seq), flush=True)
        time.sleep(20)
    """
    with start_script(script) as parent:
        assert parent.stdout is not None
        child, *numbers = [int(number) for number in parent.stdout.readline().split()]
        assert len(numbers) == 2
        try:
            parent.kill()
            assert gone_within(2, *numbers)
            assert is_alive(child)
        finally:
            os.kill(child, signal.SIGKILL)


def test_a_fork_of_the_parent_disturbs_nobody() -> None:
    script = """
        import os, sys, warnings
        from coded import Noisy, frozen_epoch
        from crews import in_processes, pids
        warnings.simplefilter("error")
        serial = frozen_epoch(Noisy(50, batch_size=8, seed=3))
        seq = in_processes(Noisy)
        kept = seq[0]
        before = pids(seq)
        for way in ("exit", "use", "close"):
            if not os.fork():
                if way == "use":
                    assert frozen_epoch(seq) == serial
                if way == "close":
                    seq.close()
                sys.exit(0)
            assert os.wait()[1] == 0
        assert frozen_epoch(seq) == serial
        assert pids(seq) == before
        print("done")
    """
    assert output_of(start_script(script)) == "done\n"


def test_an_interpreter_that_ends_in_mid_epoch() -> None:
    script = """
        from crews import Slow, in_processes, pids
        seq = in_processes(Slow, 500)
        batch = seq[0]
        print(*pids(seq))
    """
    numbers = [int(number) for number in output_of(start_script(script)).split()]
    assert len(numbers) == 2
    assert gone_within(2, *numbers)


# Ctrl-C


def test_ctrl_c_and_on_with_it() -> None:
    script = """
        from coded import frozen_epoch
        from crews import Slow, in_processes, pids
        serial = frozen_epoch(Slow(100, batch_size=8, seed=3))
        seq = in_processes(Slow, 100)
        for _ in range(4):
            try:
                print("loading", flush=True)
                while True:
                    list(seq)
            except KeyboardInterrupt:
                pass
        assert frozen_epoch(seq) == serial
        assert len(pids(seq)) == 2
        print("done")
    """
    with start_script(script, start_new_session=True) as parent:
        assert parent.stdout is not None
        for pause in (0.05, 0.0, 0.5, 0.3):  # While workers start, and while they load.
            assert parent.stdout.readline() == "loading\n"
            time.sleep(pause)
            while True:
                os.killpg(parent.pid, signal.SIGINT)  # As a terminal does: workers get it too.
                # Python drops what strikes a finalizer; a user presses the keys again.
                if select.select([parent.stdout], [], [], 5)[0]:
                    break
        assert output_of(parent) == "done\n"


@pytest.mark.skipif(
    "MULTISEQ_STRESS" not in os.environ, reason="strikes at random, finalizers of Python's too"
)
def test_interrupted_anywhere() -> None:
    script = """
        import random, signal, time
        from coded import frozen, frozen_epoch
        from crews import Slow, in_processes, slots_lost
        def interrupt(*_):
            global armed
            if armed:
                armed = False
                raise KeyboardInterrupt
        signal.signal(signal.SIGALRM, interrupt)
        chance, hits, armed = random.Random(1), 0, False
        serial = frozen_epoch(Slow(60, batch_size=8, seed=3))
        seq = in_processes(Slow, 60)
        while hits < 40:
            index = chance.randrange(8)
            pause = chance.choice([0.0005, 0.005, 0.05])
            signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.0001, pause))
            try:
                armed = True
                batch = seq[index]
                armed = False
                assert frozen(batch) == serial[index]
                del batch
            except KeyboardInterrupt:
                hits += 1
        assert frozen_epoch(seq) == serial
        assert slots_lost(seq) == 0
        print("done")
    """
    with start_script(script) as parent:
        assert parent.communicate(timeout=30)[0] == "done\n"
