"""The end of worker processes, and Ctrl-C."""

from __future__ import annotations

import os
import random
import select
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from coded import codes, frozen, frozen_epoch, in_threads
from crews import crew_of, gone_within, in_processes, is_alive, output_of, pids, start_script
from troubled import Gated, Slow

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
        from crews import in_processes, pids
        from troubled import Fatal
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
        from crews import in_processes, pids
        from troubled import Slow
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
        from crews import in_processes, pids
        from troubled import Slow
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
        from crews import in_processes, slots_lost
        from troubled import Slow
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
