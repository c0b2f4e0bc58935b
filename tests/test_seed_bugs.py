"""The bugs of the generators that people write, each shown not to be here.

The generators: two arrays; images and token lists; sensor files with metadata.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multiseq import ArraySequence, FileSequence, Standardize, TextSequence, Vocabulary, join
from multiseq.errors import AlignmentError, SourceError

N, BATCH = 50, 8


def arrays(**keywords: Any) -> ArraySequence:
    """Row i of both inputs and of the targets holds i."""
    first, second = (np.repeat(np.arange(N, dtype=np.float32)[:, None], k, 1) for k in (10, 20))
    return ArraySequence((first, second), np.arange(N), batch_size=BATCH, **keywords)


def codes(seq: Any) -> list[int]:
    return [int(code) for _, targets in seq for code in targets]


def write(folder: Path, number: int, location: str = "loc_0", suffix: str = "json") -> None:
    """Writes a sensor file full of the sample's number, and metadata that hold it."""
    np.save(folder / f"sensor_{number}.npy", np.full((100, 5), number, np.float64))
    metadata = {"location": location, "time": number * 100}
    text = json.dumps(metadata) if suffix == "json" else str(metadata)
    (folder / f"meta_{number}.{suffix}").write_text(text)


def files(folder: Path, suffix: str = "json", **keywords: Any) -> FileSequence:
    return FileSequence(
        folder,
        {"sensor": "sensor_{key}.npy", "location": f"meta_{{key}}.{suffix}:location"},
        targets=f"meta_{{key}}.{suffix}:time",
        transforms={"location": Vocabulary()},
        **keywords,
    )


@pytest.mark.parametrize("shuffle", [False, True])
def test_the_tail_is_kept(shuffle: bool) -> None:
    seq = arrays(shuffle=shuffle)
    assert sorted(codes(seq)) == list(range(N))
    assert len(seq[len(seq) - 1][1]) == N % BATCH


def test_every_epoch_is_shuffled_anew() -> None:
    seq = arrays(shuffle=True, seed=0)
    orders = []
    for _ in range(3):
        orders.append(tuple(codes(seq)))
        seq.on_epoch_end()
    assert len(set(orders)) == 3


def test_the_targets_are_those_of_the_inputs() -> None:
    for (first, second), targets in arrays(shuffle=True):
        assert (first == targets[:, None]).all()
        assert (second == targets[:, None]).all()


def test_token_lists_of_different_lengths_beside_images() -> None:
    """Indexing a list of arrays with an array of indices is a TypeError."""
    images = np.repeat(np.arange(N, dtype=np.float32), 64 * 64 * 3).reshape(N, 64, 64, 3)
    texts = [np.full(5 + i % 15, i) for i in range(N)]
    seq = join(
        image=ArraySequence(images),
        text=TextSequence(texts, max_length=20),
        targets=np.arange(N),
        batch_size=BATCH,
        shuffle=True,
    )
    for inputs, targets in seq:
        assert inputs["text"].shape == (len(targets), 20)
        assert (inputs["text"][:, 0] == targets).all()
        assert (inputs["image"][:, 0, 0, 0] == targets).all()


def test_metadata_are_never_evaluated(tmp_path: Path) -> None:
    for number in range(3):
        write(tmp_path, number, suffix="txt")
    trap = tmp_path / "trap"
    (tmp_path / "meta_1.txt").write_text(f"open({str(trap)!r}, 'w').close()")
    seq = files(tmp_path, "txt", batch_size=1)
    with pytest.raises(SourceError, match=r"meta_1\.txt"):
        seq.adapt(progress=False)
    assert not trap.exists()


def test_the_folder_of_the_generator_is_read(tmp_path: Path) -> None:
    for number in range(12):
        write(tmp_path, number, f"loc_{number % 3}", suffix="txt")
    seq = files(tmp_path, "txt", batch_size=12)
    seq.adapt(progress=False)
    inputs, targets = seq[0]
    assert (inputs["sensor"][:, 0, 0] * 100 == targets).all()
    assert len(set(inputs["location"].tolist())) == 3


def test_the_vocabulary_is_learned_and_takes_what_it_has_not_seen(tmp_path: Path) -> None:
    for number in range(8):
        write(tmp_path, number, f"loc_{number % 3}")
    write(tmp_path, 8, "loc_of_tomorrow")
    seq = files(tmp_path, batch_size=9)
    train, test = seq.split(positions=(range(8), [8]))
    train.adapt(progress=False)
    known = set(train[0][0]["location"].tolist())
    assert len(known) == 3
    assert test[0][0]["location"].tolist() == [0]  # The id for what training has not seen.
    assert 0 not in known


def test_files_written_in_any_order_stay_together(tmp_path: Path) -> None:
    """Listing a folder gives another order than reading by number: 10 stands before 2."""
    for number in np.random.default_rng(0).permutation(120).tolist():
        write(tmp_path, number)
    seq = files(tmp_path, batch_size=BATCH, shuffle=True)
    seq.adapt(progress=False)
    assert seq.keys.tolist() == list(range(120))
    for index in range(len(seq)):
        inputs, targets = seq[index]
        assert (inputs["sensor"][:, 0, 0] * 100 == targets).all()
        assert (targets == 100 * seq.batch_keys(index).to_numpy()).all()


@pytest.mark.parametrize("lost", ["sensor_3.npy", "meta_3.json"])
def test_a_missing_partner_is_named(tmp_path: Path, lost: str) -> None:
    for number in range(5):
        write(tmp_path, number)
    (tmp_path / lost).unlink()
    with pytest.raises(AlignmentError, match="3"):
        files(tmp_path)


def test_nothing_of_the_test_part_is_learned(tmp_path: Path) -> None:
    """What is learned is the training part's, to the bit, whatever the test part holds."""
    values = np.arange(N, dtype=np.float32)
    for number, value in enumerate(values):
        np.save(tmp_path / f"sensor_{number}.npy", np.full(3, value))
    learned = Standardize()
    seq = FileSequence(tmp_path, "sensor_{key}.npy", transforms={"inputs": learned})
    train, test = seq.split(0.8, 0.2)
    train.adapt(progress=False)
    own = Standardize().adapt(np.stack([np.full(3, values[key]) for key in train.keys]))
    assert learned == own
    mean, deviation = values[train.keys].mean(), values[train.keys].std()
    for row, key in zip(test[0][0], test.batch_keys(0), strict=True):
        assert row == pytest.approx((values[key] - mean) / deviation, abs=1e-5)
