"""_mel: log-mel frames, against librosa and against what is known of tones."""

from __future__ import annotations

import dataclasses
from typing import Any

import librosa
import numpy as np
import pytest
from coded import in_threads

from multiseq.errors import ArgumentError
from multiseq.modalities.audio.mel import FLOOR, LogMel, MelFrames, mel_bands


def frames_of(waveform: Any, rate: int, settings: LogMel | None = None) -> Any:
    mel = MelFrames(settings or LogMel(), rate)
    out = np.full((mel.count(len(waveform)), mel.n_mels), np.nan, np.float32)
    mel(waveform.astype(np.float32), out)
    return out


def noise(samples: int) -> Any:
    """Loud and quiet, and silent in the middle."""
    waveform = np.random.default_rng(0).standard_normal(samples) / 10
    waveform[: samples // 3] /= 1000
    waveform[samples // 3 : samples // 2] = 0
    return waveform.astype(np.float32)


CASES = [
    (16_000, LogMel(400, 160, 80)),
    (16_000, LogMel(512, 160, 40)),
    (8_000, LogMel(200, 80, 80)),
    (22_050, LogMel(2048, 512, 128)),
    (44_100, LogMel(1102, 441, 80)),
]


@pytest.mark.parametrize(("rate", "settings"), CASES)
@pytest.mark.parametrize("samples", [2_500, 16_000, 50_001])
def test_frames_are_those_of_librosa(rate: int, settings: LogMel, samples: int) -> None:
    waveform = noise(samples)
    power = librosa.feature.melspectrogram(
        y=waveform,
        sr=rate,
        **dataclasses.asdict(settings),
        power=2.0,
        center=True,
        pad_mode="constant",
    )
    expected = np.log(np.maximum(power, FLOOR)).T
    found = frames_of(waveform, rate, settings)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 1e-4


@pytest.mark.parametrize(("rate", "settings"), CASES)
def test_bands_are_those_of_librosa(rate: int, settings: LogMel) -> None:
    assert settings.n_fft is not None
    expected = librosa.filters.mel(sr=rate, n_fft=settings.n_fft, n_mels=settings.n_mels)
    assert np.allclose(mel_bands(rate, settings.n_fft, settings.n_mels), expected, atol=1e-7)


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
def test_a_tone_is_loudest_in_the_band_around_it(rate: int) -> None:
    centres = librosa.mel_frequencies(82, fmax=rate / 2)[1:-1]
    for hertz in (300, 1000, 3000):
        tone = np.sin(np.arange(rate) * (2 * np.pi * hertz / rate))
        loudest = frames_of(tone, rate)[20:80].argmax(axis=1)
        assert (np.abs(loudest - np.abs(centres - hertz).argmin()) <= 1).all()


def test_frame_t_is_centred_on_sample_t_hops() -> None:
    click = np.zeros(16_000)
    click[160 * 30] = 1
    assert frames_of(click, 16_000).max(axis=1).argmax() == 30


def test_by_default_windows_are_25_ms_and_hops_10_ms() -> None:
    for rate in (8_000, 16_000, 44_100):
        same = LogMel(round(rate * 0.025), round(rate * 0.01), 80)
        waveform = noise(rate)
        assert np.array_equal(frames_of(waveform, rate), frames_of(waveform, rate, same))


@pytest.mark.parametrize("samples", [1, 159, 160, 161])
def test_the_shortest_sounds_have_a_frame(samples: int) -> None:
    frames = frames_of(noise(2_000)[-samples:], 16_000)
    assert frames.shape == (1 + samples // 160, 80)
    assert np.isfinite(frames).all()


def test_silence_is_the_floor() -> None:
    assert (frames_of(np.zeros(1000), 16_000) == np.log(np.float32(FLOOR))).all()


def test_threads_compute_the_same_bytes() -> None:
    waveform = noise(50_000)
    expected = frames_of(waveform, 16_000).tobytes()
    results = in_threads(lambda _: frames_of(waveform, 16_000).tobytes(), range(4))
    assert {result for _, result in results} == {expected}


@pytest.mark.parametrize("name", ["n_fft", "hop_length", "n_mels"])
@pytest.mark.parametrize("value", [0, -1, 2.5, "80", True])
def test_bad_numbers(name: str, value: Any) -> None:
    with pytest.raises(ArgumentError, match=f"bad {name}"):
        LogMel(**{name: value})


def test_bands_that_would_be_empty() -> None:
    with pytest.raises(ArgumentError, match="of 128 mel bands are narrower"):
        MelFrames(LogMel(256, 160, 128), 16_000)
