"""The columns of a sheet: what stands above them, and how wide they are."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .lettering import width_of, wrapped
from .page import Page, leading
from .panels import GRAY, INK, RED, ROLES, Fact, Panel
from .words import FONT

__all__ = ["NOTE", "SWATCH", "TITLE", "Column", "columns_of", "hue_of", "write_head"]

NOTE, TITLE = 6.2, 8.0  # Points.
_LEAST, _MOST = 0.5, 1.7  # Inches of a column of words.
_SMALLEST = 0.6  # As part of their size that drawings have at least.
_NOTED = 0.85  # Inches that notes are given at least.
_WIDEST = 12.0  # Inches of all columns; beyond it, words stand one below the other.
_MOST_LINES = 4
_LIST, _LISTED, _MOST_LISTED = 2.0, 9, 36  # Inches of a list, its lines, and those of all lists.
_GAP = 0.18
SWATCH = 0.09


@dataclass
class Column:
    """A column: a panel, or words for each sample.

    Args:
        title: Above it.
        role: Which says its hue.
        width: In inches.
        panel: What is drawn; None where there are words.
        texts: The lines of each sample.
        notes: Below the title.
        room: Inches that the notes have: those of several columns that are one input.
        legend: (name, color).
    """

    title: str
    role: str
    width: float
    panel: Panel | None
    texts: Sequence[Sequence[str]]
    notes: Sequence[str]
    room: float
    legend: Sequence[tuple[str, str]] = ()

    def height(self, row: int) -> float:
        """Inches that a row needs."""
        if self.panel is not None:
            return self.panel.height(row)
        return len(self.texts[row]) * leading(FONT)

    def head(self) -> list[tuple[str, float, str, bool, str | None]]:
        """The lines above it: text, size, color, bold, and the color of a swatch before it."""
        hue = ROLES.get(self.role, INK)
        lines: list[Any] = [
            (line, TITLE, hue, True, None)
            for line in wrapped(self.title, self.width, TITLE, 2, True)
        ]
        for note in filter(None, self.notes):
            color = hue_of(note)
            lines += [
                (line, NOTE, color, False, None) for line in wrapped(note, self.room, NOTE, 3)
            ]
        for name, color in self.legend:
            (line, *_) = wrapped(name, self.room - SWATCH - 0.05, NOTE, 1)
            lines.append((line, NOTE, INK, False, color))
        return lines


def hue_of(note: str) -> str:
    """The color of a note: what is missing or infinite is seldom meant."""
    return RED if "NaN" in note or "infinite" in note else GRAY


def columns_of(contents: Sequence[Panel | Fact], room: float = _WIDEST) -> list[Column]:
    """Returns the columns for what is to be drawn.

    Args:
        contents: In the order of the model.
        room: Inches that they may take.
    """
    panels = _narrowed([each for each in contents if isinstance(each, Panel)])
    facts = [each for each in contents if isinstance(each, Fact)]
    columns = _of_facts(facts)
    taken = sum(column.width + _GAP for column in [*panels, *columns])
    if taken > room and len(facts) > 2:
        columns = _listed(facts)
    return [*panels, *columns]


def _narrowed(panels: Sequence[Panel]) -> list[Column]:
    """Columns of panels, which are smaller where there are many of them; text is not."""
    columns = [_of_panel(panel) for panel in panels]
    total = sum(column.width + _GAP for column in columns)
    if total <= _WIDEST:
        return columns
    scale = max(_SMALLEST, _WIDEST / total)
    return [
        _of_panel(
            panel
            if panel.texts is not None
            else dataclasses.replace(panel, size=(panel.size[0] * scale, panel.size[1] * scale))
        )
        for panel in panels
    ]


def _of_panel(panel: Panel) -> Column:
    width = max(panel.size[0], min(1.6, width_of(panel.title, TITLE, True)), _NOTED)
    legend, role = panel.legend, panel.leaf.role
    return Column(panel.title, role, width, panel, (), panel.notes, width, legend)


def _of_facts(facts: Sequence[Fact]) -> list[Column]:
    columns: list[Column] = []
    for _, group in itertools.groupby(facts, key=lambda fact: id(fact.leaf)):
        members = list(group)
        made = [_of_fact(fact) for fact in members]
        made[-1].width = max(made[-1].width, _NOTED - sum(each.width + _GAP for each in made[:-1]))
        room = sum(each.width + _GAP for each in made) - _GAP
        label = members[0].leaf.label
        own = [label] if members[0].title != label else []
        made[0].notes, made[0].room = [*own, *members[0].notes], room
        columns += made
    return columns


def _of_fact(fact: Fact) -> Column:
    widest = max((width_of(text, FONT) for text in fact.texts), default=0.0)
    title = min(1.1, width_of(fact.title, TITLE, True))
    width = min(max(widest, title, _LEAST), _MOST) + 0.02
    texts = [wrapped(text, width, FONT, _MOST_LINES) for text in fact.texts]
    return Column(fact.title, fact.leaf.role, width, None, texts, [], width)


def _listed(facts: Sequence[Fact]) -> list[Column]:
    """Lists of name and value for each sample, of inputs and of what else there is."""
    columns = []
    for role, group in itertools.groupby(facts, key=lambda fact: fact.leaf.role):
        members = list(group)
        if len(members) <= 2:
            columns += _of_facts(members)
            continue
        shown = [members[at : at + _LISTED] for at in range(0, _MOST_LISTED, _LISTED)]
        for number, some in enumerate(filter(None, shown)):
            texts = [
                [wrapped(f"{f.title}: {f.texts[k]}", _LIST, FONT, 1)[0] for f in some]
                for k in range(len(members[0].texts))
            ]
            title, notes = ("", []) if number else (_titled(members), _counted(members))
            columns.append(Column(title, role, _LIST, None, texts, notes, _LIST))
    return columns


def _counted(members: Sequence[Fact]) -> list[str]:
    rest = len(members) - _MOST_LISTED
    notes = members[0].notes if len({id(fact.leaf) for fact in members}) == 1 else []
    return [*notes, f"{_MOST_LISTED} of {len(members)} values written" if rest > 0 else ""]


def _titled(members: Sequence[Fact]) -> str:
    labels = list(dict.fromkeys(fact.leaf.label for fact in members))
    return (
        labels[0] if len(labels) == 1 else "inputs" if members[0].leaf.role == "inputs" else "more"
    )


def write_head(page: Page, x: float, y: float, column: Column) -> float:
    """Writes the head of a column; returns how high it is."""
    start = y
    for text, size, color, bold, swatch in column.head():
        shift = 0.0
        if swatch is not None:
            page.swatch(x, y + 0.015, SWATCH - 0.02, swatch)
            shift = SWATCH + 0.03
        page.write(x + shift, y, text, size, color, bold)
        y += leading(size)
    return y - start
