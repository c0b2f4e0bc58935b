"""What stood in, and joins, under fit."""

from __future__ import annotations

from typing import Any

import pytest
from backends import (
    BACKEND,
    BATCH,
    N,
    Numbered,
    Probe,
    flat,
    shuffled,
)

from multiseq import ArraySequence, join

pytestmark = pytest.mark.backend


@pytest.fixture(scope="module")
def probe() -> Probe:
    return Probe.for_form("dict")


def test_who_stood_in_is_said_after_each_pass(probe: Probe, caplog: Any) -> None:
    class Broken(Numbered):
        def load_sample(self, index: int) -> Any:
            if index == 3:
                raise OSError("gone")
            return super().load_sample(index)

    seq = Broken(N, batch_size=BATCH, on_error="substitute", seed=1)
    for read in (probe.fit, probe.evaluate, probe.predict):
        caplog.clear()
        read(seq)
        builds = read == probe.fit and BACKEND in ("jax", "torch")  # A pass of its own.
        assert 1 <= caplog.text.count("stood in for 1 samples: key 3") <= 1 + builds


def test_arrays_and_joins_reach_the_model_in_order(probe: Probe) -> None:
    import numpy as np

    codes = np.arange(N)
    a = ArraySequence(np.repeat(codes[:, None], 3, 1).astype("f4"), keys=codes)
    b = ArraySequence(
        np.repeat(codes[::-1], 4).reshape(N, 2, 2).astype("i4"),
        codes[::-1].astype("f4"),
        keys=codes[::-1],
    )
    seq = join(a=a, b=b, batch_size=BATCH, shuffle=True, seed=5)
    assert probe.fit(seq, epochs=2, shuffle=False) == flat(shuffled(), 0, 1)
