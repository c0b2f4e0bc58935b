"""Which samples a subset holds: by key, by position, by a slice or a mask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import AlignmentError, ArgumentError, describe, few
from ..order import Indices
from .kinds import likeness, locate
from .labelled import Samples, per_sample
from .selection import as_index

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["by_position", "chosen_positions", "disjoint_positions"]


def chosen_positions(keys: pd.Index[Any], chosen: Any, samples: Samples) -> Indices:
    """Returns the positions of some samples, chosen by key, by a slice or by a boolean mask.

    Args:
        keys: The sequence's keys.
        chosen: Keys, a slice of positions, or one boolean for each sample.
        samples: What the samples are known by, for masks with labels.

    Raises:
        ArgumentError: Nothing is chosen, or it is no choice of samples.
        AlignmentError: A key does not exist, or integers can be keys and positions.
    """
    if isinstance(chosen, slice):
        return _filled(np.arange(len(keys))[chosen], chosen)
    if isinstance(chosen, str | bytes) or not hasattr(chosen, "__iter__"):
        raise ArgumentError(
            "this does not choose samples",
            got=describe(chosen),
            expected="keys, a slice of positions or a boolean for each sample",
            fix="put a single key into a list: subset([key]); positions: subset(positions=[0])",
        )
    wanted = as_index(list(chosen.values()) if isinstance(chosen, Mapping) else chosen, keys)
    if len(wanted) and _are_booleans(wanted):
        return _filled(_masked(chosen, wanted, samples), chosen)
    if isinstance(chosen, Mapping):
        raise ArgumentError(
            "this does not choose samples",
            got=describe(chosen),
            expected="a dict of booleans by key, or keys",
            fix="pass the keys: subset(list(chosen))",
        )
    return _by_key(keys, wanted, chosen)


def _by_key(keys: pd.Index[Any], wanted: pd.Index[Any], chosen: Any) -> Indices:
    if not len(wanted):
        return _filled(np.arange(0), chosen)
    if wanted.dtype.kind in "iu" and not _have_numbers(keys):
        raise AlignmentError(
            "these are positions, and the keys are no integers",
            got=few(wanted),
            expected=f"keys such as {few(keys, 3)}",
            fix="say that they are positions: subset(positions=...)",
        )
    found = locate(keys, wanted, "this sequence", "the chosen keys")
    if (missing := found < 0).any():
        alike = likeness(wanted[missing], keys)
        raise AlignmentError(
            "some keys do not exist",
            got=few(wanted[missing]) + (f"; {alike[0]}" if alike else ""),
            expected=f"any of the {len(keys)} samples, such as {few(keys, 3)}",
            fix=alike[1] if alike else "correct them; positions are subset(positions=...)",
        )
    _check_one_reading(chosen, found, len(keys))
    return found


def by_position(n: int, positions: Any) -> Indices:
    """Returns positions of some of n samples, counted from 0.

    Args:
        n: Number of samples.
        positions: Integers of any dtype (below 0 from the end), or a slice.

    Raises:
        ArgumentError: They are no integers, or there are none.
        AlignmentError: A position does not exist.
    """
    if isinstance(positions, slice):
        return _filled(np.arange(n)[positions], positions)
    given = np.asarray(positions if hasattr(positions, "__len__") else list(positions))
    if given.dtype == object:
        given = np.array(given.tolist())
    if given.ndim != 1 or (given.size and given.dtype.kind not in "iu"):
        raise ArgumentError(
            "these are no positions",
            got=describe(positions),
            expected="integers from 0, or a slice",
            fix="keys and masks are the first argument: subset(keys)",
        )
    wrong = (given >= n) | (given < -n)
    if wrong.any():
        raise AlignmentError(
            "some positions do not exist",
            got=few(given[wrong].tolist()),
            expected=f"0 to {n - 1}",
        )
    given = given.astype(np.int64)
    return _filled(np.where(given < 0, given + n, given), positions)


def disjoint_positions(n: int, parts: Any) -> list[Indices]:
    """Returns the positions of several parts of n samples, as scikit-learn's splitters give them.

    Raises:
        ArgumentError: They are no positions, or a sample is in two parts.
        AlignmentError: A position does not exist.
    """
    if isinstance(parts, slice) or not hasattr(parts, "__iter__"):
        raise ArgumentError(
            "these are not the positions of parts",
            got=describe(parts),
            expected="an array of positions for each part, such as (rows, held_out)",
        )
    found = [by_position(n, part) for part in parts]
    every = np.sort(np.concatenate([np.unique(part) for part in found]))
    if len(shared := np.unique(every[1:][every[1:] == every[:-1]])):
        raise ArgumentError(
            "parts of a split share samples",
            got=f"positions {few(shared.tolist())} in more than one part",
            expected="disjoint parts",
            fix="for parts that share samples, use subset(positions=...)",
        )
    return found


def _masked(chosen: Any, wanted: pd.Index[Any], samples: Samples) -> Indices:
    import pandas as pd

    if not isinstance(chosen, pd.Series | Mapping):
        if len(wanted) != samples.size:
            raise ArgumentError(
                "the mask has another length than the sequence",
                got=f"{len(wanted)} booleans",
                expected=f"one for each of the {samples.size} samples",
            )
        chosen = np.asarray(wanted, object)
    return np.flatnonzero(per_sample(chosen, samples, "the mask").to_numpy(bool))


def _are_booleans(wanted: pd.Index[Any]) -> bool:
    import pandas as pd

    return pd.api.types.infer_dtype(wanted, skipna=True) == "boolean"


def _have_numbers(keys: pd.Index[Any]) -> bool:
    """Whether numbers may be among keys."""
    import pandas as pd

    if isinstance(keys, pd.MultiIndex):
        return False
    kind = pd.api.types.infer_dtype(getattr(keys, "categories", keys))
    return kind in ("integer", "floating", "decimal") or "mixed" in kind


def _check_one_reading(chosen: Any, found: Indices, n: int) -> None:
    """Raises AlignmentError for an array, as scikit-learn gives it, that may be of positions."""
    if not isinstance(chosen, np.ndarray) or chosen.dtype.kind not in "iu":
        return
    if chosen.min() >= 0 and chosen.max() < n and not np.array_equal(chosen, found):
        raise AlignmentError(
            "these integers can be read in two ways: as keys and as positions",
            got=f"{few(chosen.tolist())}; the keys are integers in another order",
            expected="a choice that says which is meant",
            fix="positions, as of scikit-learn's KFold: subset(positions=chosen); keys: "
            "subset(pandas.Index(chosen))",
        )


def _filled(positions: Indices, chosen: Any) -> Indices:
    if not len(positions):
        raise ArgumentError("no sample was chosen", got=chosen)
    return np.asarray(positions, np.int64)
