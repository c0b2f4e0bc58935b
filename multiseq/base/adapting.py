"""What a sequence learns from its own samples."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, cast

import numpy as np

from ..engine.job import Source, blame
from ..errors import ArgumentError, SampleError, naming
from ..order import Indices
from ..pipeline import Pipeline
from ..transforms import Exchange, Transform, afresh, distinct, learn, learn_rows
from ..transforms.learning import rows_at_once, there
from ..transforms.steps import Chain, stages_of
from .families import Family
from .making import Making
from .views import alive
from .weighing import Weighing

__all__ = ["Adapting"]

_log = logging.getLogger("multiseq")
_SHOWN = 5


class Adapting(Weighing, Making):
    """The side of a sequence that learns transforms, and shares them with its parts."""

    def close(self) -> None:
        """Ends the workers; a subclass does it."""
        raise NotImplementedError

    def adapt(self, progress: bool = True) -> None:
        """Learns this sequence's transforms from its own samples: call it on the training split.

        The parts of a split share their transforms, so validation and test use what was learned
        from training: batches that they read ahead before are dropped. Nobody else is fed
        something new: a subset, and whoever learns what another sequence has learned already,
        learns copies, which its own `transforms` shows. An object that serves several inputs
        learns from all of them. A sequence without such transforms learns nothing.

        Args:
            progress: Whether to show a progress bar.

        Raises:
            ArgumentError: This is a part of a split other than the first: held out, so that nothing
                is learned from it. Or transforms that must be copied are not found among the
                attributes of a sequence of your own.
            SampleError: A sample could not be loaded, or cannot be learned from. Where `on_error`
                substitutes samples, those that cannot be loaded are left out.
        """
        if self._held_out:
            raise ArgumentError(
                "validation and test are not to be learned from",
                got="a part of a split that is not the first",
                fix="call adapt() on the first part: the others share what it learns",
            ).at(cls=self.called)
        self.close()
        try:
            self._make_own()
            with naming(self.called):
                self._learn_all("adapt" if progress else None)
            self._family.taught = self._distinct()
        finally:
            self._close_sharing()

    def _close_sharing(self) -> None:
        """Has those who are fed by what was learned drop what they read ahead."""
        learned = set(map(id, self._distinct()))
        for other in _sequences():
            if learned & set(map(id, other._distinct())):
                other.close()

    def _learn_all(self, progress: str | None) -> None:
        stages = self._stages()
        _check_stages(stages)
        for transform in self._distinct():
            transform.reset()
        indices = self.source_indices(np.arange(self.num_samples))
        for number, learners in enumerate(stages):
            with afresh(learners):
                self.learn_stage(number, indices, progress)

    def _stages(self) -> list[list[tuple[Any, Transform]]]:
        """Who learns when, each with the name of an input: first what the class itself applies."""
        return stages_of(self._own_chains()) + self._given_stages

    @property
    def _given_stages(self) -> list[list[tuple[Any, Transform]]]:
        return [] if self._pipeline is None else self._pipeline.stages

    def _own_chains(self) -> dict[Any, Chain]:
        """What the class itself applies in `load_sample`, by name.

        Written where that is more than what learns.
        """
        given = {} if self._pipeline is None else self._pipeline.transforms
        own = self.transforms.items()
        return {name: _as_chain(each) for name, each in own if given.get(name) is not each}

    def learn_stage(self, stage: int, indices: Indices, progress: str | None) -> None:
        """Lets those learn whose turn it is.

        Args:
            stage: Their number among `_stages`.
            indices: Of the samples to learn from, as `load_sample` takes them.
            progress: What a progress bar is called; None for no bar.
        """
        own = len(self._stages()) - len(self._given_stages)
        if stage < own:
            self.learn_transforms(stage, indices, progress)
        elif self._pipeline is not None and stage < own + len(self._given_stages):
            self._learn_given(self._pipeline, stage - own, indices, progress)

    def _learn_given(
        self, pipeline: Pipeline, stage: int, indices: Indices, progress: str | None
    ) -> None:
        """Learns what `transforms=` gave: of targets alone, if these are known by themselves."""
        learners = dict(pipeline.stages[stage])
        first = self._target_rows(indices[:1])
        if first is not None and stage == 0:
            pipeline.declare(first)

        def one(index: int) -> Mapping[str, Any]:
            return pipeline.values_of(stage, self._loaded(index, None))

        def rows(chosen: Indices) -> Mapping[str, Any]:
            return pipeline.values_of_rows(stage, self.load_batch(chosen))

        def target_rows(chosen: Indices) -> Mapping[str, Any]:
            return pipeline.values_of_targets(stage, self._target_rows(chosen))

        if first is not None and pipeline.learns_from_targets(stage, first):
            self._learn_rows(learners, target_rows, one, indices, progress)
        elif self.loads_batches and not self.collates:
            self._learn_rows(learners, rows, one, indices, progress)
        else:
            self._learn_one_by_one(learners, one, indices, progress)

    def _learn_rows(
        self,
        learners: Mapping[Any, Transform],
        rows: Callable[[Indices], Mapping[str, Any]],
        one: Callable[[int], Mapping[str, Any]],
        indices: Indices,
        progress: str | None,
    ) -> None:
        """Learns from many samples at once; from one by one where some of them are broken."""
        lost: dict[int, SampleError] = {}

        def chunk(chosen: Indices) -> Mapping[str, Any]:
            try:
                return rows(chosen)
            except Exception:
                samples = [self._tried(one, index, lost) for index in chosen.tolist()]
            return {name: there(samples, name) for name in learners}

        learn_rows(learners, chunk, indices, progress, rows_at_once(rows(indices[:1])))
        self._report_lost(lost)

    def _make_own(self) -> None:
        """Puts copies in the place of transforms that others are fed by, and keeps them."""
        family = self._family
        if family.scope.borrows:
            self._exchange(self._distinct(), lambda other: other.scope is family.scope)
            family.scope.borrows = False
        elif taken := family.lacks(self._distinct()):
            _log.warning(
                "%s: another sequence has learned %s, and keeps it: copies learn here; see "
                ".transforms",
                self.called,
                ", ".join(map(repr, taken)),
            )
            self._exchange(taken, lambda other: other is family)
        family.claim(self._distinct())

    def _warn_of_taught(self, parts: str) -> None:
        """Reports that what is divided has learned from all of it, and so from what is held out."""
        taught = {id(each) for owner in (self, *self._made_of) for each in owner._family.taught}
        known = [each for each in self._distinct() if id(each) in taught] if taught else []
        if known and not self._held_out:
            _log.warning(
                "%s: %s learned from these samples before they were divided, so from those of "
                "%s too: call adapt() on the first part, which learns anew",
                self.called,
                ", ".join(map(repr, known)),
                parts,
            )

    @property
    def _made_of(self) -> list[Adapting]:
        """The sequences that this one is made of, and those that these are."""
        every = (*getattr(self, "parts", ()), self._looked_up)
        parts = [each for each in every if isinstance(each, Adapting)]
        return [each for part in parts for each in (part, *part._made_of) if not part._held_out]

    def _exchange(self, transforms: list[Transform], shared: Callable[[Family], bool]) -> None:
        """Puts copies in their place, in each sequence whose family shares them."""
        exchange = Exchange(transforms)
        trial = copy.copy(self)
        exchange.apply(trial)
        if exchange.misses(trial._distinct()):
            raise ArgumentError(
                "adapt() would change what other sequences are fed",
                got="transforms that are not attributes of the sequence",
                expected="copies of them to learn",
                fix="keep each at an attribute (self.scale = Standardize()), and return it from "
                "`transforms` and use it in `load_sample` from there",
            ).at(cls=self.called)
        for other in _sequences():
            if shared(other._family):
                exchange.apply(other)

    def learn_transforms(self, stage: int, indices: Indices, progress: str | None) -> None:
        """Gives the transforms what they learn from; `adapt` calls it, once they are reset.

        That is what those before them make of `raw_rows` or `raw` of the samples. Written where it
        is something else, such as rows of which each is part of many samples.

        Args:
            stage: Those that come first in their chains learn in stage 0, and so on.
            indices: Of the samples to learn from, as `load_sample` takes them.
            progress: What a progress bar is called; None for no bar.
        """
        learners = dict(stages_of(self._own_chains())[stage])
        chains = {name: _as_chain(self.transforms[name]) for name in learners}

        def one(index: int) -> Mapping[Any, Any]:
            raw = self.raw(index)
            return {name: chain.one(raw[name], stage) for name, chain in chains.items()}

        def rows(chosen: Indices) -> Mapping[Any, Any]:
            raw = self.raw_rows(chosen)
            return {name: chain.rows(raw[name], stage) for name, chain in chains.items()}

        if type(self).raw_rows is not Adapting.raw_rows:
            with naming(self.called):
                learn_rows(learners, rows, indices, progress)
        else:
            self._learn_one_by_one(learners, one, indices, progress)

    def _learn_one_by_one(
        self,
        learners: Mapping[Any, Transform],
        one: Callable[[int], Mapping[str, Any]],
        indices: Indices,
        progress: str | None,
    ) -> None:
        lost: dict[int, SampleError] = {}
        tried = partial(self._tried, one, lost=lost)
        learn(learners, tried, indices.tolist(), progress)
        self._report_lost(lost)

    def _tried(
        self, one: Callable[[int], Mapping[str, Any]], index: int, lost: dict[int, SampleError]
    ) -> Mapping[str, Any] | None:
        """Returns what is learned of a sample; None where it is lost, which is noted."""
        try:
            return one(index)
        except Exception as error:
            lost[index] = self._tolerated(error, index)
            return None

    def _report_lost(self, lost: Mapping[int, SampleError]) -> None:
        if lost:
            _log.warning(
                "%s: nothing was learned from %d samples that could not be loaded: %s",
                self.called,
                len(lost),
                ", ".join(self.locate(index)["key"] for index in list(lost)[:_SHOWN]),
            )

    def _tolerated(self, error: Exception, index: int) -> SampleError:
        """Returns the error of a sample that another one may stand in for; raises any other."""
        try:
            blame(error, cast(Source, self), "raw", index)
        except SampleError as located:
            wanted = self._settings.on_error
            if wanted == "substitute" or (callable(wanted) and wanted(located)):
                return located
            raise

    def _learners(self) -> list[tuple[Any, Transform]]:
        """The transforms of this sequence and of its parts, each with the name of an input."""
        return [learner for stage in self._stages() for learner in stage]

    def _distinct(self) -> list[Transform]:
        return distinct(transform for _, transform in self._learners())

    @property
    def transforms(self) -> Mapping[str, Any]:
        """What is learned from the training split, by the name of the input it is applied to.

        Written where `load_sample` applies transforms of its own; those of `transforms=` are added.
        """
        return {}

    @property
    def _of_inputs(self) -> set[Any]:
        """The names of those transforms that make inputs, not targets."""
        return {*self._own_chains()} | self._given_of_inputs

    @property
    def _given_of_inputs(self) -> set[Any]:
        if self._pipeline is None:
            return set()
        return self._pipeline.of_inputs(partial(self._loaded, self._source_index(0), None))

    def raw(self, index: int) -> Mapping[str, Any]:
        """Returns the values of one sample that its transforms are applied to, by their names."""
        raise NotImplementedError

    def raw_rows(self, indices: Indices) -> Mapping[str, Any]:
        """The same of several samples, each value with a leading axis of samples.

        Written where they are at hand together; `raw` need not be written then.

        Args:
            indices: As `load_sample` takes them.
        """
        raise NotImplementedError


def _as_chain(transform: Any) -> Chain:
    return transform if isinstance(transform, Chain) else Chain([transform])


def _check_stages(stages: Sequence[Sequence[tuple[Any, Transform]]]) -> None:
    """Raises ArgumentError where one object would learn twice: the second time afresh."""
    seen: dict[int, tuple[int, Any]] = {}
    for number, learners in enumerate(stages):
        for name, transform in learners:
            first, other = seen.setdefault(id(transform), (number, name))
            if first != number:
                raise ArgumentError(
                    f"{name!r} and {other!r} share a transform, and one learns after the other",
                    got=transform,
                    fix="give each an object of its own",
                )


def _sequences() -> list[Adapting]:
    """Those that are whole: one whose constructor failed may live on in an error's traceback."""
    return [each for each in alive() if isinstance(each, Adapting) and each._made]
