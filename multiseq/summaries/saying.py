"""Parts of a sequence in a few words."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import LoadError, MultiseqError, said
from ..settings import AUTO, Settings
from ..transforms import Transform

__all__ = [
    "say_augmentation",
    "say_errors",
    "say_function",
    "say_keys",
    "say_order",
    "say_plainly",
    "say_transforms",
    "say_trouble",
    "say_workers",
]

_LONGEST = 160
_MOST_KEYS = 3


def say_function(function: Any) -> str:
    """The name of a function or a method; the repr of an object."""
    while isinstance(function, functools.partial):
        function = function.func
    name = getattr(function, "__qualname__", None)
    return say_plainly(function) if name is None else str(name).replace("<locals>.", "")


def say_plainly(value: Any) -> str:
    """A repr in one line, which may be cut; an object may refuse to give it."""
    try:
        text = " ".join(repr(value).split())
    except Exception:
        text = f"a {type(value).__name__}"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def say_order(settings: Settings) -> str:
    """In which order samples come."""
    if settings.sampler is not None:
        return f"by {say_function(settings.sampler)}, seed {settings.seed}"
    return f"shuffled, seed {settings.seed}" if settings.shuffle else "as in the source"


def say_workers(settings: Settings) -> str:
    """Who loads."""
    if settings.workers == AUTO:
        return '"auto": chosen while batches are handed out'
    if settings.engine == "serial":
        return "none: a batch is loaded when it is asked for"
    kind = {"threads": "thread", "processes": "process", "ray": "batch"}[settings.engine]
    many = {"thread": "threads", "process": "processes", "batch": "batches"}[kind]
    where = " at a time on Ray" if settings.engine == "ray" else ""
    ahead = f", {settings.parallel.max_queue_size} batches ahead" if settings.max_queue_size else ""
    return f"{settings.workers} {kind if settings.workers == 1 else many}{where}{ahead}"


def say_errors(settings: Settings) -> str:
    """What happens where a sample cannot be loaded."""
    if settings.on_error == "raise":
        return "a sample that cannot be loaded raises"
    most = f"at most {settings.max_errors:,} samples in an epoch"
    if settings.on_error == "substitute":
        return f"another sample takes the place of one that cannot be loaded, {most}"
    return f"{say_function(settings.on_error)} decides, {most}"


def say_augmentation(settings: Settings, written: str | None) -> str:
    """What is done at random to each sample.

    Args:
        settings: Of the sequence.
        written: The class that writes `augment`, or None.
    """
    steps = [] if written is None else [f"{written}.augment"]
    if settings.augment is not None:
        steps.append(say_function(settings.augment))
    if settings.augment_batch is not None:
        steps.append(f"{say_function(settings.augment_batch)} of batches")
    if not steps:
        return "none"
    return ", then ".join(steps) + ("" if settings.augmented else " (switched off)")


def say_keys(keys: Any) -> str:
    """How many keys there are, of which kind, and the first of them."""
    first = ", ".join(say_plainly(key) for key in keys[:_MOST_KEYS].tolist())
    rest = ", …" if len(keys) > _MOST_KEYS else ""
    names = [name for name in keys.names if name is not None]
    kind = f"of ({', '.join(map(str, names))})" if names else f"{keys.dtype}"
    return f"{kind}: {first}{rest}"


def say_transforms(transforms: Mapping[Any, Transform]) -> Iterable[tuple[str, str]]:
    """What is learned, by input."""
    for name, transform in transforms.items():
        state = "" if transform.adapted else "; call adapt() on the training split"
        yield str(name), f"{say_plainly(transform)}{state}"


def say_trouble(error: Exception) -> str:
    """Why something is not known, in one line."""
    if not isinstance(error, MultiseqError):
        return said(error)
    fix = None if isinstance(error, LoadError) else error.fix  # Which speaks of a traceback.
    got = error.got and f"got {error.got}"
    return "; ".join(part for part in (error.what, got, fix) if part)
