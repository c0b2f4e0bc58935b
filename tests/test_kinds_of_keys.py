"""Keys meet their own kind alone, wherever values come with labels; what a dict's values may be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from multiseq import ArraySequence, TableSequence, TextSequence, WeightedSampler, join
from multiseq.errors import AlignmentError, ArgumentError

DAYS = pd.date_range("2020-01-01", periods=3)
BIG = 2**53

# Keys of samples, labels of values, and what the error says.
UNLIKE: dict[str, tuple[Any, Any, str]] = {
    "booleans": ([1, 0, 5], pd.Index([True, False, 5], dtype=object), "mixed"),
    "text": ([1, 0, 5], ["1", "0", "5"], "numbers and text"),
    "durations": ([1, 0, 5], pd.to_timedelta([1, 0, 5]), "numbers and durations"),
    "dates of Python": (DAYS, DAYS.date, "dates and Python's dates"),
    "periods": (DAYS, DAYS.to_period("D"), "dates and periods"),
    "zones": (DAYS, DAYS.tz_localize("UTC"), "dates and dates with a time zone"),
    "float64": ([BIG, 1, 2], np.array([BIG, 1, 2], "float64"), "last digits"),
    "float32": ([2**24, 1, 2], np.array([2**24, 1, 2], "float32"), "last digits"),
    "Float32": ([2**24, 1, 2], pd.Index([2**24, 1, 2], dtype="Float32"), "last digits"),
    "uint64": (np.array([BIG, 1, 2], "uint64"), np.array([BIG, 1, 2], "float64"), "last digits"),
}
# The same, where they are equal.
ALIKE: dict[str, tuple[Any, Any]] = {
    "uint64": (np.array([BIG + 1, BIG, 5], "uint64"), pd.Index([5, BIG, BIG + 1])),
    "Int64": ([BIG + 1, BIG, 5], pd.Index([5, BIG, BIG + 1], dtype="Int64")),
    "float32": ([2**24 - 1, 0, 5], np.array([5, 0, 2**24 - 1], "float32")),
    "categories": ([7, 0, 5], pd.CategoricalIndex([5, 0, 7])),
    "booleans": ([True, False], np.array([False, True])),
    "zones": (DAYS.tz_localize("UTC"), DAYS.tz_localize("UTC").tz_convert("Asia/Tokyo")[::-1]),
}


def sequence(keys: Any) -> ArraySequence:
    return ArraySequence({"x": np.zeros(len(keys))}, keys=keys, batch_size=len(keys))


USES: dict[str, Callable[[Any, Any], Any]] = {
    "targets": lambda keys, values: ArraySequence(np.zeros(len(keys)), values, keys=keys),
    "joined targets": lambda keys, values: join(sequence(keys), targets=values),
    "inner": lambda keys, values: join(sequence(keys), targets=values, how="inner"),
    "join": lambda keys, values: join(sequence(keys), ArraySequence({"y": values})),
    "subset": lambda keys, values: sequence(keys).subset(values.index),
    "lookup": lambda keys, values: sequence(keys).lookup(pd.Series(values.index, list("abc"))),
    "mask": lambda keys, values: sequence(keys).subset(values > 0),
    "sampler": lambda keys, values: sequence(keys).replace(sampler=WeightedSampler(values)),
    "groups": lambda keys, values: sequence(keys).split(0.5, 0.5, groups=values),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
@pytest.mark.parametrize(("keys", "labels", "message"), UNLIKE.values(), ids=UNLIKE)
def test_kinds_that_are_unlike(keys: Any, labels: Any, message: str, use: Any) -> None:
    values = pd.Series(np.arange(3.0), pd.Index(labels))
    either = "|".join([message, " and ".join(reversed(message.split(" and ")))])
    with pytest.raises(AlignmentError, match=either):
        use(keys, values)


@pytest.mark.parametrize(("keys", "labels"), ALIKE.values(), ids=ALIKE)
def test_kinds_that_are_alike(keys: Any, labels: Any) -> None:
    n, seq = len(keys), sequence(keys)
    values = pd.Series(np.arange(float(n)), pd.Index(labels))
    expected = list(range(n))[::-1]
    assert join(seq, targets=values)[0][1].tolist() == expected
    assert join(seq, ArraySequence({"y": values}))[0][0]["y"].tolist() == expected
    seen = seq.lookup(pd.Series(values.index, list("abc")[:n]))
    assert seen.source_indices(np.arange(n)).tolist() == expected
    if n > 2:  # Booleans are a mask.
        chosen = seq.subset(values.index)
        assert chosen.source_indices(np.arange(n)).tolist() == expected
    assert seq.subset(values == 0).keys.tolist() == [keys[-1]]


ROWS = {"c": [3.0, 30.0], "a": [1.0, 10.0], "b": [2.0, 20.0]}


def test_dicts_of_rows_go_by_key() -> None:
    for seq in (
        ArraySequence(np.zeros(3), ROWS, keys=list("abc")),
        TextSequence({key: [1] for key in "abc"}, ROWS),
        TableSequence(
            pd.DataFrame({"x": [1, 2, 3]}, index=list("abc")),
            ROWS,
            numeric="x",
            transforms={"numeric": None},
        ),
        join(ArraySequence(np.zeros(3), keys=list("abc")), targets=ROWS),
        join(ArraySequence(np.zeros(3), keys=list("abc")), targets={"y": ROWS}),
    ):
        goals = seq[0][1]
        assert (goals["y"] if isinstance(goals, dict) else goals).tolist() == [
            [1, 10],
            [2, 20],
            [3, 30],
        ]


def test_a_dict_of_rows_that_lacks_a_key() -> None:
    with pytest.raises(AlignmentError, match=r"no row for 1 of the 4 samples(?s:.*)'d'"):
        ArraySequence(np.zeros(4), ROWS, keys=list("abcd"))


def test_a_dict_of_rows_or_of_outputs() -> None:
    with pytest.raises(ArgumentError, match=r"two ways(?s:.*)from_dict\(targets"):
        ArraySequence(np.zeros(2), {"a": [1, 2], "b": [3, 4]}, keys=["b", "a"])
    by_key = pd.DataFrame.from_dict({"a": [1, 2], "b": [3, 4]}, orient="index")
    seq = ArraySequence(np.zeros(2), by_key, keys=["b", "a"])
    assert seq[0][1].tolist() == [[3, 4], [1, 2]]


def test_tables_where_a_column_is_meant() -> None:
    frame = pd.DataFrame({"id": [1, 2], "g": [0, 1]})
    seq = ArraySequence(np.zeros(2), keys=frame["id"])
    with pytest.raises(ArgumentError, match=r"fix: choose a column: frame\['column'\]"):
        seq.split(0.5, 0.5, groups=frame)
    says = r"choose a column(?s:.*)from_frame"
    with pytest.raises(ArgumentError, match=says):
        seq.subset(frame[["g"]] == 1)
    with pytest.raises(ArgumentError, match=says):
        ArraySequence([1, 2], keys=frame)
