"""Generated keys and values: what belongs to a key stays with it, as in pandas and scikit-learn."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_sample_weight

from multiseq import ArraySequence, StratifiedSampler, join

SMALL = st.integers(-5, 40)
KINDS = {
    "small": SMALL,
    "big": st.integers(2**53, 2**63 - 1),
    "text": st.text("ab01.é ", min_size=1, max_size=4),
    "dates": st.dates(datetime.date(1970, 1, 1), datetime.date(2100, 1, 1)).map(pd.Timestamp),
    "levels": st.tuples(st.text("xy", min_size=1, max_size=2), SMALL),
}


@st.composite
def indexes(draw: Any, least: int = 2) -> Any:
    """Distinct keys of one kind, in any order."""
    kind = draw(st.sampled_from(sorted(KINDS)))
    keys = draw(st.lists(KINDS[kind], min_size=least, max_size=16, unique=True))
    if kind == "levels":
        return pd.MultiIndex.from_tuples(keys, names=["site", "visit"])
    return pd.Index(keys)


def numbered(keys: pd.Index[Any]) -> pd.Series[Any]:
    return pd.Series(np.arange(len(keys), dtype=np.float32), index=keys)


def shuffled(values: pd.Series[Any], seed: int) -> pd.Series[Any]:
    return values.sample(frac=1, random_state=seed)


def by_key(seq: Any, leaf: Any) -> dict[Any, Any]:
    """What is served of a leaf, by the key of its sample; each key comes once."""
    found: dict[Any, Any] = {}
    for number, batch in enumerate(seq):
        for key, value in zip(seq.batch_keys(number), leaf(batch), strict=True):
            assert key not in found
            found[key] = value
    return found


seeds = st.integers(0, 2**32 - 1)


@given(keys=indexes(), seed=seeds, size=st.integers(1, 17))
def test_targets_and_weights_go_by_key(keys: pd.Index[Any], seed: int, size: int) -> None:
    x, y = numbered(keys), numbered(keys) * 3 + 1
    seq = ArraySequence(
        {"x": x.to_numpy()},
        shuffled(y, seed),
        keys=keys,
        sample_weight=shuffled(y, seed + 1 & 0xFFFF) + 1,
        batch_size=size,
        shuffle=True,
        seed=seed,
    )
    assert by_key(seq, lambda batch: batch[0]["x"]) == x.to_dict()
    assert by_key(seq, lambda batch: batch[1]) == y.to_dict()
    assert by_key(seq, lambda batch: batch[2]) == (y + 1).to_dict()


@given(keys=indexes(), data=st.data(), seed=seeds)
def test_subsets_are_those_of_pandas(keys: pd.Index[Any], data: Any, seed: int) -> None:
    x = numbered(keys)
    seq = ArraySequence({"x": x.to_numpy()}, keys=keys)
    positions = data.draw(
        st.lists(st.integers(0, len(keys) - 1), min_size=1, max_size=len(keys), unique=True)
    )
    mask = pd.Series(np.isin(np.arange(len(keys)), positions), index=keys)
    chosen = keys[positions]
    for part, expected in (
        (seq.subset(chosen), x[chosen]),
        (seq.subset(chosen.tolist()), x[chosen]),
        (seq.subset(mask.to_numpy()), x[mask]),
        (seq.subset(shuffled(mask, seed)), x[mask]),
        (seq.subset(chosen).subset(slice(0, 1)), x[chosen[:1]]),
    ):
        assert part.keys.equals(expected.index)
        served = np.concatenate([batch[0]["x"] for batch in part])
        assert served.tolist() == expected.tolist()


@given(keys=indexes(4), seed=seeds, groups=st.integers(2, 5))
def test_splits_keep_all_samples_and_divide_no_group(
    keys: pd.Index[Any], seed: int, groups: int
) -> None:
    assume(len(keys) >= 2 * groups)
    x, of = numbered(keys), pd.Series(np.arange(len(keys)) % groups, index=keys)
    seq = ArraySequence({"x": x.to_numpy()}, keys=keys, seed=seed, shuffle=True, batch_size=3)
    for extra in ({}, {"groups": shuffled(of, seed)}, {"groups": of.to_dict()}):
        parts = seq.split(0.5, 0.5, **extra)
        found = [by_key(part, lambda batch: batch[0]["x"]) for part in parts]
        assert {**found[0], **found[1]} == x.to_dict()
        assert len(found[0]) + len(found[1]) == len(keys)
        if extra:
            assert not {of[key] for key in found[0]} & {of[key] for key in found[1]}


@given(keys=indexes(4), data=st.data(), seed=seeds)
def test_joins_are_those_of_pandas(keys: pd.Index[Any], data: Any, seed: int) -> None:
    x, y = numbered(keys), shuffled(numbered(keys) * 2, seed)
    cut = data.draw(st.integers(0, len(keys) - 1))
    left, right = x.iloc[cut // 2 :], y.iloc[: len(keys) - cut // 2]
    expected = pd.concat({"a": left, "b": right}, axis=1, join="inner").reindex(
        [key for key in left.index if key in right.index]
    )
    assume(len(expected))
    parts = {
        name: ArraySequence({name: part.to_numpy()}, keys=part.index)
        for name, part in (("a", left), ("b", right))
    }
    seq = join(*parts.values(), how="inner", batch_size=3, shuffle=True, seed=seed)
    assert seq.keys.tolist() == expected.index.tolist()
    for name in "ab":
        found = by_key(seq, lambda batch, name=name: batch[0][name])
        assert found == expected[name].to_dict()


@given(
    keys=indexes(4),
    seed=seeds,
    weights=st.lists(st.sampled_from([0.25, 0.5, 1.0, 2.0]), min_size=3, max_size=3),
)
def test_class_weights_are_those_of_scikit_learn(
    keys: pd.Index[Any], seed: int, weights: list[float]
) -> None:
    classes = pd.Series(np.arange(len(keys)) % 3, index=keys)
    each = dict(enumerate(weights))
    own = numbered(keys) + 1
    seq = ArraySequence(
        {"x": numbered(keys).to_numpy()},
        shuffled(classes, seed),
        keys=keys,
        sample_weight=shuffled(own, seed),
        class_weight=each,
        batch_size=5,
    )
    expected = pd.Series(compute_sample_weight(each, classes) * own.to_numpy(), index=keys)
    assert by_key(seq, lambda batch: batch[2]) == expected.to_dict()


@given(keys=indexes(6), seed=seeds)
def test_a_sampler_of_classes_by_key(keys: pd.Index[Any], seed: int) -> None:
    classes = pd.Series(np.arange(len(keys)) % 2, index=keys)
    sampler = StratifiedSampler(shuffled(classes, seed))
    seq = ArraySequence(
        {"x": classes.to_numpy()}, keys=keys, sampler=sampler, batch_size=2, seed=seed
    )
    assert by_key(seq, lambda batch: batch[0]["x"]) == classes.to_dict()
