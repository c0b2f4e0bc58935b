"""Values of which some are missing, and the only batch of a sequence."""

from __future__ import annotations

from typing import Any

import numpy as np

from multiseq.testing import check_sequence

__all__ = ["LABELS", "NAN", "X", "made"]

NAN = np.nan
RNG = np.random.default_rng(7)
X = RNG.normal(3, 5, (40, 4)).astype(np.float32)
X[RNG.random(X.shape) < 0.2] = NAN
LABELS = np.array([None if k % 7 == 2 else "cde"[k % 3] for k in range(40)], object)


def made(seq: Any, *, learns: bool = True) -> Any:
    """The only batch, which is the samples one by one, too."""
    if learns:
        seq.adapt(progress=False)
    check_sequence(seq)
    return seq[0]
