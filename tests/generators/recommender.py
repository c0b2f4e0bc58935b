"""Whether a user likes an item, from embeddings of both: of a graph, and of texts.

By hand: two sequences are held together by nothing but equal seeds, and targets are read from
one of them. Once the other has been used alone, say for a baseline, they never meet again.
"""

# mypy: ignore-errors

import os
from pathlib import Path

import numpy as np
import pandas as pd
from backends import keras

from multiseq import ArraySequence, join

USERS, ITEMS, BATCH = 7, 9, 16


def write(folder: Path) -> None:
    """Embeddings are full of the number of their user or item; graphs have 4, texts 6 numbers."""
    for name, count in (("users", USERS), ("items", ITEMS)):
        for kind, width in (("graph", 4), ("bert", 6)):
            codes = np.repeat(np.arange(count, dtype=np.float32)[:, None], width, 1)
            np.save(folder / f"{kind}_{name}.npy", codes)
    pairs = pd.MultiIndex.from_product([range(USERS), range(ITEMS)], names=["user", "item"])
    frame = pairs.to_frame(index=False).assign(like=lambda pair: (pair.user + pair.item) % 2)
    frame.to_csv(folder / "ratings.csv", index_label="rating")


class UserItemSequence(keras.utils.Sequence):
    def __init__(self, ratings, users, items, names, batch_size=64, shuffle=True, seed=42):
        super().__init__()
        self.ratings = ratings[["user", "item"]].to_numpy()
        self.likes = ratings["like"].to_numpy()
        self.users = users
        self.items = items
        self.names = names
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.random_state = np.random.RandomState(seed)
        self.indexes = np.arange(len(self.ratings))
        self.on_epoch_end()

    def __len__(self):
        return int(np.ceil(len(self.ratings) / self.batch_size))

    def __getitem__(self, index):
        indexes = self.indexes[index * self.batch_size : (index + 1) * self.batch_size]
        users, items = self.ratings[indexes].T
        user_name, item_name = self.names
        inputs = {user_name: self.users[users], item_name: self.items[items]}
        return inputs, self.likes[indexes]

    def on_epoch_end(self):
        if self.shuffle:
            self.random_state.shuffle(self.indexes)


class HybridSequence(keras.utils.Sequence):
    def __init__(self, graph, bert):
        super().__init__()
        self.graph = graph
        self.bert = bert

    def __len__(self):
        return len(self.graph)

    def __getitem__(self, index):
        graph_inputs, likes = self.graph[index]
        bert_inputs, _ = self.bert[index]
        return {**graph_inputs, **bert_inputs}, likes

    def on_epoch_end(self):
        self.graph.on_epoch_end()
        self.bert.on_epoch_end()


def by_hand(folder):
    ratings = pd.read_csv(os.path.join(folder, "ratings.csv"))
    sequences = []
    for kind in ("graph", "bert"):
        users = np.load(os.path.join(folder, f"{kind}_users.npy"))
        items = np.load(os.path.join(folder, f"{kind}_items.npy"))
        names = (f"{kind}_user", f"{kind}_item")
        sequences.append(UserItemSequence(ratings, users, items, names, BATCH, seed=42))
    graph, bert = sequences
    return graph, HybridSequence(graph, bert)


def by_multiseq(folder):
    ratings = pd.read_csv(folder / "ratings.csv", index_col="rating")

    def embedded(kind):
        users = ArraySequence({f"{kind}_user": np.load(folder / f"{kind}_users.npy")})
        items = ArraySequence({f"{kind}_item": np.load(folder / f"{kind}_items.npy")})
        return users.lookup(ratings["user"]), items.lookup(ratings["item"])

    settings = {"targets": ratings["like"], "batch_size": BATCH, "shuffle": True, "seed": 42}
    graph = join(*embedded("graph"), **settings)
    hybrid = join(*embedded("graph"), *embedded("bert"), **settings)
    return graph, hybrid


BY_HAND = UserItemSequence, HybridSequence, by_hand
BY_MULTISEQ = (by_multiseq,)
