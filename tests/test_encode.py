"""encode(raw): raw records as the model takes them, to the bit as samples of training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from multiseq import (
    ArraySequence,
    ImageSequence,
    Labels,
    MinMax,
    MultiInputSequence,
    Standardize,
    TableSequence,
    TextSequence,
    Vocabulary,
    join,
)
from multiseq.errors import ArgumentError, NotAdaptedError, SampleError


def equal(one: Any, other: Any) -> None:
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for name in one:
            equal(one[name], other[name])
        return
    assert one.dtype == other.dtype
    np.testing.assert_array_equal(one, other)


def inputs_of(seq: Any) -> Any:
    return seq.for_prediction().replace(batch_size=seq.num_samples)[0][0]


numbers = st.floats(-1e6, 1e6, width=32) | st.none()
kinds = st.sampled_from(["a", "b", "007", "é"]) | st.none()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(numbers, st.integers(-9, 9), kinds), min_size=2, max_size=8))
def test_a_row_of_a_table(rows: list[Any]) -> None:
    rows = [(1.0, 2, "a"), *rows]  # Something to learn from.
    frame = pd.DataFrame(rows, columns=["x", "n", "kind"])
    table = TableSequence(frame, numeric=["x", "n"], categorical={"of": "kind"}, shuffle=True)
    table.adapt(progress=False)
    wanted = inputs_of(table)
    records = [{"x": x, "n": n, "kind": kind} for x, n, kind in rows]
    equal(table.encode(records), wanted)
    equal(table.encode(frame), wanted)
    for k, record in enumerate(records):
        equal(table.encode(record), {name: each[[k]] for name, each in wanted.items()})


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text("abc é", max_size=12), min_size=1, max_size=6), st.sampled_from([None, 3]))
def test_a_text(texts: list[str], max_length: int | None) -> None:
    texts = ["a b", *texts]
    seq = TextSequence(
        texts, list(range(len(texts))), tokenizer=Vocabulary(mask=""), max_length=max_length
    )
    seq.adapt(progress=False)
    equal(seq.encode([{"inputs": text} for text in texts]), inputs_of(seq))


def test_an_image(tmp_path: Path) -> None:
    paths = []
    for k in range(3):
        paths.append(tmp_path / f"{k}.png")
        pixels = np.random.default_rng(k).integers(0, 256, (9, 7 + k, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(paths[-1])
    turned = ImageSequence(paths, [0, 1, 2], size=5, augment=lambda sample, rng: 1 / 0)
    wanted = inputs_of(turned)
    equal(turned.encode([{"inputs": path} for path in paths]), wanted)
    equal(turned.encode([{"inputs": path.read_bytes()} for path in paths]), wanted)
    with pytest.raises(SampleError):
        turned.encode({"inputs": b"no image"})


def test_rows_of_arrays_with_steps() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random((6, 2), dtype=np.float32), rng.integers(0, 9, 6)
    seq = ArraySequence(
        {"a": a, "b": b},
        np.array(["x", "y"] * 3),
        transforms={"a": (np.sqrt, Standardize(), MinMax()), "targets": Labels()},
    )
    seq.adapt(progress=False)
    records = [{"a": list(map(float, row)), "b": int(n)} for row, n in zip(a, b, strict=True)]
    equal(seq.encode(records), inputs_of(seq))
    for wrong in ({"a": [1.0], "b": 1}, {"a": [1.0, 2.0], "b": 0.5}, {"a": ["x", "y"], "b": 1}):
        with pytest.raises(ArgumentError, match="not like the rows"):
            seq.encode(wrong)
    unnamed = ArraySequence(a)
    equal(unnamed.encode({"inputs": a[3]}), a[[3]])


def films(**keywords: Any) -> Any:
    keys = pd.Index([f"film {k}" for k in range(6)])
    frame = pd.DataFrame({"year": [1990, 1999, 2004, 2010, 2011, 2020], "genre": list("abcabc")})
    return join(
        TableSequence(frame.set_index(keys), numeric=["year"], categorical=["genre"]),
        title=TextSequence(
            [f"the film {k}" for k in range(6)],
            tokenizer=Vocabulary(mask=""),
            max_length=4,
            keys=keys[::-1],
        ),
        targets=pd.Series(range(6), keys),
        **keywords,
    )


def test_a_record_of_a_join_is_split_by_part() -> None:
    seq = films(shuffle=True, workers=2)
    train, test = seq.split(0.5, 0.5)
    train.adapt(progress=False)
    records = [
        {"year": year, "genre": genre, "title": f"the film {5 - k}"}
        for k, (year, genre) in enumerate(
            zip([1990, 1999, 2004, 2010, 2011, 2020], "abcabc", strict=True)
        )
    ]
    equal(train.encode(records), inputs_of(films_like(train, seq)))
    equal(test.encode(records), train.encode(records))
    for broken, said in [
        ({**records[0], "gnere": 1}, "record 0 has 'gnere'"),
        ({"year": 1, "title": ""}, "record 0 lacks 'genre'"),
        ([], "no record at all"),
        (pd.DataFrame({"year": []}), "no record at all"),
        ("the film", "no raw record"),
        ([records[0], 3], "no raw record"),
    ]:
        with pytest.raises(ArgumentError, match=said):
            train.encode(broken)
    with pytest.raises(ArgumentError, match="input title: position 0 is no text"):
        train.encode({**records[0], "title": 7})
    train.close()


def films_like(train: Any, seq: Any) -> Any:
    """All samples, with what training has learned."""
    del train
    return seq


def test_a_left_join_says_that_all_is_there() -> None:
    rows = np.arange(6.0, dtype=np.float32).reshape(3, 2)
    seq = join(
        a=ArraySequence(rows, keys=["x", "y", "z"]),
        b=ArraySequence(rows[:2] + 9, keys=["x", "y"]),
        how="left",
        mask=True,
    )
    wanted = inputs_of(seq)
    found = seq.encode([{"a": rows[k], "b": rows[k] + 9} for k in range(2)])
    equal(found, {name: each[:2] for name, each in wanted.items()})


def test_before_adapt_it_says_so() -> None:
    with pytest.raises(NotAdaptedError):
        films().encode({"year": 1, "genre": "a", "title": "x"})


def test_a_class_of_the_users_is_refused_with_the_reason() -> None:
    class Own(MultiInputSequence):
        def load_sample(self, index: int) -> Any:
            return np.ones(2)

    with pytest.raises(ArgumentError, match="no way from a raw record"):
        Own(3).encode({"inputs": [1, 2]})
