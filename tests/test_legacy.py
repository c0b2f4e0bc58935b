"""tf_keras: its own threads and forked processes, and its habit of beginning at batch 0."""

from __future__ import annotations

import pytest
from backends import Numbered, Probe, flat, only_legacy, ran_out, whole_batches

pytestmark = [pytest.mark.backend, only_legacy]

N, BATCH = 50, 8


def shuffled() -> Numbered:
    return Numbered(N, batch_size=BATCH, shuffle=True, seed=5)


@pytest.mark.parametrize("processes", [False, True])
def test_its_workers_serve_every_sample_once_an_epoch(processes: bool) -> None:
    seq, probe = shuffled(), Probe.for_form("dict")
    rows = probe.fit(seq, epochs=3, workers=2, use_multiprocessing=processes)
    assert len(rows) == 3 * N
    for epoch in range(3):
        assert whole_batches(rows[N * epoch : N * (epoch + 1)], seq, epoch)
    assert seq.epoch == 3


def test_its_workers_keep_our_order_where_they_do_not_shuffle() -> None:
    seq, probe = shuffled(), Probe.for_form("dict")
    assert probe.fit(seq, epochs=2, shuffle=False, workers=2) == flat(seq, 0, 1)


@ran_out
@pytest.mark.parametrize("shuffle", [False, True])
def test_fewer_steps_than_batches_go_on_where_they_stopped(shuffle: bool) -> None:
    """Its workers ask for more batches than are trained on: these are asked for again."""
    seq, probe = shuffled(), Probe.for_form("dict")
    rows = probe.fit(seq, epochs=4, steps_per_epoch=3, shuffle=shuffle)
    assert rows == flat(seq, 0, 1)[:90]  # 12 batches, of which the 7th is of 2 samples.
