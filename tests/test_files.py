"""FileSequence: samples in files named by key, each with the partner that is its own.

Content is coded by position: every number in the files of key k tells k.
"""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from recordings import SCORE, SENSOR, TIME, make_sample_files, recorded

from multiseq.errors import AlignmentError, ArgumentError, SpecError
from multiseq.modalities.files.sequence import FileSequence
from multiseq.samples import Spec


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return recorded(tmp_path)


# ---- every input belongs to its own sample


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("workers", [0, 2])
def test_partners_stay_together(root: Path, shuffle: bool, workers: int) -> None:
    inputs = {"sensor": SENSOR, "time": TIME}
    seq = FileSequence(
        root, inputs, {"y": SCORE}, batch_size=5, shuffle=shuffle, seed=1, workers=workers
    )
    seen = []
    for i in range(len(seq)):
        x, y = seq[i]
        np.testing.assert_array_equal(x["sensor"], np.repeat(x["time"] / 100, 8).reshape(-1, 4, 2))
        np.testing.assert_array_equal(y["y"], x["time"] / 400)
        np.testing.assert_array_equal(seq.batch_keys(i), x["time"] // 100)
        seen += (x["time"] // 100).tolist()
    seq.close()
    assert sorted(seen) == list(range(12))
    assert (seen == list(range(12))) is not shuffle


def test_the_order_is_not_that_of_the_file_system(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = os.scandir

    class Reversed(list[Any]):
        def __enter__(self) -> Reversed:
            return self

        def __exit__(self, *_: object) -> None:
            return None

    def scandir(path: str) -> Reversed:
        return Reversed(sorted(listing(path), key=lambda entry: entry.name, reverse=True))

    monkeypatch.setattr(os, "scandir", scandir)
    seq = FileSequence(root, SENSOR, TIME, batch_size=12)
    assert seq.keys.tolist() == list(range(12))
    assert seq[0][1].tolist() == [k * 100 for k in range(12)]


def test_text_keys_keep_their_partners(tmp_path: Path) -> None:
    for k in range(12):
        make_sample_files(tmp_path, f"p{k:02}", k)
    seq = FileSequence(tmp_path, SENSOR, TIME, batch_size=12)
    assert seq.keys.tolist() == [f"p{k:02}" for k in range(12)]
    assert seq[0][1].tolist() == [k * 100 for k in range(12)]


def test_keys_may_be_folders(tmp_path: Path) -> None:
    for k in range(12):
        (tmp_path / str(k)).mkdir()
        make_sample_files(tmp_path / str(k), "x", k)
    seq = FileSequence(tmp_path, "{key}/sensor_x.npy", "{key}/meta_x.json:time", batch_size=12)
    assert (seq[0][0][:, 0, 0] * 100).tolist() == seq[0][1].tolist()


# ---- every template, one by one and in a batch

ALL = {
    "sensor": SENSOR,
    "a": "scan_{key}.npz:a",
    "b": "scan_{key}.npz:b",
    "log": "log_{key}.csv",
    "turn": "log_{key}.csv:turn",
    "time": TIME,
    "k": "meta_{key}.json:more.k",
    "txt": "meta_{key}.txt:score",
    "again": SENSOR,
}
SHAPES = {
    "sensor": ((4, 2), "float64"),
    "a": ((3,), "float32"),
    "b": ((), "int64"),
    "log": ((2, 2), "float64"),
    "turn": ((2,), "float64"),
    "time": ((), "int64"),
    "k": ((2,), "int64"),
    "txt": ((), "float64"),
    "again": ((4, 2), "float64"),
}


def test_samples_have_these_shapes_and_dtypes(root: Path) -> None:
    (x,) = FileSequence(root, ALL).load_sample(7)
    assert {name: (v.shape, v.dtype.name) for name, v in x.items()} == SHAPES


def test_samples_hold_what_the_files_hold(root: Path) -> None:
    (x,) = FileSequence(root, ALL).load_sample(7)
    assert {name: np.unique(v).tolist() for name, v in x.items()} == {
        "sensor": [7],
        "a": [7],
        "b": [7],
        "log": [-7, 7],
        "turn": [-7],
        "time": [700],
        "k": [7],
        "txt": [1.75],
        "again": [7],
    }


def test_a_batch_is_its_samples(root: Path) -> None:
    seq = FileSequence(root, ALL)
    indices = np.array([10, 2, 2, 0])
    (batch,) = seq.load_batch(indices)
    for row, index in enumerate(indices.tolist()):
        (sample,) = seq.load_sample(index)
        for name in ALL:
            np.testing.assert_array_equal(batch[name][row], sample[name])


def test_batches_are_of_floatx(root: Path) -> None:
    (x,) = FileSequence(root, ALL)[0]
    dtypes = {name: v.dtype.name for name, v in x.items()}
    assert dtypes == {name: dt.replace("float64", "float32") for name, (_, dt) in SHAPES.items()}


def test_inputs_may_be_bare_or_a_tuple(root: Path) -> None:
    bare, pair = FileSequence(root, SENSOR), FileSequence(root, (SENSOR, TIME), (SCORE, TIME))
    assert bare[0][0].shape == (12, 4, 2)
    assert [leaf.shape for leaf in pair[0][0]] == [(12, 4, 2), (12,)]
    assert [leaf.shape for leaf in pair[0][1]] == [(12,), (12,)]


def test_a_file_is_read_once_a_sample(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seq = FileSequence(root, {"s": SENSOR, "t": TIME, "k": "meta_{key}.json:more.k"}, SCORE)
    opened: list[str] = []
    system_open = os.open

    def counting_open(path: str, *rest: Any) -> int:
        opened.append(os.path.basename(path))
        return system_open(path, *rest)

    seq = seq.subset([3, 8])
    assert seq.spec  # Taken from a sample, which is read for it.
    monkeypatch.setattr(os, "open", counting_open)
    seq[0]
    assert sorted(opened) == ["meta_3.json", "meta_8.json", "sensor_3.npy", "sensor_8.npy"]


def test_arrays_of_several_lengths_are_padded(tmp_path: Path) -> None:
    for k in (1, 2, 3):
        np.save(tmp_path / f"{k}.npy", np.full((k, 2), k, np.float32))
        (tmp_path / f"{k}.json").write_text(json.dumps({"ids": [k] * (k - 1)}))
    inputs = {"x": "{key}.npy", "ids": "{key}.json:ids"}
    spec = {"x": Spec((None, 2), "float32"), "ids": Spec((None,), "int32")}
    ((x),) = FileSequence(tmp_path, inputs, spec=(spec,))[0]
    assert x["x"][:, :, 0].tolist() == [[1, 0, 0], [2, 2, 0], [3, 3, 3]]
    assert x["ids"].tolist() == [[0, 0], [2, 0], [3, 3]]


def test_integers_among_floats_are_floats(root: Path) -> None:
    (root / "meta_3.json").write_text('{"score": 5}')
    assert FileSequence(root, SCORE)[0][0][3] == 5.0


def test_floats_among_integers_are_not_cut(root: Path) -> None:
    (root / "meta_3.json").write_text('{"time": 5.5}')
    with pytest.raises(SpecError, match=r"key .*3.*without loss"):
        FileSequence(root, TIME)[0]


def test_the_current_folder_may_change(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root.parent)
    seq = FileSequence(root.name, TIME)
    monkeypatch.chdir("/")
    assert seq[0][0][1] == 100


def test_a_pickled_sequence_reads_the_same(root: Path) -> None:
    seq = FileSequence(root, ALL, SCORE, shuffle=True, seed=2, batch_size=5)
    twin = pickle.loads(pickle.dumps(seq))
    for name in ALL:
        np.testing.assert_array_equal(twin[1][0][name], seq[1][0][name])


# ---- keys


def test_keys_choose_and_order(root: Path) -> None:
    seq = FileSequence(root, TIME, keys=[10, 2, 0])
    assert seq.keys.tolist() == [10, 2, 0]
    assert seq[0][0].tolist() == [1000, 200, 0]


def test_keys_may_be_the_index_of_a_table(root: Path) -> None:
    table = pd.DataFrame({"y": [1.0, 2.0]}, index=["11", "4"])
    seq = FileSequence(root, TIME, table["y"], keys=table.index)
    assert seq[0][0].tolist() == [1100, 400]
    assert seq[0][1].tolist() == [1, 2]


def test_a_subset_reads_its_own_files(root: Path) -> None:
    assert FileSequence(root, TIME).subset([11, 4])[0][0].tolist() == [1100, 400]


# ---- targets and weights


def test_targets_are_aligned_by_key(root: Path) -> None:
    labels = pd.Series(range(12), index=range(12))[::-1] * 10
    x, y = FileSequence(root, TIME, {"y": labels})[0]
    assert y["y"].tolist() == (x // 10).tolist()


def test_targets_by_other_kinds_of_keys_say_so(root: Path) -> None:
    labels = pd.Series(range(12), index=list(map(str, range(12))))
    with pytest.raises(AlignmentError, match="keys of the files are integers, such as 0"):
        FileSequence(root, TIME, labels)


@pytest.mark.parametrize("in_files", [(), ("y",), ("w",), ("y", "w")])
def test_targets_and_weights_are_files_or_arrays(root: Path, in_files: tuple[str, ...]) -> None:
    y = SCORE if "y" in in_files else np.arange(12) / 4
    w = TIME if "w" in in_files else np.arange(12) * 100.0
    x, targets, weights = FileSequence(root, TIME, y, sample_weight=w, batch_size=12)[0]
    np.testing.assert_array_equal(targets * 400, x)
    np.testing.assert_array_equal(weights, x)


@pytest.mark.parametrize("weight", [SCORE, np.ones(12)])
def test_weights_without_targets_are_refused(root: Path, weight: Any) -> None:
    with pytest.raises(ArgumentError, match="without targets"):
        FileSequence(root, TIME, sample_weight=weight)
