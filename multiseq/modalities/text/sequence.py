"""`TextSequence`: token ids, padded and cut."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any, Literal, Self, Unpack

import numpy as np
import numpy.typing as npt

from ...base.encoding import ALONE, Records
from ...checks import check_choice
from ...errors import ArgumentError, at_input
from ...keys.rows import rows_beside
from ...keys.targets import Targets
from ...memory import aligned_empty
from ...order import Indices
from ...pipeline import apart, names_given
from ...plots import kinds
from ...plots.naming import kind_of
from ...samples import Spec
from ...sequence import MultiInputSequence
from ...settings import BaseKeywords
from ...sources.flat import FlatRows, FlatTexts
from ...sources.items import check_items, check_keys, index_beside, items_and_keys, with_spec
from ...stages import stage
from ...transforms import Vocabulary
from ...wording import Texts
from .absent import filled
from .ids import LARGEST, at_once, checked_ids, packed
from .tokenizers import Splitter, decoder, layer_length, splitter, words
from .whole import whole_texts

__all__ = ["TextSequence"]

Ids = npt.NDArray[np.int32]


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

    A text that is missing (None, NaN) is refused; `missing=""` makes an empty text of it, before it
    is tokenized. An empty text is all padding. After `Embedding(mask_zero=True)`, Keras'
    GlobalAveragePooling1D makes NaN of it, since it divides by the number of tokens: leave such
    texts out, or fill them.

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
        self._pad_id = _integer("pad_id", pad_id, -LARGEST)
        self._pads_first = _is_pre("padding", padding)
        self._cuts_first = _is_pre("truncating", truncating)
        items, own_keys = items_and_keys(source, "texts or token lists")
        own, rest = apart(keywords.get("missing"), ["inputs"], targets)
        if "missing" in keywords:
            keywords["missing"] = rest
        self._absent = own.get("inputs")
        if tokenizer is not None:
            items = filled(items, self._absent)
        if keys is None:
            keys = len(items) if own_keys is None else own_keys
        check_keys(keys, items, "texts")
        self._vocabulary: Vocabulary | None = None
        self._texts: FlatTexts | None = None
        if tokenizer is None and not (items and isinstance(items[0], str)):
            self._ids = packed(items, own_keys)
        else:
            _check_texts(items, own_keys)
            self._texts = FlatTexts(items)
            self._prepare(tokenizer)
        self._source_rows = rows_beside(keys, index_beside(keys, own_keys))
        self._targets = Targets(
            targets, sample_weight, keys, self._source_rows, named=names_given(keywords)
        )
        spec = Spec((self._max_length,), np.int32, padding, self._pad_id)
        self._loaded_spec = spec
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
    def _leaf_kinds(self) -> Mapping[str, kinds.Kind]:
        own: dict[str, kinds.Kind] = {}
        if self._texts is not None and self._vocabulary is None:
            decode = decoder(self._split)
            if decode is not None:
                own["inputs"] = kinds.Ids(functools.partial(_decoded, decode, self._pad_id))
        elif self._vocabulary is not None:
            coded = kind_of(self._vocabulary)
            if isinstance(coded, kinds.Coded):
                own["inputs"] = kinds.Ids(functools.partial(_decoded, coded.words, self._pad_id))
        return {**super()._leaf_kinds, **own}

    def _raw_leaves(self, index: int) -> dict[str, Any]:
        values = super()._raw_leaves(index)
        return values if self._texts is None else {**values, "inputs": self._texts[index]}

    def _raw_fields(self) -> list[str]:
        return [ALONE]

    def _over(self, records: Records) -> Self:
        other = self._emptied(len(records))
        items = [record[ALONE] for record in records]
        if self._texts is None:
            other._ids = packed(items, None)
        else:
            items = filled(items, self._absent)
            _check_texts(items, None)
            other._texts = FlatTexts(items)
        other._targets = Targets(None, None, len(items))
        return other

    @property
    def _whole_texts(self) -> Texts | None:
        form = (self._max_length, self._pads_first, self._cuts_first, self._pad_id)
        return whole_texts(self._split, self._vocabulary, *form) if self._texts else None

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

    @stage("tokenize")
    def _tokens(self, positions: list[int]) -> Sequence[Any]:
        """What the tokenizer makes of texts: a list of tokens or ids for each."""
        texts = self._texts
        return self._split([texts[position] for position in positions]) if texts else []

    def _encoded(self, positions: list[int]) -> FlatRows:
        """The ids of texts, neither cut nor padded."""
        tokens = self._tokens(positions)
        if self._vocabulary is None:
            ids = at_once(tokens)
            if ids is None:
                return FlatRows.of(list(map(checked_ids, tokens)), np.int32)
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


def _check_texts(items: list[Any], keys: Any) -> None:
    fix = 'leave the key out; or fill it, as missing="" does'
    check_items(items, keys, lambda item: isinstance(item, str), "text", "text", fix)


def _decoded(decode: Callable[[list[int]], str], pad_id: int, ids: list[int]) -> str:
    """Words of ids, without the padding at either end."""
    kept = [place for place, each in enumerate(ids) if each != pad_id]
    return decode(ids[kept[0] : kept[-1] + 1]) if kept else ""


def _is_pre(name: str, value: Any) -> bool:
    check_choice(name, value, ("post", "pre"))
    return bool(value == "pre")


def _integer(name: str, value: Any, least: int) -> int:
    good = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if good and least <= value <= LARGEST:
        return int(value)
    raise ArgumentError(f"bad {name}", got=value, expected=f"an integer from {least}, of 32 bits")
