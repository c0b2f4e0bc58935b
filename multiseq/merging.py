"""What the parts of a join are as one: their inputs, transforms, labels and rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .errors import ArgumentError
from .keys.rows import AnyRows, deciding, joined
from .keys.targets import label_indexes
from .members import Origin
from .order import Indices
from .sequence import MultiInputSequence
from .transforms import Transform

__all__ = [
    "check_parts",
    "label_indexes_of",
    "merged_inputs",
    "named_transforms",
    "one_of",
    "rows_of",
]


def check_parts(roles: list[tuple[str | None, Any]]) -> list[str]:
    """Returns a name for each part, for errors."""
    for _, part in roles:
        if not isinstance(part, MultiInputSequence):
            raise ArgumentError("only sequences can be joined", got=part)
        _check_settings(part)
    if not roles:
        raise ArgumentError("there is nothing to join")
    return [name or f"part {n} ({type(part).__name__})" for n, (name, part) in enumerate(roles)]


def _check_settings(part: MultiInputSequence) -> None:
    """Raises ArgumentError where a part has what only a join can have."""
    if part.collates:
        raise ArgumentError(
            "a sequence with a collate of its own cannot be joined", got=type(part).__name__
        )
    settings = part._settings
    for name, lost in (
        ("class_weight", settings.class_weight is not None),
        ("sampler", settings.sampler is not None),
        ("on_error", settings.on_error != "raise"),
    ):
        if lost:
            raise ArgumentError(
                f"a part of a join has {name}=, which would be lost",
                got=type(part).__name__,
                fix=f"give it to the join: join(..., {name}=...)",
            )


def merged_inputs(nested: list[tuple[Any, ...]], names: list[str | None]) -> Any:
    """Returns the join's inputs: a dict where inputs have names, else a tuple."""
    named: dict[str, Any] = {}
    unnamed: list[Any] = []
    for (inputs, *_), name in zip(nested, names, strict=True):
        if name is not None:
            leaves = [inputs] if isinstance(inputs, Origin) else list(_values(inputs))
            if len(leaves) != 1:
                raise ArgumentError(
                    f"part {name!r} has {len(leaves)} inputs, and a named part gives one",
                    fix="pass it by position: it then brings its own input names",
                )
            inputs = {name: leaves[0]}
        if isinstance(inputs, dict):
            if clash := named.keys() & inputs.keys():
                raise ArgumentError(f"two parts have an input {sorted(clash)[0]!r}")
            named.update(inputs)
        else:
            unnamed += [inputs] if isinstance(inputs, Origin) else inputs
    if named and unnamed:
        raise ArgumentError(
            "some inputs have names and some have none",
            got=f"names: {', '.join(named)}; without: {len(unnamed)}",
            fix="pass every part with a single input by keyword: join(image=images, …)",
        )
    return named or (unnamed[0] if len(unnamed) == 1 else tuple(unnamed))


def _values(inputs: Any) -> Any:
    return inputs.values() if isinstance(inputs, dict) else inputs


def one_of(found: list[Any], role: str) -> Any:
    """Returns the only one, or several dicts by output name as one."""
    if len(found) == 1:
        return found[0]
    merged: dict[str, Any] = {}
    for each in found:
        if not isinstance(each, dict) or merged.keys() & each.keys():
            raise ArgumentError(
                f"several parts have {role}",
                got=f"{len(found)} parts",
                fix=f"say which: join(..., {role}=...), or give each of them a name in a dict",
            )
        merged.update(each)
    return merged


def named_transforms(
    parts: Sequence[tuple[str | None, str, MultiInputSequence]],
) -> dict[Any, Transform]:
    """Returns the transforms of a join's parts, by the names that its inputs have.

    One that makes the only input of a named part has the part's name. Others keep their own; where
    two parts use the same, the part's is put before it.

    Args:
        parts: For each the name of its input, where the join gives it one; what it is called; and
            the sequence.
    """
    found = [
        (called, called if name is not None and own in part._of_inputs else own, transform)
        for name, called, part in parts
        for own, transform in part.transforms.items()
    ]
    twice = {
        name
        for _, name, transform in found
        for _, other, another in found
        if name == other and transform is not another
    }
    return {f"{part}.{name}" if name in twice else name: each for part, name, each in found}


def label_indexes_of(
    targets: Any, sample_weight: Any, parts: Sequence[MultiInputSequence]
) -> dict[str, Any]:
    """Returns the labels of targets and weights by name: an index or a dict.

    Those with the index of a part's source go by row, and limit no keys.
    """
    found = {}
    for name, value in (("targets", targets), ("sample_weight", sample_weight)):
        if not isinstance(value, MultiInputSequence):
            found.update(label_indexes(value, name))
    sources = deciding(rows for part in parts for rows in part._source_rows)
    return {
        name: index
        for name, index in found.items()
        if isinstance(index, Mapping) or not any(rows.readings(index) for rows in sources)
    }


def rows_of(
    parts: Sequence[MultiInputSequence], positions: Sequence[Indices | None]
) -> tuple[AnyRows, ...]:
    """Returns the rows that the samples of all parts were made of, in the join's order."""
    return joined(
        rows if mine is None else rows.of(mine)
        for part, mine in zip(parts, positions, strict=True)
        for rows in part._source_rows
    )
