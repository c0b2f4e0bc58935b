"""Which of several processes this is, and whether batches would be shared out twice."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, NamedTuple

from . import _keras
from .errors import ArgumentError

__all__ = ["Shard", "check_share", "current_shard", "doubt_of"]

_TAKE_PART = ("chief", "worker")  # Of TensorFlow's tasks, in the order of their numbers.


class Shard(NamedTuple):
    """One of several shares of every batch, as `shard` takes it."""

    index: int  # type: ignore[assignment]  # In place of a tuple's methods, which nobody needs.
    count: int  # type: ignore[assignment]


def current_shard() -> Shard:
    """Returns which share of every batch is this process': (index, count), (0, 1) if it is alone.

        >>> train = train.shard(*multiseq.current_shard())

    Keras' distribution says it where one is set in several processes, as `DataParallel` and
    `ModelParallel` (where several processes may need the same rows). Otherwise whichever of these
    is there: a process group of `torch.distributed`; `jax.distributed`, once initialized; the
    variable `TF_CONFIG`; the variables `RANK` and `WORLD_SIZE`, as torchrun sets them. Nothing is
    imported or initialized for it, so call it when your program has joined the others.

    `MultiWorkerMirroredStrategy` takes each worker's rows out of whole batches by itself: leave
    sequences whole there.

    Raises:
        ArgumentError: Two of these disagree, or a variable is malformed.
    """
    if (own := _own_shard()) is not None:
        return own
    answers = {name: found for name, ask in _SOURCES.items() if (found := ask()) is not None}
    if len(set(answers.values())) > 1:
        raise ArgumentError(
            "it is not clear which of several processes this is",
            got="; ".join(f"{name}: {found[0]} of {found[1]}" for name, found in answers.items()),
            expected="the same number everywhere",
            fix="say it yourself, by shard(index, count); or unset the variable that is outdated",
        )
    return next(iter(answers.values()), Shard(0, 1))


def _distribution() -> Any:
    """Keras' distribution, where one is set in several processes; else None."""
    keras = sys.modules.get("keras")
    found = keras.distribution.distribution() if keras else None
    # Versions before 3.15 do not tell; none of them deals out batches.
    return found if getattr(found, "num_processes", 1) > 1 else None


def _own_shard() -> Shard | None:
    """Which share of a batch Keras' distribution awaits of this process.

    None where none is set in several processes, or this one does not tell.
    """
    if (found := _distribution()) is None:
        return None
    try:
        return Shard(found.data_shard_id, min(found.num_model_replicas, found.num_processes))
    except (AttributeError, NotImplementedError):  # Of an older Keras, or the user's own.
        return None


def _of_torch() -> Shard | None:
    group = sys.modules.get("torch.distributed")
    if group is None or not group.is_available() or not group.is_initialized():
        return None
    return Shard(group.get_rank(), group.get_world_size())


def _of_jax() -> Shard | None:
    jax = sys.modules.get("jax")
    if jax is None:
        return None
    if hasattr(jax.distributed, "is_initialized"):
        joined = jax.distributed.is_initialized()
    else:  # Older versions know, but do not say.
        joined = sys.modules["jax._src.distributed"].global_state.client is not None
    # One that has not joined others would begin to look for devices.
    return Shard(jax.process_index(), jax.process_count()) if joined else None


def _of_tf_config() -> Shard | None:
    text = os.environ.get("TF_CONFIG")
    if not text:
        return None
    try:
        config = json.loads(text)
        cluster, task = config.get("cluster", {}), config.get("task", {})
        counts = {kind: len(cluster.get(kind, ())) for kind in _TAKE_PART}
        if not sum(counts.values()) or task.get("type") not in _TAKE_PART:
            return None  # An evaluator, say, which reads everything.
        before = _TAKE_PART[: _TAKE_PART.index(task["type"])]
        index = sum(counts[kind] for kind in before) + int(task["index"])
        return _checked("TF_CONFIG", text, index, sum(counts.values()))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _malformed("TF_CONFIG", text) from error


def _of_launcher() -> Shard | None:
    rank, size = os.environ.get("RANK"), os.environ.get("WORLD_SIZE")
    if not rank or not size:
        return None
    name, text = "RANK and WORLD_SIZE", f"{rank} and {size}"
    try:
        return _checked(name, text, int(rank), int(size))
    except ValueError as error:
        raise _malformed(name, text) from error


_SOURCES: dict[str, Callable[[], Shard | None]] = {
    "torch.distributed": _of_torch,
    "jax.distributed": _of_jax,
    "TF_CONFIG": _of_tf_config,
    "RANK and WORLD_SIZE": _of_launcher,
}


def _checked(name: str, text: str, index: int, count: int) -> Shard:
    if not 0 <= index < count:
        raise _malformed(name, text)
    return Shard(index, count)


def _malformed(name: str, text: str) -> ArgumentError:
    return ArgumentError(
        f"{name} does not say which of several processes this is",
        got=text,
        fix="mend it, or unset it and say it yourself, by shard(index, count)",
    )


def check_share(share: tuple[int, int], frame: FrameType) -> str | None:
    """Looks whether Keras, which is about to read, shares out batches among processes as well.

    Args:
        share: (index, count) of the sequence.
        frame: Of Keras.

    Returns:
        What may be wrong, if anything; None otherwise.

    Raises:
        ArgumentError: Samples would be left out, or processes wait for one another forever.
    """
    doubt = doubt_of(share, _keras.model(frame) if share[1] > 1 else None)
    return doubt if doubt and _keras.purpose(frame) == "fit" else None


def doubt_of(share: tuple[int, int], model: object) -> str | None:
    """Looks whether a model that is trained would share out batches among processes as well.

    Args:
        share: (index, count) of the sequence.
        model: That is trained; None if it is not known.

    Returns:
        What may be wrong, if anything; None otherwise.

    Raises:
        ArgumentError: Samples would be left out, or processes wait for one another forever.
    """
    index, count = share
    own, distribution = _own_shard(), _distribution()
    takes_own = "seq.shard(*multiseq.current_shard())"
    got = f"shard({index}, {count})" if count > 1 else "a whole sequence"
    # Keras refuses it up to 3.15; later versions deal out whole batches, to one process perhaps one
    # more than to another, which then waits for it forever.
    if own is not None and own.count > 1 and distribution.auto_shard_dataset:
        raise ArgumentError(
            "Keras would deal out batches among processes: the rows of each are to be shared out",
            got=f"{got}, and auto_shard_dataset=True among {own.count} shares",
            fix="set keras.distribution.distribution().auto_shard_dataset = False"
            + ("" if count > 1 else f", and give fit {takes_own}"),
        )
    workers = _strategy_workers(model) if count > 1 else 1
    if workers > 1:
        raise ArgumentError(
            "TensorFlow takes each worker's rows out of a batch: a shard would be shared out again",
            got=f"{got}, and a MultiWorkerMirroredStrategy of {workers} workers",
            fix="leave the sequence whole, without shard()",
        )
    if own is not None and own != share:
        return (
            f"this process is to give share {own[0]} of {own[1]} of every batch to Keras' "
            f"distribution, and gives it {got}; use {takes_own}"
        )
    return None


def _strategy_workers(model: object) -> int:
    """Among how many workers TensorFlow shares out each batch that the model is fed."""
    strategy = getattr(model, "distribute_strategy", None)
    tensorflow = sys.modules.get("tensorflow")
    if strategy is None or tensorflow is None:
        return 1
    if not isinstance(strategy, tensorflow.distribute.MultiWorkerMirroredStrategy):
        return 1
    cluster = strategy.cluster_resolver.cluster_spec().as_dict()
    return sum(len(cluster.get(kind, ())) for kind in _TAKE_PART)
