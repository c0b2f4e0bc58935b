"""Which samples go together in pairs and triplets: pure functions of classes and of a key.

No table of all pairs is made: each function takes time and memory for n samples.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .order import Indices, Permutation

__all__ = ["of_another_class", "of_one_class", "positives"]

_TRIES = 64


def of_one_class(codes: Indices, *key: int) -> Indices:
    """Returns another sample of its class for each sample; itself where it is alone.

    Each is the partner of one. In a class of three samples or more no pair comes twice.

    Args:
        codes: The class of each sample, from 0.
        *key: Integers that choose, such as (seed, epoch).
    """
    order, starts, counts = _by_class(codes, *key)
    sizes, begins = counts[codes[order]], starts[codes[order]]
    following = begins + (np.arange(len(codes)) - begins + 1) % sizes
    partners = np.empty(len(codes), np.int64)
    partners[order] = order[following]
    return partners


def of_another_class(codes: Indices, *key: int) -> Indices:
    """Returns a sample of another class for each sample; there are two classes or more.

    In a random order, each sample goes with the one that stands so many places behind it. Where
    that is of its class, another distance is tried. As a distance is never tried in both
    directions, no pair comes twice; but for the last few, where nearly all are of one class.

    Args:
        codes: The class of each sample, from 0.
        *key: Integers that choose, such as (seed, epoch).
    """
    n = len(codes)
    order, partners = Permutation(n, *key)(np.arange(n)), np.empty(n, np.int64)
    most = (n - 1) // 2
    tries = np.arange(min(most, _TRIES))
    distances = Permutation(most, *key, 1)(tries) + 1 if most else tries
    places = np.arange(n)
    for distance in distances.tolist():
        others = order[(places + distance) % n]
        fits = codes[order[places]] != codes[others]
        partners[order[places[fits]]] = others[fits]
        places = places[~fits]
        if not len(places):
            return partners
    by_class, starts, counts = _by_class(codes, *key)
    left = order[places]
    mine = codes[left]
    # The samples that do not lie in the class' own block, one after the other.
    ends, rest = starts[mine] + counts[mine], n - counts[mine]
    partners[left] = by_class[(ends + np.arange(len(left)) % rest) % n]
    return partners


def positives(partners: Indices, count: int, *key: int) -> npt.NDArray[np.bool_]:
    """Returns which samples go with one of their class, so many of them.

    Of two that would be each other's partner, both are taken only if there are too few others.

    Args:
        partners: Of one class, as `of_one_class` gives them.
        count: How many; there are as many that have a partner.
        *key: Integers that choose.
    """
    n = len(partners)
    order = Permutation(n, *key, 2)(np.arange(n))
    alone = partners == np.arange(n)
    twice = (partners[partners] == np.arange(n)) & (np.arange(n) < partners)
    order = order[np.argsort((2 * alone + twice)[order], kind="stable")]
    chosen = np.zeros(n, bool)
    chosen[order[:count]] = True
    return chosen


def _by_class(codes: Indices, *key: int) -> tuple[Indices, Any, Any]:
    """Returns the samples class by class, at random within; where each class begins; its size."""
    n, counts = len(codes), np.bincount(codes)
    order = Permutation(n, *key, 3)(np.arange(n))
    order = order[np.argsort(codes[order], kind="stable")]
    return order, np.cumsum(counts) - counts, counts
