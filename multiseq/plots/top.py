"""What a sheet shows, and what stands at its top."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .lettering import wrapped
from .page import Page, leading
from .panels import GRAY, Fact, Panel

__all__ = ["GAP", "LEAST_WIDTH", "MARGIN", "Shown", "top_height", "write_top"]

MARGIN, GAP = 0.2, 0.18  # Inches: around, and between columns.
LEAST_WIDTH = 5.2
_HEADING, _BELOW = 10.0, 7.5  # Points.


@dataclass(frozen=True)
class Shown:
    """What a sheet shows.

    Args:
        heading: What it is of.
        below: More about it.
        keys: Of the samples.
        contents: What is drawn of each.
        troubles: Why a sample could not be loaded, or that another stands in for it; or "".
    """

    heading: str
    below: str
    keys: Sequence[str]
    contents: Sequence[Panel | Fact]
    troubles: Sequence[str]


def top_height(shown: Shown, room: float) -> float:
    """How high the top is, in inches, where lines may be that wide."""
    heading, below = _top(shown, room)
    return len(heading) * leading(_HEADING) + len(below) * leading(_BELOW) + 0.1


def write_top(page: Page, shown: Shown, room: float) -> None:
    """Writes what the sheet is of."""
    heading, below = _top(shown, room)
    page.lines(MARGIN, MARGIN, heading, _HEADING, bold=True)
    page.lines(MARGIN, MARGIN + len(heading) * leading(_HEADING), below, _BELOW, color=GRAY)


def _top(shown: Shown, room: float) -> tuple[list[str], list[str]]:
    heading = wrapped(shown.heading, room, _HEADING, 2, True)
    return heading, wrapped(shown.below, room, _BELOW, 4) if shown.below else []
