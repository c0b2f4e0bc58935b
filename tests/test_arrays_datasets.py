"""arrays: datasets of Hugging Face, whose columns are Arrow's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coded import codes, epoch_of, frozen_epoch

from multiseq import ArraySequence
from multiseq.errors import ArgumentError
from multiseq.testing import check_sequence

datasets: Any = pytest.importorskip("datasets")

N = 37
ROWS: dict[str, tuple[int, ...]] = {"x": (6, 4), "n": (), "y": (2,)}
SETTINGS: dict[str, Any] = {"batch_size": 8, "shuffle": True, "seed": 3}


def in_dataset(folder: Path) -> Any:
    """Row i is full of i, in three files."""
    columns = {
        name: np.broadcast_to(np.arange(N).reshape(-1, *[1] * len(row)), (N, *row)).tolist()
        for name, row in ROWS.items()
    }
    datasets.Dataset.from_dict(columns).save_to_disk(folder / "data", num_shards=3)
    return datasets.load_from_disk(str(folder / "data"))


def shuffled_dataset(folder: Path) -> Any:
    """In another order twice over, so that it ends as it began."""
    data, order = in_dataset(folder), np.random.default_rng(0).permutation(N)
    return data.select(order).select(np.argsort(order))


@pytest.fixture(autouse=True)
def quiet() -> None:
    datasets.disable_progress_bars()


@pytest.mark.parametrize("kind", [in_dataset, shuffled_dataset])
def test_columns(kind: Any, tmp_path: Path) -> None:
    data = kind(tmp_path)
    seq = ArraySequence({"x": data["x"], "n": data["n"]}, data["y"], **SETTINGS)
    assert sorted(epoch_of(seq)) == list(range(N))
    for index in range(len(seq)):
        assert codes(seq[index]) == seq.batch_keys(index).tolist()
    check_sequence(seq)
    with seq.replace(workers=2, use_multiprocessing=True) as other:
        assert frozen_epoch(other) == frozen_epoch(seq)


def test_a_dataset_is_its_columns(tmp_path: Path) -> None:
    seq = ArraySequence(in_dataset(tmp_path), **SETTINGS)
    assert set(seq.spec[0]) == set(ROWS)
    assert sorted(epoch_of(seq)) == list(range(N))


def test_a_dataset_in_memory() -> None:
    data = datasets.Dataset.from_dict({"n": list(range(N)), "b": [True] * N})
    seq = ArraySequence(data.select_columns(["n"]), data["n"], **SETTINGS)
    assert sorted(epoch_of(seq)) == list(range(N))


def test_a_dataset_keeps_its_own_order(tmp_path: Path) -> None:
    data = in_dataset(tmp_path)
    for other in (data.shuffle(seed=1), data.select([5, 3, 3, 20]), data.select(range(4, 9))):
        seq = ArraySequence({"x": other["x"]}, other["n"], batch_size=8)
        assert epoch_of(seq) == list(other["n"])
        check_sequence(seq.replace(shuffle=True))


def test_splits_of_a_dataset(tmp_path: Path) -> None:
    splits = datasets.DatasetDict({"train": in_dataset(tmp_path)})
    with pytest.raises(ArgumentError, match="train is a whole table"):
        ArraySequence(splits)


def test_a_dataset_with_a_transform(tmp_path: Path) -> None:
    data = in_dataset(tmp_path).with_transform(lambda batch: batch)
    with pytest.raises(ArgumentError, match="transform, which would be left out"):
        ArraySequence({"x": data["x"]})


def test_images_and_text_of_a_dataset() -> None:
    image = {"bytes": b"", "path": "a.png"}
    data = datasets.Dataset.from_dict(
        {"image": [image], "text": ["a"]},
        datasets.Features(
            {"image": datasets.Image(decode=False), "text": datasets.Value("string")}
        ),
    )
    with pytest.raises(ArgumentError, match="ImageSequence"):
        ArraySequence(data.select_columns(["image"]))
    with pytest.raises(ArgumentError, match="TextSequence"):
        ArraySequence(data.select_columns(["text"]))
