"""`missing="mask"`: labels that are missing weigh nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from backends import keras
from missing import LABELS, NAN, X, made

from multiseq import (
    ArraySequence,
    Labels,
    MinMax,
    MultiInputSequence,
    Spec,
    Standardize,
    TableSequence,
    concat,
    join,
)
from multiseq.errors import SpecError


class Own(MultiInputSequence):
    """A class of one's own, whose values may be None; targets by name."""

    def load_sample(self, index: int) -> Any:
        age = None if index % 5 == 1 else float(index)
        steps = np.array([None if (index + k) % 4 == 0 else "ab"[k % 2] for k in range(3)], object)
        kind = LABELS[index]
        return {"age": age, "x": X[index]}, {"kind": kind, "steps": steps, "value": X[index, :1]}


def test_labels_that_are_missing_weigh_nothing() -> None:
    seq = ArraySequence(
        X,
        LABELS,
        missing={"inputs": 0, "targets": "mask"},
        transforms={"targets": Labels()},
        batch_size=40,
    )
    _, ids, weights = made(seq)
    gone = pd.isna(LABELS)
    assert seq.classes == ("c", "d", "e")
    np.testing.assert_array_equal(weights, (~gone).astype(np.float32))
    np.testing.assert_array_equal(ids[~gone], ["cde".index(x) for x in LABELS[~gone]])
    assert ids.dtype == np.int32


@pytest.mark.parametrize("labels", [Labels(one_hot=True), Labels(multi=True), Labels(sep="|")])
def test_labels_of_every_kind(labels: Any) -> None:
    rows = [
        None if x is None else [x] if labels.multi and labels.sep is None else x for x in LABELS
    ]
    seq = ArraySequence(
        np.zeros(40),
        rows,
        missing={"targets": "mask"},
        transforms={"targets": labels},
        batch_size=40,
    )
    _, hot, weights = made(seq)
    assert hot.shape == (40, 3)
    np.testing.assert_array_equal(weights, ~pd.isna(LABELS))
    there = ~pd.isna(LABELS)
    assert (hot[there].sum(1) == 1).all()


def test_of_several_outputs_each_has_weights_of_its_own() -> None:
    seq = Own(
        40,
        batch_size=40,
        missing={
            "age": "mean",
            "x": 0,
            **dict.fromkeys(["kind", "steps", "value"], "mask"),
        },
        transforms={"kind": Labels(), "steps": Labels(), "value": MinMax()},
        spec=({"age": Spec(())},),
    )
    inputs, targets, weights = made(seq)
    ages = [np.nan if k % 5 == 1 else k for k in range(40)]
    np.testing.assert_allclose(inputs["age"], pd.Series(ages).fillna(np.nanmean(ages)), rtol=1e-6)
    np.testing.assert_array_equal(weights["kind"], ~pd.isna(LABELS))
    np.testing.assert_array_equal(weights["value"], ~np.isnan(X[:, 0]))
    assert weights["value"].shape == (40,)
    steps = np.add.outer(np.arange(40), np.arange(3)) % 4 != 0
    np.testing.assert_array_equal(weights["steps"], steps)
    assert targets["steps"][steps].tolist() == [k % 2 for _, k in np.argwhere(steps)]
    assert np.isfinite(targets["value"]).all()


def test_weights_of_ones_own_and_of_classes_are_multiplied() -> None:
    own = np.arange(1, 41, dtype=np.float32)
    options: Any = {"missing": {"targets": "mask"}, "transforms": {"targets": Labels()}}
    seq = ArraySequence(np.zeros(40), LABELS, own, batch_size=40, **options)
    there = ~pd.isna(LABELS)
    np.testing.assert_array_equal(made(seq)[2], own * there)
    balanced = ArraySequence(
        np.zeros(40), LABELS, batch_size=40, class_weight="balanced", **options
    )
    ids, weights = made(balanced)[1:]
    counts = pd.Series(LABELS[there]).value_counts()
    of_class = there.sum() / 3 / counts.loc[["c", "d", "e"]].to_numpy()
    np.testing.assert_allclose(weights, of_class[ids] * there, rtol=1e-6)
    # Also where parts are joined and put one after the other.
    for whole in (join(x=ArraySequence(X, missing=0), y=seq), concat(seq, seq, keys=["a", "b"])):
        both = whole.replace(class_weight="balanced", batch_size=40)
        both.adapt(progress=False)
        np.testing.assert_allclose(both[0][2], own * of_class[ids] * there, rtol=1e-6)


@pytest.mark.parametrize("several", [False, True])
def test_a_weight_of_each_sample_of_a_join_counts_for_its_steps(several: bool) -> None:
    keys = list("pqr")
    steps = pd.DataFrame([["a", "b"], [None, "b"], [None, None]], keys)
    own = pd.Series([1.0, 10.0, 100.0], keys)
    given: Any = ((own, steps), (own, own)) if several else (steps, own)
    name = "targets[1]" if several else "targets"
    seq = join(
        x=ArraySequence(np.zeros(3), keys=keys),
        targets=given[0],
        sample_weight=given[1],
        transforms={name: Labels()},
        missing={name: "mask"},
    )
    weights = made(seq)[2]
    found = weights[1] if several else weights
    np.testing.assert_array_equal(found, steps.notna() * own.to_numpy()[:, None])


def test_numbers_may_be_missing_along_the_last_axis_together_alone() -> None:
    rows = np.array([[1.0, 2], [NAN, NAN], [3, NAN]])
    seq = ArraySequence(np.zeros(3), rows, missing={"targets": "mask"}, batch_size=1)
    assert [batch[2].tolist() for batch in (seq[0], seq[1])] == [[1.0], [0.0]]
    with pytest.raises(SpecError, match=r"(?s)key 2.*targets\[\.\.\., None\]"):
        seq[2]
    fixed = ArraySequence(np.zeros(3), rows[..., None], missing={"targets": "mask"}, batch_size=3)
    np.testing.assert_array_equal(fixed[0][2], [[1, 1], [0, 0], [1, 0]])


def test_a_step_that_cannot_do_with_nothing_is_not_asked() -> None:
    def lower(label: str) -> str:
        return label.lower()

    upper = [None if x is None else x.upper() for x in LABELS]
    steps = {"targets": (lower, Labels())}
    seq = ArraySequence(
        np.zeros(40), upper, missing={"targets": "mask"}, transforms=steps, batch_size=40
    )
    made(seq)
    assert seq.classes == ("c", "d", "e")
    numbers = ArraySequence(
        np.zeros(3),
        np.array([NAN, 1, np.e]),
        missing={"targets": "mask"},
        transforms={"targets": np.log},
        batch_size=3,
    )
    _, values, weights = made(numbers)
    assert np.isfinite(values).all()
    assert weights.tolist() == [0, 1, 1]


def test_the_truth_beside_predictions_is_missing_too() -> None:
    class Model:
        def predict(self, seq: Any, **_: Any) -> Any:
            return np.tile([[0.2, 0.7, 0.1]], (seq.num_samples, 1))

    class Slow(ArraySequence):
        def target_rows(self, indices: Any) -> Any:
            return None

    for cls in (ArraySequence, Slow):
        seq = cls(
            np.zeros(40),
            LABELS,
            missing={"targets": "mask"},
            transforms={"targets": Labels()},
            batch_size=7,
        )
        seq.adapt(progress=False)
        frame = seq.predictions(Model(), targets=True)
        expected = [None if x is None else x for x in LABELS]
        assert [None if pd.isna(x) else x for x in frame["target"]] == expected
        assert set(frame["label"]) == {"d"}


@pytest.mark.parametrize("labels", [Labels(), Labels(multi=True), Labels(one_hot=True)])
def test_a_part_may_lack_all_labels(labels: Any) -> None:
    rows = [["a"], None, ["b", "a"], []] if labels.multi else ["a", None, "b", "b"]
    options: Any = {"missing": {"targets": "mask"}, "transforms": {"targets": labels}}
    seq = concat(
        ArraySequence(np.zeros(2), [None, None], keys=["p", "q"], **options),
        ArraySequence(np.zeros(4), rows, keys=list("rstu"), **options),
        batch_size=6,
    )
    _, found, weights = made(seq)
    assert seq.classes == ("a", "b")
    assert weights.tolist() == [0, 0, 1, 0, 1, 1]
    np.testing.assert_array_equal(found[2:][[0, 2, 3]], labels([rows[0], *rows[2:]]))


@pytest.mark.parametrize("kind", ["arrays", "own", "join", "concat"])
def test_the_truth_of_several_labels_and_of_numbers_beside_them(kind: str) -> None:
    class Listed(MultiInputSequence):
        def load_sample(self, index: int) -> Any:
            return np.zeros(2), {name: rows[index] for name, rows in truth.items()}

    class Model:
        def predict(self, seq: Any, **_: Any) -> Any:
            return {"tags": np.zeros((4, 2)), "size": np.zeros((4, 1))}

    tags: Any = np.empty(4, object)
    tags[:] = [["a"], None, ["a", "b"], []]
    truth = {"tags": tags, "size": np.array([1.0, 2, NAN, 6])}
    options: Any = {
        "missing": dict.fromkeys(truth, "mask"),
        "transforms": {"tags": Labels(multi=True), "size": Standardize()},
    }
    keys = list("pqrs")
    arrays = ArraySequence(np.zeros(4), truth, keys=keys, **options)
    seq: Any = Listed(keys, **options) if kind == "own" else arrays
    if kind == "join":
        seq = join(x=seq, y=ArraySequence(np.zeros(4), keys=keys))
    if kind == "concat":
        seq = concat(seq.subset(keys[:1]), seq.subset(keys[1:]))
    seq.adapt(progress=False)
    assert seq.spec[1]["tags"] == Spec((2,))
    frame = seq.predictions(Model(), targets=True, inverse=True)
    assert [None if isinstance(x, float) else x for x in frame["target_tags"]] == tags.tolist()
    np.testing.assert_allclose(frame["target_size"].astype(float), truth["size"])
    np.testing.assert_allclose(frame["size"], 3)
    scaled = seq.predictions(Model(), targets=True)["target_size"]
    assert scaled.isna().tolist() == [False, False, True, False]


def test_a_target_without_a_value_names_the_fix() -> None:
    class Bare(MultiInputSequence):
        def load_sample(self, index: int) -> Any:
            return np.zeros(2), None if index == 1 else 1.0

    with pytest.raises(SpecError, match=r'missing=\{"targets": "mask"\}'):
        Bare(2, batch_size=2)[0]
    assert Bare(2, batch_size=2, missing={"targets": "mask"})[0][2].tolist() == [1, 0]


@pytest.mark.backend
@pytest.mark.parametrize("workers", [{}, {"workers": 2, "use_multiprocessing": True}])
def test_a_model_learns_nothing_from_labels_that_are_missing(workers: Any) -> None:
    """Whatever stands in their place, the weights are the same after training."""
    seq = ArraySequence(
        np.nan_to_num(X),
        {"kind": LABELS, "value": X[:, :1]},
        missing={"kind": "mask", "value": "mask"},
        transforms={"kind": Labels()},
        batch_size=40,
        **workers,
    )
    seq.adapt(progress=False)
    mine = two_headed()
    mine.fit(seq, epochs=2, verbose=0)
    inputs, targets, weights = seq[0]
    seq.close()
    # What stands in their place makes no difference.
    others = {
        name: np.where(weights[name].reshape(-1, *[1] * (y.ndim - 1)) > 0, y, np.full_like(y, 2))
        for name, y in targets.items()
    }
    theirs = two_headed()
    for _ in range(2):
        theirs.train_on_batch(inputs, others, weights)
    for mine_, theirs_ in zip(mine.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine_, theirs_, rtol=1e-4, atol=1e-5)


def two_headed(**options: Any) -> Any:
    keras.utils.set_random_seed(0)
    x = keras.Input((4,))
    kind = keras.layers.Dense(3, activation="softmax", name="kind")(x)
    value = keras.layers.Dense(1, name="value")(x)
    model = keras.Model(x, {"kind": kind, "value": value})
    losses = {"kind": "sparse_categorical_crossentropy", "value": "mse"}
    model.compile("sgd", losses, **options)
    return model


def test_what_was_filled_is_undone_with_the_rest() -> None:
    class Model:
        def predict(self, seq: Any, **_: Any) -> Any:
            return np.zeros((seq.num_samples, 1))

    values = np.array([1.0, NAN, 3.0, 8.0])
    seq = ArraySequence(
        np.zeros(4), values, missing={"targets": 4}, transforms={"targets": Standardize()}
    )
    seq.adapt(progress=False)
    frame = seq.predictions(Model(), targets=True, inverse=True)
    np.testing.assert_allclose(frame["prediction"], 4)
    np.testing.assert_allclose(frame["target"], [1, NAN, 3, 8])  # As it was given.


def test_categories_that_are_declared_are_classes_though_some_are_missing() -> None:
    sizes = pd.Series(["M", None, "S"], dtype=pd.CategoricalDtype(["S", "M", "L"]))
    for missing in ("mask", "L"):
        seq = ArraySequence(
            np.zeros(3),
            sizes.reset_index(drop=True),
            missing={"targets": missing},
            transforms={"targets": Labels()},
            batch_size=3,
        )
        batch = made(seq)
        assert seq.classes == ("S", "M", "L")
        assert batch[1].tolist()[::2] == [1, 0]
        assert batch[1][1] == 2 if missing == "L" else batch[2].tolist() == [1, 0, 1]


@pytest.mark.parametrize("dtype", ["Int64", "int64[pyarrow]", object])
def test_big_numbers_are_not_rounded_into_one_class(dtype: Any) -> None:
    big = 1 << 53
    ids = pd.Series([big, big + 1, None, big], dtype=dtype)
    options: Any = {"missing": {"targets": "mask"}, "transforms": {"targets": Labels()}}
    table = pd.DataFrame({"x": 0.0, "y": ids})
    for seq in (
        ArraySequence(np.zeros(4), ids, **options),
        TableSequence(table, "y", numeric="x", **options),
    ):
        _, found, weights = made(seq)
        assert seq.classes == (big, big + 1)
        assert found[[0, 1, 3]].tolist() == [0, 1, 0]
        assert weights.tolist() == [1, 1, 0, 1]


@pytest.mark.backend
@pytest.mark.parametrize("kind", ["metrics", "weighted_metrics"])
def test_metrics_that_do_not_heed_the_weights_are_named(kind: str) -> None:
    seq = ArraySequence(
        np.nan_to_num(X),
        {"kind": LABELS, "value": X[:, :1]},
        missing={"kind": "mask", "value": "mask"},
        transforms={"kind": Labels()},
    )
    seq.adapt(progress=False)
    model = two_headed(**{kind: {"kind": ["accuracy"]}})
    report = seq.check(model)
    assert any("metrics=" in each.what for each in report.findings) == (kind == "metrics")
