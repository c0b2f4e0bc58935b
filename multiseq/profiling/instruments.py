"""The time of loading by part and stage: copies of a sequence whose hooks are timed."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..stages import Place, Recorder, Spent, stage
from ..transforms import Holder

__all__ = ["Loads", "Row", "alone", "measure_loads", "order_seconds"]

ASSEMBLY = Place("", "collate")
_LEAST_BATCHES = 2
_MOST_UNITS = 20_000

Row = Mapping[Place, Spent]


@dataclass
class Loads:
    """What loading took, one batch after the other in one thread.

    Attributes:
        samples: Of each sample, where samples are loaded one by one.
        batches: Of each batch; without what is known of its samples.
        sizes: The samples of each batch.
        first: Seconds that the first batch took, with all that is done once.
    """

    samples: list[Row] = field(default_factory=list)
    batches: list[Row] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    first: float = 0.0


def alone(sequence: Any, **changes: Any) -> Any:
    """Returns a copy that loads by itself, with other keywords if given."""
    plain = {"workers": 0, "use_multiprocessing": False, "cluster": None, "max_queue_size": None}
    return sequence.replace(**plain | changes)


def measure_loads(sequence: Any, seconds: float) -> Loads:
    """Loads batches for so many seconds, in the order of the epoch, and times their stages."""
    loads, recorder = Loads(), Recorder(ASSEMBLY)
    timed = _timed(alone(sequence), None)
    make = timed.make_sample

    def make_sample(index: int, draw: Any) -> Any:
        _add(outside, recorder.take())
        sample = make(index, draw)
        row = recorder.take()
        _add(outside, {ASSEMBLY: row.pop(ASSEMBLY, Spent(0.0, 0.0))})
        loads.samples.append(row)
        return sample

    outside: dict[Place, Spent] = {}
    vars(timed)["make_sample"] = make_sample
    began = time.perf_counter()
    runtime, epoch = timed._started(), timed._clock.epoch
    runtime.job(timed, epoch, [0]).run()  # Files are opened, packages imported.
    loads.first = time.perf_counter() - began
    began = time.perf_counter()
    with recorder.running():
        for number in range(1, 1 << 62):
            if number == 1:
                loads.samples.clear()
            outside.clear()
            turn, batch = divmod(number, runtime.num_batches)
            job = runtime.job(timed, epoch + turn, [batch])
            recorder.take()  # What makes the order is measured by itself.
            job.run()
            _add(outside, recorder.take())
            loads.batches.append(dict(outside))
            loads.sizes.append(len(job.indices))
            enough = time.perf_counter() - began > seconds or len(loads.samples) > _MOST_UNITS
            if enough and number >= _LEAST_BATCHES:
                break
    return loads


def _add(row: dict[Place, Spent], more: Row) -> None:
    for place, spent in more.items():
        row[place] = spent + row.get(place, (0.0, 0.0))


def order_seconds(sequence: Any) -> float:
    """What making the order of an epoch takes for each of its batches, at the least."""
    settings, n = sequence._settings, sequence.num_samples
    began = time.perf_counter()
    settings.order(n, sequence._clock.epoch + 1).slice(0, 1)
    return (time.perf_counter() - began) / int(sequence.num_batches)


def _timed(sequence: Any, part: str | None) -> Any:
    """Makes the hooks of a copy stages, and those of its parts."""
    given = vars(sequence)
    for hook in ("load_sample", "load_batch", "augment", "collate"):
        if sequence._writes(hook):
            given[hook] = stage(_name_of(sequence, hook))(getattr(sequence, hook))
    for method in ("_transformed", "_transformed_rows"):
        if hasattr(sequence, method):
            given[method] = stage("transform")(getattr(sequence, method))
    augment = sequence._settings.augment
    if augment is not None:
        sequence._settings = sequence._settings.replace({"augment": stage("augment")(augment)})
    if members := given.get("_members"):
        names = {id(part): name for name, part in sequence._named_parts}
        sequence._members = [_with_timed(member, names) for member in members]
    if part is not None:
        for hook in ("make_sample", "make_batch"):
            given[hook] = stage("join", part)(getattr(sequence, hook))
    return sequence


def _with_timed(value: Any, names: Mapping[int, str]) -> Any:
    """Returns a member of a join with timed copies in the place of sequences."""
    if hasattr(value, "make_sample"):
        return _timed(alone(value), names.get(id(value), value.called))
    if not isinstance(value, Holder):
        return value
    other = copy.copy(value)
    for name, each in vars(value).items():
        if isinstance(each, Holder):
            vars(other)[name] = _with_timed(each, names)
    return other


def _name_of(sequence: Any, hook: str) -> str:
    """A hook of the user's goes by its name; ours that load read, or put parts together."""
    module = getattr(getattr(type(sequence), hook), "__module__", None) or ""  # None where exec'd.
    if hook in ("augment", "collate") or not module.startswith("multiseq."):
        return hook
    return "join" if "_members" in vars(sequence) else "read"
