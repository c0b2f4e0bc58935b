"""join: one sample that goes with many (lookup), nested joins, and keys of different kinds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from coded import epoch_of
from keyed import BACKWARDS, KEYS, MIXED, N, Noised, OneByOne, assert_aligned, part

from multiseq import ArraySequence, MultiInputSequence, Standardize, join
from multiseq.errors import AlignmentError, ArgumentError, LoadError
from multiseq.testing import check_sequence

PATIENTS = ["p3", "p1", "p2"]
OF_IMAGE = pd.Series([PATIENTS[n % 3] for n in range(N)], KEYS)


def patients(**keywords: Any) -> ArraySequence:
    """Patient p<n> has the age n."""
    return ArraySequence({"age": np.array([3.0, 1.0, 2.0])}, keys=PATIENTS, **keywords)


class SlowPatients(MultiInputSequence):
    """The same without a fast path."""

    def load_sample(self, index: int) -> Any:
        if PATIENTS[index] == "p2" and self.broken:
            raise OSError("broken")
        return {"age": np.float64(PATIENTS[index][1:])}

    broken = False


# Lookup


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("make", [patients, lambda: SlowPatients(PATIENTS)])
def test_each_image_has_its_patient(make: Any, workers: int) -> None:
    records = make().lookup(OF_IMAGE[KEYS[::-1]])
    seq = join(part("x", MIXED), age=records, batch_size=6, shuffle=True, seed=1, workers=workers)
    with seq:
        assert seq.keys.tolist() == [KEYS[k] for k in MIXED]
        for index in range(len(seq)):
            inputs = seq[index][0]
            expected = [int(OF_IMAGE[KEYS[int(code)]][1:]) for code in inputs["x"][:, 0]]
            assert inputs["age"].tolist() == expected


def test_it_keeps_the_contract() -> None:
    check_sequence(patients(batch_size=6, shuffle=True).lookup(OF_IMAGE))
    check_sequence(join(part("x", BACKWARDS), patients().lookup(OF_IMAGE), shuffle=True))


def test_it_is_a_sequence_like_any_other() -> None:
    seq = patients(batch_size=4).lookup(dict(OF_IMAGE))
    assert seq.keys.tolist() == KEYS
    assert [seq.sample(k)[0]["age"] for k in (0, 1, -1)] == [3, 1, 1]
    assert seq.subset(["k04", "k02"])[0][0]["age"].tolist() == [1, 2]
    again = seq.lookup(pd.Series(["k01", "k01", "k02"], ["u", "v", "w"]))
    assert again[0][0]["age"].tolist() == [1, 1, 2]
    assert patients().subset(["p2", "p1"]).lookup({"u": "p1", "v": "p2"})[0][0]["age"].tolist() == [
        1,
        2,
    ]


def test_keys_of_two_levels_know_their_patient() -> None:
    keys = pd.MultiIndex.from_tuples([("p1", 1), ("p1", 2), ("p3", 1)], names=["patient", "image"])
    images = ArraySequence({"x": np.arange(3)}, keys=keys)
    seq = join(images, patients().lookup(images.keys.to_frame()["patient"]))
    assert seq[0][0]["age"].tolist() == [1, 1, 3]
    train, test = seq.split(0.5, 0.5, groups="patient")
    assert {*train.keys.get_level_values(0)}.isdisjoint(test.keys.get_level_values(0))


def test_targets_may_be_looked_up() -> None:
    seq = join(part("x"), targets=patients().lookup(OF_IMAGE))
    assert seq[0][1]["age"].tolist() == [int(patient[1:]) for patient in OF_IMAGE]


def test_what_is_learned_is_that_of_the_samples_that_refer_to_it() -> None:
    class Learning(SlowPatients):
        scale = Standardize()
        transforms = property(lambda self: {"age": self.scale})

        def raw(self, index: int) -> Any:
            return super().load_sample(index)

        def load_sample(self, index: int) -> Any:
            return {"age": self.scale(super().load_sample(index)["age"])}

    seq = Learning(PATIENTS).lookup({"u": "p1", "v": "p1", "w": "p3"})
    join(seq).adapt(progress=False)
    assert Learning.scale == Standardize().adapt(np.array([1.0, 1.0, 3.0]))


def test_one_sample_is_augmented_alike_wherever_it_stands() -> None:
    noise = Noised(PATIENTS).lookup(OF_IMAGE)
    rows = join(noise=noise, seed=1)[0][0]["noise"]
    assert len(np.unique(rows, axis=0)) == 3
    assert (rows[0] == rows[3]).all()


def test_an_error_names_the_one_that_is_looked_up() -> None:
    broken = SlowPatients(PATIENTS)
    broken.broken = True
    some = SlowPatients(PATIENTS).lookup(OF_IMAGE).subset(slice(0, 3))
    some.broken = True
    with pytest.raises(LoadError, match="SlowPatients, key 'p2', position 2: load_sample raised"):
        some[0]
    with pytest.raises(LoadError, match="SlowPatients, key 'p2'"):
        join(part("x"), broken.lookup(OF_IMAGE))[0]


@pytest.mark.parametrize(
    ("keys", "error", "says"),
    [
        (
            pd.Series(["p1", "p9", "p8"], list("uvw")),
            AlignmentError,
            "for 2 of 3 keys(?s:.)*'v', 'w'",
        ),
        (pd.Series(["p1", None], list("uv")), AlignmentError, "missing values(?s:.)*for 'v'"),
        (pd.Series(["p1", "p2"], list("uu")), AlignmentError, "keys are duplicated(?s:.)*'u'"),
        (pd.Series(["p1", "p2"], ["u", None]), AlignmentError, "keys are missing"),
        (pd.Series([1, 2], list("uv")), AlignmentError, "numbers and text"),
        (["p1", "p2"], ArgumentError, "a Series or a dict"),
        ({}, ArgumentError, "no samples"),
    ],
)
def test_what_cannot_be_looked_up(keys: Any, error: Any, says: str) -> None:
    with pytest.raises(error, match=says) as caught:
        patients().lookup(keys)
    assert caught.value.where["class"] == "ArraySequence"


def test_one_to_many_is_never_by_accident() -> None:
    with pytest.raises(AlignmentError, match=r"keys are duplicated(?s:.)*lookup"):
        ArraySequence({"x": np.arange(3)}, keys=["p1", "p1", "p2"])
    with pytest.raises(AlignmentError, match="lacks 'k00', 'k01'"):
        join(part("x"), patients())


# Nested joins


@pytest.mark.parametrize("workers", [0, 2])
def test_joins_of_joins_of_many_parts(workers: int) -> None:
    pair = join(part("a", MIXED), OneByOne("b", BACKWARDS), shuffle=True, seed=5)
    triple = join(pair, part("c", MIXED[::-1]), part("d", first=2), how="inner")
    settings: dict[str, Any] = {"batch_size": 5, "shuffle": True, "seed": 1, "workers": workers}
    with join(OneByOne("e"), join(triple), f=part(None), how="inner", **settings) as seq:
        assert_aligned(seq, range(2, N))
        assert list(seq[0][0]) == list("eabcdf")
    check_sequence(join(triple, targets=join(t=part(None, BACKWARDS)), how="inner", batch_size=7))


def test_three_parts_that_each_lack_something() -> None:
    parts = [part("x", range(12)), part("y", range(4, 20)), part("z", [9, 8, 7, 6, 1])]
    seq = join(*parts, how="inner")
    assert_aligned(seq, range(6, 10))
    assert [len(keys) for keys in seq.dropped.values()] == [8, 12, 1]
    assert seq.dropped["part 2 (ArraySequence)"].tolist() == ["k01"]
    with pytest.raises(AlignmentError) as caught:
        join(*parts)
    assert "part 1 (ArraySequence) lacks 'k00', 'k01', 'k02', 'k03'" in str(caught.value)
    assert "part 2 (ArraySequence) lacks 'k00', 'k02'" in str(caught.value)


# Kinds of keys

DATES = pd.date_range("2020-01-01", periods=3)
ALIKE: dict[str, Any] = {
    "int and int32": (np.arange(3), np.arange(3, dtype=np.int32)),
    "int and uint": (np.arange(3), np.arange(3, dtype=np.uint8)),
    "int and float": (np.arange(3), np.arange(3.0)),
    "int and Int64": (np.arange(3), pd.Index([0, 1, 2], dtype="Int64")),
    "str and object": (pd.Index(list("abc")), pd.Index(list("abc"), dtype=object)),
    "str and numpy": (list("abc"), np.array(list("abc"))),
    "str and categories": (list("abc"), pd.CategoricalIndex(list("abc"))),
    "categories of other order": (
        pd.CategoricalIndex(list("abc"), categories=list("cba")),
        pd.CategoricalIndex(list("abc")),
    ),
    "dates in s and ns": (DATES.as_unit("s"), DATES.as_unit("ns")),
    "zones": (DATES.tz_localize("UTC"), DATES.tz_localize("UTC").tz_convert("Asia/Tokyo")),
    "bytes": ([b"a", b"b", b"c"], np.array([b"a", b"b", b"c"])),
    "text and mixed": (list("abc"), pd.Index(["a", "b", "c", 1], dtype=object)[:3]),
    "levels": (
        pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)]),
        [("a", 1), ("a", 2), ("b", 1)],
    ),
}
UNLIKE: dict[str, Any] = {
    "numbers and text": (np.arange(3), list("012")),
    "numbers and text in objects": (pd.Index([0, 1, 2], dtype=object), list("012")),
    "dates and text": (DATES, DATES.strftime("%Y-%m-%d")),
    "dates and numbers": (DATES, np.arange(3)),
    "dates and dates with a time zone": (DATES, DATES.tz_localize("UTC")),
    "dates and date": (DATES, pd.Index([day.date() for day in DATES])),
    "bytes and text": ([b"a", b"b", b"c"], list("abc")),
    "booleans and numbers": ([False, True], [0, 1]),
    "categories and numbers": (pd.CategoricalIndex(list("012")), np.arange(3)),
    "durations and numbers": (pd.to_timedelta([0, 1, 2]), np.arange(3)),
    "tuples and text": ([("a", 1), ("b", 1)], ["a", "b"]),
    "tuples of other kinds": ([("a", 1), ("b", 1)], [("a", "1"), ("b", "1")]),
    "tuples of 2 and 3": ([("a", 1), ("b", 1)], [("a", 1, 1), ("b", 1, 1)]),
    "numbers too large": ([2**53, 2**53 + 1], [float(2**53), 1.0]),
}


def sequence(name: str, keys: Any) -> ArraySequence:
    return ArraySequence({name: np.arange(len(keys))}, keys=keys)


@pytest.mark.parametrize("kinds", ALIKE)
@pytest.mark.parametrize("turned", [False, True])
def test_keys_that_are_equal_meet(kinds: str, turned: bool) -> None:
    one, other = ALIKE[kinds][::-1] if turned else ALIKE[kinds]
    reverse = sequence("y", other).subset(slice(None, None, -1))
    assert epoch_of(join(sequence("x", one), reverse)) == [0, 1, 2]


def test_mixed_keys_are_looked_at_one_by_one() -> None:
    mixed = pd.Index([1, "b", "c"], dtype=object)
    seq = join(sequence("x", mixed), sequence("y", list("cb")), how="inner")
    assert seq.keys.tolist() == ["b", "c"]
    levels = pd.MultiIndex.from_arrays([mixed, [1, 2, 3]])
    pairs = [("b", 2), ("c", 3)]
    assert join(sequence("x", levels), sequence("y", pairs), how="inner").keys.tolist() == pairs


@pytest.mark.parametrize("kinds", UNLIKE)
@pytest.mark.parametrize("how", ["strict", "inner"])
@pytest.mark.parametrize("turned", [False, True])
def test_keys_that_are_never_equal_are_refused(kinds: str, how: Any, turned: bool) -> None:
    one, other = UNLIKE[kinds][::-1] if turned else UNLIKE[kinds]
    with pytest.raises(AlignmentError, match="keys are of different kinds"):
        join(sequence("x", one), sequence("y", other), how=how)


def test_levels_in_another_order() -> None:
    keys = pd.MultiIndex.from_tuples([("a", "x"), ("b", "y")], names=["patient", "eye"])
    seq = join(sequence("x", keys), sequence("y", keys[::-1].reorder_levels(["eye", "patient"])))
    assert seq.keys.equals(keys)
    assert [np.asarray(part).ravel().tolist() for part in seq[0][0].values()] == [[0, 1], [1, 0]]
    with pytest.raises(AlignmentError, match=r"levels(?s:.)*rename_axis"):
        join(sequence("x", keys), sequence("y", keys.set_names(["patient", "side"])))


# Values with labels


@pytest.mark.parametrize("kind", ["series", "dict", "table", "outputs", "dict of dicts"])
def test_inner_keeps_what_targets_and_weights_have(kind: str) -> None:
    x, y = part("x", MIXED), part("y", first=3)
    values = pd.Series(np.arange(N), KEYS).iloc[:15].sample(frac=1, random_state=0)
    weights = pd.Series(np.arange(1.0, N + 1), KEYS).iloc[5:]
    targets: Any = {
        "series": values,
        "dict": values.to_dict(),
        "table": values.to_frame(),
        "outputs": {"a": values, "b": values + 1},
        "dict of dicts": {"a": values.to_dict(), "b": (values + 1).to_dict()},
    }[kind]
    seq = join(x, y, targets=targets, sample_weight=weights.to_dict(), how="inner", batch_size=4)
    assert seq.keys.tolist() == [KEYS[k] for k in MIXED if 5 <= k < 15]
    for number, (inputs, served, weight) in enumerate(seq):
        codes = [KEYS.index(key) for key in seq.batch_keys(number)]
        if isinstance(served, dict):
            assert (served["b"] == served["a"] + 1).all()
            served, weight = served["a"], weight["b"]
        assert served.ravel().tolist() == codes == inputs["x"][:, 0].tolist()
        assert weight.tolist() == [code + 1 for code in codes]
    with pytest.raises(AlignmentError, match="has no row for 5 of the 20 samples"):
        join(x, targets=targets)


def test_inner_with_nothing_left_says_how_keys_differ() -> None:
    files = pd.Series(range(N), [f"{key}.jpg" for key in KEYS])
    with pytest.raises(AlignmentError, match="no key in common") as caught:
        join(part("x"), targets=files, how="inner")
    assert "ending: 'k00.jpg' and 'k00'" in str(caught.value)


def test_tuples_are_written_as_the_keys_are() -> None:
    keys = pd.MultiIndex.from_tuples([(0, 1), (1, 0), (2, 3)], names=["patient", "visit"])
    seq = sequence("x", keys)
    by_pair = {(2, 3): 30, (0, 1): 10, (1, 0): 20}
    assert join(seq, targets=by_pair, batch_size=3)[0][1].tolist() == [10, 20, 30]
    assert join(seq, targets=by_pair, how="inner").num_samples == 3
    assert seq.subset([(1, 0)]).keys.tolist() == [(1, 0)]
    assert seq.subset({pair: value > 10 for pair, value in by_pair.items()}).num_samples == 2
    assert seq.lookup({"a": (1, 0), "b": (0, 1)})[0][0]["x"].tolist() == [1, 0]


@pytest.mark.parametrize("named_side", ["samples", "values"])
def test_levels_without_names_are_matched_where_there_is_one_way(named_side: str) -> None:
    pairs = [("p1", 1), ("p1", 2), ("p2", 1)]
    alike = [(0, 1), (1, 0), (2, 3)]
    names = ["patient", "visit"]
    for tuples, fits in ((pairs, True), (alike, False)):
        index = pd.MultiIndex.from_tuples(tuples, names=names)
        bare = index.set_names([None, None])
        keys, other = (index, bare) if named_side == "samples" else (bare, index)
        values = pd.Series([1, 2, 3], other)[::-1]
        if fits:
            assert join(sequence("x", keys), targets=values)[0][1].tolist() == [1, 2, 3]
            assert sequence("x", keys).subset(other[:1]).num_samples == 1
            continue
        for use in (
            lambda keys=keys, values=values: join(sequence("x", keys), targets=values),
            lambda keys=keys, other=other: join(sequence("x", keys), sequence("y", other)),
            lambda keys=keys, other=other: sequence("x", keys).subset(other[:1]),
            lambda keys=keys, other=other: sequence("x", keys).subset(pd.Series(True, other)),
            lambda keys=keys, values=values: sequence("x", keys).split(0.5, 0.5, groups=values),
        ):
            with pytest.raises(AlignmentError, match=r"by name(?s:.)*\['patient', 'visit'\]"):
                use()
        named = values.rename_axis(index=names)  # The cure.
        again = join(sequence("x", keys.set_names(names)), targets=named)
        assert again[0][1].tolist() == [1, 2, 3]
