"""Which of two photos is the better one.

By hand: two of Keras' own flows, held together by equal seeds. Each drops the files that are
missing on its own side, so the pairs between are mixed up; and it never ends.
"""

# mypy: ignore-errors

import os
from pathlib import Path

import numpy as np
import pandas as pd
from keras.src.legacy.preprocessing.image import ImageDataGenerator
from PIL import Image

from multiseq import ImageSequence, join

N, BATCH, SIZE = 30, 8, 12
MISSING = {"left": 6, "right": 21}
BROKEN = list(MISSING.values())


def write(folder: Path) -> None:
    """Both photos of pair k are gray, of level 8 k; one file is missing on each side."""
    for k in range(N):
        for side, missing in MISSING.items():
            if k != missing:
                Image.new("RGB", (16, 16), (8 * k,) * 3).save(folder / f"{side}_{k}.png")
    names = {side: [f"{side}_{k}.png" for k in range(N)] for side in MISSING}
    pd.DataFrame({**names, "label": np.arange(N) % 2}).to_csv(folder / "pairs.csv", index=False)


class SiameseGenerator:
    def __init__(self, frame, image_dir, batch_size, image_size, seed=1):
        self.frame = frame
        self.image_dir = image_dir
        self.batch_size = batch_size
        self.image_size = image_size
        self.seed = seed
        self.datagen = ImageDataGenerator(rescale=1.0 / 255)
        self.left = self.flow("left")
        self.right = self.flow("right")

    def flow(self, column):
        return self.datagen.flow_from_dataframe(
            self.frame,
            directory=self.image_dir,
            x_col=column,
            y_col="label",
            class_mode="raw",
            target_size=self.image_size,
            batch_size=self.batch_size,
            shuffle=True,
            seed=self.seed,
        )

    def __len__(self):
        return int(np.ceil(self.left.samples / self.batch_size))

    def __iter__(self):
        while True:
            left, label = next(self.left)
            right, _ = next(self.right)
            yield (left, right), label


def by_hand(folder):
    frame = pd.read_csv(os.path.join(folder, "pairs.csv"))
    return SiameseGenerator(frame, folder, BATCH, (SIZE, SIZE))


def by_multiseq(folder):
    frame = pd.read_csv(folder / "pairs.csv")
    return join(
        ImageSequence(frame["left"], root=folder, size=SIZE),
        ImageSequence(frame["right"], root=folder, size=SIZE),
        targets=frame["label"],
        batch_size=BATCH,
        shuffle=True,
        on_error="substitute",
    )


BY_HAND = SiameseGenerator, by_hand
BY_MULTISEQ = (by_multiseq,)
