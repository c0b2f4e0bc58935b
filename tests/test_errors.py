"""errors: one message that says what, where, what was got and expected, and what to do."""

from __future__ import annotations

import inspect
import pickle
from typing import Any

import cloudpickle
import numpy as np
import pytest
from coded import Bulk, Coded, codes

from multiseq import errors
from multiseq.errors import (
    ArgumentError,
    LoadError,
    MultiseqError,
    SampleError,
    SpecError,
    describe,
)

ALL = [
    value
    for value in vars(errors).values()
    if inspect.isclass(value) and issubclass(value, MultiseqError)
]


def test_a_message_has_four_parts() -> None:
    error = ArgumentError("it broke", got=3, expected="4", fix="pass 4")
    assert str(error) == "it broke\n  got: 3 (int)\n  expected: 4\n  fix: pass 4"


def test_parts_may_be_left_out() -> None:
    assert str(SampleError("it broke")) == "it broke"


def test_where_it_happened_comes_first() -> None:
    error = SpecError("it broke").at(cls="Mine", key="'a'", position=0, input="image")
    assert str(error) == "Mine, key 'a', position 0, input image: it broke"


def test_the_innermost_place_is_kept() -> None:
    error = SpecError("it broke").at(cls="Part", key=1).at(cls="Join", key=2, position=3)
    assert error.where == {"class": "Part", "key": "1", "position": "3"}


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("pickler", [pickle, cloudpickle])
def test_survives_pickling(kind: Any, pickler: Any) -> None:
    error = kind("it broke", got=np.zeros(3), expected="x", fix="y").at(cls="A", position=2)
    copy = pickler.loads(pickler.dumps(error))
    assert type(copy) is kind
    assert str(copy) == str(error)
    assert copy.args == error.args


@pytest.mark.parametrize("kind", ALL)
def test_the_tree_on_top_shows_every_class(kind: Any) -> None:
    assert kind.__name__ in (errors.__doc__ or "")
    assert kind.__name__ in errors.__all__


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.zeros((2, 3), "int8"), "ndarray of shape (2, 3) and dtype int8"),
        (np.float32(1), "float32 of shape () and dtype float32"),
        ("text", "'text' (str)"),
        (None, "None (NoneType)"),
    ],
)
def test_described(value: Any, text: str) -> None:
    assert describe(value) == text


def test_long_values_are_cut() -> None:
    assert len(describe(list(range(10_000)))) < 120


class Faulty(Coded):
    """Sample 7 cannot be loaded."""

    def load_sample(self, index: int) -> Any:
        if index == 7:
            raise KeyError("sensor 7")
        return super().load_sample(index)


KEYS = [f"k{number}" for number in range(10)]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_failing_sample_is_named(workers: int) -> None:
    with Faulty(KEYS, batch_size=4, workers=workers) as seq:
        with pytest.raises(LoadError) as caught:
            seq[1]
        assert caught.value.where == {"class": "Faulty", "key": "'k7'", "position": "7"}
        assert "load_sample raised KeyError: 'sensor 7'" in str(caught.value)
        assert caught.value.fix
        assert isinstance(caught.value.__cause__, KeyError)


@pytest.mark.parametrize("keys", [range(10), np.arange(10), list(range(10))], ids=type)
def test_a_key_reads_as_it_was_given(keys: Any) -> None:
    with pytest.raises(LoadError, match=r"^Faulty, key 7, position 7: load_sample raised"):
        Faulty(keys, batch_size=4)[1]


def test_a_failing_sample_of_a_subset_is_named_by_its_place_there() -> None:
    seq = Faulty(KEYS).subset(["k9", "k8", "k7"]).subset(positions=[2, 0])
    with pytest.raises(LoadError) as caught:
        seq[0]
    assert caught.value.where == {"class": "Faulty", "key": "'k7'", "position": "0"}


def test_sample_names_it_too() -> None:
    with pytest.raises(LoadError, match="key 'k7', position 7"):
        Faulty(KEYS).sample(7)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("shuffle", [False, True])
def test_usable_after_an_error(workers: int, shuffle: bool) -> None:
    with Faulty(KEYS, batch_size=2, workers=workers, shuffle=shuffle, seed=1) as seq:
        found = []
        for index in range(len(seq)):
            if 7 in (keys := [int(key[1:]) for key in seq.batch_keys(index)]):
                with pytest.raises(LoadError):
                    seq[index]
            else:
                assert codes(seq[index]) == keys
                found += keys
        assert len(found) == 8


@pytest.mark.parametrize("workers", [1, 3])
def test_what_fails_ahead_fails_when_it_is_asked_for(workers: int) -> None:
    with Faulty(10, batch_size=1, workers=workers, max_queue_size=9) as seq:
        for index in [0, 1, 2, 3, 4, 5, 6, 8, 9, 6, 0]:
            assert codes(seq[index]) == [index]
        for _ in range(2):
            with pytest.raises(LoadError, match="position 7"):
                seq[7]


class FaultyBulk(Bulk):
    """One sample fails, however it is loaded."""

    bad = 7

    def load_sample(self, index: int) -> Any:
        if index == self.bad:
            raise OSError(f"sensor {index}")
        return super().load_sample(index)

    def load_batch(self, indices: Any) -> Any:
        if self.bad in indices:
            raise OSError("one of them")
        return super().load_batch(indices)


@pytest.mark.parametrize("workers", [0, 2])
def test_the_sample_that_fails_a_load_batch_is_found(workers: int) -> None:
    with FaultyBulk(KEYS, batch_size=4, workers=workers) as seq:
        with pytest.raises(LoadError, match="OSError: sensor 7") as caught:
            seq[1]
        assert caught.value.where["key"] == "'k7'"
        assert codes(seq[0]) == [0, 1, 2, 3]
        assert codes(seq[2]) == [8, 9]


@pytest.mark.parametrize("bad", [7, 20, 70, 127])
def test_batches_loaded_together_do_not_fail_together(bad: int) -> None:
    seq = FaultyBulk(128, batch_size=16)
    seq.bad = bad
    for index in range(len(seq)):
        if index == bad // 16:
            with pytest.raises(LoadError, match=f"position {bad}"):
                seq[index]
        else:
            assert codes(seq[index]) == list(range(index * 16, index * 16 + 16))
    assert max(seq.asked) > 16


def test_a_load_batch_that_fails_where_no_sample_does() -> None:
    class Broken(Bulk):
        def load_batch(self, indices: Any) -> Any:
            raise ZeroDivisionError("mine")

    with pytest.raises(LoadError, match="load_batch raised ZeroDivisionError: mine") as caught:
        Broken(10)[0]
    assert caught.value.where["class"] == "Broken"
