"""imbalanced-learn's sampling strategies: how many samples of each class are wanted.

The rules are those of `imblearn.utils.check_sampling_strategy`, which the tests compare with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import ArgumentError, describe, few

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Strategy", "wanted_counts"]

Strategy = str | float | Mapping[Any, int] | Callable[[Any], Mapping[Any, int]]


def wanted_counts(
    strategy: Strategy, method: str, have: dict[Any, int], labels: pd.Series[Any]
) -> dict[Any, int]:
    """Returns the samples in an epoch of those classes that are over- or under-sampled.

    Args:
        strategy: See `BalancedSampler`.
        method: "over" or "under".
        have: Samples of each class.
        labels: The class of each sample.

    Raises:
        ArgumentError: The strategy is none, or does not fit the classes.
    """
    wanted: dict[Any, Any]
    if callable(strategy):
        strategy = strategy(labels.to_numpy())
    smallest, largest = min(have, key=have.__getitem__), max(have, key=have.__getitem__)
    size = have[largest if method == "over" else smallest]
    if isinstance(strategy, str):
        return dict.fromkeys(_named_classes(strategy, method, have, smallest, largest), size)
    if isinstance(strategy, int | float) and not isinstance(strategy, bool):
        if len(have) != 2 or not 0 < strategy <= 1:
            raise _bad_strategy(f"{strategy!r} for {len(have)} classes")
        if method == "over":
            wanted = {smallest: int(have[largest] * strategy)}
        else:
            wanted = {largest: int(have[smallest] / strategy)}
    elif isinstance(strategy, Mapping):
        wanted = dict(strategy)
    else:
        raise _bad_strategy(describe(strategy))
    for label, count in wanted.items():
        if label not in have:
            raise ArgumentError(
                "strategy names a class that has no samples", got=label, expected=few(list(have))
            )
        fits = count >= have[label] if method == "over" else 0 <= count <= have[label]
        if not isinstance(count, int | np.integer) or not fits:
            raise ArgumentError(
                f"{method}-sampling cannot make {count} samples of this class",
                got=f"class {label!r}, which has {have[label]}",
                expected=f"an integer of at {'least' if method == 'over' else 'most'} that",
            )
    return {label: int(count) for label, count in wanted.items()}


def _named_classes(
    strategy: str, method: str, have: dict[Any, int], smallest: Any, largest: Any
) -> list[Any]:
    if strategy == "auto":
        strategy = "not majority" if method == "over" else "not minority"
    if strategy in ("minority", "majority"):
        wrong = "majority" if method == "over" else "minority"
        if strategy == wrong:
            raise _bad_strategy(f'"{strategy}" with method="{method}"')
        return [smallest if strategy == "minority" else largest]
    left_out = {"not minority": smallest, "not majority": largest}
    if strategy != "all" and strategy not in left_out:
        raise _bad_strategy(repr(strategy))
    return [label for label in have if strategy == "all" or label != left_out[strategy]]


def _bad_strategy(got: str) -> ArgumentError:
    return ArgumentError(
        "bad strategy",
        got=got,
        expected='"auto", "minority" (over), "majority" (under), "not minority", "not majority", '
        '"all", a fraction for two classes, {class: number of samples}, or a function of labels',
    )
