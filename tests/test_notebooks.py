"""The notebooks run from beginning to end, and what they find is what they say."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
import real
from backends import BACKEND
from nbclient import NotebookClient
from real import folder_of

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
PACKAGES = {
    "01_flags_and_facts": ["django_countries", "countryinfo"],
    "02_films_from_a_database": ["bokeh_sampledata"],
    "03_smartwatch_by_subject": ["seglearn"],
    "04_gapminder_windows": ["bokeh_sampledata"],
}


def flags_and_facts(scores: pd.DataFrame) -> None:
    accuracy = scores["accuracy"]
    assert accuracy["all three"] > accuracy.drop("all three").max() + 0.02


def films(scores: pd.DataFrame) -> None:
    error = scores["mean error"]
    assert error["both"] < 0.97 * error.drop("both").min()


def smartwatch(scores: pd.DataFrame) -> None:
    accuracy = scores["accuracy"]
    assert accuracy["side"] < 0.2
    assert accuracy["both"] > 0.7
    # Whether the side helps is for the notebook to say: it may not.
    assert accuracy["both"] > accuracy["windows"] - 0.03
    assert accuracy["both, split at random"] > accuracy["both"] + 0.02


def gapminder(scores: pd.DataFrame) -> None:
    for column in scores:
        errors = scores[column]
        assert errors["both"] < 0.97 * errors.drop("both").min()


CLAIMS: dict[str, Callable[[pd.DataFrame], None]] = {
    "01_flags_and_facts": flags_and_facts,
    "02_films_from_a_database": films,
    "03_smartwatch_by_subject": smartwatch,
    "04_gapminder_windows": gapminder,
}


def run(path: Path, folder: Path, last: str) -> str:
    """Runs a notebook in a kernel of its own, and returns what one more line prints."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(last))
    # Raises for a cell that does.
    NotebookClient(
        notebook,
        timeout=250,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
    ).execute()
    return "".join(out["text"] for out in notebook.cells[-1].outputs if out.get("name") == "stdout")


@pytest.mark.skipif(BACKEND != "tensorflow", reason="once is enough")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Of Jupyter's own.
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_holds_what_it_claims(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in PACKAGES.get(path.stem, []):
        folder_of(package)
    if "gapminder" in path.stem:
        real.gapminder()
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    claim = CLAIMS.get(path.stem)
    printed = run(path, tmp_path, "print(scores.to_json())" if claim else "")
    if claim:
        claim(pd.DataFrame(json.loads(printed)))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_says_what_it_is_and_nothing_of_the_machine(path: Path) -> None:
    text = path.read_text("utf-8")
    assert len(text) < 300_000
    notebook: Any = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    assert notebook.cells[0].cell_type == "markdown"
    assert notebook.cells[0].source.startswith("# ")
    outputs = [out for cell in notebook.cells for out in cell.get("outputs", [])]
    assert all(out["output_type"] != "error" for out in outputs)
    shown = json.dumps([out for out in outputs if "image/png" not in out.get("data", {})])
    assert str(Path.home()) + os.sep not in shown
    assert str(FOLDER.parent) not in shown
    assert "Warning" not in shown
