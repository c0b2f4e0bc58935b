"""class_weight="balanced": as scikit-learn balances, by the targets of what is served."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from backends import keras
from coded import Loaded
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from sklearn.utils.class_weight import compute_sample_weight
from weighed import CLASSES, X

from multiseq import (
    ArraySequence,
    FileSequence,
    Vocabulary,
    WindowSequence,
    join,
)
from multiseq.errors import ArgumentError, LoadError, SourceError


class Rows(Loaded):
    """Targets that are known beforehand, by a function."""

    rows: Any

    def target_rows(self, indices: Any) -> Any:
        return self.rows(indices)


CODINGS: dict[str, Callable[[Any], Any]] = {
    "classes": lambda labels: labels,
    "floats": lambda labels: labels.astype("f4"),
    "column": lambda labels: labels[:, None],
    "one-hot": lambda labels: np.eye(5, dtype="f4")[labels],
}


@given(
    st.lists(st.integers(0, 4), min_size=2, max_size=40),
    st.sampled_from(list(CODINGS)),
    st.randoms(use_true_random=False),
)
def test_balanced_as_scikit_learn_does(labels: Any, coding: str, random: Any) -> None:
    labels = np.array(labels)
    targets = CODINGS[coding](labels)
    seq = ArraySequence(
        {"x": np.arange(len(labels))}, targets, class_weight="balanced", batch_size=7
    )
    half = random.sample(range(len(labels)), len(labels) // 2)
    for part, rows in ((seq, np.arange(len(labels))), (seq.subset(positions=half), half)):
        wanted = compute_sample_weight("balanced", labels[rows])
        assert np.allclose(np.concatenate([batch[2] for batch in part]), wanted)


@given(
    arrays_of.arrays(
        "i8", arrays_of.array_shapes(min_dims=2, max_dims=3), elements=st.integers(2, 5)
    )
)
def test_balanced_by_element(labels: Any) -> None:
    wanted = compute_sample_weight("balanced", labels.ravel()).reshape(labels.shape)
    for targets in (labels, labels[..., None]):
        seq = ArraySequence(np.zeros(len(labels)), targets, class_weight="balanced")
        assert np.allclose(
            seq[0][2], wanted[..., 0] if labels.shape[-1] == 1 and targets is labels else wanted
        )


def test_balanced_in_a_join_and_by_output() -> None:
    keys = list("abcdef")
    part = ArraySequence({"x": X}, CLASSES, keys=keys)
    other = ArraySequence({"z": X[::-1]}, keys=keys[::-1])
    wanted = compute_sample_weight("balanced", CLASSES)
    assert np.allclose(join(part, other, class_weight="balanced")[0][2], wanted)
    given = join(
        other,
        targets={"p": pd.Series(CLASSES, keys), "q": pd.Series(X, keys)},
        class_weight={"p": "balanced"},
    )
    weights = given[0][2]
    assert np.allclose(weights["p"], wanted[::-1])
    assert weights["q"].tolist() == [1] * 6
    train, test = join(part, other, class_weight="balanced").split(0.5, 0.5)
    for each in (train, test):
        rows = [keys.index(key) for key in each.keys]
        assert np.allclose(each[0][2], compute_sample_weight("balanced", CLASSES[rows]))


def test_balanced_needs_targets_that_are_known() -> None:
    with pytest.raises(ArgumentError, match=r"balanced(?s:.*)target_rows\(indices\)"):
        Loaded(CLASSES, None, class_weight="balanced")[0]

    class Known(Loaded):
        def target_rows(self, indices: Any) -> Any:
            return self.targets[indices]

    known = Known(CLASSES, None, class_weight="balanced")
    assert np.allclose(known[0][2], compute_sample_weight("balanced", CLASSES))


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        (lambda indices: CLASSES[:3], r"3 rows for 1 indices"),
        (lambda indices: np.eye(4)[CLASSES[indices]], r"shape \(4,\) for each sample, and \(\)"),
        (lambda indices: 1 / 0, "target_rows raised ZeroDivisionError"),
        (lambda indices: {"p": CLASSES[indices]}, "target_rows returns other targets"),
    ],
)
@pytest.mark.parametrize("class_weight", ["balanced", {1: 10}])
def test_target_rows_that_are_not_the_targets(rows: Any, error: str, class_weight: Any) -> None:
    seq = Rows(CLASSES, None, class_weight=class_weight)
    seq.rows = rows
    with pytest.raises((ArgumentError, LoadError), match=error):
        seq[0]


def test_targets_that_cannot_be_read() -> None:
    """They are left out where they are substituted, or not served."""

    def rows(indices: Any) -> Any:
        if 3 in indices:
            raise OSError("damaged")
        return CLASSES[indices]

    seq = Rows(CLASSES, None, class_weight="balanced")
    seq.rows = rows
    with pytest.raises(LoadError, match="target_rows raised OSError: damaged"):
        seq[0]
    others = [0, 1, 2, 4, 5]
    wanted = compute_sample_weight("balanced", CLASSES[others])
    assert np.allclose(seq.subset(positions=others)[0][2], wanted)
    assert np.allclose(seq.replace(on_error="substitute")[0][2][others], wanted)


@pytest.mark.parametrize("dtype", ["f2", "f4", "bool", "u1"])
def test_many_of_a_class(dtype: str) -> None:
    """More than a small dtype counts to."""
    labels = np.repeat([0, 1], [70_000, 10_000])
    seq = ArraySequence(np.zeros(len(labels)), np.eye(2, dtype=dtype)[labels], batch_size=80_000)
    weights = seq.replace(class_weight="balanced")[0][2]
    assert np.allclose(weights, compute_sample_weight("balanced", labels))


@pytest.mark.parametrize("processes", [False, True])
def test_balanced_with_workers_and_a_sampler(processes: bool) -> None:
    wanted = compute_sample_weight("balanced", CLASSES)
    with ArraySequence(
        {"x": np.arange(6)},
        np.eye(4)[CLASSES],
        sampler=lambda seed, epoch: np.array([5, 0, 0, 3]),
        workers=2,
        use_multiprocessing=processes,
        class_weight="balanced",
        batch_size=2,
    ) as seq:
        assert np.allclose(np.concatenate([batch[2] for batch in seq]), wanted[[5, 0, 0, 3]])


def test_balanced_masks_of_a_sequence() -> None:
    keys = list("abcdef")
    masks = (np.arange(36).reshape(6, 2, 3) % 5 == 0).astype("u1")
    images = ArraySequence({"image": X}, keys=keys)
    targets = ArraySequence(masks[::-1], keys=keys[::-1])
    wanted = compute_sample_weight("balanced", masks.ravel()).reshape(masks.shape)
    seq = join(images, targets=targets, class_weight="balanced")
    assert np.allclose(seq[0][2], wanted)
    seq = join(images, targets={"mask": targets}, class_weight={"mask": "balanced"})
    assert np.allclose(seq[0][2]["mask"], wanted)


def test_balanced_windows() -> None:
    frame = pd.DataFrame({"value": np.arange(40.0), "state": np.arange(40) % 7 % 3})
    seq = WindowSequence(
        frame,
        length=5,
        horizon=2,
        features=["value"],
        targets=["state"],
        class_weight="balanced",
        batch_size=99,
    )
    _, targets, weights = seq[0]
    wanted = compute_sample_weight("balanced", targets.ravel()).reshape(targets.shape[:2])
    assert np.allclose(weights, wanted)


def test_balanced_text_and_numbers_in_files(tmp_path: Path) -> None:
    for row in range(9):
        np.savez(tmp_path / f"x_{row}.npz", x=np.zeros(3), y=np.array(row % 2))
        (tmp_path / f"m_{row}.json").write_text(json.dumps({"kind": "aabc"[row % 4]}))
    seq = FileSequence(
        tmp_path,
        {"x": "x_{key}.npz:x"},
        {"p": "x_{key}.npz:y", "q": "m_{key}.json:kind"},
        transforms={"q": Vocabulary(num_oov=0)},
        class_weight={"p": "balanced", "q": "balanced"},
    )
    seq.adapt(progress=False)
    _, targets, weights = seq[0]
    for name in ("p", "q"):
        assert np.allclose(weights[name], compute_sample_weight("balanced", targets[name]))
    (tmp_path / "m_4.json").write_text("{")
    with pytest.raises(SourceError, match=r"m_4\.json"):
        seq.replace(batch_size=2)[0]
    served = seq.replace(batch_size=9, on_error="substitute")[0]
    kept = [0, 1, 2, 3, 5, 6, 7, 8]
    assert np.allclose(served[2]["q"][kept], compute_sample_weight("balanced", targets["q"][kept]))


@pytest.mark.backend
@pytest.mark.parametrize("shape", [(), (4,), (4, 1), (2, 3)])
def test_the_loss_is_that_of_the_weights(shape: Any) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, (12, *shape))
    axes = shape[:-1] if shape[-1:] == (1,) else shape
    x = rng.random((12, *axes, 2), "f4")
    own = rng.random(12).astype("f4")
    seq = ArraySequence(x, labels, own, class_weight="balanced", batch_size=12)
    inputs = keras.Input(x.shape[1:])
    model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(inputs))
    model.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    if len(axes) > 1:  # Keras on torch cannot fit masks.
        found = model.evaluate(seq, verbose=0)
    else:
        found = model.fit(seq, verbose=0).history["loss"][0]
    labels = labels.reshape(12, *axes)
    chances = np.asarray(model.predict(x, verbose=0))
    chance = np.take_along_axis(chances, labels[..., None], -1)[..., 0]
    weights = compute_sample_weight("balanced", labels.ravel()).reshape(labels.shape)
    weights = weights * own.reshape(-1, *[1] * len(axes))
    assert found == pytest.approx(np.mean(-np.log(chance) * weights), rel=1e-4)
