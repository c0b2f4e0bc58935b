"""Text that stays within its place, whatever it holds."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterator
from typing import Any

from matplotlib import font_manager
from matplotlib.textpath import text_to_path

__all__ = ["clean", "families", "width_of", "wrapped"]

# Looked for in this order, for letters that Matplotlib's own font lacks.
_MORE = (
    *("Noto Sans CJK JP", "Noto Sans CJK SC", "Hiragino Sans", "Yu Gothic", "Microsoft YaHei"),
    *("Malgun Gothic", "Arial Unicode MS", "Noto Sans", "Noto Sans Devanagari", "Noto Sans Thai"),
    *("WenQuanYi Zen Hei", "IPAGothic", "Noto Sans Arabic", "Nirmala UI"),
)


_HINTED = 1.13  # Small letters are drawn up to so much wider, to begin at whole pixels.


@functools.cache
def families() -> list[str]:
    """The fonts to write in."""
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return ["DejaVu Sans", *(name for name in _MORE if name in installed)]


@functools.cache
def _font(size: float, bold: bool) -> Any:
    weight = "bold" if bold else "normal"
    return font_manager.FontProperties(family=families(), size=size, weight=weight)


@functools.lru_cache(maxsize=1 << 14)
def width_of(text: str, size: float, bold: bool = False) -> float:
    """The width of a line of text, in inches."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # A letter that no font has is drawn as a box.
        width, _, _ = text_to_path.get_text_width_height_descent(text, _font(size, bold), False)
    return float(width) / 72 * _HINTED


def clean(text: Any) -> str:
    """Text in one line, of letters that can be drawn."""
    line = " ".join(str(text).split())
    return "".join(letter if letter.isprintable() else "·" for letter in line)


def wrapped(
    text: Any, width: float, size: float, most: int | None = None, bold: bool = False
) -> list[str]:
    """Returns lines of text that are no wider than that, in inches.

    Args:
        text: What to write.
        width: Of the lines.
        size: Of the letters, in points.
        most: How many lines; what is left out is told by an ellipsis.
        bold: Whether it will be written in bold letters.
    """
    lines: list[str] = []
    line = ""
    for piece in _pieces(clean(text), width, size, bold):
        joined = f"{line} {piece}" if line else piece
        if width_of(joined, size, bold) <= width:
            line = joined
            continue
        if most is not None and len(lines) + 1 == most:
            return [*lines, _cut(joined, width, size, bold)]
        lines += [line] if line else []
        line = piece
    return [*lines, line] if line or not lines else lines


def _cut(line: str, width: float, size: float, bold: bool) -> str:
    while line and width_of(f"{line}…", size, bold) > width:
        line = line[:-1]
    return f"{line.rstrip()}…"


def _pieces(line: str, width: float, size: float, bold: bool) -> Iterator[str]:
    """The words, and pieces of those that are too long, cut behind a mark where there is one."""
    for word in line.split(" "):
        while width_of(word, size, bold) > width and len(word) > 1:
            end = 1
            while end < len(word) and width_of(word[: end + 1], size, bold) <= width:
                end += 1
            marks = [place + 1 for place in range(end // 3, end) if word[place] in "_-/.:"]
            end = marks[-1] if marks else end
            yield word[:end]
            word = word[end:]
        yield word
