"""All transforms of a sequence in one file, by name."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import ArgumentError, NotAdaptedError, list_names
from .base import Transform, from_document
from .documents import Documents
from .missing import Fill
from .steps import Chain, Step

__all__ = [
    "Saved",
    "learners_by_name",
    "not_those",
    "read_all",
    "save_all",
    "take_over",
    "uses_by_name",
]

Uses = Mapping[str, Mapping[str, list[Any]]]

_FILES = Documents("multiseq.transforms", 1, "transforms", "the transforms", "save_transforms")


@dataclass(frozen=True)
class Saved:
    """What a file holds.

    Attributes:
        learned: Transforms by name; several, where one name has several steps that learn.
        targets: What is done to each target, as `save_all` was given it.
        beyond: The names that the sequence itself has no transforms for.
    """

    learned: dict[str, list[Transform]]
    targets: list[Any]
    beyond: list[str]


def save_all(
    transforms: Mapping[Any, Transform],
    path: str | os.PathLike[str],
    targets: Callable[[], list[Any]],
    uses: Uses,
) -> None:
    """Writes transforms by name into a file, whole or not at all.

    Args:
        transforms: By name.
        path: The file.
        targets: Says what is done to each target, once it is known that all have learned.
        uses: See `uses_by_name`.

    Raises:
        ArgumentError: There are none, or one cannot be written as JSON.
        NotAdaptedError: One has learned nothing yet.
        SourceError: The file cannot be written; one that exists is as it was.
    """
    if not transforms:
        raise ArgumentError("there are no transforms to save", got="a sequence without transforms")
    documents = {
        name: [_document(name, each) for each in steps]
        for name, steps in learners_by_name(transforms).items()
    }
    told = {"transforms": documents, "targets": targets(), "uses": uses}
    _FILES.write(path, {**_FILES.head(), **told})


def learners_by_name(transforms: Mapping[Any, Transform]) -> dict[str, list[Transform]]:
    """Returns what learns, by name."""
    return {
        str(name): each.learners if isinstance(each, Chain) else [each]
        for name, each in transforms.items()
    }


def uses_by_name(
    transforms: Mapping[Any, Transform], chains: Iterable[tuple[Sequence[Step], tuple[str, ...]]]
) -> dict[str, dict[str, list[Any]]]:
    """Returns on what each name's transforms are used: the columns, and what fills missing values.

    Args:
        transforms: By name.
        chains: The steps of inputs and targets, each with the names of the columns they are given;
            none where they have no order.
    """
    found: dict[str, dict[str, list[Any]]] = {}
    for name, learners in learners_by_name(transforms).items():
        own = set(map(id, learners))
        mine = [each for each in chains if not own.isdisjoint(map(id, each[0]))]
        fills = {each.value for steps, _ in mine for each in steps if isinstance(each, Fill)}
        found[name] = {
            "columns": sorted({columns for _, columns in mine if columns}),
            "fills": sorted((f if isinstance(f, str) else float(f) for f in fills), key=repr),
        }
    return found


def read_all(
    transforms: Mapping[Any, Transform], path: str | os.PathLike[str], uses: Uses
) -> Saved:
    """Returns what `save_all` wrote, by names that are those of these transforms.

    Raises:
        ArgumentError: The names, classes, arguments or columns are not those that were saved; there
            may be more names, of targets.
        SourceError: The file is missing, broken, or holds something else.
    """
    document = _FILES.checked(_FILES.read(path), path)
    documents, targets = document.get("transforms"), document.get("targets", [])
    if not isinstance(documents, dict):
        raise _FILES.broken(path, f"'transforms' is {documents!r}")
    own = learners_by_name(transforms)
    beyond = [name for name in documents if name not in own]
    if not own.keys() <= documents.keys() or not _names_in(targets, documents, path).issuperset(
        beyond
    ):
        raise not_those(own, documents)
    made = {
        name: [from_document(each, path) for each in _checked_list(each, path)]
        for name, each in documents.items()
    }
    for name, steps in own.items():
        _check_alike(name, steps, made[name])
    _check_shared(own, made)
    if "uses" in document:  # Older files say nothing of it.
        _check_uses(uses, document["uses"], path)
    return Saved(made, targets, beyond)


def not_those(own: Iterable[Any], saved: Iterable[str]) -> ArgumentError:
    """The error for names that were saved and are not those of a sequence."""
    return ArgumentError(
        "the transforms that were saved are not those of this sequence",
        got=f"saved: {list_names(saved) or 'none'}",
        expected=list_names(map(str, own)) or "none: this sequence has no transforms",
        fix="build the sequence with the inputs, targets and transforms of the one that saved",
    )


def _names_in(targets: Any, documents: Mapping[str, Any], path: str | os.PathLike[str]) -> set[str]:
    """Returns the names of the transforms that are of targets, all of which must be there."""
    names: set[str] = set()
    try:
        for target in targets:
            target["key"], tuple(target["shape"])
            for name, number, *_ in filter(None, target["steps"]):
                documents[name][number]
            names.update(target["names"])
    except (TypeError, KeyError, IndexError, ValueError):
        raise _FILES.broken(path, f"'targets' is {targets!r}") from None
    return names


def take_over(transforms: Mapping[Any, Transform], made: Mapping[str, list[Transform]]) -> None:
    """Gives transforms what others of their names have learned."""
    pairs = {
        id(own): (own, other)
        for name, transform in learners_by_name(transforms).items()
        for own, other in zip(transform, made[name], strict=True)
    }
    for own, other in pairs.values():
        learned = own.times_learned
        vars(own).clear()
        vars(own).update(vars(other))
        own.times_learned = learned + 1


def _document(name: Any, transform: Transform) -> dict[str, Any]:
    if not transform.adapted:
        raise NotAdaptedError(
            f"the transform of {name!r} has learned nothing yet",
            got=repr(transform),
            fix="call adapt() on the training sequence first",
        )
    try:
        return transform._document()
    except (ArgumentError, NotImplementedError):
        raise ArgumentError(
            f"the transform of {name!r} cannot be saved as JSON",
            got=transform,
            expected="transforms of this package, such as Standardize and Vocabulary",
            fix="keep a fitted estimator by its own means, and pass it in fitted; or write "
            "_config, _state and _restore in a class of your own",
        ) from None


def _check_alike(name: str, own: list[Transform], saved: list[Transform]) -> None:
    if [_made_as(each) for each in own] != [_made_as(each) for each in saved]:
        raise ArgumentError(
            f"another transform was saved for {name!r}",
            got=", ".join(map(repr, saved)),
            expected=f"made like {', '.join(map(repr, own))}",
            fix="build the sequence with the transforms of the one that saved",
        )


def _made_as(transform: Transform) -> Any:
    try:
        return type(transform), transform._config()
    except NotImplementedError:
        return type(transform), None


def _check_shared(own: Mapping[str, list[Transform]], saved: Mapping[str, list[Transform]]) -> None:
    """Raises ArgumentError where one object serves names for which different ones were saved."""
    first: dict[int, tuple[str, Transform]] = {}
    places = [(name, n, each) for name, steps in own.items() for n, each in enumerate(steps)]
    for name, n, each in places:
        other, theirs = first.setdefault(id(each), (name, saved[name][n]))
        if theirs != saved[name][n]:
            raise ArgumentError(
                f"{other!r} and {name!r} share one transform here, and did not where it was saved",
                got="two that have learned differently",
                fix="give each input a transform of its own",
            )


def _check_uses(own: Uses, saved: Any, path: str | os.PathLike[str]) -> None:
    """Raises ArgumentError where names are used on other columns, or missing values filled."""
    for name, uses in own.items():
        try:
            columns = [tuple(map(str, each)) for each in saved[name]["columns"]]
            fills = list(saved[name]["fills"])
        except (TypeError, KeyError):
            raise _FILES.broken(path, f"'uses' is {saved!r}") from None
        if columns and uses["columns"] and columns != uses["columns"]:
            raise ArgumentError(
                f"the columns of {name!r} are not those that were saved, in their order",
                got="; ".join(map(list_names, uses["columns"])),
                expected="; ".join(map(list_names, columns)),
                fix="name them as the sequence that saved did; columns that are called something "
                "else are renamed by frame.rename(columns={name: other})",
            )
        if fills != uses["fills"]:
            raise ArgumentError(
                f"missing values of {name!r} are not filled as they were where it was saved",
                got=", ".join(map(repr, uses["fills"])) or "nothing in their place",
                expected=", ".join(map(repr, fills)) or "nothing in their place",
                fix="pass the missing= of the sequence that saved",
            )


def _checked_list(value: Any, path: str | os.PathLike[str]) -> list[Any]:
    if not isinstance(value, list):
        raise _FILES.broken(path, f"a transform is {value!r}")
    return value
