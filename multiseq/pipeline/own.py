"""What a class does to its own inputs and targets, where these are not left to the base."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

from ..errors import ArgumentError
from ..transforms.given import as_chains
from ..transforms.learned import steps_of
from ..transforms.steps import Chain
from .absence import checked, guarded, is_mask
from .naming import Named, found, is_target, means

__all__ = ["Own", "own_steps", "parted"]


class Own(NamedTuple):
    """What a class does to its own inputs and targets, and what it leaves to the base.

    Args:
        chains: By the number of the leaf: the name as it was given, and the chain.
        masked: The numbers of targets that may be missing: the class loads them as they are, and
            the base does the rest.
        given: What the base does, by name.
        missing: What `missing=` says to the base.
    """

    chains: dict[int, tuple[Any, Chain]]
    masked: set[int]
    given: dict[Any, Any]
    missing: Any

    def left_to_base(self, given: Mapping[Any, Any]) -> dict[str, Any]:
        """Returns `transforms=` and `missing=` for the base.

        Args:
            given: What `transforms=` says of what is not the class' own.
        """
        return {"transforms": {**given, **self.given}, "missing": self.missing}


def own_steps(
    given: Mapping[Any, Any],
    missing: Any,
    full: Sequence[str],
    own: Sequence[Any],
    sources: Sequence[Hashable] = (),
    *,
    fills: bool = False,
    together: bool = False,
) -> Own:
    """Returns the chains of inputs and targets that a class transforms by itself.

    Args:
        given: What `transforms=` says of them.
        missing: The keyword: what it says of a leaf is the first step there.
        full: Their full names, in order.
        own: Their own names, or what else the class calls them.
        sources: What each is read from: an own name stands for an input and a target where both
            are read from the same.
        fills: As in `Chain`.
        together: As in `Chain`.

    Raises:
        ArgumentError: A name is that of none or of several, or it has no steps; or `missing` says
            of an own input what cannot be done.
    """
    none = Chain((), fills=fills, together=together)
    leaves = [
        (f, None if f.startswith("sample_weight") else o) for f, o in zip(full, own, strict=True)
    ]
    chains = _chains(given, leaves, sources, none)
    said, rest = _said_of(missing, leaves, sources)
    masked: dict[Any, Any] = {}
    numbers = set()
    for number, (name, how) in said.items():
        called, chain = chains.pop(number, (name, none))
        if is_mask(how) and is_target(full[number]):
            numbers.add(number)
            masked[called] = chain.steps
        else:
            chains[number] = called, chain.after(checked(called, how))
    for number, (called, chain) in chains.items():
        if is_target(full[number]):
            chains[number] = called, guarded(chain, called)
    if masked:
        rest = {**(rest or {}), **dict.fromkeys(masked, "mask")}
    return Own(chains, numbers, {name: steps for name, steps in masked.items() if steps}, rest)


def parted(given: Any, targets: Any) -> tuple[Any, dict[Any, Any]]:
    """Splits `transforms=` into what a class applies itself, and what the base does to targets.

    Args:
        given: What was given.
        targets: What the class does not load itself, as it was given; a dict is by output.
    """
    given = steps_of(given)
    if not isinstance(given, Mapping) or targets is None:
        return given, {}
    names = set(targets) if isinstance(targets, Mapping) else set()
    theirs = {
        name
        for name in given
        if name in names or (isinstance(name, str) and name.startswith("targets"))
    }
    return (
        {name: each for name, each in given.items() if name not in theirs},
        {name: each for name, each in given.items() if name in theirs},
    )


def _chains(
    given: Mapping[Any, Any], leaves: Sequence[Named], sources: Sequence[Hashable], none: Chain
) -> dict[int, tuple[Any, Chain]]:
    """Returns, by the number of the leaf, a name as it was given and its chain."""
    made: dict[int, tuple[Any, Chain]] = {}
    for name, given_chain in as_chains(given).items():
        for number in _meant("transforms", name, leaves, sources):
            if number in made:
                raise ArgumentError(
                    f"transforms: {made[number][0]!r} and {name!r} are the same",
                    fix="give both steps under one name, in a tuple",
                )
            made[number] = name, none.of(given_chain.steps)
    return made


def _said_of(
    missing: Any, leaves: Sequence[Named], sources: Sequence[Hashable]
) -> tuple[dict[int, tuple[Any, Any]], Any]:
    """Splits `missing=` into what it says of own leaves, by their number, and the rest."""
    if missing is None:
        return {}, None
    if not isinstance(missing, Mapping):
        names = [own for _, own in leaves]
        return {
            number: (full if names.count(own) > 1 else own, missing)
            for number, (full, own) in enumerate(leaves)
            if full.startswith("inputs")
        }, None
    said: dict[int, tuple[Any, Any]] = {}
    rest = {}
    for name, how in missing.items():
        if any(means(name, leaf) for leaf in leaves):
            numbers = _meant("missing", name, leaves, sources)
            said.update(dict.fromkeys(numbers, (name, how)))
        else:
            rest[name] = how
    return said, rest or None


def _meant(
    argument: str, name: Any, leaves: Sequence[Named], sources: Sequence[Hashable]
) -> list[int]:
    """Returns the numbers of the leaves that a name means."""
    numbers = [n for n, leaf in enumerate(leaves) if means(name, leaf)]
    if sources and len(numbers) > 1 and len({sources[n] for n in numbers}) == 1:
        return numbers
    return [found(argument, name, leaves)]
