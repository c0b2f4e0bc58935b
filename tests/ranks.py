"""Several processes that train together on this machine, each running the same program."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import textwrap
from typing import Any

from crews import ROOT

__all__ = ["free_ports", "together"]

_SECONDS = 120  # Of which two processes need some fifteen; one that waits for another needs all.
_OF_LAUNCHERS = ("RANK", "WORLD_SIZE", "TF_CONFIG", "MULTISEQ_WORKER")


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens at."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def together(*parts: str, count: int = 2, **variables: Any) -> list[Any]:
    """Runs a program in several processes at once, and returns what each of them tells.

    Args:
        *parts: Its code. `RANK` is the number of the process, `COUNT` how many there are, `PORTS`
            a port for each; `tell(value)` says what is returned, and is called once.
        count: How many processes.
        **variables: Of the environment; a list has one for each process.
    """
    ports = free_ports(count)
    common = {name: value for name, value in os.environ.items() if name not in _OF_LAUNCHERS}
    common["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    body, processes = "".join(map(textwrap.dedent, parts)), []
    for rank in range(count):
        own = {
            name: value[rank] if isinstance(value, list) else value
            for name, value in variables.items()
        }
        head = f"""
import json, sys
RANK, COUNT, PORTS = {rank}, {count}, {ports}
def tell(value):
    print("told", json.dumps(value), flush=True)
"""
        processes.append(
            subprocess.Popen(
                [sys.executable, "-c", head + body],
                env=common | own,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
    try:
        outputs = [process.communicate(timeout=_SECONDS)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    for process, output in zip(processes, outputs, strict=True):
        assert process.returncode == 0, output
    told = [
        [line for line in output.splitlines() if line.startswith("told ")] for output in outputs
    ]
    return [json.loads(lines[0].removeprefix("told ")) for lines in told]
