"""Worker processes: who they are, what they hold, and what they see.

Workers import this module, so it imports neither Keras nor pytest.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from multiseq.engine.processes.ring import Ring
from multiseq.sequence import MultiInputSequence

ROOT = Path(__file__).resolve().parents[1]


def in_processes(kind: Any, n: Any = 50, *arguments: Any, **keywords: Any) -> Any:
    """A sequence with two worker processes."""
    defaults = {"batch_size": 8, "seed": 3, "workers": 2, "use_multiprocessing": True}
    return kind(n, *arguments, **defaults | keywords)


def loader_of(seq: Any) -> Any:
    """The loader of a sequence that was read from."""
    return seq._live._reader._loader


def crew_of(seq: Any) -> Any:
    """Its worker processes."""
    return loader_of(seq)._crew


def pids(seq: Any) -> list[int]:
    """Their numbers, of those that run."""
    return [worker.child._process.pid for worker in list(crew_of(seq).workers) if worker.started]


def kill_one(seq: Any, which: int) -> int:
    """Kills a worker, whatever it is doing, and returns its number."""
    while True:
        try:
            process = crew_of(seq).workers[which].child._process
            os.kill(process.pid, signal.SIGKILL)
        except (AttributeError, IndexError, ProcessLookupError):  # Being born, or buried.
            time.sleep(0.001)
        else:
            return int(process.pid)


def slots_lost(seq: Any) -> int:
    """How many slots do not come back when everything is read or given up."""
    loader, reader = loader_of(seq), seq._live._reader
    for bundle, _ in reader._ahead.values():
        bundle.give_up()
    reader._ahead.clear()
    while loader._tickets:
        loader.wait(next(iter(loader._tickets.values())))
    with loader._lock:
        loader._go_on()
    ring = loader._crew.ring
    return int(ring.count - len(ring.free))


def is_alive(pid: int) -> bool:
    """Whether a process runs, and is no zombie."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def gone_within(seconds: float, *numbers: int) -> bool:
    """Whether processes end in time."""
    end = time.monotonic() + seconds
    while any(map(is_alive, numbers)):
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def start_script(body: str, prefix: Sequence[str] = (), **keywords: Any) -> subprocess.Popen[str]:
    """Starts a program, without Keras, that finds this folder's modules.

    Args:
        body: Its code.
        prefix: The beginning of a command that runs another one.
        **keywords: For `Popen`.
    """
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    return subprocess.Popen(
        [*prefix, sys.executable, "-c", textwrap.dedent(body)],
        env=os.environ | {"MULTISEQ_WORKER": "1", "PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **keywords,
    )


def output_of(script: subprocess.Popen[str]) -> str:
    """What a program printed; that it ended well, and without a word of complaint."""
    with script:
        try:
            out, err = script.communicate(timeout=30)
        finally:
            script.kill()
    assert script.returncode == 0, err
    assert err == ""
    return out


def poison_slots(monkeypatch: Any) -> None:
    """Fills slots with NaN and -1 as soon as they are found free."""
    found_free = vars(Ring)["free"].fget

    def free(ring: Ring) -> Any:
        for watch in list(ring._gone):
            ring.memory(watch.what)[:] = 255
        return found_free(ring)

    monkeypatch.setattr(Ring, "free", property(free))


class Asked(MultiInputSequence):
    """A sample is what a function says in the process that loads it, as JSON.

    Args:
        question: The function; it is given `data`.
        data: Anything.
    """

    def __init__(self, question: Any, data: Any = None, **keywords: Any) -> None:
        super().__init__(4, **keywords)
        self.question, self.data = question, data

    def load_sample(self, index: int) -> Any:
        return {"answer": np.array(json.dumps(self.question(self.data)))}


def answer_of(question: Any, data: Any = None) -> Any:
    """What a function says in a worker."""
    seq = Asked(question, data, workers=1, use_multiprocessing=True, batch_size=1)
    with seq:
        return json.loads(seq[1][0]["answer"][0])


def modules(_: Any) -> list[str]:
    """All modules that are imported."""
    return list(sys.modules)


def memory(process: Any) -> dict[str, int]:
    """Kilobytes of a process: resident, and those that no other process has."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()[1:]
    found = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    return {"resident": found["Rss"], "own": found["Private_Clean"] + found["Private_Dirty"]}


class Weighed(MultiInputSequence):
    """A sample is the number of the process, and a sum over all of the data."""

    def __init__(self, data: Any, **keywords: Any) -> None:
        super().__init__(16, **keywords)
        self.data = data

    def load_sample(self, index: int) -> Any:
        total = int(self.data[::512].sum())  # Every page is looked at.
        return np.array([os.getpid(), total])


def _is_inheritable(fd: int) -> bool:
    try:
        return os.get_inheritable(fd)
    except OSError:
        return False


def surroundings(_: Any) -> dict[str, Any]:
    """What a user's code may look at."""
    return {
        "argv": sys.argv,
        "path": sys.path,
        "folder": os.getcwd(),
        "variables": {name: os.environ.get(name) for name in ("MULTISEQ_WORKER", "HOME")},
        "inherited": [fd for fd in range(3, 100) if _is_inheritable(fd)],
    }
