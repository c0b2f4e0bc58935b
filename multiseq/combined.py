"""What sequences that are made of others share: joined side by side, or one after the other."""

from __future__ import annotations

import abc
import functools
import hashlib
import itertools
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from . import _keras
from .engine.job import Layout
from .engine.layout import batch_of_one, infer_layout
from .members import Member
from .order import Draw, Indices
from .predicted import Goal
from .samples import Sample, Spec, Structure
from .sequence import MultiInputSequence
from .transforms import Transform
from .weights import Weighting

__all__ = ["CombinedSequence"]


class CombinedSequence(MultiInputSequence):
    """A sequence made of others. A subclass sets `parts` and `_members` after `super().__init__`.

    Attributes:
        parts: The sequences.
    """

    parts: list[MultiInputSequence]
    _members: list[Member]
    _part_names: Sequence[str] = ()  # Where each has a name of its own.
    _filled_hashed: tuple[Any, str] = None, ""  # Of which keys; and what.

    @abc.abstractmethod
    def _given(self) -> tuple[Structure, list[Spec]]:
        """Returns how samples are nested, and the specs of their leaves as the parts have them."""

    @abc.abstractmethod
    def _drawn(self, index: int, draw: Draw) -> Sample:
        """Returns a sample of the parts, each of which augments what is its own."""

    @abc.abstractmethod
    def _learn_parts(self, stage: int, indices: Indices, progress: str | None) -> None:
        """Lets those of the parts' transforms learn whose turn it is."""

    def _loaded(self, index: int, draw: Draw | None) -> Sample:
        """Loads and augments the sample of each part."""
        return self.load_sample(index) if draw is None else self._drawn(index, draw)

    @abc.abstractmethod
    def _members_at(self, leaf: str) -> list[tuple[Member, int]]:
        """Returns who gives a leaf, by its full name, and its number there.

        These are several where they lie one after the other, and nobody where the whole makes it.
        """

    def _has_leaf(self, leaf: str, indices: Indices) -> npt.NDArray[np.bool_]:
        for member, number in self._members_at(leaf):
            return member.has_leaf(number, indices)
        return super()._has_leaf(leaf, indices)

    def _steps_at(self, leaf: str) -> tuple[Any, ...]:
        theirs = [member.steps_of(number) for member, number in self._members_at(leaf)[:1]]
        return sum(theirs, ()) + super()._steps_at(leaf)

    def _check_divides(self) -> None:
        for part in self.parts:
            part._check_divides()

    def _order_hashed(self) -> dict[str, str]:
        """Those of the parts too, whose pairs are drawn by labels."""
        theirs = [(number, part._order_hashed()) for number, part in enumerate(self.parts)]
        named = {f"{name} of part {number}": each[name] for number, each in theirs for name in each}
        return super()._order_hashed() | named

    @property
    def _named_parts(self) -> list[tuple[str, Any]]:
        names = self._part_names or [part.called for part in self.parts]
        return list(zip(names, self.parts, strict=False))

    @property
    def _masks_targets(self) -> bool:
        """Whether targets of this or of a part may be missing."""
        return super()._masks_targets or any(part._masks_targets for part in self.parts)

    @property
    def _maps(self) -> bool:
        """Whether a function makes others of samples, here or in a part."""
        return super()._maps or any(part._maps for part in self.parts)

    @property
    def _names_of_steps(self) -> list[Any]:
        """Those that are its own: `_steps_at` has those of the parts from them."""
        return [] if self._pipeline is None else self._pipeline.names

    @property
    def _goals_elsewhere(self) -> Sequence[Goal]:
        """What is known of targets that these samples lack, here or in parts that agree."""
        if self._known_goals:
            return self._known_goals
        goals = [goal for part in self.parts for goal in part._goals_elsewhere]
        found = {goal.key: goal for goal in goals}
        agree = all(goal == found[goal.key] for goal in goals)
        if not goals or not agree or self._given()[0].keys("targets") is not None:
            return ()
        return tuple(found.values())

    def _target_steps_before_map(self) -> dict[Any, tuple[Any, ...]]:
        structure, _ = self._given()
        keys = structure.keys("targets")
        names = [] if keys is None else structure.names[len(structure.of_inputs()) :]
        pairs = zip(keys or (None,), names, strict=False)  # Weights may follow.
        return {key: self._steps_at(name) for key, name in pairs}

    def _keys_hashed(self) -> str:
        """A hash of the keys, and of which of them parts lack: it is other data if these change."""
        known = super()._keys_hashed()
        if self._filled_hashed[0] is not self.keys:
            filled = [known.encode()]
            for called, has in self._lacking(self.source_indices(np.arange(self.num_samples))):
                filled += [called.encode(), np.packbits(has).tobytes()]
            if len(filled) > 1:
                known = hashlib.blake2b(b"\0".join(filled), digest_size=16).hexdigest()
            self._filled_hashed = self.keys, known
        return self._filled_hashed[1]

    @property
    def augments(self) -> bool:
        """Whether this or a part augments."""
        parts = self._settings.augmented and any(member.augments for member in self._members)
        return super().augments or parts

    @property
    def loads_batches(self) -> bool:
        """Whether a part has a fast path."""
        return any(member.loads_batches for member in self._members)

    def make_layout(self) -> Layout:
        """The parts' layouts, put together."""
        if self._pipeline is not None:
            return super().make_layout()
        structure, theirs = self._given()
        mine = structure.align(self._declared)
        class_weight = None if self._leaves_out_targets else self._class_weight
        floatx = _keras.floatx()
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
        chunks, one_hot = self.target_chunks, self.one_hot_targets
        weighting = Weighting.of(structure, specs, class_weight, floatx, chunks, first, one_hot)
        return Layout(structure, specs, weighting)

    def _loaded_specs(self) -> dict[str, Spec]:
        structure, theirs = self._given()
        return dict(zip(structure.names, theirs, strict=True))

    def _first(self, structure: Structure) -> Sample:
        return batch_of_one(structure, self.load_sample(self._source_index(0)))

    def _emptied(self, n: int) -> Self:
        other = super()._emptied(n)
        other.__dict__.pop("_plan", None)
        return other

    def for_prediction(self) -> Self:
        """As of any sequence; the parts leave out their targets too."""
        other = super().for_prediction()
        if other._leaves_out_targets:
            other._members = [member.of_inputs() for member in self._members]
            other.__dict__.pop("_plan", None)
        return other

    def _in_source_order(self) -> Self:
        other = super()._in_source_order()
        if self._leaves_out_targets:
            other._members = [member.with_targets() for member in self._members]
            other.__dict__.pop("_plan", None)
        return other

    def for_workers(self) -> Self:
        """Returns a copy with all that loading needs, of this and of the parts."""
        other = super().for_workers()
        other._members = [each.for_workers(number) for number, each in enumerate(self._members)]
        other.parts = []
        return other

    def learn_stage(self, stage: int, indices: Indices, progress: str | None) -> None:
        """Lets the parts learn, of their samples among these; then what is applied to the whole."""
        if stage < len(self._stages_of_parts):
            self._learn_parts(stage, indices, progress)
        else:
            super().learn_stage(stage, indices, progress)

    def _stages(self) -> list[list[tuple[Any, Transform]]]:
        return self._stages_of_parts + self._given_stages

    @property
    def _stages_of_parts(self) -> list[list[tuple[Any, Transform]]]:
        stages = itertools.zip_longest(*(part._stages() for part in self.parts), fillvalue=[])
        return [[learner for learners in stage for learner in learners] for stage in stages]

    @property
    def _given_transforms(self) -> dict[Any, Transform]:
        return {} if self._pipeline is None else self._pipeline.transforms

    def close(self) -> None:
        """Ends the workers, and forgets what the samples look like, which `adapt` may change."""
        super().close()
        self.__dict__.pop("_plan", None)
        for member in self._members:
            member.forget()
