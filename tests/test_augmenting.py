"""`augment=`: functions, and transforms of albumentations."""

from __future__ import annotations

import copy
import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from multiseq.augmenting import Albumentations, as_augmentation
from multiseq.errors import ArgumentError

RNG = np.random.default_rng(0)
IMAGE = RNG.random((12, 12, 3), np.float32)
# The mask tells which pixel of the image belongs to it, wherever both go.
MASK = (IMAGE[..., :1] * 255).astype(np.uint8)


@pytest.fixture(scope="module")
def albumentations() -> Any:
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # Else it asks the network at every import.
    return pytest.importorskip("albumentations")


def geometry(library: Any, **keywords: Any) -> Any:
    """Turns and flips, after which each pixel is somewhere else and none is new."""
    return library.Compose(
        [library.D4(p=1), library.OneOf([library.HorizontalFlip(), library.Transpose()])],
        **keywords,
    )


def drawn(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def of_image(image: Any) -> np.ndarray:
    ids: np.ndarray = (image[..., :1] * 255).astype(np.uint8)
    return ids


# ---- albumentations


@pytest.mark.parametrize(
    "sample",
    [
        ({"image": IMAGE, "mask": MASK},),
        ({"image": IMAGE}, MASK),
        (IMAGE, MASK),
        ({"image": IMAGE}, {"mask": MASK, "label": np.int64(3)}),
        (IMAGE, MASK, np.float32(0.5)),
        ({"image": IMAGE, "numbers": np.arange(3)}, MASK),
        {"image": IMAGE, "mask": MASK},
        ({"image": IMAGE}, MASK[..., 0]),
    ],
)
def test_image_and_mask_turn_together(albumentations: Any, sample: Any) -> None:
    turn = as_augmentation(geometry(albumentations))
    moved = 0
    for seed in range(20):
        turned = turn(sample, drawn(seed))
        leaves = [leaf for leaf in flat(turned) if np.ndim(leaf) >= 2]
        image = next(leaf for leaf in leaves if leaf.shape[-1] == 3)
        mask = next(leaf for leaf in leaves if leaf.dtype == np.uint8)
        assert np.array_equal(mask.reshape(12, 12, 1), of_image(image))
        moved += not np.array_equal(image, IMAGE)
        assert outline_of(turned) == outline_of(sample)
    assert moved > 10


def flat(nested: Any) -> list[Any]:
    if isinstance(nested, dict):
        nested = tuple(nested.values())
    return (
        [leaf for part in nested for leaf in flat(part)] if isinstance(nested, tuple) else [nested]
    )


def outline_of(nested: Any) -> Any:
    if isinstance(nested, dict):
        return {key: outline_of(value) for key, value in nested.items()}
    if isinstance(nested, tuple):
        return tuple(map(outline_of, nested))
    return np.shape(nested), np.asarray(nested).dtype


def test_what_is_no_image_stays(albumentations: Any) -> None:
    turn = as_augmentation(geometry(albumentations))
    numbers, label, weight = np.arange(5), np.int64(3), np.float32(0.5)
    found = turn(({"image": IMAGE, "numbers": numbers}, label, weight), drawn(0))
    assert (found[0]["numbers"] is numbers, found[1], found[2]) == (True, 3, 0.5)


def test_pairs_by_additional_targets(albumentations: Any) -> None:
    targets = {"before": "image", "after": "image", "change": "mask"}
    turn = as_augmentation(geometry(albumentations, additional_targets=targets))
    sample = {"before": IMAGE, "after": 1 - IMAGE}, {"change": MASK}
    for seed in range(10):
        pair, masks = turn(sample, drawn(seed))
        assert np.array_equal(pair["after"], 1 - pair["before"])
        assert np.array_equal(masks["change"], of_image(pair["before"]))


@pytest.mark.parametrize(
    "sample",
    [
        ({"photo": IMAGE}, MASK),
        ({"image": IMAGE, "photo": IMAGE},),
        ((IMAGE, IMAGE),),
        ({"numbers": np.arange(3)},),
        ({"mask": MASK}, IMAGE),
    ],
)
def test_an_image_that_albumentations_does_not_know(albumentations: Any, sample: Any) -> None:
    with pytest.raises(ArgumentError, match="does not know which image"):
        as_augmentation(geometry(albumentations))(sample, drawn(0))


def noisy(library: Any) -> Any:
    return library.Compose(
        [
            library.Affine(rotate=(-40, 40), scale=(0.8, 1.2), p=1),
            library.RandomBrightnessContrast(),
            library.OneOf([library.GaussNoise(), library.Blur()]),
            library.CoarseDropout(),
        ]
    )


def results(turn: Any, seeds: Any) -> list[bytes]:
    turned = [turn((IMAGE, MASK), drawn(seed)) for seed in seeds]
    return [image.tobytes() + mask.tobytes() for image, mask in turned]


def test_a_result_depends_on_the_rng_alone(albumentations: Any) -> None:
    turn = as_augmentation(noisy(albumentations))
    first = results(turn, range(30))
    assert len(set(first)) == 30
    assert results(turn, reversed(range(30))) == first[::-1]
    assert results(as_augmentation(noisy(albumentations)), range(30)) == first
    assert results(pickle.loads(pickle.dumps(turn)), range(30)) == first


def test_threads_do_not_mix_up_their_random_numbers(albumentations: Any) -> None:
    turn = as_augmentation(noisy(albumentations))
    first = results(turn, range(30))
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: results(turn, range(30)), range(12))) == [first] * 12


def test_the_users_transform_is_left_as_it_was(albumentations: Any) -> None:
    transform = noisy(albumentations)
    transform.set_random_seed(5)
    other = copy.deepcopy(transform)
    as_augmentation(transform)((IMAGE, MASK), drawn(1))
    assert np.array_equal(transform(image=IMAGE)["image"], other(image=IMAGE)["image"])


def test_a_single_transform(albumentations: Any) -> None:
    turn = as_augmentation(albumentations.HorizontalFlip(p=1))
    assert np.array_equal(turn((IMAGE,), drawn(0))[0], IMAGE[:, ::-1])


# ---- functions


def test_a_function_is_taken_as_it_is() -> None:
    def turn(sample: Any, rng: np.random.Generator) -> Any:
        return sample

    assert as_augmentation(turn) is turn


@pytest.mark.parametrize("value", [3, "flip", [len]])
def test_what_cannot_be_called(value: Any) -> None:
    with pytest.raises(ArgumentError, match="augment cannot be called"):
        as_augmentation(value)


@pytest.mark.parametrize("value", [len, 3])
def test_what_is_no_transform(value: Any) -> None:
    with pytest.raises(ArgumentError, match="no transform of albumentations 2"):
        Albumentations(value)
