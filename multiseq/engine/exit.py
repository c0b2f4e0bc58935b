"""How the interpreter's end is met while batches are being loaded."""

from __future__ import annotations

import atexit
import os
import time

from ..errors import ClosedError

__all__ = ["in_flight", "stop_if_exiting"]

_GRACE_SECONDS = 3.0


class _InFlight:
    """Counts the batches being loaded.

    TensorFlow may hang when the interpreter ends, after an uncaught error or Ctrl-C, while one of
    its threads is in a slow `__getitem__`. So at exit further calls raise, those in flight stop
    at their next sample, and the interpreter waits for them, up to `_GRACE_SECONDS`.
    """

    def __init__(self) -> None:
        self._calls: list[None] = []

    def __enter__(self) -> None:
        stop_if_exiting()
        self._calls.append(None)

    def __exit__(self, *_: object) -> None:
        self._calls.pop()

    def forget(self) -> None:
        """Starts anew in a forked child, which has none of the threads that were loading."""
        self._calls = []

    def wait(self) -> None:
        give_up = time.monotonic() + _GRACE_SECONDS
        while self._calls and time.monotonic() < give_up:
            time.sleep(0.002)


_exiting = False


def stop_if_exiting() -> None:
    """Raises ClosedError once the interpreter has begun to exit."""
    if _exiting:
        raise ClosedError("the interpreter is exiting")


in_flight = _InFlight()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=in_flight.forget)


@atexit.register
def _begin_exit() -> None:
    global _exiting
    _exiting = True
    in_flight.wait()
