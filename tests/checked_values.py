"""Several outputs, values and other things that do not go with a model."""

from __future__ import annotations

import numpy as np
import pandas as pd
from backends import keras
from checked import (
    BINARY,
    CLASSES,
    IMAGES,
    REAL,
    TWO_LOSSES,
    Branched,
    L,
    N,
    Pair,
    X,
    Z,
    broken,
    compiled,
    dense,
    looked_up,
    outputs,
    pictures,
    two,
)

from multiseq import ArraySequence, TableSequence, TextSequence, Vocabulary, join

# Several outputs.


@broken("has an output 'kind', and the targets have none")
def target_misspelled() -> Pair:
    return ArraySequence({"a": X}, {"size": REAL, "kinds": CLASSES}), outputs(TWO_LOSSES)


@broken("has an output 'kind', and the targets have none")
def target_missing() -> Pair:
    return ArraySequence({"a": X}, {"size": REAL}), outputs(TWO_LOSSES, dict)


@broken("no such output")
def target_too_many() -> Pair:
    y = {"size": REAL, "kind": CLASSES, "color": BINARY}
    return ArraySequence({"a": X}, y), outputs(TWO_LOSSES)


@broken("differ in number")
def one_target_for_two() -> Pair:
    return ArraySequence({"a": X}, REAL), outputs(TWO_LOSSES)


@broken("alphabetical order")
def tuple_for_named_outputs() -> Pair:
    return ArraySequence({"a": X}, (REAL, CLASSES)), outputs(TWO_LOSSES, dict)


@broken("compile was given a loss for 'sizes'")
def loss_misspelled() -> Pair:
    losses = {"sizes": "mse", "kind": "sparse_categorical_crossentropy"}
    return ArraySequence({"a": X}, {"size": REAL, "kind": CLASSES}), outputs(losses)


@broken("one output without a name")
def names_for_one_output() -> Pair:
    return ArraySequence(X, {"y": REAL}), dense()


# Values.


@broken("NaN among the inputs")
def nan() -> Pair:
    x = X.copy()
    x[5, 2] = np.nan
    return ArraySequence({"a": x, "b": Z}, REAL), two()


@broken("infinity among the inputs")
def infinity() -> Pair:
    x = X.copy()
    x[50] = np.inf
    return ArraySequence(x, REAL), dense()


@broken("targets hold NaN")
def nan_as_target() -> Pair:
    y = REAL.copy()
    y[3] = np.nan
    return ArraySequence(X, y), dense()


@broken("same in all samples")
def constant() -> Pair:
    return ArraySequence({"a": X, "b": np.zeros_like(Z)}, REAL), two()


@broken("is the same as")
def same_twice() -> Pair:
    return ArraySequence({"a": X, "b": X}, REAL), two()


@broken("the input holds the target itself, as its number 3")
def leak() -> Pair:
    return ArraySequence(np.c_[X[:, :3], REAL].astype("float32"), REAL), dense()


@broken("pixels from 0 to 255")
def raw_pixels() -> Pair:
    return ArraySequence((IMAGES * 255).astype("uint8"), REAL), pictures()


@broken("scaled twice")
def scaled_twice() -> Pair:
    return ArraySequence(IMAGES, REAL), pictures(first=L.Rescaling(1 / 255))


@broken("standardized twice")
def standardized_twice() -> Pair:
    layer = L.Normalization()
    layer.adapt(X * 3 + 50)
    model = compiled(keras.Sequential([keras.Input((4,)), layer, L.Dense(1)]))
    return ArraySequence(X, REAL), model


@broken("as they are")
def huge() -> Pair:
    return ArraySequence(X * 1e7, REAL), dense()


@broken("weights are negative")
def negative_weights() -> Pair:
    return ArraySequence(X, REAL, sample_weight=REAL), dense()


@broken("weights are 0")
def weights_of_zero() -> Pair:
    return ArraySequence(X, REAL, sample_weight=np.zeros(N)), dense()


# The rest.


@broken("learned nothing yet")
def not_adapted() -> Pair:
    return join(ids=TextSequence(["a b"] * N, REAL, tokenizer=Vocabulary())), looked_up()


@broken("without a loss")
def no_loss() -> Pair:
    return ArraySequence(X, REAL), dense(loss=None)


@broken("not compiled")
def not_compiled() -> Pair:
    return ArraySequence(X, REAL), keras.Sequential([keras.Input((4,)), L.Dense(1)])


@broken("cannot be called")
def fails_inside() -> Pair:
    model = keras.Sequential([L.Conv1D(4, 3), L.Flatten(), L.Dense(1)])
    return ArraySequence(X, REAL), compiled(model)


@broken("losses are a list, and outputs a dict")
def losses_in_turn_for_named_outputs() -> Pair:
    losses = ["mse", "sparse_categorical_crossentropy"]
    return ArraySequence({"a": X}, {"size": REAL, "kind": CLASSES}), outputs(losses, dict)


@broken("call the data's inputs what the model asks for")
def a_subclass_that_asks_for_another_name() -> Pair:
    return ArraySequence({"a": X, "c": Z}, REAL), compiled(Branched(1))


@broken("there is no batch")
def fewer_samples_than_a_batch() -> Pair:
    return ArraySequence(X, REAL, batch_size=128, drop_last=True), dense()


@broken("metrics for 'kinds'")
def metrics_misspelled() -> Pair:
    model = outputs(TWO_LOSSES)
    compiled(model, TWO_LOSSES, metrics={"kinds": ["accuracy"]})
    return ArraySequence({"a": X}, {"size": REAL, "kind": CLASSES}), model


@broken("no sample weights")
def weighted_metrics_without_weights() -> Pair:
    model = keras.Sequential([keras.Input((4,)), L.Dense(1)])
    return ArraySequence(X, REAL), compiled(model, weighted_metrics=["mae"])


@broken("far from those that Standardize has learned from")
def other_units_than_in_training() -> Pair:
    table = pd.DataFrame({"height": REAL})
    train = TableSequence(table, REAL, numeric={"height": ["height"]})
    train.adapt(progress=False)
    table["height"] = table["height"] * 100 + 170
    learned = {"height": train.transforms["height"]}
    seq = TableSequence(table, REAL, numeric={"height": ["height"]}, transforms=learned)
    height = keras.Input((1,), name="height")
    return seq, compiled(keras.Model(height, L.Dense(1)(height)))
