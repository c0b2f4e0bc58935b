"""Raw records: what a user gave, and which fields each of them has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..errors import ArgumentError, describe, few

__all__ = ["ALONE", "Records", "as_records", "check_fields"]

Records = Sequence[Mapping[str, Any]]

ALONE = "inputs"
"""The field of a record whose sequence has one input, which has no name of its own."""


def as_records(raw: Any) -> Records:
    """Returns what a user gave as records, with fields as text."""
    records: list[Any] = []
    if isinstance(raw, Mapping):
        records = [raw]
    elif hasattr(raw, "iloc") and hasattr(raw, "columns"):
        records = raw.to_dict("records")
    elif isinstance(raw, list | tuple):
        records = list(raw)
    if not records or not all(isinstance(record, Mapping) for record in records):
        none = hasattr(raw, "__len__") and not isinstance(raw, str) and not len(raw)
        raise ArgumentError(
            "this is no raw record",
            got="no record at all" if none else describe(raw),
            expected="a dict by field, a list of them, or a DataFrame",
            fix=f'of a single input without a name, write {{"{ALONE}": value}}',
        )
    return [{str(name): value for name, value in record.items()} for record in records]


def check_fields(
    records: Records, fields: Iterable[str], left_out_together: Sequence[set[str]]
) -> None:
    """Raises ArgumentError where a record lacks a field, or has one too many.

    Args:
        records: By field.
        fields: All there are.
        left_out_together: Sets of those that may be left out, if all of a set are.
    """
    known = set(fields)
    for number, record in enumerate(records):
        names = set(record)
        left_out = [each for each in left_out_together if each.isdisjoint(names)]
        if lacks := sorted(known - names.union(*left_out)):
            parts = [each for each in left_out_together if not each.isdisjoint(lacks)]
            raise ArgumentError(
                f"record {number} lacks {few(lacks)}",
                got=f"fields {few(sorted(names), 20)}",
                expected=f"fields {few(sorted(known), 20)}",
                fix="give each field a value; None in a table where it is missing"
                + (f"; or leave out all of {few(sorted(parts[-1]), 20)}" if parts else ""),
            )
        if more := sorted(names - known):
            raise ArgumentError(
                f"record {number} has {few(more)}, which the model is not given",
                expected=f"fields {few(sorted(known), 20)}",
                fix="leave it out; or correct the name",
            )
