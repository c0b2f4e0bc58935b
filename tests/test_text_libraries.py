"""TextSequence with the tokenizers of others: Hugging Face's and Keras'."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from backends import keras
from words import all_ids

from multiseq.errors import ArgumentError
from multiseq.join import join
from multiseq.modalities.arrays.sequence import ArraySequence
from multiseq.modalities.text.sequence import TextSequence
from multiseq.testing import check_sequence

TEXTS = ["A cat runs", "", "a dog runs fast, the cat", "unheard-of WORDS", "cat"]

# ---- Hugging Face


@pytest.fixture(scope="module")
def trained() -> Any:
    """A tokenizer trained on a few words; its [CLS] and [SEP] are 2 and 3."""
    tokenizers = pytest.importorskip("tokenizers")
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = tokenizers.normalizers.Lowercase()
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    trainer = tokenizers.trainers.WordPieceTrainer(special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(["a cat runs", "a dog runs fast", "the cat"], trainer)
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer


@pytest.fixture
def tokenizer(trained: Any) -> Any:
    return copy.deepcopy(trained)


def test_ids_are_the_tokenizers(tokenizer: Any) -> None:
    sequence = TextSequence(TEXTS, tokenizer=tokenizer)
    rows = sequence.load_batch(np.arange(5))[0]
    assert [row.tolist() for row in rows] == [tokenizer.encode(text).ids for text in TEXTS]


@pytest.mark.parametrize("truncating", ["post", "pre"])
@pytest.mark.parametrize("max_length", [2, 4, 5, 30])
def test_special_tokens_outlive_cutting(tokenizer: Any, truncating: Any, max_length: int) -> None:
    sequence = TextSequence(
        TEXTS, tokenizer=tokenizer, max_length=max_length, truncating=truncating
    )
    for text, row in zip(TEXTS, all_ids(sequence), strict=True):
        words = tokenizer.encode(text).ids[1:-1]
        room = max_length - 2
        kept = words[-room or len(words) :] if truncating == "pre" else words[:room]
        ids = [2, *kept, 3]
        assert row == ids + [0] * (max_length - len(ids))


def test_the_users_tokenizer_is_left_as_it_was(tokenizer: Any) -> None:
    before = tokenizer.to_str()
    sequence = TextSequence(TEXTS, tokenizer=tokenizer, max_length=4)
    sequence[0]
    assert tokenizer.to_str() == before
    tokenizer.enable_truncation(1)
    assert all_ids(sequence)[0][:2] == [2, 4]


@pytest.mark.parametrize(("own", "max_length", "length"), [(3, None, 3), (3, 5, 3), (5, 3, 3)])
def test_the_shorter_of_two_lengths_counts(
    tokenizer: Any, own: int, max_length: int | None, length: int
) -> None:
    tokenizer.enable_truncation(own)
    sequence = TextSequence([TEXTS[2]], tokenizer=tokenizer, max_length=max_length)
    (row,) = all_ids(sequence)
    assert row[0] == 2
    assert row[length - 1 :] == [3] + [0] * (len(row) - length)


def test_a_tokenizer_that_pads_is_refused(tokenizer: Any) -> None:
    tokenizer.enable_padding()
    with pytest.raises(ArgumentError, match=r"no_padding\(\)"):
        TextSequence(TEXTS, tokenizer=tokenizer)


@pytest.mark.parametrize("max_length", [None, 4])
def test_the_contract(tokenizer: Any, max_length: int | None) -> None:
    check_sequence(
        TextSequence(TEXTS, np.arange(5), tokenizer=tokenizer, max_length=max_length, batch_size=2)
    )


def test_processes_give_the_same_bytes(tokenizer: Any) -> None:
    sequence = TextSequence(TEXTS * 4, tokenizer=tokenizer, max_length=4, batch_size=5)
    with sequence.replace(workers=2, use_multiprocessing=True) as other:
        assert all_ids(other) == all_ids(sequence)


def test_transformers(tokenizer: Any) -> None:
    transformers = pytest.importorskip("transformers")
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]")
    fast(TEXTS, padding=True, truncation=True, max_length=3)  # It remembers that.
    for max_length in (None, 4):
        how = {} if max_length is None else {"truncation": True, "max_length": max_length}
        sequence = TextSequence(TEXTS, tokenizer=fast, max_length=max_length)
        expected = [fast.encode(text, **how) for text in TEXTS]
        rows = sequence.load_batch(np.arange(5))[0]
        width = max_length or 0
        assert [row.tolist() for row in rows] == [
            ids + [0] * (width - len(ids)) for ids in expected
        ]


class Slow:
    """A tokenizer as those of transformers that are written in Python."""

    truncation_side = "right"
    pad_token_id = 7

    def encode(self, text: str, truncation: bool = False, max_length: int = 99) -> list[int]:
        letters = [ord(letter) for letter in text]
        if truncation:
            room = max_length - 2
            letters = letters[:room] if self.truncation_side == "right" else letters[-room:]
        return [2, *letters, 3]


def test_a_slow_tokenizer_cuts_texts_itself() -> None:
    slow = Slow()
    sides: dict[Any, list[int]] = {"post": [97, 98], "pre": [99, 100]}
    for truncating, middle in sides.items():
        sequence = TextSequence(
            ["abcd"], tokenizer=slow, max_length=4, truncating=truncating, pad_id=7
        )
        assert all_ids(sequence) == [[2, *middle, 3]]
    assert slow.truncation_side == "right"
    assert all_ids(TextSequence(["abcd"], tokenizer=slow, pad_id=7)) == [[2, 97, 98, 99, 100, 3]]


def test_padding_with_another_token_is_refused() -> None:
    with pytest.raises(ArgumentError, match="pass pad_id=7"):
        TextSequence(["a"], tokenizer=Slow())


# ---- Keras

STRANGE = [
    "Don't  stop,\tthe well-known (ABC)!",
    "",
    " ... ",
    "x\ny\x0bz\x0cx\ry",
    "É ÉCLAIR café\xa0bar THE",
    "日本 語 the",
    "the [UNK] x",
    "\x1cfoo\x1dthe a\u3000b",
]


def layer_of(texts: list[str], **how: Any) -> Any:
    layer = keras.layers.TextVectorization(**how)
    layer.adapt(np.array(texts, object))
    return layer


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"standardize": None},
        {"standardize": "lower"},
        {"standardize": "strip_punctuation"},
        {"split": "character"},
        {"ngrams": 2},
        {"ngrams": (1, 3)},
        {"max_tokens": 6},
        {"output_sequence_length": 4},
        {"output_sequence_length": 40},
    ],
)
def test_ids_are_the_layers(how: Any) -> None:
    layer = layer_of(STRANGE[:6], **how)
    expected = np.asarray(layer(np.array(STRANGE, object)))
    (ids,) = TextSequence(STRANGE, tokenizer=layer)[0]
    # The first two batches of a variable length are padded to lengths of their own.
    width = expected.shape[1]
    assert np.array_equal(ids[:, :width], expected)
    assert not ids[:, width:].any()
    if "output_sequence_length" in how:
        assert ids.shape == expected.shape


def test_max_length_overrides_the_layers() -> None:
    layer = layer_of(TEXTS, output_sequence_length=4)
    assert TextSequence(TEXTS, tokenizer=layer, max_length=2)[0][0].shape == (5, 2)


def test_the_layer_itself_does_not_travel() -> None:
    sequence = TextSequence(TEXTS, tokenizer=layer_of(TEXTS), max_length=4)
    data = pickle.dumps(sequence)
    assert b"keras" not in data
    assert all_ids(pickle.loads(data)) == all_ids(sequence)


def test_the_contract_with_a_layer() -> None:
    check_sequence(TextSequence(TEXTS, tokenizer=layer_of(TEXTS), batch_size=2))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"standardize": lambda text: text}, "functions of its own"),
        ({"split": lambda text: text}, "functions of its own"),
        ({"split": None}, "functions of its own"),
        ({"output_mode": "count"}, "gives no ids"),
        ({}, "has learned no words"),
    ],
)
def test_a_layer_that_cannot_be_used(how: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        TextSequence(TEXTS, tokenizer=keras.layers.TextVectorization(**how))


@pytest.mark.backend
@pytest.mark.parametrize("workers", [0, 2])
def test_texts_of_any_length_train(workers: int) -> None:
    texts = [" ".join(["word"] * (1 + 7 * k % 23)) for k in range(40)]
    sequence = join(
        text=TextSequence(texts, tokenizer=lambda text: [len(word) for word in text.split()]),
        number=ArraySequence(np.ones((40, 2), np.float32)),
        targets=np.arange(40, dtype=np.float32),
        batch_size=4,
        shuffle=True,
        seed=0,
        workers=workers,
    )
    text = keras.Input((None,), dtype="int32", name="text")
    number = keras.Input((2,), name="number")
    word = keras.layers.Embedding(5, 3, mask_zero=True)(text)
    both = keras.layers.concatenate([keras.layers.GlobalAveragePooling1D()(word), number])
    model = keras.Model({"text": text, "number": number}, keras.layers.Dense(1)(both))
    model.compile("adam", "mse")
    with sequence:
        widths = {sequence[i][0]["text"].shape[1] for i in range(10)}
        history = model.fit(sequence, epochs=2, verbose=0)
        assert model.predict(sequence, verbose=0).shape == (40, 1)
    assert len(widths) > 3
    assert np.isfinite(history.history["loss"]).all()
