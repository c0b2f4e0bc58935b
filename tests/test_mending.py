"""mending: samples that cannot be loaded, and those that stand in for them."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest
from coded import Coded, codes

from multiseq.errors import LoadError, SampleError, SpecError
from multiseq.testing import check_sequence

BROKEN = (5, 7)


class Broken(Coded):
    """Two samples cannot be loaded."""

    def load_sample(self, index: int) -> Any:
        if index in BROKEN:
            raise OSError("gone")
        return super().load_sample(index)


class BrokenInBulk(Broken):
    """The same, by a fast path that fails as a whole."""

    def load_batch(self, indices: Any) -> Any:
        raise OSError("gone")


def epoch_of(seq: Any) -> list[int]:
    return [code for index in range(len(seq)) for code in codes(seq[index])]


@pytest.mark.parametrize("kind", [Broken, BrokenInBulk])
def test_others_stand_in_and_the_rest_stays_in_place(kind: Any) -> None:
    found = epoch_of(kind(20, batch_size=4, on_error="substitute", seed=1))
    assert len(found) == 20
    for position, code in enumerate(found):
        assert (code == position) != (position in BROKEN)
    assert not set(found) & set(BROKEN)


@pytest.mark.parametrize(
    "how", [{"workers": 1}, {"workers": 3}, {"workers": 2, "use_multiprocessing": True}]
)
def test_the_same_stand_in_whoever_loads(how: Any) -> None:
    keywords: Any = {"batch_size": 4, "on_error": "substitute", "seed": 1, "shuffle": True}
    with Broken(20, **keywords, **how) as seq:
        for epoch in range(3):
            seq.set_epoch(epoch)
            alone = Broken(20, **keywords)
            alone.set_epoch(epoch)
            assert epoch_of(seq) == epoch_of(alone)


def test_another_epoch_or_seed_has_others() -> None:
    seen = set()
    for seed in range(4):
        seq = Broken(1000, batch_size=8, on_error="substitute", seed=seed)
        for epoch in range(4):
            seq.set_epoch(epoch)
            seen.add(codes(seq[0])[5])
    assert len(seen) > 8


def test_a_subset_is_mended_from_itself() -> None:
    seq = Broken(20, on_error="substitute", seed=1).subset([1, 5, 6, 9])
    assert set(epoch_of(seq)) <= {1, 6, 9}


def test_where_all_are_broken_the_first_error_is_raised() -> None:
    seq = Broken(20, on_error="substitute").subset([5, 7])
    with pytest.raises(LoadError, match="OSError: gone"):
        seq[0]


def test_a_function_chooses() -> None:
    seen: list[Any] = []

    def choose(error: Any) -> bool:
        seen.append(error.where["key"])
        return bool(error.where["key"] == "5")

    seq = Broken(20, batch_size=6, on_error=choose)
    assert 5 not in codes(seq[0])
    with pytest.raises(LoadError, match="key 7"):
        seq[1]
    assert seen == ["5", "7"]


def test_what_does_not_fit_the_spec_is_substituted_too() -> None:
    class Crooked(Coded):
        def load_sample(self, index: int) -> Any:
            return np.zeros(4 if index == 3 else 2)

    assert Crooked(10, batch_size=10, on_error="substitute")[0][0].shape == (10, 2)
    with pytest.raises(SpecError):
        Crooked(10, batch_size=10)[0]


def test_too_many_are_an_error() -> None:
    keywords: Any = {"batch_size": 4, "on_error": "substitute"}
    assert len(epoch_of(Broken(20, max_errors=2, **keywords))) == 20
    with pytest.raises(SampleError, match="more than 1 samples") as caught:
        epoch_of(Broken(20, max_errors=1, **keywords))
    assert "key 7" in str(caught.value)


@pytest.mark.parametrize("how", [{}, {"workers": 2, "use_multiprocessing": True}])
def test_reported_at_the_epochs_end(how: Any, caplog: Any) -> None:
    with Broken(20, batch_size=4, on_error="substitute", **how) as seq:
        epoch_of(seq)
        with caplog.at_level(logging.WARNING, "multiseq"):
            seq.on_epoch_end()
        (record,) = caplog.records
        assert "epoch 0: others stood in for 2 samples" in record.getMessage()
        assert "key 5: load_sample raised OSError: gone" in record.getMessage()
        caplog.clear()
        seq.on_epoch_end()
        assert not caplog.records


def test_a_loop_over_the_batches_reports_at_its_end(caplog: Any) -> None:
    seq = Broken(20, batch_size=4, on_error="substitute", seed=1)
    with caplog.at_level(logging.WARNING, "multiseq"):
        for _ in range(2):
            assert len(list(seq)) == 5
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "Broken, epoch 0"
    ] * 2
    assert "stood in for 2 samples" in caplog.text
    assert set(seq._reported) == set(BROKEN)


def test_a_sequence_that_substitutes_keeps_the_contract() -> None:
    for kind in (Broken, BrokenInBulk):
        check_sequence(kind(20, batch_size=4, on_error="substitute", seed=1, shuffle=True))
