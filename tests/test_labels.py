"""Labels: classes to numbers and back, against scikit-learn's encoders."""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import LabelEncoder, MultiLabelBinarizer

from multiseq import Labels
from multiseq.errors import ArgumentError, NotAdaptedError, SampleError, SpecError
from multiseq.transforms import Transform

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=3)
WHOLE = st.integers(-(1 << 40), 1 << 40)
LABELS = st.one_of(*(st.lists(kind, min_size=1, max_size=20) for kind in (TEXT, WHOLE)))
ROWS = st.lists(st.lists(st.sampled_from("abcde"), max_size=4), min_size=1, max_size=8)


@given(LABELS)
def test_as_scikit_learn_numbers_them(values: list[Any]) -> None:
    labels, encoder = Labels().adapt(values), LabelEncoder().fit(values)
    assert list(labels.classes) == encoder.classes_.tolist()
    ids = labels(values)
    assert ids.dtype == np.int32
    assert ids.tolist() == encoder.transform(values).tolist()
    assert labels.inverse(ids).tolist() == values
    assert [labels(value) for value in values] == ids.tolist()


@given(ROWS)
def test_several_labels_as_scikit_learn_has_them(rows: list[list[str]]) -> None:
    binarizer = MultiLabelBinarizer().fit(rows)
    if not len(binarizer.classes_):
        with pytest.raises(SampleError, match="nothing to learn from"):
            Labels(multi=True).adapt(rows)
        return
    labels = Labels(multi=True).adapt(rows)
    hot = labels(rows)
    assert hot.dtype == np.float32
    np.testing.assert_array_equal(hot, binarizer.transform(rows))
    assert labels.inverse(hot) == [sorted(set(row)) for row in rows]
    texts = Labels(sep="|").adapt([" | ".join(row) for row in rows])
    np.testing.assert_array_equal(texts([f"{'|'.join(row)}|" for row in rows]), hot)
    for row, one in zip(rows, hot, strict=True):
        for kind in (list, tuple, set, np.array):
            np.testing.assert_array_equal(labels(kind(row)), one)


@given(LABELS, st.integers(0, 20))
def test_chunks_and_order_make_no_difference(values: list[Any], cut: int) -> None:
    labels = Labels().partial_fit(values[cut:]).partial_fit(np.array(values[:cut]))
    labels.finish()
    assert labels == Labels().adapt(pd.Series(values))


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        ([True, False], (False, True)),
        ([7, 1.0, 3, 1, None, float("nan"), pd.NA], (1, 3, 7)),
        (np.array([7, 1, 3], "float32"), (1, 3, 7)),
        (np.array([2, 1], "uint8"), (1, 2)),
        (np.array(["b", "a"], "S"), ("a", "b")),
        (pd.Series(["b", None, "a"]), ("a", "b")),
        (pd.array([3, None, 1], "Int64"), (1, 3)),
        ([["B", "O"], ["O"]], ("B", "O")),
        ([2**70, -1], (-1, 2**70)),
    ],
)
def test_what_is_a_class(values: Any, classes: tuple[Any, ...]) -> None:
    labels = Labels().adapt(values)
    assert labels.classes == classes
    assert [type(each) for each in labels.classes] == [type(each) for each in classes]
    assert [labels.inverse(number) for number in range(len(labels))] == list(classes)


def test_categories_keep_their_order_and_those_that_do_not_occur() -> None:
    sizes = pd.Series(pd.Categorical(["M", "S", None], categories=["S", "M", "L"], ordered=True))
    labels = Labels().adapt(sizes)
    assert labels.classes == ("S", "M", "L")
    assert labels(sizes[:2]).tolist() == [1, 0]
    assert Labels().adapt(sizes.array).classes == ("S", "M", "L")
    assert Labels().adapt(sizes.cat.remove_unused_categories()).classes == ("S", "M")


def test_categories_that_differ_are_refused() -> None:
    labels = Labels().partial_fit(pd.Categorical(["a"]))
    with pytest.raises(SampleError, match="categories differ"):
        labels.partial_fit(pd.Categorical(["b"]))


def test_shapes() -> None:
    labels = Labels().adapt(["a", "b"])
    assert isinstance(labels("b"), np.int32)
    assert labels(np.array("b")) == 1
    assert labels([["a", "b"], ["b", "b"]])[1].tolist() == [1, 1]
    assert labels(np.array([["a", "b"]])).tolist() == [[0, 1]]
    assert [ids.tolist() for ids in labels([["a"], ["b", "a"], []])] == [[0], [1, 0], []]
    assert [row.tolist() for row in labels.inverse([[0], [1, 0]])] == [["a"], ["b", "a"]]
    assert labels.inverse([]).tolist() == labels([]).tolist() == []
    hot = Labels(one_hot=True).adapt(["a", "b"])
    np.testing.assert_array_equal(hot("b"), np.array([0, 1], "float32"))
    np.testing.assert_array_equal(hot([["a"], ["b", "a"]])[1], [[0, 1], [1, 0]])
    assert hot.inverse([[0.2, 0.8], [0.6, 0.4]]).tolist() == ["b", "a"]
    assert hot.inverse(hot("b")) == "b"


def test_classes_that_are_known_beforehand() -> None:
    labels = Labels(classes=["no", "yes"])
    assert labels.adapted
    assert labels(["yes", "no"]).tolist() == [1, 0]
    assert labels.adapt(["no", "maybe"]).classes == ("no", "yes")
    assert Labels(np.array([3, 1])).classes == (3, 1)


def test_unseen_labels_count_as_a_class() -> None:
    labels = Labels(unseen="other").adapt(["b", "a"])
    assert labels.classes == ("a", "b", "other")
    assert labels(["x", "a", "other"]).tolist() == [2, 0, 2]
    assert Labels(unseen="a").adapt(["b", "a"])(["x", "b"]).tolist() == [0, 1]
    assert Labels(unseen="o", multi=True).adapt([["a"]])(["x", "a"]).tolist() == [1, 1]
    with pytest.raises(SampleError, match="the classes are text"):
        labels(3)
    with pytest.raises(SampleError, match="classes are of several kinds"):
        Labels(unseen="other").adapt([1, 2])


LEARNED = Labels().adapt(["cat", "dog"])
SEVERAL = Labels(multi=True).adapt([["cat", "dog"]])


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: LEARNED("zebra"), SampleError, "'zebra' is none.*'cat', 'dog'.*unseen="),
        (lambda: LEARNED(["cat", None]), SampleError, "missing.*None.*subset"),
        (lambda: LEARNED(float("nan")), SampleError, "a label is missing"),
        (lambda: LEARNED(1), SampleError, "the classes are text, and a label is not"),
        (lambda: LEARNED({"a": 1}), SpecError, "cannot be a category"),
        (lambda: Labels([1, 2])(True), SampleError, "the classes are numbers"),
        (lambda: Labels([1, 2])(1.5), SampleError, r"fraction.*1\.5"),
        (lambda: Labels().adapt([1.5]), SampleError, r"fraction.*1\.5.*pandas\.cut"),
        (lambda: Labels().adapt([float("inf")]), SampleError, "infinite"),
        (lambda: Labels().adapt(["a", 1]), SampleError, "several kinds.*text, such as 'a'"),
        (lambda: Labels().adapt([True, 1]), SampleError, "several kinds.*bools"),
        (lambda: Labels().adapt([None]), SampleError, "nothing to learn from"),
        (lambda: Labels().adapt("cat"), SpecError, "no chunk"),
        (lambda: Labels().adapt([{}]), SpecError, "cannot be a category"),
        (lambda: Labels().classes, NotAdaptedError, "adapt"),
        (lambda: len(Labels()), NotAdaptedError, "adapt"),
        (lambda: LEARNED.inverse([0.2, 0.8]), SpecError, r"no ids.*0\.2.*argmax"),
        (lambda: LEARNED.inverse(-1), SpecError, "no ids.*-1.*0 to 1"),
        (lambda: LEARNED.inverse([0, 2]), SpecError, "no ids.*2"),
        (lambda: LEARNED.inverse(["cat"]), SpecError, "no ids"),
        (lambda: SEVERAL("cat"), SpecError, "no list.*sep="),
        (lambda: SEVERAL([["cat"], None]), SampleError, "missing.*an empty list"),
        (lambda: SEVERAL(["bird"]), SampleError, "'bird' is none"),
        (lambda: SEVERAL.inverse([0.5]), SpecError, "2 classes"),
        (lambda: SEVERAL.inverse([0.5, np.nan]), SpecError, "NaN"),
        (lambda: Labels(sep="|").adapt(["a"])([["a"]]), SpecError, "no text.*lists"),
        (lambda: Labels("abc"), ArgumentError, "no list of classes"),
        (lambda: Labels({"a"}), ArgumentError, "sorted"),
        (lambda: Labels([]), ArgumentError, "empty"),
        (lambda: Labels(["a", "a"]), ArgumentError, "twice"),
        (lambda: Labels([1, 1.0]), ArgumentError, "twice"),
        (lambda: Labels(["a", 1]), ArgumentError, "several kinds"),
        (lambda: Labels(["a", None]), ArgumentError, "missing"),  # type: ignore[list-item]
        (lambda: Labels(unseen=1.5), ArgumentError, "unseen: .*fraction"),
        (lambda: Labels(sep=""), ArgumentError, "bad sep"),
        (lambda: Labels(multi=True, one_hot=True), ArgumentError, "both given"),
    ],
)
def test_refusals(call: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=f"(?s){said}"):
        call()


@pytest.mark.parametrize(
    "labels",
    [
        Labels().adapt(["b", "a"]),
        Labels(unseen=-1).adapt([3, 7]),
        Labels(sep="|").adapt(["a|b"]),
        Labels(["no", "yes"], one_hot=True),
        Labels([False, True], unseen=True),
    ],
)
def test_saved_and_pickled(labels: Labels, tmp_path: Path) -> None:
    labels.save(tmp_path / "labels.json")
    for other in (Transform.load(tmp_path / "labels.json"), pickle.loads(pickle.dumps(labels))):
        assert isinstance(other, Labels)
        assert other == labels
        assert other.classes == labels.classes
    assert re.match(r"<Labels\(.*\), adapted: .*>", repr(labels))


def test_a_million_labels_are_numbered_at_once() -> None:
    numbers = np.random.default_rng(0).integers(0, 1000, 10**6)
    for values in (numbers, numbers.astype(str), pd.Series(numbers.astype(str), dtype="category")):
        labels = Labels().adapt(values)
        expected = np.unique(np.asarray(values), return_inverse=True)[1]
        np.testing.assert_array_equal(labels(values), expected)


@pytest.mark.parametrize(
    ("labels", "values"),
    [
        (Labels().adapt(["b", "a", "[UNK]"]), np.array(["a", "b", "[UNK]"])),
        (Labels().adapt([-1, 5, 7]), np.array([7, -1, 5])),
        (Labels([True, False]), np.array([0, 1])),
        (Labels(one_hot=True).adapt(["b", "a"]), np.array(["a", "b"])),
        (Labels(multi=True).adapt([["a", "b", "c"]]), np.array([["a", "c"], ["b", "b"]])),
    ],
)
def test_the_layer_of_keras_gives_the_same(labels: Labels, values: Any) -> None:
    pytest.importorskip("tensorflow")
    layer = labels.to_keras()
    own = values.astype(bool) if labels.classes[0] is True else values
    np.testing.assert_array_equal(np.asarray(layer(values)), labels(own))


@pytest.mark.parametrize("labels", [Labels(["a"], unseen="o"), Labels(["a"], sep="|")])
def test_without_such_a_layer_there_is_a_reason(labels: Labels) -> None:
    with pytest.raises(ArgumentError, match="Keras has no layer"):
        labels.to_keras()
