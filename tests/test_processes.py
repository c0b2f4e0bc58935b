"""Worker processes: the same bytes as without, and slots that come back."""

from __future__ import annotations

import json
import os
import random
import threading
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coded import (
    KINDS,
    Bulk,
    Coded,
    Noisy,
    Ragged,
    Words,
    codes,
    frozen,
    frozen_epoch,
    in_threads,
    leaves,
    misaligned,
)
from crews import crew_of, in_processes, poison_slots, slots_lost
from troubled import Faulty, FaultyBulk, Gated, Growing, Logged, Loud, Variable, stood_in_for

from multiseq import (
    ArraySequence,
    FileSequence,
    ImageSequence,
    TextSequence,
    join,
)
from multiseq.engine.processes import tickets
from multiseq.errors import SampleError

FULL: dict[str, Any] = {"batch_size": 8, "shuffle": True, "seed": 3}


@pytest.fixture(scope="module")
def coded() -> Any:
    """One for tests that leave it as it was, since workers take time to start."""
    with in_processes(Coded) as seq:
        yield seq


# The same bytes


@pytest.mark.parametrize("kind", KINDS)
def test_the_bytes_are_those_of_serial_and_threads(kind: str) -> None:
    serial = frozen_epoch(KINDS[kind](50, **FULL))
    assert frozen_epoch(KINDS[kind](50, **FULL, workers=2)) == serial
    for workers in (1, 3) if kind in ("Noisy", "Ragged") else (3,):
        with in_processes(KINDS[kind], **FULL, workers=workers) as seq:
            assert frozen_epoch(seq) == serial
            assert slots_lost(seq) == 0


@pytest.mark.parametrize("kind", ["Coded", "Noisy"])
def test_each_epoch_has_its_bytes(kind: str) -> None:
    serial = KINDS[kind](20, **FULL)
    with in_processes(KINDS[kind], 20, shuffle=True) as seq:
        for epoch in (0, 1, 5):
            serial.set_epoch(epoch)
            seq.set_epoch(epoch)
            assert frozen_epoch(seq) == frozen_epoch(serial)


@pytest.mark.parametrize("seed", [2**63, 2**127 + 1])
def test_seeds_and_epochs_of_any_size(seed: int) -> None:
    serial = Noisy(20, batch_size=8, seed=seed)
    with in_processes(Noisy, 20, seed=seed, workers=1) as seq:
        for each in (serial, seq):
            each.set_epoch(2**63)
        assert frozen_epoch(seq) == frozen_epoch(serial)


@pytest.mark.parametrize("workers", [1, 3])
def test_a_join_of_modalities(tmp_path: Path, workers: int) -> None:
    image = pytest.importorskip("PIL.Image")
    keys = [f"k{number}" for number in range(12)]
    for number, key in enumerate(keys):
        image.new("RGB", (8, 6), (number * 20, 0, 0)).save(tmp_path / f"{key}.png")
        np.save(tmp_path / f"{key}.npy", np.full((2, 2), number, float))
        (tmp_path / f"{key}.json").write_text(json.dumps({"time": number}))

    def joined(**keywords: Any) -> Any:
        return join(
            photo=ImageSequence([f"{key}.png" for key in keys], root=tmp_path, size=(6, 8)),
            sensor=FileSequence(tmp_path, "{key}.npy", keys=keys[::-1]),
            clock=FileSequence(tmp_path, "{key}.json:time", keys=keys),
            text=TextSequence([[1] * (1 + number % 4) for number in range(12)], keys=keys),
            row=ArraySequence(np.arange(24.0).reshape(12, 2), keys=keys),
            targets=np.arange(12.0),
            shuffle=True,
            seed=1,
            batch_size=5,
            **keywords,
        )

    with joined(workers=workers, use_multiprocessing=True) as seq:
        assert frozen_epoch(seq) == frozen_epoch(joined())


def test_the_parts_of_a_join_augment_for_themselves() -> None:
    def joined(**keywords: Any) -> Any:
        rows = ArraySequence(np.arange(20.0))
        return join(Noisy(20), extra=rows, seed=1, batch_size=8, **keywords)

    with joined(workers=2, use_multiprocessing=True) as seq:
        assert seq.augments
        assert frozen_epoch(seq) == frozen_epoch(joined())


@pytest.mark.parametrize("workers", [1, 2])
def test_a_subset_of_other_batch_size(workers: int) -> None:
    keys = [f"k{number}" for number in range(40)]
    serial = Noisy(keys, **FULL).subset(keys[5:30][::-1]).replace(batch_size=3)
    with serial.replace(workers=workers, use_multiprocessing=True) as seq:
        assert frozen_epoch(seq) == frozen_epoch(serial)


def test_fewer_samples_than_workers() -> None:
    with in_processes(Coded, 2, workers=3) as seq:
        assert [codes(batch) for batch in seq] == [[0, 1]]


@pytest.mark.parametrize("kind", [Faulty, FaultyBulk])
@pytest.mark.parametrize("policy", ["substitute", lambda error: "unlucky" in str(error)])
def test_substitutes_are_the_same(kind: Any, policy: Any, caplog: Any) -> None:
    serial = kind(50, **FULL, on_error=policy)
    with in_processes(kind, shuffle=True, on_error=policy) as seq:
        assert frozen_epoch(seq) == frozen_epoch(serial)
        found, expected = stood_in_for(seq, caplog), stood_in_for(serial, caplog)
    assert [each.partition(": ")[0] for each in found] == ["key 13", "key 26", "key 39"]
    assert found == expected


# What is handed out


def test_numbers_are_handed_out_where_workers_wrote_them(coded: Any) -> None:
    batch = coded[0]
    ring = crew_of(coded).ring
    memory = ring.shared.view(0, ring.count * ring.size)
    assert all(np.shares_memory(leaf, memory) for leaf in leaves(batch))
    assert misaligned(batch) == []
    assert all(leaf.flags.writeable for leaf in leaves(batch))


def test_batches_live_on_after_the_workers() -> None:
    seq = in_processes(Coded, 30)
    batches = list(seq)
    seq.close()
    del seq
    assert [code for batch in batches for code in codes(batch)] == list(range(30))


@pytest.mark.parametrize("kind", [Coded, Bulk, Ragged, Words])
def test_a_hoarder_gets_copies_and_never_waits(kind: Any) -> None:
    with in_processes(kind, 200, batch_size=2, workers=1) as seq:
        seq[0]
        slots = crew_of(seq).ring.count
        batches = list(seq)
        assert [frozen(batch) for batch in batches] == frozen_epoch(kind(200, batch_size=2))
        assert crew_of(seq).ring.count == slots
        del batches
        assert slots_lost(seq) == 0


def test_texts_of_variable_width() -> None:
    if not hasattr(np.dtypes, "StringDType"):
        pytest.skip("NumPy 1")
    with in_processes(Variable, 60, batch_size=2, workers=1) as seq:
        found = [batch[0]["t"] for batch in list(seq)]  # Some leased, some copied.
    assert {texts.dtype for texts in found} == {np.dtypes.StringDType()}
    assert [text for texts in found for text in texts] == ["é" * number for number in range(60)]


@pytest.mark.parametrize(("kind", "size"), [(Coded, 8), (Coded, 16), (Ragged, 8)])
def test_a_slot_is_not_reused_while_a_batch_is_alive(
    kind: Any, size: int, monkeypatch: Any
) -> None:
    poison_slots(monkeypatch)
    settings = FULL | {"batch_size": size}
    serial = frozen_epoch(kind(50 * size, **settings))
    chance, kept = random.Random(0), deque[Any]()
    with in_processes(kind, 50 * size, **settings) as seq:
        for index in range(len(seq)):
            kept.append((index, *list(leaves(seq[index]))[-1:]))  # One leaf keeps all the others.
            while len(kept) > chance.randrange(6):
                number, leaf = kept.popleft()
                assert leaf.tobytes() == serial[number][-1][-1]
        del leaf
        kept.clear()
        assert slots_lost(seq) == 0


def test_the_poison_works(monkeypatch: Any) -> None:
    poison_slots(monkeypatch)
    with in_processes(Coded, workers=1) as seq:
        batch = seq[0]
        ring = crew_of(seq).ring
        slots = set(ring.free)
        del batch
        (slot,) = set(ring.free) - slots
        assert (ring.memory(slot) == 255).all()


# Slots


def test_a_batch_larger_than_its_slot() -> None:
    lengths = [3, 3, 50_000, 3, 200_000, 10, 3, 400_000, 3, 3]
    with in_processes(Growing, lengths, batch_size=1, workers=1) as seq:
        for _ in range(3):
            for index, length in enumerate(lengths):
                assert seq[index][0]["x"].tolist() == [[index] * length]
        ring = crew_of(seq).ring
        assert slots_lost(seq) == 0
        assert ring.count == 6
        # What was too small is given back to the system.
        assert os.fstat(ring.shared.inherited[0]).st_blocks * 512 <= ring.count * ring.size


@pytest.mark.parametrize("kind", [Coded, Ragged])
def test_the_first_batch_asked_for_may_be_the_smallest(kind: Any) -> None:
    with in_processes(kind, 2001, batch_size=1000, workers=1) as seq:
        for index in (-1, 0, 1):
            assert frozen(seq[index]) == frozen(kind(2001, batch_size=1000)[index])


def test_random_access(coded: Any) -> None:
    serial, chance = frozen_epoch(Coded(50, batch_size=8)), random.Random(1)
    for _ in range(100):
        index = chance.randrange(len(coded))
        assert frozen(coded[index]) == serial[index]
    assert slots_lost(coded) == 0


def test_random_access_from_more_threads_than_there_are_slots(coded: Any) -> None:
    serial = frozen_epoch(Coded(50, batch_size=8))

    def read(number: int) -> list[int]:
        chance = random.Random(number)
        order = [chance.randrange(len(coded)) for _ in range(20)]
        return [index for index in order if frozen(coded[index]) != serial[index]]

    assert [wrong for _, wrong in in_threads(read, range(20))] == [[]] * 20
    assert slots_lost(coded) == 0


def test_a_batch_is_loaded_though_all_slots_are_taken(coded: Any) -> None:
    def read(_: int) -> list[list[int]]:
        kept = list(coded)
        kept += [coded[0] for _ in range(10)]  # Each time others are read ahead, for nobody.
        return [codes(batch) for batch in kept[-10:]]

    assert in_threads(read, [0]) == [(0, [list(range(8))] * 10)]
    assert slots_lost(coded) == 0


def test_who_waits_for_another_batch_keeps_nobody_waiting(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    found: list[Any] = []
    with in_processes(Gated, 50, gate, batch_size=4, workers=3, max_queue_size=1) as seq:
        slow = threading.Thread(target=lambda: found.append(codes(seq[0])), daemon=True)
        slow.start()
        fast = in_threads(lambda index: codes(seq[index]), [5])
        assert fast == [(5, [20, 21, 22, 23])]
        assert slow.is_alive()
        gate.touch()
        slow.join(20)
        assert found == [[0, 1, 2, 3]]


def test_a_wrong_guess_is_given_up_at_the_next_sample(tmp_path: Path) -> None:
    with in_processes(Logged, 400, tmp_path / "log", batch_size=20) as seq:
        assert codes(seq[0]) == list(range(20))
        assert codes(seq[9]) == list(range(180, 200))  # 1 to 4 were read ahead for nothing.
        assert slots_lost(seq) == 0
    loaded = (tmp_path / "log").read_text().split()
    # Kept on with, the two that are under way alone would be 40 samples more than were asked for.
    assert len(loaded) == len(set(loaded)) < 80


def test_an_abandoned_batch_gives_its_slot_back(coded: Any, monkeypatch: Any) -> None:
    def interrupted(claim: Any, source: Any) -> None:
        raise KeyboardInterrupt

    coded[0]
    with monkeypatch.context() as patch:
        patch.setattr(tickets.Claim, "result", interrupted)
        for index in (3, 5, 2, 6, 0, 4):
            with pytest.raises(KeyboardInterrupt):
                coded[index]
    assert codes(coded[1]) == list(range(8, 16))
    assert slots_lost(coded) == 0


def test_more_tasks_than_a_socket_takes() -> None:
    with in_processes(Coded, 900, batch_size=1, workers=1, max_queue_size=800) as seq:
        assert [codes(batch) for batch in seq] == [[number] for number in range(900)]
        assert slots_lost(seq) == 0


def test_replies_larger_than_a_socket_takes() -> None:
    with in_processes(Loud, 40, workers=1) as seq:
        for index in range(4):
            with pytest.raises(SampleError, match="x" * 1000):
                seq[index]
        assert codes(seq[4]) == list(range(32, 40))
        assert slots_lost(seq) == 0
