"""What is shown: the values of one input or target, of several samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .guessing import guess
from .kinds import Array, Coded, Kind, Scaled

__all__ = ["Leaf", "leaf_of", "short", "spread"]


@dataclass(frozen=True)
class Leaf:
    """One input or target.

    Args:
        name: As `Structure.names` has it, such as `inputs['image']`.
        kind: What it stands for.
        values: An array for each sample; None for one that could not be loaded.
    """

    name: str
    kind: Kind
    values: Sequence[Array | None]

    @property
    def role(self) -> str:
        """Either "inputs", "targets" or "sample_weight"."""
        return self.name.partition("[")[0]

    @property
    def label(self) -> str:
        """The name that its user gave it, or what it is where there is none."""
        return _label(self.name)

    @property
    def known(self) -> list[Array]:
        """The arrays of those samples that could be loaded."""
        return [value for value in self.values if value is not None]

    @property
    def first(self) -> Array:
        """The first of these."""
        return self.known[0]

    @property
    def notes(self) -> list[str]:
        """What it looks like: shape and dtype, and the range of its values."""
        first = self.first
        shapes = {value.shape for value in self.known}
        shape = str(first.shape) if len(shapes) == 1 else " or ".join(map(str, sorted(shapes)[:2]))
        text = first.dtype.kind in "USTO"
        if text:
            return ["text"]
        return [str(first.dtype) if shape == "()" else f"{shape} {first.dtype}", spread(self.known)]


def _label(name: str) -> str:
    role, _, inside = name.partition("[")
    one = {"inputs": "input", "targets": "target"}.get(role, "weight")
    if not inside:
        return one
    inside = inside.removesuffix("]")
    return inside[1:-1] if inside[:1] in "'\"" else f"{one} {inside}"


def leaf_of(name: str, kind: Kind | None, values: Sequence[Any]) -> Leaf | None:
    """Returns a leaf of what samples hold; None where none could be loaded.

    Args:
        name: Of the leaf.
        kind: What its class says that it is, or None.
        values: Of each sample; None for one that could not be loaded.
    """
    arrays = [None if value is None else _as_array(value) for value in values]
    known = [array for array in arrays if array is not None]
    if not known:
        return None
    if isinstance(kind, Coded):
        kind = kind.plain(known)
    elif isinstance(kind, Scaled):
        kind = kind.plain(known, _label(name))
    if kind is None or not all(kind.fits(array) for array in known):
        kind = guess(known, name.partition("[")[0])
    return Leaf(name, kind, arrays)


def _as_array(value: Any) -> Array:
    try:
        array = np.asarray(value)
    except ValueError:  # Lists of different lengths.
        array = np.asarray(str(value))
    return array.astype(np.float32) if array.dtype.kind == "V" else array  # bfloat16.


def short(number: Any) -> str:
    """A number in few letters."""
    if isinstance(number, bool | np.bool_):
        return str(bool(number))
    if isinstance(number, int | np.integer):
        return str(int(number))
    value = float(number)
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e12 else f"{value:.4g}"


def spread(arrays: Sequence[Array]) -> str:
    """From the smallest to the largest value, and how many are none."""
    flat = np.concatenate([array.ravel() for array in arrays])
    if not flat.size:
        return "empty"
    if flat.dtype.kind == "b":
        return f"{int(flat.sum())} of {flat.size} true"
    finite = flat[np.isfinite(flat)]
    said = []
    if finite.size:
        low, high = short(finite.min()), short(finite.max())
        said.append(f"all {low}" if low == high else f"{low} … {high}")
    missing, infinite = int(np.isnan(flat).sum()), int(np.isinf(flat).sum())
    said += [f"{missing} NaN"] if missing else []
    said += [f"{infinite} infinite"] if infinite else []
    return ", ".join(said)
