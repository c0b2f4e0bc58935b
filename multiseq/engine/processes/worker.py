"""The other side: a process that loads chunks into shared memory, and nothing else.

It is started by `python -c BOOTSTRAP`, maps the payload, and then gets tasks of a few bytes over
a socket. It imports neither Keras nor pandas unless the sequence itself needs them. It ends when
the parent's end of the socket is closed, in whichever way the parent ends.

Before it loads a sample it leaves a note of which in shared memory, so that the parent knows what
killed it.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple, NoReturn

from ...memory import placed, put
from ...order import Draw, Indices
from ..descriptors import fill_streams
from ..job import Job
from . import standins
from .noted import Cancelled, Noted
from .payload import load_payload
from .portable import Packed
from .ring import Header, header_size
from .shared import Memory, attach

__all__ = [
    "BOOTSTRAP",
    "REPLY",
    "Message",
    "Status",
    "main",
]

REPLY = struct.Struct("<4qd")
"""ticket, start, status, length of the pickle that follows, seconds that it took."""

# The package without its `__init__`, which would import pandas; a user's module that needs what
# is in there gets it on the first access.
BOOTSTRAP = """
import sys
link, folder, ring, payload, absent = sys.argv[1:6]
sys.path[:] = sys.argv[6:]
del sys.argv[1:]
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
class Package(type(sys)):
    def __getattr__(self, name):
        began = "_began" in self.__dict__
        hidden = name.startswith("__") and name != "__all__"
        if began or hidden or find_spec("multiseq." + name):
            raise AttributeError(name)
        self._began = True
        self.__spec__.loader.exec_module(self)
        return getattr(self, name)
package = module_from_spec(PathFinder.find_spec("multiseq", [folder]))
package.__class__ = Package
sys.modules["multiseq"] = package
from multiseq.engine.processes.worker import main
main(link, ring, payload, absent)
"""

_MESSAGE = struct.Struct("<6q3Q?")
_WORD = (1 << 64) - 1


class Status:
    """What became of a task."""

    DONE = 0
    FAILED = 1
    TOO_SMALL = 2
    STARTED = 3
    NEEDS_KERAS = 4
    """It wants to be replaced by one that imports it."""


class Message(NamedTuple):
    """What a worker is sent: to load rows `start` to `stop` of a batch of n samples.

    A start of -1 asks for the whole batch, of whatever shape.
    """

    ticket: int
    start: int
    stop: int
    n: int
    offset: int
    size: int
    epoch: int
    seed: int | None
    """Of augmentation; None for none."""

    def pack(self) -> bytes:
        """Returns it as bytes."""
        seed = self.seed or 0
        words = [value & _WORD for value in (self.epoch, seed, seed >> 64)]
        numbers = (self.ticket, self.start, self.stop, self.n, self.offset, self.size)
        return _MESSAGE.pack(*numbers, *words, self.seed is not None)

    @classmethod
    def unpack(cls, data: bytes) -> Message:
        """Returns what `pack` made bytes of."""
        *rest, low, high, augmented = _MESSAGE.unpack(data)
        return cls._make([*rest, low | high << 64 if augmented else None])


def main(link: str, ring: str, payload: str, absent: str) -> None:
    """Serves one parent until it is gone.

    Args:
        link: Descriptors of the worker's ends of two socket pairs, "5+7" say, the second of which
            is to be closed when the parent ends; "-" if standard input tells which.
        ring: Address of the ring's memory.
        payload: Address of the payload.
        absent: The packages that are not imported with what the payload holds, and what is known
            of them: "keras.__version__=3.15.0,keras.backend.backend=jax", say.
    """
    fill_streams()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's affair.
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    facts = dict(each.split("=") for each in absent.split(",") if each)
    serve(_connected(link), attach(ring), attach(payload, readonly=True), facts)


def _connected(link: str) -> socket.socket:
    if link == "-":
        return socket.fromshare(sys.stdin.buffer.read())  # type: ignore[attr-defined,no-any-return]
    fd, lifeline = map(int, link.split("+"))
    for each in (fd, lifeline):  # Else whoever load_sample starts would keep them open.
        os.set_inheritable(each, False)
    _die_with_parent(lifeline)
    return socket.socket(fileno=fd)


def _die_with_parent(lifeline: int) -> None:
    """Has the system end this process, in C code too, when the other end of a socket is closed.

    What Linux has for that (`PR_SET_PDEATHSIG`) strikes when the thread ends that started us.
    """
    if not sys.platform.startswith("linux"):
        return
    import fcntl

    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)


def serve(link: socket.socket, ring: Memory, payload: Memory, absent: Mapping[str, str]) -> None:
    """Loads the sequence, and then what the other end of the link asks for."""
    if hasattr(select, "poll"):  # Elsewhere it ends when it next looks for something to do.
        threading.Thread(target=_exit_with_parent, args=(link.fileno(),), daemon=True).start()
    try:
        with standins.importing(absent, partial(_leave, link)):
            source, layout = load_payload(payload)
        os.environ.pop("MULTISEQ_WORKER", None)  # It is not meant for processes started in here.
        worker = _Worker(source, layout, ring)
    except BaseException as error:
        _reply(link, -1, -1, Status.FAILED, Packed.of(error, "a worker could not start"))
        return
    _reply(link, -1, -1, Status.STARTED)
    size = _MESSAGE.size
    with contextlib.suppress(ConnectionError):  # The parent is gone.
        while len(data := link.recv(size, socket.MSG_WAITALL)) == size:
            began, task = time.perf_counter(), Message.unpack(data)
            status, what = worker.run(task)
            _reply(link, task.ticket, task.start, status, what, time.perf_counter() - began)


class _Worker:
    """Loads chunks into slots.

    Args:
        source: The sequence, this process' own.
        layout: Of its samples.
        ring: The ring's memory.
    """

    def __init__(self, source: Any, layout: Any, ring: Memory) -> None:
        self._source, self._layout, self._ring = Noted(source), layout, ring

    def run(self, task: Message) -> tuple[int, Any]:
        """Loads one chunk; returns the status, and what goes with it."""
        memory = self._ring.view(task.offset, task.size)
        header = Header(memory, task.n)
        indices = header.indices.copy()
        lethal = indices < 0
        indices[lethal] = -1 - indices[lethal]
        killers = frozenset(indices[lethal].tolist())
        draw = None if task.seed is None else Draw(task.seed, task.epoch)
        try:
            self._source.begin(header, task.ticket, max(0, task.start), killers)
            reply = self._load(task, indices, draw, memory, bool(header.one_by_one[0]))
        except Cancelled:
            reply = Status.DONE, None
        except Exception as error:
            standins.failed()
            reply = Status.FAILED, Packed.of(error, "a worker could not load a batch")
        self._source.end()
        return reply

    def _load(
        self, task: Message, indices: Indices, draw: Draw | None, memory: Any, one_by_one: bool
    ) -> tuple[int, Any]:
        at, places = header_size(task.n), None
        if task.start < 0:
            job = self._job(indices, draw, task.epoch, one_by_one)
            leaves = job.run_leaves()
            places, size = placed(leaves, at)
            if size > task.size:
                return Status.TOO_SMALL, size
            put(leaves, places, memory)
        else:
            rows = slice(task.start, task.stop)
            job = self._job(indices[rows], draw, task.epoch, one_by_one)
            job.run_into([all_[rows] for all_ in self._layout.memory.arrays_in(memory, at, task.n)])
        if job.substituted:
            standins.failed()
        substituted = {index: Packed.of(error, "") for index, error in job.substituted.items()}
        return Status.DONE, (places, substituted) if places or substituted else None

    def _job(self, indices: Indices, draw: Draw | None, epoch: int, one_by_one: bool) -> Job:
        job = Job(self._source, self._layout, indices, draw, epoch)
        job.by_batch = job.by_batch and not one_by_one
        return job


def _reply(
    link: socket.socket,
    ticket: int,
    start: int,
    status: int,
    what: Any = None,
    seconds: float = 0.0,
) -> None:
    extra = b"" if what is None else pickle.dumps(what)
    link.sendall(REPLY.pack(ticket, start, status, len(extra), seconds) + extra)


def _leave(link: socket.socket) -> NoReturn:
    """Ends this process, or one that it forked, and has another worker take its place."""
    with contextlib.suppress(Exception):
        sys.stdout.flush()
    _reply(link, -1, -1, Status.NEEDS_KERAS)
    os._exit(0)


def _exit_with_parent(link_fd: int) -> None:
    """Ends this process, whatever it is loading, when the other end of the socket is closed."""
    poll = select.poll()
    poll.register(link_fd, 0)  # Hanging up is always reported.
    poll.poll()
    os._exit(1)
