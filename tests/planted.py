"""Sequences that each have one bottleneck, far slower than all else."""

from __future__ import annotations

import io
import sqlite3
import threading
import time
import wave
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from PIL import Image

import multiseq
from multiseq import (
    ArraySequence,
    AudioSequence,
    FileSequence,
    ImageSequence,
    MultiInputSequence,
    SQLSequence,
    TextSequence,
    join,
)

__all__ = [
    "FIXES",
    "KEYS",
    "PLANTED",
    "QUICK",
    "SLOW",
    "Busy",
    "Light",
    "Locked",
    "Long",
    "Sleepy",
    "SlowAugment",
    "in_folder",
    "joined",
]

KEYS = [f"k{number:02}" for number in range(16)]
SLOW = 0.004
QUICK = 0.02


class Light(MultiInputSequence):
    """Costs next to nothing."""

    def __init__(self, n_or_keys: Any = 16, **keywords: Any) -> None:
        self.row = np.zeros(3, np.float32)
        super().__init__(n_or_keys, **{"batch_size": 4} | keywords)

    def load_sample(self, index: int) -> Any:
        return self.row, np.float32(0)


class Sleepy(Light):
    def load_sample(self, index: int) -> Any:
        time.sleep(SLOW)
        return super().load_sample(index)


class Busy(Light):
    """Python, which holds the GIL."""

    def load_sample(self, index: int) -> Any:
        sum(k * k for k in range(50_000))
        return super().load_sample(index)


class Locked(Light):
    """Lets one thread in at a time; each process has a lock of its own."""

    def load_sample(self, index: int) -> Any:
        with _LOCK:
            time.sleep(SLOW)
        return super().load_sample(index)


_LOCK = threading.Lock()


class SlowBatch(Light):
    def load_batch(self, indices: Any) -> Any:
        time.sleep(SLOW)
        return np.zeros((len(indices), 3), np.float32), np.zeros(len(indices), np.float32)


class SlowAugment(Light):
    def augment(self, sample: Any, rng: np.random.Generator) -> Any:
        time.sleep(SLOW)
        return sample


class SlowBlend(Light):
    def augment_batch(self, batch: Any, rng: np.random.Generator) -> Any:
        time.sleep(SLOW)
        return batch


class SlowMap(Light):
    def __init__(self, keys: Any) -> None:
        super().__init__(keys, map=slowly)


class QuickBatch(Light):
    def load_batch(self, indices: Any) -> Any:
        return np.zeros((len(indices), 3), np.float32), np.zeros(len(indices), np.float32)


class SlowCollate(Light):
    def collate(self, samples: list[Any]) -> Any:
        time.sleep(4 * SLOW)
        return np.stack([x for x, _ in samples]), np.stack([y for _, y in samples])


class Wide(Light):
    """Float64 of which float32 is made."""

    def __init__(self) -> None:
        super().__init__()
        self.row: Any = np.zeros(2_000_000)


class Long(Light):
    """An axis that varies, and is padded."""

    def __init__(self) -> None:
        super().__init__(spec=(multiseq.Spec((None,), "float32"), None))
        self.rows = [np.zeros(500_000 * (1 + k), np.float32) for k in range(4)]

    def load_sample(self, index: int) -> Any:
        return self.rows[index % 4], np.float32(0)


def slowly(value: Any, *_: Any) -> Any:
    time.sleep(SLOW)
    return value


def slow_order(seed: int, epoch: int) -> Any:
    time.sleep(10 * SLOW)
    return np.arange(16)


def jpegs(size: tuple[int, int]) -> dict[str, bytes]:
    stream = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (*size, 3), np.uint8)
    Image.fromarray(noise).save(stream, "JPEG")
    return dict.fromkeys(KEYS, stream.getvalue())


def decoded_images(folder: Path) -> Any:
    return ImageSequence(jpegs((900, 1200)), size=32, fast=False, batch_size=4)


def large_pngs(folder: Path) -> Any:
    stream = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (600, 600, 3), np.uint8)
    Image.fromarray(noise).save(stream, "PNG")
    return ImageSequence(dict.fromkeys(KEYS, stream.getvalue()), size=32, batch_size=4)


def in_folder(folder: Path) -> Any:
    """Small images, each a file."""
    for key, data in jpegs((8, 8)).items():
        (folder / f"{key}.jpg").write_bytes(data)
    return ImageSequence(str(folder), size=8, batch_size=4)


def read_images(folder: Path) -> Any:
    def read(data: bytes) -> Any:
        return slowly(np.zeros((8, 8, 3), np.uint8))

    return ImageSequence(jpegs((8, 8)), size=8, read=read, batch_size=4)


def function_of_files(folder: Path) -> Any:
    for key in KEYS:
        np.save(folder / f"{key}.npy", np.zeros(3, np.float32))
    return FileSequence(folder, {"x": "{key}.npy"}, transforms={"x": slowly}, batch_size=4)


def large_files(folder: Path) -> Any:
    for key in KEYS:
        np.save(folder / f"{key}.npy", np.zeros(1_000_000, np.float32))
    return FileSequence(folder, {"x": "{key}.npy"}, batch_size=4)


def documents(folder: Path) -> Any:
    for key in KEYS:
        (folder / f"{key}.csv").write_text("a,b\n" + "1,2\n" * 20_000)
    return FileSequence(folder, {"x": "{key}.csv:a"}, batch_size=4)


def tokenized(folder: Path) -> Any:
    def tokenizer(text: str) -> Any:
        return slowly([1, 2])

    return TextSequence(["a b"] * 16, tokenizer=tokenizer, max_length=4, batch_size=4)


def queried(folder: Path) -> Any:
    with sqlite3.connect(folder / "x.db") as database:
        database.execute("CREATE TABLE t (id TEXT, x REAL)")
        rows = [(f"k{number}", 0.5) for number in range(60_000)]
        database.executemany("INSERT INTO t VALUES (?, ?)", rows)
    data = SQLSequence(str(folder / "x.db"), "t", key="id", inputs={"x": ["x"]}, batch_size=4)
    return data.subset(slice(0, 16))


def viewed(folder: Path) -> Any:
    """A view that is worked out for each query."""
    with sqlite3.connect(folder / "x.db") as database:
        database.execute("CREATE TABLE t (id TEXT PRIMARY KEY, x REAL)")
        rows = [(f"k{number:05}", 0.5) for number in range(20_000)]
        database.executemany("INSERT INTO t VALUES (?, ?)", rows)
        database.execute("CREATE VIEW v AS SELECT max(id) AS id, sum(x) AS x FROM t GROUP BY id")
    data = SQLSequence(str(folder / "x.db"), "v", key="id", inputs={"x": ["x"]}, batch_size=4)
    return data.subset(slice(0, 16))


def packed(folder: Path) -> Any:
    values = np.random.default_rng(0).random((256, 4000))
    with h5py.File(folder / "x.h5", "w") as file:
        file.create_dataset("x", data=values, compression="gzip", chunks=(256, 4000))
    file = h5py.File(folder / "x.h5")
    return ArraySequence(file["x"], batch_size=4, shuffle=True)


def sounds(folder: Path, rate: int = 8000, **keywords: Any) -> Any:
    for key in KEYS[:4]:
        with wave.open(str(folder / f"{key}.wav"), "wb") as file:
            file.setparams((1, 2, 44_100, 0, "NONE", ""))
            file.writeframes(np.zeros(44_100 * 5, np.int16).tobytes())
    return AudioSequence(str(folder), sample_rate=rate, max_seconds=5, batch_size=4, **keywords)


def spectra(folder: Path) -> Any:
    return sounds(folder, 44_100, features=multiseq.LogMel(hop_length=100))


def joined(**slow: Any) -> Any:
    parts = {name: slow.get(name, Light)(KEYS) for name in ("a", "b")}
    return join(*(), **parts, targets=np.zeros(16), batch_size=4)


PLANTED: dict[str, tuple[Any, str, str]] = {
    "sleeps": (lambda _: Sleepy(), "", "load_sample"),
    "computes": (lambda _: Busy(), "", "load_sample"),
    "load_batch": (lambda _: SlowBatch(), "", "load_batch"),
    "augments": (lambda _: SlowAugment(), "", "augment"),
    "augment=": (lambda _: Light(augment=slowly), "", "augment"),
    "collates": (lambda _: SlowCollate(), "", "collate"),
    "casts": (lambda _: Wide(), "", "collate"),
    "pads": (lambda _: Long(), "", "collate"),
    "orders": (lambda _: Light(sampler=slow_order), "", "order"),
    "transforms=": (lambda _: Light(transforms={"inputs": slowly}), "", "transform"),
    "transforms= of a part": (
        lambda _: join(a=Light(KEYS, transforms={"inputs": slowly}), batch_size=4),
        "a",
        "transform",
    ),
    "transforms= of a join": (
        lambda _: join(a=Light(KEYS), transforms={"a": slowly}, batch_size=4),
        "",
        "transform",
    ),
    "map=": (lambda _: Light(map=slowly), "", "map"),
    "map= of a part": (lambda _: joined(a=SlowMap), "a", "map"),
    "map= behind load_batch": (lambda _: QuickBatch(map=slowly), "", "map"),
    "augment_batch=": (lambda _: Light(augment_batch=slowly), "", "augment_batch"),
    "blends": (lambda _: SlowBlend(), "", "augment_batch"),
    "a part": (lambda _: joined(b=Sleepy), "b", "load_sample"),
    "a part augments": (lambda _: joined(a=SlowAugment), "a", "augment"),
    "a join augments": (
        lambda _: joined().replace(augment=slowly),
        "",
        "augment",
    ),
    "a part of a part": (
        lambda _: join(joined(a=Sleepy), c=Light(KEYS), targets=np.zeros(16), batch_size=4),
        "part 0 (JoinedSequence).a",
        "load_sample",
    ),
    "decodes": (decoded_images, "", "decode"),
    "decodes PNG": (large_pngs, "", "decode"),
    "a lock": (lambda _: Locked(), "", "load_sample"),
    "a view": (viewed, "", "query"),
    "read=": (read_images, "", "read="),
    "a function": (function_of_files, "", "transform"),
    "large files": (large_files, "", "read"),
    "documents": (documents, "", "decode"),
    "tokenizes": (tokenized, "", "tokenize"),
    "spectra": (spectra, "", "transform"),
    "queries": (queried, "", "query"),
    "unpacks": (packed, "", "read"),
    "sounds": (sounds, "", "decode"),
}

# What the advice by hand speaks of.
FIXES = {
    "sleeps": "load_batch",
    "load_batch": "do less in load_batch",
    "augments": "layers of Keras",
    "collates": "do less in your collate",
    "casts": r"float64 is cast to float32.*astype\('float32'\)",
    "pads": "3[0-9]% of the first batch is padding.*BucketSampler",
    "orders": "NumPy",
    "transforms=": "once",
    "map=": "what map= does",
    "augment_batch=": "layers of Keras",
    "decodes": "fast=True",
    "decodes PNG": "resized",
    "read=": "read=",
    "large files": "faster disk",
    "documents": "once",
    "tokenizes": "ready ids",
    "queries": "CREATE INDEX",
    "a view": "make a table",
}
