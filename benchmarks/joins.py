"""Joins and mixes of millions of keys: what it costs to fill, to take turns, and to be made.

Run: python benchmarks/joins.py [--rounds 5]
Each contender gives the first 2,000 shuffled batches of 32. The left join lacks every tenth key.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from turns import Contender, measure, rounds_from_arguments, show

from multiseq import ArraySequence, MultiInputSequence, concat, join, mix

MANY, BATCHES, WIDTH = 10_000_000, 2_000, 10


def made(what: str, make: Callable[[], MultiInputSequence]) -> MultiInputSequence:
    """Makes a sequence, and says how long that took."""
    began = time.perf_counter()
    seq = make()
    print(f"{what:44}{time.perf_counter() - began:12.2f} s to make")
    return seq


def first_batches(seq: MultiInputSequence) -> Contender:
    """Returns what iterates over a fresh epoch's first batches."""

    def batches() -> Iterator[Any]:
        seq.set_epoch(seq.epoch + 1)
        return (seq[index] for index in range(BATCHES))

    return batches


def main() -> None:
    rounds = rounds_from_arguments(__doc__)
    order = np.random.default_rng(0).permutation(MANY)
    values = np.zeros((MANY, WIDTH), np.float32)
    a = ArraySequence({"a": values}, keys=np.arange(MANY))
    b = ArraySequence({"b": values}, keys=order)
    some = order[order % 10 != 0]
    fewer = ArraySequence({"b": values[: len(some)]}, keys=some)
    joins = {
        'how="left"': made("left", lambda: join(a, fewer, how="left", shuffle=True)),
        'how="left", mask=True': made(
            "left with a mask", lambda: join(a, fewer, how="left", mask=True, shuffle=True)
        ),
        'how="strict"': made("strict", lambda: join(a, b, shuffle=True)),
    }
    contenders = {name: first_batches(seq) for name, seq in joins.items()}
    show("10,000,000 keys joined", measure(contenders, rounds), 'how="left"')
    parts = [ArraySequence({"a": values[: MANY // 2]}) for _ in range(2)]
    rows = {
        "mix": made("mix", lambda: mix(parts, weights=[0.7, 0.3])),
        "concat, shuffled": made("concat", lambda: concat(*parts, shuffle=True)),
        "one ArraySequence, shuffled": ArraySequence({"a": values}, shuffle=True),
    }
    contenders = {name: first_batches(seq) for name, seq in rows.items()}
    show("10,000,000 samples in two parts", measure(contenders, rounds), "mix")


if __name__ == "__main__":
    main()
