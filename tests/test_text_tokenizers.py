"""TextSequence: what makes token ids of text."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from words import TEXTS, Encoder, all_ids, codes

from multiseq.errors import ArgumentError, NotAdaptedError, SpecError
from multiseq.modalities.text.sequence import TextSequence
from multiseq.transforms import Vocabulary


def test_a_function_of_ids() -> None:
    sequence = TextSequence(["ab", "c"], tokenizer=codes)
    assert all_ids(sequence) == [[97, 98], [99, 0]]
    assert sequence.transforms == {}


@pytest.mark.parametrize("kind", [pa.array, lambda texts: pa.chunked_array([texts[:1], texts[1:]])])
def test_a_column_of_an_arrow_table(kind: Any) -> None:
    assert all_ids(TextSequence(kind(["ab", "c"]), tokenizer=codes)) == [[97, 98], [99, 0]]


def test_a_function_that_returns_an_array() -> None:
    sequence = TextSequence(["ab"], tokenizer=lambda text: np.array(codes(text), np.int64))
    assert all_ids(sequence) == [[97, 98]]
    assert sequence[0][0].dtype == np.int32


def test_an_encoder_is_given_whole_batches() -> None:
    encoder = Encoder()
    sequence = TextSequence(["ab", "c", "d"], tokenizer=encoder, max_length=2)
    encoder.texts = encoder.batches = 0
    assert [row.tolist() for row in sequence.load_batch(np.array([2, 0]))[0]] == [
        [100, 0],
        [97, 98],
    ]
    assert (encoder.texts, encoder.batches) == (0, 1)


def test_an_encoder_of_single_texts() -> None:
    encoder = SimpleNamespace(encode=codes)
    assert all_ids(TextSequence(["ab", "c"], tokenizer=encoder)) == [[97, 98], [99, 0]]


def test_an_encoder_that_pads_is_refused() -> None:
    encoder = Encoder()
    encoder.padding = {"length": None}
    with pytest.raises(ArgumentError, match=r"no_padding\(\)"):
        TextSequence(["a"], tokenizer=encoder)


def test_a_vocabulary_is_learned_by_adapt() -> None:
    words = Vocabulary(mask="")
    sequence = TextSequence(TEXTS, tokenizer=words, max_length=3)
    sequence.adapt(progress=False)
    assert words.categories == ("a", "cat", "runs", "dog", "the")
    assert all_ids(sequence) == [[2, 3, 0], [0, 0, 0], [2, 5, 4], [6, 3, 4], [2, 0, 0]]
    assert sequence.transforms == {"inputs": words}


def test_words_are_those_of_text_vectorization() -> None:
    texts = ["Don't  stop,\tthe well-known (ABC)!", "", " ... ", "x\ny"]
    layer = keras.layers.TextVectorization()
    layer.adapt(texts)
    vocabulary = Vocabulary(mask="")
    TextSequence(texts, tokenizer=vocabulary).adapt(progress=False)
    assert set(vocabulary.categories) == set(layer.get_vocabulary()) - {"", "[UNK]"}


def test_only_the_training_split_is_learned() -> None:
    sequence = TextSequence([f"w{k}" for k in range(10)], tokenizer=Vocabulary(mask=""), seed=0)
    train, test = sequence.split(0.8, 0.2)
    train.adapt(progress=False)
    vocabulary = train.transforms["inputs"]
    assert len(vocabulary.categories) == 8
    assert all_ids(test) == [[1], [1]]  # The id of unknown words.


def test_before_adapt_there_are_no_ids() -> None:
    with pytest.raises(NotAdaptedError, match="adapt"):
        TextSequence(TEXTS, tokenizer=Vocabulary())[0]


def test_a_fitted_vocabulary_is_used_as_it_is() -> None:
    words = Vocabulary(mask="").adapt([["dog", "cat"]])
    assert all_ids(TextSequence(TEXTS, tokenizer=words, max_length=2))[0] == [1, 2]


@pytest.mark.parametrize("source", [["a b", "b"], ["", "a b", "b"]])
def test_a_function_of_tokens_gets_a_vocabulary(source: list[str]) -> None:
    sequence = TextSequence(source, tokenizer=str.split)
    sequence.adapt(progress=False)
    assert sequence.transforms["inputs"].categories == ("b", "a")
    assert all_ids(sequence)[-2:] == [[3, 2], [2, 0]]


def test_texts_that_are_all_empty() -> None:
    assert all_ids(TextSequence(["", ""], tokenizer=codes)) == [[], []]


def test_any_text_comes_back_from_storage() -> None:
    texts = ["é 日本 🐈", "\ud800 lone", "nul \0", ""]
    sequence = TextSequence(texts, tokenizer=codes)
    assert [ids.tolist() for ids in sequence.load_batch(np.arange(4))[0]] == list(map(codes, texts))


@pytest.mark.parametrize("result", [[1.5], [-1], [[1]], [None], None])
def test_what_a_tokenizer_returns_is_checked(result: Any) -> None:
    sequence = TextSequence(
        {"x": "good", "y": "bad"}, tokenizer=lambda text: [1] if text == "good" else result
    )
    with pytest.raises(SpecError, match="TextSequence, key 'y', position 1: these are no token"):
        sequence[0]


@pytest.mark.parametrize("result", ["text", iter([1])])
def test_a_tokenizer_that_returns_no_list(result: Any) -> None:
    with pytest.raises(ArgumentError, match="neither tokens nor ids"):
        TextSequence(["a"], tokenizer=lambda text: result)


@pytest.mark.parametrize("tokenizer", [None, 5, "bert", Vocabulary])
def test_texts_need_a_tokenizer(tokenizer: Any) -> None:
    with pytest.raises(ArgumentError, match="texts need a tokenizer"):
        TextSequence(["a"], tokenizer=tokenizer)


@pytest.mark.parametrize("missing", [None, float("nan"), b"bytes", [1, 2]])
@pytest.mark.parametrize("first", [True, False])
def test_a_row_without_text_is_named(missing: Any, first: bool) -> None:
    source = [missing, "a"] if first else ["a", missing]
    series = pd.Series(source, index=["k0", "k1"], dtype=object)
    with pytest.raises(ArgumentError, match=f"key 'k{1 - first}' is no text"):
        TextSequence(series, tokenizer=codes)
