"""`map=`: a function of whole samples, which follows the transforms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..checks import is_equal
from ..errors import LoadError, MultiseqError, said
from ..samples import Sample, Structure, copied, outline
from ..stages import stage
from ..weights import check_kept

__all__ = ["Kept", "agreed", "all_mapped", "kept_of"]

Function = Callable[[Sample], Sample]


class Kept(NamedTuple):
    """What a function of samples does not make itself.

    Attributes:
        leaf: The full name of what it hands on, by whatever name.
        units: How many, where it makes a 1 among zeros of that number; 0 where it is as it was.
    """

    leaf: str
    units: int = 0


@stage("map")
def all_mapped(function: Function, samples: list[Sample]) -> list[Sample]:
    """Returns what a function makes of samples; it is given copies, which it may write into.

    Raises:
        LoadError: It fails, or returns nothing.
        SpecError: It drops the weights of targets.
    """
    return [_mapped(function, sample, copied(sample)) for sample in samples]


def _mapped(function: Function, sample: Sample, given: Sample) -> Sample:
    try:
        made = function(given)
    except MultiseqError:
        raise
    except Exception as error:
        raise LoadError(
            f"map raised {said(error)}",
            got=outline(sample),
            fix="see the traceback above; map is given a whole sample, a tuple (inputs,), (inputs, "
            "targets) or with weights, after transforms=, and returns it",
        ) from error
    if made is None:
        raise LoadError(
            "map returned None", got=outline(sample), fix="is a return missing? Return the sample"
        )
    check_kept(sample, made, "map", "sample")
    return made


def kept_of(function: Function, sample: Sample) -> dict[str, Kept | None]:
    """Returns what each leaf was before a function, by its full name; None where that made it.

    Which is told by the leaf itself, not by its value: of 0, 2 * y is y.
    """
    structure = Structure(sample, raw=True)
    as_it_was = structure.flatten(sample)
    given = dict(zip(structure.names, map(_of_its_own, as_it_was), strict=True))
    before = dict(zip(structure.names, as_it_was, strict=True))
    made = _mapped(function, sample, structure.unflatten(list(given.values())))
    nested = Structure(made)

    def kept(name: str, leaf: Any) -> Kept | None:
        same = [each for each, value in given.items() if value is leaf]
        if len(same) == 1 and is_equal(leaf, before[same[0]]):
            return Kept(same[0])
        units = _units(leaf, before.get(name))
        return Kept(name, units) if units else None

    leaves = zip(nested.names, nested.flatten(made), strict=True)
    return {name: kept(name, leaf) for name, leaf in leaves}


def agreed(found: Sequence[dict[str, Kept | None]]) -> dict[str, Kept | None]:
    """Returns what a function hands on of each of several samples."""
    names = dict.fromkeys(name for each in found for name in each)
    every = {name: {each.get(name) for each in found} for name in names}
    return {name: some.pop() if len(some) == 1 else None for name, some in every.items()}


def _of_its_own(leaf: Any) -> Any:
    """Returns a copy that no other leaf is: Python has but one True, and one 1."""
    if isinstance(leaf, bool | np.bool_):
        return np.array(leaf)
    return np.array(leaf)[()] if isinstance(leaf, int | float | str | np.generic) else copied(leaf)


def _units(leaf: Any, number: Any) -> int:
    """Returns of how many units a leaf is 1 at a number, and 0 elsewhere; 0 where it is not."""
    made, place = np.asarray(leaf), np.asarray(number)
    if made.ndim != 1 or place.ndim or place.dtype.kind not in "iu" or not 0 <= place < len(made):
        return 0
    return len(made) if (made == (np.arange(len(made)) == place)).all() else 0
