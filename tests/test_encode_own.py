"""encode(raw) of parts one after the other, and of classes of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from served import encodes, equal, inputs_of, row

from multiseq import (
    ArraySequence,
    ImageSequence,
    Labels,
    MinMax,
    MultiInputSequence,
    Spec,
    Standardize,
    TableSequence,
    TextSequence,
    Vocabulary,
    concat,
    join,
    mix,
)
from multiseq.errors import ArgumentError, SampleError


def alone(values: Any) -> list[dict[str, Any]]:
    return [{"inputs": value} for value in values]


# One after the other.


def test_a_concat_encodes_as_its_parts_do() -> None:
    words = Vocabulary(mask="")
    texts = [["a b", "c"], ["b", ""]]
    parts = [TextSequence(each, tokenizer=words, max_length=3) for each in texts]
    steps = {"inputs": lambda ids: ids + 1}
    for whole in (
        concat(*parts, transforms=steps),
        mix(parts, weights=[1, 3], transforms=steps),
    ):
        whole.adapt(progress=False)
        encodes(whole, alone([*texts[0], *texts[1]]))
        joined = join(title=whole.replace(sampler=None))
        equal(joined.encode({"title": "b"}), {"title": whole.encode({"inputs": "b"})})
    nested = concat(concat(*parts, keys=["x", "y"]), concat(*parts, keys=["z", "w"]))
    nested.adapt(progress=False)
    encodes(nested, alone([*texts[0], *texts[1]] * 2))


def test_parts_that_disagree_are_refused(tmp_path: Path) -> None:
    Image.effect_noise((7, 9), 50).save(tmp_path / "a.png")
    squared = ImageSequence([tmp_path / "a.png"], size=4, fit="crop", keys=["x"])
    whole = concat(ImageSequence([tmp_path / "a.png"], size=4), squared)
    with pytest.raises(ArgumentError, match=r"different inputs(?s:.*)parts\[0\]\.encode"):
        whole.encode({"inputs": tmp_path / "a.png"})
    encodes(whole.parts[0], alone([tmp_path / "a.png"]))  # The fix.
    tables = [
        TableSequence({name: [1.0, 2.0]}, numeric={"x": [name]}, keys=keys)
        for name, keys in (("a", [0, 1]), ("b", [2, 3]))
    ]
    scale = tables[0].transforms["x"]
    other = TableSequence({"b": [3.0]}, numeric={"x": ["b"]}, transforms={"x": scale}, keys=[2])
    both = concat(tables[0], other)
    both.adapt(progress=False)
    with pytest.raises(ArgumentError, match="different fields"):
        both.encode({"a": 1.0})


# Classes of one's own.


class Clips(MultiInputSequence):
    """Two inputs of which the first varies in length, and a target."""

    def __init__(self, lengths: list[int], **keywords: Any) -> None:
        self.lengths = lengths
        super().__init__(len(lengths), **keywords)

    def load_sample(self, index: int) -> Any:
        return self.encode_sample(self.lengths[index], index % 2 == 0), index

    def encode_sample(self, length: int, even: bool) -> Any:
        return {"clip": np.arange(length) * (0.5 if even else 1), "even": even}

    def augment(self, sample: Any, rng: Any) -> Any:
        return {"clip": sample[0]["clip"] + rng.random(), "even": False}, sample[1]


def records_of(lengths: list[int]) -> list[dict[str, Any]]:
    return [{"length": n, "even": k % 2 == 0} for k, n in enumerate(lengths)]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 6), min_size=1, max_size=5))
def test_a_class_of_ones_own_says_how(lengths: list[int]) -> None:
    spec = {"clip": Spec((None,), "float32", pad_value=-1)}, Spec((), "int32")
    seq = Clips([2, *lengths], spec=spec, shuffle=True, transforms={"clip": np.sqrt})
    encodes(seq, records_of([2, *lengths]))


class Drawn(MultiInputSequence):
    def load_sample(self, index: int, rng: Any = None) -> Any:
        start = 3 if rng is None else rng.integers(9)
        return np.arange(start, start + 4) + index, {"y": index}

    def load_batch(self, indices: Any) -> Any:
        return np.arange(3, 7) + indices[:, None], {"y": indices}

    @staticmethod
    def encode_sample(inputs: Any) -> Any:
        return (np.arange(3, 7) + inputs,)


def test_a_hook_beside_random_loading_and_load_batch() -> None:
    seq = Drawn(5, transforms={"inputs": (np.float64, Standardize(), MinMax())})
    seq.adapt(progress=False)
    encodes(seq, alone(range(5)))
    encodes(seq.replace(workers=2), alone(range(5)))
    joined = join(a=seq, b=Drawn(5), targets=np.arange(5))
    encodes(joined, [{"a": k, "b": k} for k in range(5)])
    part = join(Clips([3] * 4), d=Drawn(4), targets=np.arange(4))
    encodes(part, [{**each, "d": k} for k, each in enumerate(records_of([3] * 4))])


def test_dtypes_are_those_of_training_and_not_of_the_record() -> None:
    class Scores(MultiInputSequence):
        def load_sample(self, index: int) -> Any:
            return {"x": 0.5 + index}

        def encode_sample(self, x: Any) -> Any:
            return {"x": x}

    seq = Scores(3)
    equal(seq.encode([{"x": 1}, {"x": 2.5}]), {"x": np.array([1, 2.5], "f4")})
    with pytest.raises(SampleError, match="x"):
        seq.encode({"x": np.ones(2)})
    with pytest.raises(SampleError, match="x"):
        seq.encode({"x": None})
    whole = ArraySequence({"x": np.arange(3)}, spec=({"x": None}, None))
    with pytest.raises(ArgumentError, match="'x' is not like the rows"):
        whole.encode({"x": 1.5})


def test_map_and_collate_are_given_inputs_alone() -> None:
    class Collated(Drawn):
        def collate(self, samples: Any) -> Any:
            return tuple(
                np.stack(part) if k == 0 else {"y": np.array([each["y"] for each in part])}
                for k, part in enumerate(zip(*samples, strict=True))
            )

    def doubled(sample: Any) -> Any:
        return (2 * sample[0], *sample[1:])

    encodes(Collated(4, map=doubled), alone(range(4)))


def test_what_loads_otherwise_needs_a_hook() -> None:
    class More(ArraySequence):
        def load_sample(self, index: int) -> Any:
            inputs, *rest = super().load_sample(index)
            return (inputs + index, *rest)

    class Served(More):
        def encode_sample(self, row: Any, number: int) -> Any:
            return np.asarray(row) + number

        load_batch = MultiInputSequence.load_batch

    class Renamed(ArraySequence):
        """Loads as its parent does."""

    x = np.arange(6.0, dtype="f4").reshape(3, 2)
    with pytest.raises(ArgumentError, match=r"no way from a raw record(?s:.*)def encode_sample"):
        More(x).encode({"inputs": x[0]})
    with pytest.raises(ArgumentError, match="no way from a raw record"):
        join(x=More(x)).encode({"x": x[0]})
    encodes(Served(x), [{"row": x[k], "number": k} for k in range(3)])
    encodes(Renamed(x), alone(x))


@pytest.mark.parametrize(
    "function",
    [
        lambda self: 1,
        lambda self, *fields: 1,
        lambda self, **fields: 1,
        lambda self, a, b=1: 1,
        lambda self, a, /: 1,
    ],
)
def test_parameters_that_are_no_fields(function: Any) -> None:
    with pytest.raises(ArgumentError, match="Mine: encode_sample does not say"):
        type("Mine", (Drawn,), {"encode_sample": function})


def test_what_a_hook_must_not_do() -> None:
    def made(function: Any) -> Any:
        return type("Mine", (Drawn,), {"encode_sample": function})(3)

    with pytest.raises(SampleError, match="several inputs, or inputs and targets"):
        made(lambda self, x: (np.arange(4), 1)).encode({"x": 1})
    with pytest.raises(SampleError, match="encode_sample raised ZeroDivisionError"):
        made(lambda self, x: 1 / 0).encode({"x": 1})
    with pytest.raises(SampleError):
        made(lambda self, x: None).encode({"x": 1})
    with pytest.raises(SampleError, match="inputs is a dict"):
        made(lambda self, x: {"x": np.arange(4)}).encode({"x": 1})
    with pytest.raises(ArgumentError, match="record 0 lacks 'x'"):
        made(lambda self, x: np.arange(4)).encode({})

    def yields(self: Any, x: Any) -> Any:
        yield x

    with pytest.raises(ArgumentError, match="encode_sample yields"):
        made(yields)


def test_learning_anew_changes_what_is_encoded() -> None:
    class Kinds(MultiInputSequence):
        def load_sample(self, index: int) -> Any:
            return "abc"[index]

        def encode_sample(self, kind: str) -> Any:
            return kind

    seq = Kinds(3, transforms={"inputs": Labels(one_hot=True)})
    part = seq.subset([0, 1])
    part.adapt(progress=False)
    assert part.encode({"kind": "b"}).tolist() == [[0, 1]]
    seq.adapt(progress=False)
    assert seq.encode({"kind": "b"}).tolist() == [[0, 1, 0]]
    assert part.encode({"kind": "b"}).tolist() == [[0, 1]]
    equal(seq.subset([0, 1]).encode({"kind": "c"}), row(inputs_of(seq), 2))
