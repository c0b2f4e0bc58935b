"""A child process and the link to it: started, heard and ended by what the system can do.

Where processes inherit open files, the child gets its end of a socket pair so. Elsewhere (Windows)
the parent duplicates that end into the child, and tells it which through its standard input.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Sequence
from typing import Any, cast

from ...errors import MultiseqError
from ..descriptors import fill_streams

__all__ = ["Child", "new_child", "readable"]

_MOST_READ = 1 << 16


class Child:
    """One process that runs Python code, and a link to it.

    Attributes:
        link: Our end of a socket pair.
    """

    def __init__(self) -> None:
        fill_streams()
        self.link, self._theirs = socket.socketpair()
        # Nothing is ever sent here; see `worker.main`.
        self._lifeline, self._their_lifeline = socket.socketpair()
        self._process: Any = None

    def start(self, code: str, arguments: Sequence[str], inherited: Iterable[int]) -> None:
        """Starts the process.

        Args:
            code: What it runs.
            arguments: What it finds in `sys.argv`, behind how it gets its end of the link.
            inherited: File descriptors that it gets by the same numbers.

        Raises:
            MultiseqError: The system cannot start it.
        """
        single = {"MULTISEQ_WORKER": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        try:
            self._start([sys.executable, "-c", code], arguments, inherited, os.environ | single)
        except OSError as error:
            raise MultiseqError(
                "a worker process could not be started", got=error.strerror, fix="use fewer workers"
            ) from error
        finally:
            self._theirs.close()
            self._their_lifeline.close()

    def _start(
        self,
        command: list[str],
        arguments: Sequence[str],
        inherited: Iterable[int],
        environment: dict[str, str],
    ) -> None:
        theirs, lifeline = self._theirs.fileno(), self._their_lifeline.fileno()
        # Until it ignores Ctrl-C by itself; a child inherits the mask of the thread.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._process = subprocess.Popen(
                [*command, f"{theirs}+{lifeline}", *arguments],
                pass_fds=(theirs, lifeline, *inherited),
                stdin=subprocess.DEVNULL,
                env=environment,
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def read(self) -> tuple[bytes, bool]:
        """Returns what has arrived, without waiting, and whether the process is alive."""
        try:
            data = self.link.recv(_MOST_READ, socket.MSG_DONTWAIT)
            return data, bool(data)
        except BlockingIOError:
            return b"", not self.dead
        except OSError:
            return b"", False

    @property
    def dead(self) -> bool:
        """Whether the process has ended."""
        return self._reaped(os.WNOHANG) is not None

    def kill(self) -> None:
        """Ends the process."""
        if self._process is not None and not self.dead:
            os.kill(self._process.pid, signal.SIGKILL)

    def end(self) -> int:
        """Ends the process and returns its exit status, once it is gone."""
        self.kill()
        self._close()
        return 0 if self._process is None else self._reaped(0) or 0

    def _reaped(self, options: int) -> int | None:
        """Returns the exit status of the process, if it has ended.

        What `subprocess` does for that holds a lock, which Ctrl-C may leave held.
        """
        process = self._process
        if process.returncode is None:
            try:
                pid, status = os.waitpid(process.pid, options)
            except ChildProcessError:  # The user ignores SIGCHLD, say.
                pid, status = process.pid, 0
            if pid:
                process.returncode = os.waitstatus_to_exitcode(status)
        code: int | None = process.returncode
        return code

    def forget(self) -> None:
        """In a forked process, closes the link, and lets go of a child that is not ours."""
        self._close()
        if self._process is not None:
            self._process.returncode = 0

    def _close(self) -> None:
        for end in (self.link, self._theirs, self._lifeline, self._their_lifeline):
            end.close()


class _ToldChild(Child):
    """A child that inherits no files, as on Windows."""

    def _start(
        self,
        command: list[str],
        arguments: Sequence[str],
        inherited: Iterable[int],
        environment: dict[str, str],
    ) -> None:
        process: Any = subprocess.Popen(
            [*command, "-", *arguments], stdin=subprocess.PIPE, env=environment
        )
        self._process, theirs = process, cast(Any, self._theirs)
        with contextlib.suppress(OSError), process.stdin:  # Its death is noticed where it is heard.
            process.stdin.write(theirs.share(process.pid))

    def read(self) -> tuple[bytes, bool]:
        """Returns what has arrived, without waiting, and whether the process is alive."""
        try:
            if not select.select([self.link], [], [], 0)[0]:
                return b"", not self.dead
            data = self.link.recv(_MOST_READ)
            return data, bool(data)
        except OSError:
            return b"", False

    @property
    def dead(self) -> bool:
        """Whether the process has ended."""
        return self._process.poll() is not None

    def kill(self) -> None:
        """Ends the process."""
        if self._process is not None:
            self._process.kill()

    def end(self) -> int:
        """Ends the process and returns its exit status, once it is gone."""
        self.kill()
        self._close()
        return 0 if self._process is None else int(self._process.wait())


def new_child() -> Child:
    """Returns a child that is not started yet."""
    return Child() if hasattr(os, "register_at_fork") else _ToldChild()


def readable(links: Iterable[int], seconds: float) -> list[int]:
    """Waits until something arrives; returns the descriptors where it did."""
    if not hasattr(select, "poll"):
        return list(select.select([*links], [], [], seconds)[0])
    poll = select.poll()
    for fd in links:
        poll.register(fd, select.POLLIN)
    return [fd for fd, _ in poll.poll(1000 * seconds)]
