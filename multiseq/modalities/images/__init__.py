"""Bytes of image files into arrays of one size."""

from .sequence import ImageSequence

__all__ = ["ImageSequence"]
