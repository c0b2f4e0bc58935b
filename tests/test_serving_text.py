"""serving_model on whole texts and on what is missing, against the sequence itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from backends import BACKEND, keras
from hypothesis import given, settings
from hypothesis import strategies as st

from multiseq import (
    ArraySequence,
    Labels,
    MinMax,
    Standardize,
    TableSequence,
    TextSequence,
    Vocabulary,
    concat,
    join,
    serving_model,
)
from multiseq.errors import ArgumentError

layers = keras.layers
on_keras = pytest.mark.skipif(BACKEND != "tensorflow", reason="texts go in on TensorFlow alone")

SOME = "a bA B\t\n\u00a0\u3000\x1c\x85éÉßẞ\u0131İiI.,!?'-_ÀàЖж漢K ǅ\u0307😀 "
any_text = st.text(SOME, max_size=20) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="Σσς\0"), max_size=20
)


def as_is(shape: Any, dtype: str = "int32") -> Any:
    """A model that returns what it is given."""
    taken = keras.Input(shape, name="inputs", dtype=dtype)
    return keras.Model(taken, layers.Reshape((*shape, 1))(taken))


def said(model: Any, values: Any) -> Any:
    return np.asarray(model(keras.ops.convert_to_tensor(values)))[..., 0]


def ids_of(seq: Any, texts: list[str]) -> Any:
    return seq.encode([{"inputs": text} for text in texts])


@on_keras
@settings(max_examples=12, deadline=None)
@given(
    st.lists(any_text, min_size=2, max_size=12),
    st.lists(any_text, min_size=1, max_size=12),
    st.sampled_from(["", None, "[PAD]", "a"]),
    st.sampled_from(["pre", "post"]),
    st.sampled_from(["pre", "post"]),
    st.integers(1, 6),
    st.sampled_from([0, 7]),
)
def test_any_text_has_the_ids_of_the_sequence(
    learned: list[str],
    texts: list[str],
    mask: Any,
    padding: Any,
    truncating: Any,
    length: int,
    pad_id: int,
) -> None:
    seq = TextSequence(
        ["a b", *learned],
        tokenizer=Vocabulary(mask=mask),
        max_length=length,
        padding=padding,
        truncating=truncating,
        pad_id=pad_id,
    )
    seq.adapt(progress=False)
    served = serving_model(as_is((length,)), seq)
    assert served.inputs[0].shape == (None,)
    texts = [*texts, *learned, "", " ", "...", "a" * 50]
    np.testing.assert_array_equal(said(served, texts), ids_of(seq, texts))
    np.testing.assert_array_equal(said(served, [""]), ids_of(seq, [""]))


@on_keras
@pytest.mark.parametrize("standardize", [None, "lower", "lower_and_strip_punctuation"])
@pytest.mark.parametrize("split", ["whitespace", "character"])
@pytest.mark.parametrize("ngrams", [None, 2])
def test_a_layer_that_splits_is_the_layer_in_the_model(
    standardize: Any, split: Any, ngrams: Any
) -> None:
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list(SOME), 9)) for _ in range(40)] + [""]
    layer = layers.TextVectorization(
        max_tokens=30, standardize=standardize, split=split, ngrams=ngrams
    )
    layer.adapt(texts)
    seq = TextSequence(texts, tokenizer=layer, max_length=6)
    served = serving_model(as_is((6,)), seq)
    np.testing.assert_array_equal(said(served, texts), ids_of(seq, texts))


LOADED = """
import sys
sys.modules["multiseq"] = None
import keras, numpy as np
model = keras.models.load_model(sys.argv[1])
texts = keras.ops.convert_to_tensor(open(sys.argv[2]).read().split("|"))
np.save(sys.argv[3], model.predict(texts, verbose=0))
"""


@on_keras
def test_it_is_saved_and_loaded_without_multiseq(tmp_path: Path) -> None:
    texts = ["Ein Bär", "ÉCOLE\u00a0ÉTÉ", "bär, été!", ""]
    seq = TextSequence(texts, tokenizer=Vocabulary(mask=""), max_length=4)
    seq.adapt(progress=False)
    taken = keras.Input((4,), name="inputs", dtype="int32")
    embedded = layers.Embedding(len(seq.transforms["inputs"]), 3)(taken)
    model = keras.Model(taken, layers.Dense(1)(layers.Flatten()(embedded)))
    expected = model.predict(seq, verbose=0)
    serving_model(model, seq).save(tmp_path / "served.keras")
    (tmp_path / "texts").write_text("|".join(texts), "utf-8")
    files = [str(tmp_path / name) for name in ("served.keras", "texts", "said.npy")]
    subprocess.run([sys.executable, "-X", "utf8", "-c", LOADED, *files], check=True)
    np.testing.assert_allclose(np.load(files[2]), expected, atol=1e-6)


@on_keras
def test_in_a_join_and_in_a_concat() -> None:
    words = Vocabulary(mask="")
    parts = [TextSequence(each, tokenizer=words, max_length=3) for each in (["a b"], ["É c"])]
    whole = concat(*parts)
    seq = join(concat(join(title=whole)), x=ArraySequence(np.arange(2.0)))
    seq.adapt(progress=False)
    title, x = keras.Input((3,), name="title", dtype="int32"), keras.Input((), name="x")
    model = keras.Model([title, x], layers.Reshape((3, 1))(title))
    served = serving_model(model, seq)
    raw = {"title": keras.ops.convert_to_tensor(["É b", ""]), "x": keras.ops.zeros(2)}
    np.testing.assert_array_equal(np.asarray(served(raw))[..., 0], ids_of(whole, ["É b", ""]))


@on_keras
def test_what_no_model_splits_alike_is_given_as_words() -> None:
    for text, tokenizer, length in (
        ("ΟΔΟΣ a", Vocabulary(mask=""), 3),
        ("a b", str.split, 3),
        ("a b", Vocabulary(mask=""), None),
    ):
        seq = TextSequence([text], tokenizer=tokenizer, max_length=length)
        seq.adapt(progress=False)
        served = serving_model(as_is((length,)), seq)
        assert served.inputs[0].shape == (None, length)
        words = np.array([["a", "", "never"]], object)
        wanted = seq.transforms["inputs"].transform(words)
        np.testing.assert_array_equal(said(served, words), wanted)


@pytest.mark.backend
def test_numbers_that_are_missing_are_the_mean(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(5, 2, (30, 3))
    x[rng.random(x.shape) < 0.3] = np.nan
    frame = pd.DataFrame(x, columns=list("abc"))
    for seq in (
        TableSequence(frame, numeric=list("abc")),
        ArraySequence(x, transforms={"inputs": (Standardize(), MinMax())}),
        ArraySequence(x, transforms={"inputs": MinMax()}, missing="mean"),
        ArraySequence(x, missing=7.5),
        ArraySequence(x[:, 0], missing="mean"),
    ):
        seq.adapt(progress=False)
        shape = seq.spec[0].shape
        taken = keras.Input(shape, name="numeric")
        outputs = layers.Dense(2)(taken) if shape else layers.Reshape((1,))(taken)
        model = keras.Model(taken, outputs)
        served = serving_model(model, seq)
        given = x if shape else x[:, 0]
        found = served.predict(given.astype(np.float32), verbose=0)
        np.testing.assert_allclose(found, model.predict(seq, verbose=0), atol=1e-5)
        served.save(tmp_path / "served.keras")
        loaded = keras.models.load_model(tmp_path / "served.keras")
        np.testing.assert_array_equal(loaded.predict(given.astype(np.float32), verbose=0), found)


@on_keras
@pytest.mark.parametrize("mask", [None, "none", ""])
def test_a_category_that_is_missing_is_the_mask(mask: Any) -> None:
    frame = pd.DataFrame({"kind": ["a", "b", None, "a"]})
    seq = TableSequence(
        frame, categorical={"inputs": "kind"}, transforms={"inputs": Vocabulary(mask=mask)}
    )
    seq.adapt(progress=False)
    taken = keras.Input((), name="inputs", dtype="int32")
    served = serving_model(keras.Model(taken, layers.Reshape((1,))(taken)), seq)
    raw = [*frame["kind"].fillna(mask or "").tolist(), "never seen"]
    records = [{"kind": each} for each in [*frame["kind"], "never seen"]]
    np.testing.assert_array_equal(said(served, raw), seq.encode(records)["inputs"])


@on_keras
def test_labels_of_one_hot_inputs() -> None:
    kinds = np.array(["a", "b", "c", "b"])
    seq = ArraySequence(kinds, transforms={"inputs": Labels(one_hot=True)})
    seq.adapt(progress=False)
    taken = keras.Input((3,), name="inputs")
    served = serving_model(keras.Model(taken, layers.Reshape((3, 1))(taken)), seq)
    np.testing.assert_array_equal(said(served, kinds.tolist()), seq[0][0])


@pytest.mark.backend
@pytest.mark.skipif(BACKEND in ("tensorflow", "tf_keras"), reason="where texts are looked up")
def test_texts_are_refused_with_the_fix_where_no_model_takes_them() -> None:
    seq = TextSequence(["a b"], tokenizer=Vocabulary(mask=""), max_length=3)
    seq.adapt(progress=False)
    with pytest.raises(ArgumentError, match=r"TensorFlow alone(?s:.*)train\.encode"):
        serving_model(as_is((3,)), seq)
