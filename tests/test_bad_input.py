"""Bad input: each ends in one error that names what, where, and what to do."""

from __future__ import annotations

import pickle
import re
from typing import Any

import numpy as np
import pytest
from coded import Bulk, Coded, Ragged, epoch_of

from multiseq import MultiInputSequence, Spec
from multiseq.errors import ArgumentError, LoadError, NotInitializedError, SpecError

KEYS = [f"k{number}" for number in range(10)]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (
            lambda n: ({"a": np.zeros((n, 3)), "b": np.zeros((n, 2, 2), "i4")}, 1.0),
            "targets.* rows",
        ),
        (lambda n: {"a": np.zeros((n, 3)), "b": np.zeros((n, 2, 2), "i4")}, "differently"),
        (
            lambda n: ({"a": np.zeros((n, 4)), "b": np.zeros((n, 2, 2), "i4")}, np.zeros(n)),
            r"inputs\['a'\] has another shape",
        ),
        (
            lambda n: ({"a": np.zeros((n, 3)), "b": np.zeros((n, 2, 2), "f4")}, np.zeros(n)),
            r"inputs\['b'\] cannot be cast",
        ),
        (
            lambda n: ({"a": np.zeros((n + 1, 3)), "b": np.zeros((n, 2, 2), "i4")}, np.zeros(n)),
            "load_batch returned 6 rows for 5 samples",
        ),
        (lambda n: None, "is None"),
        (lambda n: [1, 2], "is a list"),
        (lambda n: (np.zeros(n), None, np.zeros(n)), "differently"),
        (lambda n: ({"a": None, "b": np.zeros((n, 2, 2), "i4")}, np.zeros(n)), r"'a'\] is None"),
    ],
)
def test_what_load_batch_must_not_return(rows: Any, says: str) -> None:
    class Wrong(Bulk):
        def load_batch(self, indices: Any) -> Any:
            return rows(len(indices))

    for workers in (0, 1):
        with Wrong(5, workers=workers) as seq:
            with pytest.raises(SpecError, match=says) as caught:
                seq[0]
            assert caught.value.where["class"] == "Wrong"


GOOD = ({"a": np.zeros(3), "b": np.zeros(2)}, 1.0)


@pytest.mark.parametrize(
    ("sample", "says", "name"),
    [
        (None, "is None", None),
        ([1, 2], "is a list", None),
        ((1, 2, 3, 4), "tuple of 4|differently", None),
        ((), "is a tuple of 0", None),
        (({"a": np.zeros(3)}, 1.0), "nested differently", None),
        (({"a": np.zeros(3), "c": np.zeros(2)}, 1.0), "nested differently", None),
        (GOOD[0], "nested differently", None),
        ((*GOOD, 1.0), "nested differently", None),
        ((GOOD[0], (1.0,)), "targets is a tuple", "targets"),
        (({"a": {"z": np.zeros(3)}, "b": np.zeros(2)}, 1.0), "is a dict", "inputs['a']"),
        (({"a": None, "b": np.zeros(2)}, 1.0), "is None", "inputs['a']"),
        (({"a": [1, 2, 3], "b": np.zeros(2)}, 1.0), "is a list", "inputs['a']"),
        (({"a": np.zeros(4), "b": np.zeros(2)}, 1.0), "another shape", "inputs['a']"),
        (({"a": np.zeros(3), "b": np.array([1, None])}, 1.0), "cast", "inputs['b']"),
        (({"a": np.zeros(3), "b": np.array(["x", "y"])}, 1.0), "cannot be cast", "inputs['b']"),
        ((GOOD[0], "one"), "cannot be cast", "targets"),
    ],
)
@pytest.mark.parametrize("place", [0, 3])
def test_what_load_sample_must_not_return(sample: Any, says: str, name: Any, place: int) -> None:
    """Whether it is the first sample, from which the structure is taken, or another one."""

    class Wrong(MultiInputSequence):
        def load_sample(self, index: int) -> Any:
            return sample if index == place else GOOD

    for workers in (0, 1):
        with Wrong(KEYS, workers=workers) as seq, pytest.raises(SpecError) as caught:
            seq[0]
        where = caught.value.where
        assert where["class"] == "Wrong"
        if place:
            assert (where["key"], where.get("input")) == ("'k3'", name)
            assert re.search(says, str(caught.value))
            assert caught.value.fix


def test_a_shape_that_changes_names_all_there_is_to_know() -> None:
    class Changes(MultiInputSequence):
        def load_sample(self, index: int) -> Any:
            return {"image": np.zeros((4 + index // 5, 4), "uint8")}

    with pytest.raises(SpecError) as caught:
        Changes(KEYS)[0]
    assert str(caught.value) == (
        "Changes, key 'k5', position 5, input inputs['image']: "
        "inputs['image'] has another shape than its spec\n"
        "  got: (5, 4)\n"
        "  expected: (4, 4)\n"
        "  fix: return the same shape from every load_sample, or declare the axes that vary: "
        "spec=Spec((None, 4), 'uint8')"
    )


def test_too_long_for_max_length() -> None:
    with pytest.raises(SpecError, match=r"cut samples to max_length \(3\)") as caught:
        Ragged(10, spec={"ids": Spec((None,), "int32", max_length=3)})[0]
    assert caught.value.where["position"] == "2"


def test_objects_in_the_first_sample() -> None:
    class Objects(MultiInputSequence):
        def load_sample(self, index: int) -> Any:
            return np.array([[1], [1, 2]], object)

    with pytest.raises(SpecError, match="object dtype") as caught:
        Objects(3)[0]
    assert caught.value.where["class"] == "Objects"
    assert caught.value.where["position"] == "0"


@pytest.mark.parametrize("hook", ["augment", "collate"])
@pytest.mark.parametrize("workers", [0, 2])
def test_other_hooks_that_fail(hook: str, workers: int) -> None:
    def fails(self: Any, *args: Any) -> Any:
        raise ValueError("mine")

    kind = type("Failing", (Coded,), {hook: fails})
    with (
        kind(10, workers=workers) as seq,
        pytest.raises(LoadError, match="ValueError: mine") as caught,
    ):
        seq[0]
    assert caught.value.where["class"] == "Failing"


class Forgot(MultiInputSequence):
    """Calls no super().__init__()."""

    def __init__(self, rows: Any) -> None:
        self.rows = rows

    def load_sample(self, index: int) -> Any:
        return self.rows[index]


@pytest.mark.parametrize(
    "use",
    [
        len,
        list,
        lambda seq: next(iter(seq)),
        pickle.dumps,
        lambda seq: seq[0],
        lambda seq: seq.keys,
        lambda seq: seq.num_samples,
        lambda seq: seq.num_batches,
        lambda seq: seq.epoch,
        lambda seq: seq.spec,
        lambda seq: seq.parallel,
        lambda seq: seq.sample(0),
        lambda seq: seq.batch_keys(0),
        lambda seq: seq.set_epoch(1),
        lambda seq: seq.on_epoch_end(),
        lambda seq: seq.replace(batch_size=2),
        lambda seq: seq.subset([0]),
        lambda seq: seq.split(0.5, 0.5),
        lambda seq: seq.close(),
        lambda seq: seq.adapt(),
    ],
)
def test_a_forgotten_init_names_the_class_and_the_line(use: Any) -> None:
    with pytest.raises(NotInitializedError) as caught:
        use(Forgot([1, 2]))
    assert caught.value.where["class"] == "Forgot"
    assert "call super().__init__(n_or_keys, **keywords) in Forgot.__init__" in str(caught.value)


def test_a_repr_is_had_of_what_was_not_initialized() -> None:
    assert "Forgot" in repr(Forgot([1, 2]))


def test_other_attributes_are_missing_as_usual() -> None:
    with pytest.raises(AttributeError, match="'Coded' object has no attribute 'nothing'"):
        _ = Coded(3).nothing  # type: ignore[attr-defined]
    assert not hasattr(Coded(3), "nothing")


def test_a_class_without_load_sample_cannot_be_made() -> None:
    class Empty(MultiInputSequence):
        pass

    with pytest.raises(TypeError, match="load_sample"):
        Empty(3)  # type: ignore[abstract]


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("batch_size", 0),
        ("batch_size", -4),
        ("batch_size", 32.0),
        ("batch_size", True),
        ("batch_size", "32"),
        ("batch_size", None),
        ("workers", -1),
        ("workers", 1.5),
        ("workers", True),
        ("max_queue_size", 0),
        ("max_queue_size", 2.5),
        ("seed", -1),
        ("seed", 1.5),
        ("shuffle", "batch"),
        ("shuffle", None),
        ("drop_last", 1),
        ("augmented", "no"),
        ("use_multiprocessing", None),
        ("sampler", [1, 2, 3]),
        ("on_error", "ignore"),
    ],
)
def test_keywords_are_checked(keyword: str, value: Any) -> None:
    with pytest.raises(ArgumentError) as caught:
        Coded(10, **{keyword: value})
    assert keyword in str(caught.value)
    assert caught.value.where["class"] == "Coded"
    assert caught.value.got is not None
    assert caught.value.expected


def test_an_order_is_shuffled_or_sampled() -> None:
    with pytest.raises(ArgumentError, match="sampler and shuffle"):
        Coded(10, shuffle=True, sampler=lambda seed, epoch: [0])


def test_batches_that_are_all_dropped() -> None:
    with pytest.raises(ArgumentError, match="drop_last leaves out the only one") as caught:
        len(Coded(3, drop_last=True))
    assert caught.value.where["class"] == "Coded"


@pytest.mark.parametrize("sampler", [lambda seed, epoch: [], lambda seed, epoch: [10]])
def test_a_bad_sampler(sampler: Any) -> None:
    with pytest.raises(ArgumentError, match="sampler") as caught:
        len(Coded(10, sampler=sampler))
    assert caught.value.where["class"] == "Coded"


def test_a_sampler_whose_length_changes() -> None:
    seq = Coded(20, sampler=lambda seed, epoch: np.arange(20 - 15 * epoch), batch_size=4)
    assert epoch_of(seq) == list(range(20))
    seq.set_epoch(1)
    with pytest.raises(ArgumentError, match=r"(?s)sampler.*5 positions in epoch 1") as caught:
        seq[4]
    assert caught.value.where["class"] == "Coded"


@pytest.mark.parametrize("epoch", [-1, 1.0, True, "1", None])
def test_what_is_no_epoch(epoch: Any) -> None:
    with pytest.raises(ArgumentError, match="bad epoch"):
        Coded(3).set_epoch(epoch)


@pytest.mark.parametrize("index", [3, -4, 100])
def test_a_batch_that_is_not_there(index: int) -> None:
    with pytest.raises(IndexError, match="0 to 2"):
        Coded(9, batch_size=3)[index]
    with pytest.raises(IndexError):
        Coded(9, batch_size=3).batch_keys(index)


@pytest.mark.parametrize("index", ["a", 1.0, slice(0, 2), None])
def test_what_is_no_number_of_a_batch(index: Any) -> None:
    with pytest.raises(TypeError):
        Coded(9, batch_size=3)[index]


def test_setting_workers_tells_where_they_belong() -> None:
    with pytest.raises(ArgumentError, match=r"replace\(workers=...\)"):
        Coded(3).workers = 4


def test_a_spec_for_no_input() -> None:
    with pytest.raises(ArgumentError, match=r"(?s)spec= does not fit.*inputs\['a'\]") as caught:
        Coded(3, spec={"z": Spec(())})[0]
    assert caught.value.where["class"] == "Coded"
