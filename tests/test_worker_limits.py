"""Workers: errors that cannot travel, deaths without end, slow starts, replaced files."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coded import Coded, codes
from crews import in_processes, output_of, start_script

from multiseq.engine.processes import loader as processes
from multiseq.engine.processes.crew import Worker
from multiseq.engine.processes.portable import Packed
from multiseq.engine.processes.worker import REPLY
from multiseq.errors import LoadError, MultiseqError, SampleError, SourceError
from multiseq.modalities.arrays.sequence import ArraySequence


class UnprintableError(Exception):
    """Has no text."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class OtherArgumentsError(SampleError):
    """Is pickled, and cannot be unpickled."""

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(f"code {code}", got=detail)


class NotOursError(SampleError):
    """Forgets its base's `__init__`."""

    def __init__(self) -> None:
        pass


FAULTS: dict[str, Callable[[], Exception]] = {
    "no text": UnprintableError,
    "other arguments": lambda: OtherArgumentsError(7, "detail"),
    "no init": NotOursError,
    "holds a file": lambda: SampleError("a", got=UnprintableError()),
    "unpicklable": lambda: ValueError(lambda: 0),
}


class Odd(Coded):
    """Sample 13 raises a strange error."""

    def __init__(self, n: Any, fault: str, **keywords: Any) -> None:
        super().__init__(n, **keywords)
        self.fault = fault

    def load_sample(self, index: int) -> Any:
        if index == 13:
            raise FAULTS[self.fault]()
        return super().load_sample(index)


WORKERS = [{"workers": 0}, {"workers": 2}, {"workers": 2, "use_multiprocessing": True}]


@pytest.mark.parametrize("workers", WORKERS, ids=["serial", "threads", "processes"])
@pytest.mark.parametrize("fault", FAULTS)
def test_an_error_of_any_kind_names_its_sample(fault: str, workers: Any) -> None:
    keys = [f"key {number}" for number in range(24)]
    with Odd(keys, fault, batch_size=8, **workers) as seq:
        with pytest.raises(MultiseqError) as caught:
            seq[1]
        assert caught.value.where["key"] == "'key 13'"
        assert codes(seq[2]) == list(range(16, 24))
        assert codes(seq[0]) == list(range(8))


def test_an_error_that_only_the_main_process_cannot_unpickle() -> None:
    packed = Packed.of(LoadError("no", got="this").at(index=3), "")
    error = packed._replace(pickled=b"nonsense").error()
    assert (type(error), str(error), error.where) == (LoadError, "no\n  got: this", {"index": "3"})


class Deadly(Coded):
    """Sample 13 ends its worker once it is loaded, before the reply."""

    home: int

    def load_sample(self, index: int) -> Any:
        if index == 13 and os.getpid() != self.home:
            os.closerange(3, 256)
        return super().load_sample(index)


def test_a_worker_that_dies_before_it_replies_is_not_replaced_for_ever(monkeypatch: Any) -> None:
    hired: list[Any] = []
    start = Worker.start

    def hire(*arguments: Any) -> None:
        hired.append(arguments)
        start(*arguments)

    monkeypatch.setattr(Worker, "start", hire)
    seq = in_processes(Deadly, 24, workers=1)
    seq.home = os.getpid()
    with seq:
        with pytest.raises(LoadError, match="3 worker processes died"):
            seq[1]
        assert codes(seq[2]) == list(range(16, 24))
    assert len(hired) <= 5


class Stuck(Coded):
    """Cannot be made in another process, the first time or ever."""

    def __init__(self, n: int, once: Path, **keywords: Any) -> None:
        super().__init__(n, **keywords)
        self.once, self.home = once, os.getpid()

    def __setstate__(self, state: Any) -> None:
        super().__setstate__(state)
        if os.getpid() != self.home and not self.once.exists():
            if self.once.parent.exists():
                self.once.touch()
            import time

            time.sleep(1000)


@pytest.mark.parametrize("folder", ["", "missing"])
def test_a_start_has_a_time_limit(folder: str, tmp_path: Path, monkeypatch: Any) -> None:
    # Counted in milliseconds where every start hangs, so that the test need not wait.
    monkeypatch.setattr(processes, "_LEAST_START_SECONDS", 0.05 if folder else 3.0)
    with in_processes(Stuck, 24, tmp_path / folder / "once", workers=1, timeout=0.01) as seq:
        seq._settings = seq._settings.replace({"timeout": 0.01 if folder else 3.0})
        if folder:
            with pytest.raises(LoadError, match="do not start in time"):
                seq[0]
        else:
            assert codes(seq[0]) == list(range(8))


def test_a_long_reply_is_not_copied_for_each_piece(monkeypatch: Any) -> None:
    text = pickle.dumps("x" * 3_000_000)
    data = REPLY.pack(1, 0, 0, len(text), 0.5) + text + REPLY.pack(2, 0, 0, 0, 0.5)
    worker = Worker()
    pieces = iter([(data[at : at + 1000], True) for at in range(0, len(data), 1000)])
    monkeypatch.setattr(worker.child, "read", lambda: next(pieces))
    first = worker._unread
    found = [reply for _ in range(-(-len(data) // 1000)) for reply in worker.receive()[0]]
    assert [reply[0] for reply in found] == [1, 2]
    assert len(found[0][4]) == 3_000_000
    assert worker._unread is first
    worker.child.end()


def test_a_memory_map_whose_file_was_replaced(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.ones((64, 4), "f4"))
    old = np.load(tmp_path / "x.npy", mmap_mode="r")
    np.save(tmp_path / "new.npy", np.full((64, 4), 2, "f4"))
    (tmp_path / "new.npy").replace(tmp_path / "x.npy")
    with ArraySequence(old, batch_size=8, workers=1, use_multiprocessing=True) as seq:
        assert (seq[0][0] == 1).all()


def test_a_memory_map_whose_file_is_replaced_later(tmp_path: Path) -> None:
    from multiseq.engine.processes.payload import Pickler

    np.save(tmp_path / "x.npy", np.ones((64, 4), "f4"))
    pickler = Pickler()
    pickler.dump(np.load(tmp_path / "x.npy", mmap_mode="r")[8:])
    assert pickle.loads(pickler.stream.getvalue()).shape == (56, 4)
    np.save(tmp_path / "new.npy", np.full((64, 4), 2, "f4"))
    (tmp_path / "new.npy").replace(tmp_path / "x.npy")
    with pytest.raises(SourceError, match="was replaced by another one"):
        pickle.loads(pickler.stream.getvalue())


@pytest.mark.parametrize("closed", ["0", "2", "1, 2"])
def test_standard_streams_may_be_closed(closed: str) -> None:
    script = f"""
        import os
        for number in ({closed},):
            os.close(number)
        from coded import Coded, codes
        from crews import in_processes
        with in_processes(Coded, 24) as seq:
            right = [codes(batch) for batch in seq] == [[*range(k, k + 8)] for k in (0, 8, 16)]
        os._exit(0 if right else 3)
    """
    with start_script(script) as program:
        program.communicate(timeout=60)
    assert program.returncode == 0


@pytest.mark.parametrize("line", ["from multiseq import *", "from multiseq import ArraySequence"])
def test_a_module_that_takes_names_from_the_package(line: str, tmp_path: Path) -> None:
    (tmp_path / "theirs.py").write_text(
        f"{line}\nimport coded\nclass Theirs(coded.Coded):\n    a = ArraySequence\n"
    )
    script = f"""
        import sys
        sys.path.insert(0, {str(tmp_path)!r})
        import theirs
        from coded import codes
        from crews import in_processes
        with in_processes(theirs.Theirs, 8) as seq:
            print(codes(seq[0]))
    """
    assert output_of(start_script(script)) == f"{list(range(8))}\n"
