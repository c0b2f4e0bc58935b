"""What a join is put together from, each by the join's own indices."""

from __future__ import annotations

import abc
import copy
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _keras
from .engine.job import Layout, blame
from .keys.times import overall
from .order import Draw, Indices
from .samples import Leaves, Spec, Structure, infer_spec
from .sequence import MultiInputSequence
from .transforms import Holder

__all__ = ["ArrayMember", "Member", "Origin", "SequenceMember", "targets_of", "times_of"]


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
