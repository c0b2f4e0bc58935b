"""All that is known about Keras: the base class, its dtype, and what its calls mean.

This is the only module that imports Keras or tf_keras, and it does so when it must. In a process
that only loads samples, or prints its help, it gives a bare stand-in for the base class, so that
this starts without TensorFlow.
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from types import FrameType
from typing import Any

import numpy as np

from ._quiet import is_told_alone, quietly
from .errors import SpecError

__all__ = [
    "Caller",
    "as_torch",
    "base_classes",
    "begins",
    "caller",
    "callbacks",
    "facts",
    "floatx",
    "check_short",
    "is_around",
    "is_legacy",
    "is_short",
    "layers",
    "model",
    "on_tensorflow",
    "purpose",
    "random_state",
    "reader",
    "set_random_state",
    "stops_midway",
    "wants_torch",
    "with_text",
]

_PURPOSES = ("fit", "evaluate", "predict", "_symbolic_build", "_maybe_symbolic_build")
_PACKAGES = ("keras.", "tf_keras.")
_ENQUEUERS = ".utils.data_utils"
_READERS = (".py_dataset_adapter", ".engine.data_adapter", _ENQUEUERS)
_DEEPEST = 100  # Frames; a call from Keras comes through far fewer.

IN_WORKER = "MULTISEQ_WORKER" in os.environ  # Set for those of `engine`, to start with.


def base_classes() -> tuple[type, ...]:
    """Returns the classes that Keras, and tf_keras where it is in use, accept as sequences.

    Either rejects the other's class, and accepts one that inherits from both. tf_keras is in use
    when it was imported before, or when `TF_USE_LEGACY_KERAS` makes it `tf.keras`.
    """
    if IN_WORKER or is_told_alone():
        return (object,)
    legacy = is_legacy()
    bases: list[type] = []
    with quietly():
        if not legacy or "keras" in sys.modules:
            import keras

            bases.append(keras.utils.PyDataset)
        if legacy or "tf_keras" in sys.modules:
            import tf_keras

            bases.append(tf_keras.utils.Sequence)
    return tuple(bases)


def is_legacy() -> bool:
    """Whether `TF_USE_LEGACY_KERAS` asks for tf_keras."""
    return os.environ.get("TF_USE_LEGACY_KERAS", "").lower() in ("1", "true")


def layers() -> Any:
    """Returns `keras.layers`, or that of tf_keras where `TF_USE_LEGACY_KERAS` asks for it."""
    return _asked_for().layers


def callbacks() -> Any:
    """Returns `keras.callbacks`, or that of tf_keras where `TF_USE_LEGACY_KERAS` asks for it."""
    return _asked_for().callbacks


def _asked_for() -> Any:
    return importlib.import_module("tf_keras" if is_legacy() else "keras")


def random_state() -> Any:
    """Returns the state of random numbers that is in no variable, as an array; None without.

    On torch, layers without a seed draw from torch's global generator.
    """
    return sys.modules["torch"].get_rng_state().numpy() if _backend() == "torch" else None


def set_random_state(state: Any) -> None:
    """Goes back to what `random_state` returned."""
    sys.modules["torch"].set_rng_state(sys.modules["torch"].from_numpy(state))


def facts() -> dict[str, str]:
    """Returns what modules ask Keras at their top, of the packages that are imported.

    By the full name of each attribute or function: "keras.__version__", "keras.backend.backend".
    """
    modules = {name: sys.modules.get(name) for name in ("keras", "tensorflow", "tf_keras")}
    known = {
        f"{name}.__version__": getattr(each, "__version__", "")
        for name, each in modules.items()
        if each
    }
    for name in ("keras", "tf_keras"):
        if module := modules[name]:
            rooms = ["backend", "config"] if hasattr(module, "config") else ["backend"]
            for room in rooms:
                for question in ("backend", "floatx"):
                    if function := getattr(getattr(module, room), question, None):
                        known[f"{name}.{room}.{question}"] = function()
    return known


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


def caller(frame: FrameType) -> tuple[str, FrameType]:
    """Tells who calls, and from which frame: the nearest of Keras' that reads sequences.

    Keras' hooks are not a clock: they are called before the first epoch, in mid-epoch and after
    a build pass, and the same hook called by a user's own loop means something else. What tells
    them apart is who calls. Between Keras and a sequence there may be overrides, decorators and
    a `PyDataset` of the user's around it; what these are called does not matter. A callback is
    the user's, though Keras calls it.

    Args:
        frame: That called a method of the sequence.
    """
    nearest: FrameType | None = frame
    for _ in range(_DEEPEST):
        if nearest is None:
            break
        name = nearest.f_globals.get("__name__")
        if isinstance(name, str) and name.startswith(_PACKAGES):
            function = nearest.f_code.co_qualname
            if not function.startswith("PyDataset."):  # A method of one around this one.
                if nearest is frame or name.endswith(_READERS):
                    return _purpose(name, function), nearest
                break
        nearest = nearest.f_back
    return Caller.USER, frame


def _purpose(module: str, function: str) -> str:
    if module.startswith("keras."):
        return Caller.SIGNATURE if ".get_tf_dataset" in function else Caller.KERAS
    if function.endswith("_peek_and_restore"):
        return Caller.SIGNATURE
    return Caller.LEGACY_ENQUEUER if module.endswith(_ENQUEUERS) else Caller.LEGACY


def reader(frame: FrameType) -> object:
    """Returns the adapter through which Keras reads a sequence, one for each data argument.

    One sequence may be read by several: by that of training, and by that of validation amid it.
    None where Keras' own workers read a `PyDataset` of the user's: these know of no adapter.
    """
    if "self" not in frame.f_locals and frame.f_back is not None:
        frame = frame.f_back
    found = frame.f_locals.get("self")
    pooled = getattr(found, "enqueuer", None) is not None or hasattr(found, "ready_queue")
    return None if pooled else found


def is_around(adapter: object, sequence: object) -> bool:
    """Whether Keras 3 reads something of the user's, which reads the sequence."""
    return adapter is None or getattr(adapter, "py_dataset", sequence) is not sequence


def begins(frame: FrameType, direct: bool) -> bool | None:
    """Whether Keras' frame is about to read a pass: its first act is to ask how many batches.

    Args:
        frame: Of Keras.
        direct: Whether it asks itself, and not an override that it called for a batch.

    Returns:
        None where it is in the midst of reading one.
    """
    code = frame.f_code
    if code.co_name == "_finite_enqueuer_generator":  # Its workers have begun.
        return None
    reads = bool(code.co_flags & inspect.CO_GENERATOR) or code.co_name == "_run"
    if reads and not direct and len(frame.f_locals) > code.co_argcount + len(code.co_freevars):
        return None
    return reads


def purpose(frame: FrameType | None) -> str | None:
    """Tells what Keras reads for: "fit", "evaluate", "predict", or to build the model.

    None where that cannot be seen: TensorFlow reads in threads of its own.
    """
    method = _method(frame)
    return None if method is None else method.f_code.co_name


def _method(frame: FrameType | None) -> FrameType | None:
    """The frame of what the user called: `fit`, `evaluate` or `predict`."""
    while frame is not None:
        if frame.f_code.co_name in _PURPOSES:
            name = frame.f_globals.get("__name__")
            if isinstance(name, str) and name.startswith(_PACKAGES):
                return frame
        frame = frame.f_back
    return None


def model(frame: FrameType) -> object:
    """Returns the model that Keras reads for; None where that cannot be seen."""
    method = _method(frame)
    return None if method is None else method.f_locals.get("self")


def stops_midway(frame: FrameType) -> bool:
    """Whether Keras 3 says that an epoch has ended where no pass has.

    It does so before the first, and in mid-pass where it will go on from there in the next. The
    number of batches it was served does not tell: TensorFlow prefetches.
    """
    if frame.f_back is None:
        return False
    iterator = frame.f_back.f_locals.get("self")
    return frame.f_back.f_code.co_name == "reset" or bool(getattr(iterator, "_steps_seen", 0))


def _backend() -> str | None:
    """That of Keras 3; None where it is not loaded."""
    keras = sys.modules.get("keras")
    return keras.config.backend() if keras else None


def on_tensorflow() -> bool:
    """Whether Keras trains with TensorFlow, as tf_keras always does."""
    return is_legacy() or _backend() == "tensorflow"


def wants_torch() -> bool:
    """Whether Keras trains with torch, which copies NumPy arrays but takes its own as they are."""
    return _backend() == "torch"


def is_short() -> bool:
    """Whether Keras trains with JAX, which by default takes integers modulo 2^32."""
    return _backend() == "jax" and not sys.modules["jax"].config.jax_enable_x64


def check_short(batch: tuple[Any, ...]) -> None:
    """Raises SpecError where 32 bits do not hold the integers of a batch."""
    for name, part in zip(("inputs", "targets", "sample_weight"), batch, strict=False):
        _check_short(part, name)


def _check_short(part: Any, name: str) -> None:
    if isinstance(part, dict | tuple):
        for key, leaf in part.items() if isinstance(part, dict) else enumerate(part):
            _check_short(leaf, f"{name}[{key!r}]")
    elif part.dtype in (np.int64, np.uint64) and part.size:
        limits = np.iinfo(np.int32 if part.dtype.kind == "i" else np.uint32)
        if part.min() < limits.min or part.max() > limits.max:
            raise SpecError(
                f"{name} holds integers of more than 32 bits, of which JAX takes the lower 32",
                got=f"{part.dtype} from {part.min()} to {part.max()}",
                expected=f"integers from {limits.min} to {limits.max}",
                fix="number ids from 0 on, as Vocabulary does, and make floats of quantities; or "
                "call jax.config.update('jax_enable_x64', True) first",
            ).at(input=name)


def with_text(batch: tuple[Any, ...]) -> tuple[Any, ...]:
    """Returns a batch with its text as TensorFlow has it, whose own layers alone read text.

    Raises:
        SpecError: Keras runs on another backend.
    """
    if (backend := _backend()) != "tensorflow":
        raise SpecError(
            "a batch holds text, which Keras reads on TensorFlow alone",
            got=f"the {backend} backend",
            fix="make numbers of it before: TextSequence for words, numbers for classes",
        )
    return tuple(_with_text(part) for part in batch)


def _with_text(part: Any) -> Any:
    if isinstance(part, dict):
        return {name: _with_text(leaf) for name, leaf in part.items()}
    if isinstance(part, tuple):
        return tuple(_with_text(leaf) for leaf in part)
    if part.dtype.kind not in "UST":
        return part
    return sys.modules["tensorflow"].constant(part.astype(object))


def as_torch(batch: tuple[Any, ...]) -> tuple[Any, ...]:
    """Returns the same batch with torch tensors over the same memory; strings stay arrays.

    Of read-only arrays, copies.
    """
    return tuple(_as_torch(part) for part in batch)


def _as_torch(part: Any) -> Any:
    if isinstance(part, dict):
        return {name: _as_torch(leaf) for name, leaf in part.items()}
    if isinstance(part, tuple):
        return tuple(_as_torch(leaf) for leaf in part)
    if isinstance(part, np.ndarray) and part.dtype.kind in "fiub":
        # Read-only arrays are another's memory, and torch has no tensors that nobody writes to.
        return sys.modules["torch"].from_numpy(part if part.flags.writeable else part.copy())
    return part
