"""The sheet: a row for each sample, or a card where one picture says all."""

from __future__ import annotations

from collections.abc import Sequence

from .cards import MOST_TOLD, MOST_WIDTH, draw_cards
from .columns import Column, columns_of, write_head
from .lettering import width_of, wrapped
from .page import Page, Picture, leading
from .panels import RED, Panel
from .top import GAP, LEAST_WIDTH, MARGIN, Shown, top_height, write_top
from .words import FONT

__all__ = ["drawn"]

_SPACE = 0.1  # Inches between rows.
_KEY_WIDTH = 1.45


def drawn(shown: Shown) -> Picture:
    """Returns the sheet."""
    pictures = [each for each in shown.contents if isinstance(each, Panel) and each.texts is None]
    small = len(pictures) == 1 and pictures[0].size[0] <= MOST_WIDTH
    told = len(shown.contents) - 1 <= MOST_TOLD
    if small and told and len(shown.keys) > 1 and not any(shown.troubles):
        return draw_cards(shown, pictures[0])
    return _rows(shown)


def _rows(shown: Shown) -> Picture:
    columns = columns_of(shown.contents)
    widest = max(width_of(key, FONT, True) for key in shown.keys)
    key_width = min(_KEY_WIDTH, max(0.35, widest + 0.02))
    keys = [wrapped(key, key_width, FONT, 4, True) for key in shown.keys]
    width = 2 * MARGIN + key_width + sum(column.width + GAP for column in columns)
    width = max(width, LEAST_WIDTH)
    room = width - 2 * MARGIN
    head = max((_head_height(column) for column in columns), default=0.0)
    troubles = [
        wrapped(text, room - key_width - GAP, FONT, 5) if text else [] for text in shown.troubles
    ]
    heights = [
        max(
            [len(keys[k]) * leading(FONT)]
            + [column.height(k) for column in columns if _is_there(column, k, shown)]
        )
        + len(troubles[k]) * leading(FONT)
        for k in range(len(keys))
    ]
    top = top_height(shown, room)
    height = MARGIN + top + head + sum(each + 2 * _SPACE for each in heights) + MARGIN / 2
    page = Page(width, height)
    write_top(page, shown, room)
    y, left = MARGIN + top, MARGIN + key_width + GAP
    x = left
    for column in columns:
        write_head(page, x, y, column)
        x += column.width + GAP
    y += head + _SPACE
    for k, lines in enumerate(keys):
        page.rule(y - _SPACE / 2, MARGIN, width - MARGIN)
        page.lines(MARGIN, y, lines, FONT, bold=True)
        page.lines(left, y, troubles[k], FONT, color=RED)
        _fill_row(page, columns, k, left, y + len(troubles[k]) * leading(FONT))
        y += heights[k] + 2 * _SPACE
    return page.figure


def _is_there(column: Column, k: int, shown: Shown) -> bool:
    return column.panel is None or column.panel.leaf.values[k] is not None


def _fill_row(page: Page, columns: Sequence[Column], k: int, x: float, y: float) -> None:
    for column in columns:
        panel = column.panel
        if panel is None:
            page.lines(x, y, column.texts[k], FONT)
        elif panel.leaf.values[k] is not None:
            panel.draw(page.axes(*panel.place(x, y, k)), k)
        x += column.width + GAP


def _head_height(column: Column) -> float:
    return sum(leading(size) for _, size, _, _, _ in column.head())
