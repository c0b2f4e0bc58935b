"""Worker processes that lack something, and what they leave."""

from __future__ import annotations

import errno
import gc
import os
import signal
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest
from coded import Coded, Ragged, codes, epoch_of
from crews import in_processes, memory, output_of, pids, slots_lost, start_script
from troubled import Growing, Unborn, refuse

from multiseq.errors import MultiseqError

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
        from crews import in_processes
        from troubled import Large
        assert os.statvfs("/dev/shm").f_blocks * os.statvfs("/dev/shm").f_frsize == 4 << 20
        with in_processes(Large, 40, batch_size=20) as seq:
            assert [batch[0][:, 0].tolist() for batch in seq] == [[*range(20)], [*range(20, 40)]]
        print("done")
    """
    mount = 'mount -t tmpfs -o size=4m tmpfs /dev/shm && exec "$@"'
    prefix = ["unshare", "-m", "sh", "-c", mount, "sh"]
    assert output_of(start_script(script, prefix)) == "done\n"
