"""Which input of the data meets which input of the model, by Keras' own rules."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

from .._keras_model import Facts, Port
from ..errors import list_names
from .looking import Leaf, Look
from .report import Report

__all__ = ["Pairs", "match_inputs", "meant_by", "nearest"]

Pairs = list[tuple[Leaf, Port]]


def nearest(name: Any, among: Sequence[str]) -> str | None:
    """The name that is most like another, if any is."""
    lower = {each.lower(): each for each in among}
    mine = str(name).lower()
    found = difflib.get_close_matches(mine, list(lower), 1, 0.6)
    found = found or [
        each for each in lower if min(len(each), len(mine)) > 2 and (mine in each or each in mine)
    ]
    return lower[found[0]] if len(found) == 1 else None


def meant_by(name: str, missing: Sequence[str], spare: Sequence[str]) -> str | None:
    """The name that is there in the place of a missing one: one like it, or the only one."""
    return nearest(name, spare) or (spare[0] if len(missing) == len(spare) == 1 else None)


def match_inputs(data: Look, facts: Facts, report: Report) -> Pairs:
    """Returns which input of the data meets which one of the model; notes where none does."""
    leaves, ports = data.inputs, facts.inputs or []
    if facts.is_sequential and (data.named("inputs") or len(leaves) > 1):
        return _to_stack(leaves, ports, report)
    if facts.inputs is None:
        return []
    if not data.named("inputs"):
        return _in_turn(leaves, facts, report)
    by_name = {leaf.key: leaf for leaf in leaves}
    names = [port.name for port in ports]
    spare = [name for name in by_name if name not in names]
    missing = [name for name in names if name not in by_name]
    for name in missing:
        meant = meant_by(name, missing, spare)
        report.add(
            "error",
            f"the model has an input {name!r}, and the data have none of that name",
            got=list_names(by_name),
            expected=list_names(names),
            fix=f"call it {name!r} in the data, where it is {meant!r}; or name the model's so: "
            f"keras.Input(..., name={meant!r})"
            if meant
            else f"give the data an input {name!r}, or build the model without it",
        )
    if not missing:
        _check_spare(spare, names, facts, report)
    return [(by_name[port.name], port) for port in ports if port.name in by_name]


def _check_spare(spare: list[str], names: list[str], facts: Facts, report: Report) -> None:
    for name in spare:
        # Keras puts the names in order and gives the model's inputs the first ones.
        shifts = facts.by_name and name < max(names)
        report.add(
            "error" if shifts else "warning",
            f"the model has no input {name!r}: "
            + (
                "Keras goes by the order of names, and gives the model the wrong ones"
                if shifts
                else "Keras leaves it out without a word"
            ),
            got=list_names([*names, *spare]),
            expected=list_names(names),
            fix=f"leave {name!r} out of the data, or build the model with an input of that name",
        )


def _in_turn(leaves: list[Leaf], facts: Facts, report: Report) -> Pairs:
    """Inputs without names meet the model's in turn."""
    ports = facts.inputs or []
    if len(leaves) != len(ports):
        report.add(
            "error",
            "the data and the model differ in the number of inputs",
            got=f"{len(leaves)} in the data",
            expected=f"{len(ports)}: {list_names(port.name for port in ports)}",
            fix="give the data as many inputs, by name: a dict in load_sample, or "
            "join(name=part, ...)",
        )
        return []
    if len(ports) > 1 and facts.by_name:
        names = [port.name for port in ports]
        report.add(
            "error",
            "the data are a tuple, and the model was declared with a dict of inputs",
            got=f"a tuple of {len(leaves)}",
            expected=f"a dict of {list_names(names)}",
            fix="give the inputs by name: Keras takes a tuple for the names in alphabetical order, "
            f"{', '.join(names)}, or refuses it",
        )
    return list(zip(leaves, ports, strict=True))


def _to_stack(leaves: list[Leaf], ports: list[Port], report: Report) -> Pairs:
    """A Sequential model takes one array, without a name."""
    names = [str(leaf.key) for leaf in leaves]
    kind = "dict" if isinstance(leaves[0].key, str) else "tuple"
    report.add(
        "error",
        f"a Sequential model takes one array, and the data are a {kind}",
        got=list_names(names) if kind == "dict" else f"{len(names)} arrays",
        expected="one array, without a name",
        fix="leave out the name: ArraySequence(x, y) in place of ArraySequence({'x': x}, y), or "
        "take a functional model with an input of that name"
        if len(leaves) == 1
        else "build a functional model with an input for each",
    )
    return [(leaves[0], ports[0])] if len(leaves) == len(ports) else []
