"""windows: which rows a window holds, whatever the entities, strides and horizons."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from coded import frozen_epoch, misaligned
from series import LENGTHS, START, all_rows, series, shuffled, spell, windows

from multiseq import ArraySequence, join
from multiseq.errors import ArgumentError
from multiseq.testing import check_sequence

HOUR = pd.Timedelta(hours=1)


def test_past_and_what_follows_it() -> None:
    inputs, targets = windows(horizon=3).sample(2)
    assert inputs["past"].dtype == np.float32
    assert inputs["past"].tolist() == [[1002, 2004], [1003, 2006], [1004, 2008], [1005, 2010]]
    assert targets.tolist() == [1006, 1007, 1008]


@pytest.mark.parametrize("mixed", [False, True])
def test_windows_are_those_of_two_loops(mixed: bool) -> None:
    rng = np.random.default_rng(1)
    for length, horizon, stride in itertools.product((1, 2, 5), (0, 1, 3), (1, 2, 7)):
        lengths = [*rng.integers(1, 20, 4).tolist(), 9]
        frame = series(dict(enumerate(lengths)))
        if mixed:  # Rows of entities in turns; entities are still in order of their first rows.
            frame = frame.sort_values(["t", "site"], ignore_index=True)
        seq = windows(frame, length=length, horizon=horizon, stride=stride)
        pasts, goals = all_rows(seq)
        expected = spell(lengths, length, horizon, stride)
        assert pasts.tolist() == [past for past, _ in expected]
        assert goals.reshape(len(goals), -1).tolist() == [goal for _, goal in expected]


@pytest.mark.parametrize(
    ("targets", "horizon", "shape"),
    [
        ("code", 2, (2,)),
        ("code", 1, (1,)),
        ("code", 0, ()),
        (["code"], 2, (2, 1)),
        (["code", "twice"], 2, (2, 2)),
        (["code", "twice"], 0, (2,)),
        (("code", "twice"), 1, (1, 2)),
    ],
)
def test_the_shape_of_targets(targets: Any, horizon: int, shape: tuple[int, ...]) -> None:
    seq = windows(targets=targets, horizon=horizon)
    assert seq.sample(0)[1].shape == shape
    assert seq[0][1].shape == (5, *shape)
    assert seq.spec[1].shape == shape


def test_several_outputs() -> None:
    seq = windows(targets={"flow": "code", "both": ["code", "twice"]})
    assert seq.sample(0)[1]["flow"].tolist() == [1004, 1005]
    assert seq[0][1]["both"][0].tolist() == [[1004, 2008], [1005, 2010]]
    check_sequence(seq)


def test_without_targets_the_last_window_ends_with_the_series() -> None:
    seq = windows(series({"a": 6}), targets=None, horizon=3)
    assert [len(seq.sample(k)) for k in range(seq.num_samples)] == [1, 1, 1]
    assert seq.sample(2)[0]["past"][:, 0].tolist() == [1002, 1003, 1004, 1005]
    check_sequence(seq)


def test_with_no_horizon_targets_are_of_the_last_row() -> None:
    pasts, goals = all_rows(windows(horizon=0))
    assert (pasts[:, -1] == goals).all()


@pytest.mark.parametrize("dtype", ["int8", "int64", "bool", "float64", "float32", "Int16"])
def test_dtypes(dtype: str) -> None:
    seq = windows(series(flag=1).astype({"flag": dtype}), features="flag", targets="flag")
    inputs, targets = seq[0]
    assert inputs["past"].dtype == np.float32
    assert inputs["past"].shape == (5, 4, 1)
    assert targets.dtype == np.dtype("float32" if "float" in dtype else dtype.lower())


def test_rows_are_sorted_by_time_and_entities_keep_their_order() -> None:
    frame = shuffled(series())
    seq = windows(frame)
    first = [site for site in dict.fromkeys(frame["site"]) if site != "c"]
    assert list(dict.fromkeys(seq.entities)) == first
    pasts, goals = all_rows(seq)
    assert (np.diff(np.hstack([pasts, goals])) == 1).all()
    assert len(pasts) == 7 + 4


def test_without_time_rows_are_in_order() -> None:
    frame = series({"a": 60, "b": 50}).sort_values(["t", "site"], ascending=False)
    pasts, _ = all_rows(windows(frame, time=None))
    assert (np.diff(pasts) == -1).all()
    assert (pasts // 1000 == pasts[:, :1] // 1000).all()


def test_one_series() -> None:
    frame = series({"a": 9})
    for entity in ({"entity": None}, {}):
        pasts, _ = all_rows(windows(shuffled(frame), **entity))
        assert pasts[:, 0].tolist() == [1000, 1001, 1002, 1003]


def test_two_columns_tell_series_apart() -> None:
    frame = series({1: 8, 2: 8, 3: 8, 4: 8})
    frame = frame.assign(plant=frame["site"] // 3, line=frame["site"] % 2)
    seq = windows(shuffled(frame), entity=["plant", "line"])
    pasts, _ = all_rows(seq)
    assert seq.entities.names == ["plant", "line"]
    codes = [{(0, 1): 1, (0, 0): 2, (1, 1): 3, (1, 0): 4}[entity] for entity in seq.entities]
    assert (pasts // 1000).tolist() == [[code] * 4 for code in codes]
    assert len(pasts) == 12


@pytest.mark.parametrize("source", ["levels", "index", "period", "dict", "csv", "parquet", "text"])
def test_sources(source: str, tmp_path: Any) -> None:
    frame, keywords = shuffled(series()), {}
    expected = frozen_epoch(windows(frame))
    given: Any = frame
    if source == "levels":
        given = frame.set_index(["site", "t"])
    elif source == "index":
        given, keywords = frame.set_index("t"), {"time": None}
    elif source == "period":
        given = frame.assign(t=frame["t"].dt.to_period("h"))
    elif source == "dict":
        given = {name: frame[name].to_numpy() for name in frame}
    elif source == "text":
        given = frame.assign(t=frame["t"].dt.strftime("%Y-%m-%dT%H:%M"))
    elif source == "csv":
        given = tmp_path / "series.csv"
        frame.assign(unused="x").to_csv(given, index=False)
    else:
        pytest.importorskip("pyarrow")
        given = str(tmp_path / "series.parquet")
        frame.assign(unused="x").to_parquet(given)
    assert frozen_epoch(windows(given, **keywords)) == expected


# Static


def test_static_columns() -> None:
    frame = series()
    frame["area"] = frame["site"].map({"a": 2, "b": 1, "c": 3})
    frame["big"] = frame["area"] > 1
    seq = windows(shuffled(frame), static=["area", "big"], shuffle=True, seed=1)
    for index in range(len(seq)):
        inputs, _ = seq[index]
        assert inputs["static"].dtype == np.float32
        assert inputs["static"].shape[1:] == (2,)
        assert (inputs["static"][:, 0] == inputs["past"][:, 0, 0] // 1000).all()
        assert (inputs["static"][:, 1] == (inputs["static"][:, 0] > 1)).all()
    check_sequence(seq)


def test_a_static_table_is_aligned_by_entity() -> None:
    table = pd.DataFrame({"number": [9, 3, 2, 1]}, index=["z", "c", "a", "b"])
    for static in (table, table["number"]):
        seq = windows(static=static)
        for position in range(seq.num_samples):
            inputs, _ = seq.sample(position)
            assert inputs["static"].tolist() == [inputs["past"][0, 0] // 1000]


def test_a_static_table_by_two_columns() -> None:
    frame = series({"a": 6, "b": 6}).assign(plant=7)
    keys = pd.MultiIndex.from_tuples([("b", 7), ("a", 7)])
    seq = windows(frame, entity=["site", "plant"], static=pd.DataFrame({"s": [2, 1]}, index=keys))
    assert [seq.sample(k)[0]["static"].item() for k in (0, 1)] == [1, 2]


# Batches


def test_it_keeps_the_contract() -> None:
    check_sequence(windows(shuffle=True))
    check_sequence(windows(keys="time", targets=["code", "twice"], horizon=0))


def test_batches_are_aligned_and_own_their_memory() -> None:
    seq = windows(static=pd.Series({"a": 1, "b": 2, "c": 3}), batch_size=11)
    before = frozen_epoch(seq)
    batch = seq[0]
    assert misaligned(batch) == []
    batch[0]["past"][...] = -1
    seq.sample(3)[0]["past"][...] = -1
    assert frozen_epoch(seq) == before


@pytest.mark.parametrize("processes", [False, True])
def test_workers_give_the_same_bytes(processes: bool) -> None:
    frame = series({"a": 300, "b": 200})
    serial = windows(frame, static=pd.Series({"a": 1, "b": 2}), shuffle=True, seed=1, keys="time")
    with serial.replace(workers=2, use_multiprocessing=processes) as seq:
        assert frozen_epoch(seq) == frozen_epoch(serial)


def test_a_million_windows_cost_no_memory_of_their_own() -> None:
    frame = pd.DataFrame({"x": np.arange(1_000_100, dtype="f4")})
    seq = windows(frame, features="x", targets="x", entity=None, time=None)
    assert seq.num_samples == 1_000_095
    assert isinstance(seq.keys, pd.RangeIndex)
    assert sum(value.nbytes for value in vars(seq._runs).values() if hasattr(value, "nbytes")) < 99
    assert seq.sample(1_000_094)[1].tolist() == [1_000_098, 1_000_099]


# Keys and labels


def test_windows_say_what_they_are() -> None:
    seq = windows().subset([8, 0])
    expected = pd.DataFrame(
        {
            "site": ["a", "b"],
            "start": [START + HOUR, START],
            "end": [START + 4 * HOUR, START + 3 * HOUR],
            "until": [START + 6 * HOUR, START + 5 * HOUR],
        },
        index=[8, 0],
    )
    pd.testing.assert_frame_equal(seq.windows, expected, check_dtype=False, check_index_type=False)
    assert seq.entities.tolist() == ["a", "b"]


def test_the_time_key_is_that_of_the_last_row_of_the_past() -> None:
    seq = windows(keys="time", shuffle=True)
    assert seq.keys.names == ["site", "t"]
    assert seq.keys[0] == ("b", START + 3 * HOUR)
    for index in range(len(seq)):
        codes = seq[index][0]["past"][:, -1, 0].astype(int)
        for (site, time), code in zip(seq.batch_keys(index), codes, strict=True):
            assert list(LENGTHS).index(site) + 1 == code // 1000
            assert time == START + int(code % 1000) * HOUR
    assert windows(series({"a": 7}), entity=None, keys="time").keys.tolist() == [
        START + 3 * HOUR,
        START + 4 * HOUR,
    ]


@pytest.mark.parametrize("unit", ["ns", "us", "s"])
def test_joined_with_another_part_by_entity_and_time(unit: Any) -> None:
    frame = series()
    other = shuffled(frame).assign(t=lambda f: f["t"].dt.as_unit(unit))
    extra = ArraySequence({"extra": other.set_index(["site", "t"])["code"]})
    seq = join(windows(keys="time"), extra, how="inner", batch_size=4)
    assert seq.num_samples == 11
    for index in range(len(seq)):
        inputs, _ = seq[index]
        assert (inputs["past"][:, -1, 0] == inputs["extra"]).all()
    check_sequence(seq)


def test_labels_are_in_the_time_zone_they_came_in() -> None:
    frame = series()
    local = frame.assign(t=frame["t"].dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo"))
    text = frame.assign(t=frame["t"].dt.strftime("%Y-%m-%dT%H:%M+09:00"))
    assert str(windows(text, keys="time").keys[0][1]) == "2020-01-01 03:00:00+09:00"
    seq = windows(local, keys="time")
    assert seq.keys[0][1] == pd.Timestamp("2020-01-01 12:00", tz="Asia/Tokyo")
    assert "Asia/Tokyo" in str(seq.windows["start"].dtype)
    assert seq.time_spans(np.array([0]))[0] == np.datetime64("2020-01-01T00:00")


def test_time_spans_go_from_the_first_row_to_the_last_target() -> None:
    seq = windows(shuffled(series()), horizon=3)
    first, last = seq.time_spans(np.arange(seq.num_samples))
    assert first.dtype == last.dtype == np.dtype("datetime64[ns]")
    pasts, goals = all_rows(seq)
    assert ((first - START.to_datetime64()) / HOUR == pasts[:, 0] % 1000).all()
    assert ((last - START.to_datetime64()) / HOUR == goals[:, -1] % 1000).all()
    for keywords, size in (({"horizon": 0}, 4), ({"targets": None}, 4)):
        first, last = windows(**keywords).time_spans(np.arange(5))
        assert (last - first == (size - 1) * HOUR.to_timedelta64()).all()


def test_time_spans_of_numbers() -> None:
    frame = series()
    numbers = frame.assign(t=frame["code"] % 1000 * 0.5)
    assert [t.tolist() for t in windows(numbers).time_spans(np.array([0, 7]))] == [
        [0, 0],
        [2.5, 2.5],
    ]
    rows = windows(frame, time=None).time_spans(np.array([1, 8]))
    assert [t.tolist() for t in rows] == [[1, 1], [6, 6]]


def test_one_series_has_no_entities() -> None:
    with pytest.raises(ArgumentError, match="one series"):
        _ = windows(entity=None, time=None).entities


def test_split_by_entity() -> None:
    seq = windows(series(dict.fromkeys("abcdefgh", 9)), keys="time")
    chosen = np.isin(seq.entities, ["a", "d"])
    test, train = seq.subset(chosen), seq.subset(~chosen)
    assert set(test.entities) == {"a", "d"}
    assert set(all_rows(train)[0].ravel() // 1000) == {2, 3, 5, 6, 7, 8}


def test_a_weight_for_each_window() -> None:
    ends = windows(keys="time").keys
    weights = pd.Series(np.arange(len(ends), dtype=float), ends)
    for keywords in (
        {"sample_weight": weights.to_numpy()},
        {"sample_weight": weights[::-1], "keys": "time"},
        {"sample_weight": {"y": weights}, "keys": "time", "targets": {"y": "code", "z": "code"}},
    ):
        seq = windows(**keywords, shuffle=True, seed=1)
        pasts = [seq.sample(position)[0]["past"][-1, 0] for position in range(len(ends))]
        order = np.argsort(np.argsort(pasts))
        found = [seq.sample(position)[2] for position in range(len(ends))]
        named = "targets" in keywords
        assert [each["y"] if named else each for each in found] == order.tolist()
        check_sequence(seq)


def test_weights_of_windows_need_targets_and_as_many() -> None:
    n = windows().num_samples
    with pytest.raises(ArgumentError, match="without targets"):
        windows(targets=None, sample_weight=np.ones(n))
    with pytest.raises(ArgumentError, match="differ in number"):
        windows(sample_weight=np.ones(n + 1))
