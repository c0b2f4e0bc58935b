"""Sounds that tests make and know again: the frequency of a tone is the code of its sample."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf

from multiseq.modalities.audio.sequence import AudioSequence

RATE = 8_000
SECONDS = 0.25


def hertz(code: int) -> int:
    return 200 + 100 * code


def tone(code: int, rate: int = RATE, seconds: float = SECONDS) -> Any:
    """A sine wave of amplitude 1/2."""
    return np.sin(np.arange(round(rate * seconds)) * (2 * np.pi * hertz(code) / rate)) / 2


def code_of(waveform: Any, rate: int = RATE) -> int:
    """The code of the loudest tone."""
    spectrum = np.abs(np.fft.rfft(waveform * np.hanning(len(waveform)), 2 * rate))
    return round((spectrum.argmax() / 2 - 200) / 100)


def codes_of(batch: Any, rate: int = RATE) -> list[int]:
    return [code_of(waveform, rate) for waveform in batch[0]]


def write(path: Path, samples: Any, rate: int = RATE, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    sf.write(path, samples, rate, **options)
    return path


def encoded(samples: Any, rate: int = RATE, kind: str = "WAV", **options: Any) -> bytes:
    stream = io.BytesIO()
    sf.write(stream, samples, rate, format=kind, **options)
    return stream.getvalue()


def sounds(source: Any, targets: Any = None, **keywords: Any) -> AudioSequence:
    return AudioSequence(source, targets, **({"sample_rate": RATE, "batch_size": 4} | keywords))
