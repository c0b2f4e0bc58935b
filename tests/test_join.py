"""join: sequences put together by key, never by position."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd
import pytest
from coded import Coded, epoch_of, frozen_epoch
from keyed import BACKWARDS, KEYS, MIXED, N, Noised, OneByOne, assert_aligned, part

from multiseq import ArraySequence, join
from multiseq.errors import AlignmentError, ArgumentError
from multiseq.testing import check_sequence


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("make", [part, OneByOne])
def test_parts_are_aligned_by_key(make: Any, shuffle: bool, workers: int) -> None:
    parts = [make("x"), make("y", BACKWARDS), part("z", MIXED)]
    with join(*parts, batch_size=6, shuffle=shuffle, seed=1, workers=workers) as seq:
        assert_aligned(seq)
        assert list(seq[0][0]) == ["x", "y", "z"]


def test_keys_are_those_of_the_first_part_in_its_order() -> None:
    assert join(part("x", MIXED), part("y")).keys.tolist() == [KEYS[k] for k in MIXED]


def test_it_keeps_the_contract() -> None:
    check_sequence(join(part(), OneByOne("y", BACKWARDS), batch_size=6, shuffle=True))
    check_sequence(join(part(), noise=Noised(KEYS), batch_size=6, shuffle=True))


def test_batches_are_the_same_with_and_without_fast_paths() -> None:
    fast = join(part("x"), part("y", MIXED), batch_size=6, shuffle=True, seed=1)
    slow = join(OneByOne("x"), OneByOne("y", MIXED), batch_size=6, shuffle=True, seed=1)
    assert (fast.loads_batches, slow.loads_batches) == (True, False)
    assert frozen_epoch(fast) == frozen_epoch(slow)


# Names


def test_a_named_part_gives_one_input_by_that_name() -> None:
    seq = join(image=part("anything", BACKWARDS), caption=part(None))
    assert_aligned(seq)
    assert list(seq[0][0]) == ["image", "caption"]


def test_a_positional_part_brings_its_own_names() -> None:
    two = ArraySequence({"a": np.arange(N), "b": np.arange(N)}, keys=KEYS)
    assert list(join(two, c=part())[0][0]) == ["a", "b", "c"]


def test_inputs_without_names_are_a_tuple_in_order() -> None:
    pair = ArraySequence((np.arange(N), np.arange(N)), keys=KEYS)
    seq = join(part(None), pair, part(None, BACKWARDS))
    assert_aligned(seq)
    assert len(seq[0][0]) == 4


def test_one_part_without_a_name_is_one_array() -> None:
    assert isinstance(join(part(None))[0][0], np.ndarray)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: join(part("x"), part("x")), "two parts have an input 'x'"),
        (lambda: join(part("x"), x=part()), "two parts have an input 'x'"),
        (lambda: join(part("x"), part(None)), "some inputs have names and some have none"),
        (
            lambda: join(x=ArraySequence({"a": np.arange(N), "b": np.arange(N)}, keys=KEYS)),
            "part 'x' has 2 inputs",
        ),
        (lambda: join(), "given no parts"),
        (lambda: join(part(), np.zeros(3)), "is no sequence"),  # type: ignore[arg-type]
        (lambda: join(part(), how="outer"), "bad how"),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_joined(make: Any, says: str) -> None:
    with pytest.raises(ArgumentError, match=says) as caught:
        make()[0]
    assert caught.value.where["class"] == "JoinedSequence"


def test_an_unknown_keyword() -> None:
    with pytest.raises(ArgumentError, match="batchsize is neither a sequence nor a keyword"):
        join(part(), batchsize=3)  # type: ignore[arg-type]


def test_a_part_that_collates_cannot_be_joined() -> None:
    class Collates(Coded):
        def collate(self, samples: Any) -> Any:
            return samples

    with pytest.raises(ArgumentError, match=r"collate(?s:.)*Collates"):
        join(Collates(3), Coded(3))


# Keys


def test_strict_names_what_is_missing_where() -> None:
    with pytest.raises(AlignmentError) as caught:
        join(part("x"), y=part("y", first=2))
    assert caught.value.got == "y lacks 'k00', 'k01', which part 0 (ArraySequence) has"
    assert 'how="inner"' in str(caught.value)
    with pytest.raises(AlignmentError, match=r"part 0 \(ArraySequence\) lacks 'k00', 'k01'"):
        join(part("x", first=2), part("y"))


def test_inner_keeps_what_all_have_and_reports_the_rest(caplog: Any) -> None:
    parts = {
        "x": part("x", MIXED[2:]),
        "y": part("y", BACKWARDS[:-3]),
        "z": OneByOne("z", range(1, N)),
    }
    lacking = {*MIXED[:2].tolist(), 0, 1, 2}
    with caplog.at_level(logging.WARNING, "multiseq"):
        seq = join(**parts, how="inner", batch_size=4, shuffle=True)
    assert_aligned(seq, sorted(set(range(N)) - lacking))
    for name, each in parts.items():
        expected = set(each.keys) - set(seq.keys)
        assert set(seq.dropped.get(name, [])) == expected
        assert (f"of {name}: " in caplog.text) == bool(expected)
    assert set(seq.keys) == {KEYS[k] for k in set(range(N)) - lacking}


def test_inner_of_equal_keys_drops_nothing(caplog: Any) -> None:
    seq = join(part("x"), part("y", BACKWARDS), how="inner")
    assert seq.dropped == {}
    assert not caplog.records
    assert_aligned(seq)


def test_nothing_in_common() -> None:
    for how in ("inner", "strict"):
        with pytest.raises(AlignmentError, match="k0"):
            join(part("x", range(5)), part("y", range(5, N)), how=how)


def test_numbers_never_equal_text() -> None:
    numbers = ArraySequence({"y": np.arange(3)}, keys=[1, 2, 3])
    texts = ArraySequence({"x": np.arange(3)}, keys=["1", "2", "3"])
    for how in ("strict", "inner"):
        with pytest.raises(AlignmentError, match=r"keys\.astype\(str\)"):
            join(texts, numbers, how=how)


@pytest.mark.parametrize("keys", [np.arange(3, dtype="int32"), np.arange(3.0), range(3)])
def test_equal_numbers_are_equal_keys(keys: Any) -> None:
    seq = join(ArraySequence({"x": np.arange(3)}), ArraySequence({"y": np.arange(3)}, keys=keys))
    assert epoch_of(seq) == [0, 1, 2]


def test_keys_of_several_levels() -> None:
    keys = [("p1", 1), ("p1", 2), ("p2", 1)]
    one = ArraySequence({"x": np.arange(3)}, keys=keys)
    other = ArraySequence({"y": np.arange(3)[::-1].copy()}, keys=keys[::-1])
    assert epoch_of(join(one, other)) == [0, 1, 2]
    assert epoch_of(join(one.subset(positions=[2, 0]), other, how="inner")) == [2, 0]


def test_a_subset_is_joined_by_its_own_keys() -> None:
    seq = join(part("x").subset(KEYS[4:12]), part("y", MIXED), how="inner", batch_size=3)
    assert_aligned(seq, range(4, 12))
    assert_aligned(join(part("x", MIXED).subset(KEYS), OneByOne("y", MIXED).subset(KEYS)))


# Targets


TARGETS: dict[str, Any] = {
    "array": np.arange(N),
    "list": list(range(N)),
    "series": pd.Series(MIXED, index=[KEYS[k] for k in MIXED]),
    "longer series": pd.Series([*MIXED, 99], index=[*(KEYS[k] for k in MIXED), "other"]),
    "frame": pd.DataFrame({"t": MIXED, "u": MIXED}, index=[KEYS[k] for k in MIXED]),
    "dict": {"p": np.arange(N), "q": pd.Series(MIXED, index=[KEYS[k] for k in MIXED])},
    "tuple": (np.arange(N), np.arange(N)),
    "part": part("p", MIXED),
    "bare part": part(None, MIXED),
    "slow part": OneByOne("p", MIXED),
}


@pytest.mark.parametrize("targets", TARGETS)
@pytest.mark.parametrize("workers", [0, 2])
def test_targets_from_anything(targets: str, workers: int) -> None:
    settings: dict[str, Any] = {"batch_size": 6, "shuffle": True, "seed": 1, "workers": workers}
    with join(part("x"), part("y", BACKWARDS), targets=TARGETS[targets], **settings) as seq:
        assert_aligned(seq)
        assert len(seq[0]) == 2
        if targets in ("dict", "part", "slow part"):
            assert isinstance(seq[0][1], dict)


@pytest.mark.parametrize("weights", ["array", "series", "bare part"])
def test_weights_from_anything(weights: str) -> None:
    given = TARGETS[weights]
    seq = join(part("x", MIXED), targets=TARGETS["series"], sample_weight=given, how="strict")
    if weights == "array":  # In the order of the join's keys.
        assert seq[0][2].tolist() == list(range(N))
    else:
        assert_aligned(seq)
    assert len(seq[0]) == 3


def test_partial_weights_are_completed() -> None:
    seq = join(part(), targets=TARGETS["dict"], sample_weight={"q": TARGETS["series"] / 2})
    assert seq[0][2]["p"].tolist() == [1] * N
    assert seq[0][2]["q"].tolist() == [k / 2 for k in range(N)]


def test_several_outputs_with_weights_of_their_own() -> None:
    """Targets from two parts, a weight for one of them, class weights for the other."""
    one = ArraySequence({"x": np.arange(N)}, {"p": np.arange(N)}, {"p": np.arange(N)}, keys=KEYS)
    other = ArraySequence(
        {"y": BACKWARDS}, {"q": BACKWARDS % 2}, keys=[KEYS[k] for k in BACKWARDS], seed=1
    )
    weights = {"q": {0: 2.0, 1: 3.0}}
    seq = join(one, other, class_weight=weights, batch_size=6, shuffle=True, seed=1)
    for inputs, targets, weight in seq:
        assert (inputs["x"] == inputs["y"]).all()
        assert (targets["p"] == inputs["x"]).all()
        assert (targets["q"] == inputs["x"] % 2).all()
        assert (weight["p"] == inputs["x"]).all()
        assert (weight["q"] == inputs["x"] % 2 + 2).all()


def test_class_weight_of_a_part_is_not_lost() -> None:
    labelled = ArraySequence({"y": np.arange(N)}, np.arange(N), keys=KEYS, class_weight={0: 5})
    with pytest.raises(ArgumentError, match=r"class_weight=, which would be lost"):
        join(part("x"), labelled)


def test_class_weight() -> None:
    seq = join(part(), targets=TARGETS["series"], class_weight={0: 5})
    assert seq[0][2].tolist() == [5] + [1] * (N - 1)


def with_targets(name: str, targets: Any, weights: Any = None) -> ArraySequence:
    return ArraySequence({name: np.arange(N)}, targets, weights, keys=KEYS)


def test_targets_of_a_part_are_those_of_the_join() -> None:
    seq = join(with_targets("x", np.arange(N), np.arange(N)), part("y", MIXED), batch_size=6)
    assert len(seq[0]) == 3
    assert_aligned(seq)


def test_targets_of_several_parts_go_by_name() -> None:
    one, other = with_targets("x", {"p": np.arange(N)}), with_targets("y", {"q": np.arange(N)})
    assert list(join(one, other)[0][1]) == ["p", "q"]


@pytest.mark.parametrize(
    ("first", "second"), [(np.arange(N), np.arange(N)), ({"p": np.arange(N)},) * 2]
)
def test_it_must_be_clear_which_targets_are_meant(first: Any, second: Any) -> None:
    parts = with_targets("x", first), with_targets("y", second)
    with pytest.raises(ArgumentError, match=r"several parts have targets(?s:.)*targets=") as caught:
        join(*parts)[0]
    assert caught.value.where["class"] == "JoinedSequence"
    assert join(*parts, targets=np.zeros(N))[0][1].tolist() == [0] * N


@pytest.mark.parametrize(
    ("targets", "error"),
    [
        (np.arange(N - 1), ArgumentError),
        (pd.Series(range(N)), AlignmentError),
        (pd.Series(range(2), index=KEYS[:2]), AlignmentError),
        (part("t", first=3), AlignmentError),
        ([None] * N, ArgumentError),
    ],
)
def test_targets_that_do_not_fit(targets: Any, error: Any) -> None:
    with pytest.raises(error):
        join(part(), targets=targets)
