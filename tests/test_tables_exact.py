"""tables: values come out as they are, whatever stands beside, before or behind them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from multiseq.errors import SpecError
from multiseq.modalities.tables import inputs
from multiseq.modalities.tables.sequence import TableSequence


def made(function: Callable[[Any], Any], n: int = 9) -> Any:
    """What a function makes of 0, 1, ..., n - 1, all rows as one batch."""
    frame = pd.DataFrame({"x": np.arange(float(n))})
    seq = TableSequence(frame, numeric="x", transforms={"numeric": function}, batch_size=n)
    return seq[0][0]


LATER: dict[str, Callable[[float], Any]] = {
    "fractions": lambda x: int(x) if x < 8 else x + 0.5,
    "whole numbers": lambda x: x + 0.5 if x < 8 else int(x),
    "greater ones": lambda x: np.int32(x) if x < 8 else np.int64(1 << 40),
    "numbers after bools": lambda x: x > 3 if x < 8 else 2,
    "bools after numbers": lambda x: int(x) if x < 8 else np.True_,
}


@pytest.mark.parametrize("kind", LATER)
@pytest.mark.parametrize("at_once", [1, 4, 8, 9])
def test_later_rows_are_as_first_ones(
    kind: str, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "_ROWS", at_once)
    found = made(lambda row: LATER[kind](float(row[0])))
    assert found.tolist() == [LATER[kind](float(x)) for x in range(9)]
    assert found.dtype != np.float64


@pytest.mark.parametrize("lengths", [(2, 1), (1, 2)])
@pytest.mark.parametrize("at_once", [3, 100])
def test_later_rows_of_another_shape(
    lengths: tuple[int, int], at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "_ROWS", at_once)
    with pytest.raises(SpecError, match=r"(?s)differ in shape.*pad them"):
        made(lambda row: [row[0]] * lengths[int(row[0] > 5)])
    assert made(lambda row: [row[0]] * 2).shape == (9, 2)
