"""A join that keeps all samples of its first part."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd
import pytest
from backends import keras
from hypothesis import given
from hypothesis import strategies as st
from keyed import KEYS, MIXED, N, Noised, OneByOne, part
from lacking import LACKS, SOME, left, whole

from multiseq import (
    ArraySequence,
    MultiInputSequence,
    Spec,
    Standardize,
    concat,
    join,
)
from multiseq.errors import AlignmentError, ArgumentError
from multiseq.testing import ContractError, check_sequence


@given(
    keys=st.lists(st.integers(0, 40), min_size=1, max_size=30, unique=True),
    right=st.lists(st.integers(0, 40), min_size=1, max_size=30, unique=True),
    fill=st.integers(-5, 5),
    batch_size=st.integers(1, 8),
)
def test_values_are_those_of_pandas(keys: Any, right: Any, fill: int, batch_size: int) -> None:
    a = pd.DataFrame({"a": np.arange(len(keys), dtype="float32")}, keys)
    b = pd.DataFrame({"b": 1000 + np.arange(len(right), dtype="float32")}, right)
    expected = a.join(b, how="left").fillna(fill)
    parts = [ArraySequence({name: f[name]}, keys=f.index) for name, f in (("a", a), ("b", b))]
    if not set(keys) & set(right):
        with pytest.raises(AlignmentError, match="no key in common"):
            join(*parts, how="left")
        return
    seq = join(*parts, how="left", fill=fill, mask=True, batch_size=batch_size)
    assert seq.keys.tolist() == keys
    found = [seq[index][0] for index in range(len(seq))]
    for name in ("a", "b"):
        assert np.concatenate([b[name] for b in found]).tolist() == expected[name].tolist()
    present = [key in set(right) for key in keys]
    assert np.concatenate([b["b_present"] for b in found]).tolist() == present
    missing = [key for key in keys if key not in set(right)]
    assert seq.filled.get("part 1 (ArraySequence)", pd.Index([])).tolist() == missing


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("make", [part, OneByOne])
def test_it_keeps_the_contract(make: Any, workers: int) -> None:
    seq = join(
        part("x", MIXED),
        make("y", SOME),
        how="left",
        fill=-1,
        mask=True,
        shuffle=True,
        seed=3,
        batch_size=3,
        workers=workers,
    )
    check_sequence(seq)
    seq.close()


def test_the_check_sees_what_is_filled_wrongly() -> None:
    seq = left()
    seq[0]
    seq._members[1].fills[0].value[:] = 7
    seq._members[1].member.leaves = lambda index, draw: [np.full(3, 8, np.float32)]
    with pytest.raises(ContractError, match="inputs\\['y'\\]"):
        check_sequence(seq)


def test_processes_give_the_same() -> None:
    seq = left(fill=-1, mask=True, batch_size=3)
    batches = [seq[index] for index in range(len(seq))]
    with seq.replace(workers=1, use_multiprocessing=True) as other:
        for index, batch in enumerate(batches):
            for name, leaf in other[index][0].items():
                assert np.array_equal(leaf, batch[0][name])


def test_what_was_filled_and_what_was_left_out(caplog: Any) -> None:
    with caplog.at_level(logging.WARNING, "multiseq"):
        seq = join(x=part("x", SOME), y=part("y", [2, 4, 6, 11]), how="left")
    assert seq.filled["y"].tolist() == [KEYS[n] for n in SOME if n not in (2, 11)]
    assert seq.dropped["y"].tolist() == [KEYS[4], KEYS[6]]
    assert "join filled y for 6 keys: 'k03', 'k05'" in caplog.text
    assert "join dropped 2 keys of y: 'k04', 'k06'" in caplog.text
    first, second = seq.split(positions=([0, 1], [2, 3, 4]))
    assert first.filled["y"].tolist() == ["k03"]
    assert second.filled["y"].tolist() == ["k05", "k07"]
    assert join(x=part("x"), y=part("y"), how="left").filled == {}


def test_keys_that_look_alike_are_pointed_out(caplog: Any) -> None:
    upper = ArraySequence({"y": np.ones(3)}, keys=["A", "b", "c"])
    lower = ArraySequence({"x": np.ones(3)}, keys=["a", "b", "c"])
    with caplog.at_level(logging.WARNING, "multiseq"):
        join(lower, upper, how="left")
    assert "is it meant so? they differ in case: 'A' and 'a'" in caplog.text


def test_numbers_never_equal_text() -> None:
    text = ArraySequence({"y": np.ones(3)}, keys=["1", "2", "3"])
    with pytest.raises(AlignmentError, match="different kinds"):
        join(ArraySequence({"x": np.ones(3)}, keys=[1, 2, 3]), text, how="left")


def test_keys_of_several_levels() -> None:
    keys = pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["who", "day"])
    a = ArraySequence({"x": np.arange(4.0)}, keys=keys)
    b = ArraySequence({"y": np.arange(2.0)}, keys=keys.reorder_levels(["day", "who"])[[3, 0]])
    assert whole(join(a, b, how="left", fill=9))[0]["y"].tolist() == [1, 9, 9, 0]


# Learning, augmentation, times, weights.


class Scaled(MultiInputSequence):
    """Numbers that are standardized."""

    def __init__(self, values: Any, keys: Any, **keywords: Any) -> None:
        self.values, self.scale = values, Standardize()
        super().__init__(keys, **keywords)

    @property
    def transforms(self) -> Any:
        return {"s": self.scale}

    def raw(self, index: int) -> Any:
        return {"s": self.values[index]}

    def load_sample(self, index: int) -> Any:
        return {"s": self.scale(self.values[index])}


def test_it_learns_from_what_is_there() -> None:
    values = np.array([10.0, 20.0, 1000.0])
    seq = join(part("x"), Scaled(values, ["k01", "k03", "k19"]), how="left", mask=True)
    train, test = seq.split(positions=(range(10), range(10, N)))
    train.adapt(progress=False)
    found = whole(train)[0]
    assert found["s"][[1, 3]].tolist() == [-1, 1]
    assert not found["s"][[0, 2]].any()
    assert whole(test)[0]["s"][9] == pytest.approx((1000 - 15) / 5)


def test_transforms_of_parts_apply_to_what_is_there() -> None:
    right = ArraySequence(
        {"y": np.array([10.0, 20, 30])}, keys=KEYS[1:4], transforms={"y": Standardize()}
    )
    seq = join(part("x"), right, how="left", fill={"y": 9})
    seq.adapt(progress=False)
    found = whole(seq)[0]["y"]
    assert found[:5] == pytest.approx([9, -np.sqrt(1.5), 0, np.sqrt(1.5), 9])
    check_sequence(seq)


def test_the_whole_does_not_learn_from_what_is_filled() -> None:
    values = {"y": np.array([10.0, 20, 30])}
    right = ArraySequence(values, keys=KEYS[1:4])
    seq = join(part("x"), right, how="left", transforms={"y": Standardize()})
    with pytest.raises(ArgumentError, match="would learn from what is filled") as refused:
        seq.adapt(progress=False)
    assert "of the sequence, before it is joined" in str(refused.value)
    given, _ = seq.split(positions=([1, 2, 3], [0]))
    given.adapt(progress=False)
    assert whole(given)[0]["y"] == pytest.approx([-np.sqrt(1.5), 0, np.sqrt(1.5)])
    others = join(part("x"), right, how="left", transforms={"x": Standardize()})
    others.adapt(progress=False)
    assert whole(others)[0]["x"].mean() == pytest.approx(0, abs=1e-6)
    check_sequence(others)


def test_nothing_to_learn_from_is_an_error() -> None:
    seq = join(part("x"), Scaled(np.ones(1), ["k19"]), how="left")
    train, _ = seq.split(positions=(range(10), range(10, N)))
    with pytest.raises(ValueError, match="nothing to learn from"):
        train.adapt(progress=False)


def test_what_is_filled_is_not_augmented_and_others_are_as_ever() -> None:
    some = Noised([KEYS[n] for n in SOME], seed=1)
    every = join(part("x", SOME), some, seed=5, batch_size=1)
    seq = join(part("x"), some, how="left", seed=5, batch_size=1)
    for row, number in enumerate(SOME):
        assert np.array_equal(seq[number][0]["noise"], every[row][0]["noise"])
    assert not any(seq[number][0]["noise"].any() for number in LACKS)
    check_sequence(seq)


def with_targets(order: Any) -> ArraySequence:
    keys = [KEYS[n] for n in order]
    return ArraySequence({"y": np.zeros(len(keys))}, np.arange(len(keys)) % 2, keys=keys)


def test_targets_are_never_filled() -> None:
    with pytest.raises(ArgumentError, match="has the targets, and lacks samples") as refused:
        join(part("x"), with_targets(SOME), how="left")[0]
    assert "targets=series" in str(refused.value)
    assert 'how="inner"' in str(refused.value)
    series = pd.Series(1.0, [KEYS[n] for n in SOME])
    with pytest.raises(AlignmentError, match=f"no row for {N - len(SOME)} of the {N} samples"):
        join(part("x"), part("y", SOME), targets=series, how="left")
    with pytest.raises(AlignmentError, match="targets lacks 12 keys"):
        join(part("x"), part("y"), targets=part(None, SOME), how="left")
    with pytest.raises(AlignmentError, match="targets lacks 12 keys"):
        join(part("x"), part("y"), targets={"a": part(None), "b": part(None, SOME)}, how="left")


def test_the_cure_for_targets_that_are_missing() -> None:
    series = pd.Series(1.0, [KEYS[n] for n in SOME])
    seq = join(
        part("x"),
        with_targets(SOME),
        targets=series.reindex(KEYS).fillna(0),
        sample_weight=pd.Series(KEYS, KEYS).isin(series.index).astype(float),
        how="left",
    )
    _, targets, weights = whole(seq)
    assert np.flatnonzero(targets).tolist() == np.flatnonzero(weights).tolist() == SOME
    assert join(with_targets(range(N)), part("x", SOME), how="left")[0][1].tolist()[:2] == [0, 1]


def test_class_weight() -> None:
    seq = join(with_targets(range(N)), part("x", SOME), how="left", class_weight="balanced")
    assert set(whole(seq)[2].tolist()) == {1.0}
    complete = join(part("x"), with_targets(range(N)), how="left", class_weight={0: 1, 1: 3})
    assert set(whole(complete)[2].tolist()) == {1.0, 3.0}


def test_a_part_that_is_looked_up_or_divided() -> None:
    people = ArraySequence({"age": np.array([30.0, 40.0])}, keys=["p", "q"])
    images = part("image")
    looked = people.lookup({KEYS[0]: "p", KEYS[1]: "q", KEYS[2]: "p"})
    seq = join(images, looked, how="left", fill=-1)
    assert whole(seq)[0]["age"][:4].tolist() == [30, 40, 30, -1]
    again = seq.lookup({"new": KEYS[3], "other": KEYS[1]})
    assert whole(again)[0]["age"].tolist() == [-1, 40]
    assert again.filled["part 1 (ArraySequence)"].tolist() == ["new"]
    shards = [seq.replace(batch_size=4).shard(k, 2) for k in range(2)]
    assert [s[0][0]["age"].tolist() for s in shards] == [[30, 30], [40, -1]]


def test_joins_of_joins() -> None:
    inner = join(part("y", SOME), part("z", SOME[:4]), how="left", fill=-1)
    seq = join(part("x"), inner, how="left", fill=-2)
    found = whole(seq)[0]
    assert found["y"][:4, 0].tolist() == [-2, -2, 2, 3]
    assert found["z"][[1, 2, 11], 0].tolist() == [-2, 2, -1]
    check_sequence(seq)


def test_masks_of_joins_within_joins() -> None:
    inner = join(part("y", SOME), part("z", SOME[:4]), how="left", mask=True)
    whole_inner = concat(inner, inner.lookup({KEYS[0]: KEYS[2]}))
    for right in (inner, whole_inner):
        found = whole(join(part("x"), right, how="left", fill=-1, mask=True))[0]
        assert list(found) == ["x", "y", "z", "z_present", "y_present"]
        assert [n for n in np.flatnonzero(found["z_present"]) if n] == SOME[:4]
        assert set(found["z_present"].tolist()) == {0, 1}
        assert found["z"][1, 0] == -1


def test_a_part_of_one_sample_and_parts_that_are_equal() -> None:
    assert whole(join(part("x"), part("y", [7]), how="left"))[0]["y"][7, 0] == 7
    one = join(part("x", [7]), part("y"), how="left")
    assert whole(one)[0]["y"].tolist() == [[7, 7, 7]]


def test_a_spec_of_the_join() -> None:
    right = ArraySequence({"y": np.ones(2, "uint8")}, keys=["k01", "k03"])
    seq = join(part("x"), right, how="left", fill=3, spec={"y": Spec((), "float32")})
    assert whole(seq)[0]["y"].dtype == "float32"
    assert whole(seq)[0]["y"][0] == 3


def test_state_and_predictions_go_on() -> None:
    seq = left(shuffle=True, seed=1, batch_size=4, mask=True)
    batches = iter(seq)
    next(batches)
    state = seq.state_dict()
    rest = list(batches)
    other = left(shuffle=True, seed=1, batch_size=4, mask=True)
    other.load_state_dict(state)
    for mine, theirs in zip(list(other), rest, strict=True):
        assert all(np.array_equal(mine[0][name], theirs[0][name]) for name in mine[0])


@pytest.mark.backend
def test_a_model_is_told_what_is_missing() -> None:
    """The target is known from the right part where it is there, and else is 1."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    values = rng.random(200).astype("float32")
    has = rng.random(200) < 0.7
    keyed = ArraySequence({"x": np.zeros((200, 1), "float32")}, keys=np.arange(200))
    b = ArraySequence({"v": values[has][:, None]}, keys=np.flatnonzero(has))
    seq = join(keyed, b, targets=np.where(has, values, 1), how="left", mask=True, shuffle=True)
    x, v = keras.Input((1,), name="x"), keras.Input((1,), name="v")
    told = keras.Input((1,), name="v_present")
    out = keras.layers.Dense(1)(keras.layers.concatenate([x, v, told]))
    model = keras.Model({"x": x, "v": v, "v_present": told}, out)
    model.compile(keras.optimizers.Adam(0.05), "mse")
    model.fit(seq, epochs=60, verbose=0)
    assert model.evaluate(seq, verbose=0) < 0.01
    found = seq.predictions(model, verbose=0)["prediction"]
    assert found.index.tolist() == list(range(200))
    assert np.abs(found[~has] - 1).max() < 0.2


def test_a_part_may_be_called_mask() -> None:
    image, mask = ArraySequence(np.arange(3.0)), ArraySequence(np.arange(3.0) * 10)
    inputs = join(image=image, mask=mask)[0][0]
    assert inputs["image"].tolist() == [0, 1, 2]
    assert inputs["mask"].tolist() == [0, 10, 20]
