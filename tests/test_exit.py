"""A script that dies in the middle of `fit` ends: TensorFlow alone would hang at the very end.

Five seconds are promised, from the error or from Ctrl-C, on a machine that does little else. The
bound here leaves room for one that is busy; a hang is for ever.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from backends import BACKEND

pytestmark = [
    pytest.mark.backend,
    pytest.mark.skipif(
        BACKEND not in ("tensorflow", "tf_keras"), reason="TensorFlow alone may hang"
    ),
]

SECONDS = 20

SCRIPT = """
import sys, time
import numpy as np
from backends import keras
from multiseq import MultiInputSequence

class Slow(MultiInputSequence):
    def load_sample(self, index):
        if index >= 64:  # A batch takes 6.4 s, by one worker.
            time.sleep(0.2)
        return np.zeros(3, np.float32), np.float32(0)

class AfterTwo(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch == 1 and sys.argv[1] == "error":
            time.sleep(0.5)  # The third is being loaded.
        if batch == 1:
            print("now", flush=True)
        if batch == 1 and sys.argv[1] == "error":
            raise RuntimeError("in mid fit")

model = keras.Sequential([keras.layers.Dense(1)])
model.compile("sgd", "mse")
workers, processes = int(sys.argv[2]), sys.argv[3] == "1"
seq = Slow(320, batch_size=32, workers=workers, use_multiprocessing=processes)
model.fit(seq, shuffle=False, verbose=0, callbacks=[AfterTwo()])
"""


@pytest.mark.parametrize(
    ("how", "workers", "processes"),
    [("error", 0, 0), ("interrupt", 0, 0), ("error", 2, 0), ("interrupt", 2, 1)],
)
def test_a_script_that_dies_in_mid_fit_ends(how: str, workers: int, processes: int) -> None:
    folder = Path(__file__).resolve().parent
    paths = [str(folder), str(folder.parent), *filter(None, sys.path)]
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, how, str(workers), str(processes)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "now\n"
            if how == "interrupt":
                time.sleep(0.5)  # Now it waits for the third batch.
                process.send_signal(signal.SIGINT)
            began = time.monotonic()
            _, said = process.communicate(timeout=60)
            took = time.monotonic() - began
        finally:
            process.kill()
    assert process.returncode != 0
    assert ("in mid fit" if how == "error" else "KeyboardInterrupt") in said
    assert took < SECONDS
