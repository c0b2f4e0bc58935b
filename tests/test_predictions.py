"""for_prediction and predictions: inputs alone, in source order, and what a model says by key."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd
import pytest
from backends import Codes, keras
from coded import Bulk, Coded, Collated, Noisy, Weighted, codes, epoch_of, frozen_epoch
from keyed import BACKWARDS, KEYS, N, Noised, part

from multiseq import BalancedSampler, MultiInputSequence, Spec, TextSequence, join
from multiseq.errors import ArgumentError, LoadError
from multiseq.testing import check_sequence


class Echo:
    """A model that predicts what its first input says, by a function of it."""

    def __init__(self, function: Any, output_names: Any = None) -> None:
        self.function = function
        if output_names:
            self.output_names = output_names

    def predict(self, seq: Any, **keywords: Any) -> Any:
        batches = [batch for (batch,) in seq]
        leaf = [next(iter(batch.values())) for batch in batches]
        return self.function(np.concatenate([rows.reshape(len(rows), -1)[:, 0] for rows in leaf]))


# for_prediction


@pytest.mark.parametrize("kind", [Coded, Bulk, Noisy, Collated])
@pytest.mark.parametrize("workers", [{}, {"workers": 2}, {"workers": 1, "use_multiprocessing": 1}])
def test_inputs_alone_of_all_samples_in_source_order(kind: Any, workers: Any) -> None:
    workers = {name: bool(v) if name != "workers" else v for name, v in workers.items()}
    seq = kind(10, batch_size=4, shuffle=True, drop_last=True, seed=1, **workers)
    with seq.for_prediction() as view:
        assert len(view) == 3
        batches = [view[i] for i in range(3)]
        assert all(isinstance(batch, tuple) and len(batch) == 1 for batch in batches)
        assert [code for batch in batches for code in codes(batch)] == list(range(10))
        assert view.keys.equals(seq.keys)


@pytest.mark.parametrize("kind", [Coded, Bulk, Noisy, Weighted])
def test_it_keeps_the_contract(kind: Any) -> None:
    check_sequence(kind(10, batch_size=4, shuffle=True, seed=1).for_prediction())
    check_sequence(join(kind(10), batch_size=4, shuffle=True).for_prediction())


def test_the_spec_is_that_of_the_inputs() -> None:
    assert Weighted(10).for_prediction().spec == (Spec((), "float32"),)
    assert list(Coded(10).for_prediction().spec[0]) == ["a", "b"]


def test_neither_a_sampler_nor_class_weights_nor_a_shard_is_left() -> None:
    sampler = BalancedSampler([0, 1] * 5)
    seq = Coded(10, batch_size=4, class_weight={1: 2.0}, sampler=sampler).shard(1, 2)
    assert epoch_of(seq.for_prediction()) == list(range(10))


def test_parts_of_a_join_are_plain_too() -> None:
    seq = join(part("x", BACKWARDS), noise=Noised(KEYS), shuffle=True, seed=1).for_prediction()
    (inputs,) = seq[0]
    assert inputs["x"][:, 0].tolist() == BACKWARDS.tolist()
    assert (inputs["noise"] == 0).all()


class Unread(Coded):
    """Can be loaded once, to see what it looks like."""

    def load_sample(self, index: int) -> Any:
        assert index == 0, "this was not to be loaded"
        return super().load_sample(index)


@pytest.mark.parametrize("make", [part, lambda name: Coded(KEYS)])
def test_targets_of_a_join_are_not_loaded(make: Any) -> None:
    seq = join(make("x"), targets=Unread(KEYS), sample_weight=np.ones(N))
    assert epoch_of(seq.for_prediction()) == list(range(N))
    assert len(seq.predictions(Echo(lambda x: x))) == N
    with pytest.raises(LoadError, match="not to be loaded"):
        seq[0]


def test_a_view_for_prediction_is_a_part_without_targets() -> None:
    inner = Coded(KEYS).for_prediction()
    assert len(join(inner, part("x"))[0]) == 1
    assert len(join(Coded(KEYS), part("x"))[0]) == 2


def test_it_goes_with_subsets_and_can_augment_again() -> None:
    view = Noisy(10, seed=1).for_prediction()
    assert epoch_of(view.subset([3, 1])) == [3, 1]
    again = view.replace(augmented=True)
    assert (again[0][0]["a"] != view[0][0]["a"]).all()


def test_the_sequence_itself_is_as_it_was() -> None:
    seq = Coded(10, batch_size=4, shuffle=True, seed=1)
    before = frozen_epoch(seq)
    seq.for_prediction()[0]
    assert frozen_epoch(seq) == before


# predictions


@pytest.mark.parametrize(
    ("function", "names", "columns"),
    [
        (lambda x: x, None, ["prediction"]),
        (lambda x: x[:, None], ["dense"], ["prediction"]),
        (lambda x: np.stack([x, x], 1), None, ["prediction_0", "prediction_1"]),
        (lambda x: np.stack([x, x], 1)[:, None], None, ["prediction_0_0", "prediction_0_1"]),
        (lambda x: [x, x[:, None]], ["age", "sex"], ["age", "sex"]),
        (lambda x: (x, np.stack([x, x], 1)), None, ["output_0", "output_1_0", "output_1_1"]),
        (lambda x: {"b": x, "a": np.stack([x, x], 1)}, ["a", "b"], ["b", "a_0", "a_1"]),
    ],
)
def test_a_column_for_each_unit_of_each_output(function: Any, names: Any, columns: Any) -> None:
    seq = part("x", BACKWARDS, batch_size=6, shuffle=True, seed=1)
    frame = seq.predictions(Echo(function, names))
    assert frame.columns.tolist() == columns
    assert frame.index.tolist() == KEYS[::-1]
    for column in columns:
        assert frame[column].tolist() == BACKWARDS.tolist()
        assert frame[column].dtype == np.float32


def test_keys_keep_their_names_and_levels() -> None:
    keys = pd.MultiIndex.from_product([["p", "q"], range(5)], names=["who", "n"])
    frame = Coded(keys).predictions(Echo(lambda x: x))
    assert frame.loc[("q", 2), "prediction"] == 7
    assert frame.index.names == ["who", "n"]


def test_keywords_go_to_the_model() -> None:
    class Asked(Echo):
        def predict(self, seq: Any, **keywords: Any) -> Any:
            assert keywords == {"verbose": 0}
            return super().predict(seq)

    Coded(10).predictions(Asked(lambda x: x), verbose=0)


@pytest.mark.parametrize("function", [lambda x: x[:-1], np.sum, lambda x: {"a": x, "b": x[1:]}])
def test_a_model_that_returns_other_rows(function: Any) -> None:
    with pytest.raises(ArgumentError, match=r"^Coded: (?s:.)*a row for each sample(?s:.)*10 rows"):
        Coded(10).predictions(Echo(function))


class Broken(Coded):
    """Samples 3 and 7 cannot be loaded."""

    def load_sample(self, index: int) -> Any:
        if index in (3, 7):
            raise OSError("broken")
        return super().load_sample(index)


def test_no_prediction_is_that_of_another_sample(caplog: Any) -> None:
    """What was asked to substitute stands for nothing here."""
    with pytest.raises(LoadError, match="key 'k03'"):
        Broken(KEYS[:10], on_error="substitute", seed=1).for_prediction()[0]
    seq = Broken(KEYS[:10], on_error="substitute", batch_size=4, seed=1)
    with caplog.at_level(logging.WARNING, "multiseq"):
        frame = seq.predictions(Echo(lambda x: x))
    assert frame.index[frame["prediction"].isna()].tolist() == ["k03", "k07"]
    assert frame["prediction"].drop(["k03", "k07"]).tolist() == [0, 1, 2, 4, 5, 6, 8, 9]
    assert "key 'k03'" in caplog.text
    with pytest.raises(LoadError, match="key 'k03'"):
        Broken(KEYS[:10]).predictions(Echo(lambda x: x))


class Numbered(MultiInputSequence):
    """Sample i says i, and has a target that would not fit any model."""

    def load_sample(self, index: int) -> Any:
        code = np.full(3, index, np.float32)
        return {"x": code, "y": code.reshape(3, 1)}, np.array("no number")


def _model() -> Any:
    x, y = keras.Input((3,), name="x"), keras.Input((3, 1), name="y")
    both = Codes()([x, y])
    return x, y, both


@pytest.mark.backend
@pytest.mark.parametrize("workers", [0, 2])
def test_a_model_predicts_by_key(workers: int) -> None:
    x, y, both = _model()
    seq = Numbered(KEYS, batch_size=6, shuffle=True, seed=1, workers=workers)
    train, test = seq.split(0.5, 0.5)
    model = keras.Model({"x": x, "y": y}, both)
    for some in (train, test, seq.subset(KEYS[::-3])):
        frame = some.predictions(model, verbose=0)
        assert frame.index.tolist() == some.keys.tolist()
        assert frame.columns.tolist() == ["prediction_0", "prediction_1"]
        numbers = [KEYS.index(key) for key in some.keys]
        assert frame["prediction_0"].tolist() == frame["prediction_1"].tolist() == numbers


@pytest.mark.backend
def test_models_of_several_outputs() -> None:
    x, y, both = _model()
    one = keras.layers.Lambda(lambda t: t[:, :1], name="first")(both)
    two = keras.layers.Lambda(lambda t: t + 0.0, name="second")(both)
    seq = Numbered(KEYS, batch_size=6)
    for outputs in ([one, two], {"first": one, "second": two}):
        frame = seq.predictions(keras.Model({"x": x, "y": y}, outputs), verbose=0)
        assert frame.columns.tolist() == ["first", "second_0", "second_1"]
        assert (frame.to_numpy() == np.arange(N)[:, None]).all()


@pytest.mark.backend
def test_outputs_whose_length_varies_by_batch_are_refused() -> None:
    seq = TextSequence([[1, 2], [1, 2, 3], [1]], batch_size=1)
    ids = keras.Input((None,), dtype="int32")
    model = keras.Model(ids, keras.layers.Embedding(9, 3)(ids))
    with pytest.raises(ArgumentError, match=r"(?s)length varies by batch.*max_length="):
        seq.predictions(model, verbose=0)
    padded = TextSequence([[1, 2], [1, 2, 3], [1]], batch_size=1, max_length=3)
    assert padded.predictions(model, verbose=0).shape == (3, 9)
