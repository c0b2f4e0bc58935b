"""Workers of sequences that nobody reads any more end, and start again when asked."""

from __future__ import annotations

from typing import Any

from coded import Coded, frozen_epoch
from crews import gone_within, in_processes, is_alive, pids

from multiseq.engine.processes import loader as processes


def test_two_sequences_keep_their_workers_and_more_where_needed(monkeypatch: Any) -> None:
    monkeypatch.setattr(processes, "_loaders", type(processes._loaders)())
    monkeypatch.setattr(processes, "_most_at_work", 2)
    serial = frozen_epoch(Coded(50, batch_size=8, seed=3))
    sequences, numbers = [in_processes(Coded, workers=1) for _ in range(4)], list[int]()
    for seq in sequences:
        assert frozen_epoch(seq) == serial
        numbers += pids(seq)
    assert gone_within(5, *numbers[:2])
    assert all(map(is_alive, numbers[2:]))
    for _ in range(3):  # All four in turn: soon all of them keep their workers.
        before = [list(loader._crew.workers) for loader in map(_loader, sequences)]
        assert [frozen_epoch(seq) for seq in sequences] == [serial] * 4
    assert before == [list(loader._crew.workers) for loader in map(_loader, sequences)]
    for seq in sequences:
        seq.close()


def test_train_and_validation_keep_theirs(monkeypatch: Any) -> None:
    monkeypatch.setattr(processes, "_loaders", type(processes._loaders)())
    monkeypatch.setattr(processes, "_most_at_work", 2)
    with in_processes(Coded) as train, in_processes(Coded) as validation:
        for _ in range(3):
            list(train), list(validation)
        assert processes._most_at_work == 2
        assert not _loader(train)._rested
        assert not _loader(validation)._rested


def _loader(seq: Any) -> Any:
    return seq._live._reader._loader
