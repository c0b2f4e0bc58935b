"""Sequences with other keywords."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from coded import Coded, frozen, frozen_epoch

from multiseq import ArraySequence
from multiseq.errors import AlignmentError, ArgumentError


@pytest.mark.parametrize(
    "settings",
    [{"batch_size": 3}, {"workers": 2}, {"shuffle": True, "seed": 1}, {"drop_last": True}],
)
def test_replace_changes_what_is_given(settings: Any) -> None:
    seq = Coded(10, batch_size=4)
    before = frozen_epoch(seq)
    with seq.replace(**settings) as other:
        made = Coded(10, **{"batch_size": 4} | settings)
        assert frozen_epoch(other) == frozen_epoch(made)
        made.close()
    assert frozen_epoch(seq) == before


def test_replace_keeps_the_rest() -> None:
    seq = (
        Coded(10, batch_size=4, shuffle=True, seed=3, name="mine")
        .subset(range(5))
        .replace(shuffle=True)
    )
    seq.set_epoch(2)
    other = seq.replace(drop_last=True)
    assert (other.epoch, other.num_samples, len(other)) == (2, 5, 1)
    assert repr(other) == "<Coded 'mine': 5 samples in 1 batch of 4, shuffled>"
    assert frozen(other[0]) == frozen(seq[0])


@pytest.mark.parametrize(
    "settings",
    [{"batchsize": 3}, {"batch_size": 0}, {"workers": -1}, {"spec": None}, {"keys": [1]}],
)
def test_replace_checks(settings: Any) -> None:
    with pytest.raises(ArgumentError) as caught:
        Coded(10).replace(**settings)
    assert next(iter(settings)) in str(caught.value)
    assert caught.value.where["class"] == "Coded"


@pytest.mark.parametrize(
    "use", [lambda seq: seq.subset(["x"]), lambda seq: seq.subset([]), lambda seq: seq.split(2)]
)
def test_bad_choices_name_the_class(use: Any) -> None:
    with pytest.raises((ArgumentError, AlignmentError), match=r"^Coded: "):
        use(Coded(list("abc")))


def test_a_sampler_goes_with_the_whole_only() -> None:
    """Its positions are those of all samples, and mean nothing in a part."""
    seq = Coded(20, sampler=lambda seed, epoch: np.arange(20)[::-1], batch_size=4)
    with pytest.raises(ArgumentError, match="sampler") as caught:
        seq.split(0.5, 0.5)[0][0]
    assert caught.value.where["class"] == "Coded"


def test_a_mask_by_key_is_aligned_by_key() -> None:
    seq = ArraySequence(np.arange(10), keys=list("abcdefghij"))
    mask = pd.Series([True, False] * 5, index=list("jihgfedcba"))
    assert "".join(seq.subset(mask).keys) == "bdfhj"
    assert "".join(seq.subset(mask.to_numpy()).keys) == "acegi"
    unkeyed = ArraySequence(np.arange(10))
    other = mask.set_axis(np.arange(10)[::-1])
    with pytest.raises(AlignmentError, match="two ways"):
        unkeyed.subset(other)
    assert unkeyed.subset(mask).keys.tolist() == [0, 2, 4, 6, 8]
