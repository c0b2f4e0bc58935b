"""Times of joins that keep all samples of their first part."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from multiseq import (
    ArraySequence,
    MultiInputSequence,
    join,
)
from multiseq.errors import AlignmentError


class Timed(MultiInputSequence):
    def __init__(self, times: Any, keys: Any, **keywords: Any) -> None:
        self.times = np.asarray(times)
        super().__init__(keys, **keywords)

    def load_sample(self, index: int) -> Any:
        return {"t": np.float32(index)}

    def time_spans(self, indices: Any) -> Any:
        return self.times[indices], self.times[indices]


DAYS = pd.date_range("2020-01-01", periods=4).to_numpy()


@pytest.mark.parametrize("kind", ["dates", "integers", "floats", "durations"])
def test_times_are_those_of_the_parts_that_are_there(kind: str) -> None:
    times = {
        "dates": DAYS,
        "integers": np.arange(4),
        "floats": np.arange(4.0),
        "durations": DAYS - DAYS[0],
    }[kind]
    keys = list("abcd")
    late = ArraySequence({"x": np.zeros(4)}, keys=keys)
    seq = join(Timed(times, keys), late, r=Timed(times[3:], ["a"]), how="left")
    spans = seq.time_spans(np.arange(4))
    assert spans is not None
    first, last = spans
    assert np.array_equal(first, times)
    assert np.array_equal(last, [times[3], *times[1:]])
    alone = join(late, Timed(times[:2], ["a", "b"]), how="left")
    with pytest.raises(AlignmentError, match="2 of 4 samples have no time"):
        alone.split(0.5, 0.5, by_time=True)
    parts = alone.split(0.5, 0.5, by_time=pd.Series(times, keys))
    assert [p.keys.tolist() for p in parts] == [["a", "b"], ["c", "d"]]
