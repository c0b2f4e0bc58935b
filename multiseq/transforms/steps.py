"""What `transforms=` holds for one input or target: steps, one after the other."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, Self

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError, LoadError, MultiseqError, said
from . import Holder, Standardize, Transform
from .estimator import SklearnTransform, as_float32
from .learned import Learned
from .missing import FillMean, RowStep

__all__ = ["Chain", "Step", "shown", "stacked", "stages_of"]

Function = Callable[[Any], Any]
Step = Function | Transform


class Chain(Holder, Transform):
    """Steps applied in order to the values of one input or target, as one transform.

    Those that learn do so one after the other, each from what those before it made.

    Args:
        steps: Functions of one value, and transforms.
        fills: Whether a number that is missing is the mean under `Standardize`; else it stays NaN.
        together: Whether `rows` gives transforms many rows at once, also those of which each row
            by itself may have other bytes: for who transforms all rows once, and keeps them.

    Attributes:
        steps: The same.
    """

    def __init__(
        self, steps: Sequence[Step], *, fills: bool = True, together: bool = False
    ) -> None:
        self.steps = tuple(steps)
        self._fills, self._together = fills, together

    def after(self, step: Step) -> Chain:
        """Returns a chain with a step in front of these; not with a second mean of one."""
        if isinstance(step, FillMean) and isinstance(next(iter(self.steps), None), FillMean):
            return self
        return self.with_step(0, step)

    def with_step(self, place: int, step: Step) -> Chain:
        """Returns a chain with one more step, before the one at this place."""
        return self.of([*self.steps[:place], step, *self.steps[place:]])

    def of(self, steps: Sequence[Step]) -> Chain:
        """Returns a chain of other steps that is applied as this one is."""
        return Chain(steps, fills=self._fills, together=self._together)

    @property
    def learners(self) -> list[Transform]:
        """The steps that learn, in their order."""
        return [step for step in self.steps if isinstance(step, Transform)]

    @property
    def first(self) -> Step | None:
        """The first step that asks for values of some kind; what fills missing ones does not."""
        return next((step for step in self.steps if not isinstance(step, RowStep)), None)

    @property
    def heeds_missing(self) -> bool:
        """Whether it begins with what is done about missing values."""
        return bool(self.steps) and isinstance(self.steps[0], RowStep | FillMean)

    def declare(self, values: Any) -> None:
        """Tells the first step, if it learns, what categories values are declared to have."""
        first = self.first
        if isinstance(first, Transform) and hasattr(values, "categories"):
            first.partial_fit(values[:0])

    @property
    def shown(self) -> Transform | None:
        """What stands for it in `seq.transforms`: the step that learns; itself, if several do."""
        learners = self.learners
        return self if len(learners) > 1 else learners[0] if learners else None

    def one(self, value: Any, before: int | None = None) -> Any:
        """Returns what the steps make of one value.

        Args:
            value: Of one sample.
            before: The number of the learner whose input is wanted; None for what comes last.
        """
        if isinstance(value, np.ndarray) and self.has_functions:
            value = value.copy()  # A function may write into it, and it may be the source's own.
        for step in self._until(before):
            if isinstance(step, Transform):
                value = self._present(step, _exactly(step, value))
            else:
                value = _called(step, step, value)
        return self._leaving(value) if before is None else value

    def rows(self, values: Any, before: int | None = None) -> Any:
        """Returns the same of several values at once, to the byte.

        Args:
            values: An array with a leading axis of samples, or a list; a DataFrame, if there are
                but transforms.
            before: As in `one`.

        Returns:
            An array with a leading axis, or a list of what each sample has.
        """
        if not isinstance(values, list | np.ndarray) and not hasattr(values, "iloc"):
            values = np.asarray(values)
        for step in self._until(before):
            values = self._rows(step, values)
        if before is not None:
            return values
        return (
            list(map(self._leaving, values)) if isinstance(values, list) else self._leaving(values)
        )

    def before_shown(self, values: Any) -> Any:
        """Returns what `shown` is applied to, of several values."""
        return values if self.shown is self else self.rows(values, 0)

    @property
    def after_functions(self) -> Transform | None:
        """The transforms that follow the last function, as one; None where it is the last step."""
        steps = self.steps
        places = [n for n, step in enumerate(steps, 1) if not isinstance(step, Transform)]
        rest = steps[places[-1] :] if places else steps
        if len(rest) == 1 and isinstance(rest[0], Transform):
            return rest[0]
        return Chain(rest) if rest else None

    @property
    def has_functions(self) -> bool:
        """Whether a step is a function, which may write into what it is given."""
        return any(not isinstance(step, Transform | RowStep) for step in self.steps)

    @property
    def ends_in_function(self) -> bool:
        """Whether the last step is a function, so that nothing is known of what comes out."""
        return bool(self.steps) and not isinstance(self.steps[-1], Transform | RowStep)

    def gives_list(self, value: Any) -> bool:
        """Whether the last function returns a list for this value, whose length may vary."""
        places = [n for n, step in enumerate(self.steps, 1) if not isinstance(step, Transform)]
        last = places[-1] if places else 0
        if any(getattr(step, "multi", False) for step in self.steps[last:]):
            return False  # Of any number of labels it makes one vector.
        if not last:
            return isinstance(value, list)
        return isinstance(Chain(self.steps[:last]).one(value, -1), list | tuple)

    def _until(self, before: int | None) -> tuple[Step, ...]:
        """Returns the steps up to a learner; all for None and -1, which keeps lists as they are."""
        if before is None or before < 0:
            return self.steps
        places = [n for n, step in enumerate(self.steps) if isinstance(step, Transform)]
        return self.steps[: places[before]]

    # As a transform.

    @property
    def adapted(self) -> bool:
        """Whether all steps have learned."""
        return all(learner.adapted for learner in self.learners)

    @property
    def times_learned(self) -> int:  # type: ignore[override]
        """How often the steps learned, together."""
        return sum(learner.times_learned for learner in self.learners)

    def transform(self, values: Any) -> Any:
        """Applies the steps to one sample's value; where all of them learn, to a batch as well."""
        return self.one(values)

    def inverse(self, values: Any) -> Any:
        """Undoes the steps, the last one first; raises ArgumentError where one is a function."""
        for step in reversed(self.steps):
            if isinstance(step, RowStep):
                continue  # It filled what was missing.
            if not isinstance(step, Transform):
                raise ArgumentError(
                    "these steps cannot be undone: one is a function",
                    got=getattr(step, "__qualname__", repr(step)),
                    expected="steps with an inverse",
                    fix="make a transform of it: sklearn.preprocessing.FunctionTransformer("
                    "function, inverse_func=...)",
                )
            values = step.inverse(values)
        return values

    def adapt(self, values: Any) -> Self:
        """Lets each step learn from what those before it make of values with a leading axis."""
        for number, learner in enumerate(self.learners):
            learner.adapt(self.rows(values, number))
        return self

    def partial_fit(self, values: Any) -> Self:
        """Raises ArgumentError: a step learns when the one before it has learned."""
        self._learn(values)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Raises ArgumentError: it may hold functions."""
        raise ArgumentError(
            "a chain of transforms cannot be saved as one",
            got=self,
            fix="save each that learns: chain.learners[0].save(path)",
        )

    def _forget(self) -> None:
        for learner in self.learners:
            learner.reset()

    def _learn(self, values: Any) -> NoReturn:
        raise ArgumentError(
            "the steps of a chain learn one after the other, not a chunk at a time",
            fix="call adapt() on the sequence, or adapt(values) on the chain",
        )

    def _settle(self) -> None:
        for learner in self.learners:
            learner.finish()

    def _rows(self, step: Step, values: Any) -> Any:
        if isinstance(step, Transform):
            if step.row_by_row and not self._together:
                return [self._present(step, _exactly(step, value)) for value in values]
            return self._present(step, _exactly(step, values))
        if isinstance(step, RowStep):
            return _called(step, step.rows, values)
        return [
            _called(step, step, value.copy() if isinstance(value, np.ndarray) else value)
            for value in values
        ]

    def _leaving(self, value: Any) -> Any:
        """Returns what comes last: floats of scikit-learn's, in float64 between steps, as float32.

        So are those that a function makes of them; other transforms know what they return.
        """
        scaled = any(isinstance(step, SklearnTransform) for step in self.steps)
        if scaled and (self.ends_in_function or isinstance(self.steps[-1], SklearnTransform)):
            value = as_float32(value)
        return _as_leaf(value)

    def _present(self, step: Transform, values: Any) -> Any:
        """Returns what was transformed; a number that is missing is the mean, where that fills."""
        if self._fills and isinstance(step, Standardize):
            if isinstance(values, list):
                return [self._present(step, value) for value in values]
            if np.isnan(values).any():
                return np.where(np.isnan(values), np.zeros((), values.dtype), values)[()]
        return values

    __eq__ = object.__eq__
    __hash__ = None

    def __repr__(self) -> str:
        return f"<Chain{self.steps!r}>"


def _exactly(step: Transform, values: Any) -> Any:
    return step.exact(values) if isinstance(step, SklearnTransform) else step.transform(values)


def _called(step: Any, function: Callable[[Any], Any], values: Any) -> Any:
    try:
        return function(values)
    except MultiseqError:
        raise
    except Exception as error:
        name = getattr(step, "__qualname__", repr(step))
        raise LoadError(
            f"the function {name} raised {said(error)}",
            got=values,
            fix="see the traceback above; it is given one value, as load_sample returns it, or as "
            "the step before it does",
        ) from error


def _as_leaf(value: Any) -> Any:
    """Returns a list as an array: of no ids, it has no dtype of its own."""
    if not isinstance(value, list | tuple):
        return value
    return np.asarray(value) if np.size(value) else np.empty(np.shape(value), np.int32)


def shown(chains: Mapping[Any, Chain]) -> Learned:
    """Returns what stands for chains in `seq.transforms`, by name, where something learns."""
    found = {name: chain.shown for name, chain in chains.items()}
    return Learned({n: each for n, each in found.items() if each is not None}, chains)


def stages_of(chains: Mapping[Any, Chain]) -> list[list[tuple[Any, Transform]]]:
    """Returns who learns when: the first learner of each chain, then the second of each.

    Returns:
        For each stage, learners with the names of their chains.
    """
    depth = max((len(chain.learners) for chain in chains.values()), default=0)
    return [
        [
            (name, chain.learners[stage])
            for name, chain in chains.items()
            if stage < len(chain.learners)
        ]
        for stage in range(depth)
    ]


def stacked(values: list[Any]) -> Any:
    """Returns what a function returned as one array if all are alike, else as a list of arrays."""
    arrays = [np.asarray(_as_leaf(value)) for value in values]
    kinds: set[tuple[Any, npt.DTypeLike]] = {(array.shape, array.dtype) for array in arrays}
    return np.stack(arrays) if len(kinds) == 1 else arrays
