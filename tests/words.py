"""Texts, and tokenizers whose ids tell which text they came from."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from multiseq.modalities.text.sequence import TextSequence

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
