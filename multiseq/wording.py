"""Whole texts to ids by arithmetic on characters, which any Keras model can do.

Keras' own layers put only ASCII letters in lower case, and split only at ASCII white space. Where a
text is split as Python does it, its characters are numbered instead, and each word is known by a
polynomial of them, modulo 2^64. That two words have the same one is as likely as one in 10^19.
"""

from __future__ import annotations

import functools
import string
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Alphabet", "Texts"]

Numbers = npt.NDArray[np.int64]

_BASE = 0x9E3779B97F4A7C15  # Odd, so that there is an inverse.
_MODULUS = 1 << 64
_INVERSE = pow(_BASE, -1, _MODULUS)
_OF_CONTEXT = "Σ"  # In lower case it is another letter at a word's end.
_LOST = "\0"  # NumPy, which holds a layer's vocabulary, takes it for the end of a text.
_FIRST = 2  # TextVectorization's number of the first character that is known.


@dataclass(frozen=True)
class Texts:
    """How a sequence makes ids of whole texts, as a model can do it too.

    Attributes:
        layer: The arguments of a TextVectorization layer that gives the ids.
        ids: Or else the id of each word, of texts in lower case, without ASCII punctuation, split
            at white space.
        other: The id of any other word.
        length: Of the ids; None for that of the longest text.
        pads_first: Whether padding is at the beginning.
        cuts_first: Whether texts are cut at the beginning.
        pad_id: The id that stands for padding.
    """

    layer: Mapping[str, Any] | None
    ids: Mapping[str, int]
    other: int
    length: int | None
    pads_first: bool
    cuts_first: bool
    pad_id: int

    @property
    def in_keras(self) -> bool:
        """Whether a model gives the same ids for any text."""
        if self.layer is not None:
            return not (self.pads_first or self.cuts_first or self.pad_id)
        letters = set().union(*self.ids)
        return self.length is not None and not letters & set(_OF_CONTEXT.lower() + "ς" + _LOST)


class Alphabet:
    """Characters as numbers, and what each adds to the polynomial of its word.

    Args:
        ids: The id of each word.

    Attributes:
        characters: Those that are known: white space, punctuation, and all whose lower case has a
            letter of a word. The first one is white space.
        spaces: Of each number, 1 for white space.
        letters: How many letters its lower case has; 0 for what is left out.
        values: What it adds, times the base to the power of how many letters there are so far.
        factors: The base to the power of its letters.
        inverses: Their inverses.
        hashes: Of the words, in their order.
    """

    def __init__(self, ids: Mapping[str, int]) -> None:
        letters = set().union(*ids)
        draws = np.random.default_rng(len(letters)).integers(1, 1 << 62, len(letters) + 1).tolist()
        self._codes = dict(zip(sorted(letters), draws[1:], strict=True))
        self._unknown = draws[0]
        self.characters = [*_spaces(), *string.punctuation, *_written_as(letters)]
        left_out = {*_spaces(), *string.punctuation}
        kept = ["" if each in left_out else each.lower() for each in self.characters]
        kept = ["", "?", *kept]  # Padding, and any other character.
        self.spaces = np.array([0, 0, *(each.isspace() for each in self.characters)], np.int64)
        self.letters = np.array(list(map(len, kept)), np.int64)
        self.values = _signed(self._value(each) for each in kept)
        self.factors = _signed(pow(_BASE, len(each), _MODULUS) for each in kept)
        self.inverses = _signed(pow(_BASE, -len(each), _MODULUS) for each in kept)
        self.hashes = _signed(self._value(each) * pow(_BASE, len(each), _MODULUS) for each in ids)

    @property
    def space(self) -> int:
        """The number of one white space."""
        return _FIRST

    def _value(self, letters: str) -> int:
        """The polynomial of letters, the last of which has the power 0."""
        value = 0
        for each in letters:
            value = value * _INVERSE + self._codes.get(each, self._unknown)
        return value


def _signed(numbers: Iterable[int]) -> Numbers:
    """Returns numbers modulo 2^64 as int64."""
    return np.array([each % _MODULUS for each in numbers], np.uint64).view(np.int64)


@functools.cache
def _spaces() -> tuple[str, ...]:
    return tuple(filter(str.isspace, map(chr, range(sys.maxunicode + 1))))


@functools.cache
def _cased() -> tuple[str, ...]:
    return tuple(each for each in map(chr, range(sys.maxunicode + 1)) if each.lower() != each)


def _written_as(letters: set[str]) -> list[str]:
    """Returns the characters whose lower case has one of these letters."""
    upper = [each for each in _cased() if each != _OF_CONTEXT and letters & set(each.lower())]
    return sorted(letters.union(upper))
