"""The classes of targets, and what was done to each target."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np

from ..engine.job import Source, blame
from ..errors import ArgumentError, MultiseqError, NotAdaptedError, few
from ..pipeline import Pipeline
from ..pipeline.mapping import Kept, agreed
from ..pipeline.naming import is_target
from ..predicted import Goal
from ..transforms import Labels
from .adapting import Adapting

__all__ = ["Labelling", "key_of"]

_PROBES = 8  # Samples that tell what `map` hands on.


class Labelling(Adapting):
    """The side of a sequence that knows the classes of its targets."""

    @property
    def classes(self) -> Any:
        """The classes of the target by number, as a tuple, where `Labels` numbers them.

        Of several targets, a dict of those by name (by number, where they are a tuple) that have
        `Labels`. None without any.

        Raises:
            NotAdaptedError: They were not learned yet: call `adapt()` on the training sequence.
        """
        named = self._labels_of_targets()
        named |= {
            each.key: each.labels for each in self._goals_elsewhere if each.labels is not None
        }
        found = {key: labels.classes for key, labels in named.items()}
        return found.get(None, found or None)

    @property
    def _goals_elsewhere(self) -> Sequence[Goal]:
        """What is known of targets that these samples lack."""
        return self._known_goals

    @property
    def _masks_targets(self) -> bool:
        """Whether targets may be missing, and have weight 0 then."""
        return self._pipeline is not None and self._pipeline.masks

    def one_hot_targets(self) -> dict[Any, bool]:
        """Whether targets are one-hot, by their names, of those that `Labels` makes last of all."""
        if self.augments or self.collates or self._maps:
            return {}
        named = self._labels_of_targets().items()
        return {key: each.one_hot for key, each in named if not each.multi}

    @property
    def _maps(self) -> bool:
        """Whether a function makes others of samples."""
        return self._pipeline is not None and self._pipeline.maps

    def _labels_of_targets(self) -> dict[Any, Labels]:
        """The labels by the target's name or number; None stands for the only target."""
        if not any(isinstance(each, Labels) for _, each in self._learners()):
            return {}
        last = {key: steps[-1] for key, steps in self._target_steps().items() if steps}
        return {key: each for key, each in last.items() if isinstance(each, Labels)}

    def _target_steps(self) -> dict[Any, tuple[Any, ...]]:
        """What is done to each target, in order, by its name or number; None is the only one."""
        kept = self._kept_by_map()
        if kept is None:
            return self._target_steps_before_map()
        return {key_of(leaf): self._steps_through(leaf) for leaf in kept if is_target(leaf)}

    def _target_steps_before_map(self) -> dict[Any, tuple[Any, ...]]:
        names = [name for name in self._names_of_steps if self._is_of_target(name)]
        return {key_of(name): self._steps_of(name) for name in names}

    def _steps_through(self, leaf: str) -> tuple[Any, ...]:
        """What is done to an input or target, by its full name; what `map` makes, is made by it."""
        kept = self._kept_by_map()
        if kept is None:
            return self._steps_at(leaf)
        before = kept.get(leaf)
        if before is None or before.units:
            transformed = any(self._target_steps_before_map().values())
            return (self._pipeline.function,) if transformed else ()  # type: ignore[union-attr]
        return self._steps_at(before.leaf)

    def _kept_by_map(self) -> dict[str, Kept | None] | None:
        """What inputs and targets were before `map`, by their full names; None without a map."""
        pipeline = self._pipeline
        if pipeline is None or not pipeline.maps:
            return None
        if pipeline.kept is None:
            pipeline.kept = self._seen_to_keep(pipeline)
        return pipeline.kept

    def _seen_to_keep(self, pipeline: Pipeline) -> dict[str, Kept | None]:
        """What `map` is seen to hand on of some samples, out of all that there are."""
        found = []
        places = np.linspace(0, self._source_size - 1, _PROBES).astype(int)
        for index in np.unique(places).tolist():
            try:
                found.append(pipeline.keeps(self._loaded(index, None)))
            except NotAdaptedError:
                raise
            except Exception as raised:  # Others may do.
                error, broken = raised, index
        if not found:
            blame(error, cast(Source, self), "load_sample", broken)
        return agreed(found)

    def _steps_at(self, leaf: str) -> tuple[Any, ...]:
        """What is done to an input or target before `map`, by its full name: "inputs['x']"."""
        own = self._own_chains()
        for name in self._names_of_steps:
            part = "targets" if self._is_of_target(name) else "inputs"
            if leaf in (name, f"{part}[{name!r}]"):
                break
        else:
            name = None
        steps = () if name is None else self._steps_of(name)
        if self._pipeline is None or not leaf.startswith("inputs"):
            return steps
        before = steps if name in own else ()
        return before + self._pipeline.input_steps(name, steps[len(before) :])

    def _is_of_target(self, name: Any) -> bool:
        return str(name).startswith("targets") or name not in self._of_inputs

    @property
    def _names_of_steps(self) -> list[Any]:
        given = [] if self._pipeline is None else self._pipeline.names
        return list(dict.fromkeys([*self._own_chains(), *given]))

    def _steps_of(self, name: Any) -> tuple[Any, ...]:
        """What is done under one name, in order: transforms, and functions."""
        given = None if self._pipeline is None else self._pipeline.steps(name)
        return self._own_chains()[name].steps if given is None else given

    @property
    def _class_weight(self) -> Any:
        """`class_weight=` by the numbers of classes: where `Labels` has them, it is by class."""
        given = self._settings.class_weight
        labels = self._labels_to_weigh(given) if isinstance(given, Mapping) else {}
        if not labels:
            return given
        if None in labels:
            return _by_number(given, labels[None])
        return {
            key: _by_number(table, labels[key]) if key in labels else table
            for key, table in given.items()
        }

    def _labels_to_weigh(self, given: Mapping[Any, Any]) -> dict[Any, Labels]:
        """The labels of targets that have weights by class: `map` may make them one-hot."""
        labels = self._labels_of_targets()
        if not any(isinstance(each, Labels) for _, each in self._learners()):
            return labels
        kept = {key_of(leaf): each for leaf, each in (self._kept_by_map() or {}).items()}
        for key, steps in self._target_steps_before_map().items() if kept else ():
            last, made_of = steps[-1] if steps else None, kept.get(key)
            table = given if key is None else given.get(key)
            if key in labels or not isinstance(last, Labels) or not isinstance(table, Mapping):
                continue
            if made_of is None or made_of.units != len(last):
                raise _no_longer_classes(key)
            labels[key] = last
        return labels


def key_of(name: Any) -> Any:
    """Returns a target's own name or number, of its full name or its own."""
    if name == "targets":
        return None
    if isinstance(name, str) and name.startswith("targets[") and name.endswith("]"):
        return ast.literal_eval(name[len("targets[") : -1])
    return name


def _by_number(table: Any, labels: Labels) -> Any:
    if not isinstance(table, Mapping):
        return table
    classes = labels.classes
    try:
        numbers = Labels(classes)(list(table))
    except MultiseqError as error:
        raise ArgumentError(
            "class_weight has a class that the targets do not have",
            got=error.got,
            expected=f"any of {few(classes)}",
            fix="name the classes as seq.classes does",
        ) from None
    return dict(zip(numbers.tolist(), table.values(), strict=True))


def _no_longer_classes(key: Any) -> ArgumentError:
    return ArgumentError(
        "class_weight is by class, and map makes others of the classes that Labels numbers",
        got="a map that returns other targets"
        if key is None
        else f"a map that does not return {key!r} as it was",
        expected="one that hands on the targets, or makes them one-hot",
        fix="change targets before they are numbered, transforms={...: (function, Labels())}; or "
        "leave class_weight out, and let map return weights: (inputs, targets, weights)",
    )
