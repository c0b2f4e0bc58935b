"""`TextSequence`: token ids, padded and cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Literal, Unpack

import numpy as np
import numpy.typing as npt

from ...checks import check_choice
from ...errors import ArgumentError, SpecError, at_input
from ...keys.rows import rows_beside
from ...keys.targets import Targets
from ...memory import aligned_empty
from ...order import Indices
from ...samples import Spec
from ...sequence import MultiInputSequence
from ...settings import BaseKeywords
from ...sources.flat import FlatRows, FlatTexts
from ...sources.items import check_items, check_keys, index_beside, items_and_keys, with_spec
from ...transforms import Vocabulary
from .tokenizers import Splitter, layer_length, splitter, words

__all__ = ["TextSequence"]

Ids = npt.NDArray[np.int32]

_LARGEST = np.iinfo(np.int32).max
_CHUNK = 1 << 14  # Token lists that are copied at a time: their values exist twice meanwhile.


class TextSequence(MultiInputSequence):
    """Texts as token ids, int32.

    With `max_length`, all have shape (max_length,), cut and padded as
    `keras.utils.pad_sequences` does. Without, a batch is as wide as its longest text.

    A tokenizer is one of:

    - a `Vocabulary`: texts are put in lower case, stripped of ASCII punctuation and split at
      white space. `adapt()` learns the words. With `Vocabulary(mask="")`, id 0 is padding alone;
      without a mask, it is unknown words too.
    - an object with `encode(text)`, such as a Tokenizer of Hugging Face's `tokenizers`, a
      `transformers` tokenizer, or one of tiktoken or SentencePiece. Those of Hugging Face cut
      texts to `max_length` themselves, so that the special tokens at both ends stay.
    - a `keras.layers.TextVectorization` that has learned its words: the ids are the layer's, but
      TensorFlow is not called. Its `output_sequence_length` is the default of `max_length`.
    - a function that returns a text's ids; or its tokens, as in `tokenizer=str.split`. The
      sequence then has a `Vocabulary(mask="")` of its own, which `adapt()` learns:
      `sequence.transforms["inputs"]`.

    It may be called from several threads at once. Texts are tokenized in each epoch anew; to do
    so once, make `source` of the ids that a tokenizer gave.

    An empty text is all padding. After `Embedding(mask_zero=True)`, Keras' GlobalAveragePooling1D
    makes NaN of it, since it divides by the number of tokens: leave such texts out, or fill them.

    Example:
        >>> words = Vocabulary(max_size=10_000, mask="")
        >>> captions = TextSequence(frame["caption"], tokenizer=words, max_length=32)
        >>> train, test = captions.split(0.8, 0.2)
        >>> train.adapt()
        >>> embedding = keras.layers.Embedding(len(words), 64, mask_zero=True)

    Args:
        source: Texts, or lists or arrays of token ids of any length: as a list, as a Series whose
            index gives the keys, or as a dict by key. Ids may also be an array of two axes.
        targets: An array, a Series (aligned by its index), or a dict of those by output name.
        tokenizer: What makes ids of texts; None for a source that holds ids.
        max_length: To which texts are cut and padded; None for no limit.
        padding: "post" pads at the end, "pre" at the beginning.
        truncating: "post" cuts at the end, "pre" at the beginning.
        pad_id: The id that stands for padding.
        keys: The samples' keys, in the order of `source`; without them, those of a Series or a
            dict, else positions.
        sample_weight: As `targets`; one array of weights stands for all outputs.
        **keywords: Those of `MultiInputSequence`.

    Raises:
        AlignmentError: Keys are duplicated, or `targets` lacks one.
        ArgumentError: An argument is not what it should be.
        SpecError: The source holds something else than token ids.
    """

    def __init__(
        self,
        source: Any,
        targets: Any = None,
        *,
        tokenizer: Any = None,
        max_length: int | None = None,
        padding: Literal["post", "pre"] = "post",
        truncating: Literal["post", "pre"] = "post",
        pad_id: int = 0,
        keys: Any = None,
        sample_weight: Any = None,
        **keywords: Unpack[BaseKeywords],
    ) -> None:
        if max_length is None:
            max_length = layer_length(tokenizer)
        self._max_length = None if max_length is None else _integer("max_length", max_length, 1)
        self._pad_id = _integer("pad_id", pad_id, -_LARGEST)
        self._pads_first = _is_pre("padding", padding)
        self._cuts_first = _is_pre("truncating", truncating)
        items, own_keys = items_and_keys(source, "texts or token lists")
        if keys is None:
            keys = len(items) if own_keys is None else own_keys
        check_keys(keys, items, "texts")
        self._vocabulary: Vocabulary | None = None
        self._texts: FlatTexts | None = None
        if tokenizer is None and not (items and isinstance(items[0], str)):
            self._ids = _packed(items, own_keys)
        else:
            check_items(items, own_keys, lambda item: isinstance(item, str), "text", "text")
            self._texts = FlatTexts(items)
            self._prepare(tokenizer)
        self._source_rows = rows_beside(keys, index_beside(keys, own_keys))
        self._targets = Targets(targets, sample_weight, keys, self._source_rows)
        spec = Spec((self._max_length,), np.int32, padding, self._pad_id)
        super().__init__(keys, **with_spec(keywords, spec))

    def load_sample(self, index: int) -> Any:
        """Returns (ids,), with targets and weights if given; (max_length,) or (length,)."""
        # Copied, for `augment` may write into it.
        ids = (
            self._rows([index])[0].copy() if self._max_length is None else self._padded([index])[0]
        )
        return ids, *self._targets.row(index)

    def target_rows(self, indices: Indices) -> Any:
        """The targets of several samples, where they were given as arrays."""
        return self._targets.target_rows(indices)

    def load_batch(self, indices: Indices) -> Any:
        """Returns several samples, tokenized together where the tokenizer can."""
        positions = indices.tolist()
        ids = self._rows(positions) if self._max_length is None else self._padded(positions)
        return ids, *self._targets.rows(indices)

    @property
    def transforms(self) -> Mapping[str, Vocabulary]:
        """The vocabulary that `adapt()` learns, if there is one, as "inputs"."""
        return {} if self._vocabulary is None else {"inputs": self._vocabulary}

    def raw(self, index: int) -> Mapping[str, Any]:
        """Returns the tokens of one text, as "inputs"."""
        return {"inputs": self._tokens([index])[0]}

    def _prepare(self, tokenizer: Any) -> None:
        """Finds out what splits texts, and what gives the pieces their ids."""
        self._split: Splitter = words
        if isinstance(tokenizer, Vocabulary):
            self._vocabulary = tokenizer
            return
        self._split = splitter(tokenizer, self._max_length, self._cuts_first, self._pad_id)
        if self._gives_words():
            self._vocabulary = Vocabulary(mask="")

    def _gives_words(self) -> bool:
        """Whether the tokenizer returns text instead of ids: the first text that has any tells."""
        for position in range(len(self._texts or ())):
            (tokens,) = self._tokens([position])
            if isinstance(tokens, str) or not hasattr(tokens, "__len__"):
                raise ArgumentError(
                    "the tokenizer returned neither tokens nor ids",
                    got=tokens,
                    expected="a list or an array",
                )
            if len(tokens):
                return isinstance(tokens[0], str)
        return False

    def _tokens(self, positions: list[int]) -> Sequence[Any]:
        """What the tokenizer makes of texts: a list of tokens or ids for each."""
        texts = self._texts
        return self._split([texts[position] for position in positions]) if texts else []

    def _encoded(self, positions: list[int]) -> FlatRows:
        """The ids of texts, neither cut nor padded."""
        tokens = self._tokens(positions)
        if self._vocabulary is None:
            ids = _at_once(tokens)
            if ids is None:
                return FlatRows.of(list(map(_checked_ids, tokens)), np.int32)
        else:
            with at_input("inputs"):
                ids = self._vocabulary.transform(list(chain.from_iterable(tokens)))
        return FlatRows(ids, list(map(len, tokens)))

    def _rows(self, positions: list[int]) -> list[Ids]:
        """The same as an array for each text."""
        if self._texts is None:
            return [self._ids[position] for position in positions]
        rows = self._encoded(positions)
        return [rows[number] for number in range(len(rows))]

    def _padded(self, positions: list[int]) -> Ids:
        if self._texts is None:
            rows, which = self._ids, np.asarray(positions)
        else:
            rows = self._encoded(positions)
            which = np.arange(len(positions))
        length = self._max_length or 0
        out = aligned_empty((len(positions), length), np.int32)
        starts, lengths = rows.bounds(which)
        kept = np.minimum(lengths, length)
        if self._cuts_first:
            starts = starts + lengths - kept
        columns = np.arange(length)
        if self._pads_first:
            columns = columns - (length - kept)[:, None]
            outside = columns < 0
        else:
            outside = columns >= kept[:, None]
        if rows.values.size:
            # Beyond a row's ends, what is taken is clipped and then painted over.
            rows.values.take(starts[:, None] + columns, out=out, mode="clip")
        out[outside] = self._pad_id
        return out


def _packed(items: list[Any], keys: Any) -> FlatRows:
    """Copies lists of ids into one array.

    Raises:
        SpecError: An item is no list of ids; it says which.
    """
    values: list[Ids] = [np.empty(0, np.int32)]
    lengths: list[int] = []
    for start in range(0, len(items), _CHUNK):
        chunk = items[start : start + _CHUNK]
        values.append(_joined(chunk, keys, start))
        lengths += map(len, chunk)
    return FlatRows(np.concatenate(values), lengths)


def _joined(chunk: list[Any], keys: Any, start: int) -> Ids:
    """Joins lists of ids; looks at them one by one only where not all are alike and good."""
    ids = _at_once(chunk)
    if ids is not None:
        return ids
    arrays = []
    for position, item in enumerate(chunk, start):
        try:
            arrays.append(_checked_ids(item))
        except SpecError as error:
            where = {"position": position} if keys is None else {"key": repr(keys[position])}
            raise error.at(cls=TextSequence.__name__, **where) from None
    return np.concatenate(arrays)


def _at_once(chunk: Sequence[Any]) -> Ids | None:
    """The ids of lists that are all alike and good; None for others."""
    types = set(map(type, chunk))
    try:
        if types <= {list, tuple}:
            return _checked_ids(list(chain.from_iterable(chunk)))
        if types == {np.ndarray}:
            return _checked_ids(np.concatenate(chunk))
    except (SpecError, ValueError):
        pass
    return None


def _checked_ids(value: Any) -> Ids:
    """Returns token ids as an int32 array.

    Raises:
        SpecError: It is something else.
    """
    try:
        array = np.asarray(value)
        good = array.ndim == 1 and (array.dtype.kind in "iu" or not array.size)
    except (ValueError, TypeError):  # Lists of different lengths within.
        good = False
    if good and (not array.size or 0 <= array.min() <= array.max() <= _LARGEST):
        return array.astype(np.int32, copy=False)
    raise SpecError(
        "these are no token ids",
        got=value,
        expected=f"a list or 1-D array of integers from 0 to {_LARGEST}, which may be empty",
        fix="make ids of text by a tokenizer, and fill or leave out what is missing",
    )


def _is_pre(name: str, value: Any) -> bool:
    check_choice(name, value, ("post", "pre"))
    return bool(value == "pre")


def _integer(name: str, value: Any, least: int) -> int:
    good = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if good and least <= value <= _LARGEST:
        return int(value)
    raise ArgumentError(f"bad {name}", got=value, expected=f"an integer from {least}, of 32 bits")
