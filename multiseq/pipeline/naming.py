"""Which input or target a name means, in `transforms=` and `missing=`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import ArgumentError, few, nearest
from ..samples import Structure

__all__ = ["Named", "found", "is_target", "labels", "means"]

Named = tuple[str, Any]
"""An input or target: its full name, such as "inputs['x']", and its own in a dict, or None."""


def labels(structure: Structure) -> list[Named]:
    """Returns the inputs and targets of samples, in the order of their leaves."""
    found: list[Named] = []
    names = iter(structure.names)
    for part in ("inputs", "targets"):
        keys = structure.keys(part)
        own = [] if keys is None else [None if isinstance(key, int) else key for key in keys]
        count = 0 if keys is None else max(1, len(keys))
        found += [(next(names), key) for key in own or [None] * count]
    return found


def is_target(full: str) -> bool:
    """Whether this is the full name of a target."""
    return full.startswith("targets")


def means(name: Any, leaf: Named) -> bool:
    """Whether a name is the full one of an input or target, or its own."""
    full, own = leaf
    return bool(name == full or (own is not None and type(name) is type(own) and name == own))


def found(argument: str, name: Any, leaves: Sequence[Named]) -> int:
    """Returns the number of the leaf that a name means.

    That is the leaf's full name, or in a dict its own where no other has it.

    Args:
        argument: Where the name was given, for errors.
        name: The name.
        leaves: Inputs and targets.

    Raises:
        ArgumentError: It is the name of none, or of several.
    """
    numbers = [n for n, leaf in enumerate(leaves) if means(name, leaf)]
    if len(numbers) == 1:
        return numbers[0]
    if numbers:
        both = [repr(leaves[n][0]) for n in numbers]
        raise ArgumentError(
            f"{argument}: {name!r} is the name of an input and of a target",
            fix=f"say which: {' or '.join(both)}; or give one of them another name",
        )
    known = [full if own is None else own for full, own in leaves]
    fix = nearest(name, known)
    if is_target(str(name)) and not any(is_target(full) for full, _ in leaves):
        fix = (
            "pass targets=; of samples that have none, leave out their transforms, and "
            "load_transforms(path) keeps their classes and units for predictions"
        )
    if name in ("inputs", "targets"):
        inside = [each for each, (full, _) in zip(known, leaves, strict=True) if name in full]
        fix = f"there are several: {{{inside[0]!r}: ...}}" if inside else fix
    raise ArgumentError(
        f"{argument}: there is no input or target {name!r}",
        got=f"these samples have {few(known, 20)}",
        fix=fix,
    )
