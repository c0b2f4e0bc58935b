"""Texts into token ids."""

from .sequence import TextSequence

__all__ = ["TextSequence"]
