"""Images, masks of classes over them, bands of pixels and frames of video."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .guessing import nameless
from .kinds import Array, Image, Mask
from .leaves import Leaf, short
from .panels import Panel, hue

__all__ = ["draw_bands", "draw_images", "draw_masks", "draw_video", "over"]

Scale = Callable[[Array], Array]

_SIDE, _LONGEST = 1.25, 2.2  # Inches.
_MOST_CLASSES = 8  # That a legend names.
_IGNORED = 255  # What masks call pixels of no class.
_VEIL = 0.45


def draw_images(leaf: Leaf) -> list[Panel]:
    """Draws pixels, scaled to what can be seen."""
    return [_panel(leaf, leaf.label, _pixels(leaf), leaf.notes)]


def draw_bands(leaf: Leaf) -> list[Panel]:
    """Draws the first of many channels."""
    channels = leaf.first.shape[-1]
    firsts = [None if value is None else value[..., :1] for value in leaf.values]
    drawn = _pixels(Leaf(leaf.name, Image(), firsts))
    return [_panel(leaf, leaf.label, drawn, [*leaf.notes, f"channel 0 of {channels} drawn"])]


def draw_video(leaf: Leaf) -> list[Panel]:
    """Draws a few frames side by side."""
    count = min(len(value) for value in leaf.known)
    chosen = np.unique(np.linspace(0, max(0, count - 1), 4).astype(int))
    strips = [None if v is None else np.concatenate([*v[chosen]], axis=1) for v in leaf.values]
    drawn = _pixels(Leaf(leaf.name, Image(), strips))
    frames = f"frames {', '.join(map(str, chosen))} drawn"
    return [_panel(leaf, leaf.label, drawn, [*leaf.notes, frames])]


def draw_masks(leaf: Leaf) -> list[Panel]:
    """Draws masks by themselves: a color for each class."""
    classes, legend = _classes([leaf])
    pictures = [None if v is None else _painted(_flat(v), classes, True) for v in leaf.values]
    return [_panel(leaf, leaf.label, (pictures, []), leaf.notes, legend)]


def over(image: Leaf, masks: Sequence[Leaf]) -> list[Panel]:
    """Draws images with masks of the same height and width as a veil over them.

    Pixels of class 0 stay as they are. Two masks over one image are drawn in different hues.
    """
    pictures, notes = _pixels(image)
    classes, legend = _classes(masks)
    veils = [
        [None if v is None else _painted(_flat(v), classes, False) for v in mask.values]
        for mask in masks
    ]
    title = " + ".join([image.label, *(mask.label for mask in masks)])
    said = [*image.notes, *notes]
    for mask in masks:
        said += [f"{mask.label}: {mask.notes[0]}", mask.notes[1]]
    panel = _panel(image, title, (pictures, []), said, legend)

    def draw(axes: Any, k: int) -> None:
        panel.draw(axes, k)
        for veil, mask in zip(veils, masks, strict=True):
            value = mask.values[k]
            if value is not None:
                axes.imshow(veil[k], interpolation="nearest", aspect="auto")
                _outline(axes, _flat(value), classes)

    return [Panel(image, title, draw, panel.size, panel.notes, panel.legend)]


def _panel(
    leaf: Leaf,
    title: str,
    drawn: tuple[Sequence[Array | None], list[str]],
    notes: Sequence[str],
    legend: Sequence[tuple[str, str]] = (),
) -> Panel:
    pictures, more = drawn
    height, width = next(picture for picture in pictures if picture is not None).shape[:2]

    def draw(axes: Any, k: int) -> None:
        axes.axis("off")
        if pictures[k] is not None:
            axes.imshow(pictures[k], cmap="gray", vmin=0, vmax=1, aspect="auto")

    return Panel(leaf, title, draw, _size(height, width), [*notes, *more], legend)


def _size(height: int, width: int) -> tuple[float, float]:
    """Inches for pixels of that proportion."""
    ratio = width / height
    if ratio >= 1:
        wide = min(_LONGEST, _SIDE * ratio)
        return wide, max(0.3, wide / ratio)
    tall = min(_LONGEST, _SIDE / ratio)
    return max(0.3, tall * ratio), tall


def _pixels(leaf: Leaf) -> tuple[list[Array | None], list[str]]:
    """Returns pixels from 0 to 1, (height, width) or with colors, and what was done for it."""
    first_axis = isinstance(leaf.kind, Image) and leaf.kind.channels_first
    moved = [None if v is None else np.moveaxis(v, 0, -1) if first_axis else v for v in leaf.values]
    scale, said = _scale([value for value in moved if value is not None])
    drawn = [None if value is None else _colors(scale(value)) for value in moved]
    channels = leaf.first.shape[0 if first_axis else -1] if leaf.first.ndim == 3 else 1
    notes = ["channels first"] if first_axis else []
    notes += [said] if said else []
    if channels not in (1, 3, 4):
        notes.append(f"channel 0 of {channels} drawn")
    return drawn, notes


def _colors(pixels: Array) -> Array:
    if pixels.ndim == 3 and pixels.shape[-1] not in (3, 4):
        return pixels[..., 0]
    return pixels


def _scale(values: Sequence[Array]) -> tuple[Scale, str]:
    """Returns what brings pixels to 0 … 1, and says so where that is not plain."""
    if values[0].dtype == np.uint8:
        return lambda value: value / 255, ""
    flat = np.concatenate([value.ravel() for value in values]).astype(np.float64)
    finite = flat[np.isfinite(flat)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if low >= 0 and high <= 1:
        low, high = 0.0, 1.0
        said = ""
    elif -1 <= low < 0 < high <= 1:
        low, high, said = -1.0, 1.0, "drawn from -1 to 1"
    elif low >= 0 and high <= 255 and high > 2:
        low, high, said = 0.0, 255.0, "drawn from 0 to 255"
    else:
        # Of what is standardized, a few values far away would leave all others gray.
        low, high = (float(each) for each in np.percentile(finite, (0.5, 99.5)))
        said = f"drawn from {short(low)} to {short(high)}"
    width = high - low or 1.0

    def scaled(value: Array) -> Array:
        return np.clip((np.nan_to_num(value.astype(np.float64)) - low) / width, 0, 1)

    return scaled, said


def _flat(mask: Array) -> Array:
    """A class for each pixel, int64 of shape (height, width)."""
    if mask.ndim == 3 and mask.shape[-1] > 1:
        return np.asarray(mask.argmax(axis=-1))
    return np.rint(mask[..., 0] if mask.ndim == 3 else mask).astype(np.int64)


def _classes(masks: Sequence[Leaf]) -> tuple[dict[int, str], list[tuple[str, str]]]:
    """Returns a color for each class but 0, and a legend."""
    found = np.unique(np.concatenate([_flat(value).ravel() for m in masks for value in m.known]))
    shown = [int(each) for each in found if each]
    colors = {each: "#9aa0a6" if each == _IGNORED else hue(each - 1) for each in shown}
    kind = masks[0].kind
    name = (kind.name if isinstance(kind, Mask) else None) or nameless
    legend = [(name(each) or f"class {each}", colors[each]) for each in shown[:_MOST_CLASSES]]
    if len(shown) > _MOST_CLASSES:
        legend.append((f"… {len(shown) - _MOST_CLASSES} more", "#6e7781"))
    return colors, legend


def _painted(mask: Array, colors: dict[int, str], alone: bool) -> Array:
    """Returns a mask in colors, (height, width, 4); class 0 is black alone, else clear."""
    painted = np.zeros((*mask.shape, 4))
    painted[..., 3] = 1.0 if alone else 0.0
    for each, color in colors.items():
        red, green, blue = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
        painted[mask == each] = red, green, blue, 1.0 if alone else _VEIL
    return painted


def _outline(axes: Any, mask: Array, colors: dict[int, str]) -> None:
    if min(mask.shape) < 2:
        return
    for each, color in colors.items():
        inside = mask == each
        if inside.any() and not inside.all():
            axes.contour(inside, levels=[0.5], colors=[color], linewidths=0.9)
