"""Samples that cannot be loaded, as a table by key."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import LoadError, MultiseqError, NotAdaptedError
from ..order import Indices
from ..progress import bar

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["table_of", "unloadable"]

_COLUMNS = ("position", "input", "error", "what", "got")
_MOST_THREADS = 8


def unloadable(seq: Any, workers: int | None, progress: bool) -> dict[int, MultiseqError]:
    """Loads each sample once, and returns the errors of those that cannot be, by position.

    Batches are loaded by workers, and the samples of those that fail one by one.

    Args:
        seq: A sequence in source order that raises where a sample cannot be loaded.
        workers: How many; None for its own, or threads where it has none.
        progress: Whether to show a progress bar.
    """
    if workers is None and not (seq.parallel.workers or seq._settings.cluster):
        workers = min(_MOST_THREADS, os.cpu_count() or 1)
    if workers is not None:
        seq = seq.replace(workers=workers)
    errors: dict[int, MultiseqError] = {}
    with bar(seq.num_samples, "validate" if progress else None) as shown:
        # What samples look like is told by the first one: it has to be one that can be loaded.
        first = next((p for p in range(seq.num_samples) if _loads(seq, p, errors, shown)), None)
        if first is None:
            return errors
        rest = np.arange(first + 1, seq.num_samples)
        order = np.concatenate([np.array([first], np.int64), rest])
        failed = _failing(seq, order, seq._settings.batch_size, errors, shown)
        _failing(seq, np.concatenate([order[:1], failed]), 1, errors, None)
    return errors


def _loads(seq: Any, position: int, errors: dict[int, MultiseqError], shown: Any) -> bool:
    """Whether a sample can be loaded by itself."""
    view = seq.subset(positions=[position]).replace(workers=0, use_multiprocessing=False)
    try:
        view.replace(cluster=None, augmented=seq._settings.augmented)[0]
    except NotAdaptedError:
        raise
    except MultiseqError as error:
        if isinstance(error.__cause__, NotAdaptedError):
            raise
        errors[position] = error
        shown.update()
        return False
    return True


def _failing(
    seq: Any, positions: Indices, size: int, errors: dict[int, MultiseqError], shown: Any
) -> Indices:
    """Loads samples in batches; notes those that fail alone, returns those that do together."""
    failing = [positions[:0]]
    view = seq.subset(positions=positions)
    with view.replace(batch_size=size, augmented=seq._settings.augmented) as batches:
        for number in range(batches.num_batches):
            mine = positions[number * size : (number + 1) * size]
            try:
                batches[number]
            except MultiseqError as error:
                if size == 1:
                    errors.setdefault(int(mine[0]), error)
                else:
                    failing.append(mine)
            if shown is not None:
                shown.update(len(mine))
    found: Indices = np.concatenate(failing)
    kept: Indices = found[found != positions[0]]
    return kept


def table_of(keys: pd.Index[Any], errors: Mapping[int, MultiseqError]) -> pd.DataFrame:
    """Returns errors as a table by key.

    Args:
        keys: Of all samples.
        errors: By the sample's position.
    """
    import pandas as pd

    positions = sorted(errors)
    rows = [_row(position, errors[position]) for position in positions]
    frame = pd.DataFrame(rows, index=keys[positions], columns=list(_COLUMNS))
    return frame.astype({"position": "int64"})


def _row(position: int, error: MultiseqError) -> tuple[Any, ...]:
    # What a worker raised comes as text alone.
    raised = re.search(r" raised (\w+)", error.what) if isinstance(error, LoadError) else None
    kind = type(error).__name__ if raised is None else raised[1]
    return position, error.where.get("input"), kind, error.what, error.got
