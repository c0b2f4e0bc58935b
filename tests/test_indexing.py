"""indexing: keys found among keys by numbers, the same as pandas finds them."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest

from multiseq.keys import indexing
from multiseq.keys.indexing import duplicates, find

N = 500
TEXTS = [*(f"key {n}" for n in range(N - 6)), "", "ä", "äö" * 40, "a\0", "a", "\udc80"]
KINDS: dict[str, Any] = {
    "int64": np.arange(N) * 7 - 900,
    "int32": np.arange(N, dtype=np.int32),
    "uint64": np.arange(N, dtype=np.uint64) + np.uint64(2**63),
    "dates": pd.date_range("2020-01-01", periods=N),
    "zoned": pd.date_range("2020-01-01", periods=N, tz="Asia/Tokyo"),
    "durations": pd.to_timedelta(np.arange(N), "s"),
    "str": pd.Index(TEXTS[:-1]),
    "long": pd.Index([f"folder/{'x' * (n % 30)}/{n}.png" for n in range(N)]),
    "object": pd.Index(TEXTS, dtype=object),
    "ascii": pd.Index(TEXTS[: N - 6], dtype=object),
    "bytes": pd.Index([text.encode("utf-8", "surrogatepass") for text in TEXTS], dtype=object),
    "floats": np.arange(N) / 2,
    "tuples": pd.MultiIndex.from_product([["a", "b"], range(N // 2)]),
    "categories": pd.CategoricalIndex([f"c{k}" for k in range(N)]),
    "mixed": pd.Index([*range(N - 1), "text"], dtype=object),
    "nullable": pd.Index(np.arange(N), dtype="Int64"),
}
each_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(autouse=True)
def _few_are_many(monkeypatch: Any) -> None:
    monkeypatch.setattr(indexing, "_MANY", 10)
    monkeypatch.setattr(indexing, "_CHUNK", 64)
    monkeypatch.setattr(indexing, "_AT_ONCE", 100)


@each_kind
def test_found_where_pandas_finds_it(kind: str) -> None:
    keys = pd.Index(KINDS[kind])
    rng = np.random.default_rng(0)
    shuffled = keys[rng.permutation(len(keys))]
    for known in (keys, shuffled, shuffled[: len(keys) // 2]):
        assert find(known, keys).tolist() == known.get_indexer(keys).tolist()
        assert find(known, keys).dtype == np.int64


@each_kind
def test_what_occurs_twice(kind: str) -> None:
    keys = pd.Index(KINDS[kind])
    assert not len(duplicates(keys))
    rows = np.r_[np.arange(len(keys)), 5:8, 7:8]
    twice = keys[np.random.default_rng(0).permutation(rows)]
    found = duplicates(twice)
    assert len(found) == 3
    assert set(found) == set(keys[5:8])


@pytest.mark.parametrize("kind", ["int64", "dates", "str", "object", "ascii"])
def test_millions_of_these_need_no_hash_table(kind: str) -> None:

    assert indexing._codes(pd.Index(KINDS[kind])) is not None


@pytest.mark.parametrize("kind", ["str", "object"])
def test_texts_of_one_hash_are_told_apart(kind: str, monkeypatch: Any) -> None:
    honest = indexing._hashes
    monkeypatch.setattr(indexing, "_hashes", lambda *text: honest(*text) % np.uint64(50))
    test_found_where_pandas_finds_it(kind)
    test_what_occurs_twice(kind)


def test_hashes_depend_on_every_byte_and_on_the_length() -> None:
    texts = ["", "\0", "\0\0", *("x" * k for k in range(1, 40))]
    texts += ["x" * k + "y" + "x" * (30 - k) for k in range(31)]
    codes = indexing._codes(pd.Index(texts, dtype=object))
    assert codes is not None
    assert len(np.unique(codes)) == len(texts)
    parts = [bin(int(one ^ other)).count("1") for one, other in itertools.pairwise(codes)]
    assert 20 < np.mean(parts) < 44


@pytest.mark.parametrize(
    ("keys", "wanted"),
    [
        (np.arange(N), np.arange(N, dtype=np.uint64)),
        (np.arange(N, dtype=np.uint64) + np.uint64(2**64 - N), np.arange(N) - N),
        (np.arange(N), np.arange(N) * 1.0),
        (pd.date_range("2020", periods=N, unit="s"), pd.date_range("2020", periods=N, unit="ns")),
        (pd.Index(TEXTS[:400]), pd.Index(TEXTS[:400], dtype=object)),
        (pd.Index(TEXTS[:400]), pd.CategoricalIndex(TEXTS[:400])),
        (pd.Index(TEXTS, dtype=object), KINDS["bytes"]),
    ],
)
def test_kinds_that_differ_are_compared_as_pandas_does(keys: Any, wanted: Any) -> None:
    keys, wanted = pd.Index(keys), pd.Index(wanted)
    assert find(keys, wanted).tolist() == keys.get_indexer(wanted).tolist()
    assert find(wanted, keys).tolist() == wanted.get_indexer(keys).tolist()


def test_a_slice_of_arrow_text() -> None:
    keys = pd.Index(TEXTS[:-1])[100:]
    assert find(keys, keys[::-1]).tolist() == list(range(len(keys)))[::-1]
