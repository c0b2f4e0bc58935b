"""What the parts of a join are as one: their inputs, transforms, labels and rows."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from .errors import ArgumentError
from .keys.rows import AnyRows, deciding, joined
from .keys.targets import label_indexes
from .members import Lacking, Member, Origin
from .order import Indices
from .plots.kinds import Kind
from .sequence import MultiInputSequence
from .transforms import Transform

__all__ = [
    "Looks",
    "check_parts",
    "label_indexes_of",
    "merged_inputs",
    "named_transforms",
    "one_of",
    "rows_of",
    "told_apart",
]


def check_parts(roles: list[tuple[str | None, Any]], call: str = "join") -> list[str]:
    """Returns a name for each part, for errors.

    Args:
        roles: The name of each part, if it has one, and the part.
        call: The function that puts them together.

    Raises:
        ArgumentError: One is no sequence, or has what only the whole can have; or there is none.
    """
    for _, part in roles:
        if not isinstance(part, MultiInputSequence):
            raise ArgumentError(f"a part of {call} is no sequence", got=part)
        _check_settings(part, call)
    if not roles:
        raise ArgumentError(f"{call} was given no parts")
    return [name or f"part {n} ({type(part).__name__})" for n, (name, part) in enumerate(roles)]


def _check_settings(part: MultiInputSequence, call: str) -> None:
    """Raises ArgumentError where a part has what only the whole can have."""
    if part.collates:
        raise ArgumentError(
            f"a part of {call} has a collate of its own, which would be lost",
            got=type(part).__name__,
        )
    settings = part._settings
    for name, lost in (
        ("augment_batch", part.augments_batches),
        ("class_weight", settings.class_weight is not None),
        ("sampler", settings.sampler is not None),
        ("on_error", settings.on_error != "raise"),
    ):
        if lost:
            raise ArgumentError(
                f"a part of {call} has {name}=, which would be lost",
                got=type(part).__name__,
                fix="mix the parts of both at once, by weights for each"
                if (call, name) == ("mix", "sampler")
                else f"give it to the whole: {call}(..., {name}=...)",
            )
    index, count = settings.share
    if count > 1:
        raise ArgumentError(
            f"a part of {call} is a shard, and the whole would serve all samples",
            got=f"{type(part).__name__}, shard {index} of {count}",
            fix=f"shard the whole: {call}(...).shard({index}, {count})",
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


class Looks:
    """The side of a join that is looked at: its leaves are those of its members."""

    _plan: Any
    _members: list[Member]
    _explicit: dict[str, int | None]

    def _lacking(self, indices: Indices) -> Lacking:
        return [each for member in self._members for each in member.lacking(indices)]

    @property
    def _leaf_kinds(self) -> Mapping[str, Kind]:
        sequence: Any = super()
        return {**sequence._leaf_kinds, **self._placed([member.kinds for member in self._members])}

    @property
    def _leaf_parts(self) -> Mapping[str, str]:
        return self._placed([[each.called] * len(each.specs) for each in self._members])

    def _raw_leaves(self, index: int) -> dict[str, Any]:
        return self._placed([member.raw_leaves(index) for member in self._members])

    def _goals_of_labels(self) -> Any:
        """Those of the only part that has targets, where the join itself has none."""
        sequence: Any = self
        own = any(map(sequence._is_of_target, sequence._names_of_steps))
        if own or self._explicit["targets"] is not None:
            return super()._goals_of_labels()  # type: ignore[misc]
        found = [goals for part in sequence.parts if (goals := part._goals_of_labels())]
        return found[0] if len(found) == 1 else None

    def _raw_target(self, index: int, name: str) -> Any:
        structure, origins = self._plan
        origin = origins[structure.names.index(name)]
        return self._members[origin.member].raw_leaves(index)[origin.number]

    def _placed(self, theirs: Sequence[Sequence[Any]]) -> dict[str, Any]:
        """What members say of their leaves, by the names that the join's leaves have."""
        structure, origins = self._plan
        values = [theirs[origin.member][origin.number] for origin in origins]
        named = zip(structure.names, values, strict=True)
        return {name: value for name, value in named if value is not None}


def named_transforms(
    parts: Sequence[tuple[str | None, str, MultiInputSequence]], taken: Collection[Any] = ()
) -> dict[Any, Transform]:
    """Returns the transforms of a join's parts, by the names that its inputs have.

    One that makes the only input of a named part has the part's name. Others keep their own; where
    two parts use the same, the part's is put before it.

    Args:
        parts: For each the name of its input, where the join gives it one; what it is called; and
            the sequence.
        taken: Names that are the join's own.
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
    twice.update(taken)
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
    """Returns the rows that the samples of all parts were made of, in the join's order.

    Those of a part that lacks samples are left out.
    """
    return joined(
        rows if mine is None else rows.of(mine)
        for part, mine in zip(parts, positions, strict=True)
        if mine is None or (mine >= 0).all()
        for rows in part._source_rows
    )


def told_apart(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns named parts, and keywords of the base.

    Raises:
        ArgumentError: A part is no sequence, or has the name of a keyword.
    """
    named = {k: v for k, v in given.items() if isinstance(v, MultiInputSequence)}
    keywords = {k: v for k, v in given.items() if k not in named}
    known = inspect.signature(MultiInputSequence).parameters
    for name, value in keywords.items():
        if name not in known:
            raise ArgumentError(
                f"{name} is neither a sequence nor a keyword",
                got=value,
                expected="sequences by input name, and keywords of MultiInputSequence",
                fix="make a sequence of it, such as ArraySequence(...); or correct the name",
            )
    if clash := known.keys() & named.keys():
        raise ArgumentError(
            f"a part is called {sorted(clash)[0]!r}, which is a keyword",
            fix="give it another name; or pass it by position, with an input of that name",
        )
    return named, keywords
