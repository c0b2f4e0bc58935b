"""engine.shared and engine.child: the roads of other systems, as far as they can be gone here."""

from __future__ import annotations

import mmap
import os
import select
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coded import Noisy, Ragged, Words, frozen_epoch
from crews import crew_of, gone_within, in_processes, kill_one, pids

from multiseq.engine.processes import child, crew
from multiseq.engine.processes.shared import FileMemory, NamedMemory, attach, create
from multiseq.errors import MultiseqError

PAGE = mmap.PAGESIZE


class Names(NamedMemory):
    """Named memory in files of a folder, since the system here has none."""

    folder: Path

    def _mapped(self, number: int, size: int) -> Any:
        with open(self.folder / f"{self.address}-{number}", "ab+") as file:
            if size > file.tell():
                if self._access == mmap.ACCESS_READ:
                    raise OSError("a reader asks for more than there is")
                file.truncate(size)
            return mmap.mmap(file.fileno(), size, access=self._access)


@pytest.fixture(params=["memfd", "file", "file without fallocate", "named"])
def pair(request: Any, monkeypatch: Any, tmp_path: Path) -> Any:
    """New memory, and what attaches to it as another process does."""
    if request.param == "named":
        Names.folder = tmp_path
        return Names("n"), lambda readonly=False: Names("n", readonly)
    if "file" in request.param:
        monkeypatch.delattr(os, "memfd_create")
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    if "without" in request.param:
        monkeypatch.delattr(os, "posix_fallocate")
    memory = create("multiseq-test")
    (fd,) = memory.inherited
    return memory, lambda readonly=False: attach(str(os.dup(fd)), readonly)


def test_what_one_writes_the_other_reads(pair: Any) -> None:
    memory, other = pair
    offsets = [memory.grow(PAGE), memory.grow(3 * PAGE)]
    theirs = other()
    for number, (offset, size) in enumerate(zip(offsets, (PAGE, 3 * PAGE), strict=True)):
        memory.view(offset, size)[:] = number + 1
        assert (theirs.view(offset, size) == number + 1).all()
        theirs.view(offset + 8, 8)[:] = 9
        assert memory.view(offset, 24).tolist() == [number + 1] * 8 + [9] * 8 + [number + 1] * 8
    late = memory.grow(2 * PAGE)
    memory.view(late, PAGE)[:] = 7
    assert (theirs.view(late, PAGE) == 7).all()


def test_views_live_on(pair: Any) -> None:
    memory, _ = pair
    view = memory.view(memory.grow(PAGE), PAGE)
    view[:] = 5
    memory.grow(PAGE)
    memory.close()
    del memory
    assert (view == 5).all()


def test_a_reader_cannot_write(pair: Any) -> None:
    memory, other = pair
    offset = memory.grow(PAGE)
    assert memory.view(offset, PAGE).flags.writeable
    assert not other(readonly=True).view(offset, PAGE).flags.writeable


def test_what_is_discarded_can_be_written_again(pair: Any) -> None:
    memory, _ = pair
    offset = memory.grow(4 * PAGE)
    memory.discard(offset + PAGE, PAGE)
    memory.view(offset, 4 * PAGE)[:] = 3
    assert (memory.view(offset, 4 * PAGE) == 3).all()


def test_nothing_has_a_name_that_could_be_left_behind(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.delattr(os, "memfd_create")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    memory = create("multiseq-test")
    memory.grow(PAGE)
    assert os.listdir(tmp_path) == []


def test_all_memory_is_reserved_at_once(monkeypatch: Any) -> None:
    monkeypatch.delattr(os, "posix_fallocate")
    memory = create("multiseq-test")
    memory.grow(5 << 20)
    assert os.fstat(memory.inherited[0]).st_blocks * 512 >= 5 << 20


def test_too_little_memory_is_an_error(monkeypatch: Any) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.delattr(os, "posix_fallocate")
    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(MultiseqError, match="not enough memory") as raised:
        create("multiseq-test").grow(PAGE)
    assert "No space left on device, at 4096 bytes" in str(raised.value)


def test_a_closed_file_is_closed() -> None:
    memory = create("multiseq-test")
    (fd,) = memory.inherited
    memory.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)
    assert isinstance(memory, FileMemory)


class Told(child._ToldChild):
    """Heard and ended as where files are not inherited; started as here, where they are."""

    _start = child.Child._start


@pytest.fixture
def elsewhere(monkeypatch: Any) -> None:
    """No memfd, no fallocate, no poll, no waitpid, no MSG_DONTWAIT: the road of other systems."""
    monkeypatch.delattr(os, "memfd_create")
    monkeypatch.delattr(os, "posix_fallocate")
    monkeypatch.delattr(select, "poll")
    monkeypatch.setattr(crew, "new_child", Told)


@pytest.mark.parametrize("kind", [Noisy, Ragged, Words])
def test_elsewhere_the_bytes_are_the_same(kind: Any, elsewhere: None) -> None:
    with in_processes(kind) as seq:
        assert isinstance(crew_of_started(seq).workers[0].child, Told)
        assert frozen_epoch(seq) == frozen_epoch(seq.replace(workers=0))
        numbers = pids(seq)
    assert gone_within(0, *numbers)


def crew_of_started(seq: Any) -> Any:
    seq[0]
    return crew_of(seq)


def test_elsewhere_a_dead_worker_is_replaced(elsewhere: None) -> None:
    with in_processes(Noisy, 200) as seq:
        serial = frozen_epoch(seq.replace(workers=0))
        found = []
        for index in range(len(seq)):
            found.append(seq[index])
            if index % 5 == 0:
                kill_one(seq, 0)
        assert frozen_epoch(seq) == serial
        assert len(pids(seq)) == 2


def test_random_bytes_travel(pair: Any) -> None:
    memory, other = pair
    data = np.random.default_rng(1).integers(0, 256, 2 * PAGE, np.uint8)
    offset = memory.grow(2 * PAGE)
    memory.view(offset, len(data))[:] = data
    assert np.array_equal(other(readonly=True).view(offset, len(data)), data)
