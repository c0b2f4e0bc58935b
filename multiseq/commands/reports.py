"""What each command does, and how it prints what came of it."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import platform
import sys
from typing import Any

import numpy as np

from ..errors import ArgumentError, MissingPackageError
from .finding import find_pair, find_sequence

__all__ = ["Printed", "UsageError", "check", "profile", "show", "validate", "versions"]

_BESIDE = ("keras", "tensorflow", "jax", "torch", "tf_keras", "numpy", "pandas")


Printed = tuple[str, int]
"""What a command prints, and its exit status."""


class UsageError(Exception):
    """The command is called for what it cannot do; the text says why."""


def versions() -> str:
    """Returns the versions of this package and of what it works with, imported or not."""
    found = [f"Python {platform.python_version()}"]
    for name in _BESIDE:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return f"multiseq {sys.modules['multiseq'].__version__}\n{', '.join(found)}"


def check(options: argparse.Namespace) -> Printed:
    """Checks a sequence against its model; 1 where there are errors, or findings if strict."""
    sequence, model = _named(find_pair, options.name, options.model)
    if model is None:
        raise UsageError(
            f"{options.name} gives a sequence alone, and check is of a sequence and its model: "
            "name it by --model, or return (sequence, model); validate needs no model"
        )
    with sequence:
        report = sequence.check(model, overfit=options.overfit)
    return _text(report, options.json), 1 if (
        report.findings if options.strict else report.errors
    ) else 0


def validate(options: argparse.Namespace) -> Printed:
    """Loads each sample; 1 where some cannot be loaded."""
    sequence = _named(find_sequence, options.name)
    with sequence:
        broken = sequence.validate(progress=sys.stderr.isatty())
    status = 1 if len(broken) else 0
    if options.json:
        return broken.reset_index().to_json(orient="records", indent=1), status
    n = sequence.num_samples
    if not status:
        return f"multiseq validate: all {n} samples can be loaded", 0
    return f"multiseq validate: {len(broken)} of {n} samples are broken\n{broken.to_string()}", 1


def profile(options: argparse.Namespace) -> Printed:
    """Measures where the time of a batch goes."""
    sequence, model = _named(find_pair, options.name, options.model)
    with sequence:
        report = sequence.profile(model, try_it=options.try_it)
    if options.plot is not None:
        _save(report.plot(), options.plot)
    return _text(report, options.json), 0


def show(options: argparse.Namespace) -> Printed:
    """Draws a batch, or the stages of a sample, into a file."""
    sequence = _named(find_sequence, options.name)
    with sequence:
        try:
            figure = sequence.show(options.index, n=options.n, stages=options.stages)
        except IndexError as error:
            raise UsageError(f"--index: {error}") from None
    _save(figure, options.output)
    return f"multiseq show: {options.output}", 0


def _named(find: Any, *names: Any) -> Any:
    """Returns what is named.

    Raises:
        UsageError: Nothing of that kind is.
    """
    try:
        return find(*names)
    except MissingPackageError:
        raise
    except ArgumentError as error:
        raise UsageError(str(error)) from None


def _save(figure: Any, path: str) -> None:
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:  # A folder that is not there; a format that is none.
        raise UsageError(f"{path!r} cannot be written: {error}") from None


def _text(report: Any, as_json: bool) -> str:
    if as_json:
        return json.dumps(report.to_dict(), indent=1, default=_as_plain)
    return str(report)


def _as_plain(value: Any) -> Any:
    """What JSON has for NumPy's numbers and arrays; for anything else its text."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    return str(value)
