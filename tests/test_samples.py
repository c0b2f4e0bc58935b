"""samples: how samples may be nested, and what a Spec says of a leaf."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from multiseq.errors import ArgumentError, SpecError
from multiseq.samples import Spec, Structure, infer_spec, outline

A, B, C, D = (np.full(2, k) for k in range(4))


@pytest.mark.parametrize(
    ("sample", "names", "batch"),
    [
        (A, ["inputs"], (A,)),
        ((A,), ["inputs"], (A,)),
        ((A, B), ["inputs", "targets"], (A, B)),
        ((A, B, C), ["inputs", "targets", "sample_weight"], (A, B, C)),
        (((A, B),), ["inputs[0]", "inputs[1]"], ((A, B),)),
        (((A, B), C), ["inputs[0]", "inputs[1]", "targets"], ((A, B), C)),
        ({"x": A, "y": B}, ["inputs['x']", "inputs['y']"], ({"x": A, "y": B},)),
        (((A,), {"p": B}), ["inputs[0]", "targets['p']"], ((A,), {"p": B})),
        ((A, B, {"p": C}), ["inputs", "targets", "sample_weight['p']"], (A, B, {"p": C})),
        ((A, None), ["inputs"], (A,)),
        ((A, B, None), ["inputs", "targets"], (A, B)),
        ((A, None, None), ["inputs"], (A,)),
    ],
)
def test_flattened_and_put_together(sample: Any, names: list[str], batch: Any) -> None:
    structure = Structure(sample)
    assert structure.names == tuple(names)
    assert len(structure) == len(names)
    assert outline(structure.unflatten(structure.flatten(sample))) == outline(batch)
    assert repr(structure.unflatten(structure.flatten(sample))) == repr(batch)


def test_a_dict_may_come_in_any_order() -> None:
    structure = Structure({"x": A, "y": B})
    assert [leaf[0] for leaf in structure.flatten({"y": B, "x": A})] == [0, 1]
    assert list(structure.unflatten([A, B])[0]) == ["x", "y"]


def test_scalars_are_leaves() -> None:
    assert Structure((1.5, 2)).flatten((2.5, True)) == [2.5, True]


@pytest.mark.parametrize(
    ("sample", "says"),
    [
        (None, "a sample is None"),
        ([A, B], "a sample is a list"),
        ((A, B, C, D), "a sample is a tuple of 4"),
        ((), "a sample is a tuple of 0"),
        (([A, B], C), "inputs is a list"),
        ((A, [1, 2]), "targets is a list"),
        ((None, A), "inputs is None"),
        (({"x": None}, A), r"inputs\['x'\] is None"),
        ({"x": [1, 2]}, r"inputs\['x'\] is a list"),
        ({"x": {"y": A}}, r"inputs\['x'\] is a dict"),
        (((A, (B, C)), D), r"inputs\[1\] is a tuple"),
        (((), A), "inputs of the first sample holds nothing"),
        ({}, "inputs of the first sample holds nothing"),
    ],
)
def test_what_is_no_sample(sample: Any, says: str) -> None:
    with pytest.raises(SpecError, match=says):
        Structure(sample)


@pytest.mark.parametrize(
    "other",
    [
        ({"x": A, "y": B},),
        ({"x": A}, C),
        ({"x": A, "z": B}, C),
        ({"x": A, "y": B, "z": B}, C),
        ({"x": A, "y": B}, C, D),
        ((A, B), C),
        (A, C),
        ({"x": A, "y": B}, C, D, D),
        [A, B],
        None,
        (),
    ],
)
def test_later_samples_are_held_to_the_first(other: Any) -> None:
    structure = Structure(({"x": A, "y": B}, C))
    with pytest.raises(SpecError) as caught:
        structure.flatten(other)
    assert caught.value.expected
    assert caught.value.fix


def test_the_difference_is_shown() -> None:
    with pytest.raises(SpecError) as caught:
        Structure(({"x": A}, 1)).flatten(({"z": A}, 1))
    assert "'z': ndarray of shape (2,) and dtype int64" in str(caught.value)
    assert "inputs['x'], targets" in str(caught.value)


def test_the_bad_leaf_is_named() -> None:
    with pytest.raises(SpecError) as caught:
        Structure(({"x": A, "y": [0]}, 1))
    assert caught.value.where["input"] == "inputs['y']"


def test_keys_of_a_part() -> None:
    structure = Structure(({"x": A}, (B, C)))
    parts = ("inputs", "targets", "sample_weight")
    assert [structure.keys(part) for part in parts] == [("x",), (0, 1), None]
    assert Structure(A).keys("inputs") == ()


S, T = Spec((None,), "int32"), Spec((), "int8")


@pytest.mark.parametrize(
    ("sample", "declared", "found"),
    [
        (A, None, [None]),
        (A, S, [S]),
        ((A, B), S, [S, None]),
        ((A, B), (None, T), [None, T]),
        ((A, B), (S, T), [S, T]),
        ({"x": A, "y": B}, {"y": S}, [None, S]),
        (({"x": A, "y": B}, C), ({"y": S}, T), [None, S, T]),
        (((A, B), C), ((S, T),), [S, T, None]),
        (((A, B), C), ((S,), T), [S, None, T]),
        (({"x": A}, {"p": B, "q": C}), (None, {"q": T}), [None, None, T]),
    ],
)
def test_declared_specs_find_their_leaves(sample: Any, declared: Any, found: Any) -> None:
    assert Structure(sample).align(declared) == found


@pytest.mark.parametrize(
    ("sample", "declared"),
    [
        ({"x": A}, {"z": S}),
        ({"x": A}, {"x": (4,)}),
        ({"x": A}, ({"x": S}, T)),
        ((A, B), (S, T, T)),
        (((A, B),), ((S, S, S),)),
        (A, (4,)),
        (A, "float32"),
        (A, {"x": S}),
    ],
)
def test_specs_for_leaves_that_are_not_there(sample: Any, declared: Any) -> None:
    with pytest.raises(ArgumentError, match=r"(?s)spec= does not fit.*inputs"):
        Structure(sample).align(declared)


def test_a_spec_is_checked_and_normalized() -> None:
    spec = Spec([np.int64(2), None], "i4", padding="pre", max_length=np.int64(5))  # type: ignore[arg-type]
    assert spec.shape == (2, None)
    assert spec.dtype == np.dtype("int32")
    assert spec == Spec((2, None), np.int32, "pre", 0, 5)


@pytest.mark.parametrize("shape", [3, (-1,), (1.5,), (True,), ("a",), None])
def test_what_is_no_shape(shape: Any) -> None:
    with pytest.raises(ArgumentError, match="bad shape"):
        Spec(shape)


@pytest.mark.parametrize("dtype", ["object", "whatever", [("a", "i4"), ("b", "O")]])
def test_what_is_no_dtype(dtype: Any) -> None:
    with pytest.raises(ArgumentError, match=r"dtype in a Spec|object dtype"):
        Spec((1,), dtype)


@pytest.mark.parametrize(
    ("field", "value"),
    [("padding", "left"), ("max_length", -1), ("max_length", 2.0), ("max_length", True)],
)
def test_other_fields_of_a_spec(field: str, value: Any) -> None:
    with pytest.raises(ArgumentError, match=f"bad {field}"):
        Spec((None,), **{field: value})


@pytest.mark.parametrize(
    ("spec", "batch_shape", "variable"),
    [
        (Spec((2, 3)), (2, 3), False),
        (Spec((None, 3)), (None, 3), True),
        (Spec((None, 3, None), max_length=7), (7, 3, 7), False),
        (Spec(()), (), False),
    ],
)
def test_shape_of_a_batch(spec: Spec, batch_shape: Any, variable: bool) -> None:
    assert spec.batch_shape == batch_shape
    assert spec.variable is variable


@pytest.mark.parametrize(
    ("spec", "shape", "fits"),
    [
        (Spec((2, 3)), (2, 3), True),
        (Spec((2, 3)), (3, 2), False),
        (Spec((2, 3)), (2, 3, 1), False),
        (Spec((None, 3)), (0, 3), True),
        (Spec((None, 3)), (9, 4), False),
        (Spec((None,), max_length=4), (4,), True),
        (Spec((None,), max_length=4), (5,), False),
        (Spec(()), (1,), False),
    ],
)
def test_which_shapes_fit(spec: Spec, shape: Any, fits: bool) -> None:
    assert spec.fits(shape) is fits


@pytest.mark.parametrize(
    ("leaf", "spec"),
    [
        (np.zeros((2, 3), "float64"), Spec((2, 3), "float16")),
        (np.zeros(2, "float32"), Spec((2,), "float32")),
        (np.zeros((), "int64"), Spec((), "int64")),
        (np.zeros(2, "uint8"), Spec((2,), "uint8")),
        (np.zeros(2, "bool"), Spec((2,), "bool")),
        (np.array("text"), Spec((), "U")),
        (np.array([b"bytes"]), Spec((1,), "S")),
    ],
)
def test_inferred(leaf: Any, spec: Spec) -> None:
    assert infer_spec(leaf, "float16") == spec


def test_objects_are_not_inferred() -> None:
    with pytest.raises(SpecError, match=r"object dtype(?s:.)*Spec\(\(None,\)"):
        infer_spec(np.array([[1], [1, 2]], object), "float32")
