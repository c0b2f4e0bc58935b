"""Pairs that go together: nothing is found."""

from __future__ import annotations

from typing import Any

import numpy as np
from backends import keras
from checked import (
    BINARY,
    CLASSES,
    IDS,
    IMAGES,
    MASKS,
    ONEHOT,
    REAL,
    TWO_LOSSES,
    Branched,
    L,
    N,
    OwnStep,
    Pair,
    X,
    Z,
    compiled,
    dense,
    looked_up,
    outputs,
    pictures,
    rng,
    segmented,
    two,
    valid,
)

from multiseq import ArraySequence, Spec, TextSequence, Vocabulary, join

# Pairs that go together.


@valid
def by_name() -> Pair:
    return ArraySequence({"b": Z, "a": X}, REAL, shuffle=True), two()


@valid
def by_name_for_a_dict() -> Pair:
    return ArraySequence({"a": X, "b": Z}, REAL), two(struct=dict)


@valid
def in_turn() -> Pair:
    return ArraySequence((X, Z), REAL), two()


@valid
def in_turn_with_names() -> Pair:
    return join(ArraySequence(X, name="a"), ArraySequence(Z, name="b"), targets=REAL), two()


@valid
def a_column_of_targets() -> Pair:
    return ArraySequence(X, REAL[:, None]), dense()


@valid
def a_last_axis_of_one() -> Pair:
    x = X[:, 0]
    return ArraySequence(x, REAL), dense(inputs=1)


@valid
def sparse() -> Pair:
    return ArraySequence(X, CLASSES), dense(3, "softmax", "sparse_categorical_crossentropy")


@valid
def sparse_logits() -> Pair:
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return ArraySequence(X, CLASSES[:, None]), dense(3, None, loss)


@valid
def sparse_with_more_units() -> Pair:
    return ArraySequence(X, CLASSES), dense(10, "softmax", "sparse_categorical_crossentropy")


@valid
def onehot() -> Pair:
    return ArraySequence(X, ONEHOT), dense(3, "softmax", "categorical_crossentropy")


@valid
def smoothed() -> Pair:
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.1, from_logits=True)
    return ArraySequence(X, ONEHOT * 0.8 + 0.2 / 3), dense(3, None, loss)


@valid
def binary() -> Pair:
    return ArraySequence(X, BINARY), dense(1, "sigmoid", "binary_crossentropy")


@valid
def binary_logits() -> Pair:
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    return ArraySequence(X, BINARY.astype("float32")[:, None]), dense(1, None, loss)


@valid
def binary_by_two_units() -> Pair:
    return ArraySequence(X, np.eye(2)[BINARY]), dense(2, "softmax", "binary_crossentropy")


@valid
def several_labels() -> Pair:
    y = rng.integers(0, 2, (N, 5))
    return ArraySequence(X, y), dense(5, "sigmoid", "binary_crossentropy")


@valid
def hinge() -> Pair:
    return ArraySequence(X, BINARY * 2 - 1), dense(1, "tanh", "hinge")


@valid
def counts() -> Pair:
    return ArraySequence(X, rng.poisson(3, N)), dense(1, "exponential", "poisson")


@valid
def shares() -> Pair:
    y = rng.dirichlet(np.ones(3), N).astype("float32")
    return ArraySequence(X, y), dense(3, "softmax", "kl_divergence")


@valid
def shares_by_logits() -> Pair:
    model = keras.Sequential([keras.Input((4,)), L.Dense(3), L.Softmax()])
    return ArraySequence(X, ONEHOT * 0.8 + 0.2 / 3), compiled(model, "kl_divergence")


@valid
def classes_along_another_axis() -> Pair:
    y = np.moveaxis(np.eye(3, dtype="float32")[rng.integers(0, 3, (N, 8))], -1, 1)
    model = keras.Sequential([keras.Input((3, 8)), L.Dense(8), L.Softmax(axis=1)])
    loss = keras.losses.CategoricalCrossentropy(axis=1)
    return ArraySequence(rng.normal(size=(N, 3, 8)), y), compiled(model, loss)


@valid
def regression_with_huber() -> Pair:
    return ArraySequence(X, REAL), dense(1, None, keras.losses.Huber())


@valid
def of_its_own_loss() -> Pair:
    def pinball(true: Any, made: Any) -> Any:
        return (true - made) * (true - made)

    y = np.stack([REAL, -REAL], 1)
    return ArraySequence(X, y), dense(2, None, pinball)


@valid
def segmentation() -> Pair:
    return ArraySequence(IMAGES, MASKS), segmented()


@valid
def segmentation_by_classes() -> Pair:
    y = rng.integers(0, 3, (N, 8, 8))
    return ArraySequence(IMAGES, y), segmented("sparse_categorical_crossentropy", 3)


@valid
def autoencoder() -> Pair:
    return ArraySequence(X, X), dense(4)


@valid
def rescaled_pixels() -> Pair:
    x = (IMAGES * 255).astype("uint8")
    return ArraySequence(x, REAL), pictures(first=L.Rescaling(1 / 255))


@valid
def pixels_for_a_batchnorm() -> Pair:
    layers = [keras.Input((8, 8, 3)), L.Conv2D(4, 3), L.BatchNormalization(), L.ReLU()]
    layers += [L.GlobalAveragePooling2D(), L.Dense(1)]
    return ArraySequence((IMAGES * 255).astype("uint8"), REAL), compiled(keras.Sequential(layers))


@valid
def normalized() -> Pair:
    layer = L.Normalization()
    layer.adapt(X * 3 + 50)
    model = compiled(keras.Sequential([keras.Input((4,)), layer, L.Dense(1)]))
    return ArraySequence(X * 3 + 50, REAL), model


@valid
def ids() -> Pair:
    return ArraySequence({"ids": IDS}, REAL), looked_up()


@valid
def ids_as_floats() -> Pair:
    return ArraySequence({"ids": IDS.astype("float32")}, REAL), looked_up(dtype="float32")


@valid
def words() -> Pair:
    texts = [" ".join(f"w{word}" for word in row) for row in IDS]
    vocabulary = Vocabulary(mask="")
    seq = TextSequence(texts, REAL, tokenizer=vocabulary, max_length=6)
    seq.adapt(progress=False)
    return join(ids=seq), looked_up(len(vocabulary))


@valid
def words_of_any_length() -> Pair:
    lists = [list(rng.integers(1, 20, 1 + k % 9)) for k in range(N)]
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    made = L.LSTM(4)(L.Embedding(20, 4, mask_zero=True)(tokens))
    return join(tokens=TextSequence(lists, REAL)), compiled(keras.Model(tokens, L.Dense(1)(made)))


@valid
def labels_of_steps() -> Pair:
    model = keras.Sequential(
        [keras.Input((6,), dtype="int32"), L.Embedding(20, 4), L.LSTM(4, return_sequences=True)]
    )
    model.add(L.Dense(5, activation="softmax"))
    y = rng.integers(0, 5, (N, 6))
    return ArraySequence(IDS, y), compiled(model, "sparse_categorical_crossentropy")


@valid
def forecast() -> Pair:
    x = rng.normal(size=(N, 12, 2)).astype("float32")
    model = compiled(keras.Sequential([keras.Input((12, 2)), L.GRU(4), L.Dense(3)]))
    return ArraySequence(x, rng.normal(size=(N, 3))), model


@valid
def two_outputs() -> Pair:
    return ArraySequence({"a": X}, {"size": REAL, "kind": CLASSES}), outputs(TWO_LOSSES)


@valid
def two_named_outputs() -> Pair:
    return ArraySequence({"a": X}, {"size": REAL, "kind": CLASSES}), outputs(TWO_LOSSES, dict)


@valid
def two_outputs_in_turn() -> Pair:
    losses = ["mse", "sparse_categorical_crossentropy"]
    return ArraySequence({"a": X}, (REAL, CLASSES)), outputs(losses)


@valid
def an_output_without_loss() -> Pair:
    losses = [None, "sparse_categorical_crossentropy"]
    return ArraySequence({"a": X}, (REAL, CLASSES)), outputs(losses)


@valid
def weighted() -> Pair:
    y = {"size": REAL, "kind": CLASSES}
    weights = {"size": rng.random(N), "kind": rng.integers(0, 2, N)}
    return ArraySequence({"a": X}, y, sample_weight=weights), outputs(TWO_LOSSES, dict)


@valid
def classes_weighted() -> Pair:
    seq = ArraySequence(X, CLASSES, class_weight="balanced", shuffle=True)
    return seq, dense(3, "softmax", "sparse_categorical_crossentropy")


@valid
def not_built() -> Pair:
    model = keras.Sequential([L.Dense(3), L.BatchNormalization(), L.Dense(1)])
    return ArraySequence(X, REAL), compiled(model)


@valid
def a_subclass() -> Pair:
    model = compiled(Branched(3, "softmax"), "sparse_categorical_crossentropy")
    model({"a": X[:2], "b": Z[:2]})
    return ArraySequence({"a": X, "b": Z}, CLASSES), model


@valid
def a_subclass_not_built() -> Pair:
    model = compiled(Branched(3, "softmax"), "sparse_categorical_crossentropy")
    return ArraySequence({"a": X, "b": Z, "extra": IDS}, CLASSES), model


@valid
def nested() -> Pair:
    inner_in = keras.Input((4,))
    inner = keras.Model(inner_in, L.Dense(3, activation="relu")(inner_in))
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    made = L.Dense(1, activation="sigmoid")(L.Concatenate()([inner(a), inner(b)]))
    model = compiled(keras.Model([a, b], made), "binary_crossentropy")
    return ArraySequence({"a": X, "b": Z}, BINARY), model


@valid
def standardized() -> Pair:
    seq = join(
        a=ArraySequence(X * 50 + 3),
        b=ArraySequence(Z),
        targets=REAL,
        spec={"a": Spec((4,), "float32")},
        batch_size=16,
        workers=2,
    )
    return seq, two()


@valid
def no_targets_needed() -> Pair:
    return ArraySequence(X), OwnStep()
