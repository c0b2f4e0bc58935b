"""Targets that are missing for some samples: a harmless value in their place, and weight 0."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import LoadError, MultiseqError, SpecError, at_input, said
from ..samples import Structure
from ..transforms import Labels, Transform, Vocabulary
from ..transforms.missing import masked, missing_of
from ..transforms.steps import Chain, stacked

__all__ = ["Masked", "key_of_target", "with_weights"]

Array = npt.NDArray[Any]


class Masked(Chain):
    """The steps of a target that may be missing: they are given what is there.

    What takes the place of the others is a class that was learned, or else what the steps make of
    0, where that is finite: it has no weight, but a loss of NaN would be NaN at any weight.
    """

    def one(self, value: Any, before: int | None = None) -> Any:
        """Returns what the steps make of one value, or of what stands in for it."""
        missing = _missing(value)
        if before is not None or not missing.any():
            return super().one(value, before)
        made = self._stood_in(value, missing)
        if np.asarray(made).dtype.kind != "f":
            return made
        return np.nan_to_num(made, nan=0.0, posinf=0.0, neginf=0.0)

    def rows(self, values: Any, before: int | None = None) -> Any:
        """Returns the same of several values; to learn from, without those that are missing."""
        if isinstance(values, np.ndarray) and not missing_of(values).any():
            return super().rows(values, before)
        gone = _gone(values)
        if before is not None:
            kept = np.flatnonzero(~gone)
            there = values[kept] if isinstance(values, np.ndarray) else [values[k] for k in kept]
            return super().rows(there, before)
        if isinstance(values, np.ndarray) and (gone == _any_of(values)).all():
            return self._scattered(values, gone)
        return stacked([self.one(value) for value in values])

    def _scattered(self, values: Array, gone: npt.NDArray[np.bool_]) -> Any:
        """Returns what is made of rows of which some are missing as a whole, and others are not."""
        stand_in = np.asarray(self.one(values[np.argmax(gone)]))
        there = super().rows(values[~gone]) if not gone.all() else np.empty((0, *stand_in.shape))
        if isinstance(there, list) or there.shape[1:] != stand_in.shape:
            return stacked([self.one(value) for value in values])
        dtype = there.dtype if len(there) else stand_in.dtype
        made = np.empty((len(values), *stand_in.shape), dtype)
        made[~gone], made[gone] = there, stand_in
        return made

    def weights(self, value: Any, made: Any, batched: bool = False) -> Any:
        """Returns 1 where a value is there and 0 where it is missing, along the axes of the loss.

        Those are all axes of classes (of integers that steps made or that were given), else all but
        the last.

        Args:
            value: As it was loaded.
            made: What the steps made of it.
            batched: Whether both have a leading axis of samples; lists of values are for samples.

        Raises:
            SpecError: Some elements along the last axis are missing, and the loss is one of them
                together.
        """
        if (batched and isinstance(value, list)) or isinstance(made, list):
            pairs = zip(value, made, strict=True)
            found = [self.weights(each, one) for each, one in pairs]
            return np.stack(found) if len({each.shape for each in found}) == 1 else found
        missing, result = _missing(value), np.asarray(made)
        if batched and missing.ndim == 0:
            missing = np.zeros(len(result), bool)
        axes = missing.ndim - batched
        classes = result.dtype.kind in "biu" and missing.shape[-1:] != (1,)
        if axes and not (classes and result.shape[: missing.ndim] == missing.shape):
            some = np.asarray(missing.any(-1))
            if (some != missing.all(-1)).any():
                raise _partly(value)
            missing = some
        return np.asarray(~missing, np.float32)

    def lacks(self, value: Any) -> bool:
        """Whether all of one sample's value is missing, so that there is nothing to learn from."""
        return bool(_missing(value).all())

    def gives_list(self, value: Any) -> bool:
        """Whether the last function returns a list for this value, whose length may vary."""
        return not self.lacks(value) and super().gives_list(value)

    def masked(self, values: Any, made: Any) -> Any:
        """Returns what was made of several values as a masked array; lists stay as they are."""
        if isinstance(made, list):
            return made
        missing = _gone(values) if isinstance(values, list) else missing_of(values)
        if missing.shape != made.shape[: missing.ndim]:
            missing = np.asarray(missing.reshape(len(made), -1).all(-1))
        return masked(made, missing)

    def _stood_in(self, value: Any, missing: npt.NDArray[np.bool_]) -> Any:
        """Returns what is made of a value in which something that is harmless takes its place."""
        first = next((n for n, s in enumerate(self.steps) if isinstance(s, Transform)), None)
        learner = None if first is None else self.steps[first]
        stand_in: Any = 0  # An integer, which any dtype of numbers holds.
        steps = self.steps
        if isinstance(learner, Labels | Vocabulary):
            if missing.all():
                # From there on: functions before it may not take what it has learned.
                steps, stand_in = self.steps[first:], _example(learner)
            else:
                stand_in = np.asarray(value)[~missing][0]
        try:
            with np.errstate(all="ignore"):
                return Chain(steps).one(_filled(value, missing, stand_in))
        except MultiseqError:
            raise
        except Exception as error:
            raise LoadError(
                f"a target is missing, and its steps cannot do with {stand_in!r} in its place: "
                + said(error),
                got=value,
                fix="let the function return a number for whatever it is given",
            ) from error

    def __repr__(self) -> str:
        return f"<Masked{self.steps!r}>"


def _example(learner: Labels | Vocabulary) -> Any:
    """Returns something that it has learned."""
    if isinstance(learner, Vocabulary):
        return learner.categories[0]
    if learner.multi:
        return [] if learner.sep is None else ""
    return learner.classes[0]


def _gone(values: Any) -> npt.NDArray[np.bool_]:
    """Returns for each of several values whether all of it is missing."""
    return np.array([bool(_missing(value).all()) for value in values], bool)


def _any_of(values: Array) -> npt.NDArray[np.bool_]:
    """Returns for each row whether some of it is missing."""
    missing = missing_of(values)
    return np.asarray(missing.reshape(len(values), -1).any(-1)) if missing.ndim > 1 else missing


def _missing(value: Any) -> npt.NDArray[np.bool_]:
    """Returns which elements are missing; of a list of labels none is."""
    if isinstance(value, list | tuple | set | frozenset):
        return np.asarray(False)
    return missing_of(value)


def _filled(value: Any, missing: npt.NDArray[np.bool_], stand_in: Any) -> Any:
    if missing.ndim == 0:
        of_float = isinstance(value, np.floating) and not isinstance(stand_in, str)
        return value.dtype.type(stand_in) if of_float else stand_in
    found = np.asarray(value).copy()
    if isinstance(stand_in, str) and found.dtype.kind != "O":
        found = found.astype(object)
    found[missing] = stand_in
    if found.dtype.kind == "O" and {type(each) for each in found.ravel().tolist()} <= {int, float}:
        return found.astype(np.float64)
    return found


def _partly(value: Any) -> SpecError:
    return SpecError(
        "some numbers of a target are missing, and Keras weighs them together: its losses are "
        "means over the last axis",
        got=value,
        expected="all or none along the last axis of targets that are no classes",
        fix="give each number an axis of its own, targets[..., None] (of windows by a list, "
        "targets=[column]), and let the model's output have it too (Reshape); or several outputs, "
        "by a dict of targets",
    )


def key_of_target(structure: Structure, number: int) -> Any:
    """Returns the name or number of a target; None stands for the only one."""
    keys = structure.keys("targets")
    return keys[number - len(structure.of_inputs())] if keys else None


def with_weights(parts: tuple[Any, ...], masks: dict[Any, Any], batched: bool) -> tuple[Any, ...]:
    """Returns a sample or a batch with weights that are 0 where targets are missing.

    Args:
        parts: Inputs, targets and perhaps weights.
        masks: Weights by the key of their target; the key is None where there is but one.
        batched: Whether these are of several samples.

    Raises:
        SpecError: A target's weights have other axes than the target.
    """
    inputs, targets = parts[0], parts[1]
    given = parts[2] if len(parts) > 2 else None
    if isinstance(targets, dict):
        own = given if isinstance(given, dict) else dict.fromkeys(targets, given)
        names = [name for name in targets if name in masks or own.get(name) is not None]
        return inputs, targets, {n: _times(own.get(n), masks.get(n), n) for n in names}
    if isinstance(targets, tuple):
        several = given if isinstance(given, tuple) else (given,) * len(targets)
        ones = np.ones(len(targets[0]) if batched else (), np.float32)
        found = [_times(own, masks.get(number), number) for number, own in enumerate(several)]
        return inputs, targets, tuple(ones if each is None else each for each in found)
    return inputs, targets, _times(given, masks[None], None)


def _times(own: Any, mask: Any, name: Any) -> Any:
    """Returns the product of two weights, whose axes begin alike; either may be None."""
    if own is None or mask is None:
        return mask if own is None else own
    if isinstance(own, list) or isinstance(mask, list):
        return [_times(a, b, name) for a, b in zip(own, mask, strict=True)]
    left, right = np.asarray(own), np.asarray(mask)
    rank = max(left.ndim, right.ndim)
    left = left.reshape(left.shape + (1,) * (rank - left.ndim))
    right = right.reshape(right.shape + (1,) * (rank - right.ndim))
    with at_input("sample_weight" if name is None else name):
        try:
            return left * right
        except ValueError as error:
            raise SpecError(
                "sample_weight and a target that may be missing differ in shape",
                got=f"{left.shape} and {right.shape}",
                expected="the same axes, from the first on",
            ) from error
