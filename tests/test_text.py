"""TextSequence: token ids, padded and cut, from ids or by a tokenizer."""

from __future__ import annotations

import pickle
import sys
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from words import TEXTS, Encoder, all_ids, codes

from multiseq.errors import AlignmentError, ArgumentError, NotAdaptedError, SpecError
from multiseq.modalities.text import ids as ids_module
from multiseq.modalities.text.sequence import TextSequence
from multiseq.samples import Spec
from multiseq.testing import check_sequence

# Row k counts up from 100 k: by its ids, each sample and position is known.
LISTS = [[100, 101, 102], [], [200], [300, 301, 302, 303, 304, 305], [400, 401]]
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
    monkeypatch.setattr(ids_module, "_CHUNK", 2)
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
    monkeypatch.setattr(ids_module, "_CHUNK", 2)
    with pytest.raises(SpecError, match="position 5"):
        TextSequence([[1]] * 5 + [[-1]])


# ---- keys and targets


def test_keys() -> None:
    assert TextSequence(LISTS).keys.tolist() == [0, 1, 2, 3, 4]
    assert TextSequence(pd.Series(TEXTS, index=list("abcde")), tokenizer=codes).keys[4] == "e"
    assert TextSequence({"x": [1]}).keys.tolist() == ["x"]
    assert TextSequence(LISTS, keys=list("abcde")).keys.tolist() == list("abcde")


def test_weights_go_with_their_texts() -> None:
    weights = pd.Series({"b": 2.0, "a": 1.0})
    seq = TextSequence({"a": [1], "b": [2]}, [0, 0], sample_weight=weights, max_length=1)
    ids, _, found = seq[0]
    assert found.tolist() == ids[:, 0].tolist() == [1, 2]
    check_sequence(seq)


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


def test_what_has_not_learned_is_named() -> None:
    with pytest.raises(NotAdaptedError) as caught:
        TextSequence(TEXTS, tokenizer=str.split)[0]
    assert caught.value.where["input"] == "inputs"
