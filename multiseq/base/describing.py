"""A sequence in words: its repr, and a summary of it."""

from __future__ import annotations

import contextlib
import html
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..pipeline import Pipeline
from ..samples import Spec
from ..summaries import saying
from ..summaries.table import Leaf, Summary
from .adapting import Adapting

__all__ = ["Describing"]

_ROLES = {"inputs": "input", "targets": "target", "sample_weight": "weight"}


class Describing(Adapting):
    """The side of a sequence that says what it is."""

    def summary(self, print_fn: Callable[[str], Any] | None = None) -> None:
        """Prints what this sequence is: its inputs and targets, and how they are served.

        To tell shapes and dtypes it loads one sample, where none was loaded yet. Where that
        cannot be loaded, or a transform has learned nothing yet, it says so.

            >>> train.summary()
            >>> train.summary(print_fn=logging.info)

        Args:
            print_fn: What is given the text, once, as in Keras; None for `print`.

        Raises:
            ArgumentError: `print_fn` cannot be called.
        """
        if print_fn is not None and not callable(print_fn):
            raise ArgumentError("print_fn cannot be called", got=print_fn).at(cls=self.called)
        write = print if print_fn is None else print_fn
        write(str(_summary(self)))

    def __repr__(self) -> str:
        cls, own = type(self).__name__, vars(self)
        if not {"_settings", "_size", "_clock"} <= own.keys():
            return f"<{cls}: not initialized>"
        settings = self._settings
        name = f" {settings.name!r}" if settings.name else ""
        try:
            return f"<{cls}{name}: {', '.join(_in_short(self))}>"
        except Exception:  # Of one whose constructor has failed, say.
            return f"<{cls}{name}>"

    def _repr_html_(self) -> str:
        try:
            return _summary(self).to_html()
        except Exception:  # A notebook would show a traceback of ours for what it asked for.
            return f"<pre>{html.escape(repr(self))}</pre>"

    @property
    def _leaf_parts(self) -> Mapping[str, str]:
        """Where inputs and targets come from, by the names that `Structure` gives them."""
        return {}


def _in_short(seq: Describing) -> list[str]:
    """What is to say of a sequence, without asking anybody for anything."""
    settings = seq._settings
    said = [f"{_counted(seq.num_samples, 'sample')} in {_batches(seq)}"]
    if settings.sampler is not None:
        said.append(f"by {type(settings.sampler).__name__}")
    elif settings.shuffle:
        said.append("shuffled")
    said += ["augmented"] if seq.augments else []
    if settings.share[1] > 1:
        said.append(f"shard {settings.share[0]} of {settings.share[1]}")
    said += ["held out"] if seq._held_out else []
    if settings.workers:
        auto = settings.workers == "auto"
        said.append('workers="auto"' if auto else saying.say_workers(settings))
    with contextlib.suppress(Exception):  # A property of the user's own.
        said += [] if all(t.adapted for t in seq.transforms.values()) else ["not adapted"]
    return said


def _batches(seq: Describing) -> str:
    """The batches of an epoch; a sampler is not asked how many samples it draws."""
    settings = seq._settings
    if settings.sampler is not None:
        return f"batches of {settings.rows:,}"
    samples, shares = seq.num_samples, settings.share[1]
    if settings.drop_last:
        number = samples // shares // settings.rows
    else:
        number = -(-samples // shares // settings.rows)
    return f"{number:,} batch{'' if number == 1 else 'es'} of {settings.rows:,}"


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _summary(seq: Any) -> Summary:
    made = Summary(seq.called)
    try:
        layout = seq._layout()
        made.leaves = _leaves(seq, layout.structure.names, layout.specs)
    except Exception as error:
        made.trouble = f"shapes are not known yet: {saying.say_trouble(error)}"
        made.leaves = [leaf for name, part in seq._named_parts for leaf in _known(seq, name, part)]
    settings = seq._settings
    made.facts = [
        ("samples", f"{seq.num_samples:,}{', held out' if seq._held_out else ''}"),
        ("keys", saying.say_keys(seq.keys)),
        ("batches", _batches_at_length(seq)),
        ("order", f"{saying.say_order(settings)}, epoch {seq._clock.epoch}"),
        ("augmentation", _augmentation(seq)),
        *_learned(seq),
        ("workers", saying.say_workers(settings)),
        ("errors", saying.say_errors(settings)),
    ]
    if settings.class_weight is not None:
        made.facts.append(("class weight", saying.say_plainly(settings.class_weight)))
    return made


def _leaves(seq: Any, names: tuple[str, ...], specs: tuple[Spec, ...]) -> list[Leaf]:
    parts = seq._leaf_parts
    leaves = []
    for name, spec in zip(names, specs, strict=True):
        role, _, inside = name.partition("[")
        shape = ", ".join(map(str, (None, *spec.batch_shape)))
        dtype = np.dtype(spec.dtype).name
        shape = f"({shape})" if spec.batch_shape else f"({shape},)"
        label = inside[:-1].strip("'\"")
        leaves.append(Leaf(_ROLES[role], label, shape, dtype, parts.get(name, "")))
    return leaves


def _known(seq: Any, name: str, part: Any) -> list[Leaf]:
    """The inputs that a part gives to a join, where these are known; else the part."""
    kind, given = type(part).__name__, getattr(seq, "_input_names", ())
    unknown = [Leaf("part", name, "", "", kind)]
    if not any(each is part for each in seq.parts[: len(given)]):
        return unknown  # It gives targets; or parts come one after the other.
    try:
        layout = part.make_layout()
    except Exception:
        return unknown
    inputs = layout.structure.of_inputs().names
    leaves = _leaves(part, inputs, layout.specs[: len(inputs)])
    leaves = [
        replace(leaf, name=name if name in given else leaf.name, part=leaf.part or kind)
        for leaf in leaves
    ]
    return unknown if _changes(seq._pipeline, [leaf.name for leaf in leaves]) else leaves


def _changes(pipeline: Pipeline | None, inputs: list[str]) -> bool:
    """Whether what follows may make other inputs of these."""
    if pipeline is None:
        return False
    names = {*inputs, *(f"inputs[{name!r}]" for name in inputs), "inputs"}
    return pipeline.maps or not names.isdisjoint(pipeline.names)


def _batches_at_length(seq: Any) -> str:
    settings = seq._settings
    size = f"{settings.rows:,}"
    if settings.share[1] > 1:
        size += f", shard {settings.share[0]} of {settings.share[1]} of {settings.batch_size:,}"
    try:
        return f"{seq.num_batches:,} of {size}{', full ones alone' if settings.drop_last else ''}"
    except Exception as error:
        return f"of {size}: {saying.say_trouble(error)}"


def _augmentation(seq: Any) -> str:
    written = type(seq).__name__ if seq._writes("augment") else None
    said = saying.say_augmentation(seq._settings, written)
    parts = [name for name, part in seq._named_parts if part.augments]
    if not parts or not seq.augments:
        return said
    own = "" if said == "none" else f", then {said}"
    return f"that of {', '.join(parts)}{own}"


def _learned(seq: Any) -> list[tuple[str, str]]:
    try:
        found = list(saying.say_transforms(seq.transforms))
    except Exception as error:
        return [("learned", saying.say_trouble(error))]
    return [("learned" if not k else "", f"{name}: {text}") for k, (name, text) in enumerate(found)]
