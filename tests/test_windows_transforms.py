"""windows and what is learned: from the rows of the training windows, once each."""

from __future__ import annotations

from typing import Any

import cloudpickle
import numpy as np
import pandas as pd
import pytest
from coded import frozen_epoch
from series import all_rows, series, shuffled, windows

from multiseq import MinMax, Standardize, join
from multiseq.errors import ArgumentError, NotAdaptedError, SampleError
from multiseq.testing import check_sequence

AREA = pd.Series({"a": 10.0, "b": 20.0, "c": 70.0})


def scaled(frame: Any = None, **keywords: Any) -> Any:
    """Windows that are standardized."""
    names = keywords.pop("names", ("past", "targets"))
    transforms = {name: Standardize() for name in names}
    return windows(frame, transforms=transforms, **keywords)


@pytest.mark.parametrize(("stride", "chosen"), [(1, [0, 1, 5]), (3, [0, 2]), (9, [1])])
def test_each_row_of_the_training_windows_counts_once(stride: int, chosen: list[int]) -> None:
    seq = scaled(shuffled(series({"a": 20, "b": 9})), stride=stride)
    pasts, goals = all_rows(windows(shuffled(series({"a": 20, "b": 9})), stride=stride))
    seq = seq.subset(chosen)
    seq.adapt(progress=False)
    for name, rows in (("past", pasts[chosen]), ("targets", goals[chosen])):
        transform = seq.transforms[name]
        assert transform.mean[0] == pytest.approx(np.unique(rows).mean())
        assert transform.variance[0] == pytest.approx(np.unique(rows).var())


def test_other_rows_do_not_matter() -> None:
    frame = series({"a": 20, "b": 9})
    test = frame["code"].between(1010, 1019)
    frame.loc[test, ["code", "twice"]] = 1e6
    trains = []
    for each in (series({"a": 20, "b": 9}), frame):
        seq = scaled(each)
        ends = [windows.tolist()[-1] for windows in all_rows(windows(each))[1]]
        train = seq.subset(
            [k for k, end in enumerate(ends) if end not in (*range(1010, 1020), 1e6)]
        )
        train.adapt(progress=False)
        trains.append(frozen_epoch(train))
    assert trains[0] == trains[1]


@pytest.mark.parametrize("name", ["past", "static", "targets"])
def test_what_has_not_learned_is_named(name: str) -> None:
    with pytest.raises(NotAdaptedError) as caught:
        scaled(static=AREA, names=(name,))[0]
    assert caught.value.where["input"] == name


def test_parts_share_what_the_training_split_learned() -> None:
    seq = scaled(static=AREA, names=("past", "static", "targets"), shuffle=True, seed=1)
    train, test = seq.split(0.5, 0.5)
    with pytest.raises(NotAdaptedError):
        test[0]
    train.adapt(progress=False)
    mean, variance = (getattr(seq.transforms["past"], name) for name in ("mean", "variance"))
    plain = windows(static=AREA, shuffle=True, seed=1).split(0.5, 0.5)[1]
    for position in range(test.num_samples):
        (inputs, targets), (raw, goals) = test.sample(position), plain.sample(position)
        expected = (raw["past"].astype("f8") - mean) / np.sqrt(variance)
        assert np.allclose(inputs["past"], expected, atol=1e-5)
        assert targets.shape == goals.shape == (2,)
    check_sequence(test)


def test_static_is_learned_from_each_entity_once() -> None:
    seq = scaled(series({"a": 9, "b": 20, "c": 9}), static=AREA, names=("static",))
    part = seq.subset(slice(0, 10))
    part.adapt(progress=False)
    assert part.transforms["static"].mean.tolist() == [15]
    assert part.sample(0)[0]["static"].tolist() == [-1]
    seq.adapt(progress=False)
    assert seq.transforms["static"].mean[0] == pytest.approx(100 / 3)


def test_large_values_are_scaled_before_they_become_float32() -> None:
    frame = series({"a": 12}).assign(code=lambda f: 1e12 + f["code"])
    seq = scaled(frame)
    seq.adapt(progress=False)
    assert np.diff(seq.sample(0)[0]["past"][:, 0]).min() > 0.1


def test_learning_again_shows_in_every_part() -> None:
    seq = scaled(names=("past",))
    seq.adapt(progress=False)
    late, before = seq.replace(), frozen_epoch(seq)
    seq.transforms["past"].adapt(np.arange(18.0).reshape(-1, 2))
    assert frozen_epoch(late) == frozen_epoch(seq) != before


def test_a_transform_that_has_learned_is_used_as_it_is(tmp_path: Any) -> None:
    seq = scaled(names=("past",))
    seq.adapt(progress=False)
    seq.transforms["past"].save(tmp_path / "past.json")
    loaded = windows(transforms={"past": Standardize.load(tmp_path / "past.json")})
    assert frozen_epoch(loaded) == frozen_epoch(seq)


def test_processes_get_rows_as_a_model_takes_them() -> None:
    seq = scaled(static=AREA, names=("past", "static", "targets"))
    seq.adapt(progress=False)
    with seq.replace(workers=2, use_multiprocessing=True) as other:
        assert frozen_epoch(other) == frozen_epoch(seq)


def test_processes_get_nothing_else() -> None:
    seq = scaled(series({"a": 2000, "b": 2000}), names=("past", "targets"), keys="time")
    seq.adapt(progress=False)
    numbers_of_float32 = 4000 * 3
    assert len(cloudpickle.dumps(seq.for_workers())) < 4 * numbers_of_float32 + 8000


def test_in_a_join() -> None:
    seq = join(scaled(names=("past",), keys="time"), batch_size=4)
    seq.adapt(progress=False)
    assert abs(seq.sample(0)[0]["past"]).max() < 3
    check_sequence(seq)


def test_scikit_learn_may_fill_in_and_widen() -> None:
    impute = pytest.importorskip("sklearn.impute")
    frame = series()
    frame.loc[3, "code"] = np.nan
    imputer = impute.SimpleImputer(add_indicator=True)
    seq = windows(frame, targets="twice", transforms={"past": imputer})
    seq.adapt(progress=False)
    assert seq.sample(0)[0]["past"].shape == (4, 3)
    assert seq.sample(0)[0]["past"][:, 2].tolist() == [0, 0, 0, 1]
    check_sequence(seq)


def test_codes_become_numbers_of_the_right_kind() -> None:
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    # It refuses what it has not seen: the last two rows, which are no past.
    encode = {n: preprocessing.OrdinalEncoder(dtype=np.int64) for n in ("past", "targets")}
    seq = windows(series({"a": 12}), transforms=encode)
    seq.adapt(progress=False)
    assert seq[0][0]["past"].dtype == np.float32
    assert seq[0][1].dtype == np.int64
    assert seq.sample(1)[0]["past"][:, 0].tolist() == [1, 2, 3, 4]
    assert seq.sample(1)[1].tolist() == [1, 2]


def test_a_transform_that_leaves_values_missing() -> None:
    frame = series()
    frame.loc[3, "code"] = np.nan
    seq = windows(frame, targets="twice", transforms={"past": MinMax()})
    seq.adapt(progress=False)
    with pytest.raises(SampleError, match="missing or infinite in 1 rows") as caught:
        seq[0]
    assert "'code' of 'b', t 2020-01-01 03:00:00" in str(caught.value)


def test_bad_transforms() -> None:
    with pytest.raises(ArgumentError, match="no input or target 'code'"):
        windows(transforms={"code": Standardize()})
    with pytest.raises(ArgumentError, match="no input or target 'static'"):
        windows(transforms={"static": Standardize()})


def test_one_object_learns_from_all_that_it_serves() -> None:
    shared = Standardize()
    alike: Any = {"features": ["code"], "targets": ["twice"]}
    seq = windows(transforms={"past": shared, "targets": shared}, **alike)
    seq.adapt(progress=False)
    pasts, goals = all_rows(windows(**alike))
    both = np.concatenate([np.unique(pasts), np.unique(goals)])
    assert shared.mean[0] == pytest.approx(both.mean())
    assert shared.variance[0] == pytest.approx(both.var())
