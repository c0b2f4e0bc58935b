"""Loading on a Ray cluster: the bytes of serial, and what a sequence holds meanwhile."""

from __future__ import annotations

import copy
import gc
import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clusters import Timed, Unpickled, in_plasma, most_at_once, on_cluster, references, window_of
from coded import (
    KINDS,
    Bulk,
    Coded,
    Noisy,
    Ragged,
    Words,
    codes,
    epoch_of,
    frozen,
    frozen_epoch,
    leaves,
    misaligned,
    wait_for,
)
from crews import Asked, modules
from keyed import BACKWARDS, KEYS, MIXED, Noised, OneByOne, part
from troubled import Growing, Large, Variable

from multiseq import ArraySequence, join
from multiseq.engine.ray.remote import packed_payload
from multiseq.errors import SourceError

ray = pytest.importorskip("ray", reason="needs Ray")


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    ray.init(num_cpus=2, log_to_driver=False, include_dashboard=False)
    yield
    ray.shutdown()


def serial(seq: Any) -> Any:
    """The same sequence, loaded in this process."""
    return seq.replace(workers=0, cluster=None)


# The same bytes


@pytest.mark.parametrize("name", KINDS)
def test_the_bytes_are_those_of_serial(name: str) -> None:
    with on_cluster(KINDS[name], shuffle=True) as seq:
        alone = serial(seq)
        for epoch in range(2):
            assert frozen_epoch(seq) == frozen_epoch(alone)
            assert misaligned(seq[0]) == []
            seq.set_epoch(epoch + 1)
            alone.set_epoch(epoch + 1)


@pytest.mark.parametrize("most", [None, 1, 40])
def test_whichever_batch_is_asked_for(most: int | None) -> None:
    with on_cluster(Noisy, max_queue_size=most) as seq:
        expected = frozen_epoch(serial(seq))
        for index in (6, 0, 3, 3, 1, 2, 5, 4, 6):
            assert frozen(seq[index]) == expected[index]


def test_joins() -> None:
    parts = part("x"), OneByOne("y", BACKWARDS), part("z", MIXED)
    keywords: Any = {"batch_size": 6, "shuffle": True, "seed": 1, "workers": 2, "cluster": "ray"}
    with join(*parts, noise=Noised(KEYS), **keywords) as seq:
        assert frozen_epoch(seq) == frozen_epoch(serial(seq))


def test_weights_by_class() -> None:
    targets = np.arange(40) % 4
    seq = ArraySequence(
        {"x": np.arange(40.0)},
        targets,
        class_weight={0: 2.0},
        batch_size=8,
        workers=2,
        cluster="ray",
    )
    with seq:
        assert frozen_epoch(seq) == frozen_epoch(serial(seq))
        assert seq[0][2].tolist() == [2, 1, 1, 1] * 2


def test_text_of_variable_width() -> None:
    with on_cluster(Variable) as seq:
        assert [frozen(each) for each in seq] == [frozen(each) for each in serial(seq)]
        text = [each for batch in seq for each in batch[0]["t"].tolist()]
    assert text == ["é" * index for index in range(50)]


def test_batches_of_growing_size() -> None:
    lengths = [1 + 40 * index for index in range(50)]
    with Growing(lengths, batch_size=8, workers=2, cluster="ray") as seq:
        assert frozen_epoch(seq) == frozen_epoch(serial(seq))


def test_small_batches_are_loaded_together() -> None:
    sent: list[int] = []

    def spy(job: Any) -> Any:
        sent.append(job.count)
        return task(job)

    with on_cluster(Bulk, 4096, batch_size=16) as seq:
        assert epoch_of(seq) == list(range(4096))
        window, task = window_of(seq), window_of(seq).task
        window.task = spy
        assert epoch_of(seq) == list(range(4096))
    assert max(sent) > 1


# Memory


def test_large_batches_are_views_of_rays_store() -> None:
    with on_cluster(Large, 8, batch_size=2) as seq:
        for index, batch in enumerate(seq):
            assert all(map(in_plasma, leaves(batch)))
            assert misaligned(batch) == []
            assert frozen(batch) == frozen(serial(seq)[index])


@pytest.mark.parametrize(
    ("kind", "n"), [(Large, 4), (Coded, 16), (Words, 16), (Ragged, 16), (Variable, 16)]
)
def test_nobody_writes_to_a_batch(kind: Any, n: int) -> None:
    """Whether it is large or small: what works on one has to work on the other."""
    with on_cluster(kind, n, batch_size=2) as seq:
        for leaf in leaves(seq[0]):
            with pytest.raises(ValueError, match="read-only"):
                leaf[...] = leaf


def test_batches_outlive_the_sequence() -> None:
    with on_cluster(Large, 8, batch_size=2) as seq:
        kept = list(seq)
        expected = frozen_epoch(serial(seq))
    del seq
    gc.collect()
    assert [frozen(batch) for batch in kept] == expected


def test_what_is_not_wanted_any_more_is_let_go() -> None:
    before = references()
    seq = on_cluster(Large, 64, batch_size=2)
    for index in range(3):
        seq[index]
    assert references() > before
    seq.close()
    wait_for(lambda: references() <= before)
    seq[0]
    assert references() > before
    del seq
    gc.collect()
    wait_for(lambda: references() <= before)


def test_no_more_are_loaded_at_once_than_asked_for() -> None:
    for workers, most in ((1, 1), (2, 2)):
        with on_cluster(Timed, 48, batch_size=2, workers=workers, max_queue_size=8) as seq:
            spans = np.concatenate([batch[0] for batch in seq])
        assert most_at_once(spans) == most


def test_a_worker_process_unpickles_the_sequence_once() -> None:
    seq = on_cluster(Unpickled, 96, batch_size=2)
    seq.token = "once"
    with seq:
        found = {tuple(row) for batch in seq for row in batch[0].tolist()}
    assert {times for _, times in found} == {1}
    assert len(found) <= 4


def test_workers_do_not_import_keras() -> None:
    with Asked(modules, workers=1, cluster="ray", batch_size=1) as seq:
        found = set(json.loads(seq[1][0]["answer"][0]))
    assert "ray" in found
    assert not found & {"keras", "tensorflow", "tf_keras"}


# Maps of files


def test_a_memory_map_is_sent_as_its_path(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(6_000_000.0).reshape(-1, 100))
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    with ArraySequence({"a": mapped[7:]}, batch_size=512, workers=2, cluster="ray") as seq:
        assert frozen_epoch(seq) == frozen_epoch(serial(seq))
        (payload,) = window_of(seq)._payload
        assert sum(array.nbytes for array in ray.get(payload)[2]) == 0


def test_another_file_in_the_place_of_a_memory_map_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.arange(60_000.0))
    mapped: Any = {"a": np.load(path, mmap_mode="r")[7:]}
    layout: Any = None
    _, stream, buffers = packed_payload(mapped, layout)
    assert np.array_equal(pickle.loads(stream, buffers=buffers)[0]["a"], mapped["a"])
    path.unlink()
    np.save(path, np.arange(60_000.0)[::-1])
    with pytest.raises(SourceError, match="replaced by another one"):
        pickle.loads(stream, buffers=buffers)


# Copies, and what is done twice


def test_closed_and_used_again() -> None:
    seq = on_cluster(Coded)
    for _ in range(3):
        assert epoch_of(seq) == list(range(50))
        seq.close()
    seq.close()


def test_copies_load_on_the_cluster_too() -> None:
    seq = on_cluster(Noisy, shuffle=True)
    expected = frozen_epoch(seq)
    for other in (pickle.loads(pickle.dumps(seq)), copy.copy(seq), seq.replace(workers=1)):
        assert other._settings.engine == "ray"
        with other:
            assert frozen_epoch(other) == expected
    part = seq.subset(slice(10, 30))
    with part, seq:
        assert codes(part[0]) == list(range(10, 18))


def test_two_sequences_take_turns() -> None:
    with on_cluster(Coded) as one, on_cluster(Noisy) as other:
        first, second = frozen_epoch(serial(one)), frozen_epoch(serial(other))
        for index in range(len(one)):
            assert frozen(one[index]) == first[index]
            assert frozen(other[index]) == second[index]
