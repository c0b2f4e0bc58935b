"""The connection to Ray: the user's where there is one."""

from __future__ import annotations

import functools
import sys
import threading
from typing import Any

from .remote import load

__all__ = ["connect", "functions", "is_connected", "session"]

_RETRIES = 3  # Of a task whose process or machine was lost.

_connecting = threading.Lock()


def connect() -> Any:
    """Returns the package, connected to a cluster."""
    import ray

    with _connecting:
        if not ray.is_initialized():
            ray.init()
    return ray


def is_connected() -> bool:
    """Whether there is a connection; to ask that is safe while another thread ends it."""
    ray = sys.modules.get("ray")
    return ray is not None and bool(ray.is_initialized())


def session() -> tuple[str, str] | None:
    """Returns the connection's name, another one after each `ray.init`; None where there is none.

    A cluster numbers its jobs; the machine's number is another one in each new cluster.
    """
    if not is_connected():
        return None
    import ray

    context = ray.get_runtime_context()
    return context.get_node_id(), context.get_job_id()


@functools.cache
def functions() -> tuple[Any, Any]:
    """Returns `load` for Ray, twice: as it runs, and to see whether it ends its process."""
    import ray

    # Its workers are not those of other tasks, such as of one that trains: ours import no Keras.
    apart = {"env_vars": {"MULTISEQ_WORKER": "1"}}
    options = {"num_cpus": 1, "scheduling_strategy": "SPREAD", "runtime_env": apart}
    usual = ray.remote(max_retries=_RETRIES, **options)(load)
    return usual, ray.remote(max_retries=1, **options)(load)
