"""audio: sound files by key, decoded, mixed and resampled into batches."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soxr
from coded import frozen_epoch
from sounds import RATE, SECONDS, code_of, codes_of, encoded, hertz, sounds, tone, write

from multiseq.modalities.audio.mel import FLOOR, LogMel
from multiseq.samples import Spec
from multiseq.testing import check_sequence

N = 10
FILES = [f"t{code}.wav" for code in range(N)]
LENGTH = round(RATE * SECONDS)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for code, name in enumerate(FILES):
        write(tmp_path / name, tone(code))
    return tmp_path


# ---- what a batch looks like


def test_a_batch(root: Path) -> None:
    (batch,) = sounds(FILES, root=root)[0]
    assert batch.shape == (4, LENGTH)
    assert batch.dtype == np.float32
    assert np.abs(batch[3] - tone(3)).max() < 1 / 32768


@pytest.mark.parametrize("features", ["waveform", "log-mel", LogMel(n_mels=20)])
@pytest.mark.parametrize("seconds", [None, 0.1, 0.4])
def test_it_keeps_the_contract(root: Path, features: Any, seconds: Any) -> None:
    write(root / "t0.wav", tone(0, seconds=0.3))
    settings = {"features": features, "max_seconds": seconds, "root": root, "shuffle": True}
    check_sequence(sounds(FILES, np.arange(N), **settings))


@pytest.mark.parametrize("seconds", [None, 0.1])
def test_processes_give_the_same_bytes(root: Path, seconds: Any) -> None:
    write(root / "t0.wav", tone(0, 11_025), 11_025)
    for features in ("waveform", "log-mel"):
        seq = sounds(FILES, np.arange(N), root=root, features=features, max_seconds=seconds)
        with seq.replace(workers=2, use_multiprocessing=True) as other:
            assert frozen_epoch(other) == frozen_epoch(seq)


def test_shuffled_sounds_keep_their_targets(root: Path) -> None:
    for batch in sounds(FILES, np.arange(N), root=root, shuffle=True, seed=1):
        assert codes_of(batch) == batch[1].tolist()


def test_the_spec(root: Path) -> None:
    assert sounds(root).spec == (Spec((None,), "float32"),)
    assert sounds(root, max_seconds=1.5).spec == (Spec((12_000,), "float32"),)
    assert sounds(root, features="log-mel").spec[0].shape == (None, 80)
    assert sounds(root, features="log-mel", max_seconds=1.5).spec[0].shape == (151, 80)


def test_weights_go_with_their_sounds(root: Path) -> None:
    codes = np.arange(N)
    seq = sounds(FILES, codes, root=root, sample_weight=codes / 2, shuffle=True, seed=1)
    for batch in seq:
        assert (batch[2] * 2).tolist() == codes_of(batch)
    check_sequence(seq)


def test_a_spec_for_targets_leaves_that_of_sounds(root: Path) -> None:
    seq = sounds(FILES, np.arange(N), root=root, spec=(None, Spec((), "float32")))
    assert seq.spec == (Spec((None,), "float32"), Spec((), "float32"))


def test_sounds_of_a_batch_need_no_copy(root: Path) -> None:
    for seconds in (0.1, 20):
        (batch,) = sounds(FILES, root=root, max_seconds=seconds).load_batch(np.arange(3))
        assert batch.ctypes.data % 64 == 0


# ---- length


def test_shorter_sounds_of_a_batch_are_followed_by_silence(root: Path) -> None:
    write(root / "t1.wav", tone(1, seconds=0.3))
    (batch,) = sounds(FILES, root=root)[0]
    assert batch.shape == (4, 2400)
    assert not batch[0, LENGTH:].any()
    assert code_of(batch[0]) == 0


def test_silence_behind_a_sound_is_silence_in_its_frames_too(root: Path) -> None:
    write(root / "t1.wav", tone(1, seconds=1))
    (batch,) = sounds(FILES, root=root, features="log-mel")[0]
    assert batch.shape == (4, 101, 80)
    (fixed,) = sounds(FILES, root=root, features="log-mel", max_seconds=1)[0]
    assert np.array_equal(batch[0, 40:], fixed[0, 40:])
    assert set(batch[0, 40:].ravel()) == {np.log(np.float32(FLOOR))}


@pytest.mark.parametrize(("seconds", "length"), [(0.1, 800), (0.25, 2000), (1, 8000)])
def test_sounds_are_cut_and_padded_to_max_seconds(root: Path, seconds: Any, length: int) -> None:
    (batch,) = sounds(FILES, root=root, max_seconds=seconds)[1]
    (whole,) = sounds(FILES, root=root)[1]
    both = min(length, LENGTH)
    assert batch.shape == (4, length)
    assert np.array_equal(batch[:, :both], whole[:, :both])
    assert not batch[:, both:].any()


@pytest.mark.parametrize("rate", [4_000, 11_025, 44_100])
def test_the_end_of_a_cut_sound_is_that_of_the_whole(tmp_path: Path, rate: int) -> None:
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 2 * rate)
    path = write(tmp_path / "noise.wav", noise, rate, subtype="FLOAT")
    whole, *_ = sounds([path]).load_sample(0)
    for seconds in (0.01, 0.5, 1.9999):
        cut, *_ = sounds([path], max_seconds=seconds).load_sample(0)
        assert np.abs(cut - whole[: len(cut)]).max() < 1e-6


def test_no_more_of_a_file_is_decoded_than_is_wanted(root: Path) -> None:
    samples = tone(2, 44_100, 2)
    samples[66_150:] = np.nan  # What is decoded is looked at.
    path = write(root / "long.wav", samples, 44_100, subtype="FLOAT")
    (batch,) = sounds([path], max_seconds=1)[0]
    assert code_of(batch[0]) == 2


# ---- decoding


@pytest.mark.parametrize("rate", [4_000, RATE, 22_050, 44_100])
@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "AIFF"])
def test_formats_and_rates(kind: str, rate: int) -> None:
    data = [encoded(tone(code, rate), rate, kind) for code in (3, 7)]
    (batch,) = sounds(data)[0]
    assert batch.shape == (2, LENGTH)
    assert codes_of((batch,)) == [3, 7]
    assert 0.45 < np.abs(batch[0, 500:-500]).max() < 0.55


def test_mp3(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp3", tone(5, 44_100, 1), 44_100)
    (batch,) = sounds([path])[0]
    assert code_of(batch[0, 1000:-1000]) == 5


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_levels_are_those_of_the_file(subtype: str) -> None:
    (batch,) = sounds([encoded(tone(1), subtype=subtype)])[0]
    assert np.abs(batch[0] - tone(1)).max() < (1 / 64 if subtype == "PCM_U8" else 1 / 16384)


def test_channels_are_averaged() -> None:
    left, right, third = tone(1), tone(4), np.full(LENGTH, 0.3)
    stereo = encoded(np.stack([left, right], axis=1), subtype="FLOAT")
    surround = encoded(np.stack([left, right, third], axis=1), subtype="FLOAT")
    (batch,) = sounds([stereo, surround])[0]
    assert np.allclose(batch[0], (left + right) / 2, atol=1e-6)
    assert np.allclose(batch[1], (left + right + third) / 3, atol=1e-6)


@pytest.mark.parametrize("rate", [12_000, 16_000, 48_000])
def test_a_resampled_chirp_is_the_chirp_of_that_rate(rate: int) -> None:
    def chirp(rate: int) -> Any:  # From 100 Hz to 2500 Hz in a second, swelling and ebbing.
        time = np.arange(rate) / rate
        return np.sin(np.pi * time) * np.sin(2 * np.pi * (100 * time + 1200 * time**2)) / 2

    (batch,) = sounds([encoded(chirp(rate), rate, subtype="FLOAT")])[0]
    assert np.abs(batch[0] - chirp(RATE)).max() < 1e-4


def test_tones_above_half_the_rate_are_gone() -> None:
    samples = tone(3, 44_100) + tone(60, 44_100)  # 6200 Hz would come back as 1800 Hz.
    (batch,) = sounds([encoded(samples, 44_100, subtype="FLOAT")])[0]
    middle = batch[0, 500:-500]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), RATE))
    assert spectrum[1800] < spectrum[hertz(3)] / 1000


def test_a_sound_of_the_wanted_rate_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soxr, "resample", None)
    assert codes_of(sounds([encoded(tone(6))])[0]) == [6]


# ---- sources and keys


def test_a_folder_is_all_of_its_sounds_in_order(root: Path) -> None:
    write(root / "below" / "u.FLAC", tone(11))
    (root / "notes.txt").write_text("no sound")
    seq = sounds(root, batch_size=20)
    assert seq.keys.tolist() == ["u", *(f"t{code}" for code in range(N))]
    assert codes_of(seq[0]) == [11, *range(N)]


def test_a_pattern(root: Path) -> None:
    assert sounds("t[2-4].wav", root=root).keys.tolist() == ["t2", "t3", "t4"]


def test_a_zip_archive(root: Path) -> None:
    with zipfile.ZipFile(root / "all.zip", "w") as archive:
        for name in FILES:
            archive.write(root / name, f"clips/{name}")
    seq = sounds(root / "all.zip", batch_size=20)
    assert seq.keys.tolist() == [f"t{code}" for code in range(N)]
    assert codes_of(seq[0]) == list(range(N))


def test_a_series_keys_by_its_index(root: Path) -> None:
    frame = pd.DataFrame({"file": FILES[::-1], "y": range(N)[::-1]}, index=range(100, 100 + N))
    seq = sounds(frame["file"], frame["y"], root=root, shuffle=True)
    assert seq.keys.tolist() == list(frame.index)
    for batch in seq:
        assert codes_of(batch) == batch[1].tolist()


def test_bytes_by_key() -> None:
    seq = sounds({"b": encoded(tone(2)), "a": encoded(tone(1))})
    assert seq.keys.tolist() == ["b", "a"]
    assert codes_of(seq[0]) == [2, 1]


def test_bytes_in_a_column_of_hugging_face() -> None:
    column = [{"bytes": encoded(tone(code)), "path": f"{code}.wav"} for code in range(3)]
    seq = sounds(column)
    assert seq.keys.tolist() == [0, 1, 2]
    assert codes_of(seq[0]) == [0, 1, 2]


def test_names_in_any_script(root: Path) -> None:
    names = ["é 日本.wav", b"\xff.wav".decode("utf-8", "surrogateescape")]
    for code, name in enumerate(names):
        (root / name).write_bytes(encoded(tone(code)))
    assert codes_of(sounds(names, root=root)[0]) == [0, 1]


def test_several_outputs(root: Path) -> None:
    _, targets = sounds(FILES, {"y": np.arange(N), "z": np.zeros((N, 2))}, root=root)[0]
    assert targets["y"].tolist() == [0, 1, 2, 3]
