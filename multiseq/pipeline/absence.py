"""What `missing=` says of each input and target."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ..errors import ArgumentError
from ..transforms import Holder, Transform
from ..transforms.learned import steps_of
from ..transforms.missing import Fill, FillMean, Refuse, as_fill
from ..transforms.steps import Chain
from .masking import Masked

__all__ = [
    "Absence",
    "apart",
    "by_name",
    "check_masked",
    "checked",
    "guarded",
    "is_mask",
    "names_given",
]

_MASK = "mask"


class Absence(Holder):
    """What becomes of missing values: the first step of their input or target.

    Args:
        missing: The keyword: for all inputs, or by the name of an input or target.

    Raises:
        ArgumentError: It says nothing that can be done.
    """

    def __init__(self, missing: Any) -> None:
        named = isinstance(missing, Mapping) or _is_mean(missing)
        self._by_name: Mapping[Any, Any] = {}
        self._rest: Refuse | Fill | FillMean | None = None
        if named:
            # A mean is learned by the name of its input: alone, of the only one.
            self._by_name = missing if isinstance(missing, Mapping) else {"inputs": missing}
        elif missing is not None:
            self._rest = checked("inputs", missing)
        for name, how in self._by_name.items():
            if not is_mask(how):
                checked(name, how)

    def __bool__(self) -> bool:
        return bool(self._by_name) or self._rest is not None

    def before(self, chains: Mapping[Any, Chain]) -> dict[Any, Chain]:
        """Returns chains with what was said of them by name in front."""
        found = dict(chains)
        for name, how in self._by_name.items():
            steps = found[name].steps if name in found else ()
            if is_mask(how):
                found[name] = Masked(steps)
            else:
                found[name] = Chain(steps).after(as_fill(how))
        return found

    def of_rest(self, chain: Chain, name: Any) -> Chain | None:
        """Returns the chain of an input of which nothing was said by name; None to leave it."""
        if self._rest is None or name in self._by_name:
            return None
        return chain.after(self._rest)


def guarded(chain: Chain, name: Any) -> Chain:
    """Returns a chain whose learners are given no target that is missing.

    What is learned would make a class or a mean of it.
    """
    place = next((n for n, step in enumerate(chain.steps) if isinstance(step, Transform)), None)
    if place is None or isinstance(chain, Masked) or isinstance(chain.steps[0], Fill | FillMean):
        return chain
    refuse = Refuse(
        fix=f'missing={{{name!r}: "mask"}} gives these samples weight 0; or leave them out, by '
        f"subset(); or give the target a value, missing={{{name!r}: value}}",
    )
    return chain.with_step(place, refuse)


def names_given(keywords: Mapping[str, Any]) -> dict[Any, bool]:
    """Returns the names of inputs and targets of which `transforms=` or `missing=` says something.

    Their values may be text, and missing, until that was done to them.

    Returns:
        By name whether `transforms=` does.
    """
    found = {}
    for argument in ("missing", "transforms"):
        given = keywords.get(argument)
        names = steps_of(given) if isinstance(given, Mapping) else ()
        found.update(dict.fromkeys(names, argument == "transforms"))
    return found


def by_name(keywords: Any, inputs: Any, targets: Any) -> Any:
    """Returns keywords in which a mean that was said of all inputs is said of each by its name.

    Args:
        keywords: Those of a sequence.
        inputs: As they were given.
        targets: As they were given: some may have the same names.
    """
    if not isinstance(inputs, Mapping) or not _is_mean(keywords.get("missing")):
        return keywords
    others = targets if isinstance(targets, Mapping) else ()
    names = [f"inputs[{name!r}]" if name in others else name for name in inputs]
    return {**keywords, "missing": dict.fromkeys(names, "mean")}


def apart(missing: Any, inputs: Collection[Any], targets: Any = None) -> tuple[Any, Any]:
    """Splits `missing=` into what a class does to its inputs, by name, and the rest.

    Args:
        missing: The keyword.
        inputs: The names of all inputs that the class fills by itself.
        targets: As they were given.
    """
    if missing is None:
        return {}, None
    if not isinstance(missing, Mapping):
        return dict.fromkeys(inputs, missing), None
    others = targets if isinstance(targets, Mapping) else ()
    full = {f"inputs[{name!r}]": name for name in inputs}
    own = {
        full.get(name, name): how
        for name, how in missing.items()
        if name in full or (name in inputs and name not in others)
    }
    known = {*full, *own}
    return own, {name: how for name, how in missing.items() if name not in known}


def check_masked(chain: Chain, full: str) -> None:
    """Raises ArgumentError where an input, by its full name, would have weight 0."""
    if isinstance(chain, Masked) and full.startswith("inputs"):
        raise _no_target(full)


def _no_target(name: Any) -> ArgumentError:
    return ArgumentError(
        'missing="mask" is for targets, and was said of inputs',
        got=f"{name!r}",
        expected='"raise", "mean", or a value, for inputs',
        fix='name the target: missing={"targets": "mask"}, or that of an output',
    )


def checked(name: Any, how: Any) -> Refuse | Fill | FillMean:
    """Returns the step that fills an input, or refuses what is missing.

    Raises:
        ArgumentError: There is none such.
    """
    try:
        if is_mask(how):
            raise _no_target(name)
        return as_fill(how)
    except ArgumentError as error:
        raise error.at(input=name) from None


def is_mask(how: Any) -> bool:
    """Whether this says that what is missing has weight 0."""
    return isinstance(how, str) and how == _MASK


def _is_mean(how: Any) -> bool:
    return isinstance(how, str) and how == "mean"
