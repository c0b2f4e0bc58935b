"""Rows of databases."""

from .sequence import SQLSequence

__all__ = ["SQLSequence"]
