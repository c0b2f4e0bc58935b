"""Columns beside arrays: what the whole makes of their labels, its parts and joins make of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiseq import ArraySequence, MultiInputSequence, TextSequence, WeightedSampler, join
from multiseq.errors import AlignmentError

Make = Callable[[Any], MultiInputSequence]

MAKE: dict[str, Make] = {
    "arrays": lambda f: ArraySequence(f["x"].to_numpy()),
    "text": lambda f: TextSequence([[int(x)] for x in f["x"]]),
    "join": lambda f: join(a=ArraySequence(f["x"].to_numpy()), b=ArraySequence(f["y"].to_numpy())),
}
IN_ROWS: dict[str, Callable[[int], Any]] = {
    "range": pd.RangeIndex,
    "holes": lambda n: np.arange(n) * 2,
    "text": lambda n: [f"row {k}" for k in range(n)],
    "twice": lambda n: np.zeros(n, int),
}
MOVED: dict[str, Callable[[int], Any]] = {
    "integers": lambda n: np.arange(n)[::-1],
    "floats": lambda n: np.arange(float(n))[::-1],
    "objects": lambda n: pd.Index(list(range(n)), dtype=object)[::-1],
    "categories": lambda n: pd.CategoricalIndex(range(n))[::-1],
}


def framed(index: Any, n: int) -> Any:
    x = np.arange(float(n))
    return pd.DataFrame({"x": x, "y": x * 10, "g": np.arange(n) % 3}, index=index)


@pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)
@given(labels=st.sampled_from(list(IN_ROWS)), n=st.integers(4, 12), data=st.data())
def test_columns_go_by_row(make: Make, labels: str, n: int, data: Any) -> None:
    frame = framed(IN_ROWS[labels](n), n)
    rows = data.draw(st.lists(st.sampled_from(range(n)), min_size=2, unique=True))
    seq = make(frame)
    for part in (seq, seq.subset(positions=rows), seq.subset(positions=rows).subset(slice(1))):
        expected = frame["y"].iloc[part.keys].tolist()
        labelled = join(part, targets=frame["y"], how="inner", batch_size=99)
        assert labelled.keys.tolist() == part.keys.tolist()
        assert labelled[0][1].tolist() == expected
        assert join(part, targets=frame["y"], batch_size=99)[0][1].tolist() == expected
    first, second = seq.subset(positions=rows).split(0.5, 0.5, groups=frame["x"])
    assert sorted([*first.keys, *second.keys]) == sorted(rows)
    kept = [k for k in rows if frame["y"].iloc[k] >= 10]
    assert seq.subset(positions=rows).subset(frame["y"] >= 10).keys.tolist() == kept


@pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)
@pytest.mark.parametrize("labels", MOVED.values(), ids=MOVED)
def test_positions_in_another_order(make: Make, labels: Callable[[int], Any]) -> None:
    frame = framed(labels(6), 6)
    whole = make(frame)
    part = whole.subset(positions=[4, 0, 1])
    for seq in (whole, part):
        for use in (
            lambda seq=seq: join(seq, targets=frame["y"]),
            lambda seq=seq: join(seq, targets=frame["y"], how="inner"),
            lambda seq=seq: seq.split(0.5, 0.5, groups=frame["g"]),
            lambda seq=seq: seq.subset(frame["y"] > 20),
            lambda seq=seq: seq.replace(sampler=WeightedSampler(frame["y"])),
        ):
            with pytest.raises(AlignmentError, match=r"two ways(?s:.*)set_axis"):
                use()


def test_both_cures_work() -> None:
    frame = framed(np.arange(6)[::-1], 6)
    whole = ArraySequence(frame["x"].to_numpy())
    part = whole.subset(positions=[4, 0, 1])
    by_row = join(part, targets=frame["y"].set_axis(whole.keys))
    assert by_row[0][1].tolist() == [40, 0, 10]
    by_key = join(part, targets=frame["y"].loc[part.keys].to_numpy())
    assert by_key[0][1].tolist() == [10, 50, 40]


def test_keys_in_a_list_and_the_default_labels_of_pandas() -> None:
    frame = framed(pd.RangeIndex(6), 6)
    seq = ArraySequence(frame["x"].to_numpy(), keys=[5, 4, 3, 2, 1, 0])
    part = seq.subset(positions=[0, 1, 4])
    for each in (seq, part, part.subset(slice(2)), join(a=part)):
        with pytest.raises(AlignmentError, match="two ways"):
            join(each, targets=frame["y"])
    by_row = join(part, targets=frame["y"].set_axis(seq.keys))
    assert by_row[0][1].tolist() == [0, 10, 40]
    by_key = join(part, targets=frame["y"].loc[part.keys].to_numpy())
    assert by_key[0][1].tolist() == [50, 40, 10]
    labels = frame["y"].set_axis(range(6)).set_axis([0, 1, 2, 3, 4, 5])  # Given: those are keys.
    assert join(part, targets=labels)[0][1].tolist() == [50, 40, 10]


def test_rows_of_another_part_of_a_join_are_not_taken() -> None:
    frame = framed([f"row {k}" for k in range(3)], 3)
    keyed = ArraySequence({"a": np.zeros(3)}, keys=[2, 0, 1])
    with pytest.raises(AlignmentError):
        join(keyed, ArraySequence({"b": np.zeros(3)}), targets=frame["y"])


def test_rows_with_labels_come_before_those_without() -> None:
    frame = framed([f"row {k}" for k in range(3)], 3).assign(id=[2, 0, 1])
    keyed = ArraySequence({"a": frame["x"].to_numpy()}, keys=frame["id"])
    unkeyed = ArraySequence({"b": np.arange(3.0)})
    for parts in ((keyed, unkeyed), (unkeyed, keyed)):
        labelled = join(*parts, targets=frame["y"])
        assert labelled[0][1].tolist() == (labelled[0][0]["a"] * 10).tolist()


def test_the_cure_of_default_labels_is_to_label_them() -> None:
    frame = framed(pd.RangeIndex(3), 3).assign(id=["b", "c", "a"])
    with pytest.raises(AlignmentError, match=r"set_index\('id'\)(?s:.*)to_numpy\(\)"):
        ArraySequence(np.zeros(3), frame["y"], keys=["a", "b", "c"])
    by_key = ArraySequence(np.zeros(3), frame.set_index("id")["y"], keys=["a", "b", "c"])
    assert by_key[0][1].tolist() == [20, 0, 10]
