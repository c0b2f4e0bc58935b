"""JPEG files with captions: threads against a Pillow generator and native tf.data.

Run: python benchmarks/images.py
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from PIL import Image
from sklearn.datasets import load_sample_images
from turns import measure, rounds_from_arguments, show

import multiseq

FILES, SIDE, SIZE, BATCH, WORDS = 2048, 256, 64, 32, 20


def write_photos(folder: Path) -> list[str]:
    """Cuts squares from real photographs."""
    rng = np.random.default_rng(0)
    photos = load_sample_images().images
    names = []
    for number in range(FILES):
        photo = photos[number % len(photos)]
        top, left = (rng.integers(0, length - SIDE) for length in photo.shape[:2])
        stream = io.BytesIO()
        square = photo[top : top + SIDE, left : left + SIDE]
        Image.fromarray(square).save(stream, "JPEG", quality=90)
        (folder / f"{number}.jpg").write_bytes(stream.getvalue())
        names.append(f"{number}.jpg")
    return names


def pillow_generator(folder: Path, names: list[str], captions: list[Any]) -> Iterator[Any]:
    """One image after the other, as people write it."""
    for start in range(0, len(names), BATCH):
        images = []
        for name in names[start : start + BATCH]:
            image = Image.open(folder / name).convert("RGB").resize((SIZE, SIZE))
            images.append(np.array(image, "float32") / 255)
        texts = keras.utils.pad_sequences(
            captions[start : start + BATCH], maxlen=WORDS, padding="post"
        )
        yield (np.array(images), texts), np.random.rand(len(images), 1)  # noqa: NPY002


def tf_data(folder: Path, names: list[str], captions: list[Any], ratio: int) -> Any:
    """The same in native tf.data, two calls in parallel."""
    texts = keras.utils.pad_sequences(captions, maxlen=WORDS, padding="post")

    def load(path: Any, text: Any) -> Any:
        image = tf.io.decode_jpeg(tf.io.read_file(path), channels=3, ratio=ratio)
        return (tf.image.resize(image, (SIZE, SIZE)) / 255, text), 0.0

    data = tf.data.Dataset.from_tensor_slices(([str(folder / name) for name in names], texts))
    return data.map(load, num_parallel_calls=2).batch(BATCH).prefetch(2)


def joined(folder: Path, names: list[str], captions: list[Any], workers: int, **how: Any) -> Any:
    images = multiseq.ImageSequence(names, size=SIZE, root=folder, keys=range(FILES), **how)
    texts = multiseq.TextSequence(captions, max_length=WORDS)
    targets = np.zeros(FILES, np.float32)
    return multiseq.join(
        image=images, text=texts, targets=targets, batch_size=BATCH, workers=workers
    )


def main() -> None:
    rounds = rounds_from_arguments(__doc__)
    rng = np.random.default_rng(1)
    captions = [rng.integers(1, 1000, rng.integers(5, WORDS)) for _ in range(FILES)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        names = write_photos(folder)
        data = folder, names, captions
        threads, whole, serial = joined(*data, 2), joined(*data, 2, fast=False), joined(*data, 0)
        by_tf, by_tf_scaled = tf_data(*data, ratio=1), tf_data(*data, ratio=SIDE // SIZE)
        speeds = measure(
            {
                "multiseq, workers=2": lambda: iter(threads),
                "multiseq, workers=2, fast=False": lambda: iter(whole),
                "multiseq, workers=0": lambda: iter(serial),
                "Pillow generator": lambda: pillow_generator(*data),
                "tf.data": lambda: iter(by_tf),
                f"tf.data, decode_jpeg(ratio={SIDE // SIZE})": lambda: iter(by_tf_scaled),
            },
            rounds,
        )
    show(f"{FILES} JPEG of {SIDE} x {SIDE} to {SIZE} x {SIZE}", speeds, "multiseq, workers=2")


if __name__ == "__main__":
    main()
