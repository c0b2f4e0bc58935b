"""encode(raw) of sounds and images: files, their bytes, and what is decoded already."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from served import encodes, equal, inputs_of
from sounds import encoded, sounds, tone

from multiseq import (
    ArraySequence,
    ImageSequence,
    Standardize,
    join,
)
from multiseq.errors import ArgumentError, SampleError, SourceError


def alone(values: Any) -> list[dict[str, Any]]:
    return [{"inputs": value} for value in values]


# Sounds.


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([8_000, 11_025]),
            st.integers(1, 2),
            st.sampled_from(["FLOAT", "PCM_16", "PCM_32"]),
            st.floats(0.01, 0.2),
        ),
        min_size=1,
        max_size=3,
    ),
    st.sampled_from([None, 0.1]),
    st.sampled_from(["waveform", "log-mel"]),
)
def test_a_sound(kinds: list[Any], seconds: Any, features: Any) -> None:
    files = []
    for code, (rate, channels, subtype, length) in enumerate(kinds):
        wave = np.stack([tone(code + k, rate, length) for k in range(channels)], axis=1)
        files.append(encoded(wave, rate, subtype=subtype))
    seq = sounds(
        files, list(range(len(files))), max_seconds=seconds, features=features, shuffle=True
    )
    encodes(seq, alone(files))
    read = [sf.read(io.BytesIO(file), dtype="float32") for file in files]
    encodes(seq, alone(read))
    whole = {"FLOAT": "float64", "PCM_16": "int16", "PCM_32": "int32"}
    read = [
        sf.read(io.BytesIO(file), dtype=whole[kind[2]])
        for file, kind in zip(files, kinds, strict=True)
    ]
    encodes(seq, alone(read))


def test_paths_of_sounds_beside_bytes_and_samples(tmp_path: Path) -> None:
    paths = [tmp_path / f"{k}.wav" for k in range(3)]
    for k, path in enumerate(paths):
        path.write_bytes(encoded(tone(k)))
    seq = sounds(paths, transforms={"inputs": (np.abs, Standardize())}, max_seconds=0.1)
    seq.adapt(progress=False)
    raws = [paths[0], paths[1].read_bytes(), sf.read(paths[2])]
    encodes(seq, alone(raws))
    listed = sounds(tmp_path, max_seconds=0.1)
    encodes(listed, alone(["0.wav", paths[1], {"bytes": paths[2].read_bytes(), "path": "x"}]))
    with pytest.raises(SourceError, match="leaves its root"):
        listed.encode({"inputs": "../0.wav"})


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (np.zeros(9, "f4"), r"record 0: this is no sound(?s:.*)say its rate"),
        ((8_000, np.zeros(9, "f4")), "swap the two"),
        ((np.zeros(9, "f4"), 0), "the rate in Hz"),
        ((np.zeros(9, "f4"), 8000.5), "the rate in Hz"),
        ((np.zeros(9, "i8"), 8_000), "fractions from -1 to 1"),
        ((np.zeros((2, 9), "f4"), 8_000), "channels last"),
        (None, "no sound"),
        (7, "no sound"),
    ],
)
def test_what_is_no_sound(raw: Any, said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        sounds([encoded(tone(1))]).encode({"inputs": raw})


def test_sounds_that_cannot_be_used() -> None:
    seq = join(clip=sounds([encoded(tone(1))], channels=1))
    stereo = (np.zeros((9, 2), "f4"), 8_000)
    with pytest.raises(SampleError, match="number of channels"):
        seq.encode({"clip": stereo})
    with pytest.raises(SampleError, match="not finite"):
        seq.encode({"clip": (np.full(9, np.nan, "f4"), 8_000)})
    with pytest.raises(SampleError, match="no sound, or a damaged one"):
        seq.encode({"clip": b"RIFF"})


def test_sounds_by_read_take_what_it_returns() -> None:
    def read(data: bytes) -> Any:
        return np.frombuffer(data, "<f4"), 4_000

    files = [np.sin(np.arange(n, dtype="<f4")).tobytes() for n in (20, 30)]
    seq = sounds(files, read=read)
    encodes(seq, alone(files))
    encodes(seq, alone([read(files[0]), files[1]]))
    with pytest.raises(SampleError, match="no sound"):
        seq.encode({"inputs": np.zeros((3, 3, 3), "f4")})


# Images.


def drawn(mode: str, k: int) -> Image.Image:
    pixels = np.random.default_rng(k).integers(0, 256, (9, 7 + k, 4), dtype=np.uint8)
    if mode == "I;16":
        return Image.fromarray(pixels[:, :, 0].astype(np.uint16) * 257)
    if mode == "RGBA":
        return Image.fromarray(pixels)
    if mode == "P":
        image = Image.fromarray(pixels[:, :, 0] % 5)
        image.putpalette([*range(15)])
        return image
    return Image.fromarray(pixels[:, :, :3]).convert(mode)


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "RGBA", "P", "LA", "I;16"])
@pytest.mark.parametrize(
    "options", [{}, {"channels": 1, "scale": None, "interpolation": "nearest", "dtype": "int32"}]
)
def test_an_image_of_any_mode(tmp_path: Path, mode: str, options: Any) -> None:
    paths = [tmp_path / f"{k}.png" for k in range(3)]
    for k, path in enumerate(paths):
        drawn(mode, k).save(path)
    seq = ImageSequence(paths, [0, 1, 2], size=5, **options)
    images = [Image.open(path) for path in paths]
    encodes(seq, alone(images))
    encodes(seq, alone([drawn(mode, k) for k in range(3)]))
    encodes(seq, alone([paths[0], images[1], paths[2].read_bytes()]))
    if mode in ("RGB", "L", "I;16", "RGBA"):
        encodes(seq, alone(map(np.asarray, images)))
    if mode == "L":
        encodes(seq, alone([np.asarray(image)[:, :, None] for image in images]))


def test_an_image_that_lies_on_its_side(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for kind in ("png", "tiff"):
        path = tmp_path / f"a.{kind}"
        drawn("RGB", 1).save(path, exif=exif)
        for upright in (True, False):
            seq = ImageSequence([path], size=(9, 8), upright=upright)
            encodes(seq, alone([path]))
            if kind == "png":
                encodes(seq, alone([Image.open(path)]))


def test_a_jpeg_is_decoded_as_in_training_where_its_file_is_given(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(np.full((64, 64, 3), 99, np.uint8)).save(path)
    seq = ImageSequence([path], size=8)
    encodes(seq, alone([path]))
    encodes(seq, alone([Image.open(path)]))  # It is of one color.


def test_paths_of_images_are_below_root(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    archive = tmp_path / "all.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for k in range(2):
            drawn("RGB", k).save(tmp_path / "root" / f"{k}.png")
            file.write(tmp_path / "root" / f"{k}.png", f"{k}.png")
    drawn("RGB", 3).save(tmp_path / "other.png")
    for root in (tmp_path / "root", archive):
        seq = ImageSequence(["0.png", "1.png"], size=5, root=root)
        encodes(seq, alone(["0.png", "1.png"]))
        encodes(ImageSequence(root, size=5), alone(["0.png", "1.png"]))
        with pytest.raises(SourceError):
            seq.encode({"inputs": "../other.png"})
        equal(
            seq.encode({"inputs": (tmp_path / "other.png").read_bytes()}),
            inputs_of(ImageSequence([tmp_path / "other.png"], size=5)),
        )


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (np.zeros((3, 9, 8), "u1"), "channels last"),
        (np.zeros((9, 8, 3), "f4"), "where white is 1"),
        (np.zeros((9, 8, 3), "u2"), "where white is 1"),
        (np.zeros((2, 9, 8, 3), "u1"), "no image"),
        (np.zeros((0, 8, 3), "u1"), "no image"),
        (None, "record 0: this is no image"),
        ([[1, 2]], "no image"),
        (3.5, "no image"),
    ],
)
def test_what_is_no_image(raw: Any, said: str, tmp_path: Path) -> None:
    drawn("RGB", 0).save(tmp_path / "a.png")
    with pytest.raises(ArgumentError, match=said):
        ImageSequence([tmp_path / "a.png"], size=5).encode({"inputs": raw})


def test_images_by_read_take_what_it_returns() -> None:
    def read(data: bytes) -> Any:
        return np.frombuffer(data, np.uint16).reshape(3, 2, 5)

    files = [np.arange(30, dtype=np.uint16).tobytes(), np.ones(30, np.uint16).tobytes()]
    seq = ImageSequence(files, size=(3, 2), read=read, channels=5, scale=None)
    encodes(seq, alone(files))
    encodes(seq, alone([read(files[0]), files[1]]))
    with pytest.raises(SampleError, match="no image of this sequence"):
        seq.encode({"inputs": np.zeros((3, 2, 4))})


def test_shapes_that_only_augmentation_makes_are_not_those_of_serving() -> None:
    images = np.zeros((2, 6, 6, 3), np.uint8)
    seq = ArraySequence(images, augment=lambda sample, rng: (sample[0][:3, :3] / 9,))
    assert seq[0][0].shape == (2, 3, 3, 3)
    encodes(seq, alone(images))
