"""The structure of a sample: which leaves it has, their names, shapes and dtypes.

A sample is `inputs`, `(inputs,)`, `(inputs, targets)` or `(inputs, targets, sample_weight)`, and
each of these parts is one leaf (an array or a scalar), a tuple of leaves in the model's order,
or a dict of leaves by name. `Structure` flattens samples into lists of leaves, in one fixed
order, and puts batches together again; `Spec` says what one leaf looks like.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from .dtypes import fix_of, is_fit, written
from .errors import ArgumentError, SpecError, describe

__all__ = ["Leaves", "Sample", "Spec", "Structure", "bad_leaf", "copied", "infer_spec", "outline"]

Sample = Any
Leaves = list[Any]

_PARTS = ("inputs", "targets", "sample_weight")


@dataclass(frozen=True)
class Spec:
    """What one leaf of a sample looks like.

    Args:
        shape: Shape of one sample, without the batch axis; `None` for an axis of any length.
        dtype: Of the batch; samples are cast to it where no information is lost in kind.
        padding: "post" or "pre": where shorter samples are padded, on every variable axis.
        pad_value: What they are padded with.
        max_length: Length that variable axes are padded to; `None` for the batch's longest.

    Raises:
        ArgumentError: One of these is not what it should be.
    """

    shape: tuple[int | None, ...]
    dtype: npt.DTypeLike = "float32"
    padding: Literal["post", "pre"] = "post"
    pad_value: float | int | bool = 0
    max_length: int | None = None
    __repr__ = written

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", _checked_shape(self.shape))
        object.__setattr__(self, "dtype", _checked_dtype(self.dtype))
        if self.padding not in ("post", "pre"):
            raise ArgumentError("bad padding", got=self.padding, expected='"post" or "pre"')
        if self.max_length is not None and not _is_length(self.max_length):
            raise ArgumentError(
                "bad max_length", got=self.max_length, expected="an integer of at least 0, or None"
            )

    @property
    def variable(self) -> bool:
        """Whether batches differ in shape: an axis has no length, and no length to pad to."""
        return None in self.shape and self.max_length is None

    @property
    def batch_shape(self) -> tuple[int | None, ...]:
        """Shape of one sample in a batch: variable axes have their `max_length`, or `None`."""
        return tuple(self.max_length if axis is None else axis for axis in self.shape)

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Whether a sample of this shape belongs here."""
        return len(shape) == len(self.shape) and all(
            (mine is None and (self.max_length is None or axis <= self.max_length)) or axis == mine
            for axis, mine in zip(shape, self.shape, strict=True)
        )


def _is_length(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and int(value) >= 0


def _checked_shape(shape: Any) -> tuple[int | None, ...]:
    if not isinstance(shape, Iterable) or not all(a is None or _is_length(a) for a in shape):
        raise ArgumentError(
            "bad shape in a Spec",
            got=shape,
            expected="a tuple of lengths, with None for variable axes, without the batch axis",
        )
    return tuple(None if axis is None else int(axis) for axis in shape)


def _checked_dtype(dtype: Any) -> np.dtype[Any]:
    try:
        checked: np.dtype[Any] = np.dtype(dtype)
    except TypeError as error:
        raise ArgumentError(f"bad dtype in a Spec: {error}", got=dtype) from error
    if checked.hasobject and checked.kind != "T":
        raise ArgumentError(
            "a Spec cannot have an object dtype",
            got=checked,
            expected="a number, boolean or string dtype",
            fix="say which: objects reach neither Keras nor other processes safely",
        )
    return checked if checked.isnative else checked.newbyteorder("=")


def infer_spec(leaf: npt.NDArray[Any], floatx: str) -> Spec:
    """Returns the spec of leaves like this one: `floatx` for float64, else the leaf's own dtype.

    Raises:
        SpecError: The leaf has an object dtype, or one that no model takes.
    """
    if leaf.dtype.hasobject and leaf.dtype.kind != "T":
        raise SpecError(
            "a leaf has an object dtype",
            got=leaf,
            expected="numbers, booleans or strings",
            fix="are its rows of different lengths? Return one array per sample, and declare "
            'spec=Spec((None,), "int32") for an axis of any length',
        )
    if not is_fit(leaf.dtype):
        raise SpecError("a leaf has a dtype that no model takes", got=leaf, fix=fix_of(leaf.dtype))
    if leaf.dtype.kind in "US":
        return Spec(leaf.shape, leaf.dtype.kind)  # Strings of any length, not of the first one's.
    wide = leaf.dtype.kind == "f" and leaf.dtype.itemsize >= 8
    return Spec(leaf.shape, floatx if wide else leaf.dtype)


class Structure:
    """How a sample is nested; made from one sample, it holds the others to the same.

    Attributes:
        names: A readable name of each leaf: `inputs['image']`, `inputs[0]`, `targets`.
    """

    def __init__(self, sample: Sample, raw: bool = False) -> None:  # raw: None and lists are leaves
        self._parts = [_Part(name, part, raw) for name, part in _named_parts(sample)]
        self.names = tuple(name for part in self._parts for name in part.leaf_names())
        self._bare = not any(part.container for part in self._parts)
        # Batches go through here by the hundred thousand: what can be known is known beforehand.
        ends = list(itertools.accumulate(max(1, len(part.keys)) for part in self._parts))
        self._plan = [
            (part.container, part.keys, start, end)
            for part, start, end in zip(self._parts, [0, *ends], ends, strict=False)
        ]
        self._inputs_only = False

    def of_inputs(self) -> Structure:
        """Returns the structure of the inputs alone: it leaves out what follows them in samples."""
        other = copy.copy(self)
        other._parts, other._plan = self._parts[:1], self._plan[:1]
        other.names, other._inputs_only = tuple(self._parts[0].leaf_names()), True
        return other

    def __len__(self) -> int:
        return len(self.names)

    def flatten(self, sample: Sample) -> Leaves:
        """Returns a sample's leaves in order, whatever they are.

        Raises:
            SpecError: The sample is nested differently.
        """
        if type(sample) is np.ndarray or type(sample) is dict:
            sample = (sample,)
        elif type(sample) is not tuple or not sample or sample[-1] is None:
            sample = _parts_of(sample)
        if self._inputs_only:
            sample = sample[:1]
        if len(sample) != len(self._parts):
            raise self._differs(sample)
        if self._bare:
            return list(sample)
        leaves: Leaves = []
        for (container, keys, _, _), part in zip(self._plan, sample):  # noqa: B905 (lengths are equal)
            if container is None:
                leaves.append(part)
            elif not isinstance(part, container) or len(part) != len(keys):
                raise self._differs(sample)
            elif container is tuple:
                leaves += part
            else:
                try:
                    leaves += [part[key] for key in keys]
                except KeyError:
                    raise self._differs(sample) from None
        return leaves

    def unflatten(self, leaves: Leaves) -> tuple[Any, ...]:
        """Puts leaves together: always a tuple of 1 to 3 parts, as Keras wants batches."""
        return tuple(
            [
                leaves[start]
                if container is None
                else tuple(leaves[start:end])
                if container is tuple
                else dict(zip(keys, leaves[start:end], strict=True))
                for container, keys, start, end in self._plan
            ]
        )

    def targets(self, leaf: Callable[[int], Any]) -> Any:
        """Returns targets: what a function gives for each leaf's number; None if it gave None."""
        for part, (container, keys, start, end) in zip(self._parts, self._plan, strict=True):
            if part.name == "targets":
                leaves = [leaf(number) for number in range(start, end)]
                if any(each is None for each in leaves):
                    return None
                if container is None:
                    return leaves[0]
                return tuple(leaves) if container is tuple else dict(zip(keys, leaves, strict=True))
        return None

    def keys(self, part: str) -> tuple[Any, ...] | None:
        """Returns the keys of the dict or tuple that is one part; () for a leaf, None for none.

        Args:
            part: "inputs", "targets" or "sample_weight".
        """
        return next((mine.keys for mine in self._parts if mine.name == part), None)

    def align(self, declared: Any) -> list[Spec | None]:
        """Returns for each leaf the spec that was declared for it, or None.

        Args:
            declared: Nested like a sample, with a `Spec` or None at each leaf; whatever is left
                out stays undeclared.

        Raises:
            ArgumentError: It names a leaf that samples do not have, or holds something else.
        """
        parts = declared if isinstance(declared, tuple) else (declared,)
        if len(parts) > len(self._parts):
            raise _bad_declaration(declared, self.names)
        specs: list[Spec | None] = []
        for number, part in enumerate(self._parts):
            specs += part.align(parts[number] if number < len(parts) else None, self.names)
        return specs

    def _differs(self, sample: Sample) -> SpecError:
        return SpecError(
            "a sample is nested differently from the first one",
            got=outline(sample),
            expected=", ".join(self.names),
            fix="return the same inputs and targets, with the same names, from every load_sample; "
            'where a target is None, missing={"targets": "mask"}',
        )


class _Part:
    """One of inputs, targets and sample_weight: a leaf, a tuple or a dict of leaves."""

    def __init__(self, name: str, value: Any, raw: bool) -> None:
        self.name = name
        self.container: type[Any] | None = None
        self.keys: tuple[Any, ...] = ()
        leaves = [value]
        if isinstance(value, dict):
            self.container, self.keys, leaves = dict, tuple(value), list(value.values())
        elif isinstance(value, tuple):
            self.container, self.keys, leaves = tuple, tuple(range(len(value))), list(value)
        if self.container and not self.keys:
            raise SpecError(f"{name} of the first sample holds nothing", got=value)
        for leaf_name, leaf in () if raw else zip(self.leaf_names(), leaves, strict=True):
            if leaf is None or isinstance(leaf, list | tuple | dict):
                raise bad_leaf(leaf_name, leaf)

    def leaf_names(self) -> list[str]:
        return [f"{self.name}[{key!r}]" for key in self.keys] if self.container else [self.name]

    def align(self, declared: Any, names: tuple[str, ...]) -> list[Spec | None]:
        """Returns what is declared for each leaf of this part."""
        if declared is None:
            return [None] * max(1, len(self.keys))
        if self.container is dict and isinstance(declared, dict):
            unknown = declared.keys() - set(self.keys)
            found = [declared.get(key) for key in self.keys]
        else:
            found = list(declared) if isinstance(declared, tuple) else [declared]
            unknown = set(found[max(1, len(self.keys)) :])
            found += [None] * (len(self.keys) - len(found))
        if unknown or not all(spec is None or isinstance(spec, Spec) for spec in found):
            raise _bad_declaration(declared, names)
        return found


def _parts_of(sample: Sample) -> tuple[Any, ...]:
    """Returns (inputs,), (inputs, targets) or (inputs, targets, sample_weight)."""
    if sample is None or isinstance(sample, list):
        raise SpecError(
            "a sample is a list" if isinstance(sample, list) else "a sample is None",
            got=sample,
            expected="inputs, (inputs,), (inputs, targets) or (inputs, targets, sample_weight)",
            fix="return a tuple or a dict; is a return missing in load_sample?",
        )
    parts = tuple(sample) if isinstance(sample, tuple) else (sample,)
    while len(parts) > 1 and parts[-1] is None:
        parts = parts[:-1]  # (x, None) and (x, y, None): Keras on TensorFlow refuses the None.
    if not 1 <= len(parts) <= len(_PARTS):
        raise SpecError(
            f"a sample is a tuple of {len(parts)}",
            got=outline(sample),
            expected="inputs, (inputs,), (inputs, targets) or (inputs, targets, sample_weight)",
            fix="put several inputs in a tuple or a dict of their own: ((a, b, c, d), targets)",
        )
    return parts


def _named_parts(sample: Sample) -> list[tuple[str, Any]]:
    return list(zip(_PARTS, _parts_of(sample), strict=False))


def _bad_declaration(declared: Any, names: tuple[str, ...]) -> ArgumentError:
    return ArgumentError(
        "spec= does not fit the samples",
        got=outline(declared),
        expected="a Spec or None for any of " + ", ".join(names),
        fix="nest spec= like a sample: inputs, (inputs,), (inputs, targets) or with sample_weight",
    )


def copied(sample: Sample) -> Sample:
    """Returns a sample with arrays of its own, which may be written to."""
    if isinstance(sample, tuple):
        return tuple(map(copied, sample))
    if isinstance(sample, dict):
        return {name: copied(leaf) for name, leaf in sample.items()}
    return sample.copy() if isinstance(sample, np.ndarray) else sample


def bad_leaf(name: str, leaf: Any) -> SpecError:
    """Returns the error for a leaf that is None, a list or a container."""
    return SpecError(
        f"{name} is {'None' if leaf is None else 'a ' + type(leaf).__name__}",
        got=leaf,
        expected="an array or a scalar; inputs may be a tuple or a dict of those, one level deep",
        fix="use np.asarray(value) for numbers, a tuple or a dict for several inputs",
    ).at(input=name)


def outline(sample: Sample) -> str:
    """Says how a sample is nested, in one line."""
    if isinstance(sample, dict):
        return "{" + ", ".join(f"{key!r}: {outline(sample[key])}" for key in sample) + "}"
    if isinstance(sample, tuple):
        return "(" + ", ".join(map(outline, sample)) + ("," if len(sample) == 1 else "") + ")"
    return describe(sample)
