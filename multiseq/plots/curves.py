"""What has an axis of time or of length: waveforms, spectra, windows, lines, colors."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from .kinds import Array, Frames, Future, Past, Undo, Waveform
from .leaves import Leaf, spread
from .panels import GRAY, ROLES, Panel, hue

__all__ = ["draw_frames", "draw_heat", "draw_lines", "draw_waveform", "draw_windows"]

_WIDE, _TALL = 2.3, 0.95  # Inches.
_MOST_POINTS = 1200  # Of a curve; of more, what lies between the lowest and the highest is drawn.
_MOST_COLUMNS = 4


def draw_waveform(leaf: Leaf) -> list[Panel]:
    """Draws sounds over seconds, the first channels in different hues."""
    kind = leaf.kind
    rate = kind.rate if isinstance(kind, Waveform) else 1
    top = max(map(abs, _limits(leaf.known)))

    def draw(axes: Any, k: int) -> None:
        value = leaf.values[k]
        if value is None:
            return
        channels = value[:, None] if value.ndim == 1 else value
        for number, channel in enumerate(channels.T[:2]):
            _curve(axes, np.arange(len(channel)) / rate, channel, hue(number))
        axes.set_xlim(0, len(channels) / rate)
        axes.set_ylim(-1.05 * top, 1.05 * top)
        _dress(axes, "s")

    notes = [*leaf.notes, f"{rate:,} Hz"]
    return [Panel(leaf, leaf.label, draw, (_WIDE, _TALL), notes, ticked=True)]


def draw_frames(leaf: Leaf) -> list[Panel]:
    """Draws spectra over seconds, low bands below."""
    seconds = leaf.kind.seconds if isinstance(leaf.kind, Frames) else 1.0
    low, high = _limits(leaf.known)

    def draw(axes: Any, k: int) -> None:
        value = leaf.values[k]
        if value is None:
            return
        frames = value[..., 0] if value.ndim == 3 else value
        extent = (0, len(frames) * seconds, 0, frames.shape[1])
        axes.imshow(
            frames.T,
            origin="lower",
            aspect="auto",
            cmap="magma",
            extent=extent,
            vmin=low,
            vmax=high,
        )
        _dress(axes, "s")

    more = [f"channel 0 of {leaf.first.shape[2]} drawn"] if leaf.first.ndim == 3 else []
    return [Panel(leaf, leaf.label, draw, (_WIDE, _TALL), [*leaf.notes, *more], ticked=True)]


def draw_lines(leaf: Leaf) -> list[Panel]:
    """Draws values along their axis."""

    def draw(axes: Any, k: int) -> None:
        value = leaf.values[k]
        if value is None:
            return
        if value.ndim == 1 and len(value) <= 40:
            axes.bar(np.arange(len(value)), _finite(value), color=hue(0), width=0.8)
        else:
            for number, line in enumerate(value.T if value.ndim == 2 else [value]):
                _curve(axes, np.arange(len(line)), line, hue(number))
        _dress(axes)

    return [Panel(leaf, leaf.label, draw, (_WIDE * 0.85, _TALL), leaf.notes, ticked=True)]


def draw_heat(leaf: Leaf) -> list[Panel]:
    """Draws numbers as colors; of more than two axes a slice in the middle."""
    slices = [None if value is None else _sliced(value) for value in leaf.values]
    known = [each for each in slices if each is not None]
    low, high = _limits(known)
    notes = list(leaf.notes)
    if leaf.first.ndim > 2:
        notes.append("a slice in the middle is drawn")
    height, width = known[0].shape
    size = (1.8, 1.0) if width >= height else (1.25, 1.25)

    def draw(axes: Any, k: int) -> None:
        if slices[k] is not None:
            axes.imshow(slices[k], aspect="auto", vmin=low, vmax=high, interpolation="nearest")
        axes.set_xticks([])
        axes.set_yticks([])

    return [Panel(leaf, leaf.label, draw, size, notes)]


def draw_windows(past: Leaf | None, futures: Sequence[Leaf]) -> list[Panel]:
    """Draws the past of each feature, and what follows it where that is a target.

    What is standardized is drawn in the units that it was in, where its transform can undo it.
    """
    whole = [each for each in [past, *futures] if each is not None]
    series: dict[str, list[Leaf]] = {}
    for leaf in whole:
        for column in _columns(leaf):
            series.setdefault(column, []).append(leaf)
    # Those that are foretold come first.
    ranked = sorted(series, key=lambda name: not any(leaf in futures for leaf in series[name]))
    shown = [name for name in series if name in ranked[:_MOST_COLUMNS]]
    panels = [_of_column(name, series[name], past) for name in shown]
    if len(series) > len(shown):
        first = panels[0]
        notes = [*first.notes, f"{len(shown)} of {len(series)} columns drawn"]
        panels[0] = dataclasses.replace(first, notes=notes)
    return panels


def _of_column(name: str, leaves: Sequence[Leaf], past: Leaf | None) -> Panel:
    length = 0 if past is None else past.first.shape[0]
    undone = all(_undo(leaf) is not None or not _is_scaled(leaf) for leaf in leaves)
    curves = [
        (leaf, [_column(value, name, leaf, undone) for value in leaf.values]) for leaf in leaves
    ]
    apart = not undone and len({_is_scaled(leaf) for leaf in leaves}) > 1

    def draw(axes: Any, k: int) -> None:
        last = None
        for leaf, values in curves:
            value = values[k]
            if value is None:
                continue
            is_past = leaf is past
            steps = np.arange(len(value)) - (length - 1 if is_past else -1)
            color = ROLES["inputs" if is_past else "targets"]
            on = axes
            if apart and not is_past:
                on = axes.twinx()
                _dress(on, color=color)
            if last is not None and not apart:
                on.plot([0, 1], [last, value[0]], color=color, linewidth=0.9, linestyle=":")
            _curve(on, steps, value, color, "" if is_past else "o")
            last = value[-1] if is_past else last
        axes.axvline(0.5, color=GRAY, linewidth=0.6, linestyle="--")
        _dress(axes)

    notes = [text for leaf in leaves for text in _said(leaf, name)]
    notes += ["targets at the right"] if apart else []
    notes += ["drawn in original units"] if undone and any(_undo(leaf) for leaf in leaves) else []
    legend = [
        ("past" if leaf is past else leaf.label, ROLES["inputs" if leaf is past else "targets"])
        for leaf in leaves
    ]
    return Panel(leaves[0], name, draw, (_WIDE, _TALL), notes, legend, True, 0.3 if apart else 0.08)


def _said(leaf: Leaf, name: str) -> list[str]:
    column = [value.reshape(len(value), -1)[:, _columns(leaf).index(name)] for value in leaf.known]
    return [f"{leaf.label}: {leaf.notes[0]}", spread(column)]


def _columns(leaf: Leaf) -> tuple[str, ...]:
    return leaf.kind.columns if isinstance(leaf.kind, Past | Future) else ()


def _undo(leaf: Leaf) -> Undo | None:
    return leaf.kind.undo if isinstance(leaf.kind, Past | Future) else None


def _is_scaled(leaf: Leaf) -> bool:
    return isinstance(leaf.kind, Past | Future) and leaf.kind.scaled


def _column(value: Array | None, name: str, leaf: Leaf, undone: bool) -> Array | None:
    """One column of a sample, in its original units where that is wanted."""
    if value is None:
        return None
    rows = value.reshape(len(value), -1)
    undo = _undo(leaf) if undone else None
    before = None if undo is None else undo(rows)
    rows = rows if before is None else before.reshape(len(rows), -1)
    return np.asarray(rows[:, _columns(leaf).index(name)])


def _sliced(value: Array) -> Array:
    while value.ndim > 2:
        # Channels are the last axis, slices of a volume the first.
        value = value[..., 0] if value.shape[-1] <= 4 else value[len(value) // 2]
    return value


def _finite(values: Array) -> Array:
    """Values with a gap where there is no finite number."""
    numbers = values.astype(np.float64)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _limits(values: Sequence[Array]) -> tuple[float, float]:
    flat = np.concatenate([value.ravel() for value in values]).astype(np.float64)
    finite = flat[np.isfinite(flat)]
    if not finite.size:
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    return low, high if high > low else low + 1


def _curve(axes: Any, x: Array, y: Array, color: str, marker: str = "") -> None:
    """A line; of many points the band between the lowest and the highest of each few."""
    y = _finite(y)
    if len(y) <= _MOST_POINTS:
        axes.plot(x, y, color=color, linewidth=0.9, marker=marker, markersize=2)
        return
    step = -(-len(y) // (_MOST_POINTS // 2))
    starts = np.arange(0, len(y), step)
    low, high = np.minimum.reduceat(y, starts), np.maximum.reduceat(y, starts)
    axes.fill_between(x[starts], low, high, color=color, linewidth=0.4)


def _tick(value: float, place: int | None = None) -> str:
    """A number as a tick: 8.5M for 8500000."""
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / min(size, 1e3 if letter == 'k' else size):.4g}{letter}"
    return f"{value:.4g}"


def _dress(axes: Any, unit: str = "", color: str = GRAY) -> None:
    """Small ticks inside the place that the axes have."""
    axes.tick_params(labelsize=5.5, length=2, pad=1.5, width=0.4, colors=color)
    axes.locator_params(nbins=4)
    axes.xaxis.set_major_formatter("{x:g} " + unit if unit else _tick)
    axes.yaxis.set_major_formatter(_tick)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_linewidth(0.4)
        spine.set_color(GRAY)
