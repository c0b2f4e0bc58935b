"""Which keywords would make a sequence faster, and how much: each is measured, none is guessed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..engine.search import processors
from .instruments import alone
from .lines import Line
from .speeds import Speed, free

__all__ = ["WORTH", "Change", "Measured", "best_change", "held", "larger_batches"]

WORTH = 1.15  # Times as fast; less may be chance.
_WAITS = 0.5  # Of the time, spent without a processor.
_SCALES = 1.3  # How many times as fast twice as many are, where they do not wait for one another.
_NEAR = 1.05  # The simpler of two that are nearly as good.
_MOST_THREADS = 16
_HANDED = 0.0003  # Seconds; to hand a batch over costs as much.
_LIGHT = 0.002
_BATCHES = 4  # In an epoch; of fewer, no two are loaded at once.
_LARGER = 8
_SMALL = 32

Keywords = Mapping[str, Any]


@dataclass
class Measured:
    """What was measured of a sequence, and of the model that it feeds.

    Attributes:
        sequence: The sequence.
        lines: Where the time of a batch goes in one thread.
        serial: A batch loaded in one thread.
        now: A batch as the sequence is set, of the model's training if there is a model.
        model: A step of the model on a batch that is there, in epochs as long as the sequence's;
            None without a model.
        seconds: For how long one thing is measured.
        speed: Measures a batch with other keywords, as `now` was measured.
        holds_gil: Whether loading keeps other threads from running.
        scales: How many times as fast "threads" and "processes" load, once that was measured.
    """

    sequence: Any
    lines: list[Line]
    serial: Speed
    now: Speed
    model: Speed | None
    seconds: float
    speed: Callable[[Keywords], Speed]
    holds_gil: bool = False
    scales: dict[str, float] = field(default_factory=dict)

    @property
    def waits(self) -> bool:
        """Whether loading waits for something else than a processor."""
        return self.serial.busy < _WAITS * self.serial.wall


@dataclass(frozen=True)
class Change:
    """Keywords that make a sequence faster.

    Attributes:
        keywords: For `replace`.
        gain: How many times as fast it was with them.
        why: What was seen of it, in words; or "".
    """

    keywords: dict[str, Any]
    gain: float
    why: str = ""


def best_change(measured: Measured) -> Change | None:
    """Returns what is worth it most of other numbers and kinds of workers."""
    settings = measured.sequence._settings
    light = not settings.workers and measured.serial.wall < _HANDED
    if light or settings.cluster is not None:
        return None
    now = measured.now.wall
    best: tuple[float, float, dict[str, Any], str] | None = None
    for keywords, wall, why in _candidates(measured):
        # With a model it is not faster than by itself: what promises too little is not tried.
        if wall * _handicap(keywords) > (now / WORTH if best is None else best[0]):
            continue
        if measured.model is not None:
            wall = measured.speed(keywords).wall
        found = wall * _handicap(keywords), wall, keywords, why
        best = found if best is None else min(best, found, key=lambda each: each[0])
    if best is None:
        return None
    _, wall, keywords, why = best
    gain = _confirmed(measured, keywords, wall)
    if measured.model is not None:  # Nothing that is done to data goes beyond that.
        gain = min(gain, now / measured.model.wall)
    return Change(keywords, gain, why) if gain >= WORTH else None


def _confirmed(measured: Measured, keywords: Keywords, wall: float) -> float:
    """How many times as fast it is with other keywords.

    What is best by chance is not so twice, and what else a machine does comes and goes.
    """
    now, again = measured.speed({}).wall, measured.speed(keywords).wall
    return (measured.now.wall + now) / (wall + again)


def _handicap(keywords: Keywords) -> float:
    """How many times as long a batch may take with fewer workers, or threads, which are simpler."""
    processes = _NEAR if keywords.get("use_multiprocessing") else 1.0
    return processes * (1 + 0.004 * int(keywords["workers"]))


def _candidates(measured: Measured) -> Iterator[tuple[dict[str, Any], float, str]]:
    """Yields keywords, the seconds of a batch with them at the least, and what was seen."""
    settings = measured.sequence._settings
    now = {"workers": settings.workers, "use_multiprocessing": settings.use_multiprocessing}
    for kind in ("threads", "processes"):
        walls = _of_kind(measured, kind)
        if not walls:
            continue
        measured.scales[kind] = measured.serial.wall / min(walls.values())
        least = {
            each: max(wall, measured.model.wall) if measured.model else wall
            for each, wall in walls.items()
        }
        workers = min(least, key=lambda each: least[each] * _handicap({"workers": each}))
        change = {"workers": workers, "use_multiprocessing": kind == "processes"}
        if change == now:
            continue
        if change["use_multiprocessing"] == now["use_multiprocessing"]:
            change.pop("use_multiprocessing")
        yield change, least[workers], held(measured) if kind == "processes" else ""
    if settings.workers:
        more = {"use_multiprocessing": False} if settings.use_multiprocessing else {}
        wall = max(measured.serial.wall, measured.model.wall if measured.model else 0.0)
        yield {"workers": 0} | more, wall, "; workers cost more than they bring"


def held(measured: Measured) -> str:
    """Says what keeps threads from loading at once, where something does."""
    if measured.holds_gil:
        return "; it is Python, which holds the GIL: threads do not help"
    threads, processes = (measured.scales.get(kind, 1.0) for kind in ("threads", "processes"))
    apart = measured.waits or processes >= _SCALES  # There is room for more to run.
    if threads < _SCALES and apart and measured.sequence.num_batches >= _BATCHES:
        return "; threads do not help: they wait for one another, as for a lock"
    return ""


def _of_kind(measured: Measured, kind: str) -> dict[int, float]:
    """Returns the seconds of a batch by the number of workers, as long as more are faster."""
    most = _MOST_THREADS if kind == "threads" else max(2, processors())
    found: dict[int, float] = {}
    before = measured.serial.wall
    for workers in (2, 4, 8, 16):
        enough = measured.model is not None and before < measured.model.wall
        if workers > most or (enough and found):
            break
        changes = {"workers": workers, "use_multiprocessing": kind == "processes"}
        try:
            speed = free(alone(measured.sequence, **changes), measured.seconds / 2)
        except Exception:  # Such as what cannot be sent to a process.
            break
        found[workers] = speed.wall
        if before / speed.wall < _SCALES:
            break
        before = speed.wall
    return found


def larger_batches(measured: Measured) -> Change | None:
    """Returns larger batches, where they are so small that each costs more than its rows."""
    sequence = measured.sequence
    size = sequence._settings.batch_size
    small = sequence._settings.rows <= _SMALL and size * _LARGER <= sequence.num_samples
    if measured.serial.wall > _LIGHT or not small:
        return None
    keywords = {"batch_size": _LARGER * size}
    gain = measured.now.wall * _LARGER / measured.speed(keywords).wall
    if gain < 2:
        return None
    return Change(
        keywords, gain, "; batches are so small that each costs more than the samples in it"
    )
