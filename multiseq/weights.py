"""Sample weights of a batch: class weights, and 1 for outputs that have none."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .classes import Classes, is_table
from .errors import ArgumentError, SpecError
from .memory import aligned_empty
from .samples import Spec, Structure, outline

__all__ = ["Weighting", "check_kept", "check_weights"]

Array = npt.NDArray[Any]
Chunks = Callable[[bool], Iterator[Any] | None]


def check_weights(weights: Any, name: str) -> None:
    """Raises SpecError where the weights of some samples would make the loss NaN.

    Args:
        weights: Of a sample, of several in an array, or a list of those of each.
        name: Of the leaf, for errors.
    """
    if isinstance(weights, list):
        for each in weights:
            check_weights(each, name)
        return
    finite = np.isfinite(weights).all() if getattr(weights, "ndim", 0) else math.isfinite(weights)
    if not finite:
        raise SpecError(
            f"{name} holds NaN or infinity, which would make the loss NaN",
            got=weights,
            expected="finite weights",
            fix="leave these samples out, or give them weight 0",
        ).at(input=name)


def check_kept(given: Any, made: Any, hook: str, argument: str) -> None:
    """Raises SpecError where a hook returns targets without the weights that came with them.

    Samples without a label have weight 0, and something harmless in its place: without weights
    it would be learned as one.

    Args:
        given: The sample or batch that the hook was given.
        made: What it returned.
        hook: Its name.
        argument: What the hook calls a sample or batch.
    """
    before, after = _weights_in(given), _weights_in(made)
    if before is None or not isinstance(made, tuple) or len(made) == 1 or made[1] is None:
        return
    lost = ["sample_weight"] if after is None else []
    if isinstance(before, dict) and isinstance(after, dict):
        outputs = made[1] if isinstance(made[1], dict) else {}
        names = [name for name in before if name in outputs and name not in after]
        lost = [f"sample_weight[{name!r}]" for name in names]
    if lost:
        parts = ", ".join(f"{argument}[{number}]" for number in range(3))
        raise SpecError(
            f"{hook} returned targets without their weights",
            got=outline(made),
            expected=f"{', '.join(lost)} too: such as 0 where a target is missing",
            fix=f"return the weights too: {parts}; or ones in place of {argument}[2], if all "
            "are to count alike",
        )


def _weights_in(sample: Any) -> Any:
    return sample[2] if isinstance(sample, tuple) and len(sample) > 2 else None


class Weighting:
    """Completes the sample weights of batches.

    Keras wants a weight for every output once one output has weights, and refuses `class_weight`
    for models with several outputs; a weight for each sample says the same.

    Args:
        classes: How to weigh the classes of each output; the key is None where there is but one.
        dtype: Of the weights.
    """

    def __init__(self, classes: Mapping[Any, Classes], dtype: str) -> None:
        self._classes, self._dtype = classes, np.dtype(dtype)

    @classmethod
    def of(
        cls,
        structure: Structure,
        specs: Sequence[Spec],
        class_weight: Any,
        dtype: str,
        chunks: Chunks,
        first: Callable[[], Any],
        one_hot: Callable[[], Mapping[Any, bool]],
    ) -> Weighting | None:
        """Returns what completes batches of this structure, or None where they are complete.

        Args:
            structure: Of the samples.
            specs: Of their leaves.
            class_weight: {class: weight} or "balanced"; or such by output, where targets have
                names. A class that is left out has weight 1.
            dtype: Of the weights.
            chunks: Returns targets some rows at a time, given whether those of all samples are
                meant or those that are served; None where they are not known before samples are
                loaded.
            first: Returns a batch of one sample, which is asked where they are not known.
            one_hot: Says whether targets are one-hot, by their names, of those where it is known.

        Raises:
            ArgumentError: `class_weight` does not fit the targets.
            SpecError: There are weights for outputs that are not there.
        """
        targets, weights = structure.keys("targets"), structure.keys("sample_weight")
        classes: dict[Any, Classes] = {}
        if class_weight is not None:
            _check(class_weight, targets)
            tables = class_weight if targets else {None: class_weight}
            shapes = structure.targets(lambda number: specs[number].shape)
            coded = one_hot()
            classes = {
                name: Classes(table, shapes if name is None else shapes[name], coded.get(name))
                for name, table in tables.items()
            }
            _learn(classes, chunks, first)
        if targets is not None and weights:
            _check_nesting(structure, targets, weights)
        partial = targets is not None and weights is not None and weights != targets
        short = _any_short(dict(zip(structure.names, specs, strict=True)))
        return cls(classes, dtype) if class_weight is not None or partial or short else None

    def __call__(self, batch: tuple[Any, ...]) -> tuple[Any, ...]:
        """Returns (inputs, targets, sample_weight), a weight for each sample and output."""
        inputs, targets = batch[0], batch[1]
        weights = batch[2] if len(batch) > 2 else None
        if isinstance(targets, tuple) and isinstance(weights, tuple):
            return inputs, targets, tuple(map(_spread, weights, targets))
        if not isinstance(targets, dict):
            return inputs, targets, self._weights(targets, weights, self._classes.get(None))
        own = weights if isinstance(weights, dict) else dict.fromkeys(targets, weights)
        return (
            inputs,
            targets,
            {
                name: self._weights(target, own.get(name), self._classes.get(name))
                for name, target in targets.items()
            },
        )

    def _weights(self, target: Array, own: Array | None, classes: Classes | None) -> Array:
        if own is not None and classes is None:
            return _spread(own, target)
        values = np.ones(len(target)) if classes is None else classes.weights(target)
        if own is not None:
            values, own = _aligned(values, own)
            values = values * own
        weights = aligned_empty(values.shape, self._dtype)
        weights[...] = values
        return weights


def _spread(own: Array, target: Any) -> Array:
    """Gives weights of samples or of steps the rank of the targets, which Keras does not.

    It aligns them with the last axes of the loss: where there are as many samples in a batch as
    steps in each, a weight would go to the wrong ones, and otherwise it raises.
    """
    if isinstance(target, tuple) or not _is_short(own.ndim, target.shape[1:], target.dtype):
        return own
    return _of_rank(own, target.ndim)


def _of_rank(weights: Array, rank: int) -> Array:
    return weights.reshape(weights.shape + (1,) * (rank - weights.ndim))


def _is_short(rank: int, shape: Sequence[int | None], dtype: npt.DTypeLike) -> bool:
    """Whether weights have fewer axes than the loss may have.

    The loss of classes has the axes of the targets; of others, such as one-hot, all but the last.

    Args:
        rank: Of the weights, batch axis included.
        shape: Of one sample's targets.
        dtype: Of the targets.
    """
    if tuple(shape) == (1,):
        return False
    return rank < len(shape) + (np.dtype(dtype).kind in "biu")


def _any_short(specs: Mapping[str, Spec]) -> bool:
    pairs = [
        (spec, specs.get(name.replace("sample_weight", "targets", 1)))
        for name, spec in specs.items()
        if name.startswith("sample_weight")
    ]
    return any(of and _is_short(len(own.shape) + 1, of.shape, of.dtype) for own, of in pairs)


def _learn(classes: Mapping[Any, Classes], chunks: Chunks, first: Callable[[], Any]) -> None:
    known = chunks(True)
    wanted = dict(classes)
    for targets in [first()[1]] if known is None else known:
        wanted = {
            name: each
            for name, each in wanted.items()
            if sum(map(each.tell, _arrays(targets, name)))
        }
        if not wanted:
            break
    for each in classes.values():
        each.settle()
    balanced = {name: each for name, each in classes.items() if each.is_balanced}
    if not balanced:
        return
    for targets in _counted_chunks(chunks):
        for name, each in balanced.items():
            for array in _arrays(targets, name):
                each.count(array)
    for each in balanced.values():
        each.balance()


def _counted_chunks(chunks: Chunks) -> Iterator[Any]:
    served = chunks(False)
    if served is None:
        raise ArgumentError(
            'class_weight="balanced" needs to know all targets, and they are not known before '
            "the samples are loaded",
            fix="write target_rows(indices), which returns the targets of several samples "
            "and loads no inputs; or pass {class: weight}",
        )
    return served


def _arrays(targets: Any, name: Any) -> list[Array]:
    """Returns the rows of one output: one array, or one for each sample where lengths vary."""
    named = isinstance(targets, dict | tuple)
    if named if name is None else not (isinstance(targets, dict) and name in targets):
        raise ArgumentError(
            "target_rows returns other targets than the samples have",
            got=outline(targets),
            expected="one array" if name is None else f"a dict with {name!r}",
        )
    rows = targets if name is None else targets[name]
    if isinstance(rows, list):
        return [np.asarray(row)[None] for row in rows]
    return [np.asanyarray(rows)]  # A masked array stays one: what is missing is not counted.


def _aligned(values: Array, own: Array) -> tuple[Array, Array]:
    """Gives two arrays of weights the same axes: the batch is the first of both."""
    rank = max(values.ndim, own.ndim)
    both = [_of_rank(array, rank) for array in (values, own)]
    axes: Any = zip(both[0].shape[1:], both[1].shape[1:], strict=True)
    if all(mine == theirs or 1 in (mine, theirs) for mine, theirs in axes):
        return both[0], both[1]
    raise ArgumentError(
        "sample_weight and the weights by class_weight differ in shape",
        got=f"{own.shape} and {values.shape}",
        expected="the same axes, from the batch on",
    )


def _check(class_weight: Any, targets: tuple[Any, ...] | None) -> None:
    if targets == () and is_table(class_weight):
        return
    names = targets if targets and isinstance(targets[0], str) else ()
    tables = class_weight if isinstance(class_weight, Mapping) else {}
    if names and tables and set(tables) <= set(names) and all(map(is_table, tables.values())):
        return
    raise ArgumentError(
        "class_weight does not fit the targets",
        got=outline(class_weight),
        expected='{class: weight} or "balanced" for one target, and such by output for a dict of '
        f"them; these targets: {'none' if targets is None else targets or 'one'}",
        fix="of a Series make a dict by weights.to_dict(), of an array by "
        "dict(enumerate(weights)); classes are the whole numbers that the model is given, also "
        "where a Vocabulary makes them of text",
    )


def _check_nesting(
    structure: Structure, targets: tuple[Any, ...], weights: tuple[Any, ...]
) -> None:
    named = isinstance(weights[0], str)
    if set(weights) <= set(targets) if named else weights == targets:
        return
    raise SpecError(
        "sample_weight does not go with the targets",
        got=", ".join(structure.names),
        expected="one weight for all outputs, or a weight for each by the same names; only "
        "weights by name may leave outputs out",
    )
