"""`join`: sequences put together by key, never by position."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, Unpack

import numpy as np

from .augmenting import Augmentation
from .encoding import EncodingJoin
from .errors import SampleError, few
from .filling import FilledMember, check_filling, report_filled, settle
from .keys.aligning import align_keys, align_left
from .keys.targets import Targets
from .members import ArrayMember, Member, Origin, SequenceMember, targets_of, times_of
from .merging import (
    Looks,
    check_parts,
    label_indexes_of,
    merged_inputs,
    named_transforms,
    one_of,
    rows_of,
    told_apart,
)
from .order import Draw, Indices, Sampler
from .pipeline import names_given
from .samples import Leaves, Sample, Spec, Structure
from .sequence import MultiInputSequence
from .settings import BaseKeywords
from .telling import check_learned, masks_among, with_masks
from .transforms import Transform

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["JoinedSequence", "join"]

_log = logging.getLogger("multiseq")


class _Join(Protocol):
    """`join` for type checkers: what is none of these keywords must be a sequence."""

    def __call__(
        self,
        *parts: MultiInputSequence,
        targets: Any = ...,
        sample_weight: Any = ...,
        how: Literal["strict", "inner", "left"] = ...,
        fill: Any = ...,
        mask: bool | MultiInputSequence = ...,
        batch_size: int = ...,
        shuffle: bool = ...,
        seed: int | None = ...,
        drop_last: bool = ...,
        sampler: Sampler | None = ...,
        workers: int | Literal["auto"] = ...,
        use_multiprocessing: bool = ...,
        cluster: str | None = ...,
        max_queue_size: int | None = ...,
        augment: Augmentation | None = ...,
        augment_batch: Callable[[Any, np.random.Generator], Any] | None = ...,
        augmented: bool = ...,
        on_error: str | Callable[[SampleError], bool] = ...,
        max_errors: int = ...,
        timeout: float | None = ...,
        spec: Any = ...,
        transforms: Any = ...,
        missing: Any = ...,
        map: Callable[[Sample], Sample] | None = ...,
        class_weight: Mapping[Any, Any] | str | None = ...,
        name: str | None = ...,
        **named_parts: MultiInputSequence,
    ) -> JoinedSequence: ...


def _typed(function: Callable[..., JoinedSequence]) -> _Join:
    return function


@_typed
def join(
    *parts: MultiInputSequence,
    targets: Any = None,
    sample_weight: Any = None,
    how: Literal["strict", "inner", "left"] = "strict",
    fill: Any = None,
    mask: bool | MultiInputSequence = False,
    **named_parts: Any,
) -> JoinedSequence:
    """Joins sequences by the keys of their samples.

    A keyword part gives one input by that name; a positional part brings its own input names.
    Where no input has a name, inputs are a tuple in the order of the parts.

    Args:
        *parts: Sequences whose inputs keep their names.
        targets: An array (in the order of the keys), a Series or a dict of single values (by
            key), a dict of those by output name, or a sequence whose inputs are the targets; a
            dict of sequences too. By default the targets of the parts.
        sample_weight: The same.
        how: "strict" if every part must have every key; "inner" to keep the keys that all have,
            targets and weights included, and report the others (see `JoinedSequence.dropped`);
            "left" to keep all of the first part, in its order, and fill the inputs of other parts
            for keys that these lack (see `JoinedSequence.filled`). Filled are inputs alone, as the
            model gets them, after transforms: nothing is learned from them, and nothing in them is
            augmented. Targets and weights must have every key.
        fill: With "left", the value of what is missing: a number, or text; or an array of one
            sample; or a dict of these by input. By default 0, or what the part pads with, or "".
            Along an axis of any length it is one long, then padded. `mask_zero=True` of Keras'
            `Embedding`, or `Masking(value)`, then masks it. Where all steps of a sample are masked,
            Keras' `GlobalAveragePooling1D` gives NaN: fill ids with that of an unknown token, such
            as `fill={"caption": 1}`.
        mask: With "left", whether each input of the other parts has one more beside it, called
            "<input>_present": 1.0 where it is there and 0.0 where it was filled, of shape (n,).
        **named_parts: Sequences by input name, and the keywords of `MultiInputSequence`. Those of
            the parts, such as their batch_size, shuffle and workers, play no role.

    Returns:
        A sequence whose keys are those of the first part, in its order.

    Raises:
        AlignmentError: Keys differ under "strict", or are of different kinds; or targets lack keys.
        ArgumentError: Input names clash, or it is not clear which targets are meant; or `fill` does
            not fit an input, once there are samples to compare it with.
    """
    if isinstance(mask, MultiInputSequence):  # Such as albumentations knows by that name.
        named_parts, mask = {**named_parts, "mask": mask}, False
    named, keywords = told_apart(named_parts)
    members = [*((None, part) for part in parts), *named.items()]
    return JoinedSequence(members, targets, sample_weight, how, fill, mask, **keywords)


class JoinedSequence(Looks, EncodingJoin):
    """Several sequences as one, joined by key; made by `join`.

    The parts go on augmenting, each with random numbers of its own. To turn an image and its mask
    together, give the join an `augment`, which sees the whole sample.

    Args:
        members: (name or None, sequence) for each part.
        targets: See `join`.
        sample_weight: See `join`.
        how: See `join`.
        fill: See `join`.
        mask: See `join`.
        **keywords: Those of `MultiInputSequence`.

    Attributes:
        parts: The sequences.
        dropped: The keys that "inner" or "left" left out, by the part that has them.
    """

    def __init__(
        self,
        members: list[tuple[str | None, MultiInputSequence]],
        targets: Any = None,
        sample_weight: Any = None,
        how: Literal["strict", "inner", "left"] = "strict",
        fill: Any = None,
        mask: bool = False,
        **keywords: Unpack[BaseKeywords],
    ) -> None:
        check_filling(how, fill, mask)
        self._fill, self._masks = fill, mask
        targets, sample_weight = _joined(targets, how), _joined(sample_weight, how)
        roles = list(members)
        for role, value in (("targets", targets), ("sample_weight", sample_weight)):
            if isinstance(value, MultiInputSequence):
                roles.append((role, value))
        self._input_names = [name for name, _ in members]
        self.parts = [part for _, part in roles]
        self._part_names = names = check_parts(roles)
        every = [part.keys for part in self.parts]
        if how == "left":
            keys, needed = every[0], [n >= len(members) for n in range(len(roles))]
            rows, self.dropped = align_left(every, names, needed)
        else:
            labels = label_indexes_of(targets, sample_weight, self.parts)
            keys, rows, self.dropped = align_keys(every, names, how, labels)
        self._source_rows = rows_of(self.parts, rows)
        super().__init__(keys, **keywords)
        for name, left_out in self.dropped.items():
            _log.warning("join dropped %d keys of %s: %s", len(left_out), name, few(left_out))
        self._members = [
            FilledMember(part, positions, name, mask)
            if how == "left" and 0 < number < len(members)
            else SequenceMember(part, positions)
            for number, (part, name, positions) in enumerate(
                zip(self.parts, names, rows, strict=True)
            )
        ]
        if how == "left":
            report_filled(names, every, rows, self.dropped)
        self._held_out = any(part._held_out for part in self.parts)
        self._explicit = {
            "targets": self._add(targets, keys, "targets", names_given(keywords)),
            "sample_weight": self._add(sample_weight, keys, "sample_weight", {}),
        }

    @property
    def filled(self) -> dict[str, pd.Index[Any]]:
        """The keys of these samples that a part lacks, by part, where "left" filled any."""
        indices = self.source_indices(np.arange(self.num_samples))
        lacks = {
            member.called: ~member.has(indices)
            for member in self._members
            if isinstance(member, FilledMember)
        }
        return {name: self.keys[each] for name, each in lacks.items() if each.any()}

    def _add(self, value: Any, keys: pd.Index[Any], role: str, named: Any) -> int | None:
        """Returns the number of the member that gives explicit targets or weights."""
        if value is None:
            return None
        if isinstance(value, MultiInputSequence):
            return next(n for n, part in enumerate(self.parts) if part is value)
        targets, weights = (value, None) if role == "targets" else (None, value)
        rows = Targets(
            targets, weights, keys, self._source_rows, targets_elsewhere=True, named=named
        )
        self._members.append(ArrayMember(tuple(rows.parts)))
        return len(self._members) - 1

    @functools.cached_property
    def _plan(self) -> tuple[Structure, list[Origin]]:
        """How the leaves of the members make up a sample."""
        nested = [member.nested(number) for number, member in enumerate(self._members)]
        inputs = nested[: len(self._input_names)]
        parts = [merged_inputs(inputs, self._input_names)]
        targets, weights = self._explicit["targets"], self._explicit["sample_weight"]
        if targets is not None:
            parts.append(nested[targets][0])
        elif found := [each[1] for each in inputs if len(each) > 1]:
            parts.append(one_of(found, "targets"))
        if weights is not None:
            parts.append(nested[weights][0])
        elif targets is None and (found := [each[2] for each in inputs if len(each) > 2]):
            parts.append(one_of(found, "sample_weight"))
        settle(self._members, parts[0], parts[1:], self._fill)
        if self._masks:
            parts[0] = with_masks(parts[0], self._members)
        structure = Structure(tuple(parts))
        return structure, structure.flatten(tuple(parts))

    def _masks_given(self) -> set[Any]:
        return masks_among(*self._plan, self._members)

    def load_sample(self, index: int) -> Sample:
        """Loads the sample of each part that has this key."""
        return self._assembled(lambda _, member: member.leaves(index, None))

    def load_batch(self, indices: Indices) -> Any:
        """Loads the samples of each part, by its own fast path where it has one."""
        return self._assembled(lambda _, member: member.columns(indices))

    def target_rows(self, indices: Indices) -> Any:
        """The targets of several samples, where the parts that have them know them.

        Of a sequence that is the targets its samples are loaded, and no others.
        """
        structure, leaves = self._plan
        found = targets_of(self._members, self._explicit["targets"], indices)
        return structure.targets(lambda n: found[leaves[n].member].get(leaves[n].number))

    def _drawn(self, index: int, draw: Draw) -> Sample:
        return self._assembled(
            lambda n, member: member.leaves(index, draw.of_part(n) if member.augments else None)
        )

    def time_spans(self, indices: Indices) -> tuple[Any, Any] | None:
        """From the first to the last time of all parts that know theirs."""
        found = self._times(indices)
        return None if found is None else found[:2]

    def _times(self, indices: Indices) -> tuple[Any, Any, Any] | None:
        return times_of(self._members, indices)

    @property
    def _is_timed(self) -> bool:
        return any(part._is_timed for part in self.parts)

    def _given(self) -> tuple[Structure, list[Spec]]:
        structure, leaves = self._plan
        return structure, [self._members[leaf.member].specs[leaf.number] for leaf in leaves]

    def for_workers(self) -> Self:
        """Returns a copy with all that loading needs, of this and of the parts."""
        other = super().for_workers()
        other.dropped = {}
        return other

    def learn_stage(self, stage: int, indices: Indices, progress: str | None) -> None:
        """Lets the parts learn, then what is applied to the whole; nothing from what is filled."""
        given = stage - len(self._stages_of_parts)
        if 0 <= given < len(self._given_stages):
            names = [name for name, _ in self._given_stages[given]]
            check_learned(names, *self._plan, self._members, indices)
        super().learn_stage(stage, indices, progress)

    def _learn_parts(self, stage: int, indices: Indices, progress: str | None) -> None:
        for label, member in zip(self._part_names, self._members, strict=False):
            member.learn(stage, indices, progress and f"{progress} {label}", self.on_error)

    @property
    def transforms(self) -> dict[Any, Transform]:
        """The transforms of the parts, by input name, and of the join itself."""
        names = [*self._input_names, *[None] * (len(self.parts) - len(self._input_names))]
        parts, given = zip(names, self._part_names, self.parts, strict=True), self._given_transforms
        return {**named_transforms(list(parts), given), **given}

    def _members_at(self, leaf: str) -> list[tuple[Member, int]]:
        structure, origins = self._plan
        origin = dict(zip(structure.names, origins, strict=True)).get(leaf)
        return [] if origin is None else [(self._members[origin.member], origin.number)]

    @property
    def _of_inputs(self) -> set[Any]:
        parts = self.parts[: len(self._input_names)]
        inputs = {id(part.transforms.get(name)) for part in parts for name in part._of_inputs}
        found = {name for name, each in self.transforms.items() if id(each) in inputs}
        return found - self._given_transforms.keys() | self._given_of_inputs

    def _assembled(self, load: Callable[[int, Member], Leaves]) -> tuple[Any, ...]:
        """Returns a sample of what is loaded from each member, by its number.

        Where inputs alone are wanted, nothing is loaded from members that give none.
        """
        structure, origins = self._plan
        if self._leaves_out_targets:
            structure = structure.of_inputs()
            origins = origins[: len(structure)]
        numbers = {origin.member for origin in origins}
        leaves = {number: load(number, self._members[number]) for number in numbers}
        return structure.unflatten([leaves[origin.member][origin.number] for origin in origins])


def _joined(value: Any, how: Literal["strict", "inner", "left"]) -> Any:
    """Returns a dict of sequences as one sequence."""
    if isinstance(value, Mapping) and value:
        parts = {name: part for name, part in value.items() if isinstance(part, MultiInputSequence)}
        if len(parts) == len(value):
            # Of targets none may be missing: those that are not in all of them are not filled.
            return JoinedSequence(list(parts.items()), how="inner" if how == "left" else how)
    return value
