"""Sound files into waveforms and frames."""

from .sequence import AudioSequence

__all__ = ["AudioSequence"]
