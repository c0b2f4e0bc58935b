"""Transforms of what files hold."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from recordings import SCORE, SENSOR, TIME, recorded

from multiseq.errors import NotAdaptedError
from multiseq.modalities.files.sequence import FileSequence
from multiseq.testing import check_sequence
from multiseq.transforms import Standardize, Vocabulary

PLACE, TXT = "meta_{key}.json:location", "meta_{key}.txt:location"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return recorded(tmp_path)


def test_transforms_learn_from_the_training_split_alone(root: Path) -> None:
    seq = FileSequence(
        root,
        {"sensor": SENSOR, "place": PLACE},
        transforms={"sensor": Standardize(), "place": Vocabulary()},
    )
    train, test = seq.split(positions=(range(8), range(8, 12)))
    train.adapt(progress=False)
    sensor = seq.transforms["sensor"]
    assert isinstance(sensor, Standardize)
    assert sensor.mean.tolist() == [3.5, 3.5]
    # loc_0 and loc_1 occur three times among 0 to 7, loc_2 twice; 0 is for what is not known.
    assert [list(part[0][0]["place"]) for part in (train, test)] == [
        [1, 2, 3, 1, 2, 3, 1, 2],
        [3, 1, 2, 3],
    ]
    np.testing.assert_allclose(test[0][0]["sensor"][:, 0, 0], (np.arange(8, 12) - 3.5) / 5.25**0.5)


def test_an_unseen_category_gets_the_id_of_the_unknown(root: Path) -> None:
    (root / "meta_11.json").write_text('{"location": "nowhere"}')
    seq = FileSequence(root, PLACE, transforms={"inputs": Vocabulary()})
    train, test = seq.split(positions=(range(10), [10, 11]))
    train.adapt(progress=False)
    assert test[0][0].tolist() == [2, 0]


def test_before_adapt_it_says_to_adapt(root: Path) -> None:
    seq = FileSequence(root, {"place": PLACE}, transforms={"place": Vocabulary()})
    with pytest.raises(NotAdaptedError, match=r"(?s)FileSequence.*place.*adapt\(\)"):
        seq[0]


def test_categories_do_not_change_with_their_company(root: Path) -> None:
    for k, tags in enumerate(([1], [True], ["2"], ["abc"])):
        (root / f"meta_{k}.json").write_text(json.dumps({"tags": tags}))
    vocabulary = Vocabulary().adapt([[1], [True], ["2"], ["abc"]])
    seq = FileSequence(
        root, "meta_{key}.json:tags", transforms={"inputs": vocabulary}, keys=range(4)
    )
    (together,) = seq.load_batch(np.arange(4))
    alone = [seq.load_sample(k)[0].tolist() for k in range(4)]
    assert [ids.tolist() for ids in together] == alone == [[2], [1], [3], [4]]


def test_raw_values_are_those_of_the_files(root: Path) -> None:
    seq = FileSequence(root, (SENSOR, PLACE), TIME, transforms={1: Vocabulary()})
    assert seq.raw(4) == {1: "loc_1"}


def test_targets_may_be_categories(root: Path) -> None:
    seq = FileSequence(root, SENSOR, {"y": TXT}, transforms={"y": Vocabulary()})
    seq.adapt(progress=False)
    assert seq[0][1]["y"].tolist() == [1, 2, 3] * 4


def test_one_transform_serves_input_and_target_of_one_file(root: Path) -> None:
    seq = FileSequence(root, {"s": SENSOR}, {"s": SENSOR}, transforms={"s": Standardize()})
    seq.adapt(progress=False)
    x, y = seq[0]
    np.testing.assert_array_equal(x["s"], y["s"])
    assert abs(x["s"].mean()) < 1e-6


def test_a_function_of_one_value(root: Path) -> None:
    time = Standardize()
    transforms = {
        "sensor": lambda volume: (volume - volume.mean())[..., None] + volume[0, 0],
        "time": (lambda value: float(value) + 1, time),
        "place": lambda text: [ord(letter) for letter in text],
    }
    inputs = {"sensor": SENSOR, "time": TIME, "place": PLACE}
    seq = FileSequence(root, inputs, {"y": SCORE}, transforms=transforms, batch_size=12)
    seq.adapt(progress=False)
    assert seq.transforms == {"time": time}
    assert time.mean == np.mean([k * 100 + 1 for k in range(12)])
    (inputs_of_all, _) = seq[0]
    assert inputs_of_all["sensor"].shape == (12, 4, 2, 1)
    assert (inputs_of_all["sensor"][:, 0, 0, 0] == np.arange(12)).all()
    assert inputs_of_all["place"][4].tolist() == [ord(letter) for letter in "loc_1"]
    check_sequence(seq)
