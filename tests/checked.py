"""Data and models that do not go together, and such that do: what `check` is held to.

Each is a function that returns (sequence, model); those that are broken come with the words that
the report must say.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from backends import keras

L: Any = keras.layers
N = 96
rng = np.random.default_rng(7)
X = rng.normal(size=(N, 4)).astype("float32")
Z = rng.normal(size=(N, 4)).astype("float32")
REAL = (X.sum(1) + Z[:, 0] + rng.normal(size=N)).astype("float32")
CLASSES = rng.integers(0, 3, N)
BINARY = rng.integers(0, 2, N)
IDS = rng.integers(0, 20, (N, 6))
IMAGES = rng.random((N, 8, 8, 3)).astype("float32")
MASKS = rng.integers(0, 2, (N, 8, 8, 1)).astype("float32")
ONEHOT = np.eye(3, dtype="float32")[CLASSES]

Pair = tuple[Any, Any]
BROKEN: dict[str, tuple[str, Callable[[], Pair]]] = {}
VALID: dict[str, Callable[[], Pair]] = {}


def broken(said: str) -> Callable[[Callable[[], Pair]], Callable[[], Pair]]:
    """Notes a pair that does not go together, and what the report must say of it."""

    def note(function: Callable[[], Pair]) -> Callable[[], Pair]:
        BROKEN[function.__name__] = said, function
        return function

    return note


def valid(function: Callable[[], Pair]) -> Callable[[], Pair]:
    """Notes a pair that goes together."""
    VALID[function.__name__] = function
    return function


def dense(units: int = 1, activation: str | None = None, loss: Any = "mse", inputs: int = 4) -> Any:
    """A stack of one layer."""
    layers = [keras.Input((inputs,)), L.Dense(units, activation=activation)]
    return compiled(keras.Sequential(layers), loss)


def compiled(model: Any, loss: Any = "mse", **keywords: Any) -> Any:
    model.compile(optimizer="sgd", loss=loss, **keywords)
    return model


def two(units: int = 1, loss: Any = "mse", struct: type = list, activation: Any = None) -> Any:
    """Two inputs of equal shape."""
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    made = L.Dense(units, activation=activation)(L.Concatenate()([a, b]))
    return compiled(keras.Model([a, b] if struct is list else {"b": b, "a": a}, made), loss)


def outputs(loss: Any, struct: type = list) -> Any:
    """One input, and two outputs: a number and three classes."""
    a = keras.Input((4,), name="a")
    size = L.Dense(1, name="size")(a)
    kind = L.Dense(3, activation="softmax", name="kind")(a)
    made = [size, kind] if struct is list else {"size": size, "kind": kind}
    return compiled(keras.Model(a, made), loss)


def looked_up(size: int = 20, dtype: str = "int32") -> Any:
    ids = keras.Input((6,), dtype=dtype, name="ids")
    made = L.GlobalAveragePooling1D()(L.Embedding(size, 4)(ids))
    return compiled(keras.Model(ids, L.Dense(1)(made)))


def pictures(loss: Any = "mse", units: int = 1, activation: Any = None, first: Any = None) -> Any:
    layers = [keras.Input((8, 8, 3)), *([first] if first else []), L.Conv2D(4, 3)]
    layers += [L.GlobalAveragePooling2D(), L.Dense(units, activation=activation)]
    return compiled(keras.Sequential(layers), loss)


TWO_LOSSES = {"size": "mse", "kind": "sparse_categorical_crossentropy"}


def segmented(loss: Any = "binary_crossentropy", units: int = 1) -> Any:
    last = L.Conv2D(units, 1, activation="sigmoid" if units == 1 else "softmax")
    return compiled(
        keras.Sequential([keras.Input((8, 8, 3)), L.Conv2D(4, 3, padding="same"), last]), loss
    )


class Looked(keras.Model):  # type: ignore[misc]
    """A subclass that looks ids up."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.table, self.last = L.Embedding(size, 4), L.Dense(1)

    def call(self, inputs: Any) -> Any:
        return self.last(self.table(inputs)[:, 0])


class Branched(keras.Model):  # type: ignore[misc]
    """A subclass with two inputs by name."""

    def __init__(self, units: int, activation: str | None = None) -> None:
        super().__init__()
        self.units, self.activation = units, activation
        self.last = L.Dense(units, activation=activation)

    def call(self, inputs: Any) -> Any:
        return self.last(inputs["a"] + inputs["b"])


class OwnStep(keras.Model):  # type: ignore[misc]
    """A model that trains in its own way."""

    def __init__(self) -> None:
        super().__init__()
        self.last = L.Dense(2)
        self.compile(optimizer="sgd")

    def call(self, inputs: Any) -> Any:
        return self.last(inputs)

    def train_step(self, *args: Any) -> Any:
        return {}
