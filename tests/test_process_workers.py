"""Worker processes: how many, when, and what they hold."""

from __future__ import annotations

import weakref
from typing import Any

import pytest
from coded import (
    Coded,
    Ragged,
    codes,
)
from crews import crew_of, gone_within, in_processes, pids


@pytest.fixture(scope="module")
def coded() -> Any:
    """One for tests that leave it as it was, since workers take time to start."""
    with in_processes(Coded) as seq:
        yield seq


# Workers


def test_workers_outlive_epochs(coded: Any) -> None:
    coded[0]
    before = pids(coded)
    for epoch in range(5):
        coded.set_epoch(epoch)
        list(coded)
    assert pids(coded) == before
    assert len(before) == 2


def test_workers_start_when_they_are_needed() -> None:
    seq = in_processes(Coded)
    assert len(seq) == 7
    assert seq._live is not None
    assert seq._live._reader is None
    seq[0]
    assert len(crew_of(seq).workers) == 2
    seq.close()


@pytest.mark.parametrize("kind", [Coded, Ragged])
def test_workers_end_with_the_sequence(kind: Any) -> None:
    seq = in_processes(kind, 200)
    seq[0]  # Others are being read ahead.
    numbers, watch = pids(seq), weakref.ref(seq)
    assert numbers
    del seq
    assert watch() is None
    assert gone_within(5, *numbers)


def test_closed_and_used_again() -> None:
    with in_processes(Coded, workers=1) as seq:
        for _ in range(3):
            assert codes(seq[3]) == list(range(24, 32))
            numbers = pids(seq)
            seq.close()
            seq.close()
            assert gone_within(0, *numbers)
