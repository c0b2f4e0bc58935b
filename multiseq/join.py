"""`join`: sequences put together by key, never by position."""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, Unpack

from . import _keras
from .augmenting import Augmentation
from .engine.job import Layout
from .engine.layout import batch_of_one, infer_layout
from .errors import ArgumentError, SampleError, few
from .keys.aligning import align_keys
from .keys.targets import Targets
from .members import ArrayMember, Member, Origin, SequenceMember, targets_of, times_of
from .merging import (
    check_parts,
    label_indexes_of,
    merged_inputs,
    named_transforms,
    one_of,
    rows_of,
)
from .order import Draw, Indices, Sampler
from .samples import Leaves, Sample, Structure
from .sequence import MultiInputSequence
from .settings import BaseKeywords
from .transforms import Transform
from .weights import Weighting

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
        how: Literal["strict", "inner"] = ...,
        batch_size: int = ...,
        shuffle: bool = ...,
        seed: int | None = ...,
        drop_last: bool = ...,
        sampler: Sampler | None = ...,
        workers: int = ...,
        use_multiprocessing: bool = ...,
        cluster: str | None = ...,
        max_queue_size: int | None = ...,
        augment: Augmentation | None = ...,
        augmented: bool = ...,
        on_error: str | Callable[[SampleError], bool] = ...,
        max_errors: int = ...,
        timeout: float | None = ...,
        spec: Any = ...,
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
    how: Literal["strict", "inner"] = "strict",
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
            targets and weights included, and report the others (see `JoinedSequence.dropped`).
        **named_parts: Sequences by input name, and the keywords of `MultiInputSequence`. Those of
            the parts, such as their batch_size, shuffle and workers, play no role.

    Returns:
        A sequence whose keys are those of the first part, in its order.

    Raises:
        AlignmentError: Keys differ under "strict", or are of different kinds.
        ArgumentError: Input names clash, or it is not clear which targets are meant.
    """
    named = {k: v for k, v in named_parts.items() if isinstance(v, MultiInputSequence)}
    keywords = {k: v for k, v in named_parts.items() if k not in named}
    _check_keywords(named, keywords)
    members = [*((None, part) for part in parts), *named.items()]
    return JoinedSequence(members, targets, sample_weight, how, **keywords)


class JoinedSequence(MultiInputSequence):
    """Several sequences as one, joined by key; made by `join`.

    The parts go on augmenting, each with random numbers of its own. To turn an image and its mask
    together, give the join an `augment`, which sees the whole sample.

    Args:
        members: (name or None, sequence) for each part.
        targets: See `join`.
        sample_weight: See `join`.
        how: See `join`.
        **keywords: Those of `MultiInputSequence`.

    Attributes:
        parts: The sequences.
        dropped: The keys that "inner" left out, by the part that has them.
    """

    def __init__(
        self,
        members: list[tuple[str | None, MultiInputSequence]],
        targets: Any = None,
        sample_weight: Any = None,
        how: Literal["strict", "inner"] = "strict",
        **keywords: Unpack[BaseKeywords],
    ) -> None:
        targets, sample_weight = _joined(targets, how), _joined(sample_weight, how)
        roles = list(members)
        for role, value in (("targets", targets), ("sample_weight", sample_weight)):
            if isinstance(value, MultiInputSequence):
                roles.append((role, value))
        self._input_names = [name for name, _ in members]
        self.parts = [part for _, part in roles]
        self._part_names = names = check_parts(roles)
        labels = label_indexes_of(targets, sample_weight, self.parts)
        every = [part.keys for part in self.parts]
        keys, rows, self.dropped = align_keys(every, names, how, labels)
        self._source_rows = rows_of(self.parts, rows)
        super().__init__(keys, **keywords)
        for name, left_out in self.dropped.items():
            _log.warning("join dropped %d keys of %s: %s", len(left_out), name, few(left_out))
        self._members: list[Member] = [
            SequenceMember(part, positions)
            for part, positions in zip(self.parts, rows, strict=True)
        ]
        self._explicit = {
            "targets": self._add(targets, keys, "targets"),
            "sample_weight": self._add(sample_weight, keys, "sample_weight"),
        }

    def _add(self, value: Any, keys: pd.Index[Any], role: str) -> int | None:
        """Returns the number of the member that gives explicit targets or weights."""
        if value is None:
            return None
        if isinstance(value, MultiInputSequence):
            return next(n for n, part in enumerate(self.parts) if part is value)
        targets, weights = (value, None) if role == "targets" else (None, value)
        rows = Targets(targets, weights, keys, self._source_rows, targets_elsewhere=True)
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
        structure = Structure(tuple(parts))
        return structure, structure.flatten(tuple(parts))

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

    def make_sample(self, index: int, draw: Draw | None) -> Sample:
        """Loads and augments the sample of each part, then augments the whole."""
        if draw is None:
            return self.load_sample(index)
        sample = self._assembled(
            lambda n, member: member.leaves(index, draw.of_part(n) if member.augments else None)
        )
        if not self._augments_itself:
            return sample
        return self._augmented(sample, index, draw)

    def time_spans(self, indices: Indices) -> tuple[Any, Any] | None:
        """From the first to the last time of all parts that know theirs."""
        found = self._times(indices)
        return None if found is None else found[:2]

    def _times(self, indices: Indices) -> tuple[Any, Any, Any] | None:
        return times_of(self._members, indices)

    @property
    def _is_timed(self) -> bool:
        return any(part._is_timed for part in self.parts)

    @property
    def augments(self) -> bool:
        """Whether this or a part augments."""
        parts = self._settings.augmented and any(member.augments for member in self._members)
        return self._augments_itself or parts

    @property
    def loads_batches(self) -> bool:
        """Whether a part has a fast path."""
        return any(member.loads_batches for member in self._members)

    def make_layout(self) -> Layout:
        """The parts' layouts, put together."""
        structure, leaves = self._plan
        theirs = [self._members[leaf.member].specs[leaf.number] for leaf in leaves]
        mine = structure.align(self._declared)
        class_weight, floatx = self._settings.class_weight, _keras.floatx()
        if self._augments_itself:
            # It may change shapes and dtypes; only which axes vary cannot be seen in one sample.
            declared = [
                own or (spec if None in spec.shape else None)
                for own, spec in zip(mine, theirs, strict=True)
            ]
            draw, nested = Draw(self._settings.seed, 0), structure.unflatten(declared)
            return infer_layout(self, self._source_index(0), nested, class_weight, draw, floatx)
        specs = [own or spec for own, spec in zip(mine, theirs, strict=True)]
        first = functools.partial(self._first, structure)
        weighting = Weighting.of(structure, specs, class_weight, floatx, self.target_chunks, first)
        return Layout(structure, specs, weighting)

    def _first(self, structure: Structure) -> Sample:
        return batch_of_one(structure, self.load_sample(self._source_index(0)))

    def for_workers(self) -> Self:
        """Returns a copy with all that loading needs, of this and of the parts."""
        other = super().for_workers()
        other._members = [member.for_workers() for member in self._members]
        other.parts, other.dropped = [], {}
        return other

    def learn_transforms(self, indices: Indices, progress: str | None) -> None:
        """Lets each part learn, of its samples among these."""
        for label, member in zip(self._part_names, self._members, strict=False):
            shown = None if progress is None else f"{progress} {label}"
            member.learn(indices, shown, self._settings.on_error)

    def _learners(self) -> list[tuple[Any, Transform]]:
        return [learner for part in self.parts for learner in part._learners()]

    @property
    def transforms(self) -> dict[Any, Transform]:
        """The transforms of the parts, by input name."""
        names = [*self._input_names, *[None] * (len(self.parts) - len(self._input_names))]
        return named_transforms(list(zip(names, self._part_names, self.parts, strict=True)))

    @property
    def _of_inputs(self) -> set[Any]:
        parts = self.parts[: len(self._input_names)]
        inputs = {id(part.transforms[name]) for part in parts for name in part._of_inputs}
        return {name for name, transform in self.transforms.items() if id(transform) in inputs}

    def close(self) -> None:
        """Ends the workers, and forgets what the samples look like, which `adapt` may change."""
        super().close()
        self.__dict__.pop("_plan", None)
        for member in self._members:
            member.__dict__.pop("_layout", None)

    @property
    def _augments_itself(self) -> bool:
        return super().augments

    def _assembled(self, load: Callable[[int, Member], Leaves]) -> tuple[Any, ...]:
        """Returns a sample of what is loaded from each member, by its number.

        Where inputs alone are wanted, nothing is loaded from members that give none.
        """
        structure, origins = self._plan
        if self._inputs_only and not self._augments_itself:
            structure = structure.of_inputs()
            origins = origins[: len(structure)]
        numbers = {origin.member for origin in origins}
        leaves = {number: load(number, self._members[number]) for number in numbers}
        return structure.unflatten([leaves[origin.member][origin.number] for origin in origins])


def _joined(value: Any, how: Literal["strict", "inner"]) -> Any:
    """Returns a dict of sequences as one sequence."""
    if isinstance(value, Mapping) and value:
        parts = {name: part for name, part in value.items() if isinstance(part, MultiInputSequence)}
        if len(parts) == len(value):
            return JoinedSequence(list(parts.items()), how=how)
    return value


def _check_keywords(named: Mapping[str, Any], keywords: Mapping[str, Any]) -> None:
    """Raises ArgumentError where a part is no sequence, or has the name of a keyword."""
    known = inspect.signature(MultiInputSequence).parameters
    for name, value in keywords.items():
        if name not in known:
            raise ArgumentError(
                f"{name} is neither a sequence nor a keyword",
                got=value,
                expected="sequences by input name, and keywords of MultiInputSequence",
                fix="make a sequence of it, such as ArraySequence(...); or correct the name",
            )
    if clash := known.keys() & named.keys():
        raise ArgumentError(
            f"a part is called {sorted(clash)[0]!r}, which is a keyword",
            fix="give it another name; or pass it by position, with an input of that name",
        )
