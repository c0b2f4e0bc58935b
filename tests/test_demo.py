"""The demo, in small: its data are what it says they are, and its verdict can be either."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multiseq import MultiInputSequence, demo
from multiseq.__main__ import main

N = 60
TINY = [system._replace(samples=N, epochs=2) for system in demo.SYSTEMS]


def test_half_of_the_pairs_match_whatever_either_of_them_is() -> None:
    first, second, match = demo.pairs(30_000, 3, np.random.default_rng(0))
    assert ((first == second) == match).all()
    for inputs in (first, second):
        shares = [match[inputs == kind].mean() for kind in range(3)]
        assert shares == pytest.approx([0.5, 0.5, 0.5], abs=0.02)


# What a perfect model would answer, for a batch of each system.


def of_arrays(sequence: Any, inputs: Any) -> Any:
    order, parcel = (inputs[name][:, 1:].mean(axis=1) > 0 for name in ("order", "parcel"))
    return order == parcel


def of_photos(sequence: Any, inputs: Any) -> Any:
    red, _, blue = inputs["image"].mean(axis=(1, 2)).T
    word = sequence.parts[1].transforms["inputs"].transform("red")
    return (red > blue) == (inputs["caption"] == word).any(axis=1)


def of_sensors(sequence: Any, inputs: Any) -> Any:
    kinds = inputs["sensor"][:, :, :3].mean(axis=1).argmax(axis=1)
    locations = [f"loc_{kind}" for kind in kinds]
    return inputs["location"] == sequence.transforms["location"].transform(locations)


Answer = Callable[[MultiInputSequence, Any], Any]
answers = pytest.mark.parametrize(
    ("system", "answer"), list(zip(TINY, (of_arrays, of_photos, of_sensors), strict=True))
)


def whole(system: demo.System, folder: Path, off: int) -> tuple[Any, Any, Any]:
    """A system's sequence, and the inputs and targets of all of its samples."""
    sequence, _ = system.make(folder, N, off)
    sequence.adapt(progress=False)
    return sequence, *sequence.replace(shuffle=False, batch_size=N, workers=0)[0]


@answers
def test_both_inputs_together_give_the_target(
    system: demo.System, answer: Answer, tmp_path: Path
) -> None:
    sequence, inputs, targets = whole(system, tmp_path, off=0)
    assert (answer(sequence, inputs) == targets).all()


@answers
def test_in_the_control_they_do_not(system: demo.System, answer: Answer, tmp_path: Path) -> None:
    sequence, inputs, targets = whole(system, tmp_path, off=1)
    assert 0.2 < (answer(sequence, inputs) == targets).mean() < 0.8


def test_rows_that_belong_together_hold_the_same_number(tmp_path: Path) -> None:
    _, inputs, _ = whole(TINY[0], tmp_path, off=0)
    assert (inputs["order"][:, 0] == inputs["parcel"][:, 0]).all()
    _, inputs, _ = whole(TINY[0], tmp_path, off=1)
    assert (inputs["order"][:, 0] != inputs["parcel"][:, 0]).all()


def test_captions_differ_in_length(tmp_path: Path) -> None:
    _, inputs, _ = whole(TINY[1], tmp_path, off=0)
    lengths = (inputs["caption"] > 0).sum(axis=1)
    assert lengths.min() < 10 < lengths.max()


def test_txt_metadata_are_those_of_json(tmp_path: Path) -> None:
    whole(TINY[2], tmp_path, off=0)
    assert demo.txt_like_json(tmp_path)
    (tmp_path / "meta_7.txt").write_text("{'location': 'elsewhere'}")
    assert not demo.txt_like_json(tmp_path)


@pytest.mark.backend
def test_a_score_is_above_its_control(tmp_path: Path) -> None:
    (row,) = demo.run([demo.SYSTEMS[0]._replace(samples=1000, epochs=6)], tmp_path)
    assert row.passed
    assert row.control.score < 0.7
    assert row.result.last_loss < row.result.first_loss


@pytest.mark.backend
def test_the_command_runs_all_systems(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "SYSTEMS", TINY)
    monkeypatch.setattr(demo, "MARGIN", -1.0)  # so few samples prove nothing
    assert main(["demo"]) == 0
    printed, bar = capsys.readouterr()
    for system in TINY:
        assert re.search(rf"^{system.name} +{N} +2 .*%.*%$", printed, re.MULTILINE)
    assert "the same as .json" in printed
    assert bar == ""  # There is no terminal.


def row(score: float, control: float) -> demo.Row:
    result = demo.Result(1000, 25, 1234.5, 0.69, 0.01, score)
    return demo.Row("sensor files", result, result._replace(score=control))


@pytest.mark.parametrize(
    ("score", "control", "same", "status"),
    [(0.99, 0.5, True, 0), (0.6, 0.5, True, 1), (0.99, 0.99, True, 1), (0.99, 0.5, False, 1)],
)
def test_the_status_tells_whether_it_worked(
    monkeypatch: pytest.MonkeyPatch, score: float, control: float, same: bool, status: int
) -> None:
    monkeypatch.setattr(demo, "run", lambda systems, folder: [row(score, control)])
    monkeypatch.setattr(demo, "txt_like_json", lambda folder: same)
    assert demo.main() == status


def test_the_table_shows_the_first_training_and_the_control_score() -> None:
    header, line = demo.table([row(0.987, 0.512)]).splitlines()
    assert header.split()[-2:] == ["score", "control"]
    assert line.split() == [
        "sensor",
        "files",
        "1,000",
        "25",
        "1,234",
        "0.690",
        "0.010",
        "98.7%",
        "51.2%",
    ]


def test_without_a_command_it_prints_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "demo" in capsys.readouterr().out


def test_without_pillow_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert main(["demo"]) == 2
    assert 'pip install "multiseq[images]"' in capsys.readouterr().err
