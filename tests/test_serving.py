"""`serving_model`: raw values in, what the model says of them out, without multiseq."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from backends import BACKEND, LEGACY, keras

from multiseq import (
    ArraySequence,
    MinMax,
    Standardize,
    TableSequence,
    TextSequence,
    Vocabulary,
    concat,
    join,
    pairs,
    serving_model,
    triplets,
)
from multiseq.errors import ArgumentError, NotAdaptedError

layers = keras.layers
WORDS = ["a big cat", "the small dog", "a fish", "big dog big fish"]


def films() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "year": rng.integers(1950, 2020, 60),
            "minutes": rng.normal(100, 20, 60),
            "genre": rng.choice(["drama", "comedy", "war"], 60),
            "plot": rng.choice(WORDS, 60),
            "score": rng.random(60),
        },
        [f"film{k}" for k in range(60)],
    )


def joined(frame: pd.DataFrame) -> Any:
    return join(
        TableSequence(frame, "score", numeric=["year", "minutes"], categorical=["genre"]),
        plot=TextSequence(frame["plot"], tokenizer=Vocabulary(mask=""), max_length=5),
        transforms={"targets": MinMax()},
    )


def model_of(train: Any) -> Any:
    numeric = keras.Input((2,), name="numeric")
    genre = keras.Input((), name="genre", dtype="int32")
    plot = keras.Input((5,), name="plot", dtype="int32")
    merged = layers.concatenate(
        [
            numeric,
            layers.Embedding(len(train.transforms["genre"]), 3)(genre),
            layers.GlobalAveragePooling1D()(
                layers.Embedding(len(train.transforms["plot"]), 3)(plot)
            ),
        ]
    )
    return keras.Model([numeric, genre, plot], layers.Dense(1)(merged))


def raw_of(frame: pd.DataFrame) -> dict[str, Any]:
    tokens = [(text.split() + [""] * 5)[:5] for text in frame["plot"]]
    return {
        "numeric": frame[["year", "minutes"]].to_numpy(np.float32),
        "genre": frame["genre"].to_numpy(object),
        "plot": np.array(tokens, object) if BACKEND == "tf_keras" else frame["plot"].to_numpy(),
    }


def called(model: Any, raw: dict[str, Any]) -> Any:
    return np.asarray(model({name: keras.ops.convert_to_tensor(v) for name, v in raw.items()}))


LOADED = """
import sys
sys.modules["multiseq"] = None
import keras, numpy as np
model = keras.models.load_model(sys.argv[1])
raw = np.load(sys.argv[2], allow_pickle=True).item()
raw = {name: keras.ops.convert_to_tensor(each) for name, each in raw.items()}
np.save(sys.argv[3], np.asarray(model(raw)))
"""


@pytest.mark.skipif(BACKEND != "tensorflow", reason="text goes into a model on TensorFlow alone")
def test_raw_values_give_what_the_sequence_gives_saved_and_loaded(tmp_path: Path) -> None:
    frame = films()
    train, test = joined(frame).split(0.7, 0.3)
    train.adapt(progress=False)
    model = model_of(train)
    expected = test.predictions(model, verbose=0).to_numpy()
    served = serving_model(model, train)
    assert {each.name for each in served.inputs} == {"numeric", "genre", "plot"}
    raw = raw_of(frame.loc[test.keys])
    raw["genre"][0], raw["plot"][1] = "western", "UNHEARD of: (big) Cat"
    raw["numeric"][1] = np.nan
    model_raw = test.replace(batch_size=60)[0][0]
    model_raw["genre"][0] = train.transforms["genre"]("western")
    model_raw["plot"][1] = train.transforms["plot"](["unheard", "of", "big", "cat", ""])
    model_raw["numeric"][1] = 0
    found = called(served, raw)
    np.testing.assert_allclose(found, model.predict_on_batch(model_raw), atol=1e-5)
    np.testing.assert_allclose(found[2:], expected[2:], atol=1e-5)
    served.save(tmp_path / "served.keras")
    np.save(tmp_path / "raw.npy", np.array(raw, object), allow_pickle=True)
    script = [sys.executable, "-c", LOADED]
    files = [str(tmp_path / name) for name in ("served.keras", "raw.npy", "said.npy")]
    subprocess.run([*script, *files], check=True)
    np.testing.assert_allclose(np.load(files[2]), found, atol=1e-6)


@pytest.mark.backend
def test_numbers_are_served_on_every_backend() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(50, 9, (40, 3)), rng.random(40)
    for inputs, names in ((x, ["inputs"]), ({"a": x, "b": 2 * x}, ["a", "b"])):
        transforms = {name: (Standardize(), MinMax()) for name in names}
        train = ArraySequence(inputs, y, transforms=transforms, batch_size=40)
        train.adapt(progress=False)
        taken = [keras.Input((3,), name=name) for name in names]
        merged = layers.concatenate(taken) if len(taken) > 1 else taken[0]
        model = keras.Model(taken if len(taken) > 1 else taken[0], layers.Dense(1)(merged))
        expected = model.predict_on_batch(train[0][0])
        served = serving_model(model, train)
        raw: Any = x.astype(np.float32)
        if isinstance(inputs, dict):
            raw = {name: each.astype(np.float32) for name, each in inputs.items()}
        np.testing.assert_allclose(served.predict_on_batch(raw), expected, atol=1e-4)


@pytest.mark.backend
@pytest.mark.parametrize("declared", [True] if LEGACY else [True, False])
def test_a_sequential_model_is_served_as_it_was_trained(declared: bool, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(50, 9, (40, 3)).astype(np.float32), rng.random(40)
    train = ArraySequence(x, y, transforms={"inputs": Standardize()}, batch_size=40)
    train.adapt(progress=False)
    model = keras.Sequential([keras.Input((3,))] * declared + [layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse")
    model.fit(train, verbose=0)
    serving_model(model, train).save(tmp_path / "served.keras")
    served = keras.models.load_model(tmp_path / "served.keras")
    expected = model.predict_on_batch(train[0][0])
    np.testing.assert_allclose(served.predict_on_batch(x), expected, atol=1e-4)


def test_what_no_keras_layer_does_is_refused() -> None:
    x = np.random.default_rng(0).random((20, 3))
    taken = keras.Input((3,), name="x")
    model = keras.Model(taken, layers.Dense(1)(taken))
    seq = ArraySequence({"x": x}, x[:, 0], transforms={"x": (np.log1p, Standardize())})
    seq.adapt(progress=False)
    with pytest.raises(ArgumentError, match="function of Python has no Keras layer"):
        serving_model(model, seq)
    mapped = ArraySequence({"x": x}, x[:, 0], map=lambda sample: sample)
    with pytest.raises(ArgumentError, match="map="):
        serving_model(model, mapped)
    with pytest.raises(ArgumentError, match="map="):
        serving_model(model, join(mapped))
    with pytest.raises(NotAdaptedError):
        serving_model(model, ArraySequence({"x": x}, x[:, 0], transforms={"x": Standardize()}))
    with pytest.raises(ArgumentError, match="no input 'x'"):
        serving_model(model, ArraySequence({"y": x}, x[:, 0]))

    class Collated(ArraySequence):
        def collate(self, samples: Any) -> Any:
            return {"x": np.stack([each[0]["x"] for each in samples])}, np.zeros(len(samples))

    with pytest.raises(ArgumentError, match="collate is a function"):
        serving_model(model, Collated({"x": x}, x[:, 0]))
    with pytest.raises(ArgumentError, match="no sequence"):
        serving_model(model, x)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="inputs are known"):
        serving_model(x, seq)


@pytest.mark.backend
@pytest.mark.parametrize("transform", [Standardize, MinMax])
def test_numbers_that_float32_would_blur_are_refused(transform: Any) -> None:
    day, year = (1.7e9 + seconds * np.linspace(0, 1, 40)[:, None] for seconds in (86_400, 3e7))
    taken = keras.Input((2,), name="x")
    model = keras.Model({"x": taken}, layers.Dense(1)(taken))

    def trained(times: Any) -> Any:
        x = np.hstack([np.full((40, 1), 1e9), times])  # What is constant is 0 either way.
        seq = ArraySequence({"x": x}, x[:, 0], transforms={"x": transform()}, batch_size=40)
        seq.adapt(progress=False)
        return x, seq

    with pytest.raises(ArgumentError, match=r"(?s)float32.*around 17000.*train.encode"):
        serving_model(model, trained(day)[1])
    for x, seq in (trained(year), trained(day - 1.7e9)):
        found = serving_model(model, seq).predict_on_batch({"x": x.astype(np.float32)})
        np.testing.assert_allclose(found, model.predict_on_batch(seq[0][0]), atol=1e-2)


def concatenated(seq: Any) -> Any:
    """A model that gives all of its inputs."""
    shapes = {name: leaf.shape[1:] for name, leaf in seq[0][0].items()}
    taken = {name: keras.Input(shape, name=name) for name, shape in shapes.items()}
    made = [layers.Reshape((1,))(each) for each in taken.values()]
    return keras.Model(taken, layers.Concatenate()(made))


@pytest.mark.backend
@pytest.mark.parametrize("whole", ["pairs", "triplets", "join", "concat"])
def test_what_goes_together_in_pairs_is_served_by_the_steps_of_its_source(whole: str) -> None:
    frame = pd.DataFrame({"x": np.arange(20.0) * 100}, [f"k{n}" for n in range(20)])
    source = ArraySequence({"x": frame["x"]}, transforms={"x": Standardize()})
    compare = triplets if whole == "triplets" else pairs
    seq: Any = compare(source, np.arange(20) % 3, shuffle=False)
    if whole == "join":
        seq = join(ArraySequence({"n": frame["x"]}), seq)
    if whole == "concat":
        seq = concat(seq, seq, keys=[0, 1])
    seq.adapt(progress=False)
    model = concatenated(seq)
    raw = {name: np.full((2, 1), 300, np.float32) for name in model.input}
    expected = (300 - frame["x"].mean()) / frame["x"].std(ddof=0)
    found = serving_model(model, seq).predict_on_batch(raw)[0]
    wanted = [300 if name == "n" else expected for name in raw]
    np.testing.assert_allclose(found, wanted, 1e-5)


@pytest.mark.backend
@pytest.mark.parametrize("mask", [True, False])
def test_a_left_join_is_served_where_what_is_missing_becomes_what_filled_it(mask: bool) -> None:
    keys = [f"k{n}" for n in range(8)]
    whole = pd.Series(np.arange(8.0), keys)

    def joined(transform: Any, **keywords: Any) -> Any:
        few = ArraySequence({"b": whole[:5] + 1}, transforms={"b": transform})
        seq = join(ArraySequence({"a": whole}), few, how="left", mask=mask, **keywords)
        seq.adapt(progress=False)
        return seq

    seq = joined(Standardize())
    served = serving_model(concatenated(seq), seq)
    raw = {
        name: np.full((1, *each.shape[1:]), np.nan, np.float32) for name, each in seq[0][0].items()
    }
    raw["a"][:] = 7
    if mask:
        raw["b_present"][:] = 0
    found = served.predict_on_batch(raw)[0]
    np.testing.assert_array_equal(found, concatenated(seq).predict_on_batch(seq[0][0])[7])
    for other in (joined(Standardize(), fill={"b": -3}), joined(MinMax())):
        with pytest.raises(ArgumentError, match=r"(?s)b: a part of a left join lacks.*encode"):
            serving_model(concatenated(other), other)


@pytest.mark.backend
@pytest.mark.skipif(BACKEND == "tensorflow", reason="where categories are looked up")
def test_categories_are_refused_where_no_model_looks_them_up() -> None:
    train = joined(films())
    train.adapt(progress=False)
    if BACKEND == "tf_keras":
        assert serving_model(model_of(train), train).inputs
        return
    with pytest.raises(ArgumentError, match="TensorFlow alone"):
        serving_model(model_of(train), train)


def test_the_steps_of_a_join_are_those_of_its_parts_and_its_own_once_each() -> None:
    frame = films()
    part = TableSequence(frame, "score", numeric={"x": ["year"]}, categorical=["genre"])
    whole = join(join(part, transforms={"x": MinMax()}), transforms={"targets": Standardize()})
    whole.adapt(progress=False)
    kinds = {
        name: [type(step).__name__ for step in whole._steps_at(name)]
        for name in ("inputs['x']", "inputs['genre']", "targets")
    }
    assert kinds == {
        "inputs['x']": ["Standardize", "MinMax"],
        "inputs['genre']": ["Vocabulary"],
        "targets": ["Standardize"],
    }
