"""What must be alike in sequences that are put one after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from multiseq import (
    ArraySequence,
    MinMax,
    MultiInputSequence,
    Spec,
    Standardize,
    TextSequence,
    Vocabulary,
    concat,
)
from multiseq.errors import ArgumentError
from multiseq.testing import check_sequence


def whole(seq: MultiInputSequence) -> Any:
    return seq.replace(batch_size=seq.num_samples, shuffle=False)[0]


def made(dtype: str = "float32", shape: Any = (2,), name: str = "x", **keywords: Any) -> Any:
    return ArraySequence({name: np.ones((3, *shape), dtype)}, **keywords)


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (made(name="y"), "nested differently"),
        (made(targets=np.zeros(3)), "nested differently"),
        (ArraySequence(np.ones((3, 2))), "nested differently"),
        (made(dtype="uint8"), "uint8"),
        (made(shape=(3,)), r"\(3,\)"),
        (made(shape=()), r"\(\)"),
    ],
)
def test_what_differs_is_refused_and_both_are_named(other: Any, says: str) -> None:
    with pytest.raises(ArgumentError, match=says) as refused:
        concat(made(), other)[0]
    for name in ("part 0 (ArraySequence)", "part 1 (ArraySequence)"):
        assert name in str(refused.value)


def test_a_spec_says_what_batches_hold() -> None:
    seq = concat(made("uint8"), made(), spec={"x": Spec((2,), "float32")}, batch_size=6)
    assert seq[0][0]["x"].dtype == "float32"
    varying = concat(made(shape=(2,)), made(shape=(3,)), spec={"x": Spec((None,))}, batch_size=6)
    assert varying[0][0]["x"].sum(1).tolist() == [2, 2, 2, 3, 3, 3]
    check_sequence(varying)


def test_names_in_another_order() -> None:
    one = ArraySequence({"a": np.zeros(2), "b": np.ones(2)})
    other = ArraySequence({"b": np.ones(2), "a": np.zeros(2)})
    batch = concat(one, other)[0][0]
    assert batch["a"].tolist() == [0] * 4
    assert batch["b"].tolist() == [1] * 4


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: concat(), "no parts"),
        (lambda: concat([made(), made()]), r"concat\(\*parts\)"),  # type: ignore[arg-type]
        (lambda: concat(made(), np.ones(3)), "no sequence"),  # type: ignore[arg-type]
        (lambda: concat(made(sampler=lambda seed, epoch: [0])), "sampler=, which would be lost"),
        (lambda: concat(made(), made(targets=np.ones(3), class_weight={0: 1})), "class_weight="),
    ],
)
def test_what_cannot_be_put_together(call: Callable[[], Any], says: str) -> None:
    with pytest.raises(ArgumentError, match=says):
        call()


# What is learned.


class Scaled(MultiInputSequence):
    """Numbers that are standardized."""

    def __init__(self, values: Any, scale: Any, **keywords: Any) -> None:
        self.values, self.scale = values, scale
        super().__init__(len(values), **keywords)

    @property
    def transforms(self) -> Any:
        return {"s": self.scale} if isinstance(self.scale, Standardize) else {}

    def raw(self, index: int) -> Any:
        return {"s": self.values[index]}

    def load_sample(self, index: int) -> Any:
        return {"s": self.scale(self.values[index])}


VALUES = np.array([1.0, 2.0, 6.0, 7.0, 9.0])


def test_all_parts_teach_what_they_share() -> None:
    scale = Standardize()
    seq = concat(Scaled(VALUES[:3], scale), Scaled(VALUES[3:], scale))
    seq.adapt(progress=False)
    expected = (VALUES - VALUES.mean()) / VALUES.std()
    assert whole(seq)[0]["s"] == pytest.approx(expected)
    train, test = seq.split(positions=([0, 1, 4], [2, 3]))
    train.adapt(progress=False)
    mean, std = VALUES[[0, 1, 4]].mean(), VALUES[[0, 1, 4]].std()
    assert whole(test)[0]["s"] == pytest.approx((VALUES[[2, 3]] - mean) / std)


def test_other_objects_are_refused_and_the_cures_work() -> None:
    one, other = Scaled(VALUES[:3], Standardize()), Scaled(VALUES[3:], Standardize())
    for parts in ([one, other], [one, Scaled(VALUES, np.asarray)]):
        with pytest.raises(ArgumentError, match="different transforms for 's'") as refused:
            concat(*parts)
        assert "its method `transform`" in str(refused.value)
    learned = Standardize().adapt(VALUES)
    seq = concat(Scaled(VALUES[:3], learned.transform), Scaled(VALUES[3:], learned.transform))
    assert whole(seq)[0]["s"] == pytest.approx((VALUES - VALUES.mean()) / VALUES.std())


def test_a_part_that_learns_by_itself_later_changes_nothing() -> None:
    scale = Standardize()
    one, other = Scaled(VALUES[:3], scale), Scaled(VALUES[3:], scale)
    seq = concat(one, other)
    seq.adapt(progress=False)
    before = whole(seq)[0]["s"].tolist()
    one.adapt(progress=False)
    assert whole(seq)[0]["s"].tolist() == before
    assert one.scale is not scale
    first = concat(one, Scaled(VALUES, one.scale))
    first.adapt(progress=False)
    assert one.scale is not first.transforms["s"]


def test_text_of_one_vocabulary() -> None:
    words = Vocabulary(mask="")
    texts = [TextSequence([text], tokenizer=words, max_length=3) for text in ("a b", "b c d")]
    seq = concat(*texts)
    seq.adapt(progress=False)
    ids = next(iter(whole(seq)[0].values())) if isinstance(whole(seq)[0], dict) else whole(seq)[0]
    assert ids[0, 1] == ids[1, 0]
    check_sequence(seq)


def test_nothing_is_learned_from_what_is_held_out() -> None:
    scale = Standardize()
    one, other = Scaled(VALUES[:3], scale), Scaled(VALUES[3:], scale)
    (train_a, test_a), (train_b, test_b) = one.split(0.5, 0.5), other.split(0.5, 0.5)
    test = concat(test_a, test_b, keys=["a", "b"])
    with pytest.raises(ArgumentError, match="not to be learned from"):
        test.adapt(progress=False)
    concat(train_a, train_b, keys=["a", "b"]).adapt(progress=False)
    whole(test)


def logged(values: Any) -> Any:
    return np.log1p(values)


def test_steps_of_parts_are_shared_and_the_whole_has_its_own() -> None:
    scale, squash = Standardize(), MinMax()
    values = np.arange(9.0)
    steps = (logged, scale, squash)
    parts = [
        ArraySequence({"x": rows}, transforms={"x": steps}) for rows in (values[:4], values[4:])
    ]
    seq = concat(*parts)
    seq.adapt(progress=False)
    expected = np.log1p(values) / np.log1p(8)
    assert whole(seq)[0]["x"] == pytest.approx(expected, abs=1e-6)
    alone = concat(
        ArraySequence({"x": values[:4]}),
        ArraySequence({"x": values[4:]}),
        transforms={"x": (logged, MinMax())},
    )
    alone.adapt(progress=False)
    assert whole(alone)[0]["x"] == pytest.approx(expected, abs=1e-6)
    check_sequence(alone)
    with pytest.raises(ArgumentError, match="different transforms"):
        concat(parts[0], ArraySequence({"x": values}, transforms={"x": (logged, scale, MinMax())}))


def test_a_vocabulary_of_the_whole() -> None:
    texts = [ArraySequence({"t": np.array(words)}) for words in (["a", "bb"], ["bb", "c"])]
    spec = {"t": Spec((), "int32")}
    seq = concat(*texts, transforms={"t": Vocabulary()}, spec=spec, batch_size=4)
    seq.adapt(progress=False)
    ids = seq[0][0]["t"]
    assert ids[1] == ids[2]
    assert len(set(ids.tolist())) == 3
