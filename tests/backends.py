"""The Keras under test, which the environment chooses, and models that record what they are fed.

`KERAS_BACKEND` (tensorflow, jax, torch) chooses the backend of Keras 3; `TF_USE_LEGACY_KERAS=1`
chooses tf_keras. The same tests run on all four, and nothing here replaces a part of Keras:
the recorder is a metric, so it sees what a compiled training step sees.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from multiseq import MultiInputSequence, Spec

__all__ = [
    "BACKEND",
    "BATCH",
    "LEGACY",
    "N",
    "VALIDATION",
    "Codes",
    "Lengths",
    "Numbered",
    "Probe",
    "Unbuilt",
    "amean",
    "batches_of",
    "flat",
    "keras",
    "not_legacy",
    "nothing",
    "only_legacy",
    "ran_out",
    "shuffled",
    "whole_batches",
]

LEGACY = os.environ.get("TF_USE_LEGACY_KERAS", "").lower() in ("1", "true")
if LEGACY:
    import tensorflow as tf
    import tf_keras as keras

    ops: Any = tf
    amax, amean, arange, concatenate = tf.reduce_max, tf.reduce_mean, tf.range, tf.concat
else:
    import keras

    ops = keras.ops
    amax, amean, arange, concatenate = ops.max, ops.mean, ops.arange, ops.concatenate
BACKEND: str = "tf_keras" if LEGACY else keras.backend.backend()

not_legacy = pytest.mark.skipif(LEGACY, reason="Keras 3 alone behaves so")
only_legacy = pytest.mark.skipif(not LEGACY, reason="tf_keras alone behaves so")
# Keras says so whenever the number of steps is no multiple, or more, than there are batches.
ran_out = pytest.mark.filterwarnings("ignore:Your input ran out of data:UserWarning")

VALIDATION = 1000
"""Codes of validation samples start here."""

_CAPACITY = 2048


class Numbered(MultiInputSequence):
    """Sample i is full of the number first + i, in each input and in the target.

    Args:
        n: Number of samples.
        form: "array", "tuple" or "dict": what the inputs are.
        first: The number of the first sample.
    """

    def __init__(self, n: int, form: str = "dict", first: int = 0, **keywords: Any) -> None:
        super().__init__(n, **keywords)
        self.form, self.first = form, first

    def load_sample(self, index: int) -> Any:
        code = self.first + index
        a, b = np.full(3, code, np.float32), np.full((2, 2), code, np.int32)
        inputs: Any = {"array": a, "tuple": (a, b), "dict": {"a": a, "b": b}}[self.form]
        return inputs, np.float32(code)


class Lengths(MultiInputSequence):
    """Sample i is its number, as often as `lengths[i]` says; padded with 0."""

    def __init__(self, lengths: Sequence[int], first: int = 0, **keywords: Any) -> None:
        super().__init__(len(lengths), spec=({"t": Spec((None,), "int32")},), **keywords)
        self.lengths, self.first = lengths, first

    def load_sample(self, index: int) -> Any:
        code = self.first + index
        return {"t": np.full(self.lengths[index], code)}, np.float32(code)


class Codes(keras.layers.Layer):  # type: ignore[misc]
    """The number that each of its inputs is full of, as (batch, inputs)."""

    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")
        self.built = True

    def call(self, inputs: Any) -> Any:
        parts = inputs if isinstance(inputs, list | tuple) else [inputs]
        codes = [
            ops.cast(amax(part, axis=tuple(range(1, len(part.shape)))), "float32") for part in parts
        ]
        return self.scale * concatenate([code[:, None] for code in codes], axis=-1)


class Unbuilt(keras.Model):  # type: ignore[misc]
    """A subclassed model, built when it sees data."""

    def __init__(self) -> None:
        super().__init__()
        self.codes = Codes()

    def call(self, inputs: Any) -> Any:
        return self.codes(list(inputs.values()) if isinstance(inputs, dict) else inputs)


class Record(keras.metrics.Metric):  # type: ignore[misc]
    """Keeps every row it is shown, target first, in order; resetting does not empty it."""

    def __init__(self, columns: int) -> None:
        super().__init__(name="record", dtype="float32")
        self.rows = self.add_weight(
            shape=(_CAPACITY, columns), initializer="zeros", name="rows", dtype="float32"
        )
        self.count = self.add_weight(shape=(), initializer="zeros", name="n", dtype="float32")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        rows = concatenate([ops.reshape(y_true, (-1, 1)), y_pred], axis=-1)
        number = ops.shape(rows)[0]
        places = ops.cast(self.count, "int32") + arange(number)
        self.rows.assign_add(
            ops.matmul(ops.transpose(ops.one_hot(places, _CAPACITY)), ops.cast(rows, "float32"))
        )
        self.count.assign_add(ops.cast(number, "float32"))

    def result(self) -> Any:
        return self.count + 0

    def reset_state(self) -> None:
        """Keras resets metrics at each epoch and evaluation; the record goes on."""


def nothing(y_true: Any, y_pred: Any) -> Any:
    """A loss of 0, whose gradient is 0: the model goes on telling the numbers."""
    return 0.0 * amean(y_pred, axis=-1)


N, BATCH = 50, 8  # 7 batches, the last of 2 samples.


def shuffled(n: int = N, **keywords: Any) -> Numbered:
    """Numbered samples in an order of each epoch's own."""
    return Numbered(n, **({"batch_size": BATCH, "shuffle": True, "seed": 5} | keywords))


class Probe:
    """A model that says which samples it was fed, and in which order.

    Args:
        model: Gives a number for each of its inputs.
        columns: How many inputs.
    """

    def __init__(self, model: Any, columns: int) -> None:
        self.model, self._record = model, Record(1 + columns)
        model.compile(optimizer=keras.optimizers.SGD(0.01), loss=nothing, metrics=[self._record])

    @classmethod
    def for_form(cls, form: str) -> Probe:
        """For a `Numbered` sequence of that form."""
        a, b = keras.Input((3,), name="a"), keras.Input((2, 2), name="b", dtype="int32")
        inputs: Any = {"array": a, "tuple": (a, b), "dict": {"a": a, "b": b}}[form]
        leaves = [a] if form == "array" else [a, b]
        return cls(keras.Model(inputs, Codes()(leaves)), len(leaves))

    @classmethod
    def for_lengths(cls) -> Probe:
        """For a `Lengths` sequence."""
        t = keras.Input((None,), name="t", dtype="int32")
        return cls(keras.Model({"t": t}, Codes()([t])), 1)

    def fit(self, seq: Any, **keywords: Any) -> list[int]:
        """Fits, and returns the samples that reached the model meanwhile, validation too."""
        self.clear()
        self.model.fit(seq, verbose=0, **keywords)
        return self.seen()

    def evaluate(self, seq: Any, **keywords: Any) -> list[int]:
        """Evaluates, and returns the samples that reached the model."""
        self.clear()
        self.model.evaluate(seq, verbose=0, **keywords)
        return self.seen()

    def predict(self, seq: Any, **keywords: Any) -> list[int]:
        """Predicts, and returns the samples that the predictions are of, row by row."""
        return _numbers(self.model.predict(seq, verbose=0, **keywords))

    def seen(self) -> list[int]:
        """The samples that reached the training or test step, in order."""
        count = int(_numpy(self._record.count))
        assert count <= _CAPACITY
        return _numbers(_numpy(self._record.rows)[:count])

    def clear(self) -> None:
        """Forgets them."""
        for variable in (self._record.rows, self._record.count):
            variable.assign(np.zeros(variable.shape, np.float32))


def _numpy(variable: Any) -> Any:
    return np.array(variable if LEGACY else ops.convert_to_numpy(variable))


def _numbers(rows: Any) -> list[int]:
    assert (rows == rows[:, :1]).all(), "the inputs or the target of a row are of another sample"
    return [int(code) for code in rows[:, 0]]


def batches_of(seq: MultiInputSequence, epoch: int) -> list[list[int]]:
    """The samples in each batch of an epoch, by a plain loop by hand."""
    copy = seq.replace()
    copy.set_epoch(epoch)
    return [[int(code) for code in copy[i][1]] for i in range(len(copy))]


def flat(seq: MultiInputSequence, *epochs: int) -> list[int]:
    """The samples of these epochs, one after the other."""
    return [code for epoch in epochs for batch in batches_of(seq, epoch) for code in batch]


def whole_batches(rows: list[int], seq: MultiInputSequence, epoch: int) -> bool:
    """Whether rows are exactly the batches of an epoch, in whichever order."""
    left = batches_of(seq, epoch)
    while rows and left:
        batch = next((each for each in left if rows[: len(each)] == each), None)
        if batch is None:
            return False
        left.remove(batch)
        rows = rows[len(batch) :]
    return not rows and not left
