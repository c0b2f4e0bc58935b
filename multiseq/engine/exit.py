"""How the interpreter's end is met while batches are being loaded."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time

from ..errors import ClosedError

__all__ = ["in_flight", "stop_if_exiting"]

_GRACE_SECONDS = 3.0
_POLL_SECONDS = 0.002
_QUIET_POLLS = 10


class _InFlight:
    """Counts the batches being loaded.

    TensorFlow hangs when the interpreter ends, after an uncaught error or Ctrl-C, while one of
    its threads runs Python: that thread is lost, and TensorFlow waits for it. So at exit further
    calls raise, and those in flight stop at their next sample. The interpreter waits for them,
    and for what TensorFlow's threads do in Python afterwards; for others up to `_GRACE_SECONDS`.
    """

    def __init__(self) -> None:
        self._calls: list[int] = []
        self._callers: set[int] = set()

    def __enter__(self) -> None:
        stop_if_exiting()
        thread = threading.get_ident()
        self._calls.append(thread)
        self._callers.add(thread)

    def __exit__(self, *_: object) -> None:
        self._calls.remove(threading.get_ident())

    def forget(self) -> None:
        """Starts anew in a forked child, which has none of the threads that were loading."""
        self._calls, self._callers = [], set()

    def wait(self) -> None:
        give_up = time.monotonic() + _GRACE_SECONDS
        ours = {thread.ident for thread in threading.enumerate() if not _is_foreign(thread)}
        while self._calls and (time.monotonic() < give_up or set(self._calls) - ours):
            time.sleep(_POLL_SECONDS)
        # A thread that returns from a call goes on in Python, and comes back for the next.
        quiet = 0 if self._callers - ours else _QUIET_POLLS
        while quiet < _QUIET_POLLS and time.monotonic() < give_up:
            quiet = 0 if sys._current_frames().keys() - ours else quiet + 1
            time.sleep(_POLL_SECONDS)


def _is_foreign(thread: threading.Thread) -> bool:
    """Whether a thread was not started by Python."""
    return isinstance(thread, threading._DummyThread)


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
