"""TextSequence: token ids, padded and cut, from ids or by a tokenizer."""

from __future__ import annotations

import pickle
import sys
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

from multiseq.errors import AlignmentError, ArgumentError, NotAdaptedError, SpecError
from multiseq.modalities import text as text_module
from multiseq.modalities.text import TextSequence
from multiseq.samples import Spec
from multiseq.transforms import Vocabulary

# Row k counts up from 100 k: by its ids, each sample and position is known.
LISTS = [[100, 101, 102], [], [200], [300, 301, 302, 303, 304, 305], [400, 401]]
TEXTS = ["a cat", "", "a dog runs", "The CAT, runs!", "a"]


def codes(text: str) -> list[int]:
    """A tokenizer whose ids are the code points of a text."""
    return [ord(letter) for letter in text]


def all_ids(sequence: TextSequence) -> list[list[int]]:
    return [row.tolist() for i in range(len(sequence)) for row in sequence[i][0]]


class Encoder:
    """A tokenizer as those of Hugging Face's `tokenizers`: counts how it is called."""

    padding: dict[str, Any] | None = None

    def __init__(self) -> None:
        self.texts = self.batches = 0

    def encode(self, text: str) -> SimpleNamespace:
        self.texts += 1
        return SimpleNamespace(ids=codes(text))

    def encode_batch(self, texts: list[str]) -> list[SimpleNamespace]:
        self.batches += 1
        return [SimpleNamespace(ids=codes(text)) for text in texts]


# ---- padding and cutting


@pytest.mark.parametrize("padding", ["post", "pre"])
@pytest.mark.parametrize("truncating", ["post", "pre"])
@pytest.mark.parametrize("max_length", [1, 3, 4, 9])
@pytest.mark.parametrize("pad_id", [0, 7])
@pytest.mark.parametrize("lists", [LISTS, [[], []], [[5]]])
def test_as_keras_pads(
    padding: Any, truncating: Any, max_length: int, pad_id: int, lists: Any
) -> None:
    sequence = TextSequence(
        lists, max_length=max_length, padding=padding, truncating=truncating, pad_id=pad_id
    )
    (batch,) = sequence[0]
    expected = keras.utils.pad_sequences(
        lists, max_length, "int32", padding, truncating, value=pad_id
    )
    assert np.array_equal(batch, expected)
    assert batch.dtype == np.int32


@pytest.mark.parametrize("padding", ["post", "pre"])
def test_without_max_length_to_the_longest_of_the_batch(padding: Any) -> None:
    sequence = TextSequence(LISTS, padding=padding, pad_id=9, batch_size=3)
    for i, start in enumerate((0, 3)):
        lists = LISTS[start : start + 3]
        expected = keras.utils.pad_sequences(lists, None, "int32", padding, value=9)
        assert np.array_equal(sequence[i][0], expected)


def test_random_rows_as_keras_pads() -> None:
    rng = np.random.default_rng(0)
    lists = [rng.integers(0, 1000, rng.integers(0, 30)).tolist() for _ in range(200)]
    sequence = TextSequence(lists, max_length=12, truncating="pre", shuffle=True, seed=1)
    for i in range(len(sequence)):
        picked = [lists[key] for key in sequence.batch_keys(i)]
        expected = keras.utils.pad_sequences(picked, 12, "int32", "post", "pre")
        assert np.array_equal(sequence[i][0], expected)


@pytest.mark.parametrize("max_length", [None, 4])
@pytest.mark.parametrize("tokenizer", [codes, Encoder(), None])
def test_a_sample_is_the_row_of_a_batch(max_length: int | None, tokenizer: Any) -> None:
    source = LISTS if tokenizer is None else TEXTS
    sequence = TextSequence(source, np.arange(5), tokenizer=tokenizer, max_length=max_length)
    batch, targets = sequence[0]
    for position in range(5):
        ids, target = sequence.sample(position)
        assert np.array_equal(batch[position][: len(ids)], ids)
        assert not batch[position][len(ids) :].any()
        assert target == targets[position] == position


def test_the_spec() -> None:
    assert TextSequence(LISTS, max_length=4).spec == (Spec((4,), "int32"),)
    sequence = TextSequence(LISTS, padding="pre", pad_id=3)
    assert sequence.spec == (Spec((None,), "int32", "pre", 3),)


def test_a_spec_for_targets_leaves_that_of_texts() -> None:
    sequence = TextSequence(LISTS, np.arange(5), spec=(None, Spec((), "float32")))
    assert sequence.spec == (Spec((None,), "int32"), Spec((), "float32"))


def test_changing_a_sample_leaves_the_source() -> None:
    sequence = TextSequence(LISTS)
    ids, *_ = sequence.load_sample(0)
    ids[:] = 0
    assert sequence.load_sample(0)[0].tolist() == LISTS[0]


def test_changing_a_batch_leaves_the_source() -> None:
    sequence = TextSequence(LISTS, max_length=4)
    sequence[0][0][:] = 0
    assert sequence[0][0][0].tolist() == [100, 101, 102, 0]


def test_batches_need_no_copy() -> None:
    # NumPy's own large arrays lie 16 bytes behind an aligned address.
    ids, *_ = TextSequence([[1]] * 64, max_length=9999).load_batch(np.arange(64))
    assert ids.ctypes.data % 64 == 0


# ---- sources of ids


@pytest.mark.parametrize(
    "source",
    [
        tuple(LISTS),
        list(map(tuple, LISTS)),
        pd.Series(LISTS),
        [np.array(ids, np.uint16) for ids in LISTS],
        [np.array(ids) for ids in LISTS],  # The empty one is of floats, as NumPy has it.
        [LISTS[0], *map(np.array, LISTS[1:])],
        [pd.Series(ids) for ids in LISTS],
    ],
)
def test_sources_of_ids(source: Any) -> None:
    assert TextSequence(source).load_batch(np.arange(5))[0][3].tolist() == LISTS[3]
    assert all_ids(TextSequence(source, max_length=2)) == [
        [100, 101],
        [0, 0],
        [200, 0],
        [300, 301],
        [400, 401],
    ]


def test_an_array_of_two_axes() -> None:
    assert all_ids(TextSequence(np.arange(6).reshape(2, 3))) == [[0, 1, 2], [3, 4, 5]]


def test_ids_lie_in_one_array_whatever_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_module, "_CHUNK", 2)
    sequence = TextSequence(LISTS, max_length=6)
    assert sequence._ids.values.tolist() == [token for ids in LISTS for token in ids]
    assert all_ids(sequence)[3] == LISTS[3]


def test_a_million_lists_pickle_as_two_arrays() -> None:
    few, many = (len(pickle.dumps(TextSequence([[1, 2]] * n, max_length=2))) for n in (10, 10_010))
    # Two ids of 4 bytes and an offset of 8 for each.
    assert many - few < 17 * 10_000


def test_the_callers_lists_are_not_kept() -> None:
    ids = [1, 2]
    before = sys.getrefcount(ids)
    sequence = TextSequence([ids])
    assert sys.getrefcount(ids) == before
    assert len(sequence) == 1


@pytest.mark.parametrize(
    "bad",
    [
        [1.5],
        [1, 2.0],
        np.array([1.0]),
        [1, None],
        None,
        [[1, 2], [3, 4]],
        [[1], [2, 3]],
        [-1],
        [2**31],
        [2**70],
        np.array([2**63], np.uint64),
        ["a"],
        "a",
        5,
        {"a": 1},
        np.array([1, "a"], object),
        np.zeros((2, 2), int),
        float("nan"),
    ],
)
@pytest.mark.parametrize("others", [[[1, 2], [3]], [np.array([1, 2]), np.array([3])]])
def test_what_are_no_ids(bad: Any, others: Any) -> None:
    source = [*others, bad, *others]
    with pytest.raises(SpecError) as caught:
        TextSequence(source)
    assert str(caught.value).startswith("TextSequence, position 2: these are no token ids\n")
    with pytest.raises(SpecError, match="TextSequence, key 'c': these are no token ids"):
        TextSequence(dict(zip("abcde", source, strict=True)))


def test_the_bad_list_is_named_whatever_its_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_module, "_CHUNK", 2)
    with pytest.raises(SpecError, match="position 5"):
        TextSequence([[1]] * 5 + [[-1]])


# ---- tokenizers


def test_a_function_of_ids() -> None:
    sequence = TextSequence(["ab", "c"], tokenizer=codes)
    assert all_ids(sequence) == [[97, 98], [99, 0]]
    assert sequence.transforms == {}


def test_a_function_that_returns_an_array() -> None:
    sequence = TextSequence(["ab"], tokenizer=lambda text: np.array(codes(text), np.int64))
    assert all_ids(sequence) == [[97, 98]]
    assert sequence[0][0].dtype == np.int32


def test_an_encoder_is_given_whole_batches() -> None:
    encoder = Encoder()
    sequence = TextSequence(["ab", "c", "d"], tokenizer=encoder, max_length=2)
    encoder.texts = 0
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


# ---- keys and targets


def test_keys() -> None:
    assert TextSequence(LISTS).keys.tolist() == [0, 1, 2, 3, 4]
    assert TextSequence(pd.Series(TEXTS, index=list("abcde")), tokenizer=codes).keys[4] == "e"
    assert TextSequence({"x": [1]}).keys.tolist() == ["x"]
    assert TextSequence(LISTS, keys=list("abcde")).keys.tolist() == list("abcde")


def test_a_series_of_targets_is_aligned_by_key() -> None:
    targets = pd.Series({"b": 2, "a": 1})
    assert TextSequence({"a": [1], "b": [2]}, targets)[0][1].tolist() == [1, 2]


def test_a_key_without_target() -> None:
    with pytest.raises(AlignmentError, match="no row for 1 of the 2"):
        TextSequence({"a": [1], "b": [2]}, pd.Series({"a": 1}))


def test_subsets_keep_texts_and_targets_together() -> None:
    ids, targets = TextSequence(LISTS, np.arange(5), max_length=1).subset([4, 2])[0]
    assert ids.tolist() == [[400], [200]]
    assert targets.tolist() == [4, 2]


@pytest.mark.parametrize("max_length", [None, 4])
@pytest.mark.parametrize("tokenizer", [codes, None])
def test_threads_give_the_same_bytes(max_length: int | None, tokenizer: Any) -> None:
    source = (LISTS if tokenizer is None else TEXTS) * 8
    sequence = TextSequence(source, np.arange(40), tokenizer=tokenizer, max_length=max_length)
    with sequence.replace(workers=2) as threaded:
        for i in range(len(sequence)):
            for mine, theirs in zip(sequence[i], threaded[i], strict=True):
                assert np.array_equal(mine, theirs)


@pytest.mark.parametrize("tokenizer", [codes, None])
def test_pickles(tokenizer: Any) -> None:
    source = LISTS if tokenizer is None else TEXTS
    sequence = TextSequence(source, tokenizer=tokenizer, max_length=4)
    assert all_ids(pickle.loads(pickle.dumps(sequence))) == all_ids(sequence)


@pytest.mark.parametrize("source", ["a text", 5, None, {"a", "b"}, (text for text in TEXTS)])
def test_what_is_no_collection(source: Any) -> None:
    with pytest.raises(ArgumentError, match="no collection of texts or token lists"):
        TextSequence(source, tokenizer=codes)


def test_no_samples() -> None:
    with pytest.raises(ArgumentError, match="no samples"):
        TextSequence([])


def test_another_number_of_keys() -> None:
    with pytest.raises(ArgumentError, match="keys and texts differ in number"):
        TextSequence(LISTS, keys=["a"])


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("max_length", 0),
        ("max_length", -1),
        ("max_length", 2.5),
        ("max_length", True),
        ("max_length", "8"),
        ("padding", "left"),
        ("truncating", None),
        ("pad_id", 0.5),
        ("pad_id", None),
        ("pad_id", 2**31),
    ],
)
def test_bad_arguments(argument: str, value: Any) -> None:
    with pytest.raises(ArgumentError, match=f"bad {argument}"):
        TextSequence(LISTS, **{argument: value})
