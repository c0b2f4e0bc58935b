"""What stages are called in words, and what to do about them by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..order import Draw
from .lines import Line

__all__ = ["by_hand", "name_of"]

_PADDED = 0.3  # Of a batch.

_NAMES = {
    "open": "opening files",
    "read": "reading",
    "decode": "decoding",
    "query": "the database query",
    "tokenize": "the tokenizer",
    "transform": "transforms",
    "map": "map=",
    "augment": "augment",
    "augment_batch": "augment_batch",
    "collate": "putting samples into a batch (collate)",
    "join": "putting the parts together",
    "load_sample": "your load_sample",
    "load_batch": "your load_batch",
    "transport": "transport of batches from workers",
    "order": "the order of the epoch (sampler=, shuffle=)",
}

_FIXES = {
    "open": "put many small files together: an .npy for ArraySequence, or a zip archive",
    "read": "put the data on a faster disk, or into an .npy file that ArraySequence maps to memory",
    "read=": "do less in the function given as read=; or convert the files once to .npy",
    "decode": "store what is decoded once, resized, as .npy of uint8, and read it by ArraySequence",
    "query": "give the key column an index in the database, CREATE INDEX ... ON table (key); of a "
    "view, make a table",
    "tokenize": "tokenize once: TextSequence takes ready ids",
    "transform": "transform the data once, before the sequence is made",
    "map": "do once, before the sequence is made, what map= does",
    "augment": "do less in augment, or do it in the model, by layers of Keras",
    "augment_batch": "do less in augment_batch, or do it in the model, by layers of Keras",
    "collate": "return fewer or smaller arrays; or use a larger batch_size",
    "load_sample": "do less in load_sample, or write load_batch, which loads samples together",
    "load_batch": "do less in load_batch",
    "transport": "send less: uint8 in place of float32, and scale in the model",
    "order": "make the sampler return an array faster: vectorize it by NumPy",
}


def name_of(line: Line) -> str:
    """Names a stage, and its part."""
    what = _NAMES.get(line.stage, line.stage)
    return f"{what} of {line.part!r}" if line.part else what


def by_hand(sequence: Any, line: Line) -> tuple[str, str]:
    """Returns why a stage takes long, as far as is known beyond its name, and what to do."""
    part = _part_of(sequence, line.part)
    if line.stage == "collate":
        if sequence.collates:
            return "", "do less in your collate"
        return _of_collate(sequence)
    own = {} if part is None else part._faster
    return "", own.get(line.stage) or _FIXES.get(line.stage, f"make {name_of(line)} faster")


def _part_of(sequence: Any, name: str) -> Any:
    """Returns a part of a join by its name, "a.b" for part b of part a; None if there is none."""
    if not name:
        return sequence
    for own, part in sequence._named_parts:
        if name == own or name.startswith(f"{own}."):
            return _part_of(part, name[len(own) + 1 :])
    return None


def _of_collate(sequence: Any) -> tuple[str, str]:
    """What putting a batch together does beyond copying: it pads, or casts."""
    if not sequence.by_batch:
        layout, indices = sequence._layout(), sequence.source_indices(_first_batch(sequence))
        draw = Draw(sequence._settings.seed, sequence._clock.epoch) if sequence.augments else None
        samples = [sequence.make_sample(index, draw) for index in indices.tolist()]
        rows = [layout.structure.flatten(sample) for sample in samples]
        columns = [[np.asarray(value) for value in column] for column in zip(*rows, strict=True)]
        if (share := _padded(columns)) > _PADDED:
            return (
                f"; {share:.0%} of the first batch is padding",
                "put samples of like length together, sampler=BucketSampler(lengths, batch_size); "
                "or cut long ones",
            )
        for column, spec in zip(columns, layout.specs, strict=True):
            given, made = column[0].dtype, np.dtype(spec.dtype)
            if given != made and given.kind in "fiub" and column[0].size > 1:
                why = f"; {given} is cast to {made}"
                return why, f"return {made}, such as by .astype({made.name!r}) once beforehand"
    return "", _FIXES["collate"]


def _first_batch(sequence: Any) -> Any:
    runtime = sequence._live or sequence._started()
    return np.asarray(runtime.positions(sequence._clock.epoch, 0))


def _padded(columns: list[list[Any]]) -> float:
    """The share of a batch that is padding."""
    filled = padded = 0
    for column in columns:
        shapes = np.array([value.shape for value in column])
        filled += sum(value.nbytes for value in column)
        padded += int(shapes.max(axis=0).prod()) * len(column) * column[0].itemsize
    return 1 - filled / padded if padded else 0.0
