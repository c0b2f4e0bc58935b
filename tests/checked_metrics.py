"""Metrics and weights of losses: those that go with targets and outputs, and others."""

from __future__ import annotations

from typing import Any

import numpy as np
from backends import keras
from checked import (
    BINARY,
    CLASSES,
    ONEHOT,
    REAL,
    TWO_LOSSES,
    L,
    N,
    Pair,
    X,
    broken,
    compiled,
    outputs,
    valid,
)

from multiseq import ArraySequence

M: Any = keras.metrics
SEVERAL = (np.arange(N)[:, None] % 4 > np.arange(3)).astype("float32")
SPARSE, ROWS, EACH = (
    *("sparse_categorical_crossentropy", "categorical_crossentropy", "binary_crossentropy"),
)
BOTH = {"size": REAL, "kind": CLASSES}


def measured(units: int, activation: str | None, loss: Any, *metrics: Any) -> Any:
    """A stack of one layer, with metrics."""
    model = keras.Sequential([keras.Input((4,)), L.Dense(units, activation=activation)])
    return compiled(model, loss, metrics=list(metrics))


def logits(*metrics: Any) -> Pair:
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    return ArraySequence(X, BINARY[:, None]), measured(1, None, loss, *metrics)


def by_output(struct: type, **keywords: Any) -> Pair:
    """Two outputs, and what `compile` is given for them."""
    seq, model = ArraySequence({"a": X}, BOTH), outputs(TWO_LOSSES, struct)
    return seq, compiled(model, TWO_LOSSES, **keywords)


@broken("loss_weights for 'kinds'")
def weight_of_a_loss_misspelled() -> Pair:
    return by_output(dict, loss_weights={"kinds": 1000.0, "size": 1.0})


@broken("call it 'kind'")
def weight_of_a_loss_misspelled_for_a_list() -> Pair:
    return by_output(list, loss_weights={"kinds": 1000.0, "size": 1.0})


@broken("metrics=['sparse_categorical_accuracy']")
def metric_of_rows() -> Pair:
    return ArraySequence(X, CLASSES), measured(3, "softmax", SPARSE, "categorical_accuracy")


@broken("keras.metrics.SparseTopKCategoricalAccuracy(k=2)")
def metric_of_rows_for_a_column() -> Pair:
    metric = M.TopKCategoricalAccuracy(k=2)
    return ArraySequence(X, CLASSES[:, None]), measured(3, "softmax", SPARSE, metric)


@broken("metrics=['accuracy']); or give one-hot targets")
def area_of_numbers_of_classes() -> Pair:
    return ArraySequence(X, CLASSES), measured(3, "softmax", SPARSE, M.AUC())


@broken("metrics=['categorical_accuracy']")
def metric_of_numbers() -> Pair:
    return ArraySequence(X, ONEHOT), measured(3, "softmax", ROWS, "sparse_categorical_accuracy")


@broken("metrics=['binary_accuracy']")
def largest_of_one() -> Pair:
    return ArraySequence(X, BINARY), measured(1, "sigmoid", EACH, "categorical_accuracy")


@broken("metrics=['sparse_categorical_accuracy']")
def metric_of_rows_by_output() -> Pair:
    return by_output(dict, metrics={"kind": ["categorical_accuracy"], "size": "mae"})


@broken("BinaryAccuracy(threshold=0)")
def logits_cut_at_a_half() -> Pair:
    return logits("accuracy")


@broken("Precision(thresholds=0)")
def logits_for_a_precision() -> Pair:
    return logits(M.Precision())


@broken("AUC(from_logits=True)")
def logits_for_an_area() -> Pair:
    return logits(M.AUC())


@broken("BinaryCrossentropy(from_logits=True)")
def logits_for_a_loss_as_metric() -> Pair:
    return logits("binary_crossentropy")


@valid
def metrics_of_classes() -> Pair:
    metrics = ["accuracy", "sparse_categorical_accuracy", M.SparseTopKCategoricalAccuracy(k=2)]
    return ArraySequence(X, CLASSES), measured(3, "softmax", SPARSE, *metrics)


@valid
def metrics_of_classes_in_a_column() -> Pair:
    return ArraySequence(X, CLASSES[:, None]), measured(
        3, "softmax", SPARSE, "acc", M.SparseCategoricalCrossentropy()
    )


@valid
def metrics_of_logits_of_classes() -> Pair:
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    metric = M.SparseCategoricalCrossentropy(from_logits=True)
    return ArraySequence(X, CLASSES), measured(3, None, loss, "accuracy", metric)


@valid
def metrics_of_rows() -> Pair:
    metrics = ["accuracy", "categorical_accuracy", M.TopKCategoricalAccuracy(k=2), M.AUC()]
    metrics += [M.Precision(), M.Recall(class_id=1), "mse", M.CategoricalCrossentropy()]
    return ArraySequence(X, ONEHOT), measured(3, "softmax", ROWS, *metrics)


@valid
def metrics_of_two_classes() -> Pair:
    metrics = ["accuracy", "binary_accuracy", M.AUC(), M.Precision(), M.TruePositives(), "mae"]
    return ArraySequence(X, BINARY[:, None]), measured(1, "sigmoid", EACH, *metrics)


@valid
def metrics_of_several_labels() -> Pair:
    metrics = ["binary_accuracy", M.AUC(multi_label=True), M.Precision(), "binary_crossentropy"]
    return ArraySequence(X, SEVERAL), measured(3, "sigmoid", EACH, *metrics)


@valid
def metrics_of_logits() -> Pair:
    metrics = [M.BinaryAccuracy(threshold=0.0), M.Precision(thresholds=0), M.AUC(from_logits=True)]
    return logits(*metrics, M.BinaryCrossentropy(from_logits=True))


@valid
def metrics_of_quantities() -> Pair:
    metrics = ["mae", "mse", M.RootMeanSquaredError(), M.MeanAbsolutePercentageError()]
    return ArraySequence(X, REAL), measured(1, None, "mse", *metrics)


@valid
def metrics_of_shares() -> Pair:
    y = ONEHOT * 0.8 + 0.2 / 3
    return ArraySequence(X, y), measured(
        3, "softmax", "kl_divergence", M.KLDivergence(), "accuracy"
    )


def share_right(true: Any, made: Any) -> Any:
    return keras.metrics.sparse_categorical_accuracy(true, made)


class Rows(M.CategoricalAccuracy):  # type: ignore[misc]
    """One that is not Keras' own, and takes what it likes."""

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        return super().update_state(y_pred, y_pred, sample_weight)


@valid
def metrics_of_its_own() -> Pair:
    return ArraySequence(X, CLASSES), measured(3, "softmax", SPARSE, share_right, Rows())


@valid
def metrics_and_weights_by_output() -> Pair:
    metrics = {"kind": ["accuracy", "sparse_categorical_accuracy"], "size": "mae"}
    return by_output(dict, metrics=metrics, loss_weights={"kind": 2.0, "size": 1.0})


@valid
def metrics_by_name_for_a_list() -> Pair:
    metrics = {"kind": M.SparseCategoricalAccuracy(), "size": ["mae"]}
    return by_output(list, metrics=metrics, loss_weights={"kind": 2.0, "size": 1.0})


@valid
def metrics_in_turn() -> Pair:
    model = outputs(TWO_LOSSES)
    losses = ["mse", SPARSE]
    compiled(model, losses, metrics=[["mae"], ["sparse_categorical_accuracy"]])
    return ArraySequence({"a": X}, (REAL, CLASSES)), model
