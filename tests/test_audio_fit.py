"""audio: sounds of different lengths under the real `fit` and `predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from backends import keras
from sounds import sounds, tone, write

pytestmark = pytest.mark.backend

N = 13


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The louder a sound, the higher its number; the batches are of six different lengths."""
    for number in range(N):
        loud = tone(3, seconds=0.1 + 0.07 * (number * 7 % N)) * 2 * (number + 1) / (N + 1)
        write(tmp_path / f"{number:02}.wav", loud)
    return tmp_path


@pytest.mark.parametrize("workers", [0, 2])
def test_each_sound_gets_its_own_prediction(root: Path, workers: int) -> None:
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((None,)), layers.Reshape((-1, 1)), layers.GlobalMaxPooling1D()]
    )
    with sounds(root, batch_size=2, workers=workers) as seq:
        loudness = model.predict(seq, verbose=0)[:, 0]
    assert np.allclose(loudness, (np.arange(N) + 1) / (N + 1), atol=0.005)


@pytest.mark.parametrize("seconds", [None, 0.3])
def test_log_mel_frames_train(root: Path, seconds: Any) -> None:
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((None, 80)), layers.GlobalMaxPooling1D(), layers.Dense(1)]
    )
    model.compile(keras.optimizers.Adam(0.001), "mse")
    settings: Any = {"features": "log-mel", "max_seconds": seconds}
    seq = sounds(root, np.arange(N), keys=range(N), **settings, batch_size=2, shuffle=True)
    losses = model.fit(seq, epochs=4, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
