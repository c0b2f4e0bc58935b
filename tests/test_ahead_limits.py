"""How far is read ahead."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest
from coded import Coded, codes, wait_for
from submissions import noted

# Reading ahead


@pytest.mark.parametrize("workers", [1, 8])
def test_no_more_is_read_ahead_than_told(workers: int) -> None:
    loaded: set[int] = set()

    class Notes(Coded):
        def load_sample(self, index: int) -> Any:
            loaded.add(index)
            return super().load_sample(index)

    with Notes(16 * 40, batch_size=16, workers=workers, max_queue_size=1) as seq:
        for index in range(20):
            seq[index]
        wait_for(lambda: loaded >= set(range(16 * 21)))
        time.sleep(0.02)  # Long enough for a thread to load more, if it were to.
        assert loaded == set(range(16 * 21))


def test_at_random_no_bundles_are_read_ahead() -> None:
    loader, get = noted(n=400, depth=3, most=16)
    for index in (0, 1, 2, 3, 4, 5, 6, 7, 8):
        get(0, index)
    assert max(map(len, loader.submitted)) > 4
    before = len(loader.submitted)
    for index in np.random.default_rng(1).permutation(400)[:50].tolist():
        get(0, index)
    assert len(loader.submitted) - before <= 50 * 4


def test_a_loader_that_was_closed_meanwhile_is_asked_for_nothing() -> None:
    """A guess fails after `close`: the batch is then loaded by who asked for it."""
    gate, entered = threading.Event(), threading.Event()

    class Fails(Coded):
        def load_sample(self, index: int) -> Any:
            if index >= 4 and threading.current_thread().name.startswith("multiseq"):
                entered.set()
                gate.wait(10)
                raise OSError("gone")
            return super().load_sample(index)

    seq = Fails(40, batch_size=4, workers=1)
    seq[0]
    entered.wait(10)
    found: list[Any] = []
    reader = threading.Thread(target=lambda: found.append(codes(seq[1])), daemon=True)
    reader.start()
    wait_for(lambda: seq.stats().batches == 2)
    closing = threading.Thread(target=seq.close, daemon=True)
    closing.start()
    wait_for(lambda: seq._live is None)
    gate.set()
    reader.join(10)
    closing.join(10)
    assert found == [[4, 5, 6, 7]]
