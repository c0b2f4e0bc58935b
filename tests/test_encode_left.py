"""encode(raw) of joins whose parts lack samples: a record may lack a part too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from served import encodes, equal, inputs_of

from multiseq import ArraySequence, TableSequence, TextSequence, Vocabulary, concat, join
from multiseq.errors import ArgumentError

KEYS = list("abcd")


def left(**keywords: Any) -> Any:
    """A join of which b lacks the table, c the text; of d a value is missing."""
    x = TableSequence(pd.DataFrame({"x": [1.0, 2, 3, 4]}, index=KEYS), numeric={"x": ["x"]})
    table = pd.DataFrame({"z": [4.0, 6, None], "c": ["k", "m", "k"]}, index=list("acd"))
    text = TextSequence(
        ["one two", "two", "three"], tokenizer=Vocabulary(mask=""), max_length=2, keys=list("abd")
    )
    whole = join(
        x,
        TableSequence(table, numeric={"z": ["z"]}, categorical=["c"]),
        title=text,
        how="left",
        **keywords,
    )
    whole.adapt(progress=False)
    return whole


RECORDS: list[dict[str, Any]] = [
    {"x": 1.0, "z": 4.0, "c": "k", "title": "one two"},
    {"x": 2.0, "title": "two"},
    {"x": 3.0, "z": 6.0, "c": "m"},
    {"x": 4.0, "z": None, "c": "k", "title": "three"},
]


@pytest.mark.parametrize(
    "keywords", [{}, {"mask": True}, {"mask": True, "fill": {"z": -9.0, "title": 7}}]
)
def test_a_record_may_lack_a_part_as_samples_do(keywords: Any) -> None:
    seq = left(**keywords)
    encodes(seq, RECORDS)
    equal(seq.encode(RECORDS[1:3]), {k: v[1:3] for k, v in inputs_of(seq).items()})
    bare = seq.encode([{"x": 2.0}, {"x": 3.0}])
    for name, value in seq.encode(RECORDS[2]).items():
        if name.startswith("title"):
            np.testing.assert_array_equal(bare[name], np.repeat(value, 2, 0))
    for name, value in seq.encode(RECORDS[1]).items():
        if name.startswith(("z", "c")):
            np.testing.assert_array_equal(bare[name], np.repeat(value, 2, 0))


def test_none_is_a_value_that_is_missing_and_no_part() -> None:
    seq = left(mask=True, fill={"z": -9.0})
    there = seq.encode({**RECORDS[0], "z": None})
    assert (there["z"], there["z_present"]) == (0, 1)
    lacks = seq.encode({"x": 1.0, "title": "one two"})
    assert (lacks["z"], lacks["z_present"]) == (-9, 0)


def test_what_may_be_left_out_is_said() -> None:
    seq = left(mask=True)
    with pytest.raises(ArgumentError, match=r"lacks 'c'\n(?s:.*)leave out all of 'c', 'z'"):
        seq.encode([RECORDS[0], {"x": 1.0, "z": 2.0, "title": "one"}])
    with pytest.raises(ArgumentError, match=r"record 0 lacks 'x'\n") as caught:
        seq.encode({"title": "one"})  # The first part is never filled.
    assert "leave out" not in str(caught.value)
    with pytest.raises(ArgumentError, match="has 'y', which"):
        seq.encode({"x": 1.0, "y": 2.0})
    with pytest.raises(ArgumentError, match="input title: position 2 is no text"):
        seq.encode([RECORDS[0], RECORDS[2], {"x": 1.0, "title": None}])


def test_joins_of_joins_and_parts_one_after_the_other() -> None:
    def arrays(name: str, keys: str) -> ArraySequence:
        return ArraySequence({name: np.arange(float(len(keys))) + 1}, keys=list(keys))

    inner = join(arrays("b", "abc"), arrays("c", "a"), how="left", mask=True)
    outer = join(arrays("a", "abcd"), inner, how="left", mask=True)
    records = [{"a": 1, "b": 1, "c": 1}, {"a": 2, "b": 2}, {"a": 3, "b": 3}, {"a": 4}]
    encodes(outer, records)
    with pytest.raises(ArgumentError, match=r"lacks 'b'\n(?s:.*)all of 'b', 'c'"):
        outer.encode({"a": 1, "c": 1})
    mapped = join(arrays("a", "abcd"), inner, how="left", mask=True, map=lambda sample: sample)
    encodes(mapped, records)
    inner = join(arrays("b", "efg"), arrays("c", "e"), how="left", mask=True)
    again = join(arrays("a", "efgh"), inner, how="left", mask=True)
    encodes(concat(outer, again), records * 2)
