"""Reprs: short, and without asking anybody for anything."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import multiseq as ms
from multiseq import BalancedSampler, BucketSampler, StratifiedSampler, WeightedSampler


class Silent(ms.MultiInputSequence):
    """Whose samples must not be loaded."""

    def load_sample(self, index: int) -> Any:
        raise AssertionError("a sample was loaded")


def asked(seed: int, epoch: int) -> Any:
    raise AssertionError("the sampler was asked")


@pytest.mark.parametrize(
    ("keywords", "said"),
    [
        ({}, "<Silent: 1,000 samples in 32 batches of 32>"),
        ({"drop_last": True, "name": "mine"}, "<Silent 'mine': 1,000 samples in 31 batches of 32>"),
        ({"batch_size": 1000}, "<Silent: 1,000 samples in 1 batch of 1,000>"),
        ({"shuffle": True, "workers": 1}, "batches of 32, shuffled, 1 thread>"),
        ({"workers": 3, "use_multiprocessing": True}, "batches of 32, 3 processes>"),
        ({"workers": "auto"}, 'batches of 32, workers="auto">'),
        ({"augment": lambda sample, rng: sample}, "batches of 32, augmented>"),
        ({"sampler": asked}, "<Silent: 1,000 samples in batches of 32, by function>"),
    ],
)
def test_sequences(keywords: dict[str, Any], said: str) -> None:
    seq = Silent(1000, **keywords)
    assert repr(seq).endswith(said)
    assert seq._live is None


def test_parts_say_what_they_are_parts_of() -> None:
    train, test = Silent(100, batch_size=10, shuffle=True).split(0.8, 0.2)
    assert repr(test) == "<Silent: 20 samples in 2 batches of 10, held out>"
    assert repr(train.shard(1, 2)) == (
        "<Silent: 80 samples in 8 batches of 5, shuffled, shard 1 of 2>"
    )
    assert train.shard(1, 2).num_batches == 8


@pytest.mark.parametrize("n", [1, 7, 10, 11, 64])
@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("drop_last", [False, True])
def test_the_number_of_batches_is_that_of_the_sequence(n: int, count: int, drop_last: bool) -> None:
    seq = Silent(n, batch_size=10, drop_last=drop_last).shard(0, count)
    try:
        number = seq.num_batches
    except ms.errors.ArgumentError:
        number = 0
    assert f" in {number} batch" in repr(seq)


def test_what_is_not_adapted_says_so() -> None:
    seq = ms.TextSequence(["a", "b"], tokenizer=ms.Vocabulary(mask=""))
    assert repr(seq).endswith(", not adapted>")
    seq.adapt(progress=False)
    assert "adapted" not in repr(seq)


class Forgotten(ms.MultiInputSequence):
    def __init__(self) -> None:
        pass

    def load_sample(self, index: int) -> Any:
        return 0.0


class Strange(Silent):
    @property
    def transforms(self) -> Any:
        raise RuntimeError("not now")


class Half(Silent):
    @property
    def augments(self) -> bool:
        raise AttributeError("not yet there")


def test_nothing_makes_it_raise() -> None:
    assert repr(Half(3, name="mine")) == "<Half 'mine'>"
    assert repr(Forgotten()) == "<Forgotten: not initialized>"
    assert "<Forgotten: not initialized>".replace("<", "&lt;").replace(">", "&gt;") in (
        Forgotten()._repr_html_()
    )
    assert repr(Strange(3)) == "<Strange: 3 samples in 1 batch of 32>"
    assert "Strange" in Strange(3)._repr_html_()


@pytest.mark.parametrize(
    ("sampler", "said"),
    [
        (WeightedSampler([1, 2.5]), "WeightedSampler(2 weights, num_samples=2, replacement=True)"),
        (
            BalancedSampler(list("abb") * 500),
            "BalancedSampler(1,500 labels of 2 classes, strategy='auto', method='over')",
        ),
        (StratifiedSampler([0, 1, 1]), "StratifiedSampler(3 labels of 2 classes)"),
        (
            BucketSampler([3, 40, 7], 32),
            "BucketSampler(3 lengths from 3 to 40, batch_size=32, pool=100)",
        ),
    ],
)
def test_samplers(sampler: Any, said: str) -> None:
    assert repr(sampler) == said


@pytest.mark.parametrize(
    "spec",
    [
        ms.Spec((None,), "int32", max_length=3),
        ms.Spec((), "str"),
        ms.Spec((2, None), "float32", padding="pre", pad_value=-1),
        ms.Spec((64, 64, 3), "uint8"),
    ],
)
def test_specs_can_be_made_again(spec: ms.Spec) -> None:
    made = eval(repr(spec), {"Spec": ms.Spec})  # noqa: S307 (of our own)
    assert made == spec
    assert repr(ms.Spec((None,), "int32", max_length=3)) == "Spec((None,), 'int32', max_length=3)"


def test_transforms_say_what_they_learned() -> None:
    assert repr(ms.Standardize()) == "<Standardize(), blank>"
    assert repr(ms.Standardize().adapt(np.eye(3))) == "<Standardize(), adapted: 3 features>"
    scaled = ms.MinMax(axis=None, range=(0, 2)).adapt([1.0, 2.0])
    assert repr(scaled) == "<MinMax(axis=[], range=[0.0, 2.0]), adapted: 1 feature>"
    words = ms.Vocabulary(mask="").adapt(["a", "b"])
    assert repr(words) == "<Vocabulary(mask=''), adapted: 4 ids>"
    assert repr(ms.Labels().adapt(list("abcd"))) == (
        "<Labels(), adapted: 'a', 'b', 'c', … (4 in all)>"
    )


def test_albumentations() -> None:
    albumentations = pytest.importorskip("albumentations")
    turn = ms.Albumentations(albumentations.Compose([albumentations.HorizontalFlip(p=0.25)]))
    assert repr(turn).startswith("Albumentations(Compose([")
    assert "HorizontalFlip(p=0.25" in repr(turn)
    assert "\n" not in repr(turn)
