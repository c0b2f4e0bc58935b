"""Joins whose second part lacks samples of the first."""

from __future__ import annotations

from typing import Any

from keyed import N, part

from multiseq import MultiInputSequence, join

SOME = [2, 3, 5, 7, 11, 13, 17, 19]
LACKS = [number for number in range(N) if number not in SOME]


def left(**keywords: Any) -> Any:
    """All samples at the left, some at the right."""
    return join(part("x"), part("y", SOME), how="left", **keywords)


def whole(seq: MultiInputSequence) -> Any:
    """All samples in source order, by name."""
    plain = seq.replace(batch_size=seq.num_samples, shuffle=False)
    return plain[0]
