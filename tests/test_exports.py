"""Exports: the public names, what importing them costs, and what the files must not say."""

from __future__ import annotations

import importlib
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import multiseq
from multiseq.join import _Join
from multiseq.settings import BaseKeywords

ROOT = Path(__file__).resolve().parents[1]

# Installed by an extra, or not at all. `import multiseq` must do without any of them.
OPTIONAL = (
    "PIL",
    "datasets",
    "jax",
    "matplotlib",
    "pyarrow",
    "ray",
    "scipy",
    "simplejpeg",
    "sklearn",
    "soundfile",
    "soxr",
    "sqlalchemy",
    "tf_keras",
    "torch",
    "zarr",
)


def public_members(cls: type) -> list[tuple[str, object]]:
    """The methods and properties that a class itself defines for its users."""
    kinds = (property, classmethod, staticmethod)
    return [
        (name, value)
        for name, value in vars(cls).items()
        if not name.startswith("_") and (inspect.isfunction(value) or isinstance(value, kinds))
    ]


def test_names_are_sorted_and_unique() -> None:
    assert list(multiseq.__all__) == sorted(set(multiseq.__all__))


def test_nothing_public_is_left_out() -> None:
    visible = {
        name
        for name, value in vars(multiseq).items()
        if inspect.isclass(value) or inspect.isroutine(value)
    }
    assert {name for name in visible if not name.startswith("_")} <= set(multiseq.__all__)


@pytest.mark.parametrize("name", multiseq.__all__)
def test_name_is_importable(name: str) -> None:
    assert hasattr(multiseq, name)


@pytest.mark.parametrize("name", multiseq.__all__)
def test_name_is_documented(name: str) -> None:
    value = getattr(multiseq, name)
    assert value.__doc__
    if inspect.isclass(value):
        bare = [m for m, _ in public_members(value) if not inspect.getdoc(getattr(value, m))]
        assert bare == []


# Packages that are hidden, as if they weren't installed, before the public names are fetched.
FETCH_WITHOUT = """
import importlib.abc, sys

class Hide(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {hidden}:
            raise ModuleNotFoundError(name + " is hidden", name=name)

sys.meta_path.insert(0, Hide())
import multiseq
for name in multiseq.__all__:
    getattr(multiseq, name)
"""


def test_import_needs_no_optional_package() -> None:
    env = os.environ | {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    env.pop("TF_USE_LEGACY_KERAS", None)
    script = FETCH_WITHOUT.format(hidden=OPTIONAL)
    command = [sys.executable, "-c", script]
    run = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def texts() -> list[Path]:
    """Every file that a clone holds, without what tools leave behind."""
    folders = ("multiseq", "tests", "benchmarks", "notebooks", ".ci")
    below = [path for folder in folders for path in (ROOT / folder).rglob("*")]
    found = [*ROOT.glob("*.toml"), *ROOT.glob("*.md"), *ROOT.glob(".*"), *below]
    return sorted(p for p in found if p.is_file() and p.suffix != ".pyc" and p.name != ".git")


# Written so that this file doesn't match itself.
MACHINE = re.compile(r"(?<![\w./\]])/(?:root|home|Users|work|opt|mnt)/[\w.]|[A-Z]:\\+Users\b")
REGISTRY = re.compile(r"\bpypi[.]|[.]?pythonhosted[.]|[.]pytorch[.]org/whl")


@pytest.mark.parametrize("path", texts(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_file_names_no_machine_and_no_registry(path: Path) -> None:
    text = path.read_text(errors="replace")
    assert MACHINE.findall(text) == []
    assert REGISTRY.findall(text) == []


@pytest.mark.parametrize("name", [n for n in multiseq.__all__ if n.endswith("Sequence")])
def test_help_shows_what_a_constructor_takes(name: str) -> None:
    cls = getattr(multiseq, name)
    own = inspect.signature(cls.__init__).parameters
    assert list(inspect.signature(cls).parameters) == list(own)[1:]


def test_dir_shows_what_users_may_use() -> None:
    assert dir(multiseq) == sorted(multiseq.__all__)
    seq = multiseq.ArraySequence({"a": [1.0, 2.0]})
    seq.note = "an attribute of the user's"  # type: ignore[attr-defined]
    shown = dir(seq)
    assert {"adapt", "keys", "load_sample", "note", "num_batches", "split", "subset"} <= set(shown)
    assert not [name for name in shown if name.startswith("_")]
    assert not {"make_layout", "served_layout", "workers", "for_workers"} & set(shown)
    assert "parts" in dir(multiseq.join(seq))


def test_the_keywords_for_type_checkers_are_those_of_the_base() -> None:
    base = inspect.signature(multiseq.MultiInputSequence).parameters
    keywords = {name for name, each in base.items() if each.kind is each.KEYWORD_ONLY}
    assert keywords == set(BaseKeywords.__annotations__)
    joined = inspect.signature(_Join.__call__).parameters
    for name in keywords:
        assert joined[name].annotation == base[name].annotation
    given = {name: ref.__forward_arg__ for name, ref in BaseKeywords.__annotations__.items()}
    assert given == {name: base[name].annotation for name in keywords}


def test_what_moved_is_found_where_it_was() -> None:
    from multiseq.engine import crew, processes
    from multiseq.engine.processes import crew as moved

    assert crew is moved is processes.crew
    with pytest.raises(AttributeError, match=r"'multiseq\.engine' has no attribute 'nowhere'"):
        multiseq.engine.nowhere  # noqa: B018
    for kind in ("arrays", "audio", "files", "images", "sql", "tables", "text", "windows"):
        house = importlib.import_module(f"multiseq.modalities.{kind}")
        (name,) = house.__all__
        assert getattr(house, name) is getattr(multiseq, name)
