"""The worker processes of one loader: how they are started, spoken to and ended."""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import socket
import subprocess
import sys
import time
import weakref
from collections import deque
from pathlib import Path
from typing import Any

from ..errors import MultiseqError
from .ring import Ring
from .tickets import Task
from .worker import BOOTSTRAP, REPLY

__all__ = ["Crew", "Worker", "listen"]

_HEARTBEAT_SECONDS = 1.0
# Some 270 small messages fit into a socket, so with these neither side has to wait for the other.
_MOST_SENT = 64
_MOST_READ = 1 << 16


class Worker:
    """One process, and the tasks it was sent, in order.

    Attributes:
        link: Our end of a socket pair.
        tasks: What it was sent and has not replied to, by ticket and start.
        started: Whether it was heard of.
        since: When it was last heard of, or given something to do.
    """

    def __init__(self) -> None:
        self.link, self._theirs = socket.socketpair()
        self.tasks: dict[tuple[int, int], Task] = {}
        self.started, self.since = False, time.monotonic()
        self._process: Any = None
        self._unread = b""

    def start(self, ring_fd: int, payload_fd: int) -> None:
        """Starts the process."""
        fds = (self._theirs.fileno(), ring_fd, payload_fd)
        package = Path(__file__).parents[2]
        single = {"MULTISEQ_WORKER": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        # Until it ignores Ctrl-C by itself; a child inherits the mask of the thread.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", BOOTSTRAP, str(package), *map(str, fds), *sys.path],
                pass_fds=fds,
                stdin=subprocess.DEVNULL,
                env=os.environ | single,
            )
        except OSError as error:
            raise MultiseqError(
                "a worker process could not be started", got=error.strerror, fix="use fewer workers"
            ) from error
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            self._theirs.close()

    def send(self, task: Task) -> None:
        """Sends it a task."""
        if not self.tasks:
            self.since = time.monotonic()
        self.tasks[task.ticket.number, task.start] = task
        with contextlib.suppress(OSError):  # Its death is noticed where replies are heard.
            self.link.sendall(task.message())

    def receive(self) -> tuple[list[tuple[int, int, int, float, Any]], bool]:
        """Returns its replies as far as they have arrived, and whether it is alive."""
        try:
            data = self.link.recv(_MOST_READ, socket.MSG_DONTWAIT)
            alive = bool(data)
        except BlockingIOError:
            data, alive = b"", not self.dead
        except OSError:
            data, alive = b"", False
        unread, replies, at = self._unread + data, [], 0
        while len(unread) >= at + REPLY.size:
            number, start, status, length, seconds = REPLY.unpack_from(unread, at)
            end = at + REPLY.size + length
            if len(unread) < end:
                break
            what = pickle.loads(unread[at + REPLY.size : end]) if length else None
            replies.append((number, start, status, seconds, what))
            at = end
        self._unread = unread[at:]
        if data:
            self.since = time.monotonic()
        return replies, alive

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
        self.link.close()
        self._theirs.close()
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
        self.link.close()
        if self._process is not None:
            self._process.returncode = 0


class Crew:
    """The worker processes, and what they share.

    It does not know the loader, so that it can end them when that is gone.

    Attributes:
        ring: The slots.
        payload: Descriptor of the file with the sequence.
        workers: The processes.
        queue: Tasks that no worker was sent yet.
    """

    ring: Ring

    def __init__(self) -> None:
        self.payload = -1
        self.workers: list[Worker] = []
        self.queue: deque[Task] = deque()
        _crews.add(self)

    def start(self, count: int, ring: Ring) -> None:
        """Hires workers."""
        self.ring = ring
        for _ in range(count):
            self.hire()

    def hire(self) -> None:
        """Starts one worker more."""
        worker = Worker()
        self.workers.append(worker)
        worker.start(self.ring.fd, self.payload)

    @property
    def busy(self) -> bool:
        """Whether there is anything to load."""
        return bool(self.queue) or any(worker.tasks for worker in self.workers)

    def send(self) -> None:
        """Sends tasks to the workers with the fewest."""
        while self.queue:
            worker = min(self.workers, key=lambda each: len(each.tasks))
            if len(worker.tasks) >= _MOST_SENT:
                break
            worker.send(self.queue.popleft())

    def links(self) -> dict[int, Worker]:
        """Returns the workers by the descriptors of their links."""
        return {worker.link.fileno(): worker for worker in self.workers}

    def late(self, timeout: float) -> list[Worker]:
        """Returns the workers that have been silent for too long."""
        since = time.monotonic() - timeout
        return [w for w in self.workers if w.started and w.tasks and w.since < since]

    def dismiss(self) -> None:
        """Ends the workers, whatever they are doing."""
        for worker in self.workers:
            worker.kill()
        for worker in self.workers:
            worker.end()
        self.workers.clear()
        self.queue.clear()

    def end(self) -> None:
        """Ends the workers, and closes the payload."""
        self.dismiss()
        self._close_payload()

    def forget(self) -> None:
        """In a forked process, closes what would outlive the parent; the workers are not ours."""
        for worker in self.workers:
            worker.forget()
        self.workers.clear()
        self._close_payload()

    def _close_payload(self) -> None:
        payload, self.payload = self.payload, -1
        if payload >= 0:
            os.close(payload)


def listen(links: dict[int, Worker], timeout: float | None) -> list[Worker]:
    """Waits for replies, for a second at most, or less where workers have little time.

    Returns:
        The workers that have replied, or died.
    """
    poll = select.poll()
    for fd in links:
        poll.register(fd, select.POLLIN)
    seconds = _HEARTBEAT_SECONDS if timeout is None else min(timeout / 4, _HEARTBEAT_SECONDS)
    ready = [links[fd] for fd, _ in poll.poll(1000 * seconds)]
    # A process that a worker left behind may keep its end of the link open.
    return ready or [worker for worker in links.values() if worker.dead]


_crews: weakref.WeakSet[Crew] = weakref.WeakSet()


def _after_fork() -> None:
    for crew in list(_crews):
        crew.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
