"""join: augmenting, learning from the training split alone, and errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from coded import Coded, Noisy, Ragged, codes, frozen, frozen_epoch, leaves, wait_for
from keyed import BACKWARDS, KEYS, MIXED, N, Noised, OneByOne, assert_aligned, part

from multiseq import JoinedSequence, MultiInputSequence, Spec, Standardize, Vocabulary, join
from multiseq.errors import ArgumentError, LoadError, SampleError

# Augmentation


def test_parts_go_on_augmenting_each_for_itself() -> None:
    seq = join(one=Noised(KEYS), two=Noised(KEYS), seed=1, batch_size=6)
    assert seq.augments
    noise = [leaf for batch in seq for leaf in leaves(batch)]
    assert all((leaf > 0).all() for leaf in noise)
    assert len(np.unique(np.concatenate([leaf.ravel() for leaf in noise]))) == 2 * N * 3


@pytest.mark.parametrize("workers", [1, 3])
def test_augmented_parts_are_the_same_on_any_worker(workers: int) -> None:
    settings: dict[str, Any] = {"batch_size": 6, "shuffle": True, "seed": 1}
    inner = join(one=Noised(KEYS), two=part())
    alone = join(Noised(KEYS), inner, **settings)
    with join(Noised(KEYS), inner, workers=workers, **settings) as seq:
        for epoch in (0, 3):
            alone.set_epoch(epoch)
            seq.set_epoch(epoch)
            assert frozen_epoch(seq) == frozen_epoch(alone)


def test_only_the_first_part_of_a_split_is_augmented() -> None:
    train, test = join(part(), noise=Noised(KEYS), seed=1).split(0.5, 0.5)
    assert train.augments
    assert not test.augments
    assert (train[0][0]["noise"] > 0).all()
    assert (test[0][0]["noise"] == 0).all()
    again = join(part("w"), test, how="inner")
    assert (again[0][0]["noise"] == 0).all()


def test_augmentation_of_a_join_can_be_turned_off() -> None:
    assert (join(Noised(KEYS), augmented=False)[0][0]["noise"] == 0).all()
    assert (join(Noised(KEYS, augmented=False))[0][0]["noise"] == 0).all()
    assert (join(Noised(KEYS)).replace(augmented=False)[0][0]["noise"] == 0).all()


class Turned(JoinedSequence):
    """Augments the whole: the same for all inputs."""

    def augment(self, sample: Any, rng: np.random.Generator) -> Any:
        inputs, *rest = sample
        shift = rng.random(dtype=np.float32)
        return {name: leaf + leaf.dtype.type(shift * 8) for name, leaf in inputs.items()}, *rest


def test_a_join_can_augment_the_whole_sample() -> None:
    seq = Turned([(None, part("x")), (None, part("y"))], seed=1)
    inputs = seq[0][0]
    assert np.array_equal(inputs["x"], inputs["y"])
    assert len(np.unique(inputs["x"] - np.arange(N)[:, None])) > N / 2


def test_a_join_that_augments_keeps_the_specs_of_its_parts() -> None:
    seq = Turned([(None, Ragged(10)), (None, Coded(10))], batch_size=4, seed=1)
    assert seq[0][0]["ids"].shape == (4, 5)
    assert seq.spec[0]["ids"] == Spec((None,), "int32")


# Learning


class Learns(MultiInputSequence):
    """Standardized numbers, and words as ids; sample i has the value i."""

    def __init__(self, keys: Any = KEYS, values: Any = None, **keywords: Any) -> None:
        super().__init__(keys, **keywords)
        self.values = np.arange(len(self.keys)) if values is None else np.asarray(values)
        self.scale, self.words = Standardize(), Vocabulary()

    @property
    def transforms(self) -> Any:
        return {"x": self.scale, "w": self.words}

    def raw(self, index: int) -> Any:
        return {"x": np.float64(self.values[index]), "w": f"w{self.values[index]}"}

    def load_sample(self, index: int) -> Any:
        raw = self.raw(index)
        return {"x": self.scale(raw["x"]), "w": self.words(raw["w"])}


def learned(seq: Learns) -> tuple[float, float]:
    return float(seq.scale.mean), float(seq.scale.variance)


@pytest.mark.parametrize("nested", [False, True])
def test_a_join_learns_from_its_training_split_alone(nested: bool) -> None:
    learner = Learns([KEYS[k] for k in MIXED], MIXED)
    seq = join(part("p"), join(learner) if nested else learner, seed=5)
    train, test = seq.split(0.5, 0.5)
    mine = np.array([KEYS.index(key) for key in train.keys])
    train.adapt(progress=False)
    assert learned(learner) == pytest.approx((mine.mean(), mine.var()))
    assert set(learner.words.categories) == {f"w{k}" for k in mine}
    assert train[0][0]["x"].mean() == pytest.approx(0, abs=1e-6)
    theirs = np.array([KEYS.index(key) for key in test.keys])
    assert test[0][0]["x"] == pytest.approx((theirs - mine.mean()) / mine.std(), abs=1e-5)


def test_a_join_of_what_is_held_out_is_not_learned_from() -> None:
    learner = Learns([KEYS[k] for k in MIXED], MIXED, seed=5)
    train, test = learner.split(0.5, 0.5)
    joined = join(part("p"), train, how="inner")
    joined.adapt(progress=False)
    for parts in ([test, part("p")], [part("p"), join(test)]):
        held_out = join(*parts, how="inner")
        with pytest.raises(ArgumentError, match="not to be learned from"):
            held_out.adapt(progress=False)
        theirs = np.array([KEYS.index(key) for key in held_out.keys])
        mine = np.array([KEYS.index(key) for key in train.keys])
        expected = (theirs - mine.mean()) / mine.std()
        assert held_out[0][0]["x"] == pytest.approx(expected, abs=1e-5)


def test_what_is_not_in_training_cannot_leak() -> None:
    """With a million in place of each value of the test split, nothing learned changes."""
    found = []
    for poison in (0, 1_000_000):
        values = np.arange(N) + 0
        learner = Learns(KEYS, values)
        train, test = join(learner, part("p", MIXED), seed=5).split(0.5, 0.5)
        for key in test.keys:
            values[KEYS.index(key)] += poison
        learner.values = values
        train.adapt(progress=False)
        found.append((learned(learner), learner.words.categories, frozen(train[0])))
    assert found[0] == found[1]


def test_targets_of_a_part_are_learned_too() -> None:
    learner = Learns()
    train, _ = join(part(), targets=learner, seed=5).split(0.5, 0.5)
    train.adapt(progress=False)
    assert learned(learner)[0] == pytest.approx(np.mean([KEYS.index(key) for key in train.keys]))


def test_inner_learns_from_what_it_kept() -> None:
    learner = Learns()
    join(learner, part(first=10), how="inner").adapt(progress=False)
    assert learned(learner)[0] == pytest.approx(np.arange(10, N).mean())


def test_what_was_learned_again_is_used() -> None:
    learner = Learns()
    seq = join(learner, part("p"))
    for values in (np.arange(N), np.arange(N) ** 2):
        learner.values = values
        seq.adapt(progress=False)
        expected = (values - learner.scale.mean) / np.sqrt(learner.scale.variance)
        seq.close()
        assert seq[0][0]["x"] == pytest.approx(expected, abs=1e-5)


def test_what_was_read_ahead_is_read_again_after_learning() -> None:
    loaded: list[int] = []

    class Notes(Learns):
        def load_sample(self, index: int) -> Any:
            loaded.append(index)
            return super().load_sample(index)

    learner = Notes(batch_size=5, workers=2, max_queue_size=4)
    learner.adapt(progress=False)
    with learner:
        learner[0]
        wait_for(lambda: len(set(loaded)) == N)  # All batches are loaded, or about to be.
        learner.values = learner.values * 3 + np.arange(N) % 2
        learner.adapt(progress=False)
        expected = (learner.values - learner.scale.mean) / np.sqrt(learner.scale.variance)
        assert learner[1][0]["x"] == pytest.approx(expected[5:10], abs=1e-5)


def test_a_leaf_learns_from_its_own_subset() -> None:
    learner = Learns()
    part = learner.subset(KEYS[:5])
    part.adapt(progress=False)
    assert learned(part)[0] == 2


def test_nothing_to_learn_is_no_error() -> None:
    join(part()).adapt(progress=False)
    part().adapt(progress=False)


# Errors


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("fast", [True, False])
def test_an_error_names_the_part_and_its_sample(workers: int, fast: bool) -> None:
    class Broken(OneByOne):
        def load_sample(self, index: int) -> Any:
            if self.order[index] == 7:
                raise OSError("broken")
            return super().load_sample(index)

    other = part("y") if fast else OneByOne("y")
    with join(other, Broken("x", BACKWARDS), batch_size=5, workers=workers) as seq:
        with pytest.raises(LoadError, match="OSError: broken") as caught:
            seq[1]
        assert caught.value.where == {"class": "Broken", "key": "'k07'", "position": "12"}
        assert codes(seq[0]) == [0, 1, 2, 3, 4]


def test_an_error_of_structure_names_the_part() -> None:
    class Changes(OneByOne):
        def load_sample(self, index: int) -> Any:
            return {"x": np.zeros(3 + index // 5, np.float32)}

    with pytest.raises(SampleError, match="another shape") as caught:
        join(part("y"), Changes("x"))[0]
    assert caught.value.where["key"] == "'k05'"
    assert "inputs['x']" in str(caught.value)


def test_it_is_usable_after_an_error() -> None:
    seq = join(part(), targets=np.arange(N), batch_size=6)
    with pytest.raises(IndexError):
        seq[99]
    with pytest.raises(IndexError):
        seq.sample(99)
    assert_aligned(seq)


def test_noisy_is_aligned_as_well() -> None:
    seq = join(Noisy(KEYS), y=part("y", MIXED), batch_size=6, shuffle=True, seed=1)
    for batch in seq:
        assert np.array_equal(batch[0]["a"].astype(int), batch[0]["y"])
