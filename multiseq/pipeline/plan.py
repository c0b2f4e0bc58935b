"""What the values of each input and target go through, between loading and augmentation."""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import ArgumentError, at_input
from ..samples import Sample, Structure
from ..transforms import Holder, Transform
from ..transforms.given import as_chains, check_function
from ..transforms.learned import steps_of
from ..transforms.learning import ABSENT
from ..transforms.steps import Chain, shown, stages_of
from .absence import Absence, check_masked, guarded
from .mapping import Kept, all_mapped, kept_of
from .masking import Masked, key_of_target, with_weights
from .naming import Named, found, is_target, labels, means

__all__ = ["Pipeline"]

Planned = list[tuple[int, str, Chain, Any]]
Plan = tuple[Structure, Planned]
"""How samples are nested; and of each chain: its leaf's number and full name, and its own."""


class Pipeline(Holder):
    """The steps of a sequence's inputs and targets, by the names that the user gave.

    Which input or target a name means is known when the first sample is.

    Args:
        transforms: What was given: steps by name, or the steps of the only input.
        function: Of a whole sample, which follows them; None for none.
        absence: What becomes of missing values, before the transforms.

    Attributes:
        kept: What the function hands on, once somebody has asked.

    Raises:
        ArgumentError: It holds what is no step, or the function is none.
    """

    def __init__(
        self,
        transforms: Any,
        function: Callable[[Sample], Sample] | None,
        absence: Absence,
    ) -> None:
        given = transforms if isinstance(transforms, Mapping) else {"inputs": transforms}
        if function is not None:
            check_function("map", function)
        self._function = function
        self._absence = absence
        self._transformed = set(given)
        self._chains = absence.before(as_chains(given))
        self._plans: dict[Any, Plan] = {}
        self.kept: dict[str, Kept | None] | None = None

    def __copy__(self) -> Pipeline:
        other = type(self).__new__(type(self))
        # Plans of its own: those found later are of its own chains.
        vars(other).update({**vars(self), "_plans": dict(self._plans)})
        return other

    @classmethod
    def of(cls, transforms: Any, function: Any, missing: Any) -> Pipeline | None:
        """Returns a pipeline; None where there is nothing to do."""
        absence = Absence(missing)
        none = transforms is None or (isinstance(transforms, Mapping) and not steps_of(transforms))
        if none and function is None and not absence:
            return None
        return cls({} if none else transforms, function, absence)

    @property
    def maps(self) -> bool:
        """Whether a function of the whole sample follows the transforms, and may change all."""
        return self._function is not None

    @property
    def unmapped(self) -> Pipeline:
        """A copy without the function of the whole sample."""
        other = copy.copy(self)
        other._function = None
        return other

    @property
    def function(self) -> Any:
        """The function of the whole sample; None without one."""
        return self._function

    def keeps(self, sample: Sample) -> dict[str, Kept | None]:
        """Returns what the function of the whole sample hands on of one that was loaded."""
        return kept_of(self._function, self.unmapped.sample(sample))  # type: ignore[arg-type]

    @property
    def masks(self) -> bool:
        """Whether targets may be missing, and have weight 0 then."""
        return any(isinstance(chain, Masked) for chain in self._chains.values())

    def steps(self, name: Any) -> tuple[Any, ...] | None:
        """Returns what one name stands for, in order; None where it has no steps."""
        chain = self._chains.get(name)
        return None if chain is None else chain.steps

    def input_steps(self, name: Any, steps: tuple[Any, ...]) -> tuple[Any, ...]:
        """Returns the steps of an input, with what was said of all inputs in front.

        Args:
            name: Under which it has steps of its own; None for none.
            steps: Those.
        """
        made = self._absence.of_rest(Chain(steps), name)
        return steps if made is None else made.steps

    @property
    def names(self) -> list[Any]:
        """The names that have steps."""
        return list(self._chains)

    @property
    def transforms(self) -> dict[Any, Transform]:
        """What learns, by name."""
        return shown(self._chains)

    @property
    def stages(self) -> list[list[tuple[Any, Transform]]]:
        """Who learns when; see `stages_of`."""
        return stages_of(self._chains)

    def of_inputs(self, first: Callable[[], Sample]) -> set[Any]:
        """Returns the names of inputs among those of `transforms`.

        Args:
            first: Loads a sample, which is asked where the names don't tell.
        """
        names = [name for name in self._chains if not is_target(str(name))]
        if any(not str(name).startswith("inputs") for name in names):
            with contextlib.suppress(Exception):
                _, plan = self._plan(first(), False)
                targets = {name for _, full, _, name in plan if is_target(full)}
                names = [name for name in names if name not in targets]
        return set(names)

    @property
    def changed(self) -> set[str]:
        """The full names of leaves that have steps, once samples were seen.

        So have the weights of targets that may be missing: they are multiplied.
        """
        planned = [each for _, plan in self._plans.values() for each in plan]
        masked = {full for _, full, chain, _ in planned if isinstance(chain, Masked)}
        weights = {full.replace("targets", "sample_weight", 1) for full in masked}
        return {full for _, full, _, _ in planned} | weights

    def sample(self, sample: Sample, inputs_only: bool = False) -> Sample:
        """Returns a sample with its values transformed.

        Args:
            sample: As it was loaded.
            inputs_only: Whether to leave out all but the inputs.
        """
        sample = self._with_target(sample)
        structure, plan = self._plan(sample, inputs_only)
        leaves = structure.flatten(sample)
        masks = _apply(structure, plan, leaves, rows=False)
        made = structure.unflatten(leaves)
        if masks:
            made = with_weights(made, masks, batched=False)
        return made if self._function is None else all_mapped(self._function, [made])[0]

    def batch(self, batch: Any, inputs_only: bool = False) -> Any:
        """Returns several samples with their values transformed, each leaf with a leading axis."""
        structure, plan = self._plan(batch, inputs_only)
        leaves = structure.flatten(batch)
        masks = _apply(structure, plan, leaves, rows=True)
        made = structure.unflatten(leaves)
        if masks:
            made = with_weights(made, masks, batched=True)
        if self._function is None:
            return made
        if masks:
            structure = Structure(made, raw=True)
        rows = zip(*structure.flatten(made), strict=True)
        samples = all_mapped(self._function, [structure.unflatten(list(row)) for row in rows])
        nested = Structure(samples[0])
        columns = zip(*map(nested.flatten, samples), strict=True)
        return nested.unflatten([list(column) for column in columns])

    def targets(self, rows: Any) -> Any:
        """Returns the targets of several samples, transformed; nested like those of one.

        Those that may be missing are masked arrays. None where a function of whole samples may make
        others of them.
        """
        if self._function is not None:
            return None
        structure, plan = self._target_plan(rows)
        leaves = structure.flatten((None, rows))
        _apply(structure, plan, leaves, rows=True, masked=True)
        return structure.unflatten(leaves)[1]

    def lists(self, sample: Sample, inputs_only: bool = False) -> set[str]:
        """Returns the names of those leaves for which a function returns a list."""
        sample = self._with_target(sample)
        structure, plan = self._plan(sample, inputs_only)
        leaves = structure.flatten(sample)
        return {full for number, full, chain, _ in plan if chain.gives_list(leaves[number])}

    # What is learned from.

    def learns_from_targets(self, stage: int, rows: Any) -> bool:
        """Whether all who learn in a stage learn from targets, of which these are some."""
        _, plan = self._target_plan(rows)
        return {name for name, _ in self.stages[stage]} <= {name for *_, name in plan}

    def values_of(self, stage: int, sample: Sample) -> dict[Any, Any]:
        """Returns what the learners of a stage are given of one sample, by their names."""
        sample = self._with_target(sample)
        return self._values(stage, sample, self._plan(sample, False), rows=False)

    def declare(self, rows: Any) -> None:
        """Tells those that learn first of targets what categories these are declared to have.

        Args:
            rows: Targets of several samples.
        """
        structure, plan = self._target_plan(rows)
        leaves = structure.flatten((None, rows))
        for number, _, _, name in plan:
            self._chains[name].declare(leaves[number])

    def values_of_rows(self, stage: int, batch: Any) -> dict[Any, Any]:
        """The same of several samples, each with a leading axis."""
        return self._values(stage, batch, self._plan(batch, False), rows=True)

    def values_of_targets(self, stage: int, rows: Any) -> dict[Any, Any]:
        """The same of the targets of several samples."""
        return self._values(stage, (None, rows), self._target_plan(rows), rows=True)

    def _values(self, stage: int, sample: Any, planned: Plan, rows: bool) -> dict[Any, Any]:
        structure, plan = planned
        leaves = structure.flatten(sample)
        places = {name: (number, full, chain) for number, full, chain, name in plan}
        values = {}
        for name, _ in self.stages[stage]:
            number, full, chain = places[name]
            value, values[name] = leaves[number], ABSENT
            if not rows and isinstance(chain, Masked) and chain.lacks(value):
                continue
            with at_input(full):
                values[name] = chain.rows(value, stage) if rows else chain.one(value, stage)
        return values

    # What is applied where.

    def _with_target(self, sample: Sample) -> Sample:
        """Returns a sample whose only target is missing as one that has it: None is no target."""
        has = "targets" in self._chains and isinstance(sample, tuple) and len(sample) > 1
        return (sample[0], math.nan, *sample[2:]) if has and sample[1] is None else sample

    def _plan(self, sample: Sample, inputs_only: bool) -> Plan:
        parts = len(sample) if isinstance(sample, tuple) else 1
        known = self._plans.get((parts, inputs_only))
        if known is None:
            structure = Structure(sample, raw=True)
            if inputs_only:
                structure = structure.of_inputs()
            known = structure, self._resolved(labels(structure), lenient=inputs_only)
            self._plans[parts, inputs_only] = known
        return known

    def _target_plan(self, rows: Any) -> Plan:
        known = self._plans.get("targets")
        if known is None:
            structure = Structure((None, rows), raw=True)
            targets = [leaf for leaf in labels(structure) if is_target(leaf[0])]
            known = structure, self._resolved([("", None), *targets], lenient=True)
            self._plans["targets"] = known
        return known

    def _resolved(self, leaves: list[Named], lenient: bool) -> list[tuple[int, str, Chain, Any]]:
        """Finds which leaf each chain belongs to.

        Args:
            leaves: The inputs and targets.
            lenient: Whether some are left out, so that names may be of those.
        """
        plan: dict[int, tuple[int, str, Chain, Any]] = {}
        for name, chain in self._chains.items():
            if lenient and not any(means(name, leaf) for leaf in leaves):
                continue
            argument = "transforms" if name in self._transformed else "missing"
            number = found(argument, name, leaves)
            full = leaves[number][0]
            if number in plan:
                raise ArgumentError(
                    f"{argument}: {plan[number][-1]!r} and {name!r} are the same",
                    fix="give both steps under one name, in a tuple",
                )
            check_masked(chain, full)
            plan[number] = number, full, guarded(chain, name) if is_target(full) else chain, name
        for number, (full, _) in enumerate(leaves):
            if full.startswith("inputs"):
                *_, chain, name = plan.get(number, (number, full, Chain(()), None))
                if made := self._absence.of_rest(chain, name):
                    plan[number] = number, full, made, name
        return [each for _, each in sorted(plan.items())]


def _apply(
    structure: Structure, plan: Planned, leaves: list[Any], rows: bool, masked: bool = False
) -> dict[Any, Any]:
    """Applies chains to leaves; returns the weights of targets that may be missing, by their key.

    Args:
        structure: Of the samples.
        plan: The chains.
        leaves: Of one sample, or of several; changed in place.
        rows: Whether they are of several.
        masked: Whether what may be missing becomes a masked array.
    """
    masks = {}
    for number, full, chain, _ in plan:
        with at_input(full):
            value = leaves[number]
            leaves[number] = chain.rows(value) if rows else chain.one(value)
            if isinstance(chain, Masked) and masked:
                leaves[number] = chain.masked(value, leaves[number])
            elif isinstance(chain, Masked):
                key = key_of_target(structure, number)
                masks[key] = chain.weights(value, leaves[number], rows)
    return masks
