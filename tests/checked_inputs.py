"""Inputs that do not go with a model."""

from __future__ import annotations

import numpy as np
from backends import keras
from checked import (
    CLASSES,
    IDS,
    IMAGES,
    REAL,
    L,
    Looked,
    N,
    Pair,
    X,
    Z,
    broken,
    compiled,
    dense,
    looked_up,
    pictures,
    rng,
    two,
)

from multiseq import ArraySequence, TextSequence, Vocabulary, join

# Names and number of inputs.


@broken("has an input 'b', and the data have none")
def misspelled() -> Pair:
    return ArraySequence({"a": X, "bb": Z}, REAL), two()


@broken("has an input 'b', and the data have none")
def one_is_missing() -> Pair:
    return ArraySequence({"a": X}, REAL), two()


@broken("no input 'c'")
def one_too_many() -> Pair:
    return ArraySequence({"a": X, "b": Z, "c": Z}, REAL), two()


@broken("differ in the number of inputs")
def three_for_two() -> Pair:
    return ArraySequence((X, Z, Z[:, :1]), REAL), two()


@broken("Sequential model takes one array")
def names_for_a_stack() -> Pair:
    return ArraySequence({"x": X}, REAL), dense()


@broken("Sequential model takes one array")
def two_for_a_stack() -> Pair:
    return ArraySequence((X, Z), REAL), dense()


@broken("another order than their names say")
def swapped() -> Pair:
    return join(ArraySequence(Z, name="b"), ArraySequence(X, name="a"), targets=REAL), two()


@broken("declared with a dict of inputs")
def tuple_for_a_dict() -> Pair:
    return ArraySequence((X, Z), REAL), two(struct=dict)


# Shapes and dtypes of inputs.


@broken("shape of a sample is not that")
def too_narrow() -> Pair:
    return ArraySequence({"a": X[:, :3], "b": Z}, REAL), two()


@broken("channels last")
def channels_first() -> Pair:
    return ArraySequence(IMAGES.transpose(0, 3, 1, 2), REAL), pictures()


@broken("shape of a sample is not that")
def grey_for_color() -> Pair:
    return ArraySequence(IMAGES[..., 0], REAL), pictures()


@broken("samples vary in length")
def of_any_length() -> Pair:
    lists = [list(range(1 + k % 9)) for k in range(N)]
    return TextSequence(lists, REAL), looked_up()


@broken("text goes into")
def text_for_numbers() -> Pair:
    return ArraySequence(np.array(["a", "b"] * (N // 2)), REAL), dense(inputs=1)


@broken("with fractions go into")
def fractions_for_ids() -> Pair:
    return ArraySequence({"ids": IDS + 0.5}, REAL), looked_up()


# Ids.


@broken("has no row for")
def ids_too_large() -> Pair:
    return ArraySequence({"ids": IDS}, REAL), looked_up(10)


@broken("has no row for")
def ids_from_one() -> Pair:
    return ArraySequence({"ids": IDS + 1}, REAL), looked_up(20)


@broken("has no row for")
def ids_below_zero() -> Pair:
    return ArraySequence({"ids": IDS - 1}, REAL), looked_up()


@broken("len(vocabulary)")
def vocabulary_too_large() -> Pair:
    texts = [" ".join(f"w{word}" for word in row) for row in IDS]
    seq = TextSequence(texts, REAL, tokenizer=Vocabulary(mask=""), max_length=6)
    seq.adapt(progress=False)
    return join(ids=seq), looked_up(20)


@broken("has no row for")
def a_rare_id() -> Pair:
    ids = rng.integers(0, 20, (20_000, 6))
    ids[12_345, 3] = 20
    return ArraySequence({"ids": ids}, ids.sum(1)), looked_up()


@broken("has no row for")
def ids_in_a_subclass() -> Pair:
    model = compiled(Looked(10))
    model(IDS[:2] % 10)
    return ArraySequence(IDS, REAL), model


@broken("in turn, and would fit in another order")
def swapped_of_other_shapes() -> Pair:
    a, b = keras.Input((4,), name="a"), keras.Input((2,), name="b")
    model = keras.Model([a, b], L.Dense(1)(L.Concatenate()([a, b])))
    return ArraySequence((Z[:, :2], X), REAL), compiled(model)


@broken("wrong ones")
def one_too_many_for_a_dict() -> Pair:
    return ArraySequence({"a": X, "aa": -X, "b": Z}, REAL), two(struct=dict)


@broken("no place for")
def categories_without_a_place() -> Pair:
    number = keras.Input((1,), dtype="int32")
    made = L.CategoryEncoding(2, output_mode="one_hot")(number)
    return ArraySequence(CLASSES[:, None], REAL), compiled(keras.Model(number, L.Dense(1)(made)))


@broken("none that the vocabulary has learned")
def words_of_another_language() -> Pair:
    words = Vocabulary(mask="").adapt([["a", "cat"], ["a", "dog"]])
    seq = TextSequence(["Ein Hund lief weg"] * N, REAL, tokenizer=words, max_length=6)
    return join(ids=seq), looked_up()


@broken("many pictures are blank")
def blank_pictures() -> Pair:
    x = IMAGES.copy()
    x[::4] = 0
    return ArraySequence(x, REAL), pictures()
