"""The parts of a join, each by the join's own indices."""

from __future__ import annotations

import abc
import copy
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _keras
from .engine.job import Layout, blame
from .errors import ArgumentError
from .keys.rows import AnyRows, deciding, joined
from .keys.targets import label_indexes
from .keys.times import overall
from .order import Draw, Indices
from .samples import Leaves, Spec, Structure, infer_spec
from .sequence import MultiInputSequence
from .transforms import Holder, Transform

__all__ = [
    "Origin",
    "Member",
    "SequenceMember",
    "ArrayMember",
    "check_parts",
    "label_indexes_of",
    "merged_inputs",
    "named_transforms",
    "one_of",
    "rows_of",
    "targets_of",
    "times_of",
]


@dataclass(frozen=True)
class Origin:
    """Where a leaf of the join comes from: which leaf of which member."""

    member: int
    number: int


class Member(abc.ABC):
    """One part of a join, by the join's own indices."""

    structure: Structure
    specs: Sequence[Spec]
    augments = False
    loads_batches = False

    @abc.abstractmethod
    def leaves(self, index: int, draw: Draw | None) -> Leaves:
        """Returns the leaves of one sample."""

    @abc.abstractmethod
    def columns(self, indices: Indices) -> Leaves:
        """Returns the leaves of several samples, each with a leading axis."""

    def for_workers(self) -> Member:
        """Returns a copy for worker processes."""
        return self

    def times(self, indices: Indices) -> tuple[Any, Any, Any] | None:
        """Returns the first and the last time of samples and their zone, where they have times."""
        return None

    def targets(self, indices: Indices) -> dict[int, Any]:
        """Returns the targets of samples by the number of their leaf, where they are known."""
        return {}

    def learn(self, indices: Indices, progress: str | None, on_error: Any) -> None:  # noqa: B027
        """Learns the transforms that it has, of samples; on_error says what of broken ones."""

    def nested(self, member: int) -> tuple[Any, ...]:
        """Returns a sample of this member, with what each leaf is in place of its value."""
        return self.structure.unflatten([Origin(member, n) for n in range(len(self.structure))])


class SequenceMember(Holder, Member):
    """A sequence.

    Args:
        sequence: The sequence.
        positions: Of each of the join's samples in it; None for the same position.
    """

    def __init__(self, sequence: MultiInputSequence, positions: Indices | None) -> None:
        self.sequence, self._positions = sequence, positions

    @functools.cached_property
    def _layout(self) -> Layout:
        # The join's first sample: under "inner", the sequence's own first may be no part of it.
        first = 0 if self._positions is None else int(self._positions[0])
        sequence = self.sequence
        if first:
            sequence = sequence.replace(sampler=None).subset(slice(first, first + 1))
        return sequence.served_layout()

    @property
    def augments(self) -> bool:  # type: ignore[override]
        """Whether the sequence augments."""
        return self.sequence.augments

    @property
    def loads_batches(self) -> bool:  # type: ignore[override]
        """Whether the sequence has a fast path."""
        return self.sequence.loads_batches

    @property
    def structure(self) -> Structure:  # type: ignore[override]
        """How the sequence's samples are nested."""
        return self._layout.structure

    @property
    def specs(self) -> Sequence[Spec]:  # type: ignore[override]
        """The specs of their leaves."""
        return self._layout.specs

    def for_workers(self) -> SequenceMember:
        """Returns a copy for worker processes."""
        other = copy.copy(self)
        other.sequence = self.sequence.for_workers()
        return other

    def source_indices(self, indices: Indices) -> Indices:
        """Returns the indices that the sequence's `load_sample` takes."""
        positions = indices if self._positions is None else self._positions[indices]
        return self.sequence.source_indices(positions)

    def times(self, indices: Indices) -> tuple[Any, Any, Any] | None:
        """Returns the first and the last time of samples and their zone, where they have times."""
        return self.sequence._times(self.source_indices(indices))

    def targets(self, indices: Indices) -> dict[int, Any]:
        """Returns the targets of samples by the number of their leaf, where they are known."""
        keys = self.structure.keys("targets")
        rows = None if keys is None else self.sequence.target_rows(self.source_indices(indices))
        if rows is None or keys is None:
            return {}
        leaves = [rows[key] for key in keys] if keys else [rows]
        return dict(enumerate(leaves, len(self.structure.of_inputs())))

    def learn(self, indices: Indices, progress: str | None, on_error: Any) -> None:
        """Learns the sequence's transforms; what happens to broken samples is the join's to say."""
        learner = self.sequence.replace(on_error=on_error)
        learner.learn_transforms(self.source_indices(indices), progress)

    def leaves(self, index: int, draw: Draw | None) -> Leaves:
        """Returns the leaves of one sample."""
        own = int(self.source_indices(np.array([index]))[0])
        try:
            return self.structure.flatten(self.sequence.make_sample(own, draw))
        except Exception as error:
            blame(error, self.sequence, "load_sample", own)

    def columns(self, indices: Indices) -> Leaves:
        """Returns the leaves of several samples, each with a leading axis."""
        if self.sequence.loads_batches:
            return self.structure.flatten(self.sequence.load_batch(self.source_indices(indices)))
        rows = [self.leaves(index, None) for index in indices.tolist()]
        return [list(column) for column in zip(*rows, strict=True)]


def named_transforms(
    parts: Sequence[tuple[str | None, str, MultiInputSequence]],
) -> dict[Any, Transform]:
    """Returns the transforms of a join's parts, by the names that its inputs have.

    One that makes the only input of a named part has the part's name. Others keep their own; where
    two parts use the same, the part's is put before it.

    Args:
        parts: For each the name of its input, where the join gives it one; what it is called; and
            the sequence.
    """
    found = [
        (called, called if name is not None and own in part._of_inputs else own, transform)
        for name, called, part in parts
        for own, transform in part.transforms.items()
    ]
    twice = {
        name
        for _, name, transform in found
        for _, other, another in found
        if name == other and transform is not another
    }
    return {f"{part}.{name}" if name in twice else name: each for part, name, each in found}


class ArrayMember(Member):
    """Targets or weights given as arrays, a row for each of the join's samples."""

    def __init__(self, parts: tuple[Any, ...]) -> None:
        self.structure = Structure(parts)
        self._arrays = self.structure.flatten(parts)
        self.specs = [infer_spec(np.asarray(array[0]), _keras.floatx()) for array in self._arrays]

    def leaves(self, index: int, draw: Draw | None) -> Leaves:
        """Returns the leaves of one sample."""
        return [array[index] for array in self._arrays]

    def columns(self, indices: Indices) -> Leaves:
        """Returns the leaves of several samples, each with a leading axis."""
        return [array[indices] for array in self._arrays]


def check_parts(roles: list[tuple[str | None, Any]]) -> list[str]:
    """Returns a name for each part, for errors."""
    for _, part in roles:
        if not isinstance(part, MultiInputSequence):
            raise ArgumentError("only sequences can be joined", got=part)
        _check_settings(part)
    if not roles:
        raise ArgumentError("there is nothing to join")
    return [name or f"part {n} ({type(part).__name__})" for n, (name, part) in enumerate(roles)]


def _check_settings(part: MultiInputSequence) -> None:
    """Raises ArgumentError where a part has what only a join can have."""
    if part.collates:
        raise ArgumentError(
            "a sequence with a collate of its own cannot be joined", got=type(part).__name__
        )
    settings = part._settings
    for name, lost in (
        ("class_weight", settings.class_weight is not None),
        ("sampler", settings.sampler is not None),
        ("on_error", settings.on_error != "raise"),
    ):
        if lost:
            raise ArgumentError(
                f"a part of a join has {name}=, which would be lost",
                got=type(part).__name__,
                fix=f"give it to the join: join(..., {name}=...)",
            )


def merged_inputs(nested: list[tuple[Any, ...]], names: list[str | None]) -> Any:
    """Returns the join's inputs: a dict where inputs have names, else a tuple."""
    named: dict[str, Any] = {}
    unnamed: list[Any] = []
    for (inputs, *_), name in zip(nested, names, strict=True):
        if name is not None:
            leaves = [inputs] if isinstance(inputs, Origin) else list(_values(inputs))
            if len(leaves) != 1:
                raise ArgumentError(
                    f"part {name!r} has {len(leaves)} inputs, and a named part gives one",
                    fix="pass it by position: it then brings its own input names",
                )
            inputs = {name: leaves[0]}
        if isinstance(inputs, dict):
            if clash := named.keys() & inputs.keys():
                raise ArgumentError(f"two parts have an input {sorted(clash)[0]!r}")
            named.update(inputs)
        else:
            unnamed += [inputs] if isinstance(inputs, Origin) else inputs
    if named and unnamed:
        raise ArgumentError(
            "some inputs have names and some have none",
            got=f"names: {', '.join(named)}; without: {len(unnamed)}",
            fix="pass every part with a single input by keyword: join(image=images, …)",
        )
    return named or (unnamed[0] if len(unnamed) == 1 else tuple(unnamed))


def _values(inputs: Any) -> Any:
    return inputs.values() if isinstance(inputs, dict) else inputs


def one_of(found: list[Any], role: str) -> Any:
    """Returns the only one, or several dicts by output name as one."""
    if len(found) == 1:
        return found[0]
    merged: dict[str, Any] = {}
    for each in found:
        if not isinstance(each, dict) or merged.keys() & each.keys():
            raise ArgumentError(
                f"several parts have {role}",
                got=f"{len(found)} parts",
                fix=f"say which: join(..., {role}=...), or give each of them a name in a dict",
            )
        merged.update(each)
    return merged


def times_of(members: Sequence[Member], indices: Indices) -> tuple[Any, Any, Any] | None:
    """Returns the first and the last time of samples over all members, and their zone.

    Raises:
        ArgumentError: Times of two members cannot be compared.
    """
    found = [times for member in members if (times := member.times(indices)) is not None]
    if not found:
        return None
    first, last, zones = zip(*found, strict=True)
    zone = overall(zones, [times.dtype for times in first])
    return np.minimum.reduce(first), np.maximum.reduce(last), zone


def label_indexes_of(
    targets: Any, sample_weight: Any, parts: Sequence[MultiInputSequence]
) -> dict[str, Any]:
    """Returns the labels of targets and weights by name: an index or a dict.

    Those with the index of a part's source go by row, and limit no keys.
    """
    found = {}
    for name, value in (("targets", targets), ("sample_weight", sample_weight)):
        if not isinstance(value, MultiInputSequence):
            found.update(label_indexes(value, name))
    sources = deciding(rows for part in parts for rows in part._source_rows)
    return {
        name: index
        for name, index in found.items()
        if isinstance(index, Mapping) or not any(rows.readings(index) for rows in sources)
    }


def targets_of(
    members: Sequence[Member], given: int | None, indices: Indices
) -> list[dict[int, Any]]:
    """Returns for each member its targets by the number of their leaf, where they are known.

    Args:
        members: Of the join.
        given: The number of the member all of whose leaves are the targets.
        indices: Of the join's samples.
    """
    return [
        dict(enumerate(member.columns(indices))) if number == given else member.targets(indices)
        for number, member in enumerate(members)
    ]


def rows_of(
    parts: Sequence[MultiInputSequence], positions: Sequence[Indices | None]
) -> tuple[AnyRows, ...]:
    """Returns the rows that the samples of all parts were made of, in the join's order."""
    return joined(
        rows if mine is None else rows.of(mine)
        for part, mine in zip(parts, positions, strict=True)
        for rows in part._source_rows
    )
