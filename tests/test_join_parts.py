"""Joins of joins and of parts, and specs in them."""

from __future__ import annotations

import pickle
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from coded import Coded, Ragged, Words, epoch_of, frozen_epoch
from keyed import BACKWARDS, KEYS, MIXED, N, OneByOne, assert_aligned, part

from multiseq import ArraySequence, Spec, join
from multiseq.errors import ArgumentError, SampleError

SERIES = pd.Series(MIXED, index=[KEYS[k] for k in MIXED])


# Joins of joins, and parts of a join


@pytest.mark.parametrize("workers", [0, 2])
def test_joins_of_joins(workers: int) -> None:
    inner = join(part("x", MIXED), OneByOne("y", BACKWARDS), targets=SERIES)
    with join(part("z"), inner, batch_size=6, workers=workers, shuffle=True) as seq:
        assert_aligned(seq)
        assert list(seq[0][0]) == ["z", "x", "y"]
        assert len(seq[0]) == 2
    assert_aligned(join(join(join(inner)), w=part("w")))


def test_a_join_of_a_subset_of_a_join() -> None:
    inner = join(part("x", MIXED), part("y", BACKWARDS)).subset(KEYS[5:15])
    assert_aligned(join(inner, z=part("z", MIXED), how="inner").subset(KEYS[7:9]), range(7, 9))


def test_split_subset_sample_and_replace() -> None:
    seq = join(part("x", MIXED), OneByOne("y"), targets=SERIES, seed=3, batch_size=6)
    train, test = seq.split(0.7, 0.3)
    found = epoch_of(train) + epoch_of(test)
    assert sorted(found) == list(range(N))
    assert_aligned(seq.subset([KEYS[3], KEYS[1]]), [1, 3])
    inputs, target = seq.subset([KEYS[3], KEYS[1]]).sample(0)
    assert [inputs["x"][0], inputs["y"][0], target] == [3, 3, 3]
    assert_aligned(seq.replace(batch_size=7, shuffle=True))


class WeighedOneByOne(OneByOne):
    """With a target and a weight of its own."""

    def load_sample(self, index: int) -> Any:
        number = np.float32(self.order[index])
        return super().load_sample(index), number, number


@pytest.mark.parametrize("value", [None, np.nan])
def test_weights_of_a_class_of_ones_own_beside_a_part_with_a_fast_path(value: float | None) -> None:
    """Each weight comes by itself there, and not in an array."""
    first = WeighedOneByOne("x", MIXED)
    seq = join(first, part("y"), batch_size=6)
    if value is None:
        assert_aligned(seq)
        assert len(seq[0]) == 3
        return
    first.order[3] = value
    with pytest.raises(SampleError, match="would make the loss NaN") as raised:
        seq[0]
    assert raised.value.where["key"] == repr(KEYS[MIXED[3]])


def test_a_join_can_be_pickled() -> None:
    seq = join(part("x", MIXED), OneByOne("y"), targets=SERIES, batch_size=6, workers=2)
    with seq:
        batches = frozen_epoch(seq)
        with pickle.loads(pickle.dumps(seq)) as other:
            assert frozen_epoch(other) == batches


def test_parts_keep_their_own_settings() -> None:
    mine = part("x", batch_size=3, shuffle=True, seed=1)
    before = frozen_epoch(mine)
    seq = join(mine, part("y"), batch_size=7)
    epoch_of(seq)
    assert seq.keys.equals(mine.keys)
    assert len(seq) == 3
    assert frozen_epoch(mine) == before


def test_data_are_not_copied() -> None:
    mine = part("x")
    assert join(mine, part("y")).parts[0] is mine


# Specs


def test_specs_are_those_of_the_parts() -> None:
    seq = join(Ragged(10), Words(10), batch_size=4)
    assert seq.spec == (
        {"ids": Spec((None,), "int32"), "word": Spec((), "U"), "id": Spec((), "int64")},
    )
    assert [batch[0]["ids"].shape[1] for batch in seq] == [5, 5, 4]
    padded = join(Ragged(10, spec={"ids": Spec((None,), "int64", "pre", 9, 6)}), Words(10))
    assert padded[0][0]["ids"][0].tolist() == [9] * 5 + [1]


def test_a_spec_of_the_join_leaves_the_others_as_they_are() -> None:
    seq = join(Ragged(10), Coded(10), spec={"b": Spec((2, 2), "float16")}, batch_size=4)
    assert seq[0][0]["b"].dtype == np.float16
    assert seq[0][0]["ids"].shape == (4, 5)
    assert seq.spec[0]["ids"] == Spec((None,), "int32")


def test_a_spec_for_no_input_of_the_join() -> None:
    with pytest.raises(ArgumentError, match="spec= does not fit") as caught:
        join(Ragged(10), spec={"z": Spec(())})[0]
    assert caught.value.where["class"] == "JoinedSequence"


def test_inner_never_looks_at_what_it_dropped() -> None:
    class Broken(OneByOne):
        def load_sample(self, index: int) -> Any:
            if index == 0:
                raise OSError("broken")
            return super().load_sample(index)

    assert_aligned(join(Broken("x"), part("y", first=1), how="inner"), range(1, N))
    assert_aligned(join(part("y", first=1), Broken("x"), how="inner"), range(1, N))


def test_what_is_no_sequence() -> None:
    with pytest.raises(ArgumentError, match="b is neither a sequence nor a keyword"):
        join(a=part(None), b=np.zeros(N))  # type: ignore[arg-type]


def test_a_part_that_is_called_like_a_keyword() -> None:
    with pytest.raises(ArgumentError, match="a part is called 'shuffle', which is a keyword"):
        join(a=part(None), shuffle=part(None))


def test_targets_of_several_parts() -> None:
    seq = join(a=part(None), targets={"p": part(None, BACKWARDS), "q": part(None, MIXED)})
    inputs, targets = seq[0]
    assert set(targets) == {"p", "q"}
    assert np.array_equal(inputs["a"], targets["p"])
    assert np.array_equal(inputs["a"], targets["q"])


def test_a_sequence_as_targets_elsewhere_says_where_it_belongs() -> None:
    with pytest.raises(ArgumentError, match=r"(?s)targets is a sequence.*targets=masks"):
        ArraySequence(np.zeros((N, 2)), part(None))


@pytest.mark.parametrize("role", ["targets", "sample_weight"])
@pytest.mark.parametrize("nested", [dict, tuple])
def test_sequences_beside_arrays_take_keys_of_their_own(role: str, nested: Any) -> None:
    images = ArraySequence({"image": np.arange(4.0)}, keys=list("wxyz"))
    masks = ArraySequence(np.arange(4.0) * 2, keys=list("zyxw"))
    labels = pd.Series(np.arange(4.0) * 3, index=list("xwzy"))
    mixed = {"a": masks, "b": labels} if nested is dict else (masks, labels)
    goals = {"targets": mixed} if role == "targets" else {"targets": masks, role: mixed}
    with pytest.raises(ArgumentError, match=r"is a sequence") as caught:
        join(images, **goals)
    found = re.search(r"image=images, (\w+)=(.+)\)", str(caught.value.fix))
    assert found is not None
    names = {"ArraySequence": ArraySequence, "join": join, "masks": masks, "labels": labels}
    cured = {found[1]: eval(found[2], names)}  # noqa: S307
    if role == "sample_weight":
        zeros = pd.Series(0.0, index=list("wxyz"))
        cured["targets"] = {"a": zeros, "b": zeros} if nested is dict else (zeros, zeros)
    made = join(image=images, **cured)[0][1 if role == "targets" else 2]
    a, b = made.values() if nested is dict else made
    assert (a.tolist(), b.tolist()) == ([6, 4, 2, 0], [3, 0, 9, 6])
