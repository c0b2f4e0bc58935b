"""audio: bad files and bad arguments."""

from __future__ import annotations

import contextlib
import os
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sounds import RATE, code_of, encoded, sounds, tone, write

from multiseq.errors import (
    AlignmentError,
    ArgumentError,
    MissingPackageError,
    SampleError,
    SourceError,
)
from multiseq.modalities.audio import sound as _sound


def refused(data: bytes, folder: Path, **keywords: Any) -> SourceError:
    """The error for a file, which must be the same for its bytes."""
    path = folder / "bad.wav"
    path.write_bytes(data)
    with pytest.raises(SourceError) as in_memory:
        sounds([data], **keywords).load_sample(0)
    with pytest.raises(SourceError) as on_disk:
        sounds([path], **keywords)[0]
    assert "bad.wav" in str(on_disk.value)
    assert in_memory.value.what in str(on_disk.value)
    return in_memory.value


@pytest.mark.parametrize(
    "data", [b"", b"RIFF", b"no sound at all" * 100, encoded(tone(1))[:30], os.urandom(5000)]
)
def test_what_is_no_sound(data: bytes, tmp_path: Path) -> None:
    assert "no sound, or a damaged one" in refused(data, tmp_path).what


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "AIFF", "AU", "W64", "RF64"])
def test_a_sound_that_is_cut_short(kind: str, tmp_path: Path) -> None:
    whole = encoded(np.random.default_rng(0).uniform(-1, 1, 40_000), kind=kind)
    for part in (0.5, 0.99):
        error = refused(whole[: int(len(whole) * part)], tmp_path)
        assert "cut short" in error.what or "damaged" in error.what
    assert len(sounds([whole]).load_sample(0)[0]) == 40_000


def test_a_sound_that_ends_before_its_time(tmp_path: Path) -> None:
    whole = encoded(np.random.default_rng(0).uniform(-0.5, 0.5, 80_000), 44_100, "MP3")
    assert "cut short" in refused(whole[: len(whole) // 2], tmp_path).what
    assert len(sounds([whole]).load_sample(0)[0]) > 14_000


def test_a_damaged_middle(tmp_path: Path) -> None:
    data = bytearray(encoded(np.random.default_rng(0).uniform(-1, 1, 40_000), kind="FLAC"))
    data[20_000:30_000] = bytes(10_000)
    refused(bytes(data), tmp_path)


def test_a_header_written_to_a_pipe_has_no_size() -> None:
    data = bytearray(encoded(tone(4)))
    data[4:8] = data[40:44] = struct.pack("<I", 0xFFFFFFFF)
    assert code_of(sounds([bytes(data)]).load_sample(0)[0]) == 4


def test_a_sound_without_samples(tmp_path: Path) -> None:
    assert "no samples" in refused(encoded(np.zeros(0)), tmp_path).what
    one = encoded(np.zeros(1), 48_000)  # Which lasts less than one sample at 8 kHz.
    assert "no samples" in refused(one, tmp_path).what


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_not_finite(value: float, tmp_path: Path) -> None:
    samples = tone(1)
    samples[1999] = value
    assert "not finite" in refused(encoded(samples, subtype="FLOAT"), tmp_path).what


def test_absurd_lengths(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(_sound, "_MOST_SAMPLES", 10_000)
    long = encoded(np.zeros((6_000, 2)))
    assert "too long" in refused(long, tmp_path).what
    assert len(sounds([long], max_seconds=0.5).load_sample(0)[0]) == 4_000
    slow = encoded(np.zeros(100), 10)  # Ten seconds of it.
    assert "too long" in refused(slow, tmp_path).what


def test_a_header_that_promises_the_world(tmp_path: Path) -> None:
    data = bytearray(encoded(tone(1), kind="FLAC"))
    data[21] |= 0x0F  # The upper bits of the number of samples.
    data[22:26] = b"\xff\xff\xff\xf0"
    assert "too long" in refused(bytes(data), tmp_path).what


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", tone(1))
    seq = sounds(["a.wav", "b.wav"], root=tmp_path)
    with pytest.raises(SourceError, match=r"key 'b', position 1: .*b.wav'.*cannot be read"):
        seq[0]
    (tmp_path / "b.wav").mkdir()
    with pytest.raises(SourceError, match="cannot be read"):
        seq[0]


def test_a_path_out_of_the_root(tmp_path: Path) -> None:
    write(tmp_path / "secret.wav", tone(1))
    (tmp_path / "root").mkdir()
    with pytest.raises(SourceError, match="leaves its root folder"):
        sounds(["../secret.wav"], root=tmp_path / "root")[0]
    (tmp_path / "root" / "link.wav").symlink_to(tmp_path / "secret.wav")
    with pytest.raises(SourceError, match="leaves its root folder"):
        sounds(["link.wav"], root=tmp_path / "root")[0]


def test_a_bad_file_can_be_substituted(tmp_path: Path) -> None:
    for code in range(3):
        write(tmp_path / f"{code}.wav", tone(code))
    (tmp_path / "1.wav").write_bytes(b"broken")
    seq = sounds(tmp_path, max_seconds=0.2, on_error="substitute", seed=1)
    codes = [code_of(waveform) for waveform in seq[0][0]]
    assert codes[0::2] == [0, 2]
    assert codes[1] in (0, 2)


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    good = write(tmp_path / "a.wav", tone(1))
    (tmp_path / "b.wav").write_bytes(b"broken")
    before = os.listdir("/dev/fd")
    for path in (good, tmp_path / "b.wav"):
        with contextlib.suppress(SampleError):
            sounds([path])[0]
    assert os.listdir("/dev/fd") == before


# ---- arguments


@pytest.mark.parametrize(
    ("keywords", "says"),
    [
        ({"sample_rate": 0}, "bad sample_rate"),
        ({"sample_rate": 16e3}, "bad sample_rate"),
        ({"sample_rate": True}, "bad sample_rate"),
        ({"sample_rate": "16k"}, "bad sample_rate"),
        ({"max_seconds": 0}, "bad max_seconds"),
        ({"max_seconds": 1e-5}, "bad max_seconds"),
        ({"max_seconds": float("nan")}, "bad max_seconds"),
        ({"max_seconds": "2"}, "bad max_seconds"),
        ({"features": "mfcc"}, "bad features"),
        ({"features": None}, "bad features"),
        ({"features": np.zeros(3)}, "bad features"),
        ({"sample_rate": 1_000, "features": "log-mel"}, "narrower than the spectrum"),
        ({"keys": [1, 2]}, "keys and sounds differ in number"),
    ],
)
def test_bad_arguments(keywords: Any, says: str) -> None:
    with pytest.raises(ArgumentError, match=says):
        sounds(["a.wav"], **keywords)


@pytest.mark.parametrize("source", [[1], ["a.wav", b""], [None], {"a": 5}])
def test_items_that_are_no_sounds(source: Any) -> None:
    with pytest.raises(ArgumentError, match="no sound file"):
        sounds(source)


def test_nothing_found(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="no sound files were found"):
        sounds(tmp_path)


def test_an_array_of_targets_and_the_order_of_a_folder(tmp_path: Path) -> None:
    for k in range(12):
        write(tmp_path / f"t{k}.wav", tone(k))
    with pytest.raises(ArgumentError, match="a folder has no order of its own"):
        sounds(tmp_path, np.arange(12))
    targets = pd.Series(range(12), [f"t{k}" for k in range(12)])
    waves, rows = sounds(tmp_path, targets, batch_size=12)[0]
    assert rows.tolist() == [code_of(wave) for wave in waves]


def test_duplicate_and_missing_keys() -> None:
    with pytest.raises(AlignmentError, match="duplicated"):
        sounds(["a.wav", "b.wav"], keys=[1, 1])


@pytest.mark.parametrize("package", ["soundfile", "soxr"])
def test_a_missing_package(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    _sound.load_soundfile.cache_clear()
    _sound._soxr.cache_clear()
    with pytest.raises(MissingPackageError, match=package) as caught:
        sounds(["a.wav"], sample_rate=RATE)
    assert 'pip install "multiseq[audio]"' in str(caught.value)
