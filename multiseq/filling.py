"""Parts of a join that lack samples, which are filled."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from . import _keras
from .collate import BatchBuilder, is_known, is_string
from .errors import ArgumentError, SpecError, describe, few
from .keys.kinds import likeness
from .members import Lacking, Member, Origin, SequenceMember
from .memory import aligned_empty
from .order import Draw, Indices
from .plots.kinds import Kind
from .samples import Leaves, Spec, Structure
from .scatter import Fill, conformed
from .sequence import MultiInputSequence
from .transforms import Holder

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FilledMember", "check_filling", "report_filled", "settle"]

_log = logging.getLogger("multiseq")


class FilledMember(Holder, Member):
    """A sequence that may lack some of the join's samples: its inputs are filled there.

    Args:
        sequence: The sequence.
        positions: Of each of the join's samples in it, -1 where it has none; None for the same
            position.
        called: What the part is called, for errors.
        masks: Whether one more leaf says which samples it has.
    """

    def __init__(
        self,
        sequence: MultiInputSequence,
        positions: Indices | None,
        called: str,
        masks: bool,
    ) -> None:
        self.member, self.called = SequenceMember(sequence, positions), called
        self._positions, self._masks = positions, masks
        self.mask = Spec((), _keras.floatx())
        self.loads_batches = sequence.loads_batches
        self.fills: list[Fill | None] = []  # By leaf; of targets, if any, there are none.

    @property
    def structure(self) -> Structure:  # type: ignore[override]
        """How the sequence's samples are nested."""
        return self.member.structure

    @property
    def specs(self) -> Sequence[Spec]:  # type: ignore[override]
        """The specs of their leaves, and of the mask where there is one."""
        return [*self.member.specs, *([self.mask] if self._masks else [])]

    def steps_of(self, number: int) -> tuple[Any, ...]:
        """Returns what the sequence did to a leaf, in order; to a mask, nothing."""
        return self.member.steps_of(number) if number < len(self.structure) else ()

    @property
    def augments(self) -> bool:  # type: ignore[override]
        """Whether the sequence augments."""
        return self.member.augments

    @property
    def lacks_any(self) -> bool:
        """Whether there is a sample that the sequence lacks."""
        return self._positions is not None and bool((self._positions < 0).any())

    def has(self, indices: Indices) -> npt.NDArray[np.bool_]:
        """Returns for each sample whether the sequence has it."""
        if self._positions is None:
            return np.ones(len(indices), bool)
        return np.asarray(self._positions[indices] >= 0)

    def lacking(self, indices: Indices) -> Lacking:
        """Returns which of the samples it has, and parts of it, where some lack samples."""
        has = self.has(indices)
        own = [(self.called, has)] if self.lacks_any else []
        return own + self.member.lacking(indices[has])

    def has_leaf(self, number: int, indices: Indices) -> npt.NDArray[np.bool_]:
        """Returns which of the samples have a leaf, and not what fills it; a mask is always one."""
        if number == len(self.structure):
            return np.ones(len(indices), bool)
        has = self.has(indices)
        has[has] = self.member.has_leaf(number, indices[has])
        return has

    def forget(self) -> None:
        """Forgets what the samples look like."""
        self.member.forget()

    def of_inputs(self) -> FilledMember:
        """Returns the member of a sequence that predicts."""
        other = copy.copy(self)
        other.member, other.fills = self.member.of_inputs(), []
        return other

    def with_targets(self) -> FilledMember:
        """Returns the member of the same sequence in source order, with its targets."""
        other = copy.copy(self)
        other.member, other.fills = self.member.with_targets(), []
        return other

    def for_workers(self, number: int) -> FilledMember:
        """Returns a copy for worker processes."""
        other = copy.copy(self)
        other.member = self.member.for_workers(number)
        return other

    def leaves(self, index: int, draw: Draw | None) -> Leaves:
        """Returns the leaves of one sample; what is filled is not augmented."""
        has = self._positions is None or self._positions[index] >= 0
        if has:
            leaves = self.member.leaves(index, draw)
            leaves = conformed(leaves, self.member.specs, self.structure.names)
        else:
            leaves = [None if fill is None else fill.value.copy() for fill in self.fills]
        return [*leaves, np.asarray(has, self.mask.dtype)] if self._masks else leaves

    @property
    def kinds(self) -> Sequence[Kind | None]:
        """What the leaves stand for, where that is known."""
        return [*self.member.kinds, *([None] if self._masks else [])]

    def raw_leaves(self, index: int) -> Leaves:
        """Returns the leaves of one sample before they are transformed."""
        if self._positions is not None and self._positions[index] < 0:
            return self.leaves(index, None)
        leaves = self.member.raw_leaves(index)
        return [*leaves, np.asarray(1, self.mask.dtype)] if self._masks else leaves

    def columns(self, indices: Indices) -> Leaves:
        """Returns the leaves of several samples, each with a leading axis."""
        if not self.loads_batches:
            rows = [self.leaves(index, None) for index in indices.tolist()]
            return [list(column) for column in zip(*rows, strict=True)]
        positions = indices if self._positions is None else self._positions[indices]
        others = np.flatnonzero(positions < 0)
        leaves = (
            self._filled(positions, others) if len(others) else self.member.columns_at(positions)
        )
        leaves = conformed(leaves, self.member.specs, self.structure.names)
        if not self._masks:
            return leaves
        mask = aligned_empty(positions.shape, self.mask.dtype)
        mask[:] = 1
        mask[others] = 0
        return [*leaves, mask]

    def _filled(self, positions: Indices, others: Indices) -> Leaves:
        """Returns the leaves of samples at these positions, of which others are filled."""
        n = len(positions)
        if self.member.sequence._gathers and len(others) < n:
            # To take any rows in the place of others is cheaper than to move those that are there.
            positions[others] = positions[0 if others[0] else np.argmax(positions >= 0)]
            found = self.member.columns_at(positions)
            return [
                fill and fill.put(r, others, n) for r, fill in zip(found, self.fills, strict=True)
            ]
        mine = np.flatnonzero(positions >= 0)
        found = self.member.columns_at(positions[mine]) if len(mine) else [None] * len(self.fills)
        pairs = zip(found, self.fills, strict=True)
        return [fill and fill.among(rows, mine, others, n) for rows, fill in pairs]

    def times(self, indices: Indices) -> tuple[Any, Any, Any] | None:
        """Returns the first and the last time of the samples that it has.

        Of others they are missing; integers, which can't be, are beyond all others.
        """
        has = self.has(indices)
        found = self.member.times(indices[has]) if has.any() else None
        if found is None or has.all():
            return found
        first, last, zone = found
        missing = np.empty((2, len(indices)), first.dtype)
        if first.dtype.kind in "iu":
            limits = np.iinfo(first.dtype)
            missing[:] = [[limits.max], [limits.min]]
        else:
            missing[:] = np.nan if first.dtype.kind == "f" else "NaT"
        missing[:, has] = first, last
        return missing[0], missing[1], zone

    def targets(self, indices: Indices) -> dict[int, Any]:
        """Returns the targets of samples, where it has all samples: else it gives no targets."""
        return {} if self.lacks_any else self.member.targets(indices)

    def learn(self, stage: int, indices: Indices, progress: str | None, on_error: Any) -> None:
        """Learns of the samples that it has."""
        self.member.learn(stage, indices[self.has(indices)], progress, on_error)


def check_filling(how: str, fill: Any, mask: Any) -> None:
    """Raises ArgumentError where a join that fills nothing is told how to."""
    if not isinstance(mask, bool):
        raise ArgumentError("mask is not a boolean", got=describe(mask), expected="True or False")
    if how != "left" and (fill is not None or mask):
        raise ArgumentError(
            f"how={how!r} fills nothing",
            got="mask=True" if fill is None else f"fill={describe(fill)}",
            fix='leave it out; or join with how="left", which keeps samples that lack a part',
        )


def settle(members: Sequence[Member], inputs: Any, targets: Sequence[Any], fill: Any) -> None:
    """Gives each member what its inputs are filled with.

    Args:
        members: Of a join.
        inputs: An `Origin` for each input of the join, in a dict, a tuple or alone.
        targets: The same for what follows the inputs.
        fill: A value for all inputs, or a dict of values by input; None for the default.

    Raises:
        ArgumentError: A value does not fit its input, there is no such input or nothing is ever
            missing of it, or targets would be missing.
    """
    filled = {n: each for n, each in enumerate(members) if isinstance(each, FilledMember)}
    for origin in (origin for part in targets for _, origin in _named(part)):
        if origin.member in filled and filled[origin.member].lacks_any:
            raise _no_targets(filled[origin.member].called)
    for member in filled.values():
        member.fills = [None] * len(member.structure)
    named = dict(_named(inputs))
    wanted = {name: origin for name, origin in named.items() if origin.member in filled}
    _check_names(fill, wanted, named)
    for name, origin in wanted.items():
        member = filled[origin.member]
        value = fill.get(name) if isinstance(fill, Mapping) else fill
        if name in member.member.sequence._masks_given() and not isinstance(fill, Mapping):
            value = 0  # A mask: of what it tells of, nothing is there.
        spec, leaf = member.member.specs[origin.number], member.structure.names[origin.number]
        member.fills[origin.number] = Fill(_row(value, spec, name), spec, leaf)


def _named(part: Any) -> Iterator[tuple[Any, Origin]]:
    """Yields the name of each leaf, its number where it has none, and the leaf."""
    if isinstance(part, dict):
        yield from part.items()
    else:
        yield from enumerate(part if isinstance(part, tuple) else (part,))


def _check_names(fill: Any, wanted: Mapping[Any, Any], named: Mapping[Any, Any]) -> None:
    if not isinstance(fill, Mapping):
        return
    if unknown := [name for name in fill if name not in wanted]:
        first = unknown[0] in named
        raise ArgumentError(
            f"fill= has a value for {unknown[0]!r}, "
            + ("which is never missing" if first else "which is no input"),
            got=describe(dict(fill)),
            expected="values by input of the parts after the first: "
            + ", ".join(map(repr, wanted)),
            fix="the first part decides which samples there are" if first else None,
        )


def _row(value: Any, spec: Spec, name: Any) -> Any:
    """Returns one sample's value of an input that is filled.

    Along an axis of any length it is one long: what follows is padding.
    """
    if value is None:
        value = "" if is_string(spec.dtype) else spec.pad_value
    try:
        given = np.asarray(value)
    except ValueError as error:  # Rows of several lengths.
        raise _no_fit(value, spec, name) from error
    if is_string(spec.dtype) and np.dtype(spec.dtype).kind == "S" and given.dtype.kind == "U":
        given = given.astype("S")
    if not given.ndim:
        given = np.full([1 if axis is None else axis for axis in spec.shape], given)
    given = _exactly(given, np.dtype(spec.dtype))
    arrays = [aligned_empty((1, *_whole(spec)), spec.dtype)] if is_known(spec) else []
    try:
        builder = BatchBuilder([spec], [f"fill of {name!r}"], 1, arrays)
        builder.put(0, [given])
        return np.asarray(builder.finish()[0][0])
    except SpecError as error:
        raise _no_fit(value, spec, name) from error


def _no_fit(value: Any, spec: Spec, name: Any) -> ArgumentError:
    return ArgumentError(
        f"fill= does not fit input {name!r}",
        got=describe(value),
        expected=f"one number, or a sample of shape {spec.shape}, that {spec.dtype} can hold",
        fix="give each input a value of its own: fill={name: value}; or declare a wider dtype "
        "by spec= of the part",
    )


def _whole(spec: Spec) -> tuple[int, ...]:
    return tuple(axis for axis in spec.batch_shape if axis is not None)


def _exactly(given: npt.NDArray[Any], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Returns numbers in the dtype of whole ones, where they are whole: 0.0 is 0."""
    if dtype.kind not in "biu" or given.dtype.kind not in "biuf":
        return given
    with np.errstate(all="ignore"):
        exact = given.astype(dtype)
    return exact if np.array_equal(exact, given) else given


def _no_targets(called: str) -> ArgumentError:
    return ArgumentError(
        f"{called} has the targets, and lacks samples, of which nothing could be learned",
        fix="pass targets that all have: join(..., targets=series), with a sample_weight of 0 "
        'where there are none; or join with how="inner"; or make it the first part',
    )


def report_filled(
    names: Sequence[str],
    keys: Sequence[pd.Index[Any]],
    positions: Sequence[Indices | None],
    dropped: Mapping[str, pd.Index[Any]],
) -> None:
    """Logs which keys parts lack, and whether any of them look like others that are there."""
    for name, found in zip(names, positions, strict=True):
        if found is None or not (lacks := found < 0).any():
            continue
        missing = keys[0][lacks]
        alike = likeness(missing, dropped[name]) if name in dropped else None
        _log.warning(
            "join filled %s for %d keys: %s%s",
            name,
            len(missing),
            few(missing),
            f"; is it meant so? {alike[0]}: {alike[1]}" if alike else "",
        )
