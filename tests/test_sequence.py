"""sequence: batches as a pure function of (seed, epoch, number), whatever the workers."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import cloudpickle
import keras
import numpy as np
import pytest
from coded import (
    KINDS,
    Bulk,
    Coded,
    Noisy,
    Ragged,
    Words,
    called_from,
    codes,
    epoch_of,
    frozen,
    frozen_epoch,
    in_threads,
    leaves,
    misaligned,
)

from multiseq import MultiInputSequence, Spec, aligned_empty
from multiseq.errors import AlignmentError, ArgumentError

ALL_KINDS = pytest.mark.parametrize("kind", KINDS)
FULL: dict[str, Any] = {"batch_size": 5, "shuffle": True, "seed": 3}

# An epoch


@pytest.mark.parametrize(("n", "size", "batches"), [(10, 4, 3), (12, 4, 3), (1, 4, 1), (4, 1, 4)])
def test_every_sample_comes_once_and_the_last_batch_is_kept(
    n: int, size: int, batches: int
) -> None:
    for shuffle in (False, True):
        seq = Coded(n, batch_size=size, shuffle=shuffle, seed=1)
        assert len(seq) == seq.num_batches == batches
        assert sorted(epoch_of(seq)) == list(range(n))


def test_drop_last_leaves_out_what_is_not_full() -> None:
    seq = Coded(10, batch_size=4, drop_last=True)
    assert len(seq) == 2
    assert epoch_of(seq) == list(range(8))
    assert len(Coded(8, batch_size=4, drop_last=True)) == 2


def test_unshuffled_is_source_order_in_every_epoch() -> None:
    seq = Coded(10, batch_size=4)
    seq.set_epoch(3)
    assert epoch_of(seq) == list(range(10))


def test_iteration_is_one_epoch() -> None:
    seq = Coded(10, **FULL)
    assert [codes(batch) for batch in seq] == [codes(seq[i]) for i in range(len(seq))]


def test_batches_count_from_the_end_too() -> None:
    seq = Coded(10, **FULL)
    assert codes(seq[-1]) == codes(seq[1])
    assert seq.batch_keys(-1).equals(seq.batch_keys(1))
    one: Any = np.int64(1)
    assert codes(seq[one]) == codes(seq[1])


@pytest.mark.parametrize("order", [{}, {"shuffle": True}, {"sampler": lambda s, e: [3, e, 3, 9]}])
def test_batch_keys_are_those_of_the_batch(order: Any) -> None:
    keys = [f"key {number}" for number in range(10)]
    seq = Coded(keys, batch_size=3, seed=4, **order)
    for epoch in range(3):
        seq.set_epoch(epoch)
        for index in range(len(seq)):
            assert seq.batch_keys(index).tolist() == [f"key {k}" for k in codes(seq[index])]


def test_a_sampler_decides_the_order_by_seed_and_epoch() -> None:
    seq = Coded(10, batch_size=3, seed=5, sampler=lambda seed, epoch: [seed, epoch, 9, 9])
    seq.set_epoch(2)
    assert len(seq) == 2
    assert epoch_of(seq) == [5, 2, 9, 9]


# Epochs


def test_each_epoch_has_its_own_order() -> None:
    seq = Coded(50, **FULL)
    orders = []
    for epoch in range(4):
        seq.set_epoch(epoch)
        orders.append(tuple(epoch_of(seq)))
    assert len(set(orders)) == 4
    assert {tuple(sorted(order)) for order in orders} == {tuple(range(50))}


def test_the_order_of_an_epoch_is_a_function_of_its_seed_and_number() -> None:
    seq = Coded(50, **FULL)
    for epoch in range(4):
        fresh = Coded(50, **FULL)
        fresh.set_epoch(epoch)
        assert frozen_epoch(fresh) == frozen_epoch(seq)
        seq.on_epoch_end()
    assert epoch_of(Coded(50, **FULL | {"seed": 4})) != epoch_of(Coded(50, **FULL))


def test_set_epoch_goes_anywhere() -> None:
    seq = Coded(50, **FULL)
    first = epoch_of(seq)
    seq.set_epoch(10**12)
    assert seq.epoch == 10**12
    assert sorted(epoch_of(seq)) == sorted(first)
    assert epoch_of(seq) != first
    seq.set_epoch(np.int64(0))
    assert epoch_of(seq) == first


@pytest.mark.parametrize("workers", [0, 2])
def test_on_epoch_end_by_hand_reshuffles(workers: int) -> None:
    with Coded(50, workers=workers, **FULL) as seq:
        seq.on_epoch_begin()
        first = epoch_of(seq)
        seq.on_epoch_end()
        assert seq.epoch == 1
        assert epoch_of(seq) != first


def test_on_epoch_end_in_mid_epoch_by_hand_reshuffles_too() -> None:
    seq = Coded(50, **FULL)
    first = [codes(seq[0]), codes(seq[1])]
    seq.on_epoch_end()
    assert [codes(seq[0]), codes(seq[1])] != first


def test_an_overridden_on_epoch_end_reshuffles_by_super() -> None:
    class Mine(Coded):
        def on_epoch_end(self) -> None:
            self.ended = True
            super().on_epoch_end()

    class Deeper(Mine):
        def on_epoch_end(self) -> None:
            super().on_epoch_end()

    for kind in (Mine, Deeper):
        seq = kind(50, **FULL)
        seq.on_epoch_end()
        assert seq.epoch == 1
        assert seq.ended


def test_a_sequence_that_drives_another_reshuffles_it() -> None:
    inner = Coded(50, **FULL)

    class Outer(Coded):
        def on_epoch_end(self) -> None:
            super().on_epoch_end()
            inner.on_epoch_end()

    outer = Outer(50)
    outer.on_epoch_end()
    assert (outer.epoch, inner.epoch) == (1, 1)


def test_a_seed_left_out_is_governed_by_keras() -> None:
    def orders() -> list[list[int]]:
        keras.utils.set_random_seed(5)
        return [epoch_of(Coded(20, shuffle=True)) for _ in range(2)]

    first, second = orders()
    assert first != second
    assert orders() == [first, second]


# What Keras calls


def end_of_epoch(seq: Any) -> None:
    seq.on_epoch_end()


def a_pass(seq: Any, steps: Any) -> Any:
    seq.num_batches  # noqa: B018
    return [seq[step] for step in steps]


KERAS = "keras.src.trainers.data_adapters.py_dataset_adapter"
keras_ends_epoch = called_from(KERAS, end_of_epoch)
keras_passes = called_from(KERAS, a_pass)


def samples_of(batches: Any) -> list[int]:
    return [code for batch in batches for code in codes(batch)]


def test_under_keras_an_epoch_ends_with_its_last_batch() -> None:
    seq, by_hand = Coded(20, **FULL), Coded(20, **FULL)
    keras_ends_epoch(seq)  # As it does before the first epoch.
    for epoch in range(3):
        by_hand.set_epoch(epoch)
        assert samples_of(keras_passes(seq, range(4))) == epoch_of(by_hand)
        keras_ends_epoch(seq)
    assert seq.epoch == 3


def test_under_keras_a_pass_in_pieces_covers_every_sample_once() -> None:
    seq = Coded(20, **FULL)
    found = []
    keras_passes(seq, [])
    for steps in ([0, 1, 2], [3]):
        found += samples_of([called_from(KERAS, lambda s, i: s[i])(seq, i) for i in steps])
        keras_ends_epoch(seq)
    assert sorted(found) == list(range(20))
    assert seq.epoch == 1


def test_an_override_is_told_from_keras_own_call() -> None:
    class Mine(Coded):
        def on_epoch_end(self) -> None:
            super().on_epoch_end()

    seq = Mine(20, **FULL)
    keras_ends_epoch(seq)
    assert seq.epoch == 0


def get_tf_dataset(seq: Any) -> Any:
    return [seq[i] for i in range(seq.num_batches)][:2]


@pytest.mark.parametrize("n", [1, 10])
def test_the_signature_shows_which_axes_vary(n: int) -> None:
    """Keras on TensorFlow takes an axis to vary where its first two batches differ."""
    seq = Ragged(n, batch_size=1)
    first, second = called_from(KERAS, get_tf_dataset)(seq)
    assert first[0]["ids"].shape[1] % 2 == 0
    assert second[0]["ids"].shape[1] % 2 == 1
    assert seq.num_batches == n
    assert seq[0][0]["ids"].shape == (1, 1)


def test_keras_starts_no_workers_of_its_own() -> None:
    seq = Coded(10, workers=3, use_multiprocessing=False, max_queue_size=7)
    assert isinstance(seq, keras.utils.PyDataset)
    assert (seq.workers, seq.use_multiprocessing) == (1, False)
    assert seq.parallel == (3, False, 7)
    assert Coded(10, workers=3).parallel.max_queue_size == 5


# The same bytes


@ALL_KINDS
def test_a_batch_is_the_same_in_any_order_and_any_number_of_times(kind: str) -> None:
    for workers in (0, 2):
        with KINDS[kind](43, workers=workers, **FULL) as seq:
            batches = frozen_epoch(seq)
            order = np.random.default_rng(0).integers(0, len(seq), 40).tolist()
            assert all(frozen(seq[index]) == batches[index] for index in order)
            assert frozen_epoch(seq) == batches


@ALL_KINDS
def test_a_batch_is_the_same_from_any_thread(kind: str) -> None:
    for workers in (0, 2):
        with KINDS[kind](43, workers=workers, **FULL) as seq:
            batches = frozen_epoch(seq)

            def same(number: int, seq: Any = seq, batches: Any = batches) -> bool:
                order = np.random.default_rng(number).integers(0, len(seq), 30).tolist()
                return all(frozen(seq[index]) == batches[index] for index in order)

            assert [result for _, result in in_threads(same, range(4))] == [True] * 4


@ALL_KINDS
@pytest.mark.parametrize("workers", [1, 3, 7])
def test_workers_give_the_same_bytes(kind: str, workers: int) -> None:
    alone = KINDS[kind](43, **FULL)
    with KINDS[kind](43, workers=workers, **FULL) as seq:
        for epoch in (0, 1, 5):
            alone.set_epoch(epoch)
            seq.set_epoch(epoch)
            assert frozen_epoch(seq) == frozen_epoch(alone)


@ALL_KINDS
def test_a_batch_does_not_depend_on_the_batches_before(kind: str) -> None:
    batches = frozen_epoch(KINDS[kind](43, **FULL))
    for index in (8, 3):
        assert frozen(KINDS[kind](43, **FULL)[index]) == batches[index]


def test_a_batch_that_is_written_to_does_no_harm() -> None:
    for kind in (Coded, Bulk):
        seq = kind(64, batch_size=16)
        for index in [0, 1, 1, 2, 3, 3, 0, 1, 1]:
            batch = seq[index]
            assert codes(batch) == list(range(index * 16, index * 16 + 16))
            for leaf in leaves(batch):
                leaf[...] = -1


def test_the_epoch_may_change_while_batches_are_read_ahead() -> None:
    expected = []
    for epoch in (0, 1, 0):
        alone = Coded(43, **FULL)
        alone.set_epoch(epoch)
        expected.append([codes(alone[i]) for i in (0, 1, 2)])
    with Coded(43, workers=2, **FULL) as seq:
        found = []
        for epoch in (0, 1, 0):
            seq.set_epoch(epoch)
            found.append([codes(seq[i]) for i in (0, 1, 2)])
    assert found == expected


def test_augmentation_depends_on_seed_epoch_and_sample() -> None:
    def noise(seed: int, epoch: int, **order: Any) -> dict[int, bytes]:
        seq = Noisy(20, batch_size=6, seed=seed, **order)
        seq.set_epoch(epoch)
        rows: dict[int, bytes] = {}
        for index in range(len(seq)):
            inputs, targets = seq[index]
            rows |= {int(t): a.tobytes() for t, a in zip(targets, inputs["a"], strict=True)}
        return rows

    assert noise(1, 0) == noise(1, 0) == noise(1, 0, shuffle=True)
    for other in (noise(2, 0), noise(1, 1)):
        assert all(other[sample] != mine for sample, mine in noise(1, 0).items())


def test_augmentation_can_be_turned_off() -> None:
    assert Noisy(10).augments
    assert not Noisy(10, augmented=False).augments
    assert epoch_of(Noisy(10, augmented=False)) == list(range(10))
    assert not Coded(10).augments


def test_augment_sees_the_whole_sample() -> None:
    class Turned(Coded):
        def augment(self, sample: Any, rng: Any) -> Any:
            inputs, target = sample
            return {name: leaf + 1 for name, leaf in inputs.items()}, target + 1

    assert sorted(epoch_of(Turned(10, shuffle=True))) == list(range(1, 11))


def test_load_batch_is_left_out_where_samples_are_augmented() -> None:
    class Both(Bulk, Noisy):
        pass

    seq = Both(10, batch_size=4, seed=1)
    assert frozen_epoch(seq) == frozen_epoch(Noisy(10, batch_size=4, seed=1))
    assert seq.asked == []
    assert epoch_of(seq.replace(augmented=False)) == list(range(10))


def test_collate_makes_the_batch() -> None:
    class Summed(Coded):
        def collate(self, samples: Any) -> Any:
            return np.stack([inputs["a"].sum() for inputs, _ in samples]), np.zeros(len(samples))

    for workers in (0, 2):
        with Summed(10, batch_size=4, workers=workers) as seq:
            assert [batch[0].tolist() for batch in seq] == [
                [0, 3, 6, 9],
                [12, 15, 18, 21],
                [24, 27],
            ]
            assert seq[0][1].dtype == np.float32


# Where it is in memory


def shaped(*shapes: Any, **keywords: Any) -> MultiInputSequence:
    class Shaped(MultiInputSequence):
        def load_sample(self, index: int) -> Any:
            return tuple(np.full(shape, index, dtype) for shape, dtype in shapes), index

    return Shaped(100, **keywords)


@ALL_KINDS
@pytest.mark.parametrize("size", [1, 16, 33])
def test_every_numeric_array_is_aligned(kind: str, size: int) -> None:
    for settings in ({}, {"workers": 2}, {"shuffle": True}):
        with KINDS[kind](100, batch_size=size, **settings) as seq:
            kept = [seq[index] for index in range(len(seq))]  # So that memory is not used again.
            for batch in kept:
                numeric = [leaf for leaf in leaves(batch) if leaf.dtype.kind not in "US"]
                assert misaligned(tuple(numeric)) == []


@pytest.mark.parametrize("size", [1, 7, 33])
def test_aligned_whatever_the_shapes(size: int) -> None:
    seq = shaped(
        ((3,), "u1"), ((), "f4"), ((5, 7), "f8"), ((0,), "i4"), (1000, "f4"), batch_size=size
    )
    assert [misaligned(batch) for batch in seq] == [[]] * len(seq)


@pytest.mark.parametrize("size", [1, 16, 33, 64])
@pytest.mark.parametrize("rows", ["ordinary", "aligned", "float64", "transposed", "readonly"])
def test_aligned_whatever_load_batch_returns(rows: str, size: int) -> None:
    class Returns(MultiInputSequence):
        def load_sample(self, index: int) -> Any:
            return np.full(3, index, np.float32)

        def load_batch(self, indices: Any) -> Any:
            found = np.empty((len(indices) + 1, 3), np.float32)[1:]
            if rows == "aligned":
                found = aligned_empty((len(indices), 3), "float32")
            elif rows == "transposed":
                found = np.empty((3, len(indices)), np.float32).T
            found[...] = indices[:, None]
            found.flags.writeable = rows != "readonly"
            return found.astype("float64") if rows == "float64" else found

    for workers in (0, 2):
        with Returns(200, batch_size=size, workers=workers) as seq:
            batches = [seq[index] for index in range(len(seq))]
            assert [code for batch in batches for code in codes(batch)] == list(range(200))
            assert [misaligned(batch) for batch in batches] == [[]] * len(seq)
            assert {(b[0].dtype.str, b[0].flags.writeable) for b in batches} == {("<f4", True)}


def test_aligned_memory_from_load_batch_is_handed_on_without_a_copy() -> None:
    made = []

    class Makes(MultiInputSequence):
        def load_sample(self, index: int) -> Any:
            return np.full(3, index, np.float32)

        def load_batch(self, indices: Any) -> Any:
            made.append(aligned_empty((len(indices), 3), "float32"))
            made[-1][...] = indices[:, None]
            return made[-1]

    seq = Makes(99, batch_size=33)
    assert [np.shares_memory(seq[index][0], made[index]) for index in range(3)] == [True] * 3


def test_float64_becomes_keras_floatx() -> None:
    assert shaped(((2,), "f8"))[0][0][0].dtype == "float32"
    keras.config.set_floatx("float16")
    try:
        assert shaped(((2,), "f8"))[0][0][0].dtype == "float16"
    finally:
        keras.config.set_floatx("float32")


@pytest.mark.parametrize("dtype", ["f4", "f2", "u1", "i8", "i4", "bool", "c8"])
def test_other_dtypes_stay(dtype: str) -> None:
    assert shaped(((2,), dtype))[0][0][0].dtype == dtype


def test_a_declared_dtype_wins() -> None:
    seq = shaped(((2,), "i8"), spec=((Spec((2,), "int8"),), Spec((), "float32")))
    assert [leaf.dtype.str for leaf in leaves(seq[0])] == ["|i1", "<f4"]


def test_scalars_make_one_axis() -> None:
    class Scalars(MultiInputSequence):
        def load_sample(self, index: int) -> Any:
            return {"int": index, "float": index / 2, "bool": index > 1}, np.float32(index)

    ((inputs, targets),) = Scalars(3)
    assert [inputs[name].tolist() for name in inputs] == [
        [0, 1, 2],
        [0, 0.5, 1],
        [False, False, True],
    ]
    assert [leaf.shape for leaf in leaves((inputs, targets))] == [(3,)] * 4
    assert inputs["float"].dtype == np.float32


def test_batches_are_tuples_and_never_hold_lists() -> None:
    for sample, parts in [(0.0, 1), ((0.0,), 1), ((0.0, 1.0), 2), ((0.0, 1.0, 2.0), 3)]:
        seq = type("Any", (MultiInputSequence,), {"load_sample": lambda s, i, x=sample: x})(3)
        assert type(seq[0]) is tuple
        assert len(seq[0]) == parts


# Variable axes


def test_padded_to_the_longest_of_the_batch() -> None:
    seq = Ragged(10, batch_size=2)
    assert [batch[0]["ids"].shape[1] for batch in seq] == [3, 5, 4, 5, 4]
    assert seq[0][0]["ids"].tolist() == [[1, 0, 0], [2, 2, 2]]


@pytest.mark.parametrize("workers", [0, 2])
def test_padded_to_max_length(workers: int) -> None:
    spec = {"ids": Spec((None,), "int64", "pre", -1, max_length=6)}
    with Ragged(10, batch_size=2, spec=spec, workers=workers) as seq:
        assert [batch[0]["ids"].shape for batch in seq] == [(2, 6)] * 5
        assert seq[0][0]["ids"].tolist() == [[-1] * 5 + [1], [-1] * 3 + [2] * 3]


def test_two_variable_axes() -> None:
    class Grids(MultiInputSequence):
        def load_sample(self, index: int) -> Any:
            return np.full((1 + index % 2, 3 - index % 3), index + 1, np.int32)

    seq = Grids(6, batch_size=2, spec=Spec((None, None), "int32"))
    assert [batch[0].shape for batch in seq] == [(2, 2, 3), (2, 2, 3), (2, 2, 2)]
    assert seq[0][0].tolist() == [[[1, 1, 1], [0, 0, 0]], [[2, 2, 0], [2, 2, 0]]]


def test_texts_of_any_length() -> None:
    seq = Words(5, batch_size=4)
    assert seq[0][0]["word"].tolist() == ["word 0", "word x1", "word xx2", "word xxx3"]
    assert seq[1][0]["word"].tolist() == ["word 4"]


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
    assert repr(Coded(10, batch_size=4)) == "<Coded: 10 samples in batches of 4>"


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
    "subset": lambda seq: seq.subset(slice(None)),
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
