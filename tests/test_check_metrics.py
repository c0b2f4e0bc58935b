"""What `check` advises for metrics and weights of losses passes, and tells something."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from backends import keras
from checked import BINARY, BROKEN, CLASSES, ONEHOT, N, X, compiled, dense
from checked_metrics import SEVERAL, by_output, measured

from multiseq import ArraySequence

ADVISED = [
    *("metric_of_rows", "metric_of_rows_for_a_column", "area_of_numbers_of_classes"),
    *("metric_of_numbers", "largest_of_one", "logits_cut_at_a_half", "logits_for_a_precision"),
    *("logits_for_an_area", "logits_for_a_loss_as_metric"),
]


@pytest.mark.backend
@pytest.mark.parametrize("name", ADVISED)
def test_the_metric_that_is_advised_passes(name: str) -> None:
    seq, model = BROKEN[name][1]()
    (finding,) = seq.check(model).findings
    fix = str(finding.fix)
    if found := re.match(r"compile\(metrics=\['(\w+)'\]\)", fix):
        metric: Any = found[1]
    else:
        kind, keyword, value = re.findall(r"keras\.metrics\.(\w+)\((\w+)=(\w+)\)", fix)[0]
        metric = getattr(keras.metrics, kind)(**{keyword: {"0": 0, "2": 2, "True": True}[value]})
    compiled(model, model.loss, metrics=[metric])
    assert seq.check(model, strict=True).ok
    model.fit(seq, verbose=0)


@pytest.mark.backend
@pytest.mark.parametrize("struct", [dict, list])
def test_the_name_of_a_weight_that_is_advised_passes(struct: type) -> None:
    seq, model = by_output(struct, loss_weights={"kinds": 1000.0, "size": 1.0})
    (finding,) = seq.check(model).findings
    assert finding.fix == "call it 'kind'"
    assert seq.check(by_output(struct, loss_weights={"kind": 1000.0, "size": 1.0})[1]).ok


def test_the_activation_that_is_advised_passes() -> None:
    labels = ArraySequence(X, SEVERAL)
    (finding,) = labels.check(dense(3, "softmax", "binary_crossentropy")).findings
    assert finding.fix == "activation='sigmoid' beside loss='binary_crossentropy'"
    assert labels.check(dense(3, "sigmoid", "binary_crossentropy")).ok
    shares = ArraySequence(X, ONEHOT * 0.8 + 0.2 / 3)
    (finding,) = shares.check(dense(3, None, "kl_divergence")).findings
    assert finding.fix == "end with activation='softmax'"
    assert shares.check(dense(3, "softmax", "kl_divergence")).ok


@pytest.mark.backend
def test_a_metric_of_rows_misleads_where_targets_are_numbers() -> None:
    model = dense(3, "softmax", "sparse_categorical_crossentropy")
    seq = ArraySequence(X, CLASSES, batch_size=N)
    right = float((np.asarray(model.predict(X, verbose=0)).argmax(-1) == CLASSES).mean())
    said = {}
    for metric in ("categorical_accuracy", "sparse_categorical_accuracy"):
        compiled(model, model.loss, metrics=[metric])
        said[metric] = model.evaluate(seq, verbose=0)[1]
    assert said["sparse_categorical_accuracy"] == pytest.approx(right)
    assert said["categorical_accuracy"] != pytest.approx(right)


def test_metrics_are_read_however_they_are_spelled() -> None:
    seq = ArraySequence(X, CLASSES)
    spelled = ["categorical_accuracy", "CategoricalAccuracy", keras.metrics.CategoricalAccuracy()]
    for metric in (*spelled, keras.metrics.categorical_accuracy):
        model = measured(3, "softmax", "sparse_categorical_crossentropy", metric)
        assert "takes rows" in str(seq.check(model))


def test_a_threshold_of_ones_own_is_left_alone() -> None:
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    for threshold in (0.0, 1.5):
        metric = keras.metrics.BinaryAccuracy(threshold=threshold)
        assert ArraySequence(X, BINARY).check(measured(1, None, loss, metric)).ok
