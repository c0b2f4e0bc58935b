"""The stage of sleep from a period of two signals, as many periods of each stage.

By hand: the length is made up, periods are drawn from global random numbers, and each process is
seeded by what its name ends in.

With multiseq the periods of rare stages come several times an epoch.
"""

# mypy: ignore-errors
# ruff: noqa: NPY002

import multiprocessing
import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
from backends import keras

from multiseq import BalancedSampler, WindowSequence

DATASETS = ["cassette", "telemetry"]
RECORDINGS, PERIODS, LENGTH, BATCH = 3, 10, 16, 8
STAGES = 3


def write(folder: Path) -> None:
    """A period is full of its number; one in five is of stage 1, one in ten of stage 2."""
    period = 0
    for name in DATASETS:
        (folder / name).mkdir()
        for recording in range(RECORDINGS):
            codes = np.arange(period, period + PERIODS, dtype=np.float32)
            stages = np.array([0, 0, 1, 0, 0, 2, 0, 1, 0, 0])
            np.save(
                folder / name / f"{recording}_psg.npy", np.repeat(codes, LENGTH)[:, None] * [1, 1]
            )
            np.save(folder / name / f"{recording}_stages.npy", stages)
            period += PERIODS


class SleepSequence(keras.utils.Sequence):
    def __init__(self, folders, batch_size=32, period_length=3000, n_classes=5):
        super().__init__()
        self.batch_size = batch_size
        self.period_length = period_length
        self.n_classes = n_classes
        self.seeded = False
        self.datasets = []
        for folder in folders:
            recordings = []
            for name in sorted(os.listdir(folder)):
                if name.endswith("_psg.npy"):
                    psg = np.load(os.path.join(folder, name))
                    stages = np.load(os.path.join(folder, name.replace("_psg", "_stages")))
                    recordings.append((psg.astype(np.float32), stages))
            self.datasets.append(recordings)

    def __len__(self):
        # Number of samples is not well-defined.
        return 10000

    def seed(self):
        match = re.search(r"(\d+)$", multiprocessing.current_process().name)
        if not self.seeded and match:
            np.random.seed(int(match.group(1)))
            self.seeded = True

    def get_random_period(self, stage):
        while True:
            dataset = self.datasets[np.random.randint(len(self.datasets))]
            psg, stages = dataset[np.random.randint(len(dataset))]
            found = np.where(stages == stage)[0]
            if len(found) > 0:
                start = np.random.choice(found) * self.period_length
                return psg[start : start + self.period_length]

    def __getitem__(self, index):
        self.seed()
        x, y = [], []
        while len(x) < self.batch_size:
            stage = np.random.randint(self.n_classes)
            x.append(self.get_random_period(stage))
            y.append(stage)
        return {"past": np.array(x)}, np.array(y)


def by_hand(folder):
    folders = [os.path.join(folder, name) for name in DATASETS]
    return SleepSequence(folders, BATCH, LENGTH, STAGES)


def by_multiseq(folder):
    frames = []
    for path in sorted(folder.glob("*/*_psg.npy")):
        frame = pd.DataFrame(np.load(path), columns=["eeg", "eog"])
        stages = np.load(path.with_name(path.name.replace("psg", "stages")))
        frames.append(frame.assign(recording=str(path), stage=np.repeat(stages, LENGTH)))
    periods = WindowSequence(
        pd.concat(frames, ignore_index=True),
        length=LENGTH,
        stride=LENGTH,
        horizon=0,
        features=["eeg", "eog"],
        targets="stage",
        entity="recording",
        batch_size=BATCH,
    )
    stages = np.concatenate([stages for _, stages in periods])
    return periods.replace(sampler=BalancedSampler(stages))


BY_HAND = SleepSequence, by_hand
BY_MULTISEQ = (by_multiseq,)
