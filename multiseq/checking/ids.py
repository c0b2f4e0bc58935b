"""Ids against the sizes of the Embeddings that they meet."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from .._keras_model import path_from
from .forward import Ran
from .looking import Leaf
from .names import Pairs
from .report import Report

__all__ = ["check_ids"]

_CHUNK, _SECONDS = 1024, 3.0
_LEAST, _MOSTLY = 50, 0.6


def check_ids(seq: Any, model: Any, pairs: Pairs, ran: Ran, report: Report) -> None:
    """Notes ids that an Embedding has no row for.

    Where an input meets one unchanged, all samples are looked at, as far as time allows.
    """
    met: set[str] = set()
    for leaf, port in pairs:
        layers = [] if port.tensor is None else list(path_from(model, port.tensor))
        tables = [each for each in layers if getattr(each, "input_dim", None)]
        for layer in layers:
            if type(layer).__name__ == "CategoryEncoding" and leaf.dtype.kind in "iuf":
                _check_encoding(leaf, layer, report)
        if not leaf.is_text:
            _check_unknown(seq, leaf.there, report)
        if tables and not leaf.is_text:
            met |= {layer.name for layer in tables}
            smallest = min(tables, key=lambda layer: int(layer.input_dim))
            _check_leaf(seq, leaf, smallest.name, int(smallest.input_dim), report)
    for name, (size, low, high) in ran.seen.items():
        if name not in met and (low < 0 or high >= size):
            _note(report, f"layer {name!r}", name, size, (low, high), None)


def _check_leaf(seq: Any, leaf: Leaf, name: str, size: int, report: Report) -> None:
    values = [(float(np.nanmin(each)), float(np.nanmax(each))) for each in leaf.arrays if each.size]
    if not values:
        return
    low, high = min(v[0] for v in values), max(v[1] for v in values)
    fractions = leaf.dtype.kind == "f" and any((a != np.trunc(a)).any() for a in leaf.arrays)
    if fractions:
        report.add(
            "error",
            f"numbers with fractions go into Embedding {name!r}, which takes ids",
            leaf.label,
            got=f"{leaf.dtype} from {low:.4g} to {high:.4g}",
            expected=f"whole numbers from 0 to {size - 1}",
            fix="give it ids, such as Vocabulary() makes, or use a Dense layer",
        )
        return
    vocabulary = _vocabulary(seq, leaf.key)
    if low >= 0 and high < size and vocabulary is None:
        low, high = _scan(seq, leaf, low, high)
    if low < 0 or high >= size or (vocabulary or 0) > size:
        _note(report, leaf.label, name, size, (low, high), vocabulary)


def _check_encoding(leaf: Leaf, layer: Any, report: Report) -> None:
    low, high = float(leaf.rows.min()), float(leaf.rows.max())
    size = int(getattr(layer, "num_tokens", None) or high + 1)
    if layer.output_mode != "count" and (low < 0 or high >= size):
        report.add(
            "error",
            f"categories that CategoryEncoding {layer.name!r} has no place for",
            leaf.label,
            got=f"numbers from {low:g} to {high:g}",
            expected=f"0 to {size - 1}, for num_tokens={size}",
            fix=f"CategoryEncoding(num_tokens={int(high) + 1}), or number the categories from 0",
        )


def _note(
    report: Report, where: str, name: str, size: int, ids: tuple[float, float], known: int | None
) -> None:
    low, high = ids
    needed = known if known is not None and known > high else int(high) + 1
    got = f"ids from {low:.0f} to {high:.0f}"
    report.add(
        "error",
        f"ids that Embedding {name!r} has no row for: TensorFlow raises on a CPU, and reads zeros "
        "or another row elsewhere, as JAX does",
        where,
        got=got if known is None else f"{got}, of a vocabulary of {known}",
        expected=f"0 to {size - 1}, for input_dim={size}",
        fix="make ids that begin at 0: a negative one has no row"
        if low < 0
        else f"Embedding(input_dim={needed}, ...)"
        + (", by len(vocabulary)" if known is not None else ", or number the ids from 0 on"),
    )


def _check_unknown(seq: Any, leaf: Leaf, report: Report) -> None:
    """Most categories being unknown, the vocabulary has learned from other data."""
    transform = _transform(seq, leaf.key)
    if transform is None or not transform.num_oov:
        return
    first = 0 if transform.mask is None else 1
    ids = np.concatenate([each.reshape(-1) for each in leaf.arrays])
    ids = ids[ids >= first]
    unknown = ids < first + transform.num_oov
    if len(ids) >= _LEAST and unknown.mean() > _MOSTLY:
        report.add(
            "warning",
            "most categories are none that the vocabulary has learned",
            leaf.label,
            got=f"{unknown.mean():.0%} of {len(ids)} ids stand for unknown ones",
            expected="known ones, such as " + ", ".join(map(repr, transform.categories[:3])),
            fix="learn from these data: adapt() on the training part; or give all parts the same "
            "spelling, case and tokenizer",
        )


def _vocabulary(seq: Any, key: Any) -> int | None:
    """How many ids the transform of an input has, where it is a vocabulary."""
    transform = _transform(seq, key)
    return None if transform is None else len(transform)


def _transform(seq: Any, key: Any) -> Any:
    """The vocabulary that makes the ids of an input, if one does."""
    learned = seq.transforms  # Not all steps learn.
    transforms = {name: learned[name] for name in seq._of_inputs if name in learned}
    alone = next(iter(transforms.values())) if len(transforms) == 1 else None
    transform: Any = alone if key is None else transforms.get(key)
    is_known = hasattr(transform, "categories") and getattr(transform, "adapted", False)
    return transform if is_known and hasattr(transform, "num_oov") else None


def _scan(seq: Any, leaf: Leaf, low: float, high: float) -> tuple[float, float]:
    """The least and the greatest id of as many samples as can be loaded in a moment."""
    if seq.augments or seq.collates:
        return low, high
    began = time.monotonic()
    view = seq.replace(
        workers=0,
        use_multiprocessing=False,
        cluster=None,
        shuffle=False,
        sampler=None,
        batch_size=_CHUNK,
        drop_last=False,
        on_error="raise",
    )
    try:
        count = view.num_batches
        for number in np.random.default_rng(0).permutation(count).tolist():
            inputs = view[number][0]
            ids = np.asarray(inputs if leaf.key is None else inputs[leaf.key])
            if ids.size:
                low, high = min(low, float(ids.min())), max(high, float(ids.max()))
            if time.monotonic() - began > _SECONDS:
                break
    except Exception:  # What cannot be loaded is said elsewhere.
        return low, high
    finally:
        view.close()
    return low, high
