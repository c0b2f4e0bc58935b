"""Two tasks at once: the pick from a pack of cards, and the rating of a deck. Decks are fewer.

By hand: `__getitem__` calls `on_epoch_end` of the shorter child where that begins anew, so what a
batch holds depends on what was asked for before, and Keras asks in random order.

With multiseq each pack has its deck, and all decks come equally often.
"""

# mypy: ignore-errors

import os
from pathlib import Path

import numpy as np
from backends import keras

from multiseq import ArraySequence, join

PICKS, DECKS, BATCH = 96, 32, 8


def write(folder: Path) -> None:
    """Rows are full of their number."""
    for name, count, width in (("packs", PICKS, 15), ("decks", DECKS, 40)):
        codes = np.arange(count, dtype=np.float32)
        np.savez(folder / f"{name}.npz", cards=np.repeat(codes[:, None], width, 1), target=codes)


class CardGenerator(keras.utils.Sequence):
    def __init__(self, path, name, target_name, batch_size, seed=0):
        super().__init__()
        with np.load(path) as data:
            self.cards = data["cards"]
            self.targets = data["target"]
        self.name = name
        self.target_name = target_name
        self.batch_size = batch_size
        self.rng = np.random.default_rng(seed)
        self.on_epoch_end()

    def __len__(self):
        return int(np.ceil(len(self.cards) / self.batch_size))

    def __getitem__(self, index):
        chosen = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        return {self.name: self.cards[chosen]}, {self.target_name: self.targets[chosen]}

    def on_epoch_end(self):
        self.order = self.rng.permutation(len(self.cards))


class CombinedGenerator(keras.utils.Sequence):
    def __init__(self, *generators):
        super().__init__()
        self.generators = generators

    def __len__(self):
        return max(len(generator) for generator in self.generators)

    def __getitem__(self, index):
        inputs, targets = {}, {}
        for generator in self.generators:
            position = index % len(generator)
            if index > 0 and position == 0:
                generator.on_epoch_end()
            x, y = generator[position]
            inputs.update(x)
            targets.update(y)
        return inputs, targets

    def on_epoch_end(self):
        for generator in self.generators:
            generator.on_epoch_end()


def by_hand(folder):
    packs = CardGenerator(os.path.join(folder, "packs.npz"), "pack", "pick", BATCH)
    decks = CardGenerator(os.path.join(folder, "decks.npz"), "deck", "rating", BATCH)
    return CombinedGenerator(packs, decks)


def by_multiseq(folder):
    packs, decks = np.load(folder / "packs.npz"), np.load(folder / "decks.npz")
    picks = ArraySequence({"pack": packs["cards"]}, {"pick": packs["target"]})
    ratings = ArraySequence({"deck": decks["cards"]}, {"rating": decks["target"]})
    partners = {k: k % ratings.num_samples for k in range(picks.num_samples)}
    return join(picks, ratings.lookup(partners), batch_size=BATCH, shuffle=True)


BY_HAND = CardGenerator, CombinedGenerator, by_hand
BY_MULTISEQ = (by_multiseq,)
