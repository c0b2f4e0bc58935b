"""tables: rows of a table as inputs, by themselves, in worker processes and in joins."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pandas as pd
import pytest
from coded import frozen_epoch, misaligned

import multiseq
from multiseq import ArraySequence, MinMax, Vocabulary, join
from multiseq.errors import ArgumentError, NotAdaptedError
from multiseq.modalities.tables.sequence import TableSequence
from multiseq.testing import check_sequence

N = 50
PLAIN: dict[str, Any] = {"numeric": ["a", "b"], "categorical": ["c"], "keys": "id"}


def table(n: int = N) -> pd.DataFrame:
    """Row i says i in each column: a = i, b = -i, c = "c{i % 7}", and its key is "k{i}"."""
    rows = np.arange(n)
    return pd.DataFrame(
        {
            "id": [f"k{i}" for i in rows],
            "a": rows,
            "b": -rows.astype(np.float64),
            "c": [f"c{i % 7}" for i in rows],
            "y": rows.astype(np.float32),
            "z": rows % 7,
        }
    )


def coded(**keywords: Any) -> TableSequence:
    """Values as they are in the table: `z` is c's number, so that its id can be foretold."""
    given: dict[str, Any] = PLAIN | {"transforms": {"numeric": None}, "batch_size": 8} | keywords
    return TableSequence(table(), {"y": "y", "z": "z"}, **given)


def rows_of(batch: Any) -> list[int]:
    """Which rows a batch holds; every leaf must say the same."""
    inputs, targets = batch
    rows = [int(row) for row in inputs["numeric"][:, 0]]
    assert inputs["numeric"][:, 1].tolist() == [-row for row in rows]
    assert targets["y"].tolist() == rows
    assert targets["z"].tolist() == [row % 7 for row in rows]
    assert len(set(zip(inputs["c"].tolist(), targets["z"].tolist(), strict=True))) <= 7
    return rows


@pytest.mark.parametrize("workers", [{}, {"workers": 2}])
def test_a_sample_is_a_row(workers: dict[str, int]) -> None:
    with coded(shuffle=True, seed=1, **workers) as seq:
        seq.adapt(progress=False)
        batches = [seq[i] for i in range(len(seq))]
        assert sorted(row for batch in batches for row in rows_of(batch)) == list(range(N))
        for i, batch in enumerate(batches):
            assert seq.batch_keys(i).tolist() == [f"k{row}" for row in rows_of(batch)]
            assert misaligned(batch) == []


def test_every_row_has_the_id_of_its_category() -> None:
    seq = coded()
    seq.adapt(progress=False)
    ids = np.concatenate([seq[i][0]["c"] for i in range(len(seq))])
    vocabulary: Any = seq.transforms["c"]
    assert [vocabulary.categories[k - 1] for k in ids] == table()["c"].tolist()


@pytest.mark.parametrize("shuffle", [False, True])
def test_it_keeps_the_contract(shuffle: bool) -> None:
    seq = coded(shuffle=shuffle)
    seq.adapt(progress=False)
    check_sequence(seq)


@pytest.mark.parametrize("whole", [False, True])
def test_worker_processes_give_the_same_bytes(whole: bool) -> None:
    seq = TableSequence(table(), ("y", "z"), shuffle=True, batch_size=8, seed=3, **PLAIN)
    if whole:
        scaler = pytest.importorskip("sklearn.preprocessing").StandardScaler()
        seq = TableSequence(table(), "y", numeric=["a", "b"], transforms=scaler, seed=3)
    seq.adapt(progress=False)
    with seq.replace(workers=2, use_multiprocessing=True) as other:
        assert frozen_epoch(other) == frozen_epoch(seq)


class Named:
    """A transform of a whole table, by the names of its columns."""

    def fit(self, frame: pd.DataFrame) -> None: ...

    def transform(self, frame: pd.DataFrame) -> Any:
        return frame[["a", "b"]].to_numpy(np.float64)


def test_a_worker_needs_no_pandas(tmp_path: Path) -> None:
    seq = TableSequence(table(), "y", transforms=Named())
    seq.adapt(progress=False)
    (tmp_path / "seq").write_bytes(cloudpickle.dumps(seq.for_workers()))
    script = f"""
import os, pickle, sys
os.environ["MULTISEQ_WORKER"] = "1"
sys.path[:] = {sys.path!r}
package = type(sys)("multiseq")  # As in a worker: without its __init__.
package.__path__ = [{str(Path(multiseq.__file__).parent)!r}]
sys.modules["multiseq"] = package
seq = pickle.load(open({str(tmp_path / "seq")!r}, "rb"))
print(seq.load_sample(3)[0], [m for m in ("keras", "pandas") if m in sys.modules])
"""
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert run.stdout == "[ 3. -3.] []\n", run.stderr


def test_shapes_and_dtypes() -> None:
    seq = coded()
    seq.adapt(progress=False)
    inputs, targets = seq.spec
    assert (inputs["numeric"].shape, inputs["numeric"].dtype) == ((2,), np.float32)
    assert (inputs["c"].shape, inputs["c"].dtype) == ((), np.int32)
    assert (targets["y"].shape, targets["z"].dtype) == ((), np.int64)


def test_numeric_columns_alone_are_an_array() -> None:
    seq = TableSequence(table(), numeric=["a", "b"], transforms={"numeric": None})
    assert seq[0][0].tolist() == [[i, -i] for i in range(32)]


def test_one_name_is_one_column() -> None:
    seq = TableSequence(table(), numeric="a", transforms={"numeric": None})
    assert seq[0][0].shape == (32, 1)
    assert list(TableSequence(table(), categorical="c").transforms) == ["c"]


def test_several_numeric_inputs_by_name() -> None:
    seq = TableSequence(
        table(),
        numeric={"first": "a", "both": ["b", "a"]},
        categorical={"kind": "c"},
        transforms={"first": None, "both": MinMax(range=(0, 49))},
    )
    seq.adapt(progress=False)
    (inputs,) = seq[0]
    assert list(inputs) == ["first", "both", "kind"]
    assert inputs["first"][:, 0].tolist() == list(range(32))
    np.testing.assert_allclose(inputs["both"], [[49 - i, i] for i in range(32)], atol=1e-5)


def test_by_default_numbers_are_standardized_and_categories_numbered() -> None:
    seq = TableSequence(table(), numeric=["a", "b"], categorical=["c"], batch_size=N)
    seq.adapt(progress=False)
    (inputs,) = seq[0]
    np.testing.assert_allclose(inputs["numeric"].mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(inputs["numeric"].std(0), 1, rtol=1e-6)
    assert inputs["c"].tolist() == Vocabulary().adapt(table()["c"])(table()["c"]).tolist()


def test_it_must_learn_first() -> None:
    with pytest.raises(NotAdaptedError, match=r"(?s)input numeric.*`seq.adapt\(\)`") as caught:
        TableSequence(table(), numeric=["a"])[0]
    assert "key" not in caught.value.where  # No sample is to blame.


# Keys


def test_the_index_is_the_keys() -> None:
    frame = table().set_index("id")
    assert TableSequence(frame, numeric="a").keys.tolist() == frame.index.tolist()
    assert TableSequence(table(), numeric="a").keys.tolist() == list(range(N))
    filtered = table()[table()["a"] > 40]
    assert TableSequence(filtered, numeric="a").keys.tolist() == list(range(41, N))


def test_keys_of_a_column_or_given() -> None:
    assert TableSequence(table(), numeric="a", keys="id").keys.tolist() == table()["id"].tolist()
    assert TableSequence(table(), numeric="a", keys=range(9, N + 9)).keys.tolist()[0] == 9


def test_split_and_subset_take_their_rows() -> None:
    seq = coded(seed=1)
    seq.adapt(progress=False)
    parts = seq.split(0.5, 0.5)
    found = [[row for i in range(len(p)) for row in rows_of(p[i])] for p in parts]
    assert sorted(found[0] + found[1]) == list(range(N))
    assert [f"k{row}" for row in found[1]] == parts[1].keys.tolist()
    assert rows_of(seq.subset(["k9", "k3"])[0]) == [9, 3]


# Targets


@pytest.mark.parametrize(
    ("targets", "found"),
    [
        ("y", [3.0]),
        (("y", "z"), [3.0, 3]),
        ({"p": "z"}, [3]),
        ({"p": "z", "q": np.arange(N) * 2}, [3, 6]),
        (["a", "y"], [[3, 3]]),
        (np.arange(N) * 2, [6]),
        (list(range(N)), [3]),
        (pd.Series(np.arange(N) * 2, index=table()["id"]).iloc[::-1], [6]),
    ],
)
def test_targets(targets: Any, found: list[Any]) -> None:
    seq = TableSequence(table(), targets, numeric="b", keys="id", transforms={"numeric": None})
    (target,) = seq.sample(3)[1:]
    leaves = target.values() if isinstance(target, dict) else target
    leaves = [target] if isinstance(target, np.ndarray | np.generic) else leaves
    assert [leaf.tolist() for leaf in leaves] == found


def test_an_array_holds_labels_even_where_they_are_names() -> None:
    labels = np.array(["a", "b", *["new"] * (N - 2)])
    with pytest.raises(ArgumentError, match=r"Labels\(\)"):  # A column would be of numbers.
        TableSequence(table(), labels, numeric="b", transforms={"numeric": None})


def test_weights_of_a_column() -> None:
    seq = TableSequence(
        table(), "y", numeric="b", sample_weight="z", transforms={"numeric": None}, batch_size=N
    )
    assert seq[0][2].tolist() == table()["z"].tolist()


# Joins


def other(n: int = N) -> ArraySequence:
    return ArraySequence({"x": np.arange(n)[::-1].copy()}, keys=[f"k{i}" for i in range(n)][::-1])


def test_a_part_by_position_brings_its_names() -> None:
    seq = join(coded(), other())
    seq.adapt(progress=False)
    inputs, targets = seq[0]
    assert list(inputs) == ["numeric", "c", "x"]
    assert inputs["x"].tolist() == rows_of((inputs, targets))
    check_sequence(seq)


def test_numeric_columns_are_a_part_by_keyword() -> None:
    features = TableSequence(table(), "y", numeric=["a", "b"], keys="id")
    seq = join(other(), features=features, shuffle=True)
    seq.adapt(progress=False)
    assert list(seq[0][0]) == ["x", "features"]
    assert seq[0][0]["x"].tolist() == seq[0][1].tolist()
    check_sequence(seq)


def test_a_join_learns_from_its_own_rows() -> None:
    features = TableSequence(table(), "y", numeric=["a"], keys="id")
    seq = join(other(10), features=features, how="inner")
    seq.adapt(progress=False)
    transform: Any = features.transforms["numeric"]
    assert transform.mean.tolist() == [4.5]


# Memory


def test_batches_own_their_memory() -> None:
    for shuffle in (False, True):
        seq = coded(shuffle=shuffle, seed=1)
        seq.adapt(progress=False)
        before = frozen_epoch(seq)
        seq[0][0]["numeric"][...] = -1
        seq.sample(0)[0]["numeric"][...] = -1
        assert frozen_epoch(seq) == before


def test_the_table_is_as_it_was_when_given() -> None:
    frame = table()
    seq = TableSequence(frame, "y", numeric=["a", "b"], transforms={"numeric": None})
    frame["a"] = 0
    frame.loc[:, ["b", "y"]] = 7.0
    inputs, targets = seq[0]
    assert inputs[:3].tolist() == [[0, 0], [1, -1], [2, -2]]
    assert targets[:3].tolist() == [0, 1, 2]
