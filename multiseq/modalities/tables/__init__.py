"""Columns of tables."""

from .sequence import TableSequence

__all__ = ["TableSequence"]
