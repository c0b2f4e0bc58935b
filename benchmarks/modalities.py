"""Each modality against what people write by hand for the same data, and a join of many keys.

Run: pip install -e ".[bench]", then: python benchmarks/modalities.py [--rounds 5]
Each contender gives one shuffled epoch in batches of 32; `modality_cases/` has the code.
"""

from __future__ import annotations

import functools
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from modality_cases import files, hdf5, images, sql, tables, windows
from turns import measure, rounds_from_arguments, show

OURS = "multiseq"
MANY = 10_000_000

Case = Callable[[Path], Iterator[Any]]

CASES: dict[str, dict[str, Case]] = {
    "FileSequence: .npy and .json": {OURS: files.ours, "by hand": files.by_hand},
    "TableSequence: Parquet, 5 columns": {
        OURS: tables.ours,
        "by hand, pandas": tables.by_hand,
        "by hand, encoded as NumPy beforehand": tables.by_hand_with_numpy,
    },
    "SQLSequence: SQLite": {
        OURS: sql.ours,
        "by hand, a SELECT a row": sql.by_hand,
        "by hand, pandas.read_sql a batch": sql.by_hand_with_pandas,
    },
    **{
        f"ArraySequence: HDF5, {layout}": {
            OURS: functools.partial(hdf5.ours, layout=layout),
            "by hand": functools.partial(hdf5.by_hand, layout=layout),
        }
        for layout in hdf5.LAYOUTS
    },
    "ImageSequence: JPEG, workers=2": {OURS: images.ours, "by hand, Pillow": images.by_hand},
    "WindowSequence: series in memory": {
        OURS: windows.ours,
        "timeseries_dataset_from_array": windows.keras_utility,
        "by hand": windows.by_hand,
    },
}


def join_many(kind: str) -> None:
    """Joins two sequences of 10 million keys, in another order each, and says what it took."""
    from multiseq import ArraySequence, join

    order = np.random.default_rng(0).permutation(MANY)
    keys: Any = order if kind == "integers" else np.char.add("key ", order.astype(str))
    values = np.zeros(MANY, np.float32)
    first = ArraySequence(values, keys=keys)
    second = ArraySequence(values, keys=keys[::-1])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    join(a=first, b=second)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"join of 2 x {MANY:,} {kind:10} {seconds:6.2f} s, {peak / 1e6:5.2f} GB at most "
        f"({(peak - before) / 1e6:.2f} more than before)"
    )


def main() -> None:
    if "--join" in sys.argv:
        join_many(sys.argv[-1])
        return
    rounds = rounds_from_arguments(__doc__)
    with tempfile.TemporaryDirectory() as name:
        for title, contenders in CASES.items():
            with_folder = {
                who: functools.partial(case, Path(name)) for who, case in contenders.items()
            }
            show(title, measure(with_folder, rounds), OURS)
    print()
    for kind in ("integers", "text"):  # Each in a process of its own, for its memory.
        subprocess.run([sys.executable, __file__, "--join", kind], check=True)


if __name__ == "__main__":
    main()
