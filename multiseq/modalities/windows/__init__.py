"""Windows of long series."""

from .sequence import WindowSequence

__all__ = ["WindowSequence"]
