"""Targets that `map=` hands on, renames, or makes others of: their classes, units and weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from shown import words
from sklearn.preprocessing import FunctionTransformer

from multiseq import ArraySequence, Labels, MinMax, Standardize, concat, join, mix
from multiseq.errors import ArgumentError, LoadError, NotAdaptedError

X = np.arange(20.0)
KEYS = [f"k{number:02d}" for number in range(20)]
U, W = np.array(list("ab"))[np.arange(20) % 2], np.array(list("pq"))[np.arange(20) // 10]
THREE = np.array(list("abc"))[np.arange(20) % 3]


class Oracle:
    """Predicts what it is trained on: targets as they are in batches."""

    def __init__(self, seq: Any, classes: int = 0) -> None:
        batches = [batch[1] for batch in seq]
        named = isinstance(batches[0], dict)
        self.output_names = list(batches[0]) if named else ["output"]
        every = {
            name: np.concatenate([batch[name] if named else batch for batch in batches])
            for name in self.output_names
        }
        made = {name: np.eye(classes)[rows] if classes else rows for name, rows in every.items()}
        self.made = made if named else made["output"]

    def predict(self, view: Any, **keywords: Any) -> Any:
        return self.made


def swapped(sample: Any) -> Any:
    return sample[0], {"u": sample[1]["w"], "w": sample[1]["u"]}


def undoable(function: Any, inverse: Any) -> Any:
    return FunctionTransformer(function, inverse_func=inverse, check_inverse=False)


def array(targets: Any, **keywords: Any) -> Any:
    seq = ArraySequence({"x": X[:, None]}, targets, keys=KEYS, batch_size=8, **keywords)
    seq.adapt(progress=False)
    return seq


def of_itself(targets: Any, function: Any, **keywords: Any) -> Any:
    return array(targets, map=function, **keywords)


def of_a_join(targets: Any, function: Any, **keywords: Any) -> Any:
    return join(array(targets, **keywords), map=function, batch_size=8)


def of_a_part(targets: Any, function: Any, **keywords: Any) -> Any:
    return join(array(targets, map=function, **keywords), q=ArraySequence(X, keys=KEYS))


def of_a_part_that_is_a_join(targets: Any, function: Any, **keywords: Any) -> Any:
    return join(of_a_join(targets, function, **keywords), q=ArraySequence(X, keys=KEYS))


def of_a_concat(targets: Any, function: Any, **keywords: Any) -> Any:
    return concat(array(targets, **keywords), map=function, batch_size=8)


def of_parts_of_a_concat(targets: Any, function: Any, **keywords: Any) -> Any:
    part = of_a_join(targets, function, **keywords)
    return concat(part.subset(KEYS[:10]), part.subset(KEYS[10:]), batch_size=8)


def of_a_mix(targets: Any, function: Any, **keywords: Any) -> Any:
    return mix([of_a_join(targets, function, **keywords)], weights=[1], map=lambda sample: sample)


MAKERS = [
    of_itself,
    of_a_join,
    of_a_part,
    of_a_part_that_is_a_join,
    of_a_concat,
    of_parts_of_a_concat,
    of_a_mix,
]
every_way = pytest.mark.parametrize("make", MAKERS)


@every_way
def test_classes_go_where_map_puts_them(make: Any) -> None:
    seq = make({"u": U, "w": W}, swapped, transforms={"u": Labels(), "w": Labels()})
    assert seq.classes == {"u": ("p", "q"), "w": ("a", "b")}
    plain = seq.for_prediction()
    found = seq.predictions(Oracle(plain._in_source_order(), 2), targets=True)
    assert found["target_u"].tolist() == found["u_label"].tolist() == W.tolist()
    assert found["target_w"].tolist() == found["w_label"].tolist() == U.tolist()
    assert {"u_p", "u_q", "w_a", "w_b"} < set(found)


@every_way
def test_units_go_where_map_puts_them(make: Any) -> None:
    steps = {"u": Standardize(), "w": MinMax()}
    seq = make({"u": X * 3, "w": X * 100}, swapped, transforms=steps)
    whole = seq.for_prediction()._in_source_order()
    found = seq.predictions(Oracle(whole), targets=True, inverse=True)
    for name, given in (("u", X * 100), ("w", X * 3)):
        np.testing.assert_allclose(found[name], given, rtol=1e-4, atol=1e-3)
        np.testing.assert_allclose(found[f"target_{name}"], given, rtol=1e-4, atol=1e-3)


@every_way
def test_what_map_makes_has_no_units_to_go_back_to(make: Any) -> None:
    def doubled(sample: Any) -> Any:
        return sample[0], sample[1] * 2 + 1

    seq = make(X * 3, doubled, transforms={"targets": Standardize()})
    model = Oracle(seq.for_prediction()._in_source_order())
    with pytest.raises(ArgumentError, match="cannot undo a function, which is a step of the tar"):
        seq.predictions(model, targets=True, inverse=True)
    found = seq.predictions(model, targets=True)
    np.testing.assert_array_equal(found["prediction"], found["target"])
    # As the error says: a transform in its place.
    step = undoable(lambda y: y * 2 + 1, lambda y: (y - 1) / 2)
    seq = make(X * 3, lambda sample: sample, transforms={"targets": (Standardize(), step)})
    model = Oracle(seq.for_prediction()._in_source_order())
    found = seq.predictions(model, targets=True, inverse=True)
    np.testing.assert_allclose(found["prediction"], X * 3, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found["target"], X * 3, rtol=1e-5, atol=1e-5)


@every_way
@pytest.mark.parametrize(
    "merged",
    [
        lambda number: np.int32(number > 0),
        lambda number: min(number, 1),  # Of 0 and 1 that is the number itself.
    ],
    ids=["new", "some handed on"],
)
def test_classes_that_map_merges_are_not_those_of_labels(make: Any, merged: Any) -> None:
    def two(sample: Any) -> Any:
        return sample[0], merged(sample[1])

    seq = make(THREE, two, transforms={"targets": Labels()})
    assert seq.classes is None
    model = Oracle(seq.for_prediction()._in_source_order(), 2)
    found = seq.predictions(model, targets=True)
    assert list(found) == ["prediction_0", "prediction_1", "target"]
    assert found["target"].tolist() == np.minimum(np.arange(20) % 3, 1).tolist()


@every_way
def test_a_target_of_another_name_or_of_one_less(make: Any) -> None:
    def renamed(sample: Any) -> Any:
        return {"z": sample[0]["x"]}, {"kind": sample[1]["u"], "size": sample[1]["u"] * 0.5}

    seq = make({"u": U, "w": W}, renamed, transforms={"u": Labels(), "w": Labels()})
    if make in (of_a_part, of_a_part_that_is_a_join):
        assert set(seq[0][0]) == {"z", "q"}
    assert seq.classes == {"kind": ("a", "b")}


def test_weights_are_by_the_classes_that_map_hands_on() -> None:
    labels: Any = {"transforms": {"u": Labels(), "w": Labels()}}
    seq = of_itself({"u": U, "w": W}, swapped, class_weight={"u": {"p": 5.0}}, **labels)
    assert seq[0][2]["u"].tolist() == [5] * 8
    assert seq[0][2]["w"].tolist() == [1] * 8
    assert seq[2][2]["u"].tolist() == [1] * 4
    with pytest.raises(ArgumentError, match="a class that the targets do not have"):
        of_itself({"u": U, "w": W}, swapped, class_weight={"u": {"a": 5.0}}, **labels)[0]


def test_weights_by_classes_that_map_unmakes_are_refused() -> None:
    def two(sample: Any) -> Any:
        return sample[0], np.int32(sample[1] > 0)

    def weighed(sample: Any) -> Any:
        return *two(sample), np.where(sample[1] > 0, 1.0, 5.0)

    steps: Any = {"transforms": {"targets": Labels()}}
    for weights in ({"a": 5.0}, {0: 5.0}):
        with pytest.raises(ArgumentError, match="map makes others of the classes"):
            of_itself(THREE, two, class_weight=weights, **steps)[0]
    expected = [5, 1, 1, 5, 1, 1, 5, 1]
    assert of_itself(THREE, weighed, **steps)[0][2].tolist() == expected
    other = {"targets": (lambda label: "a" if label == "a" else "other", Labels())}
    assert array(THREE, transforms=other, class_weight={"a": 5.0})[0][2].tolist() == expected


def test_one_hot_of_fewer_classes_is_others() -> None:
    steps: Any = {"transforms": {"targets": Labels()}, "class_weight": {"b": 5.0}}

    def coded(units: int, place: Any) -> Any:
        return lambda sample: (sample[0], np.eye(units, dtype=np.float32)[place(sample[1])])

    seq = of_itself(THREE, coded(3, int), **steps)
    assert seq[0][2].tolist() == [1, 5, 1, 1, 5, 1, 1, 5]
    for function in (coded(2, lambda number: min(number, 1)), coded(3, lambda number: 2 - number)):
        with pytest.raises(ArgumentError, match="map makes others of the classes"):
            of_itself(THREE, function, **steps)[0]


@every_way
def test_where_no_transform_is_on_targets_there_is_nothing_to_undo(make: Any) -> None:
    seq = make(X, lambda sample: (sample[0], sample[1] * 2), transforms={"x": Standardize()})
    model = Oracle(seq.for_prediction()._in_source_order())
    found = seq.predictions(model, targets=True, inverse=True)
    np.testing.assert_array_equal(found["target"], X * 2)
    np.testing.assert_array_equal(found["prediction"], X * 2)


def test_values_alike_are_told_apart_and_what_is_written_into_is_new() -> None:
    same = {"u": np.ones(20, int), "w": np.ones(20, int)}
    steps: Any = {"u": undoable(lambda y: y + 0, lambda y: y * 10)}
    seq = of_itself(same, swapped, transforms=steps)
    found = seq.predictions(Oracle(seq), targets=True, inverse=True)
    assert found["target_u"].tolist() == [1] * 20
    assert found["target_w"].tolist() == [10] * 20

    def written(sample: Any) -> Any:
        sample[1][:] += 1
        return sample

    rows = np.stack([X, X], 1)
    seq = of_itself(rows, written, transforms={"targets": Standardize()})
    with pytest.raises(ArgumentError, match="cannot undo a function"):
        seq.predictions(Oracle(seq), inverse=True)


def test_samples_that_cannot_be_loaded_tell_nothing_of_map() -> None:
    class Broken(ArraySequence):
        def load_sample(self, index: int) -> Any:
            if index % 2 == 0:
                raise OSError("gone")
            return super().load_sample(index)

    def made(source: Any, **keywords: Any) -> Any:
        return source(
            {"x": X}, U, map=lambda s: (s[0], s[1]), transforms={"targets": Labels()}, **keywords
        )

    seq = made(Broken, on_error="substitute")
    with pytest.raises(NotAdaptedError):
        assert seq.classes
    seq.adapt(progress=False)
    assert seq.classes == ("a", "b")

    def only_some(sample: Any) -> Any:
        return sample if sample[0]["x"] % 2 else 1 / 0

    seq = array(U, map=only_some, transforms={"targets": Labels()}, on_error="substitute")
    assert seq.classes == ("a", "b")
    seq = array(U, map=lambda sample: 1 / 0, transforms={"targets": Labels()})
    with pytest.raises(LoadError, match=r"key 'k19'(?s:.*)map raised ZeroDivisionError"):
        assert seq.classes


def test_a_look_at_them_names_the_classes_that_they_have() -> None:
    seq = of_itself({"u": U, "w": W}, swapped, transforms={"u": Labels(), "w": Labels()})

    def classes_in(figure: Any) -> list[str]:
        return [line[0] for line in words(figure).splitlines() if line[1:] in (" (0)", " (1)")]

    assert classes_in(seq.show(n=2)) == ["p", "a", "p", "b"]
    assert classes_in(seq.show(stages=True)) == ["a", "p", "p", "a"], "before map, and after"
