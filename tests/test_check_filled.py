"""`check` of left joins: what fills parts that lack samples says nothing of the data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from backends import keras
from checked import CLASSES, IMAGES, REAL, L, N, X, compiled

from multiseq import (
    ArraySequence,
    Standardize,
    TableSequence,
    TextSequence,
    Vocabulary,
    WeightedSampler,
    concat,
    join,
    pairs,
)
from multiseq.checking.looking import look
from multiseq.checking.report import Report

KEYS = [f"k{number}" for number in range(N)]
BASE = ArraySequence({"a": X}, REAL, keys=KEYS)
FRAME = pd.DataFrame(
    {"height": X[:, 0] * 10 + 170, "kind": [f"c{number % 5}" for number in range(N)]}, index=KEYS
)


def model_of(seq: Any, loss: str = "mse") -> Any:
    """A model of whatever inputs a sequence has."""
    inputs = {
        name: keras.Input(s.shape, name=name, dtype=s.dtype) for name, s in seq.spec[0].items()
    }
    parts = []
    for made, spec in zip(list(inputs.values()), seq.spec[0].values(), strict=True):
        if len(spec.shape) == 3:
            made = L.GlobalAveragePooling2D()(L.Conv2D(2, 3)(made))
        elif np.dtype(spec.dtype).kind == "i":
            made = L.Embedding(200, 2)(made)
        parts.append(L.Reshape((-1,))(made))
    return compiled(keras.Model(inputs, L.Dense(1)(L.Concatenate()(parts))), loss)


def left(part: Any, **keywords: Any) -> Any:
    """The base with a part that lacks samples, once it has learned."""
    seq = join(BASE, part, how="left", **keywords)
    seq.adapt(progress=False)
    return seq


def heights(there: int = 60, **keywords: Any) -> Any:
    return TableSequence(FRAME[:there], numeric={"height": ["height"]}, **keywords)


def texts(words: Callable[[int], str], vocabulary: Vocabulary) -> Any:
    column = pd.Series([words(number) for number in range(50)], index=KEYS[:50])
    return TextSequence(column, tokenizer=vocabulary, max_length=4)


def learned(*lists: list[str]) -> Vocabulary:
    return Vocabulary(mask="").adapt(lists)


def photos(blank: int = 0) -> Any:
    x = IMAGES[:60].copy()
    x[:blank] = 0
    return ArraySequence(x, keys=KEYS[:60])


def with_images(blank: int = 0) -> Any:
    return join(BASE, image=photos(blank), how="left", mask=True)


FILLED: dict[str, Callable[[], Any]] = {
    "no category": lambda: left(TableSequence(FRAME[:30], categorical=["kind"])),
    "the unknown word": lambda: join(
        BASE,
        t=texts(lambda number: f"w{number % 7} v", learned(["v", *(f"w{n}" for n in range(7))])),
        how="left",
        fill={"t": 1},
    ),
    "a number far off": lambda: left(heights(), fill={"height": -999}),
    "a number far off, shuffled": lambda: left(
        heights(), fill={"height": -999}, shuffle=True, seed=1
    ),
    "a number far off, in one of a part": lambda: left(heights(), fill={"height": -999}).split(
        0.8, 0.2
    )[0],
    "a number far off, as it is drawn": lambda: left(
        heights(), fill={"height": -999}, sampler=WeightedSampler(np.arange(N) + 1.0)
    ),
    "black pictures": with_images,
    "black pictures in pairs": lambda: pairs(with_images(), CLASSES),
    "black pictures one after the other": lambda: concat(
        with_images(), with_images(), keys=["one", "two"]
    ),
    "black pictures of a join of joins": lambda: join(
        ArraySequence({"b": X[:, :2]}, keys=KEYS), with_images(), how="left", targets=REAL
    ),
}


@pytest.mark.parametrize("name", FILLED)
def test_what_is_filled_is_no_finding(name: str) -> None:
    seq = FILLED[name]()
    report = seq.check(model_of(seq), strict=True)
    assert report.ok
    assert not report.not_checked


def test_a_part_that_lacks_none_is_like_one_that_does() -> None:
    train, test = left(heights(70), fill={"height": -999}).split(
        positions=(np.arange(50), np.arange(50, N))
    )
    assert train.check(model_of(train), test=test).ok


OFF: dict[str, tuple[str, Callable[[], Any]]] = {
    "words": (
        "none that the vocabulary has learned",
        lambda: join(BASE, t=texts(lambda _: "Ein Hund", learned(["a", "cat"])), how="left"),
    ),
    "units": (
        "far from those that Standardize has learned from",
        lambda: join(
            BASE,
            TableSequence(
                FRAME[:60].assign(height=FRAME["height"] * 100),
                numeric={"height": ["height"]},
                transforms={"height": Standardize().adapt(FRAME[["height"]].to_numpy())},
            ),
            how="left",
        ),
    ),
    "pictures": ("many pictures are blank", lambda: with_images(30)),
}


@pytest.mark.parametrize("name", OFF)
def test_what_is_there_is_looked_at_all_the_same(name: str) -> None:
    said, make = OFF[name]
    seq = make()
    assert said in str(seq.check(model_of(seq)))


@pytest.mark.parametrize(
    "changed",
    [
        lambda seq: seq,
        lambda seq: seq.replace(shuffle=True, seed=3, batch_size=7),
        lambda seq: seq.split(0.3, 0.7)[1],
        lambda seq: seq.shard(1, 2),
        lambda seq: concat(seq, seq, keys=[0, 1], shuffle=True, seed=5),
        lambda seq: join(ArraySequence({"c": X}, keys=KEYS[::-1]), seq, how="inner"),
        lambda seq: join(ArraySequence({"c": X}, keys=KEYS[::-1]), seq, how="left", targets=REAL),
    ],
    ids=["plain", "shuffled", "half", "shard", "concat", "inner", "left"],
)
def test_those_that_are_there_are_those_that_masks_tell_of(changed: Any) -> None:
    some = np.random.default_rng(4).permutation(N)[:40]
    part = ArraySequence({"x": X[some]}, keys=[KEYS[number] for number in some])
    data = look(changed(join(BASE, part, how="left", mask=True)), Report(""))
    assert data is not None
    leaves = {str(leaf.key): leaf for leaf in data.inputs}
    name = next(each for each in leaves if each.endswith("x"))
    np.testing.assert_array_equal(
        np.concatenate(leaves[name].has), leaves[f"{name}_present"].rows.astype(bool)
    )
    assert len(leaves[name].there.rows) == leaves[f"{name}_present"].rows.sum()
    assert not leaves[f"{name}_present"].has
    assert not leaves["a" if "a" in leaves else name.replace("x", "a")].has
