"""Targets: what was done to each of them, and how it is undone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import ArgumentError
from ..samples import Spec, Structure
from ..transforms import Labels, Transform
from ..transforms.missing import RowStep
from ..transforms.rows import ByRow

__all__ = ["Goal", "goals_of"]


@dataclass(frozen=True)
class Goal:
    """A target.

    Attributes:
        key: Its name or number among several, None for the only one.
        steps: What was done to it, in order: transforms, and functions.
        shape: Of one sample's, with None for an axis of any length.
    """

    key: Any
    steps: tuple[Any, ...]
    shape: tuple[int | None, ...]

    @classmethod
    def read(cls, document: Any, learned: Mapping[str, Sequence[Transform]]) -> Goal:
        """Returns what `written` made, of the same transforms by name."""

        def step(place: Any) -> Any:
            if place is None:
                return _function_of_training
            name, number, *rest = place
            return ByRow(learned[name][number], *rest) if rest else learned[name][number]

        return cls(document["key"], tuple(map(step, document["steps"])), tuple(document["shape"]))

    def written(self, learned: Mapping[str, Sequence[Transform]]) -> dict[str, Any]:
        """Returns this as JSON has it: transforms by name and number, functions as null.

        Args:
            learned: Transforms by name.
        """
        places = {
            id(each): [name, number]
            for name, some in learned.items()
            for number, each in enumerate(some)
        }

        def place(step: Any) -> Any:
            if isinstance(step, ByRow):
                return [*places[id(step.of)], step.alone]
            return places.get(id(step))

        mine = {id(step.of if isinstance(step, ByRow) else step) for step in self.steps}
        names = [name for name, some in learned.items() if not mine.isdisjoint(map(id, some))]
        steps = [place(step) for step in self.steps if not isinstance(step, RowStep)]
        return {"key": self.key, "shape": self.shape, "steps": steps, "names": names}

    @property
    def labels(self) -> Labels | None:
        """What numbered its classes, if that was the last step."""
        last = self.steps[-1] if self.steps else None
        return last if isinstance(last, Labels) else None

    @property
    def can_be_undone(self) -> bool:
        """Whether all that was done to it may have an inverse."""
        return all(isinstance(step, Transform | RowStep) for step in self.steps)

    @property
    def called(self) -> str:
        """Its name in errors."""
        return "the target" if self.key is None else f"target {self.key!r}"

    def undone(self, values: Any) -> Any:
        """Returns values as they were before the steps.

        Raises:
            ArgumentError: A step cannot be undone.
        """
        for step in reversed(self.steps):
            if isinstance(step, RowStep):
                continue  # It filled what was missing; the others are as they were.
            if not isinstance(step, Transform):
                raise ArgumentError(
                    f"inverse=True cannot undo a function, which is a step of {self.called}",
                    got=getattr(step, "__qualname__", repr(step)),
                    expected="steps with an inverse",
                    fix="make a transform of it, for transforms=: sklearn.preprocessing."
                    "FunctionTransformer(function, inverse_func=...); or leave inverse out",
                )
            values = step.inverse(values)
        return values


def goals_of(
    structure: Structure, specs: Sequence[Spec], steps: Mapping[Any, tuple[Any, ...]]
) -> list[Goal] | None:
    """Returns the targets of samples; None where they have none.

    Args:
        structure: Of the samples.
        specs: Of their leaves.
        steps: What was done to each target, by its name or number; None is the only one.
    """
    keys = structure.keys("targets")
    if keys is None:
        return None
    first = len(structure.of_inputs())
    named = enumerate(keys or (None,), first)
    return [Goal(key, steps.get(key, ()), specs[number].shape) for number, key in named]


def _function_of_training(value: Any) -> Any:
    """Stands for a function that a file of what was learned does not hold."""
    raise NotImplementedError
