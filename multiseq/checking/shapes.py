"""Shapes and dtypes of inputs against those of the model."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from .._keras_model import Facts, Port
from .looking import Leaf
from .names import Pairs, nearest
from .report import Report

__all__ = ["check_order", "check_shapes", "fits", "names_of_tuple"]

Shape = tuple[int | None, ...]

_MOST_ORDERS = 6  # Inputs, of which all orders are tried.


def check_shapes(pairs: Pairs, report: Report) -> None:
    """Notes each input whose shape or dtype the model does not take."""
    if order := _better_order(pairs):
        report.add(
            "error",
            "inputs without names meet the model's in turn, and would fit in another order",
            got=", ".join(f"{port.name!r} is given {_said(leaf.shape)}" for leaf, port in pairs),
            expected=", ".join(f"{port.name!r} of {_said(port.shape or ())}" for _, port in pairs),
            fix=f"give them in the order {order}; or by name, as a dict",
        )
        return
    for leaf, port in pairs:
        if port.shape is not None and not fits(leaf.shape, port.shape):
            report.add(
                "error",
                f"the shape of a sample is not that of the model's input {port.name!r}",
                leaf.label,
                got=_said(leaf.shape),
                expected=_said(port.shape),
                fix=_shape_fix(leaf, port.shape),
            )
        _check_dtype(leaf, port, report)


def _better_order(pairs: Pairs) -> str | None:
    """An order of inputs without names in which all shapes fit, where this one does not."""
    shapes = [port.shape for _, port in pairs if port.shape is not None]
    if any(isinstance(leaf.key, str) for leaf, _ in pairs) or not 2 <= len(shapes) <= _MOST_ORDERS:
        return None
    if len(shapes) < len(pairs) or all(
        fits(leaf.shape, shape) for (leaf, _), shape in zip(pairs, shapes, strict=True)
    ):
        return None
    for order in itertools.permutations(range(len(pairs))):
        if all(fits(pairs[n][0].shape, shape) for n, shape in zip(order, shapes, strict=True)):
            return ", ".join(map(str, order))
    return None


def fits(got: Shape, wanted: Shape) -> bool:
    """Whether Keras takes samples of a shape for an input: a last axis of 1 may be left out."""
    if len(got) == len(wanted) + 1 and got[-1] == 1:
        got = got[:-1]
    elif len(got) == len(wanted) - 1 and wanted[-1] == 1:
        wanted = wanted[:-1]
    return len(got) == len(wanted) and all(
        theirs is None or mine == theirs for mine, theirs in zip(got, wanted, strict=True)
    )


def _said(shape: Shape) -> str:
    return str(tuple("any" if axis is None else axis for axis in shape)).replace("'", "")


def _shape_fix(leaf: Leaf, wanted: Shape) -> str:
    got = leaf.shape
    if len(got) > 2 and len(got) == len(wanted):
        if fits((*got[1:], got[0]), wanted):
            return "put the axis of channels last: np.moveaxis(x, 0, -1)"
        if fits((got[-1], *got[:-1]), wanted):
            return "put the axis of channels first: np.moveaxis(x, -1, 0)"
    if len(got) == len(wanted) and (None in got or leaf.varies):
        return (
            "samples vary in length: pad them to one, by max_length= or "
            "spec=Spec(shape, max_length=...); or declare keras.Input with None for that axis"
        )
    if len(got) + 1 == len(wanted) and fits(got, wanted[:-1]):
        if len(wanted) == 3:
            return (
                f"grey images have no axis of channels: channels={wanted[-1]} in ImageSequence"
                ", or np.repeat(x[..., None], 3, -1); or declare keras.Input of 1 channel"
            )
        return (
            f"the model wants {wanted[-1]} numbers for each step: give samples of shape "
            f"{_said(wanted)}, or declare keras.Input({_said((*got, 1))})"
        )
    if len(got) == len(wanted) and sorted(map(str, got)) == sorted(map(str, wanted)):
        return f"transpose the samples to {_said(wanted)}, or declare keras.Input({_said(got)})"
    return f"declare keras.Input({_said(got)}), or make samples of shape {_said(wanted)}"


def _check_dtype(leaf: Leaf, port: Port, report: Report) -> None:
    wanted = port.dtype
    if leaf.is_text and wanted != "string":
        report.add(
            "error",
            f"text goes into the model's input {port.name!r}, which takes numbers",
            leaf.label,
            got=str(leaf.dtype),
            expected=wanted,
            fix="make numbers of it: TextSequence for words, Vocabulary() for categories",
        )
    elif wanted == "string" and not leaf.is_text:
        report.add(
            "error",
            f"numbers go into the model's input {port.name!r}, which takes text",
            leaf.label,
            got=str(leaf.dtype),
            expected=wanted,
            fix="give it the text itself, or declare keras.Input with the dtype of the numbers",
        )
    elif wanted.startswith(("int", "uint", "bool")) and leaf.dtype.kind == "f":
        rows = leaf.rows
        whole = rows[np.isfinite(rows)]
        if (whole != np.trunc(whole)).any():
            report.add(
                "error",
                f"numbers with fractions go into the model's input {port.name!r}, which cuts them",
                leaf.label,
                got=f"{leaf.dtype}, such as {whole[whole != np.trunc(whole)].flat[0]:.4g}",
                expected=wanted,
                fix="declare keras.Input with dtype='float32', or give it ids",
            )


def check_order(pairs: Pairs, facts: Facts, names: list[str] | None, report: Report) -> None:
    """Notes inputs of a tuple that meet others than those that are called so.

    Args:
        pairs: As they meet.
        facts: Of the model.
        names: What the inputs of the tuple are called where they come from, if that is known.
        report: What is found.
    """
    if names is None or len(pairs) < 2 or len(names) != len(pairs):
        return
    ports = [port.name for _, port in pairs]
    meant = [name if name in ports else nearest(name, ports) for name in names]
    if set(meant) == set(ports) and meant != ports:
        report.add(
            "error",
            "inputs meet the model's in another order than their names say",
            got=", ".join(names),
            expected=", ".join(ports),
            fix="give them by name, as a dict: Keras then goes by the names",
        )


def names_of_tuple(seq: Any) -> list[str] | None:
    """What the inputs of a join without input names are called: by the names of its parts."""
    inputs = getattr(seq, "_input_names", None)
    if not inputs:
        return None
    names = [part._settings.name for part in seq.parts[: len(inputs)]]
    return names if all(names) else None
