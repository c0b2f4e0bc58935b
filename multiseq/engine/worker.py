"""The other side: a process that loads chunks into shared memory, and nothing else.

It is started by `python -c BOOTSTRAP`, maps the payload, and then gets tasks of a few bytes over
a socket. It imports neither Keras nor pandas unless the sequence itself needs them. It ends when
the parent's end of the socket is closed, in whichever way the parent ends.
"""

from __future__ import annotations

import os
import pickle
import select
import signal
import socket
import struct
import threading
import traceback
from typing import Any

import numpy as np

from ..errors import LoadError, MultiseqError
from ..order import Draw
from .job import Job
from .payload import load_payload
from .ring import CANCELLED, Slot, slot_indices, slot_words

__all__ = ["BOOTSTRAP", "REPLY", "TASK", "Status", "main", "receive"]

TASK = struct.Struct("<9q")
"""ticket, start, stop, samples in the batch, slot offset, slot size, seed, epoch, random: whether
samples are augmented. A start of -1 asks for the whole batch, of whatever shape."""

REPLY = struct.Struct("<4q")
"""ticket, start, status, length of the pickle that follows."""

# The package without its `__init__`, which would import pandas; a user's module that needs what
# is in there gets it on the first access.
BOOTSTRAP = """
import sys
folder, link, ring, payload = sys.argv[1:5]
sys.path[:] = sys.argv[5:]
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
class Package(type(sys)):
    def __getattr__(self, name):
        began = "_began" in self.__dict__
        if began or name.startswith("__") or find_spec("multiseq." + name):
            raise AttributeError(name)
        self._began = True
        self.__spec__.loader.exec_module(self)
        return getattr(self, name)
package = module_from_spec(PathFinder.find_spec("multiseq", [folder]))
package.__class__ = Package
sys.modules["multiseq"] = package
from multiseq.engine.worker import main
main(int(link), int(ring), int(payload))
"""


class Status:
    """What became of a task."""

    DONE = 0
    FAILED = 1
    TOO_SMALL = 2
    STARTED = 3


def main(link_fd: int, ring_fd: int, payload_fd: int) -> None:
    """Serves one parent until it is gone.

    Args:
        link_fd: The worker's end of a socket pair.
        ring_fd: The ring's file.
        payload_fd: The payload's file.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's affair.
    threading.Thread(target=_exit_with_parent, args=(link_fd,), daemon=True).start()
    link = socket.socket(fileno=link_fd)
    try:
        source, layout = load_payload(payload_fd)
        os.environ.pop("MULTISEQ_WORKER", None)  # It is not meant for processes started in here.
    except BaseException as error:
        _reply(link, -1, -1, Status.FAILED, _portable(error))
        return
    _reply(link, -1, -1, Status.STARTED)
    worker = _Worker(source, layout, ring_fd)
    try:
        while True:
            task = TASK.unpack(receive(link, TASK.size))
            status, what = worker.run(*task[1:])
            _reply(link, task[0], task[1], status, what)
    except (EOFError, ConnectionError):
        pass


class _Worker:
    """Loads chunks into slots."""

    def __init__(self, source: Any, layout: Any, ring_fd: int) -> None:
        self._source, self._layout, self._ring_fd = source, layout, ring_fd
        self._slots: dict[tuple[int, int], Slot] = {}

    def run(
        self,
        start: int,
        stop: int,
        n: int,
        offset: int,
        size: int,
        seed: int,
        epoch: int,
        random: int,
    ) -> tuple[int, Any]:
        """Loads one chunk; returns the status, and what goes with it."""
        slot = self._slots.get((offset, size))
        if slot is None:
            slot = self._slots[offset, size] = Slot(self._ring_fd, offset, size)
        if slot_words(slot)[CANCELLED]:
            return Status.DONE, None
        indices, at = slot_indices(slot, n)
        draw = Draw(seed, epoch) if random else None
        try:
            if start < 0:
                return self._load_whole(slot, indices.copy(), draw, at)
            memory = np.frombuffer(slot.map, np.uint8)
            rows = [array[start:stop] for array in self._layout.memory.arrays_in(memory, at, n)]
            Job(self._source, self._layout, indices[start:stop].copy(), draw).run_into(rows)
        except Exception as error:
            return Status.FAILED, _portable(error)
        return Status.DONE, None

    def _load_whole(self, slot: Slot, indices: Any, draw: Draw | None, at: int) -> tuple[int, Any]:
        leaves = Job(self._source, self._layout, indices, draw).run_leaves()
        places = []
        for leaf in leaves:
            leaf = leaf if leaf.dtype.kind != "T" else leaf.astype(np.str_)
            places.append((at, leaf.shape, leaf.dtype.str, leaf))
            at = -(-(at + leaf.nbytes) // 64) * 64
        if at > slot.size:
            return Status.TOO_SMALL, at
        memory = np.frombuffer(slot.map, np.uint8)
        for offset, shape, dtype, leaf in places:
            np.ndarray(shape, dtype, memory, offset)[...] = leaf
        return Status.DONE, [place[:3] for place in places]


def receive(link: socket.socket, size: int) -> bytes:
    """Reads so many bytes.

    Raises:
        EOFError: The other side is gone.
    """
    data = link.recv(size, socket.MSG_WAITALL)
    if len(data) < size:
        raise EOFError
    return data


def _reply(link: socket.socket, ticket: int, start: int, status: int, what: Any = None) -> None:
    extra = b"" if what is None else pickle.dumps(what)
    link.sendall(REPLY.pack(ticket, start, status, len(extra)) + extra)


def _portable(error: BaseException) -> MultiseqError:
    """Returns an error that can be pickled, with the worker's traceback as a note."""
    if not isinstance(error, MultiseqError):
        error = LoadError(f"a worker could not start: {type(error).__name__}: {error}")
    text = "".join(traceback.format_exception(error))
    error.add_note(f"In the worker process:\n{text}")
    error.__cause__ = error.__context__ = None
    return error


def _exit_with_parent(link_fd: int) -> None:
    """Ends this process, whatever it is loading, when the other end of the socket is closed."""
    poll = select.poll()
    poll.register(link_fd, 0)  # Hanging up is always reported.
    poll.poll()
    os._exit(1)
