"""Sequences that are slow, that fail, and that end their processes.

Workers import this module, so it imports neither Keras nor pytest.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from coded import Coded, Collated, Noisy, Ragged

from multiseq.errors import SampleError
from multiseq.samples import Spec
from multiseq.sequence import MultiInputSequence


class Slow(Noisy):
    """Takes some time."""

    def load_sample(self, index: int) -> Any:
        time.sleep(0.002)
        return super().load_sample(index)


def batch_of(samples: Any) -> Any:
    """What `load_batch` returns where these are the samples."""
    inputs = {name: np.stack([each[0][name] for each in samples]) for name in ("a", "b")}
    return inputs, np.stack([each[1] for each in samples])


class Faulty(Coded):
    """Every 13th sample cannot be loaded."""

    def load_sample(self, index: int) -> Any:
        if index and index % 13 == 0:
            raise OSError("unlucky")
        return super().load_sample(index)


class FaultyBulk(Faulty):
    """The same, by `load_batch`."""

    def load_batch(self, indices: Any) -> Any:
        return batch_of([self.load_sample(index) for index in indices.tolist()])


class Broken(Coded):
    """Sample 13 cannot be loaded."""

    def load_sample(self, index: int) -> Any:
        if index == 13:
            raise ZeroDivisionError("no such luck")
        return super().load_sample(index)


class BrokenBulk(Broken):
    """The same, by `load_batch`."""

    def load_batch(self, indices: Any) -> Any:
        return batch_of([self.load_sample(index) for index in indices.tolist()])


class BrokenCollated(Broken, Collated):
    """The same, with a collate of its own."""


class BrokenRagged(Broken, Ragged):
    """The same, of varying length."""

    def load_sample(self, index: int) -> Any:
        super().load_sample(index)
        return Ragged.load_sample(self, index)


class UnicornError(SampleError):
    """An error of the user's."""


def unknown_error() -> Any:
    """A class of errors that no other process knows."""
    return type("Unknown", (UnicornError,), {"__module__": "nowhere"})


class Raising(Coded):
    """Sample 13 raises an error of the user's."""

    def __init__(self, n: int, error: Any, **keywords: Any) -> None:
        super().__init__(n, **keywords)
        self.error = error

    def load_sample(self, index: int) -> Any:
        if index == 13:
            raise self.error("not this one", got="a unicorn")
        return super().load_sample(index)


class Unborn(Coded):
    """Cannot be made again in another process.

    Args:
        how: A function that says why.
    """

    def __init__(self, n: int, how: Any, **keywords: Any) -> None:
        super().__init__(n, **keywords)
        self.how, self.home = how, os.getpid()

    def __setstate__(self, state: Any) -> None:
        super().__setstate__(state)
        if os.getpid() != self.home:
            self.how()


def refuse() -> None:
    """Raises what a worker should report."""
    raise ImportError("no module named unicorn")


def leave() -> None:
    """Ends this process."""
    os._exit(3)


class Leaving(Coded):
    """Sample 13 ends its process, once, and leaves another behind that holds its files open."""

    def __init__(self, n: int, once: Path, **keywords: Any) -> None:
        super().__init__(n, **keywords)
        self.once, self.home = once, os.getpid()

    def load_sample(self, index: int) -> Any:
        if index == 13 and os.getpid() != self.home and not self.once.exists():
            child = os.fork()
            if child:
                self.once.write_text(str(child))
            else:
                time.sleep(60)
            os._exit(1)
        return super().load_sample(index)


class Loud(Coded):
    """Samples below 32 cannot be loaded, for a long reason."""

    def load_sample(self, index: int) -> Any:
        if 0 < index < 32:
            raise OSError("x" * 1_000_000)
        return super().load_sample(index)


class Gated(Coded):
    """Sample 0 waits for a file, where it is loaded in another process."""

    def __init__(self, n: int, gate: Path, **keywords: Any) -> None:
        super().__init__(n, **keywords)
        self.gate, self.home = gate, os.getpid()

    def load_sample(self, index: int) -> Any:
        if index == 0 and os.getpid() != self.home:
            self.gate.with_suffix(".reached").touch()
            while not self.gate.exists():
                time.sleep(0.01)
        return super().load_sample(index)


class Logged(Coded):
    """Takes some time, and notes which samples are loaded in other processes."""

    def __init__(self, n: int, log: Path, **keywords: Any) -> None:
        super().__init__(n, **keywords)
        self.log, self.home = log, os.getpid()

    def load_sample(self, index: int) -> Any:
        if os.getpid() != self.home:
            with self.log.open("a") as file:
                file.write(f"{index}\n")
            time.sleep(0.03)
        return super().load_sample(index)


class Large(MultiInputSequence):
    """Sample i is a megabyte of i."""

    def load_sample(self, index: int) -> Any:
        return np.full(1 << 18, index, np.float32)


class Wide(MultiInputSequence):
    """Sample i is 16 KB of i mod 32; the target is the sum of a row."""

    def load_sample(self, index: int) -> Any:
        code = index % 32
        return {"x": np.full((64, 64), code, np.float32)}, np.float32(64 * code)


class Growing(MultiInputSequence):
    """Sample i is its number, as often as `lengths[i]` says."""

    def __init__(self, lengths: Any, **keywords: Any) -> None:
        super().__init__(len(lengths), spec={"x": Spec((None,), "int64")}, **keywords)
        self.lengths = lengths

    def load_sample(self, index: int) -> Any:
        return {"x": np.full(self.lengths[index], index)}


class Variable(MultiInputSequence):
    """Text of variable width, as NumPy 2 has it."""

    def load_sample(self, index: int) -> Any:
        return {"t": np.array("é" * index, np.dtypes.StringDType())}


class Fatal(Coded):
    """Sample 13 ends the process that loads it.

    Args:
        how: The name of the way.
        once: A file that notes that it did, if it is to do so once only.
    """

    fatal_index = 13

    def __init__(self, n: int, how: str, once: Any = None, **keywords: Any) -> None:
        super().__init__(n, **keywords)
        self.how, self.once, self.home = how, once, os.getpid()

    def load_sample(self, index: int) -> Any:
        if index == self.fatal_index and os.getpid() != self.home:
            if self.once is None:
                DEATHS[self.how]()
            elif not os.path.exists(self.once):
                Path(self.once).touch()
                DEATHS[self.how]()
        return super().load_sample(index)


class FatalBulk(Fatal):
    """The same, by `load_batch`."""

    def load_batch(self, indices: Any) -> Any:
        return batch_of([self.load_sample(index) for index in indices.tolist()])


class FatalCollated(Fatal, Collated):
    """The same, with a collate of its own."""


class FatalRagged(Fatal, Ragged):
    """The same, of varying length."""

    def load_sample(self, index: int) -> Any:
        super().load_sample(index)
        return Ragged.load_sample(self, index)


class FatalCollate(Collated):
    """Putting together a batch with sample 13 ends the process."""

    def collate(self, samples: Any) -> Any:
        if any(target == 13 for _, target in samples):
            os._exit(5)
        return super().collate(samples)


def _segfault() -> None:
    import ctypes

    ctypes.string_at(0)


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _hang() -> None:
    time.sleep(600)


DEATHS: dict[str, Any] = {
    "exit": lambda: os._exit(7),
    "sys.exit": lambda: sys.exit(8),
    "kill": _kill,
    "segfault": _segfault,
    "hang": _hang,
}


def stood_in_for(seq: Any, caplog: Any) -> list[str]:
    """Ends the epoch; returns what it says of the samples that others stood in for, sorted."""
    caplog.clear()
    with caplog.at_level(logging.WARNING, "multiseq"):
        seq.on_epoch_end()
    (record,) = caplog.records
    said: str = record.getMessage().partition(" samples: ")[2]
    return sorted(said.split("; "))
