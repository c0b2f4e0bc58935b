"""What `augment=` takes: functions of (sample, rng), and albumentations."""

from __future__ import annotations

import copy
import random
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .errors import ArgumentError
from .samples import Sample, outline

__all__ = ["Albumentations", "Augmentation", "as_augmentation"]

Augmentation = Callable[[Sample, np.random.Generator], Sample]

_PICTURE_AXES = 3
_LEAST_AXES = 2  # Of a mask without channels, or a table of boxes or keypoints.


def as_augmentation(value: Any) -> Augmentation:
    """Returns a function of (sample, rng) that is safe in threads.

    Args:
        value: Such a function, or a transform of albumentations.

    Raises:
        ArgumentError: It is neither.
    """
    if isinstance(value, Albumentations):
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
    return value  # type: ignore[no-any-return]


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
