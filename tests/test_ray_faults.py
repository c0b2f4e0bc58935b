"""What goes wrong on a Ray cluster: samples, worker processes, machines, and Ray itself."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from clusters import Slowly, in_plasma, on_cluster, window_of
from coded import Coded, codes, frozen, frozen_epoch, leaves, wait_for
from crews import start_script
from troubled import (
    Broken,
    BrokenBulk,
    BrokenCollated,
    BrokenRagged,
    Fatal,
    FatalBulk,
    FatalCollated,
    FatalRagged,
    Faulty,
    FaultyBulk,
    Raising,
    Unborn,
    UnicornError,
    refuse,
    unknown_error,
)

from multiseq.errors import ArgumentError, LoadError, WorkerError

ray = pytest.importorskip("ray", reason="needs Ray")

KEYS = [f"key {number}" for number in range(50)]
ALL = list(range(50))


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    ray.init(num_cpus=2, log_to_driver=False, include_dashboard=False)
    yield
    ray.shutdown()


def serial(seq: Any) -> Any:
    """The same sequence, loaded in this process."""
    return seq.replace(workers=0, cluster=None)


# Samples


@pytest.mark.parametrize("kind", [Broken, BrokenBulk, BrokenCollated, BrokenRagged])
def test_an_error_says_where_and_why(kind: Any) -> None:
    with on_cluster(kind, KEYS) as seq:
        assert frozen(seq[0]) == frozen(serial(seq)[0])
        with pytest.raises(LoadError, match="ZeroDivisionError: no such luck") as caught:
            seq[1]
        assert caught.value.where == {
            "class": kind.__name__,
            "key": "'key 13'",
            "position": "13",
        }
        (note,) = caught.value.__notes__
        assert "In the worker process:" in note
        assert "in load_sample" in note
        assert frozen(seq[2]) == frozen(serial(seq)[2])


@pytest.mark.parametrize("error", [UnicornError, unknown_error()])
def test_errors_of_the_users(error: Any) -> None:
    with on_cluster(Raising, 50, error) as seq:
        with pytest.raises(LoadError if error is not UnicornError else UnicornError) as caught:
            seq[1]
        assert caught.value.where["position"] == "13"
        assert "not this one" in str(caught.value)


@pytest.mark.parametrize("kind", [Faulty, FaultyBulk])
def test_samples_are_substituted_as_in_serial(kind: Any) -> None:
    with on_cluster(kind, KEYS, shuffle=True, on_error="substitute") as seq:
        alone = serial(seq)
        for _ in range(2):
            assert frozen_epoch(seq) == frozen_epoch(alone)
            found, expected = seq._substituted, alone._substituted
            assert sorted(found) == sorted(expected) == [13, 26, 39]
            assert found[26].where == expected[26].where
            assert found[26].where["key"] == "'key 26'"
            assert "unlucky" in str(found[26])
            for each in (seq, alone):
                each.on_epoch_end()


def test_what_cannot_be_sent_is_named() -> None:
    seq = on_cluster(Coded)
    seq.lock = threading.Lock()
    with pytest.raises(ArgumentError, match="attribute lock") as caught:
        seq[0]
    assert caught.value.fix is not None
    assert caught.value.fix.endswith("cluster=None")
    assert codes(seq.replace(cluster=None)[0]) == ALL[:8]


def test_what_cannot_be_made_again_on_the_other_side() -> None:
    with on_cluster(Unborn, 50, refuse) as seq:
        with pytest.raises(LoadError, match="could not start: ImportError: no module named") as e:
            seq[0]
        assert e.value.where == {"class": "Unborn"}


# Worker processes


@pytest.mark.parametrize(
    ("kind", "how"),
    [(Fatal, "exit"), (FatalBulk, "segfault"), (FatalCollated, "exit"), (FatalRagged, "exit")],
)
def test_a_sample_that_ends_its_process_is_named(kind: Any, how: str) -> None:
    with on_cluster(kind, KEYS, how) as seq:
        with pytest.raises(WorkerError, match="died") as caught:
            seq[1]
        assert caught.value.where["key"] == "'key 13'"
        assert caught.value.where["position"] == "13"
        assert caught.value.fix is not None
        assert "workers=0 and cluster=None" in caught.value.fix
        assert frozen(seq[2]) == frozen(serial(seq)[2])


def test_a_sample_that_ends_its_process_is_substituted() -> None:
    with on_cluster(Fatal, KEYS, "kill", on_error="substitute") as seq:
        found = [code for batch in seq for code in codes(batch)]
        assert [k for k, code in enumerate(found) if code != k] == [13]
        (error,) = seq._reported.values()
    assert "died" in str(error)


def test_a_sample_that_takes_too_long(tmp_path: Path) -> None:
    with on_cluster(Fatal, KEYS, "hang", timeout=1.0) as seq:
        with pytest.raises(WorkerError, match="took too long") as caught:
            seq[1]
        assert caught.value.where["key"] == "'key 13'"
    with on_cluster(Fatal, 50, "hang", tmp_path / "once", timeout=1.0) as seq:
        assert [code for batch in seq for code in codes(batch)] == ALL


def test_a_process_that_dies_once_costs_nothing(tmp_path: Path) -> None:
    with on_cluster(Fatal, 50, "kill", tmp_path / "once") as seq:
        assert frozen_epoch(seq) == frozen_epoch(serial(seq))
    assert (tmp_path / "once").exists()


def test_processes_killed_at_random_moments(tmp_path: Path) -> None:
    found, kills = [], 0
    with on_cluster(Slowly, 200, tmp_path) as seq:
        for index, batch in enumerate(seq):
            found += codes(batch)
            if index % 5 == 1:
                last = max(tmp_path.iterdir(), key=lambda path: path.stat().st_mtime)
                os.kill(int(last.name.split("-")[1]), signal.SIGKILL)
                kills += 1
    assert found == list(range(200))
    assert kills == 5


# Ray itself


def test_ray_may_be_shut_down_and_started_again() -> None:
    with on_cluster(Coded) as seq:
        assert codes(seq[0]) == ALL[:8]
        window = window_of(seq)
        # Ray ends a process that shuts it down while something is on its way.
        wait_for(lambda: not window._flying and not window._waiting)
        ray.shutdown()
        ray.init(num_cpus=2, log_to_driver=False, include_dashboard=False)
        assert [code for batch in seq for code in codes(batch)] == ALL
        assert window.closed
        assert window_of(seq) is not window


def test_a_program_that_says_nothing_of_ray(tmp_path: Path) -> None:
    """It is connected, once, to what RAY_ADDRESS says; and ends as if nothing were."""
    address = ray.get_runtime_context().gcs_address
    script = start_script(
        f"""
        import os
        os.environ.pop("MULTISEQ_WORKER")
        os.environ["RAY_ADDRESS"] = {address!r}
        from clusters import on_cluster
        from coded import *
        with on_cluster(Coded) as one, on_cluster(Noisy) as other:
            ok = epoch_of(one) == list(range(50))
            ok = ok and frozen_epoch(other) == frozen_epoch(other.replace(workers=0, cluster=None))
            import ray
            print(ok, ray.get_runtime_context().gcs_address, flush=True)
        on_cluster(Coded)[0]  # Others are being read ahead as it ends.
        """
    )
    with script:
        out, err = script.communicate(timeout=120)
    assert script.returncode == 0, err
    assert out.split() == ["True", address]
    assert "Traceback" not in err


# Machines


def test_a_machine_lost_in_mid_epoch_costs_nothing_but_time(tmp_path: Path) -> None:
    from ray.cluster_utils import Cluster

    ray.shutdown()
    soon = {"health_check_period_ms": 500, "health_check_failure_threshold": 3}
    head = {"num_cpus": 0, "_system_config": soon | {"health_check_initial_delay_ms": 0}}
    nodes = Cluster(initialize_head=True, head_node_args=head)
    try:
        ray.init(address=nodes.address, log_to_driver=False)  # While there is the head alone.
        first, second = (nodes.add_node(num_cpus=1) for _ in range(2))
        with on_cluster(Slowly, 240, tmp_path, max_queue_size=8) as seq:
            found: list[int] = []
            for index, batch in enumerate(seq):
                found += codes(batch)
                assert all(map(in_plasma, leaves(batch)))
                if index == 8:
                    nodes.remove_node(second, allow_graceful=False)
        processes = {path.name.split("-")[1] for path in tmp_path.iterdir()}
        assert found == list(range(240))
        assert len(processes) >= 2  # Each machine has one.
        assert first in nodes.list_all_nodes()
    finally:
        ray.shutdown()
        nodes.shutdown()
        ray.init(num_cpus=2, log_to_driver=False, include_dashboard=False)
