"""Files named by key, and what is in them."""

from .sequence import FileSequence

__all__ = ["FileSequence"]
