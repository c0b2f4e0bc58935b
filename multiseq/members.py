"""What a join is put together from, each by the join's own indices."""

from __future__ import annotations

import abc
import copy
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _keras
from .engine.job import Layout, blame
from .errors import AlignmentError
from .keys.times import overall
from .order import Draw, Indices
from .plots.kinds import Kind
from .samples import Leaves, Spec, Structure, infer_spec
from .sequence import MultiInputSequence
from .transforms import Holder

__all__ = ["ArrayMember", "Lacking", "Member", "Origin", "SequenceMember", "targets_of", "times_of"]


Lacking = list[tuple[str, npt.NDArray[np.bool_]]]
"""What parts are called that lack samples; and which of some samples they have."""


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
    called = "values"

    @abc.abstractmethod
    def leaves(self, index: int, draw: Draw | None) -> Leaves:
        """Returns the leaves of one sample."""

    @abc.abstractmethod
    def columns(self, indices: Indices) -> Leaves:
        """Returns the leaves of several samples, each with a leading axis."""

    @property
    def kinds(self) -> Sequence[Kind | None]:
        """What the leaves stand for, where that is known."""
        return [None] * len(self.structure)

    def raw_leaves(self, index: int) -> Leaves:
        """Returns the leaves of one sample before they are transformed."""
        return self.leaves(index, None)

    def for_workers(self, number: int) -> Member:
        """Returns a copy for worker processes, where it is the member of a number."""
        return self

    def of_inputs(self) -> Member:
        """Returns a member without what follows the inputs, where that is made by itself."""
        return self

    def with_targets(self) -> Member:
        """Returns a member with what one of inputs alone leaves out."""
        return self

    def forget(self) -> None:  # noqa: B027
        """Forgets what the samples look like, which learning may change."""

    def has(self, indices: Indices) -> npt.NDArray[np.bool_]:
        """Returns for each sample whether this member has it."""
        return np.ones(len(indices), bool)

    def lacking(self, indices: Indices) -> Lacking:
        """Returns which of the samples it has, or a part of it, where some lack samples."""
        return []

    def has_leaf(self, number: int, indices: Indices) -> npt.NDArray[np.bool_]:
        """Returns which of the samples have a leaf, and not what fills it."""
        return np.ones(len(indices), bool)

    def times(self, indices: Indices) -> tuple[Any, Any, Any] | None:
        """Returns the first and the last time of samples and their zone, where they have times."""
        return None

    def targets(self, indices: Indices) -> dict[int, Any]:
        """Returns the targets of samples by the number of their leaf, where they are known."""
        return {}

    def learn(  # noqa: B027
        self, stage: int, indices: Indices, progress: str | None, on_error: Any
    ) -> None:
        """Learns those of its transforms whose turn it is; on_error says what of broken samples."""

    def steps_of(self, number: int) -> tuple[Any, ...]:
        """Returns what was done to a leaf, in order: transforms, and functions."""
        return ()

    def nested(self, member: int) -> tuple[Any, ...]:
        """Returns a sample of this member, with what each leaf is in place of its value."""
        return self.structure.unflatten([Origin(member, n) for n in range(len(self.structure))])


class SequenceMember(Holder, Member):
    """A sequence.

    Args:
        sequence: The sequence.
        positions: Of each of the join's samples in it; None for the same position. Samples for
            which it is -1 are not asked for.
    """

    _number: int | None = None

    def __init__(self, sequence: MultiInputSequence, positions: Indices | None) -> None:
        self.sequence, self._positions = sequence, positions

    @functools.cached_property
    def _layout(self) -> Layout:
        # The join's first sample: the sequence's own first may be no part of the join.
        positions = self._positions
        first = 0 if positions is None else max(0, int(positions[np.argmax(positions >= 0)]))
        sequence = self.sequence
        if first:
            sequence = sequence.replace(sampler=None).subset(slice(first, first + 1))
        return sequence.served_layout()

    @property
    def called(self) -> str:  # type: ignore[override]
        """What the sequence is called."""
        return self.sequence.called

    @property
    def augments(self) -> bool:  # type: ignore[override]
        """Whether the sequence augments."""
        return self.sequence.augments

    @property
    def loads_batches(self) -> bool:  # type: ignore[override]
        """Whether the sequence has a fast path."""
        return self.sequence.loads_batches

    @property
    def kinds(self) -> Sequence[Kind | None]:
        """What the sequence's leaves stand for."""
        return list(map(self.sequence._kinds_as_served.get, self.structure.names))

    @property
    def structure(self) -> Structure:  # type: ignore[override]
        """How the sequence's samples are nested."""
        return self._layout.structure

    @property
    def specs(self) -> Sequence[Spec]:  # type: ignore[override]
        """The specs of their leaves."""
        return self._layout.specs

    def forget(self) -> None:
        """Forgets what the samples look like."""
        self.__dict__.pop("_layout", None)

    def of_inputs(self) -> SequenceMember:
        """Returns the member of a sequence that predicts."""
        other = SequenceMember(self.sequence.for_prediction(), self._positions)
        if "_layout" in vars(self):
            structure = self.structure.of_inputs()
            other._layout = Layout(structure, self.specs[: len(structure)])
        return other

    def with_targets(self) -> SequenceMember:
        """Returns the member of the same sequence in source order, with its targets."""
        return SequenceMember(self.sequence._in_source_order(), self._positions)

    def for_workers(self, number: int) -> SequenceMember:
        """Returns a copy for worker processes, where errors tell the part by its number."""
        other = copy.copy(self)
        other.sequence, other._number = self.sequence.for_workers(), number
        return other

    def source_indices(self, indices: Indices) -> Indices:
        """Returns the indices that the sequence's `load_sample` takes."""
        positions = indices if self._positions is None else self._positions[indices]
        return self.sequence.source_indices(positions)

    def lacking(self, indices: Indices) -> Lacking:
        """Returns which of the samples parts of the sequence have, where some lack samples."""
        return self.sequence._lacking(self.source_indices(indices))

    def has_leaf(self, number: int, indices: Indices) -> npt.NDArray[np.bool_]:
        """Returns which of the samples of the sequence have a leaf, and not what fills it."""
        return self.sequence._has_leaf(self.structure.names[number], self.source_indices(indices))

    def times(self, indices: Indices) -> tuple[Any, Any, Any] | None:
        """Returns the first and the last time of samples and their zone, where they have times."""
        return self.sequence._times(self.source_indices(indices))

    def targets(self, indices: Indices) -> dict[int, Any]:
        """Returns the targets of samples by the number of their leaf, where they are known."""
        keys = self.structure.keys("targets")
        rows = None if keys is None else self.sequence.made_targets(self.source_indices(indices))
        if rows is None or keys is None:
            return {}
        leaves = [rows[key] for key in keys] if keys else [rows]
        return dict(enumerate(leaves, len(self.structure.of_inputs())))

    def steps_of(self, number: int) -> tuple[Any, ...]:
        """Returns what the sequence did to a leaf, in order."""
        return self.sequence._steps_through(self.structure.names[number])

    def learn(self, stage: int, indices: Indices, progress: str | None, on_error: Any) -> None:
        """Learns the sequence's transforms; what happens to broken samples is the join's to say."""
        learner = self.sequence.replace(on_error=on_error)
        learner.learn_stage(stage, self.source_indices(indices), progress)

    def leaves(self, index: int, draw: Draw | None) -> Leaves:
        """Returns the leaves of one sample."""
        own = int(self.source_indices(np.array([index]))[0])
        try:
            return self.structure.flatten(self.sequence.make_sample(own, draw))
        except Exception as error:
            blame(error, self.sequence, "load_sample", own, self._number)

    def raw_leaves(self, index: int) -> Leaves:
        """Returns the leaves of one sample before they are transformed.

        Weights that masking makes of targets are not among them yet: these are None.
        """
        own = int(self.source_indices(np.array([index]))[0])
        found = self.sequence._raw_leaves(own)
        return [found.get(name) for name in self.structure.names]

    def columns(self, indices: Indices) -> Leaves:
        """Returns the leaves of several samples, each with a leading axis."""
        if self.sequence.loads_batches:
            return self.columns_at(indices if self._positions is None else self._positions[indices])
        rows = [self.leaves(index, None) for index in indices.tolist()]
        return [list(column) for column in zip(*rows, strict=True)]

    def columns_at(self, positions: Indices) -> Leaves:
        """The same by positions in the sequence, of one that has a fast path."""
        rows = self.sequence.make_batch(self.sequence.source_indices(positions))
        return self.structure.flatten(rows)


class ArrayMember(Member):
    """Targets or weights given as arrays, a row for each of the join's samples."""

    def __init__(self, parts: tuple[Any, ...]) -> None:
        self.structure = Structure(parts)
        self._arrays = self.structure.flatten(parts)
        self.specs = [_spec(array) for array in self._arrays]

    def leaves(self, index: int, draw: Draw | None) -> Leaves:
        """Returns the leaves of one sample."""
        return [array[index] for array in self._arrays]

    def columns(self, indices: Indices) -> Leaves:
        """Returns the leaves of several samples, each with a leading axis."""
        return [array[indices] for array in self._arrays]


def _spec(array: Any) -> Spec:
    if array.dtype == object:  # Which steps of the join make numbers of.
        return Spec((), "U")
    return infer_spec(np.asarray(array[0]), _keras.floatx())


def times_of(members: Sequence[Member], indices: Indices) -> tuple[Any, Any, Any] | None:
    """Returns the first and the last time of samples over all members, and their zone.

    Raises:
        ArgumentError: Times of two members cannot be compared.
        AlignmentError: No member knows the times of a sample.
    """
    found, known = [], np.zeros(len(indices), bool)
    for member in members:
        if (times := member.times(indices)) is not None:
            found.append(times)
            known |= member.has(indices)
    if not found:
        return None
    if not known.all():
        raise AlignmentError(
            f"{int((~known).sum())} of {len(indices)} samples have no time",
            got="times of parts that lack these samples",
            fix="split by times that all have: by_time=a Series with the samples' keys",
        )
    first, last, zones = zip(*found, strict=True)
    zone = overall(zones, [times.dtype for times in first])
    # One that lacks a sample says NaN, NaT, or a number beyond all others.
    return np.fmin.reduce(first), np.fmax.reduce(last), zone


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
