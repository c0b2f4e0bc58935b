"""engine: what is read ahead, and what is loaded at once."""

from __future__ import annotations

import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coded import Bulk, Coded, codes, epoch_of, frozen_epoch, wait_for
from submissions import noted

from multiseq.errors import ArgumentError, LoadError

# Reading ahead


class FailsAt(Coded):
    """One sample cannot be loaded."""

    def __init__(self, n: int, bad: int, **keywords: Any) -> None:
        super().__init__(n, **keywords)
        self.bad = bad

    def load_sample(self, index: int) -> Any:
        if index == self.bad:
            raise ValueError("broken")
        return super().load_sample(index)


def test_read_ahead_as_deep_as_told() -> None:
    loader, get = noted(n=6)
    assert get(0, 0) == ((0, 0),)
    assert loader.submitted == [(0, 0), (0, 1), (0, 2), (0, 3)]
    assert get(0, 1) == ((0, 1),)
    assert loader.submitted[4:] == [(0, 4)]
    for index in range(2, 6):
        get(0, index)
    assert loader.submitted[:6] == [(0, index) for index in range(6)]
    assert loader.cancelled == []


def test_read_ahead_into_the_next_epoch() -> None:
    loader, get = noted(n=4)
    for index in range(4):
        get(0, index)
    assert loader.submitted[4:] == [(1, 0), (1, 1), (1, 2)]
    assert get(1, 0) == ((1, 0),)
    assert loader.submitted[7:] == [(1, 3)]
    assert loader.cancelled == []


def test_where_epochs_are_the_same_a_batch_serves_in_any() -> None:
    loader, get = noted(n=4, epochs_differ=False)
    for epoch in (0, 0, 5):
        for index in range(4):
            get(epoch, index)
    assert len(loader.submitted) == 12 + 3
    assert loader.cancelled == []


def test_only_a_batch_that_was_not_guessed_is_loaded_by_all_at_once() -> None:
    loader, get = noted()
    for index in (0, 1, 2, 7, 8):
        get(0, index)
    assert loader.at_once == [(0, 0), (0, 7)]


def test_a_wrong_guess_is_given_up() -> None:
    loader, get = noted()
    get(0, 0)
    assert get(0, 7) == ((0, 7),)
    assert loader.cancelled == [(0, 1), (0, 2), (0, 3)]
    assert loader.submitted[4:] == [(0, 7), (0, 8), (0, 9), (1, 0)]


def test_another_epoch_is_another_batch() -> None:
    loader, get = noted()
    get(0, 0)
    assert get(1, 1) == ((1, 1),)
    assert loader.cancelled == [(0, 1), (0, 2), (0, 3)]


def test_what_was_asked_for_is_loaded_first() -> None:
    loader, get = noted()
    get(0, 4)
    assert loader.submitted[0] == (0, 4)


def test_what_is_read_ahead_is_loaded_once() -> None:
    loaded: list[int] = []

    class Counts(Coded):
        def load_sample(self, index: int) -> Any:
            loaded.append(index)
            return super().load_sample(index)

    with Counts(40, batch_size=4, workers=3) as seq:
        _ = seq.spec
        loaded.clear()
        epoch_of(seq)
    assert set(loaded) == set(range(40))
    assert max(Counter(loaded).values()) <= 2  # Five batches are ready for the next epoch.
    assert max(count for index, count in Counter(loaded).items() if index >= 20) == 1


def test_reading_goes_on_while_nobody_asks() -> None:
    loaded: set[int] = set()

    class Notes(Coded):
        def load_sample(self, index: int) -> Any:
            loaded.add(index)
            return super().load_sample(index)

    with Notes(40, batch_size=2, workers=2, max_queue_size=5) as seq:
        seq[0]
        wait_for(lambda: loaded >= set(range(12)))
        time.sleep(0.02)  # Long enough for a thread to load more, if it were to.
        assert loaded == set(range(12))


def test_a_batch_is_shared_among_the_workers() -> None:
    """One batch that takes long is loaded by all of them, not by one."""
    together = threading.Barrier(3, timeout=10)

    class Meets(Coded):
        def load_sample(self, index: int) -> Any:
            if index and index % 4 == 0:
                together.wait()  # Three threads must be in one batch for this to return.
            return super().load_sample(index)

    with Meets(13, batch_size=13, workers=3, max_queue_size=1) as seq:
        _ = seq.spec
        assert codes(seq[0]) == list(range(13))


def test_no_more_threads_load_than_told() -> None:
    class Notes(Coded):
        loading: set[int]

        def load_sample(self, index: int) -> Any:
            self.loading.add(threading.get_ident())
            return super().load_sample(index)

    with Notes(200, batch_size=10, workers=3) as seq:
        seq.loading = set()
        _ = seq.spec
        seq.loading.clear()
        epoch_of(seq)
        assert threading.get_ident() not in seq.loading
        assert 1 <= len(seq.loading) <= 3
    serial = Notes(20)
    serial.loading = set()
    epoch_of(serial)
    assert serial.loading == {threading.get_ident()}


def test_stats_count_what_had_been_guessed() -> None:
    with Coded(40, batch_size=4, workers=2) as seq:
        assert (seq.stats().batches, seq.stats().hit_rate) == (0, 0)
        for index in (0, 1, 2, 7, 8):
            seq[index]
        stats = seq.stats()
        seq[9]
    assert (stats.batches, stats.hits, stats.hit_rate) == (5, 3, 0.6)
    assert stats.wait_seconds > 0


def test_a_sampler_that_fails_in_the_next_epoch_does_not_fail_in_this_one() -> None:
    def sampler(seed: int, epoch: int) -> Any:
        return np.arange(20 - epoch)

    with Coded(20, batch_size=4, workers=2, sampler=sampler) as seq:
        assert epoch_of(seq) == list(range(20))
        seq.on_epoch_end()
        with pytest.raises(ArgumentError, match="more or fewer"):
            seq[0]


def test_a_fast_path_loads_whole_batches_ahead() -> None:
    with Bulk(64 * 6, batch_size=64, workers=2, max_queue_size=4) as seq:
        assert epoch_of(seq) == list(range(64 * 6))
    assert seq.asked[:7] == [32, 32, 64, 64, 64, 64, 64]


def test_batches_that_load_quickly_are_asked_for_in_bundles() -> None:
    loader, get = noted(n=40, depth=3, most=4)
    found = [get(0, index) for index in range(40)]
    assert found == [((0, index),) for index in range(40)]
    sizes = [len(job) - 1 for job in loader.submitted]
    assert sizes[:4] == [1, 1, 1, 1]  # Nothing is known of the time yet.
    assert max(sizes) == 4
    assert sizes.count(4) >= 8
    assert [batch for epoch, *batches in loader.submitted for batch in batches if not epoch] == [
        *range(40)
    ]


def test_a_batch_that_is_not_full_is_no_part_of_a_bundle() -> None:
    loader, get = noted(n=9, depth=3, most=4)
    for epoch in range(4):
        for index in range(9):
            get(epoch, index)
    assert all(len(job) == 2 for job in loader.submitted if 8 in job[1:])
    assert max(map(len, loader.submitted)) > 2


@pytest.mark.parametrize("processes", [False, True])
def test_a_sample_that_fails_fails_its_own_batch_alone(processes: bool) -> None:
    keywords: dict[str, Any] = {"workers": 2, "use_multiprocessing": processes}
    with FailsAt(16 * 200, 16 * 150, batch_size=16, **keywords) as seq:
        for index in range(200):
            if index == 150:
                with pytest.raises(LoadError, match="key 2400"):
                    seq[index]
            else:
                assert codes(seq[index]) == list(range(index * 16, index * 16 + 16))
        assert seq.stats().hits >= 198


@pytest.mark.parametrize("processes", [False, True])
def test_what_failed_ahead_is_tried_again_when_it_is_asked_for(
    processes: bool, tmp_path: Path
) -> None:
    file = tmp_path / "here"

    class Needs(Coded):
        def load_sample(self, index: int) -> Any:
            if index >= 8:
                file.stat()
            return super().load_sample(index)

    with Needs(40, batch_size=8, workers=2, use_multiprocessing=processes) as seq:
        seq[0]
        time.sleep(0.5)  # What was read ahead has failed by now, or will only do better.
        file.touch()
        assert epoch_of(seq) == list(range(40))
        assert seq.stats().hit_rate > 0.5


class Centred(Coded):
    """A batch depends on all samples in it."""

    def collate(self, samples: Any) -> Any:
        a = np.stack([sample[0]["a"] for sample in samples])
        return {"a": a - a.mean(0)}, np.stack([sample[1] for sample in samples])


@pytest.mark.parametrize("processes", [False, True])
def test_batches_are_collated_one_by_one(processes: bool) -> None:
    keywords: dict[str, Any] = {"workers": 2, "use_multiprocessing": processes}
    with Centred(16 * 60, batch_size=16, **keywords) as seq:
        assert frozen_epoch(seq) == frozen_epoch(Centred(16 * 60, batch_size=16))


def test_a_sampler_that_fails_otherwise_does_not_fail_in_this_epoch_either() -> None:
    orders = [np.arange(20)]
    with Coded(20, batch_size=4, workers=2, sampler=lambda seed, epoch: orders[epoch]) as seq:
        assert epoch_of(seq) == list(range(20))
        seq.on_epoch_end()
        with pytest.raises(IndexError):
            seq[0]


def test_an_epoch_that_is_read_again_is_read_ahead_again() -> None:
    with Coded(16 * 10, batch_size=16, workers=2, shuffle=True, seed=1) as seq:
        for _ in range(10):
            epoch_of(seq)
        assert seq.stats().hits >= 89  # All but the first of each pass: the next epoch is guessed.
