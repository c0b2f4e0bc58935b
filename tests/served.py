"""What tests of serving share: batches as a held-out sequence gives them, and equality."""

from __future__ import annotations

from typing import Any

import numpy as np


def equal(one: Any, other: Any) -> None:
    """Asserts that two batches of inputs are the same to the byte."""
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for name in one:
            equal(one[name], other[name])
        return
    if isinstance(one, tuple):
        for mine, its in zip(one, other, strict=True):
            equal(mine, its)
        return
    assert (one.dtype, one.shape) == (other.dtype, other.shape)
    np.testing.assert_array_equal(one, other)


def inputs_of(seq: Any) -> Any:
    """All samples of a sequence in one batch, plain."""
    return seq.for_prediction().replace(batch_size=seq.num_samples)[0][0]


def row(batch: Any, k: int) -> Any:
    """A batch of one of a batch's rows."""
    if isinstance(batch, dict):
        return {name: row(each, k) for name, each in batch.items()}
    if isinstance(batch, tuple):
        return tuple(row(each, k) for each in batch)
    return batch[[k]]


def encodes(seq: Any, records: list[Any]) -> None:
    """Asserts that raw records of all samples give what the sequence does, one by one too."""
    equal(seq.encode(records), inputs_of(seq))
    each = seq.for_prediction().replace(batch_size=1)
    for k, record in enumerate(records):
        equal(seq.encode(record), each[k][0])
