"""What hooks may not ask for: the epoch, which differs by worker."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from multiseq import MultiInputSequence
from multiseq.errors import MultiseqError
from multiseq.testing import check_sequence

WORKERS: list[dict[str, Any]] = [{}, {"workers": 2}, {"workers": 2, "use_multiprocessing": True}]


class InSample(MultiInputSequence):
    """Reads the epoch where it loads a sample."""

    def load_sample(self, index: int) -> Any:
        return np.float32(self.epoch + index)


class InBatch(MultiInputSequence):
    """Reads it where it loads a batch."""

    def load_sample(self, index: int) -> Any:
        return np.float32(index)

    def load_batch(self, indices: Any) -> Any:
        return (indices + self.epoch).astype("f4")


class InCollate(MultiInputSequence):
    """Reads it where it makes a batch of samples."""

    def load_sample(self, index: int) -> Any:
        return np.float32(index)

    def collate(self, samples: Any) -> Any:
        return np.array(samples) + np.float32(self.epoch)


class InAugment(MultiInputSequence):
    """Reads it where random numbers are at hand."""

    def load_sample(self, index: int) -> Any:
        return np.float32(index)

    def augment(self, sample: Any, rng: Any) -> Any:
        return np.float32(sample + self.epoch)


@pytest.mark.parametrize("keywords", WORKERS, ids=["serial", "threads", "processes"])
@pytest.mark.parametrize("cls", [InSample, InBatch, InCollate, InAugment])
def test_the_epoch_is_refused_while_loading(cls: Any, keywords: Any) -> None:
    with (
        cls(12, batch_size=4, **keywords) as seq,
        pytest.raises(MultiseqError, match=r"(?s)epoch.*augment\(sample, rng\)"),
    ):
        list(seq)


def test_substituting_does_not_hide_it() -> None:
    with pytest.raises(MultiseqError, match="epoch was read while loading"):
        InSample(12, batch_size=4, on_error="substitute")[0]


def test_check_sequence_says_so() -> None:
    with pytest.raises(MultiseqError, match="epoch was read while loading"):
        check_sequence(InSample(12, batch_size=4))


@pytest.mark.parametrize("keywords", WORKERS[:2], ids=["serial", "threads"])
def test_whoever_does_not_load_may_ask(keywords: Any) -> None:
    class Plain(MultiInputSequence):
        def load_sample(self, index: int) -> Any:
            return np.float32(index)

    with Plain(12, batch_size=4, **keywords) as seq:
        epochs = []
        for _ in range(2):
            epochs += [seq.epoch for _ in seq]
            seq.on_epoch_end()
        assert epochs == [0] * 3 + [1] * 3


def test_a_failure_leaves_no_mark() -> None:
    seq = InSample(12, batch_size=4)
    with pytest.raises(MultiseqError):
        seq[0]
    assert seq.epoch == 0
