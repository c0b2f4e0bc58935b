"""What the keyword `cluster` takes: no cluster is needed to see."""

from __future__ import annotations

import importlib.util
import os
from typing import Any

import pytest
from coded import Coded, frozen_epoch

from multiseq.errors import ArgumentError, MissingPackageError


@pytest.fixture
def with_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)


@pytest.mark.parametrize("value", ["dask", "Ray", "", True, 3])
def test_an_unknown_cluster_is_refused(value: Any) -> None:
    with pytest.raises(ArgumentError, match="cluster") as caught:
        Coded(10, workers=2, cluster=value)
    assert caught.value.expected == '"ray", or None'


@pytest.mark.usefixtures("with_ray")
def test_a_cluster_needs_workers() -> None:
    with pytest.raises(ArgumentError, match="no workers") as caught:
        Coded(10, cluster="ray")
    assert caught.value.fix is not None
    assert "workers=8" in caught.value.fix
    Coded(10, cluster="ray", workers=8)
    Coded(10, cluster=None)


@pytest.mark.usefixtures("with_ray")
def test_there_are_not_two_places_to_load() -> None:
    with pytest.raises(ArgumentError, match="both given"):
        Coded(10, cluster="ray", workers=2, use_multiprocessing=True)


def test_ray_has_to_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError) as caught:
        Coded(10, cluster="ray", workers=2)
    assert caught.value.fix == 'pip install "multiseq[ray]"'


@pytest.mark.usefixtures("with_ray")
def test_settings_can_be_changed_back() -> None:
    seq = Coded(10, cluster="ray", workers=2, batch_size=4)
    assert frozen_epoch(seq.replace(workers=0, cluster=None)) == frozen_epoch(
        Coded(10, batch_size=4)
    )
    with pytest.raises(ArgumentError, match="no workers"):
        seq.replace(workers=0)


@pytest.mark.usefixtures("with_ray")
def test_a_forked_child_loads_by_itself() -> None:
    seq = Coded(10, cluster="ray", workers=2, batch_size=4)
    child = os.fork()
    if not child:
        try:
            os._exit(0 if frozen_epoch(seq) == frozen_epoch(Coded(10, batch_size=4)) else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
