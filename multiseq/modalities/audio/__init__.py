"""Sound files into waveforms and frames."""
