"""Raw records of a join: which fields are whose part's; of a concat: whether parts agree."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from .base.encoding import Records
from .combined import CombinedSequence
from .engine.job import Layout
from .errors import ArgumentError, at_input, few
from .filling import FilledMember
from .members import Member, SequenceMember
from .sequence import MultiInputSequence

__all__ = ["EncodingConcat", "EncodingJoin"]

_GivenParts = Sequence[tuple[str | None, MultiInputSequence]]
"""Parts, each with the name of its input, where the join gives it one."""


class EncodingJoin(CombinedSequence):
    """The side of a join that serves."""

    dropped: dict[str, Any]
    _explicit: dict[str, int | None]
    _input_names: list[str | None]
    _masks: bool

    def _raw_fields(self) -> list[str]:
        return [field for fields in _fields_of(self._given_parts) for field in fields.values()]

    @property
    def _left_out_together(self) -> list[set[str]]:
        found: list[set[str]] = []
        parts = [] if self._has_hook else self._given_parts
        for fields, (_, part), member in zip(_fields_of(parts), parts, self._members, strict=False):
            if isinstance(member, FilledMember):
                found.append(set(fields.values()))
            found += [{fields[own] for own in each} for each in part._left_out_together]
        return found

    def _over(self, records: Records) -> Self:
        other = self._emptied(len(records))
        members = _parts_over(records, self._given_parts, self._members, self._masks)
        other._members = list(members)
        other.parts = [
            each.member.sequence if isinstance(each, FilledMember) else each.sequence
            for each in members
        ]
        other._explicit, other.dropped = {"targets": None, "sample_weight": None}, {}
        return other

    @property
    def _is_uniform(self) -> bool:
        return self._pipeline is None and all(part._is_uniform for _, part in self._given_parts)

    def _layout_of_training(self) -> Layout | None:
        return None if self._is_uniform else super()._layout_of_training()

    @property
    def _given_parts(self) -> _GivenParts:
        """The parts that give inputs, with the names of these."""
        return list(zip(self._input_names, self.parts, strict=False))


class EncodingConcat(CombinedSequence):
    """The side of a concat that serves: as its first part does, where the others do the same."""

    _part_names: list[str]
    _ends: Any

    def _raw_fields(self) -> list[str]:
        fields = [part._fields() for part in self.parts]
        for name, theirs in zip(self._part_names, fields, strict=True):
            if set(theirs) != set(fields[0]):
                raise ArgumentError(
                    "raw records of two parts have different fields",
                    got=f"{self._part_names[0]}: {few(fields[0], 20)}; {name}: {few(theirs, 20)}",
                    fix="encode by the part that the record is of: seq.parts[0].encode(raw)",
                )
        return fields[0]

    @property
    def _left_out_together(self) -> list[set[str]]:
        parts = self.parts[:0] if self._has_hook else self.parts
        first, *others = [part._left_out_together for part in parts] or [[]]
        return [each for each in first if all(each in theirs for theirs in others)]

    @property
    def _is_one_value(self) -> bool:
        return self.parts[0]._is_one_value

    def _as_records(self, raw: Any) -> Records:
        return self.parts[0]._as_records(raw)

    def _over(self, records: Records) -> Self:
        views = [part._serving(records) for part in self.parts]
        first = _leaves_of(views[0]) if len(views) > 1 else {}
        for name, view in zip(self._part_names[1:], views[1:], strict=True):
            if not _are_equal(first, _leaves_of(view)):
                raise ArgumentError(
                    "two parts make different inputs of these records",
                    got=f"{self._part_names[0]} and {name}",
                    expected="parts that decode, cut and transform alike",
                    fix="encode by the part that the record is of: seq.parts[0].encode(raw)",
                )
        other = self._emptied(len(records))
        other.parts, other._members = views[:1], [SequenceMember(views[0], None)]
        other._part_names, other._ends = self._part_names[:1], np.array([len(records)])
        return other

    @property
    def _is_uniform(self) -> bool:
        return self._pipeline is None and all(part._is_uniform for part in self.parts)

    def _layout_of_training(self) -> Layout | None:
        return None if self._is_uniform else super()._layout_of_training()


def _leaves_of(view: Any) -> dict[str, Any]:
    """Returns the inputs of all samples by their full names."""
    with contextlib.closing(view):
        structure = view._layout().structure
        return dict(zip(structure.names, structure.flatten(view[0]), strict=True))


def _are_equal(first: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether inputs are the same to the byte."""
    return first.keys() == other.keys() and all(
        (each.shape, each.dtype) == (other[name].shape, other[name].dtype)
        and each.tobytes() == other[name].tobytes()
        for name, each in first.items()
    )


def _parts_over(
    records: Records, parts: _GivenParts, members: Sequence[Member], masks: bool
) -> list[SequenceMember | FilledMember]:
    """Returns members of a join for raw records.

    Args:
        records: The join's.
        parts: Of the join.
        members: Of the join, as many as there are parts or more.
        masks: Whether an input says that another is not filled.
    """
    found: list[SequenceMember | FilledMember] = []
    for fields, (name, part), member in zip(_fields_of(parts), parts, members, strict=False):
        rows = [
            {own: row[field] for own, field in fields.items() if field in row} for row in records
        ]
        has = np.array(list(map(bool, rows)))  # A record that leaves out all fields is filled.
        if not has.any():
            over = part._as_served()  # None of whose samples is asked for.
        else:
            any_row = rows[int(has.argmax())]
            with at_input(name) if name else contextlib.nullcontext():
                over = part._serving([row or any_row for row in rows])
        if isinstance(member, FilledMember):
            positions = np.where(has, np.arange(len(records)), -1)
            found.append(FilledMember(over, positions, member.called, masks))
        else:
            found.append(SequenceMember(over, None))
    return found


def _fields_of(parts: Sequence[tuple[str | None, MultiInputSequence]]) -> list[dict[str, str]]:
    """Returns of each part its fields of a raw record, and what they are called in the join.

    Raises:
        ArgumentError: Two have one name.
    """
    found = []
    for name, part in parts:
        own = part._fields()
        found.append({each: name if name and part._is_one_value else each for each in own})
    names = Counter(name for fields in found for name in fields.values())
    if twice := [name for name, n in names.items() if n > 1]:
        raise ArgumentError(
            f"two parts have a field called {twice[0]!r}",
            fix="rename the column in one of them; or encode each part by itself",
        )
    return found
