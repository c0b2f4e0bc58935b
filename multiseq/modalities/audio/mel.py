"""Log-mel frames: how loud each band of a sound is, over time.

The bands are triangles on the mel scale of M. Slaney's Auditory Toolbox (Interval Research
Technical Report 1998-010, `mfcc.m`), each of area 2: as in `librosa.filters.mel`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import ArgumentError
from ...stages import stage

__all__ = ["FLOOR", "LogMel", "MelFrames", "mel_bands"]

Frames = npt.NDArray[np.float32]
Hertz = npt.NDArray[np.floating[Any]]

FLOOR = 1e-10
"""Power below which all is silence, so that the logarithm is finite."""

_WINDOW_SECONDS, _HOP_SECONDS = 0.025, 0.010
_FRAMES_AT_ONCE = 256  # Half a megabyte of spectra at 16 kHz: they stay in the cache.

# Slaney's scale: linear up to 1 kHz, then 27 steps for each factor of 6.4.
_HERTZ_A_MEL = 200 / 3
_BEND_HERTZ = 1000.0
_BEND_MEL = _BEND_HERTZ / _HERTZ_A_MEL
_LOG_STEP = math.log(6.4) / 27


@dataclass(frozen=True)
class LogMel:
    """How log-mel frames are computed.

    Frame t is centred on sample t * hop_length, and silence is put before and behind the sound.
    Its n_fft samples are weighted with a periodic Hann window; of the power spectrum |rfft|^2,
    each band takes a weighted sum, and the natural logarithm of that, of at least 1e-10, is the
    frame. Bands reach from 0 Hz to half the sample rate.

    Args:
        n_fft: Samples in a frame; None for 25 ms.
        hop_length: Samples from one frame to the next; None for 10 ms.
        n_mels: Number of bands.

    Raises:
        ArgumentError: One of these is no integer of at least 1.
    """

    n_fft: int | None = None
    hop_length: int | None = None
    n_mels: int = 80

    def __post_init__(self) -> None:
        for name in ("n_fft", "hop_length", "n_mels"):
            value: Any = getattr(self, name)
            whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
            if not (value is None and name != "n_mels") and not (whole and value > 0):
                raise ArgumentError(f"bad {name}", got=value, expected="an integer of at least 1")


class MelFrames:
    """Computes log-mel frames of waveforms of one sample rate.

    Args:
        settings: What to compute.
        sample_rate: In Hz.

    Raises:
        ArgumentError: A band is narrower than the spectrum's resolution, and would be empty.
    """

    def __init__(self, settings: LogMel, sample_rate: int) -> None:
        self._n_fft = settings.n_fft or max(1, round(_WINDOW_SECONDS * sample_rate))
        self.hop_length = settings.hop_length or max(1, round(_HOP_SECONDS * sample_rate))
        self.n_mels = settings.n_mels
        angles = 2 * np.pi / self._n_fft * np.arange(self._n_fft)
        self._window = (0.5 - 0.5 * np.cos(angles)).astype(np.float32)
        bands = mel_bands(sample_rate, self._n_fft, self.n_mels)
        empty = int((bands.max(axis=1) == 0).sum())
        if empty:
            raise ArgumentError(
                f"{empty} of {self.n_mels} mel bands are narrower than the spectrum's resolution",
                got=f"n_fft={self._n_fft}, n_mels={self.n_mels} at {sample_rate} Hz",
                fix="take fewer bands or a longer window: features=LogMel(n_fft=..., n_mels=...)",
            )
        self._sums = _SegmentSums(bands, sample_rate, self._n_fft)

    def count(self, samples: int) -> int:
        """Returns how many frames a waveform of so many samples has."""
        return 1 + samples // self.hop_length

    @stage("transform")
    def __call__(self, waveform: Frames, out: Frames) -> None:
        """Computes the frames of a waveform.

        Args:
            waveform: Of shape (samples,).
            out: Of shape (frames, n_mels), is filled; frames beyond the sound are of silence.
        """
        length = max(len(waveform), len(out) * self.hop_length) + self._n_fft
        padded = np.zeros(length + self._n_fft // 2, np.float32)
        padded[self._n_fft // 2 :][: len(waveform)] = waveform
        frames = np.lib.stride_tricks.sliding_window_view(padded, self._n_fft)[:: self.hop_length]
        for start in range(0, len(out), _FRAMES_AT_ONCE):
            part = out[start : start + _FRAMES_AT_ONCE]
            spectra = np.fft.rfft(frames[start : start + len(part)] * self._window)
            power = np.square(spectra.real) + np.square(spectra.imag)
            mels = self._sums(power.astype(np.float32, copy=False))
            np.log(np.maximum(mels, np.float32(FLOOR), out=mels), out=part)


class _SegmentSums:
    """The product of spectra with the bands, most of which is zeros.

    Between two edges lie the rising side of one band and the falling side of the one before, so
    each bin counts twice. A matrix product would take longer where several threads compute, each
    with the threads of its own that BLAS starts; and its bytes would depend on their number.
    """

    def __init__(self, bands: Frames, sample_rate: int, n_fft: int) -> None:
        n_mels = len(bands)
        bins, edges = _bins_and_edges(sample_rate, n_fft, n_mels)
        segments = np.minimum(np.searchsorted(edges, bins, "right") - 1, n_mels)
        columns = np.arange(len(bins))
        none = np.zeros_like(bands[:1])
        self._rising = np.concatenate([bands, none])[segments, columns]
        self._falling = np.concatenate([none, bands])[segments, columns]
        starts = np.searchsorted(segments, np.arange(n_mels + 1))
        # Where no bin lies between two edges, `reduceat` gives one bin instead of zero.
        self._filled = np.isin(np.arange(n_mels + 1), segments).astype(np.float32)
        self._starts = np.minimum(starts, len(bins) - 1)

    def __call__(self, power: Frames) -> Frames:
        """Returns the power in each band, of shape (frames, n_mels)."""
        rising = np.add.reduceat(power * self._rising, self._starts, axis=1)
        falling = np.add.reduceat(power * self._falling, self._starts, axis=1)
        mels: Frames = (rising * self._filled)[:, :-1] + (falling * self._filled)[:, 1:]
        return mels


def mel_bands(sample_rate: int, n_fft: int, n_mels: int) -> Frames:
    """Returns what each band takes of the bins of a spectrum, of shape (n_mels, n_fft // 2 + 1)."""
    bins, edges = _bins_and_edges(sample_rate, n_fft, n_mels)
    lower, centre, upper = (edges[k : k + n_mels, None] for k in range(3))
    triangles = np.minimum((bins - lower) / (centre - lower), (upper - bins) / (upper - centre))
    return (np.maximum(triangles, 0) * 2 / (upper - lower)).astype(np.float32)


def _bins_and_edges(sample_rate: int, n_fft: int, n_mels: int) -> tuple[Hertz, Hertz]:
    """The frequencies of a spectrum's bins, and those where bands begin, peak and end."""
    mels = np.linspace(0, _mel(sample_rate / 2), n_mels + 2)
    above = _BEND_HERTZ * np.exp(_LOG_STEP * (mels - _BEND_MEL))
    edges = np.where(mels < _BEND_MEL, mels * _HERTZ_A_MEL, above)
    return np.fft.rfftfreq(n_fft, 1 / sample_rate), edges


def _mel(hertz: float) -> float:
    if hertz < _BEND_HERTZ:
        return hertz / _HERTZ_A_MEL
    return _BEND_MEL + math.log(hertz / _BEND_HERTZ) / _LOG_STEP
