"""Samples that occur twice, by what they hold: in training and in test, or with two answers."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import Any

import numpy as np

from ..errors import MultiseqError, few
from ..progress import bar
from .report import Report

__all__ = ["check_overlap"]

_MOST = 200_000  # Samples of each; a hash of each is kept.
_BAR_FROM = 5_000
_RICH = 8  # Different numbers in a sample: fewer may be the same in two by chance.

Hashes = dict[bytes, list[tuple[int, bytes, bool]]]


def check_overlap(seq: Any, test: Any, report: Report) -> None:
    """Notes samples of `test` whose inputs are those of a sample of `seq`."""
    shown = max(seq.num_samples, test.num_samples) >= _BAR_FROM
    mine, theirs = _hashes(seq, shown), _hashes(test, shown)
    both = [(mine[each], theirs[each]) for each in theirs if each in mine]
    counted = sum(len(found) for _, found in both)
    total = sum(map(len, theirs.values()))
    # Where few values make up a sample, the same ones come again, in training by itself too.
    own = sum(len(found) - 1 for found in mine.values()) / max(1, sum(map(len, mine.values())))
    rich = any(found[0][2] for found, _ in both)
    if counted and (rich or counted / total > 3 * own + 0.02):
        here = seq.keys[[found[0][0] for found, _ in both]].tolist()
        there = test.keys[[found[0][0] for _, found in both]].tolist()
        report.add(
            "error" if rich else "warning",
            f"{counted} of {total} samples of test are in training too: scores will be too good",
            got="; ".join(f"{b!r} is {a!r}" for a, b in list(zip(here, there, strict=True))[:3])
            + ("; …" if len(both) > 3 else ""),
            expected="inputs that training has not seen",
            fix="drop duplicates before splitting, or keep them together: split(groups=...)",
        )
    _check_answers(seq, mine, report)


def _check_answers(seq: Any, mine: Hashes, report: Report) -> None:
    """The same inputs with different targets cannot be learned."""
    torn = [f for f in mine.values() if f[0][2] and len({answer for _, answer, _ in f}) > 1]
    if torn:
        keys = [tuple(seq.keys[[each[0] for each in found[:2]]].tolist()) for found in torn]
        report.add(
            "warning",
            f"{sum(map(len, torn))} samples have the inputs of another, and other targets",
            got=few(keys, 3),
            expected="one answer for the same inputs",
            fix="drop the duplicates whose targets are wrong",
        )


def _hashes(seq: Any, shown: bool) -> Hashes:
    """Hashes of the inputs of all samples, each with its position and a hash of its targets."""
    view = seq.replace(augmented=False, shuffle=False, sampler=None, on_error="raise")
    found: Hashes = defaultdict(list)
    count = min(view.num_samples, _MOST)
    with bar(count, "check duplicates" if shown else None) as progress:
        for position in range(count):
            try:
                sample = view.make_sample(view._source_index(position), None)
            except MultiseqError:  # `validate` tells of these.
                continue
            parts = sample if isinstance(sample, tuple) and len(sample) > 1 else (sample,)
            inputs = parts[0]
            answer = _hash(parts[1]) if len(parts) > 1 else b""
            found[_hash(inputs)].append((position, answer, _is_rich(inputs)))
            progress.update()
    return found


def _hash(part: Any) -> bytes:
    state = hashlib.blake2b(digest_size=16)
    for name, leaf in _named(part):
        array = np.ascontiguousarray(leaf)
        state.update(f"{name}{array.shape}{array.dtype.kind}".encode())
        if array.dtype.hasobject or array.dtype.kind in "UT":
            state.update("\0".join(map(str, array.reshape(-1))).encode())
        else:
            state.update(array.tobytes())
    return state.digest()


def _named(part: Any) -> list[tuple[Any, Any]]:
    if isinstance(part, dict):
        return sorted(part.items(), key=lambda item: str(item[0]))
    return list(enumerate(part)) if isinstance(part, tuple) else [(0, part)]


def _is_rich(part: Any) -> bool:
    """Whether a sample holds so many different numbers that no other has them by chance."""
    return sum(len(np.unique(leaf)) for _, leaf in _named(part)) >= _RICH
