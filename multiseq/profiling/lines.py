"""What was measured as lines of a table: one for each part and stage."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..stages import Place, Spent
from .instruments import Loads, Row

__all__ = ["Line", "lines_of", "single"]

_NONE = Spent(0.0, 0.0)


@dataclass(frozen=True)
class Line:
    """Where time is spent.

    Attributes:
        part: The part of a join; "" for all that is not a part's.
        stage: What is done.
        seconds: Of each batch, on average.
        share: Of what loading a batch takes one thread, from 0 to 1.
        cpu: Share of these seconds in which the thread had a processor; the rest it waited.
        per: What the next three are of: "sample" or "batch".
        mean: Seconds.
        p90: Seconds that nine of ten stay below.
        p99: Seconds that 99 of 100 stay below.
    """

    part: str
    stage: str
    seconds: float
    share: float
    cpu: float
    per: str
    mean: float
    p90: float
    p99: float

    def to_dict(self) -> dict[str, Any]:
        """Returns its attributes."""
        return asdict(self)


def lines_of(loads: Loads, more: dict[str, float]) -> list[Line]:
    """Returns a line for each place, the longest first.

    Args:
        loads: What was measured.
        more: Seconds for each batch by stages that were measured otherwise.
    """
    count = len(loads.batches)
    found = [*_places(loads.samples, "sample", count), *_places(loads.batches, "batch", count)]
    for stage, seconds in more.items():
        if seconds > 0:
            found.append(single(stage, seconds))
    whole = sum(line.seconds for line in found) or 1.0
    shared = [Line(**line.to_dict() | {"share": line.seconds / whole}) for line in found]
    return sorted(shared, key=lambda line: -line.seconds)


def single(stage: str, seconds: float) -> Line:
    """Returns the line of what is known on average alone."""
    return Line("", stage, seconds, 0.0, 1.0, "batch", seconds, seconds, seconds)


def _places(rows: list[Row], per: str, batches: int) -> list[Line]:
    places: dict[Place, None] = dict.fromkeys(place for row in rows for place in row)
    lines = []
    for place in places:
        walls = np.array([row.get(place, _NONE).wall for row in rows])
        cpu = sum(row.get(place, _NONE).cpu for row in rows)
        wall = float(walls.sum())
        if wall <= 0:
            continue
        p90, p99 = np.percentile(walls, [90, 99]).tolist()
        line = Line(
            *place, wall / batches, 0.0, min(1.0, cpu / wall), per, float(walls.mean()), p90, p99
        )
        lines.append(line)
    return lines
