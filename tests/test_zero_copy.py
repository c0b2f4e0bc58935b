"""The memory of our batches is the memory that the model computes on: nobody copies it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from backends import BACKEND, LEGACY, Codes, Numbered, keras, nothing
from coded import leaves

from multiseq import ArraySequence, MultiInputSequence
from multiseq.engine.runtime import Runtime

pytestmark = pytest.mark.backend

N, BATCH = 50, 8


def address(array: Any) -> int:
    """Where the first byte of an array of any of the backends is."""
    if isinstance(array, np.ndarray):
        return int(array.__array_interface__["data"][0])
    if hasattr(array, "data_ptr"):
        return int(array.data_ptr())
    if hasattr(array, "unsafe_buffer_pointer"):
        return int(array.unsafe_buffer_pointer())
    return address(np.asarray(memoryview(array)))


class Watching(keras.Model):  # type: ignore[misc]
    """Notes where the arrays are that its training step is given."""

    def __init__(self) -> None:
        super().__init__()
        self.codes = Codes()
        self.taken: list[int] = []

    def call(self, inputs: Any) -> Any:
        return self.codes(list(inputs.values()))

    def train_step(self, *state_and_data: Any) -> Any:
        # tf_keras makes a copy of each array of floats, whatever it is.
        arrays = [
            a for a in leaves(tuple(state_and_data[-1])) if not (LEGACY and a.dtype.is_floating)
        ]
        self.taken += [address(array) for array in arrays]
        return super().train_step(*state_and_data)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The arrays that were handed to Keras, kept so that no two have the same address."""
    batch = Runtime.batch
    kept: list[Any] = []

    def spy(self: Runtime, *args: Any) -> Any:
        kept.extend(leaves(made := batch(self, *args)))
        return made

    monkeypatch.setattr(Runtime, "batch", spy)
    return kept


def rows(**keywords: Any) -> ArraySequence:
    codes = np.arange(N)
    a = np.repeat(codes[:, None], 3, 1).astype("f4")
    b = np.repeat(codes, 4).reshape(N, 2, 2).astype("i4")
    return ArraySequence({"a": a, "b": b}, codes.astype("f4"), **keywords)


def numbered(**keywords: Any) -> Numbered:
    return Numbered(N, **keywords)


@pytest.mark.parametrize("make", [rows, numbered])
@pytest.mark.parametrize("workers", [0, 2])
def test_the_training_step_gets_our_memory(make: Any, workers: int, served: list[Any]) -> None:
    model = Watching()
    model.compile("sgd", nothing, run_eagerly=True)
    seq: MultiInputSequence = make(batch_size=BATCH, shuffle=True, seed=1, workers=workers)
    model.fit(seq, verbose=0)
    ours = {address(array) for array in served}
    assert len(model.taken) == len(seq) * (1 if LEGACY else 3)
    assert set(model.taken) <= ours


@pytest.mark.skipif(BACKEND != "jax", reason="of JAX")
@pytest.mark.parametrize("make", [rows, numbered])
def test_jax_puts_our_memory_on_its_device(make: Any) -> None:
    import jax

    for batch in make(batch_size=BATCH):
        for array in leaves(batch):
            assert address(jax.device_put(array)) == address(array)


def misaligned(array: Any) -> Any:
    """A copy of an array 4 bytes past where it should be, as small arrays of NumPy may be."""
    memory = np.empty(array.nbytes + 128, np.uint8)
    start = -address(memory) % 64 + 4
    copy = memory[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


@pytest.mark.skipif(BACKEND == "torch", reason="torch takes any memory")
def test_other_memory_would_be_copied() -> None:
    """Or the tests above would show nothing."""
    array = misaligned(numbered(batch_size=BATCH)[0][0]["b"])
    if BACKEND == "jax":
        import jax

        taken = jax.device_put(array)
    else:
        import tensorflow as tf

        spec = tf.TensorSpec(array.shape, array.dtype)
        taken = next(iter(tf.data.Dataset.from_generator(lambda: [array], output_signature=spec)))
    assert address(taken) != address(array)


def test_by_hand_there_are_numpy_arrays() -> None:
    seq = numbered(batch_size=BATCH)
    for batch in (seq[0], next(iter(seq))):
        assert {type(array) for array in leaves(batch)} == {np.ndarray}
