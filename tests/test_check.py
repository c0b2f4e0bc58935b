"""`seq.check(model)`: pairs that do not go together are named, and others pass."""

from __future__ import annotations

import json
from typing import Any

import checked_inputs  # noqa: F401  (each notes its pairs)
import checked_metrics  # noqa: F401
import checked_targets  # noqa: F401
import checked_valid  # noqa: F401
import checked_values  # noqa: F401
import numpy as np
import pandas as pd
import pytest
from backends import keras
from checked import BROKEN, REAL, VALID, L, N, compiled

from multiseq import TableSequence
from multiseq.errors import CheckError


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_named(name: str) -> None:
    said, make = BROKEN[name]
    seq, model = make()
    report = seq.check(model)
    assert said in str(report)
    assert not report.ok
    assert not report
    assert all(each.fix for each in report.findings)
    assert not report.not_checked


@pytest.mark.parametrize("name", VALID)
def test_what_is_right_passes(name: str) -> None:
    seq, model = VALID[name]()
    report = seq.check(model, strict=True)
    assert report.ok
    assert not report.not_checked
    assert str(report).split(": ")[1].startswith("nothing found")


def test_a_report_is_text_html_and_data() -> None:
    seq, model = BROKEN["misspelled"][1]()
    report = seq.check(model)
    assert str(report).startswith("multiseq check of ArraySequence against ")
    assert "1 error (looked at 96 of 96 samples)" in str(report)
    (finding,) = report
    assert finding.level == "error"
    assert "'bb'" in str(finding.fix)
    assert "&#x27;bb&#x27;" in report._repr_html_()
    assert json.loads(json.dumps(report.to_dict()))["findings"][0]["what"] == finding.what
    with pytest.raises(CheckError, match="the model has an input 'b'") as caught:
        seq.check(model, strict=True)
    assert caught.value.report.findings == report.findings


@pytest.mark.parametrize("keyword", ["missing", "transforms"])
def test_ids_are_checked_beside_steps_that_learn_nothing(keyword: str) -> None:
    frame = pd.DataFrame({"kind": np.arange(N) % 7})
    step = {"missing": 0, "transforms": lambda value: value}[keyword]
    options: Any = {"transforms": {"kind": None}} | {keyword: {"kind": step}}
    kind = keras.Input((), name="kind")
    model = keras.Model({"kind": kind}, L.Dense(1)(L.Embedding(4, 3)(kind)))
    report = TableSequence(frame, REAL, categorical=["kind"], **options).check(compiled(model))
    assert not report.not_checked
    assert "has no row for" in str(report)
