"""What goes wrong with worker processes: each with real ones."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from coded import Bulk, Coded, Ragged, codes, epoch_of, frozen, frozen_epoch, in_threads
from crews import in_processes, kill_one, pids, slots_lost
from troubled import (
    DEATHS,
    Broken,
    BrokenBulk,
    BrokenCollated,
    BrokenRagged,
    Fatal,
    FatalBulk,
    FatalCollate,
    FatalCollated,
    FatalRagged,
    Gated,
    Leaving,
    Raising,
    Slow,
    Unborn,
    UnicornError,
    leave,
    refuse,
    stood_in_for,
    unknown_error,
)

from multiseq import ArraySequence, concat, join, pairs
from multiseq.errors import ArgumentError, LoadError, SampleError

KEYS = [f"key {number}" for number in range(50)]
WAYS = [way for way in DEATHS if way != "hang"]
LAST_WORDS = {
    "exit": "exit status 7",
    "sys.exit": "exit status 8",
    "kill": "signal 9",
    "segfault": "signal 11",
}


# Workers that die


@pytest.mark.parametrize(
    ("kind", "size", "most"), [(Slow, 4, 50), (Ragged, 4, 4), (Bulk, 4, 4), (Coded, 16, 10)]
)
def test_killed_at_random_moments(kind: Any, size: int, most: int) -> None:
    chance, kills, n = random.Random(1), list[int](), 150 * size
    serial = frozen_epoch(kind(n, batch_size=size, shuffle=True, seed=3))
    with in_processes(kind, n, batch_size=size, shuffle=True, workers=3) as seq:

        def kill_two() -> None:
            kills.append(kill_one(seq, chance.randrange(3)))
            time.sleep(chance.uniform(0, 0.05))
            kills.append(kill_one(seq, -1))  # The last that was started, and may not be ready.

        for index in range(150):
            assert frozen(seq[index]) == serial[index]
            if index % 6 == 0 and len(kills) < most:
                killer = threading.Thread(target=kill_two)
                killer.start()
            elif index % 6 == 5:
                killer.join()
        assert len(kills) == most
        assert slots_lost(seq) == 0


def test_a_worker_that_is_killed_before_it_begins_blames_no_sample(tmp_path: Path) -> None:
    gate, found = tmp_path / "gate", list[Any]()
    with in_processes(Gated, 50, gate, workers=1) as seq:
        reader = threading.Thread(target=lambda: found.append(codes(seq[0])), daemon=True)
        reader.start()
        while not gate.with_suffix(".reached").exists():
            time.sleep(0.01)
        killed = {kill_one(seq, 0)}  # While it loads the sample; then while another starts.
        while len(killed) < 6:
            killed.add(kill_one(seq, 0))
        gate.touch()
        reader.join(20)
    assert found == [list(range(8))]


@pytest.mark.parametrize("kind", [Fatal, FatalBulk, FatalCollated, FatalRagged])
def test_what_a_dead_worker_was_loading_is_loaded_again(kind: Any, tmp_path: Path) -> None:
    serial = frozen_epoch(kind(50, "exit", batch_size=8))
    with in_processes(kind, 50, "exit", tmp_path / "once", workers=1) as seq:
        assert frozen_epoch(seq) == serial
        assert slots_lost(seq) == 0
    assert (tmp_path / "once").exists()


@pytest.mark.parametrize("way", WAYS)
def test_whatever_ended_it(way: str, tmp_path: Path) -> None:
    with in_processes(Fatal, 50, way, tmp_path / "once", workers=1) as seq:
        assert epoch_of(seq) == list(range(50))
    assert (tmp_path / "once").exists()


@pytest.mark.parametrize(
    ("kind", "way"),
    [
        (Fatal, "exit"),
        (Fatal, "segfault"),
        (FatalBulk, "exit"),
        (FatalCollated, "kill"),
        (FatalRagged, "sys.exit"),
    ],
)
def test_a_sample_that_kills_its_workers_is_named(kind: Any, way: str) -> None:
    with in_processes(kind, KEYS, way, workers=1) as seq:
        first = frozen(seq[0])
        with pytest.raises(LoadError, match="3 worker processes died") as caught:
            seq[1]
        assert f"{kind.__name__}, key 'key 13', position 13" in str(caught.value)
        assert LAST_WORDS[way] in str(caught.value)
        assert frozen(seq[0]) == first
        assert frozen(seq[2]) == frozen(kind(KEYS, way, batch_size=8)[2])
        assert slots_lost(seq) == 0


def test_a_collate_that_kills_its_workers() -> None:
    with in_processes(FatalCollate, workers=1) as seq:
        with pytest.raises(LoadError, match=r"FatalCollate: 3 worker .* put this batch together"):
            seq[1]
        assert frozen(seq[2]) == frozen(FatalCollate(50, batch_size=8)[2])
        assert slots_lost(seq) == 0


@pytest.mark.parametrize("kind", [Fatal, FatalBulk])
def test_a_sample_that_kills_its_workers_can_be_substituted(kind: Any, caplog: Any) -> None:
    serial = Broken(50, batch_size=8, seed=3, on_error="substitute")
    with in_processes(kind, 50, "exit", workers=1, on_error="substitute") as seq:
        assert frozen_epoch(seq) == frozen_epoch(serial)
        (said,) = stood_in_for(seq, caplog)
    assert said.startswith("key 13: ")
    assert "3 worker processes died" in said


def test_a_worker_that_leaves_a_process_behind(tmp_path: Path) -> None:
    once = tmp_path / "once"
    with in_processes(Leaving, 50, once, workers=1) as seq:
        try:
            assert in_threads(epoch_of, [seq]) == [(seq, list(range(50)))]
        finally:
            os.kill(int(once.read_text()), signal.SIGKILL)


# Workers that hang


def test_a_worker_that_hangs_is_replaced(tmp_path: Path) -> None:
    with in_processes(Fatal, 50, "hang", tmp_path / "once", timeout=0.3) as seq:
        assert epoch_of(seq) == list(range(50))
        assert slots_lost(seq) == 0
    assert (tmp_path / "once").exists()


def test_a_sample_that_hangs_is_named() -> None:
    with in_processes(Fatal, KEYS, "hang", workers=1, timeout=0.3) as seq:
        with pytest.raises(LoadError, match="no reply within the timeout") as caught:
            seq[1]
        assert "Fatal, key 'key 13', position 13" in str(caught.value)
        assert codes(seq[2]) == list(range(16, 24))


def test_a_worker_is_not_late_because_nobody_asked() -> None:
    with in_processes(Coded, timeout=0.2) as seq:
        seq[0]
        before = pids(seq)
        time.sleep(0.5)
        assert epoch_of(seq) == list(range(50))
        assert pids(seq) == before


# Errors


@pytest.mark.parametrize("kind", [Broken, BrokenBulk, BrokenCollated, BrokenRagged])
def test_an_exception_says_where(kind: Any) -> None:
    with in_processes(kind, KEYS, shuffle=True, workers=1) as seq:
        (number,) = [index for index in range(7) if "key 13" in seq.batch_keys(index)]
        with pytest.raises(LoadError, match="ZeroDivisionError: no such luck") as caught:
            seq[number]
        assert f"{kind.__name__}, key 'key 13', position 13" in str(caught.value)
        (note,) = caught.value.__notes__
        assert "Traceback" in note
        assert 'raise ZeroDivisionError("no such luck")' in note
        other = (number + 1) % 7
        serial = kind(KEYS, batch_size=8, shuffle=True, seed=3)
        assert frozen(seq[other]) == frozen(serial[other])
        assert slots_lost(seq) == 0


def test_an_exception_in_a_join_says_where() -> None:
    with join(Broken(KEYS), workers=2, use_multiprocessing=True) as seq:
        with pytest.raises(LoadError, match="ZeroDivisionError: no such luck") as caught:
            seq[0]
        assert "key 'key 13', position 13" in str(caught.value)


def beside_a_broken_one(make: str) -> Any:
    """Sequences of others, whose keys and order tell nothing of those of the broken one."""
    broken, sound = Broken(KEYS), Coded([f"other {number}" for number in range(50)])
    if make == "pairs":
        return pairs(broken, np.arange(50) % 2)
    if make == "concat":
        return concat(sound, broken, keys=["sound", "broken"])
    if make == "of_a_concat":
        return pairs(join(concat(sound, broken, keys=[0, 1])), np.arange(100) % 2)
    if make == "left":
        keys = pd.Series(0, [*KEYS[:9], "key 13"])
        return join(ArraySequence({"n": keys}), broken, how="left")
    return next(iter(join(broken).folds(2)))[0 if make == "fold" else 1]


@pytest.mark.parametrize("make", ["pairs", "concat", "of_a_concat", "left", "fold", "held_out"])
def test_an_exception_in_a_part_names_the_sample_of_the_part(make: str) -> None:
    seq = beside_a_broken_one(make).replace(batch_size=1, on_error="raise")
    told: list[dict[int, str]] = [{}, {}]
    for processes in (False, True):
        with seq.replace(workers=int(processes), use_multiprocessing=processes) as other:
            for number in range(len(other)):
                try:
                    other[number]
                except LoadError as error:
                    told[processes][number] = str(error)
    assert told[0] == told[1]
    assert told[0] or make in ("fold", "held_out")  # One of the two has it.
    for each in told[0].values():
        assert each.startswith("Broken, key 'key 13', position 13: load_sample raised")


def test_an_error_of_the_users_keeps_its_class() -> None:
    with (
        in_processes(Raising, 50, UnicornError, workers=1) as seq,
        pytest.raises(UnicornError, match="not this one"),
    ):
        seq[1]


def test_an_error_that_cannot_travel_is_described() -> None:
    with in_processes(Raising, KEYS, unknown_error(), workers=1) as seq:
        with pytest.raises(SampleError, match="not this one\n  got: a unicorn") as caught:
            seq[1]
        assert "position 13" in str(caught.value)


def test_an_attribute_that_cannot_be_sent_is_named() -> None:
    seq = in_processes(Coded)
    seq.connection = sqlite3.connect(":memory:")
    with pytest.raises(ArgumentError, match="Coded: attribute connection cannot be sent") as caught:
        seq[0]
    assert "sqlite3.Connection" in str(caught.value)
    seq.connection.close()
    del seq.connection
    assert codes(seq[0]) == list(range(8))
    seq.close()


def test_an_attribute_of_a_part_that_cannot_be_sent_is_named() -> None:
    part = Coded(20)
    part.tools = {"lock": threading.Lock()}  # type: ignore[attr-defined]
    seq = join(part, workers=2, use_multiprocessing=True)
    with pytest.raises(ArgumentError, match=r"attribute \S+sequence\.tools\.'lock' cannot"):
        seq[0]


def test_a_sequence_that_cannot_be_made_again() -> None:
    seq = in_processes(Unborn, 50, refuse, workers=1)
    for _ in range(2):
        with pytest.raises(LoadError, match="Unborn: a worker could not start: ImportError: no"):
            seq[0]
    seq.how = int
    assert codes(seq[1]) == list(range(8, 16))
    seq.close()


def test_workers_that_die_before_they_begin() -> None:
    seq = in_processes(Unborn, 50, leave)
    with pytest.raises(LoadError, match="end before they begin\n  got: the last: exit status 3"):
        seq[0]
    seq.how = int
    assert codes(seq[1]) == list(range(8, 16))
    seq.close()
