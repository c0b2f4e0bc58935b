"""What is looked at: batches spread over an epoch, and the targets of all samples where known."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _keras
from ..errors import LoadError, MultiseqError, NotAdaptedError
from .report import Report

__all__ = ["Leaf", "Look", "look"]

Array = npt.NDArray[Any]

_BATCHES, _SAMPLES, _BYTES, _SECONDS = 24, 1024, 1 << 28, 10.0
_ROWS, _TARGET_SECONDS = 1_000_000, 3.0


@dataclass(frozen=True)
class Leaf:
    """One input, target or weight.

    Attributes:
        part: "inputs", "targets" or "sample_weight".
        key: Its name, or its place in a tuple; None where the part is one array.
        label: As reports say it.
        arrays: Of the batches that were looked at.
        varies: Whether an axis may differ by batch, though it may not have done so here.
        has: Which of their samples have it; empty where a left join filled none.
    """

    part: str
    key: Any
    label: str
    arrays: tuple[Array, ...]
    varies: bool = False
    has: tuple[Array, ...] = ()

    @property
    def there(self) -> Leaf:
        """The same without what a left join filled: that says nothing of the data."""
        if not self.has:
            return self
        pairs = zip(self.arrays, self.has, strict=True)
        return replace(self, arrays=tuple(array[has] for array, has in pairs), has=())

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Of one sample; None where batches differ."""
        shapes = {each.shape[1:] for each in self.arrays}
        ranks = {len(shape) for shape in shapes}
        if len(ranks) > 1:
            return tuple(next(iter(shapes)))
        axes = zip(*shapes, strict=True)
        return tuple(lengths[0] if len(set(lengths)) == 1 else None for lengths in axes)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of its batches."""
        return self.arrays[0].dtype

    @property
    def is_text(self) -> bool:
        """Whether it holds text."""
        return self.dtype.kind in "UST"

    @property
    def rows(self) -> Array:
        """All samples that were looked at; those of other lengths than the first are left out."""
        first = self.arrays[0].shape[1:]
        return np.concatenate([each for each in self.arrays if each.shape[1:] == first])


@dataclass
class Look:
    """What was looked at.

    Attributes:
        batches: As Keras would be given them.
        leaves: Of all parts, by part.
        samples: How many were looked at.
        total: How many there are.
        all_targets: By the key of the target: those of all samples, in order, where they are known
            without loading inputs.
        masked: Whether targets may be missing, and have weight 0 then.
    """

    batches: list[tuple[Any, ...]]
    leaves: dict[str, list[Leaf]]
    samples: int
    total: int
    all_targets: dict[Any, Array] = field(default_factory=dict)
    masked: bool = False

    @property
    def inputs(self) -> list[Leaf]:
        """The inputs."""
        return self.leaves.get("inputs", [])

    @property
    def targets(self) -> list[Leaf]:
        """The targets."""
        return self.leaves.get("targets", [])

    @property
    def weights(self) -> list[Leaf]:
        """The sample weights."""
        return self.leaves.get("sample_weight", [])

    def named(self, part: str) -> bool:
        """Whether a part is a dict."""
        return any(isinstance(leaf.key, str) for leaf in self.leaves.get(part, []))


def look(seq: Any, report: Report) -> Look | None:
    """Looks at batches spread over the current epoch; None where none could be loaded.

    It reads a copy, without workers: the sequence stays where it is.
    """
    view = seq.replace(workers=0, use_multiprocessing=False, cluster=None)
    try:
        loaded = _batches(view, report)
        specs = view.spec if loaded else ()
        orders = [_indices(view, number) for number in loaded]
    finally:
        view.close()
    if not loaded:
        return None
    batches = list(loaded.values())
    leaves: dict[str, list[Leaf]] = {}
    for name, *parts in zip(("inputs", "targets", "sample_weight"), *batches, strict=False):
        leaves[name] = _leaves(
            name, parts, specs[len(leaves)] if len(leaves) < len(specs) else None
        )
    leaves["inputs"] = [_without_filled(view, leaf, orders) for leaf in leaves["inputs"]]
    samples = sum(len(leaves["inputs"][0].arrays[n]) for n in range(len(batches)))
    found = Look(batches, leaves, samples, seq.num_samples, masked=seq._masks_targets)
    found.all_targets = _all_targets(view, found)
    report.note_looked(samples, seq.num_samples)
    return found


def _batches(view: Any, report: Report) -> dict[int, tuple[Any, ...]]:
    """Loads some batches, by number; a sample that cannot be loaded is a finding."""
    began, seen, size = time.monotonic(), 0, 0
    loaded: dict[int, tuple[Any, ...]] = {}
    try:
        count = view.num_batches
        rows = view._settings.rows
        if not count:
            report.add(
                "error",
                "there is no batch: fewer samples than one takes, and drop_last=True",
                got=f"{view.num_samples} samples, and batch_size={view._settings.batch_size}",
                expected="a batch at least",
                fix="a smaller batch_size, or drop_last=False",
            )
            return {}
        wanted = max(2, min(_BATCHES, -(-_SAMPLES // max(1, rows))))
        numbers = np.unique(np.linspace(0, count - 1, wanted).round().astype(int))
    except MultiseqError as error:
        _note(error, report)
        return {}
    failed = 0
    for number in numbers.tolist():
        try:
            batch = view[number]
            if _keras.is_short():
                _keras.check_short(batch)
        except MultiseqError as error:
            _note(error, report)
            failed += 1
            if isinstance(error, NotAdaptedError) or failed > 2:
                break
            continue
        loaded[number] = batch
        arrays = [leaf for part in batch for leaf in _arrays(part)]
        seen, size = seen + len(arrays[0]), size + sum(each.nbytes for each in arrays)
        if size > _BYTES or (time.monotonic() - began > _SECONDS and len(loaded) > 1):
            break
    return loaded


def _indices(view: Any, number: int) -> Array:
    """Those that the samples of a batch are loaded by."""
    positions = view._started().positions(view.epoch, number)
    indices: Array = view.source_indices(positions)
    return indices


def _without_filled(view: Any, leaf: Leaf, orders: list[Array]) -> Leaf:
    """Notes which samples of an input are there; none, where batches leave out some of them."""
    has = tuple(view._has_leaf(leaf.label, order) for order in orders)
    if all(each.all() for each in has):
        return leaf
    rows = zip(leaf.arrays, has, strict=True)
    return replace(
        leaf,
        has=tuple(one if len(one) == len(a) else np.zeros(len(a), bool) for a, one in rows),
    )


def _note(error: MultiseqError, report: Report) -> None:
    """Makes a finding of an error in loading."""
    causes = [error, error.__cause__]
    unlearned = next((each for each in causes if isinstance(each, NotAdaptedError)), None)
    where = error.where.get("input")
    if unlearned is not None:
        report.add(
            "error",
            "a transform has learned nothing yet",
            where,
            got=unlearned.what,
            fix="call adapt() on the training part",
        )
        return
    at = ", ".join(f"{k} {v}" for k, v in error.where.items() if k in ("key", "position"))
    report.add(
        "error",
        f"a batch cannot be loaded: {error.what}",
        where,
        got=": ".join(filter(None, (at, error.got))) or None,
        expected=error.expected,
        fix="seq.validate() lists all samples that cannot be loaded: mend them, or leave them out"
        if isinstance(error, LoadError) or error.fix is None
        else error.fix,
    )


def _arrays(part: Any) -> list[Array]:
    if isinstance(part, dict | tuple):
        return list(part.values() if isinstance(part, dict) else part)
    return [part]


def _leaves(name: str, parts: list[Any], spec: Any) -> list[Leaf]:
    first = parts[0]
    if not isinstance(first, dict | tuple):
        return [Leaf(name, None, name, tuple(map(np.asarray, parts)), _varies(spec))]
    keys = list(first) if isinstance(first, dict) else list(range(len(first)))
    return [
        Leaf(
            name,
            key,
            f"{name}[{key!r}]",
            tuple(np.asarray(part[key]) for part in parts),
            _varies(spec, key),
        )
        for key in keys
    ]


def _varies(spec: Any, key: Any = None) -> bool:
    """Whether a leaf is declared to be of any length; weights may have no spec."""
    if key is not None:
        known = isinstance(spec, dict | tuple) and (not isinstance(spec, dict) or key in spec)
        spec = spec[key] if known else None
    return bool(getattr(spec, "variable", False))


def _all_targets(view: Any, found: Look) -> dict[Any, Array]:
    """The targets of all samples, if they are cheap, and are what batches hold."""
    if not found.targets or view.collates or view.augments:
        return {}
    began = time.monotonic()
    chunks: list[Any] = []
    try:
        known = view.target_chunks(whole=False)
        for chunk in known or ():
            chunks.append(chunk)
            if time.monotonic() - began > _TARGET_SECONDS:
                break
        first = view.make_sample(view._source_index(0), None)[1]
        return {leaf.key: _column(chunks, leaf, first) for leaf in found.targets} if chunks else {}
    except Exception:  # Whatever these are, the batches that were looked at are enough.
        return {}


def _column(chunks: list[Any], leaf: Leaf, first: Any) -> Array:
    """Returns the rows of one target; those that batches held where all rows are not these."""
    columns = [np.asarray(chunk if leaf.key is None else chunk[leaf.key]) for chunk in chunks]
    array = np.concatenate(columns)[:_ROWS]
    same = np.array_equal(array[0], first if leaf.key is None else first[leaf.key])
    fits = array.ndim == leaf.arrays[0].ndim and array.dtype.kind == leaf.dtype.kind
    return array if same and fits else leaf.rows
