"""Operations of Keras that a served model does before the layers of transforms, or after them.

Nothing here imports Keras: it is given, as `keras` or `tf_keras`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from .wording import Alphabet, Texts

__all__ = ["filled", "vectorized", "worded"]

_BEYOND = 1 << 60  # Behind any character.


def filled(keras: Any, values: Any, fill: Any) -> Any:
    """Returns numbers with others in place of NaN: one, or one for each along the last axis."""
    fill = np.asarray(fill, np.float32)
    fill = fill.item() if fill.size == 1 else fill
    if hasattr(keras, "ops"):
        return keras.ops.where(keras.ops.isnan(values), fill, values)
    tf = sys.modules["tensorflow"]
    return tf.where(tf.math.is_nan(values), tf.constant(fill, values.dtype), values)


def vectorized(keras: Any, texts: Any, options: Mapping[str, Any]) -> Any:
    """Returns the ids of whole texts, as a TextVectorization layer of these options gives them."""
    return keras.layers.TextVectorization(**options)(texts)


def worded(keras: Any, texts: Any, how: Texts) -> Any:
    """Returns the ids of the words of whole texts, int64 of shape (n, length)."""
    ops, alphabet, length = keras.ops, Alphabet(how.ids), how.length or 0
    numbers = keras.layers.TextVectorization(
        standardize=None, split="character", vocabulary=alphabet.characters
    )(texts)
    numbers = ops.pad(numbers, [[0, 0], [0, 1]], constant_values=alphabet.space)
    hashes, is_word = _hashed(ops, numbers, alphabet)
    rank = ops.cumsum(is_word, axis=1)
    left = ops.sum(is_word, axis=1, keepdims=True) - rank if how.cuts_first else rank - 1
    place = ops.cumsum(ops.ones_like(numbers), axis=1) - 1
    outside = -_BEYOND if how.pads_first else _BEYOND
    wanted = ops.logical_and(ops.equal(is_word, 1), left < length)
    padding = [length, 0] if how.pads_first else [0, length]
    places = ops.sort(
        ops.pad(ops.where(wanted, place, outside), [[0, 0], padding], constant_values=outside), 1
    )
    places = places[:, -length:] if how.pads_first else places[:, :length]
    found = ops.take_along_axis(hashes, _within(ops, places, place[:, -1:]), 1)
    return _looked_up(keras, found, how, alphabet, ops.equal(places, outside))


def _within(ops: Any, places: Any, last: Any) -> Any:
    """Returns places; of those that lie outside, others that are there."""
    return ops.minimum(ops.maximum(places, 0), last)


def _looked_up(keras: Any, hashes: Any, how: Texts, alphabet: Alphabet, absent: Any) -> Any:
    """Returns the ids of words."""
    known = alphabet.hashes
    lookup = keras.layers.IntegerLookup(
        vocabulary=known.tolist(), num_oov_indices=1, oov_token=_none_of(known)
    )
    ids = np.array([how.other, *how.ids.values()], np.int64)
    return keras.ops.where(absent, how.pad_id, keras.ops.take(ids, lookup(hashes)))


def _none_of(numbers: Any) -> int:
    return next(number for number in range(-1, -len(numbers) - 2, -1) if number not in numbers)


def _hashed(ops: Any, numbers: Any, alphabet: Alphabet) -> tuple[Any, Any]:
    """Returns the polynomial of the word that ends at each white space, and whether one does.

    White spaces are brought to the front, in their order.

    Args:
        ops: Keras'.
        numbers: Of characters, shape (n, characters), the last of which is white space.
        alphabet: What they mean.

    Returns:
        int64 of the same shape; 1 and 0.
    """
    place = ops.cumsum(ops.ones_like(numbers), axis=1) - 1
    is_space = ops.equal(ops.take(alphabet.spaces, numbers), 1)
    ends = ops.sort(ops.where(is_space, place, _BEYOND), 1)
    ends = _within(ops, ends, place[:, -1:])

    def at_ends(values: Any) -> Any:
        return ops.take_along_axis(values, ends, 1)

    count = at_ends(ops.cumsum(ops.take(alphabet.letters, numbers), axis=1))
    powers = ops.cumprod(ops.take(alphabet.factors, numbers), axis=1)
    sums = at_ends(ops.cumsum(ops.take(alphabet.values, numbers) * powers, axis=1))
    inverses = at_ends(ops.cumprod(ops.take(alphabet.inverses, numbers), axis=1))
    is_word = ops.cast(count > _before(ops, count, 0), "int64")
    return (sums - _before(ops, sums, 0)) * _before(ops, inverses, 1), is_word


def _before(ops: Any, values: Any, first: int) -> Any:
    """Returns the value before each, and before the first one a given one."""
    return ops.pad(values, [[0, 0], [1, 0]], constant_values=first)[:, :-1]
