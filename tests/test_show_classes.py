"""`show` of each class: its files, rows and texts as the model gets them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sounds
from films import films_in
from PIL import Image
from shown import images, lines, overlaps, words

import multiseq as ms


def written(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, "PNG")
    return stream.getvalue()


def test_images_and_masks_from_files() -> None:
    rng = np.random.default_rng(0)
    photos = [rng.integers(0, 256, (9, 12, 3), np.uint8) for _ in range(3)]
    masks = [rng.integers(0, 3, (9, 12)).astype(np.uint8) * 120 for _ in range(3)]
    image = ms.ImageSequence([written(each) for each in photos], size=(9, 12))
    mask = ms.ImageSequence(
        [written(each) for each in masks],
        size=(9, 12),
        channels=1,
        dtype="uint8",
        scale=None,
        interpolation="nearest",
    )
    figure = ms.join(image=image, mask=mask, batch_size=3).show()
    for axes, photo, classes in zip(figure.axes, photos, masks, strict=True):
        np.testing.assert_allclose(np.asarray(axes.images[0].get_array()), photo / 255, atol=1e-6)
        veil = np.asarray(axes.images[1].get_array())
        np.testing.assert_array_equal(veil[..., 3] > 0, classes > 0)
    assert {"image + mask", "class 120", "class 240"} <= set(words(figure).splitlines())
    alone = images(mask.show())
    np.testing.assert_array_equal(alone[0][..., :3].any(axis=-1), masks[0] > 0)
    assert overlaps(figure) == []


def test_sounds_over_seconds() -> None:
    source = [sounds.encoded(sounds.tone(code, seconds=0.1)) for code in range(3)]
    figure = sounds.sounds(source, max_seconds=0.15, batch_size=3).show()
    assert "8,000 Hz" in words(figure)
    for axes, code in zip(figure.axes, range(3), strict=True):
        (curve,) = axes.lines
        seconds, waveform = (np.asarray(each) for each in curve.get_data())
        np.testing.assert_allclose(seconds, np.arange(1200) / 8000)
        assert sounds.code_of(waveform[:800]) == code
        assert not waveform[800:].any()
        assert axes.get_xlim() == pytest.approx((0, 0.15))


def test_spectra_have_low_bands_below() -> None:
    source = [sounds.encoded(sounds.tone(code, seconds=0.3)) for code in (1, 30)]
    features = ms.LogMel(n_mels=20)
    seq = sounds.sounds(source, max_seconds=0.3, features=features, batch_size=2)
    figure = seq.show()
    for axes, frames in zip(figure.axes, seq[0][0], strict=True):
        drawn = np.asarray(axes.images[0].get_array())
        np.testing.assert_array_equal(drawn, frames.T)
        assert axes.images[0].origin == "lower"
        assert axes.images[0].get_extent() == pytest.approx([0, 0.31, 0, 20])
    low, high = images(figure)
    assert low.mean(axis=1).argmax() < high.mean(axis=1).argmax()


def test_ids_of_a_tokenizer_are_its_own_words() -> None:
    tokenizers = pytest.importorskip("tokenizers")
    known = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "a", "cat", "sat"]
    model = tokenizers.models.WordLevel(dict(zip(known, range(7), strict=True)), unk_token="[UNK]")
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    seq = ms.TextSequence(["a cat sat", "", "a dog sat"], tokenizer=tokenizer, max_length=8)
    said = words(seq.show()).splitlines()
    assert {"[CLS] a cat sat [SEP]", "[CLS] [SEP]", "[CLS] a [UNK] sat [SEP]"} <= set(said)
    assert "a cat sat" in words(seq.show(stages=True)).splitlines()


@pytest.mark.parametrize("padding", ["pre", "post"])
def test_padding_is_left_out_and_text_is_not(padding: Any) -> None:
    seq = ms.TextSequence([[5, 0, 7], [1]], max_length=6, padding=padding)
    said = words(seq.show()).splitlines()
    assert ("0 0 0 5 0 7" if padding == "pre" else "5 0 7 0 0 0") in said  # Nobody knows the words.
    letters = ms.TextSequence(
        ["b a b", ""], tokenizer=ms.Vocabulary(mask=""), max_length=6, padding=padding
    )
    letters.adapt(progress=False)
    assert {"b a b", "(nothing)"} <= set(words(letters.show()).splitlines())


def test_files_before_and_after_their_transforms(tmp_path: Path) -> None:
    for key in range(3):
        np.save(tmp_path / f"sensor_{key}.npy", np.arange(50.0) * (key + 1))
        (tmp_path / f"meta_{key}.json").write_text(json.dumps({"place": "abc"[key]}))
    seq = ms.FileSequence(
        tmp_path,
        {"sensor": "sensor_{key}.npy", "place": "meta_{key}.json:place"},
        transforms={"sensor": ms.MinMax(axis=None), "place": ms.Vocabulary()},
        batch_size=3,
    )
    seq.adapt(progress=False)
    raw, transformed = (curve for (curve,) in lines(seq.show(stages=True)))
    np.testing.assert_allclose(raw, np.arange(50.0))
    np.testing.assert_allclose(transformed, np.arange(50) / 147, rtol=1e-6)
    assert {"place: a (1)", "place: b (2)"} <= set(words(seq.show()).splitlines())


def test_rows_of_a_database(tmp_path: Path) -> None:
    seq = ms.SQLSequence(
        films_in(tmp_path),
        "films",
        key="id",
        inputs={"numbers": ["x", "n"], "kind": "kind", "words": "words"},
        targets="y",
        transforms={"kind": ms.Labels(), "words": (str.split, ms.Vocabulary(mask=""))},
        batch_size=4,
    )
    seq.adapt(progress=False)
    figure = seq.show()
    said = set(words(figure).splitlines())
    assert {"x", "n", "a (0)", "b (1)", "c (2)", "w0 w1 w2", "(nothing)"} <= said
    assert overlaps(figure) == []
    assert {"a", "a (0)"} <= set(words(seq.show(stages=True)).splitlines())


def test_labels_of_windows_without_a_horizon() -> None:
    frame = pd.DataFrame({"x": np.arange(9.0), "y": [0, 0, 0, 1, 1, 1, 2, 2, 2]})
    seq = ms.WindowSequence(frame, length=3, horizon=0, features=["x"], targets="y", batch_size=7)
    figure = seq.show()
    for axes, start in zip(figure.axes, range(7), strict=True):
        np.testing.assert_array_equal(axes.lines[0].get_ydata(), np.arange(start, start + 3))
    assert overlaps(figure) == []


def test_inputs_alone() -> None:
    seq = ms.ArraySequence({"x": np.arange(4.0)}, np.arange(4), batch_size=4)
    said = words(seq.for_prediction().show())
    assert "x" in said.splitlines()
    assert "target" not in said


@pytest.mark.parametrize("dtype", ["float16", "float64", "uint16", "int8", "bool"])
@pytest.mark.parametrize("shape", [(), (1,), (3,), (40,), (3000,), (6, 7), (50, 3), (4, 9, 9)])
def test_arrays_of_any_kind_are_drawn(dtype: str, shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).normal(0, 50, (2, *shape)).astype(dtype)
    seq = ms.ArraySequence({"x": values, "y": np.zeros((2, 0))}, values, batch_size=2)
    assert overlaps(seq.show()) == []
    assert overlaps(seq.show(stages=True)) == []


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
@pytest.mark.parametrize("shape", [(), (4,), (40,), (3000,), (9, 9), (9, 9, 3), (9, 9, 9, 3)])
def test_what_is_no_number_is_said_and_not_stumbled_over(
    value: float, shape: tuple[int, ...]
) -> None:
    class Strange(ms.MultiInputSequence):
        def load_sample(self, index: int) -> Any:
            return {"x": np.full(shape, value), "y": np.zeros(shape)}

    seq = Strange(2, batch_size=2, spec={"x": ms.Spec(shape, "float64")})
    said = words(seq.show())
    kind = "NaN" if np.isnan(value) else "infinite" if np.isinf(value) else "1e+300"
    assert kind in said


def test_steps_of_any_sequence_are_seen_before_and_after() -> None:
    inputs = {"age": np.array([10.0, 20, 30]), "words": np.array(["a b", "b", "c"])}
    transforms = {
        "age": ms.Standardize(),
        "words": (str.split, ms.Vocabulary(mask="")),
        "targets": ms.Labels(),
    }
    seq = ms.ArraySequence(inputs, np.array(["cat", "dog", "cat"]), transforms=transforms)
    before = set(words(seq.show(stages=True)).splitlines())
    assert {"10", "a b", "cat"} <= before
    seq.adapt(progress=False)
    stages = set(words(seq.show(stages=True)).splitlines())
    assert {"10", "-1.225 (10)", "a b", "cat", "cat (0)"} <= stages
    assert {"-1.225 (10)", "0 (20)", "a b", "c", "dog (1)"} <= set(words(seq.show()).splitlines())


def test_targets_of_a_join_by_class() -> None:
    rows = ms.TableSequence(pd.DataFrame({"height": [150.0, 160, 170]}), numeric=["height"])
    seq = ms.join(
        facts=rows,
        x=ms.ArraySequence([1.0, 2, 3]),
        targets=pd.Series(["cat", "dog", "cat"]),
        transforms={"targets": ms.Labels(), "x": ms.Standardize()},
    )
    seq.adapt(progress=False)
    said = set(words(seq.show()).splitlines())
    assert {"height", "-1.225 (150)", "-1.225 (1)", "dog (1)"} <= said
