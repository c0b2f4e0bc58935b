"""README.md: its code runs, in order, on data of the kind it speaks of."""

from __future__ import annotations

import ast
import contextlib
import json
import re
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
from backends import LEGACY
from PIL import Image

import multiseq
from multiseq.errors import SpecError

README = Path(__file__).resolve().parents[1] / "README.md"
STATIONS = 40
MADE_OF_OTHERS = {"MultiInputSequence", "JoinedSequence", "ConcatenatedSequence"}


def blocks(language: str) -> list[str]:
    """The code blocks of a language; each keeps its line numbers, for tracebacks."""
    text = README.read_text()
    fences = re.finditer(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return ["\n" * text.count("\n", 0, fence.start(1)) + fence[1] for fence in fences]


def examples() -> list[str]:
    """What the third column of the table of classes holds."""
    return re.findall(r"^\| `\w+Sequence` \|.*\| `(.+)` \|$", README.read_text(), re.MULTILINE)


def run(source: str, names: dict[str, Any]) -> None:
    if LEGACY:
        source = source.replace("import keras\n", "import tf_keras as keras\n")
    exec(compile(source, "README.md", "exec"), names)  # noqa: S102 (our own page, no input)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that README.md reads."""
    root = tmp_path_factory.mktemp("readme")
    rng = np.random.default_rng(0)
    (root / "mock_data").mkdir()
    (root / "photos").mkdir()
    for k in range(STATIONS):
        np.save(root / f"mock_data/sensor_{k}.npy", rng.random((100, 5)))
        metadata = {"location": f"loc_{k % 3}", "time": k * 100}
        (root / f"mock_data/meta_{k}.json").write_text(json.dumps(metadata))
        pixels = rng.integers(0, 255, (48, 64, 3), np.uint8)
        Image.fromarray(pixels).save(root / f"photos/photo_{k}.jpg")
    stations = {"height": rng.random(STATIONS), "storm": rng.integers(0, 2, STATIONS)}
    pd.DataFrame(stations, pd.RangeIndex(STATIONS, name="station")).to_csv(root / "stations.csv")
    flow = {"flow": rng.random(200), "rain": rng.random(200), "site": [0, 1] * 100}
    hours = pd.date_range("2024-01-01", periods=100, freq="h").repeat(2)
    pd.DataFrame(flow | {"area": [3.0, 8.0] * 100, "hour": hours}).to_csv(root / "flow.csv")
    (root / "clips").mkdir()
    for k in range(STATIONS):
        soundfile.write(root / f"clips/{k}.wav", rng.normal(0, 0.1, 8_000), 16_000)
    table = pd.read_csv(root / "stations.csv")
    with contextlib.closing(sqlite3.connect(root / "weather.db")) as database:
        table.to_sql("stations", database, index=False)
    captions = {"caption": ["a cat " * (1 + k % 4) for k in range(STATIONS)], "liked": 1}
    captions["animal"] = ["cat", "dog"] * (STATIONS // 2)
    photos = pd.Index([f"photo_{k}" for k in reversed(range(STATIONS))], name="photo")
    pd.DataFrame(captions, photos).to_csv(root / "captions.csv")
    return root


@pytest.fixture
def names(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names that all of the page's code leaves behind, run in the folder."""
    monkeypatch.chdir(folder)
    names: dict[str, Any] = {}
    for block in blocks("python"):
        run(block, names)
    return names


@pytest.mark.backend
def test_the_code_runs_and_means_what_the_text_says(names: dict[str, Any]) -> None:
    assert len(names["data"].keys) == STATIONS
    assert len(names["history"].history["val_loss"]) == 2
    assert abs(names["inputs"]["sensor"].mean()) < 0.1
    names["photos"].adapt(progress=False)
    assert names["photos"][0][0]["caption"].shape == (32, 20)
    names |= {name: getattr(multiseq, name) for name in multiseq.__all__}
    for example in examples():
        assert eval(example, names).num_samples in (STATIONS, 100, 148), example  # noqa: S307
    assert names["views"].num_samples == STATIONS
    assert names["varied"].augments
    assert len(names["some"].filled["height"]) == STATIONS - 20
    assert list(names["found"]) == ["cat", "dog", "label", "target"]
    names["scaled"].adapt(progress=False)
    assert names["scaled"][0][0]["image"].shape == (20, 32, 32, 3)
    assert names["figure"].axes
    assert names["report"].ok, names["report"]
    assert "multiseq profile" in str(names["speed"])
    assert names["storms"].index.equals(names["data"].keys)


def test_every_class_has_a_line_in_the_table() -> None:
    listed = [example.partition("(")[0] for example in examples()]
    classes = [name for name in multiseq.__all__ if name.endswith("Sequence")]
    assert sorted(listed) == sorted(set(classes) - MADE_OF_OTHERS)


def test_every_module_has_its_place_in_the_table() -> None:
    package = README.parent / "multiseq"
    found = {path.name for path in package.glob("[!.]*.py")} - {"__init__.py"}
    found |= {f"{path.parent.name}/" for path in package.glob("*/__init__.py")}
    table = README.read_text().partition("## Contributing")[2]
    named = set(re.findall(r"`([\w.]+(?:\.py|/))`(?=[^|\n]*\|)", table))
    assert named == found


def test_the_first_class_has_ten_lines() -> None:
    (tree,) = (one for one in ast.parse(blocks("python")[0]).body if isinstance(one, ast.ClassDef))
    lines = blocks("python")[0].splitlines()[tree.lineno - 1 : tree.end_lineno]
    assert len([line for line in lines if line.strip()]) <= 10


def test_the_error_shown_is_the_one_raised(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    names: dict[str, Any] = {}
    run(blocks("python")[0], names)
    monkeypatch.setattr(np, "load", lambda path: np.zeros((99 if "_7." in path else 100, 5)))
    data = names["Weather"](pd.read_csv("stations.csv", index_col="station"))
    with pytest.raises(SpecError) as caught:
        data[0]
    assert str(caught.value) in [block.strip() for block in blocks("text")]
