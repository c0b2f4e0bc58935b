"""Targets that do not go with an output, or with its loss."""

from __future__ import annotations

from typing import Any

import numpy as np
from backends import keras
from checked import (
    BINARY,
    CLASSES,
    IMAGES,
    MASKS,
    ONEHOT,
    REAL,
    Branched,
    L,
    N,
    Pair,
    X,
    Z,
    broken,
    compiled,
    dense,
    rng,
    segmented,
    two,
)

from multiseq import ArraySequence, MultiInputSequence

# Targets.


@broken("there are no targets")
def no_targets() -> Pair:
    return ArraySequence({"a": X, "b": Z}), two()


@broken("targets are one-hot")
def onehot_for_sparse() -> Pair:
    return ArraySequence(X, ONEHOT), dense(3, "softmax", "sparse_categorical_crossentropy")


@broken("targets are numbers of classes")
def numbers_for_onehot() -> Pair:
    return ArraySequence(X, CLASSES), dense(3, "softmax", "categorical_crossentropy")


@broken("number the classes from 0")
def classes_from_one() -> Pair:
    return ArraySequence(X, CLASSES + 1), dense(3, "softmax", "sparse_categorical_crossentropy")


@broken("without holes")
def classes_with_holes() -> Pair:
    y = np.array([3, 17, 40])[CLASSES]
    return ArraySequence(X, y), dense(3, "softmax", "sparse_categorical_crossentropy")


@broken("have 3 units")
def more_classes_than_units() -> Pair:
    return ArraySequence(X, CLASSES), dense(2, "softmax", "sparse_categorical_crossentropy")


@broken("not that of the output")
def onehot_wider_than_units() -> Pair:
    return ArraySequence(X, ONEHOT), dense(5, "softmax", "categorical_crossentropy")


@broken("rows of targets are not 1 in all")
def several_labels_at_once() -> Pair:
    y = rng.integers(0, 2, (N, 3)).astype("float32")
    return ArraySequence(X, y), dense(3, "softmax", "categorical_crossentropy")


@broken("(y + 1) / 2")
def minus_one_and_one() -> Pair:
    return ArraySequence(X, BINARY * 2 - 1), dense(1, "sigmoid", "binary_crossentropy")


@broken("number the two classes 0 and 1")
def one_and_two() -> Pair:
    return ArraySequence(X, BINARY + 1), dense(1, "sigmoid", "binary_crossentropy")


@broken("divide by 255")
def masks_up_to_255() -> Pair:
    return ArraySequence(IMAGES, MASKS * 255), segmented()


@broken("of several classes")
def classes_for_a_sigmoid() -> Pair:
    return ArraySequence(X, CLASSES), dense(1, "sigmoid", "binary_crossentropy")


@broken("softmax of one unit")
def softmax_of_one() -> Pair:
    return ArraySequence(X, BINARY), dense(1, "softmax", "binary_crossentropy")


@broken("applied twice")
def sigmoid_twice() -> Pair:
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    return ArraySequence(X, BINARY), dense(1, "sigmoid", loss)


@broken("applied twice")
def softmax_twice() -> Pair:
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return ArraySequence(X, CLASSES), dense(3, "softmax", loss)


@broken("takes probabilities")
def no_sigmoid() -> Pair:
    return ArraySequence(X, BINARY), dense(1, None, "binary_crossentropy")


@broken("takes probabilities")
def no_softmax() -> Pair:
    return ArraySequence(X, CLASSES), dense(3, None, "sparse_categorical_crossentropy")


@broken("takes probabilities")
def no_softmax_in_a_subclass() -> Pair:
    model = compiled(Branched(3), "sparse_categorical_crossentropy")
    model({"a": X[:2], "b": Z[:2]})
    return ArraySequence({"a": X, "b": Z}, CLASSES), model


@broken("cannot reach the targets")
def quantities_for_a_sigmoid() -> Pair:
    return ArraySequence(X, REAL), dense(1, "sigmoid", "mse")


@broken("cannot reach the targets")
def below_zero_for_relu() -> Pair:
    return ArraySequence(X, REAL), dense(1, "relu", "mae")


@broken("below 0")
def below_zero_for_poisson() -> Pair:
    return ArraySequence(X, REAL), dense(1, None, "poisson")


@broken("each with each")
def three_targets_one_unit() -> Pair:
    return ArraySequence(X, rng.normal(size=(N, 3))), dense(1)


@broken("not that of the output")
def one_target_three_units() -> Pair:
    return ArraySequence(X, REAL[:, None]), dense(3)


@broken("not that of the output")
def a_target_for_each_step() -> Pair:
    x = rng.normal(size=(N, 6, 4)).astype("float32")
    model = compiled(keras.Sequential([keras.Input((6, 4)), L.LSTM(3), L.Dense(1)]))
    return ArraySequence(x, rng.normal(size=(N, 6))), model


class Animals(MultiInputSequence):
    """Targets that are text, which is seen when a sample is loaded."""

    def load_sample(self, index: int) -> Any:
        return X[index], ("cat", "dog", "owl")[CLASSES[index]]


@broken("targets is text")
def text_as_targets() -> Pair:
    return Animals(N), dense(3, "softmax", "sparse_categorical_crossentropy")


@broken("fractions")
def quantities_for_sparse() -> Pair:
    return ArraySequence(X, REAL), dense(3, "softmax", "sparse_categorical_crossentropy")


@broken("all targets are alike")
def targets_alike() -> Pair:
    return ArraySequence(X, np.zeros(N)), dense(1, "sigmoid", "binary_crossentropy")


@broken("a softmax is: it cannot reach them")
def softmax_of_several_labels() -> Pair:
    y = (np.arange(N)[:, None] % 4 > np.arange(3)).astype("float32")
    return ArraySequence(X, y), dense(3, "softmax", "binary_crossentropy")


@broken("kl_divergence takes probabilities")
def no_softmax_for_shares() -> Pair:
    return ArraySequence(X, ONEHOT * 0.8 + 0.2 / 3), dense(3, None, "kl_divergence")


@broken("of one unit is always 0")
def onehot_loss_for_one_unit() -> Pair:
    return ArraySequence(X, BINARY), dense(1, "sigmoid", "categorical_crossentropy")
