"""What a sequence says of itself, and copies of it."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import cloudpickle
import numpy as np
import pytest
from coded import Coded, Noisy, Ragged, epoch_of, frozen_epoch

from multiseq import Spec
from multiseq.errors import AlignmentError, ArgumentError

FULL: dict[str, Any] = {"batch_size": 5, "shuffle": True, "seed": 3}
# What a sequence says of itself


def test_spec_is_nested_like_a_sample() -> None:
    inputs = {"a": Spec((3,), "float32"), "b": Spec((2, 2), "int32")}
    assert Coded(3).spec == (inputs, Spec((), "float32"))
    assert Ragged(3).spec == ({"ids": Spec((None,), "int32")},)


def test_spec_loads_one_sample() -> None:
    class Counts(Coded):
        loaded = 0

        def load_sample(self, index: int) -> Any:
            type(self).loaded += 1
            return super().load_sample(index)

    seq = Counts(1000)
    assert (seq.num_samples, seq.keys[7], Counts.loaded) == (1000, 7, 0)
    _ = seq.spec, len(seq), seq.batch_keys(1)
    assert Counts.loaded == 1


def test_construction_loads_nothing() -> None:
    class Fails(Coded):
        def load_sample(self, index: int) -> Any:
            raise AssertionError

    Fails(10, workers=2).subset([1, 2]).replace(batch_size=1)


def test_sample_is_what_load_sample_returns() -> None:
    inputs, target = Noisy(list("abc")).sample(1)
    assert inputs["a"].tolist() == [1, 1, 1]
    assert target == 1


def test_repr() -> None:
    assert repr(Coded(10, batch_size=4)) == "<Coded: 10 samples in 3 batches of 4>"


@pytest.mark.parametrize(
    ("keys", "error"),
    [
        (0, ArgumentError),
        ([], ArgumentError),
        (-1, ArgumentError),
        (2.5, ArgumentError),
        (["a", "a"], AlignmentError),
        (["a", None], AlignmentError),
        ([1.0, np.nan], AlignmentError),
    ],
)
def test_bad_keys_name_the_class(keys: Any, error: Any) -> None:
    with pytest.raises(error) as caught:
        Coded(keys)
    assert caught.value.where["class"] == "Coded"


# Copies


COPIES: dict[str, Any] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda seq: pickle.loads(pickle.dumps(seq)),
    "cloudpickle": lambda seq: cloudpickle.loads(cloudpickle.dumps(seq)),
    "subset": lambda seq: seq.subset(slice(None)).replace(shuffle=True),
}


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("workers", [0, 2])
def test_a_copy_is_the_same_sequence_with_a_life_of_its_own(how: str, workers: int) -> None:
    make: Any = COPIES[how]
    with Coded([f"k{number}" for number in range(43)], workers=workers, **FULL) as seq:
        seq.set_epoch(3)
        batches = frozen_epoch(seq)  # Now it has threads, locks and batches read ahead.
        with make(seq) as other:
            assert other._live is None
            assert other.epoch == 3
            assert frozen_epoch(other) == batches
            other.set_epoch(4)
            other.close()
            assert seq.epoch == 3
            assert frozen_epoch(seq) == batches


def test_a_copy_shares_the_data() -> None:
    class Holds(Coded):
        def __init__(self) -> None:
            super().__init__(10)
            self.data = np.zeros(1_000_000)

    seq = Holds()
    assert seq.replace(batch_size=2).data is seq.data
    assert seq.split(0.5, 0.5)[1].data is seq.data


def test_a_class_made_in_a_function_can_be_copied() -> None:
    class Local(Coded):
        pass

    assert epoch_of(cloudpickle.loads(cloudpickle.dumps(Local(5)))) == list(range(5))


def test_closed_and_used_again() -> None:
    for workers in (0, 2):
        seq = Coded(43, workers=workers, **FULL)
        batches = frozen_epoch(seq)
        seq.close()
        seq.close()
        assert frozen_epoch(seq) == batches
        seq.close()
