"""`augment=` of sequences and joins: image and mask change together, whoever loads them."""

from __future__ import annotations

import functools
import os
from typing import Any

import numpy as np
import pytest
from pictures import encoded

from multiseq import ArraySequence, ImageSequence, join
from multiseq.errors import ArgumentError, LoadError
from multiseq.testing import check_sequence


def pictures(number: int = 12) -> dict[str, bytes]:
    """Images by key, no two alike, whose gray levels serve as the ids of their masks."""
    rng = np.random.default_rng(0)
    return {
        f"k{k}": encoded(rng.integers(0, 256, (16, 16)).astype(np.uint8), "PNG")
        for k in range(number)
    }


def parts() -> tuple[ImageSequence, ImageSequence]:
    files = pictures()
    image = ImageSequence(files, size=16)
    backwards = dict(reversed(files.items()))
    mask = ImageSequence(
        backwards, size=16, channels=1, dtype="uint8", scale=None, interpolation="nearest"
    )
    return image, mask


def flip(sample: Any, rng: np.random.Generator) -> Any:
    """Flips image and mask together, half of the time."""
    inputs, mask = sample
    if rng.random() < 0.5:
        return sample
    return {"image": inputs["image"][:, ::-1]}, mask[:, ::-1]


def joined(augment: Any, **keywords: Any) -> Any:
    image, mask = parts()
    how: dict[str, Any] = {"batch_size": 5, "shuffle": True, "seed": 3} | keywords
    return join(image=image, targets=mask, augment=augment, **how)


def ids_of(images: np.ndarray) -> np.ndarray:
    ids: np.ndarray = np.rint(images[..., :1] * 255).astype(np.uint8)
    return ids


@pytest.fixture(params=["function", "albumentations"])
def turn(request: pytest.FixtureRequest) -> Any:
    if request.param == "function":
        return flip
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # Else it asks the network at every import.
    library = pytest.importorskip("albumentations")
    return library.Compose([library.D4(p=1)])


def test_image_and_mask_change_together(turn: Any) -> None:
    sequence, plain = joined(turn), joined(None)
    changed = 0
    for i in range(len(sequence)):
        inputs, masks = sequence[i]
        assert np.array_equal(masks, ids_of(inputs["image"]))
        changed += int((inputs["image"] != plain[i][0]["image"]).any((1, 2, 3)).sum())
    assert changed > 0


def test_the_contract(turn: Any) -> None:
    check_sequence(joined(turn))


def test_processes_give_the_same_bytes(turn: Any) -> None:
    sequence = joined(turn)
    with sequence.replace(workers=2, use_multiprocessing=True) as other:
        for i in range(len(sequence)):
            (mine, masks), (theirs, others) = sequence[i], other[i]
            assert mine["image"].tobytes() == theirs["image"].tobytes()
            assert masks.tobytes() == others.tobytes()


def test_each_epoch_changes_anew(turn: Any) -> None:
    sequence = joined(turn, shuffle=False)
    first = sequence[0][1]
    sequence.set_epoch(1)
    assert not np.array_equal(first, sequence[0][1])


def test_only_the_first_part_of_a_split_is_augmented(turn: Any) -> None:
    train, test = joined(turn, shuffle=False).split(0.5, 0.5)
    plain = joined(None)
    same = [
        np.array_equal(part.sample(k)[1], batch)
        for part in (train, test)
        for k, batch in enumerate(np.concatenate([part[i][1] for i in range(len(part))]))
    ]
    assert not all(same[: train.num_samples])
    assert all(same[train.num_samples :])
    assert not plain.augments


def test_augmented_false_turns_it_off(turn: Any) -> None:
    assert not joined(turn, augmented=False).augments


def test_a_part_can_be_augmented_alone() -> None:
    image = ArraySequence(np.zeros((4, 2), np.float32), augment=lambda sample, rng: sample[0] + 1)
    numbers = ArraySequence(np.zeros((4, 2), np.float32))
    ((inputs),) = join(image=image, numbers=numbers)[0]
    assert (inputs["image"].max(), inputs["numbers"].max()) == (1, 0)


def test_it_follows_what_a_class_writes() -> None:
    class Doubled(ArraySequence):
        def augment(self, sample: Any, rng: np.random.Generator) -> Any:
            return (sample[0] * 2,)

    (batch,) = Doubled(np.ones((2, 1)), augment=lambda sample, rng: (sample[0] + 1,))[0]
    assert batch.tolist() == [[3], [3]]


def test_it_can_be_replaced() -> None:
    sequence = ArraySequence(np.zeros((2, 1)))
    changed = sequence.replace(augment=lambda sample, rng: (sample[0] + 1,))
    assert changed[0][0].tolist() == [[1], [1]]
    assert sequence[0][0].tolist() == [[0], [0]]


def test_what_cannot_be_called() -> None:
    with pytest.raises(ArgumentError, match="augment cannot be called"):
        joined("flip")


class Yielding:
    def __call__(self, sample: Any, rng: Any) -> Any:
        yield sample


async def awaited(sample: Any, rng: Any) -> Any:
    return sample


def yields(sample: Any, rng: Any, key: Any) -> Any:
    yield sample


@pytest.mark.parametrize("name", ["augment", "augment_batch"])
@pytest.mark.parametrize("function", [yields, functools.partial(yields, key=0), Yielding()])
def test_what_yields_is_refused_as_in_transforms(name: str, function: Any) -> None:
    keywords: list[dict[str, Any]] = [{name: function}, {"map": function}, {"transforms": function}]
    for given in keywords:
        with pytest.raises(ArgumentError, match=r"yields(?s:.*)return in place of yield"):
            ArraySequence(np.zeros((4, 2)), **given)
    refused: dict[str, Any] = {name: awaited}
    with pytest.raises(ArgumentError, match=rf"{name} is a coroutine(?s:.*)in place of async def"):
        ArraySequence(np.zeros((4, 2)), **refused)


def louder(sample: Any, rng: np.random.Generator) -> Any:
    """Writes into the arrays it is given, as most do."""
    x, y = sample
    x += 1 + rng.random(dtype=np.float32)
    y[...] = 7
    return x, y


@pytest.mark.parametrize("workers", [0, 2])
def test_what_is_augmented_in_place_stays_as_it_was_in_the_source(workers: int) -> None:
    x, y = np.zeros((8, 3), np.float32), np.zeros((8, 2), np.float32)
    with ArraySequence(x, y, augment=louder, batch_size=4, seed=1, workers=workers) as seq:
        first = seq[0][0].copy()
        assert np.array_equal(seq[0][0], first)
        assert (first >= 1).all()
        assert (first < 2).all()
        assert not x.any()
        assert not y.any()
        check_sequence(seq)


def test_an_error_in_it_says_so() -> None:
    def broken(sample: Any, rng: np.random.Generator) -> Any:
        raise TypeError("too bright")

    seq = ArraySequence(np.zeros((8, 3)), keys=list("abcdefgh"), augment=broken)
    with pytest.raises(LoadError, match=r"key 'a'.*augment raised TypeError: too bright"):
        seq[0]
