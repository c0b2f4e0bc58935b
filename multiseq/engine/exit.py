"""How the end is met while batches are being loaded: the interpreter's, or Ctrl-C."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time

from ..errors import ClosedError
from .descriptors import fill_streams

__all__ = ["ctrl_c", "in_flight", "stop_if_exiting"]

_GRACE_SECONDS = 3.0
_POLL_SECONDS = 0.002
_QUIET_POLLS = 10
_CTRL_C_SECONDS = 1.0
_LOOK_SECONDS = 0.05


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
        ctrl_c.forget()
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


class _CtrlC:
    """Notices Ctrl-C while the main thread can't.

    Where one of TensorFlow's threads loads a batch, the main thread waits for it in TensorFlow,
    and learns of Ctrl-C when the batch is complete. Where that takes long, the thread that loads
    gives up: `fit` then raises what TensorFlow makes of it, in place of KeyboardInterrupt.
    """

    def __init__(self) -> None:
        self._pipe: tuple[int, int] | None = None
        self._since: float | None = None
        self._next_look = 0.0

    def watch(self) -> None:
        """Begins, if this is the main thread and nobody else handles signals."""
        main = threading.current_thread() is threading.main_thread()
        if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            return
        if self._pipe is None:
            fill_streams()
            self._pipe = os.pipe()
            for end in self._pipe:
                os.set_blocking(end, False)
        other = signal.set_wakeup_fd(self._pipe[1], warn_on_full_buffer=False)
        if other not in (-1, self._pipe[1]):
            signal.set_wakeup_fd(other)

    def forget(self) -> None:
        """A batch begins: what came before is not meant for it."""
        if self._pipe is not None:
            self._look()
            self._since = None

    def is_overdue(self) -> bool:
        """Whether it came a while ago, and this is one of TensorFlow's threads."""
        if self._pipe is None:
            return False
        now = time.monotonic()
        if self._since is None and now >= self._next_look:
            self._next_look = now + _LOOK_SECONDS
            if self._look():
                self._since = now
        late = self._since is not None and now >= self._since + _CTRL_C_SECONDS
        return late and _is_foreign(threading.current_thread())

    def _look(self) -> bool:
        try:
            return self._pipe is not None and signal.SIGINT in os.read(self._pipe[0], 1024)
        except BlockingIOError:
            return False


_exiting = False


def stop_if_exiting() -> None:
    """Raises ClosedError once the interpreter has begun to exit, or Ctrl-C is overdue."""
    if _exiting:
        raise ClosedError("the interpreter is exiting")
    if ctrl_c.is_overdue():
        raise ClosedError("interrupted by Ctrl-C")


ctrl_c = _CtrlC()
in_flight = _InFlight()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=in_flight.forget)


@atexit.register
def _begin_exit() -> None:
    global _exiting
    _exiting = True
    in_flight.wait()
