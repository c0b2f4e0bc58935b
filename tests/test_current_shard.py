"""current_shard: which of several processes this is, by whatever tells."""

from __future__ import annotations

import json
from typing import Any

import pytest
from coded import Coded
from crews import output_of, start_script
from ranks import free_ports

import multiseq
from multiseq.errors import ArgumentError

CLUSTER = {"chief": ["a:1"], "worker": ["b:1", "c:1", "d:1"], "ps": ["e:1"], "evaluator": ["f:1"]}


def config(kind: str, index: Any, cluster: Any = CLUSTER) -> str:
    return json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})


@pytest.fixture(autouse=True)
def alone(monkeypatch: Any) -> None:
    """No launcher of these tests tells anything."""
    for name in ("TF_CONFIG", "RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)


def test_a_process_alone_has_the_only_share() -> None:
    found = multiseq.current_shard()
    assert (found.index, found.count) == found == (0, 1)
    seq = Coded(10, batch_size=3)
    assert len(seq.shard(*found)) == len(seq)


@pytest.mark.parametrize(
    ("kind", "index", "cluster", "expected"),
    [
        ("chief", 0, CLUSTER, (0, 4)),
        ("worker", 0, CLUSTER, (1, 4)),
        ("worker", "2", CLUSTER, (3, 4)),
        ("worker", 1, {"worker": ["a:1", "b:1"]}, (1, 2)),
        ("worker", 0, {"worker": ["a:1"]}, (0, 1)),
    ],
)
def test_tf_config_is_read_as_tensorflow_does(
    kind: str, index: Any, cluster: Any, expected: tuple[int, int], monkeypatch: Any
) -> None:
    util = pytest.importorskip("tensorflow.python.distribute.multi_worker_util")
    monkeypatch.setenv("TF_CONFIG", config(kind, index, cluster))
    assert multiseq.current_shard() == expected
    number = util.id_in_cluster(cluster, kind, int(index)), util.worker_count(cluster, kind)
    assert number == expected


@pytest.mark.parametrize(
    "text", ["", "{}", '{"cluster": {}}', config("evaluator", 0), config("ps", 0)]
)
def test_who_does_not_train_reads_everything(text: str, monkeypatch: Any) -> None:
    monkeypatch.setenv("TF_CONFIG", text)
    assert multiseq.current_shard() == (0, 1)


def test_a_launcher_says_it(monkeypatch: Any) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    assert multiseq.current_shard() == (0, 1)  # A launcher that tells its processes otherwise.
    monkeypatch.setenv("RANK", "2")
    assert multiseq.current_shard() == (2, 3)


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"TF_CONFIG": "{"}, "TF_CONFIG"),
        ({"TF_CONFIG": "[]"}, "TF_CONFIG"),
        ({"TF_CONFIG": config("worker", 3)}, "TF_CONFIG"),
        ({"TF_CONFIG": config("worker", "first")}, "TF_CONFIG"),
        ({"TF_CONFIG": json.dumps({"cluster": CLUSTER, "task": {"type": "chief"}})}, "TF_CONFIG"),
        ({"RANK": "2", "WORLD_SIZE": "2"}, "RANK and WORLD_SIZE"),
        ({"RANK": "-1", "WORLD_SIZE": "2"}, "RANK and WORLD_SIZE"),
        ({"RANK": "first", "WORLD_SIZE": "2"}, "RANK and WORLD_SIZE"),
    ],
)
def test_what_says_nothing_is_refused(
    variables: dict[str, str], named: str, monkeypatch: Any
) -> None:
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    with pytest.raises(ArgumentError, match=f"{named} does not say which") as caught:
        multiseq.current_shard()
    assert caught.value.got == " and ".join(variables[name] for name in sorted(variables))
    for name in variables:  # As the error says.
        monkeypatch.delenv(name)
    assert multiseq.current_shard() == (0, 1)


def test_two_that_disagree_are_both_named(monkeypatch: Any) -> None:
    monkeypatch.setenv("TF_CONFIG", config("worker", 1))
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(ArgumentError, match="it is not clear which") as caught:
        multiseq.current_shard()
    assert caught.value.got == "TF_CONFIG: 2 of 4; RANK and WORLD_SIZE: 1 of 4"
    monkeypatch.setenv("RANK", "2")
    assert multiseq.current_shard() == (2, 4)


def test_a_process_group_of_torch_says_it(monkeypatch: Any) -> None:
    dist = pytest.importorskip("torch.distributed")
    assert multiseq.current_shard() == (0, 1)
    (port,) = free_ports(1)
    dist.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=0, world_size=1)
    try:
        monkeypatch.setenv("RANK", "1")
        monkeypatch.setenv("WORLD_SIZE", "2")
        with pytest.raises(ArgumentError, match=r"torch\.distributed: 0 of 1; RANK and"):
            multiseq.current_shard()
    finally:
        dist.destroy_process_group()
    assert multiseq.current_shard() == (1, 2)


def test_nothing_is_imported_for_it() -> None:
    script = """
        import sys
        from multiseq.distribution import current_shard
        print(*current_shard())
        print({"jax", "keras", "tensorflow", "tf_keras", "torch"} & set(sys.modules))
    """
    assert output_of(start_script(script)) == "0 1\nset()\n"


def test_a_jax_that_is_alone_is_not_begun() -> None:
    pytest.importorskip("jax")
    script = """
        import jax
        from jax._src import xla_bridge
        from multiseq.distribution import current_shard
        print(*current_shard(), xla_bridge.backends_are_initialized())
    """
    assert output_of(start_script(script)) == "0 1 False\n"
