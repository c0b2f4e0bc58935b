"""What a figure of `show()` holds: its words, drawings and places."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.patches import Rectangle

__all__ = ["images", "lines", "overlaps", "words"]


def words(figure: Any) -> str:
    """All that is written, line by line."""
    texts = [*figure.texts, *(text for axes in figure.axes for text in axes.texts)]
    return "\n".join(text.get_text() for text in texts)


def images(figure: Any) -> list[np.ndarray]:
    """The first picture of each of its axes, without what lies over it."""
    return [np.asarray(axes.images[0].get_array()) for axes in figure.axes if axes.images]


def lines(figure: Any) -> list[list[np.ndarray]]:
    """The y values of the curves of each of its axes, lines across left out."""
    found = []
    for axes in figure.axes:
        curves = [np.asarray(line.get_ydata()) for line in axes.lines]
        found.append([each for each in curves if len(each) > 2])
    return [each for each in found if each]


def overlaps(figure: Any) -> list[str]:
    """The texts that lie over one another, or are cut off at the margin."""
    renderer = figure.canvas.get_renderer()
    figure.draw(renderer)
    boxes = [
        (text.get_text(), text.get_window_extent(renderer))
        for text in [*figure.texts, *(t for axes in figure.axes for t in axes.texts)]
        if text.get_text().strip()
    ]
    boxes += [
        ("a square of a legend", square.get_window_extent(renderer))
        for square in figure.get_children()
        if isinstance(square, Rectangle) and square is not figure.patch
    ]
    width, height = figure.get_size_inches() * figure.dpi
    wrong = [
        f"{text!r} is cut off"
        for text, box in boxes
        if box.x0 < 0 or box.y0 < 0 or box.x1 > width or box.y1 > height
    ]
    for number, (text, box) in enumerate(boxes):
        for other, another in boxes[number + 1 :]:
            # The boxes of lines below one another touch.
            x = min(box.x1, another.x1) - max(box.x0, another.x0)
            y = min(box.y1, another.y1) - max(box.y0, another.y0)
            if x > 1 and y > 0.4 * min(box.height, another.height):
                wrong.append(f"{text!r} and {other!r}")
    return wrong
