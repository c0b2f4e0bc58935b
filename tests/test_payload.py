"""What workers get: large arrays once for all, memory maps not at all, any class."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from crews import (
    Asked,
    Weighed,
    answer_of,
    crew_of,
    memory,
    modules,
    output_of,
    pids,
    start_script,
    surroundings,
)

from multiseq import ArraySequence
from multiseq.engine.processes.payload import load_payload, save_payload
from multiseq.engine.processes.shared import attach

MEGABYTE = 1 << 20
BARE = 60  # Megabytes: what a worker may have without any data.


def sent(value: Any) -> Any:
    """A value as a worker gets it."""
    payload = save_payload(value, None)
    (fd,) = payload.inherited
    return load_payload(attach(str(os.dup(fd)), readonly=True))[0]


def size_of_payload(value: Any) -> int:
    payload = save_payload(value, None)
    (fd,) = payload.inherited
    return os.fstat(fd).st_size


# Arrays


@pytest.mark.parametrize("n", [0, 1, 10, 100_000])
@pytest.mark.parametrize("dtype", ["uint8", "float64", "<U3", "M8[s]"])
def test_arrays_arrive_as_they_are(n: int, dtype: str) -> None:
    array = np.arange(n).astype(dtype)
    found = sent({"a": array, "b": [array[::2], array.reshape(1, n).T]})
    assert found["a"].dtype == array.dtype
    assert np.array_equal(found["a"], array)
    assert np.array_equal(found["b"][0], array[::2])
    assert np.array_equal(found["b"][1], array.reshape(1, n).T)


@pytest.mark.parametrize(
    "view",
    [
        lambda array: array,
        lambda array: array.T,
        lambda array: array[::2],
        lambda array: array[:, 100:],
        lambda array: array[::-1],
        lambda array: np.broadcast_to(array[:1], array.shape),
    ],
)
def test_large_arrays_are_shared_and_cannot_be_written_to(view: Any) -> None:
    array = view(np.arange(400_000.0).reshape(400, 1000))
    found = sent(array)
    assert np.array_equal(found, array)
    assert not found.flags.writeable
    assert not found.flags.owndata
    with pytest.raises(ValueError, match="read-only"):
        found[0] = 1


def test_small_arrays_can_be_written_to() -> None:
    found = sent(np.arange(10))
    found[0] = 1


def test_an_array_is_sent_once_however_often_it_is_held() -> None:
    array = np.zeros(MEGABYTE, np.uint8)
    assert size_of_payload([array, {"same": array}]) < 1.1 * MEGABYTE


@pytest.mark.parametrize("mapped", [False, True])
def test_workers_share_a_large_array(mapped: bool, tmp_path: Path) -> None:
    array = np.ones(25 * MEGABYTE)
    assert array.nbytes == 200 * MEGABYTE
    if mapped:
        np.save(tmp_path / "a.npy", array)
        array = np.load(tmp_path / "a.npy", mmap_mode="r")
    with Weighed(array, workers=2, use_multiprocessing=True, batch_size=8) as seq:
        rows = np.concatenate([batch[0] for batch in seq])
        assert set(rows[:, 0]) == set(pids(seq))  # Each has looked at all of it, and now
        assert sum(memory(number)["own"] for number in pids(seq)) < 2 * BARE * 1024
        assert set(rows[:, 1]) == {array.size // 512}


# Memory maps


@pytest.fixture
def file(tmp_path: Path) -> Path:
    np.save(tmp_path / "a.npy", np.arange(300_000.0).reshape(300, 1000))
    return tmp_path / "a.npy"


@pytest.mark.parametrize(
    "view",
    [
        lambda whole: whole,
        lambda whole: whole[10:20],
        lambda whole: np.asarray(whole),
        lambda whole: np.asarray(whole[7:])[3:5, :],
        lambda whole: whole[5:50].view(np.int64),
        lambda whole: whole[3].reshape(10, 100),
        lambda whole: whole.T,
        lambda whole: whole[2, 5:6],
    ],
)
def test_a_memory_map_is_opened_again(file: Path, view: Any) -> None:
    array = view(np.load(file, mmap_mode="r"))
    found = sent(array)
    assert type(found) is type(array)
    assert found.dtype == array.dtype
    assert np.array_equal(found, array)
    assert not found.flags.writeable
    assert found.flags.f_contiguous == array.flags.f_contiguous
    assert size_of_payload(array) < 4000


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_memory_map_with_an_offset(tmp_path: Path, order: Any) -> None:
    shape = (3, 5)
    array = np.memmap(tmp_path / "b", "int32", "w+", offset=4100, shape=shape, order=order)
    array[:] = np.arange(15).reshape(shape)
    found = sent(array)
    assert found.filename == array.filename
    assert np.array_equal(found, array)
    assert np.array_equal(sent(array.T), array.T)


def test_what_was_changed_in_a_private_map_is_sent(file: Path) -> None:
    array = np.load(file, mmap_mode="c")
    array[0] = -1
    found = sent(array)
    assert np.array_equal(found, array)
    assert not isinstance(found, np.memmap) or found.filename is None


@pytest.mark.parametrize("view", [lambda whole: whole[::2], lambda whole: whole[:, 5:]])
def test_parts_of_a_map_that_are_no_block_are_sent(file: Path, view: Any) -> None:
    array = view(np.load(file, mmap_mode="r"))
    assert np.array_equal(sent(array), array)


def test_a_map_whose_file_is_gone_is_sent(file: Path) -> None:
    array = np.load(file, mmap_mode="r")
    file.unlink()
    assert np.array_equal(sent(array), array)


def test_an_empty_part_of_a_map(file: Path) -> None:
    array = np.load(file, mmap_mode="r")[:0]
    assert sent(array).shape == (0, 1000)


def test_a_map_in_a_sequence(file: Path) -> None:
    with ArraySequence(np.load(file, mmap_mode="r"), workers=2, use_multiprocessing=True) as seq:
        assert seq[1][0][:, 3].tolist() == [1000.0 * row + 3 for row in range(32, 64)]
        assert os.fstat(crew_of(seq).payload.inherited[0]).st_size < MEGABYTE


# Classes


def test_a_script_needs_no_guard() -> None:
    script = """
        import numpy as np
        from multiseq.sequence import MultiInputSequence

        scale = 2

        def scaled(value):
            return value * scale

        class Mine(MultiInputSequence):
            def __init__(self, n, **keywords):
                super().__init__(n, **keywords)
                self.more = lambda value: value + 1

            def load_sample(self, index):
                return np.array(self.more(scaled(index)))

            def augment(self, sample, rng):
                print("from a worker", flush=True)
                return super().augment(sample, rng)

        print("once", flush=True)
        with Mine(3, workers=1, use_multiprocessing=True) as seq:
            print(seq[0][0].tolist())
    """
    output = output_of(start_script(script))
    assert output.count("once") == 1
    assert output.count("from a worker") >= 1 + 3  # The first sample, then all of them.
    assert "[1, 3, 5]" in output


def test_a_class_made_in_a_function() -> None:
    offset = 5

    class Local(Asked):
        def load_sample(self, index: int) -> Any:
            return np.array(index + offset)

    with Local(None, workers=2, use_multiprocessing=True) as seq:
        assert seq[0][0].tolist() == [5, 6, 7, 8]


def test_a_class_of_a_module_that_was_put_on_the_path(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "unheard_of.py").write_text(
        "from crews import Asked\n"
        "class Own(Asked):\n"
        "    def load_sample(self, index):\n"
        "        return index * 3\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    own = __import__("unheard_of").Own
    with own(None, workers=1, use_multiprocessing=True) as seq:
        assert seq[0][0].tolist() == [0, 3, 6, 9]


# What a worker is


def test_a_worker_imports_what_it_needs() -> None:
    found = set(answer_of(modules))
    assert "numpy" in found
    assert not found & {"keras", "tf_keras", "tensorflow", "jax", "torch", "pandas", "pytest"}


def test_a_class_of_a_script_imports_less_still() -> None:
    script = """
        import json, sys
        import numpy as np
        from multiseq.sequence import MultiInputSequence
        class Mine(MultiInputSequence):
            def load_sample(self, index):
                return np.array(json.dumps([name for name in sys.modules if "multiseq" in name]))
        with Mine(3, workers=1, use_multiprocessing=True) as seq:
            print(seq[0][0][1])
    """
    assert "multiseq.join" not in output_of(start_script(script))


def test_a_worker_is_small() -> None:
    found = answer_of(memory, "self")
    assert found["own"] <= found["resident"] < BARE * 1024


def test_a_worker_has_the_surroundings_of_its_parent() -> None:
    found = answer_of(surroundings)
    assert found["path"] == sys.path
    assert found["folder"] == os.getcwd()
    assert found["variables"] == {"HOME": os.environ.get("HOME"), "MULTISEQ_WORKER": None}
    assert found["argv"] == ["-c"]


def test_what_a_worker_starts_does_not_keep_its_files() -> None:
    assert answer_of(surroundings)["inherited"] == []
