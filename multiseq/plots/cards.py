"""Cards: a picture for each sample, and below it all else that there is to tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .columns import NOTE, SWATCH, TITLE, hue_of
from .lettering import width_of, wrapped
from .page import Page, Picture, leading
from .panels import GRAY, INK, ROLES, Panel
from .top import GAP, LEAST_WIDTH, MARGIN, Shown, top_height, write_top
from .words import FONT

__all__ = ["MOST_TOLD", "MOST_WIDTH", "draw_cards"]

MOST_WIDTH = 2.3  # Inches of a picture.
MOST_TOLD = 6  # Things that are told below it.
_ACROSS = 4
_SPACE = 0.2  # Inches between rows.
_LINES = 3  # Of what is told at a time.


def draw_cards(shown: Shown, panel: Panel) -> Picture:
    """Returns a sheet of cards.

    Args:
        shown: What it shows.
        panel: The pictures; all else in it is told in words.
    """
    count = len(shown.keys)
    across = min(_ACROSS, count)
    high = panel.size[1]
    card = max(panel.size[0], 1.4)
    width = max(LEAST_WIDTH, 2 * MARGIN + across * (card + GAP) - GAP)
    room = width - 2 * MARGIN
    step = (room + GAP) / across
    keys = [wrapped(key, step - GAP, FONT, 2, True) for key in shown.keys]
    told = [list(_told(shown, panel, k, step - GAP)) for k in range(count)]
    above, below = (max(map(len, each)) * leading(FONT) for each in (keys, told))
    head = list(_head(shown, panel, room))
    top = MARGIN + top_height(shown, room)
    start = top + len({line for line, _, _, _, _ in head}) * leading(TITLE) + 0.08
    row = above + 0.04 + high + 0.05 + below + _SPACE
    page = Page(width, start + row * -(-count // across) + MARGIN / 2)
    write_top(page, shown, room)
    for line, x, text, color, swatch in head:
        y = top + line * leading(TITLE)
        if swatch:
            page.swatch(MARGIN + x, y + 0.025, SWATCH - 0.02, color)
        bold = color in ROLES.values() and not swatch
        page.write(
            *(MARGIN + x + (SWATCH + 0.02 if swatch else 0), y + (0 if bold else 0.015), text),
            TITLE if bold else NOTE,
            INK if swatch else color,
            bold,
        )
    for k in range(count):
        x, y = MARGIN + k % across * step, start + k // across * row
        page.lines(x, y, keys[k], FONT, bold=True)
        panel.draw(page.axes(*panel.place(x, y + above + 0.04, k)), k)
        page.lines(x, y + above + 0.09 + high, told[k], FONT)
    return page.figure


def _told(shown: Shown, panel: Panel, k: int, width: float) -> Iterator[str]:
    for each in shown.contents:
        if each is not panel:
            text = (each.texts or [""] * len(shown.keys))[k]
            yield from wrapped(f"{each.title}: {text}", width, FONT, _LINES)


def _head(shown: Shown, panel: Panel, room: float) -> Iterator[tuple[int, float, str, str, bool]]:
    """Yields what stands above the cards: line, place, text, color, and whether it is a swatch's.

    Each input has a line, with its notes and its legend behind it, and more where these are long.
    """
    line, seen = 0, set()
    for each in [panel, *(other for other in shown.contents if other is not panel)]:
        if id(each.leaf) in seen:
            continue
        seen.add(id(each.leaf))
        title = each.title if each is panel else each.leaf.label
        (title, *_) = wrapped(title, room, TITLE, 1, True)
        yield line, 0.0, title, ROLES[each.leaf.role], False
        x = width_of(title, TITLE, True) + 0.1
        legend = each.legend if isinstance(each, Panel) else ()
        spans = [(note, hue_of(note), False) for note in _noted(each.notes)]
        for text, color, swatch in [*spans, *((name, color, True) for name, color in legend)]:
            (text, *_) = wrapped(text, room - 0.2, NOTE, 1)
            wide = width_of(text, NOTE) + (SWATCH + 0.12 if swatch else 0.1)
            if x + wide > room and x > 0.2:
                line, x = line + 1, 0.2
            yield line, x, text, color, swatch
            x += wide
        line += 1


def _noted(notes: Sequence[str]) -> list[str]:
    """Notes in one line; those that are to be seen stand for themselves."""
    plain = ", ".join(note for note in notes if note and hue_of(note) == GRAY)
    return [plain, *(note for note in notes if hue_of(note) != GRAY)]
