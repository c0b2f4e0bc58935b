"""transforms: Vocabulary, of categories and of tokens."""

from __future__ import annotations

import enum
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from multiseq.errors import ArgumentError, SampleError, SpecError
from multiseq.transforms import Vocabulary

PETS = ["cat", "dog", "cat", "emu", "cat", "dog", "ant"]


def test_the_most_frequent_come_first_and_equals_in_order() -> None:
    assert Vocabulary().adapt(PETS).categories == ("cat", "dog", "ant", "emu")


def test_ids_begin_after_the_oov_id() -> None:
    assert Vocabulary().adapt(PETS)(["cat", "dog", "ant", "emu"]).tolist() == [1, 2, 3, 4]


def test_ids_begin_after_mask_and_oov_ids() -> None:
    vocabulary = Vocabulary(mask="", num_oov=3).adapt(PETS)
    assert vocabulary(["", "cat", "dog"]).tolist() == [0, 4, 5]


@pytest.mark.parametrize("seed", range(10))
def test_ids_do_not_depend_on_chunks_or_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values: list[Any] = [f"n{k}" for k in rng.integers(0, 9, 60)]
    values += [*rng.integers(0, 9, 60).tolist(), True, False, 0.5, 1.0, None, b"n3"]
    shuffled = [values[k] for k in rng.permutation(len(values))]
    vocabulary, start = Vocabulary(max_size=12), 0
    for stop in [*np.sort(rng.integers(0, len(values), 6)).tolist(), len(values)]:
        vocabulary.partial_fit(shuffled[start:stop])
        start = stop
    vocabulary.finish()
    assert vocabulary == Vocabulary(max_size=12).adapt(values)


@pytest.mark.parametrize("unseen", ["cow", "", "1", b"cow", "CAT", np.str_("x")])
def test_the_unseen_is_oov(unseen: Any) -> None:
    assert Vocabulary().adapt(PETS)(unseen) == 0
    assert Vocabulary(mask="[PAD]").adapt(PETS)([unseen, "cat"]).tolist() == [1, 2]


def test_all_unseen() -> None:
    assert Vocabulary(mask="").adapt(PETS)(["x", "y", "z"]).tolist() == [1, 1, 1]


def test_several_oov_ids_are_all_used_and_no_other() -> None:
    vocabulary = Vocabulary(num_oov=4, mask="").adapt(PETS)
    assert set(vocabulary([f"unseen {k}" for k in range(100)]).tolist()) == {1, 2, 3, 4}


def test_oov_ids_are_pinned() -> None:
    vocabulary = Vocabulary(num_oov=1000).adapt([*PETS, *PETS, -1, True])
    assert vocabulary(["cow", 7, 7.0, 0.5, False]).tolist() == [568, 275, 275, 209, 79]


def test_length_is_the_input_dim() -> None:
    vocabulary = Vocabulary(mask="", num_oov=2).adapt(PETS)
    assert len(vocabulary) == 7 == 1 + vocabulary(PETS).max()


def test_a_blank_one_is_not_false() -> None:
    assert bool(Vocabulary())


@pytest.mark.parametrize("mask", [None, ""])
def test_max_size_counts_all_ids(mask: Any) -> None:
    vocabulary = Vocabulary(max_size=4, mask=mask).adapt(PETS)
    assert len(vocabulary) == 4
    assert vocabulary.categories == ("cat", "dog", "ant")[: 3 if mask is None else 2]


def test_min_count_leaves_out_the_rare() -> None:
    assert Vocabulary(min_count=2).adapt(PETS).categories == ("cat", "dog")


def test_min_count_counts_over_chunks() -> None:
    vocabulary = Vocabulary(min_count=2)
    for pet in PETS:
        vocabulary.partial_fit([pet])
    vocabulary.finish()
    assert vocabulary.categories == ("cat", "dog")


def test_number_text_and_bool_are_not_confused() -> None:
    vocabulary = Vocabulary().adapt([1, 1, 1, "one", "one", True])
    assert vocabulary([1, "one", True]).tolist() == [1, 2, 3]
    assert [vocabulary(value).tolist() for value in (1, "one", True)] == [1, 2, 3]
    assert [type(c) for c in vocabulary.categories] == [int, str, bool]


@pytest.mark.parametrize("values", [[1, "2", True, "yes"], [0, False, "", "1"]])
def test_kinds_of_equal_frequency_are_in_order(values: list[Any]) -> None:
    categories = Vocabulary().adapt(values[::-1]).categories
    assert [type(c) for c in categories] == [bool, int, str, str]


@pytest.mark.parametrize("one", [1, 1.0, np.int8(1), np.uint64(1), np.float32(1)])
def test_a_number_is_the_same_in_any_type(one: Any) -> None:
    vocabulary = Vocabulary().adapt([one, one, 2])
    assert vocabulary.categories == (1, 2)
    assert vocabulary(one) == vocabulary(1) == 1
    assert type(vocabulary.categories[0]) is int


@pytest.mark.parametrize("num_oov", [0, 1, 5])
@pytest.mark.parametrize(
    ("learned", "values"),
    [
        (PETS, [1, 1.5, True, np.inf, 2**80]),
        ([1, 2, 3], ["2", "x", True]),
        ([True, False], [0, "True"]),
        ([1, 0.5, "x"], ["1", "0.5"]),
        (["1", "x", 2], [1, np.float32(1)]),
    ],
)
def test_what_is_of_another_kind_than_was_learned(
    learned: list[Any], values: list[Any], num_oov: int
) -> None:
    vocabulary = Vocabulary(num_oov=num_oov, mask="").adapt(learned)
    assert vocabulary([None, ""]).tolist() == [0, 0]
    for value in values:
        for each in (value, [learned[0], value], np.array([value], object)):
            with pytest.raises(SampleError, match=r"(?s)another kind.*got: .*\(\w+\).*str\(value"):
                vocabulary(each)


@pytest.mark.parametrize("values", [["1", 1], [1.0, "1"], ["0.5", 0.5], [True, "True"], [b"1", 1]])
def test_text_and_numbers_that_are_printed_alike_are_not_learned(values: list[Any]) -> None:
    for each in (values, values[::-1], [*values, "a", "a"]):
        with pytest.raises(SampleError, match="of two kinds are printed alike"):
            Vocabulary(max_size=3).adapt(each)
    assert len(Vocabulary().adapt(list(map(str, values)))) > 1  # As the error advises.


def test_kinds_that_fell_away_are_known() -> None:
    for rare in (Vocabulary(min_count=2), Vocabulary(max_size=2)):
        rare.adapt(["a", "a", 1])
        assert rare([1, 2, "b"]).tolist() == [0, 0, 0]
        with pytest.raises(SampleError, match="of another kind"):
            rare(True)


def test_arrays_without_axes_are_single_values() -> None:
    vocabulary = Vocabulary().adapt([np.array("b"), np.array("a")])
    assert vocabulary(np.array("b")) == 2


class Color(enum.StrEnum):
    RED = "red"


@pytest.mark.parametrize("red", ["red", b"red", np.str_("red"), np.bytes_(b"red"), Color.RED])
def test_text_is_the_same_in_any_type(red: Any) -> None:
    vocabulary = Vocabulary().adapt([red])
    assert vocabulary.categories == ("red",)
    assert type(vocabulary.categories[0]) is str
    assert vocabulary(red) == Vocabulary().adapt(["red"])(red) == 1


def test_numpy_bools_are_bools() -> None:
    vocabulary = Vocabulary().adapt(np.array([True, False, False]))
    assert vocabulary([np.False_, np.True_, False]).tolist() == [1, 2, 1]


@pytest.mark.parametrize("missing", [None, np.nan, np.float32("nan"), pd.NA, pd.NaT])
def test_a_missing_value(missing: Any) -> None:
    for mask in (None, "[PAD]"):
        vocabulary = Vocabulary(mask=mask, num_oov=5).adapt(["a", missing, "b"])
        assert vocabulary.categories == ("a", "b")
        assert vocabulary(missing) == 0
        assert vocabulary([missing, "a"])[0] == 0


def test_a_numeric_column_with_missing_values() -> None:
    vocabulary = Vocabulary(mask=-1).adapt(np.array([3, np.nan, 3, 4]))
    assert vocabulary(np.array([4, np.nan, 3, 9, -1])).tolist() == [3, 0, 2, 1, 0]


@pytest.mark.parametrize(
    "column",
    [
        np.array(PETS),
        np.array(PETS, dtype="S"),
        np.array(PETS, dtype=object),
        pd.Series(PETS),
        pd.Series(PETS, dtype="category"),
        pd.Index(PETS),
        tuple(PETS),
    ],
    ids=lambda column: f"{type(column).__name__}-{getattr(column, 'dtype', '')}",
)
def test_takes_columns(column: Any) -> None:
    vocabulary = Vocabulary().adapt(column)
    assert vocabulary == Vocabulary().adapt(PETS)
    assert vocabulary(column).tolist() == vocabulary(PETS).tolist()


def test_ids_are_int32() -> None:
    vocabulary = Vocabulary().adapt(PETS)
    assert type(vocabulary("cat")) is type(vocabulary("cow")) is type(vocabulary(None)) is np.int32
    assert vocabulary(PETS).dtype == vocabulary([]).dtype == vocabulary([["cat"]])[0].dtype == "i4"


def test_an_array_keeps_its_shape() -> None:
    grid = np.array(PETS[:6]).reshape(3, 1, 2)
    ids = Vocabulary().adapt(grid)(grid)
    assert ids.tolist() == [[[1, 2]], [[1, 3]], [[1, 2]]]


TEXTS = [["a", "cat", "sat"], [], ["a", "dog"]]


def test_each_token_is_counted() -> None:
    assert Vocabulary(mask="").adapt(TEXTS).categories == ("a", "cat", "dog", "sat")


@pytest.mark.parametrize("as_sample", [list, tuple, np.array, lambda t: np.array(t, object)])
def test_a_batch_of_token_lists(as_sample: Any) -> None:
    batch = [as_sample(text) for text in TEXTS if text]
    vocabulary = Vocabulary(mask="").adapt(batch)
    assert [ids.tolist() for ids in vocabulary(batch)] == [[2, 3, 5], [2, 4]]


def test_token_lists_of_one_length_stay_a_list() -> None:
    ids = Vocabulary().adapt(TEXTS)([["a"], ["dog"]])
    assert isinstance(ids, list)


def test_a_column_of_token_lists() -> None:
    column = pd.Series(TEXTS)
    vocabulary = Vocabulary(mask="").adapt(column)
    assert [ids.tolist() for ids in vocabulary(column)] == [[2, 3, 5], [], [2, 4]]


def test_one_sample_of_tokens() -> None:
    assert Vocabulary(mask="").adapt(TEXTS)(["a", "dog", "", "ran"]).tolist() == [2, 4, 0, 1]


def test_padding_is_not_learned() -> None:
    vocabulary = Vocabulary(mask="").adapt(np.array([["a", "", ""], ["b", "a", ""]]))
    assert vocabulary.categories == ("a", "b")


def test_only_padding() -> None:
    with pytest.raises(SampleError, match="nothing to learn from"):
        Vocabulary(mask="").adapt(["", ""])


@pytest.mark.parametrize("values", ["cat", 3, None, {"a": 1}, {1, 2}, np.array("cat"), iter("ab")])
def test_what_is_no_chunk(values: Any) -> None:
    with pytest.raises(SpecError, match="no chunk of samples"):
        Vocabulary().adapt(values)


@pytest.mark.parametrize(
    "value", [pd.Timestamp(0), np.datetime64(0, "ns"), 1j, object(), {"a": 1}, slice(1)]
)
def test_what_is_no_category(value: Any) -> None:
    with pytest.raises(SpecError, match=r"(?s)cannot be a category.*str\(\)"):
        Vocabulary().adapt([value])
    with pytest.raises(SpecError, match="cannot be a category"):
        Vocabulary().adapt(["a"]).transform(["a", value])


def test_an_array_of_dates_is_no_category() -> None:
    with pytest.raises(SpecError, match="cannot be a category"):
        Vocabulary().adapt(np.array([0], "M8[ns]"))


def test_an_infinite_category() -> None:
    with pytest.raises(SampleError, match="infinite"):
        Vocabulary().adapt([1.5, np.inf])


def test_lists_among_single_values() -> None:
    with pytest.raises(SpecError, match="mixed"):
        Vocabulary().adapt(["a", ["b"]])
    with pytest.raises(SpecError, match="mixed"):
        Vocabulary().adapt(["a"]).transform([["a"], None])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_size", 1),
        ("max_size", 2.0),
        ("min_count", 0),
        ("min_count", True),
        ("num_oov", -1),
        ("num_oov", "1"),
        ("mask", ["a"]),
        ("mask", np.nan),
        ("mask", np.inf),
    ],
)
def test_a_bad_option(name: str, value: Any) -> None:
    with pytest.raises(ArgumentError, match=f"bad {name}"):
        Vocabulary(**{name: value})


def test_max_size_without_room_for_a_category() -> None:
    with pytest.raises(ArgumentError, match="at least 4"):
        Vocabulary(max_size=3, mask="", num_oov=2)


def test_needs_no_pandas() -> None:
    code = (
        "import sys, types; root = types.ModuleType('multiseq'); "
        "root.__path__ = [sys.argv[1]]; sys.modules['multiseq'] = root; "
        "from multiseq.transforms import Vocabulary; Vocabulary().adapt(['a', None])('b'); "
        "sys.exit(', '.join({'pandas', 'keras', 'sklearn'} & set(sys.modules)))"
    )
    package = str(Path(__file__).parents[1] / "multiseq")
    run = subprocess.run(
        [sys.executable, "-c", code, package], capture_output=True, text=True, check=False
    )
    assert run.stderr.strip() == ""


# Without ids for what was not learned: classes as targets


def test_without_oov_ids_classes_begin_at_0() -> None:
    classes = Vocabulary(num_oov=0).adapt(["cat", "dog", "cat", "owl"])
    assert len(classes) == 3
    assert classes.transform(["cat", "dog", "owl"]).tolist() == [0, 1, 2]
    masked = Vocabulary(num_oov=0, mask="").adapt(["cat", "dog", "cat"])
    assert masked.transform(["", None, "cat", "dog"]).tolist() == [0, 0, 1, 2]


@pytest.mark.parametrize("value", ["emu", None, np.nan])
def test_without_oov_ids_what_was_not_learned_is_an_error(value: Any) -> None:
    classes = Vocabulary(num_oov=0).adapt(["cat", "dog"])
    for values in (value, ["cat", value]):
        with pytest.raises(SampleError, match="was not learned, and num_oov=0"):
            classes.transform(values)
