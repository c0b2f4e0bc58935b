"""What is written instead of drawn: text, categories, numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .kinds import Array, Category, Ids, Named, OneHot
from .leaves import Leaf, short
from .lettering import wrapped
from .panels import INK, Fact, Panel

__all__ = [
    "FONT",
    "draw_ids",
    "draw_text",
    "tell_any",
    "tell_category",
    "tell_named",
    "tell_one_hot",
]

FONT = 7.0  # Points.
_LINE = 0.135  # Inches.
_WIDE = 2.5
_MOST_LINES = 6
_MOST_LETTERS = 2000  # That are looked at: a text may be a book.


def draw_ids(leaf: Leaf) -> list[Panel]:
    """Writes token ids as words, padding left out."""
    kind = leaf.kind
    if not isinstance(kind, Ids):
        return draw_text(leaf)
    texts = [
        None if v is None else kind.text(v.tolist()).strip() or "(nothing)" for v in leaf.values
    ]
    return [_paragraphs(leaf, texts)]


def draw_text(leaf: Leaf) -> list[Panel]:
    """Writes text as it is, tokens and integers side by side."""
    return [_paragraphs(leaf, [None if v is None else _joined(v) for v in leaf.values])]


def tell_category(leaf: Leaf) -> list[Fact]:
    """Tells the name of a category, and its id."""
    kind = leaf.kind
    name = kind.name if isinstance(kind, Category) else None

    def told(value: Array) -> str:
        number = int(value.ravel()[0])
        known = None if name is None else name(number)
        return str(number) if known is None else f"{known} ({number})"

    return [_fact(leaf, told)]


def tell_one_hot(leaf: Leaf) -> list[Fact]:
    """Tells the classes that are 1."""
    kind = leaf.kind
    name = kind.name if isinstance(kind, OneHot) else None

    def told(value: Array) -> str:
        ones = np.flatnonzero(value).tolist()
        names = [(name(each) if name is not None else None) or f"class {each}" for each in ones]
        return ", ".join(names) or "none"

    return [_fact(leaf, told)]


def tell_named(leaf: Leaf) -> list[Fact]:
    """Tells numbers by the names of their columns."""
    kind = leaf.kind
    if not isinstance(kind, Named):
        return tell_any(leaf)
    rows = [None if value is None else value.reshape(-1) for value in leaf.values]
    undone = [None if row is None or kind.undo is None else kind.undo(row) for row in rows]
    undone = [
        each if each is not None and each.size == len(kind.names) else None for each in undone
    ]
    least = _least(undone)
    facts = []
    for number, column in enumerate(kind.names):
        texts = []
        for row, before in zip(rows, undone, strict=True):
            text = "" if row is None else short(row[number])
            if before is not None:
                value = float(before.reshape(-1)[number])
                text += f" ({short(value if abs(value) > least[number] else 0.0)})"
            texts.append(text)
        facts.append(Fact(leaf, column, texts, leaf.notes))
    return facts


def _least(undone: Sequence[Array | None]) -> Array:
    """What is 0 but for the rounding of float32, for each column."""
    known = [each.reshape(-1) for each in undone if each is not None]
    return np.asarray(np.abs(known).max(axis=0) * 1e-6) if known else np.zeros(0)


def tell_any(leaf: Leaf) -> list[Fact]:
    """Tells a few numbers, or what an array is like."""
    return [_fact(leaf, _told)]


def _told(value: Array) -> str:
    if value.dtype.kind in "biuf" and value.size <= 5:
        return ", ".join(map(short, value.ravel().tolist())) or "nothing"
    if value.dtype.kind in "biuf" and value.size:
        low, mean, high = (short(f(value)) for f in (np.min, np.mean, np.max))
        return f"min {low}, mean {mean}, max {high}"
    return _joined(value) if value.ndim <= 1 else f"{value.shape} {value.dtype}"


def _fact(leaf: Leaf, told: Callable[[Array], str]) -> Fact:
    texts = ["" if value is None else told(value) for value in leaf.values]
    return Fact(leaf, leaf.label, texts, leaf.notes)


def _joined(value: Array) -> str:
    flat = value.ravel()[:_MOST_LETTERS].tolist()
    return " ".join(
        each.decode(errors="replace") if isinstance(each, bytes) else str(each) for each in flat
    )[:_MOST_LETTERS]


def _paragraphs(leaf: Leaf, texts: Sequence[str | None]) -> Panel:
    """A panel of text, as high as the longest of them needs."""
    cut = ["" if text is None else text[:_MOST_LETTERS] for text in texts]
    lines = [wrapped(text, _WIDE, FONT, _MOST_LINES) for text in cut]
    wide = 1.0 if max(map(len, cut)) < 20 else _WIDE
    if wide < _WIDE:
        lines = [wrapped(text, wide, FONT, _MOST_LINES) for text in cut]
    heights = [_LINE * len(each) + 0.03 for each in lines]

    def draw(axes: Any, k: int) -> None:
        axes.axis("off")
        write(axes, lines[k])

    return Panel(
        leaf, leaf.label, draw, (wide, max(heights)), leaf.notes, texts=cut, heights=heights
    )


def write(axes: Any, lines: Sequence[str], color: str = INK) -> None:
    """Writes lines from the upper left corner of axes."""
    from .lettering import families

    axes.text(
        *(0, 1, "\n".join(lines)),
        transform=axes.transAxes,
        fontsize=FONT,
        fontfamily=families(),
        color=color,
        va="top",
        linespacing=_LINE * 72 / FONT / 1.2,
        parse_math=False,
    )
