"""Which fold a sample is held out in, beside scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import model_selection

from multiseq.errors import ArgumentError
from multiseq.keys.folding import (
    fold_classes,
    fold_groups,
    fold_groups_and_classes,
    fold_positions,
    fold_times,
)


def sizes(fold_of: Any, k: int) -> list[int]:
    return sorted(np.bincount(fold_of, minlength=k).tolist())


@given(st.integers(2, 60), st.data())
def test_folds_are_of_the_sizes_of_kfold(n: int, data: Any) -> None:
    k = data.draw(st.integers(2, n))
    expected = [len(test) for _, test in model_selection.KFold(k).split(np.arange(n))]
    seed = data.draw(st.integers(0, 1 << 40))
    assert np.bincount(fold_positions(n, k, seed)).tolist() == expected


@given(st.lists(st.integers(0, 5), min_size=8, max_size=200), st.data())
def test_classes_are_shared_out_as_by_stratified_kfold(labels: list[int], data: Any) -> None:
    counts = pd.Series(labels).value_counts()
    kept = pd.Series([each for each in labels if counts[each] > 1])
    if len(kept) < 4 or len(kept.unique()) > len(kept) / 2:
        return
    k = data.draw(st.integers(2, int(kept.value_counts().min())))
    found = fold_classes(kept, k, data.draw(st.integers(0, 99)))
    table = pd.crosstab(kept, found)
    theirs = np.empty(len(kept), int)
    for fold, (_, test) in enumerate(model_selection.StratifiedKFold(k).split(kept, kept)):
        theirs[test] = fold
    pd.testing.assert_frame_equal(table, pd.crosstab(kept, theirs), check_names=False)
    assert (table.max(axis=1) - table.min(axis=1)).max() <= 1
    assert np.ptp(table.sum()) <= 1


@given(st.lists(st.integers(1, 30), min_size=2, max_size=40), st.data())
def test_groups_are_shared_out_as_by_group_kfold(counts: list[int], data: Any) -> None:
    groups = pd.Series(np.repeat(np.arange(len(counts)), counts)).map("patient {}".format)
    k = data.draw(st.integers(2, len(counts)))
    found = fold_groups(groups, k, data.draw(st.integers(0, 99)))
    assert len(set(zip(found.tolist(), groups.tolist(), strict=True))) == len(counts)
    by_them = model_selection.GroupKFold(k).split(groups, groups=groups)
    assert sizes(found, k) == sorted(len(test) for _, test in by_them)


@pytest.mark.parametrize("seed", range(6))
def test_groups_and_classes_are_shared_out_as_well_as_by_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups = pd.Series(rng.geometric(0.03, 1500))
    leaning = rng.dirichlet([1, 1, 1], int(groups.max()) + 1)
    labels = pd.Series([rng.choice(3, p=leaning[each]) for each in groups])
    found = fold_groups_and_classes(groups, labels, 5, seed)
    theirs = np.empty(len(groups), int)
    ours = model_selection.StratifiedGroupKFold(5, shuffle=True, random_state=seed)
    for fold, (_, test) in enumerate(ours.split(groups, labels, groups)):
        theirs[test] = fold

    def error(fold_of: Any) -> float:
        shares = pd.crosstab(labels, fold_of).div(labels.value_counts().sort_index(), axis=0)
        return float((shares - 1 / 5).abs().to_numpy().max())

    assert len(set(zip(groups, found, strict=True))) == groups.nunique()
    assert error(found) <= max(0.01, error(theirs))
    assert np.ptp(np.bincount(found)) <= 30


def test_groups_of_one_class_each_fill_all_folds() -> None:
    groups = pd.Series(np.repeat(np.arange(8), 5))
    labels = groups % 2
    table = pd.crosstab(labels, fold_groups_and_classes(groups, labels, 4, 0))
    assert (table == 5).all(axis=None)


@given(st.integers(2, 9), st.integers(0, 99), st.data())
def test_times_are_cut_as_by_time_series_split(k: int, seed: int, data: Any) -> None:
    n = data.draw(st.integers(k + 1, 120))
    times = np.random.default_rng(seed).permutation(n) + 0.5
    begins, ends, _ = fold_times(times, times, k)
    assert np.array_equal(begins, ends)
    order = np.argsort(times)
    splits = model_selection.TimeSeriesSplit(k).split(times)
    for fold, (train, test) in enumerate(splits):
        assert sorted(order[train]) == np.flatnonzero(ends <= fold).tolist()
        assert sorted(order[test]) == np.flatnonzero(begins == fold + 1).tolist()


@given(st.lists(st.integers(0, 12), min_size=6, max_size=80), st.integers(2, 5))
def test_samples_of_one_time_stay_together(times: list[int], k: int) -> None:
    first = np.array(times)
    if len(set(times)) <= k:
        with pytest.raises(ArgumentError, match="too few times"):
            fold_times(first, first, k)
        return
    begins, _, cuts = fold_times(first, first, k)
    assert set(cuts) <= set(times)
    assert (np.diff(cuts) > 0).all()
    assert set(begins) == set(range(k + 1))
    for fold in range(k):
        assert first[begins <= fold].max() < first[begins == fold + 1].min()


def test_folds_are_pinned() -> None:
    assert fold_positions(10, 3, 7).tolist() == BY_POSITION
    assert fold_groups(pd.Series(np.arange(12) // 2), 3, 7).tolist() == BY_GROUP


BY_POSITION = [0, 1, 0, 2, 1, 0, 2, 0, 1, 2]
BY_GROUP = [0, 0, 1, 1, 2, 2, 2, 2, 1, 1, 0, 0]
