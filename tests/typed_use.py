"""What type checkers see of a user's code; `mypy` reads this file, and nothing runs it.

Strict mypy also says where a `type: ignore` silences nothing: each of those below is a mistake
that has to be found.
"""

from __future__ import annotations

from typing import Any, assert_type

import numpy as np

from multiseq import (
    ArraySequence,
    AudioSequence,
    ConcatenatedSequence,
    FileSequence,
    ImageSequence,
    JoinedSequence,
    MultiInputSequence,
    SQLSequence,
    TableSequence,
    TextSequence,
    WindowSequence,
    concat,
    join,
    mix,
)


class Weather(MultiInputSequence):
    def __init__(self, rows: list[float], **keywords: Any) -> None:
        super().__init__(len(rows), **keywords)
        self.rows = rows

    def load_sample(self, index: int) -> Any:
        return self.rows[index]


def a_class_of_ones_own(rows: list[float]) -> None:
    weather = Weather(rows, batch_size=8)
    assert_type(weather, Weather)
    assert_type(weather.subset([0, 1]), Weather)
    assert_type(weather.split(0.5, 0.5), tuple[Weather, ...])
    assert_type(weather.replace(shuffle=True), Weather)
    weather.replace(shufle=True)  # type: ignore[call-arg]
    weather.replace(batch_size="8")  # type: ignore[arg-type]
    weather.rose  # type: ignore[attr-defined] # noqa: B018


def the_ready_made_ones() -> None:
    arrays = ArraySequence({"a": np.zeros(3)}, batch_size=2)
    images = ImageSequence("images", size=64, seed=None, class_weight={0: 1.0})
    assert_type(arrays, ArraySequence)
    assert_type(images, ImageSequence)
    assert_type(join(arrays, image=images, batch_size=2, how="inner"), JoinedSequence)
    assert_type(join(arrays, image=images).parallel.workers, int)
    assert_type(join(arrays, image=images, how="left", fill={"image": 0.5}), JoinedSequence)
    assert_type(concat(arrays, arrays, keys=["a", "b"], shuffle=True), ConcatenatedSequence)
    assert_type(mix([arrays, arrays], weights=[1, 2], batch_size=8), ConcatenatedSequence)


def misspelt() -> None:
    join(ArraySequence(np.zeros(3)), how="right")  # type: ignore[arg-type]
    concat(ArraySequence(np.zeros(3)), shufle=True)  # type: ignore[call-arg]
    mix([ArraySequence(np.zeros(3))])  # type: ignore[call-arg]
    arrays = ArraySequence(np.zeros(3), bach_size=2)  # type: ignore[call-arg]
    AudioSequence("a", shufle=True)  # type: ignore[call-arg]
    FileSequence("{}.npy", worker=2)  # type: ignore[call-arg]
    ImageSequence("a", sise=3)  # type: ignore[call-arg]
    SQLSequence("a.db", "t", key="k", inputs="a", drop_lats=True)  # type: ignore[call-arg]
    TableSequence("a.csv", numric=["a"])  # type: ignore[call-arg]
    TextSequence(["a"], sampller=None)  # type: ignore[call-arg]
    WindowSequence("a.csv", length=3, features="a", targets="b", seeed=3)  # type: ignore[call-arg]
    join(arrays, bach_size=2)  # type: ignore[arg-type]
