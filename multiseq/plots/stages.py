"""What becomes of one sample: a row for each input and target, a column for each stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .columns import NOTE, TITLE
from .lettering import width_of, wrapped
from .page import Page, Picture, leading
from .panels import GRAY, INK, RED, ROLES, Fact, Panel
from .words import FONT

__all__ = ["Stage", "drawn_stages"]

_MARGIN, _GAP, _SPACE = 0.2, 0.2, 0.13  # Inches.
_LABEL = 1.15
_LEAST_WIDTH, _WORDS = 5.2, 1.6
_HEADING, _BELOW = 10.0, 7.5  # Points.


@dataclass(frozen=True)
class Stage:
    """One stage.

    Args:
        title: What it is called.
        contents: What is drawn of it.
        trouble: Why there is nothing to draw; or "".
    """

    title: str
    contents: Sequence[Panel | Fact]
    trouble: str


@dataclass(frozen=True)
class _Place:
    """What one stage shows of one input: a drawing or words, and what is said below."""

    panel: Panel | None
    lines: Sequence[str]
    notes: Sequence[str]
    width: float

    @property
    def height(self) -> float:
        above = len(self.lines) * leading(FONT) if self.panel is None else self.panel.size[1]
        return above + self.shift + len(self.notes) * leading(NOTE)

    @property
    def shift(self) -> float:
        """From the drawing to the notes."""
        return 0.04


def drawn_stages(heading: str, below: str, stages: Sequence[Stage]) -> Picture:
    """Draws stages from left to right."""
    names = list(dict.fromkeys(_name(each) for stage in stages for each in stage.contents))
    roles = {_name(each): each.leaf.role for stage in stages for each in stage.contents}
    places = [{_name(each): _place(each) for each in stage.contents} for stage in stages]
    widths = [
        max([place.width for place in each.values()] + [_WORDS if stage.trouble else 1.45])
        for stage, each in zip(stages, places, strict=True)
    ]
    heights = [max(each[n].height for each in places if n in each) for n in names]
    width = max(_LEAST_WIDTH, 2 * _MARGIN + _LABEL + sum(each + _GAP for each in widths))
    room = width - 2 * _MARGIN
    tops = wrapped(heading, room, _HEADING, 2, True), wrapped(below, room, _BELOW, 4)
    titles = [
        wrapped(stage.title, each, TITLE, 2, True)
        for stage, each in zip(stages, widths, strict=True)
    ]
    top = len(tops[0]) * leading(_HEADING) + len(tops[1]) * leading(_BELOW) + 0.12
    head = max(map(len, titles)) * leading(TITLE) + 0.1
    body = max(sum(each + 2 * _SPACE for each in heights), 1.0)
    page = Page(width, _MARGIN + top + head + body + _MARGIN / 2)
    page.lines(_MARGIN, _MARGIN, tops[0], _HEADING, color=INK, bold=True)
    page.lines(_MARGIN, _MARGIN + len(tops[0]) * leading(_HEADING), tops[1], _BELOW, color=GRAY)
    start = _MARGIN + top + head
    _label(page, names, roles, heights, start, width)
    x = _MARGIN + _LABEL + _GAP
    for number, stage in enumerate(stages):
        page.lines(x, _MARGIN + top, titles[number], TITLE, bold=True)
        trouble = wrapped(stage.trouble, widths[number], FONT, 12) if stage.trouble else []
        page.lines(x, start + _SPACE, trouble, FONT, color=RED)
        _fill(page, [places[number].get(name) for name in names], heights, x, start)
        x += widths[number] + _GAP
    return page.figure


def _label(
    page: Page,
    names: Sequence[tuple[str, str]],
    roles: dict[tuple[str, str], str],
    heights: Sequence[float],
    y: float,
    width: float,
) -> None:
    """Writes what each row is."""
    for name, height in zip(names, heights, strict=True):
        page.rule(y, _MARGIN, width - _MARGIN)
        lines = wrapped(name[1], _LABEL, TITLE, 3, True)
        page.lines(_MARGIN, y + _SPACE, lines, TITLE, color=ROLES[roles[name]], bold=True)
        y += height + 2 * _SPACE


def _fill(
    page: Page, places: Sequence[_Place | None], heights: Sequence[float], x: float, y: float
) -> None:
    """Draws one stage, from top to bottom."""
    for place, height in zip(places, heights, strict=True):
        if place is not None:
            at = y + _SPACE
            if place.panel is not None:
                place.panel.draw(page.axes(*place.panel.place(x, at, 0)), 0)
                at += place.panel.size[1]
            page.lines(x, at, place.lines, FONT)
            at += len(place.lines) * leading(FONT) + place.shift
            page.lines(x, at, place.notes, NOTE, color=GRAY)
        y += height + 2 * _SPACE


def _name(content: Panel | Fact) -> tuple[str, str]:
    return content.leaf.name, content.title


def _place(content: Panel | Fact) -> _Place:
    if isinstance(content, Panel):
        width = max(content.size[0], 1.1)
        lines: list[str] = []
    else:
        width = min(max(width_of(content.texts[0], FONT), 0.8), _WORDS)
        lines = wrapped(content.texts[0], width + 0.02, FONT, 4)
    given = content.notes if isinstance(content, Panel) else content.notes[:1]
    notes = [line for note in given if note for line in wrapped(note, width, NOTE, 2)]
    return _Place(content if isinstance(content, Panel) else None, lines, notes, width)
