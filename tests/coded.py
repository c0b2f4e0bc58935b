"""Position-coded sequences: each leaf says whose it is, so that a mix-up shows in the values."""

from __future__ import annotations

import threading
import time
import types
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from multiseq.memory import ALIGNMENT
from multiseq.samples import Spec
from multiseq.sequence import MultiInputSequence


class Coded(MultiInputSequence):
    """Sample i is full of i: two inputs and a target."""

    def load_sample(self, index: int) -> Any:
        inputs = {"a": np.full(3, index, np.float32), "b": np.full((2, 2), index, np.int32)}
        return inputs, np.float32(index)


class Bulk(Coded):
    """Loads whole batches; `asked` notes the number of samples of each call."""

    def __init__(self, n_or_keys: Any, **keywords: Any) -> None:
        super().__init__(n_or_keys, **keywords)
        self.asked: list[int] = []

    def load_batch(self, indices: Any) -> Any:
        self.asked.append(len(indices))
        a, b = np.empty((len(indices), 3), np.float32), np.empty((len(indices), 2, 2), np.int32)
        a[:], b[:] = indices[:, None], indices[:, None, None]
        return {"a": a, "b": b}, indices.astype(np.float32)


def ragged(index: int) -> np.ndarray[Any, Any]:
    """Sample `index` of `Ragged`: 1 to 5 times index + 1."""
    return np.full(1 + index * 7 % 5, index + 1, np.int32)


class Ragged(MultiInputSequence):
    """An axis of varying length."""

    def __init__(self, n_or_keys: Any = 10, **keywords: Any) -> None:
        keywords.setdefault("spec", {"ids": Spec((None,), "int32")})
        super().__init__(n_or_keys, **keywords)

    def load_sample(self, index: int) -> Any:
        return {"ids": ragged(index)}


class RaggedBulk(Ragged):
    """The same, as lists of arrays."""

    def load_batch(self, indices: Any) -> Any:
        return {"ids": [ragged(index) for index in indices.tolist()]}


class Words(MultiInputSequence):
    """Text beside a number."""

    def load_sample(self, index: int) -> Any:
        return {"word": np.array("word " + "x" * (index % 4) + str(index)), "id": np.int64(index)}


class Noisy(Coded):
    """Adds the sample's random numbers to one input."""

    def augment(self, sample: Any, rng: np.random.Generator) -> Any:
        inputs, target = sample
        return inputs | {"a": inputs["a"] + rng.random(3, np.float32) / 2}, target


class Loaded(MultiInputSequence):
    """Weights that are known once they are loaded."""

    def __init__(self, targets: Any, weights: Any, **keywords: Any) -> None:
        super().__init__([f"k{row}" for row in range(len(targets))], **keywords)
        self.targets, self.weights = targets, weights

    def load_sample(self, index: int) -> Any:
        sample = np.float32(index), self.targets[index]
        return sample if self.weights is None else (*sample, self.weights[index])


class Weighted(MultiInputSequence):
    """Two outputs, a weight for one of them."""

    def load_sample(self, index: int) -> Any:
        code = np.float32(index)
        return code, {"p": code, "q": np.int64(index)}, {"p": code / 2}


class Collated(Coded):
    """A collate of its own: targets become sums."""

    def collate(self, samples: Any) -> Any:
        inputs = {name: np.stack([s[0][name] for s in samples]) for name in ("a", "b")}
        return inputs, np.stack([s[0]["a"].sum() for s in samples])


KINDS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (Coded, Bulk, Ragged, RaggedBulk, Words, Noisy, Weighted, Collated)
}


def leaves(batch: Any) -> Iterator[Any]:
    """All arrays of a batch."""
    if isinstance(batch, dict | tuple):
        for part in batch.values() if isinstance(batch, dict) else batch:
            yield from leaves(part)
    else:
        yield batch


def codes(batch: Any) -> list[int]:
    """Which samples a batch of `Coded` holds; every leaf must say the same."""
    found = [leaf.reshape(len(leaf), -1) for leaf in leaves(batch)]
    for leaf in found:
        assert (leaf == found[0][:, :1]).all(), "inputs of different samples in one row"
    return [int(code) for code in found[0][:, 0]]


def epoch_of(seq: MultiInputSequence) -> list[int]:
    """The samples of an epoch of a `Coded` sequence, in order."""
    return [code for i in range(len(seq)) for code in codes(seq[i])]


def frozen(batch: Any) -> list[tuple[str, tuple[int, ...], bytes]]:
    """What a batch is made of, byte by byte."""
    return [(leaf.dtype.str, leaf.shape, leaf.tobytes()) for leaf in leaves(batch)]


def frozen_epoch(seq: MultiInputSequence) -> list[Any]:
    return [frozen(seq[i]) for i in range(len(seq))]


def misaligned(batch: Any) -> list[int]:
    """Numbers of the leaves that are not where Keras takes them without a copy."""
    return [
        number
        for number, leaf in enumerate(leaves(batch))
        if leaf.__array_interface__["data"][0] % ALIGNMENT or not leaf.flags.c_contiguous
    ]


def in_threads(work: Any, arguments: Iterable[Any]) -> list[Any]:
    """Results of `work` for each argument, each in a thread of its own."""
    results: list[Any] = []

    def run(argument: Any) -> None:
        try:
            results.append((argument, work(argument)))
        except BaseException as error:
            results.append((argument, error))

    threads = [threading.Thread(target=run, args=(each,), daemon=True) for each in arguments]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive(), "a thread hangs"
    return results


def wait_for(condition: Any) -> None:
    """Waits until it holds; fails where that takes suspiciously long."""
    give_up = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.001)


def called_from(module: str, function: Any) -> Any:
    """The same function, as if a module by that name had defined it."""
    names = {"__name__": module, "__builtins__": __builtins__}
    return types.FunctionType(function.__code__, names)
