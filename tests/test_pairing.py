"""pairs and triplets: what goes together, anew in each epoch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from coded import Noisy, frozen_epoch
from hypothesis import given
from hypothesis import strategies as st
from keyed import KEYS, part

from multiseq import ArraySequence, TableSequence, concat, join, mix, pairs, triplets
from multiseq.errors import AlignmentError, ArgumentError
from multiseq.partners import of_another_class, of_one_class
from multiseq.testing import check_sequence

LABELS = np.arange(20) % 4
BY_KEY = pd.Series(LABELS, KEYS)


def epoch_of(seq: Any) -> tuple[list[tuple[int, ...]], list[float]]:
    """Which samples go together, and the targets."""
    rows: list[tuple[int, ...]] = []
    targets: list[float] = []
    for i in range(len(seq)):
        inputs, *rest = seq[i]
        rows += zip(*[leaf[:, 0].astype(int).tolist() for leaf in inputs.values()], strict=True)
        targets += [t for each in rest for t in each.tolist()]
    return rows, targets


def source(**keywords: Any) -> Any:
    return part(None, batch_size=6, shuffle=True, seed=1, **keywords)


@given(st.lists(st.integers(0, 5), min_size=2, max_size=80), st.integers(0, 9))
def test_partners(labels: list[int], seed: int) -> None:
    codes, names = pd.Series(labels).factorize()
    counts = np.bincount(codes)
    same = of_one_class(codes, seed, 0)
    assert (codes[same] == codes).all()
    assert sorted(same) == list(range(len(codes)))
    assert np.array_equal(same == np.arange(len(codes)), counts[codes] == 1)
    found = {frozenset(pair) for pair in enumerate(same.tolist()) if counts[codes[pair[0]]] > 2}
    assert len(found) == counts[counts > 2].sum()
    if len(names) > 1:
        other = of_another_class(codes, seed, 0)
        assert (codes[other] != codes).all()
        if counts.max() <= len(codes) / 3 and len(codes) > 12:
            assert len({frozenset(p) for p in enumerate(other.tolist())}) == len(codes)


def test_a_million_samples_nearly_all_of_one_class() -> None:
    codes = (np.arange(1_000_000) > 999_000).astype(np.int64)
    assert (codes[of_another_class(codes, 1)] != codes).all()


@pytest.mark.parametrize("positive", [0.0, 0.3, 0.5, 1.0])
def test_pairs_are_what_their_targets_say(positive: float) -> None:
    seq = pairs(source(), BY_KEY.iloc[::-1], positive=positive)
    seen = set()
    for epoch in range(5):
        seq.set_epoch(epoch)
        rows, targets = epoch_of(seq)
        assert sum(targets) == round(20 * positive)
        assert [float(LABELS[a] == LABELS[b]) for a, b in rows] == targets
        assert sorted(a for a, _ in rows) == list(range(20))
        assert all(a != b for a, b in rows)
        assert len(set(map(frozenset, rows))) == 20
        keys = [key for i in range(len(seq)) for key in seq.batch_keys(i)]
        assert keys == [KEYS[a] for a, _ in rows]
        seen.add(frozenset(rows))
    assert len(seen) == 5
    seq.set_epoch(0)
    assert frozenset(epoch_of(seq)[0]) in seen


def test_triplets() -> None:
    seq = triplets(source(), LABELS)
    assert set(seq[0][0]) == {"anchor", "positive", "negative"}
    for anchor, positive, negative in epoch_of(seq)[0]:
        assert anchor != positive
        assert LABELS[anchor] == LABELS[positive] != LABELS[negative]
    check_sequence(seq)


def test_pairs_of_what_is_plain_are_fixed_and_load_together() -> None:
    train, test = source().split(0.6, 0.4, stratify=BY_KEY)
    held_out = pairs(test, BY_KEY)
    before = frozen_epoch(held_out)
    held_out.set_epoch(3)
    assert frozen_epoch(held_out) == before
    assert held_out.by_batch
    assert held_out.keys.tolist() == test.keys.tolist()
    members = {int(key[1:]) for key in test.keys}
    assert {each for row in epoch_of(held_out)[0] for each in row} <= members
    check_sequence(held_out)
    check_sequence(pairs(train, BY_KEY))
    assert held_out.predictions(_Sum(), verbose=0).index.equals(test.keys)


class _Sum:
    def predict(self, seq: Any, **_: Any) -> Any:
        return np.concatenate([seq[i][0]["a"].sum(1) for i in range(len(seq))])


def test_processes_draw_the_same_and_members_augment_by_themselves() -> None:
    noisy = Noisy(12, batch_size=4, shuffle=True, seed=2)
    seq = pairs(noisy, np.arange(12) % 3)
    inputs = seq[0][0]
    assert set(inputs) == {"a_a", "a_b", "b_a", "b_b"}
    assert (inputs["a_a"] % 1 != inputs["b_a"] % 1).all()
    expected = frozen_epoch(seq)
    with seq.replace(workers=1, use_multiprocessing=True) as other:
        assert frozen_epoch(other) == expected


def test_a_state_is_of_the_labels_too() -> None:
    state = pairs(source(), LABELS).state_dict()
    pairs(source(), BY_KEY.iloc[::-1]).load_state_dict(state)
    for other in (
        pairs(source(), np.arange(20) % 2),
        pairs(source(), LABELS, positive=0.4),
        pairs(source(), np.roll(LABELS, 1) // 2),
    ):
        with pytest.raises(ArgumentError, match="what makes up the order differ"):
            other.load_state_dict(state)


def parts_of_others(labels: Any) -> list[Any]:
    compared = pairs(source(), labels)
    return [
        join(compared, z=part(None)),
        concat(compared, pairs(source(), LABELS), keys=[0, 1]),
        mix([compared, pairs(source(), LABELS)], weights=[1, 1], keys=[0, 1]),
        join(join(compared), z=part(None)),
    ]


@pytest.mark.parametrize("number", range(4))
def test_as_parts_of_others_they_are_not_split_either(number: int) -> None:
    whole = parts_of_others(LABELS)[number]
    for divide in (lambda: whole.split(0.5, 0.5), lambda: list(whole.folds(2))):
        with pytest.raises(ArgumentError, match="pairs and triplets cannot be split"):
            divide()
    assert whole.subset(positions=[1, 0]).num_samples == 2
    state = whole.state_dict()
    parts_of_others(LABELS)[number].load_state_dict(state)
    with pytest.raises(ArgumentError, match="what makes up the order differ"):
        parts_of_others(np.arange(20) % 2)[number].load_state_dict(state)


def test_pairs_of_joins_learn_and_shards() -> None:
    frame = pd.DataFrame({"x": np.arange(20.0), "y": 1.0}, KEYS)
    joined = join(
        x=TableSequence(frame, numeric=["x"]),
        y=part(None),
        batch_size=20,
        seed=0,
    )
    seq = pairs(joined, BY_KEY)
    seq.adapt(progress=False)
    inputs = seq[0][0]
    expected = (frame["x"].to_numpy() - 9.5) / frame["x"].std(ddof=0)
    np.testing.assert_allclose(inputs["a_x"][:, 0], expected[inputs["a_y"][:, 0].astype(int)], 1e-5)
    np.testing.assert_allclose(inputs["b_x"][:, 0], expected[inputs["b_y"][:, 0].astype(int)], 1e-5)
    shards = [pairs(source().shard(n, 2), LABELS) for n in (0, 1)]
    rows = [row for shard in shards for row in epoch_of(shard)[0]]
    assert sorted(a for a, _ in rows) == list(range(20))


def test_classes_of_one_sample(caplog: Any) -> None:
    labels = [0] * 6 + [1] * 6 + list(range(10, 18))
    seq = triplets(source(), labels)
    assert seq.num_samples == 12
    assert "8 samples are alone" in caplog.text
    rows, targets = epoch_of(pairs(source(), labels, positive=0.6))
    assert sum(targets) == 12
    assert all((labels[a] == labels[b]) == t for (a, b), t in zip(rows, targets, strict=True))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: pairs(source(), [0] * 20), "all samples are of one class"),
        (lambda: triplets(source(), range(20)), "too few samples have another"),
        (lambda: pairs(source(), [0, 0, *range(1, 19)]), "2 of 20.*at least 10"),
        (lambda: pairs(source(), LABELS, positive=1.5), "bad positive"),
        (lambda: pairs(source(), LABELS, positive=True), "bad positive"),
        (lambda: pairs(np.zeros(3), LABELS), "made of a sequence"),  # type: ignore[arg-type]
        (lambda: pairs(source(), LABELS[:5]), "5 values for 20 samples"),
        (lambda: pairs(source(), LABELS).split(0.5, 0.5), "cannot be split"),
        (lambda: next(iter(pairs(source(), LABELS).folds(2))), "cannot be split"),
        (
            lambda: pairs(part(None, sampler=lambda seed, epoch: [0, 1]), LABELS),
            r"has sampler, which would be lost.*replace\(sampler=None\)",
        ),
    ],
)
def test_what_makes_no_pairs(make: Any, says: str) -> None:
    with pytest.raises(ArgumentError, match=f"(?s){says}"):
        make()


def test_missing_labels_are_named() -> None:
    with pytest.raises(AlignmentError, match="no row for 1"):
        pairs(source(), BY_KEY.iloc[1:])


@pytest.mark.backend
def test_a_siamese_model_tells_digits_apart() -> None:
    from backends import keras
    from sklearn.datasets import load_digits

    images, digits = load_digits(return_X_y=True)
    whole = ArraySequence((images / 16).astype("float32"), batch_size=64, shuffle=True, seed=0)
    whole = whole.subset(positions=np.arange(900)).replace(shuffle=True, augmented=True)
    train, test = whole.split(0.8, 0.2, stratify=digits[:900])
    keras.utils.set_random_seed(0)
    encoder = keras.Sequential([keras.layers.Dense(64, "relu"), keras.layers.Dense(16)])
    a, b = keras.Input((64,), name="a"), keras.Input((64,), name="b")
    apart = keras.layers.Subtract()([encoder(a), encoder(b)])
    squared = keras.layers.Multiply()([apart, apart])
    alike = keras.layers.Dense(1, "sigmoid")(squared)
    model = keras.Model({"a": a, "b": b}, alike)
    model.compile(keras.optimizers.Adam(0.005), "binary_crossentropy", metrics=["accuracy"])
    labels = pd.Series(digits[:900])
    held_out = pairs(test, labels.loc[test.keys].to_numpy())
    seq = pairs(train, labels.loc[train.keys].to_numpy())
    model.fit(seq, validation_data=held_out, epochs=12, verbose=0)
    assert model.evaluate(held_out, verbose=0)[1] > 0.85
