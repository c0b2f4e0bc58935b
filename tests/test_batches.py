"""sequence: the bytes of a batch, whatever the workers, and where they are in memory."""

from __future__ import annotations

from typing import Any

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
    codes,
    epoch_of,
    frozen,
    frozen_epoch,
    in_threads,
    leaves,
    misaligned,
)

from multiseq import MultiInputSequence, Spec, aligned_empty

ALL_KINDS = pytest.mark.parametrize("kind", KINDS)
FULL: dict[str, Any] = {"batch_size": 5, "shuffle": True, "seed": 3}

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


@pytest.mark.parametrize("dtype", ["f4", "f2", "u1", "i8", "i4", "bool"])
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
