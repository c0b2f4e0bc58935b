"""What `augment=` takes: functions of (sample, rng), of the key too, and albumentations."""

from __future__ import annotations

import copy
import functools
import inspect
import random
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .declaring import check_returns, declared
from .errors import ArgumentError, describe
from .samples import Sample, outline

__all__ = ["Albumentations", "Asking", "Augmentation", "as_augmentation", "check_function"]

Augmentation = Callable[..., Sample]
"""A function of (sample, rng) that returns the sample. One that has a parameter called `key` or
`index` is given that too."""

_PICTURE_AXES = 3
_LEAST_AXES = 2  # Of a mask without channels, or a table of boxes or keypoints.


def as_augmentation(value: Any) -> Augmentation:
    """Returns a function of (sample, rng) that is safe in threads, or one that asks for more.

    Args:
        value: Such a function, or a transform of albumentations.

    Raises:
        ArgumentError: It is neither, or cannot be called so.
    """
    if isinstance(value, Albumentations | Asking):
        return value
    if type(value).__module__.partition(".")[0] == "albumentations":
        return Albumentations(value)
    if not callable(value):
        raise ArgumentError(
            "augment cannot be called",
            got=value,
            expected="a function of (sample, rng) that returns the sample, or an albumentations "
            "Compose",
        )
    names = declared(value, ("key", "index"))
    check_function("augment", value, ("sample", "rng"), names)
    return Asking(value, names) if names else value


def check_function(
    name: str, function: Any, arguments: tuple[str, ...], by_name: tuple[str, ...] = ()
) -> None:
    """Raises ArgumentError unless a function can be called as it will be, and returns at once.

    Args:
        name: What it is called.
        function: The function.
        arguments: Names of what it is given.
        by_name: Names of what it is given by name.
    """
    more = ", or with a parameter called key or index" if name == "augment" else ""
    expected = f"a function of ({', '.join(arguments)}){more}"
    if not callable(function):
        raise ArgumentError(f"{name} cannot be called", got=function, expected=expected)
    check_returns(name, function, f"{expected}, which returns what it made", got=describe(function))
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # Such as a function in C.
        return
    try:
        signature.bind(*arguments, **dict.fromkeys(by_name))
    except TypeError as error:
        raise ArgumentError(
            f"{name} cannot be called as it will be: {error}",
            got=f"a function of {signature}",
            expected=expected,
        ) from None


class Asking:
    """A function that is to be given more than (sample, rng).

    Args:
        function: The function.
        names: Of its parameters that are given by name.
    """

    def __init__(self, function: Callable[..., Sample], names: tuple[str, ...]) -> None:
        functools.update_wrapper(self, function)
        self.function, self.names = function, names

    def __call__(self, sample: Sample, rng: np.random.Generator, **asked: Any) -> Sample:
        """Returns what the function does."""
        return self.function(sample, rng, **asked)


class Albumentations:
    """Turns images and their masks by a transform of albumentations, all in the same way.

    `augment=` makes one of a `Compose` by itself; a class that writes `augment` calls one there.

    Inputs and targets are given to albumentations by their names, which are those it knows
    ("image", "mask", "keypoints", ...) or that the Compose's `additional_targets` has. An input
    without a name is the image; targets without one that have two axes or more are the mask.
    Whatever has fewer axes, such as a label or a row of numbers, stays as it is, and so do
    weights.

    Albumentations has random numbers of its own, and a transform that several threads use at once
    mixes up their parameters. Here the numbers are drawn from the sample's own `rng`, and each
    thread has a copy: so the result depends on (seed, epoch, sample) alone.

    Example:
        >>> turn = A.Compose([A.HorizontalFlip(), A.Rotate(30), A.RandomBrightnessContrast()])
        >>> train = join(image=photos, targets=masks, augment=turn)
        >>> pairs = A.Compose([A.D4()], additional_targets={"before": "image", "after": "image"})
        >>> train = join(before=before, after=after, targets=changes, augment=pairs)

    Args:
        transform: A `Compose` or a single transform, of albumentations 2 or newer.

    Raises:
        ArgumentError: It is none.
    """

    def __init__(self, transform: Any) -> None:
        if not hasattr(transform, "set_random_state") or not hasattr(transform, "available_keys"):
            raise ArgumentError(
                "this is no transform of albumentations 2 or newer",
                got=transform,
                fix='pip install "albumentations>=2"',
            )
        self._transform = transform
        self._copies = threading.local()

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Returns the sample with its images and masks transformed.

        Raises:
            ArgumentError: Albumentations does not know an image by its name.
        """
        parts = [*sample] if isinstance(sample, tuple) else [sample]
        given = self._given(parts, sample)
        named = {name: leaf for name, (_, _, leaf) in given.items()}
        first = self._first_image(named)
        if first != "image":
            named["image"] = named.pop(first)
        transform = self._own_copy()
        transform.set_random_state(rng, random.Random(int(rng.integers(1 << 62))))
        found = transform(**named)
        for name, (part, key, _) in given.items():
            value = found["image" if name == first else name]
            parts[part] = value if key is None else {**parts[part], key: value}
        return tuple(parts) if isinstance(sample, tuple) else parts[0]

    def __repr__(self) -> str:
        return f"Albumentations({' '.join(repr(self._transform).split())})"

    def _given(self, parts: list[Any], sample: Sample) -> dict[str, tuple[int, Any, Any]]:
        """What albumentations gets, by name: (part, key in it or None, value)."""
        given: dict[str, tuple[int, Any, Any]] = {}
        for part, key, name, leaf in _leaves(parts):
            axes = np.ndim(leaf)
            if name in self._transform.available_keys and name not in given:
                if axes >= _LEAST_AXES:
                    given[name] = part, key, leaf
            elif axes == _PICTURE_AXES:
                raise _unknown(name, sample)
        return given

    def _first_image(self, named: dict[str, Any]) -> str:
        """The name of what albumentations is to take for its image, which it cannot do without."""
        if "image" in named:
            return "image"
        more = getattr(self._transform, "additional_targets", {})
        images = (name for name in named if more.get(name) == "image")
        name = next(images, None)
        if name is None:
            raise _unknown("image", named)
        return name

    def _own_copy(self) -> Any:
        copies = self._copies
        if not hasattr(copies, "transform"):
            copies.transform = copy.deepcopy(self._transform)
        return copies.transform

    def __getstate__(self) -> dict[str, Any]:
        return {"_transform": self._transform}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["_transform"])  # type: ignore[misc]


def _leaves(parts: list[Any]) -> Iterator[tuple[int, Any, str, Any]]:
    """Yields (part, key or None, name, value) of each input and target."""
    for part, (value, name) in enumerate(zip(parts, ("image", "mask"), strict=False)):
        if isinstance(value, dict):
            for key, leaf in value.items():
                yield part, key, key, leaf
        elif isinstance(value, tuple):
            for number, leaf in enumerate(value):
                yield part, number, f"number {number}", leaf
        else:
            yield part, None, name, value


def _unknown(name: str, sample: Any) -> ArgumentError:
    return ArgumentError(
        f"albumentations does not know which image {name!r} is",
        got=outline(sample),
        expected="an input 'image', and a mask that is an input 'mask' or the target",
        fix=f"name them so: join(image=..., mask=...); or say what {name!r} is: "
        f"A.Compose(..., additional_targets={{{name!r}: 'image'}}), or 'mask'",
    )
