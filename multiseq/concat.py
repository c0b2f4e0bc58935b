"""`concat`: sequences of the same kind of samples, one after the other."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from .base.families import Family
from .encoding import EncodingConcat
from .errors import AlignmentError, ArgumentError, describe
from .keys.times import overall
from .keys.uniting import united_keys
from .members import Lacking, Member, SequenceMember
from .merging import check_parts, named_transforms
from .order import Draw, Indices
from .plots.kinds import Kind
from .predicted import Goal
from .samples import Leaves, Sample, Spec, Structure
from .scatter import conformed, masked_as, scattered
from .sequence import MultiInputSequence
from .settings import BaseKeywords
from .transforms import Transform
from .transforms.steps import Chain

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["ConcatenatedSequence", "concat"]


def concat(
    *parts: MultiInputSequence,
    keys: Sequence[Any] | None = None,
    names: Sequence[Any] | str | None = None,
    **keywords: Unpack[BaseKeywords],
) -> ConcatenatedSequence:
    """Puts sequences one after the other: the samples of all, each under its own key.

    Samples must be alike: the same inputs and targets, with the same shapes and dtypes. What is
    learned must be the same too: the parts share each transform, and `adapt()` learns it from all.

    Args:
        *parts: The sequences. Their batch_size, shuffle, seed and workers play no role; they go on
            augmenting, each its own samples.
        keys: A label for each part, which becomes the first level of the keys, as in
            `pandas.concat`. Without, the keys of all parts must differ. Where no part has keys,
            samples are known by position.
        names: Of the levels of the keys, or of the first of them.
        **keywords: Those of `MultiInputSequence`. `spec` says what leaves are like whose shapes or
            dtypes differ between parts.

    Returns:
        A sequence of all samples, in the order of the parts.

    Raises:
        AlignmentError: Keys occur in two parts, or are of different kinds.
        ArgumentError: The parts use different transforms for one input; or, once there are
            samples to compare, differ in inputs, shapes or dtypes.
    """
    return ConcatenatedSequence(parts, keys, names, **keywords)


class ConcatenatedSequence(EncodingConcat):
    """Several sequences as one, one after the other; made by `concat` and `mix`.

    Args:
        parts: The sequences.
        keys: See `concat`.
        names: See `concat`.
        **keywords: Those of `MultiInputSequence`.

    Attributes:
        parts: The sequences.
    """

    def __init__(
        self,
        parts: Sequence[MultiInputSequence],
        keys: Sequence[Any] | None = None,
        names: Sequence[Any] | str | None = None,
        **keywords: Unpack[BaseKeywords],
    ) -> None:
        if len(parts) == 1 and isinstance(parts[0], list | tuple):
            raise ArgumentError(
                "concat takes sequences, not a list of them",
                got=describe(parts[0]),
                fix="write a star before the list: concat(*parts)",
            )
        keys = keys if keys is None or isinstance(keys, str) else list(keys)
        called = check_parts([(None, part) for part in parts], "concat")
        known = [part.keys if part._keyed else part.num_samples for part in parts]
        united = united_keys(known, called, keys, names)
        self._part_names = called if keys is None else [str(label) for label in keys]
        _check_transforms(parts, self._part_names)
        try:
            super().__init__(united, **keywords)
        except AlignmentError as error:
            labels = ", ".join(repr(f"part {n}") for n in range(len(parts)))
            error.fix = f"tell the parts apart by one more level: concat(..., keys=[{labels}])"
            raise
        # Families of their own: a part that learns by itself later changes nothing here.
        self.parts = [part.replace() for part in parts]
        for part in self.parts:
            part._family = Family()
        self._held_out = any(part._held_out for part in parts)
        self._members = [SequenceMember(part, None) for part in self.parts]
        self._ends = np.cumsum([part.num_samples for part in parts])

    @functools.cached_property
    def _plan(self) -> tuple[Structure, list[Spec], list[list[int]]]:
        """How samples are nested; what leaves are like; which of each member's leaf is which."""
        structure, names = self._members[0].structure, self._part_names
        numbers = []
        for member, name in zip(self._members, names, strict=True):
            places = {leaf: place for place, leaf in enumerate(member.structure.names)}
            if places.keys() != set(structure.names):
                raise ArgumentError(
                    "the samples of two parts are nested differently",
                    got=f"{names[0]}: {', '.join(structure.names)}; {name}: {', '.join(places)}",
                    expected="the same inputs, targets and weights, by the same names",
                )
            numbers.append([places[leaf] for leaf in structure.names])
        return structure, self._common_specs(structure, numbers), numbers

    def _common_specs(self, structure: Structure, numbers: list[list[int]]) -> list[Spec]:
        specs = []
        for place, (name, own) in enumerate(
            zip(structure.names, structure.align(self._declared), strict=True)
        ):
            theirs = [
                member.specs[leaves[place]]
                for member, leaves in zip(self._members, numbers, strict=True)
            ]
            other = next((n for n, spec in enumerate(theirs) if spec != theirs[0]), None)
            if own is None and other is not None:
                called = self._part_names
                raise ArgumentError(
                    f"two parts differ in {name}",
                    got=f"{called[0]}: {_outline(theirs[0])}; {called[other]}: "
                    f"{_outline(theirs[other])}",
                    expected="the same shape and dtype in all parts",
                    fix="give the parts the same; or, if the numbers mean the same, say what "
                    "batches hold: concat(..., spec=...), with None for an axis that varies",
                ).at(input=name)
            # What was declared is of batches, which may be made of these by transforms.
            specs.append(own if own and other is not None else theirs[0])
        return specs

    def _given(self) -> tuple[Structure, list[Spec]]:
        structure, specs, _ = self._plan
        return structure, specs

    def load_sample(self, index: int) -> Sample:
        """Loads the sample of the part that has it."""
        return self._of_member(index, None)

    def _drawn(self, index: int, draw: Draw) -> Sample:
        return self._of_member(index, draw)

    def _of_member(self, index: int, draw: Draw | None) -> Sample:
        number = int(np.searchsorted(self._ends, index, side="right"))
        member, local = self._members[number], index - self._start(number)
        own = draw.of_part(number) if draw is not None and member.augments else None
        return self._assembled(self._sorted_leaves(number, member.leaves(local, own)))

    def load_batch(self, indices: Indices) -> Any:
        """Loads the samples of each part, by its own fast path where it has one."""
        pieces = [
            (rows, self._sorted_leaves(number, self._members[number].columns(local)))
            for number, rows, local in self._by_member(indices)
        ]
        if len(pieces) == 1:
            return self._assembled(pieces[0][1])
        structure, specs, _ = self._plan
        return self._assembled(
            [
                scattered(len(indices), [(rows, leaves[k]) for rows, leaves in pieces], spec, name)
                for k, (spec, name) in enumerate(zip(specs, structure.names, strict=True))
            ]
        )

    def target_rows(self, indices: Indices) -> Any:
        """The targets of several samples, where all parts know them."""
        structure, specs, numbers = self._plan
        found = [
            (rows, self._members[number].targets(local), numbers[number])
            for number, rows, local in self._by_member(indices)
        ]

        def leaf(place: int) -> Any:
            pieces = [(rows, known.get(leaves[place])) for rows, known, leaves in found]
            if any(column is None for _, column in pieces):
                return None
            made = scattered(len(indices), pieces, specs[place], structure.names[place])
            return masked_as(made, pieces)

        return structure.targets(leaf)

    def time_spans(self, indices: Indices) -> tuple[Any, Any] | None:
        """The first and the last times of samples, where all parts know them."""
        found = self._times(indices)
        return None if found is None else found[:2]

    def _times(self, indices: Indices) -> tuple[Any, Any, Any] | None:
        rows, every = [], []
        for number, mine, local in self._by_member(indices):
            times = self._members[number].times(local)
            if times is None:
                return None
            rows.append(mine)
            every.append(times)
        first, last, zones = zip(*every, strict=True)
        order = np.argsort(np.concatenate(rows))
        zone = overall(zones, [times.dtype for times in first])
        return np.concatenate(first)[order], np.concatenate(last)[order], zone

    def _lacking(self, indices: Indices) -> Lacking:
        pieces = self._by_member(indices)
        return [each for n, _, local in pieces for each in self._members[n].lacking(local)]

    def _has_leaf(self, leaf: str, indices: Indices) -> npt.NDArray[np.bool_]:
        members, has = self._members_at(leaf), np.ones(len(indices), bool)
        for n, rows, local in self._by_member(indices) if members else ():
            member, number = members[n]
            has[rows] = member.has_leaf(number, local)
        return has

    @property
    def _is_timed(self) -> bool:
        return all(part._is_timed for part in self.parts)

    def _learn_parts(self, stage: int, indices: Indices, progress: str | None) -> None:
        for number, _, local in self._by_member(indices):
            shown = None if progress is None else f"{progress} {self._part_names[number]}"
            self._members[number].learn(stage, local, shown, self._settings.on_error)

    @property
    def _leaf_kinds(self) -> Mapping[str, Kind]:
        named = zip(self._members[0].structure.names, self._members[0].kinds, strict=True)
        return {name: kind for name, kind in named if kind is not None}

    def _raw_leaves(self, index: int) -> dict[str, Any]:
        ((number, _, local),) = self._by_member(np.array([index]))
        leaves = self._sorted_leaves(number, self._members[number].raw_leaves(int(local[0])))
        named = zip(self._plan[0].names, leaves, strict=True)
        return {name: value for name, value in named if value is not None}

    @property
    def transforms(self) -> dict[Any, Transform]:
        """Those of the parts, by input name: the same in all; and those given to the whole."""
        parts, given = [(None, self._part_names[0], self.parts[0])], self._given_transforms
        return {**named_transforms(parts, given), **given}

    def _goals_of_labels(self) -> list[Goal] | None:
        maps = self._pipeline is not None and self._pipeline.maps
        own = maps or any(map(self._is_of_target, self._names_of_steps))
        return super()._goals_of_labels() if own else self.parts[0]._goals_of_labels()

    def _members_at(self, leaf: str) -> list[tuple[Member, int]]:
        structure, _, numbers = self._plan
        if leaf not in structure.names:
            return []
        place = structure.names.index(leaf)
        pairs = zip(self._members, numbers, strict=True)
        return [(member, leaves[place]) for member, leaves in pairs]

    @property
    def _of_inputs(self) -> set[Any]:
        return self.parts[0]._of_inputs | self._given_of_inputs

    def _masks_given(self) -> set[Any]:
        return self.parts[0]._masks_given()

    def _start(self, number: int) -> int:
        return int(self._ends[number - 1]) if number else 0

    def _by_member(self, indices: Indices) -> Iterator[tuple[int, npt.NDArray[Any], Indices]]:
        """Yields each member's number that has some of the samples, which, and its own indices."""
        which = np.searchsorted(self._ends, indices, side="right")
        for number in np.unique(which).tolist():
            rows = np.flatnonzero(which == number)
            yield number, rows, indices[rows] - self._start(number)

    def _sorted_leaves(self, number: int, leaves: Leaves) -> Leaves:
        structure, specs, numbers = self._plan
        return conformed([leaves[place] for place in numbers[number]], specs, structure.names)

    def _assembled(self, leaves: Leaves) -> tuple[Any, ...]:
        structure = self._plan[0]
        if self._leaves_out_targets:
            structure = structure.of_inputs()
        return structure.unflatten(leaves[: len(structure)])


def _check_transforms(parts: Sequence[MultiInputSequence], names: Sequence[str]) -> None:
    """Raises ArgumentError where an input is not transformed alike in all parts."""
    first = parts[0].transforms
    for part, name in zip(parts[1:], names[1:], strict=True):
        other = part.transforms
        for key in first.keys() | other.keys():
            if not _is_same(first.get(key), other.get(key)):
                raise ArgumentError(
                    f"two parts use different transforms for {key!r}, so that equal values would "
                    "become different ones",
                    got=f"{names[0]}: {first.get(key)!r}; {name}: {other.get(key)!r}",
                    expected="one and the same object in all parts",
                    fix="make one, pass it to each part, and call adapt() on the whole; or pass "
                    "one that has learned as a function: its method `transform`",
                )


def _is_same(first: Transform | None, other: Transform | None) -> bool:
    """Whether two parts do the same: each has a chain of its own, of the same steps."""
    if isinstance(first, Chain) and isinstance(other, Chain):
        steps = zip(first.steps, other.steps, strict=False)
        return len(first.steps) == len(other.steps) and all(mine is its for mine, its in steps)
    return first is other


def _outline(spec: Spec) -> str:
    padded = f", padded with {spec.pad_value} to {spec.max_length}" if None in spec.shape else ""
    return f"{spec.shape} {np.dtype(spec.dtype).name}{padded}"
