"""`python -m multiseq`: what it prints, where, and how it ends."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from backends import LEGACY

from multiseq.__main__ import main

MODULE = '''
"""What a user names: a sequence, and what stands for reports."""
import numpy as np
import multiseq

class Report:
    def __init__(self, findings):
        self.findings = self.errors = findings
    def to_dict(self):
        return {"findings": self.findings, "share": np.float32(0.5), "rows": np.arange(2)}
    def __str__(self):
        return f"multiseq check: {len(self.findings)} findings"

class Checked(multiseq.ArraySequence):
    findings = []
    def check(self, model, overfit=None):
        assert type(model) is Model and overfit in (None, 32)
        return Report(self.findings)

class Model:
    def __call__(self, x): raise AssertionError("a model is not to be called")
    def fit(self): pass
    def predict(self): pass

def data(): return Checked(np.zeros((4, 2)))
def model(): return Model()
def pair(): return data(), model()
def broken():
    def inner(): raise ZeroDivisionError("of the user's")
    inner()
def refused(): return multiseq.ArraySequence(np.zeros((4, 2)), batch_size=0)
def stopped(): raise KeyboardInterrupt
def missing(): import nowhere_to_be_found
def with_arguments(folder): return data()
nothing = 7
found = Checked(np.zeros((4, 2)))
found.findings = [{"what": "wrong"}]
of_class = Model()
'''


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module that is in the folder where the command runs."""
    name = re.sub(r"\W", "_", f"user_{tmp_path.parent.name}_{tmp_path.name}")
    (tmp_path / f"{name}.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return name


@pytest.mark.parametrize("form", ["{}:data", "{}.py:data", "./{}.py:data"])
def test_a_sequence_and_its_model_are_named(
    made: str, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name = form.format(made)
    assert main(["check", name, "--model", f"{made}:model", "--overfit", "32"]) == 0
    assert main(["check", name.replace("data", "pair")]) == 0
    assert main(["check", name.replace("data", "found"), "--model", f"{made}:of_class"]) == 1
    printed, other = capsys.readouterr()
    assert printed == "multiseq check: 0 findings\n" * 2 + "multiseq check: 1 findings\n"
    assert other == ""


def test_json_is_all_that_is_printed(made: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", f"{made}:found", "--model", f"{made}:model", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report == {"findings": [{"what": "wrong"}], "share": 0.5, "rows": [0, 1]}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("{}:data", "name it by --model"),
        ("{}", "names nothing in a module"),
        ("{}:", "names nothing in a module"),
        ("{}:dato", "no 'dato'"),
        ("{}:nothing", "gives no sequence"),
        ("{}:model", "gives no sequence"),
        ("{}:with_arguments", "cannot be called without arguments"),
        ("{}_not:data", "there is no module"),
        ("nowhere/{}.py:data", "there is no such file"),
    ],
)
def test_what_names_nothing_is_wrong_usage(
    made: str, name: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", name.format(made)]) == 2
    printed, error = capsys.readouterr()
    assert printed == ""
    assert error.startswith("multiseq check: ")
    assert said in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("name", "last"),
    [
        ("broken", "ZeroDivisionError: of the user's"),
        ("missing", "ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
        ("refused", "batch_size"),
    ],
)
def test_errors_of_the_user_come_with_their_traceback_alone(
    made: str, name: str, last: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", f"{made}:{name}"]) == 1
    error = capsys.readouterr().err
    first = re.findall(r'File "(.*)", line \d+, in (\w+)', error)[0]
    assert first == (str(Path(f"{made}.py").resolve()), name)
    assert last in error
    assert error.endswith(f"multiseq check: {made}:{name} failed\n")


def test_a_module_that_fails_or_ends_the_program_has_failed(
    made: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, line in (("ends", "raise SystemExit(0)"), ("fails", "1 / 0"), ("bad", "a b")):
        (tmp_path / f"{made}_{name}.py").write_text(f"x = 1\n{line}\n")
        assert main(["check", f"{made}_{name}.py:data"]) == 1
        assert f'{made}_{name}.py", line 2' in capsys.readouterr().err


def test_an_interrupt_ends_it(made: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", f"{made}:stopped"]) == 130
    assert capsys.readouterr().err == "multiseq check: interrupted\n"


def test_a_file_that_another_module_hides_is_refused(
    made: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "json.py").write_text(MODULE)
    assert main(["check", "json.py:pair"]) == 2
    assert "another module is called json" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["check", "profile", "show", "validate"])
def test_help_has_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "-h"])
    assert ended.value.code == 0
    assert f"python -m multiseq {command} train.py:data" in capsys.readouterr().out


REAL = """
import numpy as np, keras, multiseq

def data(rows=8):
    a, b = np.eye(rows)[:, :3], np.eye(rows)[:, :2]
    return multiseq.ArraySequence({"a": a, "b": b}, np.ones(rows))

def model(columns=2):
    a, b = keras.Input((3,), name="a"), keras.Input((columns,), name="b")
    model = keras.Model([a, b], keras.layers.Dense(1)(keras.layers.concatenate([a, b])))
    model.compile("adam", "mse")
    return model

def wrong(): return data(), model(4)

class Lossy(multiseq.MultiInputSequence):
    def load_sample(self, index):
        if index == 2: raise OSError("gone")
        return np.ones(3), 1.0

def lossy(): return Lossy(["a", "b", "c"])
"""


@pytest.mark.backend
def test_each_command_does_what_the_method_does(
    made: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(f"{made}_real.py").write_text(
        REAL.replace("keras,", "tf_keras as keras,") if LEGACY else REAL
    )
    name = f"{made}_real"
    assert main(["check", f"{name}:wrong"]) == 1
    assert "multiseq check of ArraySequence" in capsys.readouterr().out
    assert main(["validate", f"{name}:lossy", "--json"]) == 1
    (broken,) = json.loads(capsys.readouterr().out)
    assert (broken["position"], broken["error"]) == (2, "OSError")
    assert main(["validate", f"{name}:lossy"]) == 1
    printed, other = capsys.readouterr()
    assert printed.startswith("multiseq validate: 1 of 3 samples are broken\n")
    assert other == ""
    assert main(["validate", f"{name}:data"]) == 0
    capsys.readouterr()
    for options in ([], ["--stages"]):
        picture = tmp_path / "picture.png"
        assert main(["show", f"{name}:data", "-n", "2", "-o", str(picture), *options]) == 0
        assert capsys.readouterr().out == f"multiseq show: {picture}\n"
        assert picture.read_bytes().startswith(b"\x89PNG")
        picture.unlink()
    assert main(["show", f"{name}:data", "-o", str(tmp_path / "not" / "there.png")]) == 2
    capsys.readouterr()
    for options in ([], ["--stages"]):
        assert main(["show", f"{name}:data", "--index", "17", *options]) == 2
        assert "--index: there are batches 0 to 0, not 17" in capsys.readouterr().err
    plot = tmp_path / "time.png"
    assert main(["profile", f"{name}:data", "--json", "--plot", str(plot)]) == 0
    assert "bottleneck" in json.loads(capsys.readouterr().out)
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_of_a_real_process_only_reports_are_seen(tmp_path: Path) -> None:
    """No log of TensorFlow, no bar where there is no terminal; the folder is on sys.path."""
    (tmp_path / "mine.py").write_text(
        MODULE + "\nimport tqdm, keras\n"
        "def logging():\n"
        "    for _ in tqdm.tqdm(range(3)): keras.ops.matmul(np.ones((2, 2)), np.ones((2, 2)))\n"
        "    return found, model()\n"
    )
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    root = str(Path(__file__).resolve().parents[1])
    run = subprocess.run(
        [sys.executable, "-m", "multiseq", "check", "mine:logging"],
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": root},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (run.returncode, run.stdout, run.stderr) == (1, "multiseq check: 1 findings\n", "")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["--version"], "multiseq "), (["-h"], "usage:"), (["check", "--help"], "usage:"), ([], "us")],
)
def test_help_and_version_import_no_keras(arguments: list[str], says: str) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "multiseq", *arguments]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout.startswith(says)
    imported = {line.rpartition("|")[2].strip() for line in run.stderr.splitlines()}
    assert "multiseq.sequence" in imported
    assert not {"keras", "tensorflow", "tf_keras"} & imported


def test_the_command_may_be_glued_to_its_option() -> None:
    command = [sys.executable, "-mmultiseq", "--version"]
    assert subprocess.run(command, capture_output=True, check=True).stdout.startswith(b"multiseq ")


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert re.match(r"multiseq \d+\.\d+\.\d+\nPython 3.*numpy \d", capsys.readouterr().out)
