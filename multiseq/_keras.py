"""All that is known about Keras: the base class, its dtype, and what its calls mean.

This is the only module that imports Keras or tf_keras, and it does so when it must. In a process
that only loads samples it gives a bare stand-in for the base class, so that a worker starts
without TensorFlow.
"""

from __future__ import annotations

import inspect
import os
import sys
from types import FrameType
from typing import Any

import numpy as np

__all__ = [
    "Caller",
    "as_torch",
    "base_classes",
    "begins",
    "caller",
    "floatx",
    "layers",
    "outside",
    "reader",
    "stops_midway",
    "trains",
    "wants_torch",
]

_PURPOSES = ("fit", "evaluate", "predict", "_symbolic_build", "_maybe_symbolic_build")

IN_WORKER = "MULTISEQ_WORKER" in os.environ  # Set by engine.processes, for the start alone.


def base_classes() -> tuple[type, ...]:
    """Returns the classes that Keras, and tf_keras where it is in use, accept as sequences.

    Either rejects the other's class, and accepts one that inherits from both. tf_keras is in use
    when it was imported before, or when `TF_USE_LEGACY_KERAS` makes it `tf.keras`.
    """
    if IN_WORKER:
        return (object,)
    legacy = _is_legacy()
    bases: list[type] = []
    if not legacy or "keras" in sys.modules:
        import keras

        bases.append(keras.utils.PyDataset)
    if legacy or "tf_keras" in sys.modules:
        import tf_keras

        bases.append(tf_keras.utils.Sequence)
    return tuple(bases)


def _is_legacy() -> bool:
    return os.environ.get("TF_USE_LEGACY_KERAS", "").lower() in ("1", "true")


def layers() -> Any:
    """Returns `keras.layers`, or that of tf_keras where `TF_USE_LEGACY_KERAS` asks for it."""
    if _is_legacy():
        import tf_keras

        return tf_keras.layers
    import keras

    return keras.layers


def floatx() -> str:
    """Returns the float dtype of Keras' settings; float32 where Keras is not loaded."""
    for name in ("keras", "tf_keras"):
        if name in sys.modules:
            return str(sys.modules[name].backend.floatx())
    return "float32"


class Caller:
    """What a call from Keras is for."""

    USER = "user"
    KERAS = "keras"
    """Keras 3: loading, or at an epoch's beginning or end."""
    SIGNATURE = "signature"
    """Keras 3 on TensorFlow, which looks at the first two batches to learn their shapes, and
    tf_keras, which looks at the first."""
    LEGACY = "legacy"
    """tf_keras."""
    LEGACY_ENQUEUER = "legacy enqueuer"
    """tf_keras' background thread, which calls `on_epoch_end` beside the training loop."""


def caller(frame: FrameType) -> str:
    """Tells who calls, by the module that the calling frame belongs to.

    Keras' hooks are not a clock: they are called before the first epoch, in mid-epoch and after
    a build pass, and the same hook called by a user's own loop means something else. What tells
    them apart is who calls.
    """
    name = frame.f_globals.get("__name__", "")
    if "keras" not in name:
        return Caller.USER
    package, _, module = name.partition(".")
    if package == "keras":
        while frame.f_code.co_name == "<listcomp>" and frame.f_back is not None:
            frame = frame.f_back
        return Caller.SIGNATURE if frame.f_code.co_name == "get_tf_dataset" else Caller.KERAS
    if package == "tf_keras":
        if frame.f_code.co_name == "_peek_and_restore":
            return Caller.SIGNATURE
        enqueuer = module.endswith("utils.data_utils")
        return Caller.LEGACY_ENQUEUER if enqueuer else Caller.LEGACY
    return Caller.USER


def outside(sequence: object, frame: FrameType) -> FrameType:
    """Returns the frame that called a method of `sequence`, past the overrides of a subclass."""
    while frame.f_back is not None and frame.f_locals.get("self") is sequence:
        frame = frame.f_back
    return frame


def reader(frame: FrameType) -> object:
    """Returns the adapter through which Keras reads a sequence, one for each data argument.

    One sequence may be read by several: by that of training, and by that of validation amid it.
    """
    if "self" not in frame.f_locals and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_locals.get("self")


def begins(frame: FrameType) -> bool:
    """Whether Keras' frame is the generator that reads a pass; its first act is to ask how long."""
    return bool(frame.f_code.co_flags & inspect.CO_GENERATOR)


def trains(frame: FrameType | None) -> bool | None:
    """Tells whether Keras reads for `fit`, and not to evaluate, to predict, or to build the model.

    None where that cannot be seen: TensorFlow reads in threads of its own.
    """
    while frame is not None:
        name = frame.f_code.co_name
        if name in _PURPOSES and "keras" in frame.f_globals.get("__name__", ""):
            return name == "fit"
        frame = frame.f_back
    return None


def stops_midway(frame: FrameType) -> bool:
    """Whether Keras 3 ends an epoch in mid-pass, and will go on from there in the next.

    The number of batches it was served does not tell: TensorFlow prefetches.
    """
    iterator = frame.f_back.f_locals.get("self") if frame.f_back is not None else None
    return bool(getattr(iterator, "_steps_seen", 0))


def wants_torch() -> bool:
    """Whether Keras trains with torch, which copies NumPy arrays but takes its own as they are."""
    return "torch" in sys.modules and sys.modules["keras"].config.backend() == "torch"


def as_torch(batch: tuple[Any, ...]) -> tuple[Any, ...]:
    """Returns the same batch with torch tensors over the same memory; strings stay arrays."""
    return tuple(_as_torch(part) for part in batch)


def _as_torch(part: Any) -> Any:
    if isinstance(part, dict):
        return {name: _as_torch(leaf) for name, leaf in part.items()}
    if isinstance(part, tuple):
        return tuple(_as_torch(leaf) for leaf in part)
    if isinstance(part, np.ndarray) and part.dtype.kind in "fiub":
        return sys.modules["torch"].from_numpy(part)
    return part
