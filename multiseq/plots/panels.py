"""What is drawn of a leaf: a panel for each sample, or a few words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .leaves import Leaf

__all__ = ["GRAY", "INK", "RED", "ROLES", "Fact", "Panel", "hue"]

INK, GRAY, RED = "#1f2328", "#6e7781", "#b3261e"
ROLES = {"inputs": "#0b5394", "targets": "#a04000", "sample_weight": "#5a5a5a"}
_TICKS = (0.3, 0.14)  # Inches, at the left and below.
_HUES = (
    *("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd"),
    *("#e377c2", "#17becf", "#bcbd22", "#8c564b", "#f5c400"),
)


def hue(number: int) -> str:
    """A color for each of several lines or classes."""
    return _HUES[number % len(_HUES)]


@dataclass(frozen=True)
class Panel:
    """A column of drawings, one for each sample.

    Args:
        leaf: Whose values it draws.
        title: Of the column.
        draw: Draws sample k into axes.
        size: Width and height of a drawing, in inches.
        notes: What else to say of the column.
        legend: (name, color) of what is drawn.
        ticked: Whether its axes have ticks, which need room.
        right: Inches that are left free at the right where there are ticks.
        texts: What is written for each sample, where it is text.
        heights: Of each drawing, where they differ.
    """

    leaf: Leaf
    title: str
    draw: Callable[[Any, int], None]
    size: tuple[float, float]
    notes: Sequence[str] = ()
    legend: Sequence[tuple[str, str]] = ()
    ticked: bool = False
    right: float = 0.08
    texts: Sequence[str] | None = None
    heights: Sequence[float] | None = None

    def height(self, k: int) -> float:
        """How high the drawing of sample k is, in inches."""
        return self.size[1] if self.heights is None else self.heights[k]

    def place(self, x: float, y: float, k: int) -> tuple[float, float, tuple[float, float]]:
        """Returns where the axes are: to the right of and above their ticks."""
        width, height = self.size[0], self.height(k)
        if not self.ticked:
            return x, y, (width, height)
        return x + _TICKS[0], y, (width - _TICKS[0] - self.right, height - _TICKS[1])


@dataclass(frozen=True)
class Fact:
    """A column of words or numbers, one for each sample."""

    leaf: Leaf
    title: str
    texts: Sequence[str]
    notes: Sequence[str] = field(default=())
