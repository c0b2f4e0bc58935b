"""transforms: the Keras layer that does the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from backends import BACKEND, LEGACY, keras

from multiseq.errors import ArgumentError, NotAdaptedError
from multiseq.transforms import MinMax, SklearnTransform, Standardize, Vocabulary

pytestmark = pytest.mark.backend

NUMBERS = np.random.default_rng(0).normal(3, 2, (60, 4)).astype(np.float32)
SCALERS: list[tuple[Any, Any]] = [
    (Standardize(), NUMBERS),
    (Standardize(None), NUMBERS),
    (Standardize(), NUMBERS[:, 0]),
    (Standardize((1, 2)), NUMBERS.reshape(15, 4, 4)),
    (MinMax(), NUMBERS),
    (MinMax(range=(-2, 5)), NUMBERS),
    (MinMax(None), NUMBERS),
    (MinMax((-1, -2), range=(3, 4)), NUMBERS.reshape(15, 4, 4)),
]
VOCABULARIES: list[tuple[Any, Any, Any]] = [
    (Vocabulary(), ["b", "a", "b", "c"], ["new", ""]),
    (Vocabulary(mask=""), ["b", "ж", "b", "猫"], ["new", ""]),
    (Vocabulary(mask="[PAD]", max_size=4), ["b", "a", "b", "c", "a"], ["", "[PAD]"]),
    (Vocabulary(), ["[UNK]", "[[UNK]]", "b"], ["new"]),
    (Vocabulary(), [-1, 3, -1, 7], [0, 99, -2]),
    (Vocabulary(mask=0), [3, -1, 3, 7], [0, 99, -2]),
    (Vocabulary(mask=-9), [3, -1, 3, 7], [0, 99, -9]),
    (Vocabulary(), [True, False, True], []),
]


def called(layer: Any, values: Any) -> Any:
    made = layer(values)
    return np.asarray(made) if LEGACY else keras.ops.convert_to_numpy(made)


@pytest.mark.parametrize(("transform", "values"), SCALERS)
def test_a_scaler(transform: Any, values: Any) -> None:
    transform.adapt(values)
    other = values[::-1] * 3 - 1
    made = called(transform.to_keras(), other)
    np.testing.assert_allclose(made, transform(other), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("transform", "values"), SCALERS)
def test_a_scaler_in_a_model(transform: Any, values: Any) -> None:
    transform.adapt(values)
    model = keras.Sequential([keras.Input(values.shape[1:]), transform.to_keras()])
    np.testing.assert_allclose(model.predict(values, verbose=0), transform(values), atol=1e-5)


@pytest.mark.parametrize("transform", [Standardize(), MinMax(range=(-1, 1))])
def test_a_constant_feature(transform: Any) -> None:
    values = np.array([[1, 5], [2, 5]], np.float32)
    transform.adapt(values)
    np.testing.assert_allclose(called(transform.to_keras(), values), transform(values), atol=1e-6)


@pytest.mark.parametrize(("vocabulary", "seen", "unseen"), VOCABULARIES)
def test_a_vocabulary(vocabulary: Any, seen: Any, unseen: Any) -> None:
    vocabulary.adapt(seen)
    values = [*seen, *unseen]
    assert called(vocabulary.to_keras(), np.array(values)).tolist() == vocabulary(values).tolist()


def test_ids_of_a_batch_of_tokens() -> None:
    vocabulary = Vocabulary(mask="").adapt([["a", "cat"], ["a", "dog"]])
    tokens = np.array([["dog", "a", ""], ["emu", "", ""]])
    assert called(vocabulary.to_keras(), tokens).tolist() == vocabulary(tokens).tolist()


@pytest.mark.parametrize(
    ("transform", "values"), [(Standardize(), [1, 2, 2]), (Vocabulary(), ["b", "a", "b"])]
)
def test_a_layer_can_be_configured_anew(transform: Any, values: Any) -> None:
    layer = transform.adapt(values).to_keras()
    again = type(layer).from_config(json.loads(json.dumps(layer.get_config())))
    assert called(again, np.array(values)).tolist() == called(layer, np.array(values)).tolist()


@pytest.mark.skipif(BACKEND != "tensorflow", reason="text enters compiled models there alone")
def test_a_saved_model_takes_text(tmp_path: Path) -> None:
    vocabulary = Vocabulary().adapt(["b", "a", "b"])
    text = keras.Input((1,), dtype="string")
    one_hot = keras.layers.CategoryEncoding(3, "one_hot")
    model = keras.Model(text, one_hot(vocabulary.to_keras()(text)))
    model.save(tmp_path / "model.keras")
    import tensorflow as tf

    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.predict(tf.constant([["a"], ["b"], ["c"]]), verbose=0).argmax(1).tolist() == [
        2,
        1,
        0,
    ]


def test_layers_are_of_the_keras_in_use() -> None:
    layer = Standardize().adapt([1, 2]).to_keras()
    assert type(layer) is keras.layers.Normalization
    assert type(Vocabulary().adapt(["a"]).to_keras()) is keras.layers.StringLookup
    assert type(Vocabulary().adapt([1]).to_keras()) is keras.layers.IntegerLookup


@pytest.mark.parametrize("values", [["b", "a", "b"], [7, 3, 7]])
def test_a_layer_without_oov_ids(values: Any) -> None:
    vocabulary = Vocabulary(num_oov=0).adapt(values)
    ids = np.asarray(vocabulary.to_keras()(np.array(values)))
    assert ids.tolist() == vocabulary.transform(values).tolist() == [0, 1, 0]


# What has no layer


@pytest.mark.parametrize(
    ("vocabulary", "values"),
    [
        (Vocabulary(num_oov=2), ["a"]),
        (Vocabulary(), ["a", 1]),
        (Vocabulary(), [1, True]),
        (Vocabulary(), [0.5]),
        (Vocabulary(mask=""), [1, 2]),
        (Vocabulary(min_count=2), ["a"]),
    ],
)
def test_a_vocabulary_without_a_layer(vocabulary: Any, values: Any) -> None:
    with pytest.raises(ArgumentError, match=r"(?s)no layer that gives the ids of.*num_oov=1 or 0;"):
        vocabulary.adapt(values).to_keras()


def test_an_extent_that_normalization_would_not_divide_by() -> None:
    with pytest.raises(ArgumentError, match=r"(?s)1e-7.*got: 1e-09"):
        MinMax().adapt([[0.0, 0.0], [1e-9, 1.0]]).to_keras()


def test_scikit_learn_has_no_layers() -> None:
    class Half:
        def fit(self, rows: Any) -> None: ...

        def transform(self, rows: Any) -> Any:
            return rows / 2

    with pytest.raises(ArgumentError, match="Keras has no layer"):
        SklearnTransform(Half()).adapt(NUMBERS).to_keras()


@pytest.mark.parametrize("transform", [Standardize(), MinMax(), Vocabulary()])
def test_what_has_not_learned(transform: Any) -> None:
    with pytest.raises(NotAdaptedError, match=r"`seq.adapt\(\)`"):
        transform.to_keras()
