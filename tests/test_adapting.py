"""adapt: what is learned anew reaches all that share it, whatever they had read ahead."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from multiseq import ArraySequence, MultiInputSequence, Standardize, TableSequence, join
from multiseq.errors import ArgumentError, LoadError

N = 40


class Learning(MultiInputSequence):
    """Standardizes the number of the sample."""

    def __init__(self, n: int = N, **keywords: Any) -> None:
        super().__init__(n, batch_size=4, **keywords)
        self.scale, self.factor = Standardize(), 1.0

    @property
    def transforms(self) -> Any:
        return {"x": self.scale}

    def raw(self, index: int) -> Any:
        return {"x": np.full(2, index * self.factor)}

    def load_sample(self, index: int) -> Any:
        return {"x": self.scale(np.full(2, float(index)))}


def first(seq: Any, batch: int = 1) -> Any:
    """A batch; the following ones have time to be read ahead."""
    values = seq[batch][0]["x"].copy()
    time.sleep(0.1)
    return values


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("in_processes", [False, True])
def test_validation_sees_what_is_learned_anew(workers: int, in_processes: bool) -> None:
    parallel: dict[str, Any] = {"workers": workers, "use_multiprocessing": in_processes}
    train, validation = Learning(seed=1, **parallel).split(0.5, 0.5)
    with train, validation:
        train.adapt(progress=False)
        before = [first(part, 0) for part in (train, validation)]
        train.factor = 3.0
        train.adapt(progress=False)
        after = [first(part) for part in (train, validation)]
        fresh = [first(part.replace(workers=0)) for part in (train, validation)]
    assert np.array_equal(after, fresh)
    assert not np.array_equal(before[1], first(validation.replace(workers=0), 0))


def test_a_join_sees_what_its_parts_learn() -> None:
    numbers, words = Learning(), Words()
    seq = join(numbers, y=join(words), batch_size=4, workers=2)
    numbers.adapt(progress=False)
    words.adapt(progress=False)
    before = first(seq, 0)
    numbers.factor = 3.0
    numbers.adapt(progress=False)
    assert np.array_equal(first(seq), first(numbers))
    assert not np.array_equal(before, first(seq, 0))
    seq.close()


def test_a_part_sees_what_a_join_learns() -> None:
    numbers = Learning(workers=2)
    seq = join(join(numbers))
    seq.adapt(progress=False)
    before = first(numbers, 0)
    numbers.factor = 3.0
    seq.adapt(progress=False)
    assert not np.array_equal(before, first(numbers, 0))
    assert np.array_equal(first(numbers), first(numbers.replace(workers=0)))
    numbers.close()


def test_others_go_on_with_what_they_read_ahead() -> None:
    mine, other = Learning(), Learning()
    for seq in (mine, other):
        seq.adapt(progress=False)
    first(other)
    running = other._live
    mine.adapt(progress=False)
    assert other._live is running is not None


class Words(Learning):
    """One number for each value: what is learned decides the shape."""

    def load_sample(self, index: int) -> Any:
        width = int(self.scale(np.zeros(2))[0] < -1.5) + 1
        return {"x": np.zeros(width)}


def test_what_is_learned_may_change_the_shape() -> None:
    words = Words()
    seq = join(words)
    seq.adapt(progress=False)
    assert seq.spec[0]["x"].shape == (2,)
    words.raw = lambda index: {"x": np.full(2, float(index - 20))}  # type: ignore[method-assign]
    words.adapt(progress=False)
    assert seq.spec[0]["x"].shape == (1,)
    assert seq[0][0]["x"].shape == (32, 1)


def test_what_is_held_out_is_not_learned_from() -> None:
    train, _, test = Learning(40).split(0.6, 0.2, 0.2)
    for held_out in (test, test.replace(batch_size=2), test.split(0.5, 0.5)[0]):
        with pytest.raises(ArgumentError, match="validation and test are not to be learned from"):
            held_out.adapt(progress=False)
    train.split(0.5, 0.5)[0].adapt(progress=False)


class Holed(MultiInputSequence):
    """Sample 3 cannot be loaded."""

    def __init__(self, **keywords: Any) -> None:
        self.scale = Standardize()
        super().__init__(10, **keywords)

    @property
    def transforms(self) -> Any:
        return {"x": self.scale}

    def raw(self, index: int) -> Any:
        if index == 3:
            raise OSError("gone")
        return {"x": np.float64(index)}

    def load_sample(self, index: int) -> Any:
        return {"x": self.scale.transform(self.raw(index)["x"])}


def test_samples_that_cannot_be_loaded_are_not_learned_from(caplog: Any) -> None:
    with pytest.raises(LoadError, match="Holed, key 3, position 3: raw raised OSError: gone"):
        Holed().adapt(progress=False)
    seq = Holed(on_error="substitute")
    seq.adapt(progress=False)
    assert "nothing was learned from 1 samples that could not be loaded: 3" in caplog.text
    expected = Standardize().adapt([np.float64(k) for k in range(10) if k != 3])
    assert seq.scale == expected
    whole = join(Holed(), on_error="substitute")
    whole.adapt(progress=False)
    assert whole.parts[0].transforms["x"] == expected


# What is divided after it has learned


def table(n: int = 40) -> TableSequence:
    frame = pd.DataFrame({"x": np.arange(float(n)) ** 2}, [f"k{row}" for row in range(n)])
    return TableSequence(frame, numeric=["x"], seed=0)


def in_a_join(n: int = 40) -> Any:
    return join(table(n), y=ArraySequence(np.zeros((n, 1)), keys=table(n).keys))


def of_a_part_that_has_learned() -> Any:
    part = table()
    part.adapt(progress=False)
    return join(part)


def looked_up() -> Any:
    few = table(4)
    few.adapt(progress=False)
    return few.lookup({number: f"k{number % 4}" for number in range(40)})


@pytest.mark.parametrize("make", [table, in_a_join, of_a_part_that_has_learned, looked_up])
@pytest.mark.parametrize("way", ["split", "positions", "folds"])
def test_what_learned_from_the_whole_is_pointed_out(make: Any, way: str, caplog: Any) -> None:
    seq = make()
    if make in (table, in_a_join):
        seq.adapt(progress=False)
    if way == "split":
        train, test = seq.split(0.5, 0.5)
    elif way == "positions":
        train, test = seq.split(positions=(np.arange(20), np.arange(20, 40)))
    else:
        train, test = next(iter(seq.folds(2)))
    assert "learned from these samples before they were divided" in caplog.text
    assert "Standardize" in caplog.text
    train.adapt(progress=False)  # As the report says.
    means = [part.transforms["numeric"].mean.item() for part in (train, test)]
    rows = train.keys.map(lambda key: int(str(key).lstrip("k")))
    x = (np.asarray(rows) % (4 if make is looked_up else 40)) ** 2
    assert means == pytest.approx([x.mean()] * 2)


def test_what_learned_elsewhere_is_not_pointed_out(caplog: Any, tmp_path: Path) -> None:
    seq = table()
    train, test = seq.split(0.5, 0.5)
    train.adapt(progress=False)
    test.split(0.5, 0.5)  # None of it was learned from.
    train.save_transforms(tmp_path / "prep.json")
    served = table()
    served.load_transforms(tmp_path / "prep.json")
    served.split(0.5, 0.5)
    fitted = Standardize().adapt(np.arange(4.0)[:, None])
    frame = pd.DataFrame({"x": [1.0, 2.0]})
    TableSequence(frame, numeric=["x"], transforms={"numeric": fitted}).split(0.5, 0.5)
    assert "before they were divided" not in caplog.text
    train.split(0.5, 0.5)
    assert "before they were divided" in caplog.text
