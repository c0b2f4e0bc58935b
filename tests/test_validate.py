"""`seq.validate()`: the samples that cannot be loaded, by key; `seq.substituted`: as data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from multiseq import ArraySequence, MultiInputSequence, TextSequence, Vocabulary, join
from multiseq.errors import NotAdaptedError

N = 60
KEYS = [f"k{number:02}" for number in range(N)]


class Damaged(MultiInputSequence):
    """Some samples are gone, one is of another shape."""

    def __init__(self, gone: Any = (0, 7, 33), wide: Any = (50,), **keywords: Any) -> None:
        self.gone, self.wide = set(gone), set(wide)
        super().__init__(KEYS, **keywords)

    def load_sample(self, index: int) -> Any:
        if index in self.gone:
            raise FileNotFoundError(f"{index}.npy")
        return {"x": np.zeros(4 if index in self.wide else 3, "float32")}, np.float32(index)


@pytest.mark.parametrize(
    "how",
    [{}, {"workers": 0}, {"workers": 2}, {"workers": 2, "use_multiprocessing": True}],
)
def test_all_that_cannot_be_loaded_are_in_the_table(how: Any) -> None:
    seq = Damaged(batch_size=8, shuffle=True, drop_last=True, **how)
    frame = seq.validate(progress=False)
    assert frame.index.tolist() == ["k00", "k07", "k33", "k50"]
    assert frame["position"].tolist() == [0, 7, 33, 50]
    assert frame["error"].tolist() == ["FileNotFoundError"] * 3 + ["SpecError"]
    assert frame["input"].tolist()[3] == "inputs['x']"
    assert "33.npy" in str(frame.loc["k33", "what"])
    assert seq.epoch == 0
    assert seq._live is None


def test_nothing_is_in_it_where_all_is_well() -> None:
    frame = Damaged((), ()).validate(progress=False)
    assert frame.empty
    assert list(frame.columns) == ["position", "input", "error", "what", "got"]


def test_all_are_in_it_where_none_can_be_loaded() -> None:
    assert len(Damaged(range(N)).validate(progress=False)) == N


def test_of_a_part_of_a_split_and_of_a_shard() -> None:
    seq = Damaged(batch_size=8, seed=0)
    parts = [part.validate(progress=False) for part in seq.split(0.5, 0.5)]
    assert sorted([*parts[0].index, *parts[1].index]) == ["k00", "k07", "k33", "k50"]
    for part, of in zip(seq.split(0.5, 0.5), parts, strict=True):
        assert part.keys[of["position"]].equals(of.index)
    assert len(seq.shard(1, 2).validate(progress=False)) == 4


def test_of_a_join_by_its_own_keys() -> None:
    other = ArraySequence({"y": np.zeros((N, 2))}, keys=KEYS[::-1])
    frame = join(other, Damaged(wide=())).validate(progress=False)
    assert frame.index.tolist() == ["k33", "k07", "k00"]
    assert frame["position"].tolist() == [26, 52, 59]


def test_a_batch_that_fails_as_a_whole_stops_nothing() -> None:
    class InBulk(Damaged):
        def load_batch(self, indices: Any) -> Any:
            raise OSError("gone")

    assert len(InBulk().validate(progress=False)) == N


def test_keys_of_several_levels() -> None:
    class Levels(MultiInputSequence):
        def load_sample(self, index: int) -> Any:
            if index == 3:
                raise ValueError("no")
            return np.zeros(2)

    keys = pd.MultiIndex.from_product([["a", "b"], [1, 2, 3]], names=["site", "day"])
    frame = Levels(keys).validate(progress=False)
    assert frame.index.tolist() == [("b", 1)]
    assert frame.index.names == ["site", "day"]


def test_a_transform_that_has_learned_nothing_is_no_broken_sample() -> None:
    with pytest.raises(NotAdaptedError, match="adapt"):
        TextSequence(["a b"] * 5, tokenizer=Vocabulary()).validate(progress=False)


@pytest.mark.parametrize("how", [{}, {"workers": 2}, {"workers": 2, "use_multiprocessing": True}])
def test_those_that_others_stood_in_for_are_data(how: Any) -> None:
    with Damaged(gone=(7, 33), batch_size=8, on_error="substitute", **how) as seq:
        assert seq.substituted.empty
        for _ in seq:
            pass
        frame = seq.substituted
        assert frame.index.tolist() == ["k07", "k33", "k50"]
        assert frame["error"].tolist() == ["FileNotFoundError"] * 2 + ["SpecError"]
        assert seq.subset(["k00", "k01"]).substituted.empty


def test_those_of_a_pass_that_is_under_way() -> None:
    seq = Damaged(gone=(7, 33), wide=(), batch_size=8, on_error="substitute")
    seq[0]
    assert seq.substituted.index.tolist() == ["k07"]
    assert seq.subset(slice(5, 20)).replace(on_error="substitute").substituted.empty
