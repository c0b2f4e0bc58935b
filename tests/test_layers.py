"""Layers: who may import whom, who may import Keras, and how long code may get.

The imports are read with `ast`, those inside functions as well, so nothing is executed here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from layers import LAYERS

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "multiseq"
MAX_FUNCTION_LINES = 50
MAX_FILE_LINES = 350

KERAS = {"keras", "tensorflow", "tf_keras"}
KERAS_IMPORTERS = {"_keras", "demo"}  # the demo builds models; every other module asks `_keras`


def module_name(path: Path, package: Path = PACKAGE) -> str:
    """`multiseq/keys/times.py` is "keys.times", `multiseq/keys/__init__.py` is "keys"."""
    parts = path.relative_to(package).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def layer(name: str) -> int | None:
    """The line of a module in LAYERS, or None for a module that no line stands for."""
    if name in LAYERS:
        return LAYERS.index(name)
    return next((k for k, pattern in enumerate(LAYERS) if fnmatchcase(name, pattern)), None)


def house(name: str) -> str | None:
    """Which modality a module belongs to; None for one of no modality."""
    parts = name.split(".")
    return parts[1] if parts[0] == "modalities" and len(parts) > 1 else None


def is_type_checking(test: ast.expr) -> bool:
    return "TYPE_CHECKING" in {getattr(test, "id", None), getattr(test, "attr", None)}


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """Every node below `node` that runs: all but the bodies of `if TYPE_CHECKING:`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and is_type_checking(child.test):
            for other in child.orelse:
                yield other
                yield from walk(other)
        else:
            yield child
            yield from walk(child)


def called_by_name(node: ast.AST) -> str | None:
    """The module that `import_module("...")` or `__import__("...")` asks for."""
    if not isinstance(node, ast.Call) or not node.args:
        return None
    function = getattr(node.func, "id", None) or getattr(node.func, "attr", None)
    name = getattr(node.args[0], "value", None)
    is_import = function in {"import_module", "__import__"}
    return name if is_import and isinstance(name, str) else None


def imports(source: str, name: str, is_package: bool) -> Iterator[tuple[int, str, str | None]]:
    """Yields (line, module, member) for each import; member is None for a plain `import`."""
    here = ["multiseq", *filter(None, name.split("."))]
    folder = here if is_package else here[:-1]
    for node in walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = folder[: len(folder) - node.level + 1] if node.level else []
            module = ".".join([*base, *filter(None, [node.module])])
            yield from ((node.lineno, module, alias.name) for alias in node.names)
        elif wanted := called_by_name(node):
            yield node.lineno, wanted, None  # type: ignore[attr-defined]


def own_target(module: str, member: str | None, package: Path = PACKAGE) -> str | None:
    """The module of ours that an import reaches, or None for another package's."""
    top, _, name = module.partition(".")
    if top != "multiseq":
        return None
    inside = f"{name}.{member}".strip(".") if member else name
    path = package.joinpath(*inside.split("."))
    is_module = path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()
    return inside if member and is_module else name


def wrong_imports(path: Path, package: Path = PACKAGE) -> list[str]:
    """Each import of one file that breaks the order or brings Keras in, as a line to read."""
    name = module_name(path, package)
    mine = layer(name)
    if mine is None:
        return [f"{name} stands on no line of LAYERS"]
    wrong = []
    for line, module, member in imports(path.read_text(), name, path.name == "__init__.py"):
        target = own_target(module, member, package)
        theirs = None if target is None else layer(target)
        if target is not None and (theirs is None or theirs >= mine):
            wrong.append(f"{name}:{line} imports {target or 'multiseq'}, which is not above it")
        if target and house(target) and house(name) not in (None, house(target)):
            wrong.append(f"{name}:{line} imports {target}; modalities never import one another")
        if module.partition(".")[0] in KERAS and name not in KERAS_IMPORTERS:
            wrong.append(f"{name}:{line} imports {module}; ask _keras.py instead")
    return wrong


def long_functions(source: str) -> list[str]:
    """Each function of more than MAX_FUNCTION_LINES lines, docstring included."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > MAX_FUNCTION_LINES:
                found.append(f"{node.name} has {lines} lines")
    return found


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def short(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_imports_point_upwards_only() -> None:
    assert [wrong for path in python_files("multiseq") for wrong in wrong_imports(path)] == []


def test_functions_are_short() -> None:
    paths = python_files("multiseq", "tests", "benchmarks")
    found = {short(path): long_functions(path.read_text()) for path in paths}
    assert {path: functions for path, functions in found.items() if functions} == {}


def test_files_are_short() -> None:
    paths = python_files("multiseq", "tests", "benchmarks")
    lines = {short(path): path.read_text().count("\n") for path in paths}
    assert {path: count for path, count in lines.items() if count > MAX_FILE_LINES} == {}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package with a file for each module the next tests import."""
    for name in ("errors", "sequence", "modalities/text", "modalities/_npy", "join", "_keras"):
        path = tmp_path / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return tmp_path


@pytest.mark.parametrize(
    ("file", "source", "wrong"),
    [
        ("errors.py", "from multiseq.sequence import A", "errors:1 imports sequence"),
        ("errors.py", "from multiseq import sequence", "errors:1 imports sequence"),
        ("errors.py", "from . import sequence", "errors:1 imports sequence"),
        ("errors.py", "from .sequence import A", "errors:1 imports sequence"),
        ("errors.py", "import multiseq.sequence", "errors:1 imports sequence"),
        ("errors.py", "def f():\n  from .sequence import A", "errors:2 imports sequence"),
        ("join.py", "import_module('multiseq.testing')", "join:1 imports testing"),
        ("join.py", "from multiseq import join", "join:1 imports join"),
        ("join.py", "from multiseq import ArraySequence", "join:1 imports multiseq"),
        (
            "modalities/images.py",
            "from .arrays.stores import A",
            "modalities.images:1 imports modalities.arrays.stores; modalities never",
        ),
        ("join.py", "if TYPE_CHECKING:\n  pass\nelse:\n  import multiseq.demo", "join:4 imports"),
        ("news.py", "", "news stands on no line"),
        ("join.py", "import keras.ops", "join:1 imports keras.ops"),
        ("join.py", "def f():\n  from tensorflow import data", "join:2 imports tensorflow"),
        ("join.py", "importlib.import_module('tf_keras')", "join:1 imports tf_keras"),
    ],
)
def test_a_wrong_import_is_found(package: Path, file: str, source: str, wrong: str) -> None:
    (package / file).write_text(source)
    found = wrong_imports(package / file, package)
    assert len(found) == 1
    assert found[0].startswith(wrong)


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("join.py", "from multiseq.sequence import A"),
        ("join.py", "from multiseq import errors"),
        ("join.py", "if TYPE_CHECKING:\n  from multiseq.testing import check_sequence"),
        ("modalities/images.py", "from ..sequence import A\nfrom ..sources.files import Files"),
        ("_keras.py", "def f():\n  import tf_keras"),
        ("join.py", "import keras_tuner, numpy"),
        ("__init__.py", "from .join import join"),
    ],
)
def test_a_right_import_is_let_through(package: Path, file: str, source: str) -> None:
    (package / file).write_text(source)
    assert wrong_imports(package / file, package) == []


def test_a_long_function_is_found() -> None:
    body = "    x = 1\n" * MAX_FUNCTION_LINES
    assert long_functions("def short():\n" + body[: -len("    x = 1\n")]) == []
    assert long_functions("def long():\n" + body) == [f"long has {MAX_FUNCTION_LINES + 1} lines"]
