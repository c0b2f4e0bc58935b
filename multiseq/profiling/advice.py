"""From what was measured to the bottleneck, the change to make, and its predicted gain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .changes import WORTH, Change, Measured, best_change, held, larger_batches
from .fixes import by_hand, name_of
from .speeds import Speed

__all__ = ["Advice", "advise"]

_WAITS = 0.5  # Of a stage's time, spent without a processor.
_SHORT = 1.5  # Times as long as its steps, an epoch that costs Keras more than it trains.


@dataclass(frozen=True)
class Advice:
    """What limits a sequence, and what to do.

    Attributes:
        bottleneck: The part and stage, as "decoding of 'image'", or "the model".
        because: Why, in words.
        fix: What to do, in words; None where there is nothing to gain.
        change: Keywords for `replace` that do it; None where it takes more.
        gain: How many times as fast it will be: predicted.
        at_most: Whether the gain is an upper bound.
    """

    bottleneck: str
    because: str
    fix: str | None = None
    change: dict[str, Any] | None = None
    gain: float = 1.0
    at_most: bool = False


def advise(measured: Measured) -> Advice:
    """Returns the advice."""
    model, now = measured.model, measured.now
    # Whoever loads by himself, and quickly, takes that little time away from the model at most.
    light = not measured.sequence._settings.workers
    if model is not None and (
        now.wall < WORTH * model.wall or (light and measured.serial.wall < (WORTH - 1) * model.wall)
    ):
        return _of_model(measured, model)
    line = measured.lines[0]
    called = name_of(line)
    because = f"{called} takes {line.share:.0%} of the time that loading a batch takes one thread"
    if line.cpu < _WAITS and measured.waits:
        because += ", most of which it waits"
    found = best_change(measured)
    if found is None and model is None:  # It changes the training: the last resort.
        found = larger_batches(measured)
    if found is not None:
        return _by(found, called, because)
    why, fix = by_hand(measured.sequence, line)
    return Advice(
        called, because + why + held(measured), fix, None, _without(measured, line.share), True
    )


def _by(found: Change, called: str, because: str) -> Advice:
    shown = ", ".join(f"{name}={value!r}" for name, value in found.keywords.items())
    fix = f"seq.replace({shown})"
    return Advice(called, because + found.why, fix, found.keywords, found.gain)


def _of_model(measured: Measured, model: Speed) -> Advice:
    sequence, rows = measured.sequence, measured.sequence._settings.rows
    because = (
        f"the model takes {1e3 * model.wall:.3g} ms for a batch of {rows} that is there already, "
        f"and {1e3 * measured.now.wall:.3g} ms with its data: the model is the limit"
    )
    step = model.wall - model.between / sequence.num_batches
    if model.wall > _SHORT * step:
        because += (
            f", and most of that is the {1e3 * model.between:.3g} ms that Keras takes between "
            f"epochs, of which one has {sequence.num_batches} batches"
        )
        fix = "train longer epochs: a sampler= that returns each position several times"
        return Advice("the model", because, fix, None, model.wall / step, True)
    found = larger_batches(measured)
    if found is None:
        return Advice("the model", f"{because}, and faster data would gain nothing")
    because += ", and most of that is spent on each step, however small the batch"
    advice = _by(found, "the model", because)
    return Advice(
        "the model", because, f"{advice.fix}, which trains another way", advice.change, advice.gain
    )


def _without(measured: Measured, share: float) -> float:
    """How many times as fast it would be without a stage."""
    now = measured.now.wall
    left = now - share * min(now, measured.serial.wall)
    if measured.model is not None:
        left = max(left, measured.model.wall)
    return now / max(left, 1e-9)
