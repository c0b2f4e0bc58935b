"""The transcript of a sound, one character after the other.

By hand: sounds and transcripts are paired by position, so that all are mixed up after the first
sound without a transcript; the tail is dropped, and nothing is ever shuffled.
"""

# mypy: ignore-errors

import os
from pathlib import Path

import numpy as np
import soundfile as sf
from backends import keras
from sounds import RATE, tone

from multiseq import AudioSequence, TextSequence, join

N, UNTOLD, SECONDS = 30, 4, 0.25
BATCH = 8
MAX_CHARACTERS = 12
ALPHABET = "\0<>abcdefghijklmnopqrstuvwxyz"


def write(folder: Path) -> None:
    """The tone of sound k tells the number k, as the first letter of its transcript does."""
    (folder / "wavs").mkdir()
    (folder / "texts").mkdir()
    for k in range(N):
        code = k % 20
        sf.write(folder / f"wavs/{k:02}.wav", tone(code, seconds=SECONDS - 0.002 * (k % 5)), RATE)
        if k != UNTOLD:
            (folder / f"texts/{k:02}.txt").write_text(ALPHABET[3 + code] * (2 + k % 5))


def encode(text: str) -> list[int]:
    return [ALPHABET.index(character) for character in f"<{text}>"]


class SentenceGenerator(keras.utils.Sequence):
    def __init__(self, audio_dir, text_dir, batch_size):
        super().__init__()
        self.audio_dir = audio_dir
        self.audio_files = sorted(os.listdir(audio_dir))
        self.sentences = []
        for name in sorted(os.listdir(text_dir)):
            with open(os.path.join(text_dir, name)) as file:
                self.sentences.append(encode(file.read().strip()))
        self.batch_size = batch_size
        self.max_samples = int(SECONDS * RATE)

    def __len__(self):
        return len(self.sentences) // self.batch_size

    def __getitem__(self, index):
        sounds = np.zeros((self.batch_size, self.max_samples), dtype="float32")
        tokens = np.zeros((self.batch_size, MAX_CHARACTERS), dtype="int32")
        targets = np.zeros((self.batch_size, MAX_CHARACTERS), dtype="int32")
        for i in range(BATCH):
            position = index * self.batch_size + i
            path = os.path.join(self.audio_dir, self.audio_files[position])
            samples, _ = sf.read(path, dtype="float32")
            samples = samples[: self.max_samples]
            sounds[i, : len(samples)] = samples
            sentence = self.sentences[position]
            known, wanted = sentence[:-1], sentence[1:]
            tokens[i, : len(known)] = known[:MAX_CHARACTERS]
            targets[i, : len(wanted)] = wanted[:MAX_CHARACTERS]
        return {"audio": sounds, "tokens": tokens}, targets


def by_hand(folder):
    audio_dir, text_dir = os.path.join(folder, "wavs"), os.path.join(folder, "texts")
    return SentenceGenerator(audio_dir, text_dir, BATCH)


def by_multiseq(folder):
    ids = {path.stem: encode(path.read_text().strip()) for path in folder.glob("texts/*.txt")}
    known = {key: sentence[:-1] for key, sentence in ids.items()}
    wanted = {key: sentence[1:] for key, sentence in ids.items()}
    return join(
        audio=AudioSequence(folder / "wavs", sample_rate=RATE, max_seconds=SECONDS),
        tokens=TextSequence(known, max_length=MAX_CHARACTERS),
        targets=TextSequence(wanted, max_length=MAX_CHARACTERS),
        how="inner",
        batch_size=BATCH,
        shuffle=True,
    )


BY_HAND = SentenceGenerator, by_hand
BY_MULTISEQ = (by_multiseq,)
