"""All that is known about Keras: the base class, its dtype, and what its calls mean.

This is the only module that imports Keras or tf_keras, and it does so when it must. In a process
that only loads samples it gives a bare stand-in for the base class, so that a worker starts
without TensorFlow.
"""

from __future__ import annotations

import os
import sys
from types import FrameType
from typing import Any

import numpy as np

__all__ = ["Caller", "as_torch", "base_classes", "caller", "floatx", "hook_caller", "wants_torch"]

IN_WORKER = "MULTISEQ_WORKER" in os.environ


def base_classes() -> tuple[type, ...]:
    """Returns the classes that Keras, and tf_keras where it is in use, accept as sequences.

    Either rejects the other's class, and accepts one that inherits from both. tf_keras is in use
    when it was imported before, or when `TF_USE_LEGACY_KERAS` makes it `tf.keras`.
    """
    if IN_WORKER:
        return (object,)
    legacy = os.environ.get("TF_USE_LEGACY_KERAS", "").lower() in ("1", "true")
    bases: list[type] = []
    if not legacy or "keras" in sys.modules:
        import keras

        bases.append(keras.utils.PyDataset)
    if legacy or "tf_keras" in sys.modules:
        import tf_keras

        bases.append(tf_keras.utils.Sequence)
    return tuple(bases)


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
    """Keras 3 on TensorFlow, which looks at the first two batches to learn their shapes."""
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
        enqueuer = module.endswith("utils.data_utils")
        return Caller.LEGACY_ENQUEUER if enqueuer else Caller.LEGACY
    return Caller.USER


def hook_caller(sequence: object) -> str:
    """Tells who calls a hook of `sequence`, past the overrides of a subclass."""
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_locals.get("self") is sequence:
        frame = frame.f_back
    return caller(frame)


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
