"""Arrays that are not in memory, or not NumPy's."""

from .sequence import ArraySequence

__all__ = ["ArraySequence"]
