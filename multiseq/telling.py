"""Which samples a left join filled: told to a model, and kept from those who learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .errors import ArgumentError
from .filling import FilledMember
from .members import Member, Origin, SequenceMember
from .order import Indices
from .samples import Structure

__all__ = ["check_learned", "masks_among", "with_masks"]


def with_masks(inputs: Any, members: Sequence[Member]) -> dict[str, Origin]:
    """Returns the inputs with a mask for each that may be filled.

    Raises:
        ArgumentError: Inputs have no names, or there is an input of a mask's name.
    """
    if not isinstance(inputs, dict):
        raise ArgumentError(
            "mask=True names masks after inputs, which have no names here",
            fix="pass the parts by keyword: join(image=images, caption=captions, ...)",
        )
    masks: dict[str, Origin] = {}
    for name, origin in inputs.items():
        member, mask = members[origin.member], f"{name}_present"
        if isinstance(member, FilledMember):
            theirs = member.member.sequence._masks_given()
            if not theirs & {name, mask}:  # A join among the parts tells it already.
                masks[mask] = Origin(origin.member, len(member.structure))
    if clash := masks.keys() & inputs.keys():
        raise ArgumentError(
            f"there is an input {sorted(clash)[0]!r} beside the mask of that name",
            fix="give the input another name",
        )
    return inputs | masks


def masks_among(
    structure: Structure, origins: Sequence[Origin], members: Sequence[Member]
) -> set[Any]:
    """Returns the inputs of a join that are masks: its own, and those of joins among its parts."""
    found = set()
    for name, origin in zip(structure.keys("inputs") or (), origins, strict=False):
        member = members[origin.member]
        if isinstance(member, FilledMember):
            if origin.number == len(member.structure):
                found.add(name)
            member = member.member
        if isinstance(member, SequenceMember) and name in member.sequence._masks_given():
            found.add(name)
    return found


def check_learned(
    names: Sequence[Any],
    structure: Structure,
    origins: Sequence[Origin],
    members: Sequence[Member],
    indices: Indices,
) -> None:
    """Raises ArgumentError where transforms of the whole would learn from what is filled.

    Args:
        names: Of what they are applied to.
        structure: Of the join's samples.
        origins: Of their leaves.
        members: Of the join.
        indices: Of the samples to learn from.
    """
    for key, origin in zip(structure.keys("inputs") or ("inputs",), origins, strict=False):
        member = members[origin.member]
        if not isinstance(member, FilledMember) or member.has(indices).all():
            continue
        if found := {key, f"inputs[{key!r}]"} & set(names):
            raise ArgumentError(
                f"the transform of {key!r} would learn from what is filled",
                got=f"{int((~member.has(indices)).sum())} samples that {member.called} lacks",
                fix=f"give it to the part: transforms={{{found.pop()!r}: ...}} of the sequence, "
                "before it is joined; it then learns from what is there",
            ).at(input=key)
