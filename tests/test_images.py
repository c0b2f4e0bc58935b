"""ImageSequence: files by key, decoded into batches."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pictures import FILES, gray, images, level_of, levels, photos, write

from multiseq.errors import AlignmentError, ArgumentError
from multiseq.samples import Spec
from multiseq.testing import check_sequence


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return photos(tmp_path)


# ---- what a batch looks like


def test_a_batch(root: Path) -> None:
    (batch,) = images(FILES, root=root)[0]
    assert batch.shape == (3, 6, 8, 3)
    assert batch.dtype == np.float32
    assert np.allclose(batch[:, 0, 0, 0], [10 / 255, 20 / 255, 30 / 255], atol=1e-6)


def test_a_sample_is_the_row_of_a_batch(root: Path) -> None:
    sequence = images(FILES, np.arange(3), root=root)
    batch, targets = sequence[0]
    for position in range(3):
        sample = sequence.sample(position)
        assert np.array_equal(sample[0], batch[position])
        assert sample[1] == targets[position] == position


def test_the_spec_is_known_without_an_image(root: Path) -> None:
    sequence = images(FILES, root=root, channels=1, dtype="float16")
    assert sequence.spec == (Spec((6, 8, 1), "float16"),)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_floats_are_scaled(root: Path, dtype: str) -> None:
    image, *_ = images(["b.png"], root=root, dtype=dtype, scale=0.5).load_sample(0)
    assert image.dtype == dtype
    assert set(image.ravel()) == {10}


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_without_scale_levels_are_kept(root: Path, dtype: str) -> None:
    sequence = images(FILES, root=root, dtype=dtype, scale=None)
    (batch,) = sequence[0]
    assert batch.dtype == dtype
    assert batch[:, 0, 0, 0].tolist() == [10, 20, 30]


def test_samples_can_be_written_to(root: Path) -> None:
    image, *_ = images(["b.png"], root=root, dtype="uint8", scale=None).load_sample(0)
    image += 1
    assert image[0, 0, 0] == 21


def test_one_number_is_both_sides(root: Path) -> None:
    assert images(FILES, root=root, size=5)[0][0].shape == (3, 5, 5, 3)


def test_options_reach_the_decoder(root: Path) -> None:
    sequence = images(["b.png"], root=root, size=(12, 40), fit="pad", channels=1, fast=False)
    (batch,) = sequence[0]
    assert batch.shape == (1, 12, 40, 1)
    assert batch[0, :, 0].max() == 0
    assert sequence._decode.fast is False


def test_images_are_decoded_into_memory_that_needs_no_copy(root: Path) -> None:
    # NumPy's own large arrays lie 16 bytes behind an aligned address.
    images_of_batch, *_ = images(FILES, root=root, size=300).load_batch(np.arange(3))
    assert images_of_batch.ctypes.data % 64 == 0


def test_threads_give_the_same_bytes(root: Path) -> None:
    sequence = images(FILES * 8, np.arange(24), root=root, keys=range(24), batch_size=9)
    with sequence.replace(workers=2) as threaded:
        for i in range(len(sequence)):
            for mine, theirs in zip(sequence[i], threaded[i], strict=True):
                assert np.array_equal(mine, theirs)


def test_pickles(root: Path) -> None:
    sequence = pickle.loads(pickle.dumps(images(FILES, root=root)))
    assert levels(sequence) == [10, 20, 30]


def test_subsets_keep_images_and_targets_together(root: Path) -> None:
    part = images(FILES, np.array([1, 2, 3]), root=root).subset(["c", "a"])
    batch, targets = part[0]
    assert level_of(batch).tolist() == [30, 10]
    assert targets.tolist() == [3, 1]


# ---- sources and keys


@pytest.mark.parametrize(
    "collection", [list, tuple, np.array, pd.Index, lambda x: [Path(path) for path in x]]
)
def test_collections_of_paths(root: Path, collection: Any) -> None:
    sequence = images(collection(FILES), root=root)
    assert levels(sequence) == [10, 20, 30]
    assert sequence.keys.tolist() == ["a", "b", "c"]


def test_a_series_keys_by_its_index(root: Path) -> None:
    sequence = images(pd.Series(FILES, index=[7, 8, 9]), root=root)
    assert sequence.keys.tolist() == [7, 8, 9]


def test_a_dict_keys_by_its_keys(root: Path) -> None:
    sequence = images({"x": "b.png", "y": "a.jpg"}, root=root)
    assert sequence.keys.tolist() == ["x", "y"]
    assert levels(sequence) == [20, 10]


def test_keys_can_be_given(root: Path) -> None:
    sequence = images(FILES, root=root, keys=["k1", "k2", "k3"])
    assert sequence.keys.tolist() == ["k1", "k2", "k3"]


def test_names_that_repeat_make_paths_the_keys(root: Path) -> None:
    write(root / "sub" / "a.jpg", 40)
    sequence = images([*FILES, "sub/a.jpg"], root=root)
    assert sequence.keys.tolist() == [*FILES, "sub/a.jpg"]


def test_a_folder_is_all_of_its_images_in_order(root: Path) -> None:
    for source in (root, str(root)):
        sequence = images(source)
        assert sequence.keys.tolist() == ["a", "b", "c"]
        assert levels(sequence) == [10, 20, 30]


def test_files_of_a_folder_or_pattern_are_sorted(root: Path) -> None:
    names = [f"n{k:02}" for k in np.random.default_rng(0).permutation(40)]
    for name in names:
        write(root / "many" / f"{name}.png", 1)
    assert images(root / "many").keys.tolist() == sorted(names)
    assert images("many/*.png", root=root).keys.tolist() == sorted(names)


def test_a_folder_below_the_root(root: Path) -> None:
    assert images("photos", root=root.parent).keys.tolist() == ["a", "b", "c"]


def test_endings_in_capitals_count(root: Path) -> None:
    (root / "d.JPG").write_bytes(gray(40, "JPEG"))
    assert "d" in images(root).keys


def test_a_pattern(root: Path) -> None:
    assert images("*.jpg", root=root).keys.tolist() == ["a"]
    assert images(str(root / "**" / "*.jpg")).keys.tolist() == ["a", "c"]


@pytest.mark.parametrize("source", ["none", "none/*.jpg", "a.jpg/*"])
def test_nothing_found(root: Path, source: str) -> None:
    with pytest.raises(ArgumentError, match="no image files were found"):
        images(source, root=root)


def test_without_a_root_paths_are_taken_as_they_are(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root / "sub")
    assert levels(images(["c.jpg", "../a.jpg", str(root / "b.png")])) == [30, 10, 20]


def test_names_in_any_script(root: Path) -> None:
    names = ["é 日本.png", b"\xff.png".decode("utf-8", "surrogateescape")]
    for level, name in enumerate(names, 1):
        write(root / name, level)
    assert levels(images(names, root=root)) == [1, 2]


def test_bytes_of_files() -> None:
    sequence = images([gray(10), gray(20, "JPEG")])
    assert sequence.keys.tolist() == [0, 1]
    assert levels(sequence) == [10, 20]


def test_bytes_by_key() -> None:
    assert images(pd.Series({"a": gray(10)})).keys.tolist() == ["a"]


# ---- targets


@pytest.mark.parametrize("by_name", [False, True])
def test_weights_are_aligned_by_key(root: Path, by_name: bool) -> None:
    targets, weights = pd.Series([0, 1, 2], list("abc")), pd.Series([3.0, 2.0, 1.0], list("cba"))
    given: Any = ({"y": targets}, {"y": weights}) if by_name else (targets, weights)
    sequence = images(root, given[0], sample_weight=given[1], shuffle=True, seed=1)
    batch, _, found = sequence[0]
    found = found["y"] if by_name else found
    assert found.tolist() == [level_of(image[None]) / 10 for image in batch]
    check_sequence(sequence)


def test_weights_in_an_order_of_their_own_and_a_folder(root: Path) -> None:
    with pytest.raises(ArgumentError, match="no order of its own"):
        images(root, pd.Series([0, 1, 2], list("abc")), sample_weight=[1, 2, 3])
    with pytest.raises(ArgumentError, match="without targets"):
        images(FILES, root=root, sample_weight=[1, 2, 3])


def test_a_series_of_targets_is_aligned_by_key(root: Path) -> None:
    targets = pd.Series({"c": 3, "a": 1, "b": 2, "other": 4})
    assert images(FILES, targets, root=root)[0][1].tolist() == [1, 2, 3]


def test_columns_of_a_table_stay_together(root: Path) -> None:
    table = pd.DataFrame({"file": FILES, "label": [1, 2, 3]}).sort_values("label", ascending=False)
    batch, targets = images(table["file"], table["label"], root=root)[0]
    assert level_of(batch).tolist() == [30, 20, 10]
    assert targets.tolist() == [3, 2, 1]


def test_targets_of_bytes_are_in_order() -> None:
    targets = pd.Series([5, 6], index=["x", "y"])
    assert images([gray(1), gray(2)], targets)[0][1].tolist() == [5, 6]


def test_a_key_without_target(root: Path) -> None:
    with pytest.raises(AlignmentError, match="no row for 1 of the 3"):
        images(FILES, pd.Series({"a": 1, "b": 2}), root=root)


def test_several_outputs(root: Path) -> None:
    _, targets = images(FILES, {"y": [1, 2, 3], "z": np.zeros((3, 2))}, root=root)[0]
    assert targets["y"].tolist() == [1, 2, 3]
    assert targets["z"].shape == (3, 2)


def test_a_spec_for_targets_leaves_that_of_images(root: Path) -> None:
    sequence = images(FILES, [1, 2, 3], root=root, spec=(None, Spec((), "float32")))
    assert sequence.spec == (Spec((6, 8, 3), "float32"), Spec((), "float32"))
