"""`seq.profile()`: measures, advises, and tries the advice."""

from __future__ import annotations

from typing import Any

from ..settings import AUTO
from .advice import advise
from .changes import Measured
from .instruments import alone, measure_loads, order_seconds
from .lines import lines_of
from .report import ProfileReport
from .speeds import Speed, fed, fed_by, free, handing_over, holds_gil, unaltered

__all__ = ["profile"]


def profile(sequence: Any, model: Any, try_it: bool, seconds: float) -> ProfileReport:
    """Returns the report; described at `MultiInputSequence.profile`."""
    if sequence._settings.workers == AUTO:  # As was chosen so far.
        workers, kind, _ = sequence.parallel
        sequence = sequence.replace(workers=workers, use_multiprocessing=kind)
    if model is None:
        return _profile(sequence, None, try_it, seconds)
    with alone(sequence) as plain, unaltered(model, lambda: plain[0]):
        return _profile(sequence, model, try_it, seconds)


def _profile(sequence: Any, model: Any, try_it: bool, seconds: float) -> ProfileReport:
    settings = sequence._settings
    loads = measure_loads(sequence, seconds)
    more = {"order": order_seconds(sequence)}
    if settings.workers and (settings.use_multiprocessing or settings.cluster):
        with sequence.replace() as copy:
            more["transport"] = handing_over(copy, seconds / 4)
    serial = free(alone(sequence), seconds)
    limit = None if model is None else _limit(sequence, model, seconds)
    alike = model is None and not settings.workers
    now = serial if alike else _speed(sequence.replace(), model, seconds)
    measured = Measured(
        sequence,
        lines_of(loads, more),
        serial,
        now,
        limit,
        seconds,
        lambda keywords: _speed(sequence.replace(**keywords), model, seconds),
    )
    if serial.busy > serial.wall / 2:
        measured.holds_gil = holds_gil(alone(sequence), seconds / 4)
    advice = advise(measured)
    tried = gain = None
    if try_it and advice.change is not None:
        tried, gain = _tried(measured, advice.change)
    rows = min(settings.rows, sequence.num_samples)
    return ProfileReport(
        called=sequence.called,
        batch_size=rows,
        lines=measured.lines,
        samples_per_second=rows / now.wall,
        limit=None if limit is None else rows / limit.wall,
        serial=rows / serial.wall,
        wait=None if limit is None else max(0.0, 1 - limit.wall / now.wall),
        advice=advice,
        tried=tried,
        gain=gain,
        first_batch=loads.first,
    )


def _tried(measured: Measured, change: dict[str, Any]) -> tuple[float, float]:
    """Returns samples/s after a change, and how many times as fast that is."""
    # In turns: what else the machine does may change meanwhile.
    first, now, last = (measured.speed(each).wall for each in (change, {}, change))
    sequence = measured.sequence
    tried = 2 * sequence.replace(**change)._settings.rows / (first + last)
    return tried, tried * (measured.now.wall + now) / 2 / sequence._settings.rows


def _limit(sequence: Any, model: Any, seconds: float) -> Speed:
    with alone(sequence) as plain:
        return fed(model, plain[0], sequence.num_batches, seconds)


def _speed(sequence: Any, model: Any, seconds: float) -> Speed:
    return free(sequence, seconds) if model is None else fed_by(model, sequence, seconds)
