"""What users give as `transforms=` and `map=`, checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..declaring import check_returns
from ..errors import ArgumentError, describe
from . import as_transform
from .learned import steps_of
from .steps import Chain, Step

__all__ = ["as_chains", "check_function"]


def as_chains(given: Mapping[Any, Any]) -> dict[Any, Chain]:
    """Returns what `transforms=` holds as chains, by name."""
    chains = {}
    for name, value in steps_of(given).items():
        try:
            chains[name] = _as_chain(value)
        except ArgumentError as error:
            raise error.at(input=name) from None
    return chains


def check_function(what: str, function: Any) -> None:
    """Raises ArgumentError unless this can be called, and returns at once."""
    if not callable(function):
        raise ArgumentError(f"{what} cannot be called", got=function, expected="a function")
    check_returns(what, function, "a function that returns what it made", got=describe(function))


def _as_chain(value: Any) -> Chain:
    """Returns an entry of `transforms=` as a chain.

    Args:
        value: A function, a transform, one of scikit-learn's objects, or a tuple of those.

    Raises:
        ArgumentError: It is none.
    """
    if isinstance(value, Chain):
        return Chain(value.steps)  # Of another class, it may do as that one does.
    steps = value if isinstance(value, tuple) else (value,)
    if not steps or any(isinstance(step, tuple) for step in steps):
        raise ArgumentError(
            "these are no steps", got=value, expected="a tuple of functions and transforms"
        )
    chain = Chain(list(map(_as_step, steps)))
    if len(set(map(id, chain.learners))) < len(chain.learners):
        raise ArgumentError(
            "one object is to learn twice in a row",
            got=value,
            fix="give each step an object of its own",
        )
    return chain


def _as_step(value: Any) -> Step:
    if callable(value) and not hasattr(value, "transform"):
        check_function("a step of transforms=", value)
        return value  # type: ignore[no-any-return]
    return as_transform(value)
