"""What users have that makes tokens or ids of texts, brought to one form."""

from __future__ import annotations

import copy
import functools
import string
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

from ...errors import ArgumentError

__all__ = ["Splitter", "decoder", "layer_length", "layer_options", "splitter", "words"]

Splitter = Callable[[list[str]], Sequence[Any]]
"""Makes of each text a list or an array, of tokens or of ids."""

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_PUNCTUATION_BYTES = string.punctuation.encode()
_OOV = 1  # TextVectorization's id of unknown tokens, where its output is "int".


def words(texts: list[str]) -> list[list[str]]:
    """Lower case, without ASCII punctuation, split at white space."""
    return [text.lower().translate(_PUNCTUATION).split() for text in texts]


def splitter(tokenizer: Any, max_length: int | None, cuts_first: bool, pad_id: int) -> Splitter:
    """Returns a function of several texts that may be called from any thread or process.

    Args:
        tokenizer: An object with `encode`, a Keras TextVectorization layer, or a function.
        max_length: To which texts will be cut. A tokenizer that can do so cuts them itself, for
            it keeps the special tokens at both ends.
        cuts_first: Whether they are cut at the beginning.
        pad_id: What they will be padded with.

    Raises:
        ArgumentError: It is none of these, or cannot be used as it is.
    """
    if _is_layer(tokenizer):
        return _Layer(tokenizer)
    _check(tokenizer, pad_id)
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:  # Of transformers; it may be set up for the last text it has seen.
        tokenizer = copy.deepcopy(backend)
        tokenizer.no_truncation()
        tokenizer.no_padding()
    if max_length is not None:
        tokenizer = _cutting(tokenizer, max_length, "left" if cuts_first else "right")
    return _Encoder(tokenizer)


def _cutting(tokenizer: Any, length: int, side: str) -> Any:
    """Returns a tokenizer that cuts texts itself, where it can; the user's is left as it is."""
    if hasattr(tokenizer, "enable_truncation"):
        own = tokenizer.truncation
        if own is None or own["max_length"] > length:
            tokenizer = copy.deepcopy(tokenizer)
            tokenizer.enable_truncation(length, direction=side)
    elif hasattr(tokenizer, "truncation_side"):
        tokenizer = copy.copy(tokenizer)
        tokenizer.truncation_side = side
        return functools.partial(tokenizer.encode, truncation=True, max_length=length)
    return tokenizer


def decoder(split: Splitter) -> Callable[[list[int]], str] | None:
    """Returns what makes text of ids again, where the tokenizer can."""
    if isinstance(split, _Layer):
        return split.decode
    tokenizer = getattr(split, "_tokenizer", None)
    if isinstance(tokenizer, functools.partial):
        tokenizer = getattr(tokenizer.func, "__self__", None)
    found = getattr(tokenizer, "decode", None)
    if found is None:
        return None
    if hasattr(tokenizer, "encode_batch"):  # It would leave out what no text holds: [CLS].
        return functools.partial(found, skip_special_tokens=False)
    decode: Callable[[list[int]], str] = found
    return decode


class _Encoder:
    """A tokenizer that takes several texts at once, or a function of one."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    def __call__(self, texts: list[str]) -> list[Any]:
        tokenizer = self._tokenizer
        at_once = getattr(tokenizer, "encode_batch_fast", None)  # It does without offsets.
        at_once = at_once or getattr(tokenizer, "encode_batch", None)
        if at_once is not None:
            found = at_once(texts)
        else:
            found = map(getattr(tokenizer, "encode", tokenizer), texts)
        return [getattr(encoding, "ids", encoding) for encoding in found]


class _Layer:
    """What a TextVectorization layer does, some ten times as fast, and without TensorFlow.

    TensorFlow looks at bytes: it puts only ASCII letters in lower case, and splits only at ASCII
    white space. Python's methods of bytes do the same.
    """

    def __init__(self, layer: Any) -> None:
        config = layer.get_config()
        self._standardize, self._split = config["standardize"], config["split"]
        self._ngrams = config["ngrams"]
        known = (None, "lower_and_strip_punctuation", "lower", "strip_punctuation")
        if self._standardize not in known or self._split not in ("whitespace", "character"):
            raise ArgumentError(
                "a TextVectorization layer with functions of its own needs TensorFlow to run",
                got=f"standardize={self._standardize!r}, split={self._split!r}",
                expected=f"standardize of {', '.join(map(repr, known))}; split of 'whitespace' or "
                "'character'",
                fix="make all ids once: TextSequence(np.asarray(layer(texts)), ...)",
            )
        if config["output_mode"] != "int":
            raise ArgumentError(
                "the TextVectorization layer gives no ids",
                got=f"output_mode={config['output_mode']!r}",
                expected="output_mode='int'",
            )
        tokens = layer.get_vocabulary()
        if len(tokens) <= _OOV + 1:
            raise ArgumentError(
                "the TextVectorization layer has learned no words",
                fix="call layer.adapt(texts) on the training texts first",
            )
        self._ids = {str(token).encode(): number for number, token in enumerate(tokens)}

    @property
    def options(self) -> dict[str, Any]:
        """The arguments of a layer that does the same, of any length."""
        return {
            "standardize": self._standardize,
            "split": self._split,
            "ngrams": self._ngrams,
            "vocabulary": [token.decode() for token in self._ids][_OOV + 1 :],
        }

    def decode(self, ids: list[int]) -> str:
        """Returns the tokens of ids, side by side."""
        tokens = {number: token.decode() for token, number in self._ids.items()}
        return " ".join(tokens.get(each, str(each)) for each in ids)

    def __call__(self, texts: list[str]) -> list[list[int]]:
        get = self._ids.get
        return [[get(token, _OOV) for token in self._tokens(text)] for text in texts]

    def _tokens(self, text: str) -> list[bytes]:
        data = text.encode("utf-8", "replace")
        if self._standardize in ("lower", "lower_and_strip_punctuation"):
            data = data.lower()
        if self._standardize in ("strip_punctuation", "lower_and_strip_punctuation"):
            data = data.translate(None, _PUNCTUATION_BYTES)
        if self._split == "character":
            tokens = [letter.encode() for letter in data.decode()]
        else:
            tokens = data.split()
        return tokens if self._ngrams is None else self._joined(tokens)

    def _joined(self, tokens: list[bytes]) -> list[bytes]:
        """Neighbors as one token each: all of the first length, then all of the next."""
        lengths = range(1, self._ngrams + 1) if isinstance(self._ngrams, int) else self._ngrams
        runs = ([tokens[k : k + n] for k in range(len(tokens) - n + 1)] for n in lengths)
        return [b" ".join(run) for run in chain.from_iterable(runs)]


def layer_length(tokenizer: Any) -> int | None:
    """The `output_sequence_length` of a TextVectorization layer; None if there is none."""
    length: int | None = None
    if _is_layer(tokenizer):
        length = tokenizer.get_config()["output_sequence_length"]
    return length


def layer_options(split: Splitter) -> dict[str, Any] | None:
    """The arguments of a TextVectorization layer that does the same; None where there is none."""
    return split.options if isinstance(split, _Layer) else None


def _is_layer(tokenizer: Any) -> bool:
    # By what it has: modalities must not import Keras.
    config = getattr(tokenizer, "get_config", dict)
    return hasattr(tokenizer, "get_vocabulary") and "standardize" in config()


def _check(tokenizer: Any, pad_id: int) -> None:
    if getattr(tokenizer, "padding", None) and hasattr(tokenizer, "encode_batch"):
        raise ArgumentError(
            "the tokenizer pads by itself, so that a text's ids depend on its batch",
            got=f"padding={tokenizer.padding}",
            fix="call tokenizer.no_padding(), and say padding, pad_id and max_length here",
        )
    if not callable(getattr(tokenizer, "encode", tokenizer)) or isinstance(tokenizer, type | str):
        raise ArgumentError(
            "texts need a tokenizer",
            got=tokenizer,
            expected="a Vocabulary, an object with `encode`, a TextVectorization layer, or a "
            "function of a text",
            fix='pass tokenizer=Vocabulary(mask=""), and call adapt() on the training sequence',
        )
    own = getattr(tokenizer, "pad_token_id", None)
    if own is not None and own != pad_id:
        raise ArgumentError(
            "pad_id is the id of another token in this tokenizer",
            got=pad_id,
            expected=own,
            fix=f"pass pad_id={own}",
        )
