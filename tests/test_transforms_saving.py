"""transforms: saved as JSON and loaded, in this process and in another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multiseq.errors import NotAdaptedError, SourceError
from multiseq.transforms import MinMax, Standardize, Transform, Vocabulary

NUMBERS = np.random.default_rng(0).normal(1e3, 1e-3, (50, 3)) / 3
TOKENS = [["a", "ж", "a"], ["猫", '"', "\n"], ["", "a"], ["1"]]
EXAMPLES: list[tuple[Any, Any]] = [
    (Standardize(), NUMBERS),
    (Standardize(None), NUMBERS),
    (Standardize((1, 2)), NUMBERS.reshape(10, 5, 3)),
    (Standardize(), NUMBERS[:, 0]),
    (MinMax(range=(-1, 0.1)), NUMBERS),
    (Vocabulary(mask="", max_size=9, num_oov=3), TOKENS),
    (Vocabulary(max_size=5), ["1", 3, 3, "1", True, True, 0.1, 2.0, 2**70]),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "transform.json"


def as_bytes(values: Any) -> bytes:
    return b"".join(map(as_bytes, values)) if isinstance(values, list) else values.tobytes()


@pytest.mark.parametrize(("transform", "values"), EXAMPLES)
def test_loads_what_was_saved(transform: Any, values: Any, path: Path) -> None:
    transform.adapt(values).save(path)
    loaded = type(transform).load(path)
    assert loaded == transform
    assert as_bytes(loaded(values)) == as_bytes(transform(values))


def test_gives_the_same_bytes_in_a_new_process(tmp_path: Path) -> None:
    for k, (transform, values) in enumerate(EXAMPLES):
        transform.adapt(values).save(tmp_path / f"{k}.json")
    script = """
import sys, test_transforms_saving as t
for k, (_, values) in enumerate(t.EXAMPLES):
    print(t.as_bytes(t.Transform.load(f"{sys.argv[1]}/{k}.json")(values)).hex())
"""
    here = Path(__file__).parent
    run = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ
        | {
            "PYTHONPATH": os.pathsep.join(map(str, [here, here.parent, *sys.path])),
            "PYTHONHASHSEED": "7",
        },
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == [as_bytes(t(values)).hex() for t, values in EXAMPLES]


def test_every_float_survives(path: Path) -> None:
    data = np.array([[0.1, 5e-324, 1 / 3, np.pi * 1e150], [0.3, 0, 1e-17, 1e150]])
    MinMax().adapt(data).save(path)
    assert MinMax.load(path).minimum.tobytes() == data.min(0).tobytes()
    assert MinMax.load(path).maximum.tobytes() == data.max(0).tobytes()


def test_a_file_can_be_read_by_people(path: Path) -> None:
    Vocabulary(mask="").adapt(["ж", "ж", "b"]).save(path)
    text = path.read_text(encoding="utf-8")
    assert "ж" in text
    assert json.loads(text) == {
        "format": "multiseq.transform",
        "version": 1,
        "class": "Vocabulary",
        "config": {"max_size": None, "min_count": 1, "num_oov": 1, "mask": ""},
        "state": {"categories": ["ж", "b"]},
    }


def test_text_that_is_no_unicode_survives(path: Path) -> None:
    transform = Vocabulary().adapt([b"caf\xe9", "\ud800", "\\udce9"])
    transform.save(path)
    assert Vocabulary.load(path).categories == transform.categories


def test_saving_takes_an_adapted_transform(path: Path) -> None:
    with pytest.raises(NotAdaptedError):
        Standardize().save(path)
    assert not path.exists()


def test_load_finds_the_class(path: Path) -> None:
    MinMax().adapt([1, 2]).save(path)
    assert isinstance(Transform.load(path), MinMax)


def test_load_refuses_another_class_than_asked_for(path: Path) -> None:
    MinMax().adapt([1, 2]).save(path)
    with pytest.raises(SourceError, match=r"(?s)got: class 'MinMax'.*MinMax.load"):
        Standardize.load(path)


def test_loads_a_users_own_class(path: Path) -> None:
    class Robust(Standardize):
        pass

    Robust().adapt([1, 2]).save(path)
    assert type(Transform.load(path)) is Robust


def test_a_loaded_one_learns_afresh(path: Path) -> None:
    Standardize().adapt([1, 2]).save(path)
    assert Standardize.load(path).adapt([5, 7, 7]) == Standardize().adapt([5, 7, 7])


def test_a_missing_file(path: Path) -> None:
    with pytest.raises(SourceError, match=r"(?s)transform.json.*No such file"):
        Transform.load(path)


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        Transform.load(tmp_path)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b"[]", b"{}", b'{"format": "other"}', b"[" * 100_000, b"NaN"],
    ids=["empty", "cut", "no text", "list", "no format", "other format", "deep", "NaN"],
)
def test_a_file_that_is_none_of_ours(content: bytes, path: Path) -> None:
    path.write_bytes(content)
    with pytest.raises(SourceError, match="cannot be loaded as a transform"):
        Transform.load(path)


def change(path: Path, **fields: Any) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    for name, value in fields.items():
        part = document["state"] if name in document["state"] else document
        part[name] = value
    path.write_text(json.dumps(document), encoding="utf-8")


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_another_version(version: Any, path: Path) -> None:
    Standardize().adapt([1, 2]).save(path)
    change(path, version=version)
    with pytest.raises(SourceError, match=rf"(?s)got: version {version!r}.*expected: version 1"):
        Transform.load(path)


def test_an_unknown_class(path: Path) -> None:
    Standardize().adapt([1, 2]).save(path)
    change(path, **{"class": "Unheard"})
    with pytest.raises(SourceError, match=r"(?s)unknown class.*'Unheard'"):
        Transform.load(path)


@pytest.mark.parametrize(
    "fields",
    [
        {"class": 3},
        {"config": None},
        {"config": {"axis": -1, "more": 1}},
        {"config": {"axis": 0}},
        {"state": None},
        {"state": {}},
        {"mean": [1.0]},
        {"mean": ["1", "2"]},
        {"mean": [np.inf, 0]},
        {"mean": [np.nan, 0]},
        {"mean": [[1, 2], [3]]},
        {"mean": None},
        {"variance": [1, -1]},
        {"batch_rank": 0},
        {"batch_rank": 1},
        {"batch_rank": "2"},
        {"batch_rank": 65},
    ],
)
def test_broken_numbers(fields: dict[str, Any], path: Path) -> None:
    Standardize().adapt([[1, 2], [3, 5]]).save(path)
    change(path, **fields)
    with pytest.raises(SourceError, match="cannot be loaded as a transform"):
        Transform.load(path)


@pytest.mark.parametrize("fields", [{"minimum": [9, 9]}, {"maximum": [1e308, "a"]}])
def test_broken_extremes(fields: dict[str, Any], path: Path) -> None:
    MinMax().adapt([[1, 2], [3, 5]]).save(path)
    change(path, **fields)
    with pytest.raises(SourceError, match="no valid MinMax"):
        Transform.load(path)


@pytest.mark.parametrize(
    "categories",
    [
        None,
        "ab",
        {"a": 1},
        [None],
        [["a"]],
        ["a", "a"],
        [1, 1.0],
        [0.5, np.nan],
        ["[PAD]"],
        ["a", "b", "c", "d"],
    ],
)
def test_broken_categories(categories: Any, path: Path) -> None:
    Vocabulary(mask="[PAD]", max_size=5).adapt(["a", "b"]).save(path)
    change(path, categories=categories)
    with pytest.raises(SourceError, match="no valid Vocabulary"):
        Transform.load(path)
