"""Weights that hooks are given: targets come out with them, or not at all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from multiseq import ArraySequence, Labels, join
from multiseq.errors import SpecError
from multiseq.testing import check_sequence

X = np.arange(1.0, 13.0, dtype=np.float32)
SOME = np.where(X % 3 == 0, np.nan, X)
STATES = np.array(["off", "on"] * 6)


def two(part: Any, rng: Any = None) -> Any:
    return part[0], part[1]


def none_behind(part: Any, rng: Any = None) -> Any:
    return part[0], part[1], None


def three(part: Any, rng: Any = None) -> Any:
    return part[0], part[1], part[2]


def inputs_alone(part: Any, rng: Any = None) -> Any:
    return (part[0],)


def masked(**hook: Any) -> Any:
    return ArraySequence({"x": X}, SOME, missing={"targets": "mask"}, batch_size=6, **hook)


def joined(**hook: Any) -> Any:
    return join(masked(), batch_size=6, **hook)


def weighed(**hook: Any) -> Any:
    return ArraySequence({"x": X}, X, sample_weight=X, batch_size=6, **hook)


def by_class(**hook: Any) -> Any:
    labels: Any = {"transforms": {"targets": Labels(["off", "on"])}, "class_weight": {"on": 3.0}}
    return ArraySequence({"x": X}, STATES, batch_size=6, **labels, **hook)


class Collated(ArraySequence):
    how: Any = None

    def collate(self, samples: Any) -> Any:
        parts = list(zip(*samples, strict=True))
        return self.how(({"x": np.stack([each["x"] for each in parts[0]])}, *parts[1:]))


@pytest.mark.parametrize("returned", [two, none_behind])
@pytest.mark.parametrize("hook", ["map", "augment", "augment_batch"])
@pytest.mark.parametrize("make", [masked, joined, weighed])
def test_a_hook_that_drops_weights_is_refused_and_one_that_keeps_them_is_not(
    make: Any, hook: str, returned: Any
) -> None:
    part = "batch" if hook == "augment_batch" else "sample"
    fix = rf"return the weights too: {part}\[0\], {part}\[1\], {part}\[2\]"
    with pytest.raises(SpecError, match=rf"{hook} returned targets without[\s\S]*{fix}"):
        make(**{hook: returned})[0]
    seq = make(**{hook: three})
    check_sequence(seq)
    np.testing.assert_array_equal(seq[0][2], make()[0][2])
    if make is not joined:
        assert len(make(**{hook: inputs_alone})[0]) == 1


def test_a_fast_path_too_keeps_what_map_is_given() -> None:
    with pytest.raises(SpecError, match="map returned targets without"):
        weighed(map=two)[0]
    np.testing.assert_array_equal(weighed(map=three)[0][2], X[:6])


def test_weights_by_class_are_augment_batch_s_to_keep() -> None:
    with pytest.raises(SpecError, match="augment_batch returned targets without"):
        by_class(augment_batch=two)[0]
    for hook in ("map", "augment"):  # They follow these.
        assert by_class(**{hook: two})[0][2].tolist() == [1, 3, 1, 3, 1, 3]
    validation = by_class(augment_batch=two).replace(augmented=False)
    assert validation[0][2].tolist() == [1, 3, 1, 3, 1, 3]


def test_a_collate_of_ones_own_too() -> None:
    seq = Collated({"x": X}, SOME, missing={"targets": "mask"}, batch_size=6)
    seq.how = two
    with pytest.raises(SpecError, match="collate returned targets without"):
        seq[0]
    seq.how = lambda batch: (batch[0], *map(np.stack, batch[1:]))
    np.testing.assert_array_equal(seq[0][2], [1, 1, 0, 1, 1, 0])


@pytest.mark.parametrize("hook", ["map", "augment", "augment_batch"])
def test_of_several_outputs_each_keeps_its_own(hook: str) -> None:
    def made(change: Any) -> Any:
        both = {"u": SOME, "w": SOME[::-1]}
        masks: Any = {"u": "mask", "w": "mask"}
        return ArraySequence({"x": X}, both, missing=masks, batch_size=6, **{hook: change})

    def u_alone(part: Any, rng: Any = None) -> Any:
        return part[0], part[1], {"u": part[2]["u"]}

    def without_w(part: Any, rng: Any = None) -> Any:
        return part[0], {"u": part[1]["u"]}, {"u": part[2]["u"]}

    with pytest.raises(SpecError, match=r"expected: sample_weight\['w'\] too"):
        made(u_alone)[0]
    np.testing.assert_array_equal(made(without_w)[0][2]["u"], [1, 1, 0, 1, 1, 0])
    np.testing.assert_array_equal(made(three)[0][2]["w"], [0, 1, 1, 0, 1, 1])


def test_ones_in_their_place_are_an_answer() -> None:
    seq = weighed(augment_batch=lambda batch, rng: (*batch[:2], np.ones_like(batch[2])))
    assert seq[0][2].tolist() == [1] * 6
