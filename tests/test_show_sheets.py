"""`show`: samples that cannot be loaded, places on the sheet, and what it leaves alone."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
from shown import images, overlaps, words

import multiseq as ms
from multiseq.errors import ArgumentError, MissingPackageError, SampleError
from multiseq.plots.page import Page


def photos(n: int = 6) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.asarray(rng.uniform(size=(n, 12, 16, 3)), "float32")


class Broken(ms.MultiInputSequence):
    def load_sample(self, index: int) -> Any:
        if index in (0, 2):
            raise ValueError(f"sample {index} is broken")
        return {"x": np.full((12, 12, 3), index / 10, "float32")}, index


def test_a_sample_that_cannot_be_loaded_says_why() -> None:
    figure = Broken(list("abcd"), batch_size=4).show()
    said = words(figure)
    assert "sample 0 is broken" in said
    assert "sample 2 is broken" in said
    assert len(images(figure)) == 2
    assert overlaps(figure) == []


def test_a_sample_that_another_stands_in_for_says_so() -> None:
    seq = Broken(list("dabc"), batch_size=3, on_error="substitute").subset(["a", "b", "c"])
    said = words(seq.show())
    assert said.count("another sample stands in for this one") == 1


def test_where_no_sample_can_be_loaded_it_raises() -> None:
    with pytest.raises(SampleError, match="sample 0 is broken"):
        Broken(4, batch_size=4).subset(positions=[0, 2]).show()


def test_stages_of_a_sample_that_is_broken_somewhere() -> None:
    def broken(sample: Any, rng: np.random.Generator) -> Any:
        raise ValueError("too bright")

    with pytest.raises(SampleError, match=r"key 'a'(.|\n)*sample 0 is broken"):
        Broken(list("abcd")).show(stages=True)
    said = words(ms.ArraySequence(photos(), augment=broken).show(stages=True)).replace("\n", " ")
    assert "too bright" in said
    assert "nothing is transformed" in said


def test_a_sheet_of_many_samples_can_be_written(tmp_path: Any) -> None:
    page = Page(6, 800)  # Of more than 2^16 pixels Matplotlib writes no file.
    page.write(1, 790, "the last sample", 7)
    page.figure.savefig(tmp_path / "x.png")
    assert (tmp_path / "x.png").stat().st_size > 1000


def test_batches_that_a_class_leaves_out() -> None:
    class Fewer(ms.ArraySequence):
        @property
        def num_batches(self) -> int:
            return 2

    seq = Fewer({"x": np.arange(9.0)}, batch_size=3)
    assert "batch 1 of 2" in words(seq.show(1))


def test_workers_are_not_started() -> None:
    seq = ms.ArraySequence(photos(), batch_size=2, workers=2, use_multiprocessing=True)
    seq.show()
    assert seq._live is None


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"n": 0}, ArgumentError),
        ({"n": True}, ArgumentError),
        ({"stages": "yes"}, ArgumentError),
        ({"index": 9}, IndexError),
        ({"index": 9, "stages": True}, IndexError),
        ({"index": -9}, IndexError),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], error: type[Exception]) -> None:
    said = "there are batches 0 to 2, not -?9" if error is IndexError else None
    with pytest.raises(error, match=said):
        ms.ArraySequence(photos(), batch_size=2).show(**arguments)


def test_a_legend_lies_behind_what_is_noted() -> None:
    pixels = np.random.default_rng(0).random((12, 40, 60, 3)).astype("float32")
    masks = np.zeros((12, 40, 60, 1), "uint8")
    masks[:, 10:30, 20:40] = np.arange(12).reshape(-1, 1, 1, 1) % 3 + 1
    seq = ms.join(image=ms.ArraySequence(pixels), targets=ms.ArraySequence(masks))
    assert overlaps(seq.show(n=6)) == []


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match="plots"):
        ms.ArraySequence(photos()).show()


def test_notebooks_show_it_once_as_an_image() -> None:
    figure: Any = ms.ArraySequence(photos(), batch_size=2).show()
    data, size = figure._repr_png_()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert size["width"] == int(figure.get_size_inches()[0] * 100)


ALONE = """
import sys, numpy as np, multiseq as ms
for name in [name for name in sys.modules if name.startswith("matplotlib")]:
    del sys.modules[name]  # Keras may have brought it.
import matplotlib
before = matplotlib.rcParams.copy()
seq = ms.ArraySequence({"x": np.zeros((4, 12, 12, 3), "uint8")}, np.arange(4), batch_size=4)
seq.show().savefig(sys.argv[1])
assert "matplotlib.pyplot" not in sys.modules
assert matplotlib.rcParams.copy() == before
"""


def test_it_needs_no_display_and_no_pyplot(tmp_path: Any) -> None:
    env = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "MPLBACKEND")}
    command = [sys.executable, "-c", ALONE, str(tmp_path / "x.png")]
    run = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "x.png").stat().st_size > 1000


def test_photos_have_their_captions_below() -> None:
    captions = ["a cat", "a dog", "$5 & <b>", "\u65e5\u672c\u8a9e", "", "x" * 300]
    seq = ms.ArraySequence({"image": photos(), "caption": np.array(captions)}, batch_size=6)
    figure = seq.show()
    said = words(figure)
    assert "caption: a cat" in said
    assert "caption: $5 & <b>" in said
    assert overlaps(figure) == []
    rows = {round(axes.get_position().y0, 3) for axes in figure.axes}
    assert len(rows) == 2


@pytest.mark.parametrize(("n", "width"), [(1, 1), (12, 1), (3, 8), (5, 60)])
def test_nothing_overlaps_and_nothing_is_cut_off(n: int, width: int) -> None:
    rng = np.random.default_rng(n)
    frame = pd.DataFrame(rng.normal(0, 1e6, (n, width))).add_prefix("a column with a long name ")
    keys = [f"a very long key, with/slashes_and-so-on/{'k' * 20 * (k % 3)}{k}" for k in range(n)]
    inputs = {
        "text": np.array([f"word{k} " * (20 * k) for k in range(n)]),
        "photograph of the whole": rng.uniform(size=(n, 8, 80, 3)),
        "tall": rng.uniform(size=(n, 80, 8, 3)),
        "wave": rng.normal(size=(n, 3000)),
        "matrix": rng.normal(size=(n, 9, 9)),
    }
    table = ms.TableSequence(frame, numeric=list(frame), keys=keys, transforms={"numeric": None})
    seq = ms.join(ms.ArraySequence(inputs, keys=keys), numbers=table, batch_size=n)
    for figure in (seq.show(n=n), seq.show(stages=True)):
        assert overlaps(figure) == []


def test_keys_of_several_levels() -> None:
    keys = pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["site", "scan"])
    seq = ms.ArraySequence({"x": np.arange(4.0)}, keys=keys, batch_size=4)
    assert "b \u00b7 2" in words(seq.show()).splitlines()
    assert "b \u00b7 1" in words(seq.subset(positions=[2]).show(stages=True))


@pytest.mark.backend
def test_looking_at_it_while_it_trains_changes_nothing() -> None:
    from backends import keras

    class Looks(keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.keys: list[list[Any]] = []
            self.drawn: list[str] = []

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.keys.append(seq.batch_keys(batch).tolist())
            self.drawn.append(words(seq.show(batch)))
            seq.summary(print_fn=self.drawn.append)

    x = np.arange(12, dtype="float32")[:, None]
    seq = ms.ArraySequence({"x": x}, x[:, 0] + 100, batch_size=4, shuffle=True, seed=0)
    inputs = keras.Input((1,), name="x")
    model = keras.Model({"x": inputs}, keras.layers.Dense(1)(inputs))
    model.compile("sgd", "mse")
    looks = Looks()
    model.fit(seq, epochs=2, verbose=0, callbacks=[looks])
    assert all(
        sorted(np.concatenate(keys)) == list(range(12)) for keys in (looks.keys[:3], looks.keys[3:])
    )
    assert looks.keys[:3] != looks.keys[3:]
    for keys, text in zip(looks.keys, looks.drawn[::2], strict=True):
        said = text.splitlines()
        assert all(str(key) in said and str(key + 100) in said for key in keys)
