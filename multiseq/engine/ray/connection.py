"""The connection to Ray: the user's where there is one."""

from __future__ import annotations

import functools
import sys
import threading
from typing import Any

from .remote import load

__all__ = ["connect", "functions", "session"]

_RETRIES = 3  # Of a task whose process or machine was lost.

_connecting = threading.Lock()


def connect() -> Any:
    """Returns the package, connected to a cluster."""
    import ray

    with _connecting:
        if not ray.is_initialized():
            ray.init()
    return ray


def session() -> str | None:
    """Returns by what name Ray knows this process, another one after each `ray.init`.

    None where there is no connection.
    """
    ray = sys.modules.get("ray")
    if ray is None or not ray.is_initialized():
        return None
    return str(ray.get_runtime_context().get_worker_id())


@functools.cache
def functions() -> tuple[Any, Any]:
    """Returns `load` for Ray, twice: as it runs, and to see whether it ends its process."""
    import ray

    # Its workers are not those of other tasks, such as of one that trains: ours import no Keras.
    apart = {"env_vars": {"MULTISEQ_WORKER": "1"}}
    options = {"num_cpus": 1, "scheduling_strategy": "SPREAD", "runtime_env": apart}
    usual = ray.remote(max_retries=_RETRIES, **options)(load)
    return usual, ray.remote(max_retries=1, **options)(load)
