"""`summary()` and what notebooks show of a sequence."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import numpy as np
import pandas as pd
import pytest

import multiseq as ms
from multiseq.errors import ArgumentError


def text_of(seq: Any) -> str:
    lines: list[str] = []
    seq.summary(print_fn=lines.append)
    (text,) = lines
    return text


def fact(text: str, name: str) -> str:
    (line,) = [line for line in text.splitlines() if line.startswith(f"{name} ")]
    return line[len(name) :].strip()


def arrays(**keywords: Any) -> ms.ArraySequence:
    inputs = {"image": np.zeros((10, 4, 5, 3), "uint8"), "age": np.arange(10.0)}
    return ms.ArraySequence(inputs, np.arange(10), batch_size=4, **keywords)


def test_it_prints_inputs_with_shapes_and_dtypes(capsys: pytest.CaptureFixture[str]) -> None:
    assert arrays(name="mine").summary() is None  # type: ignore[func-returns-value]
    printed = capsys.readouterr().out
    assert printed == text_of(arrays(name="mine")) + "\n"
    rows = [line.split() for line in printed.splitlines()]
    assert rows[0] == ["ArraySequence", "'mine'"]
    assert ["input", "image", "(None,", "4,", "5,", "3)", "uint8"] in rows
    assert ["input", "age", "(None,)", "float32"] in rows
    assert ["target", "(None,)", "int64"] in rows
    assert printed.isascii() or "…" in printed


def test_it_says_how_samples_are_served() -> None:
    def brighter(sample: Any, rng: np.random.Generator) -> Any:
        return sample

    text = text_of(
        arrays(
            shuffle=True,
            seed=3,
            augment=brighter,
            workers=2,
            on_error="substitute",
            drop_last=True,
            class_weight={0: 2.0},
        )
    )
    assert fact(text, "samples") == "10"
    assert fact(text, "keys") == "int64: 0, 1, 2, …"
    assert fact(text, "batches") == "2 of 4, full ones alone"
    assert fact(text, "order") == "shuffled, seed 3, epoch 0"
    assert fact(text, "augmentation").endswith("brighter")
    assert fact(text, "workers") == "2 threads"
    assert "at most 100 samples" in fact(text, "errors")
    assert fact(text, "class weight") == "{0: 2.0}"


def test_parts_of_a_split_and_shards_say_so() -> None:
    train, test = arrays(shuffle=True, seed=0).split(0.5, 0.5)
    assert fact(text_of(test), "samples") == "5, held out"
    assert fact(text_of(test), "order") == "as in the source, epoch 0"
    assert fact(text_of(train.shard(1, 2)), "batches") == "2 of 2, shard 1 of 2 of 4"


def test_a_sampler_says_what_it_is() -> None:
    text = text_of(arrays(sampler=ms.BalancedSampler([0] * 7 + [1] * 3)))
    assert "BalancedSampler(10 labels of 2 classes, strategy='auto', method='over')" in text
    assert fact(text, "batches") == "4 of 4"


def joined(**keywords: Any) -> Any:
    texts = ms.TextSequence(["a cat", "a dog"], tokenizer=ms.Vocabulary(mask=""), max_length=3)
    return ms.join(text=texts, x=ms.ArraySequence([1.0, 2.0]), targets=[0, 1], **keywords)


def test_before_adapt_it_says_what_is_missing_and_goes_on() -> None:
    seq = joined()
    text = text_of(seq)
    assert "adapt" in text
    assert "TextSequence" in text
    assert "text: <Vocabulary(mask=''), blank>; call adapt()" in fact(text, "learned")
    seq.adapt(progress=False)
    text = text_of(seq)
    assert "text: <Vocabulary(mask=''), adapted: 5 ids>" in fact(text, "learned")
    rows = [line.split() for line in text.splitlines()]
    assert ["input", "text", "(None,", "3)", "int32", "TextSequence"] in rows
    assert ["input", "x", "(None,)", "float32", "ArraySequence"] in rows


def test_before_adapt_it_says_what_is_known_of_the_parts() -> None:
    table = ms.TableSequence(pd.DataFrame({"age": [1, 2]}), numeric=["age"])
    whole = ms.join(
        images=ms.ArraySequence(np.zeros((2, 4, 5, 3), "uint8")),
        age=table,
        more=ms.ArraySequence([1.0, 2.0]),
        targets=np.array(["a", "b"]),
        transforms={"targets": ms.Labels(), "more": np.log1p},
    )
    rows = [line.split() for line in text_of(whole).splitlines()]
    assert ["input", "images", "(None,", "4,", "5,", "3)", "uint8", "ArraySequence"] in rows
    assert ["part", "age", "TableSequence"] in rows
    assert ["part", "more", "ArraySequence"] in rows, "a step of the join changes it"
    parts = [ms.ArraySequence({"x": [1.0, 2.0]})]
    inner, mapped = (
        ms.join(*parts, text=joined().parts[0], map=each) for each in (None, lambda sample: sample)
    )
    rows = [line.split() for line in text_of(inner).splitlines()]
    assert ["input", "x", "(None,)", "float32", "ArraySequence"] in rows
    rows = [line.split() for line in text_of(mapped).splitlines()]
    assert ["part", "part", "0", "(ArraySequence)", "ArraySequence"] in rows


class Broken(ms.MultiInputSequence):
    def load_sample(self, index: int) -> Any:
        raise ValueError("the disk is gone")


def test_a_sample_that_cannot_be_loaded_is_said() -> None:
    assert "the disk is gone" in text_of(Broken(3))
    assert "the disk is gone" in Broken(3)._repr_html_()


class Cells(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.said: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said.append(data)


def test_notebooks_show_the_same_escaped() -> None:
    name = "<script>alert('x')</script> & <b>"
    seq = ms.ArraySequence(
        {"<i>age</i>": np.arange(3.0)}, [0, 1, 1], keys=["<u>a", "b&c", "d"], name=name
    )
    page = seq._repr_html_()
    cells = Cells(page)
    assert cells.open == []
    assert not {"<script>", "<i>", "<u>"} & {page[at : at + 8] for at in range(len(page))}
    for text in (f"ArraySequence {name!r}", "<i>age</i>", "(None,)", "float32"):
        assert text in cells.said
    assert any("'<u>a', 'b&c', 'd'" in said for said in cells.said)


def test_parts_that_augment_are_named() -> None:
    image = ms.ArraySequence({"image": np.zeros(2)}, augment=lambda sample, rng: sample)
    text = text_of(ms.join(image, ms.ArraySequence({"x": np.zeros(2)})))
    assert "that of part 0" in fact(text, "augmentation")


def test_workers_are_not_started() -> None:
    seq = arrays(workers=2, use_multiprocessing=True)
    text_of(seq)
    assert fact(text_of(seq), "workers") == "2 processes"
    assert seq._live is not None
    assert seq._live._reader is None


def test_print_fn_must_be_a_function() -> None:
    with pytest.raises(ArgumentError, match="print_fn"):
        arrays().summary(print_fn="no")  # type: ignore[arg-type]
