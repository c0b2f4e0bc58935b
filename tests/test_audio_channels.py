"""AudioSequence: channels that are kept, and `read=`, a user's function in place of libsndfile."""

from __future__ import annotations

import io
import os
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr
from sounds import RATE, code_of, encoded, sounds, tone, write

from multiseq.errors import ArgumentError, SourceError
from multiseq.modalities.audio import sound as _sound
from multiseq.modalities.audio.sequence import AudioSequence

PROCESSES: Any = {"workers": 1, "use_multiprocessing": True}
STEREO = np.stack([tone(1), tone(5)], axis=1)


def codes(waveform: Any) -> list[int]:
    return [code_of(channel) for channel in waveform.T]


# ---- channels


@pytest.mark.parametrize("parallel", [{}, PROCESSES])
@pytest.mark.parametrize("seconds", [None, 0.2, 0.5])
@pytest.mark.parametrize("rate", [RATE, 16_000])
def test_channels_are_kept(tmp_path: Path, parallel: Any, seconds: Any, rate: int) -> None:
    for k in range(3):
        both = np.stack([tone(k, rate), tone(k + 4, rate)], axis=1)
        write(tmp_path / f"{k}.wav", both, rate, subtype="FLOAT")
    with sounds(tmp_path, channels=2, max_seconds=seconds, **parallel) as seq:
        (batch,) = seq[0]
    length = 2000 if seconds is None else round(seconds * RATE)
    assert batch.shape == (3, length, 2)
    assert [codes(waveform) for waveform in batch] == [[k, k + 4] for k in range(3)]
    if seconds == 0.5:
        assert (batch[:, 2000:] == 0).all()
    mono = sounds(tmp_path, max_seconds=seconds)[0][0]
    np.testing.assert_allclose(batch.mean(axis=2), mono, atol=1e-6)


def test_each_channel_is_as_it_would_be_alone() -> None:
    for rate in (RATE, 11_025):
        both = encoded(np.stack([tone(1, rate), tone(5, rate)], 1), rate, subtype="FLOAT")
        kept = sounds([both], channels=2)[0][0][0]
        mel = sounds([both], channels=2, features="log-mel")[0][0][0]
        for k, code in enumerate((1, 5)):
            alone = [encoded(tone(code, rate), rate, subtype="FLOAT")]
            np.testing.assert_array_equal(kept[:, k], sounds(alone)[0][0][0])
            np.testing.assert_array_equal(mel[:, :, k], sounds(alone, features="log-mel")[0][0][0])


def test_one_channel_is_an_axis_too() -> None:
    (batch,) = sounds([encoded(tone(2))], channels=1)[0]
    np.testing.assert_array_equal(batch[0, :, 0], sounds([encoded(tone(2))])[0][0][0])


def test_shorter_sounds_are_followed_by_silence() -> None:
    data = [encoded(STEREO[:500]), encoded(STEREO)]
    (batch,) = sounds(data, channels=2)[0]
    assert batch.shape == (2, 2000, 2)
    assert (batch[0, 500:] == 0).all()
    (mel,) = sounds(data, channels=2, features="log-mel")[0]
    assert mel.shape[2:] == (80, 2)
    assert np.allclose(mel[0, -1], np.log(1e-10))


@pytest.mark.parametrize(("channels", "found"), [(1, 2), (3, 2), (2, 1)])
def test_another_number_of_channels(tmp_path: Path, channels: int, found: int) -> None:
    write(tmp_path / "x.wav", STEREO if found == 2 else tone(1))
    with pytest.raises(SourceError) as caught:
        sounds(tmp_path, channels=channels)[0]
    message = str(caught.value)
    assert "key 'x'" in message
    assert 'channels="mono"' in message
    assert f"channels={found}" in message
    assert sounds(tmp_path, channels=found)[0][0].shape[2] == found


@pytest.mark.parametrize("channels", [0, -1, True, "stereo", None, 1.0])
def test_bad_channels(channels: Any) -> None:
    with pytest.raises(ArgumentError, match="bad channels"):
        sounds([encoded(tone(1))], channels=channels)


def test_all_the_channels_count_for_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_sound, "_MOST_SAMPLES", 3_000)
    slow = encoded(np.zeros((100, 2)), 400)
    assert sounds([slow])[0][0].shape == (1, 2000)
    with pytest.raises(SourceError, match="too long"):
        sounds([slow], channels=2)[0]


# ---- read=


def by_soundfile(data: bytes) -> Any:
    return soundfile.read(io.BytesIO(data))


def of_path(path: Any) -> Any:
    return soundfile.read(path)


@pytest.mark.parametrize("read", [by_soundfile, of_path])
@pytest.mark.parametrize("parallel", [{}, PROCESSES])
@pytest.mark.parametrize("seconds", [None, 0.2])
def test_a_function_in_place_of_libsndfile(
    tmp_path: Path, read: Any, parallel: Any, seconds: Any
) -> None:
    for k, rate in enumerate((RATE, 16_000, 11_025)):
        both = np.stack([tone(k, rate), tone(k + 4, rate)], axis=1)
        write(tmp_path / f"{k}.wav", both, rate, subtype="FLOAT")
    for keywords in ({}, {"channels": 2}, {"features": "log-mel"}):
        expected = sounds(tmp_path, max_seconds=seconds, **keywords)[0][0]
        with sounds(tmp_path, read=read, max_seconds=seconds, **keywords, **parallel) as seq:
            np.testing.assert_allclose(seq[0][0], expected, atol=1e-4)


def test_other_formats(tmp_path: Path) -> None:
    for k in range(2):
        (tmp_path / f"{k}.raw").write_bytes(tone(k).astype("<f8").tobytes())
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for k in range(2):
            archive.write(tmp_path / f"{k}.raw", f"{k}.raw")
    for source, root in (("*.raw", tmp_path), (tmp_path / "a.zip", None)):
        seq = sounds(source, root=root, read=np.frombuffer)
        assert [code_of(waveform) for waveform in seq[0][0]] == [0, 1]
        assert seq.keys.tolist() == ["0", "1"]
    with pytest.raises(ArgumentError, match="takes a path"):
        sounds(tmp_path / "a.zip", read=of_path)
    with pytest.raises(SourceError, match="read with read="):
        sounds("*.raw", root=tmp_path)[0]


def given(value: Any, **keywords: Any) -> Any:
    return sounds([b""], read=lambda data: value, **keywords)[0][0][0]


def test_what_is_returned_is_what_the_model_gets() -> None:
    wave = tone(3)
    for value in (wave, wave.astype("f4"), wave.astype(">f8"), wave[:, None], list(wave)):
        np.testing.assert_array_equal(given(value), wave.astype("f4"), strict=True)
    for value in (STEREO, np.asfortranarray(STEREO), STEREO[::-1][::-1]):
        np.testing.assert_array_equal(given(value, channels=2), STEREO.astype("f4"), strict=True)
    np.testing.assert_allclose(given(STEREO), STEREO.mean(1), atol=1e-7)
    for rate in (RATE, np.int64(RATE), np.array(RATE), float(RATE)):
        np.testing.assert_array_equal(given((wave, rate)), wave.astype("f4"))
    high = soxr.resample(wave.astype("f4"), RATE, 16_000, quality="HQ")
    np.testing.assert_allclose(given((high, 16_000))[200:-200], wave[200:-200], atol=1e-2)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ((RATE, tone(1)), "[::-1]"),
        ((tone(1), "8000"), "a rate above 0"),
        ((tone(1), 0), "a rate above 0"),
        ((tone(1), -1.0), "a rate above 0"),
        ((tone(1), np.inf), "a rate above 0"),
        ((tone(1), np.nan), "a rate above 0"),
        ((tone(1), 1e300), "a rate above 0"),
        ((tone(1), None), "a rate above 0"),
        ((tone(1), RATE, "PCM"), "return an array"),
        (np.zeros(9, np.int16), "32768"),
        (np.zeros(9, bool), "float32"),
        (np.zeros(9, complex), "float32"),
        (np.zeros((2, 9)), "samples.T"),
        (np.zeros((9, 0)), "no sound"),
        (np.zeros((9, 1, 1)), "no sound"),
        (np.zeros(()), "no sound"),
        (np.zeros(0), "no samples"),
        (np.array([np.nan, 1]), "not finite"),
        (np.array([1e300, 1]), "not finite"),
        (np.ma.masked_less(tone(1), 0), "array.filled"),
        (None, "no array"),
        ((np.zeros(100), 1e-9), "too long"),
        (STEREO, "another number of channels"),
    ],
)
def test_what_is_no_sound(value: Any, words: str) -> None:
    with pytest.raises(SourceError, match=re.escape(words)) as caught:
        given(value, channels=1 if value is STEREO else "mono")
    assert "key 0" in str(caught.value)


def test_whatever_a_function_raises(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", tone(1))
    with pytest.raises(SourceError, match="ZeroDivisionError") as caught:
        AudioSequence(tmp_path, sample_rate=RATE, read=lambda data: 1 / 0)[0]
    assert "a.wav" in str(caught.value)
    with pytest.raises(ArgumentError, match="read is no function"):
        AudioSequence(tmp_path, sample_rate=RATE, read=3)  # type: ignore[arg-type]


@pytest.mark.parametrize("read", [None, by_soundfile, of_path])
def test_a_link_out_of_root_is_not_followed_later(tmp_path: Path, read: Any) -> None:
    write(tmp_path / "in" / "sub" / "a.wav", tone(1))
    write(tmp_path / "out" / "a.wav", tone(2))
    seq = sounds(["sub/a.wav"], root=tmp_path / "in", read=read)
    assert code_of(seq[0][0][0]) == 1
    os.rename(tmp_path / "in" / "sub", tmp_path / "away")
    (tmp_path / "in" / "sub").symlink_to(tmp_path / "out")
    with pytest.raises(SourceError, match="leaves its root"):
        seq[0]
