"""A sheet to draw on, in inches from the upper left corner, and the figure that comes of it."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from .lettering import families
from .panels import INK

__all__ = ["Page", "Picture", "leading"]

_DPI = 100
_MOST_PIXELS = 30_000
_SHARP = 2  # Pixels of a notebook's screen for each of these.


class Picture(Figure):
    """A figure that belongs to no window, and is shown by notebooks as it is.

    `savefig("batch.png")` writes a file.
    """

    def draw(self, renderer: Any) -> None:
        """Draws it; a letter that no font has is a box, and no warning."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph")
            super().draw(renderer)

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        stream = io.BytesIO()
        self.savefig(stream, format="png", dpi=self.dpi * _SHARP)
        width, height = self.get_size_inches()
        return stream.getvalue(), {"width": int(width * _DPI), "height": int(height * _DPI)}


class Page:
    """A sheet of a size in inches.

    Args:
        width: In inches.
        height: In inches.
    """

    def __init__(self, width: float, height: float) -> None:
        self._width, self._height = width, height
        dpi = min(_DPI, _MOST_PIXELS / max(width, height))  # Of more, no file can be written.
        self.figure = Picture(figsize=(width, height), dpi=dpi, facecolor="white")
        FigureCanvasAgg(self.figure)

    def axes(self, x: float, y: float, size: tuple[float, float]) -> Any:
        """Returns axes whose upper left corner is there."""
        width, height = size
        bottom = self._height - y - height
        axes = self.figure.add_axes(
            (
                x / self._width,
                bottom / self._height,
                width / self._width,
                height / self._height,
            )
        )
        axes.set_facecolor("white")
        return axes

    def write(
        self, x: float, y: float, text: str, size: float, color: str = INK, bold: bool = False
    ) -> None:
        """Writes a line whose upper left corner is there."""
        self.figure.text(
            *(x / self._width, 1 - y / self._height, text),
            fontsize=size,
            fontfamily=families(),
            fontweight="bold" if bold else "normal",
            color=color,
            va="top",
            ha="left",
            parse_math=False,
        )

    def rule(self, y: float, start: float, end: float) -> None:
        """Draws a thin line from left to right."""
        across, height = (start / self._width, end / self._width), 1 - y / self._height
        self.figure.add_artist(
            Line2D(across, (height, height), color="#d0d7de", linewidth=0.6, in_layout=False)
        )

    def swatch(self, x: float, y: float, side: float, color: str) -> None:
        """Draws a square of a color."""
        corner = (x / self._width, 1 - (y + side) / self._height)
        shape = side / self._width, side / self._height
        self.figure.add_artist(Rectangle(corner, *shape, facecolor=color, edgecolor="none"))

    def lines(self, x: float, y: float, lines: Sequence[str], size: float, **style: Any) -> None:
        """Writes lines one below the other."""
        for number, line in enumerate(lines):
            self.write(x, y + number * leading(size), line, size, **style)


def leading(size: float) -> float:
    """From one line to the next, in inches, of letters of so many points."""
    return size * 1.32 / 72
