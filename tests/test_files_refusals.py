"""FileSequence: what it refuses, and how it says so. Nothing in a file is ever run."""

from __future__ import annotations

import json
import os
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multiseq.errors import AlignmentError, ArgumentError, SourceError, SpecError
from multiseq.modalities.files.sequence import FileSequence
from multiseq.samples import Spec
from multiseq.transforms import Vocabulary

SENSOR, PLACE, SCORE = "sensor_{key}.npy", "meta_{key}.json:location", "meta_{key}.json:score"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    for k in range(12):
        np.save(folder / f"sensor_{k}.npy", np.full((4, 2), k, float))
        metadata = {"location": f"loc_{k % 3}", "score": k / 4}
        (folder / f"meta_{k}.json").write_text(json.dumps(metadata))
        (folder / f"meta_{k}.txt").write_text(str(metadata))
    return folder


def test_a_number_that_is_whole_in_the_first_sample_alone(root: Path) -> None:
    (root / "meta_0.json").write_text('{"location": "loc_0", "score": 0}')
    with pytest.raises(SpecError, match="cannot be cast") as caught:
        FileSequence(root, SENSOR, {"y": SCORE}, batch_size=12)[0]
    assert "in the place of targets['y']: spec=Spec((), 'float32')" in str(caught.value)
    spec = (None, {"y": Spec((), "float32")})
    _, targets = FileSequence(root, SENSOR, {"y": SCORE}, batch_size=12, spec=spec)[0]
    assert (targets["y"] * 4).tolist() == list(range(12))


class Payload:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


# ---- arguments


def test_a_missing_partner_is_named(root: Path) -> None:
    (root / "meta_7.json").unlink()
    with pytest.raises(AlignmentError, match="1 key lacks a file") as caught:
        FileSequence(root, {"sensor": SENSOR, "place": PLACE})
    assert "no 'meta_{key}.json' for '7'" in str(caught.value)


def test_a_missing_partner_is_no_matter_where_keys_leave_it_out(root: Path) -> None:
    (root / "meta_7.json").unlink()
    assert FileSequence(root, SENSOR, SCORE, keys=[6, 8])[0][1].tolist() == [1.5, 2.0]


@pytest.mark.parametrize(
    "keys",
    [["../../etc/passwd"], ["../secret/x"], ["/etc/passwd"], ["0", "a/../../secret/x"]],
)
def test_a_key_that_leaves_root_is_refused(root: Path, keys: list[str]) -> None:
    (root.parent / "secret").mkdir()
    np.save(root.parent / "secret" / "x.npy", np.zeros(2))
    np.save(root / "0.npy", np.zeros(2))
    with pytest.raises(SourceError, match="leaves its root"):
        FileSequence(root, "{key}.npy", keys=keys)


def test_a_link_that_leaves_root_is_refused(root: Path) -> None:
    np.save(root.parent / "secret.npy", np.zeros(2))
    (root / "sensor_12.npy").symlink_to(root.parent / "secret.npy")
    with pytest.raises(SourceError, match="leaves its root"):
        FileSequence(root, SENSOR)


@pytest.mark.parametrize("keys", [[], [1, 1], "12", [None]])
def test_bad_keys_are_refused(root: Path, keys: Any) -> None:
    with pytest.raises((ArgumentError, AlignmentError)):
        FileSequence(root, SENSOR, keys=keys)


def test_root_must_be_a_folder(root: Path) -> None:
    with pytest.raises(ArgumentError, match="root is not a folder"):
        FileSequence(root / "sensor_0.npy", SENSOR)


@pytest.mark.parametrize(
    "inputs", [None, [], (), {}, [SENSOR], {"a": None}, (SENSOR, 3), np.zeros(3), {"a": {"b": "c"}}]
)
def test_inputs_must_be_templates(root: Path, inputs: Any) -> None:
    with pytest.raises(ArgumentError, match="which files to read"):
        FileSequence(root, inputs)


def test_the_constructor_names_the_class(root: Path) -> None:
    with pytest.raises(ArgumentError, match=r"FileSequence: .*template"):
        FileSequence(root, "sensor.npy")


@pytest.mark.parametrize("name", ["place", "inputs", 0])
def test_transforms_of_no_input_are_refused(root: Path, name: Any) -> None:
    with pytest.raises(ArgumentError, match=re.escape(repr(name))):
        FileSequence(root, {"location": PLACE}, transforms={name: Vocabulary()})


def test_transforms_of_two_things_are_refused(root: Path) -> None:
    with pytest.raises(ArgumentError, match="an input and of a target"):
        FileSequence(root, {"a": PLACE}, {"a": SCORE}, transforms={"a": Vocabulary()})


# ---- files


def broken(root: Path, name: str, data: bytes, inputs: Any, **keywords: Any) -> str:
    """The error that a batch raises when one file holds something else."""
    seq = FileSequence(root, inputs, shuffle=True, seed=0, **keywords)
    (root / name).write_bytes(data)
    with pytest.raises(SourceError) as caught:
        [seq[i] for i in range(len(seq))]
    return str(caught.value)


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_says_all_there_is_to_know(root: Path, workers: int) -> None:
    data = (root / "sensor_7.npy").read_bytes()[:-8]
    text = broken(root, "sensor_7.npy", data, {"x": SENSOR}, workers=workers, batch_size=5)
    assert text.splitlines() == [
        "FileSequence, key 7, position 7, input x: sensor_7.npy: the array is cut short",
        "  got: 184 bytes",
        "  expected: 192 bytes: 128 of header, and an array of shape (4, 2) and dtype float64",
        "  fix: write the file again",
    ]


@pytest.mark.parametrize(
    ("data", "template", "words"),
    [
        (b"{}", SCORE, "no field 'score'"),
        (b'{"score": null}', SCORE, "null"),
        (b'{"score": NaN}', SCORE, "NaN is not JSON"),
        (b'{"score": 1', SCORE, "not valid JSON"),
        (b"", SCORE, "empty"),
        (b'{"score": {"x": 1}}', SCORE, "is an object"),
        (b'{"score": [1, [2]]}', SCORE, "neither numbers nor text"),
    ],
)
def test_metadata_that_is_no_number_is_refused(
    root: Path, data: bytes, template: str, words: str
) -> None:
    text = broken(root, "meta_7.json", data, {"y": template})
    assert text.startswith("FileSequence, key 7, position 7, input y: meta_7.json: ")
    assert words in text


def test_a_file_that_went_away_is_named(root: Path) -> None:
    seq = FileSequence(root, {"x": SENSOR})
    (root / "sensor_7.npy").unlink()
    with pytest.raises(SourceError, match=r"key 7.*sensor_7\.npy: the file cannot be read"):
        seq[0]


def test_code_in_metadata_is_refused_and_not_run(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root.parent)
    code = b"__import__('os').system('touch pwned')"
    assert "never run as code" in broken(root, "meta_7.txt", code, "meta_{key}.txt:score")
    assert not (root.parent / "pwned").exists()


@pytest.mark.parametrize("bare", [True, False])
def test_pickles_are_refused_and_not_run(root: Path, bare: bool) -> None:
    payload = np.empty(1, object)
    payload[0] = Payload(root.parent / "pwned")
    if bare:
        data = pickle.dumps(payload)
    else:
        np.save(root.parent / "p.npy", payload, allow_pickle=True)
        data = (root.parent / "p.npy").read_bytes()
    assert "never loaded" in broken(root, "sensor_7.npy", data, SENSOR)
    assert not (root.parent / "pwned").exists()


def test_text_needs_a_vocabulary(root: Path) -> None:
    seq = FileSequence(root, {"place": PLACE})
    with pytest.raises(SpecError, match="models take numbers") as caught:
        seq[0]
    assert "transforms={'place': Vocabulary()}" in str(caught.value)


def test_one_text_among_numbers_is_refused(root: Path) -> None:
    seq = FileSequence(root, {"y": SCORE})
    (root / "meta_7.json").write_text('{"score": "high"}')
    with pytest.raises(SpecError, match=r"key .*7.*, position 7, input y"):
        seq[0]


def test_an_array_of_text_is_refused(root: Path) -> None:
    seq = FileSequence(root, {"x": SENSOR})
    np.save(root / "sensor_0.npy", np.array(["a"]))
    with pytest.raises(SpecError, match="models take numbers"):
        seq[0]


def test_an_error_while_learning_says_where(root: Path) -> None:
    seq = FileSequence(root, {"place": PLACE}, transforms={"place": Vocabulary()})
    (root / "meta_7.json").write_text("{}")
    with pytest.raises(SourceError, match=r"key 7.*meta_7\.json: there is no field 'location'"):
        seq.adapt(progress=False)


def test_another_shape_names_the_sample(root: Path) -> None:
    seq = FileSequence(root, {"x": SENSOR})
    np.save(root / "sensor_7.npy", np.zeros((5, 2)))
    with pytest.raises(SpecError, match=r"key .*7.*, position 7"):
        seq[0]
