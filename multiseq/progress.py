"""Progress bars."""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["bar"]


def bar(total: int, called: str | None, unit: str = "sample") -> Any:
    """Returns a progress bar of tqdm's, for `with`.

    Args:
        total: How many units there are.
        called: What it is called; None for no bar.
        unit: What is counted.
    """
    # Here, since workers import this module, and show nothing. What a notebook shows may warn that
    # it lacks a package, so it is not asked for in vain.
    module = importlib.import_module("tqdm.auto" if called else "tqdm")
    return module.tqdm(total=total, desc=called, disable=not called, unit=unit)
